#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET]: fuzzes each target, or the one, with the address and undefined behaviour sanitizers; all of
# it takes SECONDS, and the build before it. The last line is `N passed, N failed, N skipped`, a target is one.
# What a target begins with is in Tests/Fuzz/corpus; what it finds out stays in .build/fuzz.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
seconds=${1:-60} only=${2:-}
readonly work=.build/fuzz
program=$work/release/Fuzz
# Swift's own report of a crash would come between libFuzzer and its own.
export SWIFT_BACKTRACE=enable=no

build() {
    FUZZ=$(clang -print-resource-dir)/lib/linux integration/quietly.sh \
        swift build -c release --product Fuzz --scratch-path $work
}

# fuzz TARGET SECONDS
fuzz() {
    local found=$work/$1 log=$work/$1.log words=()
    mkdir -p "$found/corpus"
    [ -f "Tests/Fuzz/dictionaries/$1" ] && words=("-dict=Tests/Fuzz/dictionaries/$1")
    if FUZZ_TARGET=$1 nice timeout -k 10 $(($2 + 120)) $program "$found/corpus" "Tests/Fuzz/corpus/$1" "${words[@]}" \
        -max_total_time="$2" -max_len=4096 -timeout=20 -rss_limit_mb=1024 -artifact_prefix="$found/" \
        -print_final_stats=1 >"$log" 2>&1 </dev/null; then
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: */inputs /p' "$log"), $(grep -o 'cov: [0-9]*' "$log" | tail -n 1)"
        return 0
    fi
    echo "$1 failed: $log"
    grep -aE 'Fatal error|ERROR:|runtime error|SUMMARY' "$log"
    sed -n "s|.*Test unit written to \(.*\)|again: FUZZ_TARGET=$1 $program \1|p" "$log"
    return 1
}

build || { echo "0 passed, 1 failed, 0 skipped" && exit 1; }
targets=()
for directory in Tests/Fuzz/corpus/*/; do targets+=("$(basename "$directory")"); done
[ -z "$only" ] || targets=("$only")
# Two at a time, so that each has its part of the time twice.
share=$((seconds * (${#targets[@]} > 1 ? 2 : 1) / ${#targets[@]}))
passed=0 failed=0 running=()
for target in "${targets[@]}"; do
    fuzz "$target" $((share > 1 ? share : 1)) &
    running+=($!)
    if [ ${#running[@]} -eq 2 ]; then
        if wait "${running[0]}"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
        running=("${running[1]}")
    fi
done
for process in "${running[@]}"; do
    if wait "$process"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
