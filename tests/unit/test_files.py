"""A file is read whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dcmrecv.files import FileTooLarge, read_file


def test_a_file_may_have_as_many_bytes_as_the_limit_says(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(bytes(path), 5) == b"12345"
    assert read_file(bytes(path), 5, wait=False) == b"12345"
    with pytest.raises(FileTooLarge) as caught:
        read_file(bytes(path), 4)
    assert (caught.value.errno, caught.value.strerror) == (errno.EFBIG, "larger than 4 bytes")


def test_what_is_no_file(tmp_path: Path) -> None:
    for wait in (True, False):
        with pytest.raises(IsADirectoryError):
            read_file(bytes(tmp_path), 5, wait=wait)
        with pytest.raises(FileNotFoundError):
            read_file(bytes(tmp_path) + b"/none", 5, wait=wait)
        with pytest.raises(FileNotFoundError):
            read_file(bytes(tmp_path) + b"\0", 5, wait=wait)


def test_a_pipe_is_waited_for_only_on_request(tmp_path: Path) -> None:
    path = bytes(tmp_path / "pipe")
    os.mkfifo(path)
    assert read_file(path, 5, wait=False) == b""
    holder = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(BlockingIOError):
            read_file(path, 5, wait=False)
        os.write(holder, b"123456")
        with pytest.raises(FileTooLarge):
            read_file(path, 5)
    finally:
        os.close(holder)
