"""From a configuration file to loggers: errors, levels, tree, filters, context (spec/logging.md A)."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import pytest

from dcmrecv.config import LoggingConfig, LogLevel
from dcmrecv.log import LogConfigError, Logs, setup
from tests.unit.log.conftest import CONSOLE, Configure, pattern

SUBJECT = "Specified --log-config file "
APP = "dcmtk.apps.dcmrecv"


def say(logs: Logs) -> None:
    """One message of each level from two loggers."""
    for name in (APP, "dcmtk.dcmnet"):
        log = logs.logger(name)
        for level in (LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARN, LogLevel.FATAL):
            log.log(level, f"{level.name.lower()} text")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"abc\n# a=b\n", "does not contain any settings"),
        (b"a=b\n", "does not contain any valid settings"),
        (b"log4cplus.x=1\nr=rootLogger\nlog4cplus.${r}=INFO\n", "does not set up log4cplus.rootLogger"),
        (b"\xef\xbb\xbflog4cplus.rootLogger=INFO\n", "does not contain any valid settings"),
        (b"log4cplus.rootLogger=VERBOSE,A\n", 'sets an invalid level for log4cplus.rootLogger: "VERBOSE"'),
        (b"log4cplus.rootLogger=INHERITED\n", 'sets an invalid level for log4cplus.rootLogger: "INHERITED"'),
        (b"log4cplus.rootLogger=,INFO\n", 'sets an invalid level for log4cplus.rootLogger: ""'),
        (b"log4cplus.rootLogger=INFO\n" + b"#" * (1 << 20), "is larger than 1048576 bytes"),
    ],
)
def test_files_that_end_the_program(configure: Configure, data: bytes, text: str) -> None:
    with pytest.raises(LogConfigError) as caught:
        configure(data)
    assert str(caught.value) == SUBJECT + text


def test_a_bad_root_level_touches_no_file(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("old")
    with pytest.raises(LogConfigError):
        configure(
            "log4cplus.rootLogger=X,A\nlog4cplus.appender.A=log4cplus::FileAppender\nlog4cplus.appender.A.File=a.log\n"
        )
    assert (tmp_path / "a.log").read_text() == "old"


@pytest.mark.parametrize("name", [b"", b"missing", b".", b"a\0b"])
def test_files_that_do_not_exist(name: bytes) -> None:
    with pytest.raises(LogConfigError, match="does not exist"):
        setup(LoggingConfig(config_file=name), argv0="x")


def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "l.cfg"
    path.write_text("log4cplus.rootLogger=INFO")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads everything")
    with pytest.raises(LogConfigError, match="cannot be read"):
        setup(LoggingConfig(config_file=bytes(path)), argv0="x")


def test_loggers_levels_and_additivity(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    logs = configure(
        pattern("%p %c{1} %m%n", "WARN")
        + "log4cplus.logger.dcmtk = INFO\n"
        + "log4cplus.logger.dcmtk.dcmnet = OFF, A\nlog4cplus.logger.dcmtk.apps = INHERITED, A\n"
        + f"log4cplus.additivity.{APP} = true\nlog4cplus.additivity.dcmtk.apps = 0\n"
    )
    say(logs)
    assert capfd.readouterr().err.splitlines() == [
        "INFO dcmrecv info text",
        "WARN dcmrecv warn text",
        "FATAL dcmrecv fatal text",
    ]
    assert logs.logger("dcmtk.dcmnet").threshold == LogLevel.OFF
    assert logs.logger(APP).info_on
    assert logs.logger("other").threshold == LogLevel.WARN


def test_one_appender_on_parent_and_child_prints_twice(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = configure(pattern("%m%n") + "log4cplus.logger.dcmtk.dcmnet = INFO, A, A\n")
    logs.logger("dcmtk.dcmnet").info("x")
    assert capfd.readouterr().err == "x\nx\n"


def test_other_users_of_logging_are_left_alone(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(pattern("%m%n", "ALL"))
    before = list(logging.getLogger().handlers)
    logging.getLogger("dcmtk.dcmnet").debug("theirs")
    logging.getLogger("pydicom").debug("theirs")
    assert capfd.readouterr().err == ""
    assert logging.getLogger().handlers == before
    assert not logging.getLogger("dcmtk").handlers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log4cplus.rootLogger = INFO", []),
        (
            "log4cplus.rootLogger = INFO, A#x\n" + CONSOLE,
            ["PropertyConfigurator::configureLogger()- Invalid appender: A#x"],
        ),
        (
            "log4cplus.rootLogger = INFO,\tA\n" + CONSOLE,
            ["PropertyConfigurator::configureLogger()- Invalid appender: \tA"],
        ),
        (
            "log4cplus.rootLogger = INFO, A\nlog4cplus.appender.A = ConsoleAppender\n",
            [
                "PropertyConfigurator::configureAppenders()- Cannot find AppenderFactory: ConsoleAppender",
                "PropertyConfigurator::configureLogger()- Invalid appender: A",
            ],
        ),
    ],
)
def test_no_appenders_are_told_once(
    configure: Configure, capfd: pytest.CaptureFixture[str], text: str, expected: list[str]
) -> None:
    say(configure(text))
    expected = [
        *expected,
        f"No appenders could be found for logger ({APP}).",
        "Please initialize the log4cplus system properly.",
    ]
    assert capfd.readouterr().err.splitlines() == [f"log4cplus:ERROR {line}" for line in expected]


def test_an_empty_root_keeps_the_built_in_console(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    say(configure("log4cplus.rootLogger = \nlog4cplus.logger.dcmtk.dcmnet = OFF\n"))
    assert capfd.readouterr().err.splitlines() == [
        'log4cplus:ERROR PropertyConfigurator::configureLogger()- Invalid config string(Logger = root): ""',
        "I: info text",
        "W: warn text",
        "F: fatal text",
    ]


def test_quiet_mode_hides_mistakes(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    configure(pattern("%m%n", "INFO, NOPE") + "log4cplus.quietMode = 1\nlog4cplus.configDebug = 1\n")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""


def test_config_debug_tells_the_life_of_appenders(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = configure(
        pattern("%m%n")
        + "log4cplus.configDebug = true\nlog4cplus.appender.B = log4cplus::FileAppender\n"
        + "log4cplus.appender.B.File = b.log\nlog4cplus.appender.C = log4cplus::NullAppender\n"
    )
    logs.close()
    assert capfd.readouterr().out.splitlines() == [
        "log4cplus: Just opened file: b.log",
        "log4cplus: Destroying appender named [].",
        "log4cplus: Entering ConsoleAppender::close()..",
        "log4cplus: Destroying appender named [C].",
        "log4cplus: Destroying appender named [B].",
        "log4cplus: Entering ConsoleAppender::close()..",
        "log4cplus: Destroying appender named [A].",
    ]


@pytest.mark.parametrize(("level", "visible"), [("ERROR", True), ("FATAL", False), ("OFF", False)])
def test_the_root_level_decides_about_command_line_errors(
    configure: Configure, level: str, visible: bool
) -> None:
    assert configure(pattern("%m%n", level)).errors_visible is visible


def test_arguments_pass_levels_but_not_thresholds(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(pattern("%p|%c|%m%n", "OFF")).emit_unconditional("calling\n")
    assert capfd.readouterr().err == "INFO|root|calling\nINFO|root|\n"
    configure(pattern("%m%n", "OFF") + "log4cplus.appender.A.Threshold = WARN\n").emit_unconditional("x")
    assert capfd.readouterr().err == ""


FILTER = "log4cplus.appender.A.filters."
SPI = "log4cplus::spi::"


@pytest.mark.parametrize(
    ("options", "levels"),
    [
        (f"{FILTER}1={SPI}DenyAllFilter\n", ""),
        (f"{FILTER}0={SPI}DenyAllFilter\n{FILTER}2={SPI}DenyAllFilter\n", "IWF"),
        (f"{FILTER}1={SPI}LogLevelMatchFilter\n{FILTER}1.LogLevelToMatch=warn\n", "IF"),
        (f"{FILTER}1={SPI}LogLevelMatchFilter\n{FILTER}1.LogLevelToMatch=nope\n", "IWF"),
        (
            f"{FILTER}1={SPI}LogLevelMatchFilter\n{FILTER}1.LogLevelToMatch=WARN\n"
            f"{FILTER}1.AcceptOnMatch=true\n{FILTER}2={SPI}DenyAllFilter\n",
            "W",
        ),
        (f"{FILTER}1={SPI}LogLevelRangeFilter\n{FILTER}1.LogLevelMin=WARN\n", "WF"),
        (f"{FILTER}1={SPI}LogLevelRangeFilter\n{FILTER}1.LogLevelMax=WARN\n{FILTER}1.LogLevelMin=x\n", "IW"),
        (
            f"{FILTER}1={SPI}LogLevelRangeFilter\n{FILTER}1.LogLevelMin=WARN\n"
            f"{FILTER}1.AcceptOnMatch=1\n{FILTER}2={SPI}DenyAllFilter\n",
            "WF",
        ),
        (f"{FILTER}1={SPI}StringMatchFilter\n{FILTER}1.StringToMatch=fat\n", "IW"),
        (f"{FILTER}1={SPI}StringMatchFilter\n{FILTER}1.StringToMatch=\n", "IWF"),
        (f"{FILTER}1={SPI}StringMatchFilter\n{FILTER}1.StringToMatch=\udcff\n", "IWF"),
        (f"{FILTER}1={SPI}LogLevelRangeFilter\n{FILTER}1.logLevelMin=FATAL\n", "IWF"),
        ("log4cplus.appender.A.Threshold = warn\n", "WF"),
        ("log4cplus.appender.A.Threshold = bogus\n", "IWF"),
    ],
)
def test_filters_and_thresholds(
    configure: Configure, capfd: pytest.CaptureFixture[str], options: str, levels: str
) -> None:
    logs = configure(pattern("%P%n") + "log4cplus.logger.dcmtk.dcmnet = OFF\n" + options)
    say(logs)
    assert capfd.readouterr().err == "".join(letter + "\n" for letter in levels)


def test_an_unknown_filter_is_reported_and_skipped(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    say(configure(pattern("%P%n") + f"{FILTER}1={SPI}Nope\n{FILTER}2={SPI}DenyAllFilter\n"))
    assert capfd.readouterr().err == (
        "log4cplus:ERROR Appender::ctor()- Cannot find FilterFactory: log4cplus::spi::Nope\n"
    )


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("log4cplus::HTMLLayout", ['Cannot find LayoutFactory: "log4cplus::HTMLLayout"']),
        (
            "log4cplus::PatternLayout",
            [
                "ConversionPattern not specified in properties",
                "Error while creating Layout: ConversionPattern not specified in properties",
            ],
        ),
    ],
)
def test_without_a_layout_later_options_are_not_read(
    configure: Configure, capfd: pytest.CaptureFixture[str], layout: str, expected: list[str]
) -> None:
    logs = configure(
        f"log4cplus.rootLogger = INFO, A\n{CONSOLE}log4cplus.appender.A.layout = {layout}\n"
        "log4cplus.appender.A.Threshold = OFF\n"
    )
    logs.logger(APP).info("a\nb")
    lines = capfd.readouterr().err.splitlines()
    assert lines == [*(f"log4cplus:ERROR {text}" for text in expected), "INFO - a", "b"]


def test_the_old_name_of_the_pattern(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    text = pattern("%P%n").replace("ConversionPattern", "Pattern")
    configure(text).logger(APP).info("x")
    assert capfd.readouterr().err == (
        'log4cplus:WARN PatternLayout- the "Pattern" property has been deprecated.  '
        'Use "ConversionPattern" instead.\nI\n'
    )


def test_ttcc(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    logs = configure(
        f"log4cplus.rootLogger = INFO, A\n{CONSOLE}log4cplus.appender.A.layout = log4cplus::TTCCLayout\n"
        "log4cplus.appender.A.layout.DateFormat = T\nlog4cplus.ndc = association\n"
    )
    logs.association("A7", "").logger(APP).info("x")
    assert capfd.readouterr().err == f"T [{threading.get_ident()}] INFO {APP} <A7> - x\n"


def test_the_association_is_a_context_only_when_asked(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    text = pattern("[%x][%X{association}][%X{peer}]%m%n")
    for extra, expected in (
        ("", "[][][]x\n"),
        ("log4cplus.ndc = association\n", "[A7][A7][10.0.0.1:5]x\n"),
    ):
        logs = configure(text + extra)
        logs.association("A7", "10.0.0.1:5").logger(APP).info("x")
        assert capfd.readouterr().err == expected
        logs.logger(APP).info("y")
        assert capfd.readouterr().err == "[][][]y\n"


def test_json_replaces_every_layout(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    logs = configure(pattern("%m%n"), json=True)
    assert logs.wants_fields
    logs.association("A7", "p").logger(APP).info("x", {"size": 1})
    loaded = json.loads(capfd.readouterr().err)
    assert (loaded["message"], loaded["association"], loaded["size"]) == ("x", "A7", 1)


def test_places_in_the_source_are_the_callers(
    configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = configure(pattern("%b %M %m%n"))
    name = "test_places_in_the_source_are_the_callers()"
    logs.logger(APP).info("x")
    logs.logger(APP).log(LogLevel.INFO, "x")
    logs.emit_unconditional("x")
    assert capfd.readouterr().err == f"test_configurator.py {name} x\n" * 3


def test_console_on_standard_output(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    logs = configure(pattern("%m%n") + "log4cplus.appender.A.logToStdErr = no\n")
    logs.logger(APP).info("é\udcff")
    assert capfd.readouterr().out.encode("utf-8", "surrogateescape")[:2] == b"\xc3\xa9"


def test_the_nameless_logger_is_the_root(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    configure(pattern("%m%n") + "log4cplus.logger. = INFO\n").logger(APP).info("x")
    assert "No appenders could be found" in capfd.readouterr().err


def test_an_appender_that_fails_harms_nobody(
    configure: Configure, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = configure(pattern("%D %m%n"))

    def fail(*args: object) -> str:
        raise OverflowError("no such year")

    monkeypatch.setattr("dcmrecv.log.times.time.strftime", fail)
    logs.logger(APP).info("x")
    logs.logger(APP).info("x")
    assert capfd.readouterr().err == "log4cplus:ERROR message lost by appender A: no such year\n"
