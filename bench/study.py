"""A mix of real objects: files of many kinds and transfer syntaxes that pydicom brings, as a study's are mixed.

Their bytes are sent as they are, except for the SOP Instance UID, which becomes one that the generator numbers.
"""

from __future__ import annotations

from pathlib import Path

import pydicom
import pydicom.config
from pydicom.dataelem import RawDataElement

from bench.dicom import uid
from bench.objects import INSTANCE_PREFIX, SERIAL_WIDTH, DataSet

__all__ = ["FILES", "study_mix"]

FILES = (
    "CT_small.dcm",
    "693_J2KI.dcm",
    "dicomdirtests/98892001/CT2N/6293",
    "dicomdirtests/98892001/CT5N/2062",
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "dicomdirtests/98892003/MR1/15820",
    "dicomdirtests/98892003/MR700/4467",
    "dicomdirtests/77654033/CR1/6154",
    "examples_overlay.dcm",
    "examples_palette.dcm",
    "examples_jpeg2k.dcm",
    "examples_ybr_color.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "JPEG2000.dcm",
    "liver_1frame.dcm",
    "rtdose.dcm",
    "rtplan.dcm",
    "reportsi.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
)
"""Below pydicom's ``data/test_files``."""

_SOP_INSTANCE_UID = 0x00080018


def _data_set(path: Path) -> DataSet:
    content = path.read_bytes()
    parsed = pydicom.dcmread(path)
    raw = parsed.get_item(_SOP_INSTANCE_UID)
    if not isinstance(raw, RawDataElement) or raw.length is None:
        raise ValueError(f"no SOP Instance UID in {path.name}")
    width = 4 if raw.is_implicit_VR else 2
    start, end = raw.value_tell - width, raw.value_tell + raw.length
    if int.from_bytes(content[start : raw.value_tell], "little") != raw.length:
        raise ValueError(f"the SOP Instance UID of {path.name} is not where it should be")
    instance = uid(INSTANCE_PREFIX + b"0" * SERIAL_WIDTH)
    # preamble and prefix 132 bytes, then the group length element of 12 (PS3.10 7.1)
    meta = 144 + int(parsed.file_meta.FileMetaInformationGroupLength)
    head = content[meta:start] + len(instance).to_bytes(width, "little") + instance + content[end:]
    return DataSet(
        str(parsed.SOPClassUID).encode(),
        head,
        0,
        sum(1 for _ in parsed.iterall()),
        str(parsed.file_meta.TransferSyntaxUID).encode(),
    )


def study_mix() -> tuple[DataSet, ...]:
    """Return the objects of `FILES`, in this order."""
    directory = Path(pydicom.__file__).parent / "data" / "test_files"
    with (
        pydicom.config.disable_value_validation()
    ):  # real objects break rules of the standard, some of these too
        return tuple(_data_set(directory / name) for name in FILES)
