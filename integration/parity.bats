# Side by side with the Go shim: metrics, pause, checkpoint, restore, limits, cgroups and options, as ctr asks for
# them, with success and with failure.

# For time's sake, not with each.
# bats file_tags=containerd:1-6, containerd:2-1

load lib
load side-by-side

setup_file() {
    setup_suite_file
    ln -s "$("$INTEGRATION/packages.sh" --wrap trixie criu)" "$DIR/bin/criu"
}
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# with_options OPTION... -- COMMAND...: as container c1, detached.
with_options() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    ctr run -d --null-io --runtime "$RT" --env PATH=/bin "${options[@]}" --rootfs "$ROOTFS" c1 "${@:2}" 3>&- 4>&-
}

killed() {
    step ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    finish
}

# names: the first word of each line, which for metrics is all that two containers have in common.
names() { awk '{ print $1 }'; }

metrics() {
    step with_options --memory-limit 33554432 -- sleep 1000
    step ctr task metrics c1 >"$CASE/metrics"
    names <"$CASE/metrics"
    # What is no count is equal.
    grep -E 'limit|^ID|TIMESTAMP' "$CASE/metrics" | grep -v TIMESTAMP
    ctr task metrics --format json c1 | python3 -c '
import json, sys
def shape(value):
    # Counts that are 0 are left out, and what was read from a disk depends on what was in memory.
    return {key: shape(one) if isinstance(one, dict) else type(one).__name__ for key, one in sorted(value.items())
            if key != "blkio" and (isinstance(one, (dict, list)) or "limit" in key)}
print(json.dumps(shape(json.load(sys.stdin))))'
    step ctr task metrics nobody
    killed
}

@test "ctr task metrics: the same lines, limits and shape" { compare metrics; }

pausing() {
    step detached sleep 1000
    step ctr task pause c1
    step task_status c1
    step ctr task pause c1
    step exec_c1 e1 true
    step ctr task rm c1
    step ctr task resume c1
    step task_status c1
    step ctr task resume c1
    step ctr task pause nobody
    killed
}

@test "ctr task pause, resume: output, status, events" { compare pausing; }

pause_and_kill() {
    step detached sleep 1000
    step ctr task pause c1
    step ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    step ctr task resume c1
    step ctr task pause c1
    step ctr task rm c1
    finish
}

@test "a kill while paused: output, status, events" { compare pause_and_kill; }

processes() {
    step detached sh -c 'sleep 1000 & exec sleep 1001'
    step exec_in_background
    step pid_count
    step ctr task ps nobody
    step ctr task rm -f c1
    finish
}

# An exec that is still there: which processes ctr names, with their exec ids.
exec_in_background() { ctr task exec -d --fifo-dir "$DIR/fifo" --exec-id e1 c1 sleep 1002 3>&- 4>&-; }
pid_count() { ctr task ps c1 | sed -E 's/^[0-9]+/PID/; s/ +/ /g' | LC_ALL=C sort; }

@test "ctr task ps: output, status" { compare processes; }

limits() {
    step with_options --memory-limit 33554432 --cpu-quota 20000 --cpu-period 100000 -- sleep 1000
    step in_cgroup memory memory.limit_in_bytes memory.max
    step in_cgroup cpu cpu.cfs_quota_us cpu.max
    killed
    step with_options --memory-limit 1 -- sleep 1000 2>&1 | sed 's/usage: [0-9]*/usage: N/g'
    finish
}

# in_cgroup CONTROLLER OLD NEW: what the kernel has, in the file of version 1 or of version 2.
in_cgroup() {
    local pid
    pid=$(task_pid c1)
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
        cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/$3"
    else
        cat "/sys/fs/cgroup/$1$(awk -F: -v name="$1" '{ split($2, names, ","); for (i in names) if (names[i] == name) print $3 }' "/proc/$pid/cgroup")/$2"
    fi
}

@test "ctr run with limits, possible and not: output, status, events" { compare limits; }

groups() {
    step with_options --cgroup "/$NS/elsewhere" -- sleep 1000
    step in_cgroup pids cgroup.procs cgroup.procs | sed 's/^[0-9]*$/PID/'
    killed
}

@test "ctr run --cgroup: output, status, events" { compare groups; }

# Without systemd a name like this is a path like others; with it, see runtimes.bats.
systemd_name() {
    step with_options --cgroup "$NS.slice:ctr:c1" -- sleep 1000
    killed
}

@test "T-113 C-3.64 ctr run --cgroup SLICE:PREFIX:NAME without systemd: output, status, events" {
    [ -d /run/systemd/system ] || compare systemd_name
}

# With the Go shim's own name ctr makes its options of the flags; for another name it sends what names a file.
config_path() {
    printf 'BinaryName = "runc"\n' >"$CASE/options.toml"
    step with_options --runtime-config-path "$CASE/options.toml" -- sleep 1000
    killed
}

@test "T-112 C-3.63 ctr run --runtime-config-path, which the Go shim does not take" {
    side ours "$SHIM_RUNTIME" config_path
    grep -q '^/tasks/start ' "$CASE/ours"
    [ "$(grep -c '^-> 0' "$CASE/ours")" -eq 3 ]
}

# logs ----------------------------------------------------------------------------------------------

# logged URI: a container that says something on both streams and ends.
logged() {
    step ctr run -d --runtime "$RT" --env PATH=/bin --log-uri "$1" --rootfs "$ROOTFS" c1 \
        sh -c 'echo out; echo err >&2; exit 3' 3>&- 4>&-
    wait_until task_is c1 STOPPED
    step ctr task rm c1
    finish
    sort "$CASE/log"
    rm "$CASE/log"
}

log_file() { logged "file://$CASE/log"; }

@test "T-142 C-4.46 ctr run --log-uri file://: the log, status, events" { compare log_file; }

log_binary() {
    cat >"$CASE/logger" <<SH
#!/bin/sh
PATH=/usr/bin:/bin
echo "\$CONTAINER_ID \$*" >>"$CASE/log"
exec 5>&-
cat <&4 >>"$CASE/log" &
cat <&3 >>"$CASE/log"
wait
SH
    chmod +x "$CASE/logger"
    logged "binary://$CASE/logger?key=value"
}

@test "T-143 C-4.40 ctr run --log-uri binary://: the log, status, events" { compare log_binary; }

# checkpoint ----------------------------------------------------------------------------------------

# under_the_name FUNCTION: compares with our shim installed under the Go shim's name (C-1.8): for another name ctr and
# containerd leave out the options of a checkpoint.
under_the_name() {
    mkdir -p "$CASE/named"
    ln -s "$SHIM_BINARY" "$CASE/named/containerd-shim-runc-v2"
    stop_containerd
    start_containerd PATH="$DIR/bin:$CASE/named:$PATH"
    side ours "$PEER_RUNTIME" "$1"
    stop_containerd
    start_containerd
    peer_side "$1"
    same_but_told
}

# same_but_told: ours is the same, and tells of each checkpoint too, which the Go shim does not.
same_but_told() {
    [ "$(grep -c '^/tasks/checkpointed ' "$CASE/ours")" -eq "$(grep -c '^/tasks/paused ' "$CASE/ours")" ]
    sed -i '/^\/tasks\/checkpointed /d' "$CASE/ours"
    same
}

checkpoint() {
    rm -rf "$CASE/image" "$CASE/work"
    step detached sleep 1000
    step ctr task checkpoint --image-path "$CASE/image" --work-path "$CASE/work" c1
    step task_status c1
    step test -e "$CASE/image/inventory.img"
    step test -e "$CASE/work/dump.log"
    rm -rf "$CASE/image"
    step ctr task checkpoint --exit --image-path "$CASE/image" c1
    wait_until task_is c1 STOPPED
    step ctr task checkpoint --image-path "$CASE/other" c1
    step ctr task checkpoint --image-path "$CASE/other" nobody
    finish
}

@test "T-104 C-3.48 ctr task checkpoint: output, status, events" { under_the_name checkpoint; }

checkpoint_image() {
    step detached sleep 1000
    step ctr task checkpoint c1 | sed -E 's/c1:[0-9T:.-]+/c1:TIME/'
    killed
    # What two checkpoints have in common may be made once only.
    # shellcheck disable=SC2046 # a list
    ctr image rm --sync $(ctr image ls -q) >/dev/null
}

@test "T-104 C-3.48 ctr task checkpoint into an image: output, status, events" {
    side ours "$SHIM_RUNTIME" checkpoint_image
    peer_side checkpoint_image
    same_but_told
}

restored() {
    make_image
    step ctr run -d --null-io --runtime "$RT" "$IMAGE" c1 sleep 1000 3>&- 4>&-
    step ctr container checkpoint --rw --image --task c1 "checkpoint:$RT"
    step task_status c1
    step ctr task rm -f c1
    step ctr container rm c1
    step ctr container restore --rw --live c1 "checkpoint:$RT" 3>&- 4>&-
    wait_until task_is c1 RUNNING
    step exec_c1 e1 sh -c 'cat /proc/1/cmdline | tr "\0" " "; exit 6'
    step ctr task kill -s KILL c1
    wait_until task_is c1 STOPPED
    finish
    # shellcheck disable=SC2046 # a list
    ctr image rm --sync $(ctr image ls -q) >/dev/null
    # ctr's own.
    rm -rf "$DIR"/tmp/ctrd-checkpoint*
}

@test "T-104 C-3.50 ctr container checkpoint and restore: output, status, events" {
    side ours "$SHIM_RUNTIME" restored
    peer_side restored
    sed -i -E 's|snapshots/[0-9]+|snapshots/N|g; s|checkpoint[0-9]+|checkpointN|g' "$CASE/ours" "$CASE/theirs"
    same_but_told
}
