"""Which certificates and cipher suites a security profile refuses, and which it only complains about.

spec/tls.md a.4 steps 6 and 8, e.3. Every function returns (level letter, text) lines; a refusal is among
them as `Verdict.refused`.
"""

from __future__ import annotations

from typing import NamedTuple

from dcmrecv.tls import messages
from dcmrecv.tls.certificate import Certificate
from dcmrecv.tls.suites import SecurityProfile, Suite

__all__ = ["Verdict", "check_own_certificate", "check_peer_certificate", "check_suite"]

_RSA_BITS = 2048
_ECDSA_BITS = 224
_ECDSA_STRICT_BITS = 256


class Verdict(NamedTuple):
    """What to say, and whether that is the end."""

    lines: list[tuple[str, str]]
    refused: bool


def check_own_certificate(certificate: Certificate, file: str, profile: SecurityProfile) -> Verdict:
    """Judge the server's certificate; *file* is its name as typed."""
    lines: list[tuple[str, str]] = []
    bits = certificate.key_bits
    if certificate.key_type == "RSA" and bits < _RSA_BITS:
        if profile.strict_keys:
            return Verdict([("F", messages.RSA_REFUSED.format(file=file, bits=bits))], True)
        lines.append(("W", messages.RSA_SHORT.format(file=file, bits=bits)))
    if certificate.key_type == "EC" and 0 < bits < _ECDSA_STRICT_BITS:
        if profile.strict_signatures:
            return Verdict([("F", messages.ECDSA_REFUSED.format(file=file, bits=bits))], True)
        if bits < _ECDSA_BITS:
            lines.append(("W", messages.ECDSA_SHORT.format(file=file, bits=bits)))
    if certificate.key_type == "DSA":
        if profile.strict_keys:
            return Verdict([*lines, ("F", messages.DSA_REFUSED.format(file=file))], True)
        lines.append(("W", messages.DSA_DISCOURAGED))
    if certificate.broken_hash:
        text = messages.HASH_BROKEN.format(file=file, hash=certificate.broken_hash)
        return Verdict([*lines, ("E", text)], True)
    if certificate.weak_hash:
        if profile.strict_signatures:
            text = messages.HASH_REFUSED.format(file=file, hash=certificate.weak_hash)
            return Verdict([*lines, ("F", text)], True)
        lines.append(("W", messages.HASH_WEAK.format(file=file, hash=certificate.weak_hash)))
    return Verdict(lines, False)


def check_peer_certificate(certificate: Certificate, profile: SecurityProfile) -> Verdict:
    """Judge one certificate of a client's verified chain."""
    bits, weak = certificate.key_bits, certificate.weak_hash
    rsa = bits if certificate.key_type == "RSA" else 0
    ecdsa = bits if certificate.key_type == "EC" else 0
    if certificate.broken_hash:
        return Verdict([("E", messages.PEER_HASH_BROKEN.format(hash=certificate.broken_hash))], True)
    if profile.strict_signatures:
        if 0 < rsa < _RSA_BITS:
            return Verdict([("E", messages.PEER_RSA_REFUSED.format(bits=rsa))], True)
        if 0 < ecdsa < _ECDSA_STRICT_BITS:
            return Verdict([("E", messages.PEER_ECDSA_REFUSED.format(bits=ecdsa))], True)
        if weak:
            return Verdict([("E", messages.PEER_HASH_REFUSED.format(hash=weak))], True)
    lines: list[tuple[str, str]] = []
    if 0 < rsa < _RSA_BITS:
        lines.append(("W", messages.PEER_RSA_SHORT.format(bits=rsa)))
    if 0 < ecdsa < _ECDSA_BITS:
        lines.append(("W", messages.PEER_ECDSA_SHORT.format(bits=ecdsa)))
    if weak:
        lines.append(("W", messages.PEER_HASH_WEAK.format(hash=weak)))
    return Verdict(lines, False)


def check_suite(suite: Suite, key: str, profile: SecurityProfile) -> Verdict:
    """Judge a suite added by ``+cs`` to the profile with the option name *key*."""
    name = suite.iana
    if key in ("pn", "pz"):
        return Verdict([], False)
    if key == "pm":
        return Verdict([("F", messages.SUITES_FIXED.format(profile=profile.name))], True)
    if not suite.bits:
        text = messages.SUITE_UNENCRYPTED.format(suite=name, profile=profile.name)
        return Verdict([("F", text)], True)
    static_rsa = suite.key_exchange == "RSA"
    if key != "pg":
        text = messages.SUITE_RSA.format(suite=name, rfc=7525)
        return Verdict([("W", text)] if static_rsa else [], False)
    if suite.mac == "SHA1":
        return Verdict([("F", messages.SUITE_SHA1.format(suite=name, profile=profile.name))], True)
    lines = []
    if static_rsa:
        lines.append(("W", messages.SUITE_RSA.format(suite=name, rfc=9325)))
    if suite.key_exchange == "DHE":
        lines.append(("W", messages.SUITE_DHE.format(suite=name)))
    if suite.mode == "CBC":
        lines.append(("W", messages.SUITE_CBC.format(suite=name)))
    return Verdict(lines, False)
