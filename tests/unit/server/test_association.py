"""What the driver does when things go wrong that no peer and no file can cause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dcmrecv.config import (
    AssociationConfig,
    Config,
    NetworkConfig,
    PresentationContext,
    Profile,
    StorageConfig,
)
from dcmrecv.journal import AssociationJournal, Journal
from dcmrecv.receiver import Receiver
from dcmrecv.storage import ObjectStore
from tests.support.rawscu import CT_IMAGE, Association, element

IMPLICIT = b"1.2.840.10008.1.2"


class Told(AssociationJournal):
    def __init__(self, crashes: list[Exception]) -> None:
        self._crashes = crashes

    def crashed(self, error: Exception) -> None:
        self._crashes.append(error)


class Teller(Journal):
    def __init__(self) -> None:
        self.crashes: list[Exception] = []

    def association(self, peer_address: str, peer_port: int) -> AssociationJournal:
        return Told(self.crashes)


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def receiver(tmp_path: Path, teller: Teller) -> Iterator[Receiver]:
    contexts = (
        PresentationContext(b"1.2.840.10008.1.1", (IMPLICIT,)),
        PresentationContext(CT_IMAGE.encode(), (IMPLICIT,)),
    )
    config = Config(
        association=AssociationConfig(profile=Profile("TEST", contexts)),
        network=NetworkConfig(port=0),
        storage=StorageConfig(directory=bytes(tmp_path)),
    )
    with Receiver(config, journal=teller) as running:
        yield running


def _store(port: int) -> int:
    association = Association(port, CT_IMAGE)
    with association:
        return association.store("1.2.3", element(0x0008, 0x0018, b"1.2.3"))


def test_a_mistake_of_ours_costs_one_association(
    receiver: Receiver, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "request", broken)
        for _ in range(40):  # more than the threads that wait: each mistake must give its thread back
            with pytest.raises(ConnectionError):
                _store(receiver.port)
    assert [str(error) for error in teller.crashes] == ["a mistake"] * 40
    assert _store(receiver.port) == 0
