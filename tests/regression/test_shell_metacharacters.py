"""CVE-2026-5663: UIDs in a command line. No shell ever sees a name here, and what others make of it is harmless."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from dcmrecv.config import FilenameMode, StorageMode
from tests.regression.test_path_traversal import store

UIDS = [
    b"$(touch evil)",
    b"`touch evil`",
    b";touch evil",
    b"|touch evil",
    b"a\ntouch evil",
    b"-rf",
    b"*",
    b"&",
    b"'\"",
]


@pytest.mark.parametrize("uid", UIDS)
def test_the_name_holds_nothing_that_runs(
    tmp_path: Path, uid: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    store(out, uid, b"", StorageMode.BIT_PRESERVING, FilenameMode.DEFAULT)
    (name,) = os.listdir(bytes(out))
    assert name == b"UNKNOWN." + re.sub(rb"[^A-Za-z0-9 ._:@-]", b"_", uid)
    assert os.listdir(tmp_path) == ["out"]


def test_no_module_can_start_a_program() -> None:
    import dcmrecv

    sources = Path(dcmrecv.__file__).parent.rglob("*.py")
    words = ("subprocess", "os.system", "os.popen", "os.exec", "os.spawn", "posix_spawn", "shell=True")
    found = [f"{path.name}: {word}" for path in sources for word in words if word in path.read_text("utf-8")]
    assert found == []
