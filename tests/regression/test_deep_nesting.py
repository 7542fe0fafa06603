"""Deeply nested sequences (CVE-2026-44031): refused beyond a limit, and stored below it, without recursion."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import DataSetError
from tests.support.rawscu import CT_IMAGE, Association, UnexpectedPdu
from tests.support.server import RunningServer
from tests.unit.dataset.rewriting import rewrite

EXPLICIT = b"1.2.840.10008.1.2.1"
IMPLICIT = b"1.2.840.10008.1.2"
HEADERS = {
    EXPLICIT: struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF),
    IMPLICIT: struct.pack("<HHI", 0x0040, 0xA730, 0xFFFFFFFF),
}
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
MEMORY = 48 << 20
"""Bytes the server may grow by for 200,000 frames, 48 bytes each, and what they make the system allocate."""
ENDS = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
DEEP = 100_000


def nested(levels: int, syntax: bytes = EXPLICIT) -> bytes:
    return (HEADERS[syntax] + ITEM) * levels + ENDS * levels


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("single_steps", [False, True])
def test_64_levels_are_stored_and_65_are_refused(syntax, single_steps):
    """As DCMTK after 3.7.0 does, with its error and its line."""
    data = nested(limits.NESTING, syntax)
    assert rewrite(data, syntax, single_steps=single_steps).data == data
    notes: list[tuple[str, str]] = []
    with pytest.raises(DataSetError, match="Maximum sequence nesting depth exceeded"):
        rewrite(
            nested(limits.NESTING + 1, syntax),
            syntax,
            note=lambda *note: notes.append(note),
            single_steps=single_steps,
        )
    assert notes == [
        (
            "E",
            "DcmSequenceOfItems: Maximum nesting depth (64) exceeded while parsing sequence ContentSequence "
            "(0040,a730)",
        )
    ]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_100_000_nested_sequences_are_stored_where_they_are_allowed(syntax):
    data = nested(DEEP, syntax)
    assert rewrite(data, syntax, max_nesting=DEEP).data == data


def test_100_000_nested_sequences_out_of_order_are_stored():
    late = struct.pack("<HH2sH", 8, 0x60, b"CS", 2) + b"CT"
    data = nested(DEEP)
    assert rewrite(data + late, EXPLICIT, max_nesting=DEEP).data == late + data


def test_an_object_that_ends_100_000_levels_deep_is_closed():
    data = (HEADERS[EXPLICIT] + ITEM) * DEEP
    assert rewrite(data, EXPLICIT, [len(data), 0], max_nesting=DEEP).data == data + ENDS * DEEP


def test_a_server_refuses_65_levels_by_an_abort(tmp_path):
    with RunningServer(tmp_path / "out") as server:
        with Association(server.port, CT_IMAGE) as association:
            assert association.store("1.2.3", nested(64, IMPLICIT)) == 0
            with pytest.raises(UnexpectedPdu):
                association.store("1.2.4", nested(65, IMPLICIT))
        assert [path.name for path in server.stored()] == ["CT.1.2.3"]
        assert server.stop() == -15


def test_100_000_nested_sequences_in_one_c_store(tmp_path):
    data = nested(DEEP, IMPLICIT)
    with RunningServer(tmp_path / "out", ("--accept-all", "--max-nesting", str(DEEP))) as server:
        with Association(server.port, CT_IMAGE) as association:
            assert association.store("1.2.3", struct.pack("<HHI", 8, 0x60, 2) + b"CT") == 0
            before = server.resident()
            assert association.store("1.2.4", data) == 0
            assert association.store("1.2.5", HEADERS[IMPLICIT] + ITEM + ENDS) == 0
            association.release()
        assert server.resident() - before < MEMORY
        stored = {path.name: path for path in server.stored()}
        assert stored["CT.1.2.4"].read_bytes().endswith(data)
        assert server.stop() == -15
