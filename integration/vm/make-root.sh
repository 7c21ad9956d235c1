#!/bin/bash
# Makes the userland of a Debian suite for the throw-away machines: make-root.sh bookworm|trixie|sid
#
# Prints the directory, .cache/vm/SUITE, which then has `root` (the files), `packages` (what is in
# it) and `kernels` (the packages of the machines' kernels, for machine.sh). It is made once for each
# content of this script. What is downloaded comes from the archive that this machine's apt uses.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
suite=${1:-}
case $suite in
bookworm | trixie | sid) ;;
*)
    sed -n '2s/^# //p' "$0" >&2
    exit 2
    ;;
esac
out=$(dirname "$(dirname "$here")")/.cache/vm/$suite

# What the suite and its runtimes need, and what makes a chroot a machine.
packages="containerd runc crun criu bats busybox-static strace python3 procps util-linux
systemd-sysv dbus udev kmod mount iproute2 iptables
python3-grpcio python3-protobuf protobuf-compiler containernetworking-plugins nginx"
# The others' Docker is an earlier one.
[ "$suite" != sid ] || packages="$packages docker.io docker-cli tini-static"

stamp=$(cat "$0" - <<<"$suite" | sha256sum)
mkdir -p "$out"
# Two that ask at once: the second waits for the first.
exec 9>"$out/lock"
flock 9
if [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; then
    echo "$out"
    exit 0
fi

missing=
command -v mmdebstrap >/dev/null || missing="$missing mmdebstrap"
export DEBIAN_FRONTEND=noninteractive
# It lists nothing before the first update.
if [ -n "$missing" ] || [ -z "$(apt-get indextargets 'Created-By: Packages')" ]; then apt-get update -qq; fi
# shellcheck disable=SC2086 # a list of package names
[ -z "$missing" ] || apt-get install -y -qq --no-install-recommends $missing >/dev/null

# archive RELEASE: where this machine gets that release from.
archive() {
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$1" '$1 == release { print $2; exit }'
}
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
main=$(archive "$codename")
security=$(archive "$codename-security")
[ -n "$main" ] || { echo "no $codename in this machine's apt sources" >&2 && exit 1; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
sources() {
    echo "deb [signed-by=$keys] $main $suite main"
    if [ "$suite" != sid ] && [ -n "$security" ]; then
        echo "deb [signed-by=$keys] $security $suite-security main"
    fi
}

# How it is reached (a proxy), and whether it may be old, is as this machine's apt has it too.
apt-config dump | grep -E '^Acquire::(Check-|http)' >"$out/apt.conf" || :

# The kernels are downloaded with the new root's own apt, and only unpacked.
cat >"$out/kernels.sh" <<'HOOK'
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache depends --no-recommends --no-suggests linux-image-cloud-amd64 |
    sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
names=user-mode-linux
# In newer suites the image and its modules are packages of their own.
for name in "$kernel" "linux-base-${kernel#linux-image-}" "linux-binary-${kernel#linux-image-}" "linux-modules-${kernel#linux-image-}"; do
    if apt-cache show --no-all-versions "$name" >/dev/null 2>&1; then names="$names $name"; fi
done
mkdir "$1/kernels"
cd "$1/kernels"
# shellcheck disable=SC2086
apt-get -q -o APT::Sandbox::User=root download $names
HOOK

echo "making the root of $suite: $out" >&2
rm -rf --one-file-system "$out/root" "$out/kernels" "$out/machine" "$out/stamp"
# dpkg waits for the disk after each file; in memory that costs nothing.
work=$out
if [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt 3000000 ]; then work=/dev/shm; fi
work=$(mktemp -d "$work/swiftrunc-root.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
chmod 755 "$work"
sources | mmdebstrap --verbose --mode=root --variant=minbase --format=directory \
    --include="$(tr -s ' \n' , <<<"$packages")" \
    --aptopt="$out/apt.conf" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="sh '$out/kernels.sh' \"\$1\"" \
    "$suite" "$work/root" - >"$out/log" 2>&1 9>&- || {
    tail -n 20 "$out/log" >&2
    exit 1
}
mv "$work/root/kernels" "$out/kernels"
# Nothing in it says where it came from, and nothing starts by itself.
rm -f "$work"/root/etc/apt/sources.list "$work"/root/etc/apt/sources.list.d/*
rm -rf "$work"/root/var/lib/apt/lists "$work"/root/var/cache/apt
rm -f "$work"/root/etc/systemd/system/*.wants/{containerd,nginx}.service
chroot "$work/root" dpkg-query -W -f '${Package} ${Version}\n' >"$out/packages"
cp -a "$work/root" "$out/root"
echo "$stamp" >"$out/stamp"
grep -E '^(containerd|runc|crun|criu|systemd|bats) ' "$out/packages" >&2
echo "$out"
