"""The pre-encoded association that a generator sends: `Plan`, and its file that the C generator maps.

File, little endian: ``DCMPLAN1``, u32 request size, request, u32 messages; each message: u64 payload, u32
patches of (u32 offset, u32 width, u32 kind), u32 segments of (u32 offset, u32 length, u32 repeat), u32 size,
data. Segments are sent in order, each *repeat* times. Patches are applied for every message.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from bench import dicom
from bench.objects import INSTANCE_PREFIX, SERIAL_WIDTH, DataSet, pixels

__all__ = ["PATCH_MESSAGE_ID", "PATCH_SERIAL", "Message", "Plan", "echo_plan", "store_plan"]

PATCH_SERIAL = 0
PATCH_MESSAGE_ID = 1
CHUNK = 1 << 18
"""Bytes that a repeated segment has at least, so that a send is worth its system call."""
WHOLE = 4 << 20
"""Objects up to this size are sent from one segment."""
CONTEXTS = (
    (1, dicom.VERIFICATION, (dicom.IMPLICIT_LE,)),
    (3, dicom.CT_IMAGE_STORAGE, (dicom.EXPLICIT_LE,)),
    (5, dicom.CT_IMAGE_STORAGE, (dicom.IMPLICIT_LE,)),
    (7, dicom.ENHANCED_CT_IMAGE_STORAGE, (dicom.EXPLICIT_LE,)),
    (9, dicom.ENHANCED_CT_IMAGE_STORAGE, (dicom.IMPLICIT_LE,)),
)
"""What every association proposes; other kinds of objects come after these."""


@dataclass(frozen=True)
class Message:
    """One request: `data`, what to patch in it, and which parts to send how often."""

    payload: int
    """Bytes of the data set."""
    patches: tuple[tuple[int, int, int], ...]
    segments: tuple[tuple[int, int, int], ...]
    data: bytes

    @property
    def wire_size(self) -> int:
        """Bytes on the wire."""
        return sum(length * repeat for _, length, repeat in self.segments)


@dataclass(frozen=True)
class Plan:
    """An A-ASSOCIATE-RQ and the messages that are sent in turn."""

    request: bytes
    messages: tuple[Message, ...]

    def save(self, path: Path) -> None:
        """Write the plan for the C generator to *path*."""
        parts = [b"DCMPLAN1", struct.pack("<I", len(self.request)), self.request]
        parts.append(struct.pack("<I", len(self.messages)))
        for message in self.messages:
            parts.append(struct.pack("<QI", message.payload, len(message.patches)))
            parts += [struct.pack("<III", *patch) for patch in message.patches]
            parts.append(struct.pack("<I", len(message.segments)))
            parts += [struct.pack("<III", *segment) for segment in message.segments]
            parts += [struct.pack("<I", len(message.data)), message.data]
        path.write_bytes(b"".join(parts))


def echo_plan() -> Plan:
    """Return a plan of C-ECHO requests."""
    command = dicom.c_echo_request(0)
    data = dicom.fragment(1, command, command=True, last=True)
    offset = data.index(b"\x10\x01\x02\0\0\0", dicom.COMMAND_FRAGMENT_HEADER) + 6
    message = Message(0, ((offset, 2, PATCH_MESSAGE_ID),), ((0, len(data), 1),), data)
    return Plan(dicom.associate_request(CONTEXTS), (message,))


def store_message(data_set: DataSet, max_pdu: int, context: int) -> Message:
    """Return the C-STORE of *data_set*: one PDV per PDU, fragments of *max_pdu* - 12 bytes as DCMTK sends."""
    size = max_pdu - 12
    instance = INSTANCE_PREFIX + b"0" * SERIAL_WIDTH
    command = dicom.c_store_request(0, data_set.sop_class, instance)
    out = bytearray(dicom.fragment(context, command, command=True, last=True))
    message_id = out.index(b"\x10\x01\x02\0\0\0", dicom.COMMAND_FRAGMENT_HEADER) + 6
    patches = [
        (message_id, 2, PATCH_MESSAGE_ID),
        (out.index(instance) + len(INSTANCE_PREFIX), SERIAL_WIDTH, PATCH_SERIAL),
    ]
    first = len(out)
    segments: list[tuple[int, int, int]] = []
    if data_set.size <= WHOLE:
        data = data_set.encoded()
        for at in range(0, len(data), size):
            part = data[at : at + size]
            out += dicom.fragment(context, part, command=False, last=at + size >= len(data))
        segments.append((0, len(out), 1))
    else:
        head_pdus = -(-len(data_set.head) // size)
        start = data_set.head + pixels(head_pdus * size - len(data_set.head))
        for at in range(0, len(start), size):
            out += dicom.fragment(context, start[at : at + size], command=False, last=False)
        segments.append((0, len(out), 1))
        remaining = data_set.size - len(start)
        pdus = (remaining - 1) // size
        pdu = dicom.fragment(context, pixels(size), command=False, last=False)
        per_chunk = max(1, CHUNK // len(pdu))
        offset = len(out)
        out += pdu * per_chunk
        if pdus // per_chunk:
            segments.append((offset, len(pdu) * per_chunk, pdus // per_chunk))
        if pdus % per_chunk:
            segments.append((offset, len(pdu), pdus % per_chunk))
        tail = dicom.fragment(context, pixels(remaining - pdus * size), command=False, last=True)
        segments.append((len(out), len(tail), 1))
        out += tail
    at = out.find(instance, first)
    if at < 0:
        raise ValueError("the instance UID is cut by the end of a fragment")
    patches.append((at + len(INSTANCE_PREFIX), SERIAL_WIDTH, PATCH_SERIAL))
    return Message(data_set.size, tuple(patches), tuple(segments), bytes(out))


def store_plan(data_sets: tuple[DataSet, ...], max_pdu: int) -> Plan:
    """Return a plan of C-STOREs of *data_sets* in turn."""
    contexts = list(CONTEXTS)
    ids = {(abstract, transfers[0]): number for number, abstract, transfers in contexts}
    for data_set in data_sets:
        kind = (data_set.sop_class, data_set.transfer_syntax)
        if kind not in ids:
            ids[kind] = 2 * len(contexts) + 1
            contexts.append((ids[kind], data_set.sop_class, (data_set.transfer_syntax,)))
    messages = (store_message(d, max_pdu, ids[d.sop_class, d.transfer_syntax]) for d in data_sets)
    return Plan(dicom.associate_request(contexts), tuple(messages))
