# Side by side with the Go shim of the same containerd: the same commands of ctr must give the same output, the same
# exit codes and the same events. Pids, times and the runtime's name are the only differences.

# For time's sake, not with each.
# bats file_tags=containerd:1-6, containerd:2-1

load lib
load side-by-side

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# success -------------------------------------------------------------------------------------------

foreground() {
    step attached sh -c 'echo out; exit 0'
    step attached sh -c 'echo out; exit 7'
    step attached sh -c 'kill -9 $$'
    step attached sh -c 'pwd; id; env | sort; cat /proc/1/comm; ls /proc/self/fd | wc -l'
}

@test "ctr run: output, status, events" { compare foreground; }

standing() {
    local words='grep -E "^(Cap|Sig[BIC]|Seccomp|NoNewPrivs|Groups)" /proc/self/status; ulimit -a'
    step attached sh -c "$words"
    step ctr run --rm --privileged --runtime "$RT" --fifo-dir "$DIR/fifo" --env PATH=/bin --rootfs "$ROOTFS" c1 \
        sh -c "$words" 3>&- 4>&-
}

@test "C-5.6 capabilities, signals and limits of default and privileged containers: output, status, events" {
    compare standing
}

terminal() {
    note_words c1
    step terminal_ctr run --rm -t --runtime "$RT" --fifo-dir "$DIR/fifo" --env PATH=/bin --rootfs "$ROOTFS" c1 \
        sh -c 'stty -echo; tty; test -t 0 && test -t 1 && test -t 2 && echo terminal; echo ready; read; exit 5'
}

@test "ctr run -t: output, status, events" { compare terminal; }

life() {
    step detached sleep 1000
    step ctr task ls
    step ctr task ps c1
    step exec_c1 e1 sh -c 'echo exec; exit 3'
    step exec_c1 e1 echo again
    step terminal_ctr task exec -t --fifo-dir "$DIR/fifo" --exec-id e2 c1 sh -c 'stty -echo; tty; echo ready; read; exit 4'
    step ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    step ctr task ls
    step ctr task rm c1
    step ctr task ls
    finish
}

@test "ctr run -d, ls, ps, exec, exec -t, kill, rm: output, status, events" { compare life; }

exec_life() {
    step detached sleep 1000
    step exec_detached c1 e1 sleep 1000
    step ctr task kill --exec-id e1 -s TERM c1
    wait_until event_seen c1 exit
    step ctr task kill --exec-id e1 -s TERM c1
    step ctr task rm --exec-id e1 c1
    step ctr task rm --exec-id e1 c1
    step ctr task kill -a -s KILL c1
    wait_until task_is c1 STOPPED
    finish
}

@test "the life of a detached exec: output, status, events" { compare exec_life; }

created() {
    step ctr container create --runtime "$RT" --env PATH=/bin --rootfs "$ROOTFS" c1 sh -c 'exit 6'
    step ctr task start --null-io c1
    finish
}

@test "container create and task start: output, status, events" { compare created; }

# failures ------------------------------------------------------------------------------------------

missing_command() {
    step attached /nope
    step attached nope
    step attached /etc/passwd
    step attached /etc
}

@test "a missing command, a directory, no permission: output, status, events" { compare missing_command; }

bad_cwd() {
    # A cwd that is a file; one that is missing is made by runc.
    step ctr run --rm --runtime "$RT" --fifo-dir "$DIR/fifo" --env PATH=/bin --cwd /etc/passwd --rootfs "$ROOTFS" c1 true
    step ctr run --rm --runtime "$RT" --fifo-dir "$DIR/fifo" --env PATH=/bin --cwd relative --rootfs "$ROOTFS" c1 true
}

@test "a bad cwd: output, status, events" { compare bad_cwd; }

bad_rootfs() {
    note_words c1
    step ctr run --rm --runtime "$RT" --fifo-dir "$DIR/fifo" --rootfs "$CASE/no-rootfs" c1 true
    step ctr run --rm --runtime "$RT" --fifo-dir "$DIR/fifo" --env PATH=/bin --mount type=bind,src=/nowhere,dst=/x,options=bind \
        --rootfs "$ROOTFS" c1 true
}

@test "a missing rootfs, a bad mount: output, status, events" { compare bad_rootfs; }

bad_exec() {
    step detached sleep 1000
    step exec_c1 e1 /nope
    step ctr task exec --fifo-dir "$DIR/fifo" --exec-id e2 --cwd /nope c1 true
    step exec_c1 e3 echo fine
    step ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    finish
}

@test "execs that cannot start: output, status, events" { compare bad_exec; }

duplicates() {
    step detached sleep 1000
    step detached sleep 1000
    step exec_detached c1 e1 sleep 1000
    step exec_c1 e1 true
    step ctr task kill --exec-id e1 -s KILL c1
    wait_until event_seen c1 exit
    step ctr task rm --exec-id e1 c1
    step ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    finish
}

@test "duplicate ids: output, status, events" { compare duplicates; }

refusals() {
    step detached sleep 1000
    step ctr task rm c1
    step ctr task start c1
    step ctr task kill --exec-id nope c1
    step ctr task kill nope
    step exec_detached nope e1 true
    step ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    step ctr task kill c1
    step exec_c1 e1 true
    step ctr task rm c1
    step ctr task rm c1
    finish
}

@test "what a running, a stopped and an unknown task refuse: output, status, events" { compare refusals; }

without_runtime() {
    note_words c1
    step attached true
}

@test "a missing runtime: output, status, events" {
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    mkdir "$CASE/bin"
    ln -s "$SHIM_BINARY" "$PEER_BINARY" "$(type -P containerd)" "$CASE/bin/"
    stop_containerd
    start_containerd PATH="$CASE/bin"
    side theirs "$PEER_RUNTIME" without_runtime
    side ours "$SHIM_RUNTIME" without_runtime
    stop_containerd
    start_containerd
    grep -q -- '-> 1' "$CASE/theirs"
    same
}
