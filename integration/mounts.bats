# The rootfs that Create mounts: contract C-6.1 … C-6.12, checklist T-180 … T-187.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# mounted_bundle ID COMMAND...: a bundle whose rootfs is what the shim mounts there, and its shim.
mounted_bundle() {
    direct_bundle "$@"
    edit_spec "$1" 'spec["root"]["path"] = "rootfs"'
    direct_start "$1" </dev/null
}

# rootfs_of MOUNT...: the field of a Create request; a mount is "TYPE SOURCE OPTION,OPTION" (an option that holds commas
# is given with ; for ,).
rootfs_of() {
    python3 - "$@" <<'PY'
import json, sys
mounts = []
for word in sys.argv[1:]:
    kind, source, options = (word.split(" ") + [""])[:3]
    mounts.append({"type": kind, "source": source, "options": [o.replace(";", ",") for o in options.split(",") if o]})
print(json.dumps({"rootfs": mounts}))
PY
}

mounts_below() { awk -v path="$1" 'index($5, path) == 1 { print $5 }' /proc/self/mountinfo; }
nothing_below() { [ -z "$(mounts_below "$1")" ]; }

@test "T-181 C-6.5 a bind mount with ro is read-only, for the container too" {
    mounted_bundle c1 sh -c 'touch /file 2>/dev/null && exit 1; exit 42'
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind,ro")"
    findmnt -no OPTIONS "$DIR/direct/c1/rootfs" | grep -qw ro
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 42'* ]]
    [ ! -e "$ROOTFS/file" ]
    rpc c1 Delete id=c1
    nothing_below "$DIR/direct/c1"
}

@test "T-180 C-6.6 an overlay of 60 layers; the shim's working directory stays" {
    for layer in $(seq 60); do
        mkdir -p "$CASE/l/$layer"
        echo "$layer" >"$CASE/l/$layer/layer-$layer"
    done
    mkdir "$CASE/u" "$CASE/w"
    lower=$(printf "$CASE/l/%s:" $(seq 60))$ROOTFS
    mounted_bundle c1 sh -c 'echo /layer-* | wc -w >/count; sleep 1000'
    direct_run c1 "$(rootfs_of "overlay overlay lowerdir=$lower,upperdir=$CASE/u,workdir=$CASE/w")"
    wait_until test -s "$CASE/u/count"
    [ "$(cat "$CASE/u/count")" = 60 ]
    [ "$(readlink "/proc/$(shim_pid c1)/cwd")" = "$DIR/direct/c1" ]
    direct_end c1
    nothing_below "$DIR/direct/c1"
}

@test "T-184 C-6.1 a mount that fails undoes those before it, and says which it was" {
    mounted_bundle c1 true
    fails 2 "failed to mount rootfs component" direct_create c1 "$(rootfs_of "bind $ROOTFS rbind" "tmpfs tmpfs size=1m" "bind /nowhere rbind")"
    [[ $output == */nowhere* ]]
    nothing_below "$DIR/direct/c1"
    fails 5 "container not created" rpc c1 State id=c1
}

@test "T-185 C-6.10 what was mounted below and on the rootfs goes with it" {
    mounted_bundle c1 sleep 1000
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind")"
    at=$DIR/direct/c1/rootfs
    mount -t tmpfs one "$at/tmp"
    mkdir "$at/tmp/with space"
    mount -t tmpfs two "$at/tmp/with space"
    mount -t tmpfs three "$at/tmp/with space"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    nothing_below "$at"
}

@test "T-186 C-6.10 a busy rootfs: Delete says so, and a later one succeeds" {
    mounted_bundle c1 sleep 1000
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind")"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    background user sh -c 'cd "$1" && exec sleep 1000' sh "$DIR/direct/c1/rootfs"
    user=$(cat "$DIR/jobs/user.pid")
    wait_until in_rootfs "$user"
    fails 2 "failed rootfs umount" rpc c1 Delete id=c1
    state_is c1 3
    stop_job user
    rpc c1 Delete id=c1
    nothing_below "$DIR/direct/c1"
    wait_until topics_are c1 "create start exit delete"
}

in_rootfs() { [[ $(readlink "/proc/$1/cwd") == */rootfs ]]; }

@test "T-187 C-6.4 an option of the mount manager's is refused by name" {
    mounted_bundle c1 true
    fails 3 'internal mount option "X-containerd.loop=1" was not consumed by the mount manager' \
        direct_create c1 "$(rootfs_of "bind $ROOTFS rbind,X-containerd.loop=1")"
    nothing_below "$DIR/direct/c1"
}
