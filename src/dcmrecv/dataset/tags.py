"""Tags and numbers of the encoding that the modules of this package share (PS3.5 7.5, 7.8; PS3.6)."""

from __future__ import annotations

ITEM, SEQUENCE, PIXEL_SEQUENCE = 0, 1, 2
"""What the current frame expects next: elements, items, or the fragments of PS3.5 A.4."""

UNDEFINED = 0xFFFFFFFF
"""An undefined length; the end comes with a delimiter."""
INFINITE = 1 << 62
"""Where a frame of undefined length ends."""

FIRST_TAG = 0x0007FFFF
"""Elements at or below it belong to groups that the reference warns of or sorts to the front."""
BEHIND_ELEMENTS = 0xFFFE0000
"""Items and delimiters come from here on."""

ITEM_TAG, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
DIRECTORY_RECORD_SEQUENCE = 0x00041220
SOP_CLASS_UID, SOP_INSTANCE_UID, SERIES_DATE = 0x00080016, 0x00080018, 0x00080021
NO_TEXT = b"\0"
"""Stands for the UID in an element whose VR is no text, which the reference reads as an empty one."""
PIXEL_REPRESENTATION = 0x00280103
VOI_LUT_SEQUENCE = 0x00283010
WAVEFORM_BITS_ALLOCATED = 0x54001004
PIXEL_DATA = 0x7FE00010

GROUPS_NOT_ALLOWED = frozenset((1, 2, 3, 5, 7, 0xFFFF))
"""Groups of which the reference warns in a data set."""
