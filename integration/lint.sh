#!/usr/bin/env bash
# Format, banned words, who imports what, generated code, scripts. One line for each problem, and a
# failure if there is one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export LC_ALL=C.UTF-8
problems=0

# Counts and prints the problems that a command prints, one a line; `$1: ` goes before each.
report() {
    local line
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        problems=$((problems + 1))
        printf '%s: %s\n' "$1" "$line"
    done
}

install_tools() {
    local missing=()
    command -v shellcheck >/dev/null || missing+=(shellcheck)
    command -v protoc-c >/dev/null || missing+=(protobuf-c-compiler)
    command -v python3 >/dev/null || missing+=(python3)
    [ ${#missing[@]} -gt 0 ] || return 0
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
    } >/dev/null 2>&1 || report install <<<"apt-get install ${missing[*]} failed"
}

# format -------------------------------------------------------------------------------------------

check_format() {
    local output status=0 before=$problems
    output=$(timeout -k 5 300 swift format lint --strict --parallel --recursive Package.swift Sources Tests 2>&1 </dev/null) ||
        status=$?
    # A message may be followed by lines of source; what counts are the messages.
    report format < <(grep -E '(error|warning): ' <<<"$output" | sed "s|^$PWD/||")
    if [ "$status" -ne 0 ] && [ "$problems" -eq "$before" ]; then
        report format <<<"swift format ended with $status: $(tail -n 1 <<<"$output")"
    fi
}

# words --------------------------------------------------------------------------------------------

# The Swift sources as "path:line:text", without comments.
code() {
    find Sources -name '*.swift' -print0 | sort -z | xargs -0 grep -nH '' |
        sed -E 's,^([^:]*:[0-9]+:)(.*[[:space:]])?//.*$,\1\2,'
}

# ban PATTERN WHY [WHERE IT IS ALLOWED]
ban() { report "banned, $2" < <(code | grep -E -- "^[^:]*:[0-9]+:.*($1)" | grep -vE -- "${3:-^$}"); }

check_words() {
    ban '\bimport (Foundation|Glibc|Dispatch)\b' 'a C target instead'
    ban '\bTask(\.detached)?( *<[^>]*>)?(\([^)]*\))? *\{' 'Loop.start instead' '^Sources/Reactor/Loop\.swift:'
    ban '\bTask\.sleep\b' 'Reactor.sleep instead'
    ban '\btry!' 'a failure is a value'
    ban '\bDispatchQueue\b' 'there is one thread'
    ban '\bnonisolated\(unsafe\)|@unchecked\b' 'only in Reactor' '^Sources/Reactor/'
    # Noncopyable types alone are public, and their members are not.
    ban '\bpublic ' 'package instead' ':[0-9]+: *public (struct|enum) [A-Za-z]+: ~Copyable \{'
    report 'banned, an exit belongs to its pidfd' < <(grep -rnE '\b(waitpid|wait4) ?\(-1' Sources --include='*.swift' --include='*.c')
    report 'banned, an issue instead' < <(grep -rnE '\b(TODO|FIXME)\b' Sources Tests)
}

# imports ------------------------------------------------------------------------------------------

# The targets that may import a C module.
importers() {
    case $1 in
    CLinux) echo Linux Reactor Mounts Stdio Cgroups Seccomp ;;
    CSeccomp) echo Seccomp ;;
    CDigest) echo Linux ;;
    CJSON) echo JSON ;;
    CProto | CProtobufC) echo Protobuf ;;
    CCap) echo Confinement ;;
    CRevision) echo Shim ;;
    esac
}

check_imports() {
    local path target module
    while read -r path module; do
        target=${path#Sources/}
        target=${target%%/*}
        [ -n "$(importers "$module")" ] || continue
        [[ " $(importers "$module") " == *" $target "* ]] || report imports <<<"$path: $target may not import $module"
    done < <(code | sed -nE 's/^([^:]*):[0-9]+:([^"]* )?import ([A-Za-z_]+).*$/\1 \3/p')
    report imports < <(undeclared)
}

# Imports that Package.swift does not declare. The build's own check lets pass what was declared by
# one of the target's dependencies.
undeclared() {
    python3 - <<'PY'
import pathlib, re
manifest = pathlib.Path("Package.swift").read_text()
declared = {}
for name, rest in re.findall(r'[tT]arget\(\s*(?:name: )?"([\w-]+)"([^()]*)', manifest):
    declared[name] = set(re.findall(r'"([\w-]+)"', rest.split("[", 1)[1].split("]", 1)[0])) if "[" in rest else set()
for path in sorted(pathlib.Path("Sources").rglob("*.swift")):
    target = path.parts[1]
    for line in path.read_text().splitlines():
        found = re.match(r"\s*(?:@\S+ )?(?:package |public |internal |private )?import (\w+)", line)
        module = found and found[1]
        if module in declared and module not in declared.get(target, ()):
            print(f"{path}: {target} does not declare {module} in Package.swift")
PY
}

# everything else ----------------------------------------------------------------------------------

check_generated() {
    report 'generated code, run `make protos`' < <(timeout -k 5 60 proto/regenerate.sh --check 2>&1)
}

# files PATTERN...: the tree's files of these names; nothing that was built.
files() {
    local names=() name
    for name in "$@"; do names+=(-o -name "$name"); done
    find . \( -name .git -o -name '.build*' -o -path ./bin -o -path ./.cache \) -prune -o -type f \( "${names[@]:1}" \) -print | sort | sed 's|^\./||'
}

# Also the scripts whose names do not say what they are.
scripts() {
    files '*.sh' '*.bash' '*.bats'
    files '*' | grep -vE '\.(sh|bash|bats|py|swift|c|h|proto|md)$' | while IFS= read -r file; do
        if head -n 1 "$file" | grep -qaE '^#!.*\b(sh|bash)$'; then echo "$file"; fi
    done
}

check_scripts() {
    local list
    mapfile -t list < <(scripts)
    report shellcheck < <(timeout -k 5 300 shellcheck -x -P SCRIPTDIR -P . -f gcc "${list[@]}" 2>&1)
    mapfile -t list < <(files '*.py')
    report python < <(python3 - "${list[@]}" 2>&1 <<'PY'
import sys
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec")
    except (SyntaxError, ValueError) as error:
        print(f"{path}: {error}")
PY
    )
}

# Also that what breaks the sources still fits them.
check_mutations() { report mutations < <(integration/mutate.py --check 2>&1); }

check_checklist() { report checklist < <(integration/checklist.py --check 2>&1); }

# What would make the tree depend on one machine, or on a registry.
check_places() {
    local list
    mapfile -t list < <(files '*')
    report place < <(grep -nHIE "(^|[[:space:]\"'\`(=:])/(work|opt/swift)(/|[[:space:]\"'\`)]|$)" "${list[@]}" | grep -v '^integration/lint\.sh:')
    report registry < <(grep -nHIE '\b((docker|ghcr|quay|gcr|k8s\.gcr)\.io|registry\.k8s\.io|mcr\.microsoft\.com|public\.ecr\.aws)\b' \
        "${list[@]}" | grep -vE '\bdocker\.io (docker-cli|tini)\b')  # a package's name
}

install_tools
check_format
check_words
check_imports
check_generated
check_scripts
check_checklist
check_mutations
check_places
echo "lint: $problems problems"
[ "$problems" -eq 0 ]
