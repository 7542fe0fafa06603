"""The output directory changes under a transfer: moved away, made again, pointed elsewhere, swept, removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dcmrecv import observer as ob
from dcmrecv.config import FilenameMode, StorageConfig, StorageMode, SubdirectoryMode
from dcmrecv.core.events import AcceptedAssociation
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.storage import ObjectStore, StoreSession, publish
from tests.unit.storage.conftest import Peer, Remembering, data_set, element, everything

NORMAL, BIT = StorageMode.NORMAL, StorageMode.BIT_PRESERVING
DAY = "data/2024/01/31"
CONTENT = data_set(date=b"20240131") + b"".join(
    element(0x00200010 + n, b"SH", b"%02d" % n * 20_000) for n in range(12)
)
LAYOUTS = [
    pytest.param({"mode": NORMAL}, "CT.1", id="normal"),
    pytest.param({"mode": BIT}, "CT.1", id="bit"),
    pytest.param({"mode": NORMAL, "subdirectories": SubdirectoryMode.SERIES_DATE}, f"{DAY}/CT.1", id="ssd"),
    pytest.param({"mode": BIT, "filenames": FilenameMode.UNIQUE}, None, id="bit-fu"),
    pytest.param(
        {"mode": NORMAL, "filenames": FilenameMode.SYSTEM_TIME, "fsync": True}, None, id="fst-fsync"
    ),
]


def half(one: Peer) -> tuple[StoreSession, Remembering]:
    """Send the first half of `CONTENT`; its temporary is there."""
    observer = Remembering()
    session = one.store.request(one.request(b"1"), one.association, observer)
    for at in range(0, 160_000, 16_000):
        assert session.receive([memoryview(CONTENT[at : at + 16_000])], False, 1) is None
    return session, observer


def rest(session: StoreSession) -> int:
    for at in range(160_000, len(CONTENT), 16_000):
        assert (
            session.receive([memoryview(CONTENT[at : at + 16_000])], at + 16_000 >= len(CONTENT), 1) is None
        )
    return session.complete().status


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system."""
    path = tmp_path / "other"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a file system needs privileges")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def moved_and_made_again(out: Path, old: Path) -> None:
    out.rename(old)
    out.mkdir()


def moved_away(out: Path, old: Path) -> None:
    out.rename(old)


def removed(out: Path, old: Path) -> None:
    shutil.rmtree(out)


def removed_and_made_again(out: Path, old: Path) -> None:
    shutil.rmtree(out)
    out.mkdir()


@pytest.mark.parametrize("swap", [moved_and_made_again, moved_away, removed, removed_and_made_again])
@pytest.mark.parametrize(("settings", "name"), LAYOUTS)
def test_the_object_ends_in_the_directory_as_it_is_now(
    peer: Callable[..., Peer],
    out: Path,
    tmp_path: Path,
    settings: dict[str, Any],
    name: str | None,
    swap: Callable[[Path, Path], None],
) -> None:
    one = peer(**settings)
    old = tmp_path / "batch-7"
    session, observer = half(one)
    one.store.close()
    before = len(os.listdir("/proc/self/fd"))
    swap(out, old)
    assert rest(session) == 0
    (stored,) = everything(out)
    assert name is None or stored == name
    assert (out / stored).read_bytes().endswith(CONTENT)
    assert everything(old) == set()
    assert observer.of("Stored")[0][0] == f"{out}/{stored}".encode()
    assert len(os.listdir("/proc/self/fd")) == before - 1


@pytest.mark.parametrize(("settings", "name"), LAYOUTS)
def test_a_link_that_points_to_another_file_system(
    peer: Callable[..., Peer],
    out: Path,
    other: Path,
    tmp_path: Path,
    settings: dict[str, Any],
    name: str | None,
) -> None:
    link = tmp_path / "today"
    link.symlink_to(out)
    one = peer(directory=os.fsencode(link), **settings)
    session, _ = half(one)
    (tmp_path / "new").symlink_to(other)
    (tmp_path / "new").rename(link)
    assert rest(session) == 0
    (stored,) = everything(other)
    assert name is None or stored == name
    assert (other / stored).read_bytes().endswith(CONTENT)
    assert everything(out) == set()


@pytest.mark.parametrize("mode", [NORMAL, BIT])
def test_a_transfer_that_breaks_off_leaves_nothing_in_the_old_directory(
    peer: Callable[..., Peer], out: Path, tmp_path: Path, mode: StorageMode
) -> None:
    one = peer(mode)
    session, _ = half(one)
    moved_and_made_again(out, tmp_path / "old")
    session.discard()
    assert everything(tmp_path) == set()


def test_without_proc_no_part_of_an_image_stays(
    peer: Callable[..., Peer], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the old temporary cannot be found; it is emptied."""
    one = peer()
    session, _ = half(one)
    moved_and_made_again(out, tmp_path / "old")

    def refuse(*arguments: Any, **keywords: Any) -> Any:
        raise FileNotFoundError(2, "no /proc")

    monkeypatch.setattr(os, "readlink", refuse)
    monkeypatch.setattr(os, "link", refuse)
    assert rest(session) == 0
    assert (out / "CT.1").read_bytes().endswith(CONTENT)
    (left,) = (tmp_path / "old").iterdir()
    assert left.name.startswith(".dcmrecv-")
    assert left.stat().st_size == 0


def test_a_disk_that_is_full_where_the_object_has_to_be_copied(
    peer: Callable[..., Peer], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer()
    session, observer = half(one)
    one.store.close()
    before = len(os.listdir("/proc/self/fd"))
    removed_and_made_again(out, tmp_path)

    def full(descriptor: int, data: object) -> int:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert rest(session) == 0xA700
    assert observer.of("NotStored") == [(f"{out}/CT.1".encode(), os.strerror(28))]
    assert everything(tmp_path) == set()
    assert len(os.listdir("/proc/self/fd")) == before - 1


@pytest.mark.parametrize(("settings", "name"), LAYOUTS)
def test_an_operator_who_swaps_directories_all_the_time(
    peer: Callable[..., Peer], out: Path, tmp_path: Path, settings: dict[str, Any], name: str | None
) -> None:
    """Every object is acknowledged, and is in one of the directories under its name; nothing else is."""
    one = peer(**settings)
    done = threading.Event()
    batches: list[Path] = []

    def operate() -> None:
        while not done.is_set():
            batches.append(tmp_path / f"batch-{len(batches)}")
            out.rename(batches[-1])
            out.mkdir(exist_ok=True)  # the receiver may have been faster
            time.sleep(0.002)

    operator = threading.Thread(target=operate)
    operator.start()
    try:
        statuses = []
        while len(statuses) < 150 or len(batches) < 30:
            for content, pdv in ((data_set(date=b"20240131"), None), (CONTENT, 50_000)):
                sent = one.send(content, b"%d" % len(statuses), pdv=pdv)
                statuses.append(sent.status)
                assert sent.status == 0, sent.observer.of("NotStored")
    finally:
        done.set()
        operator.join()
    assert set(statuses) == {0}
    stored = [path for each in [*batches, out] for path in each.rglob("*") if path.is_file()]
    assert [path for path in stored if path.name.startswith(".")] == []
    assert len(stored) == len(statuses)


@pytest.mark.parametrize("filenames", [FilenameMode.DEFAULT, FilenameMode.UNIQUE])
def test_sweepers_of_empty_directories(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, filenames: FilenameMode
) -> None:
    """``find -empty -delete`` at every possible moment: after each directory made and before each name given."""
    one = peer(subdirectories=SubdirectoryMode.SERIES_DATE, filenames=filenames)
    one.store.close()
    sweeps = 0

    def sweep() -> None:
        nonlocal sweeps
        sweeps += 1
        for path in sorted(out.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    for name in ("mkdir", "rename", "link"):
        real = getattr(os, name)

        def swept(*arguments: Any, _real: Any = real, _name: str = name, **keywords: Any) -> None:
            nonlocal calls
            calls += 1
            if calls in moments and _name != "mkdir":
                sweep()
            _real(*arguments, **keywords)
            if calls in moments and _name == "mkdir":
                sweep()

        monkeypatch.setattr(os, name, swept)
    for first in range(1, 8):
        calls, moments = 0, {first, first + 1}
        sent = one.send(data_set(date=b"20240131"), b"%d" % first)
        assert sent.status == 0
        assert sent.observer.names().count("NameGenerated") == 1
        assert len(everything(out)) == 1
        shutil.rmtree(out / "data")
    assert sweeps >= 7


def test_a_sweeper_that_never_stops_is_refused(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer(subdirectories=SubdirectoryMode.SERIES_DATE)
    rename = os.rename
    tried: list[Any] = []

    def sweep(source: bytes, target: bytes, **where: Any) -> None:
        tried.append(target)
        shutil.rmtree(out / "data")
        rename(source, target, **where)

    monkeypatch.setattr(os, "rename", sweep)
    assert one.send(data_set(date=b"20240131")).status == 0xA700
    assert len(tried) == publish.MAX_ATTEMPTS + 1
    assert everything(out) == set()


@pytest.fixture
def heard(association: AcceptedAssociation, tmp_path: Path) -> tuple[Peer, list[ob.ReceiverEvent]]:
    events: list[ob.ReceiverEvent] = []
    config = StorageConfig(directory=os.fsencode(tmp_path / "mnt" / "incoming"))
    store = ObjectStore(config, dictionary=builtin_dictionary, observe=events.append)
    return Peer(store, association), events


def test_a_volume_that_is_not_mounted_any_more_is_said(
    heard: tuple[Peer, list[ob.ReceiverEvent]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, events = heard
    path = os.fsencode(tmp_path / "mnt" / "incoming")
    (tmp_path / "mnt").mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(tmp_path / "mnt")], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a file system needs privileges")
    try:
        (tmp_path / "mnt" / "incoming").mkdir()
        assert one.send(data_set()).status == 0
        assert events == []
    finally:
        subprocess.run(["umount", str(tmp_path / "mnt")], check=True)
    assert one.send(data_set()).status == 0
    assert events == [ob.OutputDirectoryRemade(path), ob.OutputFileSystemChanged(path)]
