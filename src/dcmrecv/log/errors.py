"""What ends the program because of its logger configuration."""

from __future__ import annotations

__all__ = ["LogConfigError"]


class LogConfigError(Exception):
    """A logger configuration file cannot be used; the text goes behind ``error: `` and the exit code is 1."""
