# containerd goes away and comes back: contract C-1.56 … C-1.59, C-2.45, checklist T-036 … T-040.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# forwarded TOPIC: containerd's log has the event since the last (re)start.
forwarded() {
    tail -n "+$MARK" "$DIR/containerd.log" | grep -q "event forwarded.*topic=/tasks/$1 "
}

mark_log() { MARK=$(($(wc -l <"$DIR/containerd.log") + 1)); }

# bats test_tags=core
@test "T-036 C-1.56 the shim and its task survive kill -9 and restart of containerd" {
    idle c1
    shim=$(shim_pid c1)
    init=$(task_pid c1)
    kill9_containerd
    alive "$shim"
    alive "$init"
    start_containerd
    task_is c1 RUNNING
    [ "$(task_pid c1)" = "$init" ]
    [ "$(shim_pid c1)" = "$shim" ]
    budget "$shim"
}

@test "T-036 C-1.56 the same for an orderly stop" {
    idle c1
    shim=$(shim_pid c1)
    stop_containerd
    start_containerd
    task_is c1 RUNNING
    [ "$(shim_pid c1)" = "$shim" ]
}

# bats test_tags=core
@test "T-037 exec, kill, events and delete work after the restart" {
    idle c1
    kill9_containerd
    start_containerd
    events_start
    run exec_task c1 echo again
    [ "$output" = again ]
    ctr task kill -s KILL c1
    wait_event c1 exit 2
    wait_until task_is c1 STOPPED
    end_task c1
    wait_event c1 delete
    [ "$(topics c1)" = "exec-added exec-started exit exit delete " ]
}

@test "T-038 C-1.57 C-2.45 an exit while containerd is away arrives after the restart, and its status stays; nothing else is lost" {
    idle c1
    idle c2
    init=$(task_pid c1)
    kill9_containerd
    kill -KILL "$init"
    wait_until gone "$init"
    mark_log
    start_containerd
    wait_until -t 30 all_forwarded "exit "
    task_is c1 STOPPED
    run ctr task rm c1
    [[ $output == *137* ]]
    wait_until -t 30 all_forwarded "exit delete "
    wait_until no_shim c1
    task_is c2 RUNNING
    exec_task c2 true
}

@test "T-038 C-2.45 P-03 all that happened while containerd was away arrives in order" {
    idle c1
    kill9_containerd
    # The shim goes on to serve whoever speaks to it.
    client "$(printf 'exit %s' 5)" <<'PY'
c = Connection(path)
for name in ("e1", "e2"):
    c.call("Exec", id="c1", exec_id=name, spec=exec_spec("sh", "-c", sys.argv[2]))
    c.call("Start", id="c1", exec_id=name)
    assert c.call("Wait", id="c1", exec_id=name)["exit_status"] == 5
    c.call("Delete", id="c1", exec_id=name)
PY
    mark_log
    start_containerd
    wait_until -t 30 all_forwarded "exec-added exec-started exit exec-added exec-started exit "
    task_is c1 RUNNING
}

all_forwarded() {
    [ "$(tail -n "+$MARK" "$DIR/containerd.log" | sed -n 's|.*event forwarded.*topic=/tasks/\([a-z-]*\) .*|\1|p' | tr '\n' ' ')" = "$1" ]
}

# bats test_tags=core
@test "T-039 C-1.58 C-4.12 P-25 output while containerd is away goes on, without a gap" {
    ctr run -d --runtime "$SHIM_RUNTIME" --fifo-dir "$DIR/fifo" --env PATH=/bin --rootfs "$ROOTFS" c1 \
        sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done' 3>&- 4>&-
    budget_baseline "$(shim_pid c1)"
    background reader cat "$DIR"/fifo/*/c1-stdout
    wait_until grows
    kill9_containerd
    wait_until grows
    wait_until grows
    start_containerd
    wait_until grows
    task_is c1 RUNNING
    ctr task kill -s KILL c1
    wait_until not alive "$(cat "$DIR/jobs/reader.pid")"
    # ctr read a first piece for itself; from the reader's second line on there is no gap.
    seq "$(sed -n 2p "$DIR/jobs/reader")" "$(tail -n 1 "$DIR/jobs/reader")" >"$CASE/expected"
    [ "$(wc -l <"$CASE/expected")" -gt 3 ]
    sed 1d "$DIR/jobs/reader" | cmp - "$CASE/expected"
    rm -rf "${DIR:?}"/fifo/*
}

@test "T-040 C-1.57 pids right after each restart; the task is never lost" {
    idle c1
    init=$(task_pid c1)
    for _ in $(seq "${RESTARTS:-5}"); do
        kill9_containerd
        start_containerd
        run ctr task ps c1
        [ "$status" -eq 0 ]
        [[ $output == *"$init"* ]]
    done
    budget "$(shim_pid c1)"
}

@test "C-1.56 the containers of a pod are all found again" {
    for id in c1 c2 c3; do idle "$id" --annotation io.containerd.runc.v2.group=g1; done
    kill9_containerd
    start_containerd
    for id in c1 c2 c3; do task_is "$id" RUNNING; done
    [ "$(shims | wc -l)" -eq 1 ]
    end_task c1
    exec_task c2 true
    budget_baseline "$(shim_pid c1)"
}

@test "C-1.58 P-12 a create under way when containerd dies is finished" {
    run_dies_during create
    wait_until task_is c1 CREATED
    [ "$(task_pid c1)" = "$(cat "$(bundle c1)/init.pid")" ]
}

@test "C-1.57 P-12 a create that is still under way when containerd is back is no leak" {
    echo 4 >"$FAKE_RUNC/create.delay.c1"
    run_in_background
    wait_until at_verb create
    kill9_containerd
    start_containerd
    wait_until task_is c1 CREATED
    [ "$(task_pid c1)" = "$(cat "$(bundle c1)/init.pid")" ]
}

@test "C-1.58 P-12 so is a start" {
    run_dies_during start
    wait_until task_is c1 RUNNING
    [ "$(task_pid c1)" = "$(cat "$(bundle c1)/init.pid")" ]
}

@test "C-1.58 P-12 so is an exec, which can be killed then" {
    idle c1
    touch "$FAKE_RUNC/exec.hold.c1"
    # Its output goes to a file: ctr takes its fifos with it.
    background exec command ctr -a "$SOCK" -n "$NS" task exec --log-uri "file://$CASE/said" --exec-id e1 c1 sleep 1000
    dies_during exec
    events_start
    ctr task kill --exec-id e1 -s KILL c1
    wait_event c1 exit
    task_is c1 RUNNING
}

@test "C-1.58 P-12 so is a kill" {
    idle c1
    touch "$FAKE_RUNC/kill.hold.c1"
    background kill command ctr -a "$SOCK" -n "$NS" task kill -a -s TERM c1
    dies_during kill
    wait_until task_is c1 STOPPED
}

@test "C-1.58 P-12 so is a delete, after which the bundle and the shim go" {
    kill9_containerd
    start_containerd SWIFTRUNC_LONELY_SECONDS=5
    idle c1
    shim=$(shim_pid c1)
    ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    touch "$FAKE_RUNC/delete.hold.c1"
    background delete command ctr -a "$SOCK" -n "$NS" task rm c1
    dies_during delete
    # containerd 1.6 says Shutdown of no shim that it finds without a task.
    wait_until -t 20 gone "$shim"
    wait_until not test -e "$(bundle c1)"
    [ -z "$(task_status c1)" ]
}

@test "C-2.13 C-3.28 a delete that takes its client too long can be done again, and the bundle and the shim go" {
    events_start
    idle c1
    shim=$(shim_pid c1)
    ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    touch "$FAKE_RUNC/delete.hold.c1"
    fails 1 "context deadline exceeded" command ctr -a "$SOCK" -n "$NS" --timeout 2s task rm c1
    rm "$FAKE_RUNC/delete.hold.c1"
    wait_event c1 delete
    wait_until not at_verb delete
    task_is c1 STOPPED
    ctr task rm c1
    wait_until gone "$shim"
    wait_until not test -e "$(bundle c1)"
}

@test "C-3.22 P-30 a create is undone if its client gives up, and the bundle and the shim go" {
    run_holding create
    wait_until at_verb create
    shim=$(shim_pid c1)
    stop_job run KILL
    # By then containerd may have said Delete, or not.
    rm "$FAKE_RUNC/create.hold.c1"
    wait_until -t 20 gone "$shim"
    wait_until not test -e "$(bundle c1)"
    [ -z "$(task_status c1)" ]
    not pgrep -f "runc .*--log $DIR/"
}

# run_dies_during VERB: dies_during, of a c1 that is run for it.
run_dies_during() {
    run_holding "$1"
    dies_during "$1"
}

# run_holding VERB: c1 is run, and its runtime waits at the verb.
run_holding() {
    touch "$FAKE_RUNC/$1.hold.c1"
    run_in_background
}

run_in_background() {
    background run command ctr -a "$SOCK" -n "$NS" run "${NO_SHARES[@]}" -d --null-io --runtime "$SHIM_RUNTIME" \
        --env PATH=/bin --rootfs "$ROOTFS" c1 sleep 1000
    note_words c1
}

# dies_during VERB: containerd is killed while the runtime of c1 waits at it, which then goes on, and comes back.
dies_during() {
    wait_until at_verb "$1"
    kill9_containerd
    rm "$FAKE_RUNC/$1.hold.c1"
    wait_until not at_verb "$1"
    start_containerd
}

at_verb() { pgrep -f "runc .*--log $DIR/.* $1 " >/dev/null; }

@test "C-1.59 a shim killed while containerd is away is cleaned up after the restart" {
    run_image c1 sleep 1000
    shim=$(shim_pid c1)
    init=$(task_pid c1)
    kill9_containerd
    kill -KILL "$shim"
    wait_until gone "$shim"
    start_containerd
    wait_until gone "$init"
    wait_until not test -e "$(bundle c1)"
    not grep -q " $(bundle c1)/rootfs " /proc/self/mountinfo
    [ -z "$(task_status c1)" ]
    # The socket of a killed shim stays until the next start of its group.
    ctr container rm c1
    idle c1
    task_is c1 RUNNING
}

@test "C-2.43 a stopped containerd holds up no call to the shim" {
    idle c1
    kill -STOP "$(containerd_pid)"
    client <<'PY'
c = Connection(path)
for number in range(20):
    c.call("Exec", id="c1", exec_id=f"e{number}", spec=exec_spec("true"), patience=10)
    c.call("Start", id="c1", exec_id=f"e{number}", patience=10)
    c.call("Wait", id="c1", exec_id=f"e{number}", patience=10)
    c.call("Delete", id="c1", exec_id=f"e{number}", patience=10)
PY
    mark_log
    kill -CONT "$(containerd_pid)"
    wait_until -t 30 forwarded_times exit 20
    task_is c1 RUNNING
}

forwarded_times() {
    [ "$(tail -n "+$MARK" "$DIR/containerd.log" | grep -c "event forwarded.*topic=/tasks/$1 ")" -ge "$2" ]
}
