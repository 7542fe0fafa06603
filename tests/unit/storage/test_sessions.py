"""What is stored, and what the observer gets in which order (spec/storage.md 1, 2, 7; spec/network.md f.1)."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dcmrecv.config import FilenameMode, StorageMode, SubdirectoryMode
from dcmrecv.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmrecv.storage.meta import meta_header
from dcmrecv.storage.normal import HOLD_LIMIT
from tests.unit.storage.conftest import CT, EXPLICIT, Peer, Remembering, data_set, element, everything

NORMAL, BIT, IGNORE = StorageMode.NORMAL, StorageMode.BIT_PRESERVING, StorageMode.IGNORE
DEFLATED = b"1.2.840.10008.1.2.1.99"


def expected_header(sop_class: bytes, instance: bytes, source: bytes | None = None) -> bytes:
    """Build the file meta information element by element, independently of the product's."""
    group = struct.pack("<HH2sHI", 2, 1, b"OB", 0, 2) + b"\0\1"
    group += element(0x00020002, b"UI", sop_class) + element(0x00020003, b"UI", instance)
    group += element(0x00020010, b"UI", EXPLICIT) + element(0x00020012, b"UI", IMPLEMENTATION_CLASS_UID)
    group += element(0x00020013, b"SH", IMPLEMENTATION_VERSION_NAME, b" ")
    if source is not None:
        group += element(0x00020016, b"AE", source, b" ")
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", struct.pack("<I", len(group))) + group


def test_bit_preserving_file(peer: Callable[..., Peer], out: Path) -> None:
    sent = peer(BIT).send(b"anything at all", b"1.2.3", pdv=4)
    assert sent.status == 0
    assert (out / "CT.1.2.3").read_bytes() == expected_header(CT, b"1.2.3", b" SCU") + b"anything at all"
    assert sent.observer.names() == ["NameGenerated", "Stored"]
    assert sent.observer.of("NameGenerated") == [(f"{out}/CT.1.2.3".encode(), True)]
    assert sent.observer.of("Stored")[0][2] == (out / "CT.1.2.3").stat().st_size


@pytest.mark.parametrize("pdv", [None, 2, 14, 1000])
def test_normal_file(peer: Callable[..., Peer], out: Path, pdv: int | None) -> None:
    content = data_set()
    sent = peer().send(content, b"1.2.3", pdv=pdv)
    assert sent.status == 0
    assert (out / "CT.1.2.3").read_bytes() == expected_header(CT, b"1.2.3.4") + content
    assert sent.observer.names() == [
        "DataSetStarted",
        "ProcessingStore",
        "NameGenerated",
        "MetaHeaderWritten",
        "Stored",
    ]
    assert sent.observer.of("MetaHeaderWritten") == [(EXPLICIT, CT, b"1.2.3.4", True, True)]
    assert sent.observer.of("Stored")[0][2] == (out / "CT.1.2.3").stat().st_size


@pytest.mark.parametrize("mode", [NORMAL, BIT])
def test_overwriting(peer: Callable[..., Peer], out: Path, mode: StorageMode) -> None:
    one = peer(mode)
    one.send(data_set())
    sent = one.send(data_set(b"2.2"))
    assert sent.status == 0
    names = sent.observer.names()
    assert names.index("Overwriting") == names.index("NameGenerated") + 1
    assert sent.observer.of("Overwriting") == [(f"{out}/CT.1.2.3".encode(),)]
    assert b"2.2" in (out / "CT.1.2.3").read_bytes()


def test_ignore(peer: Callable[..., Peer], out: Path) -> None:
    sent = peer(IGNORE).send(data_set(), pdv=10)
    assert (sent.status, sent.observer.names()) == (0, ["DataSetStarted", "Ignored"])
    assert peer(IGNORE).send(b"").status == 0
    assert everything(out) == set()


@pytest.mark.parametrize("content", [b"", b"\x08\0\x05\0"])
def test_empty_data_set(peer: Callable[..., Peer], out: Path, content: bytes) -> None:
    assert peer().send(content).status == 0xC000
    assert everything(out) == set()
    assert peer(BIT).send(content).status == 0
    assert (out / "CT.1.2.3").read_bytes() == expected_header(CT, b"1.2.3", b" SCU") + content


@pytest.mark.parametrize("mode", [NORMAL, IGNORE])
@pytest.mark.parametrize("pdv", [None, 20])
def test_unreadable_data_set(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, pdv: int | None
) -> None:
    sent = peer(mode).send(data_set()[:-3], pdv=pdv)
    assert sent.status is None
    assert sent.aborted is not None
    assert sent.observer.names()[-1] == "DataSetUnreadable"
    assert everything(out) == set()


def test_no_uids_in_the_data_set(peer: Callable[..., Peer], out: Path) -> None:
    sent = peer().send(element(0x00100010, b"PN", b"A^B "))
    (meta,) = sent.observer.of("MetaHeaderWritten")
    assert meta[1] == b"1.2.276.0.7230010.3.1.0.1"
    assert meta[2].startswith(b"1.2.276.0.7230010.3.1.4.")
    assert meta[3:] == (False, False)
    stored = (out / "CT.1.2.3").read_bytes()
    assert stored.startswith(expected_header(meta[1], meta[2]))


def test_a_uid_by_its_name(peer: Callable[..., Peer], out: Path) -> None:
    """A name that nobody knows gives nothing."""
    sent = peer().send(data_set(b"=nobody knows this", b"=CTImageStorage "[:15]))
    assert sent.status == 0
    assert (out / "CT.1.2.3").read_bytes().startswith(expected_header(CT, b""))


@pytest.mark.parametrize("vr", [b"UN", b"UI"])
@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("pdv", [None, 20])
def test_uids_without_a_value_that_counts(
    peer: Callable[..., Peer], out: Path, vr: bytes, in_order: bool, pdv: int | None
) -> None:
    """The reference writes an empty (0002,0002) and (0002,0003) for both.

    Where the VR hides the value, the file of an object that is sound would not be; where there is none, it is not.
    """

    def uid(tag: int, value: bytes) -> bytes:
        if vr == b"UI":
            return element(tag, vr, b"")
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value

    content = uid(0x00080016, CT + b"\0") + uid(0x00080018, b"1.2.3.4\0") + data_set()[-16:]
    sent = content if in_order else content[-16:] + content[:-16]
    assert peer().send(sent, b"1.2.3", pdv=pdv).status == 0
    written = (CT, b"1.2.3") if vr == b"UN" else (b"", b"")
    assert (out / "CT.1.2.3").read_bytes() == expected_header(*written) + content


def late_uids(fillers: int) -> bytes:
    """Return a data set whose instance UID comes at its end only, in an item."""
    item = element(0x00080018, b"UI", b"1.2.3.4")
    parts = [element(0x00080016, b"UI", CT)]
    parts += [element(0x00090010 + n, b"LO", b"%04d" % n * 10000) for n in range(fillers)]
    sequence = struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)
    sequence += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + item
    sequence += struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return b"".join(parts) + sequence


@pytest.mark.parametrize("fillers", [0, 1, 12])
@pytest.mark.parametrize("pdv", [None, 16000])
def test_uids_at_the_end(peer: Callable[..., Peer], out: Path, fillers: int, pdv: int | None) -> None:
    content = late_uids(fillers)
    assert (fillers == 12) is (len(content) > HOLD_LIMIT)
    assert peer().send(content, pdv=pdv).status == 0
    assert everything(out) == {"CT.1.2.3"}
    assert (out / "CT.1.2.3").read_bytes() == expected_header(CT, b"1.2.3.4") + content


@pytest.mark.parametrize("pdv", [None, 64, 16000])
@pytest.mark.parametrize("late", [False, True])
def test_group_lengths_are_patched(peer: Callable[..., Peer], out: Path, pdv: int | None, late: bool) -> None:
    rest = late_uids(12) if late else data_set()
    body = element(0x00080005, b"CS", b"ISO_IR 100") + rest
    right = sum(_sizes_in_group_8(body))
    for claimed in (0, right):
        content = element(0x00080000, b"UL", struct.pack("<I", claimed)) + body
        assert peer().send(content, pdv=pdv).status == 0
        stored = (out / "CT.1.2.3").read_bytes()
        assert stored.endswith(element(0x00080000, b"UL", struct.pack("<I", right)) + body)


def _sizes_in_group_8(content: bytes) -> list[int]:
    """Return the sizes of the leading elements of group 0008, all short form."""
    found, at = [], 0
    while content[at : at + 2] == b"\x08\0":
        found.append(8 + int.from_bytes(content[at + 6 : at + 8], "little"))
        at += found[-1]
    return found


@pytest.mark.parametrize("pdv", [None, 100, 16000])
def test_second_pass_sorts(peer: Callable[..., Peer], out: Path, pdv: int | None) -> None:
    name = element(0x00100010, b"PN", b"A^B ")
    filler = b"".join(element(0x00110010 + n, b"LO", b"x" * 40000) for n in range(6))
    content = element(0x00080016, b"UI", CT) + filler + element(0x00080018, b"UI", b"1.2.3.4") + name
    assert peer().send(content, pdv=pdv).status == 0
    assert everything(out) == {"CT.1.2.3"}
    in_order = element(0x00080016, b"UI", CT) + element(0x00080018, b"UI", b"1.2.3.4") + name + filler
    assert (out / "CT.1.2.3").read_bytes() == expected_header(CT, b"1.2.3.4") + in_order


@pytest.mark.parametrize("pdv", [None, 30])
def test_deflated_out_of_order(peer: Callable[..., Peer], out: Path, pdv: int | None) -> None:
    import zlib

    def deflate(data: bytes) -> bytes:
        squeeze = zlib.compressobj(6, zlib.DEFLATED, -15, 8)
        return squeeze.compress(data) + squeeze.flush()

    name = element(0x00100010, b"PN", b"A^B ")
    uids = element(0x00080016, b"UI", CT) + element(0x00080018, b"UI", b"1.2.3.4")
    assert peer().send(deflate(name + uids), pdv=pdv, syntax=DEFLATED).status == 0
    stored = (out / "CT.1.2.3").read_bytes()
    assert stored.endswith(deflate(uids + name))
    assert everything(out) == {"CT.1.2.3"}


@pytest.mark.parametrize("mode", [NORMAL, BIT])
def test_discard_leaves_nothing_and_may_be_repeated(
    peer: Callable[..., Peer], out: Path, mode: StorageMode
) -> None:
    one = peer(mode)
    (out / "CT.1").write_bytes(b"old")
    for pieces in range(3):
        session = one.store.request(one.request(b"1"), one.association, Remembering())
        for _ in range(pieces):
            session.receive([memoryview(data_set())], False, 1)
        session.discard()
        session.discard()
        assert everything(out) == {"CT.1"}
        assert (out / "CT.1").read_bytes() == b"old"


@pytest.mark.parametrize("mode", [NORMAL, BIT])
def test_nobody_sees_an_incomplete_object(peer: Callable[..., Peer], out: Path, mode: StorageMode) -> None:
    one = peer(mode)
    session = one.store.request(one.request(b"1"), one.association, Remembering())
    content = data_set() + element(0x00110010, b"LO", b"x" * 60000)
    for at in range(0, len(content), 6000):
        session.receive([memoryview(content[at : at + 6000])], at + 6000 >= len(content), 1)
        assert all(path.startswith(".dcmrecv-") for path in everything(out))
    assert session.complete().status == 0
    assert everything(out) == {"CT.1"}


def test_a_data_set_on_another_context_stays_in_bit_preserving_mode_only(
    peer: Callable[..., Peer], out: Path
) -> None:
    for mode, stored in ((NORMAL, set()), (BIT, {"CT.1"})):
        one = peer(mode)
        session = one.store.request(one.request(b"1"), one.association, Remembering())
        session.receive([memoryview(data_set())], True, 3)
        session.keep_or_discard()
        assert everything(out) == stored


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002, 0o000])
def test_modes_by_umask_and_never_executable(peer: Callable[..., Peer], out: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        assert peer(subdirectories=SubdirectoryMode.SERIES_DATE).send(data_set(date=b"20240131")).status == 0
        assert peer(BIT).send(b"").status == 0
    finally:
        os.umask(before)
    assert (out / "data/2024/01/31/CT.1.2.3").stat().st_mode & 0o7777 == 0o666 & ~mask
    assert (out / "CT.1.2.3").stat().st_mode & 0o7777 == 0o666 & ~mask
    for directory in ("data", "data/2024", "data/2024/01", "data/2024/01/31"):
        assert (out / directory).stat().st_mode & 0o7777 == 0o777 & ~mask


@pytest.mark.parametrize(
    ("given", "shown"),
    [(b"", b"./"), (b".", b"./"), (b"./", b"./"), (b"sub//", b"sub/"), (b"./sub", b"./sub/")],
)
def test_output_directory_as_messages_show_it(
    peer: Callable[..., Peer], out: Path, monkeypatch: pytest.MonkeyPatch, given: bytes, shown: bytes
) -> None:
    monkeypatch.chdir(out)
    for mode in (NORMAL, BIT):
        sent = peer(mode, directory=given).send(data_set())
        assert sent.observer.of("NameGenerated")[0][0] == shown + b"CT.1.2.3"
        assert sent.status == 0


@pytest.mark.parametrize("mode", [NORMAL, BIT])
def test_two_associations_with_the_same_name(peer: Callable[..., Peer], out: Path, mode: StorageMode) -> None:
    """Whoever is last wins; what is read at any moment is one of the objects, whole."""
    one = peer(mode)
    contents = [data_set(b"%d.%d" % (n, n)) + element(0x00110010, b"LO", b"%d" % n * 50000) for n in (1, 2)]
    threads = [
        threading.Thread(target=lambda c=c: [one.send(c, b"1", pdv=16000) for _ in range(50)])
        for c in contents
    ]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads):
        if (out / "CT.1").exists():
            assert (out / "CT.1").read_bytes().endswith(tuple(contents))
            seen += 1
    assert seen
    assert everything(out) == {"CT.1"}


@pytest.mark.parametrize("filenames", FilenameMode)
@pytest.mark.parametrize("mode", [NORMAL, BIT])
def test_every_naming_mode_stores(
    peer: Callable[..., Peer], out: Path, mode: StorageMode, filenames: FilenameMode
) -> None:
    sent = peer(mode, filenames=filenames, extension=b".dcm").send(data_set())
    assert sent.status == 0
    (name,) = everything(out)
    assert name.endswith(".dcm")
    assert sent.observer.of("Stored")[0][0] == f"{out}/{name}".encode()


def test_meta_header_of_odd_values() -> None:
    assert meta_header(b"1.2", b"1", EXPLICIT) == expected_header(b"1.2", b"1")
    assert meta_header(b"", b"", EXPLICIT, b"") == expected_header(b"", b"", b"")
    long = b"9" * 301
    assert meta_header(long, long, EXPLICIT) == expected_header(long, long)
    assert len(meta_header(b"9" * 70000, b"9" * 70000, EXPLICIT)) < 2 * 65536 + 400


@pytest.mark.parametrize("pdv", [None, 30])
def test_a_second_pixel_data_is_dropped_whatever_it_is(
    peer: Callable[..., Peer], out: Path, pdv: int | None
) -> None:
    """One of undefined length would have no place in this transfer syntax, but it is not stored."""
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 4) + b"\1\2\3\4"
    second = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    second += struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE0DD, 0)
    assert peer().send(data_set() + pixels + second, pdv=pdv).status == 0
    assert (out / "CT.1.2.3").read_bytes() == expected_header(CT, b"1.2.3.4") + data_set() + pixels
