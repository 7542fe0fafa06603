"""What the generator sends is what the standard says, read back with pydicom and by hand."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pydicom.config
import pytest
from bench import dicom
from bench.generator import response_status
from bench.objects import (
    INSTANCE_PREFIX,
    SERIAL_WIDTH,
    DataSet,
    ct_image,
    implicit_ct_image,
    multi_frame,
    pixels,
)
from bench.plan import PATCH_MESSAGE_ID, PATCH_SERIAL, Message, echo_plan, store_message, store_plan
from bench.study import FILES, study_mix


def sent(message: Message) -> bytes:
    return b"".join(message.data[at : at + length] * repeat for at, length, repeat in message.segments)


def fragments(wire: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (PDU length, context, control, data)."""
    at = 0
    while at < len(wire):
        kind, _, length, pdv, context, control = struct.unpack_from(">BBIIBB", wire, at)
        assert kind == 4
        assert pdv == length - 4
        yield length, context, control, wire[at + 12 : at + 6 + length]
        at += 6 + length


def read(data_set: DataSet) -> pydicom.Dataset:
    file = dicom.part10(data_set.sop_class, b"1.2.3", data_set.encoded(), data_set.transfer_syntax)
    return pydicom.dcmread(io.BytesIO(file))


@pytest.mark.parametrize(("total", "elements"), [(8192, 60), (39 * 1024, 80), (512 * 1024, 200)])
def test_ct_image_has_the_size_and_elements_asked_for(total: int, elements: int) -> None:
    data_set = ct_image(total, elements)
    assert data_set.size == total == len(data_set.encoded())
    parsed = read(data_set)
    assert sum(1 for _ in parsed.iterall()) == elements == data_set.elements
    assert parsed.SOPInstanceUID == (INSTANCE_PREFIX + b"0" * SERIAL_WIDTH).decode()


def test_ct_image_refuses_what_it_cannot_make() -> None:
    with pytest.raises(ValueError, match="at least"):
        ct_image(8192, 10)
    with pytest.raises(ValueError, match="too few"):
        ct_image(1000, 60)


def test_multi_frame_nests_its_elements() -> None:
    data_set = multi_frame(100_000, 1000)
    parsed = read(data_set)
    assert sum(1 for _ in parsed.iterall()) == data_set.elements
    assert 1000 <= data_set.elements < 1030
    assert parsed.PerFrameFunctionalGroupsSequence[1].FrameContentSequence[0].InStackPositionNumber == 1


@pytest.mark.parametrize("max_pdu", [4096, 16384, 131072])
@pytest.mark.parametrize("size", [8192, 39 * 1024, 5_000_000])
def test_store_message_carries_the_data_set(size: int, max_pdu: int) -> None:
    data_set = ct_image(size, 80)
    message = store_message(data_set, max_pdu, 3)
    parts = list(fragments(sent(message)))
    assert max(length for length, *_ in parts) <= max_pdu
    assert [control for _, _, control, _ in parts] == [3, *[0] * (len(parts) - 2), 2]
    assert {context for _, context, _, _ in parts} == {3}
    body = b"".join(data for _, _, control, data in parts if not control & 1)
    assert len(body) == size == message.payload
    assert body.startswith(data_set.head)


def test_patches_point_at_the_identifiers() -> None:
    message = store_message(ct_image(8192, 60), 16384, 3)
    data = bytearray(message.data)
    for offset, width, kind in message.patches:
        data[offset : offset + width] = b"\x22\x11" if kind == PATCH_MESSAGE_ID else b"0000000042"
    assert sorted(kind for *_, kind in message.patches) == [PATCH_SERIAL, PATCH_SERIAL, PATCH_MESSAGE_ID]
    instance = INSTANCE_PREFIX + b"0000000042"
    (_, _, _, command), (_, _, _, body) = fragments(bytes(data))
    assert b"\x10\x01\x02\0\0\0\x22\x11" in command
    assert command.count(instance) == 1
    assert body.count(instance) == 1


def test_small_repeats_stand_for_large_objects() -> None:
    message = store_message(ct_image(200 << 20, 80), 16384, 3)
    assert len(message.data) < 1 << 20
    assert message.wire_size > 200 << 20


@pytest.mark.parametrize(("total", "elements"), [(8192, 60), (512 * 1024, 200)])
def test_implicit_ct_image_says_the_same_in_the_other_encoding(total: int, elements: int) -> None:
    explicit, implicit = ct_image(total, elements), implicit_ct_image(total, elements)
    assert implicit.size == total == len(implicit.encoded())
    assert implicit.elements == elements
    assert implicit.transfer_syntax == dicom.IMPLICIT_LE
    ours, theirs = read(implicit), read(explicit)
    ours.decode()
    for name in ("PixelData", "file_meta"):
        for parsed in (ours, theirs):
            parsed.__delattr__(name)
    private = [element.tag for element in theirs.iterall() if element.tag.is_private]
    assert len(private) > 1
    tags = [element.tag for element in ours.iterall()]
    assert tags == [element.tag for element in theirs.iterall()]
    for parsed in (ours, theirs):
        parsed.remove_private_tags()
    assert ours == theirs


def test_the_study_is_of_real_objects_of_many_kinds() -> None:
    data_sets = study_mix()
    assert len(data_sets) == len(FILES)
    assert len({d.sop_class for d in data_sets}) >= 10
    assert len({d.transfer_syntax for d in data_sets}) >= 5
    for data_set in data_sets:
        parsed = read(data_set)
        assert parsed.SOPClassUID.encode() == data_set.sop_class
        assert parsed.SOPInstanceUID == (INSTANCE_PREFIX + b"0" * SERIAL_WIDTH).decode()
        with pydicom.config.disable_value_validation():
            assert sum(1 for _ in parsed.iterall()) == data_set.elements
    plan = store_plan(data_sets, 16384)
    assert len({message.data[10] for message in plan.messages}) == len(
        {(d.sop_class, d.transfer_syntax) for d in data_sets}
    )


def test_plan_file(tmp_path: Path) -> None:
    plan = store_plan((ct_image(8192, 60), ct_image(8192, 61)), 16384)
    path = tmp_path / "plan"
    plan.save(path)
    content = path.read_bytes()
    assert content.startswith(b"DCMPLAN1" + struct.pack("<I", len(plan.request)) + plan.request)
    assert content.endswith(plan.messages[1].data)


def test_associate_request_lengths_add_up() -> None:
    request = echo_plan().request
    kind, length = struct.unpack_from(">BxI", request)
    assert (kind, length) == (1, len(request) - 6)
    at, items = 74, []
    while at < len(request):
        item, size = struct.unpack_from(">BxH", request, at)
        items.append(item)
        at += 4 + size
    assert at == len(request)
    assert items[0] == 0x10
    assert items[-1] == 0x50
    assert set(items[1:-1]) == {0x20}


def test_status_of_a_response() -> None:
    command = struct.pack("<HHIHHHIH", 0, 0, 2, 0, 0, 0x0900, 2, 0xA700)
    assert response_status(dicom.fragment(1, command, command=True, last=True)) == "A700"
    with pytest.raises(ValueError, match="without a status"):
        response_status(dicom.fragment(1, command[:10], command=True, last=True))
    with pytest.raises(ValueError, match="no response"):
        response_status(b"\x07\0\0\0\0\x04\0\0\0\0")


def test_sequences_of_both_kinds_read_the_same() -> None:
    item = dicom.element(0x00080100, b"SH", b"113000")
    for undefined in (False, True):
        data = dicom.sequence(0x00081032, [item, item], undefined=undefined)
        parsed = pydicom.dcmread(io.BytesIO(dicom.part10(b"1.2", b"1.2.3", data)))
        assert [code.CodeValue for code in parsed.ProcedureCodeSequence] == ["113000", "113000"]


def test_pixels_are_the_pattern() -> None:
    assert pixels(258) == bytes(range(256)) + b"\0\x01"
