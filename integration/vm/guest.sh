#!/bin/sh
# What a machine does: as systemd's service or, with `--init none`, as process 1. Runs the command,
# sends its output and its status to the host, and turns the machine off. The command line names the
# devices: machine_out=DEVICE machine_status=DEVICE.
PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 SWIFTRUNC_PREBUILT=1
export PATH HOME LC_ALL SWIFTRUNC_PREBUILT

if [ $$ = 1 ]; then
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t devtmpfs dev /dev 2>/dev/null
    mkdir -p /dev/pts /dev/shm
    ln -sfT /proc/self/fd /dev/fd
    mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
    mount -t tmpfs shm /dev/shm
    mount -t tmpfs -o mode=755 run /run
    mount -t tmpfs tmp /tmp
    mount -t cgroup2 cgroup /sys/fs/cgroup
    # All controllers for everybody, as systemd leaves it.
    mkdir /sys/fs/cgroup/init
    echo 1 >/sys/fs/cgroup/init/cgroup.procs
    # shellcheck disable=SC2013 # words
    for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
        echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
    done
    ip link set lo up
    hostname machine
fi
modprobe -a overlay 2>/dev/null
# shellcheck disable=SC2013 # words
for word in $(cat /proc/cmdline); do
    case $word in
    machine_out=*) out=${word#*=} ;;
    machine_status=*) status=${word#*=} ;;
    esac
done
tries=0
while [ ! -e "$status" ] && [ $tries -lt 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
# A terminal of user-mode-linux shall change nothing.
for device in "$out" "$status"; do
    case $device in
    /dev/tty*) stty raw -echo <"$device" ;;
    esac
done
cd /swiftrunc || exit
sh /swiftrunc/command >"$out" 2>&1 </dev/null
echo $? >"$status"
# The terminal's bytes are on their way until it is drained.
for device in "$out" "$status"; do
    case $device in
    /dev/tty*) stty cooked <"$device" ;;
    esac
done
if [ $$ = 1 ]; then exec busybox poweroff -f; else exec systemctl poweroff -ff; fi
