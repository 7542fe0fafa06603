"""Command sets element by element."""

from __future__ import annotations

import re
import struct

import pytest
from pydicom.datadict import keyword_for_tag

from dcmrecv import remarks
from dcmrecv.core.dimse import C_STORE_RQ, CommandError, read_command, read_elements
from tests.wire.peer import CT, command, echo_rq, element, store_rq, us


def test_fields() -> None:
    read = read_command(store_rq(258, b"1.2.3", CT))
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
    assert [note.kind for note in caught.value.notes] == [remarks.ELEMENT_CUT]


def test_tags_of_ff_bytes() -> None:
    with pytest.raises(CommandError) as caught:
        read_elements(b"\xff" * 40)
    tag = 0xFFFFFFFF
    assert caught.value.notes == (
        remarks.UNKNOWN_SEQUENCE(tag),
        remarks.NO_SEQUENCE_DELIMITER(tag, tag),
        remarks.NO_SUB_ITEM(tag),
        remarks.ELEMENT_INVALID(tag),
    )


def test_an_item_in_a_command_is_not_looked_into() -> None:
    nested = struct.pack("<HHI", 0x40, 0xA730, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 9
    with pytest.raises(CommandError):
        read_elements(nested)


def test_groups_that_no_element_may_have() -> None:
    data = b"".join(element(group, 0x10, b"") for group in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xFFFF))
    _, notes = read_elements(data)
    found = [int(str(note.args[0])) >> 16 for note in notes if note.kind is remarks.ELEMENT_INVALID]
    assert found == [1, 2, 3, 5, 7, 0xFFFF]


@pytest.mark.parametrize(
    ("kind", "count"),
    [(0x0001, 5), (0x0010, 4), (0x0021, 5), (0x0030, 3), (0x0100, 5), (0x0130, 5), (0x0FFF, 2)]
    + [(kind, 3) for kind in (0x8001, 0x8030, 0x8150)],
)
def test_a_missing_element_is_called_by_its_keyword(kind: int, count: int) -> None:
    """Each element in turn, called as in the data dictionary of another implementation."""
    present = {0x0100: us(kind)}
    while True:
        try:
            read_command(command(*(element(0, n, value) for n, value in sorted(present.items()))))
        except CommandError as error:
            text = error.causes[0].text
        else:
            break
        found = re.search(r"Element: \(0000,([0-9a-f]{4})\) (\w+)$", text)
        if found is None:  # all are there: whether a data set follows is another matter
            assert text == "DIMSE Badly formed message"
            break
        number = int(found[1], 16)
        assert found[2] == keyword_for_tag(number)
        assert number not in present
        present[number] = b"1\0" if number in (0x0002, 0x0003, 0x0600, 0x1000, 0x1001) else us(1)
    assert len(present) == 1 + count
