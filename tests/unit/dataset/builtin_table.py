"""How the built-in dictionary file comes about: pydicom's tables and the differences to DCMTK 3.6.8's dicom.dic.

python tests/unit/dataset/builtin_table.py > src/dcmrecv/dataset/data/dictionary.txt
"""

from __future__ import annotations

import re

# pydicom has no module of its own for the plain tables.
from pydicom.datadict import DicomDictionary, RepeatersDictionary

HEADER = """\
# Elements of DICOM PS3.6: tag (or ranges of group and element), VR, keyword.
# Source: the tables of pydicom 3.0, with the names and internal VRs of DCMTK 3.6.8's dicom.dic
# (RETIRED_, ox, px, xs, lt, up) and without what came to the standard after it.
# Ranges: low-high in hexadecimal, "e" even and "o" odd numbers only.
"""

INTERNAL_VRS = {
    "OB or OW": "ox",
    "US or SS": "xs",
    "US or SS or OW": "lt",
    "US or OW": "lt",
    "NONE": "na",
}

OTHER_VRS = {
    0x00041200: "up",
    0x00041202: "up",
    0x00041400: "up",
    0x00041420: "up",
    0x00041504: "up",
    0x7FE00010: "px",
}

NOT_RETIRED = {0x00380004, 0x00701807, 0x00701808}

ONLY_IN_DCMTK = {
    0x00060001: ("SQ", "CurrentFrameFunctionalGroupsSequence"),
    0x00280410: ("US", "RETIRED_RowsForNthOrderCoefficients"),
    0x00280411: ("US", "RETIRED_ColumnsForNthOrderCoefficients"),
    0x00280412: ("LO", "RETIRED_CoefficientCoding"),
    0x00280413: ("AT", "RETIRED_CoefficientCodingPointers"),
    0x00280800: ("CS", "RETIRED_CodeLabel"),
    0x00280802: ("US", "RETIRED_NumberOfTables"),
    0x00280803: ("AT", "RETIRED_CodeTableLocation"),
    0x00280804: ("US", "RETIRED_BitsForCodeWord"),
    0x00280808: ("AT", "RETIRED_ImageDataLocation"),
    0x10000010: ("US", "RETIRED_EscapeTriplet"),
    0x10000011: ("US", "RETIRED_RunLengthTriplet"),
    0x10000012: ("US", "RETIRED_HuffmanTableSize"),
    0x10000013: ("US", "RETIRED_HuffmanTableTriplet"),
    0x10000014: ("US", "RETIRED_ShiftTableSize"),
    0x10000015: ("US", "RETIRED_ShiftTableTriplet"),
    0x10100004: ("US", "RETIRED_ZonalMap"),
}

NEWER_THAN_DCMTK = {
    *(0x0008001C, 0x00080202, 0x00081112, 0x0008119B, 0x00102161, 0x00120022, 0x00120023, 0x00120032),
    *(0x00120041, 0x00120043, 0x00120055, 0x00120073, 0x00180061, 0x00189445, 0x0022000F, 0x00280020),
    *(0x00480114, 0x00480115, 0x00480116, 0x00480117, 0x04000315, 0x3006002D, 0x3006002E, 0x3006004B),
    *(0x3006004C, 0x3006004D, 0x3006004E, 0x3006004F, 0x300A0054, 0x300A068B, 0x300A0782, 0x300A079F),
    *(0x300A07A0, 0x300A07A1, 0x300C0129),
}

RANGES_ONLY_IN_DCMTK = [
    ("0009-FFFFo,0000", "UL", "PrivateGroupLength"),
    ("0001-0007o,0000", "UL", "IllegalGroupLength"),
    ("0009-FFFFo,0010-00FF", "LO", "PrivateCreator"),
    ("0001-0007o,0010-00FF", "LO", "IllegalPrivateCreator"),
]


def exact() -> dict[int, tuple[str, str]]:
    """Return VR and name by tag."""
    table = dict(ONLY_IN_DCMTK)
    for tag, (vr, _, _, retired, keyword) in DicomDictionary.items():
        if tag in NEWER_THAN_DCMTK or tag >> 16 == 0xFFFE:
            continue
        name = f"RETIRED_{keyword}" if retired and tag not in NOT_RETIRED else keyword
        table[tag] = (OTHER_VRS.get(tag) or INTERNAL_VRS.get(vr, vr), name)
    return table


def ranges() -> list[tuple[str, str, str]]:
    """Return (range, VR, name) of the repeating groups and elements."""
    result = list(RANGES_ONLY_IN_DCMTK)
    for mask, (vr, _, _, retired, keyword) in RepeatersDictionary.items():
        name = f"RETIRED_{keyword}" if retired else keyword
        vr = INTERNAL_VRS.get(vr, vr)
        if re.fullmatch("[0-9A-F]{2}xx[0-9A-F]{4}", mask):
            result.append((f"{mask[:2]}00-{mask[:2]}FFe,{mask[4:]}", vr, name))
        elif mask == "002031xx":
            result.append(("0020,3100-31FFe", vr, name))
    return result


def text() -> str:
    """Return the content of the file."""
    lines = [f"{tag:08X} {vr} {name}\n" for tag, (vr, name) in sorted(exact().items())]
    lines += [f"{limits} {vr} {name}\n" for limits, vr, name in ranges()]
    return HEADER + "".join(lines)


if __name__ == "__main__":
    print(text(), end="")
