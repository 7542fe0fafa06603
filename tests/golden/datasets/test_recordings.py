"""The reference's stored data sets: the same bytes, however the fragments are cut.

`cases.json` and `datasets.zip` hold what was sent and, for what the reference stored, the digest of its file with
implementation specific values of the file meta information masked.
"""

from __future__ import annotations

import hashlib
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.tags import NO_TEXT
from dcmrecv.uids import uid_of
from tests.unit.dataset.rewriting import rewrite

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "cases.json").read_text())
GENERIC_CLASS = b"1.2.276.0.7230010.3.1.0.1"
UNKNOWN_SYNTAXES = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.94", "1.2.840.113619.5.2")
"""The reference aborts for these before it looks at the data set."""

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def archive():
    with zipfile.ZipFile(HERE / "datasets.zip") as file:
        yield file


def meta_uid(value: bytes | None, missing: bytes) -> bytes:
    if value is None:
        return missing
    if value == NO_TEXT:
        return b""  # as the reference writes it; what is stored has the command's UID
    if value.startswith(b"="):
        return (uid_of(value[1:].decode("latin-1")) or "").encode()
    return value


def digest(case: dict[str, Any], result) -> str:
    syntax = case["transfer_syntax"].encode()
    elements = [
        (1, "OB", b"\0\1"),
        (2, "UI", meta_uid(result.head.sop_class, GENERIC_CLASS)),
        (3, "UI", None if case["generated_uid"] else meta_uid(result.head.sop_instance, b"")),
        (0x10, "UI", syntax),
        (0x12, "UI", None),
        (0x13, "SH", None),
    ]
    out = hashlib.sha256()
    for element, vr, value in elements:
        shown = "*" if value is None else (value + b"\0" * (len(value) & 1)).hex()
        out.update(f"{element:04x} {vr} {shown}\n".encode())
    out.update(result.data)
    return out.hexdigest()


def random_cuts(size: int, seed: str) -> list[int]:
    chance = random.Random(seed)
    mean = chance.choice((3, 40, 700, 5000))
    cuts = []
    while size > 0:
        cut = min(size, 1 + int(chance.expovariate(1 / mean)))
        cuts.append(cut)
        size -= cut
    return cuts


def check(case: dict[str, Any], data: bytes, cuts) -> None:
    try:
        result = rewrite(data, case["transfer_syntax"].encode(), cuts)
    except DataSetError:
        assert case["status"] == "abort"
        return
    if result.rewriter.empty:
        status = "c000"
    else:
        status = "a700" if result.rewriter.unsaveable else "0000"
    assert status == case["status"]
    if status == "0000":
        assert digest(case, result) == case["sha256"]
        if case["as_received"]:
            assert result.data == data


DEEP = {"syn-nested-300", "syn-crash-deep-nesting"}
"""More levels than `--max-nesting` allows by default (tests/regression/test_deep_nesting.py)."""
ONLY_WHOLE = {"syn-encaps-in-ele", "syn-encaps-in-ile"}
"""A pixel sequence where it does not belong: A700 within one PDV, else an abort (tests/unit/dataset/test_cuts.py)."""
REFUSED_HERE = {"syn-deflated-truncated"}
"""A deflated stream without its end, which the reference stores as far as it goes."""

USUAL = [
    case
    for case in CASES
    if case["status"] is not None
    and case["transfer_syntax"] not in UNKNOWN_SYNTAXES
    and case["id"] not in REFUSED_HERE | DEEP
]


@pytest.mark.parametrize("case", USUAL, ids=lambda case: case["id"])
def test_same_bytes_as_the_reference(case, archive):
    data = archive.read(case["id"])
    check(case, data, case["cuts"])
    if case["cuts"] is None and case["id"] not in ONLY_WHOLE:
        for number in range(2):
            check(case, data, random_cuts(len(data), f"{case['id']} {number}"))


DANGEROUS = [case for case in CASES if case["status"] is None and case["id"] not in DEEP]


@pytest.mark.parametrize("case", DANGEROUS, ids=lambda case: case["id"])
def test_what_kills_the_reference_is_stored(case, archive):
    data = archive.read(case["id"])
    result = rewrite(data, case["transfer_syntax"].encode(), case["cuts"])
    assert not result.rewriter.empty
    assert rewrite(result.data, case["transfer_syntax"].encode()).data == result.data


def test_the_recordings_are_there():
    assert len(USUAL) > 300
    assert len(DANGEROUS) == 2
