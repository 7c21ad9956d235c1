#!/usr/bin/env bash
# footprint.sh [EXECS]: memory, threads, descriptors and start time of both builds, beside Debian's Go
# shim, each under a containerd of its own; then each promise, kept or BROKEN. Fails if one is broken.
set -eu
PATH=$PATH:/usr/sbin:/sbin
ROUNDS=30
POD=8
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(dirname "$HERE")
NAME=containerd-shim-swiftrunc-v2

# measure BUILD RUNTIME: into $RESULTS/BUILD, as "name value" lines. In a process of its own, because
# lib.bash takes the shim from the environment.
measure() {
    SHIM_BUILD=$1 SHIM_BINARY=${BINARY[$1]} SHIM_RUNTIME=$2 timeout --foreground -k 60 3600 bash "$0" --one "$RESULTS/$1" "$EXECS" </dev/null
}

# one RESULT EXECS: the shim of the environment.
one() {
    local pid before id
    # shellcheck source=integration/lib.bash
    source "$HERE/lib.bash"
    trap 'end $?' EXIT
    setup_suite_file
    sleeper c1
    pid=$(shim_pid c1)
    execs 5
    settle "$pid"
    {
        for field in Private_Dirty Private_Clean Pss; do echo "$field $(memory "$pid" "$field")"; done
        echo "threads $(awk '$1 == "Threads:" { print $2 }' "/proc/$pid/status")"
        echo "fds $(fd_count "$pid")"
    } >"$1"
    before=$(memory "$pid" Private_Dirty)
    execs "$2"
    settle "$pid"
    echo "grown $(($(memory "$pid" Private_Dirty) - before))" >>"$1"
    echo "fds_after $(fd_count "$pid")" >>"$1"

    before=$(memory "$pid" Private_Dirty)
    for id in $(seq 2 $((POD + 1))); do sleeper "c$id"; done
    settle "$pid"
    echo "member $(awk -v kib=$(($(memory "$pid" Private_Dirty) - before)) -v n="$POD" 'BEGIN { printf "%.1f", kib / n }')" >>"$1"
    answers "$pid" >>"$1"
    if [ -n "${START_BINARIES:-}" ]; then start_times >"${1%/*}/start"; fi
}

# end STATUS: nothing stays; after a failure, what containerd said of it.
# shellcheck disable=SC2317 # called by the trap
end() {
    local status=$1
    if [ "$status" -ne 0 ]; then grep -v 'level=\(debug\|info\)' "$DIR/containerd.log" | tail -n 15 >&2; fi
    remove_all || status=1
    teardown_suite_file || status=1
    rm -rf --one-file-system "$DIR"
    exit "$status"
}

# A container that sleeps, of the one pod.
sleeper() { run_task "$1" --annotation io.containerd.runc.v2.group=pod -- sleep 100000; }

# All written back, and nothing under way.
settle() {
    sleep 1
    sync
}

# execs COUNT: one after the other.
execs() {
    GROUP=pod client "$1" <<'PY'
c = Connection(path)
for number in range(int(sys.argv[2])):
    name = f"e{number}"
    c.call("Exec", {"id": "c1", "exec_id": name, "spec": exec_spec("true")})
    c.call("Start", {"id": "c1", "exec_id": name})
    c.call("Wait", {"id": "c1", "exec_id": name})
    c.call("Delete", {"id": "c1", "exec_id": name})
PY
}

# answers PID: what Stats costs the shim, and the longest that anything but a Wait was unanswered for one
# container while the runtime took two seconds to create another one.
answers() {
    direct_bundle slow sleep 1000
    echo 2 >"$FAKE_RUNC/create.delay.slow"
    GROUP=pod client "$1" "$DIR/direct/slow" <<'PY'
import glob, select, statistics
pid, bundle = sys.argv[2:]

def spent():
    """Nanoseconds of processor that all threads have used."""
    total = 0
    for task in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(task) as file:
            total += int(file.read().split()[0])
    return total

c, other = Connection(path), Connection(path)
costs = []
for _ in range(100):
    before = spent()
    for _ in range(20):
        c.call("Stats", id="c1")
    costs.append((spent() - before) / 20000)
print("stats", f"{statistics.median(costs):.0f}")

stream = other.send(SERVICES["Task"], "Create", {"id": "slow", "bundle": bundle})
longest, number = 0, 0
while not select.select([other.socket], [], [], 0)[0]:
    number += 1
    exec_id = f"unstarted{number}"
    for method, fields in (
            ("State", {}), ("Pids", {}), ("Stats", {}), ("Connect", {}), ("CloseIO", {"stdin": True}),
            ("ResizePty", {"width": 80, "height": 25}), ("Kill", {"signal": 0}),
            ("Exec", {"exec_id": exec_id, "spec": exec_spec("true")}), ("Delete", {"exec_id": exec_id})):
        begin = time.monotonic()
        c.call(method, {"id": "c1", **fields})
        longest = max(longest, time.monotonic() - begin)
other.answer(stream)
print("longest", f"{longest * 1000:.1f}")
for method, fields in (("Kill", {"signal": 9}), ("Wait", {}), ("Delete", {})):
    c.call(method, {"id": "slow", **fields})
PY
    rm "$FAKE_RUNC/create.delay.slow"
    stop_job log-slow
    rm -rf --one-file-system "$DIR/direct/slow"
}

# The `start` action of each of $START_BINARIES in turn, $ROUNDS times, as containerd calls it: from
# the spawn until its output and the process have ended. Medians as "build milliseconds" lines.
start_times() {
    direct_bundle timing sleep 1
    python3 - "$DIR/direct/timing" "$SOCK" "$NS" "$ROUNDS" "$START_BINARIES" <<'PY'
import os, signal, statistics, sys, time
from ttrpc import Connection
bundle, address, namespace, rounds, binaries = sys.argv[1:]
binaries = dict(word.split("=", 1) for word in binaries.split())
times = {name: [] for name in binaries}
environment = {**os.environ, "TTRPC_ADDRESS": address + ".ttrpc", "GOMAXPROCS": "2"}
null = os.open(os.devnull, os.O_RDONLY)
os.chdir(bundle)

def run(words):
    """Its wait status and its output; without subprocess, which takes a millisecond of its own."""
    output, end = os.pipe()
    pid = os.posix_spawn(words[0], words, environment, file_actions=[
        (os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, end, 1), (os.POSIX_SPAWN_DUP2, end, 2)])
    os.close(end)
    text = b""
    while piece := os.read(output, 4096):
        text += piece
    os.close(output)
    return os.waitpid(pid, 0)[1], text.decode()

for number in range(int(rounds) + 1):
    for name, binary in binaries.items():
        task = f"{name}{number}"
        words = [binary, "-namespace", namespace, "-address", address, "-publish-binary", "/bin/false", "-id", task, "start"]
        begin = time.monotonic()
        status, url = run(words)
        took = time.monotonic() - begin
        assert status == 0 and url.startswith("unix://"), (words, url)
        try:
            # Its answer also says that it is ready, so its start does not disturb the next one's.
            os.kill(Connection(url).call("Connect", {"id": task})["shim_pid"], signal.SIGKILL)
        finally:
            os.unlink(url.removeprefix("unix://"))
        if number > 0:  # the first one reads the program from disk
            times[name].append(took * 1000)
for name, values in times.items():
    print(name, f"{statistics.median(values):.2f}")
PY
    stop_job log-timing
    rm -rf --one-file-system "$DIR/direct/timing"
}

# value BUILD NAME
value() { awk -v name="$2" '$1 == name { print $2 }' "$RESULTS/$1"; }
start_of() { awk -v name="$1" '$1 == name { print $2 }' "$RESULTS/start"; }

row() {
    local label=$1 build
    shift
    printf '%-40s' "$label"
    for build in "${BUILDS[@]}"; do printf '%10s' "$("$1" "$build" "${@:2}")"; done
    echo
}

uss() { echo $(($(value "$1" Private_Dirty) + $(value "$1" Private_Clean))); }
more_fds() { echo $(($(value "$1" fds_after) - $(value "$1" fds))); }

table() {
    printf '%-40s' ''
    printf '%10s' "${BUILDS[@]}"
    echo
    row 'Private_Dirty, KiB' value Private_Dirty
    row 'Private_Clean, KiB' value Private_Clean
    row 'USS, KiB' uss
    row 'PSS, KiB' value Pss
    row 'threads' value threads
    row 'descriptors' value fds
    row "Private_Dirty more after $EXECS execs, KiB" value grown
    row "descriptors more after $EXECS execs" more_fds
    row 'Private_Dirty per further container, KiB' value member
    row "start, ms (median of $ROUNDS)" start_of
    row 'processor time of Stats, µs (median)' value stats
    row 'longest answer beside a slow create, ms' value longest
}

BROKEN=0

# promise WORDS VALUE LIMIT
promise() {
    local verdict=kept
    if ! awk -v value="$2" -v limit="$3" 'BEGIN { exit !(value != "" && value + 0 <= limit + 0) }'; then
        verdict=BROKEN
        BROKEN=1
    fi
    printf '%-7s %s: %s, at most %s\n' "$verdict" "$1" "$2" "$3"
}

promises() {
    local build=$1 dirty=$2
    promise "$build: Private_Dirty, KiB" "$(value "$build" Private_Dirty)" "$dirty"
    if [ "$build" = embedded ]; then promise "$build: USS, KiB" "$(uss "$build")" 2048; fi
    promise "$build: threads" "$(value "$build" threads)" 1
    promise "$build: KiB per further container" "$(value "$build" member)" 16
    promise "$build: KiB more after $EXECS execs" "$(value "$build" grown)" 16
    promise "$build: descriptors more after $EXECS execs" "$(more_fds "$build")" 0
    promise "$build: processor time of Stats, µs" "$(value "$build" stats)" 300
    promise "$build: longest answer beside a slow create, ms" "$(value "$build" longest)" 100
    promise "$build: start, ms; a third of the Go shim's" "$(start_of "$build")" \
        "$(awk -v time="$(start_of go)" 'BEGIN { printf "%.2f", time / 3 }')"
}

if [ "${1:-}" = --one ]; then
    one "$2" "$3"
    exit
fi

[ "$(id -u)" = 0 ] || { echo "must be run as root" >&2; exit 2; }
EXECS=${1:-200}
[[ $EXECS =~ ^[0-9]+$ ]] || { echo "usage: footprint.sh [EXECS]" >&2; exit 2; }
GO=$(command -v containerd-shim-runc-v2) || { echo "containerd-shim-runc-v2 is not installed" >&2; exit 1; }
mkdir -p "$TOP/.build"
RESULTS=$(mktemp -d "$TOP/.build/footprint.XXXX")
trap 'rm -rf "$RESULTS"' EXIT

declare -A BINARY=([embedded]=$TOP/bin/$NAME [ordinary]=$TOP/bin/ordinary/$NAME [go]=$GO)
BUILDS=()
for build in embedded ordinary go; do
    if [ -x "${BINARY[$build]}" ]; then
        BUILDS+=("$build")
        # A copy: text that another process has mapped too would count as nobody's own.
        install -D -t "$RESULTS/bin/$build" "${BINARY[$build]}"
        BINARY[$build]=$RESULTS/bin/$build/${BINARY[$build]##*/}
    else
        BROKEN=1
        echo "${BINARY[$build]} is not built: make all"
    fi
done
# The start times of all at once, in the last one's turn, so that they are taken side by side.
GOOD=()
for build in "${BUILDS[@]}"; do
    START_BINARIES='' runtime=io.containerd.swiftrunc.v2
    if [ "$build" = go ]; then
        START_BINARIES=$(for name in "${GOOD[@]}" go; do echo "$name=${BINARY[$name]}"; done)
        runtime=io.containerd.runc.v2
    fi
    export START_BINARIES
    if measure "$build" "$runtime"; then
        GOOD+=("$build")
    else
        BROKEN=1
        echo "$build could not be measured"
    fi
done
BUILDS=("${GOOD[@]}")
[[ " ${BUILDS[*]} " == *" go "* ]] || exit 1
echo "One running container, after a few execs:"
table
echo
for build in "${BUILDS[@]}"; do
    case $build in
    embedded) promises embedded 192 ;;
    ordinary) promises ordinary 320 ;;
    esac
done
exit "$BROKEN"
