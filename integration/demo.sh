#!/bin/bash
# A container under swiftrunc, from start to end, told as it goes; the last step looks for traces.
# The shim must be built. Ends with 0 only if everything was right.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo "must be run as root" >&2 && exit 2; }
"$here/install.sh"
# shellcheck source=lib.bash
source "$here/lib.bash"
[ -x "$SHIM_BINARY" ] || { echo "not built: $SHIM_BINARY" >&2 && exit 2; }

bold='' dim='' green='' red='' plain=''
if [ -t 1 ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }
show() { sed "s/^/  ${dim}|${plain} /"; }
command_line() { printf '  %s$ %s%s\n' "$dim" "$*" "$plain"; }
right() { printf '  %sok%s  %s\n' "$green" "$plain" "$*"; }
wrong() {
    printf '  %swrong%s  %s\n' "$red" "$plain" "$*" >&2
    exit 1
}

# expect WHAT EXPECTED ACTUAL
expect() {
    [ "$2" = "$3" ] || wrong "$1: expected '$2', got '$3'"
    right "$1"
}

# shellcheck disable=SC2317 # the trap's
clean() {
    local status=$?
    trap - EXIT
    set +e
    title "Cleaning up"
    if [ -e "$DIR/containerd.pid" ]; then remove_all; fi
    stop_containerd
    stop_jobs
    if leftovers; then
        rm -rf --one-file-system "$DIR"
    else
        status=1
    fi
    if [ -e "$DIR" ] || [ -e "$DIR/containerd.pid" ]; then status=1; fi
    if [ "$status" = 0 ]; then
        right "no process, no mount, no cgroup, no socket, no file is left"
        printf '\n%sThe demo ended well.%s\n' "$bold" "$plain"
    else
        printf '\n%sThe demo failed.%s\n' "$red" "$plain" >&2
    fi
    exit "$status"
}

printf '%sswiftrunc: a containerd shim in Swift%s\n' "$bold" "$plain"
say "shim     $SHIM_BINARY, $(du -k --apparent-size "$SHIM_BINARY" | cut -f1) KiB"
say "daemon   $(containerd --version | awk '{ print $1, $3 }')"
say "runtime  $(runc --version | head -1)"

title "1  A containerd of our own"
trap clean EXIT
setup_suite_file
say "root, state and socket below $DIR, namespace $NS"
say "a root file system of busybox: $(find "$ROOTFS/bin" -type l | wc -l) commands, $(du -sk "$ROOTFS" | cut -f1) KiB"
events_start

title "2  A container that prints"
command_line "ctr run --rm --runtime $SHIM_RUNTIME --rootfs rootfs hello sh -c '…'"
script='echo "hello from pid $$ of $(hostname)"; uname -sm; exec sleep 1000'
note_words hello
background output ctr run --rm --runtime "$SHIM_RUNTIME" --fifo-dir "$DIR/fifo" --env PATH=/bin --rootfs "$ROOTFS" \
    hello sh -c "$script"
wait_until grep -q Linux "$DIR/jobs/output"
show <"$DIR/jobs/output"
expect "its output came through the shim" "hello from pid 1" "$(head -1 "$DIR/jobs/output" | cut -d' ' -f1-4)"
shim=$(shim_pid hello)
init=$(task_pid hello)
say "the shim is process $shim, the container's init is $init, a child of the shim"
expect "init's parent is the shim" "$shim" "$(awk '$1 == "PPid:" { print $2 }' "/proc/$init/status")"
command_line "ctr task ls"
ctr task ls | show

title "3  A second process in it"
command_line "ctr task exec --exec-id look hello sh -c 'ps -o pid,args; exit 3'"
status=0
ctr task exec --fifo-dir "$DIR/fifo" --exec-id look hello sh -c 'ps -o pid,args; exit 3' </dev/null >"$CASE/exec" || status=$?
show <"$CASE/exec"
grep -q "1 sleep 1000" "$CASE/exec" || wrong "the exec does not see the container's init"
right "it sees the container's processes"
expect "its exit status came back" 3 "$status"

title "4  What the shim costs"
ctr run -d --null-io --runtime "$PEER_RUNTIME" --env PATH=/bin --rootfs "$ROOTFS" peer sleep 1000
go=$(shim_pid peer)
[[ $(readlink "/proc/$go/exe") == "$PEER_BINARY" ]] || wrong "$go is not Debian's Go shim"
ctr task exec --fifo-dir "$DIR/fifo" --exec-id look peer true </dev/null
say "the same container under Debian's Go shim, each after one exec:"
{
    printf '%-28s %14s %8s\n' "" "private dirty" threads
    for pid in "$shim" "$go"; do
        printf '%-28s %10s KiB %8s\n' "$(basename "$(readlink "/proc/$pid/exe")")" \
            "$(memory "$pid" Private_Dirty)" "$(awk '$1 == "Threads:" { print $2 }' "/proc/$pid/status")"
    done
} | show
budget "$shim" || wrong "above the promise of $BUDGET_DIRTY_KIB KiB and one thread"
right "below the promise of $BUDGET_DIRTY_KIB KiB, with one thread"

title "5  Its end"
command_line "ctr task kill -s KILL hello"
ctr task kill -s KILL hello
wait_until gone "$(cat "$DIR/jobs/output.pid")"
say "ctr, which had waited for it, deleted the task"
wait_until gone "$shim"
expect "the shim ended after its last task" "" "$(shim_pid hello || :)"
[ ! -e "$(socket_of hello)" ] || wrong "its socket is left"
right "and took its socket with it"

title "6  What containerd was told, in order"
wait_event hello delete
events hello | sed -E 's/"container_id":"hello",?//; s|"bundle":"[^"]*",?||; s/"io":\{[^}]*\},?//' | show
expect "every event came, in order" "create start exec-added exec-started exit exit delete " "$(topics hello)"
