"""Deeply nested sequences (CVE-2026-44031): stored or refused by a named limit, without recursion."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.dataset import limits
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.rewriter import DataSetRewriter
from tests.support.rawscu import CT_IMAGE, Association
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
"""Bytes the server may grow by for 200,000 frames, about 190 bytes each."""
ENDS = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_100_000_nested_sequences_are_stored(syntax):
    data = (HEADERS[syntax] + ITEM) * 100_000 + ENDS * 100_000
    assert rewrite(data, syntax).data == data


def test_100_000_nested_sequences_out_of_order_are_stored():
    late = struct.pack("<HH2sH", 8, 0x60, b"CS", 2) + b"CT"
    data = (HEADERS[EXPLICIT] + ITEM) * 100_000 + ENDS * 100_000
    assert rewrite(data + late, EXPLICIT).data == late + data


def test_an_object_that_ends_100_000_levels_deep_is_closed():
    data = (HEADERS[EXPLICIT] + ITEM) * 100_000
    assert rewrite(data, EXPLICIT, [len(data), 0]).data == data + ENDS * 100_000


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_deeper_than_the_limit_is_refused(syntax):
    rewriter = DataSetRewriter(syntax, dictionary=builtin_dictionary)
    block = memoryview((HEADERS[syntax] + ITEM) * 800)
    with pytest.raises(DataSetError, match="nesting of sequences"):
        for _ in range(limits.MAX_NESTING // 800 + 2):
            rewriter.feed([block], False)


def test_100_000_nested_sequences_in_one_c_store(tmp_path):
    data = (HEADERS[IMPLICIT] + ITEM) * 100_000 + ENDS * 100_000
    with RunningServer(tmp_path / "out") as server:
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
