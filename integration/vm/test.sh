#!/bin/bash
# Runs integration cases in the throw-away machines: vm/test.sh [--short] [--build embedded|ordinary|both] [--only WORD] [--jobs N]
#
# The matrix: the suites bookworm, trixie and sid, each with its containerd, runc and crun, and with both drivers of
# cgroups, on a kernel of its own with cgroup v2, all controllers and systemd; the cases are those with the tag `core`. They run
# with the shipped build (embedded), and with each suite once with the ordinary one; with --build both, all with both.
# Then the whole of some files with each suite's userland on this kernel, with cgroup v1 and v2 alone.
# --short is what fits into the time of every test run; --only those rows whose name has that word; N rows run at a time (2).
# Each row's whole output is in .build/vm-ROW.log. At the end comes a table, and as the last line `N passed, N failed, N skipped`, the sum of all rows.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
short='' build=embedded only='' jobs=2
while [ $# -gt 0 ]; do
    case $1 in
    --short) short=1 && shift ;;
    --build) build=$2 && shift 2 ;;
    --only) only=$2 && shift 2 ;;
    --jobs) jobs=$2 && shift 2 ;;
    *) sed -n '2s/^# //p' "$0" >&2 && exit 2 ;;
    esac
done
mkdir -p .build
# The machines have no compiler.
(export DAEMON=1.6 && source integration/lib.bash && denied_program) || exit
results=$(mktemp -d)
# shellcheck disable=SC2046 # a list
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$results"' EXIT
trap 'exit 143' TERM INT
rows=0

# The containerd of a suite.
containerd() {
    case $1 in
    bookworm) echo 1.6 ;;
    trixie) echo 1.7 ;;
    sid) echo 2.1 ;;
    esac
}

# row NAME SUITE RUNTIME DRIVER CASES MACHINE...: these cases, as run.sh takes them, where that command runs them, with
# `runc` being that runtime; as soon as fewer than $jobs others run.
row() {
    [[ $1 == *"$only"* ]] || return 0
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    rows=$((rows + 1))
    run_row "$results/$rows" "$@" &
}

# run_row RESULT NAME ...: its line of the table, and its sums, become the file.
run_row() {
    local result=$1 name=$2 suite=$3 runtime=$4 driver=$5 cases=$6 log=.build/vm-$2.log began=$SECONDS status=0
    local sums good bad left
    shift 6
    # shellcheck disable=SC2086 # a list of words
    SHIM_RUNC=$runtime SHIM_DRIVER=$driver timeout -k 30 7300 "$@" --suite "$suite" -- integration/run.sh --build "$build" \
        --containerd "$(containerd "$suite")" $cases >"$log" 2>&1 </dev/null &
    # shellcheck disable=SC2064 # this one's
    trap "kill $!" TERM
    wait $! || status=$?
    sums=$(sed -n -E 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped\r?$/\1 \2 \3/p' "$log" | tail -n 1)
    read -r good bad left <<<"${sums:-0 0 0}"
    grep -A 12 '^not ok ' "$log"
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        tail -n 5 "$log"
        echo "$name ended with $status: $log"
    fi
    echo "== $name: of the cases $good passed, $bad failed in $((SECONDS - began)) s"
    echo "$good $bad $left | $name | $runtime | $driver | $good | $bad | $left | $((SECONDS - began)) |" >"$result"
}

v1="integration/vm/host-root.sh --cgroup v1"
v2="integration/vm/host-root.sh --cgroup v2"
machine="integration/vm/machine.sh --accel uml --init systemd --timeout 2900"
large="$machine --memory 3072"
emulated="integration/vm/machine.sh --accel tcg --init systemd --timeout 7200"
all="task runtime stdio restart runtimes seccomp"
# shellcheck disable=SC2086 # commands
if [ -n "$short" ]; then
    # All controllers, and systemd as the driver; then runc 1.3 and crun 1.28, and crun 1.21, on v2 and v1 alone.
    row sid-runc-systemd sid runc systemd "--tag core cgroups oom" $machine
    row sid-v2 sid runc cgroupfs runtimes $v2
    row trixie-v1 trixie crun cgroupfs task $v1
else
    for suite in sid trixie bookworm; do
        for runtime in runc crun; do
            for driver in cgroupfs systemd; do
                row "$suite-$runtime-$driver" "$suite" "$runtime" "$driver" "--tag core" $machine
            done
        done
    done
    [ "$build" != embedded ] || for suite in sid trixie bookworm; do
        build=ordinary row "$suite-ordinary" "$suite" runc systemd "--tag core" $machine
    done
    # Kills for lack of memory: each runtime and driver, and then as many as make a race.
    for runtime in runc crun; do
        for driver in cgroupfs systemd; do row "sid-oom-$runtime-$driver" sid "$runtime" "$driver" oom $machine; done
    done
    OOM_CONTAINERS=100 OOM_ROUNDS=20 row sid-oom-rounds sid runc cgroupfs "--tag rounds oom" $large
    for runtime in runc crun; do
        row "sid-v1-$runtime" sid "$runtime" cgroupfs "$all" $v1
        row "sid-v2-$runtime" sid "$runtime" cgroupfs "$all" $v2
    done
    row trixie-v2-crun trixie crun cgroupfs "$all" $v2
    row bookworm-v1-crun bookworm crun cgroupfs "$all" $v1
    # Kubernetes' pods, and Docker 28, with cgroup v2.
    for driver in cgroupfs systemd; do row "sid-pods-$driver" sid runc "$driver" "cri docker" $large; done
    row trixie-pods trixie runc systemd cri $large
    row bookworm-pods bookworm runc systemd cri $large
    row sid-runtimes sid runc cgroupfs "runtimes stats resources" $machine
    # A kernel with all that user-mode-linux has not: pressure, huge pages, cpuset, and a trap's registers.
    row trixie-emulated-runc trixie runc systemd "cgroups seccomp" $emulated
    row trixie-emulated-crun trixie crun systemd seccomp $emulated
fi
wait
passed=0 failed=0 skipped=0
printf '| row | runtime | driver | passed | failed | skipped | s |\n|---|---|---|--:|--:|--:|--:|\n'
for number in $(seq "$rows"); do
    read -r good bad left line <"$results/$number" || { good=0 bad=1 left=0 && line="| row $number did not end |"; }
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
    echo "$line"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
