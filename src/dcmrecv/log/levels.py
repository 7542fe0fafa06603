"""Level names of the logger configuration (spec/logging.md A.4)."""

from __future__ import annotations

from dcmrecv.config import LogLevel

__all__ = ["level_from_name", "severity"]

_BY_NAME = {level.name: level for level in LogLevel} | {"ALL": LogLevel.TRACE}


def level_from_name(name: str) -> LogLevel | None:
    """Return the level called *name* in any case; None if there is none. ``ALL`` is TRACE."""
    return _BY_NAME.get(name.upper()) if name.isascii() else None


def severity(level: int) -> int:
    """Return the number of *level* in syslog and systemd's journal (RFC 5424 section 6.2.1)."""
    limits = (
        (LogLevel.INFO, 7),
        (LogLevel.WARN, 6),
        (LogLevel.ERROR, 4),
        (LogLevel.FATAL, 3),
        (LogLevel.OFF, 2),
    )
    return next((number for limit, number in limits if level < limit), 1)
