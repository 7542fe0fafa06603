"""The cipher suites of TLS 1.2 and older, the security profiles made of them, and what the TLS library has of them.

spec/tls.md b, a.4 step 8. Suites are named by their IANA names; the order of the table is the reference's
order of strength, and a server offers what it has strongest first, whatever the command line's order was.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

__all__ = [
    "EVERY_SUITE",
    "PROFILES",
    "SUITES",
    "SecurityProfile",
    "library_suites",
    "list_ciphers",
    "server_order",
    "supported_profiles",
]

EVERY_SUITE = "ALL:eNULL:@SECLEVEL=0"
"""For OpenSSL: those without encryption included, keys of any length."""

_CIPHER = re.compile(r"(AES|CAMELLIA)_(\d+)(?:_CBC)?")


def _openssl_name(iana: str) -> str:
    """Return OpenSSL's name of a suite: without RSA key transport and CBC, which are what it takes for granted."""
    exchange, _, cipher = iana.removeprefix("TLS_").partition("_WITH_")
    cipher = _CIPHER.sub(r"\1\2", cipher).replace("CCM_8", "CCM8").replace("3DES_EDE_CBC", "DES_CBC3")
    name = cipher.replace("POLY1305_SHA256", "POLY1305")
    return (name if exchange == "RSA" else f"{exchange}_{name}").replace("_", "-")


_WEAKEST_FIRST = """
    TLS_RSA_WITH_NULL_SHA TLS_RSA_WITH_3DES_EDE_CBC_SHA
    TLS_RSA_WITH_AES_128_CBC_SHA TLS_RSA_WITH_CAMELLIA_128_CBC_SHA
    TLS_RSA_WITH_AES_128_CBC_SHA256 TLS_RSA_WITH_AES_128_GCM_SHA256
    TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA TLS_ECDH_RSA_WITH_AES_128_CBC_SHA
    TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256 TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256
    TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256
    TLS_RSA_WITH_CAMELLIA_256_CBC_SHA TLS_RSA_WITH_AES_256_CBC_SHA
    TLS_RSA_WITH_AES_256_CBC_SHA256 TLS_RSA_WITH_AES_256_GCM_SHA384
    TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA TLS_ECDH_RSA_WITH_AES_256_CBC_SHA
    TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384 TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384
    TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384
    TLS_DHE_DSS_WITH_AES_128_CBC_SHA TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA
    TLS_DHE_RSA_WITH_AES_128_CBC_SHA TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA
    TLS_DHE_DSS_WITH_AES_128_CBC_SHA256 TLS_DHE_RSA_WITH_AES_128_CBC_SHA256
    TLS_DHE_DSS_WITH_AES_128_GCM_SHA256 TLS_DHE_RSA_WITH_AES_128_GCM_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256
    TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_128_CCM TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    TLS_DHE_DSS_WITH_AES_256_CBC_SHA TLS_DHE_RSA_WITH_AES_256_CBC_SHA
    TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA
    TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 TLS_DHE_DSS_WITH_AES_256_CBC_SHA256
    TLS_DHE_RSA_WITH_AES_256_CBC_SHA256 TLS_DHE_DSS_WITH_AES_256_GCM_SHA384
    TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384
    TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 TLS_ECDHE_ECDSA_WITH_AES_256_CCM
    TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
"""

SUITES = {iana: _openssl_name(iana) for iana in _WEAKEST_FIRST.split()}
"""OpenSSL's name by the IANA name. No released OpenSSL has Camellia-GCM; static ECDH and 3DES went with 1.1.0."""


@dataclass(frozen=True, slots=True)
class SecurityProfile:
    """One of ``+pg +pm +py +px +pz +pb +pa +pn``: *suites* are IANA names of TLS 1.2 and older."""

    name: str
    suites: tuple[str, ...]
    tls13: bool = False
    minimum_tls12: bool = False
    """TLS 1.0 and 1.1 are switched off altogether, not only without suites."""
    tls13_suites: tuple[str, ...] = ()
    """Empty: the library's default, which is also all there is before Python 3.15: no others, fewer CCM ones."""
    strict_keys: bool = False
    """RSA of less than 2048 bits and DSA are refused in the server's certificate."""
    strict_signatures: bool = False
    """EC of less than 256 bits, and hashes weaker than SHA-256, are refused in any certificate."""
    reject_small_dh: bool = False


def _gcm(bits: int, *kinds: str) -> tuple[str, ...]:
    digest = "SHA384" if bits == 256 else "SHA256"
    return tuple(f"TLS_{kind}_WITH_AES_{bits}_GCM_{digest}" for kind in kinds)


_AES_SHA = "TLS_RSA_WITH_AES_128_CBC_SHA"
_3DES_SHA = "TLS_RSA_WITH_3DES_EDE_CBC_SHA"
_EC = ("ECDHE_RSA", "ECDHE_ECDSA")
_RSA_ONLY = ("ECDHE_RSA", "DHE_RSA")
_EXTENDED = (*_EC, "DHE_RSA")
_CAMELLIA = tuple(name for name in SUITES if re.search("CAMELLIA.*GCM", name))
_BCP195 = _gcm(256, *_RSA_ONLY) + _gcm(128, *_RSA_ONLY)

PROFILES: dict[str, SecurityProfile] = {
    "pg": SecurityProfile(
        "BCP 195 RFC 8996 TLS Profile", _gcm(256, *_EC) + _gcm(128, *_EC), tls13=True, strict_keys=True
    ),
    "pm": SecurityProfile(
        "Modified BCP 195 RFC 8996 TLS Profile",
        _gcm(256, *_EC)
        + _gcm(128, *_EC)
        + tuple(f"TLS_ECDHE_ECDSA_WITH_AES_{bits}_CCM{tag}" for bits in (256, 128) for tag in ("_8", ""))
        + tuple(f"TLS_{kind}_WITH_CHACHA20_POLY1305_SHA256" for kind in _EC)
        + _CAMELLIA,
        tls13=True,
        tls13_suites=(
            "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_128_CCM_8_SHA256",
            "TLS_AES_128_CCM_SHA256",
        ),
        strict_keys=True,
        strict_signatures=True,
    ),
    "py": SecurityProfile("Non-downgrading BCP 195 TLS Profile", _BCP195, tls13=True, minimum_tls12=True),
    "px": SecurityProfile("BCP 195 TLS Profile", (*_BCP195, _AES_SHA, _3DES_SHA), tls13=True),
    "pz": SecurityProfile(
        "Extended BCP 195 TLS Profile",
        _gcm(256, *_EXTENDED) + _gcm(128, *_EXTENDED),
        minimum_tls12=True,
        reject_small_dh=True,
    ),
    "pb": SecurityProfile("Basic TLS Secure Transport Connection Profile", (_3DES_SHA,)),
    "pa": SecurityProfile("AES TLS Secure Transport Connection Profile", (_AES_SHA, _3DES_SHA)),
    "pn": SecurityProfile("Authenticated unencrypted communication", ("TLS_RSA_WITH_NULL_SHA",)),
}
"""By the short option name without its sign, in the reference's order of options."""

_NEEDED = {"pb": (_3DES_SHA,), "pn": ("TLS_RSA_WITH_NULL_SHA",)}


@cache
def library_suites() -> frozenset[str]:
    """Return the IANA names of all suites the TLS library of this Python has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(EVERY_SUITE)
    have = {suite["name"] for suite in context.get_ciphers()}
    return frozenset(iana for iana, openssl in SUITES.items() if openssl in have)


def list_ciphers() -> list[str]:
    """Return the IANA names for ``--list-ciphers``: weakest first, without those of TLS 1.3."""
    return [iana for iana in SUITES if iana in library_suites()]


def supported_profiles() -> tuple[str, ...]:
    """Return the keys of `PROFILES` that the library can do."""
    return tuple(key for key in PROFILES if library_suites().issuperset(_NEEDED.get(key, ())))


def server_order(iana_names: Collection[str]) -> list[str]:
    """Return OpenSSL's names of those that the library has, strongest first."""
    return [SUITES[iana] for iana in reversed(list_ciphers()) if iana in iana_names]
