"""The profile file that ships with the program."""

from __future__ import annotations

import os

__all__ = ["SHIPPED_NAME", "find", "shipped_profiles"]

SHIPPED_NAME = b"storescp.cfg"


def shipped_profiles() -> bytes:
    """Return the path of the shipped profile file."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(os.fsencode(__file__))))
    return os.path.join(package, b"data", SHIPPED_NAME)


def find(file: str | bytes) -> bytes:
    """Return the path to open for the file a user named.

    That is *file* itself, except that the bare name of the shipped file means the shipped file where the
    working directory has none of that name (an addition, see docs/asconfig.md).
    """
    file = os.fsencode(file)
    if file == SHIPPED_NAME and not os.path.lexists(file):
        return shipped_profiles()
    return file
