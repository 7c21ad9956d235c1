#!/bin/bash
# Runs a command on this kernel with another suite's files:
# host-root.sh [--suite S] [--cgroup v1|v2|host] -- COMMAND [ARG...]
#
#   --suite   bookworm, trixie (default) or sid
#   --cgroup  what is at /sys/fs/cgroup.
#             v1    the kernel's v1 hierarchies, without a v2 one beside them
#             v2    cgroup v2 alone (default). Its controllers are those that this machine leaves to
#                   it, on a hybrid one none: freeze, kill and cpu.stat work, limits do not
#             host  as it is
#
# The tree of the project is at /swiftrunc there, for reading. Namespaces of its own hide all that is
# mounted, and end all that is started; what is written is in memory and gone with them.
# shellcheck disable=SC2317 # the functions are the trap's
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$(dirname "$here")")
suite=trixie cgroup=v2
while [ $# -gt 0 ]; do
    case $1 in
    --suite) suite=$2 && shift 2 ;;
    --cgroup) cgroup=$2 && shift 2 ;;
    --) shift && break ;;
    *) break ;;
    esac
done
case $#:$cgroup in
[1-9]*:v1 | [1-9]*:v2 | [1-9]*:host) ;;
*) sed -n '3s/^# //p' "$0" >&2 && exit 2 ;;
esac
root=$("$here/make-root.sh" "$suite")/root

work=$(mktemp -d /run/host-root.XXXXXX)
group=
# end_group: the processes of the cgroup end with their pid namespace; then it can go.
end_group() {
    for _ in $(seq 50); do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
        [ -d "$group" ] || return 0
        echo 1 >"$group/cgroup.kill"
        sleep 0.1
    done
    echo "left: cgroup $group" >&2
}
finish() {
    [ -z "$group" ] || end_group
    rm -rf --one-file-system "$work"
}
trap finish EXIT

namespaces=(--mount --pid --fork --kill-child --ipc --uts --propagation private)
if [ "$cgroup" = v2 ]; then
    unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
    [ -n "$unified" ] || { echo "no cgroup v2 is mounted" >&2 && exit 1; }
    group=$unified/${work##*/}
    mkdir "$group"
    namespaces+=(--cgroup)
fi

# What is done inside the namespaces, before the command: $root $tree $work $cgroup COMMAND...
cat >"$work/inside" <<'INSIDE'
set -eu
root=$1 tree=$2 work=$3 cgroup=$4
shift 4
mount -t tmpfs -o mode=755 upper "$work"
mkdir "$work/upper" "$work/work" "$work/new"
new=$work/new
mount -t overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" root "$new"
mount -t proc proc "$new/proc"
mount -t sysfs sys "$new/sys"
mount --rbind /dev "$new/dev"
mount -t tmpfs -o mode=755 run "$new/run"
# An overlay is no place for the layers of another.
mkdir -p "$new/var/lib/containerd" "$new/swiftrunc"
mount -t tmpfs containerd "$new/var/lib/containerd"
mount --bind "$tree" "$new/swiftrunc"
mount -o remount,bind,ro "$new/swiftrunc"
case $cgroup in
v2) mount -t cgroup2 cgroup "$new/sys/fs/cgroup" ;;
host) mount --rbind /sys/fs/cgroup "$new/sys/fs/cgroup" ;;
v1)
    mount -t tmpfs -o mode=755 cgroup "$new/sys/fs/cgroup"
    awk '$3 == "cgroup" { print $2 }' /proc/self/mounts | grep '^/sys/fs/cgroup/' | while read -r path; do
        mkdir -p "$new$path"
        mount --bind "$path" "$new$path"
    done
    mount -o remount,ro,mode=755 cgroup "$new/sys/fs/cgroup"
    ;;
esac
# A root that can be pivoted away from, as runtimes do.
cd "$new"
mkdir -p old
pivot_root . old
umount -l /old
rmdir /old
cd /swiftrunc
# Not instead of this shell: as process 1 it reaps what the command leaves.
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@" &
wait $! && exit 0 || exit $?
INSIDE

kept=()
for name in SHIM_RUNC SHIM_BINARY SHIM_BUILD; do
    if [ -n "${!name:-}" ]; then kept+=("$name=${!name}"); fi
done
status=0
(
    [ -z "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare "${namespaces[@]}" sh "$work/inside" "$root" "$tree" "$work" "$cgroup" \
        SWIFTRUNC_PREBUILT=1 "${kept[@]}" "$@"
) || status=$?
exit "$status"
