#!/usr/bin/env python3
"""Shows that cases see what they guard: breaks the sources in one place, and wants a case to fail.

mutate.py [ONLY]     each mutation, or those whose name begins with ONLY, as root; the last line is
                     `N passed, N failed, N skipped`, and the exit status is 0 if nothing failed
mutate.py --check    prints each mutation whose text is not exactly once in its file, or whose case is not there

mutations.txt has the mutations. The sources are copied to .build/mutate/tree and built there, as the ordinary
debug build, which is the quickest to build again. Each case must pass before anything is broken. A mutation
passes if its case fails with it; one that does not build fails.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / ".build" / "mutate"
TREE = WORK / "tree"
NAME = "containerd-shim-swiftrunc-v2"
BUILD_LIMIT = 1200
CASE_LIMIT = 300


class Mutation:
    """A block of mutations.txt."""

    def __init__(self, line, name):
        self.line, self.name = line, name
        self.file = self.cases = self.pattern = None
        self.old, self.new = [], []

    def problems(self):
        """What is wrong with it, in words."""
        if not (self.file and self.cases and self.pattern and self.old):
            yield "wants a file, a text and a case"
            return
        path = ROOT / self.file
        count = path.read_text().count(self.text()) if path.is_file() else 0
        if count != 1:
            yield f"its text is {count} times in {self.file}"
        path = HERE / self.cases
        names = re.findall(r'^@test "(.*)" \{$', path.read_text(), re.M) if path.is_file() else []
        if sum(1 for name in names if re.search(self.pattern, name)) != 1:
            yield f"{self.cases} has not exactly one case {self.pattern}"

    def text(self):
        return "\n".join(self.old)

    def case(self):
        return self.cases, self.pattern


def mutations():
    """All of mutations.txt, in order."""
    found, current = [], None
    for number, row in enumerate((HERE / "mutations.txt").read_text().splitlines(), 1):
        if not row.strip() or row.startswith("#"):
            continue
        if part := re.fullmatch(r"((?:P-\d+|security|seccomp) .+)", row):
            current = Mutation(number, part[1])
            found.append(current)
        elif current is None:
            raise SystemExit(f"mutations.txt:{number}: before the first name: {row}")
        elif part := re.fullmatch(r"  file (\S+)", row):
            current.file = part[1]
        elif part := re.fullmatch(r"  case (\S+\.bats) (.+)", row):
            current.cases, current.pattern = part[1], part[2]
        elif part := re.fullmatch(r"  - (.+)", row):
            current.old.append(part[1])
        elif part := re.fullmatch(r"  \+ (.+)", row):
            current.new.append(part[1])
        else:
            raise SystemExit(f"mutations.txt:{number}: not understood: {row}")
    return found


def check(all_mutations):
    bad = 0
    names = [mutation.name for mutation in all_mutations]
    for mutation in all_mutations:
        problems = list(mutation.problems())
        if names.count(mutation.name) > 1:
            problems.append("the name is there twice")
        for problem in problems:
            bad += 1
            print(f"mutations.txt:{mutation.line}: {mutation.name}: {problem}")
    return bad


def copy_tree():
    """Brings the copy to what the tree is; what is the same keeps its time, so that builds stay incremental."""
    wanted = set()
    for source in [ROOT / "Package.swift", *(ROOT / "Sources").rglob("*"), *(ROOT / "Tests").rglob("*")]:
        if not source.is_file():
            continue
        target = TREE / source.relative_to(ROOT)
        wanted.add(target)
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for path in list(TREE.rglob("*")):
        if path.is_file() and path not in wanted:
            path.unlink()


def run(words, limit, **more):
    """Runs a command in a group of its own; its status (None: it took too long), and what it printed."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True, **more)
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        return None, end(process)
    except BaseException:
        end(process)
        raise


def end(process):
    """Ends a command and its children, bats after its teardowns; what it printed."""
    for number, patience in ((signal.SIGTERM, 60), (signal.SIGKILL, None)):
        os.killpg(process.pid, number)
        try:
            return process.communicate(timeout=patience)[0]
        except subprocess.TimeoutExpired:
            pass
    return ""


def build():
    """Builds the copy; None, or what the compiler says."""
    status, output = run(["swift", "build", "--disable-local-rpath", "--product", NAME, "--scratch-path", WORK / "build"],
                         BUILD_LIMIT, cwd=TREE)
    return None if status == 0 else output


def run_case(case):
    """"passed", "skipped", "failed" or "broken" (no such case), and what bats printed."""
    cases, pattern = case
    # The promises on memory are those of a release build.
    environment = dict(os.environ, SHIM_BINARY=str(WORK / "build" / "debug" / NAME), SHIM_BUILD="ordinary",
                       BUDGET_DIRTY_KIB="100000", BUDGET_POD_KIB="100000")
    environment.pop("SHIM_RUNTIME", None)
    status, output = run(["bats", "--tap", "-f", pattern, HERE / cases], CASE_LIMIT, env=environment)
    results = re.findall(r"^(not ok|ok) \d+ (.*)$", output, re.M)
    if status is None:
        return "failed", f"not within {CASE_LIMIT} s\n{output}"
    if not results:
        return "broken", output
    if any(word == "not ok" for word, _ in results):
        return "failed", output
    if status != 0:
        return "broken", output
    return "skipped" if all("# skip" in name for _, name in results) else "passed", output


def show(output):
    for row in output.rstrip().splitlines()[-40:]:
        print(f"    {row}")


def baseline(cases):
    """How each case ends with nothing broken."""
    results = {}
    for case in cases:
        results[case], output = run_case(case)
        print(f"# unbroken: {case[0]} {case[1]}: {results[case]}", flush=True)
        if results[case] not in ("passed", "skipped"):
            show(output)
    return results


def attempt(mutation):
    """Breaks, builds, runs; the reason why the mutation is not seen, or None."""
    path = TREE / mutation.file
    whole = path.read_text()
    path.write_text(whole.replace(mutation.text(), "\n".join(mutation.new)))
    try:
        if (output := build()) is not None:
            show(output)
            return "does not build"
        result, output = run_case(mutation.case())
        if result == "failed":
            return None
        show(output)
        return f"its case: {result}"
    finally:
        path.write_text(whole)


def main(words):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    all_mutations = mutations()
    if words == ["--check"]:
        return check(all_mutations)
    chosen = [mutation for mutation in all_mutations if mutation.name.startswith(words[0] if words else "")]
    if os.geteuid() != 0:
        raise SystemExit("must be run as root")
    if check(chosen):
        return 1
    copy_tree()
    if (output := build()) is not None:
        show(output)
        raise SystemExit("the sources do not build")
    unbroken = baseline(dict.fromkeys(mutation.case() for mutation in chosen))
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for mutation in chosen:
        before = unbroken[mutation.case()]
        if before == "skipped":
            result, reason = "skipped", "its case is skipped here"
        elif before != "passed":
            result, reason = "failed", "its case does not pass with nothing broken"
        else:
            reason = attempt(mutation)
            result = "passed" if reason is None else "failed"
        counts[result] += 1
        print(f"{'not ok' if result == 'failed' else 'ok'} {mutation.name}" + (f" # {reason}" if reason else ""), flush=True)
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return counts["failed"] or not counts["passed"]


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
