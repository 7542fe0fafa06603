"""Which certificates and cipher suites a security profile refuses, and which it only complains about.

spec/tls.md a.4 steps 6 and 8, e.3. Every function yields (level letter, text) lines. The first that is no
warning refuses: the caller stops there.
"""

from __future__ import annotations

from collections.abc import Iterator

from dcmrecv.tls import messages
from dcmrecv.tls.certificate import Certificate
from dcmrecv.tls.suites import SecurityProfile

__all__ = ["check_own_certificate", "check_peer_certificate", "check_suite"]

_RSA_BITS = 2048
_ECDSA_BITS = 224
_ECDSA_STRICT_BITS = 256


def check_own_certificate(
    certificate: Certificate, file: str, profile: SecurityProfile
) -> Iterator[tuple[str, str]]:
    """Judge the server's certificate; *file* is its name as typed."""
    kind, bits, weak = certificate.key_type, certificate.key_bits, certificate.weak_hash
    if kind == "RSA" and bits < _RSA_BITS:
        letter, text = ("F", messages.RSA_REFUSED) if profile.strict_keys else ("W", messages.RSA_SHORT)
        yield letter, text.format(file=file, bits=bits)
    if kind == "EC" and 0 < bits < _ECDSA_STRICT_BITS:
        if profile.strict_signatures:
            yield "F", messages.ECDSA_REFUSED.format(file=file, bits=bits)
        if bits < _ECDSA_BITS:
            yield "W", messages.ECDSA_SHORT.format(file=file, bits=bits)
    if kind == "DSA":
        if profile.strict_keys:
            yield "F", messages.DSA_REFUSED.format(file=file)
        yield "W", messages.DSA_DISCOURAGED
    if certificate.broken_hash:
        yield "E", messages.HASH_BROKEN.format(file=file, hash=certificate.broken_hash)
    if weak:
        letter, text = (
            ("F", messages.HASH_REFUSED) if profile.strict_signatures else ("W", messages.HASH_WEAK)
        )
        yield letter, text.format(file=file, hash=weak)


def check_peer_certificate(certificate: Certificate, profile: SecurityProfile) -> Iterator[tuple[str, str]]:
    """Judge one certificate of a client's verified chain."""
    kind, bits, strict = certificate.key_type, certificate.key_bits, profile.strict_signatures
    if certificate.broken_hash:
        yield "E", messages.PEER_HASH_BROKEN.format(hash=certificate.broken_hash)
    if kind == "RSA" and 0 < bits < _RSA_BITS:
        letter, text = ("E", messages.PEER_RSA_REFUSED) if strict else ("W", messages.PEER_RSA_SHORT)
        yield letter, text.format(bits=bits)
    if kind == "EC" and 0 < bits < (_ECDSA_STRICT_BITS if strict else _ECDSA_BITS):
        letter, text = ("E", messages.PEER_ECDSA_REFUSED) if strict else ("W", messages.PEER_ECDSA_SHORT)
        yield letter, text.format(bits=bits)
    if certificate.weak_hash:
        letter, text = ("E", messages.PEER_HASH_REFUSED) if strict else ("W", messages.PEER_HASH_WEAK)
        yield letter, text.format(hash=certificate.weak_hash)


def check_suite(suite: str, key: str, profile: SecurityProfile) -> Iterator[tuple[str, str]]:
    """Judge a suite, by its IANA name, added by ``+cs`` to the profile with the option name *key*."""
    if key in ("pn", "pz"):
        return
    if key == "pm":
        yield "F", messages.SUITES_FIXED.format(profile=profile.name)
    if "_NULL_" in suite:
        yield "F", messages.SUITE_UNENCRYPTED.format(suite=suite, profile=profile.name)
    if key == "pg" and suite.endswith("_SHA"):
        yield "F", messages.SUITE_SHA1.format(suite=suite, profile=profile.name)
    if suite.startswith("TLS_RSA_"):
        yield "W", messages.SUITE_RSA.format(suite=suite, rfc=9325 if key == "pg" else 7525)
    if key == "pg" and suite.startswith("TLS_DHE_"):
        yield "W", messages.SUITE_DHE.format(suite=suite)
    if key == "pg" and "_CBC_" in suite:
        yield "W", messages.SUITE_CBC.format(suite=suite)
