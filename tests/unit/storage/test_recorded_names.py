"""Names and places the reference gave, recorded (spec/storage.md 5, 6)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcmrecv.config import StorageMode, SubdirectoryMode
from dcmrecv.storage.directories import series_date_directory
from dcmrecv.uids import file_prefixes
from tests.unit.storage.conftest import CT, Peer, data_set, element, everything

MR = b"1.2.840.10008.5.1.4.1.1.4"
RECORDED = json.loads((Path(__file__).parents[2] / "golden/storage/naming.json").read_bytes())
DATA_SETS = {
    "class CT, instance 1.2.3.4": data_set(),
    "noclass": element(0x00080018, b"UI", b"1.2.3.4"),
    "mr": data_set(sop_class=MR),
    "mrblank": data_set(sop_class=MR + b" "),
}
STORED = [case for case in RECORDED["default_names"] if case["status"] != "abort"]


def on_the_wire(value: str) -> bytes:
    """Return the UID as the core hands it on: cut at NUL, white space off (spec/storage.md 1)."""
    return value.encode("latin-1").partition(b"\0")[0].strip()


@pytest.mark.golden
@pytest.mark.parametrize("case", STORED, ids=lambda case: repr(case["affected_sop_instance"])[:40])
def test_default_names(peer: Callable[..., Peer], out: Path, case: dict[str, Any]) -> None:
    sent = peer().send(
        DATA_SETS[case["dataset"]],
        on_the_wire(case["affected_sop_instance"]),
        on_the_wire(case["affected_sop_class"]),
    )
    assert sent.status == int(case["status"], 16)
    stored = {path.encode("utf-8", "surrogateescape") for path in everything(out)}
    # 3.6.8 keeps what the repaired reference replaces
    name = re.sub(rb"[^A-Za-z0-9 ._:@-]", b"_", (case["stored"] or "").encode("latin-1"))
    assert stored == ({name} if name else set())


@pytest.mark.golden
@pytest.mark.parametrize("case", RECORDED["series_date"], ids=lambda c: repr((c["vr"], c["value"])))
def test_series_dates(peer: Callable[..., Peer], out: Path, case: dict[str, Any]) -> None:
    content = data_set()
    if case["vr"] is not None:
        value = case["value"].encode("latin-1")
        if case["vr"] == "UN":
            date = bytes.fromhex("08002100") + b"UN\0\0" + len(value).to_bytes(4, "little") + value
        else:
            date = element(0x00080021, case["vr"].encode(), value, b" ")
        content = data_set()[: -len(element(0x00100010, b"PN", b"Doe^Jane"))] + date
    before = time.strftime("%Y%m%d")
    sent = peer(subdirectories=SubdirectoryMode.SERIES_DATE).send(content, b"1.2.3")
    assert sent.status == 0
    expected = {case["stored"].replace("today", day) for day in (before, time.strftime("%Y%m%d"))}
    (stored,) = everything(out)
    assert stored in expected


def test_a_date_is_digits_of_ascii() -> None:
    assert series_date_directory("٢٠٢٤٠١٣١".encode()).startswith(b"undef/")
    assert series_date_directory(b"20240131\n").startswith(b"undef/")


def test_every_recorded_prefix() -> None:
    prefixes = file_prefixes()
    assert len(prefixes) == 201 + 10  # those of 3.7.0 as well
    assert prefixes[CT] == b"CT"
    assert prefixes[b"1.2.840.10008.5.1.4.1.1.88.70"] == prefixes[b"1.2.840.10008.5.1.4.1.1.88.75"] == b"SRi"
    assert all(name.replace(b"_", b"").isalnum() for name in prefixes.values())


def test_an_empty_class_aborts_bit_preserving_default_names(peer: Callable[..., Peer], out: Path) -> None:
    sent = peer(StorageMode.BIT_PRESERVING).send(data_set(), sop_class=b"")
    assert sent.status is None
    assert sent.aborted is not None
    assert sent.observer.names() == ["NameNotGenerated"]
    assert everything(out) == set()
