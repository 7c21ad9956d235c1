#!/usr/bin/env python3
"""An independent ttrpc client and event server, with the Python standard library only.

Nothing here is shared with the shim: frames, protobuf and message tables are written a second
time, so that a mistake on one side is not repeated on the other.

  ttrpc.py SOCKET call SERVICE METHOD [field=value | field:=JSON]...
  ttrpc.py SOCKET raw HEX [--half-close] [--wait SECONDS]
  ttrpc.py SOCKET probe [COUNT]
  ttrpc.py serve-events SOCKET [--mute | --error CODE | --close-after N]
  ttrpc.py encode MESSAGE [field=value | field:=JSON]...      (bytes to stdout)
  ttrpc.py decode MESSAGE                                      (bytes from stdin)

`call` prints the reply as one line of JSON and exits with 0; an error status is printed to stderr
as `CODE message` and is the exit status. 70: no connection or connection lost, 75: no answer in
time. SERVICE may be `Task` (v2), `Task3` (v3) or a full name. In JSON values an Any is written as
{"@type": "full.Name", fields...}, {"@type": URL, "@json": value} or {"@type": URL, "@hex": "…"}.
"""

import json
import os
import select
import socket
import struct
import sys
import time

HEADER = struct.Struct(">IIBB")
REQUEST, RESPONSE, DATA = 1, 2, 3
MAXIMUM = 4 << 20
LOST, TIMEOUT = 70, 75

# How much longer than elsewhere an answer may take: the machines of vm/ are slow, some of them very.
SLOWNESS = 9 if "SWIFTRUNC_PREBUILT" in os.environ else 1

SERVICES = {
    "Task": "containerd.task.v2.Task",
    "Task3": "containerd.task.v3.Task",
    "Events": "containerd.services.events.ttrpc.v1.Events",
    "Sandbox": "containerd.runtime.sandbox.v1.Sandbox",
}

# Message tables: number -> (name, type). A type is a scalar, a message name, or one of them
# after "*" (repeated); "map" is map<string, string>, "packed" is repeated uint64.
MESSAGES = {
    "Empty": {},
    "Any": {1: ("type_url", "string"), 2: ("value", "bytes")},
    "Timestamp": {1: ("seconds", "int64"), 2: ("nanos", "int32")},
    "Mount": {1: ("type", "string"), 2: ("source", "string"), 3: ("target", "string"), 4: ("options", "*string")},
    "Status": {1: ("code", "int32"), 2: ("message", "string"), 3: ("details", "*Any")},
    "KeyValue": {1: ("key", "string"), 2: ("value", "string")},
    "Request": {1: ("service", "string"), 2: ("method", "string"), 3: ("payload", "bytes"),
                4: ("timeout_nano", "int64"), 5: ("metadata", "*KeyValue")},
    "Response": {1: ("status", "Status"), 2: ("payload", "bytes")},
    # containerd.task.v2 and v3
    "StateRequest": {1: ("id", "string"), 2: ("exec_id", "string")},
    "StateResponse": {1: ("id", "string"), 2: ("bundle", "string"), 3: ("pid", "uint32"), 4: ("status", "enum"),
                      5: ("stdin", "string"), 6: ("stdout", "string"), 7: ("stderr", "string"),
                      8: ("terminal", "bool"), 9: ("exit_status", "uint32"), 10: ("exited_at", "Timestamp"),
                      11: ("exec_id", "string")},
    "CreateRequest": {1: ("id", "string"), 2: ("bundle", "string"), 3: ("rootfs", "*Mount"), 4: ("terminal", "bool"),
                      5: ("stdin", "string"), 6: ("stdout", "string"), 7: ("stderr", "string"),
                      8: ("checkpoint", "string"), 9: ("parent_checkpoint", "string"), 10: ("options", "Any")},
    "CreateResponse": {1: ("pid", "uint32")},
    "StartRequest": {1: ("id", "string"), 2: ("exec_id", "string")},
    "StartResponse": {1: ("pid", "uint32")},
    "DeleteRequest": {1: ("id", "string"), 2: ("exec_id", "string")},
    "DeleteResponse": {1: ("pid", "uint32"), 2: ("exit_status", "uint32"), 3: ("exited_at", "Timestamp")},
    "PidsRequest": {1: ("id", "string")},
    "ProcessInfo": {1: ("pid", "uint32"), 2: ("info", "Any")},
    "PidsResponse": {1: ("processes", "*ProcessInfo")},
    "KillRequest": {1: ("id", "string"), 2: ("exec_id", "string"), 3: ("signal", "uint32"), 4: ("all", "bool")},
    "ExecRequest": {1: ("id", "string"), 2: ("exec_id", "string"), 3: ("terminal", "bool"), 4: ("stdin", "string"),
                    5: ("stdout", "string"), 6: ("stderr", "string"), 7: ("spec", "Any")},
    "ResizePtyRequest": {1: ("id", "string"), 2: ("exec_id", "string"), 3: ("width", "uint32"),
                         4: ("height", "uint32")},
    "CloseIORequest": {1: ("id", "string"), 2: ("exec_id", "string"), 3: ("stdin", "bool")},
    "WaitRequest": {1: ("id", "string"), 2: ("exec_id", "string")},
    "WaitResponse": {1: ("exit_status", "uint32"), 2: ("exited_at", "Timestamp")},
    "StatsRequest": {1: ("id", "string")},
    "StatsResponse": {1: ("stats", "Any")},
    "ConnectRequest": {1: ("id", "string")},
    "ConnectResponse": {1: ("shim_pid", "uint32"), 2: ("task_pid", "uint32"), 3: ("version", "string")},
    "ShutdownRequest": {1: ("id", "string"), 2: ("now", "bool")},
    "PauseRequest": {1: ("id", "string")},
    "ResumeRequest": {1: ("id", "string")},
    "UpdateRequest": {1: ("id", "string"), 2: ("resources", "Any"), 3: ("annotations", "map")},
    "CheckpointRequest": {1: ("id", "string"), 2: ("path", "string"), 3: ("options", "Any")},
    "containerd.runc.v1.CheckpointOptions": {
        1: ("exit", "bool"), 2: ("open_tcp", "bool"), 3: ("external_unix_sockets", "bool"), 4: ("terminal", "bool"),
        5: ("file_locks", "bool"), 6: ("empty_namespaces", "*string"), 7: ("cgroups_mode", "string"),
        8: ("image_path", "string"), 9: ("work_path", "string"), 10: ("parent_path", "string")},
    "containerd.linux.runc.CheckpointOptions": {
        1: ("exit", "bool"), 2: ("open_tcp", "bool"), 3: ("external_unix_sockets", "bool"), 4: ("terminal", "bool"),
        5: ("file_locks", "bool"), 6: ("empty_namespaces", "*string"), 7: ("cgroups_mode", "string"),
        8: ("work_path", "string"), 9: ("image_path", "string")},
    # containerd.runtime.sandbox.v1
    "CreateSandboxRequest": {1: ("sandbox_id", "string"), 2: ("bundle_path", "string"), 5: ("netns_path", "string")},
    "StartSandboxRequest": {1: ("sandbox_id", "string")},
    "PlatformRequest": {1: ("sandbox_id", "string")},
    "Platform": {1: ("os", "string"), 2: ("architecture", "string"), 3: ("variant", "string")},
    "PlatformResponse": {1: ("platform", "Platform")},
    "StopSandboxRequest": {1: ("sandbox_id", "string"), 2: ("timeout_secs", "uint32")},
    "WaitSandboxRequest": {1: ("sandbox_id", "string")},
    "WaitSandboxResponse": {1: ("exit_status", "uint32"), 2: ("exited_at", "Timestamp")},
    "SandboxStatusRequest": {1: ("sandbox_id", "string"), 2: ("verbose", "bool")},
    "PingSandboxRequest": {1: ("sandbox_id", "string")},
    "ShutdownSandboxRequest": {1: ("sandbox_id", "string")},
    "SandboxMetricsRequest": {1: ("sandbox_id", "string")},
    # options and launch
    "containerd.runc.v1.Options": {
        1: ("no_pivot_root", "bool"), 2: ("no_new_keyring", "bool"), 3: ("shim_cgroup", "string"),
        4: ("io_uid", "uint32"), 5: ("io_gid", "uint32"), 6: ("binary_name", "string"), 7: ("root", "string"),
        8: ("criu_path", "string"), 9: ("systemd_cgroup", "bool"), 10: ("criu_image_path", "string"),
        11: ("criu_work_path", "string"), 12: ("task_api_address", "string"), 13: ("task_api_version", "uint32")},
    "containerd.runc.v1.ProcessDetails": {1: ("exec_id", "string")},
    "runtimeoptions.v1.Options": {1: ("type_url", "string"), 2: ("config_path", "string"), 3: ("config_body", "bytes")},
    "Extension": {1: ("value", "Any")},
    "BootstrapParams": {1: ("instance_id", "string"), 2: ("namespace", "string"), 3: ("log_level", "int32"),
                        4: ("containerd_version", "string"), 5: ("containerd_ttrpc_address", "string"),
                        6: ("containerd_grpc_address", "string"), 7: ("containerd_binary", "string"),
                        8: ("extensions", "*Extension"), 9: ("socket_dir", "string")},
    "BootstrapResult": {1: ("version", "int32"), 2: ("address", "string"), 3: ("protocol", "string"),
                        4: ("capabilities", "*enum"), 5: ("metadata", "map")},
    "RuntimeVersion": {1: ("version", "string"), 2: ("revision", "string")},
    "RuntimeInfo": {1: ("name", "string"), 2: ("version", "RuntimeVersion"), 3: ("options", "Any"),
                    4: ("features", "Any"), 5: ("annotations", "map")},
    # events
    "ForwardRequest": {1: ("envelope", "Envelope")},
    "Envelope": {1: ("timestamp", "Timestamp"), 2: ("namespace", "string"), 3: ("topic", "string"), 4: ("event", "Any")},
    "TaskIO": {1: ("stdin", "string"), 2: ("stdout", "string"), 3: ("stderr", "string"), 4: ("terminal", "bool")},
    "containerd.events.TaskCreate": {
        1: ("container_id", "string"), 2: ("bundle", "string"), 3: ("rootfs", "*Mount"), 4: ("io", "TaskIO"),
        5: ("checkpoint", "string"), 6: ("pid", "uint32")},
    "containerd.events.TaskStart": {1: ("container_id", "string"), 2: ("pid", "uint32")},
    "containerd.events.TaskDelete": {1: ("container_id", "string"), 2: ("pid", "uint32"), 3: ("exit_status", "uint32"),
                                     4: ("exited_at", "Timestamp"), 5: ("id", "string")},
    "containerd.events.TaskExit": {1: ("container_id", "string"), 2: ("id", "string"), 3: ("pid", "uint32"),
                                   4: ("exit_status", "uint32"), 5: ("exited_at", "Timestamp")},
    "containerd.events.TaskExecAdded": {1: ("container_id", "string"), 2: ("exec_id", "string")},
    "containerd.events.TaskExecStarted": {1: ("container_id", "string"), 2: ("exec_id", "string"), 3: ("pid", "uint32")},
    "containerd.events.TaskPaused": {1: ("container_id", "string")},
    "containerd.events.TaskResumed": {1: ("container_id", "string")},
    "containerd.events.TaskOOM": {1: ("container_id", "string")},
    "containerd.events.TaskCheckpointed": {1: ("container_id", "string"), 2: ("checkpoint", "string")},
}


def uint64s(names, first=1):
    """The uint64 fields of these names, numbered from `first`."""
    return {first + index: (name, "uint64") for index, name in enumerate(names.split())}


# Metrics of both cgroup versions. Fields have the names of the kernel where it has one.
MEMORY_V1 = ("cache rss rss_huge mapped_file dirty writeback pgpgin pgpgout pgfault pgmajfault inactive_anon "
             "active_anon inactive_file active_file unevictable")
BLKIO_V1 = ("io_service_bytes_recursive io_serviced_recursive io_queued_recursive io_service_time_recursive "
            "io_wait_time_recursive io_merged_recursive io_time_recursive sectors_recursive")
MESSAGES |= {
    "RdmaEntry": {1: ("device", "string"), 2: ("hca_handles", "uint32"), 3: ("hca_objects", "uint32")},
    "RdmaStat": {1: ("current", "*RdmaEntry"), 2: ("limit", "*RdmaEntry")},
    "PidsStat": uint64s("current limit"),
    # version 1
    "io.containerd.cgroups.v1.Metrics": {
        1: ("hugetlb", "*HugetlbStat1"), 2: ("pids", "PidsStat"), 3: ("cpu", "CPUStat1"), 4: ("memory", "MemoryStat1"),
        5: ("blkio", "BlkIOStat1"), 6: ("rdma", "RdmaStat"), 7: ("network", "*Empty"), 8: ("cgroup_stats", "Empty"),
        9: ("memory_oom_control", "MemoryOomControl1")},
    "HugetlbStat1": {**uint64s("usage max failcnt"), 4: ("pagesize", "string")},
    "CPUStat1": {1: ("usage", "CPUUsage1"), 2: ("throttling", "Throttle1")},
    "CPUUsage1": {**uint64s("total kernel user"), 4: ("per_cpu", "packed")},
    "Throttle1": uint64s("periods throttled_periods throttled_time"),
    "MemoryStat1": {
        **uint64s(MEMORY_V1), **uint64s("hierarchical_memory_limit hierarchical_memsw_limit", 16),
        **uint64s(" ".join("total_" + name for name in MEMORY_V1.split()), 18), 33: ("usage", "MemoryEntry1"),
        34: ("swap", "MemoryEntry1"), 35: ("kernel", "MemoryEntry1"), 36: ("kernel_tcp", "MemoryEntry1")},
    "MemoryEntry1": uint64s("limit usage max failcnt"),
    "BlkIOStat1": {index + 1: (name, "*BlkIOEntry1") for index, name in enumerate(BLKIO_V1.split())},
    "BlkIOEntry1": {1: ("op", "string"), 2: ("device", "string"), **uint64s("major minor value", 3)},
    "MemoryOomControl1": uint64s("oom_kill_disable under_oom oom_kill"),
    # version 2
    "io.containerd.cgroups.v2.Metrics": {
        1: ("pids", "PidsStat"), 2: ("cpu", "CPUStat2"), 4: ("memory", "MemoryStat2"), 5: ("rdma", "RdmaStat"),
        6: ("io", "IOStat2"), 7: ("hugetlb", "*HugeTlbStat2"), 8: ("memory_events", "MemoryEvents2")},
    "CPUStat2": {**uint64s("usage_usec user_usec system_usec nr_periods nr_throttled throttled_usec"),
                 7: ("psi", "PSIStats2"), **uint64s("nr_bursts burst_usec", 8)},
    "MemoryStat2": {
        **uint64s("anon file kernel_stack slab sock shmem file_mapped file_dirty file_writeback anon_thp inactive_anon "
                  "active_anon inactive_file active_file unevictable slab_reclaimable slab_unreclaimable pgfault "
                  "pgmajfault workingset_refault workingset_activate workingset_nodereclaim pgrefill pgscan pgsteal "
                  "pgactivate pgdeactivate pglazyfree pglazyfreed thp_fault_alloc thp_collapse_alloc usage usage_limit "
                  "swap_usage swap_limit max_usage swap_max_usage"),
        38: ("psi", "PSIStats2")},
    "MemoryEvents2": uint64s("low high max oom oom_kill oom_group_kill"),
    "IOStat2": {1: ("usage", "*IOEntry2"), 2: ("psi", "PSIStats2")},
    "IOEntry2": uint64s("major minor rbytes wbytes rios wios"),
    "HugeTlbStat2": {**uint64s("current max"), 3: ("pagesize", "string"), 4: ("failcnt", "uint64")},
    "PSIStats2": {1: ("some", "PSIData2"), 2: ("full", "PSIData2")},
    "PSIData2": {1: ("avg10", "double"), 2: ("avg60", "double"), 3: ("avg300", "double"), 4: ("total", "uint64")},
}

# Methods whose reply is not Empty.
ANSWERS = {"State", "Create", "Start", "Delete", "Pids", "Wait", "Connect", "Stats", "Platform", "WaitSandbox"}
UNEXITED = -62135596800


# protobuf -----------------------------------------------------------------------------------------

def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, data):
    """A length-delimited field; `data` is bytes, or a string."""
    if isinstance(data, str):
        data = data.encode()
    return varint(number << 3 | 2) + varint(len(data)) + data


def read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("bad varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def encode_any(value):
    value = dict(value)
    url = value.pop("@type", value.pop("type_url", ""))
    if "@json" in value:
        body = json.dumps(value["@json"]).encode()
    elif "@hex" in value:
        body = bytes.fromhex(value["@hex"])
    else:
        body = encode(url.rsplit("/", 1)[-1], value)
    return encode("Any", {"type_url": url, "value": body}, raw=True)


def encode_one(number, kind, value):
    if kind == "string" or kind == "bytes":
        return field(number, value)
    if kind == "Any":
        return field(number, encode_any(value))
    if kind == "map":
        return b"".join(field(number, field(1, key) + field(2, text)) for key, text in value.items())
    if kind in MESSAGES:
        return field(number, encode(kind, value))
    if isinstance(value, str):
        value = {"true": 1, "false": 0}.get(value) if kind == "bool" else int(value, 0)
    return varint(number << 3) + varint(int(value))


def encode(name, values, raw=False):
    """The bytes of message `name`. Fields equal to their default are left out, as proto3 does."""
    if name == "Any" and not raw:
        return encode_any(values)
    numbers = {key: (number, kind) for number, (key, kind) in MESSAGES[name].items()}
    out = []
    for key, value in values.items():
        if key not in numbers:
            raise SystemExit(f"{name} has no field {key}")
        number, kind = numbers[key]
        if kind.startswith("*"):
            out += [encode_one(number, kind[1:], one) for one in value]
        elif kind in MESSAGES or value not in ("", b"", 0, False):
            out.append(encode_one(number, kind, value))
    return b"".join(out)


def decode_any(data):
    outer = decode("Any", data, raw=True)
    url, value = outer.get("type_url", ""), outer.get("value", b"")
    name = url.rsplit("/", 1)[-1]
    if name in MESSAGES:
        return {"@type": url, **decode(name, value)}
    try:
        return {"@type": url, "@json": json.loads(value)}
    except ValueError:
        return {"@type": url, "@hex": value.hex()}


def decode_one(kind, value):
    if kind == "Any":
        return decode_any(value)
    if kind in MESSAGES:
        return decode(kind, value)
    if kind == "string":
        return value.decode()
    if kind == "map":
        pair = decode("KeyValue", value)
        return {pair.get("key", ""): pair.get("value", "")}
    if kind == "bool":
        return bool(value)
    if kind == "double":
        return struct.unpack("<d", value.to_bytes(8, "little"))[0]
    if kind == "packed":
        numbers, at = [], 0
        while at < len(value):
            number, at = read_varint(value, at)
            numbers.append(number)
        return numbers
    if kind in ("int32", "int64") and value >= 1 << 63:
        return value - (1 << 64)
    return value


def decode(name, data, raw=False):
    """The fields of message `name` that are present; unknown ones under `#number`."""
    if name == "Any" and not raw:
        return decode_any(data)
    out, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire == 2:
            length, at = read_varint(data, at)
            if at + length > len(data):
                raise ValueError("field reaches beyond the message")
            value, at = data[at:at + length], at + length
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
            value, at = int.from_bytes(data[at:at + length], "little"), at + length
        else:
            raise ValueError(f"wire type {wire}")
        label, kind = MESSAGES[name].get(number, (f"#{number}", "uint64"))
        if kind.startswith("*"):
            out.setdefault(label, []).append(decode_one(kind[1:], value))
        elif kind == "map":
            out.setdefault(label, {}).update(decode_one(kind, value))
        else:
            out[label] = decode_one(kind, value) if label[0] != "#" else str(value)
    return out


# frames -------------------------------------------------------------------------------------------

class Failure(Exception):
    """An error status of the peer, or LOST, or TIMEOUT."""

    def __init__(self, code, message):
        super().__init__(f"{code} {message}")
        self.code, self.message = code, message


def frame(stream, kind, body=b"", flags=0):
    return HEADER.pack(len(body), stream, kind, flags) + body


def request(service, method, payload=b"", timeout_nano=0, metadata=None):
    """The body of a request frame."""
    return encode("Request", {
        "service": SERVICES.get(service, service), "method": method, "payload": payload,
        "timeout_nano": timeout_nano,
        "metadata": [{"key": key, "value": value} for key, value in (metadata or {}).items()]})


class Connection:
    def __init__(self, path, patience=15.0 * SLOWNESS):
        self.patience = patience
        self.next = 1
        self.waiting = {}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Blocking, but bounded: a non-blocking connect would fail at a full backlog.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", int(patience), 0))
            self.socket.connect(path.removeprefix("unix://"))
        except OSError as error:
            raise Failure(LOST, f"connect {path}: {error.strerror or error}") from None
        self.socket.settimeout(patience)

    def close(self):
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Failure(LOST, f"write: {error.strerror or error}") from None

    def send(self, service, method, values=None, stream=None, **more):
        """Sends a request without waiting; its stream id. `values`: fields, or the payload's bytes."""
        if stream is None:
            stream, self.next = self.next, self.next + 2
        payload = values if isinstance(values, bytes) else encode(method + "Request", values or {})
        self.send_raw(frame(stream, REQUEST, request(service, method, payload, **more)))
        return stream

    def exactly(self, count, deadline):
        data = bytearray()
        while len(data) < count:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                piece = self.socket.recv(min(count - len(data), 1 << 20))
            except socket.timeout:
                raise Failure(TIMEOUT, "no answer in time") from None
            except OSError as error:
                raise Failure(LOST, f"read: {error.strerror or error}") from None
            if not piece:
                raise Failure(LOST, "connection closed")
            data += piece
        return bytes(data)

    def receive(self, patience=None):
        """The next frame: (stream, kind, flags, body)."""
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        length, stream, kind, flags = HEADER.unpack(self.exactly(HEADER.size, deadline))
        return stream, kind, flags, self.exactly(length, deadline)

    def answer(self, stream, patience=None):
        """The payload answered on `stream`; answers of other streams are kept for later."""
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        while stream not in self.waiting:
            other, kind, _, body = self.receive(max(deadline - time.monotonic(), 0.001))
            if kind == RESPONSE:
                self.waiting[other] = body
        reply = decode("Response", self.waiting.pop(stream))
        status = reply.get("status", {})
        if status.get("code"):
            raise Failure(status["code"], status.get("message", ""))
        return reply.get("payload", b"")

    def result(self, method, stream, patience=None):
        return decode(method + "Response" if method in ANSWERS else "Empty", self.answer(stream, patience))

    def call(self, method, values=None, service="Task", patience=None, **fields):
        """One call of a task method: its decoded reply."""
        stream = self.send(service, method, {**(values or {}), **fields})
        return self.result(method, stream, patience)

    def closed(self, patience=5.0):
        """Whether the peer closes the connection within `patience` (frames before that are dropped)."""
        deadline = time.monotonic() + patience
        try:
            while True:
                self.receive(max(deadline - time.monotonic(), 0.001))
        except Failure as failure:
            return failure.code == LOST


# event server -------------------------------------------------------------------------------------

def envelope_line(body):
    call = decode("Request", body)
    envelope = decode("ForwardRequest", call.get("payload", b"")).get("envelope", {})
    return json.dumps({
        "call": f'{call.get("service")}/{call.get("method")}', "timeout_nano": call.get("timeout_nano", 0),
        "metadata": {pair["key"]: pair.get("value", "") for pair in call.get("metadata", [])}, **envelope})


def serve_events(path, mute=False, error=0, close_after=0):
    """Plays containerd's event service: one line of JSON for each event, then the chosen answer.

    `mute` never answers, `error` answers with that code, `close_after` N drops the connection
    instead of answering its Nth event (once).
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # It has its name only once it listens.
    listener.bind(path + ".new")
    listener.listen(64)
    os.rename(path + ".new", path)
    buffers, count = {listener: None}, 0
    while True:
        for ready in select.select(list(buffers), [], [])[0]:
            if ready is listener:
                buffers[listener.accept()[0]] = b""
                continue
            try:
                piece = ready.recv(1 << 16)
            except OSError:
                piece = b""
            data = buffers[ready] + piece
            if not piece:
                del buffers[ready]
                ready.close()
                continue
            while ready in buffers and len(data) >= HEADER.size:
                length, stream, _, _ = HEADER.unpack_from(data)
                if len(data) < HEADER.size + length:
                    break
                body, data = data[HEADER.size:HEADER.size + length], data[HEADER.size + length:]
                count += 1
                print(envelope_line(body), flush=True)
                if count == close_after:
                    del buffers[ready]
                    ready.close()
                elif error:
                    status = encode("Response", {"status": {"code": error, "message": "refused by the case"}})
                    ready.sendall(frame(stream, RESPONSE, status))
                elif not mute:
                    ready.sendall(frame(stream, RESPONSE))
            if ready in buffers:
                buffers[ready] = data


# command line -------------------------------------------------------------------------------------

def arguments(words):
    values = {}
    for word in words:
        if word.startswith("{"):
            values.update(json.loads(word))
            continue
        key, _, value = word.partition("=")
        values[key.removesuffix(":")] = json.loads(value) if key.endswith(":") else value
    return values


def option(words, name, default=None):
    """Takes `name VALUE` out of `words`."""
    if name not in words:
        return default
    at = words.index(name)
    value = words[at + 1]
    del words[at:at + 2]
    return value


def main(words):
    if words[:1] == ["serve-events"]:
        serve_events(words[1], mute="--mute" in words, error=int(option(words, "--error", 0)),
                     close_after=int(option(words, "--close-after", 0)))
    elif words[:1] == ["encode"]:
        sys.stdout.buffer.write(encode(words[1], arguments(words[2:])))
    elif words[:1] == ["decode"]:
        print(json.dumps(decode(words[1], sys.stdin.buffer.read())))
    elif words[1:2] == ["call"]:
        patience = float(option(words, "--patience", 30 * SLOWNESS))
        path, _, service, method = words[:4]
        try:
            print(json.dumps(Connection(path, patience).call(method, arguments(words[4:]), service)))
        except Failure as failure:
            print(failure, file=sys.stderr)
            return failure.code
    elif words[1:2] == ["raw"]:
        patience = float(option(words, "--wait", 5))
        try:
            connection = Connection(words[0], patience)
            connection.send_raw(bytes.fromhex(words[2]))
            if "--half-close" in words:
                connection.half_close()
            while True:
                stream, kind, flags, body = connection.receive()
                print(frame(stream, kind, body, flags).hex(), flush=True)
        except Failure as failure:
            print(failure, file=sys.stderr)
            return failure.code
    elif words[1:2] == ["probe"]:
        for _ in range(int(words[2]) if words[2:] else 1):
            Connection(words[0]).close()
    else:
        print(__doc__, file=sys.stderr)
        return 64
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
