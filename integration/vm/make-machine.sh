#!/bin/bash
# Makes what a machine of a Debian suite boots from: make-machine.sh bookworm|trixie|sid
#
# Prints the directory, .cache/vm/SUITE/machine:
#
#   disk      ext4: the suite's files, the kernels' modules, and how guest.sh is started
#   vmlinuz   Debian's kernel for clouds, for QEMU
#   initrd    busybox, and what that kernel needs to find the disk
#   uml       Debian's user-mode-linux
#
# It is made once for each root and content of this script.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
base=$("$here/make-root.sh" "${1:-}")
out=$base/machine

stamp=$(cat "$0" "$base/stamp" | sha256sum)
exec 9>"$base/lock"
flock 9
if [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; then
    echo "$out"
    exit 0
fi
command -v mke2fs >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends e2fsprogs >/dev/null
}
echo "making the machine of $1: $out" >&2
work=$out
if [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt 3000000 ]; then work=/dev/shm; fi
rm -rf "$out"
mkdir "$out"
work=$(mktemp -d "$work/swiftrunc-machine.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
cp -a "$base/root" "$root"

# kernels -------------------------------------------------------------------------------------------

mkdir "$work/pc" "$work/uml"
for package in "$base"/kernels/*.deb; do
    case ${package##*/} in
    user-mode-linux_*) dpkg-deb -x "$package" "$work/uml" ;;
    *) dpkg-deb -x "$package" "$work/pc" ;;
    esac
done
cp "$work/uml/usr/bin/linux.uml" "$out/uml"
mkdir -p "$root/usr/lib/modules"
cp -a "$work"/uml/usr/lib/uml/modules/* "$root/usr/lib/modules/"
# From trixie on /lib is no directory of a package, and the image may lie beside its modules.
modules=$(find "$work/pc" -path '*/lib/modules/*' -prune -type d -print -quit)
kernel=${modules##*/}
image=$(find "$work/pc" -name "vmlinuz*" -type f -print -quit)
cp "$image" "$out/vmlinuz"
rm -f "$modules/vmlinuz"
cp -a "$modules" "$root/usr/lib/modules/"
for modules in "$root"/usr/lib/modules/*; do chroot "$root" depmod "${modules##*/}"; done

# initrd --------------------------------------------------------------------------------------------

mkdir -p "$work/initrd/bin" "$work/initrd/dev" "$work/initrd/root" "$work/initrd/modules"
cp "$root/bin/busybox" "$work/initrd/bin/"
for module in virtio_pci virtio_blk ext4 virtio_console; do
    chroot "$root" modprobe -S "$kernel" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' >"$work/modules"
while read -r path; do
    name=${path##*/}
    name=${name%.xz} name=${name%.zst}
    case $path in
    *.xz) "$root/bin/busybox" xzcat "$root$path" >"$work/initrd/modules/$name" ;;
    # Only a newer kmod packs so, and there the kernel unpacks.
    *) cp "$root$path" "$work/initrd/modules/${path##*/}" && name=${path##*/} ;;
    esac
    echo "$name" >>"$work/initrd/modules/order"
done <"$work/modules"
cat >"$work/initrd/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
while read -r name; do /bin/busybox insmod "/modules/$name"; done </modules/order
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 500 ]; do
    /bin/busybox usleep 20000
    tries=$((tries + 1))
done
/bin/busybox mount -t ext4 -o noatime /dev/vda /root || exec /bin/busybox poweroff -f
/bin/busybox mount -o move /dev /root/dev
# The command line's `init=` is for this script's successor: the kernel passes it on as a variable.
exec /bin/busybox switch_root /root "${machine_init:-/sbin/init}"
INIT
chmod +x "$work/initrd/init"
(cd "$work/initrd" && find . | "$root/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$out/initrd"

# the suite's files as a machine's ---------------------------------------------------------------------

echo machine >"$root/etc/hostname"
echo '127.0.0.1 localhost machine' >"$root/etc/hosts"
: >"$root/etc/fstab"
: >"$root/etc/resolv.conf"
sha256sum <<<machine | cut -c 1-32 >"$root/etc/machine-id"
mkdir "$root/swiftrunc"
cat >"$root/usr/local/sbin/guest" <<'GUEST'
#!/bin/sh
# The second disk has the project and guest.sh.
for disk in /dev/vdb /dev/ubdb; do
    [ ! -b $disk ] || mount -o ro,noload $disk /swiftrunc
done
exec /swiftrunc/integration/vm/guest.sh
GUEST
chmod +x "$root/usr/local/sbin/guest"
cat >"$root/etc/systemd/system/guest.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=dbus.service
After=sysinit.target dbus.service
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/guest
TimeoutStartSec=infinity
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
UNIT
cat >"$root/etc/systemd/system/machine.target" <<'UNIT'
[Unit]
Requires=sysinit.target
Wants=guest.service dbus.service
After=sysinit.target
AllowIsolate=yes
UNIT
ln -sf machine.target "$root/etc/systemd/system/default.target"
# What a machine that lives for a minute does not wait for.
for unit in systemd-udev-trigger systemd-udev-settle systemd-hwdb-update systemd-firstboot \
    systemd-update-done systemd-journal-flush systemd-pcrphase-sysinit systemd-pcrphase \
    systemd-machine-id-commit systemd-random-seed systemd-binfmt systemd-pstore systemd-battery-check \
    ldconfig systemd-tpm2-setup systemd-tpm2-setup-early systemd-modules-load; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done
for unit in proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/systemd/system.conf.d"
printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/machine.conf"
printf '[Manager]\nDefaultTimeoutStopSec=5s\n' >"$root/etc/systemd/system.conf.d/machine.conf"

truncate -s 4G "$out/disk"
mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -m 0 -E lazy_itable_init=1,nodiscard -d "$root" "$out/disk"
echo "$stamp" >"$out/stamp"
echo "$out"
