# Kubernetes' side: the CRI plugin of each containerd, with our shim as its default handler; cri.py is the kubelet.
# SHIM_RUNTIME=io.containerd.runc.v2: all of it with the Go shim, for comparison.

# bats file_tags=cri

load lib

setup_file() {
    setup_suite_file k8s.io
    stop_containerd
    # Others than root pass through it, as through containerd's own: the first of a user namespace does.
    chmod 711 "$DIR"
    cri_config
    start_containerd
    export IMAGE=localhost/box:1
    make_image
    wait_until image_is_managed
    CRI_CGROUP=/$PARENT
    [ "${SHIM_DRIVER:-}" != systemd ] || CRI_CGROUP=/$PARENT.slice
    export CRI_MESSAGES=$DIR/messages CRI_SOCKET=$SOCK CRI_CGROUP CRI_LOGS=$CASE/logs CRI_WORDS=$DIR/words
    mkdir "$CRI_MESSAGES"
    protoc --python_out="$CRI_MESSAGES" -I "$INTEGRATION" "$INTEGRATION/cri.proto"
    wc -l <"$DIR/containerd.log" >"$DIR/log-lines"
}

teardown_file() { teardown_suite_file; }

teardown() {
    local bad=0
    python3 "$INTEGRATION/cri.py" || bad=1
    end_case || bad=1
    return "$bad"
}

# cri_config: what write_config wrote, the handlers of the document, and what makes it a place of its own.
cri_config() {
    local plugin=grpc.v1.cri block=3 systemd=false
    [ "${SHIM_DRIVER:-}" != systemd ] || systemd=true
    if daemon_since 1.7; then block=2; fi
    mkdir -p "$DIR/cni"
    cat >"$DIR/cni/10-pods.conflist" <<JSON
{ "cniVersion": "0.4.0", "name": "pods", "plugins": [
    { "type": "ptp", "ipam": { "type": "host-local", "subnet": "10.213.0.0/24", "dataDir": "$DIR/leases" } }
] }
JSON
    document kubernetes.md toml 4 | sed "s|/usr/bin/crun|$DIR/bin/runc|; s|true|$systemd|" >"$DIR/crun.toml"
    echo "Root = \"$RUNTIME_ROOT\"" >"$SWIFTRUNC_CONFIG"
    {
        if daemon_since 2.0; then
            plugin=cri.v1.runtime block=1
            printf '[plugins."io.containerd.cri.v1.images".pinned_images]\nsandbox = "localhost/box:1"\n'
            printf '[plugins."io.containerd.grpc.v1.cri"]\nstream_server_address = "127.0.0.1"\nstream_server_port = "0"\n'
        fi
        printf '[plugins."io.containerd.%s"]\nrestrict_oom_score_adj = true\nnetns_mounts_under_state_dir = true\n' "$plugin"
        if ! daemon_since 2.0; then
            printf 'sandbox_image = "localhost/box:1"\nstream_server_address = "127.0.0.1"\nstream_server_port = "0"\n'
        fi
        printf '[plugins."io.containerd.%s".cni]\nbin_dir = "/usr/lib/cni"\nconf_dir = "%s/cni"\n' "$plugin" "$DIR"
        printf '[plugins."io.containerd.%s".containerd]\ndefault_runtime_name = "default"\n' "$plugin"
        document kubernetes.md toml "$block" | sed "/^version/d; s|^runtime_path = .*|runtime_path = \"$SHIM_BINARY\"|
            s|\"io.containerd.swiftrunc.v2\"|\"$SHIM_RUNTIME\"|; s|/etc/swiftrunc/|$DIR/|; s|SystemdCgroup = true|SystemdCgroup = $systemd\nRoot = \"$RUNTIME_ROOT\"|"
        handler default "$SHIM_RUNTIME"
        # The Go shim, for a node on the way from one to the other.
        handler runc io.containerd.runc.v2
    } >>"$DIR/config.toml"
}

# handler NAME TYPE: one without options; the Go shim is told where its state is, ours has the host's file.
handler() {
    printf '[plugins."io.containerd.%s".containerd.runtimes.%s]\nruntime_type = "%s"\n' "$plugin" "$1" "$2"
    [ "$2" != io.containerd.runc.v2 ] ||
        printf '[plugins."io.containerd.%s".containerd.runtimes.%s.options]\nRoot = "%s"\nSystemdCgroup = %s\n' \
            "$plugin" "$1" "$RUNTIME_ROOT" "$systemd"
}

image_is_managed() { ctr image ls | grep -q '^localhost/box:1 .*io.cri-containerd.image=managed'; }

# cri: the Python on stdin, with all of cri.py.
cri() { python3 -c 'import sys; from cri import *; exec(compile(sys.stdin.read(), "case", "exec"))'; }

@test "T-167 C-1.9 one shim for a pod and its containers, and none after it; by default, by its path, by a handler with options" {
    # The class of the document has a handler that there is.
    document kubernetes.md yaml | grep -qx 'handler: swiftrunc'
    cri <<'PY'
for handler in "", "swiftrunc", "swiftrunc-crun":
    pod = Pod("p" + handler, handler)
    assert pod.is_ready() and pod.status().runtime_handler == handler
    first, second = (pod.container(name, "sleep", "1000") for name in ("a", "b"))
    assert first.status().state == second.status().state == RUNNING
    assert first.exec("cat", "/proc/1/cmdline")[1] == "sleep\x001000\x00"
PY
    [ "$(shims | wc -l)" -eq 3 ]
    while read -r pid _; do [ "$(readlink "/proc/$pid/exe")" = "$SHIM_BINARY" ]; done < <(shims)
    python3 "$INTEGRATION/cri.py"
    wait_until no_shims
}

@test "ExecSync: status, both outputs, a program that is not there, a deadline" {
    cri <<'PY'
box = Pod("p").container("a", "sleep", "1000")
same(box.exec("sh", "-c", "echo out; echo err >&2; exit 7"), (7, "out\n", "err\n"))
assert box.exec("sh", "-c", "seq 100000")[1] == "".join(f"{n}\n" for n in range(1, 100001))
assert "executable file not found" in refuses(lambda: box.exec("no-such-program"))
# What is over its time is killed.
assert "timeout" in (text := refuses(lambda: box.exec("sleep", "1234", timeout=1))), text
until(lambda: "sleep 1234" not in box.exec("ps")[1])
PY
}

@test "P-53 probes ten times a second leave nothing, in the shim or in the container" {
    cri <<'PY'
import os
pod = Pod("p")
box = pod.container("a", "sleep", "1000")
box.exec("true")
[shim] = {int(open(f"/proc/{pod.pid()}/stat").read().rsplit(")", 1)[1].split()[1])}
fds = lambda: len(os.listdir(f"/proc/{shim}/fd"))
before, began = fds(), time.monotonic()
for turn in range(50):
    assert box.exec("true")[0] == 0
    time.sleep(max(0, began + turn / 10 - time.monotonic()))
until(lambda: fds() <= before, what="descriptors")
assert len(os.listdir(f"/proc/{box.pid()}/root/proc")) < 100
PY
    budget "$(shims | awk '{ print $1 }')" 2
}

@test "kubectl exec: stdin to its end, both outputs, status; a terminal and its size" {
    cri <<'PY'
box = Pod("p").container("a", "sleep", "1000")
stream = box.stream_exec("sh", "-c", "read line; echo out $line; echo err $line >&2; exit 3")
stream.send(Stream.STDIN, b"hello\n")
same(stream.finish(), (3, "out hello\n", "err hello\n"))
script = "stty -echo; echo ready; until [ \"$(stty size 2>/dev/null)\" = '31 97' ]; do sleep 0.01; done; read line; echo $line; exit 5"
terminal = box.stream_exec("sh", "-c", script, tty=True)
terminal.resize(97, 31)
terminal.until(b"ready")
terminal.send(Stream.STDIN, b"typed\n")
same(terminal.finish(), (5, "ready\r\ntyped\r\n", ""))
# Who goes away leaves no process behind whose input has ended.
gone = box.stream_exec("sh", "-c", "echo ready; cat; sleep 0.1").until(b"ready")
gone.close()
until(lambda: " cat\n" not in box.exec("ps")[1])
PY
}

@test "kubectl attach: to a container with stdin, to one with a terminal; twice" {
    cri <<'PY'
pod = Pod("p")
box = pod.container("a", "sh", "-c", "while read line; do echo out $line; done; echo over", stdin=True)
for word in b"one", b"two":
    stream = box.attach()
    stream.send(Stream.STDIN, word + b"\n")
    stream.until(b"out " + word)
    stream.close()
terminal = pod.container("b", "sh", "-c", "stty -echo; while read line; do stty size; done", stdin=True, tty=True)
stream = terminal.attach()
stream.resize(90, 30)
def sized():
    stream.send(Stream.STDIN, b"\n")
    stream.read()
    return b"30 90" in stream.said[Stream.STDOUT]
until(sized)
stream.close()
assert box.log_lines() == [("stdout", "out one"), ("stdout", "out two")]
PY
}

@test "kubectl logs: every line of both streams, long ones and the last; rotation" {
    # It closes a container's fifos before it has read them, if reading takes its time; of the Go shim's containers too.
    [ -z "${SWIFTRUNC_PREBUILT:-}" ] || [ "$DAEMON" != 1.6 ] || skip "containerd 1.6 loses output on a slow machine"
    cri <<'PY'
import os
pod = Pod("p")
script = "seq 20000; seq 20000 >&2; head -c 100000 /dev/zero | tr '\\0' x; echo; printf end"
box = pod.container("a", "sh", "-c", script)
assert box.ended().exit_code == 0
lines = until(lambda: [text for stream, text in box.log_lines() if stream == "stdout"][20001:] and box.log_lines())
numbers = [str(n) for n in range(1, 20001)]
assert [text for stream, text in lines if stream == "stdout"] == numbers + ["x" * 100000, "end"]
assert [text for stream, text in lines if stream == "stderr"] == numbers
# A log that is moved away is opened anew; no line is lost or told twice.
box = pod.container("b", "sh", "-c", "i=0; while [ $i -lt 4000 ]; do echo $i; i=$((i + 1)); [ $((i % 100)) != 0 ] || sleep 0.01; done")
parts = []
for turn in range(5):
    until(lambda: os.path.exists(box.log) and os.path.getsize(box.log) > 2000 or box.status().state == EXITED)
    parts.append(f"{box.log}.{turn}")
    os.rename(box.log, parts[-1])
    if box.status().state != RUNNING:
        break
    call("ReopenContainerLog", container_id=box.id)
box.ended()
told = lambda: [text for path in [*parts, box.log] if os.path.exists(path) for _, text in box.log_lines(path)]
until(lambda: len(told()) >= 4000)
assert told() == [str(n) for n in range(4000)]
PY
}

@test "kubectl top: figures of containers and of the pod; an update is in the cgroup" {
    cri <<'PY'
pod = Pod("p")
box = pod.container("a", "sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done; exec sleep 1000",
                    resources={"memory_limit_in_bytes": 64 << 20, "cpu_shares": 512})
used = until(lambda: (lambda s: s if s.cpu.usage_core_nano_seconds.value > 10_000_000 else None)(box.stats()))
assert 0 < used.memory.working_set_bytes.value < 64 << 20
[listed] = [stats for stats in call("ListContainerStats").stats if stats.attributes.id == box.id]
assert listed.cpu.usage_core_nano_seconds.value >= used.cpu.usage_core_nano_seconds.value
whole = call("PodSandboxStats", pod_sandbox_id=pod.id).stats.linux
assert [stats.attributes.id for stats in whole.containers] == [box.id]
groups = dict(line.strip().split(":", 2)[1:] for line in open(f"/proc/{box.pid()}/cgroup"))
def limit():
    if "memory" in groups:
        return open(f"/sys/fs/cgroup/memory{groups['memory']}/memory.limit_in_bytes").read()
    return open(f"/sys/fs/cgroup{groups['']}/memory.max").read()
assert limit() == f"{64 << 20}\n"
call("UpdateContainerResources", container_id=box.id, linux={"memory_limit_in_bytes": 96 << 20, "cpu_shares": 700})
assert limit() == f"{96 << 20}\n"
PY
}

@test "statuses: an exit code, a signal, a program that is not there, no memory; stop with grace and without" {
    cri <<'PY'
pod = Pod("p")
assert pod.container("a", "sh", "-c", "exit 255").ended().exit_code == 255
never = pod.container("b", "no-such-program", start=False)
assert "executable file not found" in (text := refuses(never.start)), text
assert (never.status().state, never.status().exit_code, never.status().reason) == (EXITED, 128, "StartError")
killed = pod.container("c", "sh", "-c", "tail /dev/zero", resources={"memory_limit_in_bytes": 20 << 20}).ended()
assert (killed.exit_code, killed.reason) == (137, "OOMKilled"), killed
polite = pod.container("d", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done")
until(lambda: polite.log_lines())
polite.stop(grace=30)
assert polite.status().exit_code == 9
deaf = pod.container("e", "sleep", "1000")
deaf.stop(grace=1)
assert deaf.status().exit_code == 137 and deaf.status().reason == "Error"
deaf.stop(grace=1)
for state in never, deaf:
    state.remove()
    state.remove()
PY
}

@test "the sandbox dies first, a container dies first, all die at once: pods stop and are removed" {
    cri <<'PY'
import os, signal
first = Pod("first")
box = first.container("a", "sleep", "1000")
os.kill(first.pid(), signal.SIGKILL)
until(lambda: not first.is_ready())
assert box.status().state == RUNNING and box.exec("true")[0] == 0
second = Pod("second")
box = second.container("a", "sleep", "1000")
os.kill(box.pid(), signal.SIGKILL)
assert box.ended().exit_code == 137
assert second.is_ready() and second.container("b", "sh", "-c", "exit 4").ended().exit_code == 4
third = Pod("third")
boxes = [third.container(f"c{n}", "sleep", "1000") for n in range(8)]
for pid in [third.pid(), *(box.pid() for box in boxes)]:
    os.kill(pid, signal.SIGKILL)
assert [box.ended().exit_code for box in boxes] == [137] * 8
until(lambda: not third.is_ready())
for pod in first, second, third:
    pod.remove()
PY
    wait_until no_shims
}

@test "C-1.57 containerd is killed and comes back: what ran runs on, what ended meanwhile has its status, output goes on" {
    cri >"$CASE/ids" <<'PY'
pod = Pod("p")
ending = pod.container("a", "sh", "-c", "echo before; while [ ! -e /tmp/end ]; do sleep 0.05; done; echo after; exit 6")
running = pod.container("b", "sh", "-c", "trap 'exit 8' TERM; while :; do echo tick; sleep 0.05; done")
until(lambda: ending.log_lines() and running.log_lines())
print(pod.id, ending.id, running.id, ending.pid())
PY
    read -r pod ending running pid <"$CASE/ids"
    export pod ending running
    kill9_containerd
    touch "/proc/$pid/root/tmp/end"
    wait_until gone "$pid"
    start_containerd
    cri <<'PY'
pod, ending, running = (os.environ[name] for name in ("pod", "ending", "running"))
status = lambda id: call("ContainerStatus", container_id=id).status
until(lambda: status(ending).state == EXITED)
assert status(ending).exit_code == 6
assert status(running).state == RUNNING
assert call("PodSandboxStatus", pod_sandbox_id=pod).status.state == READY
assert call("ExecSync", container_id=running, cmd=["echo", "here"]).stdout == b"here\n"
size = lambda: os.path.getsize(os.environ["CRI_LOGS"] + "/p/b.log")
then = size()
until(lambda: size() > then)
call("StopContainer", container_id=running, timeout=30)
assert status(running).exit_code == 8
PY
}

@test "one pid namespace for a pod, and that of another container; a network of the pod's own" {
    cri <<'PY'
pod = Pod("shared", pid=POD)
boxes = [pod.container(name, "sleep", number) for name, number in (("a", "1001"), ("b", "1002"))]
seen = boxes[0].exec("ps")[1]
assert "sleep 1001" in seen and "sleep 1002" in seen and "sleep 1000000" in seen
pod = Pod("own", network=POD)
assert pod.status().network.ip.startswith("10.213.0.")
box = pod.container("a", "sleep", "1003")
assert box.exec("hostname")[1] == "own\n"
assert pod.status().network.ip in box.exec("ip", "addr")[1]
debug = pod.container("debug", "sleep", "1004",
                      security={"namespace_options": {"network": POD, "pid": TARGET, "target_id": box.id}})
assert "sleep 1003" in debug.exec("ps")[1]
pod.remove()
PY
}

# bats test_tags=containerd:2-1
@test "C-1.60 by its path, containerd asks the shim what the runtime can: recursive read-only mounts" {
    mkdir -p "$CASE/data/below"
    mount -t tmpfs tmpfs "$CASE/data/below"
    DATA=$CASE/data cri <<'PY'
handlers = {handler.name: handler.features for handler in call("Status").runtime_handlers}
assert handlers["swiftrunc"].recursive_read_only_mounts, handlers
mounts = [{"container_path": "/data", "host_path": os.environ["DATA"], "readonly": True, "recursive_read_only": True}]
box = Pod("p", "swiftrunc").container("a", "sleep", "1000", mounts=mounts)
status, _, error = box.exec("sh", "-c", "echo x >/data/below/file")
assert status == 1 and "Read-only" in error
PY
    umount "$CASE/data/below"
}

# bats test_tags=containerd:2-1
@test "a pod with a user namespace, where the runtime can" {
    cri <<'PY' >"$CASE/can"
handlers = {handler.name: handler.features for handler in call("Status").runtime_handlers}
if handlers["swiftrunc"].user_namespaces:
    print("yes")
    ranges = [{"host_id": 100000, "container_id": 0, "length": 65536}]
    pod = Pod("p", "swiftrunc", network=POD, userns={"mode": POD, "uids": ranges, "gids": ranges})
    box = pod.container("a", "sh", "-c", "echo out; echo err >&2; exec sleep 1000")
    assert box.exec("cat", "/proc/self/uid_map")[1].split() == ["0", "100000", "65536"]
    until(lambda: len(box.log_lines()) == 2)
    assert sorted(box.log_lines()) == [("stderr", "err"), ("stdout", "out")]
    assert os.stat(f"/proc/{box.pid()}").st_uid == 100000
PY
    [ -s "$CASE/can" ] || skip "$(runc --version | head -n 1) mounts no file system with other owners"
}

@test "a node on its way: pods of the Go shim and of ours side by side" {
    [ "$SHIM_BUILD" != go ] || skip "there is but one"
    cri <<'PY'
old, new = Pod("old", "runc"), Pod("new")
boxes = [pod.container("a", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done") for pod in (old, new)]
for box in boxes:
    assert box.exec("echo", "here")[1] == "here\n"
old.remove()
assert boxes[1].exec("true")[0] == 0 and new.is_ready()
PY
}

@test "many pods at once: all run, all end with their status, nothing is left" {
    PODS=${PODS:-12} cri <<'PY'
from concurrent.futures import ThreadPoolExecutor
def life(number):
    pod = Pod(f"p{number}")
    box = pod.container("a", "sh", "-c", f"echo line {number}; exit {number}")
    other = pod.container("b", "sleep", "1000")
    assert box.ended(60).exit_code == number
    assert other.exec("echo", "here")[1] == "here\n"
    until(lambda: box.log_lines() == [("stdout", f"line {number}")])
    pod.remove()
    return number
count = int(os.environ["PODS"])
with ThreadPoolExecutor(count) as pool:
    assert list(pool.map(life, range(count))) == list(range(count))
PY
    wait_until -t 60 no_shims
}
