"""Lines for systemd's journal: each begins with its priority (sd-daemon(3)), which the journal takes off again."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dcmrecv.config import LogLevel
from dcmrecv.log.api import Fields
from dcmrecv.log.levels import severity
from dcmrecv.log.stderr_log import LineStyle

__all__ = ["is_journal", "with_priorities"]


def is_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Return whether *descriptor* is the connection to the journal that the service manager has opened."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def with_priorities(style: LineStyle) -> LineStyle:
    """Return *style* with the priority of the message in front of each of its lines."""
    marks = {level: f"<{severity(level)}>" for level in LogLevel}

    def marked(name: str, level: LogLevel, text: str, fields: Fields | None, identity: str, peer: str) -> str:
        mark = marks[level]
        lines = style(name, level, text, fields, identity, peer)
        return mark + lines[:-1].replace("\n", "\n" + mark) + "\n"

    return marked
