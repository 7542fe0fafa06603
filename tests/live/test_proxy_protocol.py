"""The PROXY protocol with real HAProxy, and with peers that claim what is not theirs."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, UnexpectedPdu, element
from tests.support.server import RunningServer, free_port

BALANCER = "127.0.0.7"
DATA_SET = element(0x0008, 0x0016, CT_IMAGE.encode()) + element(0x0008, 0x0018, b"1.2.3")
HEADER = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 104\r\n"
CONFIGURATION = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen dicom
    bind 127.0.0.1:{port}
    source {balancer}
    server one 127.0.0.1:{receiver} {way} check inter 100ms
"""


@pytest.fixture
def balance(tmp_path: Path) -> Iterator[Callable[[int, str], int]]:
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("haproxy is not installed")
    running: list[subprocess.Popen[bytes]] = []

    def start(receiver: int, way: str) -> int:
        port = free_port()
        file = tmp_path / "haproxy.cfg"
        file.write_text(CONFIGURATION.format(port=port, receiver=receiver, way=way, balancer=BALANCER))
        running.append(subprocess.Popen([program, "-db", "-f", str(file)], stderr=subprocess.DEVNULL))
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return port
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise AssertionError("HAProxy does not listen")

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("way", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_haproxy(
    balance: Callable[[int, str], int], tmp_path: Path, shared_pki: Path, way: str, workers: str, secure: bool
) -> None:
    """The receiver sees HAProxy at 127.0.0.7, and the sender at 127.0.0.1 alone may send."""
    spool = tmp_path / "spool"
    spool.mkdir()
    options = ["-xf", "storescp.cfg", "default", "-v", "-dhl", "--workers", workers, "--spool", str(spool)]
    options += ["--proxy-protocol", BALANCER, "--allow-host", "127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if secure:
        options += ["+tls", str(shared_pki / "server.key"), str(shared_pki / "server.pem"), "-ic"]
    with RunningServer(tmp_path / "out", options) as server:
        port = balance(server.port, way)
        time.sleep(0.5)  # a few health checks
        with Association(port, CT_IMAGE, wrap=context.wrap_socket if secure else lambda plain: plain) as peer:
            own_port = peer.socket.getsockname()[1]
            assert peer.store("1.2.3", DATA_SET) == 0
            peer.release()
        assert server.stop() == -signal.SIGTERM
        assert "Association Received 127.0.0.1: TESTSCU -> ANY-SCP" in server.log
        assert "Refused" not in server.log
    (line,) = (json.loads(line) for file in spool.glob("*.jsonl") for line in file.read_text().splitlines())
    assert line["peer"] == {"address": "127.0.0.1", "port": own_port}


class Announced:
    """Sends *header* before everything else."""

    def __init__(self, header: bytes) -> None:
        self.header = header

    def __call__(self, plain: socket.socket) -> socket.socket:
        plain.sendall(self.header)
        return plain


def test_the_real_peer_counts(tmp_path: Path) -> None:
    options = ["--proxy-protocol", "127.0.0.0/8", "--allow-host", "203.0.113.9", "-v", "-dhl"]
    with RunningServer(tmp_path / "out", options) as server:
        with Association(server.port, wrap=Announced(HEADER)) as peer:
            assert peer.echo() == 0
            peer.release()
        assert server.logged("Association Received 203.0.113.9")
        with pytest.raises((UnexpectedPdu, OSError, EOFError)):
            Association(server.port, wrap=Announced(HEADER.replace(b"113.9", b"113.8")))
        assert server.logged("W: Refused 203.0.113.8: it is not on the list")
        with Association(server.port, wrap=Announced(b"PROXY UNKNOWN\r\n")) as probe:
            assert probe.echo() == 0


@pytest.mark.parametrize(
    "start", [b"", b"PROXY TCP4 1", b"\x01\0\0\0\0\xcd" + bytes(205), HEADER[:-1] + b"x"]
)
def test_half_and_hostile_headers_cost_their_connection_alone(tmp_path: Path, start: bytes) -> None:
    with RunningServer(tmp_path / "out", ["--proxy-protocol", "127.0.0.1"]) as server:
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as half:
            half.sendall(start)
            with Association(server.port, wrap=Announced(HEADER)) as peer:
                assert peer.echo() == 0
            with suppress(ConnectionResetError):  # closed with bytes unread
                assert half.recv(1) == b""
        assert time.monotonic() - begun < 20
        assert server.logged("W: Refused 127.0.0.1: it sent no valid PROXY protocol header")
        with socket.create_connection(("127.0.0.1", server.port), timeout=30):
            assert server.stop() == -signal.SIGTERM


def test_nobody_else_can_claim_an_address(tmp_path: Path) -> None:
    with RunningServer(tmp_path / "out", ["--proxy-protocol", "192.0.2.1", "-v", "-dhl"]) as server:
        with pytest.raises((UnexpectedPdu, OSError, EOFError)):
            Association(server.port, wrap=Announced(HEADER))
        assert "203.0.113.9" not in server.log
        Association(server.port).release()
