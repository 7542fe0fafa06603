"""The console without a configuration file: prefixes, batching, JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator

import pytest

from dcmrecv.config import LoggingConfig, LogLevel
from dcmrecv.log import Logs, setup

LETTERS = {
    LogLevel.TRACE: "T",
    LogLevel.DEBUG: "D",
    LogLevel.INFO: "I",
    LogLevel.WARN: "W",
    LogLevel.ERROR: "E",
    LogLevel.FATAL: "F",
}


def make(level: LogLevel, *, json_lines: bool = False) -> Logs:
    return setup(LoggingConfig(level=level, json=json_lines), argv0="dcmrecv")


@pytest.fixture
def info() -> Iterator[Logs]:
    logs = make(LogLevel.INFO)
    yield logs
    logs.close()


@pytest.mark.parametrize("level", [LogLevel.ALL, *LETTERS, LogLevel.OFF])
def test_a_level_admits_itself_and_what_is_graver(level: LogLevel, capfd: pytest.CaptureFixture[str]) -> None:
    logs = make(level)
    log = logs.logger("dcmtk.dcmnet")
    for each in LETTERS:
        log.log(each, "x")
    log.trace("x")
    log.debug("x")
    log.info("x")
    log.warn("x")
    log.error("x")
    log.fatal("x")
    lines = [f"{letter}: x" for each, letter in LETTERS.items() if each >= level]
    assert capfd.readouterr().err.splitlines() == lines * 2
    tests = (log.trace_on, log.debug_on, log.info_on, log.warn_on, log.error_on, log.on(LogLevel.FATAL))
    assert tests == tuple(each >= level for each in LETTERS)
    assert all(log.on(each) == (each >= level) for each in LETTERS)
    assert logs.errors_visible == (level <= LogLevel.ERROR)
    logs.close()


def test_every_line_of_a_text_has_the_prefix(info: Logs, capfd: pytest.CaptureFixture[str]) -> None:
    info.logger("dcmtk.dcmnet").info("a\n\nb\n")
    assert capfd.readouterr().err == "I: a\nI: \nI: b\nI: \n"


def test_arguments_pass_any_level(capfd: pytest.CaptureFixture[str]) -> None:
    logs = make(LogLevel.OFF)
    logs.emit_unconditional("calling\n")
    logs.close()
    assert capfd.readouterr().err == "I: calling\nI: \n"


def test_foreign_bytes_are_untouched(info: Logs, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    info.logger("dcmtk.dcmnet").info("\udce9\udcff é \0")
    assert capfdbinary.readouterr().err == b"I: \xe9\xff \xc3\xa9 \0\n"


def test_an_association_holds_its_lines_until_flush(info: Logs, capfd: pytest.CaptureFixture[str]) -> None:
    logs = info.association("7", "127.0.0.1:1")
    log = logs.logger("dcmtk.dcmnet")
    log.info("one")
    log.info("two")
    log.debug("never")
    assert capfd.readouterr().err == ""
    logs.flush()
    assert capfd.readouterr().err == "I: one\nI: two\n"
    logs.flush()
    assert capfd.readouterr().err == ""


def test_a_warning_takes_what_is_held_along(info: Logs, capfd: pytest.CaptureFixture[str]) -> None:
    log = info.association("7", "").logger("dcmtk.dcmnet")
    log.info("one")
    log.warn("two")
    assert capfd.readouterr().err == "I: one\nW: two\n"


def test_much_text_is_not_held(info: Logs, capfd: pytest.CaptureFixture[str]) -> None:
    log = info.association("7", "").logger("dcmtk.dcmnet")
    for _ in range(70):
        log.info("x" * 1000)
    assert len(capfd.readouterr().err) > 60_000


def test_closing_loses_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    logs = make(LogLevel.INFO)
    logs.association("7", "").logger("dcmtk.dcmnet").info("one")
    second = logs.association("8", "")
    second.logger("dcmtk.dcmnet").info("two")
    second.close()
    assert capfd.readouterr().err == "I: two\n"
    logs.flush()
    assert capfd.readouterr().err == "I: one\n"
    logs.close()


def test_json_lines(capfd: pytest.CaptureFixture[str]) -> None:
    logs = make(LogLevel.INFO, json_lines=True)
    assert logs.wants_fields
    logs.logger("dcmtk.apps.dcmrecv").warn("a\n\udcff é\x00")
    one = logs.association("7", "10.0.0.1:9")
    one.logger("dcmtk.dcmnet").info(
        "stored", {"size": 5, "path": "x\udcff", "level": "no", "other": LogLevel}
    )
    one.close()
    logs.close()
    first, second = capfd.readouterr().err.splitlines()
    assert re.match(r'\{"time": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "level"', first)
    loaded = json.loads(first)
    del loaded["time"]
    assert loaded == {"level": "WARN", "logger": "dcmtk.apps.dcmrecv", "message": "a\n\\xff é\0"}
    loaded = json.loads(second)
    del loaded["time"]
    assert loaded == {
        "level": "INFO",
        "logger": "dcmtk.dcmnet",
        "association": "7",
        "peer": "10.0.0.1:9",
        "message": "stored",
        "size": 5,
        "path": "x\\xff",
        "other": "<enum 'LogLevel'>",
    }


def test_json_lines_hold_no_control_characters(capfd: pytest.CaptureFixture[str]) -> None:
    hostile = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA1), 0x2028, 0x2029))) + "\u00e9"
    logs = make(LogLevel.INFO, json_lines=True)
    logs.logger("dcmtk").info(hostile, {"calling": hostile})
    logs.close()
    line = capfd.readouterr().err.removesuffix("\n")
    assert "\u00e9" in line
    assert [code for code in line if unicodedata.category(code) in ("Cc", "Zl", "Zp")] == []
    assert (json.loads(line)["message"], json.loads(line)["calling"]) == (hostile, hostile)


def test_the_console_loads_neither_logging_nor_json() -> None:
    code = (
        "import sys\n"
        "from dcmrecv.config import LoggingConfig\n"
        "from dcmrecv.log import setup\n"
        "setup(LoggingConfig(), argv0='x').logger('a').fatal('text')\n"
        "sys.exit(bool({'logging', 'json', 'select'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], check=False, env=os.environ | {"PYTHONPATH": _source()}
    )
    assert done.returncode == 0


def _source() -> str:
    import dcmrecv

    return os.path.dirname(os.path.dirname(dcmrecv.__file__))


def test_the_console_chatters_at_the_end_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DCMTK_LOG4CPLUS_LOGLOG_DEBUGENABLED", "1")
    make(LogLevel.WARN).close()
    assert capfd.readouterr().out == (
        "log4cplus: Entering ConsoleAppender::close()..\nlog4cplus: Destroying appender named [].\n"
    )
    make(LogLevel.OFF).close()
    assert capfd.readouterr().out == ""
