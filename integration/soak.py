#!/usr/bin/env python3
"""Chaos of all the task API's calls, by many workers on a few shims, and then the sum: nothing lost, wrong or left.

soak.py [--minutes N | --seconds N] [--workers N] [--shims N] [--seed N]

Each worker makes containers and execs, and disturbs those of others: Kill, Delete, Stats, State, Pids, Pause,
Resume, Update, CloseIO, ResizePty, Connect, Shutdown, twice at a time, on connections that it closes in the middle. Half
of the containers have a runtime for their execs that takes a few milliseconds (fake-runc's `exec.instead`), so that there
are many. Each process ends with a status that only it has. A line each minute says how it goes; a call other than Wait
that is older than 15 s is a problem. The workers' seeds follow from the first one; the order in which they meet does not.
"""

import argparse
import collections
import contextlib
import random
import sys
import threading
import time

from harness import (LOST, PAUSED, PAUSING, STOPPED, TIMEOUT, Failure, Host, Life, Shim, alive, conclude, descriptors, exec_spec,
                     private_kib, require_root, wait_until)

OLDEST = 15.0
# A runtime that is one shell. The exec is a child of it that outlives it, so that it is the shim that gets and reaps it.
FAST = r"""
for word; do
    case $previous in --process) spec=$word ;; --pid-file) file=$word ;; esac
    previous=$word
done
status=$(sed -n 's/.*"exit \([0-9]*\)".*/\1/p' "$spec")
(tail --pid=$$ -s 0.001 -f /dev/null; exit "${status:-99}") >/dev/null 2>&1 &
printf %s $! >"$file"
"""


class Calls:
    """Those under way, with their begin: for the search for the oldest; and how many there were."""

    def __init__(self, host):
        self.host, self.open, self.told = host, {}, set()
        self.counts, self.codes = collections.Counter(), collections.Counter()

    @contextlib.contextmanager
    def note(self, method, fields):
        key = (threading.get_ident(), time.monotonic())
        self.open[key] = (method, fields)
        self.counts[method] += 1
        try:
            yield
        except Failure as failure:
            self.codes[failure.code] += 1
            raise
        finally:
            del self.open[key]

    def oldest(self):
        """The age of the oldest call but for Waits; one that is too old is told once."""
        now, oldest = time.monotonic(), 0.0
        for key, (method, fields) in list(self.open.items()):
            if method == "Wait":
                continue
            oldest = max(oldest, now - key[1])
            if now - key[1] > OLDEST and key not in self.told:
                self.told.add(key)
                self.host.problem(f"{method} {fields} takes more than {OLDEST:.0f} s")
        return oldest


class Pod:
    """A shim and what is in it: the containers that workers may disturb."""

    def __init__(self, host, number):
        self.host, self.number = host, number
        self.keeper = Life(host, f"pod{number}", ["sleep", "1000000"], 137)
        self.shim = Shim(host, self.keeper.bundle)
        self.keeper.create(self.shim)
        self.keeper.start(self.shim)
        # A first life, so that what is measured has been used.
        life = Life(host, self.shim.group, ["sh", "-c", "exit 7"], 7)
        life.create(self.shim)
        life.start(self.shim)
        life.wait(self.shim)
        life.delete(self.shim)
        life.close()
        self.shim.measure()
        self.lives = {}


class Worker(threading.Thread):
    def __init__(self, number, seed, host, pods, calls, stop):
        super().__init__(daemon=True)
        self.random = random.Random(f"{seed}/{number}")
        self.number, self.host, self.pods, self.calls, self.stop = number, host, pods, calls, stop
        self.connections = {}

    def run(self):
        try:
            while not self.stop.is_set():
                self.random.choice([self.live, self.live, self.disturb, self.disturb, self.disturb])()
        except Exception as error:  # a thread's end must not go unseen
            self.host.problem(f"worker {self.number}: {type(error).__name__} {error}")
            raise

    # calls -----------------------------------------------------------------------------------------------

    def call(self, pod, method, patience=60.0, **fields):
        """One call on this worker's connection; now and then another copy of it is sent, or it is given up."""
        connection = self.connections.get(pod)
        if connection is None:
            connection = self.connections[pod] = pod.shim.connect(patience)
        with self.calls.note(method, fields):
            try:
                return connection.call(method, fields, patience=patience)
            except Failure as failure:
                if failure.code in (LOST, TIMEOUT):
                    self.connections.pop(pod).close()
                    self.host.problem(f"{method} {fields}: {failure}")
                raise

    def tried(self, pod, method, *codes, **fields):
        """The same where a refusal is as good as an answer; None for one."""
        try:
            return self.call(pod, method, **fields)
        except Failure as failure:
            if not 1 <= failure.code <= 16 or not failure.message:
                self.host.problem(f"{method} {fields}: a failure without a code or words: {failure}")
            return None

    def give_up(self, pod, method, **fields):
        """Sends it once or more, and closes the connection before the answer, or in the middle of the request."""
        with contextlib.suppress(Failure), self.calls.note(method, fields):
            connection = pod.shim.connect()
            for _ in range(self.random.randint(1, 3)):
                connection.send("Task", method, fields)
            if self.random.random() < 0.3:
                connection.send_raw(bytes([0, 0, 0, 200, 0, 0, 0, 99, 1, 0]) + bytes(7))
            if self.random.random() < 0.5:
                time.sleep(self.random.uniform(0, 0.02))
            connection.close()

    # a life ----------------------------------------------------------------------------------------------

    def live(self):
        pod = self.random.choice(self.pods)
        status = self.random.randint(1, 90)
        kind = self.random.choice(["plain", "plain", "pipes", "terminal", "mounts", "logger"])
        words = self.random.choice([["sh", "-c", f"exit {status}"], ["sleep", "1000"], ["sleep", "1000"]])
        if words[0] == "sleep":
            status = 137
        life = Life(self.host, pod.shim.group, words, status, kind)
        # Whoever disturbs it may kill it.
        life.may_end(status, 137)
        life.leaves_execs = True
        fast = words[0] == "sleep" and self.random.random() < 0.5
        if fast:
            self.host.order(f"exec.instead.{life.id}", FAST)
        if self.create(pod, life):
            pod.lives[life.id] = life
            self.tried(pod, "Start", id=life.id)
            waiting = self.call_later(pod, "Wait", id=life.id)
            for _ in range(self.random.randint(0, 200 if fast else 3)):
                if self.stop.is_set():
                    break
                self.execute(pod, life)
            self.end(pod, life, waiting)
        self.host.clear(f"exec.instead.{life.id}")
        life.close()

    def create(self, pod, life):
        if self.random.random() < 0.1:
            self.give_up(pod, "Create", id=life.id, bundle=life.bundle.path, **life.fields)
        for _ in range(200):
            try:
                self.call(pod, "Create", id=life.id, bundle=life.bundle.path, **life.fields)
                return True
            except Failure as failure:
                # The one that was given up may be under way, or done.
                if failure.code != 6:
                    self.host.problem(f"Create {life.id}: {failure}")
                    return False
            if self.tried(pod, "State", id=life.id):
                return True
            time.sleep(0.05)
        self.host.problem(f"Create {life.id}: under way for ever")
        return False

    def call_later(self, pod, method, **fields):
        """Sent on a connection of its own; its answer is read by `answer`."""
        connection = pod.shim.connect()
        return connection, method, connection.send("Task", method, fields)

    def execute(self, pod, life):
        status = self.random.randint(1, 90)
        exec_id = self.host.name("e")
        life.may_end(status, 137, exec_id=exec_id)
        life.execs.append(exec_id)
        terminal = self.random.random() < 0.1 and life.kind == "terminal"
        spec = exec_spec("sh", "-c", f"exit {status}")
        if self.tried(pod, "Exec", id=life.id, exec_id=exec_id, spec=spec, **(life.streams(exec_id) if terminal else {})) is None:
            return
        if self.random.random() < 0.1:
            self.give_up(pod, "Start", id=life.id, exec_id=exec_id)
        if self.tried(pod, "Start", id=life.id, exec_id=exec_id) is None:
            # Nobody may ever answer: it may still be started.
            self.give_up(pod, "Wait", id=life.id, exec_id=exec_id)
        else:
            answer = self.tried(pod, "Wait", id=life.id, exec_id=exec_id)
            if answer and answer.get("exit_status", 0) not in (status, 137, 0):
                self.host.problem(f"Wait of {life.id}/{exec_id} answers {answer} instead of {status}")
        if self.random.random() < 0.1:
            self.give_up(pod, "Delete", id=life.id, exec_id=exec_id)
        self.tried(pod, "Delete", id=life.id, exec_id=exec_id)

    def end(self, pod, life, waiting):
        """Kill, Wait and Delete, each until it is so; all who wait or delete hear the same."""
        deadline = time.monotonic() + 60
        answers = []
        while time.monotonic() < deadline:
            state = self.tried(pod, "State", id=life.id)
            if state is None:
                break
            if state["status"] == PAUSED:
                self.tried(pod, "Resume", id=life.id)
            if state["status"] != STOPPED:
                if self.random.random() < 0.2:
                    self.give_up(pod, "Kill", id=life.id, signal=9)
                self.tried(pod, "Kill", id=life.id, signal=9, all=self.random.random() < 0.3)
                wait_until(lambda: (self.tried(pod, "State", id=life.id) or {"status": STOPPED})["status"] == STOPPED, 5, 0.02)
                continue
            pod.lives.pop(life.id, None)
            if self.random.random() < 0.2:
                self.give_up(pod, "Delete", id=life.id)
            both = [self.call_later(pod, "Delete", id=life.id) for _ in range(self.random.choice([0, 0, 1, 3]))]
            answers = [self.tried(pod, "Delete", id=life.id), *(self.answer(one) for one in both)]
        else:
            self.host.problem(f"{life.id} cannot be ended: {state}")
        pod.lives.pop(life.id, None)
        answers.append(self.answer(waiting))
        told = {answer.get("exit_status", 0) for answer in answers if answer}
        if len(told) > 1 or not told <= self.host.statuses[life.id, ""]:
            self.host.problem(f"the ends of {life.id} differ: {answers}")

    def answer(self, waiting):
        connection, method, stream = waiting
        try:
            with self.calls.note(method, {}):
                return connection.result(method, stream, 30)
        except Failure as failure:
            if failure.code in (LOST, TIMEOUT):
                self.host.problem(f"{method}: {failure}")
            return None
        finally:
            connection.close()

    # disturbances ------------------------------------------------------------------------------------------

    def disturb(self):
        """Some call, of a container that somebody else ends, or of none."""
        pod = self.random.choice(self.pods)
        lives = list(pod.lives.values())
        if not lives:
            return time.sleep(0.01)
        life = self.random.choice(lives)
        execs = life.execs[-3:] if self.random.random() < 0.5 else []
        exec_id = self.random.choice(["", *execs])
        who = {"id": life.id, "exec_id": exec_id}
        method, fields = self.random.choice([
            ("State", who), ("Stats", {"id": life.id}), ("Pids", {"id": life.id}), ("Connect", {"id": life.id}),
            ("CloseIO", {**who, "stdin": True}), ("ResizePty", {**who, "width": 80, "height": 24}),
            ("Kill", {**who, "signal": 0}), ("Kill", {**who, "signal": self.random.choice([0, 0, 0, 9])}), ("Delete", who),
            ("Delete", {"id": "nobody"}), ("Shutdown", {"id": life.id, "now": self.random.random() < 0.5}),
            ("Exec", {**who, "exec_id": self.host.name("x"), "spec": exec_spec("sh", "-c", "exit 0")}),
            ("Pause", {"id": life.id}), ("Resume", {"id": life.id}), ("Start", who), ("Wait", who),
            ("Update", {"id": life.id, "resources": {
                "@type": "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources", "@json": {"pids": {"limit": 500}}}}),
            ("Create", {"id": self.host.name("n"), "bundle": self.host.bundles + "/nothing"}),
        ])
        if method == "Exec":
            life.may_end(0, 137, exec_id=fields["exec_id"])
            life.execs.append(fields["exec_id"])
        if method == "Wait" or self.random.random() < 0.15:
            self.give_up(pod, method, **fields)
        else:
            self.tried(pod, method, **fields)
        if method == "Pause":
            self.resume(pod, life)

    def resume(self, pod, life):
        """What is frozen holds up whoever comes after; and a Pause that was given up may be under way."""
        for _ in range(500):
            time.sleep(0.02)
            state = self.tried(pod, "State", id=life.id)
            if state is None or state["status"] not in (PAUSED, PAUSING):
                return
            self.tried(pod, "Resume", id=life.id)


class Soak:
    def __init__(self, host, options):
        self.host, self.options, self.calls = host, options, Calls(host)
        self.pods = [Pod(host, number) for number in range(options.shims)]
        self.stop, self.began = threading.Event(), time.monotonic()
        self.workers = [
            Worker(number, options.seed, host, self.pods, self.calls, self.stop) for number in range(options.workers)]

    def run(self, seconds):
        for worker in self.workers:
            worker.start()
        told = self.began
        while time.monotonic() - self.began < seconds:
            time.sleep(0.5)
            oldest = self.calls.oldest()
            for pod in self.pods:
                if not alive(pod.shim.pid):
                    self.host.problem(f"shim {pod.shim.pid} has died", *pod.shim.log())
                    return
            if time.monotonic() - told >= 60:
                told = time.monotonic()
                self.tell(oldest)
        self.stop.set()
        if not wait_until(lambda: not any(worker.is_alive() for worker in self.workers) or self.calls.oldest() > 120, 180, 0.1):
            self.host.problem("workers do not end", *map(str, self.calls.open.values()))

    def tell(self, oldest=0.0):
        """One line of how it goes."""
        with self.host.events.changed:
            exits = sum(event.topic == "exit" for event in self.host.events.events)
            execs = sum(event.topic == "exec-started" for event in self.host.events.events)
        memory = " ".join(f"{private_kib(pod.shim.pid)}" for pod in self.pods)
        fds = " ".join(f"{len(descriptors(pod.shim.pid))}" for pod in self.pods)
        print(f"{time.monotonic() - self.began:.0f} s: {sum(self.calls.counts.values())} calls, {execs} execs, {exits} exits,"
              f" private KiB {memory}, fds {fds}, oldest call {oldest:.1f} s", flush=True)

    def end(self):
        """The workers are done: the sum."""
        for worker in self.workers:
            for connection in worker.connections.values():
                connection.close()
        for pod in self.pods:
            # What lives where a burst was keeps a page here and there.
            pod.shim.check(192)
        self.tell()
        for pod in self.pods:
            pod.keeper.end(pod.shim)
            pod.shim.end()
        self.host.truth()
        self.host.invariants()
        print("calls:", ", ".join(f"{name} {count}" for name, count in self.calls.counts.most_common()))
        print("codes:", ", ".join(f"{code}: {count}" for code, count in sorted(self.calls.codes.items())))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--shims", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    require_root()
    host = Host()
    host.words = f"integration/soak.py --seed {options.seed} --workers {options.workers} --shims {options.shims}"
    try:
        soak = Soak(host, options)
        soak.run(options.seconds or options.minutes * 60)
        soak.end()
    finally:
        status = conclude(host, "soak")
    return status


if __name__ == "__main__":
    sys.exit(main())
