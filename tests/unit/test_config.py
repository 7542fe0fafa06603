"""What a configuration takes from a program, what it holds, and what it refuses."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from dcmrecv.config import (
    LEVEL_BY_LETTER,
    AssociationConfig,
    Config,
    ExtrasConfig,
    LoggingConfig,
    LogLevel,
    NetworkConfig,
    PresentationContext,
    Profile,
    StorageConfig,
    StorageMode,
    TlsConfig,
    receive_length,
)


@pytest.mark.parametrize("given", ["in/é", "in/é".encode(), PurePosixPath("in/é"), Path("in/é")])
def test_a_path_may_be_text_bytes_or_a_path(given: str | bytes | Path) -> None:
    assert StorageConfig(directory=given).directory == "in/é".encode()
    assert StorageConfig(spool=given).spool == "in/é".encode()
    tls = TlsConfig(private_key=given, certificate=given, trusted_files=[given])
    assert (tls.private_key, tls.certificate, tls.trusted_files) == ("in/é".encode(),) * 2 + (
        ("in/é".encode(),),
    )


@pytest.mark.parametrize("given", ["ARCHIVE", b"ARCHIVE"])
def test_a_title_may_be_text_or_bytes(given: str | bytes) -> None:
    assert AssociationConfig(ae_title=given).ae_title == b"ARCHIVE"
    assert StorageConfig(extension=given).extension == b"ARCHIVE"
    assert ExtrasConfig(metrics_address=given).metrics_address == "ARCHIVE"
    assert TlsConfig(private_key="k", certificate="c", expected_sni=given).expected_sni == "ARCHIVE"
    context = PresentationContext(given, [given])
    assert (context.abstract_syntax, context.transfer_syntaxes) == (b"ARCHIVE", (b"ARCHIVE",))


def test_a_choice_may_be_a_member_or_its_name() -> None:
    assert StorageConfig(mode="BIT_PRESERVING") == StorageConfig(mode=StorageMode.BIT_PRESERVING)
    assert LoggingConfig(level="INFO").level is LogLevel.INFO


def test_an_empty_output_directory_is_the_current_one() -> None:
    assert StorageConfig(directory="").directory == StorageConfig().directory == b"."


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: AssociationConfig(ae_title=5), "AssociationConfig.ae_title: text is needed, not int"),
        (lambda: StorageConfig(directory=5), "StorageConfig.directory: a path is needed, not int"),
        (lambda: StorageConfig(directory=None), "StorageConfig.directory: a path is needed, not NoneType"),
        (lambda: StorageConfig(fsync="no"), "StorageConfig.fsync: True or False is needed, not str"),
        (lambda: StorageConfig(mode=1), "StorageConfig.mode: StorageMode is needed, not int"),
        (lambda: NetworkConfig(workers=True), "NetworkConfig.workers: an integer is needed, not bool"),
        (lambda: NetworkConfig(grace="10"), "NetworkConfig.grace: a number is needed, not str"),
        (
            lambda: TlsConfig(private_key="k", certificate="c", trusted_files="ca.pem"),
            "TlsConfig.trusted_files: a list is needed, not str",
        ),
        (lambda: Profile("P", ["1.2"]), "Profile.contexts: PresentationContext is needed, not str"),
        (lambda: Config(storage="in"), "Config.storage: StorageConfig is needed, not str"),
        (lambda: Config(tls=StorageConfig()), "Config.tls: TlsConfig is needed, not StorageConfig"),
    ],
)
def test_anything_else_is_an_error_at_construction(make: Callable[[], object], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: AssociationConfig(max_pdu=4095),
            "AssociationConfig.max_pdu: 4095 is not within 4096..131072",
        ),
        (lambda: NetworkConfig(workers=257), "NetworkConfig.workers: 257 is not within 1..256"),
        (lambda: NetworkConfig(grace=float("nan")), "NetworkConfig.grace: nan is not within 0..86400"),
        (lambda: NetworkConfig(port=65536), "NetworkConfig.port: 65536 is not within 0..65535"),
        (lambda: ExtrasConfig(metrics_port=0), "ExtrasConfig.metrics_port: 0 is not within 1..65535"),
        (lambda: StorageConfig(mode="ignore"), "'ignore' is none of NORMAL, BIT_PRESERVING, IGNORE"),
    ],
)
def test_a_value_out_of_range_is_an_error_at_construction(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"^\w+\.\w+: ") as caught:
        make()
    assert str(caught.value).endswith(text)


def test_tls_needs_a_key_and_a_certificate() -> None:
    with pytest.raises(TypeError, match="private_key"):
        TlsConfig(certificate="c")  # type: ignore[call-arg, unused-ignore]


def test_a_configuration_is_a_frozen_value() -> None:
    config = Config(storage=StorageConfig(directory="in"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.storage.directory = b"out"  # type: ignore[misc]
    assert config == Config(storage=StorageConfig(directory=b"in")) != Config()
    assert hash(config) == hash(dataclasses.replace(config))
    assert dataclasses.replace(config.storage, directory=Path("out")).directory == b"out"
    assert pickle.loads(pickle.dumps(config)) == config
    assert "directory=b'in'" in repr(config)


def test_fields_by_their_dotted_names_become_sections() -> None:
    config = Config.from_fields({"network.port": 104, "storage.fsync": True, "tls.expected_sni": "name"})
    assert config == Config(network=NetworkConfig(port=104), storage=StorageConfig(fsync=True))
    tls = Config.from_fields({"tls.private_key": b"k", "tls.certificate": b"c"}).tls
    assert tls == TlsConfig(private_key="k", certificate="c")


def test_letters_name_levels() -> None:
    assert "".join(LEVEL_BY_LETTER) == "TDIWEF"
    assert all(level.letter == letter for letter, level in LEVEL_BY_LETTER.items())


@pytest.mark.parametrize(("given", "used"), [(4096, 4096), (4097, 4096), (131071, 131070)])
def test_peers_get_an_even_length(given: int, used: int) -> None:
    assert receive_length(given) == used
