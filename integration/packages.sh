#!/bin/bash
# Packages of another Debian suite, unpacked beside the system's own: packages.sh SUITE PACKAGE...
#
#   packages.sh SUITE PACKAGE...          unpacks them below .cache/SUITE/root, and prints that path
#   packages.sh --wrap SUITE PROGRAM      makes .cache/SUITE/bin/PROGRAM, and prints its path: a script
#                                         that runs the program of the package of that name with its
#                                         own suite's C library and loader
#
# Nothing is installed: a package is fetched, checked against the signed lists of its suite, and
# unpacked; none of its scripts run. apt is used with lists and a cache of its own. The mirror is the one
# this machine has for its own suite. A second call for the same packages asks nobody anything.
# CACHE names another place than .cache.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${CACHE:-$(dirname "$here")/.cache}

usage() {
    sed -n 's/^#   \(packages.sh\)/\1/p' "$0" >&2
    exit 2
}

wrap=
if [ "${1:-}" = --wrap ]; then
    wrap=1
    shift
fi
[ $# -ge 2 ] || usage
suite=$1
shift
case $suite in *[!a-z]*) usage ;; esac
base=$cache/$suite

# The mirror of this machine's own suite, as apt itself reads the sources, old form and new; there may
# never have been an update.
mirror() {
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016 # apt's words
    apt-get indextargets --no-release-info --format '$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI)' |
        awk -v codename="$codename" '$1 == "Packages" && $2 == "main" &&
            ($3 == codename || $3 ~ /^(oldstable|stable|testing|unstable|sid)$/) { print $4; exit }'
}

# The suite's sources; the lists if they are missing, or if $1 is "again".
configure() {
    local uri keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$base/lists/partial" "$base/archives/partial"
    if [ ! -e "$base/suite.sources" ]; then
        uri=$(mirror)
        [ -n "$uri" ] || { echo "apt has no mirror of Debian" >&2 && return 1; }
        {
            printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$suite"
            # Without it apt's own trusted keys count.
            if [ -e "$keyring" ]; then echo "Signed-By: $keyring"; fi
        } >"$base/suite.sources.new"
        mv "$base/suite.sources.new" "$base/suite.sources"
    fi
    if [ ! -e "$base/lists/complete" ] || [ "${1:-}" = again ]; then
        rm -f "$base/lists/complete"
        apt update -qq >&2
        touch "$base/lists/complete"
    fi
}

# apt VERB...: apt-get or apt-cache with the suite's sources and no package installed.
apt() {
    local program=apt-get
    case $1 in depends | show | policy) program=apt-cache ;; esac
    timeout -k 5 600 "$program" -o Dir::Etc::SourceList="$base/suite.sources" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$base/lists" -o Dir::State::Status=/dev/null -o Dir::Cache="$base" \
        -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}

# unpack PACKAGE...: those that are not there yet.
unpack() {
    local package missing=()
    for package in "$@"; do
        [ -e "$base/unpacked/$package" ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    configure
    # A suite that moves has other packages than its lists of yesterday say.
    download "${missing[@]}" || { configure again && download "${missing[@]}"; }
    mkdir -p "$base/root" "$base/unpacked"
    for package in "${missing[@]}"; do
        dpkg -x "$base/archives/$package"_*.deb "$base/root"
        dpkg-deb -f "$base/archives/$package"_*.deb Version >"$base/unpacked/$package"
        rm "$base/archives/$package"_*.deb
    done
}

download() {
    rm -f "$base"/archives/*.deb
    (cd "$base/archives" && apt download -qq "$@" >&2)
}

# libraries PACKAGE: the packages of libraries it depends on, over any number of steps.
libraries() {
    apt depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances "$1" | grep -E '^lib[a-z0-9.+-]*$' | sort -u
}

# wrapper PROGRAM: finds the program and its suite's loader below the root, relative to itself.
wrapper() {
    local program loader path
    program=$(find "$base/root" -path "*bin/$1" ! -type d -printf %P -quit)
    loader=$(find "$base/root" -name 'ld-linux-*.so.*' -path '*-linux-gnu*' -printf %P -quit)
    if [ -z "$program" ] || [ -z "$loader" ]; then
        echo "no program and loader of $1 in $base/root" >&2
        return 1
    fi
    path=$(dirname "$loader")
    mkdir -p "$base/bin"
    cat >"$base/bin/.$1" <<SH
#!/bin/sh
root=\$(dirname "\$(readlink -f "\$0")")/../root
exec "\$root/$loader" --library-path "\$root/$path" "\$root/$program" "\$@"
SH
    chmod +x "$base/bin/.$1"
    mv "$base/bin/.$1" "$base/bin/$1"
}

mkdir -p "$base"
exec 9>"$base/lock"
flock 9

if [ -n "$wrap" ]; then
    [ $# -eq 1 ] || usage
    if [ ! -x "$base/bin/$1" ]; then
        configure
        mapfile -t needed < <(libraries "$1")
        unpack "$1" "${needed[@]}"
        wrapper "$1"
    fi
    echo "$base/bin/$1"
else
    unpack "$@"
    echo "$base/root"
fi
