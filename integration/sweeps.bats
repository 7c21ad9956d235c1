# Faults at each step, in a short form; at length by `make sweep-syscalls`, `make sweep-kill`, `make soak`. What is wrong is
# printed with the command that repeats it.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# sweep PROGRAM [OPTION...]: it makes a directory and shims of its own, and leaves nothing.
sweep() {
    [ "$SHIM_BUILD" != go ] || skip "promises of ours"
    PATH=/usr/bin:$PATH timeout -k 5 240 "$INTEGRATION/$1.py" "${@:2}"
}

@test "P-28 P-30 P-37 P-40 a system call of create, start, exec, kill or delete fails: no hang, no death, no lie, nothing left" {
    sweep sweep-syscalls --short
}

@test "P-08 P-09 P-12 P-30 kill -9 of shim, runtime, init, logger or event service at a step: no lie, nothing left" {
    sweep sweep-kill --short
}

@test "P-28 P-41 P-46 P-53 chaos of all calls, twice at a time and given up: no call hangs, no exit is lost, nothing grows" {
    sweep soak --seconds "${SOAK_SECONDS:-8}"
}

# What the sweeps have found ---------------------------------------------------------------------------

# injected CALLS FAULT... -- COMMAND...: while the command runs, the shim of c1 is traced, and has these faults.
injected() {
    local options=(-e "trace=$1") code=0
    shift
    while [ "$1" != -- ]; do
        options+=(-e "inject=$1")
        shift
    done
    background trace strace -p "$(shim_pid c1)" -y -o "$CASE/trace" "${options[@]}"
    wait_until grep -q attached "$DIR/jobs/trace"
    "${@:2}" || code=$?
    stop_job trace
    grep -q INJECTED "$CASE/trace"
    return "$code"
}

@test "P-31 P-40 a listener that could not be watched again is listened to all the same" {
    direct c1 sleep 1000
    # The second is the watch after a pause.
    injected accept4,epoll_ctl accept4:error=EMFILE:when=1 epoll_ctl:error=ENOMEM:when=2 -- rpc c1 State id=c1
    rpc c1 State id=c1 --patience 5
}

nothing_of() { # ID
    [ -z "$(find /sys/fs/cgroup -type d -path "*/$NS/$1")" ] && [ ! -e "/run/containerd/runc/$NS/$1" ] && no_command "$1"
}

no_command() { ! grep -lzxsF -e "$DIR/direct/$1/init.pid" /proc/[0-9]*/cmdline; }

@test "P-30 P-37 a runtime that cannot be watched does not go on by itself" {
    direct c1 sleep 1000
    direct_bundle c2 sleep 1000
    # The first is the caller's connection, the second the runtime.
    injected epoll_ctl epoll_ctl:error=ENOMEM:when=2 -- \
        fails 2 "OCI runtime create failed" rpc c1 Create id=c2 bundle="$DIR/direct/c2"
    grep -q 'EPOLL_CTL_ADD.*pidfd.*INJECTED' "$CASE/trace"
    wait_until no_command c2
    nothing_of c2
    rpc c1 Create id=c2 bundle="$DIR/direct/c2"
    rpc c1 Delete id=c2
}

@test "P-30 P-53 an exec that cannot be adopted does not run on" {
    direct c1 sleep 1000
    rpc c1 Exec "$(exec_fields c1 e1 sleep 1001)"
    injected pidfd_open pidfd_open:error=EMFILE:when=1+ -- \
        fails 2 "failed to retrieve OCI runtime container pid" rpc c1 Start id=c1 exec_id=e1
    wait_until has_processes c1 1
    rpc c1 Delete id=c1 exec_id=e1
}


@test "P-30 a runtime that is killed while it creates leaves no cgroup, and Create can be repeated" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    cat >"$FAKE_RUNC/create.instead" <<SH
mkdir -p /run/containerd/runc/$NS/c1
for place in /sys/fs/cgroup/devices /sys/fs/cgroup/pids /sys/fs/cgroup; do
    [ ! -e \$place/cgroup.procs ] || mkdir -p \$place/$NS/c1
done
touch "$CASE/made"
kill -KILL \$\$
SH
    fails 2 "exit status 137" direct_create c1
    [ -e "$CASE/made" ]
    nothing_of c1
    rm "$FAKE_RUNC/create.instead"
    direct_run c1
}

@test "P-12 P-30 what the runtime was about to make when the shim was killed is not made after the delete action" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    touch "$FAKE_RUNC/create.hold"
    background create direct_create c1
    wait_until command_of c1
    serving=$(shim_pid c1)
    kill -KILL "$serving"
    wait_until gone "$serving"
    invoke c1 -bundle "$DIR/direct/c1" delete </dev/null 2>"$CASE/delete.err" >/dev/null
    no_command c1
    rm "$FAKE_RUNC/create.hold"
    forget_shim c1
    nothing_of c1
}

@test "C-1.70 P-30 the same where containerd names its state by a symbolic link, as dockerd's does" {
    direct_bundle c1 sleep 1000
    ln -s "$DIR/direct" "$DIR/link"
    direct_start c1 </dev/null
    touch "$FAKE_RUNC/create.hold"
    background create rpc c1 Create id=c1 bundle="$DIR/link/c1"
    wait_until by_link
    serving=$(shim_pid c1)
    kill -KILL "$serving"
    wait_until gone "$serving"
    invoke c1 -bundle "$DIR/link/c1" delete </dev/null 2>"$CASE/delete.err" >/dev/null
    not by_link
    rm "$FAKE_RUNC/create.hold" "$DIR/link"
    forget_shim c1
    nothing_of c1
}

by_link() { grep -lzxsF -e "$DIR/link/c1/init.pid" /proc/[0-9]*/cmdline; }

command_of() { ! no_command "$1"; }

# unstartable COUNT: so many Creates whose runtime is not there.
unstartable() {
    client "$1" "$DIR/direct/c1" <<'PY'
options = {"@type": "containerd.runc.v1.Options", "binary_name": "/nonexistent/runc"}
c = Connection(path)
for _ in range(int(sys.argv[2])):
    refused(2, "no such file", c, "Create", id="c2", bundle=sys.argv[3], options=options)
PY
}

memory_at_most() { [ "$(memory "$1" Private_Dirty)" -le "$2" ]; }

@test "P-53 a thousand runtimes that cannot be started leave at most 16 KiB" {
    direct c1 sleep 1000
    unstartable 50
    first=$(memory "$SHIM" Private_Dirty)
    unstartable 1000
    wait_until -t 5 memory_at_most "$SHIM" $((first + 16))
}
