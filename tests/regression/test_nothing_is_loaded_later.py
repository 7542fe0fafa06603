"""Modules that were loaded with an association's first C-STORE: without a descriptor for them, an internal error."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.rawscu import CT_IMAGE, Association, UnexpectedPdu, element
from tests.support.server import free_port

IDENTITY = element(0x0008, 0x0016, CT_IMAGE.encode()) + element(0x0008, 0x0018, b"1.2.3\0")
PIXELS = element(0x7FE0, 0x0010, bytes(2000))
DATA_SETS = (
    IDENTITY + element(0x0008, 0x0021, b"20200101") + PIXELS,
    element(0x0008, 0x0018, b"1.2.3\0") + element(0x0008, 0x0016, CT_IMAGE.encode()) + PIXELS,  # out of order
    IDENTITY + bytes.fromhex("08001111ffffffff"),  # no end
    b"garbage" * 5,
)


@pytest.mark.parametrize(
    "options",
    [("-v",), ("+B",), ("+ssd",), ("--ignore",), ("+fsu",), ("+fst",), ("+fu", "--fsync")],
    ids=" ".join,
)
def test_nothing_is_imported_for_an_association(tmp_path: Path, options: Sequence[str]) -> None:
    out, log, port = tmp_path / "out", tmp_path / "log", free_port()
    out.mkdir()
    command = [sys.executable, "-v", "-m", "dcmrecv", "-xf", "storescp.cfg", "default", *options]
    with log.open("wb") as stream:
        process = subprocess.Popen([*command, "-od", str(out), str(port)], stderr=stream)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                Association(port).abort()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.1)
        loaded = log.read_bytes().count(b"\nimport ")
        for data_set in DATA_SETS:
            with contextlib.suppress(OSError, UnexpectedPdu), Association(port, CT_IMAGE) as peer:
                peer.store("1.2.3", data_set)
                peer.release()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    imported = re.findall(rb"\nimport '([^']*)'", log.read_bytes())
    assert imported[loaded:] == []
    assert os.listdir(out) or options == ("--ignore",)
