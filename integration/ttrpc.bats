# The wire and the event forwarding: contract C-2.x, checklist T-060 … T-072.
# Raw frames of the independent client, to a shim without containerd.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# A shim without a container, for what needs none.
bare() {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null >/dev/null
    SHIM=$(shim_pid c1)
    rpc c1 Connect id=c1 >/dev/null
    budget_baseline "$SHIM"
}

# frames ----------------------------------------------------------------------------------------------

@test "T-060 C-2.4 P-48 a frame above 4 MiB is answered RESOURCE_EXHAUSTED and the connection goes on" {
    bare
    client <<'PY'
c = Connection(path)
for size in (MAXIMUM + 1, 9 << 20):
    c.send_raw(frame(c.next, REQUEST, b"x" * size))
    try:
        c.answer(c.next)
        raise SystemExit("accepted")
    except Failure as failure:
        assert failure.code == 8, failure
        assert failure.message == f"message length {size} exceed maximum message size of 4194304", failure
    c.next += 2
assert c.call("Connect", id="c1")["shim_pid"]
PY
    budget "$SHIM"
}

@test "T-060 C-2.4 a frame of exactly 4 MiB is accepted" {
    bare
    client <<'PY'
c = Connection(path)
head = request("Task", "Connect", encode("ConnectRequest", {"id": "c1"}))
fill = MAXIMUM - len(head)
# An unknown field fills the request up.
body = head + field(99, b"x" * (fill - len(field(99, b"x" * (fill - 8))) + fill - 8))
assert len(body) == MAXIMUM, len(body)
c.send_raw(frame(1, REQUEST, body))
assert c.result("Connect", 1)["shim_pid"]
PY
}

@test "T-061 C-2.5 P-49 an empty reply is a bare header of ten bytes" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
c.send("Task", "Shutdown", {"id": "c1"}, stream=0x01020305)
assert c.exactly(10, time.monotonic() + 10) == bytes.fromhex("00000000 01020305 02 00")
c.send("Task", "Kill", {"id": "c1", "signal": 0}, stream=7)
assert c.exactly(10, time.monotonic() + 10) == bytes.fromhex("00000000 00000007 02 00")
try:
    c.receive(0.05)
    raise SystemExit("something followed")
except Failure as failure:
    assert failure.code == TIMEOUT
PY
}

@test "C-2.5 C-3.99 the reply to Connect is only a payload" {
    bare
    client "$SHIM" <<'PY'
c = Connection(path)
c.send("Task", "Connect", {"id": "c1"})
_, kind, flags, body = c.receive()
pid = varint(int(sys.argv[2]))
assert (kind, flags) == (RESPONSE, 0)
assert body == field(2, b"\x08" + pid), body.hex()
PY
}

@test "C-2.10 a body without a field, and a service without a name, are refused by name" {
    bare
    client <<'PY'
c = Connection(path)
c.send_raw(frame(1, REQUEST))
try:
    c.answer(1)
    raise SystemExit("accepted")
except Failure as failure:
    assert failure.code == 12, failure
assert c.call("Connect", id="c1")["shim_pid"]
PY
}

@test "T-062 C-2.20 an even stream id is INVALID_ARGUMENT" {
    bare
    client <<'PY'
c = Connection(path)
for stream in (2, 0):
    c.send("Task", "Connect", {"id": "c1"}, stream=stream)
    try:
        c.answer(stream)
        raise SystemExit("accepted")
    except Failure as failure:
        assert str(failure) == "3 StreamID must be odd for client initiated streams", failure
assert c.call("Connect", id="c1")["shim_pid"]
PY
}

@test "T-063 C-2.21 odd stream ids may come in any order" {
    bare
    client <<'PY'
c = Connection(path)
for stream in (9, 3, 1, 0xFFFFFFFF, 5):
    c.send("Task", "Connect", {"id": "c1"}, stream=stream)
    assert c.result("Connect", stream)["shim_pid"]
PY
}

@test "C-2.21 a stream id that is waiting cannot be used again" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
c.send("Task", "Wait", {"id": "c1"}, stream=5)
c.send("Task", "Connect", {"id": "c1"}, stream=5)
stream, _, _, body = c.receive()
assert stream == 5
assert decode("Response", body)["status"]["code"] == 3, body
PY
}

@test "T-064 C-2.23 unknown services and methods are UNIMPLEMENTED, with their names" {
    bare
    client <<'PY'
c = Connection(path)
for service, method, text in (("foo.Bar", "Zap", "service foo.Bar"), ("Task", "Zap", "method Zap"),
                              ("Task", "state", "method state"),
                              ("containerd.task.v4.Task", "State", "service containerd.task.v4.Task"),
                              ("containerd.task.v2.Task/State", "State", "service containerd.task.v2.Task/State")):
    try:
        c.answer(c.send(service, method, b""))
        raise SystemExit(f"{service}/{method} accepted")
    except Failure as failure:
        assert str(failure) == f"12 {text}", failure
PY
}

@test "C-2.22 a request that is no protobuf is INVALID_ARGUMENT, a payload INTERNAL" {
    bare
    client <<'PY'
c = Connection(path)
bad = b"\x0a\xff\xff\xff\xff\x0f"
c.send_raw(frame(1, REQUEST, bad))
try:
    c.answer(1)
    raise SystemExit("accepted")
except Failure as failure:
    assert failure.code == 3 and failure.message.startswith("unmarshal request error:"), failure
c.next = 3
try:
    c.answer(c.send("Task", "State", bad))
    raise SystemExit("accepted")
except Failure as failure:
    assert failure.code == 13 and failure.message.startswith("ttrpc: error unmarshalling payload:"), failure
assert c.call("Connect", id="c1")["shim_pid"]
PY
}

@test "C-2.2 C-2.29 P-50 unknown frame types are passed over; Data of no stream is refused" {
    bare
    client <<'PY'
c = Connection(path)
c.send_raw(frame(1, 9, b"whatever") + frame(3, 0, b"x" * 100000))
assert c.call("Connect", id="c1")["shim_pid"]
c.send_raw(frame(77, DATA, b"data"))
stream, _, _, body = c.receive()
assert stream == 77 and decode("Response", body)["status"]["code"] == 3
assert c.call("Connect", id="c1")["shim_pid"]
PY
}

@test "C-2.29 C-2.30 a unary method answers a request that carries streaming flags" {
    bare
    client <<'PY'
c = Connection(path)
for stream, flags in ((1, 1), (3, 2)):
    c.send_raw(frame(stream, REQUEST, request("Task", "Connect", encode("ConnectRequest", {"id": "c1"})), flags))
    assert c.result("Connect", stream)["shim_pid"]
PY
}

@test "C-2.14 unknown metadata and unknown fields are ignored" {
    bare
    client <<'PY'
c = Connection(path)
payload = encode("ConnectRequest", {"id": "c1"}) + field(200, b"new") + varint(201 << 3) + varint(1)
stream = c.send("Task", "Connect", payload, metadata={"traceparent": "00-x", "containerd-namespace-ttrpc": "other"})
assert c.result("Connect", stream)["shim_pid"]
PY
}

@test "C-2.13 P-52 the deadline of a Wait is answered DEADLINE_EXCEEDED or not at all, and the shim goes on" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
stream = c.send("Task", "Wait", {"id": "c1"}, timeout_nano=100_000_000)
try:
    c.answer(stream, patience=1)
    raise SystemExit("answered")
except Failure as failure:
    assert failure.code in (4, TIMEOUT), failure
assert c.call("State", id="c1")["status"] == 2
PY
}

@test "C-2.1 frames arrive whole however they are cut" {
    bare
    client <<'PY'
c = Connection(path)
whole = frame(1, REQUEST, request("Task", "Connect", encode("ConnectRequest", {"id": "c1"})))
for at in range(len(whole)):
    c.send_raw(whole[at:at + 1])
assert c.result("Connect", 1)["shim_pid"]
c.send_raw(b"".join(frame(stream, REQUEST, whole[10:]) for stream in range(3, 403, 2)))
for stream in range(3, 403, 2):
    assert c.result("Connect", stream)["shim_pid"]
PY
}

# connections -----------------------------------------------------------------------------------------

@test "T-065 C-2.24 P-44 two hundred pending Waits do not hold up State" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
waits = [c.send("Task", "Wait", {"id": "c1"}) for _ in range(200)]
assert c.call("State", id="c1", patience=5)["status"] == 2
c.call("Kill", id="c1", signal=9)
statuses = {str(c.result("Wait", wait, 20)) for wait in waits}
assert len(statuses) == 1 and "'exit_status': 137" in statuses.pop()
PY
    budget "$SHIM"
}

@test "C-2.24 requests of many connections are answered side by side" {
    direct c1 sleep 1000
    client <<'PY'
connections = [Connection(path) for _ in range(100)]
waits = [c.send("Task", "Wait", {"id": "c1"}) for c in connections]
states = [c.send("Task", "State", {"id": "c1"}) for c in connections]
assert all(c.result("State", s)["status"] == 2 for c, s in zip(connections, states))
connections[0].call("Kill", id="c1", signal=9)
assert all(c.result("Wait", w)["exit_status"] == 137 for c, w in zip(connections, waits))
PY
    budget "$SHIM"
}

@test "T-066 C-2.25 P-43 connections without a byte are harmless" {
    bare
    python3 "$INTEGRATION/ttrpc.py" "$(socket_of c1)" probe "${PROBES:-10000}"
    rpc c1 Connect id=c1
    budget "$SHIM"
}

@test "T-067 C-2.6 garbage ends only its own connection" {
    direct c1 sleep 1000
    client <<'PY'
import random
random.seed(1)
other = Connection(path)
wait = other.send("Task", "Wait", {"id": "c1"})
for _ in range(5):
    c = Connection(path)
    try:
        c.send_raw(random.randbytes(100000))
        c.half_close()
    except (Failure, OSError):
        pass
    c.closed()
assert other.call("State", id="c1")["status"] == 2
other.call("Kill", id="c1", signal=9)
assert other.result("Wait", wait)["exit_status"] == 137
PY
    budget "$SHIM"
}

@test "C-2.6 an end inside a header or a body is silent" {
    bare
    client <<'PY'
whole = frame(1, REQUEST, request("Task", "Connect", b""))
for cut in (1, 9, 10, 11, len(whole) - 1):
    c = Connection(path)
    c.send_raw(whole[:cut])
    c.half_close()
    assert c.closed()
assert Connection(path).call("Connect", id="c1")["shim_pid"]
PY
    budget "$SHIM"
}

@test "C-2.26 a half-closed peer is let go" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
c.send("Task", "Wait", {"id": "c1"})
c.half_close()
assert c.closed()
PY
    budget "$SHIM"
}

@test "C-2.27 P-47 a lost connection takes its Waits with it, and no operation" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/exec.hold"
    client "$(exec_fields c1 e1 sleep 1000)" <<'PY'
c = Connection(path)
c.call("Exec", json.loads(sys.argv[2]))
c.send("Task", "Wait", {"id": "c1"})
c.send("Task", "Start", {"id": "c1", "exec_id": "e1"})
time.sleep(0.1)
PY
    rm "$FAKE_RUNC/exec.hold"
    wait_until exec_running c1 e1
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
    budget "$SHIM"
}

exec_running() { [[ $(rpc "$1" State id="$1" exec_id="$2") == *'"status": 2'* ]]; }

@test "P-45 a peer that never reads its answers does not hold up the others" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
c.socket.settimeout(0.2)
body = request("Task", "State", encode("StateRequest", {"id": "c1"}))
try:
    for stream in range(1, 200001, 2):
        c.send_raw(frame(stream, REQUEST, body))
except Failure:
    pass
other = Connection(path)
for _ in range(20):
    assert other.call("State", id="c1", patience=5)["status"] == 2
PY
    rpc c1 State id=c1
}

@test "T-068 C-2.28 P-43 running out of descriptors does not end the accepting" {
    bare
    limit=$(($(fd_count "$SHIM") + 20))
    prlimit --pid "$SHIM" --nofile="$limit:"
    client <<'PY'
many = [Connection(path) for _ in range(100)]
time.sleep(0.2)
for c in many:
    c.close()
PY
    wait_until answers
    prlimit --pid "$SHIM" --nofile=1024:
    budget "$SHIM"
}

answers() { rpc c1 --patience 2 Connect id=c1; }

# events ----------------------------------------------------------------------------------------------

# one event's field, by a Python expression over `e` (the line) and `events` (all lines).
event_check() {
    python3 - "$DIR/jobs/direct-events" "$1" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    events = [json.loads(line) for line in file]
for e in events:
    assert eval(sys.argv[2]), (sys.argv[2], e)
assert events
PY
}

@test "T-069 C-2.41 C-2.42 a forwarded event has its namespace, deadline, timestamp and topic" {
    direct c1 sleep 1000
    wait_until topics_are c1 "create start"
    event_check 'e["call"] == "containerd.services.events.ttrpc.v1.Events/Forward"'
    NS=$NS event_check 'e["metadata"] == {"containerd-namespace-ttrpc": e["namespace"]}'
    grep -q "\"namespace\": \"$NS\"" "$DIR/jobs/direct-events"
    # Go counts the 5 s down from before the encoding.
    event_check '4_000_000_000 < e["timeout_nano"] <= 5_000_000_000'
    event_check 'e["timestamp"]["seconds"] > 1_700_000_000'
    event_check 'e["topic"].startswith("/tasks/")'
}

@test "T-070 C-2.42 the type of an event is its bare name" {
    direct c1 sleep 1000
    wait_until topics_are c1 "create start"
    event_check 'e["event"]["@type"] in ("containerd.events.TaskCreate", "containerd.events.TaskStart")'
}

@test "C-3.70 the events carry what they promise" {
    direct_bundle c1 sh -c 'exit 7'
    direct_start c1 </dev/null
    direct_run c1
    rpc c1 Wait id=c1
    init=$(cat "$DIR/direct/c1/init.pid")
    rpc c1 Delete id=c1
    wait_until topics_are c1 "create start exit delete"
    python3 - "$DIR/jobs/direct-events" "$init" "$DIR/direct/c1" <<'PY'
import json, sys
create, start, exit, delete = (json.loads(line)["event"] for line in open(sys.argv[1]))
pid = int(sys.argv[2])
assert create["bundle"] == sys.argv[3] and create["pid"] == pid and "io" in create, create
assert start == {"@type": "containerd.events.TaskStart", "container_id": "c1", "pid": pid}, start
assert (exit["id"], exit["pid"], exit["exit_status"]) == ("c1", pid, 7), exit
assert (delete["pid"], delete["exit_status"]) == (pid, 7) and "id" not in delete, delete
assert exit["exited_at"] == delete["exited_at"]
PY
    rpc c1 Shutdown id=c1
}

@test "T-071 C-2.45 P-03 events wait for an event service that is away, and come in order" {
    direct_bundle c1 sh -c 'exit 3'
    NO_EVENTS=1 direct_start c1 </dev/null
    direct_run c1
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 3'* ]]
    event_server
    wait_until -t 30 topics_are c1 "create start exit"
}

@test "T-071 C-2.45 an event that was not acknowledged is sent again" {
    event_server --close-after 2
    direct_bundle c1 sh -c 'exit 3'
    direct_start c1 </dev/null
    direct_run c1
    rpc c1 Wait id=c1
    wait_until -t 30 topics_are c1 "create start start exit"
}

@test "P-02 a mute event service holds up no call and no exit" {
    event_server --mute
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_run c1
    for i in 1 2 3 4 5; do
        direct_exec c1 "e$i" sh -c "exit $i"
        [[ $(rpc c1 --patience 5 Wait id=c1 exec_id="e$i") == *"\"exit_status\": $i"* ]]
        rpc c1 Delete id=c1 exec_id="e$i"
    done
    rpc c1 --patience 5 State id=c1
    # Once it speaks again, everything arrives. The first is the one it was mute about.
    stop_job direct-events
    event_server
    expected="create start"
    for i in 1 2 3 4 5; do expected+=" exec-added exec-started exit"; done
    wait_until -t 40 ends_with_topics c1 "$expected"
}

@test "P-03 C-2.44 events of an outage beyond what memory holds are delivered, in order, with the times they happened" {
    NO_EVENTS=1 direct c1 sleep 1000
    outage_execs "${OUTAGE_EXECS:-100}"
    # They are in a file of the bundle's work folder that has no name.
    [[ $(readlink "/proc/$SHIM/fd"/*) == *"$DIR/direct/c1/work/"*" (deleted)"* ]]
    [ -z "$(ls -A "$DIR/direct/c1/work")" ]
    back=$(date +%s.%N)
    event_server
    wait_until -t 30 event_count_is $((2 + 3 * ${OUTAGE_EXECS:-100}))
    python3 - "$DIR/jobs/direct-events" "${OUTAGE_EXECS:-100}" "$back" <<'PY'
import json, sys
told = [json.loads(line) for line in open(sys.argv[1])]
expected = ["create", "start"] + ["exec-added", "exec-started", "exit"] * int(sys.argv[2])
assert [one["topic"] for one in told] == ["/tasks/" + word for word in expected]
assert [one["event"].get("exec_id") or one["event"]["id"] for one in told[2:]] == [
    f"e{number}" for number in range(int(sys.argv[2])) for _ in range(3)]
times = [(one["timestamp"]["seconds"], one["timestamp"].get("nanos", 0)) for one in told]
assert times == sorted(times) and times[-1][0] + times[-1][1] / 1e9 < float(sys.argv[3]), (times[-1], sys.argv[3])
PY
    wait_until no_event_file
    # There is a connection now that was not there before.
    budget_baseline "$SHIM"
}

# outage_execs COUNT: e0, e1, … in c1, one after the other, by a runtime that takes no time.
outage_execs() {
    touch "$FAKE_RUNC/exec.fast"
    client "$1" <<'PY'
connection = Connection(path)
for number in range(int(sys.argv[2])):
    connection.call("Exec", id="c1", exec_id=f"e{number}", spec=exec_spec("true"))
    connection.call("Start", id="c1", exec_id=f"e{number}")
    connection.call("Wait", id="c1", exec_id=f"e{number}")
    connection.call("Delete", id="c1", exec_id=f"e{number}")
PY
}

event_count_is() { [ "$(wc -l <"$DIR/jobs/direct-events")" -eq "$1" ]; }
no_event_file() { [[ $(readlink "/proc/$SHIM/fd"/*) != *"(deleted)"* ]]; }

@test "P-03 P-68 without a place for them they are kept in memory, and the log says so" {
    direct_bundle c1 sleep 1000
    rmdir "$DIR/direct/c1/work"
    # shellcheck disable=SC2016 # expanded by that shell
    unshare --mount bash -c 'mount -t tmpfs -o ro none /var/tmp && source "$1" && invoke c1 start' \
        bash "$INTEGRATION/lib.bash" </dev/null
    direct_run c1
    outage_execs 30
    grep -q "events are kept in memory: open a file in /var/tmp: read-only file system" "$DIR/jobs/log-c1"
    event_server
    expected="create start"
    for i in $(seq 30); do expected+=" exec-added exec-started exit"; done
    wait_until -t 30 topics_are c1 "$expected"
}

# The first event may be known already from before the service was mute.
ends_with_topics() {
    [ "$(direct_topics "$1")" = "$2 " ] || [ "$(direct_topics "$1")" = "${2#create } " ]
}

@test "C-2.46 an event service that refuses everything does no harm" {
    event_server --error 3
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_run c1
    rpc c1 Kill id=c1 signal=9
    rpc c1 --patience 10 Wait id=c1
    rpc c1 Delete id=c1
    pid=$(shim_pid c1)
    rpc c1 Shutdown id=c1
    # It may try again, within the bound of the shutdown.
    wait_until -t 30 gone "$pid"
}

@test "T-072 C-2.48 the last TaskDelete is delivered before the shim ends" {
    direct c1 sleep 1000
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    rpc c1 Shutdown id=c1
    wait_until -t 20 gone "$SHIM"
    [ "$(direct_topics c1)" = "create start exit delete " ]
}
