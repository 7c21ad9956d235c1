# Log files and logger binaries: contract C-4.2, C-4.40 … C-4.46, checklist T-142 … T-146, P-19 … P-22.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    rm -f "$ROOTFS/tmp"/*
    end_case
}

# logger [BODY]: a logger in $CASE/logger, which notes what it has and then does what BODY says (by default it copies
# both streams to files, once it is ready).
logger() {
    cat >"$CASE/logger" <<SH
#!/bin/bash
PATH=/usr/bin:/bin
tr '\\0' '\\n' </proc/\$\$/environ >"$CASE/environment"
printf '%s\n' "\$@" >"$CASE/words"
(cd /proc/\$\$/fd && echo *) >"$CASE/descriptors"
echo \$\$ >>"$CASE/pids"
${1:-"echo >&5; exec 5>&-; cat <&4 >>$CASE/err & exec cat <&3 >>$CASE/out"}
SH
    chmod +x "$CASE/logger"
}

# logged COMMAND...: a container c1 whose output goes to the logger; its fields are in FIELDS.
logged() {
    direct_bundle c1 "$@"
    direct_start c1 </dev/null >/dev/null
    direct_run c1 "${FIELDS[@]}" >/dev/null
    SHIM=$(shim_pid c1)
}

by_logger() { FIELDS=(stdout="binary://$CASE/logger${1:-}" stderr="binary://$CASE/logger${1:-}"); }

ended() {
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
}

# files -----------------------------------------------------------------------------------------------

@test "T-142 C-4.46 file:// makes the file and its directories, and takes both streams" {
    FIELDS=(stdout="file://$CASE/a/b%20c/log" stderr="file://$CASE/a/b%20c/log")
    logged sh -c 'echo out; echo err >&2'
    ended
    [ "$(sort "$CASE/a/b c/log")" = "$(printf 'err\nout')" ]
    [ "$(stat -c %a "$CASE/a/b c/log")" = 644 ]
    [ "$(stat -c %a "$CASE/a")" = 755 ]
}

@test "C-4.46 file:// adds to what is there, also after the file was cut" {
    echo before >"$CASE/log"
    FIELDS=(stdout="file://$CASE/log")
    logged sh -c 'echo one; while [ ! -e /tmp/go ]; do usleep 10000; done; echo two'
    wait_until lines_are "$CASE/log" 2
    [ "$(cat "$CASE/log")" = "$(printf 'before\none')" ]
    : >"$CASE/log"
    touch "$ROOTFS/tmp/go"
    ended
    rm "$ROOTFS/tmp/go"
    [ "$(cat "$CASE/log")" = two ]
}

@test "C-4.46 file:// for a terminal, and for an exec" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null >/dev/null
    direct_run c1 >/dev/null
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
    for terminal in false true; do
        rpc c1 Exec "$(exec_fields c1 "e$terminal" sh -c 'echo first; echo second >&2')" terminal="$terminal" \
            stdout="file://$CASE/$terminal" stderr="file://$CASE/$terminal" >/dev/null
        rpc c1 Start id=c1 exec_id="e$terminal"
        rpc c1 Wait id=c1 exec_id="e$terminal"
        rpc c1 Delete id=c1 exec_id="e$terminal"
        [ "$(tr -d '\r' <"$CASE/$terminal" | sort)" = "$(printf 'first\nsecond')" ]
    done
    budget "$SHIM"
}

@test "P-22 200000 lines of a process that then is gone are in the file, in order" {
    FIELDS=(stdout="file://$CASE/log")
    logged seq 200000
    ended
    seq 200000 | cmp - "$CASE/log"
}

@test "C-4.46 a file that cannot be made is a clear error, and nothing is left" {
    touch "$CASE/file"
    direct_bundle c1 true
    direct_start c1 </dev/null >/dev/null
    run direct_create c1 stdout="file://$CASE/file/log"
    [ "$status" -eq 2 ]
    [[ $output == *"$CASE/file"* ]]
    fails 3 "no URI with an absolute path" direct_create c1 stdout="file://"
    fails 3 "no URI with an absolute path" direct_create c1 stdout="file:///a%zz"
    fails 5 "container not created" rpc c1 State id=c1
}

@test "P-19 a full disk holds the file up, and loses nothing" {
    mkdir "$CASE/small"
    mount -t tmpfs -o size=256k small "$CASE/small"
    head -c 252k /dev/zero >"$CASE/small/filler"
    FIELDS=(stdout="file://$CASE/small/log")
    logged sh -c 'seq 20000; touch /tmp/said; sleep 1000'
    # 4 KiB are free: it is full now, and the container waits.
    wait_until full
    state_is c1 2
    rm "$CASE/small/filler"
    wait_until test -e "$ROOTFS/tmp/said"
    rm "$ROOTFS/tmp/said"
    rpc c1 Kill id=c1 signal=9
    ended
    seq 20000 | cmp - "$CASE/small/log"
    umount "$CASE/small"
}

@test "P-19 what a disk did not take before the delete is counted" {
    mkdir "$CASE/small"
    mount -t tmpfs -o size=256k small "$CASE/small"
    head -c 252k /dev/zero >"$CASE/small/filler"
    FIELDS=(stdout="file://$CASE/small/log")
    logged seq 5000
    ended
    lost=$(($(seq 5000 | wc -c) - $(stat -c %s "$CASE/small/log")))
    [ "$lost" -gt 0 ]
    wait_until grep -q "id=c1 text=\"$lost bytes of output could not be delivered\"" "$DIR/jobs/log-c1"
    umount "$CASE/small"
}

full() { [ "$(stat -f -c %a "$CASE/small")" -eq 0 ]; }

# loggers ---------------------------------------------------------------------------------------------

@test "T-143 C-4.40 C-4.41 P-71 a logger gets its streams, its words and an environment of two variables" {
    logger
    by_logger '?first=1&second=two%20words&third=a+b&bare&first=again'
    logged sh -c 'echo out; echo err >&2'
    ended
    [ "$(cat "$CASE/out")" = out ]
    [ "$(cat "$CASE/err")" = err ]
    [ "$(cat "$CASE/environment")" = "$(printf 'CONTAINER_ID=c1\nCONTAINER_NAMESPACE=%s' "$NS")" ]
    [ "$(cat "$CASE/words")" = "$(printf '%s\n' first 1 second 'two words' third 'a b' bare '')" ]
    # 255 is the shell's own, for its script.
    [ "$(sed 's/ 255//' "$CASE/descriptors")" = "0 1 2 3 4 5" ]
    wait_until gone "$(cat "$CASE/pids")"
}

@test "T-143 C-4.42 C-4.45 the container has the pipes themselves, and no stdin" {
    logger
    by_logger
    mkfifo "$CASE/in"
    FIELDS+=(stdin="$CASE/in")
    logged sleep 1000
    pid=$(cat "$DIR/direct/c1/init.pid")
    [ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
    [[ $(readlink "/proc/$pid/fd/1") == pipe:* ]]
    [ "$(readlink "/proc/$pid/fd/1")" = "$(readlink "/proc/$(cat "$CASE/pids")/fd/3")" ]
    [ "$(readlink "/proc/$pid/fd/2")" != "$(readlink "/proc/$pid/fd/1")" ]
    rpc c1 Kill id=c1 signal=9
    ended
}

@test "C-4.40 the logger of an exec is told the exec's id" {
    logger
    by_logger
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null >/dev/null
    direct_run c1 >/dev/null
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
    rpc c1 Exec "$(exec_fields c1 e1 echo exec)" "${FIELDS[@]}"
    rpc c1 Start id=c1 exec_id=e1
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
    grep -qx CONTAINER_ID=e1 "$CASE/environment"
    [ "$(cat "$CASE/out")" = exec ]
    budget "$SHIM"
}

@test "C-4.44 a logger of a terminal gets what is on it" {
    logger
    by_logger
    FIELDS+=(terminal=true)
    direct_bundle c1 sh -c 'echo out; echo err >&2'
    edit_spec c1 'spec["process"]["terminal"] = True'
    direct_start c1 </dev/null >/dev/null
    direct_run c1 "${FIELDS[@]}" >/dev/null
    ended
    [ "$(tr -d '\r' <"$CASE/out")" = "$(printf 'out\nerr')" ]
    [ ! -s "$CASE/err" ]
    wait_until gone "$(cat "$CASE/pids")"
}

@test "P-22 200000 lines of a process that then is gone reach the logger, in order" {
    logger
    by_logger
    logged seq 200000
    ended
    seq 200000 | cmp - "$CASE/out"
}

@test "P-22 C-4.44 100000 lines of a terminal whose process then is gone reach the logger, in order" {
    logger 'exec 5>&-; cat <&4 >/dev/null & tr -d "\r" <&3 | while read -r line; do echo "$line"; done >>'"$CASE/out"
    by_logger
    FIELDS+=(terminal=true)
    direct_bundle c1 seq 100000
    edit_spec c1 'spec["process"]["terminal"] = True'
    direct_start c1 </dev/null >/dev/null
    direct_run c1 "${FIELDS[@]}" >/dev/null
    ended
    seq 100000 | cmp - "$CASE/out"
}

@test "T-144 P-21 C-4.41 a logger that does not get ready fails the create, after a while" {
    logger 'exec sleep 1000'
    by_logger
    direct_bundle c1 true
    direct_start c1 </dev/null >/dev/null
    fails 4 "$CASE/logger did not get ready" direct_create c1 "${FIELDS[@]}"
    wait_until gone "$(cat "$CASE/pids")"
    fails 5 "container not created" rpc c1 State id=c1
    # Others do not wait for it.
    rpc c1 Connect id=c1
}

@test "T-146 P-21 C-4.41 binary-v2 wants a byte, binary only an end" {
    logger 'exit 3'
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null >/dev/null
    fails 2 "logging binary did not call ready" direct_create c1 stdout="binary-v2://$CASE/logger"
    logger 'exec 5>&-; exec sleep 1000'
    fails 2 "logging binary did not call ready" direct_create c1 stdout="binary-v2://$CASE/logger"
    logger 'exec 5>&-; cat <&4 >/dev/null & exec cat <&3 >/dev/null'
    direct_run c1 stdout="binary://$CASE/logger"
    rpc c1 Kill id=c1 signal=9
    ended
    while read -r pid; do wait_until gone "$pid"; done <"$CASE/pids"
}

@test "C-4.40 a logger that is not there is a clear error" {
    direct_bundle c1 true
    direct_start c1 </dev/null >/dev/null
    run direct_create c1 stdout="binary://$CASE/nothing"
    [ "$status" -eq 2 ]
    [[ $output == *"$CASE/nothing: no such file or directory"* ]]
}

@test "P-20 a logger that dies is started again, and goes on where it stopped" {
    logger
    by_logger
    logged sh -c 'i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i; usleep 1000; done'
    for round in 1 2 3; do
        wait_until lines_are "$CASE/pids" "$round"
        logger_reads
        kill -KILL "$(tail -1 "$CASE/pids")"
    done
    wait_until lines_are "$CASE/pids" 4
    logger_reads
    touch "$ROOTFS/tmp/stop"
    ended
    rm "$ROOTFS/tmp/stop"
    # What a logger had read and not written when it died is lost; nothing comes twice or in another order.
    sort -cnu "$CASE/out"
    wait_until grep -q "logger $CASE/logger ended with 137 and is started again" "$DIR/jobs/log-c1"
}

# logger_reads: the file that it writes grows.
logger_reads() {
    local before
    before=$(stat -c %s "$CASE/out")
    wait_until grown "$CASE/out" "$before"
}

grown() { [ "$(stat -c %s "$1")" -gt "$2" ]; }

@test "P-20 a container is not held up, nor hurt, while its logger cannot be started" {
    logger
    by_logger
    logged sh -c 'trap "" PIPE; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done; sleep 1000'
    kill -KILL "$(cat "$CASE/pids")"
    mv "$CASE/logger" "$CASE/away"
    state_is c1 2
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    mv "$CASE/away" "$CASE/logger"
    rpc c1 Delete id=c1
}

@test "T-145 C-4.43 a logger that stays is told to end, and then ended" {
    logger "trap 'echo told >>$CASE/told' TERM; exec 5>&-; while :; do sleep 0.05; done"
    by_logger
    logged true
    ended
    [ "$(cat "$CASE/told")" = told ]
    not alive "$(cat "$CASE/pids")"
}

@test "T-145 C-4.43 a logger may take its time with what is left" {
    logger "exec 5>&-; cat <&4 >/dev/null & sleep 1; exec cat <&3 >>$CASE/out"
    by_logger
    logged seq 1000
    ended
    seq 1000 | cmp - "$CASE/out"
}

@test "C-4.43 a logger that is told to end may take the time that the Delete has" {
    logger "trap 'sleep 3; echo sent >>$CASE/told; exit' TERM; exec 5>&-; while :; do sleep 0.05; done"
    by_logger
    logged true
    ended
    [ "$(cat "$CASE/told")" = sent ]
    not alive "$(cat "$CASE/pids")"
}

@test "C-4.43 a process that is left behind, and says nothing, holds up the Delete for a logger's sake for 2 s" {
    logger "exec 5>&-; exec cat <&3 >>$CASE/out"
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 sh -c 'sleep 1000 & echo said')" stdout="binary://$CASE/logger" >/dev/null
    rpc c1 Start id=c1 exec_id=e1
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1 --patience 6
    [ "$(cat "$CASE/out")" = said ]
    not alive "$(cat "$CASE/pids")"
}
