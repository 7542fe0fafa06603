"""Faults of the last steps: group lengths, hard links, file systems without them, mounts, directory fsync."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dcmrecv.config import FilenameMode, StorageMode, SubdirectoryMode
from dcmrecv.storage import directories
from dcmrecv.storage.publish import Target
from tests.unit.storage.conftest import Peer, data_set, element, everything
from tests.unit.storage.test_faults import MODES, fault

ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS]
BY_DATE = SubdirectoryMode.SERIES_DATE
DAY = "data/2024/01/31"
GROUP_LENGTH = element(0x00080000, b"UL", bytes(4))
BULK = b"".join(element(0x00080000 + n, b"LO", b"x" * 60000) for n in range(0x104, 0x110))
UIDS = data_set()[: -len(element(0x00100010, b"PN", b"Doe^Jane"))]


def descriptors(one: Peer) -> int:
    """Count the open descriptors, without that of the search for orphans."""
    one.store.close()
    return len(os.listdir("/proc/self/fd"))


# -- what the operator reads ------------------------------------------------------------------------


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", ["open", "writev", "rename"])
def test_the_text_of_a_fault(peer: Callable[..., Peer], out: Path, call: str, error: int) -> None:
    """The reference has one text for whatever happens while it writes, and the system's for the rest."""
    one = peer()
    one.store.close()
    with fault(call, error):
        sent = one.send(data_set())
    text = "I/O suspension or premature end of stream" if call == "writev" else os.strerror(error)
    assert sent.observer.of("NotStored") == [(f"{out}/CT.1.2.3".encode(), text)]


# -- writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_system_that_takes_no_bytes_and_names_no_error(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, mode: StorageMode
) -> None:
    one = peer(mode)
    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", lambda fd, parts: 0)
        patch.setattr(os, "write", lambda fd, data: 0)
        assert one.send(data_set()).status == 0xA700
    assert everything(out) == set()
    assert one.send(data_set()).status == 0


def test_a_directory_made_again_in_which_no_file_can_be_made(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer()
    one.store.close()
    out.rmdir()
    real = os.open
    created: list[Any] = []

    def refuse(path: Any, flags: int, *arguments: Any, **where: Any) -> int:
        if flags & os.O_CREAT:
            created.append(path)
            if len(created) == 2:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return real(path, flags, *arguments, **where)

    monkeypatch.setattr(os, "open", refuse)
    sent = one.send(data_set())
    assert sent.status == 0xA700
    assert sent.observer.of("NotStored") == [(f"{out}/CT.1.2.3".encode(), os.strerror(errno.EDQUOT))]
    assert everything(out) == set()


@pytest.mark.parametrize("mode", MODES)
def test_a_vanished_directory_that_two_make_again_at_once(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, mode: StorageMode
) -> None:
    one = peer(mode)
    one.store.close()
    out.rmdir()
    makedirs = os.makedirs

    def second(path: bytes, *arguments: Any, **keywords: Any) -> None:
        makedirs(path)
        makedirs(path, *arguments, **keywords)

    monkeypatch.setattr(os, "makedirs", second)
    assert one.send(data_set()).status == 0
    assert everything(out) == {"CT.1.2.3"}


# -- reading again what was written ------------------------------------------------------------------


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_second_pass_that_cannot_read(peer: Callable[..., Peer], out: Path, nth: int) -> None:
    """A dying disk, a network file system: an error of a read, never a signal for the whole process."""
    one = peer()
    content = element(0x00100010, b"PN", b"A^B ") + BULK + data_set()
    with fault("pread", errno.EIO, nth) as hit:
        sent = one.send(content, pdv=16000)
    assert hit.hits == nth
    assert (sent.status, sent.aborted) == (0xA700, None)
    assert sent.observer.of("NotStored") == [(f"{out}/CT.1.2.3".encode(), os.strerror(errno.EIO))]
    assert everything(out) == set()
    assert one.send(content, pdv=16000).status == 0


def test_a_temporary_that_somebody_truncates(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a mapping of the file this was SIGBUS for the whole process."""
    one = peer()
    one.store.close()
    pread = os.pread

    def truncated(descriptor: int, size: int, offset: int) -> bytes:
        os.truncate(f"/proc/self/fd/{descriptor}", 70_000)
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", truncated)
    assert one.send(element(0x00100010, b"PN", b"A^B ") + BULK + data_set(), pdv=16000).status == 0xA700
    assert everything(out) == set()


def test_content_that_cannot_be_read_again(peer: Callable[..., Peer], out: Path) -> None:
    """The UIDs are at the end of a large data set, so the header is written after all of it."""
    one = peer()
    content = BULK
    with fault("pread", errno.EIO) as hit:
        sent = one.send(content, pdv=16000)
    assert hit.hits == 1
    assert sent.status == 0xA700
    assert everything(out) == set()
    assert one.send(content, pdv=16000).status == 0


# -- a group length is written over when its group is over -------------------------------------------


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    "content", [GROUP_LENGTH + UIDS + BULK, GROUP_LENGTH + BULK], ids=["header-first", "header-last"]
)
def test_a_group_length_that_cannot_be_put_right(
    peer: Callable[..., Peer], out: Path, error: int, content: bytes
) -> None:
    one = peer()
    before = descriptors(one)
    with fault("pwrite", error) as hit:
        sent = one.send(content, pdv=16000)
    assert hit.hits == 1
    assert (sent.status, sent.aborted) == (0xA700, None)
    assert sent.observer.of("Stored") == []
    assert everything(out) == set()
    assert descriptors(one) == before
    assert one.send(content, pdv=16000).status == 0


def test_a_group_length_of_which_a_half_is_written(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer()
    pwrite = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:2], offset))
        assert one.send(GROUP_LENGTH + UIDS + BULK, pdv=16000).status == 0xA700
    assert everything(out) == set()


# -- names that are never given twice: hard links ----------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("error", ERRORS)
def test_a_link_and_a_rename_that_fail(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, error: int
) -> None:
    one = peer(mode, filenames=FilenameMode.UNIQUE)
    with fault("link", errno.EPERM) as hit, fault("rename", error):
        sent = one.send(data_set())
    assert hit.hits == 1
    assert sent.status == 0xA700
    assert (sent.aborted is not None) is (mode is StorageMode.BIT_PRESERVING)
    assert everything(out) == set()
    assert one.send(data_set()).status == 0
    assert len(everything(out)) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOTSUP, errno.EINVAL, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("filenames", [FilenameMode.UNIQUE, FilenameMode.SHORT_UNIQUE])
def test_a_file_system_without_hard_links(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, error: int, filenames: FilenameMode
) -> None:
    """The object is renamed, and still never takes a name that exists."""
    one = peer(mode, filenames=filenames)
    if filenames is FilenameMode.UNIQUE or mode is StorageMode.BIT_PRESERVING:
        names = iter([b"taken", b"free"])
    else:  # the first is skipped without an attempt
        names = iter([b"taken", b"free", b"more"])
    one.store.filer.namer.name = lambda sop_class, instance: next(names)
    (out / "taken").write_bytes(b"old")
    with fault("link", error) as hit:
        sent = one.send(data_set(b"2.2"))
    assert hit.hits
    assert sent.status == 0
    assert (out / "taken").read_bytes() == b"old"
    assert everything(out) == {"taken", "free"}
    assert (out / "free").read_bytes().endswith(data_set(b"2.2"))


# -- the directory entry cannot be made durable ------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("filenames", [FilenameMode.DEFAULT, FilenameMode.UNIQUE])
def test_a_directory_that_cannot_be_synchronised(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, filenames: FilenameMode
) -> None:
    """A700, with the whole object under its name (docs/differences.md); the repetition is a success."""
    one = peer(mode, fsync=True, filenames=filenames)
    before = descriptors(one)
    with fault("fsync", errno.EIO, 2) as hit:
        sent = one.send(data_set(b"2.2"), b"1")
    assert hit.hits == 2
    assert sent.status == 0xA700
    assert sent.observer.of("Stored") == []
    (name,) = everything(out)
    assert (out / name).read_bytes().endswith(data_set(b"2.2"))
    assert descriptors(one) == before
    assert one.send(data_set(b"2.2"), b"1").status == 0
    assert len(everything(out)) == (1 if filenames is FilenameMode.DEFAULT else 2)


def test_an_output_directory_made_again_is_durable(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any of its parents may be new as well."""
    one = peer(fsync=True)
    one.store.close()
    out.rmdir()
    fsync = os.fsync
    synced: list[str] = []

    def note(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        assert len(synced) < 100
        fsync(descriptor)

    before = descriptors(one)
    monkeypatch.setattr(os, "fsync", note)
    assert one.send(data_set()).status == 0
    parents = [str(path) for path in out.resolve().parents]
    assert parents[-1] == "/"
    assert synced[: len(parents)] == parents
    assert synced[-1] == str(out.resolve())
    assert descriptors(one) == before


def test_a_parent_that_cannot_be_synchronised_is_tried_again(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory counts as durable only after an fsync of its parent that worked."""
    one = peer(fsync=True, subdirectories=BY_DATE)
    fsync = os.fsync
    tried: list[str] = []

    def refuse(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            tried.append(os.path.relpath(path, out))
            if path.endswith("/data"):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    before = descriptors(one)
    for _ in range(2):
        tried.clear()
        sent = one.send(data_set(date=b"20240131"))
        assert sent.status == 0xA700
        (error,) = sent.observer.of("NotStored") + sent.observer.of("DirectoryNotCreated")
        assert error.reason.endswith(os.strerror(errno.EIO))
        assert tried[-1] == "data"
    assert everything(out) == set()
    assert descriptors(one) == before
    monkeypatch.setattr(os, "fsync", fsync)
    assert one.send(data_set(date=b"20240131")).status == 0
    assert everything(out) == {f"{DAY}/CT.1.2.3"}


def test_the_memory_of_durable_directories_is_bounded(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was forgotten is brought to disk again; what is remembered is not."""
    monkeypatch.setattr(directories, "MAX_REMEMBERED", 5)
    one = peer(fsync=True, subdirectories=BY_DATE)
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), fsync(descriptor)))

    def syncs(day: int) -> int:
        synced.clear()
        assert one.send(data_set(date=b"202401%d" % day)).status == 0
        return len(synced)

    first = syncs(10)
    known = syncs(10)
    assert known < first
    for day in range(11, 25):
        syncs(day)
    assert syncs(10) > known
    assert syncs(10) == known


# -- a mount below the output directory --------------------------------------------------------------


@pytest.fixture
def other_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The directories by date lie on another file system, as rename and link see it."""
    for name in ("rename", "link"):
        real = getattr(os, name)

        def call(*arguments: Any, _real: Any = real, **where: Any) -> None:
            if where.get("dst_dir_fd") is not None and where.get("src_dir_fd") is None:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            _real(*arguments, **where)

        monkeypatch.setattr(os, name, call)


@pytest.mark.usefixtures("other_file_system")
@pytest.mark.parametrize("fsync", [False, True])
@pytest.mark.parametrize("filenames", [FilenameMode.DEFAULT, FilenameMode.UNIQUE])
def test_an_object_crosses_to_another_file_system(
    peer: Callable[..., Peer], out: Path, fsync: bool, filenames: FilenameMode
) -> None:
    one = peer(subdirectories=BY_DATE, fsync=fsync, filenames=filenames)
    content = data_set(date=b"20240131") + element(0x00200010, b"SH", b"x" * 60000)
    before = descriptors(one)
    assert one.send(content).status == 0
    (name,) = everything(out)
    assert name.startswith(DAY + "/")
    assert (out / name).read_bytes().endswith(content)
    assert descriptors(one) == before


@pytest.mark.usefixtures("other_file_system")
def test_a_name_that_is_taken_on_another_file_system(peer: Callable[..., Peer], out: Path) -> None:
    one = peer(subdirectories=BY_DATE, filenames=FilenameMode.UNIQUE)
    (out / DAY).mkdir(parents=True)
    (out / DAY / "taken").write_bytes(b"old")
    names = iter([b"taken", b"free"])
    one.store.filer.namer.name = lambda sop_class, instance: next(names)
    assert one.send(data_set(date=b"20240131")).status == 0
    assert everything(out) == {f"{DAY}/taken", f"{DAY}/free"}
    assert (out / DAY / "taken").read_bytes() == b"old"


@pytest.mark.usefixtures("other_file_system")
def test_short_writes_of_the_copy_are_continued(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer(subdirectories=BY_DATE)
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:50]))
    assert one.send(data_set(date=b"20240131")).status == 0
    assert (out / DAY / "CT.1.2.3").read_bytes().endswith(data_set(date=b"20240131"))
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    assert one.send(data_set(date=b"20240131"), b"2").status == 0xA700
    assert everything(out) == {f"{DAY}/CT.1.2.3"}


@pytest.mark.usefixtures("other_file_system")
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("step", ["open", "write", "fsync", "close", "rename"])
def test_a_fault_of_the_copy(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: int
) -> None:
    """Nothing of it stays on either file system, and the older object does."""
    one = peer(subdirectories=BY_DATE, fsync=True)
    assert one.send(data_set(b"1.1", date=b"20240131")).status == 0
    old = (out / DAY / "CT.1.2.3").read_bytes()
    before = descriptors(one)
    closed: list[int] = []
    copies: list[int] = []
    duplicates: list[int] = []
    real_dup = os.dup
    real_open, real_close, real = os.open, os.close, getattr(os, step)
    failed: list[str] = []

    def fail(*arguments: Any, **where: Any) -> Any:
        if step == "rename":
            mine = where.get("src_dir_fd") is not None
        elif step == "close":
            mine = arguments[0] in duplicates
        elif step == "open":
            mine = where.get("dir_fd") is not None and bool(arguments[1] & os.O_CREAT)
        else:
            mine = arguments[0] in copies
        if not mine:
            return real(*arguments, **where)
        failed.append(step)
        if step == "close":
            duplicates.remove(arguments[0])
            closed.append(arguments[0])
            real_close(arguments[0])
        raise OSError(error, os.strerror(error))

    def note(path: bytes, flags: int, *mode: int, **where: Any) -> int:
        descriptor = real_open(path, flags, *mode, **where)
        if flags & os.O_CREAT and where.get("dir_fd") is not None:
            copies.append(descriptor)
        return descriptor

    def duplicate(descriptor: int) -> int:
        made = real_dup(descriptor)
        if descriptor in copies:
            duplicates.append(made)
        return made

    def close(descriptor: int) -> None:
        assert descriptor not in closed, "may be another thread's by now"
        real_close(descriptor)

    with monkeypatch.context() as patch:
        if step != "open":
            patch.setattr(os, "open", note)
        if step == "close":
            real = close
            patch.setattr(os, "dup", duplicate)
        patch.setattr(os, step, fail)
        sent = one.send(data_set(b"2.2", date=b"20240131"))
    assert failed == [step]
    assert (sent.status, sent.aborted) == (0xA700, None)
    assert [event.reason for event in sent.observer.of("NotStored")] == [os.strerror(error)]
    assert everything(out) == {f"{DAY}/CT.1.2.3"}
    assert (out / DAY / "CT.1.2.3").read_bytes() == old
    assert descriptors(one) == before
    assert one.send(data_set(b"2.2", date=b"20240131")).status == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_flat_directory_is_one_file_system(
    peer: Callable[..., Peer], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: StorageMode
) -> None:
    """Should a rename within it be refused as if it were not, no copy is made in the working directory."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    one = peer(mode)
    opened: list[Any] = []
    real = os.open

    def note(path: Any, *arguments: Any, **where: Any) -> int:
        opened.append(path)
        return real(path, *arguments, **where)

    with fault("rename", errno.EXDEV) as hit, monkeypatch.context() as patch:
        patch.setattr(os, "open", note)
        assert one.send(data_set()).status == 0xA700
    assert hit.hits == 1
    assert [path for path in opened if not os.path.isabs(path)] == []
    assert everything(tmp_path) == set()


@pytest.fixture
def mounted(out: Path) -> Iterator[Path]:
    """A real file system of 256 KiB in the place of the directory ``data``."""
    path = out / "data"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a file system needs privileges")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.usefixtures("mounted")
def test_a_full_mount(peer: Callable[..., Peer], out: Path) -> None:
    one = peer(subdirectories=BY_DATE, fsync=True)
    small = data_set(date=b"20240131")
    big = small + b"".join(element(0x70FE1000 + n, b"LO", b"x" * 60000) for n in range(8))
    assert one.send(small, b"1").status == 0
    assert one.send(big, b"2").status == 0xA700
    assert one.send(small, b"3").status == 0
    assert everything(out) == {f"{DAY}/CT.1", f"{DAY}/CT.3"}


def test_what_is_under_a_name(out: Path) -> None:
    (out / "file").write_bytes(b"")
    (out / "link").symlink_to("nowhere")
    taken = {name: Target(os.fsencode(out / name)).is_taken() for name in ("file", "link", "nothing")}
    assert taken == {"file": True, "link": False, "nothing": False}


# -- file systems that lack this or that -------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_link_made_and_a_name_that_stays(peer: Callable[..., Peer], out: Path, mode: StorageMode) -> None:
    """The object is stored: an A700 would make the sender repeat it, and the repetition a duplicate."""
    one = peer(mode, filenames=FilenameMode.UNIQUE)
    with fault("unlink", errno.EPERM) as hit:
        assert one.send(data_set()).status == 0
    assert hit.hits
    stored = [name for name in everything(out) if not name.startswith(".")]
    assert len(stored) == 1
    assert (out / stored[0]).read_bytes().endswith(data_set())


def test_a_link_that_was_made_although_the_system_says_that_the_name_exists(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network file system that lost the answer to the first attempt and made a second."""
    one = peer(filenames=FilenameMode.UNIQUE)
    link = os.link

    def twice(*arguments: Any, **keywords: Any) -> None:
        link(*arguments, **keywords)
        link(*arguments, **keywords)

    monkeypatch.setattr(os, "link", twice)
    assert one.send(data_set()).status == 0
    assert len(everything(out)) == 1


def test_a_rename_that_was_made_although_the_system_says_that_nothing_is_there(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer()
    rename = os.rename

    def twice(*arguments: Any, **keywords: Any) -> None:
        rename(*arguments, **keywords)
        rename(*arguments, **keywords)

    monkeypatch.setattr(os, "rename", twice)
    assert one.send(data_set()).status == 0
    assert everything(out) == {"CT.1.2.3"}
    assert (out / "CT.1.2.3").read_bytes().endswith(data_set())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_without_rename(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, error: int
) -> None:
    """New names can be linked; an older object cannot be replaced, and stays."""
    one = peer(mode)
    with fault("rename", error):
        assert one.send(data_set(b"1.1")).status == 0
        assert everything(out) == {"CT.1.2.3"}
        assert one.send(data_set(b"2.2")).status == 0xA700
    assert everything(out) == {"CT.1.2.3"}
    assert (out / "CT.1.2.3").read_bytes().endswith(data_set(b"1.1"))


@pytest.mark.parametrize("mode", MODES)
def test_names_that_are_always_taken_are_tried_so_often(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, mode: StorageMode
) -> None:
    one = peer(mode, filenames=FilenameMode.UNIQUE)
    tried: list[int] = []

    def exists(*arguments: Any, **keywords: Any) -> None:
        tried.append(1)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    monkeypatch.setattr(os, "link", exists)
    sent = one.send(data_set())
    assert sent.status == (0xC000 if mode is StorageMode.NORMAL else 0xA700)
    assert len(tried) == 1024
    assert everything(out) == set()


@pytest.mark.parametrize("subdirectories", SubdirectoryMode)
def test_a_directory_in_which_there_is_nothing_to_synchronise(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, subdirectories: SubdirectoryMode
) -> None:
    """EINVAL, as on CIFS: the answer is success, since there is no more to be done."""
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    one = peer(fsync=True, subdirectories=subdirectories)
    assert one.send(data_set(date=b"20240131")).status == 0


def test_a_directory_whose_close_fails(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object is stored, and no descriptor leaks."""
    one = peer(subdirectories=BY_DATE)
    before = descriptors(one)
    close = os.close

    def fail(descriptor: int) -> None:
        directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        close(descriptor)
        if directory:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", fail)
        assert one.send(data_set(date=b"20240131")).status == 0
    assert everything(out) == {f"{DAY}/CT.1.2.3"}
    assert descriptors(one) == before


@pytest.mark.parametrize("mode", MODES)
def test_free_space_that_runs_out_while_an_object_comes(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, mode: StorageMode
) -> None:
    one = peer(mode, min_free_space=1)
    statvfs = os.statvfs
    monkeypatch.setattr("dcmrecv.storage.space._LOOK_AGAIN", 0.0)
    asked: list[object] = []

    class Full:
        f_bavail = f_frsize = 0

    def run_out(path: bytes) -> object:
        asked.append(path)
        return statvfs(path) if len(asked) < 5 else Full

    monkeypatch.setattr(os, "statvfs", run_out)
    assert one.send(UIDS + BULK, pdv=16000).status == 0xA700
    assert 5 <= len(asked) < 10
    assert everything(out) == set()
