"""Run the load generator: the C program when a compiler is there, else the same in Python (slower)."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.plan import PATCH_MESSAGE_ID, Message, Plan
from bench.stats import percentile

__all__ = ["WORK", "Generator", "LoadResult", "build_native"]

HERE = Path(__file__).resolve().parent
WORK = HERE / ".work"
HOST = "127.0.0.1"
MAX_ANSWER = 65536


@dataclass
class LoadResult:
    """What a run of the generator saw. Times in seconds, sizes in bytes of data sets."""

    seconds: float
    associations: int
    objects: int
    bytes: int
    errors: int
    statuses: dict[str, int]
    error: str = ""
    message: dict[str, float] = field(default_factory=dict)
    association: dict[str, float] = field(default_factory=dict)

    def complete(self, objects: int) -> bool:
        """True if *objects* responses came and all of them are success."""
        return not self.errors and self.objects == objects and set(self.statuses) <= {"0000"}


def build_native(name: str) -> Path | None:
    """Compile ``native/<name>.c`` into the work directory if it is out of date; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    sources = [HERE / "native" / f"{name}.c", HERE / "native" / "wire.h"]
    program = WORK / name
    newest = max(source.stat().st_mtime for source in sources)
    if program.exists() and program.stat().st_mtime > newest:
        return program
    WORK.mkdir(exist_ok=True)
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(sources[0]), "-lpthread"]
    for extra in (["-DWITH_TLS", "-lssl", "-lcrypto"], []):
        done = subprocess.run([*command, *extra], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            (WORK / f"{name}.tls").write_text(str(bool(extra)))
            return program
    sys.stderr.write(done.stderr)
    return None


class Generator:
    """Sends a plan to a port of this machine."""

    def __init__(self, *, pure_python: bool = False) -> None:
        self.program = None if pure_python else build_native("loadgen")
        self.native_tls = self.program is not None and (WORK / "loadgen.tls").read_text() == "True"
        WORK.mkdir(exist_ok=True)
        self._saved: dict[int, tuple[Plan, Path]] = {}

    def run(
        self,
        plan: Plan,
        port: int,
        *,
        connections: int = 1,
        associations: int = 1,
        objects: int = 1,
        first: int = 0,
        timeout: int = 120,
        tls: bool = False,
    ) -> LoadResult:
        """Send *objects* messages in each of *associations* associations of each of *connections* threads.

        *objects* -1 only connects and closes. *first* is the serial number of the first instance UID;
        *timeout*, in seconds, limits every wait for the peer.
        """
        if self.program is None or (tls and not self.native_tls):
            load = _PythonLoad(plan, port, associations, objects, first, timeout, tls)
            return load.run(connections)
        if id(plan) not in self._saved:
            path = WORK / f"plan-{len(self._saved)}-{time.monotonic_ns()}.bin"
            plan.save(path)
            self._saved[id(plan)] = (plan, path)
        numbers = (port, connections, associations, objects, first, timeout, int(tls))
        port_text, *rest = map(str, numbers)
        done = subprocess.run(
            [str(self.program), str(self._saved[id(plan)][1]), HOST, port_text, *rest],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"load generator: {done.stderr.strip()}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return LoadResult(**answer)

    def close(self) -> None:
        """Remove the plan files."""
        for _, path in self._saved.values():
            path.unlink(missing_ok=True)
        self._saved.clear()


class _PythonLoad:
    """The generator's twin for machines without a compiler or OpenSSL headers."""

    def __init__(
        self, plan: Plan, port: int, associations: int, objects: int, first: int, timeout: int, tls: bool
    ) -> None:
        self.plan, self.port, self.associations, self.objects = plan, port, associations, objects
        self.first, self.timeout = first, timeout
        self.context: ssl.SSLContext | None = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        self.lock = threading.Lock()
        self.result = LoadResult(0, 0, 0, 0, 0, {})
        self.message_times: list[float] = []
        self.association_times: list[float] = []

    def run(self, connections: int) -> LoadResult:
        threads = [threading.Thread(target=self._work, args=(index,)) for index in range(connections)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        result = self.result
        result.seconds = time.monotonic() - start
        for name, values in (("message", self.message_times), ("association", self.association_times)):
            summary = {"median": 0.0, "p99": 0.0, "max": 0.0}
            if values:
                summary = {
                    "median": percentile(values, 50),
                    "p99": percentile(values, 99),
                    "max": max(values),
                }
            setattr(result, name, summary)
        return result

    def _work(self, index: int) -> None:
        messages = [(message, bytearray(message.data)) for message in self.plan.messages]
        per = max(self.objects, 0)
        for number in range(self.associations):
            start = time.monotonic()
            serial = self.first + (index * self.associations + number) * per
            try:
                self._associate(messages, serial)
            except (OSError, ValueError) as error:
                with self.lock:
                    self.result.errors += 1
                    self.result.error = self.result.error or str(error)
                    if self.result.errors >= 20:
                        return
            else:
                with self.lock:
                    self.result.associations += 1
            self.association_times.append(time.monotonic() - start)

    def _associate(self, messages: list[tuple[Message, bytearray]], serial: int) -> None:
        with socket.create_connection((HOST, self.port), timeout=self.timeout) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.objects < 0:
                return
            peer: socket.socket = self.context.wrap_socket(plain) if self.context else plain
            with peer:
                peer.sendall(self.plan.request)
                if _read_pdu(peer)[0] != 2:
                    raise ValueError("no A-ASSOCIATE-AC")
                for number in range(self.objects):
                    message, data = messages[(serial + number) % len(messages)]
                    self._send(peer, message, data, serial + number, number % 65535 + 1)
                peer.sendall(b"\x05\0\0\0\0\x04\0\0\0\0")
                if _read_pdu(peer)[0] != 6:
                    raise ValueError("no A-RELEASE-RP")

    def _send(
        self, peer: socket.socket, message: Message, data: bytearray, serial: int, message_id: int
    ) -> None:
        start = time.monotonic()
        for offset, width, kind in message.patches:
            if kind == PATCH_MESSAGE_ID:
                struct.pack_into("<H", data, offset, message_id)
            else:
                data[offset : offset + width] = b"%0*d" % (width, serial)
        view = memoryview(data)
        for offset, length, repeat in message.segments:
            for _ in range(repeat):
                peer.sendall(view[offset : offset + length])
        status = response_status(_read_pdu(peer))
        with self.lock:
            self.message_times.append(time.monotonic() - start)
            self.result.objects += 1
            self.result.bytes += message.payload
            self.result.statuses[status] = self.result.statuses.get(status, 0) + 1


def _read_exactly(peer: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = peer.recv(size - len(data))
        if not part:
            raise ValueError("the peer closed the connection")
        data += part
    return bytes(data)


def _read_pdu(peer: socket.socket) -> bytes:
    head = _read_exactly(peer, 6)
    length = int.from_bytes(head[2:], "big")
    if length > MAX_ANSWER:
        raise ValueError("answer too long")
    return head + _read_exactly(peer, length)


def response_status(pdu: bytes) -> str:
    """Return the Status (0000,0900) of a response in one P-DATA-TF as four hexadecimal digits."""
    if pdu[0] != 4:
        raise ValueError("no response")
    at = 12
    while at + 8 <= len(pdu):
        group, number, size = struct.unpack_from("<HHI", pdu, at)
        if (group, number, size) == (0, 0x0900, 2):
            return f"{struct.unpack_from('<H', pdu, at + 8)[0]:04X}"
        at += 8 + size
    raise ValueError("response without a status")
