"""Which encodings are known, and how."""

from __future__ import annotations

import pytest
from pydicom.uid import UID, AllTransferSyntaxes

from dcmrecv.transfer_syntaxes import Encoding, encoding_of, is_receivable

DICOM = b"1.2.840.10008.1.2"


@pytest.mark.parametrize("uid", AllTransferSyntaxes)
def test_what_pydicom_can_encode_is_received_the_same_way(uid: UID) -> None:
    encoding = encoding_of(uid.encode())
    assert is_receivable(uid.encode())
    assert encoding.explicit is not uid.is_implicit_VR
    assert encoding.big_endian is not uid.is_little_endian
    assert encoding.deflated is (uid.is_deflated or uid.endswith(".4.205"))  # pydicom forgets that one
    assert encoding.encapsulated is uid.is_encapsulated or "JPIP" in uid.name


@pytest.mark.parametrize("suffix", [b".4.110", b".4.201", b".4.999", b".4.100.1", b".1.98", b".8.1"])
def test_codecs_of_today_and_tomorrow_are_explicit_little_endian_outside_the_fragments(suffix: bytes) -> None:
    assert is_receivable(DICOM + suffix)
    assert encoding_of(DICOM + suffix) == Encoding(explicit=True, encapsulated=True)


@pytest.mark.parametrize("uid", [b"1.2.3.4.5.99", DICOM + b".6.1", DICOM + b".6.2", b"", DICOM + b".40"])
def test_nothing_is_guessed(uid: bytes) -> None:
    assert not is_receivable(uid)


def test_jpip_has_its_pixel_data_elsewhere() -> None:
    assert encoding_of(DICOM + b".4.94") == Encoding(encapsulated=False)
    assert encoding_of(DICOM + b".4.205") == Encoding(encapsulated=False, deflated=True)


def test_private_implicit_syntax_of_ge() -> None:
    assert encoding_of(b"1.2.840.113619.5.2") == Encoding(explicit=False, encapsulated=False)
