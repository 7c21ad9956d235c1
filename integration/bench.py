#!/usr/bin/env python3
"""Measures shims side by side, in turns, without containerd.

bench.py [--quick] [--only WORD] [--publish] [--with NAME=PATH]...

Each shim is called as containerd calls it (harness.py), by a client in C (load.c), with a runtime that does nothing
(null-runtime.c) or the real runc. Into bench/results/ go table.md, results.json and the plots; on stdout come the
table and each promise, kept or BROKEN. --quick: one minute, and nothing is written. --only: measurements whose name has
the word. --publish also puts the table into PROMISES.md. --with: another shim's program, to be measured too. A loaded
machine spoils all of it: nothing here is a test.
"""

import argparse
import contextlib
import glob
import json
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

import harness
import ttrpc

ROOT = harness.ROOT
RESULTS = ROOT / "bench" / "results"
NAME = "containerd-shim-swiftrunc-v2"
OURS = "swiftrunc"
GO = ["Go 1.6.20", "Go 1.7.24", "Go 2.1.9"]
BARE = "bare runtime"
CONMON = "conmon"
PARALLEL = (1, 8, 32, 128)


def median(values):
    return statistics.median(values) if values else None


def p99(values):
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)] if values else None


def call(method, **fields):
    """One call of a chain."""
    return method, ttrpc.encode(method + "Request", fields)


def exec_chain(id, name, words=("true",)):
    """The calls of one exec, from Exec to Delete."""
    names = {"id": id, "exec_id": name}
    return [call("Exec", **names, spec=harness.exec_spec(*words)), call("Start", **names), call("Wait", **names),
            call("Delete", **names)]


def tasks(pid):
    return glob.glob(f"/proc/{pid}/task/*")


def rollup(pid):
    """Private_Dirty, USS and PSS of a process in KiB."""
    values = dict(re.findall(r"^(\w+): *(\d+)", harness.read(f"/proc/{pid}/smaps_rollup"), re.MULTILINE))
    dirty, clean, shared = (int(values[name]) for name in ("Private_Dirty", "Private_Clean", "Pss"))
    return dirty, dirty + clean, shared


def children(pid):
    """Of all its threads."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        words = harness.read(path).rsplit(")", 1)[-1].split()
        if len(words) > 1 and int(words[1]) == pid:
            found.append(int(path.split("/")[2]))
    return found


class Tools:
    """The programs in C, built for this run."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="bench.")
        for source, name in ("load.c", "load"), ("null-runtime.c", "null"), ("writer.c", "writer"), ("denied.c", "denied"):
            setattr(self, name, f"{self.dir}/{name}")
            subprocess.run(["clang", "-O2", "-static", "-o", getattr(self, name), harness.HERE / source], check=True)
        self.runc = shutil.which("runc", path=harness.PATH)

    def spawn(self, lines, cwd="/", env=None, output="/dev/null"):
        """How long each command took, in ns; one that failed ends all."""
        done = subprocess.run(
            [self.load, "spawn", output], cwd=cwd, env=env, input="".join("\t".join(line) + "\n" for line in lines),
            text=True, stdout=subprocess.PIPE, check=True)
        pairs = [line.split() for line in done.stdout.splitlines()]
        for line, (_, status) in zip(lines, pairs):
            if status != "0":
                raise RuntimeError(f"{' '.join(line)}: exit status {status}")
        return [int(took) for took, _ in pairs]

    def calls(self, shim, chains, parallel=1):
        """The latencies in ns, one list a chain, and the time of all in s; each call must succeed."""
        frames = []
        for chain in chains:
            for method, payload in chain:
                data = ttrpc.request(shim.service, method, payload)
                frames += struct.pack("=I", len(data)), data
            frames.append(struct.pack("=I", 0))
        done = subprocess.run(
            [self.load, "calls", shim.address.removeprefix("unix://"), str(parallel)], input=b"".join(frames),
            stdout=subprocess.PIPE, check=True, timeout=60)
        latencies = [[] for _ in chains]
        for line in done.stdout.decode().splitlines():
            words = line.split()
            if words[0] == "all":
                return latencies, int(words[1]) / 1e9
            if words[2] != "0":
                raise RuntimeError(f"call {len(latencies[int(words[0])])} of a chain fails with {words[2]}")
            latencies[int(words[0])].append(int(words[1]))
        raise RuntimeError("load has no end")


class Peer:
    """One shim that is measured: its own host and event service. `results`: metric -> value."""

    def __init__(self, name, binary, tools):
        self.name, self.tools, self.results, self.last = name, tools, {}, 0
        self.host = harness.Host(binary)
        self.host.events.close()
        self.told = f"{self.host.dir}/told"
        with open(self.told, "w") as file:
            self.sink = subprocess.Popen([tools.load, "events", self.host.events.path], stdout=file)
        harness.wait_until(lambda: os.path.exists(self.host.events.path))
        shutil.copy(tools.writer, self.host.rootfs + "/writer")
        shutil.copy(tools.denied, self.host.rootfs + "/denied")
        os.symlink("busybox", self.host.rootfs + "/bin/dd")

    def close(self):
        for shim in list(self.host.shims):
            with contextlib.suppress(ttrpc.Failure):
                shim.end()
        self.sink.kill()
        self.sink.wait()
        self.host.close()

    def runtime(self, path):
        """What `runc` is from now on."""
        os.symlink(path, self.host.dir + "/bin/runc.new")
        os.rename(self.host.dir + "/bin/runc.new", self.host.dir + "/bin/runc")

    def name_of(self, prefix):
        self.last += 1
        return f"{prefix}{self.last}"

    def bundle(self, group="", words=("sleep", "1000")):
        return harness.Bundle(self.host, self.name_of("c"), words, group)

    def shim(self, runs=True):
        """A shim with a container that sleeps, if it `runs`; its bundle has the container's id."""
        bundle = self.bundle()
        shim = harness.Shim(self.host, bundle)
        if runs:
            shim.call("Create", id=bundle.id, bundle=bundle.path)
            shim.call("Start", id=bundle.id)
        return shim

    def end(self, shim, runs=True):
        if runs:
            self.calls(shim, [self.ending(shim.bundle.id)])
        shim.end()
        shim.bundle.remove()

    @staticmethod
    def ending(id):
        return [call("Kill", id=id, signal=9), call("Wait", id=id), call("Delete", id=id)]

    def calls(self, shim, chains, parallel=1):
        return self.tools.calls(shim, chains, parallel)

    def exits(self):
        """When each exit was told, in ns."""
        return [int(line.split()[0]) for line in harness.read(self.told).splitlines() if line.endswith(" exit")]

    def note(self, metric, value):
        self.results[metric] = value


class Bench:
    """All measurements; each is a method, and is told how often."""

    def __init__(self, quick, others):
        self.tools, self.quick = Tools(), quick
        self.peers = [Peer(OURS, ROOT / "bin" / NAME, self.tools)]
        self.bare = {}
        self.conmon = {}
        for name, suite in list(zip(GO, (None, "trixie", "sid")))[2 if quick else 0:]:
            if suite:
                root = subprocess.run(
                    [harness.HERE / "packages.sh", suite, "containerd"], text=True, stdout=subprocess.PIPE, check=True)
                binary = root.stdout.strip() + "/usr/bin/containerd-shim-runc-v2"
            else:
                binary = shutil.which("containerd-shim-runc-v2", path=harness.PATH)
            self.peers.append(Peer(name, binary, self.tools))
        self.peers += [Peer(name, path, self.tools) for name, path in others]

    def close(self):
        for peer in self.peers:
            peer.close()
        shutil.rmtree(self.tools.dir)

    def rounds(self, many, few):
        return few if self.quick else many

    def start_action(self):
        """The `start` action of a new shim, from fork to exit."""
        took = {peer: [] for peer in self.peers}
        for _ in range(self.rounds(40, 10)):
            for peer in self.peers:
                peer.runtime(self.tools.null)
                bundle, host = peer.bundle(), peer.host
                answer = f"{host.dir}/answer"
                words = [host.binary, "-namespace", host.namespace, "-address", host.address, "-publish-binary", "/bin/false",
                         "-id", bundle.id, "start"]
                took[peer] += self.tools.spawn([words], bundle.path, host.environment, answer)
                address, service = harness.started(harness.read(answer))
                connection = ttrpc.Connection(address)
                pid = connection.call("Connect", {"id": bundle.id}, service)["shim_pid"]
                with contextlib.suppress(ttrpc.Failure):
                    connection.call("Shutdown", {"id": bundle.id, "now": True}, service)
                connection.close()
                os.unlink(answer)
                harness.wait_until(lambda pid=pid: not harness.alive(pid))
                bundle.remove()
        for peer in self.peers:
            peer.note("start action, ms", median(took[peer]) / 1e6)
            peer.note("start action p99, ms", p99(took[peer]) / 1e6)

    def cycles(self, what, path, rounds, containers):
        """Lives of containers, one after the other, with one runtime; beside them what the runtime takes alone."""
        steps, bare = {peer: [] for peer in self.peers}, []
        shims = {}
        for peer in self.peers:
            peer.runtime(path)
            shims[peer] = peer.shim()
        for _ in range(rounds):
            for peer in self.peers:
                shim, chains, bundles = shims[peer], [], []
                for _ in range(containers):
                    bundles.append(peer.bundle(shim.group))
                    id = bundles[-1].id
                    looks = [call("State", id=id)] + ([call("Stats", id=id)] if what == "runc" else [call("Pids", id=id)])
                    chains.append([
                        call("Create", id=id, bundle=bundles[-1].path), call("Start", id=id), *looks, *exec_chain(id, "e"),
                        *peer.ending(id)])
                steps[peer] += self.tools.calls(shim, chains)[0]
                for bundle in bundles:
                    bundle.remove()
            bare += [self.alone(path) for _ in range(containers)]
        for name, values in zip(("create", "start", "exec", "kill", "delete"), zip(*bare)):
            self.bare[f"{name}, {what}, ms"] = median(values) / 1e6
        for peer in self.peers:
            peer.end(shims[peer])
            columns = list(zip(*steps[peer]))
            columns = {
                "create": columns[0], "start": columns[1], "state": columns[2],
                "stats" if what == "runc" else "pids": columns[3], "exec": [sum(step[4:8]) for step in steps[peer]],
                "kill": columns[8], "delete": columns[10]}
            for name, values in columns.items():
                peer.note(f"{name}, {what}, ms", median(values) / 1e6)
                peer.note(f"{name} p99, {what}, ms", p99(values) / 1e6)

    def null_runtime(self):
        """What the shim itself costs, beyond what the system asks for starting these processes."""
        self.cycles("null", self.tools.null, self.rounds(6, 2), 50)

    def real_runtime(self):
        """What a user sees."""
        self.cycles("runc", self.tools.runc, self.rounds(12, 1), 6)

    def alone(self, path):
        """A container's life with the runtime and no shim: how long its commands took, in ns."""
        host, bundle = self.peers[0].host, self.peers[0].bundle()
        process = host.dir + "/process.json"
        with open(process, "w") as file:
            json.dump(harness.process("true"), file)
        command = [path, "--root", host.dir + "/bare", "--log", host.dir + "/bare.log", "--log-format", "json"]
        pid = ["--pid-file", bundle.path + "/pid"]
        times = self.tools.spawn([
            [*command, "create", "--bundle", bundle.path, *pid, bundle.id], [*command, "start", bundle.id],
            [*command, "exec", "--process", process, "--detach", *pid, bundle.id], [*command, "kill", bundle.id, "9"],
            ["wait"], [*command, "delete", bundle.id]], env=host.environment)
        bundle.remove()
        return times[:4] + times[5:]

    def throughput(self):
        """Execs per second, so many at once; and what thousands of them leave."""
        for peer in self.peers:
            peer.runtime(self.tools.null)
        for parallel in PARALLEL if not self.quick else (32,):
            for peer in self.peers:
                count, shim = self.rounds(1500, 500), peer.shim()
                seconds = self.execs(peer, shim, count, parallel)
                if seconds:
                    peer.note(f"execs/s, {parallel} at once", count / seconds)
                    peer.end(shim)
        if self.quick:
            return
        for peer in self.peers:
            shim = peer.shim()
            self.execs(peer, shim, 50, 8)
            self.settle()
            before = rollup(shim.pid)[0]
            if all(self.execs(peer, shim, 2500, 8) for _ in range(4)):
                self.settle()
                peer.note("growth by 10,000 execs, KiB", rollup(shim.pid)[0] - before)
                peer.end(shim)

    def execs(self, peer, shim, count, parallel):
        """How long so many execs took, in s. None if one was never answered, as may happen to a peer; then the shim is ended."""
        chains = [exec_chain(shim.bundle.id, peer.name_of("e")) for _ in range(count)]
        try:
            return peer.calls(shim, chains, parallel)[1]
        except subprocess.TimeoutExpired:
            if peer is self.peers[0]:
                raise
        print(f"{peer.name}: {count} execs, {parallel} at once: a call was not answered in a minute", file=sys.stderr)
        harness.kill(shim.call("State", id=shim.bundle.id)["pid"])
        harness.kill(shim.pid)
        shim.end()
        return None

    def exits(self):
        """From a process's death to its TaskExit: one alone, and many at once."""
        count = self.rounds(400, 100)
        for peer in self.peers:
            peer.runtime(self.tools.null)
            shim = peer.shim()
            init = set(children(shim.pid))
            names = [peer.name_of("e") for _ in range(count)]
            peer.calls(shim, [exec_chain(shim.bundle.id, name, ("sleep",))[:2] for name in names], 8)
            pids = sorted(set(children(shim.pid)) - init)
            latencies = []
            for pid in pids[:count // 4]:
                before, begin = len(peer.exits()), time.monotonic_ns()
                os.kill(pid, 9)
                if not harness.wait_until(lambda before=before: len(peer.exits()) > before, 10, 0.002):
                    raise RuntimeError(f"{peer.name}: an exit is not told")
                latencies.append(peer.exits()[before] - begin)
            before, rest, begin = len(peer.exits()), pids[count // 4:], time.monotonic_ns()
            for pid in rest:
                os.kill(pid, 9)
            if not harness.wait_until(lambda: len(peer.exits()) >= before + len(rest), 30, 0.01):
                raise RuntimeError(f"{peer.name}: exits are not told")
            peer.note("exits/s", len(rest) / (peer.exits()[before + len(rest) - 1] - begin) * 1e9)
            peer.note("death to TaskExit, ms", median(latencies) / 1e6)
            peer.note("death to TaskExit p99, ms", p99(latencies) / 1e6)
            peer.calls(shim, [[call("Delete", id=shim.bundle.id, exec_id=name)] for name in names])
            peer.end(shim)

    def settle(self):
        """All is written back, and what a shim gives back when it is quiet is given back."""
        time.sleep(harness.QUIET + 0.5)
        os.sync()

    def memory(self):
        """Of one shim and of many, with a container each; of a pod's further containers; threads and wake-ups."""
        for peer in self.peers:
            peer.runtime(self.tools.null)
        shims = {peer: [] for peer in self.peers}
        for total in self.rounds((1, 20, 50), (1,)):
            for peer in self.peers:
                while len(shims[peer]) < total:
                    shims[peer].append(peer.shim())
            self.settle()
            for peer in self.peers:
                every = [rollup(shim.pid) for shim in shims[peer]]
                peer.note(f"Private_Dirty, {total} shims, KiB", median([one[0] for one in every]))
                peer.note(f"USS, {total} shims, KiB", median([one[1] for one in every]))
                peer.note(f"PSS, {total} shims, KiB", median([one[2] for one in every]))
        idle = self.rounds(30, 5)
        wakes = lambda pid: sum(
            int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", harness.read(path + "/status"), re.MULTILINE)[1])
            for path in tasks(pid))
        before = {peer: wakes(shims[peer][0].pid) for peer in self.peers}
        time.sleep(idle)
        for peer in self.peers:
            peer.note("threads", len(tasks(shims[peer][0].pid)))
            peer.note("wake-ups a minute, idle", (wakes(shims[peer][0].pid) - before[peer]) * 60 / idle)
        for peer in self.peers:
            shim, more = shims[peer][0], 10
            before_pod = rollup(shim.pid)[0]
            bundles = [peer.bundle(shim.group) for _ in range(more)]
            peer.calls(shim, [[call("Create", id=one.id, bundle=one.path), call("Start", id=one.id)] for one in bundles])
            self.settle()
            peer.note("each further container of a pod, KiB", (rollup(shim.pid)[0] - before_pod) / more)
            peer.calls(shim, [peer.ending(one.id) for one in bundles])
            for one in bundles:
                one.remove()
            for each in shims[peer]:
                peer.end(each)

    def restart(self):
        """A new containerd finds 200 shims: until all have answered Connect and Pids."""
        count = 200
        if self.quick:
            return
        for peer in self.peers:
            peer.runtime(self.tools.null)
            shims = [peer.shim() for _ in range(count)]
            for shim in shims:
                shim.hang_up()
            self.settle()
            begin, connections = time.monotonic(), []
            for shim in shims:
                connection = ttrpc.Connection(shim.address)
                connections.append((connection, connection.send(shim.service, "Connect", {"id": shim.bundle.id}), connection.send(
                    shim.service, "Pids", {"id": shim.bundle.id})))
            for connection, first, second in connections:
                connection.answer(first)
                connection.answer(second)
            peer.note(f"Connect and Pids of {count} shims, ms", (time.monotonic() - begin) * 1e3)
            for connection, _, _ in connections:
                connection.close()
            for shim in shims:
                peer.end(shim)

    def output(self):
        """A container writes as fast as it can, through a fifo: GB/s, and the shim's CPU per GB."""
        speeds = {}
        for _ in range(self.rounds(5, 1)):
            for size in 65536, 4096:
                for peer in self.peers:
                    peer.runtime(self.tools.runc)
                    speeds.setdefault((peer, size), []).append(self.stream(peer, size, self.rounds(2048, 1024)))
        for (peer, size), values in speeds.items():
            peer.note(f"stdout, writes of {size // 1024} KiB, GB/s", median([value[0] for value in values]))
            peer.note(f"stdout, writes of {size // 1024} KiB, CPU s/GB", median([value[1] for value in values]))

    @staticmethod
    def stream(peer, size, mebibytes):
        count = mebibytes * 1048576 // size
        bundle = peer.bundle(words=("dd", "if=/dev/zero", f"bs={size}", f"count={count}"))
        shim = harness.Shim(peer.host, bundle)
        path, other = f"{peer.host.io}/{bundle.id}", f"{peer.host.io}/{bundle.id}.err"
        os.mkfifo(path)
        os.mkfifo(other)
        reader, error = (os.open(name, os.O_RDONLY | os.O_NONBLOCK) for name in (path, other))
        shim.call("Create", id=bundle.id, bundle=bundle.path, stdout=path, stderr=other)
        os.set_blocking(reader, True)
        spent = lambda: sum(int(harness.read(f"{task}/schedstat").split()[0]) for task in tasks(shim.pid)) / 1e9
        before, total, null = spent(), 0, os.open(os.devnull, os.O_WRONLY)
        shim.call("Start", id=bundle.id)
        begin = time.monotonic()
        while moved := os.splice(reader, null, 1 << 20):
            total += moved
        seconds, used = time.monotonic() - begin, spent() - before
        for descriptor in reader, error, null:
            os.close(descriptor)
        os.unlink(path)
        os.unlink(other)
        shim.call("Wait", id=bundle.id)
        shim.call("Delete", id=bundle.id)
        shim.end()
        bundle.remove()
        return total / 1e9 / seconds, used / (total / 1e9)

    def stopped(self):
        """Nobody reads, and the container must not wait: how long its writes take, with each policy."""
        peer, seconds = self.peers[0], self.rounds(60, 5)
        peer.runtime(self.tools.runc)
        waiting = []
        for policy in "drop", "spill":
            bundle = peer.bundle(words=("/writer", str(seconds)))
            config = json.loads(harness.read(bundle.path + "/config.json"))
            config["annotations"]["io.swiftrunc.output"] = policy
            # The writer notes what it saw in its own /tmp.
            place = f"{peer.host.dir}/{policy}"
            os.mkdir(place)
            config["mounts"].append({"destination": "/tmp", "type": "bind", "source": place, "options": ["bind", "rw"]})
            with open(bundle.path + "/config.json", "w") as file:
                json.dump(config, file)
            path = f"{peer.host.io}/{bundle.id}"
            os.mkfifo(path)
            shim = harness.Shim(peer.host, bundle)
            shim.call("Create", id=bundle.id, bundle=bundle.path, stdout=path)
            shim.call("Start", id=bundle.id)
            waiting.append((policy, shim, bundle, place, path))
        for policy, shim, bundle, place, path in waiting:
            shim.call("Wait", id=bundle.id, patience=seconds + 60)
            _, worst, _, _ = harness.read(place + "/latency").split()
            peer.note(f"write p99 while nobody reads, {policy}, ms", int(worst) / 1000)
            # What is left unread would hold Delete up.
            reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            drain = threading.Thread(target=lambda reader=reader: self.drain(reader))
            drain.start()
            shim.call("Delete", id=bundle.id, patience=60)
            shim.end()
            drain.join()
            bundle.remove()

    @staticmethod
    def drain(reader):
        os.set_blocking(reader, True)
        while os.read(reader, 1 << 20):
            pass
        os.close(reader)

    def denials(self):
        """A call that the profile denies, without and with somebody who listens; and how long State takes meanwhile."""
        peer, count = self.peers[0], self.rounds(100000, 10000)
        peer.runtime(self.tools.runc)
        with open(peer.host.dir + "/host.toml", "w") as file:
            file.write(f'[seccomp]\ndirectory = "{peer.host.dir}/reports"\n')
        for name, mode in ("a denied call, µs", ""), ("a denied call, audit, µs", "audit"):
            bundle = peer.bundle(words=("/denied", "many", str(count)))
            config = json.loads(harness.read(bundle.path + "/config.json"))
            config["linux"]["seccomp"] = {
                "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
            if mode:
                config["annotations"]["io.swiftrunc.seccomp"] = mode
            with open(bundle.path + "/config.json", "w") as file:
                json.dump(config, file)
            shim, path = harness.Shim(peer.host, bundle), f"{peer.host.io}/{bundle.id}"
            shim.call("Create", id=bundle.id, bundle=bundle.path, stdout=f"file://{path}")
            shim.call("Start", id=bundle.id)
            longest, runs = 0, True
            while runs:
                begin = time.monotonic()
                runs = shim.call("State", id=bundle.id)["status"] == 2
                longest = max(longest, time.monotonic() - begin)
                time.sleep(0.001)
            shim.call("Delete", id=bundle.id)
            peer.note(name, int(harness.read(path)) / count / 1e3)
            if mode:
                peer.note("longest State beside denied calls, ms", longest * 1e3)
            shim.end()
            bundle.remove()
        os.unlink(peer.host.dir + "/host.toml")

    def holder(self):
        """conmon, which holds one container for podman: what a monitor in C takes."""
        if self.quick:
            return
        program = subprocess.run(
            [harness.HERE / "packages.sh", "--wrap", "bookworm", "conmon"], text=True, stdout=subprocess.PIPE, check=False)
        if program.returncode:
            return print("conmon is not to be had: left out", file=sys.stderr)
        peer, found = self.peers[0], []
        for _ in range(20):
            bundle, pid = peer.bundle(), f"{peer.host.dir}/conmon.pid"
            subprocess.run(
                [program.stdout.strip(), "-c", bundle.id, "-u", bundle.id, "-n", bundle.id, "-r", self.tools.null, "-b",
                 bundle.path, "-p", bundle.path + "/pid", "-P", pid, "-l", f"k8s-file:{bundle.path}/out", "--exit-dir",
                 peer.host.tmp, "--socket-dir-path", peer.host.tmp],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                env=peer.host.environment)
            harness.wait_until(lambda: harness.read(pid).strip() and harness.read(bundle.path + "/pid").strip())
            found.append((int(harness.read(pid)), int(harness.read(bundle.path + "/pid")), bundle))
            os.unlink(pid)
        self.settle()
        every = [rollup(pid) for pid, _, _ in found]
        for index, name in enumerate(("Private_Dirty", "USS", "PSS")):
            self.conmon[f"{name}, 20 shims, KiB"] = median([one[index] for one in every])
        self.conmon["threads"] = len(tasks(found[0][0]))
        for monitor, init, bundle in found:
            harness.kill(init)
            harness.wait_until(lambda monitor=monitor: not harness.alive(monitor))
            harness.kill(monitor)
            bundle.remove()


# What is promised: a metric of ours, the words, how it is compared, and the limit; `bare` is added to the limit.
GOALS = [
    ("Private_Dirty, 1 shims, KiB", "≤", 133, None), ("PSS, 20 shims, KiB", "≤", 200, None),
    ("growth by 10,000 execs, KiB", "≤", 16, None), ("each further container of a pod, KiB", "≤", 16, None),
    ("threads", "≤", 1, None), ("wake-ups a minute, idle", "≤", 0, None), ("start action, ms", "≤", 1.5, None),
    ("create, runc, ms", "≤", 0.5, "create, runc, ms"), ("start, runc, ms", "≤", 0.3, "start, runc, ms"),
    ("exec, runc, ms", "≤", 0.5, "exec, runc, ms"), ("create, null, ms", "≤", 1.0, None), ("exec, null, ms", "≤", 0.9, None),
    ("kill, runc, ms", "≤", 0.2, None), ("execs/s, 32 at once", "≥", 1500, None),
    ("stdout, writes of 64 KiB, GB/s", "≥", 2.2, None), ("stdout, writes of 64 KiB, CPU s/GB", "≤", 0.08, None),
    ("longest State beside denied calls, ms", "≤", 100, None),
    ("write p99 while nobody reads, drop, ms", "≤", 10, None), ("write p99 while nobody reads, spill, ms", "≤", 10, None),
]


# What the README shows.
README = [
    "Private_Dirty, 1 shims, KiB", "PSS, 20 shims, KiB", "each further container of a pod, KiB", "growth by 10,000 execs, KiB", "threads",
    "wake-ups a minute, idle", "start action, ms", "create, runc, ms", "exec, runc, ms", "kill, runc, ms", "execs/s, 32 at once",
    "stdout, writes of 64 KiB, GB/s", "stdout, writes of 64 KiB, CPU s/GB",
]


def verdicts(bench):
    """One line for each promise that was measured."""
    ours = bench.peers[0].results
    for metric, sign, limit, bare in GOALS:
        value = ours.get(metric)
        if value is None or bare and bare not in bench.bare:
            continue
        total = limit + (bench.bare[bare] if bare else 0)
        kept = value <= total if sign == "≤" else value >= total
        words = f"{sign} {limit:g}" if not bare else f"{sign} {BARE} + {limit:g} = {total:.3g}"
        yield f"{'kept' if kept else 'BROKEN'}: {metric} {words}: {value:.3g}"


def shown(value):
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def table(bench, metrics=None):
    """All metrics, or those, one a line; one column each for the shims and what is measured beside them."""
    columns = [(peer.name, peer.results) for peer in bench.peers]
    if bench.bare:
        columns.append((BARE, bench.bare))
    if bench.conmon:
        columns.append((CONMON, bench.conmon))
    goals = {metric: f"{sign} {limit:g}" if not bare else f"{sign} {BARE} + {limit:g}" for metric, sign, limit, bare in GOALS}
    lines = ["| what | " + " | ".join(name for name, _ in columns) + " | promised |",
             "|---|" + "--:|" * (len(columns) + 1)]
    for metric in metrics or bench.peers[0].results:
        cells = [shown(results.get(metric)) for _, results in columns]
        lines.append(f"| {metric} | " + " | ".join(cells) + f" | {goals.get(metric, '')} |")
    return "\n".join(lines) + "\n"


def plot(title, unit, names, groups):
    """Bars in SVG: `groups` are (label, values), a value for each name; each group has a scale of its own."""
    colours = ["#d9480f", "#adb5bd", "#868e96", "#495057", "#228be6", "#12b886"]
    width, bar, left = 720, 16, 230
    lines, y = [], 40
    for label, values in groups:
        lines.append(f'<text x="{left - 10}" y="{y + bar * len(values) / 2 + 4}" text-anchor="end">{label}</text>')
        most = max(value for value in values if value is not None) or 1
        for colour, name, value in zip(colours, names, values):
            if value is None:
                continue
            length = max(1, value / most * (width - left - 150))
            lines.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 3}" fill="{colour}"/>')
            lines.append(f'<text x="{left + length + 6:.1f}" y="{y + bar - 5}">{shown(value)} {unit} <tspan fill="#868e96">{name}</tspan></text>')
            y += bar
        y += 14
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
            'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
            f'<text x="10" y="22" font-size="15">{title}</text>\n' + "\n".join(lines) + "\n</svg>\n")


def plots(bench):
    """File name -> SVG."""
    def groups(metrics, more=()):
        columns = [peer.results for peer in bench.peers] + list(more)
        return [(label, [column.get(metric) for column in columns]) for metric, label in metrics
                if bench.peers[0].results.get(metric) is not None]
    names = [peer.name for peer in bench.peers]
    return {
        "memory.svg": plot("Memory of a shim with one container", "KiB", names + [CONMON], groups(
            [("Private_Dirty, 1 shims, KiB", "Private_Dirty"), ("PSS, 20 shims, KiB", "PSS, 20 shims")], [bench.conmon])),
        "latency.svg": plot("Time of a call, median", "ms", names + [BARE], groups(
            [("start action, ms", "start action"), ("create, runc, ms", "create, runc"), ("exec, runc, ms", "exec, runc"),
             ("create, null, ms", "create, no runtime"), ("exec, null, ms", "exec, no runtime")], [bench.bare])),
    }


def publish(document, text):
    """Puts the table between the document's marks."""
    path = ROOT / document
    marks = r"(<!-- bench -->\n).*?(<!-- end of bench -->)"
    path.write_text(re.sub(marks, lambda found: found[1] + text + found[2], path.read_text(), flags=re.DOTALL))


def with_tmpfs():
    """Goes on in a mount namespace whose /run is a tmpfs, as on hosts. (ext4 looks for an inode that was not freed in the last
    seconds: a new file costs a millisecond where thousands were just removed.)"""
    mark = "SWIFTRUNC_BENCH"
    if mark not in os.environ:
        script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/containerd/runc && exec "$@"'
        os.environ[mark] = "1"
        os.execvp("unshare", ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, *sys.argv])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--publish", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--with", dest="others", action="append", default=[], metavar="NAME=PATH")
    options = parser.parse_args()
    harness.require_root()
    with_tmpfs()
    bench = Bench(options.quick, [other.split("=", 1) for other in options.others])
    try:
        for measure in (bench.memory, bench.start_action, bench.null_runtime, bench.real_runtime, bench.throughput, bench.exits,
                        bench.output, bench.restart, bench.holder, bench.stopped, bench.denials):
            if options.only in measure.__name__:
                begin = time.monotonic()
                measure()
                print(f"{measure.__name__}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    finally:
        bench.close()
    text = table(bench)
    print(text)
    print("\n".join(verdicts(bench)))
    if options.quick or options.only:
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "table.md").write_text(text)
    (RESULTS / "results.json").write_text(json.dumps(
        {**{peer.name: peer.results for peer in bench.peers}, BARE: bench.bare, CONMON: bench.conmon}, indent=1) + "\n")
    for name, picture in plots(bench).items():
        (RESULTS / name).write_text(picture)
    if options.publish:
        publish("PROMISES.md", text)
        publish("README.md", table(bench, README))


if __name__ == "__main__":
    main()
