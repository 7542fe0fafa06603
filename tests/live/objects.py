"""DICOM files to send: pydicom's own test files and a few made here."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

__all__ = ["enhanced_ct", "huge", "sample", "series"]


def sample(name: str) -> Path:
    """Return the path of one of pydicom's test files."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), name
    return Path(path)


def _new(path: Path, sop_class: str, instance: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.UID(sop_class)
    meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(instance)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID = sop_class
    data.SOPInstanceUID = instance
    data.PatientName = "Test^Patient"
    data.PatientID = "4711"
    data.StudyInstanceUID = "1.2.3.4"
    data.SeriesInstanceUID = "1.2.3.4.5"
    data.SeriesDate = "20240131"
    return data


def enhanced_ct(path: Path, frames: int = 40) -> Path:
    """Write an Enhanced CT with per-frame functional groups, an object of nested sequences."""
    data = _new(path, "1.2.840.10008.5.1.4.1.1.2.1", "1.2.3.4.5.6.1")
    data.Modality = "CT"
    data.NumberOfFrames = frames
    data.Rows = data.Columns = 16
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit = 15
    data.PixelRepresentation = 0
    groups = []
    for number in range(frames):
        content = Dataset()
        content.DimensionIndexValues = [1, number + 1]
        position = Dataset()
        position.ImagePositionPatient = [0, 0, number]
        frame = Dataset()
        frame.FrameContentSequence = [content]
        frame.PlanePositionSequence = [position]
        groups.append(frame)
    data.PerFrameFunctionalGroupsSequence = groups
    data.PixelData = bytes(range(256)) * (2 * frames)
    data.save_as(path, enforce_file_format=True)
    return path


def series(directory: Path, count: int) -> list[Path]:
    """Write *count* CT images with different instance UIDs."""
    directory.mkdir()
    data = pydicom.dcmread(sample("CT_small.dcm"))
    paths = []
    for number in range(count):
        instance = f"1.2.826.0.1.3680043.8.498.7.{number}"
        data.SOPInstanceUID = instance
        data.file_meta.MediaStorageSOPInstanceUID = instance
        path = directory / f"{number:04}.dcm"
        data.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def huge(path: Path, size: int) -> Path:
    """Write a secondary capture object with *size* bytes of pixel data, without holding them in memory."""
    data = _new(path, "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4.5.6.2")
    data.Modality = "OT"
    data.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(b"\xe0\x7f\x10\x00OW\x00\x00" + size.to_bytes(4, "little"))
        block = bytes(range(256)) * 4096
        left = size
        while left:
            left -= file.write(block[: min(left, len(block))])
    return path
