"""Appenders that send: syslog, log4cplus socket server, log4j over UDP (spec/logging.md A.6)."""

from __future__ import annotations

import logging.handlers
import os
import socket
import struct
import syslog

from dcmrecv.config import LogLevel
from dcmrecv.log.appenders import Appender, AppenderContext
from dcmrecv.log.descriptor_writer import encode
from dcmrecv.log.levels import severity
from dcmrecv.log.pattern import host_name
from dcmrecv.log.properties import Properties
from dcmrecv.log.queue_thread import QueueThread
from dcmrecv.log.times import TimeFormat

__all__ = ["CLASSES", "Log4jUdpAppender", "SocketAppender", "SysLogAppender"]

SEND_SECONDS = 0.5
"""How long a connection attempt and one event that goes into it may take."""

RETRY_SECONDS = 5.0
"""Between two attempts to connect."""

QUEUE_LIMIT = 1000
"""Messages that may wait for the local syslog."""

MAX_EVENT = 8 * 1024
"""Bytes of one event of a SocketAppender, its length included."""

_UNKNOWN = ("console", "ntp", "security", "solaris-cron")
_FACILITIES = {
    name: number
    for name, number in logging.handlers.SysLogHandler.facility_names.items()
    if name not in _UNKNOWN
}


class _Link(logging.handlers.SocketHandler):
    """A connection: made again after a failure, at most every *retry* seconds."""

    def __init__(self, host: str, port: int, kind: socket.SocketKind, retry: float) -> None:
        super().__init__(host, port & 0xFFFF)
        self._kind = kind
        self.retryStart, self.retryFactor = retry, 1.0
        self.createSocket()

    def connected(self) -> bool:
        """Connect if there is no connection; return whether there is one."""
        if self.sock is None:
            self.createSocket()
        return self.sock is not None

    def makeSocket(self, timeout: float = SEND_SECONDS) -> socket.socket:
        """Return a connection that no event may hold up for longer than *timeout* seconds."""
        try:
            if self._kind is socket.SOCK_STREAM:
                return super().makeSocket(timeout)
            link = socket.socket(socket.AF_INET, self._kind)
            try:
                link.connect((self.host, self.port))
            except BaseException:
                link.close()
                raise
            link.settimeout(timeout)
            return link
        except UnicodeError as error:  # of a host name
            raise OSError(str(error)) from None


def _c_string(text: str) -> str:
    return encode(text).partition(b"\0")[0].decode("utf-8", "backslashreplace")


class SysLogAppender(Appender):
    """The local syslog(3) or, with ``host``, RFC 5424 datagrams.

    The local one is the standard module's, which takes text: bytes that are no UTF-8 appear as ``\\xff``. syslog(3)
    waits for a daemon that stands still, for ever, so it is called in a thread of its own.
    """

    _closing = "SysLogAppender::close()..."

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__(options, context)
        self._ident = options.get("ident")
        name = options.get("facility").lower()
        if name and name not in _FACILITIES:
            self.internal.error(f"Unknown syslog facility: {name}")
        self._facility = _FACILITIES.get(name, _FACILITIES["user"]) << 3
        self._host = options.get("host")
        self._link: _Link | None = None
        self._queue: QueueThread[tuple[int, str]] | None = None
        if self._host:
            self._host_name = host_name(full=True)
            self._time = TimeFormat("%Y-%m-%dT%H:%M:%S.%qZ", utc=True)
            self._link = _Link(self._host, options.integer("port", 514), socket.SOCK_DGRAM, 0)
        else:
            syslog.openlog(_c_string(self._ident) or _c_string(context.program), 0, 0)
            self._queue = QueueThread(lambda message: syslog.syslog(*message), QUEUE_LIMIT)

    def append(self, record: logging.LogRecord) -> None:
        priority = self._facility | severity(record.levelno)
        if self._queue is not None:
            self._queue.put((priority, _c_string(self.format(record))))
            return
        assert self._link is not None
        head = (
            f"<{priority}>1 {self._time.format(record.created)} {self._host_name} {self._ident} "
            f"{os.getpid()} {record.name} - "
        )
        self._link.send(encode(head + self.format(record)))
        if self._link.sock is None:
            self.internal.warn("SysLogAppender::appendRemote- socket write failed")

    def after_fork(self) -> None:
        """See `Appender.after_fork`: what is queued is written by the parent."""
        if self._queue is not None:
            self._queue.start()

    def flush(self) -> None:
        """Wait for the queue to be worked off, for a bounded time."""
        if self._queue is not None:
            self._queue.drain()

    def free(self) -> None:
        if self._queue is not None:
            if self._queue.stop():  # else its thread has the lock that closelog(3) waits for
                syslog.closelog()
        elif self._link is not None:
            self._link.close()


class Log4jUdpAppender(Appender):
    """One datagram of log4j XML per message."""

    needs_location = True
    _closing = "Log4jUdpAppender::close()..."

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__(options, context)
        self._time = TimeFormat("%s%q", utc=False)
        port = options.integer("port", 5000)
        self._link = _Link(options.get("host", "localhost"), port, socket.SOCK_DGRAM, 0)

    def append(self, record: logging.LogRecord) -> None:
        if not self._link.connected():
            self.internal.error("Log4jUdpAppender::append()- Cannot connect to server")
            return
        ndc = record.__dict__.get("ndc", "")
        text = (
            f'<log4j:event logger="{_xml(record.name)}" level="{record.levelname}" '
            f'timestamp="{self._time.format(record.created)}" thread="{record.thread}">'
            f"<log4j:message>{_xml(self.format(record))}</log4j:message>"
            f"<log4j:NDC>{_xml(ndc)}</log4j:NDC>"
            f'<log4j:locationInfo class="" file="{_xml(record.pathname)}" '
            f'method="{_xml(record.funcName or "")}" line="{record.lineno}"/></log4j:event>'
        )
        self._link.send(encode(text))
        if self._link.sock is None:
            self.internal.error("Log4jUdpAppender::append()- Cannot write to server")

    def free(self) -> None:
        self._link.close()


_XML = {ord(c): f"&#x{ord(c):02x};" for c in map(chr, [*range(32), 127])} | {
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord("&"): "&amp;",
    ord("'"): "&apos;",
    ord('"'): "&quot;",
}


def _xml(text: str) -> str:
    return text.translate(_XML)


class SocketAppender(Appender):
    """Binary log4cplus events, version 3, over TCP."""

    needs_location = True
    _closing = "SocketAppender::close()..."

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__(options, context)
        self._server = encode(options.get("ServerName"))
        port = options.unsigned("port", 9998)
        self._link = _Link(options.get("host"), port, socket.SOCK_STREAM, RETRY_SECONDS)
        self._reported: float | None = None  # the last failure that was, by the time of the next attempt

    def after_fork(self) -> None:
        """See `Appender.after_fork`: an own connection, as events of several processes must not mix in one."""
        inherited, self._link.sock = self._link.sock, None
        if inherited is not None:
            inherited.close()

    def append(self, record: logging.LogRecord) -> None:
        self._link.send(self._event(record))
        if self._link.sock is None and self._link.retryTime != self._reported:
            self._reported = self._link.retryTime
            self.internal.error("SocketAppender::ConnectorThread::run()- Cannot connect to server")

    def _event(self, record: logging.LogRecord) -> bytes:
        seconds = int(record.created)
        body = bytearray((3, 1))
        room = MAX_EVENT - 4
        fields: tuple[bytes | int, ...] = (
            self._server,
            encode(record.name),
            record.levelno if record.levelno > LogLevel.TRACE else 0,
            encode(record.__dict__.get("ndc", "")),
            encode(record.msg),
            str(record.thread).encode(),
            seconds,
            int((record.created - seconds) * 1_000_000),
            encode(record.pathname),
            record.lineno,
            encode(record.funcName or ""),
        )
        for value in fields:
            if isinstance(value, int):
                part = struct.pack(">I", value & 0xFFFFFFFF)
            else:
                part = struct.pack(">I", len(value)) + value
            if len(body) + len(part) > room:
                kind = "Int" if isinstance(value, int) else "String"
                self.internal.error(f"SocketBuffer::append{kind}()- Attempt to write beyond end of buffer")
                continue
            body += part
        return struct.pack(">I", len(body)) + body

    def free(self) -> None:
        self._link.close()


CLASSES: dict[str, type[Appender]] = {
    f"log4cplus::{kind.__name__}": kind for kind in (Log4jUdpAppender, SocketAppender, SysLogAppender)
}
"""By their names in a configuration."""
