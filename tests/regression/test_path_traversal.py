"""CVE-2022-2119 and its relatives: UIDs of a peer that climb out of the directory or start at the root."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmrecv.config import FilenameMode, StorageConfig, StorageMode, SubdirectoryMode
from dcmrecv.core.events import AcceptedAssociation, AssociateRequest, StoreRequest
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.observer import AssociationObserver
from dcmrecv.storage import ObjectStore

UIDS = [
    b"../../../../tmp/evil",
    b"/etc/cron.d/evil",
    b"..",
    b".",
    b"../",
    b"a/../../b",
    b"..\\..\\evil",
    b"....//....//evil",
    b"\xc0\xae\xc0\xae\xc0\xafevil",
    b"%2e%2e%2fevil",
    b"~root",
    b"1.2.3/",
    b"/",
    b"\n../evil",
]
DATES = [b"../../../", b"20240131/../..", b"....0131", b"../.././", b"/../../.."]
EXPLICIT = b"1.2.840.10008.1.2.1"


def element(tag: bytes, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return bytes.fromhex(tag.decode()) + vr + len(value).to_bytes(2, "little") + value


def store(out: Path, uid: bytes, content: bytes, mode: StorageMode, filenames: FilenameMode) -> None:
    normal = mode is StorageMode.NORMAL
    config = StorageConfig(
        mode=mode,
        directory=bytes(out),
        filenames=filenames,
        subdirectories=SubdirectoryMode.SERIES_DATE if normal else SubdirectoryMode.NONE,
    )
    request = AssociateRequest(1, b"A", b"../../B", b"", (), 16384, b"", b"", (), (), None)
    association = AcceptedAssociation(request, (), 16384, 16372, ())
    objects = ObjectStore(config, dictionary=builtin_dictionary)
    session = objects.request(
        StoreRequest(1, 1, uid, uid, EXPLICIT, 0, 0, None, None, b""), association, AssociationObserver()
    )
    assert session.receive([memoryview(content)], True, 1) is None
    assert session.complete().status == 0
    objects.close()


@pytest.mark.parametrize("mode", [StorageMode.NORMAL, StorageMode.BIT_PRESERVING])
@pytest.mark.parametrize("filenames", FilenameMode)
def test_uids_stay_in_the_directory(tmp_path: Path, mode: StorageMode, filenames: FilenameMode) -> None:
    out = tmp_path / "a" / "b" / "out"
    out.mkdir(parents=True)
    for uid in UIDS:
        content = element(b"08001600", b"UI", uid) + element(b"08001800", b"UI", uid)
        store(out, uid, content, mode, filenames)
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert stored
    assert all(path.is_relative_to(out) for path in stored)
    if mode is StorageMode.BIT_PRESERVING:
        assert all(path.parent == out for path in stored)
    if filenames in (FilenameMode.UNIQUE, FilenameMode.SHORT_UNIQUE):
        assert len(stored) == len(UIDS)


@pytest.mark.parametrize("date", DATES)
def test_dates_stay_in_the_directory(tmp_path: Path, date: bytes) -> None:
    out = tmp_path / "a" / "b" / "out"
    out.mkdir(parents=True)
    content = element(b"08001800", b"UI", b"1.2") + element(b"08002100", b"DA", date)
    store(out, b"1.2", content, StorageMode.NORMAL, FilenameMode.DEFAULT)
    (stored,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert stored.relative_to(out).parts[0] == "undef"
    assert len(stored.relative_to(out).parts) == 3
