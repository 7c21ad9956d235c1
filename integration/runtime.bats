# The runtime as a program: contract C-5.x, checklist T-160 … T-168, and a runtime that misbehaves.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# How long a call of the runtime may take, in seconds. In a machine, crun needs two to find that a controller is in use elsewhere.
LIMIT=2
[ -z "${SWIFTRUNC_PREBUILT:-}" ] || LIMIT=6

# bounded ID COMMAND...: a shim that bounds each call of the runtime so, with a running container.
bounded() {
    direct_bundle "$@"
    SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS=$LIMIT direct_start "$1" </dev/null >/dev/null
    direct_run "$1" >/dev/null
    SHIM=$(shim_pid "$1")
    budget_baseline "$SHIM"
}

# no_runtime: no runtime process of this shim is left; only containers' processes are.
no_runtime() {
    local pid
    for pid in $(pgrep -P "$(shim_pid c1)"); do
        not grep -qzxE 'sleep|.*runc|/proc/self/exe' "/proc/$pid/cmdline" || in_container "$pid" || return 1
    done
}

childless() { ! pgrep -P "$1"; }
in_container() { grep -qx "$1" "$(cgroup_of c1)/cgroup.procs"; }

# what every call begins with
globals() { echo "--root /run/containerd/runc/$NS --log LOG --log-format json"; }

calls() { sed 's| --log [^ ]*| --log LOG|' "$FAKE_RUNC/calls"; }

# bats test_tags=direct
@test "T-160 C-5.10 C-5.17 the exact arguments of each call" {
    touch "$FAKE_RUNC/record"
    direct c1 sleep 1000
    rpc c1 Kill id=c1 signal=10 all=true
    rpc c1 Exec "$(exec_fields c1 e1 true)"
    rpc c1 Start id=c1 exec_id=e1
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Kill id=c1 signal=9 all=true || :
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    at=$DIR/direct/c1
    calls | sed 's|--process [^ ]*runc-process[^ ]*|--process FILE|' >"$CASE/calls"
    diff "$CASE/calls" - <<TEXT
$(globals) create --bundle $at --pid-file $at/init.pid c1
$(globals) start c1
$(globals) kill --all c1 10
$(globals) exec --process FILE --detach --pid-file $at/e1.pid c1
$(globals) kill --all c1 9
$(globals) delete c1
TEXT
    grep -q -- "--log $at/log.json .* create" "$FAKE_RUNC/calls"
}

# bats test_tags=direct
@test "T-160 C-5.12 C-4.30 a terminal adds --console-socket, below 108 bytes" {
    touch "$FAKE_RUNC/record"
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
c.call("Exec", id="c1", exec_id="e1", terminal=True, spec=exec_spec("true"))
c.call("Start", id="c1", exec_id="e1")
c.call("Wait", id="c1", exec_id="e1")
c.call("Delete", id="c1", exec_id="e1")
PY
    [[ $(recorded exec) =~ " exec --process "[^\ ]*" --console-socket "([^\ ]*)" --detach --pid-file $DIR/direct/c1/e1.pid c1"$ ]]
    [ "${#BASH_REMATCH[1]}" -lt 108 ]
    [ ! -e "${BASH_REMATCH[1]}" ]
    budget "$SHIM"
}

@test "T-161 C-5.4 NOTIFY_SOCKET is not passed on, the rest of the environment is" {
    touch "$FAKE_RUNC/record"
    stop_containerd
    start_containerd NOTIFY_SOCKET="$CASE/notify" SOMETHING=else
    idle c1
    grep -qx SOMETHING=else "$FAKE_RUNC/calls.env"
    not grep -q "^NOTIFY_SOCKET=" "$FAKE_RUNC/calls.env"
    stop_containerd
    start_containerd
}

@test "T-162 C-5.6 P-71 the runtime and the container get no descriptor but 0, 1 and 2" {
    touch "$FAKE_RUNC/record"
    idle c1
    exec_detached c1 e1 sleep 1000
    [ "$(sort "$FAKE_RUNC/calls.fds")" = "$(printf '%s: 0 1 2\n' create exec start)" ]
    # The init is a shell, the exec is sleep itself, once it is no more the runtime.
    wait_until grep -q sleep "/proc/$(cat "$(bundle c1)/e1.pid")/comm"
    [ "$(echo "/proc/$(cat "$(bundle c1)/e1.pid")/fd"/* | sed 's|[^ ]*/||g')" = "0 1 2" ]
    exec_end c1 e1
}

# bats test_tags=direct
@test "T-163 C-5.41 an error is told by the call that made it, not by an older one" {
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 /nope)"
    fails 2 "/nope" rpc c1 Start id=c1 exec_id=e1
    [[ ${output,,} == *"no such file or directory"* ]]
    touch "$FAKE_RUNC/exec.silent"
    rpc c1 Exec "$(exec_fields c1 e2 true)"
    run rpc c1 Start id=c1 exec_id=e2
    [ "$status" -eq 2 ]
    [[ $output == *"OCI runtime exec failed"*"did not terminate successfully: exit status 1"* ]]
    [[ $output != */nope* ]]
}

# bats test_tags=direct
@test "T-163 C-5.41 an error is not that of a command that ran beside it" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/pause.hold" "$FAKE_RUNC/pause.silent"
    echo "of the kill" >"$FAKE_RUNC/kill.fail"
    background pause python3 "$INTEGRATION/ttrpc.py" "$(cat "$DIR/direct/c1/address")" call Task Pause id=c1
    wait_until state_is c1 5
    fails 2 "exit status 1" rpc c1 Kill id=c1 signal=15 all=true
    rm "$FAKE_RUNC/pause.hold"
    wait_until grep -q "OCI runtime pause failed: .*exit status 1" "$DIR/jobs/pause"
    not grep -q "of the kill" "$DIR/jobs/pause"
    # Nobody's log is left but the one of the container.
    [ "$(cd "$DIR/direct/c1" && echo log*)" = "log log.json" ]
}

# bats test_tags=direct
@test "C-5.40 a log that is no JSON does not hide the failure" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/exec.garbage"
    rpc c1 Exec "$(exec_fields c1 e1 true)"
    fails 2 "OCI runtime exec failed" rpc c1 Start id=c1 exec_id=e1
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-5.7 a runtime that is killed is a failure that says so" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/exec.killed"
    rpc c1 Exec "$(exec_fields c1 e1 true)"
    fails 2 "OCI runtime exec failed" rpc c1 Start id=c1 exec_id=e1
    [[ $output == *kill* || $output == *signal* || $output == *137* ]]
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-5.35 a runtime that writes no pid file fails the create, and leaves nothing" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    touch "$FAKE_RUNC/create.nopid"
    fails 2 "pid" direct_create c1
    fails 5 "container not created" rpc c1 State id=c1
    wait_until not test -e "$(cgroup_of c1)"
    [ ! -e "/run/containerd/runc/$NS/c1" ]
}

# bats test_tags=direct
@test "C-4.40 P-30 when a Create has failed its logger is gone, also one that ignores SIGTERM" {
    printf '#!/bin/sh\ntrap "" TERM\necho $$ >"%s"\nexec 5>&-\nexec sleep 1000\n' "$CASE/logger.pid" >"$CASE/logger"
    chmod +x "$CASE/logger"
    direct_bundle c1 true
    direct_start c1 </dev/null
    echo broken >"$FAKE_RUNC/create.fail"
    fails 2 "broken" direct_create c1 stdout="binary://$CASE/logger"
    gone "$(cat "$CASE/logger.pid")"
}

# bats test_tags=direct
@test "P-30 a Create that fails leaves the cgroups of another container alone, whose cgroup it shares" {
    direct c1 sleep 1000
    direct_bundle c2 sleep 1000
    edit_spec c2 "spec['linux']['cgroupsPath'] = '$(cgroups_path c1)'"
    direct_start c2 </dev/null
    mkdir "$(cgroup_of c1)/below"
    # As one that is killed half-way.
    echo 'mkdir "$RUNTIME_ROOT/$NS/c2"; exit 1' >"$FAKE_RUNC/create.instead.c2"
    fails 2 "OCI runtime create failed" direct_create c2
    [ ! -e "$RUNTIME_ROOT/$NS/c2" ]
    rmdir "$(cgroup_of c1)/below"
    state_is c1 2
}

# bats test_tags=direct
@test "C-3.28 P-30 a created container that the runtime has lost ends with its Delete, and its exit is told" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_create c1
    pid=$(cat "$DIR/direct/c1/init.pid")
    rm -r "$RUNTIME_ROOT/$NS/c1"
    [[ $(rpc c1 Delete id=c1) == *'"exit_status": 137'* ]]
    gone "$pid"
    wait_until topics_are c1 "create exit delete"
    [ ! -e "$(cgroup_of c1)" ]
}

# bats test_tags=direct
@test "P-26 a runtime that prints megabytes to stderr neither hangs nor swells the shim" {
    direct c1 sleep 1000
    echo 10000000 >"$FAKE_RUNC/exec.noise"
    client <<'PY'
c = Connection(path)
for number in range(3):
    c.call("Exec", id="c1", exec_id=f"e{number}", terminal=number == 2, spec=exec_spec("true"))
    c.call("Start", id="c1", exec_id=f"e{number}", patience=15)
    c.call("Wait", id="c1", exec_id=f"e{number}", patience=5)
    c.call("Delete", id="c1", exec_id=f"e{number}")
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "T-164 C-3.14 P-06 fifty execs at once all succeed" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path, 60)
names = [f"e{number}" for number in range(50)]
for name in names:
    c.call("Exec", id="c1", exec_id=name, spec=exec_spec("sh", "-c", f"exit {int(name[1:])}"))
starts = [c.send("Task", "Start", {"id": "c1", "exec_id": name}) for name in names]
assert len({c.result("Start", start)["pid"] for start in starts}) == 50
for name in names:
    assert c.call("Wait", id="c1", exec_id=name).get("exit_status", 0) == int(name[1:])
    c.call("Delete", id="c1", exec_id=name)
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "T-165 C-5.3 a runtime by path, and by name" {
    for name in "$FAKE_RUNC_REAL" runc; do
        direct_bundle c1 sleep 1000
        direct_start c1 </dev/null
        direct_run c1 "options:={\"@type\": \"containerd.runc.v1.Options\", \"binary_name\": \"$name\"}"
        state_is c1 2
        [ "$(cat "$DIR/direct/c1/runtime")" = "$name" ]
        direct_end c1
    done
}

# bats test_tags=direct
@test "T-165 C-5.3 a missing runtime is a clear error, and leaves nothing" {
    for name in "$DIR/nowhere/runc" no-such-runtime; do
        direct_bundle c1 sleep 1000
        direct_start c1 </dev/null
        run direct_create c1 "options:={\"@type\": \"containerd.runc.v1.Options\", \"binary_name\": \"$name\"}"
        [ "$status" -ne 0 ]
        [ "$status" -lt 70 ]
        [[ $output == *"$name"* ]]
        fails 5 "container not created" rpc c1 State id=c1
        direct_end c1
    done
}

# bats test_tags=direct
@test "T-168 C-7.17 P-31 P-38 P-41 a slow create holds up no other container of the pod" {
    for id in c1 c2; do
        direct_bundle "$id" sleep 1000
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
        direct_start "$id" </dev/null
    done
    note_words g
    direct_run c1
    touch "$FAKE_RUNC/create.hold.c2"
    GROUP=g client "$DIR/direct" "$FAKE_RUNC/create.hold.c2" <<'PY'
c = Connection(path)
slow = c.send("Task", "Create", {"id": "c2", "bundle": sys.argv[2] + "/c2"})
assert c.call("State", id="c1", patience=5)["status"] == 2
c.call("Exec", id="c1", exec_id="e1", spec=exec_spec("true"), patience=5)
c.call("Start", id="c1", exec_id="e1", patience=5)
c.call("Wait", id="c1", exec_id="e1", patience=5)
c.call("Delete", id="c1", exec_id="e1", patience=5)
assert c.call("Connect", id="c2", patience=5)["shim_pid"]
c.call("Kill", id="c1", signal=9, patience=5)
assert c.call("Wait", id="c1", patience=5)["exit_status"] == 137
os.unlink(sys.argv[3])
assert c.result("Create", slow)["pid"]
PY
    direct_end c1 c2
}

# bats test_tags=direct
@test "C-3.14 P-31 P-41 a slow exec holds up neither State nor Kill nor Pids of its container" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/exec.hold"
    client "$FAKE_RUNC/exec.hold" <<'PY'
c = Connection(path)
c.call("Exec", id="c1", exec_id="e1", spec=exec_spec("true"))
slow = c.send("Task", "Start", {"id": "c1", "exec_id": "e1"})
assert c.call("State", id="c1", patience=5)["status"] == 2
assert c.call("State", id="c1", exec_id="e1", patience=5)["status"] == 1
assert c.call("Pids", id="c1", patience=5)["processes"]
c.call("Kill", id="c1", signal=0, patience=5)
os.unlink(sys.argv[2])
assert c.result("Start", slow)["pid"]
c.call("Wait", id="c1", exec_id="e1")
c.call("Delete", id="c1", exec_id="e1")
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-3.14 C-3.32 P-07 Kill and Delete of an exec that is being started wait for its start" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/exec.hold"
    client "$FAKE_RUNC/exec.hold" <<'PY'
starter, c = Connection(path), Connection(path)
c.call("Exec", id="c1", exec_id="e1", spec=exec_spec("sleep", "1000"))
start = starter.send("Task", "Start", {"id": "c1", "exec_id": "e1"})
starter.call("Connect", id="c1")  # so that it is there before what comes by the other connection
kill = c.send("Task", "Kill", {"id": "c1", "exec_id": "e1", "signal": 9})
wait = c.send("Task", "Wait", {"id": "c1", "exec_id": "e1"})
delete = c.send("Task", "Delete", {"id": "c1", "exec_id": "e1"})
assert c.call("State", id="c1", patience=5)["status"] == 2
starter.close()
os.unlink(sys.argv[2])
c.result("Kill", kill)
assert c.result("Wait", wait)["exit_status"] == 137
try:
    assert c.result("Delete", delete)["exit_status"] == 137  # it was looked at after the kill
except Failure as failure:
    assert failure.code == 2 and "cannot delete a running process" in failure.message, failure
    c.call("Delete", id="c1", exec_id="e1")
c.call("Exec", id="c1", exec_id="e1", spec=exec_spec("true"))
c.call("Start", id="c1", exec_id="e1")
assert c.call("Wait", id="c1", exec_id="e1").get("exit_status", 0) == 0
c.call("Delete", id="c1", exec_id="e1")
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "P-07 P-31 a Kill that has waited ten seconds for a start is refused, and kills what comes of it" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/exec.hold"
    client "$FAKE_RUNC/exec.hold" <<'PY'
c = Connection(path)
c.call("Exec", id="c1", exec_id="e1", spec=exec_spec("sleep", "1000"))
start = c.send("Task", "Start", {"id": "c1", "exec_id": "e1"})
refused(9, "process not created", c, "Kill", id="c1", exec_id="e1", signal=9)
os.unlink(sys.argv[2])
assert c.result("Start", start)["pid"]
assert c.call("Wait", id="c1", exec_id="e1")["exit_status"] == 137
c.call("Delete", id="c1", exec_id="e1")
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-3.42 the kill of what init has left ends before its container is deleted, and is no later one's" {
    direct_bundle c1 sh -c 'setsid sleep 1001 & exec sleep 1000'
    edit_spec c1 'spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "pid"]'
    direct_start c1 </dev/null
    direct_run c1
    wait_until has_processes c1 2
    touch "$FAKE_RUNC/kill.hold.c1"
    kill -KILL "$(cat "$DIR/direct/c1/init.pid")"
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    [[ $(rpc c1 Delete id=c1) == *'"exit_status": 137'* ]]
    wait_until childless "$(shim_pid c1)"
    rm "$FAKE_RUNC/kill.hold.c1"
    direct_run c1
    direct_end c1
}

# a runtime that hangs ------------------------------------------------------------------------------

# bats test_tags=direct
@test "P-26 a create that hangs ends with an error, and leaves nothing" {
    direct_bundle c1 sleep 1000
    SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS=$LIMIT direct_start c1 </dev/null
    touch "$FAKE_RUNC/create.hang"
    run rpc c1 --patience 30 Create id=c1 bundle="$DIR/direct/c1"
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    [[ $output == *create* ]]
    wait_until no_runtime
    fails 5 "container not created" rpc c1 State id=c1
}

# bats test_tags=direct
@test "P-26 P-30 a create that hangs removes no container that the runtime knew before" {
    direct_bundle c1 sleep 1000
    "$FAKE_RUNC_REAL" --root "$RUNTIME_ROOT/$NS" run --detach --bundle "$DIR/direct/c1" --pid-file "$CASE/pid" c1 \
        </dev/null >"$CASE/out" 2>&1
    SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS=$LIMIT direct_start c1 </dev/null
    touch "$FAKE_RUNC/create.hang"
    fails 4 "OCI runtime create failed" rpc c1 --patience 30 Create id=c1 bundle="$DIR/direct/c1"
    alive "$(cat "$CASE/pid")"
    end_runtime c1
}

# bats test_tags=direct
@test "P-26 a start that hangs ends with an error; the task can be deleted" {
    direct_bundle c1 sleep 1000
    SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS=$LIMIT direct_start c1 </dev/null
    direct_create c1
    touch "$FAKE_RUNC/start.hang"
    run rpc c1 --patience 30 Start id=c1
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    [[ $output == *start* ]]
    wait_until no_runtime
    state_is c1 1
    rpc c1 Delete id=c1
}

# bats test_tags=direct
@test "P-26 an exec that hangs ends with an error; the task goes on" {
    bounded c1 sleep 1000
    touch "$FAKE_RUNC/exec.hang"
    rpc c1 Exec "$(exec_fields c1 e1 true)"
    run rpc c1 --patience 30 Start id=c1 exec_id=e1
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    [[ $output == *exec* ]]
    wait_until no_runtime
    rm "$FAKE_RUNC/exec.hang"
    rpc c1 Delete id=c1 exec_id=e1
    direct_exec c1 e2 true
    rpc c1 Wait id=c1 exec_id=e2
    rpc c1 Delete id=c1 exec_id=e2
    budget "$SHIM"
}

# bats test_tags=direct
@test "P-26 a kill with all that hangs ends with an error; the plain kill works" {
    bounded c1 sleep 1000
    touch "$FAKE_RUNC/kill.hang"
    run rpc c1 --patience 30 Kill id=c1 signal=15 all=true
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    wait_until no_runtime
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
}

# bats test_tags=direct
@test "P-26 a delete that hangs ends with an error, and can be repeated" {
    bounded c1 true
    rpc c1 Wait id=c1
    touch "$FAKE_RUNC/delete.hang"
    run rpc c1 --patience 30 Delete id=c1
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    [[ $output == *delete* ]]
    wait_until no_runtime
    rm "$FAKE_RUNC/delete.hang"
    rpc c1 Delete id=c1
}

# bats test_tags=direct
@test "P-10 a kill of the rest that hangs holds up no exit of another container" {
    for id in c1 c2; do
        direct_bundle "$id" sleep 1000
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}
spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "pid"]'
        SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS=$LIMIT direct_start "$id" </dev/null
        direct_run "$id"
    done
    note_words g
    touch "$FAKE_RUNC/kill.hang.c1"
    kill -KILL "$(cat "$DIR/direct/c1/init.pid")"
    kill -KILL "$(cat "$DIR/direct/c2/init.pid")"
    [[ $(rpc c2 --patience 2 Wait id=c2) == *'"exit_status": 137'* ]]
    [[ $(rpc c1 --patience 30 Wait id=c1) == *'"exit_status": 137'* ]]
    rm "$FAKE_RUNC/kill.hang.c1"
    direct_end c1 c2
}

# bats test_tags=direct
@test "C-5.12 P-55 an exec costs the shim one child: the runtime" {
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 true)"
    background trace strace -qq -e trace=clone,clone3,fork,vfork -o "$CASE/trace" -p "$SHIM"
    wait_until traced "$SHIM"
    rpc c1 Start id=c1 exec_id=e1
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
    stop_job trace
    # With -qq nothing is told but calls, and signals.
    [ "$(grep -cE '^(clone|clone3|fork|vfork)\(' "$CASE/trace")" -eq 1 ]
}

traced() { grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$1/status"; }
