"""Symbolic links planted in and below the output directory, and what lies outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dcmrecv.config import StorageMode, SubdirectoryMode
from tests.unit.storage.conftest import Peer, data_set, everything

MODES = [StorageMode.NORMAL, StorageMode.BIT_PRESERVING]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.mkdir()
    (path / "precious").write_bytes(b"precious")
    return path


@pytest.mark.parametrize("mode", MODES)
def test_a_link_in_place_of_the_object_is_replaced(
    peer: Callable[..., Peer], out: Path, outside: Path, mode: StorageMode
) -> None:
    """The reference writes through it."""
    for target in (outside / "precious", outside / "new", outside, Path("CT.1.2.3")):
        (out / "CT.1.2.3").unlink(missing_ok=True)
        (out / "CT.1.2.3").symlink_to(target)
        assert peer(mode).send(data_set()).status == 0
        assert not (out / "CT.1.2.3").is_symlink()
        assert everything(outside) == {"precious"}
        assert (outside / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("mode", MODES)
def test_a_hard_link_keeps_the_old_object(
    peer: Callable[..., Peer], out: Path, outside: Path, mode: StorageMode
) -> None:
    os.link(outside / "precious", out / "CT.1.2.3")
    assert peer(mode).send(data_set()).status == 0
    assert (outside / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("component", ["data", "data/2024", "data/2024/01", "data/2024/01/31", "undef"])
def test_a_link_in_place_of_a_directory_is_not_followed(
    peer: Callable[..., Peer], out: Path, outside: Path, component: str
) -> None:
    (out / component).parent.mkdir(parents=True, exist_ok=True)
    (out / component).symlink_to(outside)
    one = peer(subdirectories=SubdirectoryMode.SERIES_DATE)
    sent = one.send(data_set(date=None if component == "undef" else b"20240131"))
    assert sent.status == 0xA700
    (error,) = sent.observer.of("DirectoryNotCreated")
    assert error.reason == "Cannot create directory: File exists"
    assert {path.name for path in outside.rglob("*")} == {"precious"}
    assert everything(out) == {component}


def test_a_directory_replaced_by_a_link_between_two_objects(
    peer: Callable[..., Peer], out: Path, outside: Path
) -> None:
    one = peer(subdirectories=SubdirectoryMode.SERIES_DATE)
    assert one.send(data_set(date=b"20240131")).status == 0
    (out / "data").rename(out / "moved")
    (out / "data").symlink_to(outside)
    assert one.send(data_set(date=b"20240131")).status == 0xA700
    (out / "data").unlink()
    assert one.send(data_set(date=b"20240131")).status == 0
    assert everything(outside) == {"precious"}


def test_the_output_directory_may_be_a_link(peer: Callable[..., Peer], out: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(out)
    for mode in MODES:
        assert (
            peer(mode, directory=str(link).encode()).send(data_set(), b"%d" % MODES.index(mode)).status == 0
        )
    assert everything(out) == {"CT.0", "CT.1"}


def test_a_file_in_place_of_a_directory(peer: Callable[..., Peer], out: Path) -> None:
    (out / "data").write_bytes(b"")
    sent = peer(subdirectories=SubdirectoryMode.SERIES_DATE).send(data_set(date=b"20240131"))
    assert sent.status == 0xA700
    assert sent.observer.of("DirectoryNotCreated") == [
        (bytes(out / "data/2024/01/31"), "Cannot create directory: File exists", False)
    ]
    assert everything(out) == {"data"}
