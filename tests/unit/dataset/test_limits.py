"""Both sides of the data set's limits, made small for the purpose."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from dcmrecv.dataset import dictionary_files, limits
from dcmrecv.dataset.dictionary import DataDictionary, builtin_dictionary
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.rewriter import DataSetRewriter

EXPLICIT = b"1.2.840.10008.1.2.1"
DEFLATED = b"1.2.840.10008.1.2.1.99"


def short(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def long_value(tag: int, value: bytes) -> bytes:
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"OB", 0, len(value)) + value


def rewrite(data: bytes, syntax: bytes = EXPLICIT) -> bytes:
    rewriter = DataSetRewriter(syntax, dictionary=builtin_dictionary)
    out = b"".join(map(bytes, rewriter.feed([data], True)))
    return out + b"".join(map(bytes, rewriter.finish()))


def test_inflated_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_INFLATED", 1 << 20)

    def deflated(size: int) -> bytes:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15, 8)
        return packer.compress(long_value(0x00091001, bytes(size))) + packer.flush()

    small = deflated((1 << 20) - 12)
    assert rewrite(small, DEFLATED) == small
    with pytest.raises(DataSetError, match="Limit exceeded"):
        rewrite(deflated((1 << 20) + 200_000), DEFLATED)


def test_group_length_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PATCHES", 10)

    def groups(count: int) -> bytes:
        """Each group length is wrong, so each is a patch."""
        return b"".join(
            short(number << 17, b"UL", b"\1\0\0\0") + short(number << 17 | 0x10, b"LO", b"AB")
            for number in range(4, 4 + count)
        )

    assert len(rewrite(groups(10))) == len(groups(10))
    with pytest.raises(DataSetError, match="Limit exceeded"):
        rewrite(groups(12))


def test_dictionary_file_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line = b"(0010,0010)\tPN\tPatientName\t1\tDICOM\n"
    file = tmp_path / "d.dic"
    file.write_bytes(line)
    lines: list[str] = []
    monkeypatch.setattr(dictionary_files, "MAX_FILE_SIZE", len(line))
    assert dictionary_files.load_file(DataDictionary(), bytes(file), lambda level, text: lines.append(text))
    file.write_bytes(line + b"\n")
    assert not dictionary_files.load_file(
        DataDictionary(), bytes(file), lambda level, text: lines.append(text)
    )
    assert lines[-1] == f"DcmDataDictionary: Cannot open file: {file}"
