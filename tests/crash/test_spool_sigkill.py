"""Kill a spooling receiver with SIGKILL under load: every acknowledged object has a whole line afterwards."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, UnexpectedPdu, element
from tests.support.server import RunningServer


class Sender(threading.Thread):
    """Sends objects until the receiver is gone."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__()
        self.port, self.number = port, number
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        count = 0
        try:
            with Association(self.port, CT_IMAGE) as association:
                while True:
                    instance = f"1.2.3.{self.number}.{count}"
                    count += 1
                    if association.store(instance, element(0x0008, 0x0018, instance.encode())) == 0:
                        self.acknowledged.add(instance)
        except (OSError, UnexpectedPdu):
            return  # the receiver was killed


@pytest.mark.parametrize("more", [(), ("--fsync",), ("--workers", "2")], ids=["plain", "fsync", "workers"])
def test_acknowledged_objects_have_lines(tmp_path: Path, more: tuple[str, ...]) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    options = ("--accept-all", "--spool", str(spool), *more)
    acknowledged: set[str] = set()
    for number in range(3):
        with RunningServer(tmp_path / "out", options) as server:
            senders = [Sender(server.port, 10 * number + each) for each in range(3)]
            for sender in senders:
                sender.start()
            enough, end = 20 + 7 * number, time.monotonic() + 30
            while sum(len(sender.acknowledged) for sender in senders) < enough and time.monotonic() < end:
                time.sleep(0.002)
            server.stop(signal.SIGKILL)
            for sender in senders:
                sender.join(30)
                acknowledged |= sender.acknowledged
    with RunningServer(tmp_path / "out", options) as server:
        with Association(server.port) as association:
            association.release()  # it serves, so it has looked into the spool
        server.stop()
    assert not [path for path in spool.iterdir() if path.suffix != ".jsonl"]
    found: set[str] = set()
    for path in spool.iterdir():
        found.update(json.loads(line)["sop_instance_uid"] for line in path.read_text("ascii").splitlines())
    assert len(acknowledged) >= 60
    assert acknowledged <= found
