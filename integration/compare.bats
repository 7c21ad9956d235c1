# Side by side with the Go shim of the same containerd: the same commands of ctr must give the same output, the same
# exit codes and the same events. Pids, times and the runtime's name are the only differences.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# compare FUNCTION: runs it under both runtimes and compares.
compare() {
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    side ours "$SHIM_RUNTIME" "$1"
    # The Go shim of 2.1 at times ends before its last event is out.
    for _ in 1 2 3 4 5; do
        side theirs "$PEER_RUNTIME" "$1"
        [ "$(deletes theirs)" -lt "$(deletes ours)" ] || break
    done
    [ -s "$CASE/theirs" ]
    diff -u "$CASE/theirs" "$CASE/ours"
}

deletes() { grep -c '^/tasks/delete ' "$CASE/$1" || :; }

# side NAME RUNTIME FUNCTION: what the function printed and which events there were.
side() {
    local RT=$2
    events_start
    "$3" >"$CASE/out" 2>&1
    wait_until -t 20 no_shims
    # What was published before is in the file when a later event is.
    local lines
    lines=$(wc -l <"$DIR/jobs/events")
    wait_until events_passed "$lines"
    events_stop
    { cat "$CASE/out" && echo "events:" && events; } | normalise >"$CASE/$1"
    rm -f "$CASE/out"
}

events_passed() {
    ctr namespace label "$NS" "probe=$RANDOM" && [ "$(wc -l <"$DIR/jobs/events")" -gt "$1" ]
}

# Columns are as wide as the pids in them. ctr's complaint about a resize that came after the exit is a matter of luck.
normalise() {
    sed -E -e '/resize pty/d' -e "s/io\.containerd\.(swiftrunc|runc)\.v2/RUNTIME/g" \
        -e 's/"(pid|exited_at)":("[^"]*"|[0-9]+|\{[^}]*\})/"\1":X/g' \
        -e 's/time="[^"]*"/time=X/' -e 's/^([a-z0-9]+ +)[0-9]+( +[A-Z]+)/\1PID\2/' -e 's/^[0-9]+ /PID /' \
        -e 's/x[0-9]+-[0-9]+/EXEC/g' -e 's|fifo/[0-9]+|fifo/N|g' \
        -e 's/[[:space:]]+/ /g; s/ $//'
}

# step COMMAND...: its output and its exit code.
step() {
    local status=0
    "$@" </dev/null || status=$?
    echo "-> $status"
}

# attached COMMAND... / detached COMMAND...: as container c1.
attached() { ctr run --rm --runtime "$RT" --fifo-dir "$DIR/fifo" --env PATH=/bin --rootfs "$ROOTFS" c1 "$@" 3>&- 4>&-; }
detached() { ctr run -d --null-io --runtime "$RT" --env PATH=/bin --rootfs "$ROOTFS" c1 "$@" 3>&- 4>&-; }
exec_c1() { ctr task exec --fifo-dir "$DIR/fifo" --exec-id "$1" c1 "${@:2}" </dev/null 3>&- 4>&-; }
finish() {
    ctr task rm -f c1 >/dev/null 2>&1 || :
    step ctr container rm c1
    rm -rf "${DIR:?}"/fifo/*
}

# in_terminal COMMAND...: the command on a terminal of its own, what it printed there, its status. To
# "ready" it is sent a line: the Go shim may lose what comes right before the end.
in_terminal() {
    timeout 60 python3 - "$@" <<'PY'
import fcntl, os, pty, struct, sys, termios
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
data = b""
try:
    while piece := os.read(master, 65536):
        if b"ready" not in data and b"ready" in data + piece:
            os.write(master, b"\r")
        data += piece
except OSError:
    pass
sys.stdout.write(data.decode().replace("\r\n", "\n"))
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

terminal_ctr() { in_terminal ctr -a "$SOCK" -n "$NS" "$@"; }

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
    diff -u "$CASE/theirs" "$CASE/ours"
}
