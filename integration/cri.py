"""A client of Kubernetes' container runtime interface, as the kubelet is one: pods, containers, streams.

The messages are in cri.proto; `protoc` makes cri_pb2 of it, in the directory CRI_MESSAGES. CRI_SOCKET is the daemon's socket, CRI_CGROUP
the cgroup above all pods, CRI_LOGS a directory, CRI_WORDS a file that has the id of each pod in the end.
"""

import base64
import json
import os
import socket
import struct
import sys
import time
import urllib.parse
import uuid

import grpc

sys.path.append(os.environ["CRI_MESSAGES"])
import cri_pb2  # noqa: E402

SERVICE = "/runtime.v1.RuntimeService/"
IMAGE = "localhost/box:1"
READY = 0
RUNNING, EXITED = 1, 2
POD, CONTAINER, NODE, TARGET = range(4)

channel = grpc.insecure_channel("unix://" + os.environ["CRI_SOCKET"])


def call(method, within=60, **fields):
    """The answer of a method; grpc.RpcError if it is an error, or comes later than `within` seconds."""
    request = getattr(cri_pb2, method + "Request")(**fields)
    answer = getattr(cri_pb2, method + "Response", cri_pb2.Empty)
    return channel.unary_unary(
        SERVICE + method, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
    )(request, timeout=within, wait_for_ready=True)


def until(condition, seconds=60, what="not in time"):
    """Waits for something true, and returns it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return value


def same(found, wanted):
    assert found == wanted, found


def refuses(what):
    """The text of the error that a call must end with."""
    try:
        what()
    except grpc.RpcError as error:
        return error.details()
    raise AssertionError("no error")


class Pod:
    """Runs at once."""

    def __init__(self, name, handler="", network=NODE, pid=CONTAINER, userns=None):
        self.logs = os.path.join(os.environ["CRI_LOGS"], name)
        os.makedirs(self.logs, exist_ok=True)
        self.namespaces = {"network": network, "pid": pid}
        if userns:
            self.namespaces["userns_options"] = userns
        self.config = {
            "metadata": {"name": name, "uid": str(uuid.uuid4()), "namespace": "default"},
            "log_directory": self.logs,
            "linux": {
                "cgroup_parent": os.environ["CRI_CGROUP"],
                "security_context": {"namespace_options": self.namespaces},
            },
        }
        if network != NODE:
            self.config["hostname"] = name
        self.id = call("RunPodSandbox", config=self.config, runtime_handler=handler).pod_sandbox_id
        # For the search for what is left.
        with open(os.environ["CRI_WORDS"], "a") as file:
            file.write(self.id + "\n")

    def container(self, name, *command, start=True, **fields):
        return Container(self, name, command, start, fields)

    def status(self):
        return call("PodSandboxStatus", pod_sandbox_id=self.id).status

    def is_ready(self):
        return self.status().state == READY

    def pid(self):
        return json.loads(call("PodSandboxStatus", pod_sandbox_id=self.id, verbose=True).info["info"])["pid"]

    def stop(self):
        call("StopPodSandbox", pod_sandbox_id=self.id)

    def remove(self):
        self.stop()
        call("RemovePodSandbox", pod_sandbox_id=self.id)


class Container:
    """Of a pod. `fields`: those of ContainerConfig, and `security`, `resources` of its Linux part."""

    def __init__(self, pod, name, command, start, fields):
        self.pod, self.log = pod, os.path.join(pod.logs, name + ".log")
        linux = {
            "security_context": {"namespace_options": pod.namespaces, **fields.pop("security", {})},
            "resources": fields.pop("resources", {}),
        }
        config = {
            "metadata": {"name": name}, "image": {"image": IMAGE}, "command": command,
            "log_path": name + ".log", "linux": linux, **fields,
        }  # fmt: skip
        self.tty = config.get("tty", False)
        self.id = call(
            "CreateContainer", pod_sandbox_id=pod.id, config=config, sandbox_config=pod.config
        ).container_id
        if start:
            self.start()

    def start(self):
        call("StartContainer", container_id=self.id)

    def status(self):
        return call("ContainerStatus", container_id=self.id).status

    def pid(self):
        return json.loads(call("ContainerStatus", container_id=self.id, verbose=True).info["info"])["pid"]

    def ended(self, seconds=60):
        """Its status, once it has ended."""
        until(lambda: self.status().state == EXITED, seconds, "has not ended")
        return self.status()

    def exec(self, *command, timeout=0):
        """(exit status, stdout, stderr)"""
        done = call("ExecSync", container_id=self.id, cmd=command, timeout=timeout)
        return done.exit_code, done.stdout.decode(), done.stderr.decode()

    def stop(self, grace=0):
        call("StopContainer", container_id=self.id, timeout=grace)

    def remove(self):
        call("RemoveContainer", container_id=self.id)

    def stats(self):
        return call("ContainerStats", container_id=self.id).stats

    def stream_exec(self, *command, tty=False, stdin=True):
        url = call(
            "Exec", container_id=self.id, cmd=command, tty=tty, stdin=stdin, stdout=True, stderr=not tty
        ).url
        return Stream(url)

    def attach(self, stdin=True):
        return Stream(call("Attach", container_id=self.id, stdin=stdin, tty=self.tty, stdout=True, stderr=not self.tty).url)

    def log_lines(self, path=None):
        """(stream, line) of each line of its log, the parts of long ones joined; a last one may have no end."""
        lines, parts = [], {}
        with open(path or self.log, newline="") as file:
            for row in file.read().split("\n")[:-1]:
                _, stream, tag, text = row.split(" ", 3)
                parts[stream] = parts.get(stream, "") + text
                if tag == "F":
                    lines.append((stream, parts.pop(stream)))
        return lines + list(parts.items())


class Stream:
    """What `kubectl exec` and `attach` have: a WebSocket (RFC 6455) whose messages begin with the number of their channel."""

    STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)

    def __init__(self, url):
        place = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode()
        )
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        assert b" 101 " in status, status
        while self.file.readline().strip():
            pass
        self.said = {number: b"" for number in range(5)}

    def send(self, number, data):
        data = bytes([number]) + data
        mask = os.urandom(4)
        length = len(data)
        head = bytes([0x82, 0x80 | length]) if length < 126 else b"\x82\xfe" + struct.pack(">H", length)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def resize(self, width, height):
        self.send(self.RESIZE, json.dumps({"Width": width, "Height": height}).encode())

    def read(self):
        """Takes one message; False at the end."""
        head = self.file.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return False
        length = head[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self.file.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.file.read(8))
        data = self.file.read(length)
        if head[0] & 0x0F == 2 and data:
            self.said[data[0]] += data[1:]
        return True

    def until(self, text, number=STDOUT):
        """Reads until a channel has said something."""
        while text not in self.said[number]:
            assert self.read(), self.said
        return self

    def finish(self):
        """Reads to the end: (exit status, stdout, stderr)."""
        while self.read():
            pass
        self.socket.close()
        end = json.loads(self.said[self.ERROR] or b'{"status": "Success"}')
        causes = end.get("details", {}).get("causes", [])
        code = 0 if end["status"] == "Success" else next(int(c["message"]) for c in causes if c["reason"] == "ExitCode")
        return code, self.said[self.STDOUT].decode(), self.said[self.STDERR].decode()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def purge():
    """No pod is left."""
    for pod in call("ListPodSandbox").items:
        call("StopPodSandbox", pod_sandbox_id=pod.id)
        call("RemovePodSandbox", pod_sandbox_id=pod.id)


if __name__ == "__main__":
    purge()
