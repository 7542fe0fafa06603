"""A fault at every call on the way to disk: A700, nothing left behind, the older file whole, and recovery."""

from __future__ import annotations

import errno
import gc
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dcmrecv.config import FilenameMode, StorageMode, SubdirectoryMode
from tests.unit.storage.conftest import Peer, data_set, element, everything

MODES = [StorageMode.NORMAL, StorageMode.BIT_PRESERVING]
UNSORTED = element(0x00100010, b"PN", b"A^B ") + data_set()
UIDS_LATE = element(0x00080005, b"CS", b"ISO_IR 100") + b"".join(
    element(0x00080006 + (number << 16), b"LO", b"x" * 60000) for number in range(0, 6, 2)
)


class Faulty:
    """Makes one system call fail the *nth* time it is used."""

    def __init__(self, patch: pytest.MonkeyPatch, name: str, error: int, nth: int = 1) -> None:
        self.hits = 0
        real = getattr(os, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.hits += 1
            if self.hits < nth:
                return real(*arguments, **keywords)
            if name == "close":  # the descriptor is gone all the same
                real(*arguments)
            raise OSError(error, os.strerror(error))

        patch.setattr(os, name, call)


@contextmanager
def fault(name: str, error: int, nth: int = 1) -> Iterator[Faulty]:
    with pytest.MonkeyPatch.context() as patch:
        yield Faulty(patch, name, error, nth)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("call", ["open", "writev", "fsync", "close", "rename"])
def test_refused_and_nothing_left(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, error: int, call: str
) -> None:
    one = peer(mode, fsync=True)
    assert one.send(data_set(b"1.1"), b"1.2.3").status == 0
    old = (out / "CT.1.2.3").read_bytes()
    with fault(call, error) as hit:
        sent = one.send(data_set(b"2.2"), b"1.2.3")
    assert hit.hits
    assert sent.status == 0xA700
    assert (sent.aborted is not None) is (mode is StorageMode.BIT_PRESERVING)
    assert "Stored" not in sent.observer.names()
    assert everything(out) == {"CT.1.2.3"}
    assert (out / "CT.1.2.3").read_bytes() == old
    assert one.send(data_set(b"2.2"), b"1.2.3").status == 0
    assert b"2.2" in (out / "CT.1.2.3").read_bytes()


@pytest.mark.parametrize("pdv", [None, 16])
def test_disk_full_during_a_second_pass(peer: Callable[..., Peer], out: Path, pdv: int | None) -> None:
    one = peer()
    for nth in range(1, 30):
        with fault("writev", errno.ENOSPC, nth) as hit:
            sent = one.send(UNSORTED, pdv=pdv)
        if hit.hits < nth:
            break
        assert sent.status == 0xA700
        assert everything(out) == set()
    assert nth > 2
    assert sent.status == 0
    assert everything(out) == {"CT.1.2.3"}


def test_a_short_write_is_continued(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer(StorageMode.BIT_PRESERVING)
    assert one.send(b"x" * 1000, b"1").status == 0
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: writev(fd, [bytes(parts[0])[:7]]))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:100]))
    assert one.send(b"x" * 1000, b"2").status == 0
    stored = (out / "CT.2").read_bytes()
    assert stored.endswith(b"x" * 1000)
    assert len(stored) == len((out / "CT.1").read_bytes())


def test_more_pieces_than_one_writev_takes(peer: Callable[..., Peer], out: Path) -> None:
    one = peer(StorageMode.BIT_PRESERVING)
    session = one.store.request(one.request(b"1"), one.association, type(one.send(b"", b"0").observer)())
    pieces = [memoryview(b"%06d" % number) for number in range(3000)]
    assert session.receive(pieces, True, 1) is None
    assert session.complete().status == 0
    assert (out / "CT.1").read_bytes().endswith(b"".join(pieces))


@pytest.mark.parametrize("mode", MODES)
def test_target_is_a_directory(peer: Callable[..., Peer], out: Path, mode: StorageMode) -> None:
    (out / "CT.1.2.3").mkdir()
    sent = peer(mode).send(data_set())
    assert sent.status == 0xA700
    assert "Overwriting" not in sent.observer.names()
    if mode is StorageMode.NORMAL:
        assert sent.observer.of("NotStored") == [(f"{out}/CT.1.2.3".encode(), "Is a directory")]
    else:
        assert "FileNotCreated" in sent.observer.names()
    assert everything(out) == set()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to everything")
@pytest.mark.parametrize("mode", MODES)
def test_target_is_not_writable(peer: Callable[..., Peer], out: Path, mode: StorageMode) -> None:
    (out / "CT.1.2.3").write_bytes(b"old")
    (out / "CT.1.2.3").chmod(0o444)
    assert peer(mode).send(data_set()).status == 0xA700
    assert (out / "CT.1.2.3").read_bytes() == b"old"


@pytest.mark.parametrize("mode", MODES)
def test_access_denied_keeps_the_old_file(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above for a run as root, to whom the system call is made to answer as to others."""
    (out / "CT.1.2.3").write_bytes(b"old")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **where: mode != os.W_OK and access(path, mode, **where)
    )
    sent = peer(mode).send(data_set())
    assert sent.status == 0xA700
    assert "Overwriting" in sent.observer.names()
    assert everything(out) == {"CT.1.2.3"}
    assert (out / "CT.1.2.3").read_bytes() == b"old"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("filenames", [FilenameMode.DEFAULT, FilenameMode.UNIQUE])
def test_name_too_long(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, filenames: FilenameMode
) -> None:
    sent = peer(mode, filenames=filenames, extension=b"." + b"x" * 260).send(data_set())
    assert sent.status == 0xA700
    assert everything(out) == set()
    if mode is StorageMode.NORMAL:
        assert sent.observer.of("NotStored")[0].reason == "File name too long"


@pytest.mark.parametrize("filenames", [FilenameMode.UNIQUE, FilenameMode.SYSTEM_TIME])
def test_a_slash_in_the_extension_is_a_missing_directory(
    peer: Callable[..., Peer], out: Path, filenames: FilenameMode
) -> None:
    sent = peer(filenames=filenames, extension=b".a/b").send(data_set())
    assert sent.status == 0xA700
    assert everything(out.parent) == set()


def test_file_size_limit(out: Path) -> None:
    """A real limit of the system in a process of its own: the object before it and after it are stored."""
    code = """
import resource, sys
from dcmrecv.config import *
from dcmrecv.core.events import AcceptedAssociation, AssociateRequest
from dcmrecv.storage import ObjectStore
from tests.unit.storage.conftest import Peer
config = StorageConfig(mode=StorageMode.BIT_PRESERVING, directory=sys.argv[1].encode())
request = AssociateRequest(1, b"A", b"B", b"", (), 16384, b"", b"", (), (), None)
peer = Peer(ObjectStore(config, dictionary=lambda: None), AcceptedAssociation(request, (), 16384, 16372, ()))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
print([peer.send(bytes(size), b"%d" % size, pdv=16000).status for size in (50_000, 200_000, 60_000)])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str([0, 0xA700, 0])
    assert everything(out) == {"CT.50000", "CT.60000"}


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    path = tmp_path / "tiny"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a file system needs privileges")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("mode", MODES)
def test_full_disk(peer: Callable[..., Peer], tiny: Path, mode: StorageMode) -> None:
    one = peer(mode, directory=str(tiny).encode())
    big = data_set() + b"".join(element(0x70FE1000 + n, b"LO", b"x" * 60000) for n in range(8))
    assert one.send(data_set(), b"1").status == 0
    for pdv in (None, 16000):
        assert one.send(big, b"2", pdv=pdv).status == 0xA700
        assert everything(tiny) == {"CT.1"}
    assert one.send(data_set(), b"3").status == 0
    assert everything(tiny) == {"CT.1", "CT.3"}


@pytest.mark.parametrize("mode", MODES)
def test_min_free_space(peer: Callable[..., Peer], out: Path, mode: StorageMode) -> None:
    assert peer(mode, min_free_space=1 << 60).send(data_set()).status == 0xA700
    assert everything(out) == set()
    assert peer(mode, min_free_space=1).send(data_set()).status == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_vanished_output_directory_is_made_again(
    peer: Callable[..., Peer], out: Path, mode: StorageMode
) -> None:
    one = peer(mode)
    out.rmdir()
    assert one.send(data_set()).status == 0
    assert everything(out) == {"CT.1.2.3"}


def test_an_output_directory_that_became_a_file(peer: Callable[..., Peer], out: Path) -> None:
    normal, bit = peer(), peer(StorageMode.BIT_PRESERVING)
    out.rmdir()
    out.write_bytes(b"")
    sent = normal.send(data_set())
    assert sent.status == 0xA700
    path, reason = bytes(out), "Cannot create directory: File exists"
    assert sent.observer.of("DirectoryNotCreated") == [(path, reason, False)]
    sent = bit.send(data_set())
    assert (sent.status, sent.aborted is None) == (None, False)
    assert sent.observer.of("DirectoryNotCreated") == [(path, reason, True)]


def test_descriptors_do_not_leak(peer: Callable[..., Peer], out: Path) -> None:
    one = peer(subdirectories=SubdirectoryMode.SERIES_DATE, fsync=True)
    one.send(data_set())
    gc.collect()  # what earlier tests have left open may go at any time
    before = len(os.listdir("/proc/self/fd"))
    for call in ("open", "writev", "fsync", "rename", "mkdir"):
        for nth in (1, 2, 3):
            with fault(call, errno.EIO, nth):
                one.send(data_set())
    assert len(os.listdir("/proc/self/fd")) <= before
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > before
