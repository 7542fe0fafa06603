"""A spool in trouble, and a standard error that takes no text: objects are stored and answered all the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, element
from tests.support.server import RunningServer


def store(port: int, instance: str) -> int:
    with Association(port, CT_IMAGE) as peer:
        status = peer.store(instance, element(0x0008, 0x0018, instance.encode()))
        peer.release()
    return status


def children(pid: int) -> list[int]:
    """The processes that the first thread of *pid* has started."""
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_replaced_while_the_spool_directory_is_gone(tmp_path: Path) -> None:
    """A worker that needs the directory to start would leave no worker at all, without a word."""
    spool = tmp_path / "spool"
    spool.mkdir()
    options = ("--accept-all", "--spool", str(spool), "--workers", "2")
    with RunningServer(tmp_path / "out", options) as server:
        assert server.process is not None
        assert store(server.port, "1.2.3") == 0
        shutil.rmtree(spool)
        before = children(server.process.pid)
        assert len(before) == 2
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 60
        while len(set(children(server.process.pid)) - set(before)) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        for number in range(5):
            assert store(server.port, f"1.2.3.{number}") == 0
        assert server.stop() == -signal.SIGTERM
        assert "spool" in server.log


@pytest.mark.parametrize("reader", ["never reads", "is gone"])
def test_a_standard_error_that_takes_nothing(tmp_path: Path, reader: str) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (tmp_path / "out").mkdir()
    server = RunningServer(tmp_path / "out", ("--accept-all", "--spool", str(spool)))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    command = server.command
    process = subprocess.Popen(command, stderr=writing, stdout=subprocess.DEVNULL)
    os.close(writing)
    try:
        if reader == "is gone":
            os.close(reading)
            reading = -1
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                Association(server.port, CT_IMAGE).__enter__().release()
                break
            except OSError:
                time.sleep(0.1)
        shutil.rmtree(spool)
        begun = time.monotonic()
        for number in range(20):
            assert store(server.port, f"1.2.3.{number}") == 0
        assert time.monotonic() - begun < 60
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()
        if reading >= 0:
            os.close(reading)
    assert len(server.stored()) == 20


@pytest.mark.parametrize("options", [("-d",), ("-v", "--workers", "2"), ("--log-json", "-v")])
def test_a_standard_error_on_a_full_disk(tmp_path: Path, options: tuple[str, ...]) -> None:
    with RunningServer(
        tmp_path / "out",
        ("--accept-all", *options),
        log=Path("/dev/full"),
        separate_output=tmp_path / "stdout",
    ) as server:
        for number in range(5):
            assert store(server.port, f"1.2.3.{number}") == 0
        assert server.stop() == -signal.SIGTERM
        assert len(server.stored()) == 5
