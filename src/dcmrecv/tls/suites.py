"""The cipher suites of TLS 1.2 and older, and the security profiles made of them. Data and rules, no OpenSSL.

spec/tls.md b, a.4 step 8. Suites are named by their IANA names; the order of the table is the reference's
order of strength, and a server offers what it has strongest first, whatever the command line's order was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["PROFILES", "SUITES", "SecurityProfile", "Suite", "server_order", "supported_profiles"]


class Suite(NamedTuple):
    """One cipher suite. *bits* is the key size, 0 for no encryption; *mac* ``AEAD`` for GCM and ChaCha20."""

    iana: str
    openssl: str
    key_exchange: str
    mac: str
    mode: str
    bits: int


SUITES: tuple[Suite, ...] = (
    Suite("TLS_RSA_WITH_NULL_SHA", "NULL-SHA", "RSA", "SHA1", "NA", 0),
    Suite("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", "RSA", "SHA1", "CBC", 168),
    Suite("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", "RSA", "SHA1", "CBC", 128),
    Suite("TLS_RSA_WITH_CAMELLIA_128_CBC_SHA", "CAMELLIA128-SHA", "RSA", "SHA1", "CBC", 128),
    Suite("TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", "RSA", "SHA256", "CBC", 128),
    Suite("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", "RSA", "AEAD", "GCM", 128),
    Suite("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", "ECDH-ECDSA-AES128-SHA", "ECDH", "SHA1", "CBC", 128),
    Suite("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", "ECDH-RSA-AES128-SHA", "ECDH", "SHA1", "CBC", 128),
    Suite("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256", "ECDH-ECDSA-AES128-SHA256", "ECDH", "SHA256", "CBC", 128),
    Suite("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256", "ECDH-RSA-AES128-SHA256", "ECDH", "SHA256", "CBC", 128),
    Suite(
        "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", "ECDH-ECDSA-AES128-GCM-SHA256", "ECDH", "AEAD", "GCM", 128
    ),
    Suite("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "ECDH-RSA-AES128-GCM-SHA256", "ECDH", "AEAD", "GCM", 128),
    Suite("TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", "CAMELLIA256-SHA", "RSA", "SHA1", "CBC", 256),
    Suite("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", "RSA", "SHA1", "CBC", 256),
    Suite("TLS_RSA_WITH_AES_256_CBC_SHA256", "AES256-SHA256", "RSA", "SHA256", "CBC", 256),
    Suite("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", "RSA", "AEAD", "GCM", 256),
    Suite("TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA", "ECDH-ECDSA-AES256-SHA", "ECDH", "SHA1", "CBC", 256),
    Suite("TLS_ECDH_RSA_WITH_AES_256_CBC_SHA", "ECDH-RSA-AES256-SHA", "ECDH", "SHA1", "CBC", 256),
    Suite("TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384", "ECDH-ECDSA-AES256-SHA384", "ECDH", "SHA384", "CBC", 256),
    Suite("TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384", "ECDH-RSA-AES256-SHA384", "ECDH", "SHA384", "CBC", 256),
    Suite(
        "TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384", "ECDH-ECDSA-AES256-GCM-SHA384", "ECDH", "AEAD", "GCM", 256
    ),
    Suite("TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384", "ECDH-RSA-AES256-GCM-SHA384", "ECDH", "AEAD", "GCM", 256),
    Suite("TLS_DHE_DSS_WITH_AES_128_CBC_SHA", "DHE-DSS-AES128-SHA", "DHE", "SHA1", "CBC", 128),
    Suite("TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA", "DHE-DSS-CAMELLIA128-SHA", "DHE", "SHA1", "CBC", 128),
    Suite("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "DHE-RSA-AES128-SHA", "DHE", "SHA1", "CBC", 128),
    Suite("TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA", "DHE-RSA-CAMELLIA128-SHA", "DHE", "SHA1", "CBC", 128),
    Suite("TLS_DHE_DSS_WITH_AES_128_CBC_SHA256", "DHE-DSS-AES128-SHA256", "DHE", "SHA256", "CBC", 128),
    Suite("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", "DHE-RSA-AES128-SHA256", "DHE", "SHA256", "CBC", 128),
    Suite("TLS_DHE_DSS_WITH_AES_128_GCM_SHA256", "DHE-DSS-AES128-GCM-SHA256", "DHE", "AEAD", "GCM", 128),
    Suite("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256", "DHE", "AEAD", "GCM", 128),
    Suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE", "SHA1", "CBC", 128),
    Suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", "ECDHE", "SHA1", "CBC", 128),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE", "SHA256", "CBC", 128
    ),
    Suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE", "SHA256", "CBC", 128),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256",
        "ECDHE-ECDSA-CAMELLIA128-GCM-SHA256",
        "ECDHE",
        "SHA256",
        "GCM",
        128,
    ),
    Suite(
        "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256",
        "ECDHE-RSA-CAMELLIA128-GCM-SHA256",
        "ECDHE",
        "SHA256",
        "GCM",
        128,
    ),
    Suite("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM", "ECDHE", "CBC_MAC", "CCM", 128),
    Suite("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8", "ECDHE", "CBC_MAC", "CCM", 128),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE",
        "AEAD",
        "GCM",
        128,
    ),
    Suite(
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE", "AEAD", "GCM", 128
    ),
    Suite("TLS_DHE_DSS_WITH_AES_256_CBC_SHA", "DHE-DSS-AES256-SHA", "DHE", "SHA1", "CBC", 256),
    Suite("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "DHE-RSA-AES256-SHA", "DHE", "SHA1", "CBC", 256),
    Suite("TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA", "DHE-DSS-CAMELLIA256-SHA", "DHE", "SHA1", "CBC", 256),
    Suite("TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA", "DHE-RSA-CAMELLIA256-SHA", "DHE", "SHA1", "CBC", 256),
    Suite("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "DHE-RSA-CHACHA20-POLY1305", "DHE", "AEAD", "NA", 256),
    Suite("TLS_DHE_DSS_WITH_AES_256_CBC_SHA256", "DHE-DSS-AES256-SHA256", "DHE", "SHA256", "CBC", 256),
    Suite("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", "DHE-RSA-AES256-SHA256", "DHE", "SHA256", "CBC", 256),
    Suite("TLS_DHE_DSS_WITH_AES_256_GCM_SHA384", "DHE-DSS-AES256-GCM-SHA384", "DHE", "AEAD", "GCM", 256),
    Suite("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384", "DHE", "AEAD", "GCM", 256),
    Suite("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE", "SHA1", "CBC", 256),
    Suite("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", "ECDHE", "SHA1", "CBC", 256),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384", "ECDHE", "SHA384", "CBC", 256
    ),
    Suite("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384", "ECDHE", "SHA384", "CBC", 256),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384",
        "ECDHE-ECDSA-CAMELLIA256-GCM-SHA384",
        "ECDHE",
        "SHA384",
        "GCM",
        256,
    ),
    Suite(
        "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
        "ECDHE-RSA-CAMELLIA256-GCM-SHA384",
        "ECDHE",
        "SHA384",
        "GCM",
        256,
    ),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE",
        "AEAD",
        "NA",
        256,
    ),
    Suite(
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE",
        "AEAD",
        "NA",
        256,
    ),
    Suite("TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "ECDHE-ECDSA-AES256-CCM", "ECDHE", "CBC_MAC", "CCM", 256),
    Suite("TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ECDHE-ECDSA-AES256-CCM8", "ECDHE", "CBC_MAC", "CCM", 256),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE",
        "AEAD",
        "GCM",
        256,
    ),
    Suite(
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE", "AEAD", "GCM", 256
    ),
)
"""Weakest first. No released OpenSSL has Camellia-GCM; static ECDH and 3DES went with 1.1.0."""

_RANK = {suite.iana: rank for rank, suite in enumerate(SUITES)}


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
_CAMELLIA = tuple(s.iana for s in SUITES if "CAMELLIA" in s.iana and s.mode == "GCM")
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


def supported_profiles(openssl_names: Collection[str]) -> tuple[str, ...]:
    """Return the keys of `PROFILES` that a TLS library can do which knows *openssl_names*."""
    have = {suite.iana for suite in SUITES if suite.openssl in openssl_names}
    return tuple(key for key in PROFILES if have.issuperset(_NEEDED.get(key, ())))


def server_order(iana_names: Iterable[str], openssl_names: Collection[str]) -> list[str]:
    """Return OpenSSL's names of the suites it supports, strongest first."""
    ranked = sorted({_RANK[name] for name in iana_names}, reverse=True)
    return [SUITES[rank].openssl for rank in ranked if SUITES[rank].openssl in openssl_names]
