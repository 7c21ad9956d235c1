# Pause, Resume and Update: contract C-3.35 … C-3.37, C-5.15, C-5.17.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

SHARED_PIDS='spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "pid"]'

# update ID JSON: an Update as clients send it.
update() {
    rpc "$1" Update "$(printf '{"id": "%s", "resources": {"@type": "%s", "@json": %s}}' "$1" \
        types.containerd.io/opencontainers/runtime-spec/1/LinuxResources "$2")"
}

# limit_of ID FILE: a limit as the kernel has it, of version 1 or 2.
limit_of() {
    local path controller=${2%%.*}
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
        path=$(sed -n 's/^0:://p' "/proc/$(cat "$DIR/direct/$1/init.pid")/cgroup")
    else
        path=/$controller$(awk -F: -v name="$controller" '$2 == name { print $3 }' "/proc/$(cat "$DIR/direct/$1/init.pid")/cgroup")
    fi
    cat "/sys/fs/cgroup$path/$2"
}

# pause -----------------------------------------------------------------------------------------------

# bats test_tags=core
@test "T-095 C-3.35 Pause and Resume change the state and are told, once each" {
    direct c1 sleep 1000
    rpc c1 Pause id=c1
    state_is c1 4
    fails 2 "cannot pause a paused container" rpc c1 Pause id=c1
    fails 2 "cannot delete a paused process" rpc c1 Delete id=c1
    fails 2 "cannot start a paused process" rpc c1 Start id=c1
    rpc c1 Resume id=c1
    state_is c1 2
    fails 2 "cannot resume a running process" rpc c1 Resume id=c1
    wait_until topics_are c1 "create start paused resumed"
}

@test "T-095 C-3.35 what is paused does not run, and goes on where it was" {
    direct c1 sh -c 'while :; do echo x >>/tmp/ticks; usleep 5000; done'
    ticks() { wc -c <"$ROOTFS/tmp/ticks"; }
    more_ticks() { [ "$(ticks)" -gt "$1" ]; }
    wait_until more_ticks 4
    rpc c1 Pause id=c1
    before=$(ticks)
    # Time enough for ten more.
    for _ in $(seq 20); do rpc c1 State id=c1 >/dev/null; done
    [ "$(ticks)" = "$before" ]
    rpc c1 Resume id=c1
    wait_until more_ticks "$before"
    rm -f "$ROOTFS/tmp/ticks"
}

@test "T-095 C-3.35 a pause that fails leaves nothing frozen" {
    direct c1 sleep 1000
    local pid freezer
    pid=$(cat "$DIR/direct/c1/init.pid")
    if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
        freezer="/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/cgroup.freeze"
        echo "echo 1 >$freezer; exit 1" >"$FAKE_RUNC/pause.instead"
    else
        freezer="/sys/fs/cgroup/freezer$(sed -n 's/.*:freezer://p' "/proc/$pid/cgroup")/freezer.state"
        echo "echo FROZEN >$freezer; exit 1" >"$FAKE_RUNC/pause.instead"
    fi
    fails 2 'OCI runtime pause failed' rpc c1 Pause id=c1
    rm "$FAKE_RUNC/pause.instead"
    grep -Eqx '0|THAWED' "$freezer"
    state_is c1 2
    direct_exec c1 e1 true
}

@test "T-095 C-3.10 C-3.14 while the runtime pauses, State says so at once" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/pause.hold"
    background pause python3 "$INTEGRATION/ttrpc.py" "$(cat "$DIR/direct/c1/address")" call Task Pause id=c1
    wait_until state_is c1 5
    rpc c1 Pids id=c1
    rm "$FAKE_RUNC/pause.hold"
    wait_until state_is c1 4
    rpc c1 Resume id=c1
}

@test "C-3.35 a pause that fails leaves a running task and no event" {
    direct c1 sleep 1000
    echo "no freezer" >"$FAKE_RUNC/pause.fail"
    fails 2 "OCI runtime pause failed: no freezer" rpc c1 Pause id=c1
    state_is c1 2
    rm "$FAKE_RUNC/pause.fail"
    rpc c1 Pause id=c1
    echo "no thaw" >"$FAKE_RUNC/resume.fail"
    fails 2 "OCI runtime resume failed: no thaw" rpc c1 Resume id=c1
    state_is c1 4
    rm "$FAKE_RUNC/resume.fail"
    rpc c1 Resume id=c1
    wait_until topics_are c1 "create start paused resumed"
}

@test "C-3.11 what is created or stopped cannot be paused, resumed" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_create c1
    fails 2 "cannot pause task in created state" rpc c1 Pause id=c1
    fails 2 "cannot resume task in created state" rpc c1 Resume id=c1
    rpc c1 Start id=c1
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    fails 2 "cannot pause a stopped container" rpc c1 Pause id=c1
    fails 2 "cannot resume a stopped container" rpc c1 Resume id=c1
    fails 5 "container not created" rpc c1 Pause id=nobody
}

@test "T-096 C-3.13 execs of a paused task are paused, and none is added" {
    direct c1 sleep 1000
    direct_exec c1 e1 sleep 1000
    rpc c1 Pause id=c1
    state_is c1 4 e1
    fails 2 "cannot exec in a paused state" rpc c1 Exec "$(exec_fields c1 e2 true)"
    rpc c1 Resume id=c1
    state_is c1 2 e1
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
}

@test "T-096 C-3.13 an exec that comes during a Resume is added after it" {
    direct c1 sleep 1000
    rpc c1 Pause id=c1
    in_turns <<'PY'
hold("resume")
resume = change("Resume")
runs_one("resume")
added = c.send("Task", "Exec", {"id": "c1", "exec_id": "e1", "spec": exec_spec("true")})
runs_one("resume")
go_on("resume")
c.result("Resume", resume)
c.result("Exec", added)
c.call("Start", id="c1", exec_id="e1")
c.call("Wait", id="c1", exec_id="e1")
c.call("Delete", id="c1", exec_id="e1")
PY
    budget "$SHIM"
}

# bats test_tags=core
@test "T-097 C-3.36 SIGKILL of a paused task ends it, and it can be deleted" {
    direct c1 sleep 1000
    rpc c1 Pause id=c1
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    rpc c1 Delete id=c1
    wait_until topics_are c1 "create start paused exit delete"
}

@test "C-5.48 a paused task dies although its runtime does not thaw what it kills" {
    direct c1 sleep 1000
    rpc c1 Pause id=c1
    # As crun on cgroup version 1: the signal alone.
    pid=$(cat "$DIR/direct/c1/init.pid")
    printf '#!/bin/sh\nkill -KILL %s\n' "$pid" >"$FAKE_RUNC/kill.instead"
    touch "$FAKE_RUNC/record"
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    # Version 2 kills what is frozen by itself.
    [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || grep -q " resume c1" "$FAKE_RUNC/calls"
}

@test "C-3.36 C-3.42 the rest of a paused container dies with its init, pid namespace or not" {
    direct_bundle c1 sh -c 'sleep 1000 & exec sleep 1001'
    edit_spec c1 "$SHARED_PIDS"
    direct_start c1 </dev/null
    direct_run c1
    two() { [ "$(rpc c1 Pids id=c1 | grep -o '"pid"' | wc -l)" -eq 2 ]; }
    wait_until two
    others=$(rpc c1 Pids id=c1 | grep -o '"pid": [0-9]*' | grep -o '[0-9]*')
    rpc c1 Pause id=c1
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    for pid in $others; do wait_until gone "$pid"; done
    rpc c1 Delete id=c1
}

# update ----------------------------------------------------------------------------------------------

# bats test_tags=core
@test "T-102 C-3.37 Update changes the limits of a running task" {
    direct c1 sleep 1000
    update c1 '{"pids": {"limit": 77}}'
    [ "$(limit_of c1 pids.max)" = 77 ]
    update c1 '{"pids": {"limit": 99}}'
    [ "$(limit_of c1 pids.max)" = 99 ]
}

@test "T-102 C-3.37 P-67 Update is possible before the start and while paused, not after the end" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_create c1
    update c1 '{"pids": {"limit": 50}}'
    rpc c1 Start id=c1
    rpc c1 Pause id=c1
    update c1 '{"pids": {"limit": 51}}'
    [ "$(limit_of c1 pids.max)" = 51 ]
    rpc c1 Resume id=c1
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    fails 2 "cannot update a stopped container" update c1 '{}'
    fails 5 "container not created" update_nobody
}

update_nobody() { rpc c1 Update id=nobody; }

@test "T-103 C-3.37 C-5.17 the runtime gets the resources as they came, unknown keys and long numbers too" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/record"
    resources='{"pids": {"limit": 40}, "x-vendor": {"deep": [1, 18446744073709551615, 0.1]}}'
    update c1 "$resources"
    [ "$(cat "$FAKE_RUNC/update.stdin")" = "$resources" ]
    [[ $(recorded update) == *" update --resources=- c1" ]]
    budget "$SHIM"
}

@test "C-3.37 an Update that the runtime refuses, or that is no JSON object, says why" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/update.silent"
    fails 2 "did not terminate successfully: exit status 1" update c1 '{}'
    rm "$FAKE_RUNC/update.silent"
    fails 3 "resources: no JSON object" update c1 '[]'
    fails 3 "resources:" rpc c1 Update id=c1
    fails 3 "resources:" rpc c1 Update '{"id": "c1", "resources": {"@type": "x", "@hex": "7b7b"}}'
    update c1 '{"pids": {"limit": 40}}'
    budget "$SHIM"
}

# one after the other ---------------------------------------------------------------------------------

# in_turns [ARGUMENT...] < SCRIPT: a client of c1, whose shim is $SHIM; `faults` is $FAKE_RUNC.
in_turns() {
    touch "$FAKE_RUNC/record" "$FAKE_RUNC/calls"
    {
        cat <<'PY'
shim, faults = sys.argv[2:4]
c = Connection(path)

def update(limit):
    return c.send("Task", "Update", {"id": "c1", "resources": {"@type": "x", "@json": {"pids": {"limit": limit}}}})

def change(method, connection=c, **fields):
    return connection.send("Task", method, {"id": "c1", **fields})

def hold(verb):
    open(f"{faults}/{verb}.hold", "w").close()

def go_on(verb):
    os.unlink(f"{faults}/{verb}.hold")

def status():
    return c.call("State", id="c1", patience=5)["status"]

def runs_one(verb):
    """The runtime does that, and once all calls have been looked at, nothing else."""
    deadline = time.monotonic() + 5
    while calls()[-1:] != [verb]:
        assert time.monotonic() < deadline, calls()
    for _ in range(20):
        status()
        with open(f"/proc/{shim}/task/{shim}/children") as children:
            programs = [open(f"/proc/{pid}/cmdline").read() for pid in children.read().split()]
        assert sum("\0--root\0" in program for program in programs) == 1, programs

def calls():
    """What the runtime was asked for."""
    verbs = "start", "pause", "resume", "update", "checkpoint", "delete"
    with open(faults + "/calls") as lines:
        return [word for line in lines for word in line.split() if word in verbs]

def fails(code, text, method, stream):
    try:
        c.result(method, stream)
    except Failure as failure:
        assert failure.code == code and text in failure.message, failure
    else:
        raise AssertionError(method + " succeeded")
PY
        cat
    } | client "$SHIM" "$FAKE_RUNC" "$@"
}

# created ID: a container that waits to be started.
created() {
    direct_bundle "$1" sleep 1000
    direct_start "$1" </dev/null >/dev/null
    direct_create "$1" >/dev/null
    SHIM=$(shim_pid "$1")
}

@test "C-3.14 two Updates at once are carried out one after the other, the first one first" {
    direct c1 sleep 1000
    in_turns <<'PY'
hold("update")
first, second = update(77), update(99)
runs_one("update")
go_on("update")
c.result("Update", first)
c.result("Update", second)
assert calls() == ["update", "update"], calls()
PY
    [ "$(limit_of c1 pids.max)" = 99 ]
    budget "$SHIM"
}

@test "C-3.14 a Pause that comes during an Update is carried out after it, and others are answered meanwhile" {
    direct c1 sleep 1000
    in_turns <<'PY'
hold("update")
first, pause = update(77), change("Pause")
runs_one("update")
assert status() == 2
assert c.call("Pids", id="c1", patience=5)["processes"]
assert c.call("Stats", id="c1", patience=5)
c.call("Kill", id="c1", signal=0, patience=5)
go_on("update")
c.result("Update", first)
c.result("Pause", pause)
assert status() == 4
assert calls() == ["update", "pause"], calls()
c.call("Resume", id="c1")
PY
    budget "$SHIM"
}

@test "C-3.14 a Pause during a Pause, and a Resume, are looked at when that is over" {
    direct c1 sleep 1000
    in_turns <<'PY'
hold("pause")
first, again, resume = change("Pause"), change("Pause"), change("Resume")
runs_one("pause")
assert status() == 5
go_on("pause")
c.result("Pause", first)
fails(2, "cannot pause a paused container", "Pause", again)
c.result("Resume", resume)
assert status() == 2
assert calls() == ["pause", "resume"], calls()
PY
    wait_until topics_are c1 "create start paused resumed"
}

@test "C-3.14 C-3.48 nothing is paused, resumed or updated in the middle of a checkpoint" {
    direct c1 sleep 1000
    echo 'exit 0' >"$FAKE_RUNC/checkpoint.instead"
    in_turns "$CASE/image" <<'PY'
hold("checkpoint")
first, others = change("Checkpoint", path=sys.argv[4]), [("Pause", change("Pause")), ("Update", update(77)), ("Resume", change("Resume"))]
runs_one("checkpoint")
assert status() == 2
refused(2, "cannot delete a running process", c, "Delete", id="c1")
go_on("checkpoint")
c.result("Checkpoint", first)
for method, stream in others:
    c.result(method, stream)
assert calls() == ["checkpoint", "pause", "update", "resume"], calls()
PY
    [ "$(limit_of c1 pids.max)" = 77 ]
}

@test "C-3.14 a Kill does not wait for an Update; a Delete does, and whoever waits with it is refused" {
    direct c1 sleep 1000
    in_turns <<'PY'
hold("update")
first, pause = update(77), change("Pause")
runs_one("update")
c.call("Kill", id="c1", signal=9, patience=5)
assert c.call("Wait", id="c1", patience=5)["exit_status"] == 137
delete = change("Delete")
runs_one("update")
assert status() == 3
refused(2, "cannot pause a stopped container", c, "Pause", id="c1")
go_on("update")
try:
    c.result("Update", first)
except Failure as failure:
    assert failure.code == 2, failure
fails(2, "cannot pause a stopped container", "Pause", pause)
assert c.result("Delete", delete)["exit_status"] == 137
assert calls() == ["update", "delete"], calls()
PY
}

@test "P-26 C-3.14 a Delete of what has ended does not wait for an Update that hangs" {
    direct c1 sleep 1000
    in_turns <<'PY'
open(faults + "/update.hang", "w").close()
first, pause = update(77), change("Pause")
deadline = time.monotonic() + 5
while calls() != ["update"]:
    assert time.monotonic() < deadline, calls()
c.call("Kill", id="c1", signal=9, patience=5)
assert c.call("Wait", id="c1", patience=5)["exit_status"] == 137
assert c.call("Delete", id="c1", patience=10)["exit_status"] == 137
fails(2, "exit status 137", "Update", first)
fails(2, "cannot pause a stopped container", "Pause", pause)
assert calls() == ["update", "delete"], calls()
PY
    not pgrep -P "$SHIM"
}

@test "C-3.14 a Start waits for an Update; who waits for a Delete is told that there is no such container" {
    created c1
    in_turns <<'PY'
hold("update")
first, start = update(77), change("Start")
runs_one("update")
assert status() == 1
go_on("update")
c.result("Update", first)
assert c.result("Start", start)["pid"]
assert calls() == ["update", "start"], calls()
PY
    [ "$(limit_of c1 pids.max)" = 77 ]
    direct_end c1
    rm "$FAKE_RUNC/calls"
    created c1
    in_turns <<'PY'
hold("update")
first, delete, second = update(77), change("Delete"), update(99)
runs_one("update")
go_on("update")
c.result("Update", first)
c.result("Delete", delete)
fails(5, "container not created", "Update", second)
assert calls() == ["update", "delete"], calls()
PY
}

@test "C-3.14 who has waited in vain, or is gone, is not carried out, and holds up nobody" {
    direct c1 sleep 1000
    in_turns <<'PY'
hold("update")
first = update(77)
runs_one("update")
gone = Connection(path)
change("Pause", gone)
gone.call("State", id="c1")
gone.close()
hasty = c.send("Task", "Pause", {"id": "c1"}, timeout_nano=50_000_000)
last = update(99)
fails(4, "", "Pause", hasty)
go_on("update")
c.result("Update", first)
c.result("Update", last)
assert status() == 2
assert calls() == ["update", "update"], calls()
PY
    budget "$SHIM"
}

@test "C-3.14 a call that fails lets the next one in" {
    direct c1 sleep 1000
    for verb in pause update; do echo broken >"$FAKE_RUNC/$verb.fail"; done
    in_turns <<'PY'
pause, broken, nonsense = change("Pause"), update(77), c.send("Task", "Update", {"id": "c1"})
fails(2, "broken", "Pause", pause)
fails(2, "exit status 1", "Update", broken)
fails(3, "resources", "Update", nonsense)
os.unlink(faults + "/update.fail")
c.result("Update", update(99))
PY
    [ "$(limit_of c1 pids.max)" = 99 ]
    budget "$SHIM"
}

# sandbox ---------------------------------------------------------------------------------------------

sandbox() { python3 "$INTEGRATION/ttrpc.py" "$(cat "$DIR/direct/c1/address")" call Sandbox "$@"; }

@test "T-117 C-3.96 the sandbox service answers, and changes nothing" {
    direct c1 sleep 1000
    sandbox CreateSandbox sandbox_id=c1 bundle_path=/nowhere
    sandbox StartSandbox sandbox_id=c1
    sandbox PingSandbox sandbox_id=c1
    sandbox SandboxStatus sandbox_id=c1
    sandbox SandboxMetrics sandbox_id=c1
    case $(uname -m) in x86_64) machine=amd64 ;; aarch64) machine=arm64 ;; esac
    [ "$(sandbox Platform sandbox_id=c1)" = "{\"platform\": {\"os\": \"linux\", \"architecture\": \"$machine\"}}" ]
    sandbox StopSandbox sandbox_id=c1 timeout_secs=1
    sandbox ShutdownSandbox sandbox_id=c1
    state_is c1 2
    client <<'PY'
try:
    connection = Connection(path)
    connection.answer(connection.send(SERVICES["Sandbox"], "Unheard", b""))
except Failure as failure:
    assert failure.code == 12 and "Unheard" in failure.message, failure
else:
    raise AssertionError("answered")
PY
    budget "$SHIM"
}

@test "T-117 C-3.96 WaitSandbox lasts until the shim's end, which StopSandbox begins once it is empty" {
    direct c1 sleep 1000
    background wait python3 "$INTEGRATION/ttrpc.py" "$(cat "$DIR/direct/c1/address")" call Sandbox \
        WaitSandbox sandbox_id=c1 --patience 30
    sandbox StopSandbox sandbox_id=c1
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    [ ! -s "$DIR/jobs/wait" ]
    sandbox StopSandbox sandbox_id=c1
    wait_until gone "$SHIM"
    wait_until grep -q exited_at "$DIR/jobs/wait"
    [ ! -e "$(socket_of c1)" ]
}

# bats test_tags=direct
@test "C-1.40 C-3.96 P-29 a shim whose sandbox was stopped ends once it is empty and nobody is connected" {
    direct_bundle c1 sleep 1000
    SWIFTRUNC_LONELY_SECONDS=5 direct_start c1 </dev/null
    SHIM=$(shim_pid c1)
    direct_run c1
    sandbox CreateSandbox sandbox_id=c1 bundle_path=/nowhere
    sandbox StopSandbox sandbox_id=c1
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    wait_until gone "$SHIM"
    [ ! -e "$(socket_of c1)" ]
}
