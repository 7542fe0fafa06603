"""What the reference says about a certificate (RFC 5280 4.1; spec/tls.md a.4, e.3).

`cryptography` reads it: what a peer sends meets no parser of ours. A certificate that it does not read, or a
key of a kind that it does not know, is no error here, because OpenSSL has taken it already: what cannot be
known is unknown, and an unknown signature counts as a weak one.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning

__all__ = ["UNREADABLE", "Certificate", "CertificateError", "parse_certificate"]

# Odd things in a certificate of a peer, which will be errors one day, are no news to the operator at each connection.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning, module=re.escape(__name__))


def _by_identifier(text: str) -> dict[str, str]:
    """Return name by object identifier of a table ``name=identifier ...``."""
    return {identifier: name for name, identifier in (pair.split("=") for pair in text.split())}


_ATTRIBUTES = _by_identifier("""
    C=2.5.4.6 ST=2.5.4.8 L=2.5.4.7 O=2.5.4.10 OU=2.5.4.11 CN=2.5.4.3 serialNumber=2.5.4.5 SN=2.5.4.4
    GN=2.5.4.42 initials=2.5.4.43 title=2.5.4.12 street=2.5.4.9 postalCode=2.5.4.17
    dnQualifier=2.5.4.46 pseudonym=2.5.4.65 generationQualifier=2.5.4.44 name=2.5.4.41
    description=2.5.4.13 businessCategory=2.5.4.15 organizationIdentifier=2.5.4.97
    x500UniqueIdentifier=2.5.4.45 telephoneNumber=2.5.4.20 houseIdentifier=2.5.4.51
    postalAddress=2.5.4.16 postOfficeBox=2.5.4.18 role=2.5.4.72 emailAddress=1.2.840.113549.1.9.1
    DC=0.9.2342.19200300.100.1.25 UID=0.9.2342.19200300.100.1.1
    jurisdictionC=1.3.6.1.4.1.311.60.2.1.3 jurisdictionST=1.3.6.1.4.1.311.60.2.1.2
    jurisdictionL=1.3.6.1.4.1.311.60.2.1.1 unstructuredName=1.2.840.113549.1.9.2
    unstructuredAddress=1.2.840.113549.1.9.8
""")
"""Short names of OpenSSL; others are shown as dotted object identifiers."""

_BROKEN_HASHES = _by_identifier("""
    MD2=1.2.840.113549.1.1.2 MD2=1.2.840.113549.2.2 MD4=1.2.840.113549.1.1.3 MD4=1.2.840.113549.2.4
    MD5=1.2.840.113549.1.1.4 MD5=1.2.840.113549.2.5 MD5=1.3.14.3.2.3
""")

_STRONG_SIGNATURES = {
    *(f"1.2.840.113549.1.1.{arc}" for arc in (11, 12, 13, 16)),  # RSA with SHA-256, -384, -512, -512/256
    *(f"1.2.840.10045.4.3.{arc}" for arc in (2, 3, 4)),  # ECDSA with SHA-256, -384, -512
    # DSA with SHA-2 (2-4), DSA (6-8), ECDSA (10-12) and RSA (14-16) with SHA-3, each -256, -384, -512
    *(f"2.16.840.1.101.3.4.3.{arc}" for arc in (2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16)),
}

_WEAK_SIGNATURES = _by_identifier("""
    RSA-SHA1=1.2.840.113549.1.1.5 RSA-SHA1-2=1.3.14.3.2.29 RSA-SHA224=1.2.840.113549.1.1.14
    RSA-SHA512/224=1.2.840.113549.1.1.15 RSASSA-PSS=1.2.840.113549.1.1.10
    RSA-RIPEMD160=1.3.36.3.3.1.2 SM2-SM3=1.2.156.10197.1.501 RSA-SM3=1.2.156.10197.1.504
    ecdsa-with-SHA1=1.2.840.10045.4.1 ecdsa-with-SHA224=1.2.840.10045.4.3.1
    DSA-SHA1=1.2.840.10040.4.3 DSA-SHA1-old=1.3.14.3.2.27 dsa_with_SHA224=2.16.840.1.101.3.4.3.1
    id-dsa-with-sha3-224=2.16.840.1.101.3.4.3.5 id-ecdsa-with-sha3-224=2.16.840.1.101.3.4.3.9
    id-rsassa-pkcs1-v1_5-with-sha3-224=2.16.840.1.101.3.4.3.13 ED25519=1.3.101.112 ED448=1.3.101.113
""")
"""Names of OpenSSL for signatures that are not on the reference's list of strong ones."""

_KEY_TYPES = _by_identifier(
    "RSA=1.2.840.113549.1.1.1 DSA=1.2.840.10040.4.1 DH=1.2.840.113549.1.3.1 EC=1.2.840.10045.2.1"
)
_COMMON_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_EDWARDS_BITS = {ed25519.Ed25519PublicKey: 256, ed448.Ed448PublicKey: 456}

_NAME_LIMIT = 1023
_SHOWN_AS_DH_OR_DSA = ("RSA", "DSA", "DH")
_UTC_TIME_YEARS = range(1950, 2050)


class CertificateError(ValueError):
    """Not a certificate."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in the reference's terms; times and names as it prints them."""

    version: int = 0
    serial: int = -1
    """-1 if it does not fit into 64 bits."""
    subject: str = ""
    issuer: str = ""
    not_before: str = ""
    not_after: str = ""
    key_type: str = "unknown"
    """``RSA``, ``DSA``, ``DH``, ``EC`` or ``unknown``."""
    key_bits: int = 0
    uncommon_curve: bool = False
    """An EC key outside P-256, P-384 and P-521, with which TLS 1.3 has no signature algorithm."""
    broken_hash: str | None = None
    """``MD2``, ``MD4``, ``MD5``: refused always."""
    weak_hash: str | None = "UNDEF"
    """OpenSSL's name of a signature algorithm that is not known to be strong, or None."""

    def details(self) -> list[str]:
        """Return the lines of the connection details (spec/tls.md e.3)."""
        kind = self.key_type if self.key_type in _SHOWN_AS_DH_OR_DSA else "unknown"
        return [
            f"Peer X.509v{self.version} Certificate",
            f"  Subject     : {self.subject}",
            f"  Issued by   : {self.issuer}",
            f"  Serial no.  : {self.serial}",
            f"  Validity    : not before {self.not_before}, not after {self.not_after}",
            f"  Public key  : {kind}, {self.key_bits} bits",
        ]


UNREADABLE = Certificate()
"""One of which nothing is known."""


def parse_certificate(encoding: bytes) -> Certificate:
    """Read a DER certificate. Raises `CertificateError`."""
    try:
        return _describe(x509.load_der_x509_certificate(encoding))
    except (ValueError, x509.InvalidVersion) as error:
        raise CertificateError(str(error)) from error


def _describe(certificate: x509.Certificate) -> Certificate:
    signature = certificate.signature_algorithm_oid.dotted_string
    serial = certificate.serial_number
    key_type, bits, uncommon = _public_key(certificate)
    broken = _BROKEN_HASHES.get(signature)
    strong = signature in _STRONG_SIGNATURES
    return Certificate(
        version=certificate.version.value + 1,
        serial=serial if -(1 << 63) <= serial < 1 << 63 else -1,
        subject=_one_line(certificate.subject),
        issuer=_one_line(certificate.issuer),
        not_before=_time(certificate.not_valid_before_utc),
        not_after=_time(certificate.not_valid_after_utc),
        key_type=key_type,
        key_bits=bits,
        uncommon_curve=uncommon,
        broken_hash=broken,
        weak_hash=None if strong or broken else _WEAK_SIGNATURES.get(signature, "UNDEF"),
    )


def _one_line(name: x509.Name) -> str:
    """Return a name as X509_NAME_oneline writes it; what would exceed 1023 characters is left out."""
    text = ""
    for group in name.rdns:
        for attribute in group:
            label = attribute.oid.dotted_string
            part = f"/{_ATTRIBUTES.get(label, label)}={_escape(attribute.value)}"
            if len(text) + len(part) > _NAME_LIMIT:
                return text
            text += part
    return text


def _escape(value: str | bytes) -> str:
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return "".join(
        ("\\" + chr(octet) if octet in b"/+" else chr(octet)) if 0x20 <= octet <= 0x7E else f"\\x{octet:02X}"
        for octet in octets
    )


def _time(value: datetime) -> str:
    """Return a UTCTime as ASN1_UTCTIME_print does, which knows no other type (RFC 5280 4.1.2.5): then nothing."""
    if value.year not in _UTC_TIME_YEARS:
        return ""
    return f"{value:%b} {value.day:2d} {value:%H:%M:%S} {value.year} GMT"


def _public_key(certificate: x509.Certificate) -> tuple[str, int, bool]:
    """Return type, bits, and whether it is an EC key on an uncommon curve."""
    name = _KEY_TYPES.get(certificate.public_key_algorithm_oid.dotted_string, "unknown")
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):  # an EC key with explicit parameters, say
        return name, 0, name == "EC"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return name, key.curve.key_size, key.curve.name not in _COMMON_CURVES
    if isinstance(key, (rsa.RSAPublicKey, dsa.DSAPublicKey)):
        return name, key.key_size, False
    return name, _EDWARDS_BITS.get(type(key), 0), False
