# Stats: contract C-3.47 and C-6.30 … C-6.34, checklist T-099 … T-101. Which version of cgroups is looked at, is
# what /sys/fs/cgroup is.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }
teardown() {
    end_case
    if [ -n "${DISK:-}" ]; then rm -rf --one-file-system "$DISK"; fi
}

# The files of a process' cgroups as the message that is to be made of them, zeros left out. Nothing of it is
# the shim's.
EXPECTED=$(
    cat <<'PY'
import os, subprocess

UNIFIED = subprocess.run(["stat", "-fc", "%T", "/sys/fs/cgroup"], capture_output=True, text=True).stdout == "cgroup2fs\n"

def lean(message):
    return {key: value for key, value in message.items() if value not in (0, [], "")}

def text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None

def one(path, most):
    words = (text(path) or "0").split()
    return most if words == ["max"] else int(words[0])

def named(path):
    return {line.split()[0]: int(line.split()[1]) for line in (text(path) or "").splitlines()}

def pick(name, path, renamed={}):
    values = named(path)
    return lean({label: values.get(renamed.get(label, label), 0) for label, _ in MESSAGES[name].values()})

def cgroups(pid):
    """The directory of each controller, or of all of them under the name ""."""
    found = {}
    for line in text(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = f"/sys/fs/cgroup/{controller}{path}"
    return found

def page_sizes():
    names = sorted(os.listdir("/sys/kernel/mm/hugepages")) if os.path.exists("/sys/kernel/mm/hugepages") else []
    for name in names:
        size, unit = int(name[len("hugepages-"):-2]), 0
        while size >= 1024:
            size, unit = size // 1024, unit + 1
        yield f"{size}{'KMGT'[unit]}B"

def rdma(path):
    entries = []
    for line in (text(path) or "").splitlines():
        device, *pairs = line.split()
        values = {key: (1 << 32) - 1 if value == "max" else int(value) for key, value in
                  (pair.split("=") for pair in pairs)}
        entries.append(lean({"device": device, "hca_handles": values["hca_handle"],
                             "hca_objects": values["hca_object"]}))
    return entries

def legacy(at):
    def charge(kind):
        path = f"{at['memory']}/memory{kind}."
        return lean({"limit": one(path + "limit_in_bytes", 0), "usage": one(path + "usage_in_bytes", 0),
                     "max": one(path + "max_usage_in_bytes", 0), "failcnt": one(path + "failcnt", 0)})

    devices = {tuple(line.split()[:2]): "/dev/" + line.split()[3]
               for line in text("/proc/partitions").splitlines()[2:]}

    def entries(path):
        found = []
        for line in (text(path) or "").splitlines():
            words = line.replace(":", " ").split()
            if words[0] != "Total":
                found.append(lean({
                    "op": words[2], "device": devices.get(tuple(words[:2]), ""), "major": int(words[0]),
                    "minor": int(words[1]), "value": int(words[3])}))
        return found

    accounting = named(f"{at['cpuacct']}/cpuacct.stat")
    usage = {"total": one(f"{at['cpuacct']}/cpuacct.usage", 0), "kernel": accounting["system"] * 10**7,
             "user": accounting["user"] * 10**7,
             "per_cpu": [int(word) for word in text(f"{at['cpuacct']}/cpuacct.usage_percpu").split()]}
    throttling = pick("Throttle1", f"{at['cpu']}/cpu.stat", {
        "periods": "nr_periods", "throttled_periods": "nr_throttled"})
    message = {"cpu": {"usage": lean(usage), "throttling": throttling}}
    if "pids" in at:
        message["pids"] = lean({"current": one(f"{at['pids']}/pids.current", 0),
                                "limit": one(f"{at['pids']}/pids.max", 0)})
    memory = pick("MemoryStat1", f"{at['memory']}/memory.stat")
    message["memory"] = {**memory, "usage": charge(""), "swap": charge(".memsw"), "kernel": charge(".kmem"),
                         "kernel_tcp": charge(".kmem.tcp")}
    message["memory_oom_control"] = pick("MemoryOomControl1", f"{at['memory']}/memory.oom_control")
    if "blkio" in at:
        assert not os.path.exists(f"{at['blkio']}/blkio.io_serviced_recursive"), "a kernel with CFQ"
        message["blkio"] = lean({
            "io_service_bytes_recursive": entries(f"{at['blkio']}/blkio.throttle.io_service_bytes"),
            "io_serviced_recursive": entries(f"{at['blkio']}/blkio.throttle.io_serviced")})
    if "rdma" in at:
        message["rdma"] = lean({"current": rdma(f"{at['rdma']}/rdma.current"),
                                "limit": rdma(f"{at['rdma']}/rdma.max")})
    if "hugetlb" in at:
        message["hugetlb"] = [
            lean({"usage": one(f"{path}.usage_in_bytes", 0), "max": one(f"{path}.max_usage_in_bytes", 0),
                  "failcnt": one(f"{path}.failcnt", 0), "pagesize": size})
            for size in page_sizes() for path in [f"{at['hugetlb']}/hugetlb.{size}"]]
    return message

def unified(at):
    most = (1 << 64) - 1

    def psi(name):
        lines = text(f"{at}/{name}")
        if lines is None:
            return {}
        stalls = {}
        for line in lines.splitlines():
            kind, *pairs = line.split()
            values = dict(pair.split("=") for pair in pairs)
            stalls[kind] = lean({**{key: float(values[key]) for key in ("avg10", "avg60", "avg300")},
                                 "total": int(values["total"])})
        return {"psi": stalls}

    def devices():
        found = []
        for line in (text(f"{at}/io.stat") or "").splitlines():
            device, *pairs = line.split()
            values = dict(pair.split("=") for pair in pairs)
            if values:
                major, minor = device.split(":")
                found.append(lean({"major": int(major), "minor": int(minor),
                                   **{key: int(values.get(key, 0)) for key in ("rbytes", "wbytes", "rios", "wios")}}))
        return found

    files = {"usage": "current", "usage_limit": "max", "swap_usage": "swap.current", "swap_limit": "swap.max",
             "max_usage": "peak", "swap_max_usage": "swap.peak"}
    message = {
        "pids": lean({"current": one(f"{at}/pids.current", most), "limit": one(f"{at}/pids.max", most)}),
        "cpu": {**pick("CPUStat2", f"{at}/cpu.stat"), **psi("cpu.pressure")},
        "memory": {**pick("MemoryStat2", f"{at}/memory.stat"), **psi("memory.pressure"),
                   **lean({key: one(f"{at}/memory.{name}", most) for key, name in files.items()})},
        "rdma": lean({"current": rdma(f"{at}/rdma.current"), "limit": rdma(f"{at}/rdma.max")}),
        "io": {**lean({"usage": devices()}), **psi("io.pressure")},
    }
    if text(f"{at}/memory.events") is not None:
        message["memory_events"] = pick("MemoryEvents2", f"{at}/memory.events")
    pages = [lean({"current": one(f"{at}/hugetlb.{size}.current", most), "max": one(f"{at}/hugetlb.{size}.max", most),
                   "failcnt": named(f"{at}/hugetlb.{size}.events").get("max", 0), "pagesize": size})
             for size in page_sizes()]
    return {**message, **({"hugetlb": pages} if pages else {})}

def expected(pid):
    at = cgroups(pid)
    kind = "v2" if UNIFIED else "v1"
    return {"@type": f"io.containerd.cgroups.{kind}.Metrics", **(unified(at[""]) if UNIFIED else legacy(at))}

# What the Go shim does not tell of version 2: none of these, that of 1.6 nor of those that came with 1.7.
UNTOLD = {"nr_bursts", "burst_usec", "oom_group_kill"} if UNIFIED else set()
if UNIFIED and os.environ["DAEMON"] == "1.6":
    UNTOLD |= {"psi", "max_usage", "swap_max_usage", "failcnt"}

def without(names, message):
    if isinstance(message, list):
        # The Go shim lists the sizes of huge pages as they come.
        return sorted((without(names, one) for one in message),
                      key=lambda one: one.get("pagesize", "") if isinstance(one, dict) else "")
    if not isinstance(message, dict):
        return message
    return {key: without(names, value) for key, value in message.items() if key not in names}

def differences(message, wanted, where=""):
    if isinstance(message, dict) and isinstance(wanted, dict):
        for key in sorted(message.keys() | wanted.keys()):
            yield from differences(message.get(key), wanted.get(key), f"{where}.{key}")
    elif message != wanted:
        yield f"{where[1:]}: is {message}, expected {wanted}"

def check(connection, container, pid, ignoring=frozenset(), service="Task"):
    """The metrics of a container that does nothing. The kernel may still be counting, so what was read
    before and after must be the same."""
    for _ in range(200):
        before = expected(pid)
        metrics = connection.call("Stats", id=container, service=service)["stats"]
        if before == expected(pid):
            found = list(differences(without(ignoring, metrics), without(ignoring, before)))
            assert not found, "\n".join(found)
            return metrics
        time.sleep(0.01)
    raise AssertionError("the kernel's numbers do not stay")
PY
)

# metered [ARGUMENT...] < SCRIPT: `client` with what is above.
metered() {
    local script
    script=$(cat)
    client "$@" <<<"$EXPECTED"$'\n'"$script"
}

# limits ID MEMORY PIDS: resources for a bundle made by hand.
limits() {
    edit_spec "$1" 'spec["linux"]["resources"] = {"memory": {"limit": '"$2"'}, "pids": {"limit": '"$3"'},
        "cpu": {"quota": 30000, "period": 100000}}'
}

# every number --------------------------------------------------------------------------------------

# bats test_tags=core
@test "T-099 T-100 C-6.30 C-6.31 C-6.32 C-6.33 every number is that of the kernel's files" {
    DISK=$(mktemp -d /var/tmp/sr.XXXX)
    direct_bundle c1 sh -c 'dd if=/dev/zero of=/disk/data bs=4096 count=16 oflag=direct; i=0
        while [ $i -lt 20000 ]; do i=$((i + 1)); done; : >/disk/done; exec sleep 1000'
    limits c1 67108864 77
    edit_spec c1 'spec["mounts"].append({"destination": "/disk", "type": "bind", "source": "'"$DISK"'",
        "options": ["rbind", "rw"]})'
    # Version 1 counts what is throttled. A file system without a device of its own has none to throttle.
    edit_spec c1 'import os; device = os.stat("'"$DISK"'").st_dev
if os.major(device): spec["linux"]["resources"]["blockIO"] = {"throttleWriteBpsDevice": [
    {"major": os.major(device), "minor": os.minor(device), "rate": 1 << 40}]}'
    mkdir -p "$ROOTFS/disk"
    direct_start c1 </dev/null >/dev/null
    direct_run c1 >/dev/null
    wait_until test -e "$DISK/done"
    rpc c1 Pause id=c1
    metered "$DISK" "$(cat "$DIR/direct/c1/init.pid")" <<'PY'
metrics = check(Connection(path), "c1", sys.argv[3])
device = os.stat(sys.argv[2]).st_dev
number = lean({"major": os.major(device), "minor": os.minor(device)})
assert metrics["pids"] == {"current": 1, "limit": 77}, metrics["pids"]
if UNIFIED:
    assert metrics["memory"]["usage_limit"] == 67108864
    assert metrics["memory"]["usage"] > 0 and metrics["memory"]["anon"] > 0
    assert metrics["cpu"]["usage_usec"] > 0 and metrics["cpu"]["nr_periods"] > 0
    entries = metrics["io"].get("usage", [])
    written = [entry.get("wbytes", 0) for entry in entries if number.items() <= entry.items()]
else:
    assert metrics["memory"]["usage"]["limit"] == metrics["memory"]["hierarchical_memory_limit"] == 67108864
    assert metrics["memory"]["usage"]["usage"] > 0 and metrics["memory"]["total_rss"] > 0
    assert metrics["cpu"]["usage"]["total"] == sum(metrics["cpu"]["usage"]["per_cpu"]) > 0
    assert metrics["cpu"]["throttling"]["periods"] > 0
    entries = metrics["blkio"].get("io_service_bytes_recursive", [])
    written = [entry["value"] for entry in entries if number.items() <= entry.items() and entry["op"] == "Write"]
    assert all(entry["device"].startswith("/dev/") for entry in entries if number.items() <= entry.items())
assert not os.major(device) or max(written) >= 65536, entries
PY
    rpc c1 Resume id=c1
}

@test "C-6.31 C-6.32 without limits: none is 0 in version 1, the largest number in version 2" {
    direct c1 sleep 1000
    metered "$(cat "$DIR/direct/c1/init.pid")" <<'PY'
metrics = check(Connection(path), "c1", sys.argv[2])
if UNIFIED:
    most = (1 << 64) - 1
    assert metrics["pids"] == {"current": 1, "limit": most} and metrics["memory"]["usage_limit"] == most
    assert metrics.keys() >= {"pids", "cpu", "memory", "rdma", "io"}
else:
    assert metrics["pids"] == {"current": 1}
    assert metrics["memory"]["kernel_tcp"].keys() == {"limit"}
    assert metrics["cpu"].keys() == {"usage", "throttling"} and "network" not in metrics
PY
    budget "$SHIM"
}

@test "C-3.47 the containers of one shim have numbers of their own" {
    direct_bundle c1 sleep 1000
    direct_bundle c2 sh -c 'sleep 1000 & sleep 1000 & wait'
    limits c1 50331648 5
    limits c2 67108864 7
    direct_start c1 </dev/null
    direct_run c1
    cp "$DIR/direct/c1/address" "$DIR/direct/c2/address"
    direct_run c2
    wait_until processes_are c2 3
    metered "$(cat "$DIR/direct/c1/init.pid")" "$(cat "$DIR/direct/c2/init.pid")" <<'PY'
connection = Connection(path)
for container, pid, pids in ("c1", sys.argv[2], {"current": 1, "limit": 5}), ("c2", sys.argv[3], {"current": 3, "limit": 7}):
    assert check(connection, container, pid)["pids"] == pids
PY
    budget "$(shim_pid c1)" 2
}

processes_are() { [ "$(rpc "$1" Pids id="$1" | grep -o '"pid"' | wc -l)" -eq "$2" ]; }

# the end -------------------------------------------------------------------------------------------

@test "T-101 C-3.47 after the exit the numbers stay as long as the cgroup, then it does not exist" {
    direct c1 sh -c 'i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); done'
    rpc c1 Wait id=c1
    rpc c1 Stats id=c1 >"$CASE/stats"
    python3 - "$CASE/stats" <<'PY'
import json, sys
stats = json.load(open(sys.argv[1]))["stats"]
assert stats["pids"].get("current", 0) == 0
assert stats["cpu"].get("usage_usec", 0) > 0 or stats["cpu"]["usage"]["total"] > 0
PY
    rmdir /sys/fs/cgroup/*/"$NS/c1" /sys/fs/cgroup/"$NS/c1" 2>/dev/null || :
    fails 5 "cgroup does not exist: not found" rpc c1 Stats id=c1
    [[ $(rpc c1 State id=c1) == *'"status": 3'* ]]
    budget "$SHIM"
}

@test "T-101 C-3.47 a deleted and an unknown container are not found" {
    direct c1 sleep 1000
    fails 5 "container not created: not found" rpc c1 Stats id=nope
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    fails 5 "container not created: not found" rpc c1 Stats id=c1
}

@test "T-101 P-57 Stats all the time while a container starts, ends and is deleted" {
    direct_bundle c1 sleep 1000
    direct_start c1 </dev/null
    metered "$DIR/direct/c1" <<'PY'
answers, ended = [], threading.Event()

def ask():
    connection = Connection(path)
    while True:
        last = ended.is_set()
        try:
            answers.append(connection.call("Stats", id="c1")["stats"]["@type"])
        except Failure as failure:
            answers.append(failure.code)
        if last:
            return

asking = threading.Thread(target=ask)
asking.start()
connection = Connection(path)
try:
    connection.call("Create", id="c1", bundle=sys.argv[2])
    connection.call("Start", id="c1")
    connection.call("Exec", id="c1", exec_id="e1", spec=exec_spec("sleep", "1000"))
    connection.call("Start", id="c1", exec_id="e1")
    connection.call("Kill", id="c1", signal=9, all=True)
    connection.call("Wait", id="c1")
    connection.call("Delete", id="c1")
finally:
    ended.set()
    asking.join()
known = {"io.containerd.cgroups.v2.Metrics" if UNIFIED else "io.containerd.cgroups.v1.Metrics", 5}
assert set(answers) == known and answers[-1] == 5, set(answers)
PY
    budget "$(shim_pid c1)"
}

# the cost ------------------------------------------------------------------------------------------

# Reaped children leave their page faults in the parent's account.
faults_of_children() { awk '{ sub(/.*\) /, ""); print $9 }' "/proc/$1/stat"; }

@test "C-6.34 P-57 Stats starts no process, keeps no descriptor, and the memory comes back" {
    direct c1 sleep 1000
    local before
    before=$(faults_of_children "$SHIM")
    [ "$before" -gt 0 ]
    touch "$FAKE_RUNC/record"
    metered 200 <<'PY'
connection = Connection(path)
for _ in range(int(sys.argv[2])):
    connection.call("Stats", id="c1")
PY
    [ "$(faults_of_children "$SHIM")" -eq "$before" ]
    [ ! -e "$FAKE_RUNC/calls" ]
    budget "$SHIM"
}

# beside the Go shim --------------------------------------------------------------------------------

# paused NAME RUNTIME [go]: a container that does nothing at all; what ctr says of it in $CASE/NAME, its answer in
# $CASE/NAME.json, which is the kernel's.
paused() {
    note_words "$1"
    ctr run -d --null-io --runtime "$2" --memory-limit 67108864 --cpu-quota 20000 --env PATH=/bin \
        --rootfs "$ROOTFS" "$1" sleep 1000 3>&- 4>&-
    ctr task pause "$1"
    ctr task metrics "$1" >"$CASE/$1"
    ctr task metrics --format json "$1" | python3 -m json.tool >/dev/null
    { echo 'import sys, time'; echo 'from ttrpc import *'; echo "$EXPECTED"
        cat <<'PY'
bundle, container, pid, output, go = sys.argv[1:]
# The Go shim of 2.1 says in JSON where it is, and has the later service only.
path, service = text(bundle + "/address"), "Task"
if path is None:
    path, service = json.loads(text(bundle + "/bootstrap.json"))["address"], "Task3"
metrics = check(Connection(path), container, pid, UNTOLD if go else frozenset(), service)
with open(output, "w") as file:
    json.dump(metrics, file)
PY
    } >"$CASE/script.py"
    python3 "$CASE/script.py" "$(bundle "$1")" "$1" "$(task_pid "$1")" "$CASE/$1.json" "${3:-}"
}

# bats test_tags=core
@test "T-099 T-100 C-6.30 C-6.32 the same message as the Go shim's, the same lines of ctr" {
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    paused theirs "$PEER_RUNTIME" go
    paused ours "$SHIM_RUNTIME"
    # The metrics' names, and the limits' values.
    for side in theirs ours; do
        awk '{ print /limit/ ? $0 : $1 }' "$CASE/$side" | sed "s/^$side.*/ID/; s/ *$//" >"$CASE/$side.lines"
    done
    [ "$(wc -l <"$CASE/ours.lines")" -ge 8 ]
    diff -u "$CASE/theirs.lines" "$CASE/ours.lines"
    python3 - "$CASE" < <(
        echo "$EXPECTED"
        cat <<'PY'
import json, sys
theirs, ours = (json.load(open(f"{sys.argv[1]}/{name}.json")) for name in ("theirs", "ours"))

def messages(message, where=""):
    """Where there are messages and lists, and the numbers that are the same for equal containers."""
    for key, value in message.items():
        at = f"{where}.{key}"
        # What was read from a disk depends on what was in memory; `check` has compared it with the kernel's files.
        if key in UNTOLD or where == ".blkio" or at == ".io.usage":
            continue
        if isinstance(value, dict):
            yield at
            yield from messages(value, at)
        elif isinstance(value, list):
            yield at, len(value)
            for one in value:
                if isinstance(one, dict):
                    yield at, one.get("pagesize"), one.get("device"), one.get("major"), one.get("minor"), one.get("op")
        elif "limit" in key or key in ("@type", "current", "oom_kill_disable"):
            yield at, value

theirs, ours = set(map(str, messages(theirs))), set(map(str, messages(ours)))
assert theirs and theirs == ours, (theirs - ours, ours - theirs)
PY
    )
    ctr task resume theirs
    ctr task resume ours
}

# Without the cgroup: as with containerd 1.6; on version 2 a later one tells zeros.
@test "T-101 ctr task metrics of a stopped task: as with the Go shim" {
    [ "$SHIM_BUILD" != go ] || skip "both sides would be the Go shim"
    local side
    for side in theirs:"$PEER_RUNTIME" ours:"$SHIM_RUNTIME"; do
        note_words "${side%%:*}"
        ctr run -d --null-io --runtime "${side#*:}" --env PATH=/bin --rootfs "$ROOTFS" "${side%%:*}" sleep 1000 3>&- 4>&-
        ctr task kill -s KILL "${side%%:*}"
        wait_until task_is "${side%%:*}" STOPPED
        ctr task metrics "${side%%:*}" | awk '{ print $1 }' | sed "s/^${side%%:*}/ID/" >"$CASE/${side%%:*}"
        rmdir /sys/fs/cgroup/*/"$NS/${side%%:*}" /sys/fs/cgroup/"$NS/${side%%:*}" 2>/dev/null || :
    done
    grep -q pids.current "$CASE/ours"
    diff -u "$CASE/theirs" "$CASE/ours"
    fails 1 "no metrics received" ctr task metrics ours
}
