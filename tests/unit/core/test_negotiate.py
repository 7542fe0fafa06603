"""Settings and their memory of answers."""

from __future__ import annotations

from dcmrecv import remarks
from dcmrecv.core import limits
from dcmrecv.core.events import ContextOutcome
from tests.wire.peer import associate, context, settings

DICOM = b"1.2.840.10008.1.2"
VERIFICATION = b"1.2.840.10008.1.1"


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


def test_a_syntax_of_which_nothing_is_known_is_refused_with_a_remark() -> None:
    unknown = context(1, b"1.2.840.10008.5.1.4.1.1.6.1", b"1.2.3.4.5.99")
    association = settings().negotiate(associate(unknown, context(3, VERIFICATION, DICOM))).association
    assert association is not None
    assert association.contexts[0].outcome is ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
    assert association.notes == (remarks.SYNTAX_UNKNOWN(1, b"1.2.3.4.5.99"),)
