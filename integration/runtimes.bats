# The same with each runtime: contract C-5.x, checklist T-092, T-097, T-106, T-116, T-160, T-163, T-165.

# bats file_tags=direct

load runtimes

setup_file() { setup_runtimes_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# wrapper PATH COMMAND LINE: a runtime as docker makes one of a runtime's path and its options.
wrapper() {
    printf '#!/bin/sh\nexec %s "$@"\n' "${*:2}" >"$1"
    chmod +x "$1"
}

# command lines -----------------------------------------------------------------------------------------

# What a runtime was told, without the asking for its version, and without names of one call alone.
told() {
    grep -vx -e --version -e features "$FAKE_RUNC/calls" |
        sed 's| --log [^ ]*| --log LOG|; s|--process [^ ]*|--process FILE|'
}

@test "T-160 C-5.1 C-5.10 C-5.17 each runtime gets the same arguments" {
    for runtime in $(runtimes); do
        touch "$FAKE_RUNC/record"
        begin "$runtime" sleep 1000
        rpc c1 Pause id=c1
        rpc c1 Resume id=c1
        direct_exec c1 e1 true
        rpc c1 Wait id=c1 exec_id=e1
        rpc c1 Kill id=c1 signal=9 all=true
        rpc c1 Wait id=c1
        rpc c1 Delete id=c1
        at=$DIR/direct/c1
        always="--root /run/containerd/runc/$NS --log LOG --log-format json"
        told >"$CASE/told"
        diff "$CASE/told" - <<TEXT
$always create --bundle $at --pid-file $at/init.pid c1
$always start c1
$always pause c1
$always resume c1
$always exec --process FILE --detach --pid-file $at/e1.pid c1
$always kill --all c1 9
$always delete c1
TEXT
        finish
    done
}

# restorer PATH WORD: a runtime whose version begins with this word, and that restores nothing.
restorer() {
    cat >"$1" <<SH
#!/bin/sh
case "\$*" in
--version) echo "$2 version 9.9" ;;
*restore*) echo "\$*" >>"$CASE/restore" && exit 1 ;;
esac
SH
    chmod +x "$1"
}

# restore_line NAME: what the runtime of this name is told to restore c1 from a checkpoint.
restore_line() {
    rm -f "$CASE/restore"
    mkdir -p "$CASE/checkpoint"
    made "$1" sleep 1000
    rpc c1 Create id=c1 bundle="$DIR/direct/c1" checkpoint="$CASE/checkpoint" parent_checkpoint="$CASE/parent" \
        "$(options "$1" '"no_pivot_root": true')"
    fails 2 "OCI runtime restore failed" rpc c1 Start id=c1
    direct_end c1
    sed 's| --log [^ ]*| --log LOG|; s|--work-path [^ ]*|--work-path WORK|' "$CASE/restore"
}

@test "T-106 C-5.30 C-7.46 a restore tells crun nothing that it does not know, whatever its name is" {
    at=$DIR/direct/c1
    restorer "$DIR/bin/crun-9" crun
    restorer "$CASE/other" crun
    for name in crun-9 "$CASE/other"; do
        restore_line "$name" >"$CASE/line"
        grep -q -- " restore --image-path $CASE/checkpoint --work-path WORK --detach --pid-file $at/init.pid --bundle $at c1\$" "$CASE/line"
        not grep -E -- '-no-subreaper|--no-pivot|--parent-path' "$CASE/line"
    done
    rm "$DIR/bin/crun-9"
}

@test "C-5.26 C-5.31 a restore tells runc not to be the subreaper, and not to pivot when asked" {
    restorer "$CASE/other" runc
    restore_line "$CASE/other" >"$CASE/line"
    grep -q -- ' -\{1,2\}no-subreaper' "$CASE/line"
    grep -q -- ' --no-pivot ' "$CASE/line"
}

@test "T-165 C-5.3 each runtime by name, and by path" {
    for runtime in $(runtimes); do
        for name in "$runtime" "$(command -v "$runtime")"; do
            begin "$name" sleep 1000
            state_is c1 2
            [ "$(cat "$DIR/direct/c1/runtime")" = "$name" ]
            finish
        done
    done
}

@test "C-5.53 a wrapper script with options is a runtime: run, exec, kill, delete" {
    for runtime in $(runtimes); do
        case $runtime in
        runc) wrapper "$CASE/wrapped" "$(command -v runc)" --systemd-cgroup=false ;;
        crun) wrapper "$CASE/wrapped" "$(command -v crun)" --cgroup-manager=cgroupfs ;;
        esac
        begin "$CASE/wrapped" sleep 1000
        [ "$(exec_status sh -c 'exit 7')" = 7 ]
        rpc c1 Kill id=c1 signal=9
        [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
        fails 5 "not found" rpc c1 Kill id=c1 signal=9
        rpc c1 Delete id=c1
        finish
    done
}

# signals -------------------------------------------------------------------------------------------------

@test "T-092 C-3.33 C-5.47 kill of a stopped task is NOT_FOUND, with and without all" {
    for runtime in $(runtimes); do
        begin "$runtime" true
        rpc c1 Wait id=c1
        for all in true false; do fails 5 "not found" rpc c1 Kill id=c1 signal=9 all="$all"; done
        state_is c1 3
        rpc c1 Delete id=c1
        finish
    done
}

@test "C-5.45 C-5.46 each runtime's words for a process that is gone mean NOT_FOUND" {
    for words in "container not running" "unable to signal init: os: process already finished" \
        "unable to kill all processes: container not running" "process not running: No such process" \
        "kill container: No such process" "send signal to pidfd: No such process"; do
        printf '#!/bin/sh\ncase "$*" in *" kill "*) echo "%s" >&2; exit 1 ;; esac\nexec runc "$@"\n' "$words" >"$CASE/other"
        chmod +x "$CASE/other"
        begin "$CASE/other" sleep 1000
        fails 5 "process already finished: not found" rpc c1 Kill id=c1 signal=15
        state_is c1 2
        # It must end after all.
        wrapper "$CASE/other" runc
        finish
    done
}

@test "T-095 T-097 C-3.35 C-3.36 C-5.48 a paused task says so, and SIGKILL ends it" {
    for runtime in $(runtimes); do
        begin "$runtime" sleep 1000
        rpc c1 Pause id=c1
        state_is c1 4
        rpc c1 Resume id=c1
        state_is c1 2
        rpc c1 Pause id=c1
        rpc c1 Kill id=c1 signal=9
        [[ $(rpc c1 --patience 10 Wait id=c1) == *'"exit_status": 137'* ]]
        rpc c1 Delete id=c1
        finish
    done
}

# execs ---------------------------------------------------------------------------------------------------

@test "C-3.41 C-5.36 execs that end before their runtime does keep their status" {
    for runtime in $(runtimes); do
        begin "$runtime" sleep 1000
        client "${EXEC_ROUNDS:-5}" <<'PY'
c = Connection(path, 60)
for number in range(int(sys.argv[2])):
    names = [f"e{number}-{status}" for status in range(10)]
    for name in names:
        c.call("Exec", id="c1", exec_id=name, spec=exec_spec("sh", "-c", "exit " + name.split("-")[1]))
    starts = [c.send("Task", "Start", {"id": "c1", "exec_id": name}) for name in names]
    for status, name in enumerate(names):
        assert c.result("Start", starts[status])["pid"]
        assert c.call("Wait", id="c1", exec_id=name).get("exit_status", 0) == status
        c.call("Delete", id="c1", exec_id=name)
PY
        finish
    done
}

@test "T-098 C-3.34 pids are those of the cgroup" {
    for runtime in $(runtimes); do
        begin "$runtime" sleep 1000
        direct_exec c1 e1 sleep 1000 >/dev/null
        init=$(cat "$DIR/direct/c1/init.pid") exec=$(cat "$DIR/direct/c1/e1.pid")
        run rpc c1 Pids id=c1
        [ "$(grep -o '"pid": [0-9]*' <<<"$output" | sort)" = "$(printf '"pid": %s\n' "$init" "$exec" | sort)" ]
        rpc c1 Kill id=c1 exec_id=e1 signal=9
        rpc c1 Wait id=c1 exec_id=e1
        rpc c1 Delete id=c1 exec_id=e1
        finish
    done
}

# errors --------------------------------------------------------------------------------------------------

# refusals RUNTIME: "WORD:PATTERN", what cannot be started, and what the runtime has to say of it. Newer
# ones of crun have words of their own for a file without a permission.
refusals() {
    printf '%s\n' "/nope:no such file or directory" "nope:executable file"
    case $1 in
    runc) echo "/etc/passwd:permission denied" ;;
    crun) echo "/etc/passwd:not executable|permission denied" ;;
    esac
}

# says TEXT COMMAND...: the call fails with 2, and says this in lower or upper case.
says() {
    local text=$1
    shift
    run "$@"
    if [ "$status" -ne 2 ] || [[ ${output,,} != *"${text,,}"* ]]; then
        echo "expected 2 and $text, got $status: $output" >&2
        return 1
    fi
}

@test "T-116 C-3.90 what a create cannot start is told in words that clients look for" {
    for runtime in $(runtimes); do
        while IFS= read -r words; do
            made "$runtime" "${words%%:*}"
            says "OCI runtime create failed: " direct_create c1 "$(options "$runtime")"
            [[ ${output,,} =~ ${words#*:} ]]
            fails 5 "container not created" rpc c1 State id=c1
            direct_end c1
        done < <(refusals "$runtime")
    done
}

@test "T-116 C-3.90 what an exec cannot start is told in words that clients look for" {
    for runtime in $(runtimes); do
        begin "$runtime" sleep 1000
        while IFS= read -r words; do
            rpc c1 Exec "$(exec_fields c1 e1 "${words%%:*}")"
            says "OCI runtime exec failed: " rpc c1 Start id=c1 exec_id=e1
            [[ ${output,,} =~ ${words#*:} ]]
            rpc c1 Delete id=c1 exec_id=e1
        done < <(refusals "$runtime")
        state_is c1 2
        finish
    done
}

@test "T-116 a working directory that is a file is told" {
    for runtime in $(runtimes); do
        made "$runtime" true
        edit_spec c1 'spec["process"]["cwd"] = "/etc/passwd"'
        says "not a directory" direct_create c1 "$(options "$runtime")"
        direct_end c1
    done
}

@test "T-163 C-5.41 an error is told by the call that made it, not by an older one" {
    for runtime in $(runtimes); do
        begin "$runtime" sleep 1000
        rpc c1 Exec "$(exec_fields c1 e1 /nope)"
        says "no such file" rpc c1 Start id=c1 exec_id=e1
        touch "$FAKE_RUNC/exec.silent"
        rpc c1 Exec "$(exec_fields c1 e2 true)"
        says "exit status 1" rpc c1 Start id=c1 exec_id=e2
        [[ $output != */nope* ]]
        finish
    done
}
