"""The log dialect: levels, log4cplus-style configuration, messages and dumps.

`setup` turns a `dcmrecv.config.LoggingConfig` into `Logs`; everything else is reached through it.
"""

from __future__ import annotations

from dcmrecv.log.api import AssociationLogs, Fields, Log, Logs
from dcmrecv.log.setup import LogConfigError, setup

__all__ = ["AssociationLogs", "Fields", "Log", "LogConfigError", "Logs", "setup"]
