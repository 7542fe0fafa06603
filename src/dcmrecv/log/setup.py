"""Turn a `LoggingConfig` into `Logs`."""

from __future__ import annotations

import os

from dcmrecv.config import LoggingConfig
from dcmrecv.log.api import Logs
from dcmrecv.log.descriptor_writer import occupy_standard_descriptors
from dcmrecv.log.errors import LogConfigError
from dcmrecv.log.stderr_log import LineLogs, LineStyle, TextStyle

__all__ = ["LogConfigError", "setup"]


def setup(config: LoggingConfig, *, argv0: str) -> Logs:
    """Return the loggers that *config* describes; *argv0* gives ``${appname}``.

    Messages about mistakes in a configuration file that do not end the program go to standard error
    (spec/logging.md A.9). Raises `LogConfigError` for those that do.
    """
    occupy_standard_descriptors()
    if config.config_file is not None:
        # Loaded on demand: the tree needs `logging`, a third of the time to the open port.
        from dcmrecv.log.configurator import configure

        return configure(config, config.config_file, argv0)
    style: LineStyle = TextStyle()
    if config.json:
        # Loaded on demand: json is not needed otherwise.
        from dcmrecv.log.json_style import JsonStyle

        style = JsonStyle()
    if "JOURNAL_STREAM" in os.environ:
        from dcmrecv.log.journal_style import JournalStyle, is_journal

        if is_journal(2, os.environ):
            style = JournalStyle(style)
    return LineLogs(config.level, style, 2)
