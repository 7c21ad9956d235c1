# Checkpoint and restore: contract C-3.23, C-3.48 … C-3.50, C-5.25 … C-5.31.

# bats file_tags=direct

load lib

setup_file() {
    setup_suite_file
    ln -s "$("$INTEGRATION/packages.sh" --wrap trixie criu)" "$DIR/bin/criu"
}
teardown_file() { teardown_suite_file; }
teardown() {
    rm -f "$ROOTFS/tmp"/*
    end_case
}

# A container without IO that writes a number to /tmp/count of its rootfs, again and again.
# shellcheck disable=SC2016 # expanded in the container
COUNTER='i=0; while :; do i=$((i+1)); echo $i >/tmp/count.new; mv /tmp/count.new /tmp/count; usleep 20000; done'

count() { cat "$ROOTFS/tmp/count"; }
counts() { [ "$(count)" -gt "$1" ]; }

# counter ID: it counts.
counter() {
    direct "$1" sh -c "$COUNTER"
    wait_until counts 3
}

# restore ID [FIELD=VALUE...]: Create from the image of the case, and Start.
restore() {
    rpc "$1" Create id="$1" bundle="$DIR/direct/$1" checkpoint="$CASE/image" "${@:2}"
    rpc "$1" Start id="$1"
}

# checkpoint_options [NAME] JSON: an Any of options for the request.
checkpoint_options() { printf '{"options": {"@type": "containerd.%s.CheckpointOptions", %s}}' "$1" "$2"; }

@test "T-104 C-3.48 a task that was checkpointed goes on, and is told" {
    counter c1
    rpc c1 Checkpoint id=c1 path="$CASE/image"
    [ -e "$CASE/image/inventory.img" ]
    before=$(count)
    state_is c1 2
    wait_until counts "$before"
    wait_until topics_are c1 "create start checkpointed"
    grep -q "\"checkpoint\": \"$CASE/image\"" "$DIR/jobs/direct-events"
    [ ! -e "$DIR/direct/c1/work/criu-work" ]
    [ ! -e "$DIR/direct/c1/criu-dump.log" ]
}

@test "T-104 C-3.49 C-3.50 a checkpoint that ends the task, and a task that goes on from it" {
    counter c1
    rpc c1 Checkpoint id=c1 path="$CASE/image" "$(checkpoint_options runc.v1 '"exit": true')"
    rpc c1 Wait id=c1
    state_is c1 3
    rpc c1 Delete id=c1
    # It ends before its runtime does.
    wait_until topics_are c1 "create start exit checkpointed delete"
    before=$(count)
    restore c1
    state_is c1 2
    wait_until counts "$before"
    # It went on, and did not begin anew.
    [ "$(count)" -ge "$before" ]
    pid=$(cat "$DIR/direct/c1/init.pid")
    [[ $(rpc c1 Pids id=c1) == *"\"pid\": $pid"* ]]
    wait_until topics_are c1 "create start exit checkpointed delete create start"
    [ "$(grep -c '"checkpoint": .*"pid": 0\|"checkpoint": "[^"]*"}' "$DIR/jobs/direct-events")" -ge 1 ]
    direct_exec c1 e1 sh -c 'exit 4'
    [[ $(rpc c1 Wait id=c1 exec_id=e1) == *'"exit_status": 4'* ]]
    rpc c1 Delete id=c1 exec_id=e1
    kill_and_delete c1
}

@test "C-3.10 C-3.11 C-3.23 what waits to be restored is created, without a pid" {
    counter c1
    rpc c1 Checkpoint id=c1 path="$CASE/image"
    kill_and_delete c1
    [ "$(rpc c1 Create id=c1 bundle="$DIR/direct/c1" checkpoint="$CASE/image")" = '{}' ]
    [ "$(rpc c1 State id=c1)" = '{"id": "c1", "bundle": "'"$DIR/direct/c1"'", "status": 1, "exited_at": {"seconds": -62135596800}}' ]
    fails 2 "cannot exec in a created state" rpc c1 Exec "$(exec_fields c1 e1 true)"
    fails 2 "cannot pause task in created state" rpc c1 Pause id=c1
    fails 2 "cannot checkpoint a task in created state" rpc c1 Checkpoint id=c1 path="$CASE/other"
    fails 5 "no such container" rpc c1 Kill id=c1 signal=9
    [ "$(rpc c1 Pids id=c1)" = '{}' ]
    rpc c1 Delete id=c1
    fails 5 "container not created" rpc c1 State id=c1
}

@test "C-3.11 what cannot be checkpointed" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_create c1
    fails 2 "cannot checkpoint a task in created state" rpc c1 Checkpoint id=c1 path="$CASE/image"
    rpc c1 Start id=c1
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    fails 2 "cannot checkpoint a stopped container" rpc c1 Checkpoint id=c1 path="$CASE/image"
    fails 5 "container not created" rpc c1 Checkpoint id=nobody path="$CASE/image"
}

@test "T-105 C-3.48 P-75 a checkpoint that fails leaves CRIU's log, says where, and the task runs" {
    direct c1 sleep 1000
    # A process has one tracer at most.
    background tracer strace -o /dev/null -p "$(cat "$DIR/direct/c1/init.pid")"
    wait_until grep -q attached "$DIR/jobs/tracer"
    fails 2 "criu failed: type NOTIFY errno 0 path= $DIR/direct/c1/criu-dump.log" rpc c1 Checkpoint id=c1 path="$CASE/image"
    [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ]
    grep -q "Dumping FAILED" "$DIR/direct/c1/criu-dump.log"
    [ ! -e "$DIR/direct/c1/work/criu-work" ]
    state_is c1 2
    # A working directory of the client's is left to it.
    fails 2 "criu failed" rpc c1 Checkpoint id=c1 path="$CASE/image" "$(checkpoint_options runc.v1 "\"work_path\": \"$CASE/work\"")"
    grep -q "Dumping FAILED" "$CASE/work/dump.log"
    stop_job tracer
    rpc c1 Checkpoint id=c1 path="$CASE/image2"
}

@test "T-105 C-3.48 without CRIU there is a message" {
    direct c1 sleep 1000
    mv "$DIR/bin/criu" "$CASE/criu"
    run rpc c1 Checkpoint id=c1 path="$CASE/image"
    mv "$CASE/criu" "$DIR/bin/criu"
    [ "$status" -eq 2 ]
    [[ $output == *criu*"path= $DIR/direct/c1/criu-dump.log"* ]]
    state_is c1 2
}

@test "C-3.50 a restore that fails says so, and can be tried again" {
    counter c1
    rpc c1 Checkpoint id=c1 path="$CASE/image"
    kill_and_delete c1
    mv "$CASE/image/core-1.img" "$CASE/core"
    rpc c1 Create id=c1 bundle="$DIR/direct/c1" checkpoint="$CASE/image"
    fails 2 "OCI runtime restore failed: criu failed: type NOTIFY errno 0" rpc c1 Start id=c1
    state_is c1 1
    # CRIU's own reason is in the shim's log.
    wait_until grep -q 'msg="restore" .*criu=.*Unexpected EOF' "$DIR/jobs/log-c1"
    mv "$CASE/core" "$CASE/image/core-1.img"
    before=$(count)
    rpc c1 Start id=c1
    wait_until counts "$before"
    kill_and_delete c1
}

@test "C-3.50 a restored task has the streams of its new client" {
    mkfifo "$CASE/out" "$CASE/in"
    direct_bundle c1 sh -c 'while read line; do echo "got $line"; done'
    direct_start c1 </dev/null
    exec {out}<>"$CASE/out"
    direct_run c1 stdin="$CASE/in" stdout="$CASE/out"
    echo one >"$CASE/in"
    read -r -t 10 -u "$out" line
    [ "$line" = "got one" ]
    rpc c1 Checkpoint id=c1 path="$CASE/image"
    kill_and_delete c1
    mkfifo "$CASE/out2" "$CASE/in2"
    exec {out2}<>"$CASE/out2"
    restore c1 stdin="$CASE/in2" stdout="$CASE/out2"
    echo two >"$CASE/in2"
    read -r -t 10 -u "$out2" line
    [ "$line" = "got two" ]
    rpc c1 CloseIO id=c1 stdin=true
    [[ $(rpc c1 Wait id=c1) == '{"exited_at"'* ]]
    rpc c1 Delete id=c1
    exec {out}>&- {out2}>&-
}

@test "C-3.50 C-4.30 a task with a terminal is restored with a new one" {
    mkfifo "$CASE/out" "$CASE/in"
    direct_bundle c1 sh -c 'while read line; do echo "got $line"; done'
    edit_spec c1 'spec["process"]["terminal"] = True'
    direct_start c1 </dev/null
    exec {out}<>"$CASE/out"
    direct_run c1 stdin="$CASE/in" stdout="$CASE/out" terminal=true
    rpc c1 Checkpoint id=c1 path="$CASE/image" "$(checkpoint_options runc.v1 '"terminal": true')"
    kill_and_delete c1
    restore c1 stdin="$CASE/in" stdout="$CASE/out" terminal=true
    echo two >"$CASE/in"
    found() { while read -r -t 10 -u "$out" line; do [[ $line != "got two"* ]] || return 0; done; return 1; }
    found
    rpc c1 ResizePty id=c1 width=10 height=10
    kill_and_delete c1
    exec {out}>&-
}

@test "C-5.25 C-3.62 the words of a checkpoint, for both kinds of options" {
    direct c1 sleep 1000
    echo 'exit 0' >"$FAKE_RUNC/checkpoint.instead"
    touch "$FAKE_RUNC/record"
    root="--root /run/containerd/runc/$NS --log-format json"
    recorded_checkpoint() { recorded checkpoint | sed 's| --log [^ ]*||'; }
    rpc c1 Checkpoint id=c1 path=/image
    [ "$(recorded_checkpoint)" = "$root checkpoint --image-path /image --work-path $DIR/direct/c1/work/criu-work --leave-running c1" ]
    rpc c1 Checkpoint id=c1 path=/image "$(checkpoint_options runc.v1 '"exit": true, "open_tcp": true, "external_unix_sockets": true,
        "terminal": true, "file_locks": true, "empty_namespaces": ["network", "ipc"], "cgroups_mode": "full",
        "image_path": "/elsewhere", "work_path": "/w", "parent_path": "/parent"')"
    [ "$(recorded_checkpoint)" = "$root checkpoint --image-path /image --work-path /w --parent-path /parent --tcp-established \
--ext-unix-sk --shell-job --file-locks --empty-ns network --empty-ns ipc c1" ]
    rpc c1 Checkpoint id=c1 path=/image "$(checkpoint_options linux.runc '"image_path": "/elsewhere", "work_path": "/w"')"
    [ "$(recorded_checkpoint)" = "$root checkpoint --image-path /image --work-path /w --leave-running c1" ]
    fails 3 "checkpoint options of type \"x.y\"" rpc c1 Checkpoint id=c1 path=/image '{"options": {"@type": "x.y", "@hex": "0801"}}'
    fails 3 "not an absolute path" rpc c1 Checkpoint id=c1 path=image
    fails 3 "not an absolute path" rpc c1 Checkpoint id=c1
    fails 3 "not an absolute path" rpc c1 Create id=c2 bundle="$DIR/direct/c1" checkpoint=image
    budget "$SHIM"
}

@test "C-5.26 C-5.31 the words of a restore" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    touch "$FAKE_RUNC/record"
    echo "not today" >"$FAKE_RUNC/restore.fail"
    work=$(checkpoint_work)
    options='{"options": {"@type": "containerd.runc.v1.Options", "no_pivot_root": true, "criu_work_path": "'$work'"}}'
    rpc c1 Create id=c1 bundle="$DIR/direct/c1" checkpoint=/image parent_checkpoint=/parent "$options"
    fails 2 "OCI runtime restore failed: not today" rpc c1 Start id=c1
    [ "$(recorded restore)" = "--root /run/containerd/runc/$NS --log $DIR/direct/c1/log.json --log-format json restore --image-path /image \
--work-path $work --parent-path /parent --detach --pid-file $DIR/direct/c1/init.pid --no-pivot --no-subreaper \
--bundle $DIR/direct/c1 c1" ]
    rpc c1 Delete id=c1
    rpc c1 Create id=c1 bundle="$DIR/direct/c1" checkpoint=/image
    fails 2 "OCI runtime restore failed: not today" rpc c1 Start id=c1
    [[ $(recorded restore) == *" --work-path $DIR/direct/c1/work --detach --pid-file $DIR/direct/c1/init.pid --no-subreaper "* ]]
    rpc c1 Delete id=c1
}

checkpoint_work() { mkdir -p "$CASE/work" && echo "$CASE/work"; }

@test "C-3.14 C-3.48 one checkpoint at a time" {
    direct c1 sleep 1000
    touch "$FAKE_RUNC/checkpoint.hold" "$FAKE_RUNC/record"
    background first python3 "$INTEGRATION/ttrpc.py" "$(cat "$DIR/direct/c1/address")" call Task Checkpoint id=c1 path="$CASE/image"
    wait_until grep -q ' checkpoint ' "$FAKE_RUNC/calls"
    background second rpc c1 Checkpoint id=c1 path="$CASE/image2"
    state_is c1 2
    [ "$(grep -c ' checkpoint ' "$FAKE_RUNC/calls")" -eq 1 ]
    rm "$FAKE_RUNC/checkpoint.hold"
    wait_until grep -q '{}' "$DIR/jobs/first"
    wait_until grep -q '{}' "$DIR/jobs/second"
    [ -e "$CASE/image2/inventory.img" ]
}
