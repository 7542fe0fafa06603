"""File appenders: opening, failing, coming back, rotating, reopening (spec/logging.md A.6)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.unit.log.conftest import Configure, file_appender

APP = "dcmtk.apps.dcmrecv"
LIMIT = 200 << 10


def test_truncates_or_appends(configure: Configure, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    for options, expected in (("", "x\n"), ("log4cplus.appender.A.Append = true\n", "old\nx\n")):
        path.write_text("old\n")
        logs = configure(file_appender("FileAppender", options))
        logs.logger(APP).info("x")
        assert path.read_text() == expected
        logs.close()


def test_a_message_is_written_at_once(configure: Configure, tmp_path: Path) -> None:
    options = "log4cplus.appender.A.ImmediateFlush = false\nlog4cplus.appender.A.BufferSize = 9999\n"
    configure(file_appender("FileAppender", options)).logger(APP).info("x")
    assert (tmp_path / "a.log").read_text() == "x\n"


def test_a_file_that_cannot_be_opened_comes_back(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = configure(
        file_appender("FileAppender", "log4cplus.appender.A.ReopenDelay = 0\n", "no/a.log")
    ).logger(APP)
    log.info("lost")
    (tmp_path / "no").mkdir()
    log.info("x")
    assert (tmp_path / "no/a.log").read_text() == "x\n"
    assert capfd.readouterr().err == "log4cplus:ERROR Unable to open file: no/a.log\n"


def test_it_comes_back_after_the_delay(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = configure(file_appender("FileAppender", name="no/a.log")).logger(APP)
    (tmp_path / "no").mkdir()
    log.info("arms the timer")
    log.info("too early")
    assert not (tmp_path / "no/a.log").exists()
    now = time.time()
    monkeypatch.setattr("dcmrecv.log.files.time.time", lambda: now + 1.5)
    log.info("x")
    assert (tmp_path / "no/a.log").read_text() == "x\n"


def test_also_a_delay_that_is_over_loses_one_message(configure: Configure, tmp_path: Path) -> None:
    options = "log4cplus.appender.A.ReopenDelay = -1\n"
    log = configure(file_appender("FileAppender", options, "no/a.log")).logger(APP)
    (tmp_path / "no").mkdir()
    log.info("lost")
    assert not (tmp_path / "no/a.log").exists()
    log.info("x")
    assert (tmp_path / "no/a.log").read_text() == "x\n"


def test_a_full_disk_is_reported_once(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    log = configure(file_appender("FileAppender", name="/dev/full")).logger(APP)
    for _ in range(5):
        log.info("x")
    assert capfd.readouterr().err == "log4cplus:ERROR file is not open: /dev/full\n"


def test_no_name(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    log = configure(file_appender("FileAppender").replace("File = a.log", "X = 1")).logger(APP)
    log.info("x")
    log.info("x")
    assert capfd.readouterr().err == "log4cplus:ERROR Invalid filename\n"


def test_a_pipe_without_reader_is_no_obstacle(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "a.log")
    configure(file_appender("FileAppender")).logger(APP).info("x")
    assert "Unable to open file: a.log" in capfd.readouterr().err


def test_locking(configure: Configure, tmp_path: Path) -> None:
    log = configure(file_appender("FileAppender", "log4cplus.appender.A.UseLockFile = 1\n")).logger(APP)
    log.info("x")
    assert (tmp_path / "a.log.lock").exists()
    assert (tmp_path / "a.log").read_text() == "x\n"


def test_a_lock_file_that_cannot_be_made(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    log = configure(
        file_appender(
            "FileAppender",
            "log4cplus.appender.A.UseLockFile = 1\nlog4cplus.appender.A.LockFile = no/l\n",
        )
    ).logger(APP)
    for _ in range(3):
        log.info("x")
    assert capfd.readouterr().err.splitlines() == [
        "log4cplus:ERROR could not open or create file no/l",
        "log4cplus:ERROR could not open or create file no/l",
        "log4cplus:ERROR file is not open: a.log",
    ]


def test_an_unknown_locale_is_reported(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    configure(file_appender("FileAppender", "log4cplus.appender.A.Locale = xx_NOPE\n"))
    assert capfd.readouterr().err == "log4cplus:ERROR Failed to create locale xx_NOPE\n"


def test_reopening_follows_the_name(configure: Configure, tmp_path: Path) -> None:
    logs = configure(file_appender("FileAppender"))
    log = logs.logger(APP)
    log.info("one")
    (tmp_path / "a.log").rename(tmp_path / "a.log.old")
    log.info("two")
    logs.reopen()
    log.info("three")
    logs.reopen()
    log.info("four")
    assert (tmp_path / "a.log.old").read_text() == "one\ntwo\n"
    assert (tmp_path / "a.log").read_text() == "three\nfour\n"


def rolling(configure: Configure, size: str = "200KB", extra: str = "") -> None:
    options = f"log4cplus.appender.A.MaxFileSize = {size}\n{extra}"
    log = configure(file_appender("RollingFileAppender", options)).logger(APP)
    log.info("first")
    log.info("second")


@pytest.mark.parametrize(
    ("filled", "size", "rotates"),
    [
        (LIMIT - 6, "200KB", False),
        (LIMIT - 5, "200KB", True),
        (LIMIT - 5, "1", True),
        (LIMIT - 5, "201 kb", False),
        (LIMIT + 1024 - 5, "201 kb", True),
        (LIMIT - 5, "1GB", True),
        (LIMIT - 5, "500K", True),
        (LIMIT - 5, "0.5MB", True),
        (LIMIT - 5, "-1MB", True),
        (LIMIT - 5, "1MB", False),
        (LIMIT - 5, "", False),
    ],
)
def test_the_message_beyond_the_limit_is_the_last(
    configure: Configure, tmp_path: Path, filled: int, size: str, rotates: bool
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"." * filled)
    rolling(configure, size)
    if rotates:
        assert (tmp_path / "a.log.1").read_bytes().endswith(b".first\n")
        assert path.read_text() == "second\n"
    else:
        assert path.read_bytes().endswith(b".first\nsecond\n") or (
            tmp_path / "a.log.1"
        ).read_bytes().endswith(b".first\nsecond\n")


def test_the_chain_of_backups(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"." * LIMIT)
    for number in (1, 3, 4):
        (tmp_path / f"a.log.{number}").write_text(str(number))
    rolling(configure, extra="log4cplus.appender.A.MaxBackupIndex = 3\n")
    assert (tmp_path / "a.log.2").read_text() == "1"
    assert not (tmp_path / "a.log.3").exists()
    assert (tmp_path / "a.log.4").read_text() == "4"


def test_a_huge_number_of_backups_renames_what_there_is(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"." * LIMIT)
    (tmp_path / "a.log.7").write_text("7")
    (tmp_path / "a.log.07").write_text("07")
    start = time.monotonic()
    rolling(configure, extra="log4cplus.appender.A.MaxBackupIndex = 2147483647\n")
    assert time.monotonic() - start < 5
    assert (tmp_path / "a.log.8").read_text() == "7"
    assert (tmp_path / "a.log.07").read_text() == "07"


def test_a_rename_that_fails_is_reported(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.log").write_bytes(b"." * LIMIT)
    (tmp_path / "a.log.1/full").mkdir(parents=True)
    rolling(configure)
    assert capfd.readouterr().err == "log4cplus:ERROR Failed to rename file from a.log to a.log.1; error 21\n"
    assert (tmp_path / "a.log").read_text() == "second\n"


@pytest.mark.parametrize(
    ("schedule", "name"),
    [
        ("MONTHLY", "%Y-%m"),
        ("daily", "%Y-%m-%d"),
        ("Twice_Daily", "%Y-%m-%d-%p"),
        ("HOURLY", "%Y-%m-%d-%H"),
        ("MINUTELY", "%Y-%m-%d-%H-%M"),
    ],
)
def test_closing_rolls_over_and_flushing_does_not(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: str, name: str
) -> None:
    moment = 1_700_000_000.0
    monkeypatch.setattr("dcmrecv.log.files.time.time", lambda: moment)
    target = tmp_path / ("a.log." + time.strftime(name, time.localtime(moment)))
    target.write_text("older")
    logs = configure(
        file_appender("DailyRollingFileAppender", f"log4cplus.appender.A.Schedule = {schedule}\n")
    )
    # The record's own clock is far beyond the period of 2023, so the first message rolls as well.
    logs.flush()
    assert target.read_text() == "older"
    logs.close()
    assert target.read_text() == ""
    assert (tmp_path / f"{target.name}.1").read_text() == "older"
    assert (tmp_path / "a.log").read_text() == ""


def test_a_week_is_named_after_its_sunday(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wednesday = time.mktime((2024, 5, 15, 12, 0, 0, 0, 0, -1))
    monkeypatch.setattr("dcmrecv.log.files.time.time", lambda: wednesday)
    configure(file_appender("DailyRollingFileAppender", "log4cplus.appender.A.Schedule = WEEKLY\n")).close()
    assert (tmp_path / "a.log.2024-19").exists()


def test_the_period_after_a_roll_over_is_not_rounded(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = time.mktime((2024, 5, 15, 12, 10, 20, 0, 0, -1))
    clock = [start]
    monkeypatch.setattr("dcmrecv.log.files.time.time", lambda: clock[0])
    monkeypatch.setattr("logging.time.time", lambda: clock[0])
    monkeypatch.setattr("logging.time.time_ns", lambda: int(clock[0] * 1e9))
    log = configure(
        file_appender("DailyRollingFileAppender", "log4cplus.appender.A.Schedule = MINUTELY\n")
    ).logger(APP)
    log.info("at 10:20")
    clock[0] = start + 60
    log.info("at 11:20")
    assert (tmp_path / "a.log.2024-05-15-12-10").read_text() == "at 10:20\n"
    clock[0] = start + 105
    log.info("at 12:05")
    assert (tmp_path / "a.log").read_text() == "at 11:20\nat 12:05\n"
    clock[0] = start + 130
    log.info("at 12:30")
    assert (tmp_path / "a.log.2024-05-15-12-11").read_text() == "at 11:20\nat 12:05\n"
    assert (tmp_path / "a.log").read_text() == "at 12:30\n"


def test_december_is_followed_by_january(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [time.mktime((2024, 12, 31, 23, 59, 0, 0, 0, -1))]
    monkeypatch.setattr("dcmrecv.log.files.time.time", lambda: clock[0])
    monkeypatch.setattr("logging.time.time", lambda: clock[0])
    monkeypatch.setattr("logging.time.time_ns", lambda: int(clock[0] * 1e9))
    log = configure(
        file_appender("DailyRollingFileAppender", "log4cplus.appender.A.Schedule = MONTHLY\n")
    ).logger(APP)
    log.info("old year")
    clock[0] += 90
    log.info("new year")
    assert (tmp_path / "a.log.2024-12").read_text() == "old year\n"
    assert (tmp_path / "a.log").read_text() == "new year\n"


def test_a_missing_schedule_is_reported(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    configure(file_appender("DailyRollingFileAppender"))
    assert capfd.readouterr().err == (
        'log4cplus:WARN DailyRollingFileAppender::ctor()- "Schedule" not valid: \n'
    )


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_worker_writes_behind_its_parent(configure: Configure, tmp_path: Path) -> None:
    logs = configure(file_appender("FileAppender"))
    logs.logger(APP).info("parent")
    child = os.fork()
    if child == 0:
        logs.after_fork()
        logs.logger(APP).info("child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    logs.logger(APP).info("again")
    assert (tmp_path / "a.log").read_text() == "parent\nchild\nagain\n"
