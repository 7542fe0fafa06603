"""Plays a recorded dialogue of peers with the reference against the running program and says what differs.

`scenarios.json.xz` holds for each scenario the script (what the peers send, when they wait, what is done to the
server) and what the reference did. Replies are compared byte by byte; of an A-ASSOCIATE-AC the implementation class
UID and version name are masked, and so are they and generated UIDs in stored files and log lines.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import lzma
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.server import RunningServer

__all__ = ["PARTS", "SCENARIOS", "differences", "play"]

HERE = Path(__file__).parent
SCENARIOS: list[dict[str, Any]] = json.loads(lzma.decompress((HERE / "scenarios.json.xz").read_bytes()))
PROFILES = HERE / "profiles.cfg"
PARTS = ("replies", "time", "files", "process", "log", "output")

PATIENCE = 15.0
"""Seconds that a busy machine is given beyond the recorded ones for something that must come."""

QUIET = 2.0
"""Seconds without a new log line after which no more is expected."""

GENERATED = re.compile(r"1\.2\.276\.0\.7230010\.3\.1\.4\.[0-9.]+")


def _text(data: bytes) -> str:
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


# -- replies -----------------------------------------------------------------------------------------------


def _items(data: bytes) -> list[dict[str, Any]]:
    """Return the items of an A-ASSOCIATE-AC as the recordings spell them (PS3.8 9.3.3, PS3.7 D.3.3)."""
    found: list[dict[str, Any]] = []
    at = 0
    while at < len(data):
        kind, reserved, length = struct.unpack_from(">BBH", data, at)
        value = data[at + 4 : at + 4 + length]
        item: dict[str, Any] = {"item": f"{kind:02X}"}
        if reserved:
            item["reserved"] = reserved
        if kind == 0x21:
            item |= {"id": value[0], "result": value[2], "sub": _items(value[4:])}
            if value[1] or value[3]:
                item["rsv"] = [value[1], value[3]]
        elif kind == 0x50:
            item["sub"] = _items(value)
        elif kind == 0x51:
            item["max_pdu"] = int.from_bytes(value, "big")
        elif kind == 0x53:
            item["async"] = list(struct.unpack(">HH", value))
        elif kind in (0x54, 0x56):
            size = int.from_bytes(value[:2], "big")
            item["uid"] = _text(value[2 : 2 + size])
            rest = value[2 + size :]
            item |= {"roles": list(rest)} if kind == 0x54 else {"info": rest.hex()}
        elif kind in (0x10, 0x30, 0x40, 0x52, 0x55):
            item["text"] = _text(value)
        else:
            item["hex"] = value.hex()
        found.append(item)
        at += 4 + length
    return found


def _reply(pdu: bytes) -> Any:
    if pdu[0] != 2:
        return pdu.hex()
    accept: dict[str, Any] = {
        "called": _text(pdu[10:26]),
        "calling": _text(pdu[26:42]),
        "items": _items(pdu[74:]),
        "proto": int.from_bytes(pdu[6:8], "big"),
    }
    if any(pdu[8:10] + pdu[42:74]):
        accept["rsv"] = (pdu[8:10] + pdu[42:74]).hex()
    return {"accept": accept}


def _masked(reply: Any) -> Any:
    if isinstance(reply, str):
        return reply
    accept = dict(reply["accept"])
    accept["items"] = [
        item | {"sub": [sub for sub in item["sub"] if sub["item"] not in ("52", "55")]}
        if "sub" in item
        else item
        for item in accept["items"]
    ]
    return accept


# -- peers -------------------------------------------------------------------------------------------------


class Peer:
    """One connection; a thread collects the PDUs that come."""

    def __init__(self, port: int, source: str | None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if source:
            self.socket.bind((source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(None)
        self._changed = threading.Condition()
        self._pdus: list[Any] = []
        self._taken = 0
        self._rest = b""
        self._end: str | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = self.socket.recv(65536)
                end = "fin"
            except ConnectionResetError:
                data, end = b"", "rst"
            except OSError:
                data, end = b"", "closed"
            with self._changed:
                self._rest += data
                while len(self._rest) >= 6:
                    size = 6 + int.from_bytes(self._rest[2:6], "big")
                    if len(self._rest) < size:
                        break
                    self._pdus.append(_reply(self._rest[:size]))
                    self._rest = self._rest[size:]
                if not data:
                    self._end = self._end or end
                self._changed.notify_all()
            if not data:
                return

    def wait(self, count: int | None, seconds: float, expected: dict[str, Any] | None) -> dict[str, Any]:
        """Wait for *count* more PDUs or the end. What is *expected* to come may come later than recorded."""
        begin = time.monotonic()
        hoped = len(expected["got"]) if expected else 0
        ends = bool(expected and expected.get("end"))

        def complete() -> bool:
            have = len(self._pdus) - self._taken
            return self._end is not None or (count is not None and have >= count)

        def as_recorded() -> bool:
            return complete() or (len(self._pdus) - self._taken >= hoped and not ends)

        with self._changed:
            self._changed.wait_for(complete, seconds)
            self._changed.wait_for(as_recorded, PATIENCE)
            stop = len(self._pdus) if count is None else min(len(self._pdus), self._taken + count)
            got = self._pdus[self._taken : stop]
            self._taken = stop
            record: dict[str, Any] = {"got": got, "t": time.monotonic() - begin}
            if count is None or len(got) < count:
                record["end"] = self._end
                if self._end and self._rest:
                    record["tail"] = self._rest.hex()
            return record

    def close(self, *, reset: bool = False) -> None:
        """Close; the reader is woken first, as a close takes no effect while it waits."""
        with contextlib.suppress(OSError):  # the server may have been first
            self.socket.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        self._reader.join(PATIENCE)
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


# -- files -------------------------------------------------------------------------------------------------


def _meta(data: bytes) -> tuple[list[str] | None, int]:
    """Return the elements of group 2 as text, and where the data set begins."""
    if len(data) < 144 or data[128:132] != b"DICM":
        return None, 0
    found: list[str] = []
    at = 132
    while at + 8 <= len(data):
        group, element, vr, length = struct.unpack_from("<HH2sH", data, at)
        if group != 2:
            break
        at += 8
        if vr == b"OB":
            length = int.from_bytes(data[at : at + 4], "little")
            at += 4
        value = data[at : at + length]
        at += length
        if element in (0x12, 0x13):
            shown = "<implementation>"
        elif not element:
            continue
        else:
            shown = value.hex() if vr == b"OB" else _text(value)
        found.append(f"(0002,{element:04x}) {vr.decode('latin-1')} #{length} {shown}")
    return found, at


def _masked_meta(lines: list[str]) -> list[str]:
    masked = []
    for line in lines:
        if line.startswith("(0002,0000)"):
            continue
        if line.startswith(("(0002,0012)", "(0002,0013)")):
            line = line[:14] + " <implementation>"
        masked.append(line[:14] + " <generated>" if GENERATED.search(line) else line)
    return masked


def _listing(directory: Path) -> list[dict[str, Any]] | None:
    if not directory.is_dir():
        return None
    found: list[dict[str, Any]] = []
    for base, directories, files in os.walk(directory):
        for name in sorted(directories) + files:
            path = Path(base) / name
            shown = os.fsencode(path.relative_to(directory)).decode("latin-1")
            shown = shown.encode("unicode_escape").decode()
            if path.is_symlink():
                found.append({"name": shown, "link": True if name in directories else os.readlink(path)})
            elif name in directories:
                if not any(path.iterdir()):
                    found.append({"name": shown + "/", "dir": True})
            else:
                data = path.read_bytes()
                meta, at = _meta(data)
                entry: dict[str, Any] = {"name": shown}
                if meta is None:
                    entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                else:
                    digest = hashlib.sha256(data[at:]).hexdigest()
                    entry |= {"meta": meta, "dataset_size": len(data) - at, "dataset_sha256": digest}
                found.append(entry)
    return sorted(found, key=lambda entry: str(entry["name"]))


def _masked_files(files: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    if files is None:
        return None
    masked = []
    for entry in files:
        entry = dict(entry, name=GENERATED.sub("<generated>", entry["name"]))
        if "meta" in entry:
            entry.pop("size", None)
            entry.pop("sha256", None)
            entry["meta"] = _masked_meta(entry["meta"])
        masked.append(entry)
    return masked


# -- log ---------------------------------------------------------------------------------------------------


@functools.cache
def _host(address: str) -> str:
    """Return the first label of the name of *address*, as the reference logs it."""
    try:
        name = socket.getnameinfo((address, 0), 0)[0]
    except OSError:
        return address
    return address if name == address else name.split(".")[0]


def _masked_log(lines: list[str], options: list[str]) -> list[str]:
    masked = []
    for line in lines:
        if "DcmDataDictionary: Loading file" in line:
            continue
        line = re.sub(r"\$dcmtk: .*\$", "$<banner>$", line)
        line = re.sub(r"(Our Implementation (?:Class UID|Version Name): +).*", r"\1<implementation>", line)
        line = GENERATED.sub("<generated>", line)
        if "+B" not in options:  # the reference prints what happens to lie in memory
            line = re.sub(r"(Unable to receive dataset on presentation context )\d+", r"\1<any>", line)
        masked.append(line)
    return masked


# -- the play ----------------------------------------------------------------------------------------------


@dataclass
class Played:
    """What the program did in a scenario."""

    events: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] | None = None
    stray: list[str] = field(default_factory=list)
    server: dict[str, Any] = field(default_factory=dict)
    stderr: list[str] = field(default_factory=list)
    stdout: list[str] = field(default_factory=list)
    playable: bool = True


class _Play:
    def __init__(self, scenario: dict[str, Any], work: Path) -> None:
        self.scenario = scenario
        self.work = work
        self.out = work / "out"
        self.out.mkdir()
        options = list(scenario["options"])
        if scenario["profile"] is not None:
            options = ["-xf", str(PROFILES), scenario["profile"], *options]
        self.server = RunningServer(self.out, options, log=work / "log", separate_output=work / "output")
        self.peers: dict[str, Peer] = {}
        self.played = Played()
        self.mounted = False

    def run(self) -> Played:
        script = list(self.scenario["script"])
        try:
            while script and script[0][0] == "fs":
                self._step(script.pop(0))
            if self.played.playable:
                self.server.start()
                for step in script:
                    self._step(step)
                self._settle()
                assert self.server.process is not None
                code = self.server.process.poll()
                self.played.server = {"alive": code is None, "exit": code}
            self.played.files = _listing(self.out)
        finally:
            self.server.__exit__(None, None, None)
            for peer in self.peers.values():
                peer.close()
            if self.mounted:
                subprocess.run(["umount", str(self.out)], check=True)
        self.played.stderr = self._lines(self.work / "log")
        self.played.stdout = self._lines(self.work / "output")
        known = {"out", "log", "output"}
        self.played.stray = sorted(path.name for path in self.work.iterdir() if path.name not in known)
        return self.played

    def _lines(self, path: Path) -> list[str]:
        lines = path.read_bytes().decode("latin-1").splitlines() if path.exists() else []
        masked = []
        for line in lines:
            line = line.replace(str(self.out), "<OD>").replace(str(self.work), "<WORK>")
            line = line.replace(str(HERE), "<CFG>").replace("/profiles.cfg", "/test.cfg")
            line = re.sub(rf"\b{self.server.port}\b", "<PORT>", line)
            for address in () if "-dhl" in self.scenario["options"] else ("127.0.0.1", "127.0.0.2"):
                name = re.escape(_host(address))
                line = re.sub(rf"(Association Received:? ){name}(?=:|$)", rf"\1<host {address}>", line)
            masked.append(line)
        return masked

    def _settle(self) -> None:
        """Wait until the log is what it should become, or has not grown for a while."""
        expected = _masked_log(self.scenario["stderr"], self.scenario["options"])
        last, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET:
            if _masked_log(self._lines(self.work / "log"), self.scenario["options"]) == expected:
                return
            size = (self.work / "log").stat().st_size
            if size != last:
                last, since = size, time.monotonic()
            time.sleep(0.02)

    def _expected(self) -> dict[str, Any] | None:
        """Return what the reference did at this point of the script, if it got this far."""
        events = [event for event in self.scenario["events"] if "send" not in event]
        here = len([event for event in self.played.events if "send" not in event])
        return events[here] if here < len(events) and "got" in events[here] else None

    def _step(self, step: list[Any]) -> None:
        getattr(self, "_" + step[0])(*step[1:])

    def _conn(self, name: str, source: str | None = None) -> None:
        self.peers[name] = Peer(self.server.port, source)

    def _send(self, name: str, data: str) -> None:
        try:
            self.peers[name].socket.sendall(bytes.fromhex(data))
        except OSError:
            self.played.events.append({"send": name, "error": "send failed"})

    def _wait(self, name: str, count: int, seconds: float = 5) -> None:
        self.played.events.append(self.peers[name].wait(count, seconds, self._expected()) | {"wait": name})

    def _waitend(self, name: str, seconds: float = 5) -> None:
        self.played.events.append(self.peers[name].wait(None, seconds, self._expected()) | {"waitend": name})

    def _quiet(self, name: str, seconds: float) -> None:
        self.played.events.append(self.peers[name].wait(99, seconds, self._expected()) | {"quiet": name})

    def _close(self, name: str) -> None:
        self.peers[name].close()

    def _rst(self, name: str) -> None:
        self.peers[name].close(reset=True)

    def _half(self, name: str) -> None:
        with contextlib.suppress(OSError):  # the server may have closed already
            self.peers[name].socket.shutdown(socket.SHUT_WR)

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _signal(self, name: str) -> None:
        assert self.server.process is not None
        self.server.process.send_signal(getattr(signal, "SIG" + name))

    def _waitexit(self, seconds: float) -> None:
        assert self.server.process is not None
        code: int | str
        try:
            code = self.server.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = "running"
        self.played.events.append({"waitexit": code})

    def _restart(self) -> None:
        self.server.start()
        self.played.events.append({"restart": True, "t": 0.0, "exit": None})

    def _ls(self, label: str) -> None:
        self.played.events.append({"ls": label, "files": _listing(self.out)})

    def _burst(self, count: int, seconds: float) -> None:
        sockets = [socket.socket() for _ in range(count)]
        try:
            for each in sockets:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", self.server.port))
            time.sleep(seconds)
            established = 0
            for each in sockets:
                try:
                    each.getpeername()
                except OSError:
                    continue
                established += 1
        finally:
            for each in sockets:
                each.close()
        self.played.events.append({"burst": count, "established": established})

    def _fs(self, verb: str, *arguments: str) -> None:
        out = self.out
        if verb == "mkdir":
            (out / arguments[0]).mkdir(parents=True, exist_ok=True)
        elif verb == "symlink":
            (out / arguments[0]).symlink_to(arguments[1])
        elif verb == "dir_to_file":
            shutil.rmtree(out)
            out.write_bytes(b"")
        elif verb == "tmpfs":
            command = ["mount", "-t", "tmpfs", "-o", f"size={arguments[0]}", "tmpfs", str(out)]
            self.mounted = not subprocess.run(command, capture_output=True, check=False).returncode
            self.played.playable = self.mounted
            self.played.events.append({"fs": "tmpfs", "mounted": self.mounted})
        else:
            raise ValueError(verb)


def play(scenario: dict[str, Any], work: Path) -> Played:
    """Play *scenario* in the empty directory *work*."""
    return _Play(scenario, work).run()


def differences(scenario: dict[str, Any], played: Played) -> dict[str, list[str]]:
    """Return where the program differs from the reference, by part (one of `PARTS`)."""
    found: dict[str, list[str]] = {}

    def compare(part: str, what: str, expected: Any, got: Any) -> None:
        if expected != got:
            found.setdefault(part, []).append(f"{what}: expected {expected!r}, got {got!r}")

    def events(all_of_them: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [event for event in all_of_them if "send" not in event]

    expected, got = events(scenario["events"]), events(played.events)
    compare("replies", "number of events", len(expected), len(got))
    for number, (one, other) in enumerate(zip(expected, got, strict=False)):
        verb = next(
            key
            for key in ("wait", "waitend", "quiet", "waitexit", "restart", "ls", "burst", "fs")
            if key in one
        )
        what = f"event {number} ({verb} {one[verb]})"
        compare(
            "replies",
            what,
            [_masked(x) for x in one.get("got", [])],
            [_masked(x) for x in other.get("got", [])],
        )
        for key in ("end", "tail", "wait", "waitend", "quiet", "burst", "established", "fs", "mounted"):
            compare("replies", f"{what} {key}", one.get(key), other.get(key))
        for key in ("waitexit", "restart", "exit"):
            compare("process", f"{what} {key}", one.get(key), other.get(key))
        if "files" in one:
            compare("files", what, _masked_files(one["files"]), _masked_files(other["files"]))
        if (
            "got" in one
            and not -scenario["tolerance"] <= other["t"] - one["t"] <= scenario["tolerance"] + PATIENCE
        ):
            compare("time", what, one["t"], other["t"])
    compare("files", "at the end", _masked_files(scenario["files"]), _masked_files(played.files))
    compare("files", "outside the output directory", scenario["stray"] or [], played.stray)
    compare("process", "at the end", scenario["server"], played.server)
    options = scenario["options"]
    for part, stream in (("log", "stderr"), ("output", "stdout")):
        lines = [line for line in scenario[stream] if not line.startswith("--- run")]
        compare(part, stream, _masked_log(lines, options), _masked_log(getattr(played, stream), options))
    return found
