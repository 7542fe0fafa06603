"""One object in every transfer syntax of pydicom's table: stored byte for byte, in both modes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import pytest
from pydicom.uid import UID_dictionary

from dcmrecv.transfer_syntaxes import Encoding, encoding_of
from tests.support.rawscu import CT_IMAGE, Association, UnexpectedPdu
from tests.support.server import RunningServer

pytestmark = pytest.mark.live

_DICOM = "1.2.840.10008.1.2"
NO_DATA_SETS = {_DICOM + ".6.1", _DICOM + ".6.2"}
"""MIME and XML (retired): no encodings of a data set in a C-STORE."""
YOUNGER = [_DICOM + suffix for suffix in (".4.110", ".4.111", ".4.112", ".8.1")]
PRIVATE = ["1.2.840.113619.5.2"]
SYNTAXES = [uid for uid, (_, kind, *_) in UID_dictionary.items() if kind == "Transfer Syntax"]
RECEIVED = [*(uid for uid in SYNTAXES if uid not in NO_DATA_SETS), *YOUNGER, *PRIVATE]


def _element(tag: int, vr: bytes, value: bytes, encoding: Encoding, length: int | None = None) -> bytes:
    order = ">" if encoding.big_endian else "<"
    size = len(value) if length is None else length
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if not encoding.explicit:
        return head + struct.pack(order + "I", size) + value
    if vr in (b"OB", b"OW", b"SQ"):
        return head + vr + struct.pack(order + "HI", 0, size) + value
    return head + vr + struct.pack(order + "H", size) + value


def _data_set(syntax: str, instance: str) -> bytes:
    """Return a data set of that encoding: compressed syntaxes with two fragments, others with 64 KiB of pixels."""
    encoding = encoding_of(syntax.encode())
    uid = instance.encode() + b"\0" * (len(instance) % 2)
    parts = [
        _element(0x00080016, b"UI", CT_IMAGE.encode() + b"\0", encoding),
        _element(0x00080018, b"UI", uid, encoding),
        _element(0x00100010, b"PN", b"A^B ", encoding),
    ]
    if encoding.encapsulated:
        fragments = b"".join(
            struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data
            for data in (b"", b"\1\2" * 9000, b"\3\4" * 700)
        )
        pixels = fragments + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        parts.append(_element(0x7FE00010, b"OB", pixels, encoding, 0xFFFFFFFF))
    elif "JPIP" not in UID_dictionary.get(syntax, ("",))[0]:
        parts.append(_element(0x7FE00010, b"OW", bytes(range(256)) * 256, encoding))
    return b"".join(parts)


def _behind_meta_header(raw: bytes) -> bytes:
    return raw[144 + struct.unpack_from("<I", raw, 140)[0] :]


@pytest.fixture(scope="module", params=[[], ["+B"]], ids=["normal", "bit preserving"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    with RunningServer(
        tmp_path_factory.mktemp("syntaxes") / "out", ["--accept-all", *request.param]
    ) as running:
        yield running


@pytest.mark.parametrize("syntax", RECEIVED)
def test_stored_byte_for_byte(server: RunningServer, syntax: str) -> None:
    instance = f"1.2.3.{RECEIVED.index(syntax)}"
    plain = sent = _data_set(syntax, instance)
    deflated = encoding_of(syntax.encode()).deflated
    if deflated:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        sent = packer.compress(plain) + packer.flush()
        sent += b"\0" * (len(sent) % 2)
    with Association(server.port, CT_IMAGE, transfer_syntaxes=(syntax,)) as association:
        assert association.store(instance, sent) == 0
        association.release()
    (path,) = [path for path in server.stored() if path.name == f"CT.{instance}"]
    stored = _behind_meta_header(path.read_bytes())
    if deflated:
        stored = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stored)
    assert stored == plain


@pytest.mark.parametrize("syntax", [*sorted(NO_DATA_SETS), "1.2.3.4.5.99"])
def test_refused_at_negotiation(server: RunningServer, syntax: str) -> None:
    with pytest.raises(UnexpectedPdu) as refused:
        Association(server.port, CT_IMAGE, transfer_syntaxes=(syntax,))
    assert refused.value.kind == 3
