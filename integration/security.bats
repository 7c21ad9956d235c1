# What the shim keeps for itself and from others (SECURITY.md): capabilities, peers, modes of files, descriptors, paths that a
# container or a client's words could bend, ids.
# shellcheck shell=bash disable=SC2016 # $ in '…' is for other shells

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    if [ -e "$DIR/pipe-pages" ]; then
        cat "$DIR/pipe-pages" >/proc/sys/fs/pipe-user-pages-soft
        rm "$DIR/pipe-pages"
    fi
    end_case
}

# bare ID: a bundle and its shim; what the case does of itself is no runtime's.
bare() {
    direct_bundle "$1" sleep 1000
    direct_start "$1" </dev/null >/dev/null
    SHIM=$(shim_pid "$1")
}

# no_runtime: a container is a process of user 1234 that the shim gets as its child, and nothing else.
no_runtime() {
    cat >"$FAKE_RUNC/create.instead" <<'SH'
while [ "$1" != --pid-file ]; do shift; done
setpriv --reuid=1234 --regid=1234 --clear-groups sleep 1000 </dev/null >/dev/null 2>&1 &
printf %s "$!" >"$2"
SH
    echo 'exit 0' | tee "$FAKE_RUNC/start.instead" >"$FAKE_RUNC/delete.instead"
}

# capabilities ------------------------------------------------------------------------------------

# mask NAME...: as /proc has it.
mask() {
    python3 - "$@" <<'PY'
import sys
names = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
    net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot
    sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin""".split()
print("%016x" % sum(1 << names.index(name) for name in sys.argv[1:]))
PY
}

# set_of PID NAME: a capability set, as /proc has it.
set_of() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }

EFFECTIVE=(sys_admin sys_ptrace kill chown dac_override)
PERMITTED=(fowner dac_read_search mknod fsetid setfcap linux_immutable mac_override mac_admin setuid setgid)

@test "a serving shim has these capabilities and no other, before and after a mount; what it starts has those of its caller" {
    cat >"$FAKE_RUNC/create.instead" <<'SH'
grep -E '^(Cap|NoNew)' /proc/self/status >"$CASE/runtime"
exec "$FAKE_RUNC_REAL" "$@"
SH
    bare c1
    for _ in 1 2; do
        [ "$(set_of "$SHIM" CapEff)" = "$(mask "${EFFECTIVE[@]}")" ]
        [ "$(set_of "$SHIM" CapPrm)" = "$(mask "${EFFECTIVE[@]}" "${PERMITTED[@]}")" ]
        [ "$(set_of "$SHIM" CapInh)$(set_of "$SHIM" CapAmb)" = "$(mask)$(mask)" ]
        [ "$(set_of "$SHIM" CapBnd)" = "$(set_of self CapBnd)" ]
        [ -e "$CASE/runtime" ] || direct_create c1 rootfs:='[{"type": "tmpfs", "source": "none"}]'
    done
    diff <(grep -E '^(Cap|NoNew)' /proc/self/status) "$CASE/runtime"
}

@test "under no_new_privs it keeps them for what it starts, and does not use them" {
    cat >"$CASE/containerd-shim-limited" <<SH
#!/bin/sh
exec setpriv --no-new-privs "$SHIM_BINARY" "\$@"
SH
    chmod +x "$CASE/containerd-shim-limited"
    cat >"$FAKE_RUNC/create.instead" <<'SH'
grep ^Cap /proc/self/status >"$CASE/runtime"
exec "$FAKE_RUNC_REAL" "$@"
SH
    direct_bundle c1 sleep 1000
    SHIM_BINARY=$CASE/containerd-shim-limited direct_start c1 </dev/null >/dev/null
    SHIM=$(shim_pid c1)
    direct_run c1 >/dev/null
    [ "$(set_of "$SHIM" CapEff)" = "$(mask "${EFFECTIVE[@]}")" ]
    diff <(grep ^Cap /proc/self/status) "$CASE/runtime"
    direct_end c1
}

# Without a capability the shim cannot have it: the bounding set says so, to what it starts too.
@test "each of these capabilities is needed: without it something fails that works with it" {
    no_runtime
    cat >"$CASE/containerd-shim-limited" <<'SH'
#!/bin/sh
exec unshare -m setpriv --bounding-set="-$WITHOUT" "$REAL_SHIM" "$@"
SH
    chmod +x "$CASE/containerd-shim-limited"
    export REAL_SHIM=$SHIM_BINARY WITHOUT
    local maps=(setuid setgid)
    kernel_since 6.3 || maps=()
    direct_bundle c1 true
    # The first one is not for us in any case.
    for WITHOUT in sys_boot "${EFFECTIVE[@]}" fowner dac_read_search mknod fsetid setfcap "${maps[@]}"; do
        SHIM_BINARY=$CASE/containerd-shim-limited direct_start c1 </dev/null >/dev/null
        SHIM=$(shim_pid c1)
        client "$WITHOUT" "$SHIM" "$DIR/direct/c1" "$ROOTFS" "$CASE/$WITHOUT" "${maps[@]}" <<'PY'
import fcntl, signal, subprocess
without, shim, bundle, rootfs, case, *maps = sys.argv[2:]
c = Connection(path)
at = f"/proc/{shim}/root{bundle}/rootfs"
life = bundle + "/init.life"

class Denied(Exception):
    pass

def made(**more):
    c.call("Create", {"id": "c1", "bundle": bundle, **more})
    with open(bundle + "/init.pid") as file:
        pid = int(file.read())
    # Until then it is root's.
    while open(f"/proc/{pid}/comm").read() != "sleep\n":
        time.sleep(0.01)
    return pid

def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    c.call("Wait", id="c1")
    c.call("Delete", id="c1")

def fifo():
    os.makedirs(case, exist_ok=True)
    name = f"{case}/{len(os.listdir(case))}"
    os.mkfifo(name)
    return name

def mounts():
    end(made(rootfs=[{"type": "tmpfs", "source": "none"}]))

def reads_hidden_processes():
    hide = ["nsenter", "-t", shim, "-m", "mount", "-t", "proc", "-o", "hidepid=2,gid=4321", "proc", "/proc"]
    subprocess.run(hide, check=True)
    pid = made()
    with open(life) as file:
        record = file.read()
    end(pid)
    if "\nprocess " not in record:
        raise Denied(record)

def signals_another_user():
    pid = made()
    try:
        c.call("Kill", id="c1", signal=signal.SIGTERM)
    finally:
        end(pid)

def gives_pipes_away():
    end(made(stdout=fifo(), options={"@type": "containerd.runc.v1.Options", "io_uid": 1234, "io_gid": 1234}))

def opens_another_users():
    name = fifo()
    os.chmod(name, 0o600)
    os.chown(name, 1234, 1234)
    end(made(stdout=name))

def in_overlay(work):
    """Something that is done by us, in an overlay that the shim has mounted: the kernel does it with the shim's."""
    for name in "lower", "upper", "work":
        os.makedirs(f"{case}/{work.__name__}/{name}")
    lower, upper, temporary = (f"{case}/{work.__name__}/{name}" for name in ("lower", "upper", "work"))
    pid = made(rootfs=[{"type": "overlay", "source": "overlay", "options": [
        "lowerdir=" + lower, "upperdir=" + upper, "workdir=" + temporary, "index=on"]}])
    try:
        work()
    finally:
        end(pid)

def new_file(owner=0, group=0):
    name = at + "/file"
    open(name, "w").close()
    os.chown(name, owner, group)
    return name

def device():
    os.mknod(at + "/null", 0o20666, os.makedev(1, 3))

def mode_of_anothers():
    os.chmod(new_file(12), 0o640)

def setgid_mode():
    name = new_file(0, 34)
    os.chmod(name, 0o2755)
    if os.stat(name).st_mode & 0o7777 != 0o2755:
        raise Denied(oct(os.stat(name).st_mode))

def file_capability():
    os.setxattr(new_file(), "security.capability", HEADER_OF_CAPABILITY)

def index():
    with open(f"/proc/{shim}/mountinfo") as lines:
        options = [line for line in lines if bundle + "/rootfs " in line]
    if "index=on" not in options[0]:
        raise Denied(options[0])

def maps_owners():
    end(made(rootfs=[{"type": "bind", "source": rootfs, "options": ["rbind", "uidmap=0:100000:65536", "gidmap=0:100000:65536"]}]))

HEADER_OF_CAPABILITY = struct.pack("<IIIII", 0x02000000, 1 << 10, 0, 0, 0)
work = {
    "sys_admin": mounts, "sys_ptrace": reads_hidden_processes, "kill": signals_another_user, "chown": gives_pipes_away,
    "dac_override": opens_another_users, "fowner": lambda: in_overlay(mode_of_anothers),
    "dac_read_search": lambda: in_overlay(index), "mknod": lambda: in_overlay(device),
    "fsetid": lambda: in_overlay(setgid_mode), "setfcap": lambda: in_overlay(file_capability)}
for name in maps:
    work[name] = maps_owners

def works(name):
    try:
        work[name]()
        return True
    except (Denied, Failure, PermissionError) as error:
        print(name, error)
        return False

if without in work:
    assert not works(without), f"nothing failed without {without}"
else:
    assert all([works(name) for name in work])
c.call("Shutdown", id="c1")
PY
        wait_until gone "$SHIM"
    done
}

@test "a container's pipes are of full size, however many root has" {
    [ -w /proc/sys/fs/pipe-user-pages-soft ] || skip "no permission to lower the limit"
    bare c1
    mkfifo "$CASE/out"
    exec {out}<>"$CASE/out"
    cat /proc/sys/fs/pipe-user-pages-soft >"$DIR/pipe-pages"
    echo 1 >/proc/sys/fs/pipe-user-pages-soft
    direct_create c1 stdout="$CASE/out"
    cat "$DIR/pipe-pages" >/proc/sys/fs/pipe-user-pages-soft
    rm "$DIR/pipe-pages"
    exec {out}<&-
    python3 - "$SHIM" <<'PY'
import fcntl, os, sys
directory = f"/proc/{sys.argv[1]}/fd/"
pipes = [directory + fd for fd in os.listdir(directory) if os.readlink(directory + fd).startswith("pipe:")]
sizes = [fcntl.fcntl(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), fcntl.F_GETPIPE_SZ) for pipe in pipes]
assert sizes == [65536], sizes
PY
}

# peers, files, descriptors -----------------------------------------------------------------------

@test "T-031 C-1.47 a socket that anybody may open lets in nobody but our own user" {
    bare c1
    chmod 0777 "$(socket_of c1)"
    for who in 0 65534; do
        run python3 - "$(socket_of c1)" "$who" <<'PY'
import os, sys, ttrpc
path, who = sys.argv[1], int(sys.argv[2])
socket = os.open(path, os.O_PATH)
os.setgroups([])
os.setresgid(who, who, who)
os.setresuid(who, who, who)
try:
    ttrpc.Connection(f"/proc/self/fd/{socket}").call("Connect", id="c1", patience=5)
except ttrpc.Failure as failure:
    sys.exit(failure.code)
PY
        [ "$status" -eq $((who ? 70 : 0)) ]
    done
    budget "$SHIM"
}

# modes DIRECTORY: what the shim made in it, with its mode.
modes() { find "$1" -mindepth 1 -printf '%P %m\n' | sort; }

@test "P-34 C-1.24 C-1.74 C-4.30 with a umask of 0 nothing that the shim makes is open to others" {
    touch "$FAKE_RUNC/exec.hold"
    direct_bundle c1 sleep 1000
    event_server
    (umask 0 && python3 "$INTEGRATION/ttrpc.py" encode BootstrapParams instance_id=c1 namespace="$NS" socket_dir="$CASE/a/s" |
        direct_start c1 >/dev/null)
    [ "$(modes "$CASE/a" | sed 's/[0-9a-f]\{64\}/NAME/')" = "$(printf '%s\n' 's 700' 's/NAME 600')" ]
    # shellcheck disable=SC2119
    local socket rpc=(python3 "$INTEGRATION/ttrpc.py")
    socket=$(cat "$DIR/direct/c1/address")
    "${rpc[@]}" "$socket" call Task Create id=c1 bundle="$DIR/direct/c1" stdout="file://$CASE/logs/here/log" \
        rootfs:='[{"type": "bind", "source": "'"$ROOTFS"'", "options": ["rbind"]}]'
    [ "$(stat -c '%a %n' "$DIR/direct/c1/"{address,options.json,runtime,init.life} | sed 's|/.*/||')" = "$(printf '%s\n' \
        '644 address' '600 options.json' '600 runtime' '600 init.life')" ]
    [ "$(modes "$CASE/logs")" = "$(printf '%s\n' 'here 755' 'here/log 644')" ]
    "${rpc[@]}" "$socket" call Task Start id=c1
    "${rpc[@]}" "$socket" call Task Exec terminal:=true "$(exec_fields c1 e1 true)"
    background exec "${rpc[@]}" "$socket" call Task Start id=c1 exec_id=e1
    wait_until exec_is_prepared
    [ "$(modes "$DIR/tmp" | sed 's/[0-9a-f]\{16\}/X/')" = "$(printf '%s\n' 'ptyX 700' 'ptyX/pty.sock 1755')" ]
    [ "$(stat -c %a "$DIR"/direct/c1/runc-process*)" = 600 ]
    rm "$FAKE_RUNC/exec.hold"
    "${rpc[@]}" "$socket" call Task Wait id=c1 exec_id=e1
    "${rpc[@]}" "$socket" call Task Delete id=c1 exec_id=e1
}

exec_is_prepared() { [ "$(find "$DIR/tmp" "$DIR/direct/c1" -path '*/pty*/pty.sock' -o -name 'runc-process*' | wc -l)" -eq 2 ]; }

# says_descriptors NAME: a program that leaves its descriptors, but for the one that it looks with.
says_descriptors() {
    cat <<PY
#!/usr/bin/python3
import os, sys
mine = [fd for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)]
open("$CASE/$1", "w").write(" ".join(sorted(mine)))
PY
}

@test "P-71 T-162 C-5.6 what a busy shim starts has the descriptors that it is given, and no other" {
    touch "$FAKE_RUNC/record"
    for id in c1 c2; do
        direct_bundle "$id" sleep 1000
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
        direct_start "$id" </dev/null >/dev/null
    done
    note_words g
    SHIM=$(shim_pid c1)
    mkfifo "$CASE/in" "$CASE/out" "$CASE/err"
    direct_run c1 stdin="$CASE/in" stdout="$CASE/out" stderr="$CASE/err"
    rpc c1 Exec terminal:=true stdin="$CASE/in" stdout="$CASE/out" "$(exec_fields c1 e1 sleep 1000)"
    rpc c1 Start id=c1 exec_id=e1
    # A connection, fifos, a terminal, processes.
    [ "$(fd_count "$SHIM")" -gt 20 ]
    { says_descriptors logger && echo 'os.write(5, b"x"); os.read(3, 1)'; } >"$CASE/logger.py"
    { says_descriptors helper && echo 'os.execvp("mount", ["mount", "--bind", "'"$ROOTFS"'", sys.argv[2]])'; } >"$DIR/bin/mount.fuse3"
    chmod +x "$CASE/logger.py" "$DIR/bin/mount.fuse3"
    edit_spec c2 'spec["root"]["path"] = "rootfs"'
    direct_run c2 stdout="binary://$CASE/logger.py" rootfs:='[{"type": "fuse3.x", "source": "x"}]'
    rm "$DIR/bin/mount.fuse3"
    direct_exec c2 e2 sleep 1000
    [ "$(cat "$CASE/helper")" = "0 1 2" ]
    [ "$(cat "$CASE/logger")" = "0 1 2 3 4 5" ]
    [ "$(sort -u "$FAKE_RUNC/calls.fds")" = "$(printf '%s: 0 1 2\n' create exec start)" ]
    for file in c1/init c1/e1 c2/init c2/e2; do
        [ "$(echo "/proc/$(cat "$DIR/direct/$file.pid")/fd"/* | sed 's|[^ ]*/||g')" = "0 1 2" ]
    done
    for id in e1:c1 e2:c2; do
        rpc c1 Kill id="${id#*:}" exec_id="${id%:*}" signal=9
        rpc c1 Wait id="${id#*:}" exec_id="${id%:*}"
        rpc c1 Delete id="${id#*:}" exec_id="${id%:*}"
    done
    direct_end c1 c2
}

# paths -------------------------------------------------------------------------------------------

mounted() { grep -q " $1 " /proc/self/mountinfo; }

@test "C-6.5 a mount's target follows no symlink, and no .., out of the rootfs" {
    no_runtime
    bare c1
    local root=$DIR/direct/c1/rootfs
    mkdir -p "$CASE/victim/in" "$CASE/fs/in"
    ln -s "$CASE/victim" "$CASE/fs/absolute"
    ln -s ../../../../../../../../../../.."$CASE/victim" "$CASE/fs/relative"
    ln -s /proc/self/root"$CASE/victim" "$CASE/fs/magic"
    for target in absolute/in relative/in magic/in absolute relative/../relative/in "../../../../../../../..$CASE/victim/in"; do
        fails 2 "no such file or directory" direct_create c1 rootfs:="[
            {\"type\": \"bind\", \"source\": \"$CASE/fs\", \"options\": [\"rbind\"]},
            {\"type\": \"tmpfs\", \"source\": \"none\", \"target\": \"$target\"}]"
        not mounted "$root"
    done
    # Where the rootfs has such a path, it is that.
    mkdir -p "$CASE/fs$CASE/victim/in"
    direct_create c1 rootfs:="[
        {\"type\": \"bind\", \"source\": \"$CASE/fs\", \"options\": [\"rbind\"]},
        {\"type\": \"tmpfs\", \"source\": \"none\", \"target\": \"relative/in\"}]"
    mounted "$root$CASE/victim/in"
    not mounted "$CASE/victim/in"
    not mounted "$CASE/victim"
    kill -KILL "$(cat "$DIR/direct/c1/init.pid")"
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    not mounted "$root"
}

# What is mounted below a rootfs holds nobody in another mount namespace: there its parent may be moved, and a symlink
# left in its place.
@test "C-6.10 an unmount is of what was mounted below the rootfs, whatever takes its place meanwhile" {
    no_runtime
    bare c1
    local root=$DIR/direct/c1/rootfs
    mkdir -p "$CASE/fs/a/in" "$CASE/victim/in"
    mount -t tmpfs victim "$CASE/victim/in"
    # One mount namespace more, as a container has it.
    background elsewhere unshare -m sleep 1000
    direct_create c1 rootfs:="[{\"type\": \"bind\", \"source\": \"$CASE/fs\", \"options\": [\"rbind\"]},
        {\"type\": \"tmpfs\", \"source\": \"none\", \"target\": \"a/in\"}]"
    mounted "$root/a/in"
    kill -KILL "$(cat "$DIR/direct/c1/init.pid")"
    rpc c1 Wait id=c1
    background trace strace -f -p "$SHIM" -e trace=umount2 -e inject=umount2:delay_enter=700000:when=1 -o "$CASE/trace"
    wait_until grep -q attached "$DIR/jobs/trace"
    background delete rpc c1 Delete id=c1
    # It is in the call, and waits.
    wait_until grep -q umount2 "$CASE/trace"
    nsenter -t "$(cat "$DIR/jobs/elsewhere.pid")" -m sh -c "cd '$CASE/fs' && mv a b && ln -s '$CASE/victim' a"
    wait_until gone "$(cat "$DIR/jobs/delete.pid")"
    stop_job trace
    mounted "$CASE/victim/in"
    not mounted "$root/a/in"
    not mounted "$root/b/in"
    not mounted "$root"
    fails 5 "container not created" rpc c1 State id=c1
    stop_job elsewhere
    umount "$CASE/victim/in"
}

@test "C-1.33 C-6.23 a cgroup's path leaves no hierarchy" {
    [ "$SHIM_RUNC" = runc ] || skip "what the path of a container's cgroup means is the runtime's"
    direct_bundle c1 sleep 1000
    edit_spec c1 'spec["linux"]["cgroupsPath"] = "/../../x/../../'"$NS"'/c1"'
    for path in /../c1 ../c1 /c1/ //c1 /x/./c1; do
        run --separate-stderr direct_start c1 < <(python3 "$INTEGRATION/ttrpc.py" encode Any \
            '{"@type": "containerd.runc.v1.Options", "shim_cgroup": "'"$path"'"}')
        [ "$status" -eq 1 ]
        [[ $stderr == *"not an absolute clean path"* ]]
    done
    direct_start c1 </dev/null
    SHIM=$(shim_pid c1)
    direct_run c1
    grep -q "^cgroup [0-9:]* /sys/fs/cgroup/[a-z]*/*$NS/c1$" "$DIR/direct/c1/init.life"
    [[ $(rpc c1 Pids id=c1) == *"$(cat "$DIR/direct/c1/init.pid")"* ]]
}

# ids ---------------------------------------------------------------------------------------------

# sums ID: what is in the bundle.
sums() { (cd "$DIR/direct/$1" && find . -type f ! -name 'log*' -exec sha256sum {} + | sort -k 2); }

@test "C-3.31 an exec may be called like a file of the bundle's, and touches none; it may not be a path" {
    direct c1 sleep 1000
    sums c1 >"$CASE/before"
    client <<'PY'
c = Connection(path)
names = ["init", "init.exec-pid", "init.pid", "config.json", "options.json", "runtime", "address", "log", "log.json", "init.life",
         "rootfs", "work", "c1", "x" * 76, ".hidden", "-v", "--help"]
for name in names:
    c.call("Exec", id="c1", exec_id=name, spec=exec_spec("sh", "-c", "exit 7"))
for name in names:
    c.call("Start", id="c1", exec_id=name)
for name in names:
    assert c.call("Wait", id="c1", exec_id=name)["exit_status"] == 7, name
    c.call("Delete", id="c1", exec_id=name)
for name in ("../x", "a/b", "/x", ".", "..", "", "a\nb", "a\tb", "a\x1b[2J", "a\x7f", "x" * 256):
    refused(3, "exec id", c, "Exec", id="c1", exec_id=name, spec=exec_spec("true"))
# No text has a NUL.
refused(13, "malformed", c, "Exec", id="c1", exec_id="a\0b", spec=exec_spec("true"))
# The longest name of a file is no name of one with an ending: the runtime says so.
c.call("Exec", id="c1", exec_id="x" * 255, spec=exec_spec("true"))
refused(2, "too long", c, "Start", id="c1", exec_id="x" * 255)
c.call("Delete", id="c1", exec_id="x" * 255)
assert c.call("State", id="c1")["status"] == 2
PY
    diff "$CASE/before" <(sums c1)
    budget "$SHIM"
}

@test "C-3.3 a container may not be a path, and its bundle is an absolute one" {
    bare c1
    client "$DIR/direct/c1" <<'PY'
c = Connection(path)
for name in ("../x", "a/b", "/x", ".", "..", "", "a\nb", "a\x1b[2J", "a\x7f", "x" * 256):
    refused(3, "container id", c, "Create", id=name, bundle=sys.argv[2])
refused(13, "malformed", c, "Create", id="a\0b", bundle=sys.argv[2])
refused(13, "malformed", c, "Create", id="c1", bundle=sys.argv[2] + "\0/x")
for bundle in ("", "x", "../x", "./x"):
    refused(3, "not an absolute path", c, "Create", id="c1", bundle=bundle)
PY
    for id in $'a\nb' $'a\x1b[2J' "$(printf 'x%.0s' {1..256})"; do
        for action in start delete; do
            run invoke c1 -id "$id" "$action" </dev/null
            [ "$status" -eq 1 ]
            # What is said of it is one line, and moves no cursor.
            [[ ${#lines[@]} -eq 1 && $output != *$'\x1b'* ]]
        done
    done
    budget "$SHIM"
}
