# A reader that stops, with the policies drop and spill (docs/output.md): P-18, P-20, C-4.14.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    rm -f "$ROOTFS/tmp"/*
    end_case
}

# policy WORD: what happens while nobody reads c1's output.
policy() { edit_spec c1 "spec['annotations'] = {'io.swiftrunc.output': '$1'}"; }

# speaks POLICY COMMAND...: a container c1 that runs COMMAND; nobody reads its fifo yet.
speaks() {
    local policy=$1
    shift
    mkfifo "$CASE/fifo"
    direct_bundle c1 "$@"
    policy "$policy"
    direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="$CASE/fifo" "${FIELDS[@]}" >/dev/null
    SHIM=$(shim_pid c1)
}

# read_all: what is in the fifo up to its end, in $CASE/read.
read_all() {
    timeout 20 cat "$CASE/fifo" >"$CASE/read"
    rpc c1 Wait id=c1 >/dev/null
    rpc c1 Delete id=c1 >/dev/null
}

# chatty: a container c1 that says numbers as fast as it can, and notes how far it is; `drop` is in its annotation, or
# where $1 says.
chatty() {
    mkfifo "$CASE/fifo"
    exec {reader}<>"$CASE/fifo"
    direct_bundle c1 sh -c 'i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i; [ $((i % 1000)) -gt 0 ] || echo $i >/tmp/at; done'
    [ -n "${1:-}" ] || policy drop
    direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="$CASE/fifo" "$@" >/dev/null
    SHIM=$(shim_pid c1)
}

# far N: the container has said so many.
far() { [ "$(cat "$ROOTFS/tmp/at" 2>/dev/null || echo 0)" -gt "$1" ]; }

# reads BYTES: so many of the fifo's.
reads() { timeout 5 head -c "$1" <&"$reader"; }

hushed() {
    touch "$ROOTFS/tmp/stop"
    rpc c1 Wait id=c1 >/dev/null
}

quiet_end() {
    rpc c1 Delete id=c1
    exec {reader}>&-
    rm -f "$ROOTFS/tmp/stop" "$ROOTFS/tmp/at"
}

@test "P-18 with drop nobody waits for a reader that stopped; the gap is marked, counted and logged" {
    chatty
    # Far more than pipe and fifo hold.
    wait_until -t 30 far 60000
    reads 70000 >"$CASE/read"
    wait_until far "$(($(cat "$ROOTFS/tmp/at") + 10000))"
    reads 70000 >>"$CASE/read"
    grep -q '^\[swiftrunc: [0-9]* bytes of output were dropped\]$' "$CASE/read"
    # No line is torn but those beside a mark, and their order stays.
    grep -x '[0-9]*' "$CASE/read" | head -n -1 >"$CASE/numbers"
    [ "$(wc -l <"$CASE/numbers")" -gt 1000 ]
    wait_until grep -q "bytes of output were dropped" "$DIR/jobs/log-c1"
    hushed
    quiet_end
}

@test "P-18 with drop nothing is dropped of a reader that keeps up" {
    speaks drop sh -c 'while [ ! -e /tmp/go ]; do usleep 1000; done
        i=0; while [ $i -lt 50000 ]; do i=$((i+1)); echo $i; [ $((i % 100)) -gt 0 ] || usleep 1000; done'
    background read timeout 20 cat "$CASE/fifo"
    touch "$ROOTFS/tmp/go"
    rpc c1 Wait id=c1 >/dev/null
    rpc c1 Delete id=c1 >/dev/null
    wait_until gone "$(cat "$DIR/jobs/read.pid")"
    cmp "$DIR/jobs/read" <(seq 50000)
}

@test "P-18 with drop what is marked and what is read is all that was said" {
    mkfifo "$CASE/fifo"
    exec {reader}<>"$CASE/fifo"
    direct_bundle c1 sh -c 'seq 100000; touch /tmp/said; while [ ! -e /tmp/stop ]; do usleep 10000; done; echo end'
    policy drop
    direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="$CASE/fifo" >/dev/null
    SHIM=$(shim_pid c1)
    # All was said, and nobody has read yet.
    wait_until -t 30 test -e "$ROOTFS/tmp/said"
    # The end is said once there is room for it again: after the mark.
    background read sh -c 'exec sed -u "/^end\$/q" <"$1" >"$2"' sh "$CASE/fifo" "$CASE/read"
    wait_until grep -q '^\[swiftrunc' "$CASE/read"
    touch "$ROOTFS/tmp/stop"
    wait_until grep -qx end "$CASE/read"
    dropped=$(sed -n 's/^\[swiftrunc: \([0-9]*\) bytes of output were dropped\]$/\1/p' "$CASE/read" | paste -sd+)
    dropped=$((dropped))
    marks=$(grep '^\[swiftrunc' "$CASE/read" | wc -c)
    # A mark begins on a line of its own.
    empty=$(grep -c '^\[swiftrunc' "$CASE/read")
    [ "$dropped" -gt 0 ]
    [ $(($(wc -c <"$CASE/read") - marks - empty + dropped)) -eq $(($(seq 100000 | wc -c) + 4)) ]
    rpc c1 Wait id=c1
    quiet_end
}

@test "P-18 drop is said by the client's options or the host's file, and the annotation comes before both" {
    body='{"options": {"@type": "runtimeoptions.v1.Options", "config_body": "OutputPolicy = \"drop\""}}'
    chatty "$body"
    wait_until -t 30 far 60000
    hushed
    quiet_end
    direct_end c1
    rm "$CASE/fifo"
    echo 'OutputPolicy = "drop"' >"$SWIFTRUNC_CONFIG"
    chatty 'terminal=false'
    wait_until -t 30 far 60000
    hushed
    quiet_end
    direct_end c1
    rm "$CASE/fifo"
    direct_bundle c1 seq 100000
    policy wait
    mkfifo "$CASE/fifo"
    exec {reader}<>"$CASE/fifo"
    direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="$CASE/fifo" >/dev/null
    SHIM=$(shim_pid c1)
    wait_until writing "$(cat "$DIR/direct/c1/init.pid")"
    rm "$SWIFTRUNC_CONFIG"
    timeout 10 sed '/^100000$/q' <&"$reader" >"$CASE/read"
    seq 100000 | cmp - "$CASE/read"
    rpc c1 Wait id=c1
    quiet_end
}

# writing PID: it is in write(2) to its stdout.
writing() { grep -q '^1 0x1 ' "/proc/$1/syscall"; }

@test "P-18 an output policy that there is not is an error by name" {
    direct_bundle c1 true
    policy lose
    direct_start c1 </dev/null >/dev/null
    fails 3 'output policy "lose": none of wait, drop, spill' direct_create c1
}

@test "P-18 P-53 execs with drop leave no memory and no descriptor" {
    mkfifo "$CASE/fifo"
    exec {reader}<>"$CASE/fifo"
    direct_bundle c1 sleep 1000
    policy drop
    direct_start c1 </dev/null >/dev/null
    direct_run c1 >/dev/null
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
    client "$CASE/fifo" <<'PY'
c = Connection(path)
for number in range(400):
    names = {"id": "c1", "exec_id": f"e{number}"}
    c.call("Exec", {**names, "stdout": sys.argv[2], "stderr": sys.argv[2], "spec": exec_spec("true")})
    for method in ("Start", "Wait", "Delete"):
        c.call(method, names)
PY
    budget "$SHIM"
    exec {reader}>&-
}

# spill -----------------------------------------------------------------------------------------------

# spilled: the shim has a file without a name.
spilled() { find "/proc/$SHIM/fd" -lname '/var/tmp/*(deleted)' | grep -q .; }

@test "P-18 P-22 with spill nobody waits for a reader that stopped, and nothing is lost" {
    FIELDS=()
    speaks spill sh -c 'seq 200000; touch /tmp/said'
    # Five times what pipe and fifo hold.
    wait_until -t 30 test -e "$ROOTFS/tmp/said"
    spilled
    read_all
    seq 200000 | cmp - "$CASE/read"
    not spilled
}

@test "P-18 with spill a terminal loses nothing" {
    FIELDS=(terminal=true)
    mkfifo "$CASE/fifo"
    direct_bundle c1 sh -c 'seq 100000; touch /tmp/said'
    edit_spec c1 'spec["process"]["terminal"] = True'
    policy spill
    direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="$CASE/fifo" terminal=true >/dev/null
    SHIM=$(shim_pid c1)
    wait_until -t 30 test -e "$ROOTFS/tmp/said"
    read_all
    seq 100000 | cmp - <(tr -d '\r' <"$CASE/read")
}

@test "P-18 of more than the limit the oldest is dropped, and the stream says how much" {
    printf 'SpillLimit = 65536\nSpillDirectory = "%s"\n' "$CASE" >"$SWIFTRUNC_CONFIG"
    FIELDS=()
    speaks spill sh -c 'seq 100000; touch /tmp/said'
    rm "$SWIFTRUNC_CONFIG"
    wait_until -t 30 test -e "$ROOTFS/tmp/said"
    read_all
    [ "$(tail -n 1 "$CASE/read")" = 100000 ]
    # One mark, unless the shim had not taken all when the reader came.
    marks=$(grep -c '^\[swiftrunc' "$CASE/read")
    dropped=$(sed -n 's/^\[swiftrunc: \([0-9]*\) bytes of output were dropped\]$/\1/p' "$CASE/read" | paste -sd+)
    first=${dropped%%+*} dropped=$((dropped))
    [ "$dropped" -gt 0 ]
    length=$(grep '^\[swiftrunc' "$CASE/read" | wc -c)
    [ $(($(wc -c <"$CASE/read") - length - marks + dropped)) -eq "$(seq 100000 | wc -c)" ]
    # What came before the first mark is a beginning.
    sed '/^\[swiftrunc/,$d' "$CASE/read" | head -n -1 >"$CASE/before"
    seq "$(wc -l <"$CASE/before")" | cmp - "$CASE/before"
    wait_until grep -q "text=\"$first bytes of output were dropped\"" "$DIR/jobs/log-c1"
}

@test "P-18 where nothing can be spilled output is dropped, and the log says why" {
    printf 'SpillDirectory = "%s"\n' "$CASE/none" >"$SWIFTRUNC_CONFIG"
    FIELDS=()
    speaks spill sh -c 'seq 100000; touch /tmp/said'
    rm "$SWIFTRUNC_CONFIG"
    wait_until -t 30 test -e "$ROOTFS/tmp/said"
    read_all
    grep -q '^\[swiftrunc: [0-9]* bytes of output were dropped\]$' "$CASE/read"
    wait_until grep -q "output is dropped and not spilled: open a file in $CASE/none: no such file" "$DIR/jobs/log-c1"
}

@test "P-18 a place or a limit for spilled output that cannot be is an error by name" {
    direct_bundle c1 true
    direct_start c1 </dev/null >/dev/null
    for line in 'SpillDirectory = "tmp"' 'SpillLimit = 65535' 'SpillLimit = "1M"'; do
        echo "$line" >"$SWIFTRUNC_CONFIG"
        fails 3 "\"${line%% *}\": " direct_create c1
    done
    rm "$SWIFTRUNC_CONFIG"
}

# loggers ---------------------------------------------------------------------------------------------

# logged POLICY COMMAND...: a container c1 with a logger.
logged() {
    local policy=$1
    shift
    cat >"$CASE/logger" <<SH
#!/bin/bash
PATH=/usr/bin:/bin
echo \$\$ >>"$CASE/pids"
exec 5>&-
cat <&4 >/dev/null &
exec cat <&3 >>$CASE/out
SH
    chmod +x "$CASE/logger"
    direct_bundle c1 "$@"
    policy "$policy"
    direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="binary://$CASE/logger" stderr="binary://$CASE/logger" >/dev/null
    SHIM=$(shim_pid c1)
}

@test "P-20 with drop a container goes on at its pace while its logger is killed again and again" {
    logged drop sh -c 'i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i; [ $((i % 1000)) -gt 0 ] || echo $i >/tmp/at; done'
    for round in 1 2 3 4; do
        kill -KILL "$(tail -n 1 "$CASE/pids")"
        # More than the two pipes hold, while none reads.
        wait_until -t 30 far "$(($(cat "$ROOTFS/tmp/at" 2>/dev/null || echo 0) + 60000))"
        wait_until -t 30 lines_are "$CASE/pids" $((round + 1))
    done
    touch "$ROOTFS/tmp/stop"
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    wait_until grep -q "logger $CASE/logger ended with 137 and is started again" "$DIR/jobs/log-c1"
    # The last one got on with it.
    [ "$(grep -c '^\[swiftrunc' "$CASE/out")" -gt 0 ]
}

@test "P-20 P-22 with spill what a logger does not read waits for the next one" {
    logged spill sh -c 'while [ ! -e /tmp/go ]; do usleep 10000; done; seq 200000; touch /tmp/said'
    mv "$CASE/logger" "$CASE/away"
    kill -KILL "$(cat "$CASE/pids")"
    touch "$ROOTFS/tmp/go"
    wait_until -t 30 test -e "$ROOTFS/tmp/said"
    [ ! -s "$CASE/out" ]
    mv "$CASE/away" "$CASE/logger"
    rpc c1 Wait id=c1
    # The next attempt may be ten seconds away.
    wait_until -t 30 lines_are "$CASE/out" 200000
    rpc c1 Delete id=c1
    seq 200000 | cmp - "$CASE/out"
}
