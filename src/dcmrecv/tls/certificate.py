"""What the reference says about a certificate, read from its DER (RFC 5280 4.1; spec/tls.md a.4, e.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dcmrecv.tls import der

__all__ = ["Certificate", "parse_certificate"]

_ATTRIBUTES = {
    "2.5.4.6": "C",
    "2.5.4.8": "ST",
    "2.5.4.7": "L",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.3": "CN",
    "1.2.840.113549.1.9.1": "emailAddress",
    "2.5.4.5": "serialNumber",
    "2.5.4.4": "SN",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.12": "title",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "2.5.4.9": "street",
    "2.5.4.17": "postalCode",
    "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.44": "generationQualifier",
    "2.5.4.41": "name",
    "2.5.4.13": "description",
    "2.5.4.15": "businessCategory",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "2.5.4.97": "organizationIdentifier",
    "2.5.4.45": "x500UniqueIdentifier",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "2.5.4.20": "telephoneNumber",
    "2.5.4.51": "houseIdentifier",
    "2.5.4.16": "postalAddress",
    "2.5.4.18": "postOfficeBox",
    "2.5.4.72": "role",
}
"""Short names of OpenSSL; others are shown as dotted object identifiers."""

_BROKEN_HASHES = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.2.2": "MD2",
    "1.2.840.113549.1.1.3": "MD4",
    "1.2.840.113549.2.4": "MD4",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.2.5": "MD5",
    "1.3.14.3.2.3": "MD5",
}

_NIST_SIGNATURES = "2.16.840.1.101.3.4.3."
_STRONG_SIGNATURES = {
    "1.2.840.113549.1.1.11",  # RSA with SHA-256, -384, -512, -512/256
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.113549.1.1.16",
    "1.2.840.10045.4.3.2",  # ECDSA with SHA-256, -384, -512
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    # DSA with SHA-2 (2-4), DSA (6-8), ECDSA (10-12) and RSA (14-16) with SHA-3, each -256, -384, -512
    *(_NIST_SIGNATURES + str(arc) for arc in (2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16)),
}

_WEAK_SIGNATURES = {
    "1.2.840.113549.1.1.5": "RSA-SHA1",
    "1.3.14.3.2.29": "RSA-SHA1-2",
    "1.2.840.113549.1.1.14": "RSA-SHA224",
    "1.2.840.113549.1.1.15": "RSA-SHA512/224",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.3.36.3.3.1.2": "RSA-RIPEMD160",
    "1.2.156.10197.1.501": "SM2-SM3",
    "1.2.156.10197.1.504": "RSA-SM3",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10040.4.3": "DSA-SHA1",
    "1.3.14.3.2.27": "DSA-SHA1-old",
    "2.16.840.1.101.3.4.3.1": "dsa_with_SHA224",
    "2.16.840.1.101.3.4.3.5": "id-dsa-with-sha3-224",
    "2.16.840.1.101.3.4.3.9": "id-ecdsa-with-sha3-224",
    "2.16.840.1.101.3.4.3.13": "id-rsassa-pkcs1-v1_5-with-sha3-224",
    "1.3.101.112": "ED25519",
    "1.3.101.113": "ED448",
}
"""Names of OpenSSL for signatures that are not on the reference's list of strong ones."""

_KEY_TYPES = {
    "1.2.840.113549.1.1.1": "RSA",
    "1.2.840.10040.4.1": "DSA",
    "1.2.840.113549.1.3.1": "DH",
    "1.2.840.10045.2.1": "EC",
}
_EDWARDS_BITS = {"1.3.101.110": 253, "1.3.101.111": 448, "1.3.101.112": 256, "1.3.101.113": 456}

_CURVE_BITS = {
    "1.2.840.10045.3.1.1": 192,
    "1.2.840.10045.3.1.4": 239,
    "1.2.840.10045.3.1.7": 256,
    "1.3.132.0.6": 112,
    "1.3.132.0.28": 128,
    "1.3.132.0.9": 161,
    "1.3.132.0.8": 161,
    "1.3.132.0.30": 161,
    "1.3.132.0.31": 192,
    "1.3.132.0.32": 225,
    "1.3.132.0.33": 224,
    "1.3.132.0.10": 256,
    "1.3.132.0.34": 384,
    "1.3.132.0.35": 521,
    "1.3.132.0.1": 163,
    "1.3.132.0.2": 162,
    "1.3.132.0.15": 163,
    "1.3.132.0.24": 193,
    "1.3.132.0.25": 193,
    "1.3.132.0.26": 232,
    "1.3.132.0.27": 233,
    "1.3.132.0.3": 238,
    "1.3.132.0.16": 281,
    "1.3.132.0.17": 282,
    "1.3.132.0.36": 407,
    "1.3.132.0.37": 409,
    "1.3.132.0.38": 570,
    "1.3.132.0.39": 570,
    "1.3.36.3.3.2.8.1.1.1": 160,
    "1.3.36.3.3.2.8.1.1.3": 192,
    "1.3.36.3.3.2.8.1.1.5": 224,
    "1.3.36.3.3.2.8.1.1.7": 256,
    "1.3.36.3.3.2.8.1.1.8": 256,
    "1.3.36.3.3.2.8.1.1.9": 320,
    "1.3.36.3.3.2.8.1.1.11": 384,
    "1.3.36.3.3.2.8.1.1.12": 384,
    "1.3.36.3.3.2.8.1.1.13": 512,
    "1.3.36.3.3.2.8.1.1.14": 512,
    "1.2.156.10197.1.301": 256,
}
"""Bits of a named curve's order, which is the key size that OpenSSL gives."""

_COMMON_CURVES = frozenset({"1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"})

_NAME_LIMIT = 1023
_SHOWN_AS_DH_OR_DSA = ("RSA", "DSA", "DH")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UTC_TIME = re.compile(rb"(\d\d)(0[1-9]|1[0-2])(\d\d)(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})?")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in the reference's terms; times and names as it prints them."""

    version: int
    serial: int
    """-1 if it does not fit into 64 bits."""
    subject: str
    issuer: str
    not_before: str
    not_after: str
    key_type: str
    """``RSA``, ``DSA``, ``DH``, ``EC`` or ``unknown``."""
    key_bits: int
    uncommon_curve: bool
    """An EC key outside P-256, P-384 and P-521, with which TLS 1.3 has no signature algorithm."""
    broken_hash: str | None
    """``MD2``, ``MD4``, ``MD5``: refused always."""
    weak_hash: str | None
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


def parse_certificate(encoding: bytes) -> Certificate:
    """Read a DER certificate. Raises `der.DerError`."""
    try:
        return _parse(encoding)
    except (IndexError, ValueError) as error:
        raise der.DerError(str(error)) from error


def _parse(encoding: bytes) -> Certificate:
    body, algorithm, *_ = der.children(der.first_element(encoding).expect(der.SEQUENCE))
    fields = der.children(body.expect(der.SEQUENCE))
    version = 1
    if fields[0].tag == 0xA0:
        version = der.children(fields.pop(0))[0].integer() + 1
    serial, _, issuer, validity, subject, key = fields[:6]
    begins, ends = der.children(validity)[:2]
    signature = der.object_identifier(der.children(algorithm)[0])
    number = serial.integer()
    key_type, bits, uncommon = _public_key(key)
    broken = _BROKEN_HASHES.get(signature)
    strong = signature in _STRONG_SIGNATURES
    return Certificate(
        version=version,
        serial=number if -(1 << 63) <= number < 1 << 63 else -1,
        subject=_one_line(subject),
        issuer=_one_line(issuer),
        not_before=_time(begins),
        not_after=_time(ends),
        key_type=key_type,
        key_bits=bits,
        uncommon_curve=uncommon,
        broken_hash=broken,
        weak_hash=None if strong or broken else _WEAK_SIGNATURES.get(signature, "UNDEF"),
    )


def _one_line(name: der.Element) -> str:
    """Return a name as X509_NAME_oneline writes it; what would exceed 1023 characters is left out."""
    text = ""
    for group in der.children(name):
        for attribute in der.children(group):
            kind, value = der.children(attribute)[:2]
            label = der.object_identifier(kind)
            part = f"/{_ATTRIBUTES.get(label, label)}={_escape(value)}"
            if len(text) + len(part) > _NAME_LIMIT:
                return text
            text += part
    return text


def _escape(value: der.Element) -> str:
    octets = value.contents
    if (
        value.tag == der.GENERAL_STRING
        and not len(octets) % 4
        and not any(octets[i::4].strip(b"\0") for i in range(3))
    ):
        octets = octets[3::4]  # characters of 32 bits, all of them small
    return "".join(
        ("\\" + chr(octet) if octet in b"/+" else chr(octet)) if 0x20 <= octet <= 0x7E else f"\\x{octet:02X}"
        for octet in octets
    )


def _time(value: der.Element) -> str:
    """Return a UTCTime as ASN1_UTCTIME_print does, which knows no other type: then nothing."""
    if value.tag != der.UTC_TIME:
        return ""
    match = _UTC_TIME.fullmatch(value.contents)
    if match is None:
        return "Bad time value"
    year, month, day, hour, minute, second = (int(group or 0) for group in match.groups()[:6])
    year += 2000 if year < 50 else 1900
    zone = " GMT" if match[7] == b"Z" else ""
    return f"{_MONTHS[month - 1]} {day:2d} {hour:02d}:{minute:02d}:{second:02d} {year}{zone}"


def _public_key(info: der.Element) -> tuple[str, int, bool]:
    """Return type, bits, and whether it is an EC key on an uncommon curve."""
    algorithm, bit_string = der.children(info)[:2]
    kind, *parameters = der.children(algorithm)
    oid = der.object_identifier(kind)
    name = _KEY_TYPES.get(oid, "unknown")
    if name == "RSA":
        key = der.first_element(bit_string.expect(der.BIT_STRING).contents, 1)
        return name, der.children(key)[0].integer().bit_length(), False
    if name in ("DSA", "DH"):
        bits = der.children(parameters[0])[0].integer().bit_length() if parameters else 0
        return name, bits, False
    if name == "EC":
        if parameters and parameters[0].tag == der.OID:
            curve = der.object_identifier(parameters[0])
            return name, _CURVE_BITS.get(curve, 0), curve not in _COMMON_CURVES
        # explicit parameters (X9.62): version, field, curve, base, order
        return name, der.children(parameters[0])[4].integer().bit_length(), True
    return name, _EDWARDS_BITS.get(oid, 0), False
