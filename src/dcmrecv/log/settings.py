"""The settings of the observer that all connections share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.config import Config, LogLevel, receive_length
from dcmrecv.log.refusals import RefusalLines
from dcmrecv.log.socket_variables import socket_lines

if TYPE_CHECKING:
    from dcmrecv.log.api import Log

__all__ = ["LineSettings"]


class LineSettings:
    """What the observers of all connections share. Levels are constant, so what is said at all is, too."""

    def __init__(
        self,
        config: Config,
        resolve: Callable[[str], str],
        keyword: Callable[[int, int], str],
        *,
        net: Log,
        data: Log,
        fields: bool,
    ) -> None:
        """*net* and *data* are loggers of the whole receiver: those of connections have the same levels."""
        self.resolve = resolve
        self.refusals = RefusalLines()
        self.keyword = keyword
        self.mode = config.storage.mode
        self.max_pdu = receive_length(config.association.max_pdu)
        self.called_title = config.association.ae_title
        self.dump_level = LogLevel.INFO if config.logging.verbose_pc else LogLevel.DEBUG
        self.fields = fields
        self.socket_lines = socket_lines(os.environ)
        self.traces = net.trace_on
        self.info = net.info_on
        self.debug = net.debug_on
        self.data_debug = data.debug_on
        self.dumps_parameters = net.on(self.dump_level)
        self.wanted: frozenset[type] = frozenset()
