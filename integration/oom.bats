# Kills for lack of memory, and what a shim has that its children have not: contract C-1.34, C-3.73, C-3.74,
# C-6.40 … C-6.44, C-7.81, checklist T-190 … T-193, P-36, P-58 … P-66.
#
# On cgroup v1 and v2, by files and, where there is systemd, by its driver too. OOM_ROUNDS times OOM_CONTAINERS
# containers are killed in the first case, which has the tag `rounds`.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    rm -f "$ROOTFS/tmp"/*
    end_case
}

# Takes more than its limit, at once.
HUNGRY=(dd if=/dev/zero of=/dev/null bs=100M count=1)
LIMIT=20971520
# One processor takes its time.
ROUNDS=${OOM_ROUNDS:-$(($(nproc) > 1 ? 5 : 2))}

unified() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

needs_memory() {
    if unified; then
        grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "needs the memory controller"
    else
        [ -e /sys/fs/cgroup/memory/memory.oom_control ] || skip "needs the memory controller"
    fi
}

# limited ID COMMAND...: a bundle made by hand whose container may use $LIMIT bytes.
limited() {
    direct_bundle "$@"
    edit_spec "$1" "
memory = {'limit': $LIMIT}
# Without a limit for it, what does not fit goes to swap.
if len(open('/proc/swaps').readlines()) > 1:
    memory['swap'] = $LIMIT
spec['linux']['resources'] = {'memory': memory}"
}

# by_systemd ID: its cgroup is to be a scope of systemd's.
by_systemd() { edit_spec "$1" "spec['linux']['cgroupsPath'] = 'system.slice:ctr:$NS-$1'"; }

has_systemd() { [ -d /run/systemd/system ] && unified; }

# started ID: the shim of a bundle made by hand, and its container; the shim's pid is in $SHIM.
started() {
    direct_start "$1" </dev/null >/dev/null
    direct_run "$1" >/dev/null
    SHIM=$(shim_pid "$1")
    budget_baseline "$SHIM"
}

# status_of ID EXEC: waits for its end.
status_of() { rpc "$1" Wait id="$1" exec_id="${2:-}" | sed -n 's/.*"exit_status": \([0-9]*\).*/\1/p'; }

# memory_cgroup PID: the cgroup that its memory is counted for.
memory_cgroup() {
    if unified; then
        echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"
    else
        echo "/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$1/cgroup")"
    fi
}

# kills_of ID: how many the kernel has counted in the container's cgroup.
kills_of() {
    local file=memory.oom_control
    ! unified || file=memory.events
    sed -n 's/^oom_kill //p' "$(memory_cgroup "$(cat "$DIR/direct/$1/init.pid")")/$file"
}

has_kills() { [ "$(kills_of "$1")" -ge "$2" ]; }

# told ID TOPICS: exactly these, in the end.
told() {
    wait_until topics_are "$@" || {
        echo "told of $1: $(direct_topics "$1")" >&2
        return 1
    }
}

ooms() { direct_topics "$1" | grep -ow oom | wc -l; }
has_ooms() { [ "$(ooms "$1")" -eq "$2" ]; }

# bats test_tags=direct,core,rounds
@test "T-190 T-191 T-193 P-60 P-61 P-62 P-63 C-3.73 C-6.44 init killed at once is told once, between its start and its exit, each time" {
    needs_memory
    # Longer than the case with many rounds.
    direct c1 sleep 100000
    ids=()
    for number in $(seq "${OOM_CONTAINERS:-4}"); do
        limited "o$number" "${HUNGRY[@]}"
        # Two drivers, if there are two.
        if has_systemd && [ $((number % 2)) -eq 0 ]; then by_systemd "o$number"; fi
        ids+=("o$number")
    done
    client "$DIR/direct" "$ROUNDS" "${ids[@]}" <<'PY'
from concurrent.futures import ThreadPoolExecutor
bundles, rounds, *ids = sys.argv[2:]

def run(name):
    connection = Connection(path, 60)
    for _ in range(int(rounds)):
        connection.call("Create", {"id": name, "bundle": f"{bundles}/{name}"})
        connection.call("Start", {"id": name})
        status = connection.call("Wait", {"id": name}).get("exit_status")
        connection.call("Delete", {"id": name})
        if status != 137:
            failed.append((name, status))

failed = []
with ThreadPoolExecutor(8) as pool:
    list(pool.map(run, ids))
assert not failed, failed
PY
    expected=''
    for _ in $(seq "$ROUNDS"); do expected+='create start oom exit delete '; done
    for id in "${ids[@]}"; do told "$id" "${expected% }"; done
    told c1 "create start"
    # As many descriptors as with one container, and no inotify instance, of which there are not many.
    wait_until fds_at_most "$SHIM" "$(cat "$DIR/base/$SHIM")"
    run ! grep inotify <(open_fds "$SHIM")
}

# bats test_tags=direct
@test "T-192 P-64 C-3.74 a child is killed twice and init lives: told twice, without an exit" {
    needs_memory
    limited c1 sh -c "${HUNGRY[*]}; until [ -e /tmp/go ]; do usleep 5000; done; ${HUNGRY[*]}; while :; do sleep 1000; done"
    started c1
    wait_until has_ooms c1 1
    touch "$ROOTFS/tmp/go"
    wait_until has_kills c1 2
    wait_until has_ooms c1 2
    state_is c1 2
    run ! grep inotify <(open_fds "$SHIM")
    kill_and_delete c1
    told c1 "create start oom oom exit delete"
}

# bats test_tags=direct
@test "P-64 P-61 an exec that is killed is told before its exit, and init lives" {
    needs_memory
    limited c1 sleep 1000
    started c1
    for exec in e1 e2; do
        direct_exec c1 "$exec" "${HUNGRY[@]}"
        [ "$(status_of c1 "$exec")" = 137 ]
        rpc c1 Delete id=c1 exec_id="$exec"
    done
    state_is c1 2
    kill_and_delete c1
    # It may be killed before its start is known.
    wait_until event_of_delete c1
    topics=$(direct_topics c1 | sed 's/exec-started oom/oom exec-started/g')
    [ "$topics" = "create start exec-added oom exec-started exit exec-added oom exec-started exit exit delete " ]
}

event_of_delete() { [[ $(direct_topics "$1") == *" delete " ]]; }

# bats test_tags=direct,core
@test "P-64 C-6.41 C-6.42 what is killed in a cgroup below the container's is told, each time, and init lives" {
    needs_memory
    limited c1 sleep 1000
    started c1
    mkfifo "$ROOTFS/tmp/go"
    below=$(memory_cgroup "$(cat "$DIR/direct/c1/init.pid")")/below
    # As for a container in a container, whose cgroup goes with it.
    for exec in e1 e2 e3; do
        mkdir "$below"
        pid=$(direct_exec c1 "$exec" sh -c "read line </tmp/go; exec ${HUNGRY[*]}" | grep -o '[0-9]*')
        echo "$pid" >"$below/cgroup.procs"
        echo go >"$ROOTFS/tmp/go"
        [ "$(status_of c1 "$exec")" = 137 ]
        rmdir "$below"
        rpc c1 Delete id=c1 exec_id="$exec"
    done
    state_is c1 2
    kill_and_delete c1
    one="exec-added exec-started oom exit"
    told c1 "create start $one $one $one exit delete"
}

# bats test_tags=direct
@test "C-6.42 where nobody may be killed, a container that stands still for lack of memory is told once" {
    needs_memory
    ! unified || skip "needs cgroup v1"
    limited c1 sleep 1000
    started c1
    echo 1 >"$(memory_cgroup "$(cat "$DIR/direct/c1/init.pid")")/memory.oom_control"
    mkfifo "$ROOTFS/tmp/go"
    # A system call that is hungry would fail.
    direct_exec c1 e1 sh -c "read line </tmp/go; exec awk 'BEGIN { x = \"x\"; while (1) x = x x }'"
    echo go >"$ROOTFS/tmp/go"
    wait_until has_ooms c1 1
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    [ "$(status_of c1 e1)" = 137 ]
    rpc c1 Delete id=c1 exec_id=e1
    kill_and_delete c1
    told c1 "create start exec-added exec-started oom exit exit delete"
}

# bats test_tags=direct
@test "C-6.40 a container that is killed as one group is told before its exit" {
    needs_memory
    unified || skip "needs cgroup v2"
    limited c1 sh -c "sleep 1000 & ${HUNGRY[*]}; sleep 1000"
    edit_spec c1 "spec['linux']['resources']['unified'] = {'memory.oom.group': '1'}"
    started c1
    [ "$(status_of c1)" = 137 ]
    rpc c1 Delete id=c1
    wait_until event_of_delete c1
    # The processes are counted one by one.
    [[ $(direct_topics c1) =~ ^create\ start\ (oom )+exit\ delete\ $ ]]
}

# pod_limited: a cgroup for the containers of a pod, all of which may use $LIMIT bytes.
pod_limited() {
    local pod file
    if unified; then
        pod=/sys/fs/cgroup/$NS/pod file=memory.max
        mkdir -p "$pod"
        echo +memory >/sys/fs/cgroup/cgroup.subtree_control
        echo +memory >"/sys/fs/cgroup/$NS/cgroup.subtree_control"
    else
        pod=/sys/fs/cgroup/memory/$NS/pod file=memory.limit_in_bytes
        mkdir -p "$pod"
    fi
    echo "$LIMIT" >"$pod/$file"
    if [ -e "$pod/memory.swap.max" ]; then echo 0 >"$pod/memory.swap.max"; fi
}

# pod_starts: c1, which sleeps, and c2, which takes all that the pod may have.
pod_starts() {
    direct_bundle c1 sleep 1000
    direct_bundle c2 "${HUNGRY[@]}"
    for id in c1 c2; do edit_spec "$id" "spec['linux']['cgroupsPath'] = '/$NS/pod/$id'"; done
    started c1
    rpc c1 Create id=c2 bundle="$DIR/direct/c2"
    rpc c1 Start id=c2
}

pod_ends() {
    for path in /sys/fs/cgroup/"$NS"/pod /sys/fs/cgroup/*/"$NS"/pod; do
        [ ! -d "$path" ] || wait_until rmdir "$path"
    done
}

# bats test_tags=direct
@test "P-59 C-6.42 a limit of the pod alone: told of the container in which was killed, and of no other" {
    needs_memory
    pod_limited
    pod_starts
    [[ $(rpc c1 Wait id=c2) == *'"exit_status": 137'* ]]
    rpc c1 Delete id=c2
    told c2 "create start oom exit delete"
    # Version 1 has told c1 too that there was no memory.
    kill_and_delete c1
    told c1 "create start exit delete"
    direct_end c1
    pod_ends
}

# bats test_tags=direct
@test "P-59 C-6.40 a pod that is killed as one group: told of each container, before its exit" {
    needs_memory
    unified || skip "needs cgroup v2"
    pod_limited
    echo 1 >"/sys/fs/cgroup/$NS/pod/memory.oom.group"
    pod_starts
    for id in c1 c2; do
        [[ $(rpc c1 Wait id="$id") == *'"exit_status": 137'* ]]
        rpc c1 Delete id="$id"
        told "$id" "create start oom exit delete"
    done
    direct_end c1
    pod_ends
}

# bats test_tags=direct
@test "P-62 what is removed by systemd before its last look was not killed for memory if another was, or we were told to" {
    needs_memory
    has_systemd || skip "needs cgroup v2 and systemd"
    direct c1 sleep 1000
    for id in o1 o2 o3; do
        limited "$id" sleep 1000
        by_systemd "$id"
    done
    limited o4 "${HUNGRY[@]}"
    by_systemd o4
    for id in o1 o2 o3 o4; do
        rpc c1 Create id="$id" bundle="$DIR/direct/$id"
        rpc c1 Start id="$id"
    done
    rpc c1 Wait id=o4
    told o4 "create start oom exit"
    # One by whoever it may be, two by us.
    kill -KILL "$(cat "$DIR/direct/o1/init.pid")"
    rpc c1 Kill id=o2 signal=9
    rpc c1 Kill id=o3 signal=9 all=true
    for id in o1 o2 o3; do [[ $(rpc c1 Wait id="$id") == *'"exit_status": 137'* ]]; done
    for id in o1 o2 o3 o4; do rpc c1 Delete id="$id"; done
    for id in o1 o2 o3; do told "$id" "create start exit delete"; done
}

# scoped ID: its bundle has a scope of systemd's, and its container is created and started in c1's shim.
scoped() {
    by_systemd "$1"
    cp "$DIR/direct/c1/address" "$DIR/direct/$1/address"
    direct_run "$1" >/dev/null
}

# behind ID COMMAND...: what the command does happens, and systemd removes the container's scope, before c1's shim can look.
behind() {
    local scope
    scope=$(memory_cgroup "$(cat "$DIR/direct/$1/init.pid")")
    kill -STOP "$SHIM"
    "${@:2}"
    wait_until not test -d "$scope"
    kill -CONT "$SHIM"
}

go() { echo go >"$ROOTFS/tmp/$1"; }

# bats test_tags=direct,core
@test "P-62 P-64 a child's kill is told of a scope that is gone, however init has ended" {
    needs_memory
    has_systemd || skip "needs cgroup v2 and systemd"
    direct c1 sleep 1000
    for status in 0 3 137; do
        mkfifo "$ROOTFS/tmp/o$status"
        limited "o$status" sh -c "read line </tmp/o$status; ${HUNGRY[*]}; exit $status"
        scoped "o$status"
        behind "o$status" go "o$status"
        # Zeros are left out.
        [ "$(status_of "o$status")" = "${status#0}" ]
        rpc c1 Delete id="o$status"
        told "o$status" "create start oom exit delete"
    done
    told c1 "create start"
}

# bats test_tags=direct,core
@test "P-62 C-6.42 a kill in another shim's container, or in another of ours, is not one of a scope that is gone" {
    needs_memory
    has_systemd || skip "needs cgroup v2 and systemd"
    direct c1 sleep 1000
    # Each of these is in system.slice too.
    mkfifo "$ROOTFS/tmp"/{o1,o3,o4}
    direct_bundle o1 sh -c "read line </tmp/o1; exit 137"
    direct_bundle o2 sleep 1000
    limited o3 sh -c "read line </tmp/o3; ${HUNGRY[*]}; exec sleep 1000"
    direct_bundle o4 sh -c "read line </tmp/o4; exit 3"
    for id in o1 o2 o3 o4; do scoped "$id"; done
    limited c2 "${HUNGRY[@]}"
    by_systemd c2
    direct_start c2 </dev/null >/dev/null
    direct_run c2 >/dev/null
    [ "$(status_of c2)" = 137 ]
    told c2 "create start oom exit"
    # The kernel says it not more often than every 10 ms.
    sleep 0.1
    behind o1 go o1
    behind o2 kill -KILL "$(cat "$DIR/direct/o2/init.pid")"
    both() {
        go o3
        wait_until has_kills o3 1
        go o4
    }
    behind o4 both
    for id in o1 o2 o4; do
        rpc c1 Wait id="$id"
        rpc c1 Delete id="$id"
        told "$id" "create start exit delete"
    done
    kill_and_delete o3
    told o3 "create start oom exit delete"
}

# bats test_tags=direct
@test "C-3.50 C-6.40 a restored task is watched, from the restore itself on" {
    needs_memory
    limited c1 sh -c "${HUNGRY[*]}; touch /tmp/killed; until [ -e /tmp/go ]; do usleep 5000; done; ${HUNGRY[*]}; while :; do sleep 1000; done"
    # A restore without CRIU: the container runs, and something was killed in it, before its pid is known.
    cat >"$FAKE_RUNC/restore.instead" <<SH
runc="$FAKE_RUNC_REAL --root /run/containerd/runc/$NS"
\$runc create --bundle $DIR/direct/c1 --pid-file $DIR/direct/c1/init.pid c1 </dev/null >/dev/null 2>&1 || exit 1
\$runc start c1 || exit 1
until [ -e $ROOTFS/tmp/killed ]; do sleep 0.01; done
SH
    direct_start c1 </dev/null >/dev/null
    direct_create c1 checkpoint=/image >/dev/null
    rpc c1 Start id=c1
    told c1 "create start oom"
    # crun makes it even when it is only asked for its version.
    rm -rf "${DIR:?}/tmp/crun"
    touch "$ROOTFS/tmp/go"
    wait_until has_ooms c1 2
    kill_and_delete c1
    told c1 "create start oom oom exit delete"
}

# bats test_tags=direct
@test "P-66 C-6.43 without the memory controller a container runs, and the log says what is missing" {
    direct_bundle c1 sh -c 'exit 3'
    if unified; then
        ! grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "has the memory controller"
        direct_start c1 </dev/null
    else
        event_server
        # A machine, to the shim, without that hierarchy.
        unshare -m bash -c 'source "$1"; umount -l /sys/fs/cgroup/memory; exec >"$CASE/out" 3>&-; direct_start c1' \
            bash "$INTEGRATION/lib.bash" </dev/null
    fi
    direct_run c1 >/dev/null
    [ "$(status_of c1)" = 3 ]
    rpc c1 Delete id=c1
    told c1 "create start exit delete"
    [ "$(grep -c 'msg="out of memory is not watched for" id=c1 ' "$DIR/jobs/log-c1")" -eq 1 ]
}

# ours -------------------------------------------------------------------------------------------------

# huge_pages PID: 1 if it may have transparent ones.
huge_pages() { sed -n 's/^THP_enabled:\s*//p' "/proc/$1/status"; }

# score PID
score() { cat "/proc/$1/oom_score_adj"; }

# with_logger: the bundle's shim and container; the logger notes what it has.
with_logger() {
    cat >"$CASE/logger" <<SH
#!/bin/bash
PATH=/usr/bin:/bin
cat /proc/self/oom_score_adj >"$CASE/score"
sed -n 's/^THP_enabled:\s*//p' /proc/self/status >"$CASE/pages"
exec 5>&-
exec cat <&3 >/dev/null
SH
    chmod +x "$CASE/logger"
    # What the runtime has while it works is what its children have.
    cat >"$FAKE_RUNC/create.instead" <<SH
cat /proc/self/oom_score_adj >"$CASE/runtime"
env >"$CASE/environment"
exec "$FAKE_RUNC_REAL" "\$@"
SH
    direct_bundle c1 sleep 1000
}

# bats test_tags=direct
@test "P-36 C-1.34 neither the runtime, nor a container, nor a logger has the shim's OOM score" {
    event_server
    with_logger
    (
        echo 300 >/proc/self/oom_score_adj
        invoke c1 start </dev/null
    )
    direct_run c1 stdout="binary://$CASE/logger" >/dev/null
    SHIM=$(shim_pid c1)
    [ "$(score "$SHIM")" = 301 ]
    [ "$(cat "$CASE/runtime")" = 300 ]
    [ "$(score "$(cat "$DIR/direct/c1/init.pid")")" = 300 ]
    [ "$(cat "$CASE/score")" = 300 ]
    # How the shim knows it is nobody else's.
    run ! grep OOM_SCORE "$CASE/environment"
}

# bats test_tags=direct
@test "P-58 C-7.81 the shim has no transparent huge pages; what it starts has them as its caller" {
    [ -e /sys/kernel/mm/transparent_hugepage ] || skip "needs a kernel with transparent huge pages"
    event_server
    for before in 1 0; do
        with_logger
        # PR_SET_THP_DISABLE is 41.
        python3 -c "
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(41, $((1 - before)), 0, 0, 0) == 0
os.execvp('bash', ['bash', '-c', 'source \"\$0\"; invoke c1 start', '$INTEGRATION/lib.bash'])" </dev/null >"$CASE/out"
        direct_run c1 stdout="binary://$CASE/logger" >/dev/null
        SHIM=$(shim_pid c1)
        [ "$(huge_pages "$SHIM")" = 0 ]
        [ "$(huge_pages "$(cat "$DIR/direct/c1/init.pid")")" = "$before" ]
        [ "$(cat "$CASE/pages")" = "$before" ]
        # Still, after it has started others.
        [ "$(huge_pages "$SHIM")" = 0 ]
        direct_end c1
    done
}

@test "T-190 T-191 P-61 C-3.73 containerd forwards one OOM event, before the exit" {
    needs_memory
    events_start
    run_task c1 --memory-limit "$LIMIT" -- "${HUNGRY[@]}"
    wait_event c1 exit
    [ "$(topics c1)" = "create start oom exit " ]
    end_task c1
}
