"""Turn a `LoggingConfig` into `Logs`."""

from __future__ import annotations

from dcmrecv.config import LoggingConfig
from dcmrecv.log.console import occupy_standard_descriptors
from dcmrecv.log.lines import LineLogs, LineStyle, TextStyle
from dcmrecv.log.loggers import Logs

__all__ = ["LogConfigError", "setup"]


class LogConfigError(Exception):
    """A logger configuration file cannot be used; the text goes behind ``error: `` and the exit code is 1."""


def setup(config: LoggingConfig, *, argv0: str) -> Logs:
    """Return the loggers that *config* describes; *argv0* gives ``${appname}``.

    Messages about mistakes in a configuration file that do not end the program go to standard error
    (spec/logging.md A.9). Raises `LogConfigError` for those that do.
    """
    occupy_standard_descriptors()
    style: LineStyle = TextStyle()
    if config.json:
        # Loaded on demand: json is not needed otherwise.
        from dcmrecv.log.json_style import JsonStyle

        style = JsonStyle()
    return LineLogs(config.level, style, 2)
