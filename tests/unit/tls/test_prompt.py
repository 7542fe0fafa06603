"""The pass phrase prompt, on a terminal and without one (spec/tls.md c)."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.support.terminal import Terminal

ASK = (
    sys.executable,
    "-c",
    "from dcmrecv.tls import prompt\n"
    "try: print(prompt.ask_pass_phrase())\n"
    "except (prompt.PromptEnded, prompt.PromptInterrupted) as end: print(type(end).__name__)",
)
TEXT = "Enter PEM pass phrase:"
PATIENCE = 20.0


def on_terminal(*answers: str) -> tuple[str, str]:
    """Give one answer to each prompt; return what the program printed and what the terminal showed."""
    with Terminal() as terminal:
        process = terminal.run(ASK, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        with process:
            for number, answer in enumerate(answers, 1):
                end = time.monotonic() + PATIENCE
                while terminal.look(0.1).count(TEXT) < number:
                    assert time.monotonic() < end, terminal.shown
                terminal.type(answer)
            out, _ = process.communicate(timeout=PATIENCE)
        return out.decode().strip(), terminal.look()


def without_terminal(given: bytes) -> tuple[str, str]:
    done = subprocess.run(ASK, input=given, capture_output=True, timeout=PATIENCE, start_new_session=True)
    return done.stdout.decode().strip(), done.stderr.decode()


def test_the_terminal_is_used_whatever_the_standard_streams_are() -> None:
    assert on_terminal("secret\n") == ("b'secret'", TEXT + "\n")


def test_what_is_typed_is_not_shown() -> None:
    _, shown = on_terminal("hidden words\n")
    assert "hidden" not in shown


def test_ctrl_c_asks_once_more_and_then_gives_up() -> None:
    out, shown = on_terminal("\x03", "\x03")
    assert out == "PromptInterrupted"
    assert shown.count(TEXT) == 2


def test_ctrl_c_and_then_an_answer() -> None:
    assert on_terminal("\x03", "secret\n")[0] == "b'secret'"


def test_end_of_file_on_the_terminal() -> None:
    out, shown = on_terminal("\x04", "\x04")
    assert out == "PromptEnded"
    assert shown.count(TEXT) == 2


def test_without_a_terminal_a_line_is_read_from_standard_input() -> None:
    assert without_terminal(b"secret\nmore\n") == ("b'secret'", TEXT + "\n")
    assert without_terminal(b"no end") == ("b'no end'", TEXT + "\n")
    assert without_terminal(b"\n") == ("b''", TEXT + "\n")


def test_no_terminal_and_no_input() -> None:
    assert without_terminal(b"") == ("PromptEnded", (TEXT + "\n") * 2)
