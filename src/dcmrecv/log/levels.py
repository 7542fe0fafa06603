"""Level names of the logger configuration (spec/logging.md A.4)."""

from __future__ import annotations

from dcmrecv.config import LogLevel

__all__ = ["level_from_name", "level_name"]

_BY_NAME = {level.name: level for level in LogLevel} | {"ALL": LogLevel.TRACE}
_NAMES = {int(level): level.name for level in LogLevel if level is not LogLevel.ALL}


def level_from_name(name: str) -> LogLevel | None:
    """Return the level called *name* in any case; None if there is none. ``ALL`` is TRACE."""
    return _BY_NAME.get(name.upper()) if name.isascii() else None


def level_name(level: int) -> str:
    """Return the name of *level* (``%p``)."""
    return _NAMES[level]
