# Much at once, and what there is too little of: exits, deletions, ends by the hundred; pids, places in a directory, readers of
# the log.
# shellcheck shell=bash disable=SC2016 # $ in '…' is for other shells

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    # What was stopped must be there to be ended.
    pkill -CONT -F "$DIR/jobs/direct-events.pid" 2>/dev/null || :
    end_case
}

# exec_is SCRIPT: what an exec is instead of a runtime's; $name is its id. It must outlive the shell $$, which would reap it:
# then it is the shim's.
exec_is() {
    cat >"$FAKE_RUNC/exec.instead" <<SH
while [ "\$1" != --pid-file ]; do shift; done
name=\${2##*/}
name=\${name%.pid}
($1) </dev/null >/dev/null 2>&1 &
printf %s "\$!" >"\$2"
SH
}

# events -------------------------------------------------------------------------------------------

@test "P-01 P-02 P-06 five hundred processes die at once while nobody takes events: each exit is told once, truly, in order" {
    direct c1 sleep 1000
    exec_is 'exec sleep 1000'
    client "$(cat "$DIR/jobs/direct-events.pid")" "$(cat "$DIR/direct/c1/init.pid")" "$SHIM" >"$CASE/told" <<'PY'
import signal
events, init, shim = map(int, sys.argv[2:])
c, other = Connection(path, 60), Connection(path, 5)
signals = (signal.SIGHUP, signal.SIGABRT, signal.SIGKILL, signal.SIGUSR1, signal.SIGALRM, signal.SIGTERM)

def dirty():
    with open(f"/proc/{shim}/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))

def answers():
    assert other.call("State", id="c1", exec_id="")["status"] == 2
    other.call("Kill", id="c1", signal=0)

# Nobody reads, and the socket is there.
os.kill(events, signal.SIGSTOP)
names = [f"e{number}" for number in range(500)]
for name in names:
    c.call("Exec", id="c1", exec_id=name, spec=exec_spec("true"))
pids = {}
for first in range(0, len(names), 20):
    starts = {name: c.send("Task", "Start", {"id": "c1", "exec_id": name}) for name in names[first:first + 20]}
    for name, stream in starts.items():
        pids[name] = c.result("Start", stream)["pid"]
    answers()
waits = {name: c.send("Task", "Wait", {"id": "c1", "exec_id": name}) for name in names}
before = dirty()
for number, name in enumerate(names):
    os.kill(pids[name], signals[number % len(signals)])
answers()
told = {name: c.result("Wait", stream) for name, stream in waits.items()}
answers()
for number, name in enumerate(names):
    assert told[name]["exit_status"] == 128 + signals[number % len(signals)], (name, told[name])
assert dirty() - before < 1024, (before, dirty())
with open(f"/proc/{shim}/status") as lines:
    assert "\nThreads:\t1\n" in lines.read()
with open(f"/proc/{shim}/task/{shim}/children") as children:
    for child in children.read().split():
        with open(f"/proc/{child}/stat") as stat:
            assert ") Z " not in stat.read(), child
os.kill(init, signal.SIGKILL)
told["c1"] = c.call("Wait", id="c1")
for name, said in told.items():
    print(name, said["exit_status"], said["exited_at"]["seconds"], said["exited_at"].get("nanos", 0))
ended = time.time()
os.kill(events, signal.SIGCONT)
print(ended)
# Somebody comes: there is no reason to wait any longer.
Connection(path).call("Connect", id="c1")
PY
    wait_until -t 30 init_exit_arrived
    python3 - "$CASE/told" "$DIR/jobs/direct-events" <<'PY'
import json, sys
*told, (ended,) = [line.split() for line in open(sys.argv[1])]
told = {name: tuple(map(int, rest)) for name, *rest in told}
exits, stamps, order = [], [], {}
for line in open(sys.argv[2]):
    envelope = json.loads(line)
    event = envelope["event"]
    stamps.append((envelope["timestamp"]["seconds"], envelope["timestamp"].get("nanos", 0)))
    name = event.get("exec_id") or event.get("id")
    kinds = order.setdefault(name, [])
    # What was on its way when the consumer stopped is sent again: the first one.
    if kinds[-1:] != [event["@type"].rsplit(".Task")[-1]]:
        kinds.append(event["@type"].rsplit(".Task")[-1])
    if kinds[-1] == "Exit":
        exits.append(name)
        at = event["exited_at"]
        assert told[name] == (event["exit_status"], at["seconds"], at.get("nanos", 0)), event
assert len(exits) == len(told) == 501 and set(exits) == set(told), (len(exits), len(told))
assert exits[-1] == "c1"
assert stamps == sorted(stamps) and stamps[-1][0] <= float(ended)
assert all(order[name] == ["ExecAdded", "ExecStarted", "Exit"] for name in told if name != "c1")
PY
    rm "$FAKE_RUNC/exec.instead"
    client <<'PY'
c = Connection(path, 30)
for stream in [c.send("Task", "Delete", {"id": "c1", "exec_id": f"e{number}"}) for number in range(500)]:
    c.result("Delete", stream)
PY
    wait_until fds_at_most "$SHIM" "$(cat "$DIR/base/$SHIM")"
    # So many at once leave holes: the promise is for one after the other.
    rm "$DIR/base/$SHIM"
    wait_until memory_within "$SHIM" 512
}

init_exit_arrived() { grep TaskExit "$DIR/jobs/direct-events" | grep -q '"id": "c1"'; }

# pids ---------------------------------------------------------------------------------------------

@test "P-04 with a hundred pids for three hundred execs each has its own status, and a signal reaches nobody else" {
    kernel_since 6.14 || skip "before Linux 6.14 all namespaces have one pid_max"
    direct_bundle c1 sleep 1000
    event_server
    # After 400 they begin again at 300.
    background world unshare --pid --fork --mount-proc --kill-child bash -c '
        echo 400 >/proc/sys/kernel/pid_max && source "$1" && invoke c1 start </dev/null >"$CASE/out" && exec sleep 1000' \
        bash "$INTEGRATION/lib.bash"
    wait_until test -s "$CASE/out"
    [ "$(cat /proc/sys/kernel/pid_max)" -gt 400 ]
    SHIM=$(shim_pid c1)
    direct_run c1
    exec_is 'case $name in k*) exec sleep 1000 ;; esac; number=${name#e}
        tail --pid=$$ -s 0.001 -f /dev/null; sleep "0.00$((number % 10))"; exit $((number % 200))'
    client <<'PY'
c = Connection(path, 30)
pids, kept = [], []
for first in range(0, 300, 10):
    names = [f"e{number}" for number in range(first, first + 10)] + [f"k{first}"]
    for name in names:
        c.call("Exec", id="c1", exec_id=name, spec=exec_spec("true"))
    starts = [c.send("Task", "Start", {"id": "c1", "exec_id": name}) for name in names]
    pids += [c.result("Start", stream)["pid"] for stream in starts]
    for name in names[:-1]:
        assert c.call("Wait", id="c1", exec_id=name).get("exit_status", 0) == int(name[1:]) % 200, name
        # Its pid is another's by now, or will be.
        refused(5, "process already finished", c, "Kill", id="c1", exec_id=name, signal=9)
        c.call("Delete", id="c1", exec_id=name)
    kept.append(names[-1])
    if len(kept) > 5:
        name = kept.pop(0)
        c.call("Kill", id="c1", exec_id=name, signal=9)
        assert c.call("Wait", id="c1", exec_id=name)["exit_status"] == 137
        c.call("Delete", id="c1", exec_id=name)
for name in kept:
    assert c.call("State", id="c1", exec_id=name)["status"] == 2, name
    c.call("Kill", id="c1", exec_id=name, signal=9)
    assert c.call("Wait", id="c1", exec_id=name)["exit_status"] == 137
    c.call("Delete", id="c1", exec_id=name)
assert len(set(pids)) < 250, len(set(pids))
assert c.call("State", id="c1")["status"] == 2
PY
    rm "$FAKE_RUNC/exec.instead"
    direct_end c1
    stop_job world KILL
}

# version_two: the shim's machine has version 2 of cgroups alone, in a mount namespace of the shim's; it is in $CASE/two too.
version_two() {
    cat >"$CASE/containerd-shim-two" <<'SH'
#!/bin/sh
exec unshare -m sh -c 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh "$REAL_SHIM" "$@"
SH
    chmod +x "$CASE/containerd-shim-two"
    export REAL_SHIM=$SHIM_BINARY
    mkdir "$CASE/two"
    mount -t cgroup2 none "$CASE/two"
}

# pids_are PID...: what Pids says.
pids_are() {
    [ "$(rpc c1 Pids id=c1 | python3 -c 'import json, sys
print(*sorted(process["pid"] for process in json.load(sys.stdin)["processes"]))')" = "$(printf '%s\n' "$@" | sort -n | xargs)" ]
}

@test "P-32 the pids of a container whose cgroup has others in it, has threads in some of them, or was removed" {
    version_two
    direct_bundle c1 sleep 1000
    edit_spec c1 'spec["linux"]["cgroupsPath"] = "/'"$NS"'/c1"'
    SHIM_BINARY=$CASE/containerd-shim-two direct_start c1 </dev/null
    SHIM=$(shim_pid c1)
    direct_run c1
    local init pid
    init=$(cat "$DIR/direct/c1/init.pid")
    direct_exec c1 e1 sleep 1000
    pid=$(cat "$DIR/direct/c1/e1.pid")
    pids_are "$init" "$pid"
    local at=$CASE/two/$NS/c1
    mkdir -p "$at/a/b/c" "$at/empty"
    echo "$pid" >"$at/a/b/c/cgroup.procs"
    pids_are "$init" "$pid"
    echo "$pid" >"$at/cgroup.procs"
    rmdir "$at/a/b/c" "$at/a/b" "$at/a"
    mkdir "$at/threads"
    echo threaded >"$at/threads/cgroup.type"
    echo "$pid" >"$at/threads/cgroup.threads"
    fails 1 "" cat "$at/threads/cgroup.procs"
    pids_are "$init" "$pid"
    printf '%s\n' "$init" "$pid" | while read -r one; do echo "$one" >"$CASE/two/cgroup.procs"; done
    rmdir "$at/threads" "$at/empty" "$at"
    pids_are "$init" "$pid"
    # What the runtime cannot say, or does not, is no failure either.
    echo broken >"$FAKE_RUNC/ps.fail"
    pids_are "$init" "$pid"
    rm "$FAKE_RUNC/ps.fail"
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
    # With `all` it would be the runtime's, which has no cgroup to look into.
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    direct_end c1
    rmdir "$CASE/two/$NS"
    umount "$CASE/two"
}

# calls --------------------------------------------------------------------------------------------

@test "P-28 two Deletes in one breath get the same answer" {
    direct c1 sleep 1000
    client <<'PY'
connection = Connection(path)
connection.call("Kill", id="c1", signal=9)
connection.call("Wait", id="c1")
delete = request("containerd.task.v2.Task", "Delete", encode("DeleteRequest", {"id": "c1"}))
connection.send_raw(b"".join(frame(stream, REQUEST, delete) for stream in (1001, 1003)))
first, second = (connection.result("Delete", stream) for stream in (1001, 1003))
assert first == second and first["exit_status"] == 137, (first, second)
PY
    direct_end c1
}

@test "P-28 P-30 C-3.22 a Delete and a Shutdown that come during Create are carried out after it" {
    direct_bundle c1 sleep 1000
    for fault in '' fail; do
        direct_start c1 </dev/null
        SHIM=$(shim_pid c1)
        touch "$FAKE_RUNC/create.hold"
        [ -z "$fault" ] || echo broken >"$FAKE_RUNC/create.$fault"
        client "$DIR/direct/c1" "$FAKE_RUNC/create.hold" "$fault" <<'PY'
bundle, hold, fault = sys.argv[2:]
creator, other = Connection(path), Connection(path)
create = creator.send("Task", "Create", {"id": "c1", "bundle": bundle})
refused(5, "", other, "State", id="c1")
pids = other.send("Task", "Pids", {"id": "c1"})
delete = other.send("Task", "Delete", {"id": "c1"})
other.call("Shutdown", id="c1")
assert other.call("Connect", id="c1")["shim_pid"]
creator.close()
os.remove(hold)
try:
    assert len(other.result("Pids", pids)["processes"]) == 1 and not fault
except Failure as failure:
    assert failure.code == 5 and fault, failure
try:
    assert other.result("Delete", delete)["pid"] and not fault
except Failure as failure:
    assert failure.code == 5 and fault, failure
assert other.closed()
PY
        wait_until gone "$SHIM"
        [ ! -e "$(socket_of c1)" ]
        [ ! -e "/run/containerd/runc/$NS/c1" ]
    done
    rm "$FAKE_RUNC/create.fail"
}

@test "P-28 C-3.22 a Shutdown that comes during the last Delete is carried out after it, unless that fails" {
    direct c1 sleep 1000
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    for fault in fail ''; do
        touch "$FAKE_RUNC/delete.hold"
        rm -f "$FAKE_RUNC/delete.fail"
        [ -z "$fault" ] || echo broken >"$FAKE_RUNC/delete.$fault"
        client "$FAKE_RUNC/delete.hold" "$fault" <<'PY'
hold, fault = sys.argv[2:]
c = Connection(path)
delete = c.send("Task", "Delete", {"id": "c1"})
c.call("Shutdown", id="c1")
os.remove(hold)
if not fault:
    c.result("Delete", delete)
    assert c.closed()
    sys.exit()
try:
    c.result("Delete", delete)
except Failure as failure:
    assert "broken" in failure.message, failure
else:
    raise AssertionError("deleted")
assert c.call("State", id="c1")["status"] == 3
PY
    done
    wait_until gone "$SHIM"
}

@test "P-30 a Create that comes when the shim has begun to end is refused, and makes nothing" {
    direct c1 sleep 1000
    pkill -STOP -F "$DIR/jobs/direct-events.pid"
    client "$DIR/direct" <<'PY'
first, second = Connection(path), Connection(path)
second.call("Connect", id="c1")
first.call("Kill", id="c1", signal=9)
first.call("Wait", id="c1")
first.call("Delete", id="c1")
first.call("Shutdown", id="c1")
refused(14, "the shim is ending", second, "Create", id="c2", bundle=sys.argv[2] + "/c1")
PY
    pkill -CONT -F "$DIR/jobs/direct-events.pid"
    wait_until gone "$SHIM"
    [ ! -e "/run/containerd/runc/$NS/c2" ]
}

@test "P-30 P-31 of a Create that takes long a Delete is answered after ten seconds, and carried out all the same" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    SHIM=$(shim_pid c1)
    touch "$FAKE_RUNC/create.hold"
    client "$DIR/direct/c1" "$FAKE_RUNC/create.hold" <<'PY'
bundle, hold = sys.argv[2:]
connection = Connection(path)
create = connection.send("Task", "Create", {"id": "c1", "bundle": bundle})
refused(5, "container not created", connection, "Delete", id="c1")
connection.call("Shutdown", id="c1")
os.remove(hold)
connection.result("Create", create)
assert connection.closed()
PY
    wait_until gone "$SHIM"
    [ ! -e "/run/containerd/runc/$NS/c1" ]
}

@test "C-3.40 who waits for an exec hears how it ended, though its container is deleted before the output was read" {
    direct c1 sleep 1000
    mkfifo "$CASE/out"
    rpc c1 Exec "$(exec_fields c1 e1 sh -c 'seq 5000; exec sleep 1000')" stdout="$CASE/out" >/dev/null
    client "$CASE/out" <<'PY'
import fcntl, termios
reader = os.open(sys.argv[2], os.O_RDONLY | os.O_NONBLOCK)
connection = Connection(path)
connection.call("Start", id="c1", exec_id="e1")
while int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, bytes(4)), "little") < 20000:
    time.sleep(0.001)
waits = [connection.send("Task", "Wait", {"id": "c1", "exec_id": exec}) for exec in ("", "e1")]
connection.call("Kill", id="c1", signal=9)
connection.result("Wait", waits[0])
assert connection.call("Delete", id="c1")["exit_status"] == 137
assert connection.result("Wait", waits[1])["exit_status"] == 137
PY
    direct_end c1
}

@test "C-3.25 C-3.40 a Wait for an init whose start failed lasts until it ends" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    SHIM=$(shim_pid c1)
    direct_create c1 >/dev/null
    echo broken >"$FAKE_RUNC/start.fail"
    fails 2 broken rpc c1 Start id=c1
    rm "$FAKE_RUNC/start.fail"
    client <<'PY'
connection = Connection(path)
wait = connection.send("Task", "Wait", {"id": "c1"})
assert connection.call("State", id="c1")["status"] == 1
assert wait not in connection.waiting
connection.call("Kill", id="c1", signal=9)
assert connection.result("Wait", wait)["exit_status"] == 137
PY
    direct_end c1
}

@test "P-28 P-51 of many Deletes and Shutdowns at once each is answered alike or closed, and nothing is left" {
    direct c1 sleep 1000
    client <<'PY'
first = Connection(path)
waits = [first.send("Task", "Wait", {"id": "c1"}) for _ in range(100)]
many = [Connection(path, 10) for _ in range(40)]
for connection in many:
    connection.call("Connect", id="c1")
first.call("Kill", id="c1", signal=9)
for wait in waits:
    assert first.result("Wait", wait)["exit_status"] == 137
deletes = []
for number, connection in enumerate(many):
    deletes.append(connection.send("Task", "Delete", {"id": "c1"}))
    shutdown = connection.send("Task", "Shutdown", {"id": "c1", "now": True})
    # Some do not wait for an answer.
    if number % 4 == 3:
        connection.close()
known = 0
for number, connection in enumerate(many):
    if number % 4 == 3:
        continue
    try:
        assert connection.result("Delete", deletes[number])["exit_status"] == 137
        known += 1
    except Failure as failure:
        assert failure.code in (5, LOST), failure
assert known
try:
    first.call("Shutdown", id="c1", now=True)
except Failure as failure:
    assert failure.code == LOST, failure
assert first.closed()
PY
    wait_until -t 5 gone "$SHIM"
    [ ! -e "$(socket_of c1)" ]
    not test -e "$(cgroup_of c1)"
    wait_until topics_are c1 "create start exit delete"
}

@test "P-31 a shim that was stopped answers when it goes on" {
    direct c1 sleep 1000
    client "$SHIM" <<'PY'
import signal
c = Connection(path)
c.call("State", id="c1")
os.kill(int(sys.argv[2]), signal.SIGSTOP)
streams = [(method, c.send("Task", method, {"id": "c1"})) for method in ("State", "Pids", "Connect", "Stats")]
late = Connection(path)
streams += [("State", None)]
os.kill(int(sys.argv[2]), signal.SIGCONT)
for method, stream in streams:
    c.result(method, stream) if stream else late.call(method, id="c1")
PY
    budget "$SHIM"
}

@test "P-35 when the host tells all to end, shims end at once, and no container is told by them" {
    local pids=() id
    for id in c1 c2 c3; do
        direct_bundle "$id" sh -c 'trap "echo told >>/told" TERM INT HUP; while :; do sleep 0.05; done'
        edit_spec "$id" 'spec["root"]["path"] = "'"$CASE/$id"'"'
        cp -a "$ROOTFS" "$CASE/$id"
        direct_start "$id" </dev/null
        # containerd was told to end first, and does not hear of the last.
        [ "$id" != c3 ] || stop_job direct-events KILL
        direct_run "$id"
        pids+=("$(shim_pid "$id")")
    done
    kill -TERM "${pids[@]}"
    kill -TERM "${pids[@]}" 2>/dev/null || :
    # Their events are not delivered any more; a second is for trying.
    all_gone() { for pid in "${pids[@]}"; do gone "$pid" || return; done; }
    wait_until -t 2 all_gone
    for id in c1 c2 c3; do
        alive "$(cat "$DIR/direct/$id/init.pid")"
        [ ! -e "$CASE/$id/told" ]
        [ ! -e "$(socket_of "$id")" ]
        invoke "$id" delete >/dev/null
        grep -q '^exit 137 ' "$DIR/direct/$id/init.life"
    done
}

# room ---------------------------------------------------------------------------------------------

@test "P-68 in a full directory State, Kill, Wait and Delete work, an exec is refused, and is not once there is room" {
    mkdir "$DIR/direct/c1"
    mount -t tmpfs -o size=64k tmpfs "$DIR/direct/c1"
    direct c1 sleep 1000
    cat /dev/zero >"$DIR/direct/c1/fill" 2>/dev/null || :
    local before
    before=$(shim_ticks)
    client <<'PY'
c = Connection(path)
c.call("Exec", id="c1", exec_id="e1", spec=exec_spec("sh", "-c", "exit 3"))
try:
    c.call("Start", id="c1", exec_id="e1")
    raise SystemExit("there was room")
except Failure as failure:
    assert failure.code == 2, failure
for _ in range(20):
    assert c.call("State", id="c1")["status"] == 2
    assert c.call("Pids", id="c1")["processes"]
    c.call("Kill", id="c1", signal=0)
PY
    rm "$DIR/direct/c1/fill"
    rpc c1 Start id=c1 exec_id=e1
    [[ $(rpc c1 Wait id=c1 exec_id=e1) == *'"exit_status": 3'* ]]
    rpc c1 Delete id=c1 exec_id=e1
    cat /dev/zero >"$DIR/direct/c1/fill" 2>/dev/null || :
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    [[ $(rpc c1 Delete id=c1) == *'"exit_status": 137'* ]]
    # A second of work would be a loop.
    [ $(($(shim_ticks) - before)) -lt "$(getconf CLK_TCK)" ]
    rpc c1 Shutdown id=c1
    wait_until gone "$SHIM"
    stop_job log-c1
    umount "$DIR/direct/c1"
}

# shim_ticks: the processor time that the shim has had.
shim_ticks() { sed 's/.*) //' "/proc/$SHIM/stat" | awk '{ print $12 + $13 }'; }

@test "P-77 a log that nobody reads holds up nothing, and then says what it lacks" {
    direct c1 sleep 1000
    kill -STOP "$(cat "$DIR/jobs/log-c1.pid")"
    client <<'PY'
c = Connection(path, 5)
for number in range(100):
    refused(5, "no such directory", c, "Create", id="c2", bundle="/none/" + "x" * 200 + "/" + "y" * 3000)
    assert c.call("State", id="c1")["status"] == 2
PY
    kill -CONT "$(cat "$DIR/jobs/log-c1.pid")"
    wait_until grep -q 'msg="create" id=c2' "$DIR/jobs/log-c1"
    # The first line that gets through.
    kill -USR1 "$SHIM"
    wait_until grep -q ' dropped=[0-9]*$' "$DIR/jobs/log-c1"
    budget "$SHIM"
}
