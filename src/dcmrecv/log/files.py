"""File appenders with the reference's way of failing, coming back and rotating (spec/logging.md A.6)."""

from __future__ import annotations

import contextlib
import errno
import locale
import logging
import os
import stat
import time

from dcmrecv.log.appenders import Appender, AppenderContext, LockFile
from dcmrecv.log.descriptor_writer import DescriptorWriter, encode
from dcmrecv.log.properties import Properties
from dcmrecv.text import leading_integer

__all__ = ["DailyRollingFileAppender", "FileAppender", "RollingFileAppender"]

DEFAULT_ROLLING_SIZE = 10 << 20
MINIMUM_ROLLING_SIZE = 200 << 10

MAX_BACKUPS = 10_000
"""Highest number of a backup; a larger ``MaxBackupIndex`` counts as this."""

_BUILT_IN_LOCALES = ("GLOBAL", "DEFAULT", "CLASSIC")


class FileAppender(Appender):
    """Append to a file; truncates it at the start unless ``Append``. Each message is written at once.

    When opening or writing fails, one error is printed; messages are lost until ``ReopenDelay`` seconds after
    the next one, when the file is opened anew, empty. Nothing else of the program notices.
    """

    _append_default = False

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__(options, context)
        # A file name ends at a NUL for the operating system.
        self.filename = options.get("File").partition("\0")[0]
        self._descriptor = -1
        self._writer: DescriptorWriter | None = None
        # As a C++ stream that was never opened: the first write makes it bad.
        self._good = True
        self._reopen_time: float | None = None
        self._reopen_delay = options.integer("ReopenDelay", 1)
        if not self.filename:
            self.errors.error("Invalid filename")
            return
        if self.use_lock_file and self.lock_file is None:
            self.lock_file = LockFile.make(options.get("LockFile") or self.filename + ".lock", self.internal)
            if self.lock_file is None:
                return  # the file stays closed, as in the reference
        self._open(os.O_APPEND if options.boolean("Append", self._append_default) else os.O_TRUNC)
        self._check_locale(options.get("Locale", "DEFAULT"))
        if self._good:
            self.internal.debug(f"Just opened file: {self.filename}")
        else:
            self.errors.error(f"Unable to open file: {self.filename}")

    def _check_locale(self, name: str) -> None:
        """Report a locale that does not exist. None changes anything: numbers here have no separators."""
        if name in _BUILT_IN_LOCALES:
            return
        before = locale.setlocale(locale.LC_ALL)
        try:
            locale.setlocale(locale.LC_ALL, "" if name == "USER" else name)
        except locale.Error:
            self.internal.error(f"Failed to create locale {name}")
        finally:
            locale.setlocale(locale.LC_ALL, before)

    def _open(self, mode: int) -> None:
        # O_NONBLOCK: a FIFO without a reader must not hold up the start; it means nothing to regular files.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | mode
        try:
            self._descriptor = os.open(encode(self.filename), flags, 0o666)
            mode_bits = os.fstat(self._descriptor).st_mode
        except (OSError, ValueError):
            self._good = False
            return
        if not stat.S_ISREG(mode_bits) and (stat.S_ISFIFO(mode_bits) or os.isatty(self._descriptor)):
            self._writer = DescriptorWriter(self._descriptor)
        self._good = True

    def _close_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            try:
                os.close(descriptor)
            except OSError as error:
                # A network file system may report a full disk only now. The descriptor is gone all the same.
                self.errors.error(f"closing {self.filename} failed; error {error.errno}")

    def _position(self) -> int:
        """Return the position in the file, or -1 where there is none."""
        try:
            return os.lseek(self._descriptor, 0, os.SEEK_CUR) if self._good else -1
        except OSError:
            return -1

    def _come_back(self) -> bool:
        """Open the file again if it is time to; the first call only sets the time."""
        now = time.time()
        if self._reopen_delay != 0:
            if self._reopen_time is None:
                self._reopen_time = now + self._reopen_delay
                return False
            if self._reopen_time > now:
                return False
        self._close_file()
        self._open(os.O_TRUNC)
        self._reopen_time = None
        return self._good

    def append(self, record: logging.LogRecord) -> None:
        if not self._good:
            if not self._come_back():
                self.errors.error(f"file is not open: {self.filename}")
                return
            self.errors.reset()
        data = encode(self.format(record))
        if self._writer is not None:
            self._writer.write(data)
            return
        try:
            if self.use_lock_file and self._descriptor >= 0:
                os.lseek(self._descriptor, 0, os.SEEK_END)
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self._good = False

    def flush(self) -> None:
        """Try to deliver what a pipe did not take."""
        self.acquire()
        try:
            if self._writer is not None:
                self._writer.drain()
        finally:
            self.release()

    def after_fork(self) -> None:
        """See `Appender.after_fork`."""
        if self._writer is not None:
            self._writer.after_fork()

    def reopen(self) -> None:
        """See `Appender.reopen`: the file is opened by its name again and never truncated."""
        self.acquire()
        try:
            if self._closed or not self.filename or (self.use_lock_file and self.lock_file is None):
                return
            self._close_file()
            self._open(os.O_APPEND)
            if self._good:
                self._reopen_time = None
                self.errors.reset()
        finally:
            self.release()

    def free(self) -> None:
        self._close_file()

    def _start_over(self) -> None:
        """Open the file again after its rotation."""
        self._open(os.O_TRUNC)
        if not self._good:
            self.internal.error(f"Failed to open file {self.filename}")

    def _rename(self, source: str, target: str) -> None:
        number = 0
        try:
            os.rename(encode(source), encode(target))
            self.internal.debug(f"Renamed file {source} to {target}")
        except OSError as error:
            number = error.errno or 0
        except ValueError:
            number = errno.EINVAL
        if number not in (0, errno.ENOENT):
            self.internal.error(f"Failed to rename file from {source} to {target}; error {number}")

    def _shift_backups(self, base: str, highest: int) -> None:
        """Remove *base*.*highest* and count up the numbers of all below it."""
        highest = min(highest, MAX_BACKUPS)
        for remove in (os.remove, os.rmdir):  # as remove(3): an empty directory, too
            with contextlib.suppress(OSError, ValueError):
                remove(encode(f"{base}.{highest}"))
        for number in range(highest - 1, 0, -1):
            self._rename(f"{base}.{number}", f"{base}.{number + 1}")


class RollingFileAppender(FileAppender):
    """Rotate after a message that took the file beyond ``MaxFileSize``."""

    _append_default = True
    _destructor_count = 2

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__(options, context)
        size = DEFAULT_ROLLING_SIZE
        text = options.get("MaxFileSize").upper()
        if text:
            size = leading_integer(text) or 0
            size = (size + (1 << 31)) % (1 << 32) - (1 << 31)  # as an int in C
            size <<= {"KB": 10, "MB": 20}.get(text[1:][-2:], 0)
        self._maximum = max(size, MINIMUM_ROLLING_SIZE)
        self._backups = max(options.integer("MaxBackupIndex", 1), 1)

    def append(self, record: logging.LogRecord) -> None:
        super().append(record)
        if self._position() > self._maximum:
            self._roll()

    def _roll(self) -> None:
        self._close_file()
        if self.use_lock_file and self._rolled_by_another():
            self._start_over()
            return
        self._shift_backups(self.filename, self._backups)
        target = self.filename + ".1"
        self.internal.debug(f"Renaming file {self.filename} to {target}")
        self._rename(self.filename, target)
        self._start_over()

    def _rolled_by_another(self) -> bool:
        try:
            return os.stat(encode(self.filename)).st_size < self._maximum
        except OSError:
            return True


_SCHEDULES = {
    "MONTHLY": ("%Y-%m", 0),
    "WEEKLY": ("%Y-%W", 7 * 86400),
    "DAILY": ("%Y-%m-%d", 86400),
    "TWICE_DAILY": ("%Y-%m-%d-%p", 43200),
    "HOURLY": ("%Y-%m-%d-%H", 3600),
    "MINUTELY": ("%Y-%m-%d-%H-%M", 60),
}
"""Schedule: format of the name's last part, length of the period in seconds (0: a month)."""


class DailyRollingFileAppender(FileAppender):
    """Rotate before the first message after the end of a period, and when closed."""

    _append_default = True
    _destructor_count = 2

    def __init__(self, options: Properties, context: AppenderContext) -> None:
        super().__init__(options, context)
        schedule = options.get("Schedule").upper()
        if schedule not in _SCHEDULES:
            self.internal.warn(
                f'DailyRollingFileAppender::ctor()- "Schedule" not valid: {options.get("Schedule")}'
            )
            schedule = "DAILY"
        self._schedule = schedule
        self._format, self._period = _SCHEDULES[schedule]
        # The reference hands a negative number over as an unsigned one: nothing is shifted then.
        self._backups = options.integer("MaxBackupIndex", 10)
        self._set_period(self._period_start(time.time()))

    def _period_start(self, now: float) -> float:
        year, month, day, hour, minute, _, weekday, yearday, summer = time.localtime(now)
        if self._schedule != "MINUTELY":
            minute = 0
        if self._schedule == "TWICE_DAILY":
            hour = 12 if hour >= 12 else 0
        elif self._schedule not in ("HOURLY", "MINUTELY"):
            hour = 0
        if self._schedule == "MONTHLY":
            day = 1
        elif self._schedule == "WEEKLY":
            # tm_wday counts from Sunday, Python's from Monday.
            day -= (weekday + 1) % 7
        return time.mktime((year, month, day, hour, minute, 0, weekday, yearday, summer))

    def _set_period(self, start: float) -> None:
        local = time.localtime(start)
        self._target = f"{self.filename}.{time.strftime(self._format, local)}"
        if self._period:
            self._limit = start + self._period
        else:
            self._limit = time.mktime((local[0], local[1] + 1, *local[2:8], 0))

    def append(self, record: logging.LogRecord) -> None:
        if record.created >= self._limit:
            self._roll()
        super().append(record)

    def _roll(self) -> None:
        self._close_file()
        self._shift_backups(self._target, max(self._backups, 0))
        self._rename(self._target, self._target + ".1")
        self.internal.debug(f"Renaming file {self.filename} to {self._target}")
        self._rename(self.filename, self._target)
        self._start_over()
        now = time.time()
        if now >= self._limit:
            self._set_period(now)

    def finish(self) -> None:
        """See `Appender.finish`: closing rotates."""
        if self.lock_file is not None or not self.use_lock_file:
            with self.lock_file or contextlib.nullcontext():
                self._roll()
        super().finish()
