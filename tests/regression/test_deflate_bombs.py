"""Deflated data that grows a thousandfold: passed in bounded steps, refused beyond a named limit."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest

from dcmrecv.dataset import limits
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.rewriter import DataSetRewriter

DEFLATED = b"1.2.840.10008.1.2.1.99"


def bomb(megabytes: int) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    header = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, megabytes << 20)
    out = [deflate.compress(header)]
    out += [deflate.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return b"".join([*out, deflate.flush()])


def test_a_bomb_takes_no_memory():
    data = memoryview(bomb(200))
    rewriter = DataSetRewriter(DEFLATED, dictionary=builtin_dictionary)
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in rewriter.feed([data], True))
        size += sum(len(piece) for piece in rewriter.finish())
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert size < 2 * len(data)


def test_beyond_a_ratio_that_no_image_has_it_is_refused(monkeypatch):
    """A megabyte was good for a gigabyte of disk when it had to be sorted, and for 12 s of work."""
    monkeypatch.setattr(limits, "INFLATE_UNRATED", 8 << 20)
    rewriter = DataSetRewriter(DEFLATED, dictionary=builtin_dictionary)
    assert rewriter.feed([memoryview(bomb(7))], True)
    rewriter = DataSetRewriter(DEFLATED, dictionary=builtin_dictionary)
    with pytest.raises(DataSetError, match="ratio of the inflated data set"):
        rewriter.feed([memoryview(bomb(9))], True)


def test_a_megabyte_is_good_for_no_gigabyte():
    assert limits.INFLATE_UNRATED <= 256 << 20
    assert limits.MAX_INFLATE_RATIO <= 100


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_stream_without_its_end_is_refused(cut):
    data = bomb(1)
    rewriter = DataSetRewriter(DEFLATED, dictionary=builtin_dictionary)
    rewriter.feed([memoryview(data)[:-cut]], True)
    with pytest.raises(DataSetError):
        rewriter.finish()


def test_beyond_the_limit_it_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_INFLATED", 10 << 20)
    rewriter = DataSetRewriter(DEFLATED, dictionary=builtin_dictionary)
    with pytest.raises(DataSetError, match="size of the inflated data set"):
        rewriter.feed([memoryview(bomb(20))], True)
