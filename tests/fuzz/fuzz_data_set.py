"""Coverage-guided fuzzing of normal mode's rewriter: the data set scanner and the complete step.

    pip install atheris
    PYTHONPATH=src:. python -m tests.fuzz.fuzz_data_set -max_len=4096 -max_total_time=600 DIRECTORY

or, where atheris is not to be had, a plain random run for a number of seconds:

    python -m tests.fuzz.fuzz_data_set --seconds 60

The first byte chooses the transfer syntax, the second how the data set is cut into fragments. The invariant: every
byte string is rewritten or ends in the documented `DataSetError`, and where it is cut makes no difference, but for the
reference's exception (spec/storage.md 3.7): encapsulated data in a native syntax end the association where a cut falls
into them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.dicom import element, implicit_vr, sequence
from bench.objects import ct_image, multi_frame

from dcmrecv.conditions import ILLEGAL_CALL
from dcmrecv.dataset.errors import DataSetError
from tests.fuzz.mutations import run
from tests.unit.dataset.rewriting import rewrite

__all__ = ["main", "one_input", "seeds"]

SYNTAXES = (b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.4.50")
CUT_ENCAPSULATED = ILLEGAL_CALL.text
IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, JPEG_BASELINE = range(4)


def outcome(data: bytes, transfer_syntax: bytes, cut: int | None) -> bytes | str:
    try:
        return bytes(rewrite(data, transfer_syntax, cut).data)
    except DataSetError as error:
        return str(error)


def one_input(data: bytes) -> None:
    """Rewrite *data* in one piece and cut, and check the invariant."""
    if len(data) < 3:
        return
    syntax, cut, data = SYNTAXES[data[0] % len(SYNTAXES)], data[1], data[2:]
    whole = outcome(data, syntax, None)
    found = outcome(data, syntax, cut or 1)
    assert found in (whole, CUT_ENCAPSULATED)


def seeds() -> Iterator[bytes]:
    """Clean data sets of many shapes to start from."""
    ct = ct_image(3000, 60).encoded()
    code = element(0x00080100, b"SH", b"113000") + element(0x00080104, b"LO", b"Meaning ")
    nested = sequence(0x00400275, [sequence(0x00400260, [code, code], undefined=True), b""])
    frames = sequence(0x00080006, [code]) + multi_frame(2000, 70).encoded()
    start = element(0x00080016, b"UI", b"1.2.3\0") + element(0x00080018, b"UI", b"1.2.3.4\0")
    private = start + element(0x00090010, b"LO", b"PRIVATE ") + element(0x00091001, b"UN", bytes(6)) + nested
    # an empty offset table and one fragment (PS3.5 A.4)
    items = b"\xfe\xff\0\xe0\0\0\0\0" + b"\xfe\xff\0\xe0\4\0\0\0" + b"\xff\xd8\xff\xd9"
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    for data in (ct, nested, frames, private):
        for cut in (0, 1, 7, 100):
            yield bytes((EXPLICIT_LE, cut)) + data
            yield bytes((EXPLICIT_BE, cut)) + data
    for data in (ct, nested, frames):
        for cut in (0, 3, 60):
            yield bytes((IMPLICIT_LE, cut)) + implicit_vr(data)
    for cut in (0, 5):
        yield bytes((JPEG_BASELINE, cut)) + start + pixels


def main() -> None:
    """Run as the docstring of this module says."""
    run(sys.argv, one_input, seeds)


if __name__ == "__main__":
    main()
