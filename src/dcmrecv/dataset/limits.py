"""Named limits of the data set rewriter. A data set beyond one of them is refused, never half stored."""

from __future__ import annotations

NESTING = 64
"""Sequences inside sequences, unless ``--max-nesting`` says otherwise: as DCMTK after 3.7.0; 3.6.8 dies of 8,000."""
MAX_NESTING = 131_072
"""The most that ``--max-nesting`` allows."""
MAX_PATCHES = 1_000_000
"""Group lengths to be corrected in one data set."""
MAX_NOTES = 1_000
"""Parser lines per data set; the rest is counted, not printed."""
MAX_SORTED_ELEMENTS = 1_000_000
"""Elements inside items out of order, which the second pass has to index."""
MAX_CAPTURED_VALUE = 65_536
"""Bytes of a value that decides about names, the meta header or other elements."""
MAX_CREATORS = 4_096
"""Private creators of one item that are remembered."""
INFLATE_STEP = 65_536
"""Bytes inflated at a time."""
INFLATE_UNRATED = 256 << 20
"""Bytes to which a deflated data set may grow whatever its size: an empty mask shrinks to a thousandth."""
MAX_INFLATE_RATIO = 100
"""Times the size of the deflated data set to which it may grow beyond that. Images shrink to a half or a tenth."""
MAX_INFLATED = 64 << 30
"""Bytes a deflated data set may grow to."""
MAX_LOOK_BACK = 1 << 20
"""Bytes of a data set that are looked at again to distinguish a repeated element from one out of order."""
LARGEST_COPY = 2_048
"""Bytes between two edits that are copied; longer stretches of the input are referred to."""
SCRATCH = 32_768
"""Bytes of copied output that make one piece; an association has at most one that is not full."""
PATCH_COST = 160
"""What the memory budget is charged for each group length, padded value or tag that is remembered."""
FRAME_COST = 640
"""The same for each open item that is not plain."""
INDEX_COST = 640
"""The same for each element of an item that the second pass sorts."""
