"""Set up loggers in process; what they print is read from the descriptors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dcmrecv.config import LoggingConfig
from dcmrecv.log import Logs, setup

CONSOLE = """\
log4cplus.appender.A = log4cplus::ConsoleAppender
log4cplus.appender.A.logToStdErr = true
"""

Configure = Callable[..., Logs]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Return a function that sets up loggers from the text of a configuration file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DCMTK_LOG4CPLUS_LOGLOG_QUIETMODE", raising=False)
    monkeypatch.delenv("DCMTK_LOG4CPLUS_LOGLOG_DEBUGENABLED", raising=False)
    made: list[Logs] = []

    def run(text: str | bytes, *, json: bool = False) -> Logs:
        path = tmp_path / "logger.cfg"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        logs = setup(LoggingConfig(config_file=bytes(path), json=json), argv0="/usr/bin/dcmrecv")
        made.append(logs)
        return logs

    yield run
    for logs in made:
        logs.close()


def pattern(text: str, level: str = "INFO") -> str:
    """Return a configuration with one console appender and the conversion pattern *text*."""
    return (
        f"log4cplus.rootLogger = {level}, A\n{CONSOLE}"
        "log4cplus.appender.A.layout = log4cplus::PatternLayout\n"
        f"log4cplus.appender.A.layout.ConversionPattern = {text}\n"
    )


def file_appender(kind: str, options: str = "", name: str = "a.log") -> str:
    """Return a configuration with one file appender."""
    return (
        "log4cplus.rootLogger = INFO, A\n"
        f"log4cplus.appender.A = log4cplus::{kind}\n"
        f"log4cplus.appender.A.File = {name}\n"
        "log4cplus.appender.A.layout = log4cplus::PatternLayout\n"
        "log4cplus.appender.A.layout.ConversionPattern = %m%n\n" + options
    )
