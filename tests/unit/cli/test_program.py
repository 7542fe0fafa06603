"""The whole program as far as it needs no port: screens, exit codes, the order of steps (spec/cli.md 0)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dcmrecv.cli.exit_codes import EXIT_INTERNAL_ERROR
from dcmrecv.cli.program import run_program
from dcmrecv.cli.screens import help_screen
from dcmrecv.identity import REFERENCE_BANNER, __version__
from dcmrecv.options import ALL_OPTIONS, Addition

Run = Callable[..., tuple[int, str, str]]
HEAD = f"{REFERENCE_BANNER}\n\ndcmrecv: Simple DICOM storage SCP (receiver)\n"

END_OF_CONSOLE = "log4cplus: Entering ConsoleAppender::close()..\nlog4cplus: Destroying appender named [].\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the program in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DCMDICTPATH", raising=False)

    def call(*arguments: str, **environment: str) -> tuple[int, str, str]:
        code, _ = run_program("dcmrecv", arguments, environment)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_help_is_the_reference_screen_and_ours(run: Run) -> None:
    code, out, err = run("--help", "-ta", "abc")
    assert (code, err) == (0, "")
    assert out == help_screen()
    reference, heading, ours = out.partition("additional options (not in DCMTK):\n")
    assert heading
    assert reference.endswith("receive but do not store it\n\n")
    assert max(len(line) for line in ours.splitlines()) <= 80
    for option in ALL_OPTIONS:
        if isinstance(option, Addition):
            assert f"  {option.long}  " in ours
    assert run() == (0, out, "")


def test_version_says_who_we_are(run: Run) -> None:
    code, out, err = run("--version")
    assert (code, err) == (0, "")
    reference, _, ours = out.partition("Implementation:\n")
    assert reference.startswith(HEAD)
    assert "External libraries used:\n- OpenSSL " in reference
    assert f"dcmrecv {__version__}" in ours
    assert "not DCMTK" in ours
    for name in ("Python", "pynetdicom", "pydicom", "ConfigArgParse"):
        assert f"- {name} " in ours
    assert "not installed" not in ours


def test_list_of_ciphers(run: Run) -> None:
    code, out, err = run("+cc", "1", "2")
    assert (code, err) == (0, "")
    items = out.partition("\nSupported TLS ciphersuites are:\n")[2].splitlines()
    assert items
    assert all(item.startswith("  TLS_") for item in items)


def test_list_of_profiles_is_that_of_a_later_version(run: Run) -> None:
    code, out, err = run("+ph", "1", "2")
    assert (code, err) == (0, "")
    head, _, items = out.partition("\n\nSupported TLS Secure Transport Connection Profiles are:\n")
    assert "\nCryptographic algorithms implemented by: OpenSSL " in head
    order = [
        "- BCP 195 RFC 8996 TLS Profile (default)",
        "- Modified BCP 195 RFC 8996 TLS Profile",
        "- Non-downgrading BCP 195 TLS Profile (retired)",
        "- BCP 195 TLS Profile (retired)",
        "- Extended BCP 195 TLS Profile (retired)",
        "- Basic TLS Secure Transport Connection Profile (retired)",
        "- AES TLS Secure Transport Connection Profile (retired)",
        "- Authenticated unencrypted communication (retired)",
    ]
    assert items.splitlines()[0] == order[0]
    assert set(items.splitlines()) <= set(order)
    assert sorted(items.splitlines(), key=order.index) == items.splitlines()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-q", "--foo"], "Unknown option --foo"),
        (["--help", "-ta"], "Missing value for option --acse-timeout"),
        (["-q"], "Missing parameter port"),
        (["1", "2"], "Too many parameters"),
        (["abc"], "Invalid parameter value abc"),
        (["-ll", "bogus", "abc"], "Invalid log level for --log-level option"),
        (["+v", "-ta", "abc", "abc"], "--verbose-pc only allowed with verbose mode"),
        (["-lc", "missing", "-ta", "abc", "1"], "Specified --log-config file does not exist"),
    ],
)
def test_the_first_wrong_step_is_reported(run: Run, arguments: list[str], text: str) -> None:
    assert run(*arguments) == (1, "", f"{HEAD}error: {text}\n")


@pytest.mark.parametrize("level", [["-q"], ["-ll", "off"], ["-ll", "FATAL"], ["-q", "+v"]])
def test_later_errors_are_silent_where_errors_are(run: Run, level: list[str]) -> None:
    assert run(*level, "abc") == (1, "", "")


@pytest.mark.parametrize(
    ("arguments", "ended"),
    [
        (["--help"], True),
        (["--foo"], True),
        (["--verbose-pc", "11112"], True),
        (["-q", "--verbose-pc", "11112"], False),
    ],
)
def test_the_end_of_the_console_is_reported_when_logging_is_debugged(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], ended: bool
) -> None:
    monkeypatch.setenv("DCMTK_LOG4CPLUS_LOGLOG_DEBUGENABLED", "1")
    out = run(*arguments)[1]
    assert out.endswith(END_OF_CONSOLE) == ended
    monkeypatch.delenv("DCMTK_LOG4CPLUS_LOGLOG_DEBUGENABLED")
    assert "log4cplus" not in run(*arguments)[1]


def test_arguments_are_logged_before_later_errors(run: Run) -> None:
    line = "I: calling 'dcmrecv' with 5 arguments: '--aetitle' '--arguments' '--quiet' 'abc' \nI: \n"
    assert run("-aet", "", "--arguments", "-q", "abc") == (1, "", line)


def test_the_environment_is_no_argument(run: Run) -> None:
    assert run(DCMRECV_FSYNC="1")[1].startswith(HEAD)
    code, _, err = run("104", "-od", "nx", "--arguments", DCMRECV_WORKERS="many")
    assert code == 1
    assert "with 4 arguments" in err
    assert err.endswith("error: Invalid value for environment variable DCMRECV_WORKERS (many)\n")


def test_screens_and_typing_errors_come_before_the_environment(run: Run) -> None:
    assert run("--help", DCMRECV_FSYNC="perhaps")[0] == 0
    assert run("--foo", DCMRECV_FSYNC="perhaps")[2].endswith("error: Unknown option --foo\n")
    code, _, err = run("104", DCMRECV_FSYNC="perhaps")
    assert code == 1
    assert "error: Unexpected value for DCMRECV_FSYNC: 'perhaps'." in err


def test_the_shipped_profiles_are_found_from_anywhere(run: Run) -> None:
    directory = "F: cannot specify output directory: Directory does not exist\n"
    assert run("104", "-xf", "storescp.cfg", "default", "-od", "nx") == (45, "", directory)
    code, _, err = run("104", "-xf", "./storescp.cfg", "default", "-od", "nx")
    assert code == 66
    assert err.endswith(
        "F: cannot load association configuration: unable to open configuration file: ./storescp.cfg\n"
    )


def test_accept_all_needs_no_profile(run: Run) -> None:
    code, _, err = run("104", "--accept-all", "-od", "nx", "-v")
    assert code == 45
    assert "accepting every storage SOP class" in err
    assert "only support the Verification" not in err


@pytest.mark.parametrize("arguments", [["--help"], ["--foo"], ["abc"], ["--version"], ["-q", "abc"]])
def test_screens_and_errors_load_little(arguments: list[str], tmp_path: Path) -> None:
    listing = tmp_path / "modules"
    code = (
        "import os, pathlib, sys; modules = sys.argv.pop(1); ended = os._exit\n"
        "def listing(code):\n"
        "    names = ' '.join(sys.modules); pathlib.Path(modules).write_text(names); ended(0)\n"
        "os._exit = listing\n"
        "from dcmrecv.__main__ import main; main()"
    )
    subprocess.run(
        [sys.executable, "-c", code, listing, *arguments], capture_output=True, check=True, timeout=60
    )
    loaded = set(listing.read_text().split())
    assert not loaded & {
        "configargparse",
        "pydicom",
        "pynetdicom",
        "ssl",
        "logging",
        "dataclasses",
        "importlib.metadata",
        "socket",
    }


@pytest.mark.parametrize("stderr", [subprocess.PIPE, None])
def test_an_error_of_ours_has_an_exit_code_of_its_own(stderr: int | None, tmp_path: Path) -> None:
    """Also if a thread is left, and if standard error takes nothing."""
    broken = (
        "import sys, threading; import dcmrecv.cli.program as program\n"
        "def fail():\n"
        "    threading.Thread(target=threading.Event().wait).start(); raise RuntimeError('ours')\n"
        "program.main = fail\n"
        "from dcmrecv.__main__ import main; sys.exit(main())"
    )
    with open("/dev/full", "wb", buffering=0) as full:
        done = subprocess.run(
            [sys.executable, "-c", broken], stderr=stderr or full, text=True, timeout=60, check=False
        )
    assert done.returncode == EXIT_INTERNAL_ERROR == 70
    if stderr is not None:
        assert done.stderr.endswith("RuntimeError: ours\n")


def test_every_short_name_is_documented() -> None:
    assert all(len(option.names[0]) <= 4 or len(option.names) == 1 for option in ALL_OPTIONS)
