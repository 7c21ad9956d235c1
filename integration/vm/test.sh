#!/bin/bash
# Runs integration cases in the throw-away machines: vm/test.sh [--short] [--build embedded|ordinary|both]
#
# --short is what fits into the time of every test run. The last line is `N passed, N failed, N
# skipped`, the sum of all machines; each one's whole output is in .build/vm-MACHINE.log.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
short='' build=both
while [ $# -gt 0 ]; do
    case $1 in
    --short) short=1 && shift ;;
    --build) build=$2 && shift 2 ;;
    *) sed -n '2s/^# //p' "$0" >&2 && exit 2 ;;
    esac
done
mkdir -p .build
passed=0 failed=0 skipped=0

# The containerd of a suite.
containerd() {
    case $1 in
    bookworm) echo 1.6 ;;
    trixie) echo 1.7 ;;
    sid) echo 2.1 ;;
    esac
}

# within NAME SUITE RUNTIME FILES MACHINE...: these case files where that command runs them, with `runc`
# being that runtime.
within() {
    local name=$1 suite=$2 runtime=$3 files=$4 log=.build/vm-$1.log began=$SECONDS status=0 sums good bad left
    shift 4
    # shellcheck disable=SC2086 # a list of files
    SHIM_RUNC=$runtime timeout -k 30 3000 "$@" --suite "$suite" -- integration/run.sh --build "$build" \
        --containerd "$(containerd "$suite")" $files >"$log" 2>&1 </dev/null || status=$?
    grep -A 12 '^not ok ' "$log"
    sums=$(sed -n -E 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped\r?$/\1 \2 \3/p' "$log" | tail -n 1)
    read -r good bad left <<<"${sums:-0 0 0}"
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        tail -n 5 "$log"
        echo "$name ended with $status: $log"
    fi
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
    echo "== $name, $runtime: of the cases $good passed, $bad failed in $((SECONDS - began)) s"
}

v1="integration/vm/host-root.sh --cgroup v1"
v2="integration/vm/host-root.sh --cgroup v2"
uml="integration/vm/machine.sh --accel uml --init systemd --timeout 2900"
tcg="integration/vm/machine.sh --accel tcg --init systemd --timeout 2900"
all="task runtime stdio restart runtimes"
# shellcheck disable=SC2086 # commands
{
    # runc 1.3 and crun 1.28, then crun 1.21; v2 and v1 alone.
    within sid-v2 sid runc runtimes $v2
    within trixie-v1 trixie crun task $v1
    # All controllers, and systemd as the driver of cgroups.
    within sid-systemd sid runc cgroups $uml
    if [ -z "$short" ]; then
        for runtime in runc crun; do
            within "sid-v1-$runtime" sid "$runtime" "$all" $v1
            within "sid-v2-$runtime" sid "$runtime" "$all" $v2
        done
        within trixie-v2-crun trixie crun "$all" $v2
        within bookworm-v1-crun bookworm crun "$all" $v1
        within sid-runtimes sid runc "runtimes stats resources" $uml
        within trixie-systemd trixie runc cgroups $tcg
    fi
}
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
