# Loaded before its own cases by a file whose cases do the same with each runtime: runc is everywhere; crun
# is in the machines of vm/, for it refuses the hybrid cgroups of others.
# shellcheck shell=bash

# Each by its own name, whatever `runc` is for other files.
export SHIM_RUNC=runc
unset FAKE_RUNC_REAL
load lib

# Called by a file's setup_file.
setup_runtimes_file() {
    setup_suite_file
    # crun under its own name, with the faults of the other.
    cat >"$DIR/bin/crun" <<SH
#!/bin/sh
FAKE_RUNC_REAL=$(command -v crun) exec "$INTEGRATION/fake-runc" "\$@"
SH
    chmod +x "$DIR/bin/crun"
}

# runtimes: the names of those that this machine can use.
runtimes() {
    echo runc
    if command -v crun >/dev/null && [ ! -e /sys/fs/cgroup/unified ]; then echo crun; fi
}

# options RUNTIME [JSON]: the runc options that name it, and more of them.
options() { echo "options:={\"@type\": \"containerd.runc.v1.Options\", \"binary_name\": \"$1\"${2:+, $2}}"; }

# made RUNTIME COMMAND...: a bundle c1 and its shim, nothing created.
made() {
    echo "# with $1"
    direct_bundle c1 "${@:2}"
    direct_start c1 </dev/null >/dev/null
}

# started RUNTIME: what was made runs under that runtime.
started() {
    direct_run c1 "$(options "$1")" >/dev/null
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
}

# begin RUNTIME COMMAND...: both.
begin() {
    made "$@"
    started "$1"
}

# finish: the budget, and nothing is left for the next runtime.
finish() {
    budget "$SHIM"
    direct_end c1
    rm -rf "${FAKE_RUNC:?}"/*
}

# exec_status COMMAND...: the status of an exec of c1.
exec_status() {
    EXECS=$((${EXECS:-0} + 1))
    local exec=x$EXECS answer
    direct_exec c1 "$exec" "$@" >/dev/null
    answer=$(rpc c1 Wait id=c1 exec_id="$exec")
    rpc c1 Delete id=c1 exec_id="$exec" >/dev/null
    [[ $answer =~ \"exit_status\":\ ([0-9]+) ]] && echo "${BASH_REMATCH[1]}" || echo 0
}
