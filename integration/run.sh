#!/bin/bash
# run.sh [--build embedded|ordinary|both|go] [--containerd 1.6|1.7|2.1|all] [--jobs N] [--tag TAG] [FILE...]
#
# Runs the integration suite, as root. FILE is a case file with or without .bats. `both` (the default)
# runs everything against the two builds of the shim; `go` runs it against the Go shim of the same
# containerd, to see which cases tell the two apart. `all` (the default) runs it under each containerd;
# those that this system does not have are fetched by packages.sh. N files run at a time (2). TAG: only cases that have it;
# `core` is a small choice of all files, for machines that are slow.
#
# A build and a containerd make one pass. A case's tags say in which passes it runs:
#   direct           it speaks to the shim itself: once for each build, in the first pass
#   once             it brings the daemons it needs: likewise
#   containerd:2-1   only under that containerd, or under each of those that are named so
#   machine          only in the machines of vm/
#   no tag           under each containerd
# The last line is `N passed, N failed, N skipped`; the exit status is 0 if nothing failed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
known="1.6 1.7 2.1"
build=both daemons=all jobs=2 tag=

usage() {
    sed -n '2s/^# //p' "$0" >&2
    exit 2
}

while [[ ${1:-} == --* ]]; do
    case $1 in
    --build) build=${2:-} ;;
    --containerd) daemons=${2:-} ;;
    --jobs) jobs=${2:-} ;;
    --tag) tag=${2:-} ;;
    *) usage ;;
    esac
    shift 2 || usage
done
case $build in
both) builds="embedded ordinary" ;;
embedded | ordinary | go) builds=$build ;;
*) usage ;;
esac
[ "$daemons" != all ] || daemons=$known
[[ " $known " == *" $daemons "* || $daemons == "$known" ]] || usage
[[ $jobs =~ ^[1-9][0-9]*$ ]] || usage
[ "$(id -u)" = 0 ] || { echo "must be run as root" >&2 && exit 2; }
PATH=$PATH:/usr/sbin:/sbin
"$here/install.sh" || exit 2

files=() named=${1:-}
for file in "$@"; do
    file=$here/$(basename "$file" .bats).bats
    [ -e "$file" ] || { echo "no such case file: $file" >&2 && exit 2; }
    files+=("$file")
done
[ ${#files[@]} -gt 0 ] || files=("$here"/*.bats)
# The longest first, so that no long one is left alone at the end.
mapfile -t files < <(ls -S "${files[@]}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046 # a list
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 143' TERM INT
passed=0 failed=0 skipped=0

# shim BUILD DAEMON: sets what the cases run against.
shim() {
    export SHIM_BUILD=$1 SHIM_RUNTIME=io.containerd.swiftrunc.v2 DAEMON=$2
    local bin
    # A subshell, as the library is for cases: here it only says where the daemon is, and fetches it.
    # shellcheck source=lib.bash
    bin=$(source "$here/lib.bash" && daemon_bin "$2") || { echo "no containerd $2" >&2 && return 1; }
    case $1 in
    embedded) export SHIM_BINARY=$root/bin/containerd-shim-swiftrunc-v2 ;;
    ordinary) export SHIM_BINARY=$root/bin/ordinary/containerd-shim-swiftrunc-v2 ;;
    go) export SHIM_RUNTIME=io.containerd.runc.v2 SHIM_BINARY=$bin/containerd-shim-runc-v2 ;;
    esac
    [ -x "$SHIM_BINARY" ] || { echo "not built: $SHIM_BINARY" >&2 && return 1; }
    echo "## $1, $("$bin/containerd" --version | awk '{ print $1, $3 }')"
}

# filters DAEMON FIRST: the tags of the cases of this pass, in $filter.
filters() {
    local never='' others=''
    # What needs a kernel or an init of its own, and Docker 20.10, which is for who names the file.
    [ -n "${SWIFTRUNC_PREBUILT:-}" ] || never+=',!machine'
    [ "$1 $named" != "1.6 " ] || never+=',!docker'
    never+=${tag:+,$tag}
    [ "$2" = 1 ] || others=',!direct,!once'
    # shellcheck disable=SC2086 # a list
    others+=$(printf ',!containerd:%s' $known)
    others=${others#,}$never
    filter=(--filter-tags "${others//./-}" --filter-tags "containerd:${1//./-}$never")
}

# one FILE: its cases; what they said and how they ended is in $work.
one() {
    local name=$work/${1##*/} begin=$SECONDS
    # The machines of vm/ are slow, some of them very.
    timeout --foreground -k 60 "$((${SWIFTRUNC_PREBUILT:+9 * }800))" bats --tap "${filter[@]}" "$1" >"$name.tap" 2>&1 </dev/null &
    # shellcheck disable=SC2064 # this one's
    trap "kill $!" TERM
    wait $!
    echo "$? $((SECONDS - begin))" >"$name.status"
    mv "$name.status" "$name.end"
}

# tell FILE: shows a file that has ended, and counts.
tell() {
    local name=$work/${1##*/} status seconds good bad skip
    read -r status seconds <"$name.end"
    good=$(grep -c '^ok ' "$name.tap")
    bad=$(grep -c '^not ok ' "$name.tap")
    skip=$(grep -c '^ok .* # skip' "$name.tap")
    # A file that could not be set up, was left dirty, or did not come to its end.
    if [ "${status:-1}" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    told=$((told + 1))
    passed=$((passed + good - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
    if [ $((good + bad)) -gt 0 ]; then
        echo "# $SHIM_BUILD, containerd $DAEMON: $(basename "$1" .bats), $seconds s"
        cat "$name.tap"
    fi
    rm -f "$name".*
}

# pass: every file, $jobs at a time, each told when it has ended.
pass() {
    local begin=$SECONDS file running=0 told=0
    for file in "${files[@]}"; do
        if [ "$running" -ge "$jobs" ]; then
            wait -n
            running=$((running - 1))
            ended
        fi
        one "$file" &
        running=$((running + 1))
    done
    wait
    ended
    if [ "$told" -ne ${#files[@]} ]; then
        failed=$((failed + ${#files[@]} - told))
        echo "of ${#files[@]} files $told said how they ended"
    fi
    echo "## $SHIM_BUILD, containerd $DAEMON: $((SECONDS - begin)) s"
}

ended() {
    local end
    for end in "$work"/*.end; do
        if [ -e "$end" ]; then tell "${end%.end}"; fi
    done
}

for kind in $builds; do
    first=1
    for daemon in $daemons; do
        shim "$kind" "$daemon" || { failed=$((failed + 1)) && continue; }
        filters "$daemon" "$first"
        pass
        first=0
    done
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
