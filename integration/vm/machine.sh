#!/bin/bash
# Runs a command as root in a throw-away machine with cgroup v2 and all its controllers:
# machine.sh [--suite S] [--accel uml|tcg] [--init systemd|none] [--memory MB] [--timeout S] -- COMMAND...
#
#   --suite    bookworm, trixie (default) or sid: its files and its kernels
#   --accel    uml  user-mode-linux (default): up in 2 s; one CPU, native speed but for system calls;
#                   no cpuset, hugetlb, pressure, criu
#              tcg  QEMU without KVM: everything, 15 to 20 times slower
#   --init     none (default): the command is all that runs; systemd: it is a service
#   --timeout  seconds (600) until the machine is ended; the status is 124 then
#
# The tree of the project is at /swiftrunc there, for reading, as it was at the start. There is no
# network. What is written is gone with the machine. The command's output is ours, its status too;
# 125 says that the machine went down before the command.
# shellcheck disable=SC2317 # the functions are the trap's, or named by --accel
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$(dirname "$here")")
suite=trixie accel=uml init=none memory=2048 timeout=600
while [ $# -gt 0 ]; do
    case $1 in
    --suite) suite=$2 && shift 2 ;;
    --accel) accel=$2 && shift 2 ;;
    --init) init=$2 && shift 2 ;;
    --memory) memory=$2 && shift 2 ;;
    --timeout) timeout=$2 && shift 2 ;;
    --) shift && break ;;
    *) break ;;
    esac
done
case $#:$accel:$init in
[1-9]*:uml:none | [1-9]*:tcg:none | [1-9]*:uml:systemd | [1-9]*:tcg:systemd) ;;
*) sed -n '3s/^# //p' "$0" >&2 && exit 2 ;;
esac
machine=$("$here/make-machine.sh" "$suite")

work=$(mktemp -d "$tree/.cache/vm/run.XXXXXX")
pid=
finish() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || :
        wait "$pid" || :
    fi
    rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# The second disk: the project, and the command.
mkdir -p "$work/project/bin"
cp -a "$tree/integration" "$tree/docs" "$work/project/"
cp -a "$tree/bin" "$work/project/" 2>/dev/null || :
{
    for name in SHIM_RUNC SHIM_BINARY SHIM_BUILD SHIM_DRIVER "${!OOM_@}"; do
        if [ -n "${!name:-}" ]; then printf 'export %s=%q\n' "$name" "${!name}"; fi
    done
    printf 'exec'
    printf ' %q' "$@"
    echo
} >"$work/project/command"
truncate -s 64M "$work/disk"
mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -m 0 -d "$work/project" "$work/disk"

program=/usr/local/sbin/guest
if [ "$init" = systemd ]; then program=/sbin/init; fi
words="panic=-1 quiet audit=0 apparmor=0 systemd.unified_cgroup_hierarchy=1 systemd.show_status=0"

# QEMU, with the machine's output in a fifo: it would open a file that is our output a second time. It writes to no
# disk, so that it need not mind the lock of a user-mode-linux with the same one.
tcg() {
    exec timeout -k 5 "$timeout" qemu-system-x86_64 -accel tcg,thread=multi,tb-size=512 -cpu max,-la57 \
        -M q35 -smp 2 -m "$memory" -nodefaults -no-user-config -no-reboot -display none -monitor none -net none \
        -kernel "$machine/vmlinuz" -initrd "$machine/initrd" \
        -append "$words console=ttyS0 machine_init=$program machine_out=/dev/vport0p1 machine_status=/dev/vport0p2" \
        -drive "file=$machine/disk,format=raw,if=virtio,snapshot=on,cache=unsafe,file.locking=off" \
        -drive "file=$work/disk,format=raw,if=virtio,snapshot=on,cache=unsafe,file.locking=off" \
        -serial "file:$work/console" -device virtio-serial-pci -device virtio-rng-pci \
        -chardev "file,id=out,path=$work/out" -device virtserialport,chardev=out,nr=1 \
        -chardev "file,id=status,path=$work/status" -device virtserialport,chardev=status,nr=2 \
        </dev/null 2>"$work/qemu" 4>&-
}

# user-mode-linux, with the suite's own C library: it runs in the suite's files.
uml() {
    # shellcheck disable=SC2016,SC2086 # expanded inside; a list of words
    exec timeout -k 5 "$timeout" unshare --mount --pid --fork --kill-child --propagation private sh -euc '
        root=$1 machine=$2 work=$3
        shift 3
        mount --bind "$root" "$root"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs mnt "$root/mnt"
        mkdir "$root/mnt/machine" "$root/mnt/work"
        mount --bind "$machine" "$root/mnt/machine"
        mount --bind "$work" "$root/mnt/work"
        mount -t tmpfs -o exec tmp "$root/tmp"
        mount -t proc proc "$root/proc"
        exec env -i PATH="$PATH" HOME=/tmp TMPDIR=/tmp chroot "$root" /mnt/machine/uml "$@"
        ' sh "$(dirname "$machine")/root" "$machine" "$work" \
        "mem=${memory}M" seccomp=auto ubd0=/mnt/work/changes,/mnt/machine/disk ubd1r=/mnt/work/disk \
        root=/dev/ubda rw "init=$program" con0=null,fd:2 con1=null,fd:1 con2=null,fd:3 con=null ssl=null \
        $words machine_out=/dev/tty1 machine_status=/dev/tty2 </dev/null 2>"$work/console" 3>"$work/status" 4>&-
}

if [ "$accel" = tcg ] && ! command -v qemu-system-x86_64 >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-system-x86 >/dev/null
fi
mkfifo "$work/out"
exec 4<>"$work/out"
cat "$work/out" 4>&- &
reader=$!
"$accel" &
pid=$!
ended=0
wait "$pid" || ended=$?
pid=
# Nobody writes any more: the reader comes to its end.
exec 4>&-
wait "$reader"
status=$(tr -dc '0-9' 2>/dev/null <"$work/status") || :
if [ -n "$status" ]; then exit "$status"; fi
if [ "$ended" = 124 ]; then
    echo "no end after $timeout s" >&2
else
    echo "the machine went down with $ended before the command ended:" >&2
    ended=125
fi
tail -n 15 "$work/console" "$work/qemu" >&2 2>/dev/null || :
exit "$ended"
