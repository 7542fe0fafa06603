"""Bare connects and half-open peers, many at once: a good peer is served while they last."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from tests.support.rawscu import Association
from tests.support.server import RunningServer

SILENT = 60


def test_a_good_peer_among_silent_ones(tmp_path: Path) -> None:
    with RunningServer(tmp_path / "out") as server, contextlib.ExitStack() as silent:
        for number in range(SILENT):
            peer = silent.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            peer.sendall(b"\x01\x00\x00\x00\x00\xff"[: number % 7])  # up to a whole header, then nothing
        with Association(server.port) as good:
            assert good.echo() == 0
            good.release()
        assert server.process is not None
        assert server.process.poll() is None


def test_a_burst_of_bare_connects(tmp_path: Path) -> None:
    with RunningServer(tmp_path / "out") as server:
        for _ in range(300):
            socket.create_connection(("127.0.0.1", server.port), timeout=20).close()
        with Association(server.port) as good:
            assert good.echo() == 0
        assert "Traceback" not in server.log
