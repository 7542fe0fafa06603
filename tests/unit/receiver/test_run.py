"""The command line's receiver while it waits: what it has loaded, and how much memory that takes."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, element
from tests.support.server import RunningServer

IDLE = (48 if sys.version_info < (3, 14) else 52) << 20
"""Bytes that an idle receiver may have resident; Python 3.14 and 3.15 have 2 to 3 MiB more themselves."""


def status(pid: int) -> dict[str, int]:
    """Return the memory figures of a process, bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name.rstrip(":"): int(size) * 1024 for name, size, *_ in map(str.split, lines)}


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("profile", [(), ("-xf", "storescp.cfg", "Default")], ids=["verification", "storage"])
def test_an_idle_receiver_is_small(tmp_path: Path, profile: tuple[str, ...]) -> None:
    with RunningServer(tmp_path / "out", profile) as server:
        Association(server.port).release()  # it has loaded everything when it answers
        assert server.process is not None
        assert status(server.process.pid)["Rss"] < IDLE


def test_workers_share_what_is_loaded(tmp_path: Path) -> None:
    """Each worker has less than half of what it uses to itself."""
    options = ("-xf", "storescp.cfg", "Default", "--workers", "3")
    with RunningServer(tmp_path / "out", options) as server:
        for number in range(6):
            with Association(server.port, CT_IMAGE) as association:
                assert association.store(f"1.2.{number}", element(0x0008, 0x0018, b"1.2.3")) == 0
        assert server.process is not None
        end = time.monotonic() + 20
        while len(workers := children(server.process.pid)) < 3:
            assert time.monotonic() < end
            time.sleep(0.01)
        for worker in workers:
            found = status(worker)
            assert found["Private_Dirty"] < found["Rss"] / 2


@pytest.mark.parametrize("package", ["numpy", "requests", "PIL"])
def test_what_pydicom_loads_for_pixels_and_downloads_is_not_loaded(tmp_path: Path, package: str) -> None:
    """It would take time before the first connection is served, and memory."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("import os\nos._exit(3)\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    with RunningServer(tmp_path / "out", environment=environment) as server:
        Association(server.port).release()
        assert server.stop() == -signal.SIGTERM


SLOW = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "pynetdicom":
            time.sleep(1)
sys.meta_path.insert(0, Slow())
"""


def test_connections_that_came_while_it_was_loading_begin_in_their_order(tmp_path: Path) -> None:
    """As in the reference's log, which serves one after the other."""
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    environment = {"PYTHONPATH": str(tmp_path), "NOTIFY_SOCKET": str(tmp_path / "none")}
    with RunningServer(tmp_path / "out", ["-v"], environment=environment) as server:
        socket.create_connection(("127.0.0.1", server.port)).close()
        Association(server.port).release()
        begins = (":  -> \n", ": TESTSCU -> ANY-SCP\n")
        assert all(server.logged(text) for text in begins)
        first, second = (server.log.index(text) for text in begins)
        assert first < second
