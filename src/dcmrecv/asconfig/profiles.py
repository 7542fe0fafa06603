"""What an association profile file says: its lists, its profiles, and every check on them (spec/cli.md f.2).

What is said about a mistake is the reference's text (f.3).

Every list is checked, used or not, in the order transfer syntaxes, contexts, roles, extended negotiation,
profiles.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from dcmrecv.asconfig.grammar import Section, Supersection, supersections
from dcmrecv.config import ExtendedNegotiation, PresentationContext, Profile, Role
from dcmrecv.files import FileTooLarge, read_file
from dcmrecv.text import from_bytes, to_bytes
from dcmrecv.uids import uids_by_name

__all__ = ["MAX_FILE_SIZE", "AsconfigError", "AssociationProfiles", "load", "mangle", "parse"]

MAX_FILE_SIZE = 16 * 1024 * 1024
"""Bytes of a profile file; the shipped one, with every storage class, has 20 KiB."""

_MAX_HEX_TEXT = 2047
"""Characters of extended negotiation data: 1023 bytes in hexadecimal (spec/cli.md f.2)."""

_INVALID_PROFILE = "Invalid or non-existing SCP Association Profile"
_ILLEGAL_CALL = "Illegal call, perhaps wrong parameters"

_SPACE = re.compile(rb"[ \t\n\v\f\r]+")
_UID = re.compile(rb"[0-9.]+")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})*")
_ROLES = {role.value.encode("ascii"): role for role in Role}

_LITTLE, _BIG = b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2"
_BY_BYTE_ORDER = {
    b"LocalEndianExplicit": _LITTLE if sys.byteorder == "little" else _BIG,
    b"OppositeEndianExplicit": _BIG if sys.byteorder == "little" else _LITTLE,
}


class AsconfigError(Exception):
    """A profile file or a profile cannot be used.

    *text* is the reason, which the program puts behind ``cannot load association configuration: `` at FATAL
    (exit code 66); *error_lines* are the lines that come before it at ERROR (spec/cli.md f.3).
    """

    def __init__(self, text: str, error_lines: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.error_lines = error_lines


class AssociationProfiles:
    """The lists of one file under their section names, all of them checked, and the profiles made of them."""

    def __init__(self) -> None:
        self.syntaxes: dict[bytes, list[bytes]] = {}
        self.contexts: dict[bytes, list[tuple[bytes, bytes]]] = {}
        self.roles: dict[bytes, dict[bytes, Role]] = {}
        self.data: dict[bytes, dict[bytes, bytes]] = {}
        self.profiles: dict[bytes, tuple[bytes, bytes | None, bytes | None]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the profiles in file order, as the file's rules leave them (capitals)."""
        return tuple(from_bytes(name) for name in self.profiles)

    def select(self, name: str) -> Profile:
        """Return profile *name* as given by a user: white space and case do not matter.

        Raises `AsconfigError` if there is none or if it names an abstract syntax twice.
        """
        if not name:
            raise AsconfigError("Illegal parameter")
        key = mangle(to_bytes(name))
        if key not in self.profiles:
            line = (
                f'No association profile named "{name}" in association configuration, '
                "did you forget to add presentation contexts?"
            )
            raise AsconfigError(_INVALID_PROFILE, (line,))
        contexts, roles, data = self.profiles[key]
        pairs = self.contexts[contexts]
        if len({uid for uid, _ in pairs}) != len(pairs):
            line = f'The association profile named "{name}" is not a valid SCP association profile'
            raise AsconfigError(_INVALID_PROFILE, (line,))
        # One tuple per list: a profile of a hundred classes shares it.
        syntaxes = {name: tuple(uids) for name, uids in self.syntaxes.items()}
        return Profile(
            name=from_bytes(key),
            contexts=tuple(PresentationContext(uid, syntaxes[listed]) for uid, listed in pairs),
            roles=() if roles is None else tuple(self.roles[roles].items()),
            extended_negotiation=()
            if data is None
            else tuple(ExtendedNegotiation(uid, item) for uid, item in self.data[data].items()),
        )


def load(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes], *, name: str | None = None
) -> AssociationProfiles:
    """Return the profiles of the file *path*; *name* is what messages call it.

    Raises `AsconfigError` if the file cannot be opened, is larger than `MAX_FILE_SIZE` bytes or fails a
    check.
    """
    path = os.fsencode(path)
    shown = from_bytes(path) if name is None else name
    if not path:
        raise AsconfigError("Invalid filename")
    try:
        return parse(_read(path, shown))
    except AsconfigError as error:
        line = f"Unable to parse association configuration file: {shown}: {error.text}"
        raise AsconfigError(error.text, (line,)) from None


def _read(path: bytes, shown: str) -> bytes:
    try:
        return read_file(path, MAX_FILE_SIZE)
    except IsADirectoryError:
        return b""  # the reference opens a directory as an empty file
    except FileTooLarge as error:
        raise AsconfigError(f"configuration file {error.strerror}: {shown}") from None
    except OSError:
        raise AsconfigError(f"unable to open configuration file: {shown}") from None


def parse(data: bytes) -> AssociationProfiles:
    """Return the profiles in *data*, the contents of a file.

    Raises `AsconfigError` at the first check that fails.
    """
    found = supersections(data)
    lists = AssociationProfiles()
    _transfer_syntaxes(_required(found, b"TRANSFERSYNTAXES"), lists)
    _presentation_contexts(_required(found, b"PRESENTATIONCONTEXTS"), lists)
    _roles(found.get(b"SCPSCUROLESELECTION", []), lists)
    _extended_negotiation(found.get(b"EXTENDEDNEGOTIATION", []), lists)
    _profiles(_required(found, b"PROFILES"), lists)
    return lists


def mangle(name: bytes) -> bytes:
    """Return *name* as references are compared: white space removed, ASCII letters as capitals."""
    return _SPACE.sub(b"", name).upper()


def _fail(text: str, **parts: bytes) -> AsconfigError:
    return AsconfigError(text.format(**{name: from_bytes(part) for name, part in parts.items()}))


def _required(found: dict[bytes, Supersection], name: bytes) -> Supersection:
    if name not in found:
        raise _fail("cannot find section [[{name}]] in config file", name=name)
    return found[name]


def _numbered(section: Section, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield prefix1, prefix2, ... with their values until one is missing."""
    number = 1
    while (key := prefix + str(number).encode("ascii")) in section:
        yield key, section[key]
        number += 1


def _abstract_syntax(written: bytes) -> bytes:
    """Return the UID of an abstract syntax. Raises `AsconfigError` if it is none."""
    uid = _uid(written)
    if uid is None:
        raise _fail("not a valid abstract syntax UID: {value}", value=written)
    return uid


def _uid(value: bytes) -> bytes | None:
    """Return the UID that *value* gives or names, or None."""
    if value and not value[:1].isdigit():
        name = value[1:] if value.startswith(b"=") else value
        named = _BY_BYTE_ORDER.get(name)
        if named is None:
            listed = uids_by_name().get(from_bytes(name))
            named = value if listed is None else listed.encode("ascii")
        value = named
    return value if _UID.fullmatch(value) else None


def _split(key: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return what stands before and behind the first backslash of *value*."""
    before, backslash, behind = value.partition(b"\\")
    if not backslash:
        raise _fail("syntax error: missing '\\' in entry {key} in config file", key=key)
    return before, behind


def _transfer_syntaxes(sections: Supersection, lists: AssociationProfiles) -> None:
    for name, section in sections:
        for _, value in _numbered(section, b"TRANSFERSYNTAX"):
            uid = _uid(value)
            if uid is None:
                raise _fail("not a valid transfer syntax UID: {value}", value=value)
            lists.syntaxes.setdefault(name, []).append(uid)


def _presentation_contexts(sections: Supersection, lists: AssociationProfiles) -> None:
    for name, section in sections:
        for key, value in _numbered(section, b"PRESENTATIONCONTEXT"):
            written, behind = _split(key, value)
            syntaxes = mangle(behind)
            if syntaxes not in lists.syntaxes:
                raise _fail("transfer syntax key undefined: {name}", name=syntaxes)
            if not (name and written and syntaxes):
                raise AsconfigError(_ILLEGAL_CALL)
            uid = _abstract_syntax(written)
            lists.contexts.setdefault(name, []).append((uid, syntaxes))


def _roles(sections: Supersection, lists: AssociationProfiles) -> None:
    for name, section in sections:
        for key, value in _numbered(section, b"ROLE"):
            written, behind = _split(key, value)
            role = _ROLES.get(behind.upper())
            if role is None:
                raise _fail("syntax error: unknown role key in entry {key} in config file", key=key)
            uid = _abstract_syntax(written)
            roles = lists.roles.setdefault(name, {})
            if uid in roles:
                raise _fail("role selection defined twice for abstract syntax UID: {value}", value=written)
            roles[uid] = role


def _extended_negotiation(sections: Supersection, lists: AssociationProfiles) -> None:
    for name, section in sections:
        for key, value in _numbered(section, b"EXTENDEDNEGOTIATION"):
            written, digits = _split(key, value)
            if len(digits) > _MAX_HEX_TEXT:
                raise _fail(
                    "extended negotiation data too long, cannot handle > 1024 bytes in entry {key} in config file",
                    key=key,
                )
            if not _HEX.fullmatch(digits):
                raise _fail("parse error in extended negotiation data in entry {key} in config file", key=key)
            if not digits:
                raise AsconfigError(_ILLEGAL_CALL)
            uid = _abstract_syntax(written)
            data = lists.data.setdefault(name, {})
            if uid in data:
                raise _fail(
                    "extended negotiation defined twice for abstract syntax UID: {value}", value=written
                )
            data[uid] = bytes.fromhex(digits.decode("ascii"))


def _profiles(sections: Supersection, lists: AssociationProfiles) -> None:
    for name, section in sections:
        value = section.get(b"PRESENTATIONCONTEXTS")
        if value is None:
            raise _fail("no PRESENTATIONCONTEXTS  entry in section {name} in config file", name=name)
        contexts = mangle(value)
        if contexts not in lists.contexts:
            raise _fail("presentation context key undefined: {name}", name=contexts)
        known = {uid for uid, _ in lists.contexts[contexts]}
        roles = _reference(section, b"SCPSCUROLESELECTION")
        if roles is not None:
            _consistent(
                roles, lists.roles.get(roles), "role selection key undefined: {name}", contexts, known
            )
        data = _reference(section, b"EXTENDEDNEGOTIATION")
        if data is not None:
            _consistent(
                data, lists.data.get(data), "extended negotiation key undefined: {name}", contexts, known
            )
        if name in lists.profiles:
            raise _fail("two profiles defined for key: {contexts}", contexts=contexts)
        lists.profiles[name] = (contexts, roles, data)


def _reference(section: Section, key: bytes) -> bytes | None:
    value = section.get(key)
    return None if value is None else mangle(value)


def _consistent(
    name: bytes,
    listed: dict[bytes, Role] | dict[bytes, bytes] | None,
    undefined: str,
    contexts: bytes,
    known: set[bytes],
) -> None:
    """Check that the list *name* exists and that every class in it is *known* to the contexts."""
    if listed is None:
        raise _fail(undefined, name=name)
    for uid in listed:
        if uid not in known:
            raise _fail(
                "abstract syntax defined in role selection list '{name}' "
                "but not in presentation context list '{contexts}': {uid}",
                name=name,
                contexts=contexts,
                uid=uid,
            )
