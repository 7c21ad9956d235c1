"""The common ground of sweeps, soak and benchmarks: the standard library and ttrpc.py only.

A `Host` is what containerd would be to some shims: a directory, a namespace, an event service that
notes when each event came, bundles made by hand. A `Shim` is started by its `start` action, and
called as containerd calls it. A `Life` is one container from Create to Delete whose every process
has a status that is known beforehand. Whatever is not as it must be is a problem of the host, with
the words that repeat it; `Host.invariants()` looks for what is left, `Host.truth()` at the events.
"""

import collections
import contextlib
import glob
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import ttrpc
from ttrpc import LOST, TIMEOUT, Failure

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SHIM = os.environ.get("SHIM_BINARY") or str(ROOT / "bin/containerd-shim-swiftrunc-v2")
PROCESS = "types.containerd.io/opencontainers/runtime-spec/1/Process"
CREATED, RUNNING, STOPPED, PAUSED, PAUSING = 1, 2, 3, 4, 5
NOT_FOUND = 5
# The system's own tools first: wrappers before them cost more than what they wrap.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")

# Once it was quiet for a second, a shim gives back what it can; it looks each second.
QUIET = 2.1

Event = collections.namedtuple("Event", "time topic container exec pid status at")


def wait_until(condition, patience=10.0, step=0.005):
    """Whether the condition came true within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step)
    return True


def alive(pid):
    """It runs, and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def children(pid):
    """The children of a process of one thread, zombies too."""
    return [int(word) for word in read(f"/proc/{pid}/task/{pid}/children").split()]


def descriptors(pid):
    """What each descriptor of a process is."""
    links = []
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(path))
    return sorted(links)


def private_kib(pid):
    found = re.search(r"^Private_Dirty: *(\d+)", read(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
    return int(found[1]) if found else 0


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(OSError):
        os.kill(pid, number)


class EventService:
    """Plays containerd's event service; `close` and `open` are containerd's death and return.

    `events` has what came, in order. A request that came twice, as one does whose answer was lost,
    is there once: a doubled event would have another timestamp.
    """

    def __init__(self, path):
        self.path, self.events, self.changed = path, [], threading.Condition()
        self.by_container = collections.defaultdict(list)
        self.seen, self.thread = set(), None
        self.open()

    def open(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # It has its name only once it listens.
        listener.bind(self.path + ".new")
        listener.listen(256)
        os.rename(self.path + ".new", self.path)
        self.ending, waker = socket.socketpair()
        self.thread = threading.Thread(target=self.serve, args=(listener, waker), daemon=True)
        self.thread.start()

    def close(self):
        self.ending.close()
        self.thread.join()
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def serve(self, listener, waker):
        buffers = {listener: b"", waker: b""}
        while True:
            for ready in select.select(list(buffers), [], [])[0]:
                if ready is waker:
                    for one in buffers:
                        one.close()
                    return
                if ready is listener:
                    buffers[listener.accept()[0]] = b""
                elif ready in buffers and not self.receive(ready, buffers):
                    del buffers[ready]
                    ready.close()

    def receive(self, ready, buffers):
        try:
            piece = ready.recv(1 << 16)
            data = buffers[ready] + piece
            while len(data) >= ttrpc.HEADER.size:
                length, stream, _, _ = ttrpc.HEADER.unpack_from(data)
                end = ttrpc.HEADER.size + length
                if len(data) < end:
                    break
                self.note(data[ttrpc.HEADER.size:end])
                data = data[end:]
                ready.sendall(ttrpc.frame(stream, ttrpc.RESPONSE))
            buffers[ready] = data
            return bool(piece)
        except OSError:
            return False

    def note(self, body):
        call = ttrpc.decode("Request", body)
        payload = call.get("payload", b"")
        envelope = ttrpc.decode("ForwardRequest", payload).get("envelope", {})
        event = envelope.get("event", {})
        container = event.get("container_id", "")
        exec_id = event.get("exec_id", event.get("id", ""))
        at = event.get("exited_at", {})
        digest = hashlib.sha1(payload).digest()
        with self.changed:
            if digest not in self.seen:
                self.seen.add(digest)
                told = Event(
                    time.monotonic(), envelope.get("topic", "").removeprefix("/tasks/"), container,
                    "" if exec_id == container else exec_id, event.get("pid", 0), event.get("exit_status", 0),
                    (at.get("seconds", 0), at.get("nanos", 0)))
                self.events.append(told)
                self.by_container[container].append(told)
            self.changed.notify_all()

    def of(self, container):
        with self.changed:
            return list(self.by_container.get(container, ()))

    def wait(self, condition, patience=10.0):
        """Whether `condition(events)` came true in time."""
        with self.changed:
            return self.changed.wait_for(lambda: condition(self.events), patience)


class Host:
    """What containerd would be to some shims. `words`: the command line that repeats the present step."""

    def __init__(self, binary=SHIM):
        self.binary = os.path.abspath(binary)
        self.dir = tempfile.mkdtemp(prefix="sw.", dir="/run")
        self.namespace = "sw" + self.dir.rsplit(".", 1)[1].replace("_", "0")
        self.address = self.dir + "/c.sock"
        self.rootfs, self.faults, self.tmp = self.dir + "/rootfs", self.dir + "/faults", self.dir + "/tmp"
        self.bundles, self.io = self.dir + "/bundles", self.dir + "/io"
        self.runtime_state = "/run/containerd/runc/" + self.namespace
        self.problems, self.words, self.groups, self.shims = [], "", set(), []
        # Of each process, how it may truthfully end; and what containerd was told by `delete` actions.
        self.statuses, self.cleanups = {}, {}
        self.lock, self.last = threading.Lock(), 0
        # Problems are told by whoever looks at them later.
        self.holds_back = False
        for path in self.faults, self.tmp, self.bundles, self.io, self.dir + "/bin":
            os.mkdir(path)
        os.symlink(HERE / "fake-runc", self.dir + "/bin/runc")
        self.make_rootfs()
        # It reads both streams, once it has said that it is ready.
        with open(self.dir + "/bin/logger", "w") as file:
            file.write(f"#!/bin/sh\nexec 5>&-\ncat <&4 >>{self.dir}/logged &\nexec cat <&3 >>{self.dir}/logged\n")
        os.chmod(self.dir + "/bin/logger", 0o755)
        self.events = EventService(self.dir + "/events.sock")
        self.environment = {
            **os.environ, "PATH": f"{self.dir}/bin:{PATH}", "TMPDIR": self.tmp, "XDG_RUNTIME_DIR": self.tmp,
            "TTRPC_ADDRESS": self.events.path, "FAKE_RUNC": self.faults, "SWIFTRUNC_CONFIG": self.dir + "/host.toml",
            "FAKE_RUNC_REAL": os.environ.get("FAKE_RUNC_REAL") or shutil.which("runc", path=PATH) or "runc"}

    def make_rootfs(self):
        for name in "bin proc sys dev etc tmp root".split():
            os.makedirs(f"{self.rootfs}/{name}")
        shutil.copy(shutil.which("busybox", path=PATH), self.rootfs + "/bin/busybox")
        for applet in "sh sleep true cat echo usleep".split():
            os.symlink("busybox", f"{self.rootfs}/bin/{applet}")

    def name(self, prefix):
        with self.lock:
            self.last += 1
            return f"{prefix}{self.last}"

    def problem(self, text, *details):
        """Something is not as it must be."""
        words = [f"PROBLEM {text}", *(f"    {line}" for line in details)]
        with self.lock:
            self.problems.append("\n".join(words + ([f"    again by: {self.words}"] if self.words else [])))
            if not self.holds_back:
                print(self.problems[-1], flush=True)

    # faults of the runtime (fake-runc) -----------------------------------------------------------------

    def order(self, fault, text=""):
        """A fault, until it is `clear`ed: one of fake-runc's."""
        with open(f"{self.faults}/{fault}.new", "w") as file:
            file.write(text)
        os.rename(f"{self.faults}/{fault}.new", f"{self.faults}/{fault}")

    def clear(self, fault=None):
        for path in [f"{self.faults}/{fault}"] if fault else glob.glob(self.faults + "/*"):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def runtimes(self, verb=""):
        """The runtime's processes, fake or real, that carry out `verb`."""
        found = []
        for pid, words in self.command_lines():
            if self.runtime_state in words and "--log-format" in words and (not verb or verb in words):
                found.append(pid)
        return found

    @staticmethod
    def command_lines():
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            words = read(path).split("\0")
            if words != [""]:
                yield int(path.split("/")[2]), words

    # what must not be left -----------------------------------------------------------------------------

    def processes(self):
        """Whatever was started in this host's name and runs: (pid, what it is)."""
        found, own = [], {os.getpid(), os.getppid()}
        for path in glob.glob("/proc/[0-9]*"):
            pid = int(path[6:])
            if pid in own:
                continue
            words = read(path + "/cmdline")
            if self.dir in words or self.dir in read(path + "/environ") or f"/{self.namespace}/" in read(path + "/cgroup"):
                if alive(pid):
                    found.append((pid, words.replace("\0", " ").strip() or read(path + "/comm").strip()))
        return found

    def mounts(self, below=""):
        return [line for line in read("/proc/self/mountinfo").splitlines() if f" {below or self.dir}/" in line]

    def cgroups(self, id="*"):
        return [path for pattern in ("/sys/fs/cgroup/", "/sys/fs/cgroup/*/")
                for path in glob.glob(f"{pattern}{self.namespace}/{id}") if os.path.isdir(path)]

    def socket_of(self, group):
        name = hashlib.sha256(f"{self.address}/{self.namespace}/{group}".encode()).hexdigest()
        return "/run/containerd/s/" + name

    def remains(self):
        """What is left now that nothing may be: lines."""
        left = [f"process {pid}: {words}" for pid, words in self.processes()]
        left += [f"mount {line}" for line in self.mounts()]
        # One line for all hierarchies.
        left += [f"cgroup {name}" for name in sorted({os.path.basename(path) for path in self.cgroups()})]
        left += [f"socket {path}" for group in self.groups for path in glob.glob(self.socket_of(group) + "*")]
        left += [f"file {path}" for pattern in (self.tmp, self.runtime_state) for path in glob.glob(pattern + "/*")]
        return left

    def invariants(self, patience=10.0):
        """At the end, when all was deleted and every shim was asked to end: nothing is left."""
        if not wait_until(lambda: not self.remains(), patience, 0.05):
            self.problem("something is left at the end", *self.remains())

    def truth(self, *containers, patience=15.0):
        """What was told of these containers (all that there were) is whole, in order, and true."""
        with self.lock:
            containers = containers or sorted({container for container, _ in self.statuses})
        ended = lambda events: set(containers) <= {event.container for event in events if event.topic == "delete"} | set(
            self.cleanups) | unborn
        unborn = {name for name in containers if not self.events.of(name)}
        self.events.wait(ended, patience)
        for container in containers:
            events = self.events.of(container)
            for wrong in self.lies(container, events):
                self.problem(f"events of {container}: {wrong}", *(str(tuple(event)[1:]) for event in events))

    def lies(self, container, events):
        """What is wrong with the events of one container."""
        cleanup = self.cleanups.get(container)
        by_process = collections.defaultdict(list)
        for event in events:
            by_process[event.exec if event.topic != "create" else ""].append(event)
        for exec_id, told in by_process.items():
            topics = [event.topic for event in told if event.topic in ORDER]
            name = exec_id or "init"
            if topics != sorted(topics, key=ORDER.index):
                yield f"{name}: out of order: {' '.join(topics)}"
            for topic in set(topics):
                if topics.count(topic) > 1:
                    yield f"{name}: {topics.count(topic)} times {topic}"
            ends = [event.status for event in told if event.topic in ("exit", "delete")]
            if not exec_id and cleanup is not None:
                ends.append(cleanup)
            if len(set(ends)) > 1:
                yield f"{name}: its statuses are {ends}"
            expected = self.statuses.get((container, exec_id))
            if expected is None:
                yield f"{name}: nobody made it"
            elif not set(ends) <= expected and ("exit" in topics or cleanup is not None):
                yield f"{name}: status {ends} instead of {sorted(expected)}"
            begun = "exec-started" in topics if exec_id else "create" in topics
            if begun and "exit" not in topics and cleanup is None:
                yield f"{name}: its exit is missing"
            if len({event.pid for event in told if event.topic in ("create", "start", "exec-started", "exit")}) > 1:
                yield f"{name}: its pids differ"
        order = [(event.topic, event.exec) for event in events]
        if ("exit", "") in order:
            late = [name for topic, name in order[order.index(("exit", "")) + 1:] if topic in ("exit", "exec-started")]
            if late:
                yield f"after init's exit: {late}"
        if ("create", "") in order and ("delete", "") not in order and cleanup is None:
            yield "its deletion is missing"

    def clean(self):
        """Ends and removes whatever is left, whatever became of it."""
        for pid, _ in self.processes():
            kill(pid)
        for line in sorted(self.mounts(), key=len, reverse=True):
            subprocess.run(["umount", "-l", line.split()[4]], check=False, capture_output=True)
        for path in self.cgroups():
            for pid in read(path + "/cgroup.procs").split():
                kill(int(pid))
            wait_until(lambda: removed(path), 3)
        for group in self.groups:
            for path in glob.glob(self.socket_of(group) + "*"):
                os.unlink(path)
        for pattern in self.tmp, self.runtime_state:
            for path in glob.glob(pattern + "/*"):
                subprocess.run(["rm", "-rf", "--one-file-system", path], check=False)

    def close(self):
        """The end of all that there was of it."""
        self.clean()
        for path in glob.glob(f"/sys/fs/cgroup/*/{self.namespace}") + glob.glob(f"/sys/fs/cgroup/{self.namespace}"):
            removed(path)
        self.events.close()
        removed(self.runtime_state)
        if not self.mounts():
            shutil.rmtree(self.dir, ignore_errors=True)


# The order of a process' events.
ORDER = ["create", "exec-added", "exec-started", "start", "exit", "delete"]


def removed(path):
    with contextlib.suppress(OSError):
        os.rmdir(path)
    return not os.path.exists(path)


class Bundle:
    """A bundle by hand, as containerd makes them; what the shim logs is in its file `log`."""

    def __init__(self, host, id, words, group="", terminal=False, rootfs=None, host_pids=False):
        self.host, self.id, self.group = host, id, group or id
        self.path = f"{host.bundles}/{id}"
        os.makedirs(self.path + "/rootfs")
        os.mkdir(f"{self.path}/work")
        open(self.path + "/log", "w").close()
        capabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT"]
        kinds = ["ipc", "uts", "mount"] + ([] if host_pids else ["pid"])
        spec = {
            "ociVersion": "1.0.2",
            "process": {
                **process(*words), "terminal": terminal, "noNewPrivileges": True,
                "capabilities": {name: capabilities for name in ("bounding", "effective", "permitted")}},
            "root": {"path": rootfs or host.rootfs},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                 "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}],
            "linux": {"cgroupsPath": f"/{host.namespace}/{id}", "namespaces": [{"type": kind} for kind in kinds]},
            "annotations": {"io.containerd.runc.v2.group": self.group},
        }
        with open(self.path + "/config.json", "w") as file:
            json.dump(spec, file)
        with host.lock:
            host.groups.add(self.group)

    def invoke(self, *words, prefix=(), patience=20.0):
        """The shim's program in the bundle, as containerd calls it: its output, as bytes."""
        host = self.host
        done = subprocess.run(
            [*prefix, host.binary, "-namespace", host.namespace, "-address", host.address, "-publish-binary", "/bin/false",
             "-id", self.id, *words],
            cwd=self.path, env=host.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience, check=False)
        if done.returncode:
            raise Failure(done.returncode, f"{words[-1]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def cleanup(self):
        """The `delete` action, as containerd calls it once the shim is dead; its answer."""
        answer = ttrpc.decode("DeleteResponse", self.invoke("-bundle", self.path, "delete"))
        # containerd makes an exit and a deletion of it.
        self.host.cleanups[self.id] = answer.get("exit_status", 0)
        return answer

    def left(self):
        """What there is of the container besides what Create may leave in a bundle: lines."""
        host, known = self.host, {"config.json", "rootfs", "work", "log", "address", "options.json", "runtime", "log.json"}
        left = sorted(set(os.listdir(self.path)) - known)
        left += [f"in rootfs: {name}" for name in os.listdir(self.path + "/rootfs")]
        left += [f"/ mount {line}" for line in host.mounts(self.path)] + host.cgroups(self.id)
        return left + [path for path in [f"{host.runtime_state}/{self.id}"] if os.path.exists(path)]

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def process(*words, **more):
    return {"user": {"uid": 0, "gid": 0}, "args": words, "env": ["PATH=/bin"], "cwd": "/", **more}


def exec_spec(*words, **more):
    return {"@type": PROCESS, "@json": process(*words, **more)}


def started(answer):
    """What a `start` action printed, a word or since containerd 2 an object: the socket's address, the task service."""
    if not answer.startswith("{"):
        return answer.strip(), "Task"
    answer = json.loads(answer)
    return answer["address"], "Task3" if answer["version"] > 2 else "Task"


class Shim:
    """A shim of the group, started by the `start` action of a bundle. One connection, made anew when it is lost."""

    def __init__(self, host, bundle, prefix=()):
        self.host, self.bundle, self.group = host, bundle, bundle.group
        self.address, self.service = started(bundle.invoke("start", prefix=prefix).decode())
        self.connection, self.baseline, self.kept, self.growth = None, None, set(), 0
        self.pid = self.call("Connect", id="")["shim_pid"]
        host.shims.append(self)

    def connect(self, patience=15.0):
        return ttrpc.Connection(self.address, patience)

    def call(self, method, patience=15.0, **fields):
        """One call. A lost connection is the call's failure, and the next call has another."""
        if self.connection is None:
            self.connection = self.connect()
        try:
            return self.connection.call(method, fields, self.service, patience)
        except Failure as failure:
            if failure.code in (LOST, TIMEOUT):
                self.hang_up()
            raise

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def measure(self):
        """What it holds now, it may hold for ever."""
        self.kept = set(children(self.pid))
        self.baseline = descriptors(self.pid)
        time.sleep(QUIET)
        self.memory = private_kib(self.pid)

    def quiet(self):
        """Whether no child is left but those of the time of `measure`."""
        return wait_until(lambda: set(children(self.pid)) <= self.kept, 5)

    def check(self, bound=96):
        """Compared with `measure`: the same descriptors, no child, one thread, `bound` KiB more at most."""
        if not alive(self.pid):
            return self.host.problem(f"shim {self.pid} of {self.group} is dead", *self.log())
        if not self.quiet():
            self.host.problem("the shim has children", *(
                f"{pid} {read(f'/proc/{pid}/stat')[:60]} {read(f'/proc/{pid}/cmdline')!r}"
                for pid in set(children(self.pid)) - self.kept))
        kinds = lambda links: collections.Counter(re.sub(r"\d+", "N", link) for link in links)
        same = lambda: len(descriptors(self.pid)) <= len(self.baseline)
        if not wait_until(same, 5):
            self.host.problem("the shim has more descriptors", str(dict(kinds(descriptors(self.pid)) - kinds(self.baseline))))
        if "Threads:\t1\n" not in read(f"/proc/{self.pid}/status"):
            self.host.problem("the shim has threads")
        wait_until(lambda: private_kib(self.pid) <= self.memory + bound, 2 * QUIET, 0.1)
        self.growth = private_kib(self.pid) - self.memory
        if self.growth > bound:
            self.host.problem(f"the shim has grown by {self.growth} KiB, from {self.memory}")

    def log(self, lines=6):
        return read(self.bundle.path + "/log").splitlines()[-lines:]

    def end(self):
        """Shutdown; it must be gone then."""
        with contextlib.suppress(Failure):
            self.call("Shutdown", id=self.bundle.id, now=True)
        self.hang_up()
        if not wait_until(lambda: not alive(self.pid), 10):
            self.host.problem(f"shim {self.pid} of {self.group} does not end", *self.log())
            kill(self.pid)
        if self in self.host.shims:
            self.host.shims.remove(self)


class Life:
    """One container, from Create to Delete. `status`: what init ends with by itself.

    `kind`: "plain", "pipes", "terminal", "mounts" or "logger", which say what Create has to do.
    """

    def __init__(self, host, group, words, status, kind="plain", host_pids=False):
        self.host, self.kind, self.id = host, kind, host.name("c")
        self.io, self.readers = f"{host.io}/{self.id}", []
        rootfs = f"{host.bundles}/{self.id}/rootfs" if kind == "mounts" else None
        self.bundle = Bundle(host, self.id, words, group, kind == "terminal", rootfs, host_pids)
        self.may_end(status)
        self.fields = self.streams("")
        if kind == "mounts":
            layer = host.dir + "/layer"
            os.makedirs(layer, exist_ok=True)
            self.fields["rootfs"] = [
                {"type": "overlay", "source": "overlay", "options": [f"lowerdir={layer}:{host.rootfs}"]},
                {"type": "tmpfs", "source": "tmpfs", "target": "/tmp", "options": ["size=1m"]}]
        self.execs, self.leaves_execs = [], False

    def streams(self, exec_id):
        """The fields of a request for stdio, and the client's ends of the fifos."""
        if self.kind == "logger":
            logger = f"binary://{self.host.dir}/bin/logger"
            return {} if exec_id else {"stdout": logger, "stderr": logger}
        if self.kind not in ("pipes", "terminal"):
            return {}
        names = ["stdin", "stdout"] + (["stderr"] if self.kind == "pipes" else [])
        os.makedirs(self.io, exist_ok=True)
        fields = {name: f"{self.io}/{exec_id}{name}" for name in names}
        for name, path in fields.items():
            os.mkfifo(path)
            self.readers.append(os.open(path, (os.O_RDWR if name == "stdin" else os.O_RDONLY) | os.O_NONBLOCK))
        return {**fields, "terminal": True} if self.kind == "terminal" else fields

    def may_end(self, *statuses, exec_id=""):
        """Further statuses that a process may truthfully end with."""
        with self.host.lock:
            self.host.statuses.setdefault((self.id, exec_id), set()).update(statuses)

    def create(self, shim):
        return shim.call("Create", id=self.id, bundle=self.bundle.path, **self.fields)

    def start(self, shim, exec_id=""):
        return shim.call("Start", id=self.id, exec_id=exec_id)

    def exec(self, shim, words, *statuses):
        """Exec alone, without Start; the id."""
        exec_id = self.host.name("e")
        self.may_end(*statuses, exec_id=exec_id)
        self.execs.append(exec_id)
        spec = exec_spec(*words, terminal=self.kind == "terminal")
        shim.call("Exec", id=self.id, exec_id=exec_id, spec=spec, **self.streams(exec_id))
        return exec_id

    def kill(self, shim, number=9, exec_id="", **more):
        if number == 9 and not exec_id:
            for name in ["", *self.execs]:
                self.may_end(137, exec_id=name)
        elif number:
            self.may_end(128 + number, exec_id=exec_id)
        return shim.call("Kill", id=self.id, exec_id=exec_id, signal=number, **more)

    def wait(self, shim, exec_id=""):
        return shim.call("Wait", id=self.id, exec_id=exec_id).get("exit_status", 0)

    def delete(self, shim, exec_id=""):
        return shim.call("Delete", id=self.id, exec_id=exec_id).get("exit_status", 0)

    def state(self, shim, exec_id=""):
        """Its status as State says it; None if there is none."""
        try:
            return shim.call("State", id=self.id, exec_id=exec_id)["status"]
        except Failure as failure:
            if failure.code != NOT_FOUND:
                raise
            return None

    def end(self, shim):
        """Whatever it has come to: it is killed and deleted. What is left then is a problem."""
        self.may_end(137)
        for exec_id in self.execs:
            self.may_end(137, exec_id=exec_id)
        if self.state(shim) is not None:
            with contextlib.suppress(Failure):
                self.kill(shim)
            if self.state(shim) != CREATED:
                self.wait(shim)
            self.delete(shim)
        self.close()

    def left(self, bundle=True):
        """What the deleted container has left in its bundle and elsewhere: lines."""
        # An exec that was never deleted has left its pid file, which goes with the bundle.
        known = {"init.pid", "init.life", *(f"{exec_id}.pid" for exec_id in self.execs if self.leaves_execs)}
        return [line for line in self.bundle.left() if line not in known and (bundle or line[0] == "/")]

    def close(self, bundle=True):
        """The client's part, and the bundle, as containerd removes it; what was left there is a problem, too if `bundle`."""
        if not wait_until(lambda: not self.left(bundle), 3):
            self.host.problem(f"left of {self.id}", *self.left(bundle))
        self.hang_up()
        self.bundle.remove()

    def hang_up(self):
        for reader in self.readers:
            os.close(reader)
        self.readers = []
        shutil.rmtree(self.io, ignore_errors=True)


def conclude(host, what):
    """The end of a command: the sum, and its exit status."""
    host.close()
    print(f"{what}: {len(host.problems)} problems", flush=True)
    return 1 if host.problems else 0


def require_root():
    if os.geteuid() != 0:
        sys.exit("must be run as root")
    # Whoever ends it wants nothing left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
