# Launch, lifecycle, cleanup: contract C-1.x, checklist T-001 … T-047.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

shim() { "$SHIM_BINARY" "$@"; }

# the command line ----------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-001 C-1.7 -v, --v and -version print the version" {
    for flag in -v --v -v=true -version; do
        run shim "$flag"
        [ "$status" -eq 0 ]
        [[ ${lines[0]} == "$(basename "$SHIM_BINARY"):" || ${lines[0]} == "$SHIM_BINARY:" ]]
        [[ $output == *"  Version:"* && $output == *"  Revision:"* ]]
    done
}

# bats test_tags=direct
@test "T-001 C-1.4 -v comes before every other demand" {
    run shim -v -namespace "" start
    [ "$status" -eq 0 ]
}

# bats test_tags=direct
@test "T-002 C-1.1 flags parse in each of Go's forms" {
    # Whatever parses gets as far as the refusal of an empty namespace.
    for words in "--id=x" "-id x" "-id=x" "--id x" "-debug" "-debug=true" "-debug=F" "-debug=0" "-id x --" \
        "-namespace n -namespace=" "-id x - -nonsense" "-id x start -nonsense"; do
        # shellcheck disable=SC2086 # words to be split
        run shim $words </dev/null
        [ "$status" -eq 1 ]
        [[ $output == *"namespace cannot be empty"* ]]
    done
}

# bats test_tags=direct
@test "T-003 C-1.2 an unknown flag, a bad bool, a missing value: usage and exit 2" {
    for words in "-nonsense" "-debug=perhaps" "-id" "-nonsense=1 start"; do
        # shellcheck disable=SC2086 # words to be split
        run --separate-stderr shim $words </dev/null
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        # shellcheck disable=SC2154 # set by run
        [[ $stderr == *-namespace* && $stderr == *-address* ]]
    done
}

# bats test_tags=direct
@test "T-003 C-1.2 -h prints the usage and exits with 0" {
    run --separate-stderr shim -h
    [ "$status" -eq 0 ]
    [[ $stderr == *-namespace* ]]
}

# bats test_tags=direct
@test "T-004 C-1.4 an empty namespace is an error that names the runtime" {
    run --separate-stderr shim start </dev/null
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == "$SHIM_RUNTIME: "*"namespace cannot be empty"* ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

# bats test_tags=direct
@test "T-005 C-1.4 an unknown action serves" {
    direct_bundle c1 true
    background serve invoke c1 -socket "$CASE/serve.sock" whatever
    wait_until test -S "$CASE/serve.sock"
    run python3 "$INTEGRATION/ttrpc.py" "$CASE/serve.sock" call Task Connect id=c1
    [ "$status" -eq 0 ]
    [[ $output == *"\"shim_pid\": $(shim_pid c1)"* ]]
    # C-1.53: the socket that was served on is the one that goes.
    pid=$(shim_pid c1)
    kill -TERM "$pid"
    wait_until -t 20 gone "$pid"
    [ ! -e "$CASE/serve.sock" ]
}

# bats test_tags=direct
@test "T-006 C-1.3 a -socket of more than 106 bytes is an error" {
    direct_bundle c1 true
    # Where there is no bundle, so that the message is not sent to its log.
    cd "$CASE"
    fails 1 "$SHIM_RUNTIME: " shim -namespace "$NS" -id c1 -socket "$DIR/$(printf 'x%.0s' {1..107})"
}

# start ---------------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-007 C-1.15 C-1.35 start with empty stdin prints only the plain address" {
    direct_bundle c1 true
    direct_start c1 </dev/null >"$CASE/out" 2>"$CASE/err"
    [ "$(cat "$CASE/out")" = "unix://$(socket_of c1)" ]
    [ "$(wc -c <"$CASE/out")" -eq "$(printf 'unix://%s' "$(socket_of c1)" | wc -c)" ]
    [ ! -s "$CASE/err" ]
}

# bats test_tags=direct
@test "T-008 C-1.22 the address is the hash of address, namespace and group, cleaned" {
    direct_bundle c1 true
    event_server
    address=$(invoke c1 -address "$DIR//x/.././/c.sock" start </dev/null)
    [ "$address" = "unix://$(socket_of c1)" ]
    python3 "$INTEGRATION/ttrpc.py" "$address" call Task Shutdown id=c1
}

# bats test_tags=direct
@test "T-009 C-1.15 start ends its output at once while the server stays" {
    direct_bundle c1 true
    event_server
    # cat ends only when nobody holds the pipe any more, on stdout as on stderr.
    run timeout 10 bash -c 'source "$1"; invoke c1 start </dev/null 2>&1 | cat' bash "$INTEGRATION/lib.bash"
    [ "$status" -eq 0 ]
    alive "$(shim_pid c1)"
}

# bats test_tags=direct
@test "T-010 C-1.15 C-1.28 the server has 0, 1, 2 and its socket, and nothing that was inherited" {
    direct_bundle c1 true
    event_server
    exec {extra}<"$DIR/config.toml"
    # shellcheck disable=SC2016 # expanded by that shell
    (cd "$DIR/direct/c1" && exec env TTRPC_ADDRESS="$DIR/events.sock" "$SHIM_BINARY" \
        -namespace "$NS" -address "$SOCK" -id c1 start </dev/null >/dev/null 2>&1 7<"$DIR/config.toml" 251>"$CASE/x")
    exec {extra}<&-
    note_words c1
    rm -f "$CASE/x"
    pid=$(shim_pid c1)
    wait_until log_is_open "$pid"
    fds=$(open_fds "$pid")
    [ "$(sed -n 's/^0 //p' <<<"$fds")" = /dev/null ]
    [ "$(sed -n 's/^1 //p' <<<"$fds")" = /dev/null ]
    [[ $(sed -n 's/^3 //p' <<<"$fds") == socket:* ]]
    [[ $fds != *config.toml* && $fds != *tmp/x* && $fds != *pipe:* ]]
}

log_is_open() { [[ $(readlink "/proc/$1/fd/2") == */log ]]; }

# bats test_tags=direct
@test "T-011 C-1.28 the server's name, arguments, process group and directory" {
    direct_bundle c1 true
    direct_start c1 </dev/null
    pid=$(shim_pid c1)
    run tr '\0' ' ' <"/proc/$pid/cmdline"
    [[ $output == "$SHIM_BINARY -namespace $NS -id c1 -address $SOCK "* ]]
    [ "$(ps -o comm= -p "$pid")" = containerd-shim ]
    [ "$(ps -o pgid= -p "$pid" | tr -d ' ')" = "$pid" ]
    [ "$(readlink "/proc/$pid/cwd")" = "$DIR/direct/c1" ]
}

# bats test_tags=direct
@test "T-012 C-1.27 the address file is written by rename, without a newline" {
    direct_bundle c1 true
    event_server
    trace_start c1 rename,renameat,renameat2
    cmp "$CASE/out" "$DIR/direct/c1/address"
    grep -q '"[^"]*address"[^"]*) = 0' "$CASE/trace"
    run ls -A "$DIR/direct/c1"
    [ "$output" = "$(printf '%s\n' address config.json log rootfs work)" ]
}

# bats test_tags=direct
@test "T-013 C-1.24 the socket has mode 0600" {
    direct_bundle c1 true
    direct_start c1 </dev/null
    [ "$(stat -c '%F %a' "$(socket_of c1)")" = "socket 600" ]
}

@test "T-014 C-1.21 C-1.25 containers of one group share a shim" {
    idle c1 --annotation io.containerd.runc.v2.group=g1
    idle c2 --annotation io.containerd.runc.v2.group=g1
    [ "$(shims | wc -l)" -eq 1 ]
    [ "$(cat "$(bundle c1)/address")" = "unix://$(socket_of g1)" ]
    [ "$(cat "$(bundle c2)/address")" = "unix://$(socket_of g1)" ]
    task_is c1 RUNNING
    task_is c2 RUNNING
    budget_baseline "$(shim_pid c1)"
}

# bats test_tags=direct
@test "T-015 C-1.21 the sandbox id groups likewise, and the group annotation wins over it" {
    direct_bundle c1 true
    edit_spec c1 'spec["annotations"] = {"io.kubernetes.cri.sandbox-id": "pod1"}'
    run direct_start c1 </dev/null
    [ "$output" = "unix://$(socket_of pod1)" ]
    direct_bundle c2 true
    edit_spec c2 'spec["annotations"] = {"io.kubernetes.cri.sandbox-id": "pod1", "io.containerd.runc.v2.group": "g2"}'
    run direct_start c2 </dev/null
    [ "$output" = "unix://$(socket_of g2)" ]
    note_words pod1 g2
}

# bats test_tags=direct
@test "C-1.80 a second start of the same id prints the same address and starts nothing" {
    direct_bundle c1 true
    first=$(direct_start c1 </dev/null)
    pid=$(shim_pid c1)
    rm "$DIR/direct/c1/address"
    run invoke c1 start </dev/null
    [ "$status" -eq 0 ]
    [ "$output" = "$first" ]
    [ "$(cat "$DIR/direct/c1/address")" = "$first" ]
    [ "$(shims | wc -l)" -eq 1 ]
    alive "$pid"
}

# bats test_tags=direct
@test "T-016 C-1.25 the socket of a killed shim is replaced" {
    direct_bundle c1 true
    direct_start c1 </dev/null
    pid=$(shim_pid c1)
    kill -KILL "$pid"
    wait_until gone "$pid"
    [ -S "$(socket_of c1)" ]
    run invoke c1 start </dev/null
    [ "$status" -eq 0 ]
    [ "$output" = "unix://$(socket_of c1)" ]
    rpc c1 Connect id=c1
}

# bats test_tags=direct
@test "T-017 C-1.26 P-33 twenty parallel starts of one group give one server" {
    event_server
    for round in $(seq "${START_ROUNDS:-5}"); do
        for i in $(seq 20); do
            if [ "$round" = 1 ]; then
                direct_bundle "c$i" true
                edit_spec "c$i" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
            fi
        done
        starts=()
        for i in $(seq 20); do
            invoke "c$i" start </dev/null >"$CASE/out$i" 2>"$CASE/err$i" 3>&- &
            starts+=($!)
        done
        for pid in "${starts[@]}"; do wait "$pid"; done
        [ "$(cat "$CASE"/out* | sed "s|unix://|\n|g" | grep -c "^$(socket_of g)$")" -eq 20 ]
        [ ! -s "$CASE/err1" ]
        [ "$(shims | wc -l)" -eq 1 ]
        # The next round starts from nothing.
        read -r pid _ < <(shims)
        rpc c1 Shutdown id=c1
        wait_until -t 20 gone "$pid"
        [ ! -e "$(socket_of g)" ]
    done
    rm -f "$CASE"/out* "$CASE"/err* "$DIR"/direct/*/address
    note_words g
}

# bats test_tags=direct
@test "T-018 C-1.33 shim_cgroup of the options moves the server" {
    mkdir "/sys/fs/cgroup/pids/$NS" "/sys/fs/cgroup/pids/$NS/shim" "/sys/fs/cgroup/cpu/$NS" "/sys/fs/cgroup/cpu/$NS/shim"
    direct_bundle c1 true
    python3 "$INTEGRATION/ttrpc.py" encode Any '{"@type": "containerd.runc.v1.Options", "shim_cgroup": "'"/$NS/shim"'"}' |
        direct_start c1
    pid=$(shim_pid c1)
    grep -q "pids:/$NS/shim$" "/proc/$pid/cgroup"
    grep -q ":cpu:/$NS/shim$" "/proc/$pid/cgroup"
    direct_end c1
    wait_until rmdir "/sys/fs/cgroup/pids/$NS/shim" "/sys/fs/cgroup/cpu/$NS/shim"
}

# bats test_tags=direct
@test "T-019 C-1.34 the server's OOM score is that of its caller plus one, clipped" {
    for pair in 300:301 1000:1000; do
        direct_bundle "c${pair%:*}" true
        event_server
        (
            echo "${pair%:*}" >/proc/self/oom_score_adj
            invoke "c${pair%:*}" start </dev/null
        )
        [ "$(cat "/proc/$(shim_pid "c${pair%:*}")/oom_score_adj")" = "${pair#*:}" ]
        stop_job direct-events
    done
    event_server
}

# bats test_tags=direct
@test "T-020 C-1.28 SCHED_CORE asks for a core scheduling group" {
    direct_bundle c1 true
    event_server
    run trace_start c1 prctl SCHED_CORE=1
    # Kernels without core scheduling refuse, and that is fatal; the question is what was asked.
    grep -Eq 'prctl\((PR_SCHED_CORE|0x3e[^,]*), (PR_SCHED_CORE_CREATE|0x1[^,]*), 0, (PIDTYPE_PGID|PR_SCHED_CORE_SCOPE_PROCESS_GROUP|0x2)' "$CASE/trace"
    if [ "$status" -ne 0 ]; then
        grep -q 'PR_SCHED_CORE.*= -1' "$CASE/trace"
        [ -z "$(shims)" ]
    fi
}

# bats test_tags=direct
@test "T-021 C-1.30 C-1.35 BootstrapParams are answered by a BootstrapResult of version 3" {
    direct_bundle c1 true
    python3 "$INTEGRATION/ttrpc.py" encode BootstrapParams instance_id=c1 namespace="$NS" log_level=-4 \
        containerd_grpc_address="$SOCK" containerd_version=2.3.0 |
        direct_start c1 >"$CASE/out"
    [ "$(head -c 3 "$CASE/out" | od -An -tx1)" = " 08 03 12" ]
    run python3 "$INTEGRATION/ttrpc.py" decode BootstrapResult <"$CASE/out"
    [ "$output" = "{\"version\": 3, \"address\": \"unix://$(socket_of c1)\", \"protocol\": \"ttrpc\"}" ]
}

# bats test_tags=direct
@test "C-1.30 the runtime options are found in the extensions of BootstrapParams" {
    mkdir "/sys/fs/cgroup/pids/$NS" "/sys/fs/cgroup/pids/$NS/shim"
    direct_bundle c1 true
    python3 "$INTEGRATION/ttrpc.py" encode BootstrapParams instance_id=c1 namespace="$NS" \
        'extensions:=[{"value": {"@type": "types.example/containerd.runc.v1.Options", "shim_cgroup": "'"/$NS/shim"'"}}]' |
        direct_start c1 >"$CASE/out"
    grep -q "pids:/$NS/shim$" "/proc/$(shim_pid c1)/cgroup"
    direct_end c1
    wait_until rmdir "/sys/fs/cgroup/pids/$NS/shim"
}

# bats test_tags=direct
@test "T-022 C-1.31 an Any that also parses as BootstrapParams is an Any" {
    direct_bundle c1 true
    python3 "$INTEGRATION/ttrpc.py" encode Any \
        '{"@type": "containerd.runc.v1.Options", "binary_name": "runc"}' >"$CASE/in"
    run direct_start c1 <"$CASE/in"
    [ "$status" -eq 0 ]
    [ "$output" = "unix://$(socket_of c1)" ]
}

# bats test_tags=direct
@test "C-1.31 BootstrapParams of another id are no BootstrapParams" {
    direct_bundle c1 true
    python3 "$INTEGRATION/ttrpc.py" encode BootstrapParams instance_id=other namespace="$NS" >"$CASE/in"
    # Then it is an Any of an unknown type: no protobuf comes back, and nothing stays behind an error.
    run direct_start c1 <"$CASE/in"
    if [ "$status" -eq 0 ]; then
        [ "$output" = "unix://$(socket_of c1)" ]
    else
        [ -z "$(shims)" ]
    fi
}

# bats test_tags=direct
@test "T-023 C-1.22 the socket directory of BootstrapParams is honoured" {
    direct_bundle c1 true
    event_server
    python3 "$INTEGRATION/ttrpc.py" encode BootstrapParams instance_id=c1 namespace="$NS" socket_dir="$CASE/s" |
        direct_start c1 >"$CASE/out"
    path=$CASE/s/$(basename "$(socket_of c1)")
    [ -S "$path" ]
    run python3 "$INTEGRATION/ttrpc.py" decode BootstrapResult <"$CASE/out"
    [[ $output == *"\"unix://$path\""* ]]
    pid=$(shim_pid c1)
    python3 "$INTEGRATION/ttrpc.py" "$path" call Task Shutdown id=c1
    wait_until gone "$pid"
    [ ! -e "$path" ]
}

# bats test_tags=direct
@test "T-028 C-1.36 task v2 and task v3 answer on one socket" {
    direct_bundle c1 true
    address=$(direct_start c1 </dev/null)
    for service in Task Task3; do
        run python3 "$INTEGRATION/ttrpc.py" "$address" call "$service" Connect id=c1
        [ "$output" = "{\"shim_pid\": $(shim_pid c1)}" ]
    done
}

# bats test_tags=direct
@test "T-029 C-1.29 a start that fails leaves no process and no socket" {
    direct_bundle c1 true
    python3 "$INTEGRATION/ttrpc.py" encode Any \
        '{"@type": "containerd.runc.v1.Options", "shim_cgroup": "relative/../path"}' >"$CASE/in"
    run --separate-stderr direct_start c1 <"$CASE/in"
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == "$SHIM_RUNTIME: "* ]]
    wait_until no_shims
    [ ! -e "$(socket_of c1)" ]
}

@test "T-030 C-1.45 P-11 the server is the subreaper of what the runtime leaves" {
    idle c1
    pid=$(task_pid c1)
    [ "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")" = "$(shim_pid c1)" ]
}

# bats test_tags=direct
@test "C-1.45 a container ignores no signal, whatever containerd was made to ignore" {
    cat >"$CASE/shim" <<PY
#!/usr/bin/python3
import ctypes, os, sys
# rt_sigaction(2): the library refuses the numbers that it keeps for itself.
ignored = (ctypes.c_ulong * 4)(1, 0, 0, 0)
for number in (1, 10, 32, 33, 40):
    ctypes.CDLL(None).syscall(ctypes.c_long(13), number, ignored, None, ctypes.c_long(8))
os.execv("$SHIM_BINARY", ["$SHIM_BINARY"] + sys.argv[1:])
PY
    chmod +x "$CASE/shim"
    direct_bundle c1 grep SigIgn /proc/self/status
    SHIM_BINARY=$CASE/shim direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="file://$CASE/ignored" >/dev/null
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    [ "$(awk '{ print $2 }' "$CASE/ignored")" = 0000000000000000 ]
}

# bats test_tags=direct
@test "T-031 C-1.47 a peer of another user or group is refused" {
    direct_bundle c1 true
    direct_start c1 </dev/null
    for who in "--reuid=65534 --regid=0" "--reuid=0 --regid=65534"; do
        # dac_override lets the peer reach the socket: the refusal is the shim's alone.
        # shellcheck disable=SC2086 # words to be split
        run setpriv $who --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override \
            python3 - "$(socket_of c1)" <<'PY'
import sys, ttrpc
connection = ttrpc.Connection(sys.argv[1])
try:
    connection.call("Connect", id="c1", patience=5)
except ttrpc.Failure as failure:
    sys.exit(failure.code)
PY
        [ "$status" -eq 70 ]
    done
    rpc c1 Connect id=c1
}

# bats test_tags=direct
@test "T-032 C-1.45 P-42 SIGPIPE is ignored, SIGUSR1 is survived and leaves a dump in the log" {
    direct c1 sleep 1000
    before=$(wc -c <"$DIR/jobs/log-c1")
    kill -PIPE "$SHIM"
    kill -USR1 "$SHIM"
    wait_until log_grew "$before"
    [ "$SHIM_BUILD" = go ] || wait_until grep -q ' id=c1 pid=[0-9]* status=running ' "$DIR/jobs/log-c1"
    # No handler that something could happen in.
    [ "$SHIM_BUILD" = go ] || grep -qx 'SigCgt:[[:space:]]*0*' "/proc/$SHIM/status"
    rpc c1 Connect id=c1
    [ "$(shim_pid c1)" = "$SHIM" ]
    budget "$SHIM"
}

log_grew() { [ "$(wc -c <"$DIR/jobs/log-c1")" -gt "$1" ]; }

# ends ----------------------------------------------------------------------------------------------

@test "T-033 C-1.53 C-1.59 SIGTERM ends the shim; containerd cleans up what it held" {
    events_start
    idle c1
    pid=$(shim_pid c1)
    init=$(task_pid c1)
    kill -TERM "$pid"
    wait_until gone "$pid"
    wait_event c1 delete
    [ ! -e "$(socket_of c1)" ]
    [[ $(events c1 | grep '^/tasks/exit') == *'"exit_status":137'* ]]
    wait_until gone "$init"
    wait_until not test -e "$(bundle c1)"
}

# bats test_tags=direct
@test "C-1.53 SIGTERM leaves the container running" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_run c1
    init=$(cat "$DIR/direct/c1/init.pid")
    pid=$(shim_pid c1)
    kill -TERM "$pid"
    wait_until -t 20 gone "$pid"
    alive "$init"
    [ ! -e "$(socket_of c1)" ]
    invoke c1 delete >/dev/null
    wait_until gone "$init"
}

@test "T-034 C-1.51 Shutdown with a container in the pod is a no-op" {
    idle c1 --annotation io.containerd.runc.v2.group=g1
    idle c2 --annotation io.containerd.runc.v2.group=g1
    pid=$(shim_pid c1)
    python3 "$INTEGRATION/ttrpc.py" "$(socket_of g1)" call Task Shutdown id=c1 now=true
    end_task c2
    alive "$pid"
    task_is c1 RUNNING
    exec_task c1 true
}

# bats test_tags=direct
@test "P-29 C-1.40 an empty shim to which nobody is connected ends itself, and no other" {
    export SWIFTRUNC_LONELY_SECONDS=3
    for id in c1 c2 c3 c4; do direct_bundle "$id" sleep 1000; done
    direct_start c1 </dev/null
    direct_run c1
    # Nobody ever connects; its container cannot be created; its container is deleted.
    direct_start c2 </dev/null
    direct_start c3 </dev/null
    rm "$DIR/direct/c3/config.json"
    fails 2 "config.json" direct_create c3
    direct_start c4 </dev/null
    direct_run c4
    rpc c4 Kill id=c4 signal=9
    rpc c4 Wait id=c4
    rpc c4 Delete id=c4
    for id in c2 c3 c4; do wait_until -t 10 no_shim "$id"; done
    grep -q "empty, and nobody is connected" "$DIR/jobs/log-c4"
    # The first one's time has passed too.
    direct_exec c1 e1 true
    [ ! -e "$(socket_of c4)" ]
}

# bats test_tags=direct
@test "P-29 a peer that stays connected keeps an empty shim" {
    export SWIFTRUNC_LONELY_SECONDS=3
    direct_bundle c1 true
    direct_start c1 </dev/null
    direct_bundle c2 true
    client <<'PY' &
connection = Connection(path)
open(os.environ["CASE"] + "/connected", "w").close()
while os.path.exists(os.environ["CASE"] + "/connected"):
    time.sleep(0.02)
connection.call("Connect", id="c1")
open(os.environ["CASE"] + "/answered", "w").close()
PY
    wait_until test -e "$CASE/connected"
    direct_start c2 </dev/null
    wait_until -t 10 no_shim c2
    rm "$CASE/connected"
    wait_until test -e "$CASE/answered"
    wait_until -t 10 no_shim c1
}

# bats test_tags=direct
@test "P-29 a shim whose last container was deleted for a client that is gone ends itself, whoever else is connected" {
    export SWIFTRUNC_LONELY_SECONDS=3
    for id in c1 c2; do
        direct_bundle "$id" sleep 1000
        direct_start "$id" </dev/null
        direct_run "$id"
        rpc "$id" Kill id="$id" signal=9
        rpc "$id" Wait id="$id"
    done
    for id in c1 c2; do
        GROUP=$id client "$id" <<'PY' &
deleter, other = Connection(path), Connection(path)
other.call("Connect", id=sys.argv[2])
deleter.call("Delete", id=sys.argv[2])
if sys.argv[2] == "c1":
    deleter.close()
open(os.environ["CASE"] + "/deleted-" + sys.argv[2], "w").close()
while os.path.exists(os.environ["CASE"] + "/deleted-" + sys.argv[2]):
    time.sleep(0.02)
PY
        wait_until test -e "$CASE/deleted-$id"
    done
    wait_until -t 10 no_shim c1
    grep -q "empty, and its daemon is gone" "$DIR/jobs/log-c1"
    # The other one's client may still say Shutdown.
    alive "$(shim_pid c2)"
    rm "$CASE/deleted-c1" "$CASE/deleted-c2"
    wait_until -t 10 no_shim c2
}

# bats test_tags=direct
@test "P-31 P-41 a turn of the loop that takes longer than a second is told of" {
    direct c1 sleep 1000
    background trace strace -p "$SHIM" -qq -e trace=openat -e inject=openat:delay_enter=1100000:when=1 -o "$CASE/trace"
    wait_until grep -q "TracerPid:[[:space:]]*$(cat "$DIR/jobs/trace.pid")" "/proc/$SHIM/status"
    rpc c1 Stats id=c1
    stop_job trace
    grep -Eq 'level=warning msg="loop held up" milliseconds=1[0-9]{3}' "$DIR/jobs/log-c1"
}

@test "T-035 C-1.52 C-1.53 P-29 the shim ends after the last delete, and its socket goes" {
    idle c1
    pid=$(shim_pid c1)
    budget "$pid"
    ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    alive "$pid"
    ctr task rm c1
    wait_until -t 5 gone "$pid"
    [ ! -e "$(socket_of c1)" ]
    [ ! -e "$(bundle c1)" ]
}

# bats test_tags=direct
@test "C-1.54 a socket path that belongs to another listener stays" {
    direct_bundle c1 true
    direct_start c1 </dev/null
    path=$(socket_of c1)
    pid=$(shim_pid c1)
    mv "$path" "$path.old"
    background other python3 "$INTEGRATION/ttrpc.py" serve-events "$path"
    wait_until test -S "$path"
    kill -TERM "$pid"
    wait_until -t 20 gone "$pid"
    [ -S "$path" ]
    rm -f "$path" "$path.old" "$DIR/direct/c1/address"
}

# bats test_tags=direct
@test "T-041 C-1.57 Pids of a shim without a container is NOT_FOUND" {
    direct_bundle c1 true
    direct_start c1 </dev/null
    run rpc c1 Pids id=c1
    [ "$status" -eq 5 ]
    [[ $output == *"container not created: not found"* ]]
}

@test "T-042 C-1.59 C-1.71 after kill -9 of the shim containerd cleans up through delete" {
    events_start
    run_image c1 sleep 1000
    pid=$(shim_pid c1)
    init=$(task_pid c1)
    grep -q " $(bundle c1)/rootfs " /proc/self/mountinfo
    kill -KILL "$pid"
    wait_event c1 delete
    [[ $(events c1 | grep '^/tasks/exit') == *'"exit_status":137'* ]]
    wait_until gone "$init"
    wait_until not test -e "$(bundle c1)"
    not grep -q " $(bundle c1)/rootfs " /proc/self/mountinfo
    # The next start replaces the stale socket that was left.
    ctr container rm c1
    idle c1
    task_is c1 RUNNING
}

# delete --------------------------------------------------------------------------------------------

# cleanup ID: the delete action; its decoded answer.
cleanup() {
    invoke "$1" -bundle "$DIR/direct/$1" delete </dev/null 2>"$CASE/delete.err" |
        python3 "$INTEGRATION/ttrpc.py" decode DeleteResponse
}

# lose_shim ID: a running container whose shim was killed; the init's pid in $init.
lose_shim() {
    local pid
    direct_bundle "$1" sleep 1000
    direct_start "$1" </dev/null
    direct_run "$1"
    init=$(cat "$DIR/direct/$1/init.pid")
    pid=$(shim_pid "$1")
    kill -KILL "$pid"
    wait_until gone "$pid"
}

# bats test_tags=direct
@test "T-043 C-1.72 delete prints a DeleteResponse and ends the container" {
    lose_shim c1
    run cleanup c1
    [ "$status" -eq 0 ]
    [[ $output == "{\"pid\": $init, \"exit_status\": 137, \"exited_at\": {\"seconds\": "* ]]
    wait_until gone "$init"
    forget_shim c1
}

# bats test_tags=direct
@test "T-043 C-1.71 delete works without init.pid, runtime and options.json" {
    lose_shim c1
    rm -f "$DIR/direct/c1/init.pid" "$DIR/direct/c1/runtime" "$DIR/direct/c1/options.json"
    run cleanup c1
    [ "$status" -eq 0 ]
    # Go's 1.6 shim says pid 4294967295; no pid is 0.
    [[ $output == "{\"exit_status\": 137, \"exited_at\": {\"seconds\": "* ]]
    wait_until gone "$init"
    forget_shim c1
}

# bats test_tags=direct
@test "T-043 C-1.71 delete of a bundle that is gone still answers" {
    direct_bundle c1 true
    rm -rf "$DIR/direct/c1"
    mkdir "$DIR/direct/c2"
    run bash -c 'cd "$1" && shift && exec "$@"' bash "$DIR/direct/c2" "$SHIM_BINARY" -namespace "$NS" \
        -address "$SOCK" -id c1 -bundle "$DIR/direct/c1" delete </dev/null
    [ "$status" -eq 0 ]
    [ -n "$output" ]
}

@test "C-1.16 after an ordinary end containerd has nothing to warn of" {
    stop_containerd
    # With more in its log it asks for more on stderr.
    sed -i 's/^level = .*/level = "info"/' "$DIR/config.toml"
    start_containerd
    begin=$(wc -l <"$DIR/containerd.log")
    idle c1
    end_task c1
    wait_until log_has 'msg="cleaning up dead shim"'
    wait_until not pgrep -f -- "-address $SOCK .* delete\$"
    stop_containerd
    write_config
    start_containerd
    not log_has 'clean.*msg=..end of init'
}

# log_has PATTERN: since line $begin.
log_has() { tail -n "+$((begin + 1))" "$DIR/containerd.log" | grep -q -- "$1"; }

# bats test_tags=direct
@test "C-1.16 delete says how init ended, and asks the runtime, if it has something to do" {
    for id in c1 c2; do
        direct_bundle "$id" sh -c 'exit 5'
        direct_start "$id" </dev/null
        direct_run "$id"
        rpc "$id" Wait id="$id"
    done
    rpc c1 Delete id=c1
    touch "$FAKE_RUNC/record"
    for id in c1 c2; do
        pid=$(shim_pid "$id")
        kill -KILL "$pid"
        wait_until gone "$pid"
        run cleanup "$id"
        [[ $output == *'"exit_status": 5,'* ]]
        mv "$CASE/delete.err" "$CASE/$id.err"
        forget_shim "$id"
    done
    [ ! -s "$CASE/c1.err" ]
    grep -q 'msg="end of init" status=5 known-by=record ' "$CASE/c2.err"
    [[ $(<"$FAKE_RUNC/calls") == *" delete --force c2" ]]
    [ "$(wc -l <"$FAKE_RUNC/calls")" -eq 1 ]
}

# bats test_tags=direct
@test "C-1.71 C-1.73 delete leaves a cgroup in peace that another container is in" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_run c1
    cgroup=$(cgroup_of c1)
    mkdir "$cgroup/inner"
    direct_bundle c2 sleep 1000
    edit_spec c2 "spec['linux']['cgroupsPath'] = '$(cgroups_path c1)'"
    direct_start c2 </dev/null
    pid=$(shim_pid c2)
    kill -KILL "$pid"
    wait_until gone "$pid"
    begin=${EPOCHREALTIME/[.,]/}
    run cleanup c2
    [ "$status" -eq 0 ]
    [ $((${EPOCHREALTIME/[.,]/} - begin)) -lt 3000000 ]
    [ -d "$cgroup/inner" ]
    rmdir "$cgroup/inner"
    state_is c1 2
    forget_shim c2
    direct_end c1
}

# bats test_tags=direct
@test "C-1.71 delete unmounts what is mounted below the rootfs" {
    lose_shim c1
    mount -t tmpfs tmpfs "$DIR/direct/c1/rootfs"
    mkdir "$DIR/direct/c1/rootfs/inner dir"
    mount -t tmpfs tmpfs "$DIR/direct/c1/rootfs/inner dir"
    run cleanup c1
    [ "$status" -eq 0 ]
    not grep -q " $DIR/direct/c1/rootfs" /proc/self/mountinfo
    forget_shim c1
}

# bats test_tags=direct
@test "T-044 C-1.70 delete of one pod member leaves the other running" {
    for id in c1 c2; do
        direct_bundle "$id" sleep 1000
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
        direct_start "$id" </dev/null
        direct_run "$id"
    done
    note_words g
    run cleanup c2
    [[ $output == *'"exit_status": 137'* ]]
    [ -S "$(socket_of g)" ]
    [[ $(rpc c1 State id=c1) == *'"status": 2'* ]]
    wait_until stopped c2
    rm "$CASE/delete.err"
    direct_end c2 c1
}

stopped() { [[ $(rpc "$1" State id="$1") == *'"status": 3'* ]]; }

# bats test_tags=direct
@test "T-045 C-1.73 delete answers though the runtime hangs, and ends the container" {
    lose_shim c1
    touch "$FAKE_RUNC/delete.hang"
    begin=$SECONDS
    run cleanup c1
    [ "$status" -eq 0 ]
    [[ $output == *'"exit_status": 137'* ]]
    [ $((SECONDS - begin)) -le 6 ]
    wait_until gone "$init"
    for pid in $(pgrep -xf "sleep 100000"); do
        not grep -qxzF "FAKE_RUNC=$FAKE_RUNC" "/proc/$pid/environ"
    done
    rm "$FAKE_RUNC/delete.hang"
    end_runtime c1
    forget_shim c1
}

# bats test_tags=direct
@test "C-1.74 the files in the bundle have the common form" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_run c1 'options:={"@type": "containerd.runc.v1.Options", "binary_name": "runc", "no_pivot_root": true}'
    cd "$DIR/direct/c1"
    [ "$(od -An -c runtime)" = "   r   u   n   c" ]
    [ "$(stat -c %a runtime options.json)" = "$(printf '600\n600')" ]
    [ "$(python3 -c 'import json; print(sorted(json.load(open("options.json")).items()))')" = \
        "[('binary_name', 'runc'), ('no_pivot_root', True)]" ]
    [[ $(cat init.pid) =~ ^[0-9]+$ ]]
}

# -info ---------------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-047 C-1.60 C-1.62 -info with empty stdin tells the features of the runtime" {
    run --separate-stderr shim -info </dev/null
    [ "$status" -eq 0 ]
    run bash -c '"$SHIM_BINARY" -info </dev/null | python3 "$INTEGRATION/ttrpc.py" decode RuntimeInfo'
    [[ $output == "{\"name\": \"$SHIM_RUNTIME\", \"version\": {"* ]]
    [[ $output == *'"@type": "types.containerd.io/opencontainers/runtime-spec/1/features/Features"'* ]]
    [[ $output == *'"ociVersionMin"'* ]]
}

# bats test_tags=direct
@test "T-047 C-1.60 -info echoes the options and asks the runtime they name" {
    cat >"$CASE/other" <<'SH'
#!/bin/sh
echo '{"ociVersionMin": "9.9.9"}'
SH
    chmod +x "$CASE/other"
    run bash -c 'python3 "$INTEGRATION/ttrpc.py" encode Any "{\"@type\": \"containerd.runc.v1.Options\", \"binary_name\": \"$CASE/other\"}" |
        "$SHIM_BINARY" -info | python3 "$INTEGRATION/ttrpc.py" decode RuntimeInfo'
    [[ $output == *"\"binary_name\": \"$CASE/other\""* ]]
    [[ $output == *'"ociVersionMin": "9.9.9"'* ]]
    rm "$CASE/other"
}

# bats test_tags=direct
@test "C-1.61 -info without features of the runtime still succeeds" {
    mkdir "$CASE/path"
    ln -s "$(type -P false)" "$CASE/path/runc"
    run bash -c 'PATH=$CASE/path:$PATH "$SHIM_BINARY" -info </dev/null | python3 "$INTEGRATION/ttrpc.py" decode RuntimeInfo'
    rm -r "$CASE/path"
    [[ $output == "{\"name\": \"$SHIM_RUNTIME\""* ]]
    [[ $output != *features* ]]
}

# bats test_tags=direct
@test "C-1.61 -info without the runtime is an error" {
    mkdir "$CASE/empty"
    run env PATH="$CASE/empty" "$SHIM_BINARY" -info </dev/null
    rmdir "$CASE/empty"
    [ "$status" -eq 1 ]
    [[ $output == *runc* ]]
}
