#!/bin/sh
# install.sh [build]: installs, by apt, what the build, the suite and the demo need, or what the build alone does. Silent
# when nothing is missing. The Swift toolchain is not Debian's: README.md says which.
set -eu

# In a throw-away machine (vm/) nothing is built, and what it has is what there is.
[ -z "${SWIFTRUNC_PREBUILT:-}" ] || exit 0

command -v swift >/dev/null || { echo "no swift in PATH: see README.md" >&2 && exit 1; }
missing=
# Libraries, by their pkg-config names; pkg-config itself comes first.
if command -v pkg-config >/dev/null; then
    for need in libprotobuf-c:libprotobuf-c-dev json-c:libjson-c-dev libcap:libcap-dev libmd:libmd-dev libseccomp:libseccomp-dev; do
        pkg-config --exists "${need%%:*}" || missing="$missing ${need##*:}"
    done
else
    missing="$missing pkg-config libprotobuf-c-dev libjson-c-dev libcap-dev libmd-dev libseccomp-dev"
fi
ls /usr/lib/gcc/*/*/libstdc++.a >/dev/null 2>&1 || missing="$missing libstdc++-12-dev"

if [ "${1:-}" != build ]; then
    # command:package
    needs="containerd:containerd runc:runc bats:bats busybox:busybox-static strace:strace
    python3:python3 ps:procps setpriv:util-linux prlimit:util-linux findmnt:util-linux
    timeout:coreutils iptables-restore:iptables losetup:mount mkfs.ext4:e2fsprogs protoc:protobuf-compiler
    shellcheck:shellcheck protoc-c:protobuf-c-compiler mmdebstrap:mmdebstrap"
    for need in $needs; do
        if ! PATH="$PATH:/usr/sbin:/sbin" command -v "${need%%:*}" >/dev/null; then
            missing="$missing ${need##*:}"
        fi
    done
    # Without the static busybox the containers would have no C library.
    if command -v busybox >/dev/null && ! dpkg -s busybox-static >/dev/null 2>&1; then
        missing="$missing busybox-static"
    fi
    # Of the system's own Python, and the plugins of the network.
    /usr/bin/python3 -c 'import grpc, google.protobuf' 2>/dev/null || missing="$missing python3-grpcio python3-protobuf"
    [ -x /usr/lib/cni/ptp ] || missing="$missing containernetworking-plugins"
fi
[ -n "$missing" ] || exit 0

echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of package names
apt-get install -y -qq --no-install-recommends $missing >/dev/null
