from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dcmrecv.config import LogLevel
from dcmrecv.log.journal_style import is_journal, with_priorities
from dcmrecv.log.stderr_log import text_lines


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (LogLevel.TRACE, "<7>T: a\n<7>T: b\n"),
        (LogLevel.DEBUG, "<7>D: a\n<7>D: b\n"),
        (LogLevel.INFO, "<6>I: a\n<6>I: b\n"),
        (LogLevel.WARN, "<4>W: a\n<4>W: b\n"),
        (LogLevel.ERROR, "<3>E: a\n<3>E: b\n"),
        (LogLevel.FATAL, "<2>F: a\n<2>F: b\n"),
    ],
)
def test_each_line_has_its_priority(level: LogLevel, expected: str) -> None:
    assert with_priorities(text_lines)("", level, "a\nb", None, "", "") == expected


@pytest.mark.parametrize("style", [(), ("--log-json",)])
@pytest.mark.parametrize("is_ours", [True, False])
def test_priorities_are_for_the_journal_alone(style: tuple[str, ...], is_ours: bool) -> None:
    reader, writer = os.pipe()
    status = os.fstat(writer)
    stream = f"{status.st_dev}:{status.st_ino + (not is_ours)}"
    assert is_journal(writer, {"JOURNAL_STREAM": stream}) is is_ours
    assert not is_journal(writer, {})
    subprocess.run(
        [sys.executable, "-m", "dcmrecv", "11112", "-od", "/no/such/directory", *style],
        stderr=writer,
        env={**os.environ, "JOURNAL_STREAM": stream},
        timeout=60,
        check=False,
    )
    os.close(writer)
    with open(reader) as log:
        marks = [line[:3] for line in log]
    assert len(marks) == 2
    assert (marks == ["<4>", "<2>"]) is is_ours
