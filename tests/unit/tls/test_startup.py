"""Messages and outcomes of start-up, in the reference's order (spec/tls.md a.4, a.5, c)."""

from __future__ import annotations

import errno
import ssl
from pathlib import Path
from typing import Any

import pytest

from dcmrecv.config import KeyFormat, TlsConfig
from dcmrecv.tls import limits
from dcmrecv.tls.context import TlsServerContext
from dcmrecv.tls.errors import TlsStartError
from dcmrecv.tls.startup import prepare
from dcmrecv.tls.suites import PROFILES, list_ciphers, supported_profiles


def start(pki: Path, **settings: Any) -> tuple[list[tuple[str, str]], TlsServerContext | str]:
    lines: list[tuple[str, str]] = []
    paths = {"private_key": b"server.key", "certificate": b"server.pem", **settings}
    try:
        return lines, prepare(TlsConfig(**paths), lambda letter, text: lines.append((letter, text)))
    except TlsStartError as error:
        return lines, str(error)


@pytest.fixture(autouse=True)
def _inside(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pki)


def test_a_good_pair_says_nothing(pki: Path) -> None:
    lines, context = start(pki, trusted_files=(b"ca.pem",))
    assert lines == []
    assert isinstance(context, TlsServerContext)


def test_der_key_certificate_and_trust(pki: Path) -> None:
    lines, context = start(
        pki,
        private_key=b"server.p8",
        certificate=b"server.der",
        trusted_files=(b"ca.der",),
        key_format=KeyFormat.DER,
    )
    assert lines == []
    assert isinstance(context, TlsServerContext)


@pytest.mark.parametrize("form", KeyFormat)
@pytest.mark.parametrize("name", ["private_key", "certificate", "trusted_files"])
def test_a_file_that_is_too_large_is_called_that(pki: Path, name: str, form: KeyFormat) -> None:
    with Path("large").open("wb") as file:
        file.truncate(limits.MATERIAL_BYTES + 1)
    good = {} if form is KeyFormat.PEM else {"private_key": b"server.p8", "certificate": b"server.der"}
    large = (b"large",) if name == "trusted_files" else b"large"
    lines, _ = start(pki, **good | {name: large, "key_format": form})
    assert ("E", f"OpenSSL error {0x80000000 | errno.EFBIG:08x}: OpenSSL error") in lines


def test_a_second_failure_shows_a_leftover_of_the_first(pki: Path) -> None:
    lines, _ = start(pki, trusted_files=(b"n1", b"n2"), crl_files=(b"n3",), trusted_directories=(b"",))
    assert [text for letter, text in lines if letter == "E"] == [
        "OpenSSL error 80000002: OpenSSL error",
        "OpenSSL error 10000080: no such file",
        "OpenSSL error 05880002: system lib",
        "OpenSSL error 80000002: OpenSSL error",
    ]


@pytest.mark.parametrize(
    ("settings", "error", "final"),
    [
        (
            {"private_key": b"none"},
            "80000002: OpenSSL error",
            "000b:0004 Unable to load private TLS key from 'none'",
        ),
        (
            {"private_key": b"junk"},
            "1e08010c: unsupported",
            "000b:0004 Unable to load private TLS key from 'junk'",
        ),
        (
            {"certificate": b"junk"},
            "0480006c: no start line",
            "000b:0005 Unable to load certificate from 'junk'",
        ),
        (
            {"private_key": b"enc.key", "password": b"wrong"},
            "1c800064: bad decrypt",
            "000b:0004 Unable to load private TLS key from 'enc.key'",
        ),
    ],
)
def test_fatal(pki: Path, settings: dict[str, bytes], error: str, final: str) -> None:
    assert start(pki, **settings) == ([("E", f"OpenSSL error {error}")], final)


def test_mismatch(pki: Path) -> None:
    final = "000b:0006 Private key 'client.key' and certificate 'server.pem' do not match"
    assert start(pki, private_key=b"client.key") == ([], final)


def test_password_opens_the_key(pki: Path) -> None:
    assert isinstance(start(pki, private_key=b"enc.key", password=b"secret")[1], TlsServerContext)


def test_added_suites(pki: Path) -> None:
    assert start(pki, ciphers=("TLS_BOGUS",))[1] == "000b:0003 Unknown or invalid ciphersuite: TLS_BOGUS"
    final = "000b:000a Ciphersuite not allowed in current DICOM security profile"
    lines, text = start(pki, ciphers=("TLS_RSA_WITH_NULL_SHA",))
    assert text == final
    assert lines[0][0] == "F"


def test_list_is_weakest_first() -> None:
    names = list_ciphers()
    assert names[-1] == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert not any(name.startswith("TLS_AES_") for name in names)


@pytest.mark.parametrize("profile", supported_profiles())
def test_every_profile_that_is_listed_starts(pki: Path, profile: str) -> None:
    _, context = start(pki, profile=profile)
    assert isinstance(context, TlsServerContext)


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - set(supported_profiles())))
def test_a_profile_that_the_library_cannot_do_is_refused_in_a_line(pki: Path, profile: str) -> None:
    expected = f"the TLS library supports no ciphersuite of security profile '{PROFILES[profile].name}'"
    assert start(pki, profile=profile)[1] == expected


def test_the_modified_profile_is_in_every_build() -> None:
    assert "pm" in supported_profiles()


def test_groups_that_are_gone_are_left_out(pki: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.15 with OpenSSL 4: `set_groups` is there, and some of the reference's groups are not."""
    asked: list[list[str]] = []

    def set_groups(context: ssl.SSLContext, groups: str) -> None:
        asked.append(groups.split(":"))
        if any(group.startswith(("sect", "secp256k1")) for group in asked[-1]):
            raise ssl.SSLError("unknown group")

    monkeypatch.setattr(ssl.SSLContext, "set_groups", set_groups, raising=False)
    _, context = start(pki)
    assert isinstance(context, TlsServerContext)
    curves = ["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"]
    assert asked[-1] == ["prime256v1", "secp384r1", "secp521r1", *curves]
