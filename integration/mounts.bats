# The rootfs that Create mounts: contract C-6.1 … C-6.12, checklist T-180 … T-187.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    stop_job frozen
    end_case
}

# mounted_bundle ID COMMAND...: a bundle whose rootfs is what the shim mounts there, and its shim.
mounted_bundle() {
    direct_bundle "$@"
    edit_spec "$1" 'spec["root"]["path"] = "rootfs"'
    direct_start "$1" </dev/null
}

# rootfs_of MOUNT...: the field of a Create request; a mount is "TYPE SOURCE OPTION,OPTION [TARGET]" (an option that holds
# commas is given with ; for ,).
rootfs_of() {
    python3 - "$@" <<'PY'
import json, sys
mounts = []
for word in sys.argv[1:]:
    kind, source, options, target = (word.split(" ") + ["", ""])[:4]
    mounts.append({"type": kind, "source": source, "target": target, "options": [o.replace(";", ",") for o in options.split(",") if o]})
print(json.dumps({"rootfs": mounts}))
PY
}

# overlay_of ID: an overlay for the rootfs of ID, as rootfs_of takes it, over $ROOTFS and directories of $CASE.
overlay_of() {
    mkdir -p "$CASE/$1/u" "$CASE/$1/w"
    echo "overlay overlay lowerdir=$ROOTFS,upperdir=$CASE/$1/u,workdir=$CASE/$1/w"
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

# layers DIRECTORY COUNT NAME: makes them, and prints them as a lowerdir, over $ROOTFS.
layers() {
    python3 - "$@" "$ROOTFS" <<'PY'
import os, sys
directory, count, name, rootfs = sys.argv[1:]
paths = [f"{directory}/{name}{number}" for number in range(int(count))]
for number, path in enumerate(paths):
    os.makedirs(path)
    open(f"{path}/layer-{number}", "w").close()
print(":".join(paths + [rootfs]))
PY
}

# What a page holds: their absolute names, their names below a common directory, and neither.
@test "T-180 C-6.6 P-72 an overlay of 60, 200 and 400 layers; the shim's working directory stays" {
    local kind lower
    for kind in "60 n" "200 n" "400 long-name-"; do
        mkdir "$CASE/u" "$CASE/w"
        # shellcheck disable=SC2086 # a count and a name
        lower=$(layers "$CASE/l" $kind)
        mounted_bundle c1 sh -c 'echo /layer-* | wc -w >/count; sleep 1000'
        direct_run c1 "$(rootfs_of "overlay overlay lowerdir=$lower,upperdir=$CASE/u,workdir=$CASE/w,nosuid")"
        findmnt -no OPTIONS "$DIR/direct/c1/rootfs" | grep -q ^rw,nosuid,
        wait_until test -s "$CASE/u/count"
        [ "$(cat "$CASE/u/count")" = "${kind%% *}" ]
        [ "$(readlink "/proc/$(shim_pid c1)/cwd")" = "$DIR/direct/c1" ]
        direct_end c1
        nothing_below "$DIR/direct/c1"
        rm -r "${CASE:?}"/*
    done
}

# What needs a capability of whoever mounted the overlay, for the kernel works in it with those; and how the
# file system below has it.
privileged_work() {
    mounted_bundle "$1" >/dev/null sh -c 'exec 2>/said
        mknod /null c 1 3; mknod /disk b 7 200; mkfifo /fifo
        touch /tool; chown 12:34 /tool; chmod 6755 /tool; chown 12:34 /bin; chmod 2775 /bin; ln -s x /link; chown -h 5:6 /link
        mkdir /sticky; chown 1:2 /sticky; chmod 3777 /sticky; touch /sticky/in; rm /etc/passwd; mv /tmp /tmp2'
    edit_spec "$1" 'more = ("CAP_MKNOD", "CAP_FSETID", "CAP_FOWNER", "CAP_DAC_READ_SEARCH")
for names in spec["process"]["capabilities"].values(): names.extend(more)'
    direct_run "$1" "$(rootfs_of "$(overlay_of "$1")")" >/dev/null
    rpc "$1" Wait id="$1" >/dev/null
    (cd "$CASE/$1/u" && cat said && find . -not -name said -exec stat -c '%n %F %a %u:%g %t,%T' {} + | sort)
}

@test "C-6.5 an overlay works with full powers: device nodes, owners, setuid and setgid bits, as the Go shim's" {
    privileged_work c1 >"$CASE/ours"
    SHIM_BINARY=$PEER_BINARY privileged_work c2 >"$CASE/theirs"
    diff "$CASE/ours" "$CASE/theirs"
    grep -qx './null character special file 644 0:0 1,3' "$CASE/ours"
    grep -qx './tool regular empty file 6755 12:34 0,0' "$CASE/ours"
    # The shim may have them, to mount, and does not; others it gave up.
    local mknod=$((1 << 27)) modules=$((1 << 16)) status
    status=/proc/$(shim_pid c1)/status
    [ $((0x$(awk '/^CapPrm/ { print $2 }' "$status") & (mknod | modules))) = "$mknod" ]
    [ $((0x$(awk '/^CapEff/ { print $2 }' "$status") & (mknod | modules))) = 0 ]
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

@test "T-186 C-6.10 a busy rootfs: Delete tries again, and then takes it out of sight" {
    mounted_bundle c1 sleep 1000
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind")"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    background user sh -c 'cd "$1" && exec sleep 1000' sh "$DIR/direct/c1/rootfs"
    user=$(cat "$DIR/jobs/user.pid")
    wait_until in_rootfs "$user"
    background delete rpc c1 Delete id=c1
    state_is c1 3
    [ -n "$(mounts_below "$DIR/direct/c1")" ]
    wait_until grep -q '"exit_status": 137' "$DIR/jobs/delete"
    nothing_below "$DIR/direct/c1"
    [ -e "/proc/$user/cwd/bin/busybox" ]
    wait_until grep -q "level=warning msg=\"rootfs in use, detached\" id=c1 path=.*$DIR/direct/c1/rootfs" "$DIR/jobs/log-c1"
    wait_until topics_are c1 "create start exit delete"
    stop_job user
}

@test "T-186 C-6.10 a rootfs that is used for a moment is not taken out of its user's sight" {
    mounted_bundle c1 sleep 1000
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind")"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    background user sh -c 'cd "$1" && exec sleep 1000' sh "$DIR/direct/c1/rootfs"
    wait_until in_rootfs "$(cat "$DIR/jobs/user.pid")"
    SHIM=$(shim_pid c1)
    trace_unmounts -f -e trace=umount2
    background delete rpc c1 Delete id=c1
    wait_until grep -q 'umount2.* EBUSY' "$CASE/trace"
    stop_job user
    wait_until grep -q '"exit_status": 137' "$DIR/jobs/delete"
    stop_job trace
    nothing_below "$DIR/direct/c1"
    not grep -q MNT_DETACH "$CASE/trace"
    not grep -q detached "$DIR/jobs/log-c1"
}

@test "C-3.28 C-6.10 a Delete that the runtime refuses unmounts the rootfs all the same, and can be repeated" {
    stopped
    echo "not today" >"$FAKE_RUNC/delete.fail"
    for _ in 1 2; do
        fails 2 "failed to delete task: not today" rpc c1 Delete id=c1
        nothing_below "$DIR/direct/c1"
        state_is c1 3
    done
    rm "$FAKE_RUNC/delete.fail"
    [[ $(rpc c1 Delete id=c1) == *'"exit_status": 137'* ]]
    wait_until topics_are c1 "create start exit delete"
}

@test "C-3.28 a Delete that the runtime refuses closes the streams, whoever holds them" {
    mounted_bundle c1 sh -c 'sleep 1000 & echo out; exec sleep 1001'
    edit_spec c1 'spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "pid"]'
    mkfifo "$CASE/fifo"
    background reader cat "$CASE/fifo"
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind")" stdout="$CASE/fifo"
    wait_until has_processes c1 2
    # What init leaves behind is not killed.
    touch "$FAKE_RUNC/kill.hold"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    echo "not today" >"$FAKE_RUNC/delete.fail"
    fails 2 "failed to delete task: not today" rpc c1 Delete id=c1
    has_processes c1 1
    wait_until answered reader
    [ "$(cat "$DIR/jobs/reader")" = out ]
    nothing_below "$DIR/direct/c1"
    rm "$FAKE_RUNC/delete.fail" "$FAKE_RUNC/kill.hold"
    rpc c1 Delete id=c1
}

@test "C-3.28 a Delete of what waits to be started, that the runtime refuses, leaves it its rootfs" {
    mounted_bundle c1 sh -c 'exit 42'
    direct_create c1 "$(rootfs_of "bind $ROOTFS rbind")"
    echo "not today" >"$FAKE_RUNC/delete.fail"
    fails 2 "failed to delete task: not today" rpc c1 Delete id=c1
    rm "$FAKE_RUNC/delete.fail"
    rpc c1 Start id=c1
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 42'* ]]
    rpc c1 Delete id=c1
    nothing_below "$DIR/direct/c1"
}

in_rootfs() { [[ $(readlink "/proc/$1/cwd") == */rootfs ]]; }

@test "T-187 C-6.4 an option of the mount manager's is refused by name" {
    mounted_bundle c1 true
    fails 3 'internal mount option "X-containerd.loop=1" was not consumed by the mount manager' \
        direct_create c1 "$(rootfs_of "bind $ROOTFS rbind,X-containerd.loop=1")"
    nothing_below "$DIR/direct/c1"
}

@test "T-182 C-6.7 an image through a loop device, which is free after Delete" {
    [ -e /dev/loop-control ] || skip "no loop devices"
    local image=$CASE/image
    truncate -s 16M "$image"
    mkfs.ext4 -q -d "$ROOTFS" "$image"
    mounted_bundle c1 sh -c 'touch /file && sleep 1000'
    direct_run c1 "$(rootfs_of "ext4 $image loop,noatime,direct-io")"
    [ "$(losetup -nO AUTOCLEAR,RO -j "$image" | xargs)" = "1 0" ]
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    wait_until no_loop_of "$image"
    mounted_bundle c2 sh -c 'test -e /file && ! touch /other 2>/dev/null'
    direct_run c2 "$(rootfs_of "ext4 $image loop,ro")"
    [ "$(losetup -nO AUTOCLEAR,RO -j "$image" | xargs)" = "1 1" ]
    [[ $(rpc c2 Wait id=c2) != *exit_status* ]]
    rpc c2 Delete id=c2
    # A mount that fails has taken no device.
    fails 2 "err: no such device" direct_create c2 "$(rootfs_of "nonsense $image loop")"
    fails 2 "err: loop device for $CASE/none: no such file" direct_create c2 "$(rootfs_of "ext4 $CASE/none loop")"
    wait_until no_loop_of "$image"
}

no_loop_of() { [ -z "$(losetup -j "$1")" ]; }

@test "T-183 C-6.9 P-70 a mapped rootfs, overlay and bind: its owners are those of the container's user namespace" {
    kernel_since 6.3 || skip "no mapped mounts of tmpfs before Linux 6.3"
    local map=uidmap=0:100000:65536,gidmap=0:100000:65536 kind
    chmod o+x "$DIR"
    mkdir -p "$CASE/top" "$CASE/u" "$CASE/w"
    chown 100000:100000 "$CASE/u"
    for kind in "overlay overlay lowerdir=$CASE/top:$ROOTFS,upperdir=$CASE/u,workdir=$CASE/w," "bind $ROOTFS rbind,"; do
        mounted_bundle c1 sh -c 'stat -c %u:%g /bin/busybox; touch /tmp/mine && stat -c %u:%g /tmp/mine; rm /tmp/mine
            echo opened >/proc/self/fd/1'
        edit_spec c1 'spec["linux"]["namespaces"].append({"type": "user"})
for kind in "uid", "gid": spec["linux"][kind + "Mappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
        mkfifo "$CASE/fifo"
        background reader cat "$CASE/fifo"
        direct_run c1 "$(rootfs_of "$kind$map")" stdout="$CASE/fifo" \
            options:='{"@type": "containerd.runc.v1.Options", "io_uid": 100000, "io_gid": 100000}'
        rpc c1 Wait id=c1
        [ "$(stat -c %u "$DIR/direct/c1/rootfs/bin/busybox")" = 100000 ]
        [ "$(mounts_below "$DIR/direct/c1/rootfs" | wc -l)" = 1 ]
        rpc c1 Delete id=c1
        wait_until grep -qx opened "$DIR/jobs/reader"
        [ "$(xargs <"$DIR/jobs/reader")" = "0:0 0:0 opened" ]
        direct_end c1
        stop_job reader
        rm "$CASE/fifo"
    done
    [ "$(stat -c %u "$ROOTFS/bin/busybox")" = 0 ]
}

@test "C-6.8 a program mounts a fuse type, and holds up nothing else meanwhile" {
    mounted_bundle c1 true
    cat >"$DIR/bin/mount.fuse3" <<SH
#!/bin/sh
echo "\$*" >"$CASE/words"
until [ -e "$CASE/go" ]; do sleep 0.05; done
[ ! -s "$CASE/go" ] || { cat "$CASE/go" >&2; exit 3; }
mount -t tmpfs -o size=4m fuse "\$2"
cp -a "$ROOTFS/." "\$2/"
SH
    chmod +x "$DIR/bin/mount.fuse3"
    background create direct_create c1 "$(rootfs_of "fuse3.some src ro,allow_other")"
    wait_until test -s "$CASE/words"
    fails 5 "container not created" rpc c1 State id=c1
    [ "$(cat "$CASE/words")" = "src $DIR/direct/c1/rootfs -o ro -o allow_other -t some" ]
    touch "$CASE/go"
    wait_until state_is c1 1
    rpc c1 Start id=c1
    [[ $(rpc c1 Wait id=c1) != *exit_status* ]]
    rpc c1 Delete id=c1
    nothing_below "$DIR/direct/c1"
    echo "it is broken" >"$CASE/go"
    fails 2 "exit status 3: it is broken" direct_create c1 "$(rootfs_of "fuse3.some src")"
    rm "$DIR/bin/mount.fuse3"
    fails 2 'mount.fuse3": executable file not found' direct_create c1 "$(rootfs_of "fuse3.some src")"
}

# Every call of Create that opens, makes or mounts something fails once, alone; those of the children that mount in each of them.
@test "P-30 C-6.1 P-37 after a fault at any open, mkdir, mount or clone of Create nothing is left, and it can be repeated" {
    local map='' mounts
    if kernel_since 6.3; then map=,uidmap=0:100000:65536,gidmap=0:100000:65536; fi
    mounts=$(rootfs_of "bind $ROOTFS rbind,ro$map" "tmpfs tmpfs size=1m /tmp")
    mounted_bundle c1 sleep 1000
    # The first event makes a connection that stays.
    direct_create c1 "$mounts"
    rpc c1 Delete id=c1
    rm "$DIR/direct/c1/init.pid"
    budget_baseline "$(shim_pid c1)"
    client "$(shim_pid c1)" "$DIR/direct/c1" "$mounts" "$(cgroup_of c1)" "/run/containerd/runc/$NS/c1" <<'PY'
import subprocess
shim, bundle, rootfs, *places = sys.argv[2:]
connection = Connection(path, 20)
mounts = json.loads(rootfs)["rootfs"]
allowed = set(os.listdir(bundle)) | {"options.json", "runtime", "log.json"}

# Not umount2, which would fail for who undoes it as well.
OF_CHILDREN = "openat2", "open_tree", "mount", "mount_setattr", "move_mount"

def create(call, number):
    """Whether the fault came to pass, and what Create said."""
    trace = os.path.join(bundle, "work", "trace")
    follow = ["-f", "-b", "execve"] if call in OF_CHILDREN else []
    tracer = subprocess.Popen(
        ["strace", "-p", shim, *follow, "-o", trace, "-e", f"trace={call}", "-e", f"inject={call}:error=ENOMEM:when={number}"],
        stderr=subprocess.PIPE, text=True)
    assert "attached" in tracer.stderr.readline()
    failure = None
    try:
        connection.call("Create", {"id": "c1", "bundle": bundle, "rootfs": mounts})
    except Failure as error:
        failure = error
    tracer.terminate()
    tracer.wait()
    with open(trace) as lines:
        return "(INJECTED)" in lines.read(), failure

def left():
    with open("/proc/self/mountinfo") as lines:
        found = [line for line in lines if f" {bundle}" in line]
    return found + list(set(os.listdir(bundle)) - allowed) + [place for place in places if os.path.exists(place)]

faults = 0
for call in "mkdir", "openat", "clone", "clone3", *OF_CHILDREN:
    number, injected = 0, True
    while injected:
        number += 1
        injected, failure = create(call, number)
        faults += injected
        if not failure:
            for method in "Kill", "Wait", "Delete":
                connection.call(method, {"id": "c1", **({"signal": 9} if method == "Kill" else {})})
            os.remove(bundle + "/init.pid")
        else:
            assert injected, failure
            refused(5, "container not created", connection, "State", id="c1")
        assert not left(), (call, number, failure, left())
print(faults, "faults")
assert faults > 15
PY
}

@test "C-6.10 a fuse file system that we may not unmount is left to fusermount" {
    [ -e /dev/fuse ] || skip "no fuse"
    mounted_bundle c1 sleep 1000
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind")"
    local at=$DIR/direct/c1/rootfs/tmp
    # Nobody serves it: whatever looks into it waits.
    background fuse python3 -c '
import ctypes, os, signal, sys
fd = os.open("/dev/fuse", os.O_RDWR)
data = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
assert ctypes.CDLL(None).mount(b"none", sys.argv[1].encode(), b"fuse.none", 0, data) == 0
signal.pause()' "$at"
    wait_until grep -q " $at .* fuse.none " /proc/self/mountinfo
    cat >"$DIR/bin/fusermount3" <<SH
#!/usr/bin/python3
import ctypes, sys
open("$CASE/words", "w").write(" ".join(sys.argv[1:]))
sys.exit(ctypes.CDLL(None).umount2(sys.argv[2].encode(), 0))
SH
    chmod +x "$DIR/bin/fusermount3"
    # A child's, that unmounts nothing else.
    background trace strace -f -P /proc/self/fd/0/tmp -e trace=umount2 -e inject=umount2:error=EPERM:when=1 -o "$CASE/trace" \
        -p "$(shim_pid c1)"
    wait_until grep -q attached "$DIR/jobs/trace"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    stop_job trace
    rm "$DIR/bin/fusermount3"
    [ "$(cat "$CASE/words")" = "-u $at" ]
    grep -q 'umount2("/proc/self/fd/[0-9]*/tmp".* EPERM .*INJECTED' "$CASE/trace"
    nothing_below "$DIR/direct/c1"
}

# pod_of_two ID...: c1, whose rootfs is what the shim mounts there, and c2, which runs and writes to $CASE/fifo, which `reader` reads.
pod_of_two() {
    mounted_bundle c1 sleep 1000
    direct_bundle c2 sleep 1000
    edit_spec c2 'spec["annotations"] = {"io.kubernetes.cri.sandbox-id": "c1"}'
    direct_start c2 </dev/null
    mkfifo "$CASE/fifo"
    background reader cat "$CASE/fifo"
    direct_run c2 stdout="$CASE/fifo"
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
}

# disk: a file system, $CASE/disk, whose own disk is a file on another, $CASE/below; in $OVERLAY an overlay that is written there.
disk() {
    [ -e /dev/loop-control ] || skip "no loop devices"
    mkdir "$CASE/below" "$CASE/disk"
    truncate -s 64M "$CASE/image"
    mkfs.ext4 -q "$CASE/image"
    mount -o loop "$CASE/image" "$CASE/below"
    truncate -s 32M "$CASE/below/image"
    mkfs.ext4 -q "$CASE/below/image"
    mount -o loop "$CASE/below/image" "$CASE/disk"
    mkdir "$CASE/disk/u" "$CASE/disk/w"
    OVERLAY="overlay overlay lowerdir=$ROOTFS,upperdir=$CASE/disk/u,workdir=$CASE/disk/w"
}

# no_disk: as soon as the kernel has let go of its image.
no_disk() {
    umount "$CASE/disk"
    wait_until umount "$CASE/below"
}

# freeze [DIRECTORY]: from here on the disk takes nothing, and has something to take, or the file system of that directory takes
# nothing; until the job `frozen` is stopped, a minute at most.
freeze() {
    background frozen python3 -c '
import fcntl, os, signal, sys
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
below = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(below, FIFREEZE, 0)
print("frozen", flush=True)
signal.sigtimedwait([signal.SIGTERM], 60)
fcntl.ioctl(below, FITHAW, 0)' "${1:-$CASE/below}"
    wait_until grep -q frozen "$DIR/jobs/frozen"
    [ -n "${1:-}" ] || head -c 100000 /dev/zero >"$CASE/disk/data"
}

# outstanding JOB: it has not been answered.
outstanding() { alive "$(cat "$DIR/jobs/$1.pid")"; }
answered() { ! outstanding "$1"; }

# answers_others JOB: meanwhile c2 is looked at, killed, waited for and deleted, and its stdout ends.
answers_others() {
    state_is c2 2
    rpc c2 Kill id=c2 signal=9
    [[ $(rpc c2 Wait id=c2) == *'"exit_status": 137'* ]]
    wait_until answered reader
    rpc c2 Delete id=c2
    outstanding "$1"
}

@test "P-69 C-6.10 a Delete whose unmount waits for a disk holds up nobody else in the pod" {
    disk
    pod_of_two
    direct_run c1 "$(rootfs_of "$OVERLAY")"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    freeze
    background delete rpc c1 --patience 60 Delete id=c1
    # It is nowhere any more, and still being written back.
    wait_until nothing_below "$DIR/direct/c1"
    outstanding delete
    state_is c1 3
    background again rpc c1 --patience 60 Delete id=c1
    answers_others delete
    outstanding again
    stop_job frozen
    for job in delete again; do
        wait_until answered "$job"
        grep -q '"exit_status": 137' "$DIR/jobs/$job"
    done
    fails 5 "container not created" rpc c1 State id=c1
    no_disk
}

# create_waits MOUNT: a Create with that rootfs waits for what is frozen, and others do not; then it succeeds.
create_waits() {
    background create rpc c1 --patience 60 Create id=c1 bundle="$DIR/direct/c1" "$(rootfs_of "$1")"
    wait_until mounting "$SHIM"
    outstanding create
    answers_others create
    stop_job frozen
    wait_until answered create
    grep -q '"pid": ' "$DIR/jobs/create"
    direct_end c1 c2
    nothing_below "$DIR/direct/c1"
    no_disk
}

# A file system's first mount writes to it.
@test "P-69 C-6.7 a Create whose mount waits for a disk holds up nobody else in the pod" {
    disk
    truncate -s 16M "$CASE/below/rootfs"
    mkfs.ext4 -q -d "$ROOTFS" "$CASE/below/rootfs"
    pod_of_two
    freeze
    create_waits "ext4 $CASE/below/rootfs loop"
}

@test "P-69 P-31 C-6.6 a Create whose overlay waits for the file system that it is written to holds up nobody else in the pod" {
    disk
    pod_of_two
    freeze "$CASE/disk"
    create_waits "$OVERLAY"
}

@test "P-69 C-1.73 C-1.59 a delete action whose unmount waits for a disk tells in time how init has ended" {
    disk
    mounted_bundle c1 sh -c 'exit 42'
    direct_run c1 "$(rootfs_of "$OVERLAY")"
    rpc c1 Wait id=c1
    pid=$(shim_pid c1)
    kill -KILL "$pid"
    wait_until gone "$pid"
    freeze
    invoke c1 -bundle "$DIR/direct/c1" delete </dev/null 2>"$CASE/delete.err" >"$CASE/answer"
    outstanding frozen
    [[ $(python3 "$INTEGRATION/ttrpc.py" decode DeleteResponse <"$CASE/answer") == *'"exit_status": 42,'* ]]
    grep -q "it goes on without us" "$CASE/delete.err"
    nothing_below "$DIR/direct/c1"
    forget_shim c1
    stop_job frozen
    no_disk
}

# mounting PID: a child of its is in a mount or an unmount that does not end.
mounting() { pgrep -P "$1" -x -r D mount; }

@test "P-69 P-30 a Create that fails is answered when its rootfs is unmounted, and holds up nobody else until then" {
    disk
    pod_of_two
    touch "$FAKE_RUNC/create.hold.c1" "$FAKE_RUNC/create.silent.c1"
    background create rpc c1 --patience 60 Create id=c1 bundle="$DIR/direct/c1" "$(rootfs_of "$OVERLAY")"
    wait_until findmnt "$DIR/direct/c1/rootfs"
    freeze
    rm "$FAKE_RUNC/create.hold.c1"
    wait_until nothing_below "$DIR/direct/c1"
    outstanding create
    answers_others create
    stop_job frozen
    wait_until answered create
    grep -q "OCI runtime create failed" "$DIR/jobs/create"
    fails 5 "container not created" rpc c1 State id=c1
    no_disk
    rm "$FAKE_RUNC/create.silent.c1"
}

# trace_unmounts OPTION...: strace of the shim, in $CASE/trace.
trace_unmounts() {
    background trace strace -qq -o "$CASE/trace" -p "$SHIM" "$@"
    wait_until grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$SHIM/status"
}

# stopped: c1 with a rootfs of two mounts, which has ended.
stopped() {
    mounted_bundle c1 sleep 1000
    direct_run c1 "$(rootfs_of "bind $ROOTFS rbind" "tmpfs tmpfs size=1m /tmp")"
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
}

@test "P-69 C-6.10 where there can be no child that unmounts, the shim does" {
    stopped
    trace_unmounts -e trace=clone3,umount2 -e inject=clone3:error=EAGAIN
    rpc c1 Delete id=c1
    stop_job trace
    nothing_below "$DIR/direct/c1"
    [ "$(grep -c '^clone3.*INJECTED' "$CASE/trace")" -eq 2 ]
    [ "$(grep -c '^umount2.* = 0' "$CASE/trace")" -eq 2 ]
}

@test "P-69 C-6.10 a child that is killed before it has unmounted has not unmounted" {
    local child
    stopped
    trace_unmounts -f -e trace=umount2 -e inject=umount2:delay_enter=60000000
    background delete rpc c1 Delete id=c1
    wait_until grep -q umount2 "$CASE/trace"
    child=$(awk '/umount2/ { print $1; exit }' "$CASE/trace")
    [ "$child" != "$SHIM" ]
    [ "$(mounts_below "$DIR/direct/c1" | wc -l)" -eq 2 ]
    state_is c1 3
    kill -KILL "$child"
    # It is let go, and dies.
    stop_job trace KILL
    wait_until answered delete
    grep -q '"exit_status": 137' "$DIR/jobs/delete"
    nothing_below "$DIR/direct/c1"
}
