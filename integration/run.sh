#!/bin/bash
# Runs the integration suite, as root: run.sh [--build embedded|ordinary|both|go] [FILE...]
#
# FILE is a case file with or without .bats. `both` (the default) runs everything against the two
# builds of the shim; `go` runs it against Debian's Go shim, to see which cases tell the two apart.
# The last line is `N passed, N failed, N skipped`; the exit status is 0 if nothing failed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build=both
if [ "${1:-}" = --build ]; then
    build=${2:-}
    shift 2
fi
case $build in
both) builds="embedded ordinary" ;;
embedded | ordinary | go) builds=$build ;;
*)
    sed -n '2s/^# //p' "$0" >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || { echo "must be run as root" >&2 && exit 2; }
PATH=$PATH:/usr/sbin:/sbin
"$here/install.sh" || exit 2

files=()
for file in "$@"; do
    file=$here/$(basename "$file" .bats).bats
    [ -e "$file" ] || { echo "no such case file: $file" >&2 && exit 2; }
    files+=("$file")
done
[ ${#files[@]} -gt 0 ] || files=("$here"/*.bats)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

# shim BUILD: sets what the cases run against.
shim() {
    export SHIM_BUILD=$1 SHIM_RUNTIME=io.containerd.swiftrunc.v2
    case $1 in
    embedded) export SHIM_BINARY=$root/bin/containerd-shim-swiftrunc-v2 ;;
    ordinary) export SHIM_BINARY=$root/bin/ordinary/containerd-shim-swiftrunc-v2 ;;
    go)
        export SHIM_RUNTIME=io.containerd.runc.v2
        SHIM_BINARY=$(command -v containerd-shim-runc-v2)
        export SHIM_BINARY
        ;;
    esac
    [ -x "$SHIM_BINARY" ] || { echo "not built: $SHIM_BINARY" >&2 && return 1; }
}

for one in $builds; do
    shim "$one" || { failed=$((failed + 1)) && continue; }
    for file in "${files[@]}"; do
        echo "# $one: $(basename "$file" .bats)"
        timeout --foreground -k 60 600 bats --tap "$file" | tee "$log"
        status=${PIPESTATUS[0]}
        good=$(grep -c '^ok ' "$log")
        bad=$(grep -c '^not ok ' "$log")
        skip=$(grep -c '^ok .* # skip' "$log")
        # A file that could not be set up, was left dirty, or did not come to its end.
        if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
        passed=$((passed + good - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
    done
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
