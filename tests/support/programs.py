"""Programs of the system that tests drive."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

__all__ = ["STRICT", "find_program"]

STRICT = ("-W", "error", "-W", "ignore:'collections.abc.ByteString' is deprecated:DeprecationWarning")
"""Options of an interpreter in which warnings are errors, but for the one of pydicom 3.0.2 on Python 3.15."""


def find_program(name: str) -> str | None:
    """Return the path of *name*, passing over this interpreter's own commands.

    pynetdicom installs commands called `storescu` and `echoscu`; DCMTK's are meant here.
    """
    own = {Path(sys.executable).parent, Path(sys.prefix) / "bin"}
    places = [
        place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(place) not in own
    ]
    return shutil.which(name, path=os.pathsep.join(places))
