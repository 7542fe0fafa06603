"""Data sets of the workloads, made by rule so that every run sends the same bytes.

A data set is its *head* and the length of the pixel data that follows: large ones never exist in memory.
The instance UID ends in `SERIAL_WIDTH` digits that the generator replaces for every object.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from bench.dicom import (
    CT_IMAGE_STORAGE,
    ENHANCED_CT_IMAGE_STORAGE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    element,
    implicit_vr,
    sequence,
    uid,
)

__all__ = [
    "INSTANCE_PREFIX",
    "SERIAL_WIDTH",
    "DataSet",
    "ct_image",
    "implicit_ct_image",
    "multi_frame",
    "pixels",
]

SERIAL_WIDTH = 10
INSTANCE_PREFIX = b"1.2.826.0.1.3680043.10.99.1"
"""The serial number follows directly; the leading 1 keeps the component free of leading zeros."""
PIXEL_PATTERN = bytes(range(256))


def pixels(length: int) -> bytes:
    """Return *length* bytes of pixel data."""
    return (PIXEL_PATTERN * (length // 256 + 1))[:length]


@dataclass(frozen=True)
class DataSet:
    """An object to send. `head` ends with the header of Pixel Data, whose `pixel_length` bytes follow.

    Where `pixel_length` is 0, `head` may be the whole of it.
    """

    sop_class: bytes
    head: bytes
    pixel_length: int
    elements: int
    """Number of data elements, those in items and Pixel Data included."""
    transfer_syntax: bytes = EXPLICIT_LE

    @property
    def size(self) -> int:
        """Bytes of the encoded data set."""
        return len(self.head) + self.pixel_length

    def encoded(self) -> bytes:
        """Return the whole data set."""
        return self.head + pixels(self.pixel_length)


def _text(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)


def _instance(serial: int = 0) -> bytes:
    return INSTANCE_PREFIX + b"%0*d" % (SERIAL_WIDTH, serial)


def _pixel_header(length: int) -> bytes:
    return struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, length)


def _image_elements(sop_class: bytes, rows: int, columns: int) -> dict[int, bytes]:
    values: list[tuple[int, bytes, bytes]] = [
        (0x00080005, b"CS", b"ISO_IR 100"),
        (0x00080008, b"CS", rb"ORIGINAL\PRIMARY\AXIAL"),
        (0x00080012, b"DA", b"20240131"),
        (0x00080013, b"TM", b"101112.5"),
        (0x00080016, b"UI", sop_class),
        (0x00080018, b"UI", _instance()),
        (0x00080020, b"DA", b"20240131"),
        (0x00080021, b"DA", b"20240131"),
        (0x00080022, b"DA", b"20240131"),
        (0x00080023, b"DA", b"20240131"),
        (0x00080030, b"TM", b"101010"),
        (0x00080031, b"TM", b"101020"),
        (0x00080050, b"SH", b"A2024013101"),
        (0x00080060, b"CS", b"CT"),
        (0x00080070, b"LO", b"BENCH"),
        (0x00080080, b"LO", b"General Hospital"),
        (0x00080090, b"PN", b"Referrer^Rita"),
        (0x00081010, b"SH", b"STATION1"),
        (0x00081030, b"LO", b"Abdomen with contrast"),
        (0x0008103E, b"LO", b"Axial 1.0"),
        (0x00100010, b"PN", b"Measure^Mary"),
        (0x00100020, b"LO", b"PAT-0001"),
        (0x00100030, b"DA", b"19700101"),
        (0x00100040, b"CS", b"F"),
        (0x00101010, b"AS", b"054Y"),
        (0x00180015, b"CS", b"ABDOMEN"),
        (0x00180050, b"DS", b"1.0"),
        (0x00180060, b"DS", b"120"),
        (0x00181030, b"LO", b"Routine abdomen"),
        (0x00185100, b"CS", b"HFS"),
        (0x0020000D, b"UI", b"1.2.826.0.1.3680043.10.99.2.1"),
        (0x0020000E, b"UI", b"1.2.826.0.1.3680043.10.99.2.1.1"),
        (0x00200010, b"SH", b"1"),
        (0x00200011, b"IS", b"3"),
        (0x00200013, b"IS", b"17"),
        (0x00200032, b"DS", rb"-250\-250\-120.5"),
        (0x00200037, b"DS", rb"1\0\0\0\1\0"),
        (0x00200052, b"UI", b"1.2.826.0.1.3680043.10.99.2.1.2"),
        (0x00201041, b"DS", b"-120.5"),
        (0x00280002, b"US", struct.pack("<H", 1)),
        (0x00280004, b"CS", b"MONOCHROME2"),
        (0x00280010, b"US", struct.pack("<H", rows)),
        (0x00280011, b"US", struct.pack("<H", columns)),
        (0x00280030, b"DS", rb"0.9765625\0.9765625"),
        (0x00280100, b"US", struct.pack("<H", 16)),
        (0x00280101, b"US", struct.pack("<H", 12)),
        (0x00280102, b"US", struct.pack("<H", 11)),
        (0x00280103, b"US", struct.pack("<H", 0)),
        (0x00281050, b"DS", b"40"),
        (0x00281051, b"DS", b"400"),
        (0x00281052, b"DS", b"-1024"),
        (0x00281053, b"DS", b"1"),
    ]
    binary = (b"US", b"UI")
    return {tag: element(tag, vr, uid(value) if vr in binary else _text(value)) for tag, vr, value in values}


def _code_sequence(tag: int, count: int) -> bytes:
    items = [
        element(0x00080100, b"SH", _text(b"%06d" % (113000 + i)))
        + element(0x00080102, b"SH", b"DCM ")
        + element(0x00080104, b"LO", _text(b"Meaning number %d" % i))
        for i in range(count)
    ]
    return sequence(tag, items, undefined=tag % 4 == 0)


def ct_image(total: int, elements: int) -> DataSet:
    """Return a CT image of *total* bytes and exactly *elements* elements (at least 54), many of them private.

    Private blocks and small code sequences fill up the count as real scanners do.
    """
    tags = _image_elements(CT_IMAGE_STORAGE, 512, 512)
    count = len(tags) + 1
    if elements < count + 1:
        raise ValueError(f"a CT image here has at least {count + 1} elements")
    for tag, codes in ((0x00081110, 1), (0x00081032, 1), (0x00400275, 2), (0x00400260, 1)):
        if count + 1 + 3 * codes <= elements - 60:
            tags[tag] = _code_sequence(tag, codes)
            count += 1 + 3 * codes
    kinds: tuple[tuple[bytes, Callable[[int], bytes]], ...] = (
        (b"LO", lambda i: _text(b"private value %d" % i)),
        (b"DS", lambda i: _text(b"%d.5" % i)),
        (b"IS", lambda i: _text(b"%d" % (i * 7))),
        (b"SL", lambda i: struct.pack("<i", -i)),
        (b"FL", lambda i: struct.pack("<f", i / 3)),
        (b"US", lambda i: struct.pack("<HH", i, i + 1)),
        (b"UN", lambda i: bytes(24)),
        (b"SH", lambda i: _text(b"P%d" % i)),
    )
    for group in (0x0009, 0x0019, 0x0021, 0x0027, 0x0043, 0x0045):
        if count == elements:
            break
        creator = group << 16 | 0x10
        tags[creator] = element(creator, b"LO", b"BENCH PRIVATE 01")
        count += 1
        for number in range(48):
            if count == elements:
                break
            vr, value = kinds[number % len(kinds)]
            tag = group << 16 | 0x1000 | number
            tags[tag] = element(tag, vr, value(number))
            count += 1
    head = b"".join(tags[tag] for tag in sorted(tags))
    pixel_length = (total - len(head) - 12) & ~1
    if pixel_length < 0:
        raise ValueError(f"{total} bytes are too few for {elements} elements")
    return DataSet(CT_IMAGE_STORAGE, head + _pixel_header(pixel_length), pixel_length, count)


def implicit_ct_image(total: int, elements: int) -> DataSet:
    """Return `ct_image` in Implicit VR Little Endian, with as much pixel data as makes it *total* bytes, too."""
    explicit = ct_image(total, elements)
    start = implicit_vr(explicit.head[: -len(_pixel_header(0))])
    pixel_length = (total - len(start) - 8) & ~1
    head = start + struct.pack("<HHI", 0x7FE0, 0x0010, pixel_length)
    return DataSet(CT_IMAGE_STORAGE, head, pixel_length, explicit.elements, IMPLICIT_LE)


def multi_frame(total: int, elements: int) -> DataSet:
    """Return an Enhanced CT of about *total* bytes and *elements* elements, nested in per-frame groups."""
    tags = _image_elements(ENHANCED_CT_IMAGE_STORAGE, 64, 64)
    frames = []
    count = len(tags) + 2
    frame = 0
    while count < elements:
        content = (
            element(0x00189074, b"DT", _text(b"20240131101112.%03d" % (frame % 1000)))
            + element(0x00189220, b"FD", struct.pack("<d", frame * 0.25))
            + element(0x00209056, b"SH", _text(b"%d" % (frame % 50)))
            + element(0x00209057, b"UL", struct.pack("<I", frame))
            + element(0x00209157, b"UL", struct.pack("<II", 1, frame))
        )
        position = element(0x00200032, b"DS", _text(rb"-250\-250\%d.5" % frame))
        plane = element(0x00200037, b"DS", _text(rb"1\0\0\0\1\0"))
        measures = element(0x00180050, b"DS", b"1.25") + element(0x00280030, b"DS", _text(rb"0.97\0.97"))
        window = element(0x00281050, b"DS", _text(b"%d" % (frame % 90))) + element(0x00281051, b"DS", b"400 ")
        transform = (
            element(0x00281052, b"DS", _text(b"-1024"))
            + element(0x00281053, b"DS", b"1 ")
            + element(0x00281054, b"LO", b"HU")
        )
        frames.append(
            sequence(0x00209111, [content])
            + sequence(0x00209113, [position])
            + sequence(0x00209116, [plane])
            + sequence(0x00289110, [measures])
            + sequence(0x00289132, [window], undefined=True)
            + sequence(0x00289145, [transform])
        )
        count += 6 + 5 + 1 + 1 + 2 + 2 + 3
        frame += 1
    tags[0x00280008] = element(0x00280008, b"IS", _text(b"%d" % frame))
    tags[0x52009230] = sequence(0x52009230, frames)
    head = b"".join(tags[tag] for tag in sorted(tags))
    pixel_length = max(0, total - len(head) - 12) & ~1
    return DataSet(ENHANCED_CT_IMAGE_STORAGE, head + _pixel_header(pixel_length), pixel_length, count + 1)
