"""CVE-2019-11687: the 128 bytes before ``DICM`` can make an image a program. Ours are zeros, no file is executable."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmrecv.config import FilenameMode, StorageMode
from tests.regression.test_path_traversal import store

PROGRAMS = [b"MZ" + bytes(58) + b"\x80\0\0\0PE\0\0", b"\x7fELF" + bytes(200), b"#!/bin/sh\nreboot\n\n"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_of_the_peer_comes_first(tmp_path: Path, program: bytes) -> None:
    store(tmp_path, b"1.2", program, StorageMode.BIT_PRESERVING, FilenameMode.DEFAULT)
    (stored,) = tmp_path.iterdir()
    assert stored.read_bytes()[:132] == bytes(128) + b"DICM"
    assert stored.stat().st_mode & 0o111 == 0
