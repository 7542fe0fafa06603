"""Layouts: a log record to text, newline included (spec/logging.md A.7)."""

from __future__ import annotations

import logging

from dcmrecv.config import LogLevel
from dcmrecv.log.json_style import json_line
from dcmrecv.log.loglog import InternalLog
from dcmrecv.log.pattern import checked_time_format, parse_pattern
from dcmrecv.log.properties import Properties
from dcmrecv.log.times import relative

__all__ = ["JsonLayout", "Layout", "PatternLayout", "build_layout"]


class Layout(logging.Formatter):
    """Base of all layouts; `located` is true if the place in the source is wanted."""

    located = False

    def format(self, record: logging.LogRecord) -> str:
        """Return the whole text of *record*."""
        raise NotImplementedError


class SimpleLayout(Layout):
    """``LEVEL - text``."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname} - {record.msg}\n"


class TTCCLayout(Layout):
    """``time [thread] LEVEL logger <ndc> - text``."""

    def __init__(self, options: Properties) -> None:
        super().__init__()
        text = options.get("DateFormat")
        utc = options.boolean("Use_gmtime", False)
        self._time = checked_time_format(text, utc=utc) if text else None

    def format(self, record: logging.LogRecord) -> str:
        if self._time is None:
            stamp = relative(record.created, record.__dict__.get("start", record.created))
        else:
            stamp = self._time.format(record.created)
        ndc = record.__dict__.get("ndc", "")
        return f"{stamp} [{record.thread}] {record.levelname} {record.name} <{ndc}> - {record.msg}\n"


class PatternLayout(Layout):
    """A conversion pattern, by default applied to each line of the text (``FormatEachLine``)."""

    def __init__(
        self, pattern: str, internal: InternalLog, *, each_line: bool = True, depth: int = 0
    ) -> None:
        super().__init__()
        self._each_line = each_line
        self._pieces, self.located = parse_pattern(pattern, depth, internal)
        if not self._pieces:
            internal.warn("PatternLayout pattern is empty.  Using default...")
            self._pieces.append(lambda record, message: message)

    def format(self, record: logging.LogRecord) -> str:
        message: str = record.msg
        if self._each_line and "\n" in message:
            return "".join(piece(record, line) for line in message.split("\n") for piece in self._pieces)
        return "".join([piece(record, message) for piece in self._pieces])


class JsonLayout(Layout):
    """One JSON object per line (``--log-json`` together with ``--log-config``)."""

    def format(self, record: logging.LogRecord) -> str:
        extra = record.__dict__
        association, peer = extra.get("association", ""), extra.get("peer", "")
        level = LogLevel(record.levelno)
        return json_line(
            record.name, level, record.msg, extra.get("fields"), association, peer, record.created
        )


def build_layout(options: Properties, internal: InternalLog) -> tuple[Layout, bool]:
    """Return the layout of an appender, and whether its further base options are read.

    They are not when the layout cannot be made; SimpleLayout is used then.
    """
    if "layout" not in options:
        return SimpleLayout(), True
    name = options.get("layout")
    inner = options.subset("layout.")
    if name == "log4cplus::SimpleLayout":
        return SimpleLayout(), True
    if name == "log4cplus::TTCCLayout":
        return TTCCLayout(inner), True
    if name != "log4cplus::PatternLayout":
        internal.error(f'Cannot find LayoutFactory: "{name}"')
        return SimpleLayout(), False
    if "Pattern" in inner:
        internal.warn(
            'PatternLayout- the "Pattern" property has been deprecated.  Use "ConversionPattern" instead.'
        )
    if "ConversionPattern" not in inner and "Pattern" not in inner:
        text = "ConversionPattern not specified in properties"
        internal.error(text)
        internal.error(f"Error while creating Layout: {text}")
        return SimpleLayout(), False
    pattern = inner.get("ConversionPattern" if "ConversionPattern" in inner else "Pattern")
    each_line = inner.boolean("FormatEachLine", True)
    return PatternLayout(pattern, internal, each_line=each_line, depth=inner.unsigned("NDCMaxDepth", 0)), True
