"""The log dialect: levels, log4cplus-style configuration, messages and dumps.

`setup` turns a `dcmrecv.config.LoggingConfig` into `Logs`; everything else is reached through it.
"""

from __future__ import annotations

import os

from dcmrecv.config import LoggingConfig
from dcmrecv.log.api import AssociationLogs, Fields, Log, LogConfigError, Logs
from dcmrecv.log.descriptor_writer import occupy_standard_descriptors
from dcmrecv.log.stderr_log import LineLogs, LineStyle, text_lines

__all__ = ["AssociationLogs", "Fields", "Log", "LogConfigError", "Logs", "setup"]


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
    style: LineStyle = text_lines
    if config.json:
        # Loaded on demand: json is not needed otherwise.
        from dcmrecv.log.json_style import json_line

        style = json_line
    if "JOURNAL_STREAM" in os.environ:
        from dcmrecv.log.journal_style import is_journal, with_priorities

        if is_journal(2, os.environ):
            style = with_priorities(style)
    return LineLogs(config.level, style, wants_fields=config.json)
