"""``--fsync``: what is on disk before the answer, and that many waiting threads share the cost."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcmrecv.config import FilenameMode, StorageMode, SubdirectoryMode
from dcmrecv.storage.sync import DirectorySync
from tests.unit.storage.conftest import Peer, data_set

CALLS = ("writev", "pwrite", "fsync", "close", "rename", "link", "mkdir")


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down the calls that matter, in order; an fsync with what it was of."""
    seen: list[str] = []

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            what = name
            if name == "fsync":
                what = "fsync directory" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else "fsync file"
            if name != "close":
                seen.append(what)
            return real(*arguments, **keywords)

        monkeypatch.setattr(os, name, call)

    for name in CALLS:
        wrap(name)
    return seen


@pytest.mark.parametrize("mode", [StorageMode.NORMAL, StorageMode.BIT_PRESERVING])
@pytest.mark.parametrize("filenames", [FilenameMode.DEFAULT, FilenameMode.SHORT_UNIQUE])
def test_order_of_calls(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch, mode: StorageMode, filenames: FilenameMode
) -> None:
    one = peer(mode, fsync=True, filenames=filenames)
    seen = watch(monkeypatch)
    assert one.send(data_set()).status == 0
    publish = "rename" if filenames is FilenameMode.DEFAULT else "link"
    assert seen == ["writev", "fsync file", publish, "fsync directory"]


def test_without_the_option_nothing_is_synchronised(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer(StorageMode.BIT_PRESERVING)
    seen = watch(monkeypatch)
    assert one.send(data_set()).status == 0
    assert seen == ["writev", "rename"]


def test_new_directories_are_on_disk_too(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in a directory whose own entry was lost is lost: every parent of a new one is synchronised."""
    one = peer(fsync=True, subdirectories=SubdirectoryMode.SERIES_DATE)
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), out))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    assert one.send(data_set(date=b"20240131"), b"1").status == 0
    assert {".", "data", "data/2024", "data/2024/01", "data/2024/01/31"} <= set(synced)
    synced.clear()
    assert one.send(data_set(date=b"20240131"), b"2").status == 0
    assert synced[1:] == ["data/2024/01/31"]


def test_group_commit(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes while an fsync runs is served by the next one, and all of them by the same."""
    runs: list[float] = []

    def slow(descriptor: int) -> None:
        runs.append(time.monotonic())
        time.sleep(0.05)

    monkeypatch.setattr(os, "fsync", slow)
    sync = DirectorySync()
    descriptor = os.open(out, os.O_RDONLY)
    waits: list[tuple[float, float]] = []

    def commit() -> None:
        came = time.monotonic()
        sync.sync(descriptor)
        waits.append((came, time.monotonic()))

    try:
        threads = [threading.Thread(target=commit) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.close(descriptor)
    assert len(waits) == 20
    assert len(runs) < 6
    for came, went in waits:  # an fsync began after each came and was over before it went
        assert any(came <= run and run + 0.05 <= went for run in runs)


def test_a_failed_fsync_fails_all_that_relied_on_it(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        time.sleep(0.02)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    sync = DirectorySync()
    descriptor = os.open(out, os.O_RDONLY)
    failed: list[bool] = []

    def commit() -> None:
        try:
            sync.sync(descriptor)
        except OSError:
            failed.append(True)

    try:
        threads = [threading.Thread(target=commit) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os.close(descriptor)
    assert len(failed) == 6
