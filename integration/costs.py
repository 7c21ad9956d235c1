#!/usr/bin/env python3
"""What calls cost in instructions and system calls, counted and not timed, and the size of the program.

costs.py [BINARY]

The shim serves under callgrind, and once more under strace, with a runtime that does nothing (null-runtime.c). What a call costs
is what many of them cost more than few. The limits are those of the table `costs` in PROMISES.md: a change that spends more
changes that too. Each line says kept or BROKEN; the exit status is 0 if nothing is broken.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile

import harness
import ttrpc

FEW, MANY = 20, 120


class Server:
    """A shim that serves under a tool, which writes `report` when it ends, and one running container."""

    def __init__(self, host, binary, report, tool):
        self.report = report
        self.bundle = f"{host.dir}/b"
        socket = f"{host.dir}/s"
        os.makedirs(self.bundle + "/rootfs", exist_ok=True)
        with open(self.bundle + "/config.json", "w") as file:
            file.write('{"process": {"args": ["sleep"]}}')
        self.process = subprocess.Popen(
            [*tool, binary, "-namespace", host.namespace, "-id", "c", "-address", host.address, "-socket", socket],
            cwd=self.bundle, env=host.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not harness.wait_until(lambda: self.connects(socket), 20):
            raise RuntimeError(f"{tool[0]}: the shim does not serve")
        self.pid = self.connection.call("Connect", {"id": ""})["shim_pid"]
        self.init = self.connection.call("Create", {"id": "c", "bundle": self.bundle})["pid"]
        self.connection.call("Start", {"id": "c"})

    def connects(self, path):
        """Whether it listens; its socket is there a moment sooner."""
        try:
            self.connection = ttrpc.Connection(path, 30)
        except ttrpc.Failure:
            return False
        return True

    def states(self, count):
        for _ in range(count):
            self.connection.call("State", {"id": "c"})

    def execs(self, count):
        for number in range(count):
            names = {"id": "c", "exec_id": f"e{number}"}
            self.connection.call("Exec", {**names, "spec": harness.exec_spec("true")})
            for method in "Start", "Wait", "Delete":
                self.connection.call(method, names)

    def end(self):
        os.kill(self.init, signal.SIGKILL)  # valgrind 3.24 knows no pidfd_send_signal
        self.connection.call("Wait", {"id": "c"})
        self.connection.call("Delete", {"id": "c"})
        os.kill(self.pid, signal.SIGTERM)
        self.process.wait(20)
        return harness.read(self.report)


def valgrind():
    """trixie's: the system's own knows no pidfd_open."""
    root = subprocess.run(
        [harness.HERE / "packages.sh", "trixie", "valgrind"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return ["env", f"VALGRIND_LIB={root}/usr/libexec/valgrind", f"{root}/usr/bin/valgrind.bin"]


def instructions(host, binary, states, execs):
    report = f"{host.dir}/instructions"
    server = Server(host, binary, report, [*valgrind(), "--tool=callgrind", f"--callgrind-out-file={report}"])
    server.states(states)
    server.execs(execs)
    return int(re.search(r"^(?:summary|totals): (\d+)", server.end(), re.MULTILINE)[1])


def system_calls(host, binary, states, execs):
    report = f"{host.dir}/calls"
    # Only what the shim itself does: children are other programs.
    server = Server(host, binary, report, ["strace", "-c", "-U", "calls,name", "-o", report])
    server.states(states)
    server.execs(execs)
    return sum(int(line.split()[0]) for line in server.end().splitlines() if re.match(r" *\d+ [a-z]", line) and "total" not in line)


def limits():
    """The table of PROMISES.md: what -> limit."""
    text = harness.read(harness.ROOT / "PROMISES.md").split("<!-- costs -->")[1].split("<!-- end of costs -->")[0]
    return {name.strip(): int(number) for name, number in re.findall(r"^\| ([^|]+) \| (\d+) \|", text, re.MULTILINE)}


def main():
    harness.require_root()
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else harness.SHIM)
    found = {"size of the program, KiB": os.path.getsize(binary) // 1024}
    with tempfile.TemporaryDirectory() as directory:
        null = directory + "/null"
        subprocess.run(["clang", "-O2", "-static", "-o", null, harness.HERE / "null-runtime.c"], check=True)
        host = harness.Host(binary)
        try:
            os.symlink(null, host.dir + "/bin/new")
            os.rename(host.dir + "/bin/new", host.dir + "/bin/runc")
            for what, count in ("instructions", instructions), ("system calls", system_calls):
                base = count(host, binary, FEW, FEW)
                found[f"{what} of State"] = (count(host, binary, MANY, FEW) - base) // (MANY - FEW)
                found[f"{what} of an exec"] = (count(host, binary, FEW, MANY) - base) // (MANY - FEW)
        finally:
            host.close()
    broken = 0
    promised = limits()
    for name in sorted({*promised, *found}):
        kept = name in promised and name in found and found[name] <= promised[name]
        broken += not kept
        print(f"{'kept  ' if kept else 'BROKEN'} {name}: {found.get(name)}, at most {promised.get(name)}")
    sys.exit(broken > 0)


if __name__ == "__main__":
    main()
