#!/usr/bin/env python3
"""Makes CHECKLIST.md, which cases show which line of the checklist and under which containerd, and FAILURES.md, what shows
that this shim does not fail as others did.

checklist.py            writes them
checklist.py --check    prints each line that nothing explains, each case of an unknown line, and whether
                        the two are what it would write; fails if it printed anything

checklist.txt and failures.txt have the lines and the reasons for what is not shown. The rest is in the case files: a
case's name begins with the lines that it shows, the tags above it say where it runs (see run.sh).
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
DAEMONS = {"1-6": "1.6", "1-7": "1.7", "2-1": "2.1"}
# What shows something and is no case.
COMMANDS = ("make sweep-syscalls", "make sweep-kill", "make soak", "make simulate", "make fuzz", "make footprint", "make unit")
# What must be shown, or have a reason.
SEVERE = ("S1", "S2")


class Line:
    """One line of checklist.txt or failures.txt."""

    def __init__(self, number, text, severity=""):
        self.number, self.text, self.severity = number, text, severity
        self.others, self.reason = [], None


def lines_of(name, pattern):
    """The lines of a file, in order, by number; `pattern` has their number, perhaps a severity, and the text."""
    lines = {}
    for row in (HERE / name).read_text().splitlines():
        if found := re.fullmatch(pattern, row):
            last = lines[found["number"]] = Line(**found.groupdict())
        elif reason := re.fullmatch(r"  - (.+)", row):
            last.reason = reason[1]
        elif other := re.fullmatch(rf"  by ({'|'.join(COMMANDS)})(: .+)", row):
            last.others.append(f"`{other[1]}`{other[2]}")
        elif row and not row.startswith("#"):
            raise SystemExit(f"{name}: neither a line nor a reason nor a command: {row}")
    return lines


def cases():
    """(file, name, where) of each case."""
    for path in sorted(HERE.glob("*.bats")):
        of_file, tags = [], []
        for row in path.read_text().splitlines():
            if found := re.match(r"# bats file_tags=(.*)", row):
                of_file = found[1].split(",")
            elif found := re.match(r"# bats test_tags=(.*)", row):
                tags = found[1].split(",")
            elif found := re.match(r'@test "(.*)" \{', row):
                yield path.stem, found[1].replace('\\"', '"').replace("\\$", "$"), where(of_file + tags)
                tags = []


def where(tags):
    """Under which daemons a case with these tags runs."""
    if "machine" in tags:
        return "in a machine of `vm/`"
    if "direct" in tags:
        return "none needed"
    if "once" in tags:
        return "its own"
    named = [DAEMONS[tag.split(":")[1]] for tag in tags if tag.startswith("containerd:")]
    return ", ".join(sorted(named or DAEMONS.values()))


def shown(all_cases, pattern):
    """number -> [(file, name, where)], for the numbers that begin the cases' names."""
    lines = {}
    for file, name, daemons in all_cases:
        for number in re.findall(pattern, name.split("  ")[0]):
            lines.setdefault(number, []).append((file, name, daemons))
    return lines


def broken():
    """number -> names of the mutations that a case must see."""
    names = {}
    for number, name in re.findall(r"^(P-\d+) (.+)$", (HERE / "mutations.txt").read_text(), re.M):
        names.setdefault(number, []).append(name)
    return names


def cell(text):
    return text.replace("|", "\\|")


def cell_of(file, name):
    """A case, without the numbers that begin its name."""
    return f"`{file}`: {cell(re.sub(r'^((T-[0-9]{3}|C-[0-9.]+|P-[0-9]+|…) )+', '', name))}"


def checklist(lines, proof):
    out = [
        "# Which case shows which line of the checklist",
        "",
        "Made by `checklist.py` of `checklist.txt` and of the cases' names and tags; `make lint` fails if it is",
        "out of date. Each case runs with both builds of the shim. *none needed*: the case speaks to the shim",
        "itself; *its own*: it brings the containerds it needs.",
        "",
        "| line | requirement | cases | containerd |",
        "|---|---|---|---|",
    ]
    for number, line in lines.items():
        cells, daemons = [], []
        for file, name, under in proof.get(number, []):
            cells.append(cell_of(file, name))
            if under not in daemons:
                daemons.append(under)
        if line.reason:
            cells.append(f"*{line.reason}*")
        out.append(f"| {number} | {cell(line.text)} | {'<br>'.join(cells)} | {'; '.join(daemons)} |")
    return "\n".join(out) + "\n"


def failures(lines, proof):
    mutations = broken()
    out = [
        "# What shows that the shim does not fail as others did",
        "",
        "Made by `checklist.py` of `failures.txt`, of the cases' names and of `mutations.txt`; `make lint` fails if it is out of",
        "date, or if a line of severity S1 (loses data or a node) or S2 (a pod or a container) has neither proof nor reason. A",
        "*mutation* (`make mutate`) breaks the sources in one place, and a case must see it.",
        "",
        "| mode | | what goes wrong elsewhere | what shows that it does not here | mutations |",
        "|---|---|---|---|---|",
    ]
    for number, line in lines.items():
        cells = [cell_of(file, name) for file, name, _ in proof.get(number, [])] + [cell(other) for other in line.others]
        if line.reason:
            cells.append(f"*{cell(line.reason)}*")
        names = ", ".join(mutations.get(number, []))
        out.append(f"| {number} | {line.severity} | {cell(line.text)} | {'<br>'.join(cells)} | {names} |")
    return "\n".join(out) + "\n"


def problems(lines, proof, source):
    for number, line in lines.items():
        if number not in proof and not line.others and not line.reason and line.severity in ("", *SEVERE):
            yield f"{number}: nothing shows it, and there is no reason"
    for number in sorted(set(proof) - set(lines)):
        yield f"{number}: a case names it, {source} does not"


def main(words):
    all_cases, bad = list(cases()), []
    for source, target, pattern, number, document in (
            ("checklist.txt", "CHECKLIST.md", r"(?P<number>T-\d{3}) (?P<text>.+)", r"T-\d{3}", checklist),
            ("failures.txt", "FAILURES.md", r"(?P<number>P-\d+) (?P<severity>S[1-4]) (?P<text>.+)", r"P-\d+", failures)):
        lines, proof = lines_of(source, pattern), shown(all_cases, number)
        text = document(lines, proof)
        if words != ["--check"]:
            (HERE / target).write_text(text)
            continue
        bad += problems(lines, proof, source)
        if not (HERE / target).exists() or (HERE / target).read_text() != text:
            bad.append(f"{target} is out of date: run integration/checklist.py")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
