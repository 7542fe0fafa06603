"""What can be wrong with association profiles."""

from __future__ import annotations

__all__ = ["AsconfigError"]


class AsconfigError(Exception):
    """A profile file or a profile cannot be used.

    *text* is the reason, which the program puts behind ``cannot load association configuration: `` at FATAL
    (exit code 66); *error_lines* are the lines that come before it at ERROR (spec/cli.md f.3).
    """

    def __init__(self, text: str, error_lines: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.error_lines = error_lines
