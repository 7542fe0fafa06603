"""Hostile connections while memory is short: the receiver must not be deaf afterwards.

With an address space that holds a hundred connections or so (``ulimit -v``), 250 peers once ended `accept` for
ever: a thread's starter waited for a thread that had died of MemoryError, holding the lock of all others.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.support.rawscu import (
    CT_IMAGE,
    VERIFICATION,
    Association,
    Requestor,
    UnexpectedPdu,
    associate_rq,
    element,
)
from tests.support.server import RunningServer

PEERS = 250
ROOM = 60 << 20
"""Bytes of address space beyond what the receiver has when it is idle."""

DATA_SET = element(0x0008, 0x0018, b"1.2.3\0") + element(0x7FE0, 0x0010, bytes(20_000))
HALF_A_REQUEST = b"\x01\x00" + (1 << 20).to_bytes(4, "big") + bytes(300_000)
WHOLE_REQUEST = associate_rq(Requestor(), VERIFICATION)


def limit_address_space(process: int, room: int) -> None:
    with open(f"/proc/{process}/statm") as statistics:
        pages = int(statistics.read().split()[0])
    soft = pages * resource.getpagesize() + room
    resource.prlimit(process, resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))


def attack(port: int, data: bytes) -> list[socket.socket]:
    peers = []
    for _ in range(PEERS):
        peer = socket.socket()
        peer.settimeout(2)
        peers.append(peer)
        with contextlib.suppress(OSError):
            peer.connect(("127.0.0.1", port))
            peer.sendall(data)
    return peers


def store(port: int, instance: str) -> int:
    with Association(port, CT_IMAGE) as peer:
        status = peer.store(instance, DATA_SET)
        peer.release()
    return status


def seconds_until_served(port: int, instance: str) -> float:
    """Return after how long an object is stored; until the attackers are gone, memory may be too short for it."""
    start = time.monotonic()
    while time.monotonic() - start < 30:
        with contextlib.suppress(OSError, UnexpectedPdu):
            if store(port, instance) == 0:
                return time.monotonic() - start
        time.sleep(0.2)
    raise AssertionError("not served any more")


@pytest.mark.parametrize("data", [b"", HALF_A_REQUEST, WHOLE_REQUEST], ids=["silent", "half", "whole"])
@pytest.mark.parametrize("workers", [1, 2])
def test_service_is_back_when_the_attack_is_over(tmp_path: Path, data: bytes, workers: int) -> None:
    options = ["-xf", "storescp.cfg", "default", "-v", "--workers", str(workers)]
    with RunningServer(tmp_path / "out", options) as server:
        assert server.process is not None
        assert store(server.port, "1.2.3.1") == 0
        processes = [server.process.pid]
        if workers > 1:
            with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children") as children:
                processes = [int(pid) for pid in children.read().split()]
        for process in processes:
            limit_address_space(process, ROOM)
        for number in range(3):
            peers = attack(server.port, data)
            time.sleep(0.5)
            for peer in peers:
                peer.close()
            assert seconds_until_served(server.port, f"1.2.3.{number + 2}") < 10
        assert server.stop() == -signal.SIGTERM
        assert len([path for path in server.stored() if path.name.startswith("CT.")]) == 4
    assert "W: Short of " in server.log
