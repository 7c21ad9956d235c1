# What differs from one containerd to the next: contract C-1.10, C-1.30 … C-1.37, C-1.57, C-1.59 … C-1.62,
# C-1.74, C-7.1 … C-7.5.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# every daemon --------------------------------------------------------------------------------------

@test "T-024 T-025 T-026 C-1.35 run, exec, kill, rm; the plain address means task v2" {
    events_start
    idle c1
    shim=$(shim_pid c1)
    [ "$(cat "$(bundle c1)/address")" = "unix://$(socket_of c1)" ]
    background trace strace -f -qq -s 256 -e trace=read,recvfrom,recvmsg -o "$CASE/trace" -p "$shim"
    wait_until grep -q "TracerPid:[[:space:]]*$(cat "$DIR/jobs/trace.pid")" "/proc/$shim/status"
    run exec_task c1 sh -c 'echo out; exit 3'
    [ "$status" -eq 3 ]
    [ "$output" = out ]
    stop_job trace
    grep -q 'containerd\.task\.v2\.Task' "$CASE/trace"
    not grep -q 'containerd\.task\.v3\.Task' "$CASE/trace"
    ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    end_task c1
    wait_event c1 delete
    [ "$(topics c1)" = "create start exec-added exec-started exit exit delete " ]
}

@test "C-1.10 the environment that start is given, and what the server makes of it" {
    wrapper recorder <<'SH'
env >"$CASE/env"
exec "$SHIM_BINARY" "$@"
SH
    SHIM_RUNTIME=io.containerd.recorder.v2 idle c1
    grep -qx "TTRPC_ADDRESS=$SOCK.ttrpc" "$CASE/env"
    grep -qx GOMAXPROCS=2 "$CASE/env"
    if daemon_since 1.7; then
        # Though a 2.x daemon speaks 3, too.
        grep -qx MAX_SHIM_VERSION=2 "$CASE/env"
        grep -qx "GRPC_ADDRESS=$SOCK" "$CASE/env"
        grep -qx "NAMESPACE=$NS" "$CASE/env"
    else
        not grep -q '^MAX_SHIM_VERSION=' "$CASE/env"
    fi
    tr '\0' '\n' <"/proc/$(shim_pid c1)/environ" >"$CASE/server"
    grep -qx "TTRPC_ADDRESS=$SOCK.ttrpc" "$CASE/server"
}

# wrapper NAME < SCRIPT: a shim io.containerd.NAME.v2 that runs this script; ended by the case's end.
wrapper() {
    { echo '#!/bin/bash' && cat; } >"$DIR/bin/containerd-shim-$1-v2"
    chmod +x "$DIR/bin/containerd-shim-$1-v2"
}

@test "C-1.25 C-1.37 C-1.59 version 2: each member of a pod has its start, and its delete after a crash" {
    events_start
    pod_of_three "$SHIM_RUNTIME"
    for id in c1 c2 c3; do [ "$(cat "$(bundle "$id")/address")" = "unix://$(socket_of g1)" ]; done
    crash_pod
}

# pod_of_three RUNTIME: c1, c2, c3 in one group, of one shim.
pod_of_three() {
    for id in c1 c2 c3; do SHIM_RUNTIME=$1 idle "$id" --annotation io.containerd.runc.v2.group=g1; done
    [ "$(shims | wc -l)" -eq 1 ]
    note_words g1
    budget_baseline "$(shim_pid c1)"
}

# Kills the shim of the pod: containerd tells the end of each member, and removes it.
crash_pod() {
    local pids
    mapfile -t pids < <(for id in c1 c2 c3; do task_pid "$id"; done)
    kill -KILL "$(shim_pid c1)"
    for id in c1 c2 c3; do
        wait_event "$id" delete
        [[ $(events "$id" | grep '^/tasks/exit') == *'"exit_status":137'* ]]
        wait_until not test -e "$(bundle "$id")"
        ctr container rm "$id"
    done
    for pid in "${pids[@]}"; do wait_until gone "$pid"; done
    # The socket of a killed shim stays until the next start of its group.
    idle c1 --annotation io.containerd.runc.v2.group=g1
    end_task c1
}

@test "T-041 C-1.57 containerd dies between start and Create: the shim without a container is ended" {
    # It kills containerd when the server is up, before containerd has read where.
    wrapper dying <<'SH'
"$SHIM_BINARY" "$@" || exit
if [ "${!#}" = start ]; then kill -KILL "$PPID"; fi
SH
    run ctr run -d --null-io --runtime io.containerd.dying.v2 --env PATH=/bin --rootfs "$ROOTFS" c1 sleep 1000
    [ "$status" -ne 0 ]
    shim=$(shim_pid c1)
    wait_until gone "$(containerd_pid)"
    start_containerd
    if daemon_since 1.7; then
        # Pids is NOT_FOUND: what is leaked is ended.
        wait_until -t 30 gone "$shim"
        [ -z "$(task_status c1)" ]
    else
        # 1.6 asks nobody, and keeps a shim with which it can do nothing; it cleans up when that ends.
        fails 1 "container not created" ctr task rm -f c1
        alive "$shim"
        kill -TERM "$shim"
        wait_until gone "$shim"
    fi
    wait_until not test -e "$(bundle c1)"
}

# 2.x -----------------------------------------------------------------------------------------------

# bats test_tags=containerd:2-1
@test "T-027 C-1.35 bootstrap.json holds version 2, the address and the protocol" {
    idle c1
    [ "$(python3 -c 'import json, sys; print(sorted(json.load(open(sys.argv[1])).items()))' "$(bundle c1)/bootstrap.json")" = \
        "[('address', 'unix://$(socket_of c1)'), ('protocol', 'ttrpc'), ('version', 2)]" ]
}

# bats test_tags=containerd:2-1
@test "T-047 T-049 C-1.8 C-1.60 C-1.62 containerd reads -info, with and without options, as the Go shim's" {
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    ask_info theirs
    # ctr gives options to no runtime of another name.
    ln -s "$SHIM_BINARY" "$DIR/bin/containerd-shim-runc-v2"
    restart_containerd
    ask_info ours
    rm "$DIR/bin/containerd-shim-runc-v2"
    restart_containerd
    diff -u "$CASE/theirs" "$CASE/ours"
    run ctr plugins inspect-runtime --runtime="$SHIM_RUNTIME"
    [[ $output == *'"Name": "io.containerd.swiftrunc.v2"'*'"ociVersionMin": "1.'* ]]
    idle c1
    not grep -q "failed to load runtime info" "$DIR/containerd.log"
}

# ask_info FILE: what containerd makes of -info, but for the name and the version.
ask_info() {
    ctr plugins inspect-runtime --runtime="$PEER_RUNTIME" >"$CASE/answer"
    ctr plugins inspect-runtime --runtime="$PEER_RUNTIME" --runc-binary="$FAKE_RUNC_REAL" --runc-root=/nowhere \
        >>"$CASE/answer"
    [ "$(grep -c '"ociVersionMin"' "$CASE/answer")" -eq 2 ]
    grep -q '"root": "/nowhere"' "$CASE/answer"
    grep -vE '^    "Name":|^        "(Version|Revision)":' "$CASE/answer" >"$CASE/$1"
}

restart_containerd() {
    stop_containerd
    start_containerd
}

# bats test_tags=containerd:2-1
@test "C-1.61 C-1.62 idmap mounts are refused for want of the runtime's feature, in the Go shim's case and ours" {
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    direct_bundle spec sleep 1000
    edit_spec spec 'ids = [{"containerID": 0, "hostID": 100000, "size": 10}]
spec["mounts"].append({"destination": "/x", "type": "bind", "source": "/etc", "options": ["rbind"],
                       "uidMappings": ids, "gidMappings": ids})'
    for runtime in "$PEER_RUNTIME" "$SHIM_RUNTIME"; do
        run ctr run -d --null-io --runtime "$runtime" --config "$DIR/direct/spec/config.json" c1
        [ "$status" -eq 1 ]
        [[ $output == *"idmap mounts not supported: missing \`mountExtensions.idmap\` entry in \`features\` command" ]]
        # It asks when the shim is there already, which it then forgets. A Go shim that finds its bundle gone before
        # it has opened its log ends by itself, without its socket's removal.
        kill -TERM "$(shim_pid c1)" || [ "$runtime" = "$PEER_RUNTIME" ]
        wait_until no_shim c1
        [ "$runtime" != "$PEER_RUNTIME" ] || rm -f "$(socket_of c1)"
        wait_until not test -e "$(bundle c1)"
        ctr container rm c1
    done
    rm -r "$DIR/direct/spec"
}

# version_two, version_three: runtimes io.containerd.two.v2 and io.containerd.three.v2. Each writes down its
# calls and is our shim, the latter with the result that a 2.x Go shim prints.
version_two() {
    wrapper two <<'SH'
echo "$*" >>"$CASE/calls"
exec "$SHIM_BINARY" "$@"
SH
}

version_three() {
    wrapper three <<'SH'
echo "$*" >>"$CASE/calls"
if [ "${!#}" = start ]; then
    address=$("$SHIM_BINARY" "$@") || exit
    printf '{"version":3,"address":"%s","protocol":"ttrpc"}' "$address"
else
    exec "$SHIM_BINARY" "$@"
fi
SH
}

# bats test_tags=containerd:2-1
@test "T-026 C-1.36 told version 3, containerd speaks task v3 for the whole life, over a restart too" {
    version_three
    events_start
    SHIM_RUNTIME=io.containerd.three.v2 idle c1
    shim=$(shim_pid c1)
    background trace strace -f -qq -s 256 -e trace=read,recvfrom,recvmsg -o "$CASE/trace" -p "$shim"
    wait_until grep -q "TracerPid:[[:space:]]*$(cat "$DIR/jobs/trace.pid")" "/proc/$shim/status"
    run exec_task c1 sh -c 'exit 3'
    [ "$status" -eq 3 ]
    stop_job trace
    grep -q 'containerd\.task\.v3\.Task' "$CASE/trace"
    not grep -q 'containerd\.task\.v2\.Task' "$CASE/trace"
    [[ $(cat "$(bundle c1)/bootstrap.json") == *'"version":3'* ]]
    kill9_containerd
    start_containerd
    task_is c1 RUNNING
    [ "$(shim_pid c1)" = "$shim" ]
    events_stop
    events_start
    ctr task ps c1
    ctr task kill -s KILL c1
    wait_event c1 exit
    wait_until task_is c1 STOPPED
    end_task c1
    wait_event c1 delete
    wait_until gone "$shim"
}

# bats test_tags=containerd:2-1
@test "C-1.37 C-1.59 version 3: a group by annotation, its life and its crash" {
    version_three
    events_start
    pod_of_three io.containerd.three.v2
    end_task c2
    exec_task c3 true
    SHIM_RUNTIME=io.containerd.three.v2 idle c2 --annotation io.containerd.runc.v2.group=g1
    [ "$(shims | wc -l)" -eq 1 ]
    events_stop
    events_start
    crash_pod
}

# in_sandbox RUNTIME: task p1 and, in the sandbox of that name, which containerd knows, task c1. Who was
# called with `start` is in $STARTED; which calls the removal of c1 made at the shim is in $REMOVED.
in_sandbox() {
    local shim
    echo '{"metadata": {"name": "p1", "uid": "p1", "namespace": "test"}}' >"$CASE/pod.json"
    # The service that would start it is part of CRI: what remains is what containerd knows of it.
    run ctr sandboxes run --runtime "$1" "$CASE/pod.json" p1
    [[ $(ctr sandboxes ls) == *"p1 "* ]]
    SHIM_RUNTIME=$1 idle p1 --annotation io.kubernetes.cri.sandbox-id=p1
    SHIM_RUNTIME=$1 idle c1 --annotation io.kubernetes.cri.sandbox-id=p1 --sandbox p1
    shim=$(shim_pid p1)
    [ "$(shims | wc -l)" -eq 1 ]
    budget_baseline "$shim"
    STARTED=$(sed -nE 's/.* -id ([a-z0-9]+) .*start$/\1/p' "$CASE/calls" | tr '\n' ' ')
    background trace strace -f -qq -s 256 -e trace=read,recvfrom,recvmsg -o "$CASE/trace" -p "$shim"
    wait_until grep -q "TracerPid:[[:space:]]*$(cat "$DIR/jobs/trace.pid")" "/proc/$shim/status"
    ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    end_task c1
    stop_job trace
    REMOVED=$(grep -oE 'task\.v[23]\.Task[^A-Z]*(Delete|Shutdown)' "$CASE/trace" | grep -oE 'v[23]|Delete|Shutdown' | tr '\n' ' ')
    task_is p1 RUNNING
    end_task p1
    wait_until gone "$shim"
    ctr sandboxes rm p1
}

# bats test_tags=containerd:2-1
@test "T-026 C-1.37 version 2: a member of a sandbox has a start of its own, and Shutdown after its Delete" {
    version_two
    in_sandbox io.containerd.two.v2
    [ "$STARTED" = "p1 c1 " ]
    [ "$REMOVED" = "v2 Delete v2 Shutdown " ]
}

# bats test_tags=containerd:2-1
@test "T-026 C-1.37 version 3: a member of a sandbox has neither, and the shim ends with the sandbox" {
    version_three
    in_sandbox io.containerd.three.v2
    [ "$STARTED" = "p1 " ]
    [ "$REMOVED" = "v3 Delete " ]
}

# version 3 without containerd ------------------------------------------------------------------------

# bootstrap ID [FIELD...]: start as a 2.3 daemon does it; the decoded result.
bootstrap() {
    python3 "$INTEGRATION/ttrpc.py" encode BootstrapParams instance_id="$1" namespace="$NS" \
        containerd_version=2.3.0 containerd_ttrpc_address="$DIR/events.sock" \
        containerd_grpc_address="$SOCK" containerd_binary=/bin/false "${@:2}" |
        direct_start "$1" | python3 "$INTEGRATION/ttrpc.py" decode BootstrapResult
}

# bats test_tags=direct
@test "T-021 C-1.35 C-1.36 a whole life over task v3, from a BootstrapResult" {
    direct_bundle c1 sleep 1000
    result=$(bootstrap c1 log_level=0)
    shim=$(shim_pid c1)
    python3 - "$result" "$DIR/direct/c1" <<'PY'
import json, sys
from ttrpc import *
result, bundle = json.loads(sys.argv[1]), sys.argv[2]
assert (result["version"], result["protocol"]) == (3, "ttrpc"), result
c = Connection(result["address"])

def call(method, **fields):
    return c.call(method, fields, service="Task3")

pid = call("Create", id="c1", bundle=bundle)["pid"]
assert call("Start", id="c1")["pid"] == pid
assert call("Connect", id="c1")["task_pid"] == pid
assert call("State", id="c1")["status"] == 2
assert [one["pid"] for one in call("Pids", id="c1")["processes"]] == [pid]
spec = {"@type": "types.containerd.io/opencontainers/runtime-spec/1/Process",
        "@json": {"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "exit 5"], "env": ["PATH=/bin"], "cwd": "/"}}
call("Exec", id="c1", exec_id="e1", spec=spec)
call("Start", id="c1", exec_id="e1")
assert call("Wait", id="c1", exec_id="e1")["exit_status"] == 5
assert call("Delete", id="c1", exec_id="e1")["exit_status"] == 5
# It comes back by the same address, as a daemon that was restarted does, and to the other service.
wait = c.send("Task3", "Wait", {"id": "c1"})
other = Connection(result["address"])
assert other.call("State", id="c1")["status"] == 2
other.call("Kill", {"id": "c1", "signal": 9}, service="Task3")
assert c.result("Wait", wait)["exit_status"] == 137
c.close()
assert other.call("Delete", {"id": "c1"}, service="Task3")["exit_status"] == 137
other.call("Shutdown", {"id": "c1"}, service="Task3")
PY
    wait_until gone "$shim"
    [ ! -e "$(socket_of c1)" ]
    [ "$(direct_topics c1)" = "create start exec-added exec-started exit exit delete " ]
}

# bats test_tags=direct
@test "C-1.37 version 3: members of a pod without a start of their own, and no Shutdown after their Delete" {
    for id in c1 c2 c3; do
        direct_bundle "$id" sleep 1000
        edit_spec "$id" 'spec["annotations"] = {"io.kubernetes.cri.sandbox-id": "c1"}'
    done
    result=$(bootstrap c1)
    shim=$(shim_pid c1)
    python3 - "$result" "$DIR/direct" "$shim" <<'PY'
import json, sys
from ttrpc import *
c = Connection(json.loads(sys.argv[1])["address"])

def call(method, **fields):
    return c.call(method, fields, service="Task3")

for name in ("c1", "c2", "c3"):
    call("Create", id=name, bundle=f"{sys.argv[2]}/{name}")
    call("Start", id=name)
    assert call("Connect", id=name)["shim_pid"] == int(sys.argv[3])
for name in ("c2", "c3"):
    call("Kill", id=name, signal=9)
    assert call("Wait", id=name)["exit_status"] == 137
    assert call("Delete", id=name)["exit_status"] == 137
    assert call("State", id="c1")["status"] == 2
call("Kill", id="c1", signal=9)
call("Wait", id="c1")
call("Delete", id="c1")
assert call("Connect", id="c1")["shim_pid"] == int(sys.argv[3])
call("Shutdown", id="c1")
PY
    wait_until gone "$shim"
    [ ! -e "$(socket_of c1)" ]
    for id in c2 c3; do
        [ "$(direct_topics "$id")" = "create start exit delete " ]
        # Nothing was written where no start ran.
        [ ! -e "$DIR/direct/$id/address" ]
    done
}

# bats test_tags=direct
@test "C-1.25 C-1.35 P-33 the second BootstrapParams of a group are answered with the same address, and version 3" {
    for id in c1 c2; do
        direct_bundle "$id" true
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
    done
    note_words g
    first=$(bootstrap c1)
    [ "$first" = "{\"version\": 3, \"address\": \"unix://$(socket_of g)\", \"protocol\": \"ttrpc\"}" ]
    [ "$(bootstrap c2)" = "$first" ]
    [ "$(shims | wc -l)" -eq 1 ]
    # One daemon may be newer than the one that started the shim, or older.
    [ "$(direct_start c2 </dev/null)" = "unix://$(socket_of g)" ]
}

# bats test_tags=direct
@test "C-1.22 C-1.39 a group below a socket directory of the daemon: found again, and removed" {
    for id in c1 c2; do
        direct_bundle "$id" true
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
    done
    mkdir "$CASE/s"
    first=$(bootstrap c1 socket_dir="$CASE/s")
    [ "$(bootstrap c2 socket_dir="$CASE/s")" = "$first" ]
    path=$CASE/s/$(basename "$(socket_of g)")
    [[ $first == *"\"unix://$path\""* ]]
    shim=$(shim_pid c1)
    [ "$(cat "$DIR/direct/c2/address")" = "unix://$path" ]
    python3 "$INTEGRATION/ttrpc.py" "$path" call Task3 Shutdown id=c1
    wait_until gone "$shim"
    [ -z "$(ls "$CASE/s")" ]
    rm "$DIR"/direct/*/address
}

# bats test_tags=direct
@test "C-1.30 the options of BootstrapParams may be of either type, and stand beside what is unknown" {
    event_server
    for options in '{"@type": "containerd.runc.v1.Options", "binary_name": "runc"}' \
        '{"@type": "types.example/containerd.runc.v1.Options", "binary_name": "runc"}' \
        '{"@type": "runtimeoptions.v1.Options", "type_url": "x"}' \
        '{"@type": "types.example/runtimeoptions.v1.Options", "type_url": "x"}'; do
        direct_bundle c1 true
        run bootstrap c1 \
            extensions:='[{"value": {"@type": "some.future.Extension", "@hex": "0a0178"}}, {"value": '"$options"'}]'
        [ "$output" = "{\"version\": 3, \"address\": \"unix://$(socket_of c1)\", \"protocol\": \"ttrpc\"}" ]
        pid=$(shim_pid c1)
        rpc c1 Shutdown id=c1
        wait_until gone "$pid"
        stop_job log-c1
        rm -r "$DIR/direct/c1"
    done
}

# bats test_tags=direct
@test "C-1.32 a log level of debug or below, which is a negative number, is the server's -debug" {
    event_server
    for pair in -8:yes -4:yes 0:no 4:no 12:no; do
        direct_bundle c1 true
        bootstrap c1 log_level="${pair%:*}"
        pid=$(shim_pid c1)
        said=no
        if grep -qzx -- -debug "/proc/$pid/cmdline"; then said=yes; fi
        [ "$said" = "${pair#*:}" ]
        rpc c1 Shutdown id=c1
        wait_until gone "$pid"
        stop_job log-c1
        rm -r "$DIR/direct/c1"
    done
}

# the Go shims' bundles -------------------------------------------------------------------------------

# peer_of LINE: the Go shim of that containerd.
peer_of() { echo "$(daemon_bin "$1")/containerd-shim-runc-v2"; }

# lose_shim SHIM ID: a running container of that shim, which then was killed; the init's pid in $init.
lose_shim() {
    local output service=Task pid
    direct_bundle "$2" sleep 1000
    output=$(SHIM_BINARY=$1 direct_start "$2" </dev/null)
    # What 2.x prints is JSON, and what it serves is v3.
    if [[ $output == *'"version":3'* ]]; then service=Task3; fi
    [[ $output =~ unix://[^\"]* ]]
    for call in "Create bundle=$DIR/direct/$2" Start; do
        # shellcheck disable=SC2086 # a method and a field
        python3 "$INTEGRATION/ttrpc.py" "${BASH_REMATCH[0]}" call "$service" $call id="$2"
    done
    init=$(cat "$DIR/direct/$2/init.pid")
    pid=$(shim_pid "$2")
    [[ $(readlink "/proc/$pid/exe") == "$(readlink -f "$1")" ]]
    kill -KILL "$pid"
    wait_until gone "$pid"
}

# delete_by SHIM ID: its delete action in that bundle; the decoded answer.
delete_by() {
    SHIM_BINARY=$1 invoke "$2" -bundle "$DIR/direct/$2" delete </dev/null 2>"$CASE/delete.err" |
        python3 "$INTEGRATION/ttrpc.py" decode DeleteResponse
}

# both_ways LINE: our shim cleans a bundle of that Go shim, and the reverse.
both_ways() {
    local peer
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    peer=$(peer_of "$1")
    for pair in "$SHIM_BINARY $peer" "$peer $SHIM_BINARY"; do
        lose_shim "${pair% *}" c1
        run delete_by "${pair#* }" c1
        [ "$status" -eq 0 ]
        [[ $output == "{\"pid\": $init, \"exit_status\": 137, \"exited_at\": {\"seconds\": "* ]]
        wait_until gone "$init"
        [ ! -e "/run/containerd/runc/$NS/c1" ]
        stop_job log-c1
        rm -rf "$(socket_of c1)" "$DIR/direct/c1" "$CASE/delete.err"
    done
}

# bats test_tags=once
@test "T-046 C-1.74 C-7.15 our delete cleans a bundle of the Go shim of 1.6, and the reverse" { both_ways 1.6; }

# bats test_tags=once
@test "T-046 C-1.74 C-7.15 our delete cleans a bundle of the Go shim of 1.7, and the reverse" { both_ways 1.7; }

# bats test_tags=once
@test "T-046 C-1.74 C-7.4 our delete cleans a bundle of the Go shim of 2.1, and the reverse" { both_ways 2.1; }
