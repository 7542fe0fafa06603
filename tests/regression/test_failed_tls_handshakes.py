"""Handshakes that fail: memory, descriptors and threads that they leave behind.

Error queues and half-made connections of a TLS library are kept by whoever forgets to clear them.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.regression.test_leaks_per_association import MAY_GROW, MAY_WAIT, WARM_UP, quiet, sockets
from tests.support.rawscu import pdu
from tests.support.server import RunningServer

ROUNDS = 310


def no_certificate(port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        contextlib.suppress(ssl.SSLError, ConnectionError),
        context.wrap_socket(plain) as peer,
    ):
        assert peer.recv(1) == b""


def plain_request(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(pdu(1, bytes(200)))
        with contextlib.suppress(ConnectionError):
            while peer.recv(1024):
                pass


@pytest.mark.parametrize("visit", [no_certificate, plain_request], ids=lambda visit: visit.__name__)
def test_nothing_is_left_behind(tmp_path: Path, shared_pki: Path, visit: Callable[[int], None]) -> None:
    key, certificate, authority = (str(shared_pki / name) for name in ("server.key", "server.pem", "ca.pem"))
    options = ["+tls", key, certificate, "+cf", authority, "-v"]
    with RunningServer(tmp_path / "out", options) as server:
        assert server.process is not None
        process = server.process.pid

        for _ in range(WARM_UP):
            visit(server.port)
        memory, descriptors, threads = quiet(process)
        for _ in range(ROUNDS):
            visit(server.port)
        after = quiet(process)
        print(f"{ROUNDS} x {visit.__name__}: {memory, descriptors, threads} -> {after}")
        assert after[0] - memory < MAY_GROW
        assert sockets(process) == 1
        assert after[1] <= descriptors
        assert after[2] <= MAY_WAIT
        assert server.logged("TLS error: ", ROUNDS)
