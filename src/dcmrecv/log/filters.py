"""Appender filters: accept, deny or leave it to the next (spec/logging.md A.8)."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable

from dcmrecv.config import LogLevel
from dcmrecv.log.descriptor_writer import encode
from dcmrecv.log.levels import level_from_name
from dcmrecv.log.loglog import InternalLog
from dcmrecv.log.properties import Properties

__all__ = ["Decision", "FilterChain", "build_filters"]


class Decision(enum.Enum):
    """What one filter says."""

    ACCEPT = enum.auto()
    DENY = enum.auto()
    NEUTRAL = enum.auto()


Rule = Callable[[logging.LogRecord], Decision]


class FilterChain(logging.Filter):
    """Filters in their order: the first that accepts or denies decides; all neutral accepts."""

    def __init__(self, rules: list[Rule]) -> None:
        super().__init__()
        self._rules = rules

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether *record* passes."""
        for rule in self._rules:
            decision = rule(record)
            if decision is not Decision.NEUTRAL:
                return decision is Decision.ACCEPT
        return True


def _on_match(options: Properties) -> Decision:
    return Decision.ACCEPT if options.boolean("AcceptOnMatch", False) else Decision.DENY


def _deny_all(options: Properties) -> Rule:
    return lambda record: Decision.DENY


def _level_match(options: Properties) -> Rule:
    wanted = level_from_name(options.get("LogLevelToMatch"))
    match = _on_match(options)
    return lambda record: match if record.levelno == wanted else Decision.NEUTRAL


def _level_range(options: Properties) -> Rule:
    low = level_from_name(options.get("LogLevelMin")) or LogLevel.ALL
    high = level_from_name(options.get("LogLevelMax")) or LogLevel.OFF
    inside = Decision.ACCEPT if options.boolean("AcceptOnMatch", False) else Decision.NEUTRAL
    return lambda record: inside if low <= record.levelno <= high else Decision.DENY


def _string_match(options: Properties) -> Rule:
    wanted = options.get("StringToMatch")
    match = _on_match(options)
    if not wanted:
        return lambda record: Decision.NEUTRAL
    if wanted.isascii():
        return lambda record: match if wanted in record.msg else Decision.NEUTRAL
    raw = encode(wanted)
    return lambda record: match if raw in encode(record.msg) else Decision.NEUTRAL


_CLASSES: dict[str, Callable[[Properties], Rule]] = {
    "log4cplus::spi::DenyAllFilter": _deny_all,
    "log4cplus::spi::LogLevelMatchFilter": _level_match,
    "log4cplus::spi::LogLevelRangeFilter": _level_range,
    "log4cplus::spi::StringMatchFilter": _string_match,
}


def build_filters(options: Properties, internal: InternalLog) -> FilterChain | None:
    """Return the chain that ``filters.1``, ``filters.2`` … of an appender describe, if any."""
    rules: list[Rule] = []
    number = 1
    while str(number) in options:
        name = options.get(str(number))
        make = _CLASSES.get(name)
        if make is None:
            internal.error(f"Appender::ctor()- Cannot find FilterFactory: {name}")
        else:
            rules.append(make(options.subset(f"{number}.")))
        number += 1
    return FilterChain(rules) if rules else None
