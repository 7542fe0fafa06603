"""Run recorded start-ups and handshakes against the real program and say what was observed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.programs import find_program
from tests.support.terminal import Terminal

__all__ = ["PATIENCE", "Server", "dates_of", "handshake", "startup"]

PATIENCE = 30.0
"""Seconds to wait for what is expected; only a failing case takes that long."""

PROGRAM = (sys.executable, "-m", "dcmrecv")
PROMPT = "Enter PEM pass phrase:"
PORTS = 100
FIRST_PORT = 26000 + PORTS * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Below what the system gives to clients; every test process has a range of its own."""

PROFILE = r"""[[TransferSyntaxes]]
[Uncompressed]
TransferSyntax1 = LocalEndianExplicit
TransferSyntax2 = LittleEndianImplicit
[[PresentationContexts]]
[StorageSCP]
PresentationContext1 = VerificationSOPClass\Uncompressed
[[Profiles]]
[Default]
PresentationContexts = StorageSCP
"""

_turn = os.getpid()
_ENDED = re.compile(r"END TLS CONNECTION DETAILS|Could not receive association request")


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Return whether *condition* came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def free_port() -> int:
    global _turn
    for _ in range(PORTS):
        _turn += 1
        port = FIRST_PORT + _turn % PORTS
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def is_listening(port: int) -> bool:
    """Look into the kernel's tables, so that the server sees no connection."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[1].endswith(wanted):
                    return True
    return False


def environment() -> dict[str, str]:
    """Return ours without what would change the program or OpenSSL."""
    foreign = ("SSL_CERT_", "OPENSSL_CONF", "DCMDICTPATH", "DCMRECV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


@contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no process behind."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


# -- start-ups ------------------------------------------------------------------------------------------


def _without_variables(text: str) -> str:
    text = re.sub(r"(?m)^(Host type|Build options): .*", r"\1: <any>", text)
    return re.sub(r"\$dcmtk: (\S+) v\S+ \S+ \$", r"$dcmtk: \1 v<version> <date> $", text)


def expected_startup(case: dict[str, Any]) -> dict[str, Any]:
    """Return what `startup` observes if all is as recorded."""
    expected = {name: _without_variables(case.get(name, "")) for name in ("stdout", "stderr", "terminal")}
    return {**expected, "rc": case["rc"]}


def startup(case: dict[str, Any], pki: Path, scratch: Path) -> dict[str, Any]:
    """Start the program as *case* says; ``rc`` is ``starts`` if it listens. It is ended afterwards."""
    port = free_port()
    command = [*PROGRAM, *(str(port) if word == "$PORT" else word for word in case["argv"])]
    out, err, given = scratch / "stdout", scratch / "stderr", scratch / "stdin"
    given.write_text(case.get("stdin", ""))
    expected = expected_startup(case)
    with (
        given.open("rb") as stdin,
        out.open("wb") as stdout,
        err.open("wb") as stderr,
        Terminal() as terminal,
    ):
        how: dict[str, Any] = {
            "stdin": stdin,
            "stdout": stdout,
            "stderr": stderr,
            "cwd": pki,
            "env": environment(),
        }
        if "typed" in case:
            process = terminal.run(command, **how)
        else:
            process = subprocess.Popen(command, start_new_session=True, **how)

        def observe() -> dict[str, Any]:
            status: object = process.poll()
            if status is None and is_listening(port):
                status = "starts"
            return {
                "rc": status,
                "stdout": _without_variables(text_of(out)),
                "stderr": _without_variables(text_of(err)),
                "terminal": terminal.look(),
            }

        with ending(process):
            if expected["terminal"].startswith(PROMPT):
                wait_for(lambda: PROMPT in terminal.look())
                terminal.type(case["typed"])
            wait_for(lambda: process.poll() is not None or is_listening(port))
            wait_for(lambda: observe() == expected, 2.0)
            return observe()


# -- handshakes -----------------------------------------------------------------------------------------


@cache
def dates_of(pki: Path, name: str) -> list[str]:
    """Return the validity of a certificate as OpenSSL prints it."""
    command = ["openssl", "x509", "-noout", "-dates", "-in", f"{name}.pem"]
    done = subprocess.run(command, cwd=pki, capture_output=True, text=True, check=True)
    return re.findall("=(.*)", done.stdout)


def _log_lines(text: str, dates: list[str]) -> list[str]:
    """Return the E, W and F lines and the connection details, without the dates that are new every time."""
    kept = []
    within = False
    for line in text.splitlines():
        within = within or "BEGIN TLS CONNECTION DETAILS" in line
        if (within or line[:2] in ("E:", "W:", "F:")) and "network read timeout" not in line:
            match = re.match(r"(.*not before )(.*)(, not after )(.*)$", line)
            if match and match[2] in dates:
                after = "<notAfter>" if match[4] and match[4] in dates else match[4]
                line = f"{match[1]}<notBefore>{match[3]}{after}"
            kept.append(line)
        within = within and "END TLS CONNECTION DETAILS" not in line
    return kept


class Server:
    """The program with one list of arguments, at debug level, for any number of handshakes."""

    def __init__(self, arguments: list[str], pki: Path, scratch: Path) -> None:
        self.pki = pki
        self.scratch = scratch
        self.port = free_port()
        (scratch / "profile.cfg").write_text(PROFILE)
        self._log = scratch / "log"
        self.beginning = 0
        command = [*PROGRAM, "-d", "-xf", str(scratch / "profile.cfg"), "Default", *arguments, str(self.port)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=pki,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def mark(self) -> None:
        """`text` begins here."""
        self.beginning = self._log.stat().st_size

    def text(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self.beginning)
            return log.read().decode("utf-8", "replace")

    def has_judged(self) -> bool:
        """Tell whether the handshake is over for the server."""
        return _ENDED.search(self.text()) is not None

    def __enter__(self) -> Server:
        assert wait_for(lambda: self.process.poll() is not None or is_listening(self.port))
        assert self.process.poll() is None, self.text()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ending(self.process):
            self.process.terminate()
            wait_for(lambda: self.process.poll() is not None, 2.0)


def handshake(
    server: Server, case: dict[str, Any], log: list[str], dates: list[str], patience: float
) -> dict[str, Any]:
    """Let the client of *case* shake hands; return its observations, the verdict and the server's lines."""
    server.mark()
    kind = case["kind"]
    if kind == "s_client":
        seen = _s_client(server, case, case["client"], patience)
    elif kind == "resume":
        seen = _resume(server, case, patience)
    elif kind == "echoscu":
        seen = _echoscu(server, case)
    else:
        seen = _raw(server, case)
    wait_for(lambda: _log_lines(server.text(), dates) == log, patience)
    return {
        "accepted": "BEGIN TLS" in server.text(),
        "log": _log_lines(server.text(), dates),
        "client": seen,
    }


def expected_client(case: dict[str, Any]) -> dict[str, Any]:
    """Return what the client observes if all is as recorded."""
    if case["kind"] not in ("s_client", "resume"):
        return dict(case["client"])
    usual = {"reused": False, "alerts_read": [], "tickets": 0, "ca_names": False}
    return {**dict.fromkeys(("proto", "cipher", "alpn")), **usual, **case["client"]}


def _alerts(text: str) -> list[str]:
    return re.findall(r"SSL3 alert read:(\w+:[\w ]+)", text)


def _tickets(text: str) -> int:
    return text.count("Post-Handshake New Session Ticket arrived")


def _s_client(
    server: Server, case: dict[str, Any], expected: dict[str, Any], patience: float, *more: str
) -> dict[str, Any]:
    arguments = [*case.get("args", ()), *more]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-state", "-CAfile", "ca.pem"]
    if "-servername" not in arguments:
        command.append("-noservername")
    if "cert" in case:
        command += ["-cert", f"{case['cert']}.pem", "-key", f"{case['cert']}.key"]
    path = server.scratch / "s_client"
    with path.open("wb") as out:
        process = subprocess.Popen(
            [*command, *arguments], cwd=server.pki, stdin=subprocess.PIPE, stdout=out, stderr=out
        )
    assert process.stdin is not None

    def finished() -> bool:
        text = text_of(path)
        # the client's own sentence about a ticket may wait in its buffer for its end, these lines do not
        enough = text.count("TLS read server session ticket") >= expected.get("tickets", 0)
        return enough and len(_alerts(text)) >= len(expected.get("alerts_read", ()))

    with ending(process), process.stdin as stdin:
        wait_for(lambda: process.poll() is not None or (server.has_judged() and finished()), patience)
        stdin.close()
        wait_for(lambda: process.poll() is not None)
    text = text_of(path)

    def one(pattern: str) -> str | None:
        match = re.search(pattern, text, re.MULTILINE)
        return match[1] if match else None

    protocol, suite = (
        one(r"^(?:New|Reused), (\S+), Cipher is"),
        one(r"^(?:New|Reused), \S+, Cipher is (\S+)"),
    )
    if suite in (None, "(NONE)"):
        protocol = suite = None
    elif protocol != "TLSv1.3":
        protocol = one(r"^\s*Protocol\s*: (\S+)") or protocol
    return {
        "proto": protocol,
        "cipher": suite,
        "reused": "Reused, " in text,
        "alerts_read": _alerts(text),
        "tickets": _tickets(text),
        "alpn": one(r"ALPN protocol: (\S+)"),
        "ca_names": "No client certificate CA names sent" not in text,
    }


def _resume(server: Server, case: dict[str, Any], patience: float) -> dict[str, Any]:
    session = server.scratch / "session"
    _s_client(server, case, {"tickets": 1}, patience, "-sess_out", str(session))
    assert session.exists(), "the first connection left no session"
    beginning = server.beginning
    server.mark()
    seen = _s_client(server, case, case["client"], patience, "-sess_in", str(session))
    server.beginning = beginning
    return seen


def _echoscu(server: Server, case: dict[str, Any]) -> dict[str, Any]:
    command = [
        find_program("echoscu") or "echoscu",
        "-d",
        *case.get("args", ()),
        "127.0.0.1",
        str(server.port),
    ]
    done = subprocess.run(command, cwd=server.pki, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")

    def one(pattern: str) -> str | None:
        match = re.search(pattern, text)
        return match[1] if match else None

    # whether a refused client still writes its request is a race within the client: one text for both
    lost = r"0006:(031d TCP I/O Error \(Connection reset by peer\)|0317 Peer aborted).*"
    errors = [line for line in text.splitlines() if line[:2] in ("E:", "F:")]
    return {
        "rc": done.returncode,
        "proto": one(r"Protocol\s+: (\S+)"),
        "cipher": one(r"Ciphersuite : (\S+),"),
        "err": [re.sub(lost, "0006:xxxx connection lost", line) for line in errors],
    }


def _raw(server: Server, case: dict[str, Any]) -> dict[str, Any]:
    received, end = b"", ""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        try:
            client.sendall(bytes.fromhex(case["send"]))
            if case.get("shutdown"):
                client.shutdown(socket.SHUT_WR)
            while not end:
                data = client.recv(4096)
                received += data
                if not data:
                    end = "eof"
        except ConnectionError:
            end = "reset"
    return {"received": received.hex(), "end": end}
