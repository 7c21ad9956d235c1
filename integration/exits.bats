# What is told of an end that came when nobody could tell it: init's record in the bundle, and `delete` after the
# shim's death.
# shellcheck shell=bash disable=SC2016 # $ in '…' is for shells in containers
load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
# What a failed case has left paused could not be ended.
teardown() {
    local file
    for file in /sys/fs/cgroup/freezer/"$NS"/*/freezer.state; do
        if [ -e "$file" ]; then echo THAWED >"$file"; fi
    done
    end_case
}

# cleanup ID: the delete action, as containerd calls it once the shim is dead; its decoded answer.
cleanup() {
    invoke "$1" -debug -bundle "$DIR/direct/$1" delete </dev/null 2>"$CASE/delete.err" |
        python3 "$INTEGRATION/ttrpc.py" decode DeleteResponse
}

# lose_shim ID: the shim of a bundle made by hand is killed; init's pid is in $init.
lose_shim() {
    local pid
    init=$(cat "$DIR/direct/$1/init.pid")
    pid=$(shim_pid "$1")
    kill -KILL "$pid"
    wait_until gone "$pid"
}

life() { echo "$DIR/direct/$1/init.life"; }

# answer_is ID STATUS SOURCE: what the delete action says, and by what it knows.
answer_is() {
    run cleanup "$1"
    if [ "$status" -ne 0 ] || [[ $output != *"\"exit_status\": $2,"* ]] ||
        ! grep -q "status=$2 known-by=$3 " "$CASE/delete.err"; then
        echo "expected $2 by $3: $output" >&2
        cat "$CASE/delete.err" >&2
        return 1
    fi
}

HOST_PIDS='spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "pid"]'

# family ID: a running container in the host's pid namespace, where nobody dies of init's death; its four processes are
# in $family.
family() {
    direct_bundle "$1" sh -c 'setsid sleep 1001 & setsid sh -c "sleep 1002 & wait" & exec sleep 1000'
    edit_spec "$1" "$HOST_PIDS"
    direct_start "$1" </dev/null
    direct_run "$1"
    wait_until has_processes "$1" 4
    mapfile -t family <"$(cgroup_of "$1")/cgroup.procs"
}


# all_gone ID: nobody of the family is left, nor its cgroup.
all_gone() {
    local pid
    for pid in "${family[@]}"; do wait_until gone "$pid" || return; done
    wait_until no_cgroup "$1"
}

no_cgroup() { [ -z "$(find /sys/fs/cgroup -type d -path "*$NS*$1*")" ]; }

# stranger: a process that is no container's; its pid is in $stranger, when it began in $began.
stranger() {
    background stranger sleep 1000
    stranger=$(cat "$DIR/jobs/stranger.pid")
    began=$(sed 's/.*) //' "/proc/$stranger/stat" | cut -d ' ' -f 20)
}

# the truth ------------------------------------------------------------------------------------------

# bats test_tags=direct
@test "P-09 C-1.72 what init ended with, and when, is told after the shim's death" {
    event_server --mute
    direct_bundle c1 sh -c 'exit 7'
    direct_start c1 </dev/null
    direct_run c1
    ended=$(rpc c1 Wait id=c1)
    [[ $ended == '{"exit_status": 7, '* ]]
    lose_shim c1
    # The first event was never answered, and the exit comes after it.
    [[ $(direct_topics c1) != *exit* ]]
    answer_is c1 7 record
    [ "$output" = "{\"pid\": $init, ${ended#\{}" ]
    # And once more, should containerd be killed meanwhile.
    answer_is c1 7 record
    forget_shim c1
}

# bats test_tags=direct
@test "P-09 an end is recorded before it is told, while execs hold it up" {
    direct_bundle c1 sh -c 'trap "exit 9" TERM; while :; do sleep 1000 & wait; done'
    edit_spec c1 "$HOST_PIDS"
    direct_start c1 </dev/null
    direct_run c1
    direct_exec c1 e1 sleep 1000
    # The exec lives on, and is waited for.
    touch "$FAKE_RUNC/kill.fail"
    kill -TERM "$(cat "$DIR/direct/c1/init.pid")"
    wait_until grep -q '^exit 9 ' "$(life c1)"
    [[ $(direct_topics c1) != *exit* ]]
    lose_shim c1
    answer_is c1 9 record
    forget_shim c1
}

# bats test_tags=direct
@test "P-08 a delete action after Delete tells the same" {
    direct_bundle c1 sh -c 'exit 5'
    direct_start c1 </dev/null
    direct_run c1
    rpc c1 Wait id=c1
    deleted=$(rpc c1 Delete id=c1)
    lose_shim c1
    answer_is c1 5 record
    [ "$output" = "$deleted" ]
    forget_shim c1
    # One that waited for its restore, and never ran.
    direct_bundle c2 true
    direct_start c2 </dev/null
    direct_create c2 checkpoint=/no/such/image
    deleted=$(rpc c2 Delete id=c2)
    pid=$(shim_pid c2)
    kill -KILL "$pid"
    wait_until gone "$pid"
    run cleanup c2
    [ "$output" = "$deleted" ]
    forget_shim c2
}

# bats test_tags=direct
@test "P-09 of 200 quick exits each is told as it was" {
    # No runtime: a process of ours is init, and ends as its bundle says once the runtime is gone.
    cat >"$FAKE_RUNC/create.instead" <<'SH'
while [ "$1" != --pid-file ]; do
    [ "$1" != --bundle ] || bundle=$2
    shift
done
sh -c 'tail --pid="$2" -s 0.001 -f /dev/null; read -r status <"$1/status"; exit "$status"' sh "$bundle" $$ >/dev/null 2>&1 &
printf %s "$!" >"$2"
SH
    echo 'exit 0' >"$FAKE_RUNC/delete.instead"
    event_server --mute
    direct_bundle c1 true
    direct_start c1 </dev/null
    SHIM=$(shim_pid c1) client "${EXIT_ROUNDS:-200}" <<'PY'
import signal, subprocess
connection, ends, root = Connection(path), {}, os.environ["DIR"] + "/direct"
names = [f"e{number}" for number in range(int(sys.argv[2]))]
for number, name in enumerate(names):
    os.makedirs(f"{root}/{name}/rootfs")
    with open(f"{root}/{name}/config.json", "w") as file:
        json.dump({"ociVersion": "1.0.2", "linux": {"namespaces": [{"type": "pid"}]}}, file)
    with open(f"{root}/{name}/status", "w") as file:
        print(number % 256, file=file)
    ends[name] = {"pid": connection.call("Create", id=name, bundle=f"{root}/{name}")["pid"]}
for number, name in enumerate(names):
    ends[name].update(connection.call("Wait", id=name))
    assert ends[name].get("exit_status", 0) == number % 256, (name, ends[name])
shim = os.pidfd_open(int(os.environ["SHIM"]))
signal.pidfd_send_signal(shim, 9)
select.select([shim], [], [])
environment = dict(os.environ, PATH=f"{os.environ['DIR']}/bin:{os.environ['PATH']}")
for name in names:
    told = subprocess.run(
        [os.environ["SHIM_BINARY"], "-namespace", os.environ["NS"], "-address", os.environ["SOCK"], "-id", name, "delete"],
        cwd=f"{root}/{name}", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout
    assert decode("DeleteResponse", told) == ends[name], (name, decode("DeleteResponse", told), ends[name])
PY
    rm "$(socket_of c1)"  # no start was made for these
    forget_shim c1
}

# one that lives -------------------------------------------------------------------------------------

# bats test_tags=direct
@test "P-08 C-1.48 a process that makes the shim its tracer has not ended when it stops" {
    denied_program
    cp "$ROOT/bin/denied" "$ROOTFS/bin/"
    direct_bundle c1 denied trace-me sleep 1000
    direct_start c1 </dev/null
    direct_run c1 stdout="file://$DIR/c1.out"
    init=$(cat "$DIR/direct/c1/init.pid")
    wait_until grep -q sleep "/proc/$init/comm"
    [ "$(cat "$DIR/c1.out")" = "2 signals" ]
    state_is c1 2
    # Not before the runtime, its parent until then, has gone: a tracer that ends leaves it to die of the SIGTRAP.
    mkfifo "$ROOTFS/go"
    direct_exec c1 e1 sh -c "read -r word </go; exec denied trace-me sh -c 'exit 7'"
    echo now >"$ROOTFS/go"
    [[ $(rpc c1 Wait id=c1 exec_id=e1) == *'"exit_status": 7,'* ]]
    rpc c1 Delete id=c1 exec_id=e1
    rpc c1 Kill id=c1 signal=9
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137,'* ]]
    rm "$ROOTFS/bin/denied" "$ROOTFS/go"
    direct_end c1
}

@test "P-36 C-7.54 an init that lives is killed by delete, with all that its container has" {
    family c1
    lose_shim c1
    answer_is c1 137 kill
    all_gone c1
    forget_shim c1
}

# bats test_tags=direct
@test "P-36 C-1.73 the same while the runtime hangs" {
    family c1
    lose_shim c1
    touch "$FAKE_RUNC/delete.hang"
    begin=$SECONDS
    answer_is c1 137 kill
    [ $((SECONDS - begin)) -le 6 ]
    all_gone c1
    rm "$FAKE_RUNC/delete.hang"
    end_runtime c1
    forget_shim c1
}

# bats test_tags=direct
@test "P-36 the same without a runtime, and for a container that is paused" {
    family c1
    rpc c1 Pause id=c1
    lose_shim c1
    printf /no/such/runtime >"$DIR/direct/c1/runtime"
    answer_is c1 137 kill
    all_gone c1
    end_runtime c1
    forget_shim c1
}

# bats test_tags=direct
@test "P-36 C-7.54 what init has left is killed after its exit, and when the runtime knows nothing" {
    family c1
    # Nobody kills the rest.
    touch "$FAKE_RUNC/kill.fail"
    kill -TERM "$(cat "$DIR/direct/c1/init.pid")"
    rpc c1 Wait id=c1
    has_processes c1 3
    lose_shim c1
    rm -r "/run/containerd/runc/$NS/c1"
    answer_is c1 143 record
    all_gone c1
    forget_shim c1
}

# bats test_tags=direct
@test "P-36 T-046 C-1.74 a bundle without a record, as the Go shim's, is cleaned up as before" {
    family c1
    lose_shim c1
    rm -f "$(life c1)"
    touch "$FAKE_RUNC/delete.fail"
    answer_is c1 137 kill
    all_gone c1
    # The time is the same when it is asked once more.
    first=$output
    answer_is c1 137 record
    [ "$output" = "$first" ]
    # Nobody is there, and nobody saw the end.
    rm -f "$(life c1)"
    answer_is c1 137 none
    rm "$FAKE_RUNC/delete.fail"
    end_runtime c1
    forget_shim c1
}

# one that is not ours -------------------------------------------------------------------------------

# bats test_tags=direct
@test "P-04 P-36 a process that has the pid now, or is in a cgroup of that name, is left alone" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    direct_run c1
    lose_shim c1
    end_runtime c1
    printf /no/such/runtime >"$DIR/direct/c1/runtime"
    stranger
    printf %s "$stranger" >"$DIR/direct/c1/init.pid"
    sed -i "s/^process .*/process $stranger $((began - 1))/" "$(life c1)"
    answer_is c1 137 none
    alive "$stranger"
    # Its cgroup is at the same path, and is another.
    cgroup=$(sed -n 's/^cgroup [^ ]* //p' "$(life c1)")
    [ ! -e "$cgroup" ]
    mkdir -p "$cgroup"
    echo "$stranger" >"$cgroup/cgroup.procs"
    answer_is c1 137 none
    alive "$stranger"
    # With the right words it would have been found.
    sed -i "s/^process .*/process $stranger $began/" "$(life c1)"
    answer_is c1 137 kill
    wait_until gone "$stranger"
    wait_until rmdir "$cgroup"
    forget_shim c1
}

# namesake PID: a process that has that pid, until it is killed, or for a minute.
namesake() {
    python3 -S - "$1" <<'PY'
import ctypes, os, signal, sys
pid = (ctypes.c_int32 * 1)(int(sys.argv[1]))
# clone_args: set_tid is the ninth of its words.
words = (ctypes.c_uint64 * 11)(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(pid), 1, 0)
child = ctypes.CDLL(None).syscall(435, words, ctypes.sizeof(words))
if child == 0:
    os.execvp("sleep", ["sleep", "60"])
assert child == pid[0]
os.waitpid(child, 0)
PY
}

# bats test_tags=direct
@test "P-36 the pid of an init that was reaped before it was known may be another's, who is not recorded" {
    local pid
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    cat >"$FAKE_RUNC/create.instead" <<SH
"\${FAKE_RUNC_REAL:-runc}" "\$@" || exit
pid=\$(cat "$DIR/direct/c1/init.pid")
kill -KILL "\$pid"
while [ -e "/proc/\$pid" ]; do sleep 0.02; done
touch "$CASE/reaped"
while [ ! -e "$CASE/go" ]; do sleep 0.02; done
SH
    background create direct_create c1
    wait_until test -e "$CASE/reaped"
    pid=$(cat "$DIR/direct/c1/init.pid")
    background namesake namesake "$pid"
    wait_until alive "$pid"
    touch "$CASE/go"
    wait_until state_is c1 3
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 137'* ]]
    grep -q '^exit 137 ' "$(life c1)"
    not grep -q '^process ' "$(life c1)"
    not grep -q '^cgroup ' "$(life c1)"
    rm "$FAKE_RUNC/create.instead"
    rpc c1 Delete id=c1
    alive "$pid"
    kill -KILL "$pid"
}

# bats test_tags=direct
@test "P-36 a cgroup that another container is in too is left to it" {
    direct c1 sleep 1000
    direct_bundle c2 sleep 1000
    edit_spec c2 "spec['linux']['cgroupsPath'] = '$(cgroups_path c1)'"
    direct_start c2 </dev/null
    direct_run c2 || skip "this runtime does not share one"
    lose_shim c2
    printf /no/such/runtime >"$DIR/direct/c2/runtime"
    answer_is c2 137 kill
    wait_until gone "$init"
    alive "$(cat "$DIR/direct/c1/init.pid")"
    state_is c1 2
    # The runtime would end c1 with it.
    rm -r "/run/containerd/runc/$NS/c2"
    forget_shim c2
}

# bats test_tags=direct
@test "P-09 a record that is damaged, empty, another's or of another boot says nothing wrong" {
    direct_bundle c1 sh -c 'exit 7'
    direct_start c1 </dev/null
    direct_run c1
    rpc c1 Wait id=c1
    lose_shim c1
    cp "$(life c1)" "$CASE/whole"
    : >"$(life c1)"
    answer_is c1 137 none
    head -c 200 /dev/zero >"$(life c1)"
    answer_is c1 137 none
    sed 's/^container .*/container c2/' "$CASE/whole" >"$(life c1)"
    answer_is c1 137 none
    sed 's/^exit .*/exit 7/' "$CASE/whole" >"$(life c1)"
    answer_is c1 137 none
    head -c -1 "$CASE/whole" >"$(life c1)"
    answer_is c1 137 none
    rm "$(life c1)"
    mkdir "$(life c1)"
    answer_is c1 137 none
    rmdir "$(life c1)"
    # What ended before the boot has ended; who has the pid now is another.
    stranger
    sed "s/^boot .*/boot another/; s/^process .*/process $stranger $began/" "$CASE/whole" >"$(life c1)"
    answer_is c1 7 record
    alive "$stranger"
    forget_shim c1
}

# bats test_tags=direct
@test "P-09 P-68 a bundle that is full holds up no container, and is told" {
    mkdir "$DIR/direct/c1"
    mount -t tmpfs -o size=256k tmpfs "$DIR/direct/c1"
    direct_bundle c1 sh -c 'exit 7'
    # Full before init is there.
    cat >"$FAKE_RUNC/create.instead" <<'SH'
"$FAKE_RUNC_REAL" "$@" || exit
cat /dev/zero >"$DIR/direct/c1/fill" 2>/dev/null || :
SH
    direct_start c1 </dev/null
    direct_run c1
    [[ $(rpc c1 Wait id=c1) == *'"exit_status": 7,'* ]]
    [ ! -e "$(life c1)" ]
    [ "$(grep -c 'level=warning msg="not recorded for a later delete" id=c1 reason=.*no space left' "$DIR/jobs/log-c1")" -eq 2 ]
    [[ $(rpc c1 Delete id=c1) == *'"exit_status": 7,'* ]]
    rm "$DIR/direct/c1/fill"
    # Full later: there is room for the end.
    rm "$FAKE_RUNC/create.instead"
    direct_create c1
    cat /dev/zero >"$DIR/direct/c1/fill" 2>/dev/null || :
    rpc c1 Start id=c1
    rpc c1 Wait id=c1
    lose_shim c1
    answer_is c1 7 record
    stop_job log-c1
    umount "$DIR/direct/c1"
    forget_shim c1
}

# containerd -----------------------------------------------------------------------------------------

@test "P-08 P-09 C-1.59 containerd tells once, and truly, of an exit that the shim could not tell" {
    events_start
    run_task c1 -- sh -c 'trap "exit 42" TERM; while :; do sleep 1000 & wait; done'
    shim=$(shim_pid c1)
    wait_event c1 start
    kill -STOP "$(containerd_pid)"
    client <<'PY'
connection = Connection(path)
# It is sent before the exit, and not answered.
connection.call("Exec", id="c1", exec_id="e1", spec=exec_spec("true"))
connection.call("Kill", id="c1", signal=15)
assert connection.call("Wait", id="c1")["exit_status"] == 42
PY
    time=$(awk '$1 == "exit" { print $3 }' "$(bundle c1)/init.life")
    kill -KILL "$shim"
    wait_until gone "$shim"
    kill -CONT "$(containerd_pid)"
    wait_event c1 delete
    [ "$(events c1 | grep -c '^/tasks/exit ')" -eq 1 ]
    exited=$(events c1 | grep '^/tasks/exit ')
    [[ $exited == *'"exit_status":42'* ]]
    # Since 1.7 a time is two numbers.
    [[ $exited == *"$(date -u -d "@$time" +%Y-%m-%dT%H:%M:%S)"* || $exited == *"\"seconds\":$time"* ]]
    wait_until not test -e "$(bundle c1)"
    ctr container rm c1
    rm -f "$(socket_of c1)"
}

@test "P-09 C-1.59 an exit and the shim's death while containerd is away are known after the restart" {
    run_task c1 -- sh -c 'trap "exit 42" TERM; while :; do sleep 1000 & wait; done'
    shim=$(shim_pid c1)
    kill9_containerd
    client <<'PY'
connection = Connection(path)
connection.call("Kill", id="c1", signal=15)
assert connection.call("Wait", id="c1")["exit_status"] == 42
PY
    kill -KILL "$shim"
    wait_until gone "$shim"
    start_containerd
    wait_until not test -e "$(bundle c1)"
    # It says what `delete` said to it on stderr.
    grep -q 'status=42 known-by=record ' "$DIR/containerd.log"
    [ -z "$(task_status c1)" ]
    ctr container rm c1
    rm -f "$(socket_of c1)"
}
