"""Kill the server with SIGKILL under load, at random moments: what was acknowledged is there, nothing is half.

A short run by default. The long one: ``DCMRECV_CRASH_ROUNDS=1000 pytest tests/crash``.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, UnexpectedPdu, element, p_data
from tests.support.server import RunningServer

ROUNDS = int(os.environ.get("DCMRECV_CRASH_ROUNDS", "6"))
SENDERS = 3
PROFILE = ("-xf", "storescp.cfg", "default")
OPTIONS: list[tuple[str, ...]] = [(), ("+B",), ("+B", "--fsync"), ("--fsync",), ("+ssd",), ("--workers", "2")]
SIZES = (200, 8_000, 70_000, 600_000)


def content(instance: str) -> bytes:
    """Return the data set of *instance*; its size and pixels follow from the UID."""
    number = int(instance.rpartition(".")[2])
    pixels = (b"%08d" % number) * (SIZES[number % len(SIZES)] // 8)
    return b"".join(
        (
            element(0x0008, 0x0016, CT_IMAGE.encode()),
            element(0x0008, 0x0018, instance.encode()),
            element(0x7FE0, 0x0010, pixels),
        )
    )


class Sender(threading.Thread):
    """Sends objects until the server is gone."""

    def __init__(self, port: int, first: int) -> None:
        super().__init__()
        self.port = port
        self.next = first
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        try:
            with Association(self.port, CT_IMAGE) as association:
                while True:
                    instance = f"1.2.3.{self.next}"
                    self.next += 1
                    if association.store(instance, content(instance)) == 0:
                        self.acknowledged.add(instance)
        except (OSError, UnexpectedPdu):
            return  # killed in the middle of something: that is the test


def whole(path: Path) -> bool:
    """Say whether an object has its header and its data set to the last byte."""
    data = path.read_bytes()
    size = 144 + int.from_bytes(data[140:144], "little")
    return data[128:132] == b"DICM" and data[size:] == content(path.name.removeprefix("CT."))


def test_sigkill(tmp_path: Path) -> None:
    moments = random.Random(20240131)
    acknowledged: set[str] = set()
    orphans = total = 0
    out = tmp_path / "out"
    for number in range(ROUNDS):
        options = OPTIONS[number % len(OPTIONS)]
        server = RunningServer(out, [*PROFILE, *options]).start()
        process = server.process
        assert process is not None
        senders = [Sender(server.port, (number * SENDERS + index + 1) * 100_000) for index in range(SENDERS)]
        for sender in senders:
            sender.start()
        begun = time.monotonic() + 30
        while not any(sender.acknowledged for sender in senders) and time.monotonic() < begun:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        process.wait()
        for sender in senders:
            sender.join()
            acknowledged |= sender.acknowledged
        found = {path.name.removeprefix("CT."): path for path in server.stored()}
        hidden = {name for name in found if name.startswith(".dcmrecv-")}
        orphans += len(hidden)
        assert [name for name in found if name not in hidden and not whole(found[name])] == []
        assert acknowledged - found.keys() == set()
        for name, path in found.items():  # keeps the directory small
            if name not in hidden:
                path.unlink()
        total += len(acknowledged)
        acknowledged.clear()
        server.__exit__(None, None, None)
    with RunningServer(out, PROFILE) as last:
        end = time.monotonic() + 60
        while any(path.stat().st_size for path in last.stored()) and time.monotonic() < end:
            time.sleep(0.1)
        # an empty one may be that of a transfer whose first byte is still to come: it stays for half an hour
        assert [path for path in last.stored() if path.stat().st_size] == []
    assert total > ROUNDS  # else there was no load
    print(f"{ROUNDS} kills, {total} objects acknowledged, {orphans} orphans removed")


def begin_store(server: RunningServer, peer: Association) -> Path:
    """Send the command and the first half of an object; return the temporary."""
    peer.send_store("1.2.3.3", content("1.2.3.3")[:320_000], whole=False)
    end = time.monotonic() + 10
    while not any(path.stat().st_size for path in server.stored()):
        assert time.monotonic() < end
        time.sleep(0.01)
    (temporary,) = server.stored()
    assert temporary.name.startswith(".dcmrecv-")
    return temporary


def holder(path: Path, parent: int) -> int:
    """Return which child of *parent* has *path* open."""
    for process in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        for link in Path(f"/proc/{process}/fd").iterdir():
            if os.readlink(link) == str(path):
                return int(process)
    raise AssertionError("nobody")


def test_what_a_killed_worker_leaves_goes_when_it_is_replaced(tmp_path: Path) -> None:
    """It is removed while the receiver runs on; nothing of it has a name that others would read."""
    with RunningServer(tmp_path / "out", [*PROFILE, "--workers", "2"]) as server:
        assert server.process is not None
        with Association(server.port, CT_IMAGE) as peer:
            temporary = begin_store(server, peer)
            os.kill(holder(temporary, server.process.pid), signal.SIGKILL)
            with pytest.raises(ConnectionError):
                peer.receive()
        end = time.monotonic() + 60
        while temporary.exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        assert server.stored() == []
        assert server.process.poll() is None
        with Association(server.port, CT_IMAGE) as peer:
            assert peer.store("1.2.3.4", content("1.2.3.4")) == 0


@pytest.mark.parametrize("mode", [(), ("+B",)])
def test_a_second_server_leaves_the_first_ones_temporaries_alone(
    tmp_path: Path, mode: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    data = content("1.2.3.3")
    with RunningServer(out, [*PROFILE, *mode]) as first, Association(first.port, CT_IMAGE) as peer:
        temporary = begin_store(first, peer)
        with RunningServer(out, PROFILE):
            time.sleep(0.3)
            assert temporary.exists()
        for start in range(320_000, len(data), 16_000):
            peer.send(p_data(2 if start + 16_000 >= len(data) else 0, data[start : start + 16_000]))
        assert peer.response_status() == 0
        assert [path.name for path in first.stored()] == ["CT.1.2.3.3"]
        assert whole(out / "CT.1.2.3.3")
