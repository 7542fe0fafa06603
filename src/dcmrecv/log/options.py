"""The settings of the journal that all connections share."""

from __future__ import annotations

import os
from collections.abc import Callable

from dcmrecv.config import Config, LogLevel
from dcmrecv.log.environment import socket_lines

__all__ = ["DataSetDump", "Options"]

#: Data set of a C-STORE (bytes), transfer syntax UID -> its text in dcmdump style.
DataSetDump = Callable[[bytes, bytes], str]


class Options:
    """What the journals of all connections share."""

    __slots__ = (
        "acse_timeout",
        "called_title",
        "dump_data_set",
        "dump_level",
        "fields",
        "keyword",
        "max_pdu",
        "mode",
        "resolve",
        "socket_lines",
    )

    def __init__(
        self,
        config: Config,
        resolve: Callable[[str], str],
        keyword: Callable[[int, int], str],
        dump_data_set: DataSetDump | None,
        *,
        fields: bool,
    ) -> None:
        self.resolve = resolve
        self.keyword = keyword
        self.dump_data_set = dump_data_set
        self.mode = config.storage.mode
        self.max_pdu = config.association.max_pdu & ~1
        self.acse_timeout = config.association.acse_timeout
        self.called_title = config.association.ae_title
        self.dump_level = LogLevel.INFO if config.logging.verbose_pc else LogLevel.DEBUG
        self.fields = fields
        self.socket_lines = socket_lines(os.environ)
