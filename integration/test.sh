#!/usr/bin/env bash
# The whole test: lint, unit tests, both builds, the integration suite with both: the shipped one under each containerd, the
# other, for time's sake, under the first (`make integration` is all of it).
# A part that fails keeps no other from running. The last line is the sum of all parts, and the only one of its form.
# Each part's whole output is in .build/<part>.log.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
mkdir -p .build
# Nobody goes on for who has given up.
end() {
    local parts
    parts=$(jobs -p)
    # shellcheck disable=SC2046,SC2086 # lists
    [ -z "$parts" ] || kill $parts $(pgrep -P "${parts//$'\n'/,}") 2>/dev/null
    wait
}
trap end EXIT
trap 'exit 143' TERM INT
passed=0 failed=0 skipped=0

heading() { printf '== %s\n' "$*"; }

# bounded SECONDS LOG COMMAND...: everything it says goes to the log; a hang ends.
bounded() {
    local seconds=$1 log=$2
    shift 2
    timeout -k 30 "$seconds" "$@" >"$log" 2>&1 </dev/null &
    wait $!
}

# must NAME SECONDS COMMAND...: a part that counts only if it fails.
must() {
    heading "$1"
    bounded "$2" ".build/$1.log" "${@:3}"
    tell "$1" $?
}

# tell NAME STATUS: how such a part has ended.
tell() {
    local log=.build/$1.log
    if [ "$2" -eq 0 ]; then
        tail -n 1 "$log"
        return 0
    fi
    failed=$((failed + 1))
    tail -n 60 "$log"
    echo "$1 failed: $log"
    return 1
}

# Swift Testing says one line for each test when it ends; "with 3 test cases" is one test.
count_unit() { grep -cE "^[^ ]+ Test (\".*\"|[^ ]+\(.*\))( with [0-9]+ test cases?)? $1" .build/unit.log; }

unit() {
    local status=0 ended bad left
    heading "unit tests"
    bounded 1800 .build/unit.log swift test --no-parallel --disable-xctest --scratch-path .build/test || status=$?
    bad=$(count_unit 'failed after ')
    left=$(count_unit 'skipped')
    # The runner's own sum: a test that prints may run its line into another.
    ended=$(sed -n 's/.*Test run with \([0-9]*\) tests\{0,1\} in .*/\1/p' .build/unit.log | tail -n 1)
    ended=$((ended > bad + left ? ended - bad - left : 0))
    passed=$((passed + ended))
    skipped=$((skipped + left))
    if [ "$status" -ne 0 ] || [ "$bad" -gt 0 ]; then
        # It did not compile, or it crashed: then no test has failed, and still something has.
        if [ "$bad" -eq 0 ]; then
            bad=1
            tail -n 60 .build/unit.log
        else
            grep -E '^(✘|↳)|error:' .build/unit.log
        fi
        echo "unit tests failed: .build/unit.log"
    elif [ "$ended" -eq 0 ]; then
        bad=1
        echo "no unit test ran: .build/unit.log"
    fi
    failed=$((failed + bad))
    echo "of the unit tests $ended passed, $bad failed"
}

# suite NAME WHAT COMMAND...: a command whose last line has the form that is ours.
suite() {
    local name=$1 what=$2 log=.build/$1.log status=0 sums cases bad left
    shift 2
    heading "$what"
    # Shown as it comes, but for the cases that pass, and for lines of the form that is ours alone.
    timeout --foreground -k 60 7200 "$@" </dev/null 2>&1 | tee "$log" |
        sed -u -E "/^(ok |1\.\.)/d; s/^([0-9]+ passed, [0-9]+ failed)/of the cases \1/"
    status=${PIPESTATUS[0]}
    sums=$(sed -n -E 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' "$log" | tail -n 1)
    read -r cases bad left <<<"${sums:-0 0 0}"
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        echo "$name ended with $status: $log"
    elif [ "$cases" -eq 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        echo "no case of $name ran: $log"
    fi
    passed=$((passed + cases))
    failed=$((failed + bad))
    skipped=$((skipped + ${left:-0}))
}

# What the later parts fetch and make for themselves, while this one builds: it costs no processor to speak of. Who fails
# here fails there again, and says why.
fetch() {
    timeout 900 integration/vm/make-machine.sh sid
    timeout 900 integration/vm/make-root.sh trixie
    timeout 300 integration/packages.sh trixie containerd
    timeout 300 integration/packages.sh trixie valgrind
    timeout 300 integration/packages.sh sid containerd
    timeout 300 integration/packages.sh sid docker.io docker-cli tini-static
}

must install 1800 integration/install.sh
fetch >.build/fetch.log 2>&1 </dev/null &
# The embedded build takes its time, and one processor.
timeout -k 30 3600 make --no-print-directory embedded >.build/build-embedded.log 2>&1 </dev/null &
building=$!
must lint 900 integration/lint.sh
unit
must build-ordinary 1800 make --no-print-directory ordinary
other=$?
heading build-embedded
wait "$building"
if tell build-embedded $? && [ "$other" -eq 0 ]; then
    wait
    suite integration "integration, the embedded build, each containerd" integration/run.sh --build embedded --jobs 4
    # It has one processor for the most part, and the next suite waits a lot.
    integration/vm/test.sh --short --build embedded >.build/short.log 2>&1 </dev/null &
    short=$!
    # For time's sake, where a build could differ: in the loop, in what it moves, in its memory. `make integration`
    # is all of both.
    suite ordinary "integration, the ordinary build" integration/run.sh --build ordinary --containerd 1.6 --jobs 4 \
        integration/{footprint,stdio,streams}.bats
    suite machines "integration in throw-away machines" tail -n +1 -f --pid="$short" .build/short.log
else
    echo "integration not run: there is no build"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
