# The promised numbers: memory, threads, descriptors, time.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# dirty PID: Private_Dirty, with the binary's text written back.
dirty() {
    sync
    memory "$1" Private_Dirty
}

say() { printf '# %s: %s\n' "$SHIM_BUILD" "$*" >&3; }

@test "T-200 P-54 one container, after use: memory, one thread" {
    [ "$SHIM_BUILD" != go ] || skip "promises of ours"
    idle c1
    pid=$(shim_pid c1)
    exec_task c1 true
    ctr task ps c1 >/dev/null
    say "one container: Private_Dirty $(dirty "$pid") KiB, USS $(($(memory "$pid" Private_Dirty) + $(memory "$pid" Private_Clean))) KiB"
    budget "$pid"
}

# bats test_tags=direct
@test "P-54 each further idle container of the pod costs at most 16 KiB" {
    [ "$SHIM_BUILD" != go ] || skip "promises of ours"
    count=${POD_SIZE:-8}
    for i in $(seq "$count"); do
        direct_bundle "c$i" sleep 1000
        edit_spec "c$i" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
        direct_start "c$i" </dev/null
        direct_run "c$i"
        if [ "$i" = 1 ]; then
            pid=$(shim_pid c1)
            first=$(dirty "$pid")
        fi
    done
    note_words g
    last=$(dirty "$pid")
    say "$count containers: $first KiB -> $last KiB"
    [ $((last - first)) -le $(((count - 1) * BUDGET_POD_KIB)) ]
    budget_baseline "$pid"
    budget "$pid" "$count"
    # shellcheck disable=SC2046 # a list of ids
    direct_end $(seq -f 'c%g' "$count")
}

# bats test_tags=direct
@test "P-53 P-46 two thousand execs leave at most 16 KiB and no descriptor" {
    [ "$SHIM_BUILD" != go ] || skip "promises of ours"
    direct c1 sleep 1000
    execs 50
    first=$(dirty "$SHIM")
    budget_baseline "$SHIM"
    execs "${EXECS_TOTAL:-2000}"
    last=$(dirty "$SHIM")
    say "${EXECS_TOTAL:-2000} execs: $first KiB -> $last KiB"
    [ $((last - first)) -le 16 ]
    budget "$SHIM"
}

# For both clients: those many numbers. Events that wait cost memory, so after every 16 it is seen that none does.
PACED='
def paced(count, events):
    def told():
        with open(events) as file:
            return sum("/tasks/exec-added" in line for line in file)
    before = told()
    for number in range(count):
        yield number
        if number % 16 == 15 or number == count - 1:
            while told() <= before + number:
                time.sleep(0.01)
'

# execs COUNT: one after the other, without IO, by a runtime that takes no time: what is measured
# is the shim.
execs() {
    if [ ! -e "$FAKE_RUNC/exec.fast" ]; then touch "$FAKE_RUNC/exec.fast"; fi
    client "$1" "$DIR/jobs/direct-events" <<PY
$PACED
c = Connection(path)
for number in paced(int(sys.argv[2]), sys.argv[3]):
    name = f"e{number}"
    c.call("Exec", id="c1", exec_id=name, spec=exec_spec("true"))
    c.call("Start", id="c1", exec_id=name)
    assert c.call("Wait", id="c1", exec_id=name).get("exit_status", 0) == 0
    c.call("Delete", id="c1", exec_id=name)
PY
}

# bats test_tags=direct
@test "P-53 P-46 execs that fail leave at most 16 KiB each thousand, wherever they fail" {
    [ "$SHIM_BUILD" != go ] || skip "promises of ours"
    direct c1 sleep 1000
    echo "no program" >"$CASE/logger"
    chmod +x "$CASE/logger"
    # The runtime says a pid that is nobody's child.
    printf '#!/bin/sh\nwhile [ "$1" != --pid-file ]; do shift; done\nprintf 1 >"$2"\n' >"$FAKE_RUNC/exec.instead"
    chmod +x "$FAKE_RUNC/exec.instead"
    budget_baseline "$SHIM"
    for stdout in "strange://x" "binary://$CASE/logger" ""; do
        failing_execs 50 "$stdout"
        first=$(dirty "$SHIM")
        failing_execs 1000 "$stdout"
        last=$(dirty "$SHIM")
        say "1000 execs that fail (stdout \"$stdout\"): $first KiB -> $last KiB"
        [ $((last - first)) -le 16 ]
    done
    rm "$FAKE_RUNC/exec.instead"
    budget "$SHIM"
}

# failing_execs COUNT STDOUT
failing_execs() {
    client "$1" "$DIR/jobs/direct-events" "$2" <<PY
$PACED
c = Connection(path)
for number in paced(int(sys.argv[2]), sys.argv[3]):
    name = f"e{number}"
    try:
        c.call("Exec", id="c1", exec_id=name, spec=exec_spec("true"), stdout=sys.argv[4])
        try:
            c.call("Start", id="c1", exec_id=name)
        finally:
            c.call("Delete", id="c1", exec_id=name)
    except Failure:
        continue
    raise AssertionError("it did not fail")
PY
}

# bats test_tags=direct
@test "T-201 P-43 an idle shim does not wake up" {
    [ "$SHIM_BUILD" != go ] || skip "promises of ours"
    direct c1 sleep 1000
    wait_until topics_are c1 "create start"
    # strace -p would count a call in progress; the scheduler counts switches. What was just done has its end first.
    for _ in 1 2; do
        before=$(wake_ups "$SHIM")
        python3 -c 'import time; time.sleep(3)'
        woken=$(($(wake_ups "$SHIM") - before))
        [ "$woken" -gt 0 ] || break
    done
    [ "$woken" -eq 0 ]
}

wake_ups() { awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "/proc/$1/status"; }

# bats test_tags=direct
@test "P-54 instructions and system calls of State and of an exec, and the size of the program" {
    [ "$SHIM_BUILD" = embedded ] || skip "promises of the build that ships"
    [ -z "${SWIFTRUNC_PREBUILT:-}" ] || skip "it builds and fetches"
    "$INTEGRATION/costs.py" "$SHIM_BINARY" >"$CASE/costs" || { cat "$CASE/costs" && false; }
    while read -r line; do say "$line"; done <"$CASE/costs"
}
