#!/bin/sh
# Installs, by apt, what the suite and the demo need. Silent when nothing is missing.
set -eu

# command:package
needs="containerd:containerd runc:runc bats:bats busybox:busybox-static strace:strace
python3:python3 ps:procps setpriv:util-linux prlimit:util-linux findmnt:util-linux
timeout:coreutils"

missing=
for need in $needs; do
    if ! PATH="$PATH:/usr/sbin:/sbin" command -v "${need%%:*}" >/dev/null; then
        missing="$missing ${need##*:}"
    fi
done
# Without the static busybox the containers would have no C library.
if command -v busybox >/dev/null && ! dpkg -s busybox-static >/dev/null 2>&1; then
    missing="$missing busybox-static"
fi
[ -n "$missing" ] || exit 0

echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of package names
apt-get install -y -qq --no-install-recommends $missing >/dev/null
