# Pipes, fifos, consoles: contract C-4.x, checklist T-130 … T-150.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

# bare ID COMMAND...: a bundle and its shim; the case creates the container.
bare() {
    direct_bundle "$@"
    direct_start "$1" </dev/null >/dev/null
    SHIM=$(shim_pid "$1")
}

# attached CTR-OPTION... -- COMMAND...: `ctr run --rm` in the foreground, as container c1.
attached() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    ctr run --rm --runtime "$SHIM_RUNTIME" --fifo-dir "$DIR/fifo" --env PATH=/bin "${options[@]}" \
        --rootfs "$ROOTFS" c1 "$@" 3>&- 4>&-
}

# pipes ---------------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-130 C-4.10 without IO stdout can be written; all three are read-write null, for execs too" {
    direct c1 sh -c 'echo x && echo y >&2 && exec sleep 1000'
    wait_until runs_sleep "$(cat "$DIR/direct/c1/init.pid")"
    direct_exec c1 e1 sleep 1000
    for pid in "$(cat "$DIR/direct/c1/init.pid")" "$(cat "$DIR/direct/c1/e1.pid")"; do
        for fd in 0 1 2; do
            [ "$(stat -L -c %t:%T "/proc/$pid/fd/$fd")" = 1:3 ]
            [[ $(awk '$1 == "flags:" { print $2 }' "/proc/$pid/fdinfo/$fd") == *2 ]]
        done
    done
    rpc c1 Kill id=c1 exec_id=e1 signal=9
    rpc c1 Wait id=c1 exec_id=e1
    rpc c1 Delete id=c1 exec_id=e1
    budget "$SHIM"
}

runs_sleep() { [[ $(tr '\0' ' ' <"/proc/$1/cmdline") == "sleep "* ]]; }

# bats test_tags=core
@test "T-131 C-4.14 megabytes arrive exactly, on both streams" {
    # 40 MB on each; to files, for ctr deletes a task whose output it has not read yet.
    count=${STREAM_LINES:-5000000}
    seq "$count" >"$CASE/lines"
    attached -- sh -c "seq $count & seq $count >&2; wait" >"$CASE/out" 2>"$CASE/err"
    cmp "$CASE/lines" "$CASE/out"
    # ctr itself may have something to say.
    grep '^[0-9]*$' "$CASE/err" | cmp "$CASE/lines"
}

# bats test_tags=direct
@test "T-131 C-4.14 megabytes arrive exactly where the reader is slow" {
    count=${STREAM_LINES:-5000000}
    mkfifo "$CASE/out" "$CASE/err"
    bare c1 sh -c "seq $count & seq $count >&2; wait"
    sha256sum <"$CASE/out" >"$CASE/out.sum" &
    sha256sum <"$CASE/err" >"$CASE/err.sum" &
    direct_run c1 stdout="$CASE/out" stderr="$CASE/err" >/dev/null
    rpc c1 Wait id=c1 >/dev/null
    rpc c1 Delete id=c1 >/dev/null
    wait_until test -s "$CASE/out.sum" -a -s "$CASE/err.sum"
    seq "$count" | sha256sum | cmp - "$CASE/out.sum"
    cmp "$CASE/out.sum" "$CASE/err.sum"
}

# bats test_tags=direct
@test "T-131 C-3.44 who waits is answered when a slow reader has read all; TaskExit does not wait" {
    # It fits into pipe and fifo: the process ends by itself.
    bare c1 seq 20000
    client "$CASE" "$DIR/direct/c1" "$DIR/jobs/direct-events" <<'PY'
import select
case, bundle, events = sys.argv[2:]
os.mkfifo(case + "/out")
out = os.open(case + "/out", os.O_RDONLY | os.O_NONBLOCK)
c, waiting = Connection(path), Connection(path)
c.call("Create", id="c1", bundle=bundle, stdout=case + "/out")
answer = waiting.send("Task", "Wait", {"id": "c1"})
c.call("Start", id="c1")
while "TaskExit" not in open(events).read():
    time.sleep(0.001)
total = 0
while total < 108894:
    total += len(os.read(out, 4096))
    # Each piece takes a while, as long as nobody is told of the end.
    if select.select([waiting.socket], [], [], 0.005)[0]:
        break
assert total >= 108894 - 4096, ("told before all was read", total)
waiting.result("Wait", answer)
PY
}

# bats test_tags=direct
@test "T-131 C-3.44 who waits is answered soon when nobody reads" {
    bare c1 seq 20000
    mkfifo "$CASE/out"
    exec {reader}<>"$CASE/out"
    direct_run c1 stdout="$CASE/out" >/dev/null
    rpc c1 Wait id=c1 --patience 5 >/dev/null
    head -c 108894 <&"$reader" >/dev/null
}

# bats test_tags=direct
@test "C-3.44 C-4.12 what nobody has read when who waits is answered is there for the next reader, and counted if none comes" {
    # More than a page, so that the answer waits for a reader.
    bare c1 sh -c 'seq -w 1 2000; seq -w 1 2000 >&2'
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
for name in ("out", "err"):
    os.mkfifo(f"{case}/{name}")
c, waiting = Connection(path), Connection(path)
c.call("Create", id="c1", bundle=bundle, stdout=case + "/out", stderr=case + "/err")
answer = waiting.send("Task", "Wait", {"id": "c1"})
c.call("Start", id="c1")
waiting.result("Wait", answer)
with open(case + "/out", "rb") as reader:
    assert reader.read() == b"".join(b"%04d\n" % number for number in range(1, 2001))
c.call("Delete", id="c1")
PY
    wait_until grep -q 'text="10000 bytes of output could not be delivered"' "$DIR/jobs/log-c1"
    budget "$SHIM"
}

@test "T-131 C-4.14 binary bytes of both streams keep their stream" {
    run --separate-stderr attached -- sh -c 'printf "a\n\001\377"; printf "b\n" >&2; exit 3'
    [ "$status" -eq 3 ]
    [ "$output" = "$(printf 'a\n\001\377')" ]
    [ "$stderr" = b ]
}

# bats test_tags=direct
@test "T-132 C-4.14 the fifo ends at the container's death, before delete" {
    bare c1 sh -c 'echo hello; exec sleep 1000'
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
out, err = Reader(case + "/out"), Reader(case + "/err")
c = Connection(path)
c.call("Create", id="c1", bundle=bundle, stdout=out.path, stderr=err.path)
c.call("Start", id="c1")
out.start(), err.start()
while not out.data:
    time.sleep(0.01)
c.call("Kill", id="c1", signal=9)
assert (out.end(5), err.end(5)) == (b"hello\n", b"")
# A process closes what it has before its end can be seen.
assert c.call("Wait", id="c1")["exit_status"] == 137
assert c.call("State", id="c1")["status"] == 3
PY
}

# bats test_tags=core
@test "T-133 C-4.20 stdin's end ends the container" {
    # ctr forgets an end that comes before it has the task.
    { echo abc && wait_until task_is c1 RUNNING; } | attached -- cat >"$CASE/out"
    [ "$(cat "$CASE/out")" = abc ]
}

@test "T-134 C-4.20 P-24 ten megabytes through stdin are complete" {
    seq 1500000 >"$CASE/in"
    attached -- sha256sum <"$CASE/in" >"$CASE/out"
    sha256sum <"$CASE/in" | cmp - "$CASE/out"
}

# bats test_tags=direct
@test "T-135 C-4.21 P-24 a CloseIO before the exec's Start is not lost" {
    direct c1 sleep 1000
    client "$CASE" "${CLOSE_ROUNDS:-10}" <<'PY'
case = sys.argv[2]
c = Connection(path)
for number in range(int(sys.argv[3])):
    name = f"e{number}"
    stdin = f"{case}/in{number}"
    os.mkfifo(stdin)
    out = Reader(f"{case}/out{number}")
    c.call("Exec", id="c1", exec_id=name, stdin=stdin, stdout=out.path, spec=exec_spec("cat"))
    c.call("CloseIO", id="c1", exec_id=name, stdin=True)
    # What a client does that has all its input at once.
    writer = os.open(stdin, os.O_RDWR)
    os.write(writer, b"abc")
    c.call("Start", id="c1", exec_id=name)
    os.close(writer)
    assert c.call("Wait", id="c1", exec_id=name, patience=10).get("exit_status", 0) == 0
    assert out.end() == b"abc"
    c.call("Delete", id="c1", exec_id=name)
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-4.20 stdin ends only when the client and CloseIO both said so" {
    bare c1 cat
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
os.mkfifo(case + "/in")
out = Reader(case + "/out")
c = Connection(path)
writer = os.open(case + "/in", os.O_RDWR)
c.call("Create", id="c1", bundle=bundle, stdin=case + "/in", stdout=out.path)
c.call("Start", id="c1")
wait = c.send("Task", "Wait", {"id": "c1"})
os.write(writer, b"one ")
out.start()
deadline = time.monotonic() + 10
while out.data != b"one ":
    assert time.monotonic() < deadline
    time.sleep(0.01)
os.close(writer)
# A client that detached comes back, after the shim could see that it was gone.
for _ in range(2):
    c.call("State", id="c1")
writer = os.open(case + "/in", os.O_WRONLY | os.O_NONBLOCK)
os.write(writer, b"two")
c.call("CloseIO", id="c1", stdin=True)
c.call("CloseIO", id="c1", stdin=True)
try:
    c.answer(wait, 0.3)
    raise SystemExit("ended while the client held its end")
except Failure as failure:
    assert failure.code == TIMEOUT
os.close(writer)
assert c.result("Wait", wait, 10).get("exit_status", 0) == 0
assert out.end() == b"one two"
PY
}

# bats test_tags=direct
@test "C-4.22 a client that writes to a process that is gone gets EPIPE" {
    bare c1 sleep 1000
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
os.mkfifo(case + "/in")
c = Connection(path)
writer = os.open(case + "/in", os.O_RDWR)
c.call("Create", id="c1", bundle=bundle, stdin=case + "/in")
c.call("Start", id="c1")
only_writer = os.open(case + "/in", os.O_WRONLY)
os.close(writer)
c.call("Kill", id="c1", signal=9)
c.call("Wait", id="c1")
os.set_blocking(only_writer, False)
deadline = time.monotonic() + 10
while time.monotonic() < deadline:
    try:
        os.write(only_writer, b"x")
    except BrokenPipeError:
        break
    except BlockingIOError:
        pass
    time.sleep(0.01)
else:
    raise SystemExit("no EPIPE")
PY
}

# bats test_tags=direct
@test "T-136 C-4.12 a reader that dies ends nothing, and the next one gets what follows" {
    bare c1 sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.01; done'
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
os.mkfifo(case + "/out")
first = os.open(case + "/out", os.O_RDONLY | os.O_NONBLOCK)
c = Connection(path)
c.call("Create", id="c1", bundle=bundle, stdout=case + "/out")
c.call("Start", id="c1")
os.set_blocking(first, True)
got = os.read(first, 1 << 16)
while got.count(b"\n") < 5:
    got += os.read(first, 1 << 16)
os.close(first)
second = os.open(case + "/out", os.O_RDONLY)
while got.count(b"\n") < 50:
    got += os.read(second, 1 << 16)
numbers = [int(line) for line in got.split(b"\n")[:-1]]
assert numbers == list(range(1, len(numbers) + 1)), numbers
assert c.call("State", id="c1")["status"] == 2
PY
}

# bats test_tags=direct
@test "T-136 P-22 what was written last and nobody has read is there for the next reader, as is its end" {
    for policy in wait spill; do
        bare c1 sh -c 'echo first; read -r word; echo last; echo error >&2'
        edit_spec c1 "spec['annotations'] = {'io.swiftrunc.output': '$policy'}"
        client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
for name in ("in", "out", "err"):
    os.mkfifo(f"{case}/{name}")
first = os.open(case + "/out", os.O_RDONLY | os.O_NONBLOCK)
c = Connection(path)
c.call("Create", id="c1", bundle=bundle, stdin=case + "/in", stdout=case + "/out", stderr=case + "/err")
c.call("Start", id="c1")
os.set_blocking(first, True)
assert os.read(first, 100) == b"first\n"
os.close(first)
with open(case + "/in", "w") as stdin:
    stdin.write("now\n")
while c.call("State", id="c1")["status"] != 3:
    time.sleep(0.01)
for name, text in (("out", b"last\n"), ("err", b"error\n")):
    reader = os.open(f"{case}/{name}", os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(reader, 100) == text
    os.set_blocking(reader, True)
    assert os.read(reader, 100) == b""
    os.close(reader)
for name in ("in", "out", "err"):
    os.unlink(f"{case}/{name}")
PY
        rpc c1 Delete id=c1
        rpc c1 Shutdown
        wait_until gone "$SHIM"
        rm -r "$DIR/direct/c1"
    done
}

# bats test_tags=direct
@test "P-22 what nobody ever reads holds up no Delete, and is counted" {
    bare c1 echo twelve-bytes
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
os.mkfifo(case + "/out")
c = Connection(path)
c.call("Create", id="c1", bundle=bundle, stdout=case + "/out")
c.call("Start", id="c1")
c.call("Wait", id="c1")
c.call("Delete", id="c1", patience=1.5)
PY
    wait_until grep -q '13 bytes of output could not be delivered' "$DIR/jobs/log-c1"
    budget "$SHIM"
}

# bats test_tags=direct
@test "T-149 C-4.10 stdout alone, stderr alone, stdin alone" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
case = sys.argv[2]
c = Connection(path)
for stream, other in (("stdout", ">&1"), ("stderr", ">&2")):
    reader = Reader(f"{case}/{stream}")
    c.call("Exec", id="c1", exec_id=stream, spec=exec_spec("sh", "-c", "echo out; echo err >&2"), **{stream: reader.path})
    c.call("Start", id="c1", exec_id=stream)
    assert c.call("Wait", id="c1", exec_id=stream).get("exit_status", 0) == 0
    assert reader.end() == stream[3:].encode() + b"\n", reader.data
    c.call("Delete", id="c1", exec_id=stream)
os.mkfifo(case + "/in")
writer = os.open(case + "/in", os.O_RDWR)
c.call("Exec", id="c1", exec_id="stdin", spec=exec_spec("sh", "-c", "read line && exit $line"), stdin=case + "/in")
c.call("Start", id="c1", exec_id="stdin")
os.write(writer, b"44\n")
assert c.call("Wait", id="c1", exec_id="stdin", patience=10)["exit_status"] == 44
c.call("Delete", id="c1", exec_id="stdin")
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "T-150 C-4.14 C-3.14 a full fifo without a reader holds up nobody else of the pod" {
    for id in c1 c2; do
        direct_bundle "$id" sh -c 'head -c 1000000 /dev/zero; echo done >&2; exec sleep 1000'
        edit_spec "$id" 'spec["annotations"] = {"io.containerd.runc.v2.group": "g"}'
        direct_start "$id" </dev/null
    done
    note_words g
    GROUP=g client "$DIR/direct" "$CASE" <<'PY'
direct, case = sys.argv[2:]
c = Connection(path)
os.mkfifo(case + "/full")
stuck = os.open(case + "/full", os.O_RDONLY | os.O_NONBLOCK)
c.call("Create", id="c1", bundle=direct + "/c1", stdout=case + "/full")
c.call("Start", id="c1")
out, err = Reader(case + "/out"), Reader(case + "/err")
c.call("Create", id="c2", bundle=direct + "/c2", stdout=out.path, stderr=err.path, patience=10)
c.call("Start", id="c2", patience=10)
out.start(), err.start()
for name in ("c1", "c2"):
    assert c.call("State", id=name, patience=5)["status"] == 2
deadline = time.monotonic() + 10
while err.data != b"done\n":
    assert time.monotonic() < deadline
    time.sleep(0.01)
assert len(out.data) <= 1000000
# The full one ends, too, when it is told to; what it wrote can still be read.
c.call("Kill", id="c1", signal=9, patience=5)
assert c.call("Wait", id="c1", patience=5)["exit_status"] == 137
PY
    direct_end c1 c2
}

# bats test_tags=direct
@test "C-4.13 a regular file is appended to, one descriptor for both streams" {
    bare c1 sh -c 'echo out; echo err >&2'
    echo before >"$CASE/file"
    direct_run c1 stdout="$CASE/file" stderr="$CASE/file"
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    [ "$(cat "$CASE/file")" = "$(printf 'before\nout\nerr')" ]
}

# bats test_tags=direct
@test "C-4.2 paths with reserved characters, and fifo URIs" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
case = sys.argv[2]
c = Connection(path)
for number, name in enumerate(("a b", "50%zz", "what?x=y", "tail#1", "fifo")):
    reader = Reader(f"{case}/{name}")
    stdout = reader.path if name != "fifo" else "fifo://" + reader.path
    c.call("Exec", id="c1", exec_id=f"e{number}", stdout=stdout, spec=exec_spec("echo", "hi"))
    c.call("Start", id="c1", exec_id=f"e{number}")
    assert reader.end() == b"hi\n"
    c.call("Wait", id="c1", exec_id=f"e{number}")
    c.call("Delete", id="c1", exec_id=f"e{number}")
PY
    budget "$SHIM"
}

@test "T-147 C-4.2 an unknown scheme is refused by name, and leaves nothing" {
    bare c1 sleep 1000
    run direct_create c1 stdout=foo:///x
    [[ $status == [23] ]]
    [[ $output == *"unknown STDIO scheme foo"* ]]
    fails 5 "container not created" rpc c1 State id=c1
    run ctr run -d --runtime "$SHIM_RUNTIME" --log-uri foo:///x --env PATH=/bin --rootfs "$ROOTFS" c2 true
    [ "$status" -ne 0 ]
    [[ $output == *"unknown STDIO scheme foo"* ]]
    wait_until no_shim c2
}

# bats test_tags=direct
@test "C-4.13 a fifo that is missing is an error, and leaves nothing" {
    bare c1 sleep 1000
    run direct_create c1 stdout="$CASE/nope"
    [ "$status" -ne 0 ]
    [ "$status" -lt 70 ]
    [[ $output == *"$CASE/nope"* ]]
    [ ! -e "$CASE/nope" ]
    fails 5 "container not created" rpc c1 State id=c1
    wait_until cgroup_gone
}

cgroup_gone() { [ ! -e "$(cgroup_of c1)" ]; }

# bats test_tags=direct
@test "T-148 C-3.28 P-13 a grandchild that keeps stdout open does not hold up Wait, nor Delete for long" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
c = Connection(path)
out = Reader(sys.argv[2] + "/out")
c.call("Exec", id="c1", exec_id="e1", stdout=out.path, spec=exec_spec("sh", "-c", "sleep 1000 & echo ok"))
c.call("Start", id="c1", exec_id="e1")
c.call("Wait", id="c1", exec_id="e1", patience=5)
c.call("Delete", id="c1", exec_id="e1", patience=20)
assert out.end() == b"ok\n"
PY
    budget "$SHIM"
}

# terminals -----------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-137 C-4.30 C-4.36 a terminal: size, input, Ctrl-C, exit" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
case = sys.argv[2]
c = Connection(path)
os.mkfifo(case + "/in")
stdin = os.open(case + "/in", os.O_RDWR)
out = Reader(case + "/out")

def until(text):
    deadline = time.monotonic() + 10
    while text not in out.data:
        assert time.monotonic() < deadline, (text, out.data)
        time.sleep(0.01)

script = "tty; echo ready; read line; stty size; trap 'echo caught; exit 77' INT; echo wait; while :; do sleep 0.1; done"
c.call("Exec", id="c1", exec_id="e1", terminal=True, stdin=case + "/in", stdout=out.path,
       spec=exec_spec("sh", "-c", script))
c.call("Start", id="c1", exec_id="e1")
out.start()
until(b"ready")
assert b"/dev/pts/" in out.data
assert c.call("State", id="c1", exec_id="e1")["terminal"] is True
c.call("ResizePty", id="c1", exec_id="e1", width=123, height=45)
os.write(stdin, b"go\r")
until(b"45 123")
until(b"wait")
os.write(stdin, b"\x03")
assert c.call("Wait", id="c1", exec_id="e1", patience=10)["exit_status"] == 77
assert out.end().endswith(b"caught\r\n"), out.data
refused(2, "cannot resize a stopped container", c, "ResizePty", id="c1", exec_id="e1", width=1, height=1)
c.call("Delete", id="c1", exec_id="e1")
PY
    # T-141
    [ -z "$(ls -A "$DIR/tmp")" ]
    budget "$SHIM"
}

# bats test_tags=direct
@test "T-137 C-4.30 an init with a terminal" {
    bare c1 sh -c 'echo hello; read line; echo "got $line"'
    edit_spec c1 'spec["process"]["terminal"] = True'
    client "$DIR/direct/c1" "$CASE" <<'PY'
bundle, case = sys.argv[2:]
c = Connection(path)
os.mkfifo(case + "/in")
stdin = os.open(case + "/in", os.O_RDWR)
out = Reader(case + "/out")
c.call("Create", id="c1", bundle=bundle, terminal=True, stdin=case + "/in", stdout=out.path)
c.call("Start", id="c1")
os.write(stdin, b"abc\n")
out.start()
c.call("Wait", id="c1", patience=10)
assert out.end().replace(b"\r", b"").endswith(b"got abc\n"), out.data
assert b"hello\r\n" in out.data
c.call("Delete", id="c1")
PY
}

# bats test_tags=direct
@test "C-4.36 a resize before the exec's Start is applied" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
c = Connection(path)
out = Reader(sys.argv[2] + "/out")
c.call("Exec", id="c1", exec_id="e1", terminal=True, stdout=out.path, spec=exec_spec("sh", "-c", "sleep 0.3; stty size"))
c.call("ResizePty", id="c1", exec_id="e1", width=99, height=11)
c.call("Start", id="c1", exec_id="e1")
assert out.end() == b"11 99\r\n", out.data
c.call("Wait", id="c1", exec_id="e1")
c.call("Delete", id="c1", exec_id="e1")
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-3.39 a resize of what has no terminal is nothing, before its Start and after" {
    direct c1 sleep 1000
    client "$CASE" <<'PY'
c = Connection(path)
for number in range(3):
    out = Reader(f"{sys.argv[2]}/out{number}")
    names = {"id": "c1", "exec_id": f"e{number}"}
    c.call("Exec", {**names, "stdout": out.path, "spec": exec_spec("sh", "-c", "echo said; exec sleep 1000")})
    c.call("ResizePty", {**names, "width": 99, "height": 11})
    c.call("Start", names)
    c.call("ResizePty", {**names, "width": 80, "height": 24})
    out.start()
    while not out.data:
        time.sleep(0.01)
    c.call("Kill", {**names, "signal": 9})
    assert out.end() == b"said\n", out.data
    c.call("Wait", names)
    c.call("Delete", names)
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "T-138 C-4.32 C-4.33 a terminal's output is complete at the exit, each time" {
    direct c1 sleep 1000
    client "$CASE" "${TTY_ROUNDS:-20}" <<'PY'
c = Connection(path)
expected = b"".join(b"%d\r\n" % number for number in range(1, 5001))
for number in range(int(sys.argv[3])):
    out = Reader(f"{sys.argv[2]}/out{number}")
    name = f"e{number}"
    c.call("Exec", id="c1", exec_id=name, terminal=True, stdout=out.path, spec=exec_spec("seq", "5000"))
    c.call("Start", id="c1", exec_id=name)
    out.start()
    assert c.call("Wait", id="c1", exec_id=name).get("exit_status", 0) == 0
    assert out.end() == expected, (number, len(out.data), len(expected))
    c.call("Delete", id="c1", exec_id=name)
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "C-4.35 a terminal without stdout is read and dropped, so that the process never blocks" {
    direct c1 sleep 1000
    client <<'PY'
c = Connection(path)
c.call("Exec", id="c1", exec_id="e1", terminal=True, spec=exec_spec("seq", "100000"))
c.call("Start", id="c1", exec_id="e1")
assert c.call("Wait", id="c1", exec_id="e1", patience=15).get("exit_status", 0) == 0
c.call("Delete", id="c1", exec_id="e1")
PY
    budget "$SHIM"
}

# bats test_tags=direct
@test "T-139 T-140 T-141 C-4.33 P-11 P-53 many execs, with and without terminal: no descriptor, thread, zombie or file more" {
    direct c1 sleep 1000
    client "$CASE" "${IO_EXECS:-40}" <<'PY'
case = sys.argv[2]
c = Connection(path)
for number in range(int(sys.argv[3])):
    for terminal in (False, True):
        name = f"e{number}-{terminal}"
        os.mkfifo(f"{case}/{name}-in")
        stdin = os.open(f"{case}/{name}-in", os.O_RDWR)
        out = Reader(f"{case}/{name}-out")
        err = "" if terminal else Reader(f"{case}/{name}-err")
        c.call("Exec", id="c1", exec_id=name, terminal=terminal, stdin=f"{case}/{name}-in", stdout=out.path,
               stderr=err and err.path, spec=exec_spec("sh", "-c", "read line; echo $line"))
        c.call("Start", id="c1", exec_id=name)
        os.write(stdin, b"x\n")
        c.call("Wait", id="c1", exec_id=name)
        assert out.end().endswith(b"x\r\n" if terminal else b"x\n")
        c.call("Delete", id="c1", exec_id=name)
        os.close(stdin)
        os.unlink(out.path)
PY
    [[ $(ps --ppid "$SHIM" -o stat=) != *Z* ]]
    [ -z "$(find "$DIR/tmp" "$DIR/direct/c1" -mindepth 1 -name 'e[0-9]*' -o -name 'runc-process*' -o -name 'pty*')" ]
    budget "$SHIM"
}

# bats test_tags=direct
@test "P-22 200000 lines of a process that then is gone reach the fifo, without a terminal and with one" {
    seq 200000 >"$CASE/expected"
    for terminal in false true; do
        bare c1 seq 200000
        edit_spec c1 "spec['process']['terminal'] = $([ "$terminal" = true ] && echo True || echo False)"
        mkfifo "$CASE/fifo"
        direct_run c1 terminal="$terminal" stdout="$CASE/fifo"
        # Its reader comes when it has filled the fifo, or ended.
        timeout 60 cat "$CASE/fifo" >"$CASE/read"
        rpc c1 Wait id=c1
        rpc c1 Delete id=c1
        tr -d '\r' <"$CASE/read" | cmp - "$CASE/expected"
        direct_end c1
        rm "$CASE/fifo"
    done
}
