"""Appender filters: accept, deny or leave it to the next (spec/logging.md A.8)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from dcmrecv.config import LogLevel
from dcmrecv.log.descriptor_writer import encode
from dcmrecv.log.levels import level_from_name
from dcmrecv.log.loglog import InternalLog
from dcmrecv.log.properties import Properties

__all__ = ["build_filters"]

Rule = Callable[[logging.LogRecord], bool | None]
"""One filter: True accepts, False denies, None leaves it to the next."""


def _deny_all(options: Properties) -> Rule:
    return lambda record: False


def _level_match(options: Properties) -> Rule:
    wanted = level_from_name(options.get("LogLevelToMatch"))
    match = options.boolean("AcceptOnMatch", False)
    return lambda record: match if record.levelno == wanted else None


def _level_range(options: Properties) -> Rule:
    low = level_from_name(options.get("LogLevelMin")) or LogLevel.ALL
    high = level_from_name(options.get("LogLevelMax")) or LogLevel.OFF
    inside = options.boolean("AcceptOnMatch", False) or None
    return lambda record: inside if low <= record.levelno <= high else False


def _string_match(options: Properties) -> Rule:
    wanted = encode(options.get("StringToMatch"))
    match = options.boolean("AcceptOnMatch", False)
    return lambda record: match if wanted and wanted in encode(record.msg) else None


_CLASSES: dict[str, Callable[[Properties], Rule]] = {
    "log4cplus::spi::DenyAllFilter": _deny_all,
    "log4cplus::spi::LogLevelMatchFilter": _level_match,
    "log4cplus::spi::LogLevelRangeFilter": _level_range,
    "log4cplus::spi::StringMatchFilter": _string_match,
}


def build_filters(options: Properties, internal: InternalLog) -> Callable[[logging.LogRecord], bool]:
    """Return what says whether a record passes ``filters.1``, ``filters.2`` … of an appender.

    The first that accepts or denies decides; a record that all leave to the next passes.
    """
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

    def passes(record: logging.LogRecord) -> bool:
        decisions = (rule(record) for rule in rules)
        return next((decision for decision in decisions if decision is not None), True)

    return passes
