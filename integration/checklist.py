#!/usr/bin/env python3
"""Makes CHECKLIST.md: which cases show which line of the checklist, and under which containerd.

checklist.py            writes it
checklist.py --check    prints each line that nothing explains, each case of an unknown line, and whether
                        CHECKLIST.md is what it would write; fails if it printed anything

checklist.txt has the lines and the reasons for what is not shown. The rest is in the case files: a
case's name begins with the lines that it shows, the tags above it say where it runs (see run.sh).
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
DAEMONS = {"1-6": "1.6", "1-7": "1.7", "2-1": "2.1"}


def requirements():
    """line -> (text, reason or None), in order."""
    lines = {}
    for row in (HERE / "checklist.txt").read_text().splitlines():
        if line := re.fullmatch(r"(T-\d{3}) (.+)", row):
            lines[line[1]] = (line[2], None)
        elif reason := re.fullmatch(r"  - (.+)", row):
            last = list(lines)[-1]
            lines[last] = (lines[last][0], reason[1])
        elif row and not row.startswith("#"):
            raise SystemExit(f"checklist.txt: neither a line nor a reason: {row}")
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


def shown(all_cases):
    """line -> [(file, name, where)]"""
    lines = {}
    for file, name, daemons in all_cases:
        for line in re.findall(r"T-\d{3}", name.split("  ")[0]):
            lines.setdefault(line, []).append((file, name, daemons))
    return lines


def document(lines, proof):
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
    for line, (text, reason) in lines.items():
        cells, daemons = [], []
        for file, name, under in proof.get(line, []):
            title = re.sub(r"^((T-\d{3}|C-[\d.]+|P-\d+|…) )+", "", name).replace("|", "\\|")
            cells.append(f"`{file}`: {title}")
            if under not in daemons:
                daemons.append(under)
        if reason:
            cells.append(f"*{reason}*")
        out.append(f"| {line} | {text.replace('|', chr(92) + '|')} | {'<br>'.join(cells)} | {'; '.join(daemons)} |")
    return "\n".join(out) + "\n"


def main(words):
    lines, all_cases = requirements(), list(cases())
    proof = shown(all_cases)
    text, target = document(lines, proof), HERE / "CHECKLIST.md"
    if words != ["--check"]:
        target.write_text(text)
        return 0
    problems = [f"{line}: no case and no reason" for line in lines if line not in proof and not lines[line][1]]
    problems += [f"{line}: a case names it, checklist.txt does not" for line in sorted(set(proof) - set(lines))]
    if not target.exists() or target.read_text() != text:
        problems.append("CHECKLIST.md is out of date: run integration/checklist.py")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
