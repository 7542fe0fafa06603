"""What the TLS library of this Python can do."""

from __future__ import annotations

import ssl
from functools import cache

from dcmrecv.tls.suites import SUITES, supported_profiles

__all__ = ["library_suites", "list_ciphers", "profiles"]


@cache
def library_suites() -> frozenset[str]:
    """Return OpenSSL's names of all suites it has, those without encryption included."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:eNULL:@SECLEVEL=0")
    return frozenset(suite["name"] for suite in context.get_ciphers())


def list_ciphers() -> list[str]:
    """Return the IANA names for ``--list-ciphers``: weakest first, without those of TLS 1.3."""
    names = library_suites()
    return [suite.iana for suite in SUITES if suite.openssl in names]


def profiles() -> tuple[str, ...]:
    """Return the short option names, without sign, of the profiles this library can do."""
    return supported_profiles(library_suites())
