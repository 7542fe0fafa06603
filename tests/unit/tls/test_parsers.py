"""Readers of hostile bytes: an answer or the documented error, nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmrecv.tls import der, limits
from dcmrecv.tls.certificate import CertificateError, parse_certificate
from dcmrecv.tls.client_hello import NO_HELLO, ClientHello, read_client_hello


def hello(extensions: bytes) -> bytes:
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\x00\x02\x13\x02" + b"\x01\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


NAME = b"\x00\x00\x00\x08\x00\x06\x00\x00\x03foo"
ALPN = b"\x00\x10\x00\x08\x00\x06\x05dicom"


def test_name_and_protocols() -> None:
    assert read_client_hello(hello(NAME + ALPN)) == ClientHello(b"foo", (b"dicom",))
    assert read_client_hello(hello(b"")) == NO_HELLO


def test_every_prefix_wants_more() -> None:
    data = hello(NAME + ALPN)
    assert all(read_client_hello(data[:end]) is None for end in range(len(data)))


def test_a_message_in_two_records() -> None:
    message = hello(NAME + ALPN)[5:]
    records = b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (message[:7], message[7:])
    )
    assert read_client_hello(records) == ClientHello(b"foo", (b"dicom",))


@given(st.binary(max_size=300))
def test_any_bytes_after_a_record_header(data: bytes) -> None:
    for start in (b"", b"\x16\x03\x01\x01\x00", b"\x16\x03\x01\x00\x80\x01\x00\x00\x7c"):
        assert isinstance(read_client_hello(start + data), (ClientHello, type(None)))


def test_an_endless_hello_is_given_up() -> None:
    record = b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + bytes(16380)
    rest = b"\x16\x03\x01\x40\x00" + bytes(16384)
    assert read_client_hello(record + rest * (limits.CLIENT_HELLO_BYTES // 16384)) is NO_HELLO


@given(st.binary(max_size=200))
def test_certificates_of_any_bytes(data: bytes) -> None:
    for start in (b"", b"\x30\x82\x00\x80", b"\x30\x40\x30\x20\xa0\x03\x02\x01\x02"):
        with contextlib.suppress(CertificateError):
            parse_certificate(start + data)


@pytest.mark.parametrize(
    ("data", "kind"), [(b"", "empty"), (b"\x30\x10\x00", "short"), (b"\x30\x00", "wrong")]
)
def test_shapes(data: bytes, kind: str) -> None:
    assert der.shape(data) == kind
