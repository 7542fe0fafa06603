"""The header of the PROXY protocol: bytes in, peer out."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.server.proxy_protocol import MAX_LENGTH, ProxyHeaderError, missing, source

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"

ports = st.integers(0, 0xFFFF)
pairs = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)),
    st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6)),
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def version_1(peer: Address, own: Address, port: int, own_port: int) -> bytes:
    return f"PROXY TCP{peer.version} {peer} {own} {port} {own_port}\r\n".encode()


def version_2(peer: Address, own: Address, port: int, own_port: int, further: bytes = b"") -> bytes:
    body = peer.packed + own.packed + struct.pack(">HH", port, own_port) + further
    family = 0x11 if peer.version == 4 else 0x21
    return SIGNATURE + struct.pack(">BBH", 0x21, family, len(body)) + body


def read(stream: bytes) -> tuple[bytes, bytes]:
    """Read a header as the server does; return it and what it left."""
    header = b""
    while count := missing(header):
        if len(stream) < count:
            raise EOFError
        header, stream = header + stream[:count], stream[count:]
    return header, stream


@given(pairs, ports, ports, st.binary(max_size=200), st.binary(max_size=40), st.booleans())
def test_any_header_is_read_to_its_end_and_no_further(
    pair: tuple[Address, Address], port: int, own_port: int, further: bytes, behind: bytes, is_old: bool
) -> None:
    header = version_1(*pair, port, own_port) if is_old else version_2(*pair, port, own_port, further)
    assert read(header + behind) == (header, behind)
    assert source(header) == (str(pair[0]), port)


@given(pairs, st.booleans(), st.data())
def test_a_header_that_is_cut_off_is_not_whole(
    pair: tuple[Address, Address], is_old: bool, data: st.DataObject
) -> None:
    header = version_1(*pair, 1, 2) if is_old else version_2(*pair, 1, 2)
    length = data.draw(st.integers(0, len(header) - 1))
    assert 0 < missing(header[:length]) <= len(header) - length


@given(
    st.one_of(st.binary(), st.binary().map(lambda x: SIGNATURE + x), st.binary().map(lambda x: b"PROXY " + x))
)
def test_no_bytes_do_harm(stream: bytes) -> None:
    try:
        header, _ = read(stream)
        peer = source(header)
    except (EOFError, ProxyHeaderError):
        return
    assert len(header) <= 16 + MAX_LENGTH
    if peer is not None:
        assert ipaddress.ip_address(peer[0])
        assert 0 <= peer[1] <= 0xFFFF


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        SIGNATURE + b"\x20\x00\x00\x00",
        SIGNATURE + b"\x20\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x00\x00\x00",
        SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216),
        SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
    ],
)
def test_headers_without_a_peer(header: bytes) -> None:
    assert read(header) == (header, b"")
    assert source(header) is None


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x01\x00\x00\x00\x00\xcd",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        b"PROXY TCP4 1.2.3.400 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY " + b"x" * 101 + b"\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),
        SIGNATURE + b"\x21\x21\x00\x23" + bytes(35),
        SIGNATURE + struct.pack(">BBH", 0x21, 0x11, MAX_LENGTH + 1) + bytes(MAX_LENGTH + 1),
    ],
)
def test_what_is_no_header(header: bytes) -> None:
    with pytest.raises((ProxyHeaderError, EOFError)):  # cut off, as far as can be known by then
        source(read(header)[0])
