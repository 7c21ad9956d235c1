# The task API: contract C-3.x, checklist T-080 … T-119.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

SHARED_PIDS='spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "pid"]'

# states and texts ------------------------------------------------------------------------------------

@test "T-080 C-3.20 Create gives a CREATED task with its pid, in the reply, the state and the event" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    pid=$(rpc c1 Create id=c1 bundle="$DIR/direct/c1")
    pid=${pid//[^0-9]/}
    [ "$pid" = "$(cat "$DIR/direct/c1/init.pid")" ]
    run rpc c1 State id=c1
    [ "$output" = '{"id": "c1", "bundle": "'"$DIR/direct/c1"'", "pid": '"$pid"', "status": 1, "exited_at": {"seconds": -62135596800}}' ]
    wait_until grep -q "TaskCreate.*\"pid\": $pid}" "$DIR/jobs/direct-events"
    [ "$(rpc c1 Connect id=c1)" = "{\"shim_pid\": $(shim_pid c1), \"task_pid\": $pid}" ]
    budget "$(shim_pid c1)"
}

# bats test_tags=core
@test "T-080 C-3.27 ctr sees created, then running, with one pid" {
    ctr container create --runtime "$SHIM_RUNTIME" --env PATH=/bin --rootfs "$ROOTFS" c1 sleep 1000
    ctr task start -d --null-io c1 3>&- 4>&-
    task_is c1 RUNNING
    pid=$(task_pid c1)
    [ "$pid" = "$(cat "$(bundle c1)/init.pid")" ]
    wait_until runs "$pid" "sleep 1000 "
    budget_baseline "$(shim_pid c1)"
}

# bats test_tags=direct
@test "C-3.11 what a created task refuses and allows" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_create c1
    direct_exec c1 e1 sh -c 'exit 4'
    [[ $(rpc c1 Wait id=c1 exec_id=e1) == *'"exit_status": 4'* ]]
    rpc c1 Start id=c1
    fails 2 "cannot start a running process" rpc c1 Start id=c1
}

# bats test_tags=direct
@test "C-3.11 what a running task refuses" {
    direct c1 sleep 1000
    fails 2 "cannot start a running process" rpc c1 Start id=c1
    fails 2 "cannot delete a running process" rpc c1 Delete id=c1
    fails 6 "already exists" direct_create c1
    state_is c1 2
}

# bats test_tags=direct
@test "C-3.11 C-3.99 what a stopped task refuses" {
    direct c1 sh -c 'exit 3'
    rpc c1 Wait id=c1
    state_is c1 3
    fails 2 "cannot start a stopped process" rpc c1 Start id=c1
    fails 5 "process already finished: not found" rpc c1 Kill id=c1 signal=9
    fails 2 "cannot exec in a stopped state" rpc c1 Exec "$(exec_fields c1 e1 true)"
    # It is kept, and its status with it, by a containerd that comes back, for it is not without processes (C-1.57).
    [ "$(rpc c1 Pids id=c1)" = "{\"processes\": [{\"pid\": $(cat "$DIR/direct/c1/init.pid")}]}" ]
}

# bats test_tags=direct
@test "T-088 C-3.3 unknown containers and execs are NOT_FOUND in every call" {
    direct c1 sleep 1000
    for method in State Start Delete Pids Kill Wait ResizePty CloseIO; do
        fails 5 "container not created: not found" rpc c1 "$method" id=nope
    done
    fails 5 "container not created: not found" rpc c1 Exec "$(exec_fields nope e1 true)"
    for method in State Start Delete Kill Wait ResizePty CloseIO; do
        fails 5 "process does not exist nope: not found" rpc c1 "$method" id=c1 exec_id=nope
    done
}

# bats test_tags=direct
@test "T-107 C-3.46 Connect never fails, also for an unknown id" {
    direct c1 sleep 1000
    [ "$(rpc c1 Connect id=nope)" = "{\"shim_pid\": $SHIM}" ]
}

@test "T-089 C-3.11 delete of a running task is refused and the task stays" {
    idle c1
    run ctr task rm c1
    [ "$status" -ne 0 ]
    task_is c1 RUNNING
}

# bats test_tags=direct
@test "T-090 C-3.29 delete of a created task works, TaskExit before TaskDelete" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_create c1
    init=$(cat "$DIR/direct/c1/init.pid")
    rpc c1 Delete id=c1
    wait_until gone "$init"
    pid=$(shim_pid c1)
    rpc c1 Shutdown id=c1
    wait_until -t 20 gone "$pid"
    [ "$(direct_topics c1)" = "create exit delete " ]
}

# bats test_tags=direct
@test "C-3.24 an init killed before Start is stopped, and says so" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_create c1
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    fails 2 "cannot start a stopped process" rpc c1 Start id=c1
    rpc c1 Delete id=c1
    wait_until topics_are c1 "create exit delete"
}

# bats test_tags=direct
@test "T-091 C-3.28 C-3.99 Delete answers what Wait and State said; the second is NOT_FOUND" {
    direct c1 sleep 1000
    rpc c1 Kill id=c1 signal=9
    waited=$(rpc c1 Wait id=c1)
    state=$(rpc c1 State id=c1)
    deleted=$(rpc c1 Delete id=c1)
    # T-109: one time of exit everywhere.
    [[ $waited == '{"exit_status": 137, "exited_at": {"seconds": '* ]]
    [[ $state == *"${waited#\{}" ]]
    [[ $deleted == *"${waited#\{}" ]]
    fails 5 "container not created: not found" rpc c1 Delete id=c1
    fails 5 "container not created: not found" rpc c1 Wait id=c1
    wait_until topics_are c1 "create start exit delete"
    seconds=${waited##*\"exited_at\": }
    [ "$(grep -c "\"exited_at\": ${seconds%\}}" "$DIR/jobs/direct-events")" -eq 2 ]
}

# bats test_tags=direct
@test "C-2.13 C-3.28 a Delete that ends when nobody hears of it any more is told to who asks next" {
    direct c1 sleep 1000
    # Its time is over, or its connection gone.
    topics=''
    for end in late gone; do
        client "$FAKE_RUNC/delete.hold" "$end" <<'PY'
hold, end = sys.argv[2:]
c = Connection(path)
c.call("Kill", id="c1", signal=9)
c.call("Wait", id="c1")
open(hold, "w").close()
delete = c.send("Task", "Delete", {"id": "c1"}, timeout_nano=1 if end == "late" else 0)
if end == "late":
    os.unlink(hold)
    assert c.result("Delete", delete)["exit_status"] == 137
PY
        rm -f "$FAKE_RUNC/delete.hold"
        topics="$topics create start exit delete"
        wait_until topics_are c1 "${topics# }"
        client <<'PY'
c = Connection(path)
state = c.call("State", id="c1")
assert state["status"] == 3 and state["exit_status"] == 137
exit = {key: state[key] for key in ("exit_status", "exited_at")}
assert c.call("Wait", id="c1") == exit
refused(5, "container not created", c, "Pids", id="c1")
assert c.call("Delete", id="c1") == {"pid": state["pid"], **exit}
for method in ("Delete", "State", "Wait"):
    refused(5, "container not created", c, method, id="c1")
PY
        direct_run c1
    done
    budget "$SHIM"
    # Another of its id takes its place, and it holds up no end.
    client "$DIR/direct/c1" <<'PY'
c = Connection(path)
for create in (True, False):
    c.call("Kill", id="c1", signal=9)
    c.call("Wait", id="c1")
    c.result("Delete", c.send("Task", "Delete", {"id": "c1"}, timeout_nano=1))
    if create:
        c.call("Create", id="c1", bundle=sys.argv[2])
        assert c.call("State", id="c1")["status"] == 1
c.call("Shutdown", id="c1")
assert c.closed()
PY
    wait_until gone "$SHIM"
}

@test "T-109 C-3.72 exited_at and status are equal in State, Wait and the events" {
    events_start
    idle c1
    ctr task kill -s KILL c1
    wait_event c1 exit
    waited=$(python3 "$INTEGRATION/ttrpc.py" "$(socket_of c1)" call Task Wait id=c1)
    end_task c1
    wait_event c1 delete
    python3 - "$waited" "$(events c1 | sed -n 's|^/tasks/exit ||p')" "$(events c1 | sed -n 's|^/tasks/delete ||p')" <<'PY'
import calendar, json, re, sys, time
wait, exit, delete = (json.loads(word) for word in sys.argv[1:])
assert exit["exited_at"] == delete["exited_at"], (exit, delete)
assert exit["exit_status"] == delete["exit_status"] == wait["exit_status"] == 137
when = exit["exited_at"]
if isinstance(when, str):  # as ctr 1.6 writes it
    whole, fraction = re.match(r"(.*?)(?:\.(\d+))?Z$", when).groups()
    when = {"seconds": calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")),
            "nanos": int((fraction or "0").ljust(9, "0"))}
assert when["seconds"] == wait["exited_at"]["seconds"]
assert when.get("nanos", 0) == wait["exited_at"].get("nanos", 0)
PY
}

# bats test_tags=direct
@test "T-108 C-3.40 Wait before Start, after the exit, and ten at once" {
    direct_bundle c1 sh -c 'exit 9'
    direct_start c1 </dev/null
    direct_create c1
    python3 - "$(socket_of c1)" <<'PY'
import sys, ttrpc
c = ttrpc.Connection(sys.argv[1])
waits = [c.send("Task", "Wait", {"id": "c1"}) for _ in range(10)]
c.call("Start", id="c1")
first = [c.result("Wait", wait) for wait in waits]
later = c.call("Wait", id="c1")
assert all(one == later and one["exit_status"] == 9 for one in first), (first, later)
PY
}

# exits ---------------------------------------------------------------------------------------------

# bats test_tags=core
@test "T-081 C-3.41 a task's events come in the order create, start, exit, delete" {
    events_start
    for i in $(seq "${TASK_ROUNDS:-20}"); do
        note_words "q$i"
        ctr run --rm --null-io --runtime "$SHIM_RUNTIME" --env PATH=/bin --rootfs "$ROOTFS" "q$i" true
    done
    wait_event "q${TASK_ROUNDS:-20}" delete
    for i in $(seq "${TASK_ROUNDS:-20}"); do
        [ "$(topics "q$i")" = "create start exit delete " ]
    done
}

@test "T-082 C-1.48 C-3.41 P-39 the status of quick exits is exact" {
    for round in $(seq "${STATUS_ROUNDS:-2}"); do
        for status in 0 1 42 255; do
            quick_exit "s$round-$status" "$status" "exit $status"
        done
        # 128 + signal
        for signal in 9 11; do
            quick_exit "s$round-k$signal" $((128 + signal)) "sh -c 'kill -$signal \$\$'; exit \$?"
        done
    done
}

quick_exit() {
    run -"$2" ctr run --rm --null-io --runtime "$SHIM_RUNTIME" --env PATH=/bin --rootfs "$ROOTFS" "$1" sh -c "$3"
}

# bats test_tags=direct,core
@test "T-083 C-3.41 P-06 P-39 execs that end at once: added, started, exit; exact statuses; many at once" {
    direct c1 sleep 1000
    python3 - "$(socket_of c1)" "${EXEC_ROUNDS:-5}" <<'PY'
import sys, ttrpc
c = ttrpc.Connection(sys.argv[1], 60)
spec = lambda status: {"@type": "types.containerd.io/opencontainers/runtime-spec/1/Process", "@json": {
    "user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", f"exit {status}"], "env": ["PATH=/bin"], "cwd": "/"}}
for start in range(int(sys.argv[2])):
    names = {f"e{start}-{i}": (start * 20 + i) % 256 for i in range(20)}
    for name, status in names.items():
        c.call("Exec", id="c1", exec_id=name, values={"spec": spec(status)})
    waits = {name: c.send("Task", "Wait", {"id": "c1", "exec_id": name}) for name in names}
    starts = {name: c.send("Task", "Start", {"id": "c1", "exec_id": name}) for name in names}
    for name, status in names.items():
        assert c.result("Start", starts[name])["pid"] > 0
        assert c.result("Wait", waits[name]).get("exit_status", 0) == status, name
        c.call("Delete", id="c1", exec_id=name)
PY
    total=$((${EXEC_ROUNDS:-5} * 20))
    wait_until exits_arrived "$total"
    python3 - "$DIR/jobs/direct-events" "$total" <<'PY'
import json, sys
order = {}
for line in open(sys.argv[1]):
    event = json.loads(line)["event"]
    name = event.get("exec_id") or event.get("id")
    if name and name.startswith("e"):
        order.setdefault(name, []).append(event)
assert len(order) == int(sys.argv[2])
for name, events in order.items():
    kinds = [event["@type"].rsplit(".Task")[-1] for event in events]
    assert kinds == ["ExecAdded", "ExecStarted", "Exit"], (name, kinds)
    first, second = map(int, name[1:].split("-"))
    assert events[2].get("exit_status", 0) == (first * 20 + second) % 256
    assert events[1]["pid"] == events[2]["pid"]
PY
    budget "$SHIM"
}

exits_arrived() { [ "$(grep -c TaskExit "$DIR/jobs/direct-events")" -ge "$1" ]; }

# bats test_tags=direct,core
@test "T-084 C-3.42 C-3.43 the exits of the execs come before init's, in a private pid namespace" {
    direct c1 sleep 1000
    exec_exits_first
}

# bats test_tags=direct
@test "T-084 C-3.42 C-3.43 the exits of the execs come before init's, in a shared pid namespace" {
    direct_bundle c1 sleep 1000
    edit_spec c1 "$SHARED_PIDS"
    direct_start c1 </dev/null
    direct_run c1
    exec_exits_first
}

# kills the init of c1 while five execs live.
exec_exits_first() {
    for i in 1 2 3 4 5; do direct_exec c1 "e$i" sleep 1000 >/dev/null; done
    kill -KILL "$(cat "$DIR/direct/c1/init.pid")"
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    for i in 1 2 3 4 5; do
        [[ $(rpc c1 --patience 1 Wait id=c1 exec_id="e$i") == *'"exit_status": 137'* ]]
    done
    wait_until exits_arrived 6
    [ "$(grep TaskExit "$DIR/jobs/direct-events" | tail -1 | grep -c '"id": "c1"')" -eq 1 ]
}

# bats test_tags=direct
@test "T-085 C-3.42 in the host's pid namespace everything dies with init" {
    direct_bundle c1 sh -c 'setsid sleep 31337 & exec sleep 1000'
    edit_spec c1 "$SHARED_PIDS"
    direct_start c1 </dev/null
    direct_run c1
    init=$(cat "$DIR/direct/c1/init.pid")
    wait_until cgroup_has 2
    child=$(grep -vxF "$init" "$(cgroup_of c1)/cgroup.procs" | head -1)
    kill -KILL "$init"
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    wait_until gone "$child"
}

cgroup_has() { [ "$(wc -l <"$(cgroup_of c1)/cgroup.procs")" -eq "$1" ]; }

# bats test_tags=direct
@test "T-086 C-3.26 P-07 no exec starts after init's exit" {
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 sleep 1000)"
    kill -KILL "$(cat "$DIR/direct/c1/init.pid")"
    rpc c1 Wait id=c1
    fails 9 "init process is not running: failed precondition" rpc c1 Start id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
}

# bats test_tags=direct
@test "C-3.42 P-05 P-07 an exec whose start ends after init did dies too, and init's exit is told last" {
    direct_bundle c1 sleep 1000
    edit_spec c1 "$SHARED_PIDS"
    direct_start c1 </dev/null
    direct_run c1
    rpc c1 Exec "$(exec_fields c1 e1 sleep 1000)"
    # A process that is in no cgroup of the container's, so that nothing else ends it.
    cat >"$FAKE_RUNC/exec.instead" <<'SH'
while [ ! -e "$FAKE_RUNC/go" ]; do sleep 0.02; done
while [ "$1" != --pid-file ]; do shift; done
sleep 31337 >/dev/null 2>&1 &
printf %s "$!" >"$2"
SH
    background start python3 "$INTEGRATION/ttrpc.py" "$(cat "$DIR/direct/c1/address")" call Task Start id=c1 exec_id=e1
    wait_until pgrep -f "$FAKE_RUNC/exec.instead"
    kill -KILL "$(cat "$DIR/direct/c1/init.pid")"
    wait_until gone "$(cat "$DIR/direct/c1/init.pid")"
    touch "$FAKE_RUNC/go"
    [[ $(rpc c1 Wait id=c1 exec_id=e1) == *'"exit_status": 137'* ]]
    rpc c1 Wait id=c1
    wait_until exits_arrived 2
    [ "$(grep TaskExit "$DIR/jobs/direct-events" | tail -1 | grep -c '"id": "c1"')" -eq 1 ]
    rm "$FAKE_RUNC/exec.instead" "$FAKE_RUNC/go"
}

# bats test_tags=direct
@test "C-3.40 whoever waits for an exec that is deleted before it ran waits no more" {
    direct c1 sleep 1000
    client <<'PY'
c, other = Connection(path), Connection(path)
waits = {}
for name in ("e1", "e2"):
    c.call("Exec", id="c1", exec_id=name, spec=exec_spec("true"))
    waits[name] = c.send(SERVICES["Task"], "Wait", {"id": "c1", "exec_id": name})
other.call("Delete", id="c1", exec_id="e1")
assert c.result("Wait", waits["e1"], 10).get("exit_status", 0) == 0
other.call("Kill", id="c1", signal=9)
other.call("Wait", id="c1")
other.call("Delete", id="c1")
# Not with init's 137: it never ran.
assert c.result("Wait", waits["e2"], 10) == {"exited_at": {"seconds": UNEXITED}}
PY
}

# execs ---------------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-087 C-3.31 a duplicate exec id already exists, until the first is deleted" {
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 true)"
    fails 6 "id e1: already exists" rpc c1 Exec "$(exec_fields c1 e1 true)"
    rpc c1 Start id=c1 exec_id=e1
    rpc c1 Wait id=c1 exec_id=e1
    fails 6 "id e1: already exists" rpc c1 Exec "$(exec_fields c1 e1 true)"
    rpc c1 Delete id=c1 exec_id=e1
    rpc c1 Exec "$(exec_fields c1 e1 true)"
    rpc c1 Delete id=c1 exec_id=e1
    budget "$SHIM"
}

# bats test_tags=direct,core
@test "C-3.12 C-3.30 C-3.32 the life of an exec" {
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 sleep 1000)"
    [ "$(rpc c1 State id=c1 exec_id=e1 | sed 's/, "exec_id": "e1"//')" = \
        '{"id": "e1", "bundle": "'"$DIR/direct/c1"'", "status": 1, "exited_at": {"seconds": -62135596800}}' ]
    fails 9 "process not created: failed precondition" rpc c1 Kill id=c1 exec_id=e1 signal=9
    pid=$(rpc c1 Start id=c1 exec_id=e1)
    pid=${pid//[^0-9]/}
    wait_until runs "$pid" "sleep 1000 "
    state_is c1 2 e1
    fails 2 "cannot start a running process" rpc c1 Start id=c1 exec_id=e1
    fails 2 "cannot delete a running process" rpc c1 Delete id=c1 exec_id=e1
    rpc c1 Kill id=c1 exec_id=e1 signal=15
    [[ $(rpc c1 Wait id=c1 exec_id=e1) == *'"exit_status": 143'* ]]
    state_is c1 3 e1
    fails 5 "process already finished: not found" rpc c1 Kill id=c1 exec_id=e1 signal=9
    fails 2 "cannot start a stopped process" rpc c1 Start id=c1 exec_id=e1
    [[ $(rpc c1 Delete id=c1 exec_id=e1) == "{\"pid\": $pid, \"exit_status\": 143, "* ]]
    fails 5 "process does not exist e1: not found" rpc c1 Delete id=c1 exec_id=e1
    [ ! -e "$DIR/direct/c1/e1.pid" ]
    wait_until topics_are c1 "create start exec-added exec-started exit"
    state_is c1 2
    budget "$SHIM"
}

# runs PID WORDS: the runtime has given way to the process.
runs() { [ "$(tr '\0' ' ' <"/proc/$1/cmdline")" = "$2" ]; }

# bats test_tags=direct
@test "T-115 C-3.66 unknown keys of an exec's spec reach the runtime, terminal is the request's" {
    cat >"$CASE/keep" <<'SH'
#!/bin/sh
for word in "$@"; do
    [ "${previous:-}" != --process ] || cp "$word" "$KEEP"
    previous=$word
done
exec runc "$@"
SH
    chmod +x "$CASE/keep"
    direct_bundle c1 sleep 1000
    KEEP=$CASE/spec direct_start c1 </dev/null
    direct_run c1 "options:={\"@type\": \"containerd.runc.v1.Options\", \"binary_name\": \"$CASE/keep\"}"
    rpc c1 Exec '{"id": "c1", "exec_id": "e1", "spec": {"@type": "whatever", "@json": {"terminal": true, "args": ["true"],
        "cwd": "/", "env": ["PATH=/bin", "A=é\"\\"], "user": {"uid": 0, "gid": 0}, "futureKey": {"deep": [1, 2.5, null, "x"]},
        "big": 12345678901234}}}'
    rpc c1 Start id=c1 exec_id=e1
    rpc c1 Wait id=c1 exec_id=e1
    python3 - "$CASE/spec" <<'PY'
import json, sys
spec = json.load(open(sys.argv[1]))
assert spec["futureKey"] == {"deep": [1, 2.5, None, "x"]}, spec
assert spec["big"] == 12345678901234 and spec["env"][1] == "A=é\"\\", spec
assert not spec.get("terminal"), spec
PY
}

# bats test_tags=direct
@test "T-119 C-3.26 C-3.99 an exec that cannot start leaves the task healthy, and can be tried again" {
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 /nope)"
    for _ in 1 2; do
        fails 2 "OCI runtime exec failed: " rpc c1 Start id=c1 exec_id=e1
        # Each runtime says it in words of its own.
        [[ ${output,,} == */nope*"no such file or directory" ]]
        state_is c1 1 e1
    done
    rpc c1 --patience 5 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
    state_is c1 2
    direct_exec c1 e2 true
    rpc c1 Wait id=c1 exec_id=e2
    rpc c1 Delete id=c1 exec_id=e2
    [[ $(direct_topics c1) == "create start exec-added exec-added "* ]]
    budget "$SHIM"
}

# signals, pids -------------------------------------------------------------------------------------

@test "T-092 C-3.33 C-5.47 kill of a stopped task is NOT_FOUND, with and without all" {
    direct c1 true
    rpc c1 Wait id=c1
    fails 5 "not found" rpc c1 Kill id=c1 signal=9
    fails 5 "not found" rpc c1 Kill id=c1 signal=15
    idle c2
    ctr task kill -s KILL c2
    wait_until task_is c2 STOPPED
    run ctr task kill c2
    [ "$status" -ne 0 ]
    [[ $output == *"not found"* ]]
}

# bats test_tags=direct
@test "T-093 C-3.32 a real-time signal's number is passed through" {
    direct_bundle c1 sh -c 'trap "exit 44" 40; while :; do sleep 0.1; done'
    direct_start c1 </dev/null
    direct_run c1
    wait_until catches "$(cat "$DIR/direct/c1/init.pid")" 40
    rpc c1 Kill id=c1 signal=40
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 44'* ]]
}

# catches PID SIGNAL: the process has a handler for it.
catches() {
    local mask
    mask=$(awk '$1 == "SigCgt:" { print $2 }' "/proc/$1/status")
    [ $((0x$mask >> ($2 - 1) & 1)) -eq 1 ]
}

# bats test_tags=direct
@test "C-3.32 signal 0 asks without harm, for init and for an exec" {
    direct c1 sleep 1000
    direct_exec c1 e1 sleep 1000
    rpc c1 Kill id=c1 signal=0
    rpc c1 Kill id=c1 exec_id=e1 signal=0
    state_is c1 2
    state_is c1 2 e1
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-3.32 kill of a native runtime's init does not run the runtime" {
    [ "$SHIM_BUILD" != go ] || skip "Go's shim runs it"
    touch "$FAKE_RUNC/record"
    direct c1 sleep 1000
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    not grep -q ' kill ' "$FAKE_RUNC/calls"
}

# bats test_tags=core
@test "T-094 C-5.13 kill with all reaches every process" {
    idle c1
    exec_detached c1 e1 sh -c 'setsid sleep 1000 & exec sleep 1000'
    wait_until cgroup_has 4
    ctr task kill -a -s KILL c1
    wait_until task_is c1 STOPPED
    wait_until cgroup_empty
    wait_until exec_removed c1 e1
    rm -rf "${DIR:?}"/fifo/*
}

cgroup_empty() { [ ! -s "$(cgroup_of c1)/cgroup.procs" ]; }

# bats test_tags=core
@test "T-098 C-3.34 pids are those of the cgroup, an exec's with its id" {
    idle c1
    exec_detached c1 e1 sleep 1000
    wait_until cgroup_has 3
    run ctr task ps c1
    pids=$(sort -n "$(cgroup_of c1)/cgroup.procs")
    [ "$(sed 1d <<<"$output" | awk '{ print $1 }' | sort -n)" = "$pids" ]
    # The exec's line alone has an info.
    [ "$(sed 1d <<<"$output" | awk '$2 != "-" { n++ } END { print n }')" -eq 1 ]
    [[ $output == *e1* ]]
    exec_end c1 e1
}

# options -------------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-110 C-3.61 the runc options are honoured: binary, root, systemd_cgroup, pivot, keyring" {
    cat >"$DIR/bin/other-runc" <<SH
#!/bin/sh
printf '%s\n' "\$*" >>"$CASE/other"
SH
    chmod +x "$DIR/bin/other-runc"
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    # That runtime writes no pid file: the create fails, and what it was told is known.
    run direct_create c1 options:='{"@type": "containerd.runc.v1.Options", "binary_name": "other-runc", "root": "'"$CASE/root"'",
        "systemd_cgroup": true, "no_pivot_root": true, "no_new_keyring": true}'
    [ "$status" -ne 0 ]
    [ "$(grep -w create "$CASE/other" | sed 's| --log [^ ]*||')" = "--root $CASE/root/$NS --log-format json --systemd-cgroup create --bundle $DIR/direct/c1 \
--pid-file $DIR/direct/c1/init.pid --no-pivot --no-new-keyring c1" ]
    rm "$DIR/bin/other-runc"
}

# bats test_tags=direct
@test "T-110 C-3.61 C-4.10 io_uid and io_gid own the container's pipes" {
    # runc gives the pipes to the container's user, so they are looked at before.
    cat >"$DIR/bin/other-runc" <<SH
#!/bin/sh
owners=\$(stat -L -c %u:%g /proc/\$\$/fd/0 /proc/\$\$/fd/1 /proc/\$\$/fd/2)
echo "\$owners" >"$CASE/owners"
exit 1
SH
    chmod +x "$DIR/bin/other-runc"
    direct_bundle c1 sleep 1000
    mkfifo "$CASE/in" "$CASE/out" "$CASE/err"
    direct_start c1 </dev/null
    exec {in}<>"$CASE/in" {out}<>"$CASE/out" {err}<>"$CASE/err"
    run direct_create c1 stdin="$CASE/in" stdout="$CASE/out" stderr="$CASE/err" \
        options:='{"@type": "containerd.runc.v1.Options", "binary_name": "other-runc", "io_uid": 1234, "io_gid": 5678}'
    [ "$status" -ne 0 ]
    [ "$(cat "$CASE/owners")" = "$(printf '1234:5678\n1234:5678\n1234:5678')" ]
    exec {in}<&- {out}<&- {err}<&-
    rm "$DIR/bin/other-runc"
}

# bats test_tags=direct
@test "C-3.63 empty runtimeoptions are the defaults" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_run c1 options:='{"@type": "runtimeoptions.v1.Options"}'
    state_is c1 2
}

@test "T-113 C-3.64 a plain cgroupsPath does not ask for it" {
    touch "$FAKE_RUNC/record"
    idle c1
    [[ $(recorded create) == *" --log-format json create --bundle "* ]]
}

# bats test_tags=direct
@test "T-114 C-3.60 options of an unknown type are a clear error" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    run direct_create c1 options:='{"@type": "some.other.Options", "@hex": "0a0178"}'
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    [[ $output == *some.other.Options* ]]
    rpc c1 Connect id=c1
    fails 5 "container not created" rpc c1 State id=c1
}

# failures ------------------------------------------------------------------------------------------

@test "T-118 C-3.22 a failed create leaves nothing" {
    run ctr run --runtime "$SHIM_RUNTIME" --fifo-dir "$DIR/fifo" --env PATH=/bin --rootfs "$ROOTFS" c1 /nope
    [ "$status" -eq 1 ]
    # Each runtime says it in words of its own; up to 1.7 containerd adds the code to them.
    code=': unknown'
    if daemon_since 2.0; then code=; fi
    [[ ${output,,} == *"oci runtime create failed: "*/nope*"no such file or directory$code" ]]
    wait_until -t 5 no_shims
    wait_until not test -e "$(bundle c1)"
    [ ! -e "$(socket_of c1)" ]
    [ -z "$(ls "$DIR/fifo")" ]
}

# bats test_tags=direct,core
@test "T-118 C-3.22 a failed create unmounts the rootfs it mounted" {
    direct_bundle c1 /nope
    edit_spec c1 'spec["root"]["path"] = "rootfs"'
    direct_start c1 </dev/null
    run direct_create c1 rootfs:='[{"type": "bind", "source": "'"$ROOTFS"'", "options": ["rbind"]}]'
    [ "$status" -eq 2 ]
    not grep -q " $DIR/direct/c1/rootfs " /proc/self/mountinfo
    fails 5 "container not created" rpc c1 State id=c1
    pid=$(shim_pid c1)
    rpc c1 Shutdown id=c1
    wait_until -t 20 gone "$pid"
}

# bats test_tags=direct,core
@test "C-3.28 C-6.10 a rootfs mount lives from Create to Delete" {
    direct_bundle c1 sleep 1000
    edit_spec c1 'spec["root"]["path"] = "rootfs"'
    direct_start c1 </dev/null
    direct_run c1 rootfs:='[{"type": "bind", "source": "'"$ROOTFS"'", "options": ["rbind", "ro"]}]'
    grep -q " $DIR/direct/c1/rootfs ro" /proc/self/mountinfo
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    not grep -q " $DIR/direct/c1/rootfs " /proc/self/mountinfo
}

# bats test_tags=direct
@test "C-3.22 P-30 P-31 a container whose Delete was answered before its Create is deleted, once and for all" {
    for id in c1 c2; do
        direct_bundle "$id" sleep 1000
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
        direct_start "$id" </dev/null
        touch "$FAKE_RUNC/create.hold.$id"
    done
    note_words g
    SHIM=$(shim_pid c1)
    echo broken >"$FAKE_RUNC/delete.fail.c2"
    GROUP=g client "$DIR/direct" "$FAKE_RUNC" "$DIR/jobs/log-c1" <<'PY'
bundles, faults, log = sys.argv[2:]
connection = Connection(path)
creates = [connection.send("Task", "Create", {"id": id, "bundle": f"{bundles}/{id}"}) for id in ("c1", "c2")]
deletes = [connection.send("Task", "Delete", {"id": id}) for id in ("c1", "c2")]
for stream in deletes:
    try:
        connection.result("Delete", stream)
    except Failure as failure:
        assert failure.code == 5 and "container not created" in failure.message, failure
    else:
        raise AssertionError("Delete of nothing")
# One comes again, and nothing else does.
again = connection.send("Task", "Delete", {"id": "c1"})
connection.call("Shutdown", id="c1")
for id in ("c1", "c2"):
    os.remove(f"{faults}/create.hold.{id}")
for stream in creates:
    connection.result("Create", stream)
assert connection.result("Delete", again)["pid"]
while 'msg="delete" id=c2 error="failed to delete task: broken"' not in open(log).read():
    time.sleep(0.01)
os.remove(f"{faults}/delete.fail.c2")
assert connection.closed(10)
PY
    wait_until gone "$SHIM"
    [ ! -e "/run/containerd/runc/$NS/c1" ]
    [ ! -e "/run/containerd/runc/$NS/c2" ]
}

@test "the commands of docs/ctr.md, as they are written" {
    [ "$SHIM_BUILD" != go ] || skip "it names ours"
    make_image
    for block in 1 2 3 4 5; do
        document ctr.md sh "$block" >"$CASE/commands"
        grep -q 'ctr run' "$CASE/commands"
        # shellcheck disable=SC1091 # the document's
        (cd "$CASE" && set -euo pipefail && source "$CASE/commands")
    done
    ctr image rm "$IMAGE"
    [ -z "$(document ctr.md sh 6)" ]
}
