"""Named limits of the data set rewriter. A data set beyond one of them is refused, never half stored."""

from __future__ import annotations

MAX_NESTING = 131_072
"""Sequences inside sequences. The reference dies between 8,000 and 12,000."""
MAX_PATCHES = 1_000_000
"""Group lengths to be corrected in one data set."""
MAX_NOTES = 1_000
"""Parser lines per data set; the rest is counted, not told."""
MAX_SORTED_ELEMENTS = 1_000_000
"""Elements inside items out of order, which the second pass has to index."""
MAX_CAPTURED_VALUE = 65_536
"""Bytes of a value that decides about names, the meta header or other elements."""
MAX_CREATORS = 4_096
"""Private creators of one item that are remembered."""
INFLATE_STEP = 65_536
"""Bytes inflated at a time."""
MAX_INFLATED = 64 << 30
"""Bytes a deflated data set may grow to."""
MAX_LOOK_BACK = 1 << 20
"""Bytes of a data set that are looked at again to tell a repeated element from one out of order."""
MAX_KNOWN_HEADERS = 16_384
"""Element headers that are remembered, per encoding."""
MAX_SHAPES = 512
"""First 28 bytes of sequences whose shapes are remembered, per encoding."""
MAX_SHAPE_VARIANTS = 4
"""Shapes of sequences that begin with the same 28 bytes."""
MAX_SHAPE_SIZE = 2_048
"""Bytes of a sequence that may become a shape."""
MAX_SHAPE_VALUES = 128
"""Values in such a sequence."""
MAX_SHAPES_MET = 4_096
"""First 28 bytes of sequences that were met once."""
MAX_LESSONS = 256
"""Sequences of one data set that are looked at as shapes to come."""
MAX_RUNS = 512
"""Runs of plain elements that are remembered, per encoding."""
MAX_RUN_ELEMENTS = 64
"""Elements of such a run."""
MAX_RUNS_MET = 8_192
"""Headers of elements where a run may have begun that were met once."""
