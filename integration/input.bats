# Bad input: a clear error with the contract's code, and nothing left behind.

# bats file_tags=direct

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# refuses_start ID: `start` ends with one line of error, 1, and neither process nor socket.
refuses_start() {
    run --separate-stderr direct_start "$1" </dev/null
    [ "$status" -eq 1 ] && [ -z "$output" ] && [[ $stderr == "$SHIM_RUNTIME: "* ]] &&
        [ "${#stderr_lines[@]}" -eq 1 ] && wait_until no_shims && [ ! -e "$(socket_of "$1")" ]
}

# refuses_create ID TEXT [FIELD...]: Create fails with that text, and the shim is as before.
refuses_create() {
    run rpc "$1" Create id="$1" bundle="$DIR/direct/$1" "${@:3}"
    if [ "$status" -eq 0 ] || [ "$status" -ge 70 ] || [[ $output != *"$2"* ]]; then
        echo "got $status: $output, expected $2" >&2
        return 1
    fi
    fails 5 "container not created" rpc "$1" State id="$1"
    not grep -q " $DIR/direct/$1/" /proc/self/mountinfo
    wait_until not test -e "$(cgroup_of "$1")"
    [ -z "$(ls -A "$DIR/tmp")" ]
}

bare() {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null >/dev/null
    SHIM=$(shim_pid c1)
    budget_baseline "$SHIM"
}

# config.json ---------------------------------------------------------------------------------------

@test "C-1.20 start without a config.json" {
    direct_bundle c1 true
    rm "$DIR/direct/c1/config.json"
    refuses_start c1
}

@test "C-1.20 start with a config.json that is no JSON, is cut off, is empty, is no object" {
    direct_bundle c1 true
    for text in 'no json' '{"annotations": {"a": "b"' '' '[1, 2]' '"x"'; do
        printf %s "$text" >"$DIR/direct/c1/config.json"
        refuses_start c1
    done
}

@test "C-1.20 P-74 start reads a config.json tolerantly: unknown keys, big numbers, megabytes" {
    direct_bundle c1 true
    edit_spec c1 'spec.update(future={"a": [None, True, 1e300, 123456789012345678901234567890]}, fill="é" * 4_000_000)'
    run direct_start c1 </dev/null
    [ "$output" = "unix://$(socket_of c1)" ]
}

@test "C-1.20 an empty object is enough for start" {
    direct_bundle c1 true
    echo '{}' >"$DIR/direct/c1/config.json"
    run direct_start c1 </dev/null
    [ "$output" = "unix://$(socket_of c1)" ]
}

@test "create with a config.json that broke after start" {
    bare
    for text in 'no json' '' '{}' '{"ociVersion": "1.0.2", "process": {"args": 5}}'; do
        printf %s "$text" >"$DIR/direct/c1/config.json"
        refuses_create c1 "create failed"
    done
    rm "$DIR/direct/c1/config.json"
    refuses_create c1 config.json
    budget "$SHIM"
}

# options -------------------------------------------------------------------------------------------

@test "C-1.30 start with stdin that is neither Any nor BootstrapParams" {
    direct_bundle c1 true
    for hex in ffffffffffffffffffff 0aff 0a; do
        run --separate-stderr direct_start c1 < <(python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$hex")
        [ "$status" -eq 1 ]
        [ -z "$output" ]
        [ -z "$(shims)" ]
        [ ! -e "$(socket_of c1)" ]
    done
}

@test "C-3.60 broken and unknown options of a create" {
    bare
    refuses_create c1 "" options:='{"@type": "containerd.runc.v1.Options", "@hex": "32ff"}'
    refuses_create c1 some.Unknown options:='{"@type": "some.Unknown", "@hex": "0a00"}'
    # An empty Any and a type after a slash are the defaults.
    direct_create c1 options:='{"@type": "any.prefix/containerd.runc.v1.Options"}'
    budget_baseline "$SHIM"
}

# mounts --------------------------------------------------------------------------------------------

@test "C-6.1 a rootfs mount that fails undoes those before it" {
    bare
    refuses_create c1 "failed to mount rootfs component" rootfs:='[{"type": "bind", "source": "'"$ROOTFS"'", "options": ["rbind"]},
        {"type": "bind", "source": "/nowhere", "options": ["rbind"]}]'
    refuses_create c1 "failed to mount rootfs component" rootfs:='[{"type": "nosuchfs", "source": "none"}]'
    budget "$SHIM"
}

# ids -----------------------------------------------------------------------------------------------

@test "start with an id that has a path separator, or is none" {
    direct_bundle c1 true
    for id in ../c1 a/b . .. ""; do
        run --separate-stderr invoke c1 -id "$id" start </dev/null
        [ "$status" -eq 1 ]
        [ -z "$output" ]
    done
    [ -z "$(shims)" ]
}

@test "delete with an id that leaves the directory touches nothing there" {
    direct_bundle c1 true
    mkdir "$CASE/victim"
    echo 1 >"$CASE/victim/init.pid"
    for id in ../../case/victim ../case/victim . ..; do
        run invoke c1 -id "$id" -bundle "$CASE/victim" delete </dev/null
        [ "$status" -eq 1 ]
    done
    [ "$(cat "$CASE/victim/init.pid")" = 1 ]
}

@test "C-3.3 calls with ids that are paths, empty, or huge" {
    direct c1 sleep 1000
    client "$DIR/direct/c1" <<'PY'
c = Connection(path)
for name in ("../c1", "a/b", "", ".", "..", "x" * 100000, "c1\n", "é"):
    refused(5, "container not created", c, "State", id=name)
    for code in (c.send("Task", "Create", {"id": name, "bundle": sys.argv[2]}),):
        try:
            c.result("Create", code, 10)
            raise SystemExit(f"created {name!r:.20}")
        except Failure as failure:
            assert failure.code in (2, 3, 6), failure
for name in ("../e1", "a/b", ".", "..", "", "x" * 100000):
    try:
        c.call("Exec", id="c1", exec_id=name, spec=exec_spec("true"))
        raise SystemExit(f"exec {name!r:.20} accepted")
    except Failure as failure:
        assert failure.code in (3, 6), failure
assert c.call("State", id="c1")["status"] == 2
PY
    [ -z "$(find "$DIR/direct" -name '*.pid' ! -path "$DIR/direct/c1/init.pid")" ]
    budget "$SHIM"
}

@test "C-3.66 an exec whose spec is no JSON, no object, or missing" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
for number, spec in enumerate(({"@type": "x", "@hex": "00ff"}, {"@type": "x", "@json": [1]}, {"@type": "x", "@json": 5},
                               {"@type": "x", "@hex": ""}, {"@type": "x", "@hex": "7b22"})):
    try:
        c.call("Exec", id="c1", exec_id=f"e{number}", spec=spec)
        raise SystemExit(f"accepted {spec}")
    except Failure as failure:
        assert failure.code in (2, 3), failure
    # The id was not taken.
    c.call("Exec", id="c1", exec_id=f"e{number}", spec=exec_spec("true"))
    c.call("Delete", id="c1", exec_id=f"e{number}")
PY
    budget "$SHIM"
}

@test "C-3.32 signals that do not exist" {
    direct c1 sleep 1000
    direct_exec c1 e1 sleep 1000
    for signal in 65 1000 4294967295; do
        run rpc c1 Kill id=c1 signal="$signal"
        [ "$status" -ne 0 ]
        [ "$status" -lt 70 ]
        run rpc c1 Kill id=c1 exec_id=e1 signal="$signal"
        [ "$status" -ne 0 ]
        [ "$status" -lt 70 ]
    done
    state_is c1 2
    state_is c1 2 e1
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
}

# bundles -------------------------------------------------------------------------------------------

@test "create in a bundle that does not exist" {
    bare
    run rpc c1 Create id=c1 bundle="$DIR/direct/nope"
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    [[ $output == *"$DIR/direct/nope"* ]]
    [ ! -e "$DIR/direct/nope" ]
    budget "$SHIM"
}

@test "P-73 a bundle that vanishes under a running container: kill and wait work, delete says what is wrong or works" {
    direct c1 sleep 1000
    mv "$DIR/direct/c1" "$CASE/moved"
    client <<'PY'
c = Connection(path)
assert c.call("State", id="c1")["status"] == 2
c.call("Kill", id="c1", signal=9)
assert c.call("Wait", id="c1")["exit_status"] == 137
try:
    assert c.call("Delete", id="c1")["exit_status"] == 137
except Failure as failure:
    assert failure.code == 2 and failure.message.startswith("failed to delete task"), failure
PY
    # It comes back: the delete can be repeated, by whoever ends the case.
    mv "$CASE/moved" "$DIR/direct/c1"
}

# frames --------------------------------------------------------------------------------------------

@test "P-40 random protobuf in every method: an answer each time, and the shim goes on" {
    direct c1 sleep 1000
    client "${FUZZ_ROUNDS:-40}" <<'PY'
import random
random.seed(7)
c = Connection(path)
methods = ("State Start Delete Pids Pause Resume Checkpoint Kill Exec ResizePty CloseIO Update Wait Stats Connect").split()
valid = encode("StateRequest", {"id": "c1", "exec_id": "nope"})
for _ in range(int(sys.argv[2])):
    for method in methods:
        body = bytearray(valid * random.randint(1, 3))
        for _ in range(random.randint(1, 6)):
            body[random.randrange(len(body))] = random.randrange(256)
        if random.random() < 0.3:
            body = random.randbytes(random.randint(0, 200))
        if b"c1" in body and b"nope" not in body:
            continue
        try:
            c.answer(c.send("Task", method, bytes(body)), 10)
        except Failure as failure:
            assert failure.code < LOST, (method, bytes(body).hex(), failure)
assert c.call("State", id="c1")["status"] == 2
PY
    budget "$SHIM"
}

@test "C-2.4 a large answerable request, then small ones: the memory comes back" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
for _ in range(3):
    refused(5, "container not created", c, "State", id="x" * 3_000_000)
for _ in range(200):
    c.call("State", id="c1")
PY
    budget "$SHIM"
}
