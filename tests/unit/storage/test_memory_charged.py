"""What the parser and the second pass remember of a data set is charged to the connection's account."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest

from dcmrecv.config import StorageConfig
from dcmrecv.core.events import AcceptedAssociation, AssociateRequest, StoreRequest
from dcmrecv.dataset.dictionary import builtin_dictionary
from dcmrecv.dataset.limits import MAX_NESTING, NESTING
from dcmrecv.memory import Account, MemoryBudget, MemoryBudgetExceeded
from dcmrecv.observer import AssociationObserver
from dcmrecv.storage import ObjectStore, StoreSession

CLASS = b"1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"


def _element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


HEAD = _element(8, 0x16, b"UI", CLASS + b"\0") + _element(8, 0x18, b"UI", b"1.2.3\0")
GROUP_LENGTHS = b"".join(
    _element(group, 0, b"UL", bytes(4)) + _element(group, 0x10, b"LO", b"ab") for group in range(9, 40_009, 2)
)
"""20,000 of them, all wrong."""
DISORDER = b"".join(_element(0x11, number, b"LO", b"ab") for number in range(30_000, 0, -1))
"""30,000 elements, all out of order."""
_UNDEFINED = b"\xff\xff\xff\xff"
NESTED = (
    b"\x08\0\x40\x11SQ\0\0" + _UNDEFINED + b"\xfe\xff\0\xe0" + _UNDEFINED
) * 30_000 + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * 30_000
"""30,000 sequences in each other, and nothing else that would be remarkable."""
BIG = pytest.mark.parametrize(
    "data",
    [HEAD + GROUP_LENGTHS, HEAD + DISORDER, HEAD + NESTED],
    ids=["group lengths", "disorder", "nested"],
)


def _session(path: Path, account: Account) -> StoreSession:
    store = ObjectStore(
        StorageConfig(directory=bytes(path), max_nesting=MAX_NESTING), dictionary=builtin_dictionary
    )
    rq = AssociateRequest(1, b"A", b"B", b"", (), 16384, b"", b"", (), (), None)
    request = StoreRequest(1, 1, CLASS, b"1.2.3", EXPLICIT, 0, 0x102, None, None, b"")
    session = store.request(request, AcceptedAssociation(rq, (), 16384, 16372, ()), AssociationObserver())
    session.account = account
    return session


def _play(session: StoreSession, data: bytes) -> int:
    size = 1 << 18
    for start in range(0, len(data), size):
        view = memoryview(bytearray(data[start : start + size]))
        assert session.receive([view], start + size >= len(data), 1) is None
    return session.complete().status


@BIG
def test_what_is_remembered_is_charged(tmp_path: Path, data: bytes) -> None:
    _play(_session(tmp_path, Account(MemoryBudget(1 << 30))), HEAD)  # what is loaded once
    budget = MemoryBudget(1 << 30)
    session = _session(tmp_path, Account(budget))
    tracemalloc.start()
    try:
        assert _play(session, data) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert session.charged == budget.used > 0
    assert budget.used + (2 << 20) >= peak


@BIG
def test_beyond_the_budget_nothing_is_stored_and_nothing_stays(tmp_path: Path, data: bytes) -> None:
    session = _session(tmp_path, Account(MemoryBudget(1 << 20)))
    with pytest.raises(MemoryBudgetExceeded):
        _play(session, data)
    session.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_clean_data_set_is_charged_nothing(tmp_path: Path) -> None:
    session = _session(tmp_path, Account(MemoryBudget(0)))
    nested = NESTED[: 20 * NESTING] + NESTED[-16 * NESTING :]
    assert _play(session, HEAD + nested + _element(0x10, 0x10, b"PN", b"A^B ")) == 0
    assert session.charged == 0
