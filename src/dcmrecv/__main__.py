"""``python -m dcmrecv`` and the console script."""

from __future__ import annotations

import sys

from dcmrecv.cli.program import main as _main

__all__ = ["main"]


def main() -> int:
    """Run the program and return its exit code."""
    return _main()


if __name__ == "__main__":
    sys.exit(main())
