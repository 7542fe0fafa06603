"""Keys, certificates and parameters: from files to what OpenSSL takes.

A file is read once, within a limit. Everything is handed to OpenSSL as PEM under a private name that is gone
at once: memory that no file system shows (Linux), else a temporary file of mode 0600.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from dcmrecv.files import read_file
from dcmrecv.tls import der, limits

__all__ = [
    "CERTIFICATE_LABELS",
    "DH_LABELS",
    "first_block",
    "is_encrypted",
    "pem",
    "private_file",
    "private_key_block",
    "private_key_pem",
    "read_material",
]

CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
DH_LABELS = (b"DH PARAMETERS", b"X9.42 DH PARAMETERS")

_KEY_LABELS = (
    b"PRIVATE KEY",
    b"ENCRYPTED PRIVATE KEY",
    b"RSA PRIVATE KEY",
    b"EC PRIVATE KEY",
    b"DSA PRIVATE KEY",
)
_BEGIN = re.compile(rb"^-----BEGIN ([A-Z0-9. ]{1,64})-----[ \t\r]*$", re.MULTILINE)
_LINE = 64


def read_material(path: bytes) -> bytes:
    """Return the contents of a file. Raises OSError, also beyond `limits.MATERIAL_BYTES`."""
    return read_file(path, limits.MATERIAL_BYTES)


def first_block(data: bytes, labels: tuple[bytes, ...]) -> tuple[bytes, bytes] | None:
    """Return label and text (headers and base64) of the first PEM block that has one of *labels*."""
    position = 0
    while match := _BEGIN.search(data, position):
        label = match[1]
        end = data.find(b"-----END " + label + b"-----", match.end())
        if end < 0:
            return None
        if label in labels:
            return label, data[match.end() : end]
        position = end
    return None


def block_content(text: bytes) -> bytes:
    """Return the bytes that a PEM block without headers holds. Raises `der.DerError`."""
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error as error:
        raise der.DerError("base64") from error


def private_key_block(data: bytes) -> tuple[bytes, bytes] | None:
    """Return label and text of the first private key of a PEM file."""
    return first_block(data, _KEY_LABELS)


def is_encrypted(label: bytes, text: bytes) -> bool:
    """Tell whether a private key block needs a password (PKCS#8, or the headers of RFC 1421)."""
    return label == b"ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in text


def private_key_pem(data: bytes) -> bytes | None:
    """Return a DER private key (PKCS#8, PKCS#1, SEC1, or OpenSSL's own form of DSA keys) as PEM; None: not one."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_der_private_key(der.first_element(data), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem(label: bytes, content: bytes) -> bytes:
    """Return *content* as a PEM block (RFC 7468)."""
    text = base64.b64encode(content)
    lines = [text[i : i + _LINE] for i in range(0, len(text), _LINE)]
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, b"\n".join(lines), label)


def _memory_file() -> io.FileIO | None:
    """Return a file without a name in any directory, None where that is not possible."""
    try:
        memory = io.FileIO(os.memfd_create("dcmrecv"), "w+b")
    except (AttributeError, OSError):  # not Linux, or forbidden
        return None
    if os.access(f"/proc/self/fd/{memory.fileno()}", os.R_OK):
        return memory
    memory.close()
    return None


@contextmanager
def private_file(data: bytes) -> Iterator[str]:
    """Give the path of a file with *data* that no other user can read and that is gone afterwards."""
    memory = _memory_file()
    if memory is not None:
        with memory:
            memory.write(data)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    with tempfile.NamedTemporaryFile(prefix="dcmrecv-") as file:
        file.write(data)
        file.flush()
        yield file.name
