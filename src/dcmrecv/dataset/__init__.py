"""Data sets: the element walker, the normal-mode rewriter, deflate and the data dictionary."""
