"""Command sets element by element."""

from __future__ import annotations

import struct

import pytest

from dcmrecv.core import limits
from dcmrecv.core.dimse import C_STORE_RQ, CommandError, CommandReader, read_elements
from tests.wire.peer import CT, command, echo_rq, element, store_rq, us


def test_fields() -> None:
    read = CommandReader().read(store_rq(258, b"1.2.3", CT))
    assert read[:6] == (C_STORE_RQ, 258, CT, b"1.2.3", 0, 0x102)
    assert (read.move_originator, read.move_originator_id, read.notes) == (None, None, ())


def test_a_cut_element_of_an_unfinished_command_is_nobodys_fault() -> None:
    elements, notes = read_elements(echo_rq()[:-1], whole=False)
    assert (sorted(elements), notes) == ([0, 2, 0x100, 0x110], ())
    with pytest.raises(CommandError) as caught:
        read_elements(echo_rq()[:-1])
    assert [str(cause) for cause in caught.value.causes] == [
        "0006:020d DIMSE: receiveCommand: cmdSet->read() Failed",
        "0001:0004 Invalid stream",
    ]
    assert [note.kind for note in caught.value.notes] == ["element-cut"]


def test_uid_bytes_that_look_like_a_message_id_do_not_mislead() -> None:
    """The class UID holds the very bytes of the next element's header."""
    trap = b"\0\0\x10\1\2\0\0\0"
    reader = CommandReader()
    for first, second in ((b"aa", 1), (b"bb", 2)):
        request = command(
            element(0, 2, b"1." + trap + first),
            element(0, 0x100, us(0x30)),
            element(0, 0x110, us(second)),
            element(0, 0x800, us(0x101)),
        )
        assert reader.read(request) == CommandReader().read(request)
        assert reader.read(request).message_id == second


def test_layouts_are_bounded() -> None:
    reader = CommandReader()
    for number in range(200):
        reader.read(store_rq(1, b"1.2", CT, element(8, 0x16, bytes(2 * number))))
    assert len(reader._layouts) <= limits.MEMO_COMMANDS


def test_tags_of_ff_bytes() -> None:
    with pytest.raises(CommandError) as caught:
        read_elements(b"\xff" * 40)
    assert [text for _, text in caught.value.lines] == [
        "Found element (????,????) with VR UN and undefined length, "
        "reading a sequence with transfer syntax LittleEndianImplicit (CP-246)",
        "DcmSequenceOfItems: Parse error in sequence (????,????), "
        "found (????,????) instead of sequence delimiter (fffe,e0dd)",
        "DcmSequenceOfItems::readSubItem() cannot create Sub Item (????,????)",
        "DcmItem: Invalid Element (????,????) found in data set",
    ]


def test_an_item_in_a_command_is_not_looked_into() -> None:
    nested = struct.pack("<HHI", 0x40, 0xA730, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 9
    with pytest.raises(CommandError):
        read_elements(nested)
