from __future__ import annotations

import pytest
from pydicom.uid import UID_dictionary
from pynetdicom.sop_class import _STORAGE_CLASSES

from dcmrecv.config import AssociationConfig
from dcmrecv.core.accept_all import is_storage
from dcmrecv.core.events import ContextOutcome
from tests.support.rawscu import Requestor, associate_rq
from tests.support.settings import acceptor_settings

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
UNKNOWN = "1.2.3.4.5.99"
IMPLICIT, EXPLICIT, JPEG, HTJ2K = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.201",
)


@pytest.mark.parametrize("uid", _STORAGE_CLASSES.values())
def test_every_storage_class_of_pynetdicom(uid: str) -> None:
    assert is_storage(uid.encode())


def test_all_of_the_standard() -> None:
    """What pydicom's table calls a storage class is one, the media directory aside; nothing else is."""
    places = ("1.2.840.10008.5.1.4.1.1.12.77", "1.2.840.10008.5.1.4.1.1.40")  # retired, without a name
    for uid, (name, kind, *_) in UID_dictionary.items():
        if kind not in ("SOP Class", "Meta SOP Class", "Service Class"):
            continue
        wanted = ("Storage" in name and uid != "1.2.840.10008.1.3.10") or uid in (VERIFICATION, *places)
        wanted = wanted and "Commitment" not in name and kind == "SOP Class"
        assert is_storage(uid.encode()) is wanted, (uid, name)


@pytest.mark.parametrize(
    ("uid", "storage"),
    [
        (b"1.3.12.2.1107.5.9.1", True),  # Siemens' CSA non-image
        (b"1.2.3", True),
        (b"1.2.840.10008.5.1.4.1.1.99999.7", True),  # of a later edition of the standard
        (b"1.2.840.10008.5.1.4.99", False),
        (b"1.2.276.0.7230010.3.4.1915765545.18030.917282194.0", False),
        (b"", False),
        (b"..", False),
        (b"1.2.x", False),
        (b"1." + b"2" * 63, False),
    ],
)
def test_private_future_and_no_uids(uid: bytes, storage: bool) -> None:
    assert is_storage(uid) is storage


def negotiated(
    abstract: str, *transfer: str, config: AssociationConfig | None = None
) -> tuple[ContextOutcome, bytes] | None:
    settings = acceptor_settings(config or AssociationConfig(accept_all=True))
    association = settings.negotiate(associate_rq(Requestor(), abstract, transfer)).association
    return (
        None
        if association is None
        else (association.contexts[0].outcome, association.contexts[0].transfer_syntax)
    )


@pytest.mark.parametrize(
    ("abstract", "proposed", "chosen"),
    [
        (CT, (JPEG, EXPLICIT, IMPLICIT), JPEG),
        (CT, (IMPLICIT, JPEG), IMPLICIT),
        (CT, (HTJ2K, EXPLICIT), HTJ2K),
        (CT, (UNKNOWN, EXPLICIT), EXPLICIT),
        ("1.2.3.4", (EXPLICIT,), EXPLICIT),
        (VERIFICATION, (EXPLICIT, IMPLICIT), IMPLICIT),  # as the profile prefers
        (VERIFICATION, (EXPLICIT,), EXPLICIT),
    ],
)
def test_the_first_receivable_transfer_syntax_is_taken(
    abstract: str, proposed: tuple[str, ...], chosen: str
) -> None:
    assert negotiated(abstract, *proposed) == (ContextOutcome.ACCEPTED, chosen.encode())


def test_what_is_still_refused() -> None:
    assert negotiated(CT, UNKNOWN) is None
    assert negotiated("1.2.840.10008.5.1.4.1.2.1.1", IMPLICIT) is None
    assert negotiated(CT, IMPLICIT, config=AssociationConfig()) is None
