"""What an output directory cannot do is found out at start, in one line each; nothing of the look stays."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcmrecv import output_directory
from dcmrecv.config import FilenameMode, StorageConfig
from dcmrecv.output_directory import Findings, probe


def look(directory: Path, **settings: Any) -> Findings:
    return probe(StorageConfig(directory=os.fsencode(directory), **settings))


def refusing(error: int) -> Callable[..., None]:
    def refuse(*arguments: Any, **keywords: Any) -> None:
        raise OSError(error, os.strerror(error))

    return refuse


@pytest.mark.parametrize("filenames", FilenameMode)
def test_an_ordinary_directory(tmp_path: Path, filenames: FilenameMode) -> None:
    assert look(tmp_path, filenames=filenames, fsync=True) == (None, ())
    assert list(tmp_path.iterdir()) == []


def test_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert probe(StorageConfig(directory=b"")) == (None, ())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("missing", "settings", "obstacle", "remarks"),
    [
        ("rename", {}, None, ["cannot be renamed"]),
        ("link", {}, None, []),
        ("link", {"filenames": FilenameMode.UNIQUE}, None, ["cannot be linked"]),
        ("rename link", {}, "neither be renamed", []),
        ("flock", {}, None, ["cannot be locked"]),
        ("fsync", {}, None, []),
        ("fsync", {"fsync": True}, None, ["cannot be brought to disk"]),
    ],
)
def test_what_is_missing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    settings: dict[str, Any],
    obstacle: str | None,
    remarks: list[str],
) -> None:
    for name in missing.split():
        monkeypatch.setattr(output_directory.fcntl if name == "flock" else os, name, refusing(errno.EINVAL))
    found = look(tmp_path, **settings)
    assert (found.obstacle is None) is (obstacle is None)
    assert (obstacle or "") in (found.obstacle or "")
    assert [text for text, part in zip(found.remarks, remarks, strict=True) if part not in text] == []
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_takes_no_file(tmp_path: Path) -> None:
    assert look(tmp_path / "none").obstacle == "no file can be created: No such file or directory"


def test_a_directory_to_which_entries_can_only_be_added(tmp_path: Path) -> None:
    """``chattr +a``: rename and removal are refused, links are not."""
    program = shutil.which("chattr")
    if program is None or subprocess.run([program, "+a", str(tmp_path)], capture_output=True).returncode:
        pytest.skip("no chattr, or a file system or user without append-only directories")
    try:
        found = look(tmp_path)
    finally:
        subprocess.run([program, "-a", str(tmp_path)], check=True)
    assert found.obstacle is None
    assert [text.partition(" (")[0] for text in found.remarks] == [
        "files cannot be renamed",
        "files cannot be removed",
    ]
