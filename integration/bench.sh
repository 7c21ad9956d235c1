#!/usr/bin/env bash
# bench.sh [ROUNDS [SECONDS]]: output through a fifo, beside Debian's Go shim, in turns; medians of ROUNDS (5). Then how
# long a container's write(2) takes while nobody reads, for SECONDS (60) with each policy under which it must not wait.
# Says which promises were kept; nothing here is a test, a loaded machine breaks them.
set -eu
PATH=$PATH:/usr/sbin:/sbin
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(dirname "$HERE")
ROUNDS=${1:-5} SECONDS_STOPPED=${2:-60}
MIB=2048
# shellcheck source=integration/lib.bash
source "$HERE/lib.bash"
NAME=containerd-shim-swiftrunc-v2
declare -A BINARY=([embedded]=$TOP/bin/$NAME [ordinary]=$TOP/bin/ordinary/$NAME [go]=$PEER_BINARY)

# shellcheck disable=SC2317 # called by the trap
end() {
    local status=$?
    direct_end_all || status=1
    stop_jobs
    rm -rf --one-file-system "$DIR" "$RESULTS"
    exit "$status"
}

# use BUILD: the shim of the next container.
use() {
    SHIM_BUILD=$1 SHIM_BINARY=${BINARY[$1]}
    SHIM_RUNTIME=io.containerd.swiftrunc.v2
    [ "$1" != go ] || SHIM_RUNTIME=$PEER_RUNTIME
}

# container COMMAND...: c1, made and not started, which writes to $DIR/fifo/out.
container() {
    rm -f "$DIR/fifo"/*
    mkfifo "$DIR/fifo/out" "$DIR/fifo/err"
    direct_bundle c1 "$@"
}

# output BUILD BLOCK: the container writes $MIB MiB in blocks of so many bytes; a line for $RESULTS.
output() {
    local creating
    use "$1"
    container dd if=/dev/zero bs="$2" count=$((MIB * 1048576 / $2)) status=none
    direct_start c1 </dev/null >/dev/null
    direct_create c1 stdout="$DIR/fifo/out" stderr="$DIR/fifo/err" >/dev/null &
    creating=$!
    timeout 300 python3 - "$DIR/fifo" "$(shim_pid c1)" "$(cat "$DIR/direct/c1/address")" <<'PY' >>"$RESULTS/$1-$2"
import glob, os, sys, threading, time
from ttrpc import Connection
path, pid, address = sys.argv[1:]

def spent():
    total = 0
    for task in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(task) as file:
            total += int(file.read().split()[0])
    return total / 1e9

fifo = os.open(path + "/out", os.O_RDONLY)
error = os.open(path + "/err", os.O_RDONLY | os.O_NONBLOCK)
null = os.open(os.devnull, os.O_WRONLY)
connection = Connection(address, 60)
while True:
    try:
        connection.call("State", {"id": "c1"})
        break
    except Exception:
        time.sleep(0.01)
before = spent()
connection.call("Start", {"id": "c1"})
total, begin = 0, time.monotonic()
while moved := os.splice(fifo, null, 1 << 20):
    total += moved
seconds = time.monotonic() - begin
print(total / 1e9 / seconds, (spent() - before) / (total / 1e9))
PY
    wait "$creating"
    direct_end c1
}

# stopped POLICY: a line with p50, p99 and the longest write(2) in microseconds, and how many there were.
stopped() {
    use embedded
    container /writer "$SECONDS_STOPPED"
    edit_spec c1 "spec['annotations'] = {'io.swiftrunc.output': '$1'}"
    direct_start c1 </dev/null >/dev/null
    direct_run c1 stdout="$DIR/fifo/out" >/dev/null
    python3 "$INTEGRATION/ttrpc.py" "$(cat "$DIR/direct/c1/address")" call Task Wait id=c1 --patience $((SECONDS_STOPPED + 60)) >/dev/null
    cat "$ROOTFS/tmp/latency"
    direct_end c1
}

median() { sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

DIR=$(mktemp -d /run/sr.XXXX)
RESULTS=$(mktemp -d)
NS=sr${DIR##*.} SOCK=$DIR/c.sock ROOTFS=$DIR/rootfs FAKE_RUNC=$DIR/faults CASE=$DIR/case
SWIFTRUNC_CONFIG=$DIR/host.toml
export DIR NS SOCK ROOTFS FAKE_RUNC CASE SWIFTRUNC_CONFIG
trap end EXIT
mkdir -p "$DIR/bin" "$DIR/jobs" "$DIR/base" "$DIR/fifo" "$DIR/direct" "$DIR/tmp" "$CASE" "$FAKE_RUNC"
ln -s "$(command -v runc)" "$DIR/bin/runc"
make_rootfs "$ROOTFS"
clang -O2 -static -o "$ROOTFS/writer" "$HERE/writer.c"

for _ in $(seq "$ROUNDS"); do
    for block in 65536 4096; do
        for build in embedded ordinary go; do output "$build" "$block"; done
    done
done
printf '| writes of | shim | GB/s | s of its CPU per GB | throughput to Go | CPU to Go |\n|--:|---|--:|--:|--:|--:|\n'
for block in 65536 4096; do
    peer=$(cut -d' ' -f1 "$RESULTS/go-$block" | median) peer_cpu=$(cut -d' ' -f2 "$RESULTS/go-$block" | median)
    for build in embedded ordinary go; do
        speed=$(cut -d' ' -f1 "$RESULTS/$build-$block" | median) cpu=$(cut -d' ' -f2 "$RESULTS/$build-$block" | median)
        awk -v block="$block" -v build="$build" -v a="$speed" -v b="$cpu" -v pa="$peer" -v pb="$peer_cpu" 'BEGIN {
            printf "| %d | %s | %.2f | %.3f | %.2f | %.2f |\n", block, build, a, b, a / pa, b / pb
            if (build != "go") printf "%s: at least 1.3 times the throughput, at most 0.25 of the CPU\n",
                (a >= 1.3 * pa && b <= 0.25 * pb) ? "kept" : "BROKEN" }'
    done
done
for policy in drop spill; do
    stopped "$policy" >"$RESULTS/stopped"
    read -r p50 p99 longest count <"$RESULTS/stopped"
    echo "$policy, nobody reads for $SECONDS_STOPPED s: of $count writes of 4 KiB p50 $p50 µs, p99 $p99 µs, longest $longest µs"
    if [ "$p99" -lt 10000 ]; then echo "kept: p99 under 10 ms"; else echo "BROKEN: p99 under 10 ms"; fi
done
