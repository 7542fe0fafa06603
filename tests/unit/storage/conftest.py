"""A store, a peer of a few lines, and an observer that remembers what it got."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest

from dcmrecv.conditions import Condition
from dcmrecv.config import StorageConfig, StorageMode
from dcmrecv.core.events import AcceptedAssociation, AssociateRequest, StoreRequest
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.observer import AssociationEvent, AssociationObserver, DataSetRemark
from dcmrecv.storage import ObjectStore, RequestRefused, StoreResult

CT = b"1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"


def element(tag: int, vr: bytes, value: bytes, pad: bytes = b"\0") -> bytes:
    """Return one element in Explicit VR Little Endian, short form, padded to even."""
    value += pad * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def data_set(instance: bytes = b"1.2.3.4", sop_class: bytes = CT, *, date: bytes | None = None) -> bytes:
    """Return a small sorted data set that normal mode stores as it is."""
    parts = [element(0x00080016, b"UI", sop_class), element(0x00080018, b"UI", instance)]
    if date is not None:
        parts.append(element(0x00080021, b"DA", date, b" "))
    parts.append(element(0x00100010, b"PN", b"Doe^Jane", b" "))
    return b"".join(parts)


class Remembering(AssociationObserver):
    """Remembers every event but the parser's remarks."""

    wanted = frozenset(get_args(AssociationEvent))

    def __init__(self) -> None:
        self.events: list[AssociationEvent] = []

    def observe(self, event: AssociationEvent) -> None:
        if not isinstance(event, DataSetRemark):
            self.events.append(event)

    def names(self) -> list[str]:
        """Return the names of the kinds of all events."""
        return [type(event).__name__ for event in self.events]

    def of(self, name: str) -> list[Any]:
        """Return all events of a kind."""
        return [event for event in self.events if type(event).__name__ == name]


@dataclass
class Sent:
    """What became of one C-STORE."""

    observer: Remembering
    status: int | None = None
    aborted: tuple[Condition, ...] | None = None


@dataclass
class Peer:
    """Sends C-STOREs to a store the way the association driver does."""

    store: ObjectStore
    association: AcceptedAssociation
    number: int = field(default=0)

    def request(self, instance: bytes, sop_class: bytes = CT, syntax: bytes = EXPLICIT) -> StoreRequest:
        self.number += 1
        return StoreRequest(1, self.number, sop_class, instance, syntax, 0, 0, None, None, b"")

    def send(
        self,
        content: bytes,
        instance: bytes = b"1.2.3",
        sop_class: bytes = CT,
        *,
        syntax: bytes = EXPLICIT,
        pdv: int | None = None,
    ) -> Sent:
        """Send *content* in fragments of *pdv* bytes, each as a batch of its own."""
        sent = Sent(Remembering())
        request = self.request(instance, sop_class, syntax)
        try:
            session = self.store.request(request, self.association, sent.observer)
        except RequestRefused as refused:
            sent.aborted = refused.conditions
            return sent
        step = pdv or len(content) or 1
        pieces = [content[at : at + step] for at in range(0, len(content), step)] or [b""]
        for index, piece in enumerate(pieces):
            buffer = bytearray(piece)
            last = index == len(pieces) - 1
            failure = session.receive([memoryview(buffer)], last, 1)
            if not last:
                buffer[:] = bytes(len(buffer))  # as the receive buffer is used again
            if failure is not None:
                sent.aborted = failure.conditions
                session.discard()
                return sent
        result: StoreResult = session.complete()
        sent.status, sent.aborted = result.status, result.abort
        return sent


@pytest.fixture
def association() -> AcceptedAssociation:
    request = AssociateRequest(1, b"SCP", b" SCU", b"", (), 16384, b"", b"", (), (), None)
    return AcceptedAssociation(request, (), 16384, 16372, ())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def peer(out: Path, association: AcceptedAssociation) -> Iterator[Callable[..., Peer]]:
    """Make a peer of a new store in *out*; keywords are those of `StorageConfig`."""
    stores: list[ObjectStore] = []

    def make(mode: StorageMode = StorageMode.NORMAL, **settings: Any) -> Peer:
        settings.setdefault("directory", str(out).encode())
        store = ObjectStore(StorageConfig(mode=mode, **settings), dictionary=builtin_dictionary)
        store.start()
        stores.append(store)
        return Peer(store, association)

    yield make
    for store in stores:
        store.close()


def everything(directory: Path) -> set[str]:
    """Return the paths of all files and links below *directory*, hidden ones too."""
    found = directory.rglob("*")
    return {str(path.relative_to(directory)) for path in found if path.is_symlink() or not path.is_dir()}
