# The daemon is replaced under running shims, with one root and one state directory: C-1.27, C-1.56 … C-1.58.
#
# Each case starts under the daemon it names first, with nothing in these directories.

# bats file_tags=once

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# first_daemon LINE: that containerd, in empty directories.
first_daemon() {
    stop_containerd
    rm -rf --one-file-system "$DIR/root" "$STATE"
    next_daemon "$1"
}

# next_daemon LINE: containerd ends, and that one takes its place.
next_daemon() {
    stop_containerd
    use_daemon "$1"
    write_config
    start_containerd
    [[ $(containerd --version) == *" $(ctr version | sed -n '/^Server/,$s/^ *Version: *//p')"* ]]
    [[ $(readlink "/proc/$(containerd_pid)/exe") == "$(readlink -f "$(daemon_bin "$1")/containerd")" ]]
}

# everything: what is to live through the change. c1 with an exec, c2 that writes, a pod, a rootfs
# mounted by the shim; "ID PID SHIM" lines in $CASE/before.
everything() {
    idle c1
    exec_detached c1 e1 sleep 1000
    ctr run -d --runtime "$SHIM_RUNTIME" --fifo-dir "$DIR/fifo" --env PATH=/bin --rootfs "$ROOTFS" c2 \
        sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done' 3>&- 4>&-
    budget_baseline "$(shim_pid c2)"
    background reader cat "$DIR"/fifo/*/c2-stdout
    for id in p1 p2; do idle "$id" --annotation io.containerd.runc.v2.group=g1; done
    note_words g1
    run_image m1 sleep 1000
    MEMBERS="c1 c2 p1 p2 m1"
    lives >"$CASE/before"
    [ "$(wc -l <"$CASE/before")" -eq 5 ]
}

lives() {
    local id
    for id in $MEMBERS; do
        echo "$id $(task_pid "$id") $(awk '$1 == "PPid:" { print $2 }' "/proc/$(task_pid "$id")/status")"
    done
}

# all_live: every container is RUNNING with the process and the shim of before; each can be used.
all_live() {
    local id
    [ "$(lives)" = "$(cat "$CASE/before")" ]
    for id in $MEMBERS; do
        task_is "$id" RUNNING
        run exec_task "$id" sh -c 'echo here; exit 4'
        [ "$status" -eq 4 ]
        [ "$output" = here ]
        ctr task ps "$id" | grep -q "^$(task_pid "$id") "
    done
    [ "$(ctr task ls -q | wc -l)" -eq "$(wc -w <<<"$MEMBERS")" ]
    wait_until grows
}

# add ID [CTR-OPTION...]: one more, that must live on as well.
add() {
    idle "$@"
    MEMBERS+=" $1"
    lives >"$CASE/before"
}

# all_end: kills and deletes everything; each end is told in order, and nothing is left.
all_end() {
    local id
    events_start
    exec_end c1 e1
    for id in $MEMBERS; do
        ctr task kill -s KILL "$id"
        wait_event "$id" exit
        wait_until task_is "$id" STOPPED
        ctr task rm "$id" || [ $? -eq 137 ]
        wait_event "$id" delete
        ctr container rm "$id"
        [[ $(topics "$id") == *"exit delete " ]]
        [[ $(events "$id" | grep '^/tasks/delete') == *'"exit_status":137'* ]]
        wait_until not test -e "$(bundle "$id")"
    done
    events_stop
    rm -rf "${DIR:?}"/fifo/*
    wait_until no_shims
    # No line that c2 wrote is missing; ctr read the first ones for itself.
    seq "$(sed -n 2p "$DIR/jobs/reader")" "$(tail -n 1 "$DIR/jobs/reader")" >"$CASE/expected"
    sed 1d "$DIR/jobs/reader" | cmp - "$CASE/expected"
}

@test "T-024 T-025 T-026 T-036 T-037 C-1.56 upgrade 1.6 to 1.7 to 2.1: every container lives on, can be used, and ends well" {
    first_daemon 1.6
    everything
    next_daemon 1.7
    all_live
    add c7
    next_daemon 2.1
    all_live
    add c8
    # Who joins a pod now gets the shim of then.
    add p3 --annotation io.containerd.runc.v2.group=g1
    [ "$(sed -n 's/^p1 .* //p' "$CASE/before")" = "$(sed -n 's/^p3 .* //p' "$CASE/before")" ]
    all_live
    all_end
}

@test "T-036 T-037 C-1.27 C-1.56 downgrade 2.1 to 1.7 to 1.6: likewise" {
    first_daemon 2.1
    everything
    next_daemon 1.7
    all_live
    add c7
    next_daemon 1.6
    all_live
    add c6
    add p3 --annotation io.containerd.runc.v2.group=g1
    [ "$(sed -n 's/^p1 .* //p' "$CASE/before")" = "$(sed -n 's/^p3 .* //p' "$CASE/before")" ]
    all_live
    all_end
}

@test "T-038 C-1.57 C-2.45 exits between two daemons reach the next one, which knows the status" {
    first_daemon 1.6
    idle c1
    idle c2
    for line in 1.7 2.1; do
        init=$(task_pid c1)
        stop_containerd
        kill -KILL "$init"
        wait_until gone "$init"
        mark=$(wc -l <"$DIR/containerd.log")
        next_daemon "$line"
        wait_until -t 30 told "$mark" "exit "
        task_is c1 STOPPED
        task_is c2 RUNNING
        run ctr task rm c1
        [[ $output == *137* ]]
        ctr container rm c1
        idle c1
    done
}

# told LINE TOPICS: what containerd was told since that line of its log.
told() {
    [ "$(tail -n "+$(($1 + 1))" "$DIR/containerd.log" | sed -n 's|.*event forwarded.*topic=/tasks/\([a-z-]*\) .*|\1|p' | tr '\n' ' ')" = "$2" ]
}
