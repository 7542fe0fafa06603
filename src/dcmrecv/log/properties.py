"""Read a logger configuration file: ``key = value`` lines and ``${name}`` variables (spec/logging.md A.2)."""

from __future__ import annotations

import os
import socket
import time
from collections import UserDict
from collections.abc import Callable, Iterator

from dcmrecv.log.api import LogConfigError
from dcmrecv.log.descriptor_writer import encode
from dcmrecv.log.loglog import parse_bool, parse_int
from dcmrecv.text import from_bytes

__all__ = ["MAX_FILE_SIZE", "Properties", "expand", "predefined", "read_settings"]

MAX_FILE_SIZE = 1 << 20
"""Bytes of a configuration file; a larger one is refused."""

MAX_SUBSTITUTIONS = 10_000
"""Substitutions in one key or value. The reference has no limit and never returns from ``a = ${a}``."""

MAX_EXPANDED = 1 << 20
"""Characters of one expanded key or value."""

_SPACE = " \t\n\v\f\r"


class Properties(UserDict[str, str]):
    """Settings by key; iteration is in byte order of the keys."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.data, key=encode))

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        """Return the value of *key*, or *default*."""
        return self.data.get(key, default)

    def subset(self, prefix: str) -> Properties:
        """Return the settings whose keys begin with *prefix*, without it."""
        found = {k[len(prefix) :]: v for k, v in self.data.items() if k.startswith(prefix)}
        return Properties(found)

    def boolean(self, key: str, default: bool) -> bool:
        """Return a boolean; *default* if absent or not one."""
        value = parse_bool(self.get(key))
        return default if value is None else value

    def integer(self, key: str, default: int) -> int:
        """Return a 32-bit signed integer; *default* if absent or not one."""
        value = parse_int(self.get(key), -(1 << 31), (1 << 31) - 1)
        return default if value is None else value

    def unsigned(self, key: str, default: int) -> int:
        """Return a 32-bit unsigned integer; *default* if absent or not one. A minus sign wraps round as in C."""
        limit = (1 << 32) - 1
        value = parse_int(self.get(key), -limit, limit)
        return default if value is None else value & limit


def read_settings(data: bytes) -> Properties:
    """Return the settings in the bytes of a file, before any substitution."""
    settings = Properties()
    for raw in from_bytes(data).split("\n"):
        line = raw.lstrip(_SPACE)
        if not line or line[0] == "#":
            continue
        key, separator, value = line.removesuffix("\r").partition("=")
        if separator:
            settings[key.rstrip(_SPACE)] = value.strip(_SPACE)
    return settings


def predefined(argv0: str) -> dict[str, str]:
    """Return the variables that exist without a setting; *argv0* gives ``appname``."""
    now = time.localtime()
    return {
        "appname": argv0.rpartition("/")[2],
        "hostname": socket.gethostname(),
        "pid": str(os.getpid()),
        "date": time.strftime("%Y%m%d", now),
        "time": time.strftime("%H%M%S", now),
    }


def _lookup(name: str, settings: Properties) -> str:
    value = settings.get(name)
    if not value:
        value = from_bytes(os.environb.get(encode(name), b""))
    return value


def _substitute(text: str, settings: Properties, error: Callable[[str], None]) -> str:
    """Return *text* with its variables replaced until nothing changes."""
    expanded = text
    position = 0
    for _ in range(MAX_SUBSTITUTIONS):
        start = expanded.find("${", position)
        if start < 0:
            return expanded
        end = expanded.find("}", start)
        if end < 0:
            offset = len(encode(expanded[:start]))
            error(f'"{expanded}" has no closing brace. Opening brace at position {offset}.')
            return text
        replacement = _lookup(expanded[start + 2 : end], settings)
        position = start if replacement else end + 1
        if replacement:
            expanded = expanded[:start] + replacement + expanded[end + 1 :]
        if len(expanded) > MAX_EXPANDED:
            break
    raise LogConfigError(f'Specified --log-config file: variables in "{text[:80]}" do not come to an end')


def expand(settings: Properties, error: Callable[[str], None]) -> None:
    """Replace variables in all keys and values of *settings*; mistakes go to *error*.

    Raises `LogConfigError` where the reference would go on for ever.
    """
    for _ in range(MAX_SUBSTITUTIONS):
        changed = False
        for key in list(settings):
            value = settings.get(key)
            new_key = _substitute(key, settings, error)
            if new_key != key:
                del settings[key]
                settings[new_key] = value
            new_value = _substitute(value, settings, error)
            if new_value != value:
                settings[new_key] = new_value
            changed = changed or (new_key, new_value) != (key, value)
        if not changed:
            return
    raise LogConfigError("Specified --log-config file: variables do not come to an end")
