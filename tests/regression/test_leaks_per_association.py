"""CVE-2022-43272 and relatives: memory, descriptors and threads that an association leaves behind.

Also the bare connects of load balancers, which open a port and close it without a byte. The long run is
``python3 -m bench endurance``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dcmrecv.server.limits import IDLE_THREADS
from tests.support.rawscu import CT_IMAGE, Association, element, pdu
from tests.support.server import RunningServer

WARM_UP, ROUNDS = 40, 300
MAY_GROW = 2 << 20
"""Bytes: allocators take what they need in steps; 300 leaked associations would be more."""
MAY_WAIT = 2 + IDLE_THREADS
"""Threads: the main one, the one for lingering connections and those that wait for a new one. How many there
are below that depends on how many visits happened to overlap; three hundred that stay would be a leak."""

DATA_SET = element(0x0008, 0x0016, CT_IMAGE.encode()) + element(0x7FE0, 0x0010, bytes(20_000))


def orderly(port: int) -> None:
    with Association(port, CT_IMAGE) as peer:
        assert peer.store("1.2.3", DATA_SET) == 0
        peer.release()


def aborted(port: int) -> None:
    with Association(port, CT_IMAGE) as peer:
        peer.abort()


def garbage(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(pdu(1, b"no association at all"))


def bare(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=20).close()


def resources(process: int) -> tuple[int, int, int]:
    """Return resident bytes, descriptors and threads of a process."""
    fields = {}
    with open(f"/proc/{process}/status") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            fields[name] = value.split()
    return int(fields["VmRSS"][0]) * 1024, len(os.listdir(f"/proc/{process}/fd")), int(fields["Threads"][0])


def sockets(process: int) -> int:
    """Return how many sockets a process has: the listening one and those of connections."""
    found = 0
    for name in os.listdir(f"/proc/{process}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(f"/proc/{process}/fd/{name}").startswith("socket:")
    return found


def quiet(process: int) -> tuple[int, int, int]:
    """Return the resources once every connection has ended and threads to spare have left."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if sockets(process) <= 1 and resources(process)[2] <= MAY_WAIT:
            break
        time.sleep(0.01)
    return resources(process)


@pytest.mark.parametrize("visit", [orderly, aborted, garbage, bare], ids=lambda visit: visit.__name__)
def test_nothing_is_left_behind(tmp_path: Path, visit: Callable[[int], None]) -> None:
    with RunningServer(tmp_path / "out") as server:
        assert server.process is not None
        process = server.process.pid

        orderly(server.port)  # the port opens before all that serves it is there
        for _ in range(WARM_UP):
            visit(server.port)
        orderly(server.port)  # connections are accepted in their order: now the visits have been
        memory, descriptors, _ = quiet(process)
        for _ in range(ROUNDS):
            visit(server.port)
        orderly(server.port)
        after = quiet(process)
        assert after[0] - memory < MAY_GROW
        assert sockets(process) == 1
        assert after[1] <= descriptors
        assert after[2] <= MAY_WAIT
        orderly(server.port)
        assert len(server.stored()) == 1
