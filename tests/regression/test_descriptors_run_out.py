"""Many silent or released connections where descriptors are few: running peers are served, new ones later.

Connections took the last descriptor, so running associations were answered A700 for want of a file, new peers ran
into their time-outs, and nothing was said.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, VERIFICATION, Association, Requestor, associate_rq, element
from tests.support.server import RunningServer

LIMIT = 128
PEERS = 150
DATA_SET = element(0x0008, 0x0018, b"1.2.3\0") + element(0x7FE0, 0x0010, bytes(20_000))
OPTIONS = ("-xf", "storescp.cfg", "default", "-v", "-ta", "2")
RELEASED = associate_rq(Requestor(), VERIFICATION) + bytes.fromhex("05000000000400000000")


def connections(port: int, data: bytes) -> list[socket.socket]:
    peers = []
    for _ in range(PEERS):
        peer = socket.socket()
        peer.settimeout(2)
        peers.append(peer)
        with contextlib.suppress(OSError):
            peer.connect(("127.0.0.1", port))
            peer.sendall(data)
    return peers


@pytest.mark.parametrize("data", [b"", RELEASED], ids=["silent", "released"])
def test_running_peers_store_and_new_ones_are_served_later(tmp_path: Path, data: bytes) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < PEERS + 100:
        pytest.skip("the test itself needs more descriptors than it may have")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, PEERS + 100), hard))
    with RunningServer(tmp_path / "out", OPTIONS) as server, Association(server.port, CT_IMAGE) as running:
        assert server.process is not None
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        peers = connections(server.port, data)
        for number in range(20):
            assert running.store(f"1.2.3.{number}", DATA_SET) == 0
        with Association(server.port, CT_IMAGE) as new:  # waits, at most until the silent ones are given up
            assert new.store("1.2.4", DATA_SET) == 0
            new.release()
        for peer in peers:
            peer.close()
        assert running.store("1.2.5", DATA_SET) == 0
        running.release()
        end = time.monotonic() + 30
        while "No longer short" not in server.log and time.monotonic() < end:
            time.sleep(0.1)
        assert server.stop() == -signal.SIGTERM
        lines = [line for line in server.log.splitlines() if "file descriptors" in line]
        if data == b"":  # released connections make room
            assert lines == [
                "W: Short of file descriptors: new connections wait until there is enough",
                "W: No longer short of file descriptors: connections are accepted as usual",
            ]
        assert "Refused" not in server.log
        assert len(server.stored()) == 22


def test_the_soft_limit_is_raised(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with RunningServer(tmp_path / "out", OPTIONS) as server, Association(server.port, CT_IMAGE) as peer:
        peer.release()
        assert server.process is not None
        assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
