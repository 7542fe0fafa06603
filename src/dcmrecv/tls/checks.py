"""Which certificates and cipher suites a security profile refuses, and which it only complains about.

spec/tls.md a.4 steps 6 and 8, e.3. Every function yields (level letter, text) lines. The first that is no
warning refuses: the caller stops there.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    too_short = f"Key length of {'RSA' if kind == 'RSA' else 'ECDSA'} public key too short:"
    found = f"but the key in certificate file '{file}' is only {bits} bits."
    if kind == "RSA" and bits < _RSA_BITS:
        if profile.strict_keys:
            yield "F", f"{too_short} RFC 9325 requires at least 2048 bits for server RSA keys, {found}"
        else:
            yield "W", f"{too_short} RFC 9325 recommends at least 2048 bits for RSA keys, {found}"
    if kind == "EC" and 0 < bits < _ECDSA_STRICT_BITS:
        if profile.strict_signatures:
            yield "F", f"{too_short} TLS profile requires at least 256 bits for ECDSA keys, {found}"
        if bits < _ECDSA_BITS:
            yield "W", f"{too_short} RFC 9325 recommends at least 224 bits for ECDSA keys, {found}"
    if kind == "DSA":
        why = "because it prevents the use of TLS 1.3"
        if profile.strict_keys:
            yield "F", f"DSA certificate '{file}' not permitted in the selected TLS profile {why}."
        yield (
            "W",
            f"Use of DSA certificate not recommended {why}, which does not support this certificate type.",
        )
    if certificate.broken_hash:
        yield "E", f"Weak certificate hash key: certificate file '{file}' uses '{certificate.broken_hash}'."
    if weak:
        found = f"but certificate file '{file}' uses '{weak}'."
        if profile.strict_signatures:
            wanted = "TLS profile requires SHA-256 (or better) for certificates"
            yield "F", f"Weak certificate hash key: {wanted}, {found}"
        else:
            wanted = "RFC 9325 recommends the use of SHA-256 (or better) for certificates"
            yield "W", f"Possibly weak certificate hash key: {wanted}, {found}"


def check_peer_certificate(certificate: Certificate, profile: SecurityProfile) -> Iterator[tuple[str, str]]:
    """Judge one certificate of a client's verified chain."""
    kind, bits, strict = certificate.key_type, certificate.key_bits, profile.strict_signatures
    letter = "E" if strict else "W"
    authority = "the DICOM TLS profile requires" if strict else "RFC 9325 recommends"
    verdict = ". Refusing TLS connection." if strict else "."
    if certificate.broken_hash:
        found = f"peer provided certificate with '{certificate.broken_hash}'"
        yield "E", f"Weak certificate hash key: {found}. Refusing TLS connection."
    if kind == "RSA" and 0 < bits < _RSA_BITS:
        found = f"peer provided RSA certificate with {bits} bits"
        yield letter, f"RSA key length too short: {authority} at least 2048 bits, but {found}{verdict}"
    least = _ECDSA_STRICT_BITS if strict else _ECDSA_BITS
    if kind == "EC" and 0 < bits < least:
        found = f"peer provided ECDSA certificate with {bits} bits"
        yield letter, f"ECDSA key length too short: {authority} at least {least} bits, but {found}{verdict}"
    if certificate.weak_hash:
        wanted = "SHA-256 (or better) for certificates" if strict else "SHA-256 (or better"
        found = f"peer provided certificate with '{certificate.weak_hash}'"
        yield letter, f"Weak certificate hash key: {authority} {wanted}, but {found}{verdict}"


def check_suite(suite: str, key: str, profile: SecurityProfile) -> Iterator[tuple[str, str]]:
    """Judge a suite, by its IANA name, added by ``+cs`` to the profile with the option name *key*."""
    if key in ("pn", "pz"):
        return
    refused = f"not permitted with security profile '{profile.name}'"
    discouraged = "recommends that such cipher suites should not be used"
    if key == "pm":
        yield "F", f"Additional ciphersuites {refused}"
    if "_NULL_" in suite:
        yield "F", f"Unencrypted ciphersuite '{suite}' {refused}"
    if key == "pg" and suite.endswith("_SHA"):
        yield "F", f"Ciphersuite '{suite}' using SHA-1 MAC {refused}"
    if suite.startswith("TLS_RSA_"):
        rfc = 9325 if key == "pg" else 7525
        yield "W", f"Ciphersuite '{suite}' uses RSA key transport. RFC {rfc} {discouraged}."
    if key == "pg" and suite.startswith("TLS_DHE_"):
        what = "uses ephemeral finite-field Diffie-Hellman key agreement"
        yield "W", f"Ciphersuite '{suite}' {what}. RFC 9325 {discouraged}."
    if key == "pg" and "_CBC_" in suite:
        unless = "unless both sides support the encrypt_then_mac extension (we do)"
        yield "W", f"Ciphersuite '{suite}' uses CBC mode of operation. RFC 9325 {discouraged}, {unless}."
