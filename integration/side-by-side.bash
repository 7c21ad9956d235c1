# Loaded beside lib.bash by the files that compare with the Go shim of the same containerd: the same commands of ctr
# must give the same output, the same exit codes and the same events. Pids, times and the runtime's name may differ.
# shellcheck shell=bash

# compare FUNCTION: runs it under both runtimes and compares.
compare() {
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    side ours "$SHIM_RUNTIME" "$1"
    peer_side "$1"
    same
}

# same: no line of the two sides differs. Deletions are left out where the Go shim did not tell of all, in no try.
same() {
    if [ "$(deletes theirs)" -lt "$(deletes ours)" ]; then sed -i '/^\/tasks\/delete /d' "$CASE/theirs" "$CASE/ours"; fi
    diff -u "$CASE/theirs" "$CASE/ours"
}

# peer_side FUNCTION: runs it under the Go shim, which in 2.1 at times ends before its last event, or the last line of a
# log, is out. Ours is there.
peer_side() {
    for _ in 1 2 3 4 5; do
        side theirs "$PEER_RUNTIME" "$1"
        [ "$(deletes theirs)" -lt "$(deletes ours)" ] || [ "$(wc -l <"$CASE/theirs")" -lt "$(wc -l <"$CASE/ours")" ] || break
    done
    [ -s "$CASE/theirs" ]
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
# make hands on signal 32 as ignored, and so does the Go shim.
normalise() {
    sed -E -e '/resize pty/d' -e "s/io\.containerd\.(swiftrunc|runc)\.v2/RUNTIME/g" \
        -e 's/"(pid|exited_at)":("[^"]*"|[0-9]+|\{[^}]*\})/"\1":X/g' \
        -e 's/time="[^"]*"/time=X/' -e 's/^([a-z0-9]+ +)[0-9]+( +[A-Z]+)/\1PID\2/' -e 's/^[0-9]+ /PID /' \
        -e 's/x[0-9]+-[0-9]+/EXEC/g' -e 's|fifo/[0-9]+|fifo/N|g' \
        -e 's/[[:space:]]+/ /g; s/ $//; s/^(SigIgn: 0{8})80{7}$/\100000000/'
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
