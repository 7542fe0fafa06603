"""What ends the program while its command line is read."""

from __future__ import annotations

__all__ = ["CommandLineError"]


class CommandLineError(Exception):
    """A command line the reference refuses; exit code 1. *text* stands behind ``error: `` (spec/cli.md a)."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
