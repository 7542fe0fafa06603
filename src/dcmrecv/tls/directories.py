"""Directories of DER certificates and CRLs (``+cd`` with ``-der``), read on demand.

OpenSSL looks up such directories itself only if they hold PEM. Names are those it uses: eight hexadecimal
digits, a dot and a number, with an ``r`` before the number for CRLs. What was found stays for good, as in
the reference: a CRL replaced in place is not read again, a newer one comes as the next number.
"""

from __future__ import annotations

import os
import re
import ssl
import threading

from dcmrecv.tls import der, files

__all__ = ["DerDirectories"]

_NAME = re.compile(rb"[0-9a-f]{8}\.(r?)\d{1,9}")


class DerDirectories:
    """All such directories of a server. Safe to use from many threads."""

    def __init__(self) -> None:
        self._directories: list[bytes] = []
        self._known: set[bytes] = set()
        self._lock = threading.Lock()

    def add(self, path: bytes) -> None:
        """Add *path*, or several of them separated by colons."""
        self._directories += [directory for directory in path.split(b":") if directory]

    def load_new(self, context: ssl.SSLContext) -> None:
        """Give *context* what has appeared since the last call; what is unreadable is left for later."""
        if not self._directories:
            return
        with self._lock:
            for directory in self._directories:
                try:
                    names = sorted(os.listdir(directory))
                except OSError:  # a directory may come later; the reference says nothing
                    continue
                for name in names:
                    self._load(context, os.path.join(directory, name), _NAME.fullmatch(name))

    def _load(self, context: ssl.SSLContext, path: bytes, match: re.Match[bytes] | None) -> None:
        if match is None or path in self._known:
            return
        try:
            content = der.first_element(files.read_material(path))
            if match[1]:
                with files.private_file(files.pem(b"X509 CRL", content)) as name:
                    context.load_verify_locations(cafile=name)
            else:
                context.load_verify_locations(cadata=content)
        except (OSError, der.DerError):  # ssl.SSLError is an OSError
            return
        self._known.add(path)
