#!/usr/bin/env python3
"""Kills -9 one of those who take part in a container's life, at each step of it, and looks what is told and left.

sweep-kill.py [--short | --only VICTIM/STEP/SEED | --victim VICTIM] [--rounds N] [--seed N] [--list]

VICTIM is shim, runtime, init, logger, or events (the service that plays containerd's, which comes back). STEP is
a moment of the life: the runtime is about to carry out a verb (create, start, exec, kill, delete), or is at it
(creating, starting, executing, killing, deleting; SEED says when), or it is between two (created, running,
exec-running, ended, deleted). Then comes what containerd would do: the `delete` action and a new shim where the shim is
dead, else the verb again, and Delete. What is told must be true and told once, another container of the shim unharmed,
and nothing left. What is printed with a problem repeats it.
"""

import argparse
import contextlib
import random
import sys
import threading
import time

from harness import (CREATED, LOST, RUNNING, TIMEOUT, Failure, Host, Life, Shim, alive, children, conclude, kill, read,
                     require_root, wait_until)

AT_IT = {"create": "creating", "start": "starting", "exec": "executing", "kill": "killing", "delete": "deleting"}
# In the order of a life.
STEPS = ["create", "creating", "created", "start", "starting", "running", "exec", "executing", "exec-running", "kill",
         "killing", "ended", "delete", "deleting", "deleted"]
VICTIMS = {
    "shim": STEPS,
    "runtime": [step for pair in AT_IT.items() for step in pair],
    "init": STEPS[2:STEPS.index("ended")],
    "logger": ["created", "start", "running", "exec-running", "kill", "ended", "delete"],
    "events": STEPS,
}
SHORT = {
    "shim": ["create", "creating", "starting", "executing", "ended", "deleting"], "runtime": ["creating", "exec", "kill"],
    "init": ["start", "exec"], "logger": ["running"], "events": ["creating", "ended"],
}
# It ends by itself when it is told to, with a status that nobody makes up.
IDLE, STATUS = ["sh", "-c", 'trap "exit 43" TERM; while :; do sleep 1000 & wait; done'], 43


class Story:
    """One life, in which somebody dies."""

    def __init__(self, host, victim, step, seed):
        self.host, self.victim, self.step = host, victim, step
        self.random = random.Random(f"{seed}/{victim}/{step}")
        group = host.name("g")
        # Another container of the pod, which must not come to harm.
        self.keeper = Life(host, group, ["sleep", "1000"], 137)
        self.shim = Shim(host, self.keeper.bundle)
        self.keeper.create(self.shim)
        self.keeper.start(self.shim)
        kind = "logger" if victim == "logger" else self.random.choice(["pipes", "mounts", "plain"])
        self.life = Life(host, group, IDLE, STATUS, kind)
        self.exec_id, self.is_over, self.has_ended = "", False, False

    def tell(self):
        """The whole of it."""
        life, shim = self.life, self.shim
        for part in (self.create, self.start, self.exec, self.end, self.delete):
            part(life, shim)
            if self.is_over:
                return self.bury()
        life.close()
        self.host.truth(life.id)
        if self.keeper.state(shim) != RUNNING:
            self.host.problem("another container does not run any more")
        self.keeper.end(shim)
        shim.end()

    # the life ------------------------------------------------------------------------------------------

    def create(self, life, shim):
        failure = self.do("create", lambda: life.create(shim))
        if failure and not self.is_over and life.state(shim) is None:
            if not wait_until(lambda: not life.bundle.left(), 3):
                self.host.problem(f"left by a Create that failed: {failure}", *life.bundle.left())
            life.create(shim)
        self.between("created")

    def start(self, life, shim):
        if self.is_over or life.state(shim) != CREATED:
            return
        failure = self.do("start", lambda: life.start(shim))
        if failure and not self.is_over and life.state(shim) == CREATED:
            with contextlib.suppress(Failure):
                life.start(shim)
        self.between("running")

    def exec(self, life, shim):
        if self.is_over or life.state(shim) != RUNNING:
            return
        self.exec_id = life.exec(shim, ["sh", "-c", "sleep 1000; exit 9"], 137)
        failure = self.do("exec", lambda: life.start(shim, self.exec_id))
        if failure and not self.is_over and life.state(shim) == RUNNING:
            if life.state(shim, self.exec_id) == CREATED and self.random.random() < 0.5:
                life.start(shim, self.exec_id)
            else:
                self.nobody_else()
        self.between("exec-running")

    def nobody_else(self):
        """An exec that failed has left nobody in the container."""
        pids = lambda: [pid for path in self.host.cgroups(self.life.id) for pid in read(path + "/cgroup.procs").split()]
        words = lambda: {pid: read(f"/proc/{pid}/cmdline").replace("\0", " ") for pid in pids()}
        if not wait_until(lambda: not [pid for pid, text in words().items() if "exit 9" in text], 3):
            self.host.problem("the exec failed, and runs", str(words()))

    def end(self, life, shim):
        if self.is_over:
            return
        if self.step in ("kill", "killing"):
            failure = self.do("kill", lambda: life.kill(shim, all=True))
            if failure and not self.is_over:
                with contextlib.suppress(Failure):
                    life.kill(shim)
        elif life.state(shim) == CREATED:
            return life.may_end(137)
        else:
            self.persuade(life, shim)
        if self.is_over:
            return
        life.wait(shim)
        self.has_ended = True
        self.between("ended")

    def persuade(self, life, shim):
        """A first process hears no signal before it wants to."""
        deadline = time.monotonic() + 15
        while life.state(shim) == RUNNING and time.monotonic() < deadline:
            with contextlib.suppress(Failure):
                shim.call("Kill", id=life.id, signal=15)
            time.sleep(0.01)
        # Whoever is still in the container dies of the end of its first process.
        if self.exec_id:
            life.may_end(137, exec_id=self.exec_id)

    def delete(self, life, shim):
        if self.is_over:
            return
        if life.state(shim) == CREATED and self.random.random() < 0.5:
            self.kill(life, shim)  # as clients do after a Start that failed
        if self.exec_id and self.has_ended:
            life.delete(shim, self.exec_id)
        failure = self.do("delete", lambda: life.delete(shim))
        if failure and not self.is_over and life.state(shim) is not None:
            life.delete(shim)
        self.between("deleted")

    def kill(self, life, shim):
        life.kill(shim)
        life.wait(shim)

    # the death -----------------------------------------------------------------------------------------

    def between(self, step):
        if step == self.step and not self.is_over:
            self.strike()
            self.after()

    def do(self, verb, call):
        """Carries out a verb, and kills if it is time to; the failure of it."""
        if self.step not in (verb, AT_IT[verb]):
            call()
            return None
        result = []

        def work():
            try:
                call()
                result.append(None)
            except Failure as failure:
                result.append(failure)

        hold = f"{verb}.hold.{self.life.id}"
        if self.step == verb:
            self.host.order(hold)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        if self.step == verb:
            wait_until(lambda: self.runtimes(), 5)
        else:
            time.sleep(self.random.uniform(0, 0.1))
        self.strike()
        # A dead shim's runtime goes on only after the `delete` action, which comes at once.
        if self.victim != "shim":
            self.host.clear(hold)
        thread.join(40)
        self.after()
        failure = result[0] if result else Failure(TIMEOUT, "no answer")
        if failure and failure.code == TIMEOUT:
            self.host.problem(f"{verb} hangs: {failure}")
        if failure and failure.code != LOST and not 1 <= failure.code <= 16:
            self.host.problem(f"{verb} fails without a code: {failure}")
        return failure

    def runtimes(self):
        """The runtime's commands for the life."""
        return [pid for pid in self.host.runtimes() if self.life.id in read(f"/proc/{pid}/cmdline").split("\0")]

    def strike(self):
        life = self.life
        if self.victim == "shim":
            kill(self.shim.pid)
            self.is_over = True
        elif self.victim == "runtime":
            for pid in self.runtimes():
                kill(pid)
        elif self.victim == "init":
            for name in ["", *life.execs]:
                life.may_end(137, exec_id=name)
            if pid := read(life.bundle.path + "/init.pid").strip():
                kill(int(pid))
        elif self.victim == "logger":
            for pid in children(self.shim.pid):
                if f"{self.host.dir}/bin/logger" in read(f"/proc/{pid}/cmdline"):
                    kill(pid)
        else:
            self.host.events.close()

    def after(self):
        """containerd is back, if it was away."""
        if self.victim == "events":
            self.host.events.open()
        if self.victim == "init":
            self.life.wait(self.shim)

    def bury(self):
        """The shim is dead."""
        life, keeper = self.life, self.keeper
        self.shim.hang_up()
        wait_until(lambda: not alive(self.shim.pid))
        if self.step == "delete":
            self.host.clear()  # the action's own is not to be held
        for one in (life, keeper):
            if not self.has_ended or one is keeper:
                one.may_end(137)
            answer = one.bundle.cleanup()
            status = answer.get("exit_status", 0)
            if one is life and self.has_ended and status != STATUS and self.step not in ("kill", "killing"):
                self.host.problem(f"`delete` says {status}, and it was {STATUS}")
            # What was held goes on now that everything is said to be over.
            self.host.clear()
            if not wait_until(lambda: not self.runtimes(), 10):
                self.host.problem("a runtime is at work still", str(self.runtimes()))
            # containerd removes the bundle, whatever is in it.
            one.close(bundle=False)
        self.host.truth(life.id, keeper.id, patience=1)
        # The next shim of the group.
        again = Life(self.host, self.shim.group, ["sh", "-c", "exit 7"], 7)
        shim = Shim(self.host, again.bundle)
        again.create(shim)
        again.start(shim)
        if (status := again.wait(shim)) != 7:
            self.host.problem(f"after the shim's death a container ends with {status} instead of 7")
        again.delete(shim)
        again.close()
        shim.end()


def tell(host, name):
    victim, step, seed = name.split("/")
    host.words = f"integration/sweep-kill.py --only {name}"
    before = len(host.problems)
    story = Story(host, victim, step, seed)
    try:
        story.tell()
        host.truth(story.life.id, story.keeper.id, patience=10)
    except Failure as failure:
        host.problem(f"a call fails: {failure}", *story.shim.log())
    host.clear()
    # What one story has left is not to be another's problem.
    patience = 5 if len(host.problems) == before else 1
    if not wait_until(lambda: not host.remains(), patience, 0.05):
        host.problem("something is left", *host.remains())
    if len(host.problems) > before:
        host.clean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", metavar="VICTIM/STEP/SEED", action="append", default=[])
    parser.add_argument("--victim", choices=VICTIMS, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=10, help="how many seeds (10)")
    parser.add_argument("--seed", type=int, default=1, help="the first one (1)")
    parser.add_argument("--list", action="store_true", help="the stories, without telling them")
    options = parser.parse_args()
    require_root()
    names = options.only or [
        f"{victim}/{step}/{seed}" for seed in range(options.seed, options.seed + (1 if options.short else options.rounds))
        for victim in options.victim or VICTIMS for step in (SHORT if options.short else VICTIMS)[victim]]
    if options.list:
        print(*names, sep="\n")
        return 0
    host, began = Host(), time.monotonic()
    try:
        for number, name in enumerate(names, 1):
            tell(host, name)
            if number % 50 == 0 or number == len(names):
                print(f"{number} of {len(names)} stories, {time.monotonic() - began:.0f} s", flush=True)
        host.words = ""
        host.invariants()
    finally:
        status = conclude(host, f"sweep-kill: {len(names)} stories, {time.monotonic() - began:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
