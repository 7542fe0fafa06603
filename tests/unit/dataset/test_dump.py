from __future__ import annotations

import struct

from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.dump import dump_data_set

EXPLICIT = b"1.2.840.10008.1.2.1"


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def dump(data: bytes) -> list[str]:
    return dump_data_set(data, EXPLICIT, builtin_dictionary())


def test_values():
    data = (
        element(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0")
        + element(0x00080060, b"CS", b"")
        + element(0x00100010, b"PN", b"A" * 80)
        + element(0x00280010, b"US", struct.pack("<3H", 1, 2, 300))
        + element(0x00720076, b"FL", struct.pack("<f", -11.2))
        + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 200)
        + bytes(200)
    )
    assert dump(data) == [
        "(0008,0016) UI =CTImageStorage                          #  26, 1 SOPClassUID",
        "(0008,0060) CS (no value available)                     #   0, 0 Modality",
        "(0010,0010) PN [" + "A" * 66 + "... #  80, 1 PatientName",
        "(0028,0010) US 1\\2\\300                                  #   6, 3 Rows",
        "(0072,0076) FL -11.1999998                              #   4, 1 SelectorFLValue",
        "(7fe0,0010) OW " + "\\".join(["0000"] * 13) + "... # 200, 1 PixelData",
    ]


def test_sequences():
    inner = element(0x00080060, b"CS", b"CT")
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    data = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(item)) + item
    assert dump(data) == [
        "(0008,1115) SQ (Sequence with explicit length #=1)      #  18, 1 ReferencedSeriesSequence",
        "  (fffe,e000) na (Item with explicit length #=1)          #  10, 1 Item",
        "    (0008,0060) CS [CT]                                     #   2, 1 Modality",
        "  (fffe,e00d) na (ItemDelimitationItem for re-encoding)   #   0, 0 ItemDelimitationItem",
        "(fffe,e0dd) na (SequenceDelimitationItem for re-encod.) #   0, 0 SequenceDelimitationItem",
    ]


def test_data_that_ends_early_is_shown_as_far_as_it_goes():
    assert len(dump(element(0x00080060, b"CS", b"CT") + b"\x08\0")) == 1
