"""Log files of several worker processes: asynchronous appenders after the fork, reopening on SIGHUP."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.test_deployment import ALL, send, until
from tests.support.server import RunningServer

FILE = """\
log4cplus.rootLogger = INFO, A
log4cplus.appender.A = log4cplus::FileAppender
log4cplus.appender.A.File = {path}
log4cplus.appender.A.Append = true
"""
ASYNCHRONOUS = """\
log4cplus.rootLogger = INFO, A
log4cplus.appender.A = log4cplus::AsyncAppender
log4cplus.appender.A.Appender = log4cplus::FileAppender
log4cplus.appender.A.Appender.File = {path}
log4cplus.appender.A.Appender.Append = true
"""
STORED = "Stored received object to file"


def holders(pid: int, path: Path) -> set[int]:
    """Return which of the process *pid* and its children have *path* open."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = set()
    for each in (pid, *map(int, children)):
        for link in Path(f"/proc/{each}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if os.readlink(link) == str(path):
                    found.add(each)
    return found


@pytest.mark.parametrize("text", [FILE, ASYNCHRONOUS])
def test_workers_log_and_reopen(serve: Callable[..., RunningServer], tmp_path: Path, text: str) -> None:
    path = tmp_path / "receiver.log"
    configuration = tmp_path / "logger.cfg"
    configuration.write_text(text.format(path=path))
    server = serve((*ALL, "--workers", "2", "-lc", str(configuration)))
    for number in range(4):
        send(server.port, f"1.2.3.{number}")
    until(lambda: path.read_text().count(STORED) == 4)
    old = path.rename(tmp_path / "receiver.log.1")
    assert server.process is not None
    pid = server.process.pid
    assert len(holders(pid, old)) == 3
    os.kill(pid, signal.SIGHUP)
    until(lambda: not holders(pid, old))
    for number in range(4, 8):
        send(server.port, f"1.2.3.{number}")
    until(lambda: path.read_text().count(STORED) == 4)
    assert old.read_text().count(STORED) == 4
    assert server.stop() == -signal.SIGTERM
