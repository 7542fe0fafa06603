"""The header of HAProxy's PROXY protocol, versions 1 and 2: whose connection a load balancer passes on.

Pure functions of bytes. A header stands before everything else, TLS too, and nothing behind it may be read
with it: `missing` says how many bytes may be read next. Source: "The PROXY protocol", haproxy.org, sections 2.1
and 2.2.
"""

from __future__ import annotations

import ipaddress
import re
import struct

__all__ = ["MAX_LENGTH", "ProxyHeaderError", "missing", "source"]

MAX_LENGTH = 4096
"""Bytes of a version 2 header behind its first 16, with what TLVs it has (ours; the protocol allows 65,535)."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = 16
_VERSION_1 = b"PROXY "
_MOST_VERSION_1 = 107
_LINE = re.compile(rb"PROXY TCP([46]) ([0-9A-Fa-f.:]{2,39}) ([0-9A-Fa-f.:]{2,39}) (\d{1,5}) (\d{1,5})\r\n")
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_LOCAL, _PROXY = 0x20, 0x21
_ADDRESSES = {0x11: 4, 0x21: 16}
"""Bytes of an address by family and transport: TCP over IPv4 and over IPv6. All others have no address of use."""


class ProxyHeaderError(ValueError):
    """These bytes are no PROXY protocol header, or one that is too long."""


def missing(data: bytes) -> int:
    """Return how many bytes the header that begins with *data* has at least beyond them, 0 if it is whole.

    Raises `ProxyHeaderError` as soon as it is certain that it is none.
    """
    if data[: len(_SIGNATURE)] == _SIGNATURE[: len(data)]:
        if len(data) < _FIXED:
            return _FIXED - len(data) if len(data) >= len(_SIGNATURE) else len(_SIGNATURE) - len(data)
        if data[12] not in (_LOCAL, _PROXY):
            raise ProxyHeaderError("unknown version or command")
        length: int = struct.unpack_from(">H", data, 14)[0]
        if length > MAX_LENGTH:
            raise ProxyHeaderError("too long")
        return _FIXED + length - len(data)
    if data[: len(_VERSION_1)] != _VERSION_1[: len(data)]:
        raise ProxyHeaderError("neither version 1 nor version 2")
    end = data.find(b"\n")
    if end >= 0:
        if end != len(data) - 1:
            raise ProxyHeaderError("more than a header")
        return 0
    if len(data) >= _MOST_VERSION_1:
        raise ProxyHeaderError("too long")
    return 2 if not data.endswith(b"\r") and len(data) < _MOST_VERSION_1 - 1 else 1


def source(header: bytes) -> tuple[str, int] | None:
    """Return address and port of the real peer in a whole *header*.

    None: the connection is the balancer's own (LOCAL, a health check), or it does not say whose (UNKNOWN).
    Raises `ProxyHeaderError`.
    """
    if header.startswith(_SIGNATURE):
        size = _ADDRESSES.get(header[13])
        if header[12] == _LOCAL or size is None:
            return None
        if len(header) < _FIXED + 2 * size + 4:
            raise ProxyHeaderError("addresses are cut off")
        address = ipaddress.ip_address(header[_FIXED : _FIXED + size])
        return str(address), struct.unpack_from(">H", header, _FIXED + 2 * size)[0]
    if _UNKNOWN.fullmatch(header):
        return None
    line = _LINE.fullmatch(header)
    if line is None:
        raise ProxyHeaderError("not a header of version 1")
    version, *addresses, port, other_port = (group.decode("ascii") for group in line.groups())
    try:
        first, second = map(ipaddress.IPv4Address if version == "4" else ipaddress.IPv6Address, addresses)
    except ValueError:
        raise ProxyHeaderError("not an address") from None
    if max(int(port), int(other_port)) > 0xFFFF or second.version != first.version:
        raise ProxyHeaderError("not a port")
    return str(first), int(port)
