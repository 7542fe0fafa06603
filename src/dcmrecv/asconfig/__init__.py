"""Association profile files (``-xf``): the lists of classes and transfer syntaxes a receiver accepts.

`load` reads a file, `AssociationProfiles.select` picks a profile, `find` also knows the file that ships
with the program. ``docs/asconfig.md`` explains the format.
"""

from __future__ import annotations

from dcmrecv.asconfig.profiles import AsconfigError, AssociationProfiles, load
from dcmrecv.asconfig.shipped import find, shipped_profiles

__all__ = ["AsconfigError", "AssociationProfiles", "find", "load", "shipped_profiles"]
