"""Settings and their memory of answers."""

from __future__ import annotations

import pytest

from dcmrecv.core import limits
from dcmrecv.core.negotiate import RECEIVABLE
from tests.wire.peer import associate, context, settings

DICOM = b"1.2.840.10008.1.2"


def test_answers_are_remembered_within_bounds() -> None:
    shared = settings()
    for number in range(3 * limits.MEMO_REQUESTS):
        shared.negotiate(associate(calling=b"PEER%d" % number))
    assert 0 < len(shared.memo) <= limits.MEMO_REQUESTS


def test_only_accepted_requests_of_reasonable_size_are_remembered() -> None:
    shared = settings()
    shared.negotiate(associate(application=b"1"))
    shared.negotiate(associate(extra=b"\0\0\0"))
    shared.negotiate(associate(*[context(1, b"1.2.840.10008.1.1", DICOM)] * 400))
    assert shared.memo == {}


@pytest.mark.parametrize(
    ("suffix", "receivable"),
    [
        (b"", True),
        (b".1", True),
        (b".2", True),
        (b".5", True),
        (b".1.99", True),
        *((b".4.%d" % n, True) for n in (50, 51, 57, 66, 70, 80, 81, 90, 93, 100, 101, 102, 106, 107, 108)),
        *((b".4.%d" % n, False) for n in (49, 71, 79, 82, 94, 109, 201, 202)),
        (b".4.100.1", False),
        (b".1.98", False),
        (b".4.95", False),
    ],
)
def test_receivable_transfer_syntaxes(suffix: bytes, receivable: bool) -> None:
    assert (DICOM + suffix in RECEIVABLE) is receivable
