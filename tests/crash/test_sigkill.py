"""Kill the server with SIGKILL under load, at random moments: what was acknowledged is there, nothing is half.

A short run by default. The long one: ``DCMRECV_CRASH_ROUNDS=1000 pytest tests/crash``.
"""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, UnexpectedPdu, element
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


@pytest.mark.parametrize("mode", [(), ("+B",)])
def test_a_second_server_leaves_the_first_ones_temporaries_alone(
    tmp_path: Path, mode: tuple[str, ...]
) -> None:
    from tests.support.rawscu import command_set, p_data

    out = tmp_path / "out"
    data = content("1.2.3.3")
    with RunningServer(out, [*PROFILE, *mode]) as first, Association(first.port, CT_IMAGE) as peer:
        command: dict[int, bytes | int] = {0x0002: CT_IMAGE.encode(), 0x0100: 1, 0x0110: 1, 0x0700: 0}
        peer.send(p_data(3, command_set(command | {0x0800: 1, 0x1000: b"1.2.3.3"})))
        for start in range(0, 320_000, 16_000):
            peer.send(p_data(0, data[start : start + 16_000]))
        end = time.monotonic() + 10
        while not first.stored() and time.monotonic() < end:
            time.sleep(0.01)
        (temporary,) = first.stored()
        assert temporary.name.startswith(".dcmrecv-")
        with RunningServer(out, PROFILE):
            time.sleep(0.3)
            assert temporary.exists()
        for start in range(320_000, len(data), 16_000):
            peer.send(p_data(2 if start + 16_000 >= len(data) else 0, data[start : start + 16_000]))
        assert peer.response_status() == 0
        assert [path.name for path in first.stored()] == ["CT.1.2.3.3"]
        assert whole(out / "CT.1.2.3.3")
