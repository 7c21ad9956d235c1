# Loaded by every case file. Each file has a containerd of its own, in a directory of its own, with
# a namespace of its own; what a case leaves behind fails it, what a file leaves behind fails the file.
#
#   SHIM_RUNTIME  runtime name given to containerd      (io.containerd.swiftrunc.v2)
#   SHIM_BINARY   the shim                              (bin/containerd-shim-swiftrunc-v2)
#   SHIM_BUILD    embedded, ordinary or go: which promises hold
#   SHIM_RUNC     runc or crun: what the cases' `runc` is   (runc)
#   SHIM_DRIVER   cgroupfs or systemd: who makes the cgroups of the cases' containers  (cgroupfs)
#   DAEMON        1.6, 1.7 or 2.1: the containerd that starts it; the system's own if unset
# shellcheck shell=bash

# The system's own tools: wrappers before them cost more than what they wrap.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

INTEGRATION=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$INTEGRATION")
: "${SHIM_RUNTIME:=io.containerd.swiftrunc.v2}"
: "${SHIM_BINARY:=$ROOT/bin/containerd-shim-swiftrunc-v2}"
if [ -z "${SHIM_BUILD:-}" ]; then
    case $SHIM_RUNTIME:$SHIM_BINARY in
    io.containerd.runc.v2:*) SHIM_BUILD=go ;;
    *:*/ordinary/*) SHIM_BUILD=ordinary ;;
    *) SHIM_BUILD=embedded ;;
    esac
fi
case $SHIM_BUILD in
ordinary) : "${BUDGET_DIRTY_KIB:=320}" ;;
*) : "${BUDGET_DIRTY_KIB:=192}" ;;
esac
BUDGET_USS_KIB=2048
BUDGET_POD_KIB=16

# daemon -------------------------------------------------------------------------------------------

# The Debian suite with a line of containerd.
daemon_suite() {
    case $1 in
    1.6) echo bookworm ;;
    1.7) echo trixie ;;
    2.1) echo sid ;;
    *) return 1 ;;
    esac
}

# daemon_bin DAEMON: a directory with containerd, ctr and the Go shim of that line; of the system's own
# programs it has none but these, unless they are the system's.
daemon_bin() {
    local bin=$ROOT/.cache/containerd-$1 root program
    if [[ $(/usr/bin/containerd --version 2>/dev/null) =~ \ v?${1/./\\.}\. ]]; then
        echo /usr/bin
        return
    fi
    if [ ! -d "$bin" ]; then
        root=$("$INTEGRATION/packages.sh" "$(daemon_suite "$1")" containerd) || return
        mkdir -p "$bin.$$"
        for program in containerd ctr containerd-shim-runc-v2; do
            ln -s "$root/usr/bin/$program" "$bin.$$/$program"
        done
        # Two may come here at once.
        mv -T "$bin.$$" "$bin" 2>/dev/null || rm -r "$bin.$$"
    fi
    echo "$bin"
}

# use_daemon DAEMON: from here on containerd, ctr and the Go shim are those of that line.
use_daemon() {
    DAEMON=$1
    PATH=$(daemon_bin "$1"):$PATH
    export PATH DAEMON
}

# daemon_since LINE: the daemon is of that line or a later one.
daemon_since() { [ "$(printf '%s\n' "$1" "$DAEMON" | sort -V | head -n 1)" = "$1" ]; }

if [ -n "${DAEMON:-}" ]; then
    use_daemon "$DAEMON"
else
    DAEMON=$(containerd --version 2>/dev/null | sed -nE 's/^.* v?([0-9]+\.[0-9]+)\..*$/\1/p')
    export DAEMON
fi
# The Go shim of the same daemon, for comparison.
PEER_RUNTIME=io.containerd.runc.v2
PEER_BINARY=$(command -v containerd-shim-runc-v2 || :)
export PEER_RUNTIME PEER_BINARY
export SHIM_RUNTIME SHIM_BINARY SHIM_BUILD INTEGRATION ROOT
export PYTHONPATH=$INTEGRATION PYTHONDONTWRITEBYTECODE=1
SHIM_RUNC=${SHIM_RUNC:-runc}
FAKE_RUNC_REAL=${FAKE_RUNC_REAL:-$(command -v "$SHIM_RUNC")}
export SHIM_RUNC FAKE_RUNC_REAL
# `ctr run` asks for a share of the CPU unless it is told not to. On a machine of hybrid cgroups v2 has no
# controller for it.
NO_SHARES=()
if [ -e /sys/fs/cgroup/cgroup.controllers ] && ! grep -qw cpu /sys/fs/cgroup/cgroup.controllers; then
    NO_SHARES=(--cpu-shares 0)
fi

# cgroups_path ID: as the driver has it.
cgroups_path() { if [ "${SHIM_DRIVER:-cgroupfs}" = systemd ]; then echo "system.slice:$NS:$1"; else echo "/$NS/$1"; fi; }
# ctr asks for a cgroup of the other form unless it is told one.
cgroup_option() { [ "${SHIM_DRIVER:-cgroupfs}" != systemd ] || CGROUP_OPTION=(--cgroup "$(cgroups_path "$1")"); }
CGROUP_OPTION=()

if [ -n "${BATS_VERSION:-}" ]; then bats_require_minimum_version 1.5.0; fi

# files -------------------------------------------------------------------------------------------

# Called by a file's setup_file: the directory, the rootfs, containerd. setup_suite_file [NAMESPACE]: if it must be that one.
# shellcheck disable=SC2120 # one file's
setup_suite_file() {
    DIR=$(mktemp -d /run/sr.XXXX)
    # The cgroup that all of the file's are below, too.
    PARENT=sr${DIR##*.}
    NS=${1:-$PARENT}
    RUNTIME_ROOT=/run/containerd/runc
    # Where others may have containers.
    [ "$NS" = "$PARENT" ] || RUNTIME_ROOT=$DIR/runtime
    SOCK=$DIR/c.sock
    STATE=$DIR/state
    ROOTFS=$DIR/rootfs
    FAKE_RUNC=$DIR/faults
    IMAGE=busybox:integration
    TASKS=$STATE/io.containerd.runtime.v2.task/$NS
    export DIR NS PARENT RUNTIME_ROOT SOCK STATE ROOTFS FAKE_RUNC TASKS IMAGE CASE SWIFTRUNC_CONFIG
    CASE=$DIR/case
    # Whatever this host has configured for its own containers.
    SWIFTRUNC_CONFIG=$DIR/host.toml
    mkdir -p "$DIR/bin" "$DIR/jobs" "$DIR/base" "$DIR/fifo" "$DIR/direct" "$DIR/tmp" "$CASE" "$FAKE_RUNC"
    # The fake runtime gives way to the real one while no fault is ordered.
    ln -s "$INTEGRATION/fake-runc" "$DIR/bin/runc"
    echo 0 >"$DIR/log-lines"
    make_rootfs "$ROOTFS"
    write_config
    # Text of a freshly linked binary counts as dirty until it is written back.
    sync
    start_containerd
    wc -l <"$DIR/containerd.log" >"$DIR/log-lines"
}

# Called by a file's teardown_file: ends what the file started, fails when something is left.
teardown_suite_file() {
    local left=0
    stop_containerd
    stop_jobs
    leftovers || left=1
    if [ "$left" = 0 ]; then
        rm -rf --one-file-system "$DIR"
    else
        echo "left in $DIR" >&2
    fi
    return "$left"
}

# What the daemon is told: a place of its own, and nothing that leaves it or takes its time.
write_config() {
    local version=2 level=debug off=(snapshotter.v1.aufs)
    if daemon_since 2.0; then
        version=3 off=(snapshotter.v1.blockfile snapshotter.v1.erofs differ.v1.erofs)
        [ "$NS" = k8s.io ] || off+=(cri.v1.images cri.v1.runtime podsandbox.controller.v1.podsandbox)
    fi
    # The interface of Kubernetes, which has a namespace of its own.
    [ "$NS" = k8s.io ] || off+=(grpc.v1.cri internal.v1.opt)
    # A later daemon says "event forwarded" at this level.
    if daemon_since 1.7; then level=trace off+=(nri.v1.nri); fi
    off+=(tracing.processor.v1.otlp snapshotter.v1.btrfs snapshotter.v1.devmapper snapshotter.v1.zfs)
    cat >"$DIR/config.toml" <<TOML
version = $version
root = "$DIR/root"
state = "$STATE"
disabled_plugins = [$(printf '"io.containerd.%s", ' "${off[@]}")]
[grpc]
address = "$SOCK"
[debug]
level = "$level"
TOML
}

# A root of busybox alone, with a link for each applet.
make_rootfs() {
    mkdir -p "$1/bin" "$1/proc" "$1/sys" "$1/dev" "$1/etc" "$1/tmp" "$1/root"
    cp "$(command -v busybox)" "$1/bin/busybox"
    "$1/bin/busybox" --install -s "$1/bin"
    for applet in "$1/bin"/*; do
        if [ -L "$applet" ]; then ln -sfn busybox "$applet"; fi
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
}

# The program of denied.c, in bin: a machine of vm/ has no compiler, and gets it from there.
denied_program() {
    if [ ! "$ROOT/bin/denied" -nt "$INTEGRATION/denied.c" ] && command -v clang >/dev/null; then
        clang -O1 -static -pthread -Wall -Werror -o "$ROOT/bin/denied" "$INTEGRATION/denied.c"
    fi
}

# document FILE LANGUAGE [NUMBER]: the first, or that, of a document's blocks in a language.
document() {
    awk -v fence="\`\`\`$2" -v number="${3:-1}" '$0 == "```" { inside = 0 } inside && found == number; $0 == fence { inside = 1; found++ }' "$ROOT/docs/$1"
}

# make_image: the rootfs as an image, for cases that need a rootfs mounted by the shim.
make_image() {
    python3 -S - "$ROOTFS" "$CASE/image.tar" "$IMAGE" <<'PY'
import hashlib, io, json, sys, tarfile
rootfs, path, name = sys.argv[1:]
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as tar:
    tar.add(rootfs, arcname=".")
files = {}

def blob(data, kind):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    digest = hashlib.sha256(data).hexdigest()
    files["blobs/sha256/" + digest] = data
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + digest, "size": len(data)}

layer = blob(layer.getvalue(), "layer.v1.tar")
config = blob({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["sleep", "1000000"]},
               "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}, "config.v1+json")
manifest = blob({"schemaVersion": 2, "config": config, "layers": [layer]}, "manifest.v1+json")
manifest["annotations"] = {"io.containerd.image.name": name}
files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
with tarfile.open(path, "w") as tar:
    for name, data in files.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
PY
    ctr image import --all-platforms "$CASE/image.tar" >/dev/null
    rm "$CASE/image.tar"
}

# waiting -----------------------------------------------------------------------------------------

# wait_until [-t SECONDS] COMMAND...: until the command succeeds, at most 10 seconds.
wait_until() {
    local patience=10
    if [ "$1" = -t ]; then
        patience=$2
        shift 2
    fi
    local deadline=$((SECONDS + patience + 1))
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "not within $patience s: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

# not COMMAND...: for conditions that must end.
not() { ! "$@"; }

# alive PID: it runs, and is no zombie.
alive() {
    local state
    state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]
}

gone() { ! alive "$1"; }

# has_processes ID COUNT: so many are in the cgroup of a bundle made by hand.
has_processes() { [ "$(wc -l <"$(cgroup_of "$1")/cgroup.procs")" -eq "$2" ]; }

# lines_are FILE COUNT: it has so many.
lines_are() { [ "$(wc -l <"$1")" -eq "$2" ]; }

# grows: the job `reader` has said more than at the last question.
grows() {
    local now
    now=$(wc -l <"$DIR/jobs/reader")
    [ "$now" -gt "$(cat "$CASE/lines" 2>/dev/null || echo 0)" ] && echo "$now" >"$CASE/lines"
}

# kernel_since VERSION
kernel_since() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }

# jobs --------------------------------------------------------------------------------------------

# background NAME COMMAND...: starts a command that teardown ends; its output is in $DIR/jobs/NAME.
background() {
    local name=$1
    shift
    "$@" >"$DIR/jobs/$name" 2>&1 3>&- 4>&- </dev/null &
    echo $! >"$DIR/jobs/$name.pid"
}

# stop_job NAME [SIGNAL]
stop_job() {
    local pid
    [ -e "$DIR/jobs/$1.pid" ] || return 0
    pid=$(cat "$DIR/jobs/$1.pid")
    rm "$DIR/jobs/$1.pid"
    kill -CONT "$pid" 2>/dev/null || :
    kill "-${2:-TERM}" "$pid" 2>/dev/null || :
    wait_until gone "$pid" || kill -KILL "$pid"
    wait "$pid" 2>/dev/null || :
}

stop_jobs() {
    local job
    for job in "$DIR"/jobs/*.pid; do
        if [ -e "$job" ]; then stop_job "$(basename "$job" .pid)"; fi
    done
}

# containerd --------------------------------------------------------------------------------------

# Closes everything but 0, 1 and 2 in this shell: what containerd holds is part of several cases.
close_inherited() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        if [ "$fd" -gt 2 ]; then eval "exec $fd>&-" 2>/dev/null || :; fi
    done
}

# start_containerd [VARIABLE=VALUE...]
# shellcheck disable=SC2120 # the variables are for cases
start_containerd() {
    (
        close_inherited
        exec env PATH="$DIR/bin:$(dirname "$SHIM_BINARY"):$PATH" TMPDIR="$DIR/tmp" XDG_RUNTIME_DIR="$DIR/tmp" "$@" \
            "$(type -P containerd)" --config "$DIR/config.toml" >>"$DIR/containerd.log" 2>&1 </dev/null
    ) &
    echo $! >"$DIR/containerd.pid"
    wait_until -t 30 ctr version || {
        tail -20 "$DIR/containerd.log" >&2
        return 1
    }
}

containerd_pid() { cat "$DIR/containerd.pid"; }

end_containerd() {
    local pid
    pid=$(containerd_pid 2>/dev/null) || return 0
    kill -CONT "$pid" 2>/dev/null || :
    kill "-$1" "$pid" 2>/dev/null || :
    wait_until -t 20 gone "$pid" || kill -KILL "$pid"
    wait "$pid" 2>/dev/null || :
    rm -f "$DIR/containerd.pid"
}

stop_containerd() { end_containerd TERM; }
kill9_containerd() { end_containerd KILL; }

ctr() {
    note_words "$@"
    if [ "$1" = run ]; then set -- run "${NO_SHARES[@]}" "${@:2}"; fi
    # A hang ends the case, not the suite.
    timeout --foreground -k 1 60 ctr -a "$SOCK" -n "$NS" "$@"
}

# Remembers every word that may have named a group, for the search for forgotten sockets.
note_words() { printf '%s\n' "${@##*=}" >>"$DIR/words"; }

# shims -------------------------------------------------------------------------------------------

# The shims of this file: "PID ID" lines.
shims() {
    local file args
    while read -r file; do
        { mapfile -d '' -t args <"$file"; } 2>/dev/null || continue
        shim_words "${args[@]}" || continue
        # Not strace, timeout or the like in front of it.
        [[ $(readlink "${file%/cmdline}/exe") == */containerd-shim-* ]] || continue
        file=${file#/proc/}
        echo "${file%/cmdline} $SHIM_ID"
    done < <(grep -lzxsF -e "$SOCK" /proc/[0-9]*/cmdline)
}

# Whether these words are a serving shim of this file; its id in $SHIM_ID.
shim_words() {
    local address=''
    SHIM_ID=''
    while [ $# -gt 0 ]; do
        case $1 in
        -address) address=${2:-} ;;
        -id) SHIM_ID=${2:-} ;;
        start | delete) return 1 ;;
        esac
        shift
    done
    [ "$address" = "$SOCK" ] && [ -n "$SHIM_ID" ]
}

# shim_pid ID: the shim that was started for container ID (or for the pod's first container).
shim_pid() {
    local pid id
    while read -r pid id; do
        if [ "$id" = "$1" ]; then
            echo "$pid"
            return
        fi
    done < <(shims)
    return 1
}

no_shim() { ! shim_pid "$1" >/dev/null; }

bundle() { echo "$TASKS/$1"; }

# socket_of GROUP: the path of the group's socket.
socket_of() {
    local hash
    hash=$(printf '%s/%s/%s' "$SOCK" "$NS" "$1" | sha256sum)
    echo "/run/containerd/s/${hash%% *}"
}

# cgroup_of ID: where the container's processes are, as its cgroupsPath says.
cgroup_of() {
    local scope=/sys/fs/cgroup/system.slice/$NS-$1.scope
    if [ "${SHIM_DRIVER:-cgroupfs}" = systemd ]; then
        # crun's are one below.
        if [ -d "$scope/container" ]; then echo "$scope/container"; else echo "$scope"; fi
    elif [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "/sys/fs/cgroup/$NS/$1"
    else
        echo "/sys/fs/cgroup/pids/$NS/$1"
    fi
}

# open_fds PID: its descriptors, sorted, one line each.
open_fds() {
    local fd
    for fd in $(cd "/proc/$1/fd" && printf '%s\n' * | sort -n); do
        echo "$fd $(readlink "/proc/$1/fd/$fd")"
    done
}

fd_count() { open_fds "$1" | wc -l; }

fds_at_most() { [ "$(fd_count "$1")" -le "$2" ]; }

# memory PID FIELD: KiB from smaps_rollup.
memory() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/smaps_rollup"; }

# budget_baseline PID: from here on the shim's descriptors may not grow.
budget_baseline() { fd_count "$1" >"$DIR/base/$1"; }

# budget PID [CONTAINERS]: one thread, no descriptor more than at the baseline, memory as promised.
budget() {
    local pid=$1 allowed
    if [ -e "$DIR/base/$pid" ]; then
        wait_until -t 3 fds_at_most "$pid" "$(cat "$DIR/base/$pid")" || {
            echo "budget: $(fd_count "$pid") descriptors, $(cat "$DIR/base/$pid") before:" >&2
            open_fds "$pid" >&2
            return 1
        }
    fi
    [ "$SHIM_BUILD" != go ] || return 0
    grep -q '^Threads:[[:space:]]*1$' "/proc/$pid/status" || {
        grep '^Threads' "/proc/$pid/status" >&2
        return 1
    }
    allowed=$((BUDGET_DIRTY_KIB + (${2:-1} - 1) * BUDGET_POD_KIB))
    # Text of a binary that was linked a moment ago counts as dirty until it is written back; what a
    # burst of work took, the shim gives back once it is quiet for a second.
    memory_within "$pid" "$allowed" || sync
    wait_until -t 5 memory_within "$pid" "$allowed" || {
        echo "budget: Private_Dirty $(memory "$pid" Private_Dirty) KiB, promised $allowed;" \
            "Private_Clean $(memory "$pid" Private_Clean) KiB" >&2
        awk '/^[0-9a-f]+-/ { place = $2 " " $6 } /^Private_Dirty:/ && $2 > 0 { print place, $2, "KiB" }' "/proc/$pid/smaps" >&2
        return 1
    }
}

memory_within() { # PID DIRTY-KIB
    local dirty clean
    dirty=$(memory "$1" Private_Dirty)
    clean=$(memory "$1" Private_Clean)
    [ "$dirty" -le "$2" ] && { [ "$SHIM_BUILD" != embedded ] || [ $((dirty + clean)) -le "$BUDGET_USS_KIB" ]; }
}

# tasks under containerd --------------------------------------------------------------------------

# run_task ID [CTR-OPTION...] -- COMMAND...: a detached container without IO; the descriptors its
# shim then has are the baseline of the budget.
run_task() {
    local id=$1 options=() pid
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    cgroup_option "$id"
    ctr run -d --null-io --runtime "$SHIM_RUNTIME" --fifo-dir "$DIR/fifo" --env PATH=/bin "${CGROUP_OPTION[@]}" "${options[@]}" \
        --rootfs "$ROOTFS" "$id" "$@" 3>&- 4>&-
    if pid=$(shim_pid "$id"); then budget_baseline "$pid"; fi
}

# run_image ID COMMAND...: the same with a rootfs that the shim mounts.
run_image() {
    [ -n "$(ctr image ls -q)" ] || make_image
    cgroup_option "$1"
    ctr run -d --null-io --runtime "$SHIM_RUNTIME" "${CGROUP_OPTION[@]}" "$IMAGE" "$@" 3>&- 4>&-
    budget_baseline "$(shim_pid "$1")"
}

# idle ID [CTR-OPTION...]: a container that does nothing until it is told to end.
idle() {
    local id=$1
    shift
    run_task "$id" "$@" -- sh -c 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'
}

# exec_task ID COMMAND...: an exec that ctr waits for, under a fresh exec id.
exec_task() {
    local id=$1
    shift
    EXECS=$((${EXECS:-0} + 1))
    ctr task exec --fifo-dir "$DIR/fifo" --exec-id "x$BASHPID-$EXECS" "$id" "$@" </dev/null 3>&- 4>&-
}

# task_pid ID / task_status ID: from `ctr task ls`.
task_pid() { ctr task ls | awk -v id="$1" '$1 == id { print $2 }'; }
task_status() { ctr task ls | awk -v id="$1" '$1 == id { print $3 }'; }
task_is() { [ "$(task_status "$1")" = "$2" ]; }

# exec_detached ID EXEC COMMAND... / exec_end ID EXEC: an exec that ctr does not wait for, and its end.
exec_detached() {
    ctr task exec -d --fifo-dir "$DIR/fifo" --exec-id "$2" "$1" "${@:3}" 3>&- 4>&-
}

exec_end() {
    ctr task kill --exec-id "$2" -s KILL "$1"
    # ctr ends with the status of the exec.
    wait_until exec_removed "$1" "$2"
    rm -rf "${DIR:?}"/fifo/*
}

exec_removed() {
    local status=0
    ctr task rm --exec-id "$2" "$1" || status=$?
    [ "$status" -eq 137 ]
}

# end_task ID: kills, deletes, and removes the container.
end_task() {
    ctr task rm -f "$1" >/dev/null 2>&1 || :
    ctr container rm "$1" >/dev/null
}

# Removes every container of the file's namespace.
remove_all() {
    local id
    [ -e "$DIR/containerd.pid" ] || start_containerd || return
    for id in $(ctr container ls -q); do end_task "$id"; done
}

# events ------------------------------------------------------------------------------------------

# events_start: `ctr events` into a file, subscribed when this returns.
events_start() {
    background events command ctr -a "$SOCK" -n "$NS" events
    wait_until events_flow
}

events_flow() {
    ctr namespace label "$NS" "probe=$RANDOM" && [ -s "$DIR/jobs/events" ]
}

events_stop() { stop_job events; }

# events [ID]: "topic JSON" of the task events so far, of one container if named.
events() {
    sed -n 's|^.* \(/tasks/[a-z-]* {.*\)$|\1|p' "$DIR/jobs/events" |
        { if [ -n "${1:-}" ]; then grep "\"container_id\":\"$1\"" || :; else cat; fi; }
}

topics() { events "$@" | sed 's|^/tasks/||; s| .*||' | tr '\n' ' '; }

# event_seen ID TOPIC [COUNT]
event_seen() { [ "$(events "$1" | grep -c "^/tasks/$2 ")" -ge "${3:-1}" ]; }

# wait_event ID TOPIC [COUNT]
wait_event() { wait_until event_seen "$@"; }

# without containerd ------------------------------------------------------------------------------

# direct_bundle ID COMMAND...: a bundle by hand, in $DIR/direct/ID.
direct_bundle() {
    local id=$1 path=$DIR/direct/$1
    shift
    mkdir -p "$path/rootfs" "$path/work"
    mkfifo -m 0700 "$path/log"
    # Held open for reading and writing, as containerd does; what the shim logs goes to a file.
    # shellcheck disable=SC2016 # expanded by that shell
    background "log-$id" sh -c 'exec cat 0<>"$1"' sh "$path/log"
    python3 -S - "$path/config.json" "$ROOTFS" "$(cgroups_path "$id")" "$@" <<'PY'
import json, sys
path, rootfs, cgroup, *words = sys.argv[1:]
capabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT"]
spec = {
    "ociVersion": "1.0.2",
    "process": {
        "user": {"uid": 0, "gid": 0}, "args": words, "env": ["PATH=/bin"], "cwd": "/", "noNewPrivileges": True,
        "capabilities": {name: capabilities for name in ("bounding", "effective", "permitted")}},
    "root": {"path": rootfs},
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    ],
    "linux": {"cgroupsPath": cgroup,
              "namespaces": [{"type": name} for name in ("pid", "ipc", "uts", "mount", "network")]},
}
with open(path, "w") as file:
    json.dump(spec, file)
PY
}

# edit_spec ID STATEMENT: changes `spec` of a bundle made by hand.
edit_spec() {
    python3 -S - "$DIR/direct/$1/config.json" "$2" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    spec = json.load(file)
exec(sys.argv[2])
with open(sys.argv[1], "w") as file:
    json.dump(spec, file)
PY
}

# event_server [OPTION...]: plays containerd's event service on $DIR/events.sock.
# shellcheck disable=SC2120 # the options are for cases
event_server() {
    background direct-events python3 -S "$INTEGRATION/ttrpc.py" serve-events "$DIR/events.sock" "$@"
    wait_until test -S "$DIR/events.sock"
}

# direct_topics ID: the topics a played event service got for one container.
direct_topics() {
    grep "\"container_id\": \"$1\"" "$DIR/jobs/direct-events" |
        sed 's|.*"topic": "/tasks/\([a-z-]*\)".*|\1|' | tr '\n' ' '
}

# invoke ID WORD...: the shim in the bundle of ID, as containerd would call it.
invoke() {
    local id=$1
    shift
    note_words "$id"
    (
        cd "$DIR/direct/$id" || exit
        close_inherited
        exec timeout -k 1 20 env PATH="$DIR/bin:$PATH" TMPDIR="$DIR/tmp" XDG_RUNTIME_DIR="$DIR/tmp" TTRPC_ADDRESS="$DIR/events.sock" GOMAXPROCS=2 \
            "$SHIM_BINARY" -namespace "$NS" -address "$SOCK" -publish-binary /bin/false -id "$id" "$@"
    )
}

# direct_start ID: starts the shim of a bundle made by hand (stdin is passed on); its address.
# An event service is played unless the case has its own, or says NO_EVENTS=1.
direct_start() {
    if [ ! -e "$DIR/jobs/direct-events.pid" ] && [ -z "${NO_EVENTS:-}" ]; then event_server; fi
    invoke "$1" start
}

# forget_shim ID: after the delete action nothing is left of a killed shim but its socket's name in the bundle.
forget_shim() {
    [ "$SHIM_BUILD" != go ] || rm -f "$(socket_of "$1")"
    [ ! -e "$(socket_of "$1")" ]
    [ ! -e "$(socket_of "$1").lock" ]
    rm -f "$DIR/direct/$1/address" "$CASE/delete.err"
}

# rpc ID METHOD [FIELD=VALUE...]: a call to the shim of a bundle made by hand.
rpc() {
    local address
    address=$(cat "$DIR/direct/$1/address")
    shift
    python3 -S "$INTEGRATION/ttrpc.py" "$address" call Task "$@"
}

# direct_create ID [FIELD=VALUE...] / direct_run ID [FIELD=VALUE...]: Create, or Create and Start.
direct_create() {
    rpc "$1" Create id="$1" bundle="$DIR/direct/$1" "${@:2}"
}

direct_run() {
    direct_create "$@" >/dev/null
    rpc "$1" Start id="$1"
}

# direct_exec ID EXEC COMMAND...: Exec and Start of a process without IO.
direct_exec() {
    rpc "$1" Exec "$(exec_fields "$@")" >/dev/null
    rpc "$1" Start id="$1" exec_id="$2"
}

# exec_fields ID EXEC COMMAND...: the fields of an Exec request.
exec_fields() {
    python3 -S - "$@" <<'PY'
import json, sys
container, name, *words = sys.argv[1:]
process = {"user": {"uid": 0, "gid": 0}, "args": words, "env": ["PATH=/bin"], "cwd": "/"}
print(json.dumps({"id": container, "exec_id": name, "spec": {
    "@type": "types.containerd.io/opencontainers/runtime-spec/1/Process", "@json": process}}))
PY
}

# direct_end ID...: kill, delete, and at the last one Shutdown; the shim must then be gone.
direct_end() {
    local id pid
    pid=$(shim_pid "$1") || pid=
    if [ -e "$DIR/direct/$1/address" ]; then
        python3 -S - "$(cat "$DIR/direct/$1/address")" "$@" <<'PY'
import sys, ttrpc

def attempt(method, **fields):
    try:
        connection.call(method, fields)
    except ttrpc.Failure:
        pass

try:
    connection = ttrpc.Connection(sys.argv[1], 20)
except ttrpc.Failure:
    sys.exit()
for name in sys.argv[2:]:
    attempt("Kill", id=name, signal=9, all=True)
    attempt("Wait", id=name)
    attempt("Delete", id=name)
attempt("Shutdown", id=sys.argv[2], now=True)
PY
    fi
    [ -z "$pid" ] || wait_until -t 20 gone "$pid"
    for id in "$@"; do stop_job "log-$id"; rm -rf --one-file-system "$DIR/direct/$id"; done
}

# kill_and_delete ID: killed and deleted, its shim alive; nothing but init's end is told any more.
kill_and_delete() {
    rpc "$1" Kill id="$1" signal=9
    rpc "$1" Wait id="$1"
    rpc "$1" Delete id="$1"
}

# Ends what the case left of its bundles made by hand.
direct_end_all() {
    local path
    for path in "$DIR"/direct/*; do
        if [ -e "$path/address" ]; then direct_end "${path##*/}"; fi
    done
    rm -rf --one-file-system "$DIR"/direct/*
}

# fails CODE TEXT COMMAND...: the call fails with this code, and its message contains the text.
fails() {
    local code=$1 text=$2
    shift 2
    run "$@"
    if [ "$status" -ne "$code" ] || [[ $output != *"$text"* ]]; then
        echo "expected $code $text, got $status: $output" >&2
        return 1
    fi
}

# direct ID COMMAND...: a running container of a bundle made by hand, and the budget's baseline;
# the shim's pid is in $SHIM.
direct() {
    direct_bundle "$@"
    direct_start "$1" </dev/null >/dev/null
    direct_run "$1" >/dev/null
    SHIM=$(shim_pid "$1")
    budget_baseline "$SHIM"
}

# client [ARGUMENT...] < SCRIPT: a Python script with all of ttrpc.py, `path` (the socket of c1, or of
# $GROUP), `exec_spec(words...)` and its arguments in sys.argv[2:].
client() {
    {
        cat <<'PY'
import json, os, sys, threading, time
from ttrpc import *
path = sys.argv[1]

def exec_spec(*words, **more):
    return {"@type": "types.containerd.io/opencontainers/runtime-spec/1/Process", "@json": {
        "user": {"uid": 0, "gid": 0}, "args": words, "env": ["PATH=/bin"], "cwd": "/", **more}}

def refused(code, text, connection, method, **fields):
    try:
        reply = connection.call(method, fields)
    except Failure as failure:
        assert failure.code == code and text in failure.message, failure
    else:
        raise AssertionError(f"{method} was accepted: {reply}")

class Reader(threading.Thread):
    """Reads a fifo to its end."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.data = b""
        os.mkfifo(path)
        # Opened as containerd's clients do: without waiting for the writer.
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(self.fd, True)
        self.path = path

    def run(self):
        while piece := os.read(self.fd, 1 << 16):
            self.data += piece
        os.close(self.fd)

    def end(self, patience=10):
        """What was read until the writers were gone."""
        if not self.is_alive() and self.ident is None:
            self.start()
        self.join(patience)
        assert not self.is_alive(), "no end of " + self.path
        return self.data
PY
        cat
    } | python3 -S - "$(socket_of "${GROUP:-c1}")" "$@"
}

# state_is ID STATUS [EXEC]: 1 created, 2 running, 3 stopped.
state_is() { [[ $(rpc "$1" State id="$1" exec_id="${3:-}") == *"\"status\": $2,"* ]]; }

# topics_are ID TOPICS: exactly these, so far.
topics_are() { [ "$(direct_topics "$1")" = "$2 " ]; }

# recorded VERB: the arguments of the last call of a verb that the fake runtime recorded.
recorded() { grep -- " $1 " "$FAKE_RUNC/calls" | tail -1; }

# trace_start ID CALLS [VARIABLE=VALUE]: `start` under strace, in $CASE/trace; the address is in
# $CASE/out. strace follows the server too, so it is ended once the result is there.
trace_start() {
    background trace strace -f -qq -e "trace=$2" -o "$CASE/trace" env "${@:3}" \
        bash -c 'source "$1"; invoke "$2" start </dev/null >"$CASE/out"; echo $? >"$CASE/status"' \
        bash "$INTEGRATION/lib.bash" "$1"
    wait_until test -s "$CASE/status"
    stop_job trace KILL
    return "$(cat "$CASE/status")"
}

# ends --------------------------------------------------------------------------------------------

# The end of every case: the budget of each living shim, then everything removed, then nothing left.
end_case() {
    local bad=0 pid id count
    rm -rf "${FAKE_RUNC:?}"/*
    if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
        while read -r pid id; do
            if [ ! -e "$DIR/base/$pid" ]; then continue; fi
            count=$(pod_size "$pid")
            budget "$pid" "$count" || bad=1
        done < <(shims)
    else
        case_report
    fi
    remove_all || bad=1
    direct_end_all || bad=1
    stop_jobs
    leftovers || bad=1
    rm -rf "$DIR"/base/* "$DIR"/jobs/* "$DIR"/tmp/* "${CASE:?}"/*
    return "$bad"
}

# pod_size PID: how many containers the shim holds, by the sockets named in the bundles.
pod_size() {
    local id=0 file count=0 address
    while read -r pid id; do
        if [ "$pid" = "$1" ]; then break; fi
    done < <(shims)
    address=$(cat "$TASKS/$id/address" "$DIR/direct/$id/address" 2>/dev/null) || :
    for file in "$TASKS"/*/address "$DIR"/direct/*/address; do
        if [ -e "$file" ] && [ "$(cat "$file")" = "$address" ]; then count=$((count + 1)); fi
    done
    echo $((count > 0 ? count : 1))
}

# What a failed case wants to know.
case_report() {
    echo "--- shims:"
    shims
    echo "--- containerd, last lines:"
    tail -n "+$(($(cat "$DIR/log-lines") + 1))" "$DIR/containerd.log" | grep -vE 'level=(debug|trace)' | tail -15
    if [ -e "$DIR/docker.log" ]; then
        echo "--- docker, last lines:"
        tail -15 "$DIR/docker.log"
    fi
}

# leftovers: names what is left of this file's cases, ends it, and fails if there was anything.
leftovers() {
    local bad=0 pid id path
    wait_until -t 5 no_shims || {
        bad=1
        while read -r pid id; do
            echo "left: shim $pid of $id" >&2
            kill -KILL "$pid" || :
            end_runtime "$id"
        done < <(shims)
    }
    while read -r path; do
        bad=1
        echo "left: mount $path" >&2
        umount -l "$path" || :
    done < <(awk -v dir="$DIR/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
    for path in "$TASKS"/* "$DIR/tmp"/* "$DIR/fifo"/* "$RUNTIME_ROOT/$NS"/*; do
        if [ -e "$path" ]; then
            bad=1
            echo "left: $path" >&2
            rm -rf --one-file-system "$path"
        fi
    done
    while read -r path; do
        bad=1
        echo "left: cgroup $path" >&2
        while read -r pid; do kill -KILL "$pid" || :; done <"$path/cgroup.procs"
        wait_until rmdir "$path" || :
    done < <(find /sys/fs/cgroup -mindepth 2 -depth -type d \( -path "*/$PARENT/*" -o -path "*/$PARENT-*.scope*" \) 2>/dev/null)
    find /sys/fs/cgroup -mindepth 1 -maxdepth 3 -type d -name "$PARENT" -exec rmdir {} + 2>/dev/null || :
    rmdir "$RUNTIME_ROOT/$NS" 2>/dev/null || :
    while read -r path; do
        bad=1
        echo "left: socket $path" >&2
        rm -f "$path"
    done < <(our_sockets)
    rm -f "$DIR/words"
    wc -l <"$DIR/containerd.log" >"$DIR/log-lines"
    return "$bad"
}

# Files in the sockets' directory that belong to a group this case named.
our_sockets() {
    python3 -S - "$SOCK/$NS" "$DIR/words" <<'PY'
import glob, hashlib, os, sys
prefix, words = sys.argv[1:]
if os.path.exists(words):
    with open(words) as file:
        for word in set(file.read().split()):
            name = hashlib.sha256(f"{prefix}/{word}".encode()).hexdigest()
            for path in glob.glob(f"/run/containerd/s/*{name}*"):
                print(path)
PY
}

no_shims() { [ -z "$(shims)" ]; }

# end_runtime ID: what a lost shim leaves of its container.
end_runtime() {
    "$FAKE_RUNC_REAL" --root "$RUNTIME_ROOT/$NS" delete --force "$1" 2>/dev/null || :
}
