"""What UIDs are called: in profile files, log lines and file names (spec/uidnames.json, spec/modality.json).

The names are DCMTK's, which are interface; 286 of the 477 are not pydicom's keywords. One data file,
``data/uids.txt``, says all of it; it is read when the first name is needed.
"""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from dcmrecv.text import printable

__all__ = ["file_prefixes", "long_name", "name_of", "uid_of", "uids_by_name"]

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "uids.txt")


class _Entry(NamedTuple):
    """One line of the data file; its head explains the columns."""

    uid: str
    names: tuple[str, ...]
    older_names: tuple[str, ...]
    prefix: str
    long_name: str


@cache
def _entries() -> tuple[_Entry, ...]:
    with open(_FILE, encoding="ascii") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return tuple(
        _Entry(uid, _listed(names), _listed(older), prefix.strip("-"), long.strip("-"))
        for uid, names, older, prefix, long in rows
    )


def _listed(column: str) -> tuple[str, ...]:
    return () if column == "-" else tuple(column.split(","))


@cache
def uids_by_name() -> dict[str, str]:
    """Return the UID of every name that any DCMTK from 3.5.4 to 3.7.1 gives to one; treat it as read-only."""
    found = {name: entry.uid for entry in _entries() for name in entry.names}
    for entry in _entries():
        for name in entry.older_names:
            found.setdefault(name, entry.uid)
    return found


@cache
def _names() -> dict[str, str]:
    return {entry.uid: entry.names[0] for entry in _entries() if entry.names}


@cache
def _long_names() -> dict[bytes, str]:
    return {entry.uid.encode(): entry.long_name for entry in _entries() if entry.long_name}


@cache
def file_prefixes() -> dict[bytes, bytes]:
    """Return the prefix of file names by storage class (spec/storage.md 5.1); treat it as read-only."""
    return {entry.uid.encode(): entry.prefix.encode() for entry in _entries() if entry.prefix}


def uid_of(name: str) -> str | None:
    """Return the UID called *name* (exact spelling), or None."""
    return uids_by_name().get(name)


def name_of(uid: str) -> str | None:
    """Return the name of *uid*, or None if it has none."""
    return _names().get(uid)


def long_name(uid: bytes) -> str:
    """Return the name of the transfer syntax *uid* in sentences, or the UID itself if it has none."""
    return _long_names().get(uid) or printable(uid)
