"""Appenders: `logging.Handler` with log4cplus options. Console, null and asynchronous ones are here, files in
`dcmrecv.log.files`, the network in `dcmrecv.log.network` (spec/logging.md A.6).

No appender raises or waits for long: what cannot be written is dropped, as described with each.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from dcmrecv.log.descriptor_writer import DescriptorWriter, encode
from dcmrecv.log.filters import build_filters
from dcmrecv.log.layouts import JsonLayout, Layout, build_layout
from dcmrecv.log.levels import level_from_name
from dcmrecv.log.loglog import InternalLog, OnceOnly
from dcmrecv.log.properties import Properties
from dcmrecv.log.queue_thread import QueueThread

__all__ = ["Appender", "AppenderContext", "AsyncAppender", "ConsoleAppender", "LockFile", "NullAppender"]


@dataclass
class AppenderContext:
    """What appenders share: standard streams, internal messages, program name, whether JSON is wanted."""

    out: DescriptorWriter
    err: DescriptorWriter
    internal: InternalLog
    program: str
    json: bool = False


class LockFile:
    """A file whose fcntl lock is held around each write (``UseLockFile``)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def make(cls, name: str, internal: InternalLog) -> LockFile | None:
        """Return the lock file *name*, or None after a message."""
        try:
            return cls(os.open(encode(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
        except (OSError, ValueError):
            internal.error(f"could not open or create file {name}")
            return None

    def __enter__(self) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *unused: object) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; called once."""
        os.close(self._descriptor)


class Appender(logging.Handler):
    """Base of all appenders; reads layout, threshold, filters and lock file."""

    #: Whether events need their place in the source, whatever the layout says.
    needs_location = False
    #: Number of "Destroying appender" lines that log4cplus prints under ``configDebug``: one per C++ destructor.
    _destructor_count = 1
    #: What log4cplus says it enters when it closes such an appender.
    _closing = ""

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__()
        self.context = context
        self.internal = context.internal
        self.errors = OnceOnly(self.internal.error)
        self.use_lock_file = False
        self.lock_file: LockFile | None = None
        self._closed = False
        layout, complete = build_layout(options, self.internal)
        self.set_layout(JsonLayout() if context.json else layout)
        if complete:
            self._read_base_options(options)

    def _read_base_options(self, options: Properties) -> None:
        self.setLevel(level_from_name(options.get("Threshold")) or logging.NOTSET)
        self.addFilter(build_filters(options.subset("filters."), self.internal))
        self.use_lock_file = options.boolean("UseLockFile", False)
        if not self.use_lock_file:
            return
        if name := options.get("LockFile"):
            self.lock_file = LockFile.make(name, self.internal)  # without it a file appender tries once more
        else:
            self.internal.debug("UseLockFile is true but LockFile is not specified")

    def set_layout(self, layout: Layout) -> None:
        """Use *layout*."""
        self.setFormatter(layout)
        #: Whether events need their place in the source.
        self.located = self.needs_location or layout.located

    def emit(self, record: logging.LogRecord) -> None:
        """Append *record* under the lock file, if there is one. Never raises: the caller receives images."""
        if self._closed:
            return
        try:
            with self.lock_file or contextlib.nullcontext():
                self.append(record)
        except (OSError, ValueError, TypeError, ArithmeticError) as error:
            self.errors.error(f"message lost by appender {self.name}: {error}")

    def append(self, record: logging.LogRecord) -> None:
        """Write *record*; called with the handler's lock held."""
        raise NotImplementedError

    def reopen(self) -> None:
        """Open files again after an external rotation."""

    def after_fork(self) -> None:
        """Start anew in a forked worker, which has no other thread yet."""

    def free(self) -> None:
        """Give back files and sockets; called once, with the handler's lock held."""

    def finish(self) -> None:
        """Do what belongs to a regular end alone; called once before `free`, with the handler's lock held."""
        if self._closing:
            self.internal.debug(f"Entering {self._closing}")

    def close(self, *, regular: bool = True) -> None:
        """Close once; later messages are dropped. The inner one of an asynchronous appender has no regular end."""
        self.acquire()
        try:
            if self._closed:
                return
            if regular:
                self.finish()
            self.free()
            self._closed = True
            if self.lock_file is not None:
                self.lock_file.close()
                self.lock_file = None
        finally:
            self.release()
        logging.Handler.close(self)

    def retire(self) -> None:
        """Close as the destructors do: first the line, then the end, if that has not come yet."""
        for _ in range(self._destructor_count):
            self.internal.debug(f"Destroying appender named [{self.name or ''}].")
            self.close()


class ConsoleAppender(Appender):
    """Standard output or, with ``logToStdErr``, standard error. Each message goes out at once.

    The reference buffers standard output unless ``ImmediateFlush`` is set and loses the rest at SIGTERM.
    """

    _closing = "ConsoleAppender::close().."

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__(options, context)
        to_stderr = options.boolean("logToStdErr", False)
        self._writer = context.err if to_stderr else context.out

    def append(self, record: logging.LogRecord) -> None:
        self._writer.write(encode(self.format(record)))

    def flush(self) -> None:
        """Try to deliver what a stalled stream did not take."""
        self._writer.drain()


class NullAppender(Appender):
    """Drop everything."""

    def append(self, record: logging.LogRecord) -> None:
        """See `Appender.append`."""


class AsyncAppender(Appender):
    """Hand messages to another appender in a thread of its own (`QueueThread`).

    Its own end has no line: the reference leaks it.
    """

    _destructor_count = 0

    def __init__(
        self,
        options: Properties,
        context: AppenderContext,
        make: Callable[[str, Properties, AppenderContext], Appender | None],
    ) -> None:
        # The reference reads none of the base options of an AsyncAppender itself.
        super().__init__(Properties(), context)
        self._inner = self._make_inner(options, make)
        self.located = self._inner.located
        self._queue = QueueThread(self._pass_on, max(1, options.unsigned("QueueLimit", 100)))
        if options.get("Appender"):
            self.internal.debug("Queue thread started.")

    def _make_inner(
        self, options: Properties, make: Callable[[str, Properties, AppenderContext], Appender | None]
    ) -> Appender:
        name = options.get("Appender")
        if not name:
            self.errors.error("Unspecified appender for AsyncAppender.")
            return NullAppender(Properties(), self.context)
        inner_options = options.subset("Appender.")
        inner = make(name, inner_options, self.context)
        if inner is None:
            self.internal.error(f"AsyncAppender::AsyncAppender() - Cannot find AppenderFactory: {name}")
            return NullAppender(inner_options, self.context)
        return inner

    def _pass_on(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._inner.level:
            self._inner.handle(record)

    def append(self, record: logging.LogRecord) -> None:
        self._queue.put(record)

    def after_fork(self) -> None:
        """See `Appender.after_fork`: what is queued is written by the parent."""
        self._queue.start()
        self._inner.after_fork()

    def flush(self) -> None:
        """Wait for the queue to be worked off, for a bounded time."""
        self._queue.drain()
        self._inner.flush()

    def reopen(self) -> None:
        self._inner.reopen()

    def free(self) -> None:
        """See `Appender.free`; what is queued is written first, in a bounded time."""
        self._queue.stop()
        # The reference never gets to destroy it: no roll-over, no message.
        self._inner.close(regular=False)
