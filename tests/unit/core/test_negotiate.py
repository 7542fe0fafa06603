"""Settings and their memory of answers."""

from __future__ import annotations

from dcmrecv.core import limits
from tests.wire.peer import associate, context, settings

DICOM = b"1.2.840.10008.1.2"


def test_answers_are_remembered_within_bounds() -> None:
    shared = settings()
    for number in range(3 * limits.CACHED_REQUESTS):
        shared.negotiate(associate(calling=b"PEER%d" % number))
    assert 0 < len(shared.answers) <= limits.CACHED_REQUESTS


def test_only_accepted_requests_of_reasonable_size_are_remembered() -> None:
    shared = settings()
    shared.negotiate(associate(application=b"1"))
    shared.negotiate(associate(extra=b"\0\0\0"))
    shared.negotiate(associate(*[context(1, b"1.2.840.10008.1.1", DICOM)] * 400))
    assert shared.answers == {}
