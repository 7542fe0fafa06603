"""The profile file that ships with the program."""

from __future__ import annotations

import os

__all__ = ["SHIPPED_NAME", "find", "shipped_profiles"]

SHIPPED_NAME = b"storescp.cfg"


def shipped_profiles() -> bytes | None:
    """Return the path of the shipped profile file: in the installed package, or in a source checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(os.fsencode(__file__))))
    checkout = os.path.dirname(os.path.dirname(package))
    for directory in (package, checkout):
        path = os.path.join(directory, b"data", SHIPPED_NAME)
        if os.path.isfile(path):
            return path
    return None


def find(file: bytes) -> bytes:
    """Return the path to open for the file a user named.

    That is *file* itself, except that the bare name of the shipped file means the shipped file where the
    working directory has none of that name (an addition, see docs/asconfig.md).
    """
    if file == SHIPPED_NAME and not os.path.lexists(file):
        return shipped_profiles() or file
    return file
