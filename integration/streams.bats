# What ends, and what does not: output that somebody keeps open, processes that the kernel does not let die, execs with
# a cgroup of their own, fifos without a peer, a runtime that babbles, hangs or fails (P-13 … P-17, P-22, P-26, P-27).

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    stop_job hang KILL
    end_case
}

# bare ID COMMAND...: a bundle and its shim; the case creates the container.
bare() {
    direct_bundle "$@"
    direct_start "$1" </dev/null >/dev/null
    SHIM=$(shim_pid "$1")
    # One more: it will send events.
    echo $(($(fd_count "$SHIM") + 1)) >"$DIR/base/$SHIM"
}

# hosts_pids ID: the container has no pid namespace of its own.
hosts_pids() {
    edit_spec "$1" 'spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "pid"]'
}

# annotated ID KEY VALUE
annotated() { edit_spec "$1" "spec.setdefault('annotations', {})['$2'] = '$3'"; }

# processes ID: the pids in its cgroup, and in those below.
processes() { find "$(cgroup_of "$1")" -name cgroup.procs -exec cat {} + | sort -n; }

# processes_are ID COUNT
processes_are() { [ "$(processes "$1" | wc -l)" -eq "$2" ]; }

# output that somebody keeps open -------------------------------------------------------------------

@test "P-13 a grandchild that keeps a terminal open holds up neither Wait nor Delete" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
c = Connection(path)
out = Reader(sys.argv[2] + "/out")
c.call("Exec", id="c1", exec_id="e1", terminal=True, stdout=out.path,
       spec=exec_spec("sh", "-c", "trap '' HUP; sleep 1000 & echo ok"))
c.call("Start", id="c1", exec_id="e1")
c.call("Wait", id="c1", exec_id="e1", patience=5)
assert out.end() == b"ok\r\n", out.data
c.call("Delete", id="c1", exec_id="e1", patience=8)
PY
    processes_are c1 2
    budget "$SHIM"
}

@test "P-13 what an init in the host's pid namespace leaves behind holds up neither Wait nor Delete, nor its output's end" {
    bare c1 sh -c 'sleep 1000 & echo ok'
    hosts_pids c1
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
out = Reader(case + "/out")
c = Connection(path)
c.call("Create", id="c1", bundle=bundle, stdout=out.path)
c.call("Start", id="c1")
c.call("Wait", id="c1", patience=5)
assert out.end() == b"ok\n", out.data
c.call("Delete", id="c1", patience=8)
PY
    budget "$SHIM"
}

@test "P-22 P-23 what is still in the pipe or on the terminal when its process ends is delivered" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
c = Connection(path)
for name, count, terminal in (("pipe", 50000, False), ("terminal", 3000, True)):
    out = Reader(f"{sys.argv[2]}/{name}")
    # The fifo takes nothing: all that the process says stays where it is until somebody reads.
    full, junk = os.open(out.path, os.O_RDWR | os.O_NONBLOCK), 0
    try:
        while True:
            junk += os.write(full, b"x" * 4096)
    except BlockingIOError:
        os.close(full)
    c.call("Exec", id="c1", exec_id=name, terminal=terminal, stdout=out.path,
           spec=exec_spec("head", "-c", str(count), "/dev/zero"))
    c.call("Start", id="c1", exec_id=name)
    c.call("Wait", id="c1", exec_id=name, patience=5)
    assert c.call("State", id="c1", exec_id=name)["status"] == 3
    assert out.end() == b"x" * junk + bytes(count), (name, junk, len(out.data))
    c.call("Delete", id="c1", exec_id=name)
PY
    budget "$SHIM"
}

# processes that cannot be ended --------------------------------------------------------------------

# hang ID: in container ID whoever looks below /root waits for an answer that does not come, and no signal helps, until
# the job `hang` ends (FUSE). It says `asked` when somebody does.
hang() {
    [ -c /dev/fuse ] || skip "no FUSE"
    background hang python3 -uc '
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
device = os.open("/dev/fuse", os.O_RDWR)
namespace = os.open(sys.argv[1], os.O_RDONLY)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
assert libc.setns(namespace, 0) == 0, os.strerror(ctypes.get_errno())
assert libc.mount(b"hang", b"/root", b"fuse", 0, options) == 0, os.strerror(ctypes.get_errno())
print("mounted")
request = os.read(device, 1 << 17)
length, operation, unique = struct.unpack_from("=IIQ", request)
assert operation == 26  # FUSE_INIT
os.write(device, struct.pack("=IiQIIIIHHIIHHI28x", 80, 0, unique, 7, 31, 0, 0, 0, 0, 4096, 1, 1, 0, 0))
while os.read(device, 1 << 17):
    print("asked")
' "/proc/$(cat "$DIR/direct/$1/init.pid")/ns/mnt"
}

pod() {
    for id in c1 c2; do
        direct_bundle "$id" sleep 1000
        annotated "$id" io.containerd.runc.v2.group g
        if [ "${1:-}" = shared ]; then hosts_pids "$id"; fi
        direct_start "$id" </dev/null >/dev/null
        direct_run "$id" >/dev/null
    done
    note_words g
}

# stuck: a process of c1 that nobody can end, and that holds the stdout of an exec which has ended; its pid.
stuck() {
    hang c1
    wait_until grep -q mounted "$DIR/jobs/hang"
    direct_exec c1 e1 sh -c 'cat /root/x >/dev/null & exit 0' >/dev/null
    wait_until grep -q asked "$DIR/jobs/hang"
    rpc c1 Wait id=c1 exec_id=e1 >/dev/null
    rpc c1 Delete id=c1 exec_id=e1 >/dev/null
    processes c1 | grep -vx "$(cat "$DIR/direct/c1/init.pid")"
}

@test "P-14 P-69 a process that cannot be ended fails the delete by name, and holds up nobody else" {
    pod shared
    touch "$FAKE_RUNC/record"
    pid=$(stuck)
    rpc c1 Kill id=c1 signal=9
    rpc c1 --patience 8 Wait id=c1
    fails 9 "container c1: process $pid (state D" rpc c1 --patience 8 Delete id=c1
    [[ $output == *"cannot be ended"* ]]
    grep -q ' delete c1$' "$FAKE_RUNC/calls"
    state_is c1 3
    rpc c2 Kill id=c2 signal=9
    rpc c2 --patience 5 Wait id=c2
    rpc c2 --patience 5 Delete id=c2
    stop_job hang KILL
    wait_until gone "$pid"
    rpc c1 Delete id=c1
    direct_end c1 c2
}

@test "P-14 P-69 an init that waits for a process that cannot be ended is running, and the delete says why" {
    pod
    pid=$(stuck)
    rpc c1 Kill id=c1 signal=9
    wait_until killed "$pid"
    fails 2 "cannot delete a running process: container c1: process $pid (state D" rpc c1 --patience 5 Delete id=c1
    rpc c2 Kill id=c2 signal=9
    rpc c2 --patience 5 Wait id=c2
    stop_job hang KILL
    [[ $(rpc c1 --patience 8 Wait id=c1) == *'"exit_status": 137'* ]]
    rpc c1 Delete id=c1
    direct_end c1 c2
}

# killed PID: a SIGKILL waits for it.
killed() { grep -qE '^(Sig|Shd)Pnd:.*[13579bdf][0-9a-f]{2}$' "/proc/$1/status"; }

# a task that never started -------------------------------------------------------------------------

@test "P-15 a task whose start failed is deleted at once, and its descriptors come back" {
    bare c1 sleep 1000
    echo "no such thing" >"$FAKE_RUNC/start.fail"
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
out, err = Reader(case + "/out"), Reader(case + "/err")
os.mkfifo(case + "/in")
c = Connection(path)
c.call("Create", id="c1", bundle=bundle, stdin=case + "/in", stdout=out.path, stderr=err.path)
refused(2, "no such thing", c, "Start", id="c1")
begin = time.monotonic()
c.call("Delete", id="c1", patience=15)
# Whoever waited first for the output's end, which only the delete can bring, would need so long at least.
assert time.monotonic() - begin < 2
assert (out.end(), err.end()) == (b"", b"")
PY
    budget "$SHIM"
}

# execs with a cgroup of their own ------------------------------------------------------------------

# daemons ID EXEC: an exec whose daemon has left its session and its parent; the exec's first process stays.
daemons() {
    direct_exec "$1" "$2" sh -c 'setsid sh -c "sleep 1000 & exit"; exec sleep 1000' >/dev/null
    wait_until processes_are "$1" "${3:-3}"
}

# with_exec_cgroups: skips the case where the runtime cannot do it.
with_exec_cgroups() {
    if [ "$SHIM_RUNC" = crun ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then skip "crun wants cgroup v2"; fi
}

exec_cgroups() { find /sys/fs/cgroup -path "*/$NS/$1/exec-*" -name cgroup.procs; }

@test "P-16 with ExecCgroup a SIGKILL of an exec ends what it has started, daemons too; other signals do not" {
    with_exec_cgroups
    direct_bundle c1 sleep 1000
    annotated c1 io.swiftrunc.exec-cgroup true
    direct_start c1 </dev/null >/dev/null
    direct_run c1 >/dev/null
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
    direct_exec c1 other sleep 1000
    daemons c1 e1 4
    [ "$(rpc c1 Pids id=c1 | grep -o '"pid"' | wc -l)" -eq 4 ]
    [ "$(exec_cgroups c1 | wc -l)" -eq 2 ]
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    [[ $(rpc c1 Wait id=c1 exec_id=e1) == *'"exit_status": 137'* ]]
    wait_until processes_are c1 2
    rpc c1 Delete id=c1 exec_id=e1
    [ "$(exec_cgroups c1 | wc -l)" -eq 1 ]
    # What it leaves behind by itself stays, until somebody says KILL.
    daemons c1 e2 4
    rpc c1 Kill id=c1 exec_id=e2 signal=15
    [[ $(rpc c1 Wait id=c1 exec_id=e2) == *'"exit_status": 143'* ]]
    processes_are c1 3
    rpc c1 Kill id=c1 exec_id=e2 signal=9
    wait_until processes_are c1 2
    fails 5 "process already finished" rpc c1 Kill id=c1 exec_id=e2 signal=9
    rpc c1 Delete id=c1 exec_id=e2
    # One that is deleted while a daemon of it lives goes when that has gone, with the next.
    daemons c1 e3 4
    rpc c1 Kill id=c1 exec_id=e3 signal=15
    rpc c1 Wait id=c1 exec_id=e3
    rpc c1 Delete id=c1 exec_id=e3
    processes_are c1 3
    [ "$(exec_cgroups c1 | wc -l)" -eq 2 ]
    rpc c1 Kill id=c1 exec_id=other signal=9
    rpc c1 Wait id=c1 exec_id=other
    rpc c1 Delete id=c1 exec_id=other
    [ "$(exec_cgroups c1 | wc -l)" -eq 1 ]
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    [ -z "$(exec_cgroups c1)" ]
}

@test "P-16 ExecCgroup is off, is said by the host's file, and the annotation comes before it" {
    with_exec_cgroups
    direct c1 sleep 1000
    daemons c1 e1
    [ -z "$(exec_cgroups c1)" ]
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    rpc c1 Wait id=c1 exec_id=e1
    processes_are c1 2
    direct_end c1
    echo 'ExecCgroup = true' >"$SWIFTRUNC_CONFIG"
    direct c1 sleep 1000
    direct_exec c1 e1 sleep 1000
    [ -n "$(exec_cgroups c1)" ]
    # A runtime that does not know the option says so.
    echo "flag provided but not defined: -cgroup" >"$FAKE_RUNC/exec.fail"
    rpc c1 Exec "$(exec_fields c1 e2 true)"
    fails 2 "flag provided but not defined: -cgroup (the runtime was asked for --cgroup " rpc c1 Start id=c1 exec_id=e2
    rm "$FAKE_RUNC/exec.fail"
    [ "$(exec_cgroups c1 | wc -l)" -eq 1 ]
    direct_end c1
    direct_bundle c1 sleep 1000
    annotated c1 io.swiftrunc.exec-cgroup false
    direct_start c1 </dev/null >/dev/null
    direct_run c1 >/dev/null
    direct_exec c1 e1 sleep 1000
    [ -z "$(exec_cgroups c1)" ]
    direct_end c1
    rm "$SWIFTRUNC_CONFIG"
    direct_bundle c1 true
    annotated c1 io.swiftrunc.exec-cgroup maybe
    direct_start c1 </dev/null >/dev/null
    fails 3 'annotation io.swiftrunc.exec-cgroup "maybe": neither true nor false' direct_create c1
}

# fifos without a peer ------------------------------------------------------------------------------

@test "P-17 fifos that nobody opens, or that somebody leaves between two opens, hold up no call" {
    bare c1 sh -c 'echo out; echo err >&2; exec sleep 1000'
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
c = Connection(path)

def fifos(name):
    paths = {stream: f"{case}/{name}-{stream}" for stream in ("stdin", "stdout", "stderr")}
    for path in paths.values():
        os.mkfifo(path)
    return paths

c.call("Create", id="c1", bundle=bundle, **fifos("c1"), patience=5)
c.call("Start", id="c1", patience=5)
assert c.call("State", id="c1", patience=5)["status"] == 2
for name in ("nobody", "leaves", "idle"):
    paths = fifos(name)
    reader = None if name == "nobody" else os.open(paths["stdout"], os.O_RDONLY | os.O_NONBLOCK)
    c.call("Exec", id="c1", exec_id=name, **paths, spec=exec_spec("sh", "-c", "echo out; echo err >&2"), patience=5)
    if name == "leaves":
        os.close(reader)
    c.call("Start", id="c1", exec_id=name, patience=5)
    assert c.call("Wait", id="c1", exec_id=name, patience=5).get("exit_status", 0) == 0
    c.call("Delete", id="c1", exec_id=name, patience=5)
    if name == "idle":
        os.set_blocking(reader, True)
        assert os.read(reader, 100) == b"out\n"
c.call("Kill", id="c1", signal=9, patience=5)
assert c.call("Wait", id="c1", patience=5)["exit_status"] == 137
c.call("Delete", id="c1", patience=5)
PY
    budget "$SHIM"
}

# a runtime that babbles, hangs or fails ------------------------------------------------------------

@test "P-26 megabytes of the runtime's own on a client's stderr are relayed, and hold up nothing" {
    direct c1 sleep 1000
    echo 10000000 >"$FAKE_RUNC/exec.noise"
    client "$CASE" <<'PY'
c = Connection(path)
err = Reader(sys.argv[2] + "/err")
# Without a writer it would be at its end.
writer = os.open(err.path, os.O_WRONLY)
err.start()
c.call("Exec", id="c1", exec_id="e1", stderr=err.path, spec=exec_spec("sh", "-c", "echo end >&2"))
c.call("Start", id="c1", exec_id="e1", patience=15)
os.close(writer)
c.call("Wait", id="c1", exec_id="e1", patience=5)
data = err.end()
assert data == b"x" * 10000000 + b"end\n", len(data)
c.call("Delete", id="c1", exec_id="e1", patience=5)
PY
    budget "$SHIM"
}

@test "P-26 a pause, a resume and an update that hang end with an error, and others go on meanwhile" {
    direct_bundle c1 sleep 1000
    SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS=2 direct_start c1 </dev/null >/dev/null
    direct_run c1 >/dev/null
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
    touch "$FAKE_RUNC/pause.hang" "$FAKE_RUNC/update.hang"
    client "$FAKE_RUNC" <<'PY'
def late(method, stream):
    try:
        c.result(method, stream, 15)
    except Failure as failure:
        assert failure.code == 4, failure
    else:
        raise AssertionError(method + " succeeded")

c = Connection(path)
pause = c.send("Task", "Pause", {"id": "c1"})
update = c.send("Task", "Update", {"id": "c1", "resources": {"@type": "x", "@json": {}}})
deadline = time.monotonic() + 2
while c.call("State", id="c1", patience=5)["status"] != 5:
    assert time.monotonic() < deadline
assert c.call("Pids", id="c1", patience=5)["processes"]
late("Pause", pause)
late("Update", update)
assert c.call("State", id="c1", patience=5)["status"] == 2
os.unlink(sys.argv[2] + "/pause.hang")
c.call("Pause", id="c1")
open(sys.argv[2] + "/resume.hang", "w").close()
resume = c.send("Task", "Resume", {"id": "c1"})
assert c.call("State", id="c1", patience=5)["status"] == 4
late("Resume", resume)
os.unlink(sys.argv[2] + "/resume.hang")
c.call("Resume", id="c1")
PY
    not pgrep -P "$SHIM" -f 'sleep 100000'
    budget "$SHIM"
}

@test "P-27 execs that fail leave no file and no descriptor" {
    direct c1 sleep 1000
    echo "no such thing" >"$FAKE_RUNC/exec.fail"
    find "$DIR/direct/c1" "$DIR/tmp" | sort >"$CASE/before"
    client "${FAILING_EXECS:-60}" <<'PY'
c = Connection(path)
for number in range(int(sys.argv[2])):
    names = {"id": "c1", "exec_id": f"e{number}"}
    c.call("Exec", {**names, "terminal": number % 2 == 1, "spec": exec_spec("true")})
    refused(2, "no such thing", c, "Start", **names)
    c.call("Delete", names)
PY
    find "$DIR/direct/c1" "$DIR/tmp" | sort | diff "$CASE/before" -
    [ "$(stat -c %s "$DIR/direct/c1/log.json" 2>/dev/null || echo 0)" -lt 4096 ]
    budget "$SHIM"
}
