#!/usr/bin/env python3
"""Lets each system call of the shim fail, alone, in each verb of the task API, and looks what comes of it.

sweep-syscalls.py [--short | --only TRIAL | --verb VERB[/KIND]] [--list]

For each verb and kind of container the calls that the serving shim makes are recorded (strace, the
shim alone, not the runtime; a child that unmounts is known by its clone). Then each occurrence of
each call fails with each error that makes sense there, in a container of its own. The verb must
succeed, or fail with a code; never hang, never end the shim. Then it is repeated, the container ends
as it must, everything of it is deleted, the events are true; now and then a fresh container lives in
the same shim and its descriptors and memory are compared. A TRIAL is VERB/KIND/CALL/ERROR/OCCURRENCE,
and is printed with each problem; --short takes a fixed sample.
"""

import argparse
import os
import re
import subprocess
import sys
import time

from harness import (CREATED, LOST, NOT_FOUND, RUNNING, STOPPED, TIMEOUT, Failure, Host, Life, Shim, alive, conclude, read,
                     require_root, wait_until)

OPEN, FILE, WRITE = "EMFILE ENOMEM", "EIO ENOMEM", "ENOSPC EIO EINTR"
# Which errors make sense for a call; one that is not here gets ENOMEM.
ERRORS = {
    "openat": "EMFILE ENOMEM ENOSPC EIO EINTR", "open": "EMFILE ENOMEM ENOSPC EIO EINTR", "openat2": OPEN + " EIO",
    "open_tree": OPEN, "pipe2": OPEN, "socket": OPEN, "socketpair": OPEN, "accept4": OPEN + " EINTR", "memfd_create": OPEN,
    "epoll_create1": OPEN, "inotify_init1": OPEN, "eventfd2": OPEN, "pidfd_open": OPEN, "fcntl": "EMFILE",
    "clone": "EAGAIN ENOMEM", "clone3": "EAGAIN ENOMEM", "vfork": "EAGAIN ENOMEM",
    "read": "EIO EINTR", "pread64": "EIO EINTR", "recvfrom": "ENOMEM EINTR", "recvmsg": "ENOMEM EINTR",
    "write": WRITE, "pwrite64": WRITE, "writev": WRITE, "splice": WRITE + " ENOMEM", "tee": "EINTR ENOMEM",
    "sendto": "ENOMEM EINTR", "sendmsg": "ENOMEM EINTR", "connect": "ENOMEM EINTR",
    "mkdir": "ENOSPC " + FILE, "mkdirat": "ENOSPC " + FILE, "rename": "ENOSPC " + FILE, "renameat2": "ENOSPC " + FILE,
    "unlink": FILE, "unlinkat": FILE, "rmdir": FILE, "chmod": FILE, "fchmod": FILE, "fchmodat": FILE, "fchown": FILE,
    "stat": FILE, "lstat": FILE, "fstat": FILE, "newfstatat": FILE, "statx": FILE, "readlink": FILE, "readlinkat": FILE,
    "getdents64": FILE, "statfs": FILE, "fstatfs": FILE, "access": FILE, "faccessat2": FILE,
    "mount": "ENOMEM EIO ENOSPC", "move_mount": "ENOMEM ENOSPC", "umount2": "EBUSY EIO", "ioctl": "EIO EINTR",
    "epoll_ctl": "ENOMEM ENOSPC", "epoll_wait": "EINTR", "epoll_pwait": "EINTR", "fsync": "EIO ENOSPC",
}
# Calls of a child that was cloned for them, with the kind "mounts"; each child's first one fails.
OF_CHILDREN = ["umount2", "openat2", "mount", "open_tree", "mount_setattr", "move_mount"]
# What is left out, and why.
LEFT_OUT = {
    "brk": "answers a failure with the old end, which strace cannot; the heap would seem to have grown to nowhere",
    "close": "whatever it answers, the descriptor is gone; under strace it would stay, and hold a pipe open",
    "munmap": "what is unmapped whole cannot fail; under strace it would stay",
    "exit_group": "does not return", "restart_syscall": "is epoll_wait, as strace finds it",
    "waitid": "with WNOHANG and a pidfd of our child it has no way to fail",
    "getrandom": "cannot fail for so few bytes once the kernel has begun",
    "kill": "fails only for who is gone", "pidfd_send_signal": "fails only for who is gone",
    "rt_sigprocmask": "cannot fail", "rt_sigreturn": "does not return", "umask": "cannot fail", "lseek": "cannot fail",
    "getpid": "cannot fail", "getuid": "cannot fail", "geteuid": "cannot fail", "prctl": "cannot fail for what is asked",
    "getsockopt": "cannot fail for what is asked", "getcwd": "cannot fail for what is asked", "uname": "cannot fail",
    "shutdown": "cannot fail for what is connected", "clock_nanosleep": "is not asked for in the loop",
}
LINE = re.compile(r"^(\w+)\((.*)")
KEPT = re.compile(r'^(?:unlink|rmdir)\("([^"]+)"')
STREAM = re.compile(r"\w+\(\d+<(socket|UNIX|pipe|TCP|anon_inode|/dev/pts|/dev/ptmx)")


def makes_sense(call, error, line):
    """Whether this occurrence could fail so."""
    if call == "epoll_ctl":
        return "EPOLL_CTL_ADD" in line
    if call == "fcntl":
        return "F_DUPFD" in line
    if call in ("openat", "open") and error == "ENOSPC":
        return "O_CREAT" in line
    if call in ("write", "writev", "splice") and error == "ENOSPC":
        return not STREAM.match(line) or call == "splice"
    if call in ("read", "write") and error == "EIO":
        return not re.match(r"\w+\(\d+<(socket|UNIX|pipe|anon_inode)", line)
    return True


# verbs --------------------------------------------------------------------------------------------


class Create:
    kinds = ["pipes", "terminal", "mounts", "logger"]
    words, status = ["sh", "-c", "exit 41"], 41

    def prepare(self, life, shim):
        pass

    def act(self, life, shim):
        life.create(shim)

    def repeat(self, life, shim, failure):
        state = life.state(shim)
        if failure and state is None:
            if not wait_until(lambda: not life.bundle.left(), 3):
                life.host.problem(f"left by a Create that failed: {failure}", *life.bundle.left())
            life.create(shim)
        elif failure and failure.code != LOST:
            life.host.problem(f"Create failed, and the container is there: {failure}")
        self.finish(life, shim)

    def finish(self, life, shim):
        life.start(shim)
        for method in life.wait, life.delete:
            if (status := method(shim)) != life.expected:
                life.host.problem(f"{method.__name__} answers {status} instead of {life.expected}")


class Start(Create):
    """Start, and the exit."""
    kinds = ["pipes", "terminal"]

    def prepare(self, life, shim):
        life.create(shim)

    def act(self, life, shim):
        life.start(shim)
        life.wait(shim)

    def repeat(self, life, shim, failure):
        if failure and life.state(shim) == CREATED:
            try:
                life.start(shim)
            except Failure as again:
                refused(life, failure)
                refused(life, again)
                life.may_end(137)
                life.kill(shim)
        status = life.wait(shim)
        if life.delete(shim) != status:
            life.host.problem(f"Delete answers another status than {status}")


class Exec(Create):
    """Start of an exec, and its exit."""
    kinds = ["pipes", "terminal", "mounts"]
    words, status = ["sleep", "1000"], 137

    def prepare(self, life, shim):
        life.create(shim)
        life.start(shim)
        self.exec_id = life.exec(shim, ["sh", "-c", "exit 42"], 42)

    def act(self, life, shim):
        life.start(shim, self.exec_id)
        life.wait(shim, self.exec_id)

    def repeat(self, life, shim, failure):
        name = self.exec_id
        if failure and life.state(shim, name) == CREATED:
            try:
                life.start(shim, name)
            except Failure as again:
                refused(life, failure)
                refused(life, again)
        if life.state(shim, name) in (RUNNING, STOPPED) and (status := life.wait(shim, name)) != 42:
            life.host.problem(f"the exec's status is {status} instead of 42")
        life.delete(shim, name)
        self.nobody_else(life, shim)
        life.kill(shim)
        life.wait(shim)
        life.delete(shim)

    def nobody_else(self, life, shim):
        init = shim.call("State", id=life.id)["pid"]
        others = lambda: {int(pid) for path in life.host.cgroups(life.id)
                          for pid in read(path + "/cgroup.procs").split()} - {init}
        if not wait_until(lambda: not others(), 3):
            life.host.problem("a process runs that nobody knows", *(read(f"/proc/{pid}/cmdline") for pid in others()))


class Kill(Create):
    """Kill, and the exit."""
    kinds = ["pipes", "plain"]
    words, status = ["sleep", "1000"], 137

    def prepare(self, life, shim):
        life.create(shim)
        life.start(shim)

    def act(self, life, shim):
        life.kill(shim)
        life.wait(shim)

    def repeat(self, life, shim, failure):
        if failure:
            try:
                life.kill(shim)
            except Failure as again:
                if again.code != NOT_FOUND:
                    raise
        for method in life.wait, life.delete:
            if (status := method(shim)) != 137:
                life.host.problem(f"{method.__name__} answers {status} instead of 137")


class KillAll(Kill):
    """The same by the runtime."""
    kinds = ["plain"]

    def act(self, life, shim):
        life.kill(shim, all=True)
        life.wait(shim)


class Delete(Create):
    kinds = ["pipes", "terminal", "mounts", "logger"]

    def prepare(self, life, shim):
        life.create(shim)
        life.start(shim)
        life.wait(shim)

    def act(self, life, shim):
        life.delete(shim)

    def repeat(self, life, shim, failure):
        if not failure or life.state(shim) is None and failure.code == LOST:
            return
        if (status := life.delete(shim)) != life.expected:
            life.host.problem(f"Delete answers {status} instead of {life.expected}")


class DeleteCreated(Delete):
    """Delete of one that was never started."""
    kinds = ["pipes"]
    status = 137

    def prepare(self, life, shim):
        life.create(shim)


VERBS = {"create": Create, "start": Start, "exec": Exec, "kill": Kill, "kill-all": KillAll, "delete": Delete,
         "delete-created": DeleteCreated}


def refused(life, failure):
    """A failure is fair if it has a code of ttrpc's, and words."""
    if failure.code == TIMEOUT:
        life.host.problem(f"a call hangs: {failure}")
    elif failure.code != LOST and (not 1 <= failure.code <= 16 or not failure.message):
        life.host.problem(f"a failure without a code or words: {failure}")


# the sweep ----------------------------------------------------------------------------------------


class Sweep:
    def __init__(self, host):
        self.host, self.shim, self.trials, self.voids, self.refusals = host, None, 0, 0, 0
        self.trace = host.dir + "/trace"

    def begin(self):
        """A shim that has had a life already."""
        self.keeper = Life(self.host, self.host.name("g"), ["true"], 0)
        self.shim = Shim(self.host, self.keeper.bundle)
        self.keeper.create(self.shim)
        self.keeper.start(self.shim)
        self.fresh()
        self.shim.measure()

    def fresh(self):
        life = Life(self.host, self.shim.group, ["sh", "-c", "exit 7"], 7)
        life.create(self.shim)
        life.start(self.shim)
        if (status := life.wait(self.shim)) != 7:
            self.host.problem(f"a fresh container ends with {status} instead of 7")
        life.delete(self.shim)
        life.close()
        self.host.truth(life.id)

    def check(self, words):
        """The shim after some trials."""
        self.host.words = words
        try:
            self.fresh()
            self.shim.check()
        except Failure as failure:
            self.host.problem(f"a fresh container: {failure}", *self.shim.log())

    def end(self):
        if not self.shim:
            return
        if alive(self.shim.pid):
            self.keeper.end(self.shim)
            self.shim.end()
        else:
            self.keeper.bundle.cleanup()
            self.keeper.bundle.remove()
            os.unlink(self.host.socket_of(self.shim.group))
        self.shim = None

    def attach(self, *options):
        tracer = subprocess.Popen(
            ["strace", "-y", "-p", str(self.shim.pid), "-o", self.trace, *options], stderr=subprocess.PIPE, text=True)
        if "attached" not in (said := tracer.stderr.readline()):
            raise SystemExit(f"strace: {said}")
        return tracer

    def run(self, verb, kind, *options):
        """One life with the verb under strace: the trace's lines."""
        life = Life(self.host, self.shim.group, verb.words, verb.status, kind)
        life.expected = verb.status
        try:
            verb.prepare(life, self.shim)
        except Failure as failure:
            self.host.problem(f"before the fault: {failure}")
        tracer, failure = self.attach(*options), None
        try:
            verb.act(life, self.shim)
        except Failure as error:
            failure = error
            self.refusals += 1
            refused(life, error)
        tracer.terminate()
        tracer.communicate()
        with open(self.trace, errors="replace") as file:
            lines = file.read().splitlines()
        for line in lines:
            # Whoever refuses to remove a file keeps it.
            if (kept := KEPT.match(line)) and line.endswith("(INJECTED)"):
                self.remove(os.path.dirname(kept[1]) if kept[1].endswith(".sock") else kept[1])
        self.repeat(verb, life, failure)
        return lines

    def repeat(self, verb, life, failure):
        if not alive(self.shim.pid):
            self.host.problem(f"the shim has died: {failure}", *self.shim.log())
            life.bundle.cleanup()
            life.close()
            return
        try:
            verb.repeat(life, self.shim, failure)
        except Failure as again:
            self.host.problem(f"the repetition fails: {again}", f"after: {failure}", *self.shim.log())
            try:
                life.end(self.shim)
            except Failure as last:
                self.host.problem(f"it cannot be ended: {last}")
        life.close()
        if left := os.listdir(self.host.tmp):
            self.host.problem(f"left in {self.host.tmp}: {left}")
            self.remove(*(f"{self.host.tmp}/{name}" for name in left))
        self.host.truth(life.id)

    @staticmethod
    def remove(*paths):
        subprocess.run(["rm", "-rf", "--one-file-system", *paths], check=False)

    def record(self, verb, kind):
        """The calls of the verb: (call, line) of each."""
        self.host.words = f"integration/sweep-syscalls.py --verb {verb}/{kind}"
        lines = self.run(VERBS[verb](), kind)
        return [(found[1], line) for line in lines if (found := LINE.match(line))]

    def trial(self, name):
        """One fault: whether it came to pass."""
        verb, kind, call, error, number = name.split("/")
        self.host.words = f"integration/sweep-syscalls.py --only {name}"
        # Only while they are our program.
        follow = ["-f", "-b", "execve"] if call in OF_CHILDREN else []
        lines = self.run(VERBS[verb](), kind, *follow, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}")
        injected = [line for line in lines if line.endswith("(INJECTED)")]
        self.trials += 1
        self.voids += not injected
        return all(makes_sense(call, error, line) for line in injected), injected

    def all_of(self, verb, kind):
        """Every trial of a verb and a kind."""
        seen, names = {}, []
        for call, line in self.record(verb, kind):
            seen[call] = number = seen.get(call, 0) + 1
            if call in LEFT_OUT:
                continue
            for error in ERRORS.get(call, "ENOMEM").split():
                if makes_sense(call, error, line):
                    names.append(f"{verb}/{kind}/{call}/{error}/{number}")
            for theirs in OF_CHILDREN if call == "clone3" and number == 1 and kind == "mounts" else []:
                names += [f"{verb}/{kind}/{theirs}/{error}/1" for error in ERRORS.get(theirs, "ENOMEM").split()]
        return names

    def sweep(self, names, check_each):
        """The trials of one verb and kind, and the shim after them."""
        for name in names:
            before, self.host.holds_back = len(self.host.problems), True
            sensible, injected = self.trial(name)
            if check_each and alive(self.shim.pid):
                self.check(self.host.words)
            if not sensible:
                # The calls came in another order than when they were recorded: it could not come to pass.
                del self.host.problems[before:]
                self.voids += 1
            for text in self.host.problems[before:]:
                print(text, "    the fault:", *injected, sep="\n", flush=True)
            self.host.holds_back = False
            # What one trial has left is not to be another's problem.
            if not sensible or len(self.host.problems) > before or not alive(self.shim.pid):
                self.restart()
        if not check_each:
            self.check(f"integration/sweep-syscalls.py --verb {names[0].split('/')[0]}" if names else "")

    def restart(self):
        self.end()
        self.host.clear()
        self.begin()


# What --short tries: of each of these calls one occurrence with one error.
SHORT = {
    "create/terminal": "accept4 recvmsg bind epoll_ctl read", "create/mounts": "mount mkdir openat rename read",
    "start/pipes": "clone epoll_ctl splice write", "exec/pipes": "clone pipe2 epoll_ctl pidfd_open openat",
    "kill-all/plain": "clone epoll_ctl", "delete/mounts": "umount2 clone clone3 openat epoll_ctl", "delete-created/pipes": "pipe2 read",
}


def sample(pair, names):
    """A few of a verb's trials, always the same."""
    chosen = []
    for number, call in enumerate(SHORT[pair].split(), 3):
        those = [name for name in names if name.split("/")[2] == call]
        chosen += those[number * 5 % len(those):][:1] if those else []
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", metavar="TRIAL", action="append", default=[])
    parser.add_argument("--verb", metavar="VERB[/KIND]", action="append", default=[])
    parser.add_argument("--list", action="store_true", help="the trials, without doing them")
    options = parser.parse_args()
    require_root()
    host = Host()
    sweep = Sweep(host)
    began = time.monotonic()
    try:
        sweep.begin()
        if options.only:
            sweep.sweep(options.only, True)
        for verb, kind in pairs(options):
            names = sweep.all_of(verb, kind)
            if options.short:
                names = sample(f"{verb}/{kind}", names)
            if options.list:
                print(*names, sep="\n")
                continue
            sweep.sweep(names, False)
            print(f"{verb}/{kind}: {len(names)} faults, shim's growth {sweep.shim.growth} KiB,"
                  f" {time.monotonic() - began:.0f} s", flush=True)
        host.words = ""
        sweep.end()
        host.truth()
        host.invariants()
    finally:
        status = conclude(host, f"sweep-syscalls: {sweep.trials} trials, {sweep.voids} of them without a fault,"
                          f" {sweep.refusals} refusals, {time.monotonic() - began:.0f} s")
    return status


def pairs(options):
    """The verbs and kinds that are wanted."""
    if options.only:
        return
    for verb in VERBS:
        for kind in VERBS[verb].kinds:
            pair = f"{verb}/{kind}"
            if (not options.verb or verb in options.verb or pair in options.verb) and (not options.short or pair in SHORT):
                yield verb, kind


if __name__ == "__main__":
    sys.exit(main())
