"""The program: from the arguments of a process to its exit code, in the order of spec/cli.md 0, steps 1 to 14.

Nothing is loaded before its step needs it, so that screens and errors cost an interpreter's start and little
else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.exit_codes import EXIT_BAD_COMMAND_LINE
from dcmrecv.loggers import APPLICATION, DEBUG_VARIABLE

TYPE_CHECKING = False  # `typing` takes as long to load as a quarter of this package
if TYPE_CHECKING:
    from dcmrecv.cli.scan import Parsed
    from dcmrecv.log import Logs

__all__ = ["main", "run_program"]


def main() -> tuple[int, bool]:
    """Run the program with this process's arguments and environment.

    Return its exit code and whether it got as far as to set up its loggers. A receiver that started does not
    come back from here: it ends by the signal that stops it.
    """
    arguments = [os.fsencode(argument).decode("utf-8", "surrogateescape") for argument in sys.argv[1:]]
    return run_program(sys.argv[0], arguments, os.environ)


def run_program(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bool]:
    """Do the same with *arguments* (`dcmrecv.text`) of *program* in *environment*."""
    try:
        parsed = _parse(arguments, environment)
        if isinstance(parsed, str):
            _print(1, parsed)
            _end_of_console()
            return 0, False
        return _start(program, parsed)
    except CommandLineError as error:
        code = _refuse(error.text)
        _end_of_console()
        return code, False


def _end_of_console() -> None:
    """Say what the reference's console says at its end, where logging is being debugged (spec/logging.md A.9)."""
    if DEBUG_VARIABLE in os.environ:
        from dcmrecv.log.loglog import print_exit_steps

        print_exit_steps()


def _print(descriptor: int, text: str) -> None:
    """Write *text* to standard output (1) or standard error (2)."""
    data = memoryview(text.encode("utf-8", "surrogateescape"))
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        # The descriptor is closed or its reader has gone. No reader is left, and the exit code still
        # counts.
        return


def _refuse(text: str) -> int:
    from dcmrecv.cli.screens import error_screen

    _print(2, error_screen(text))
    return EXIT_BAD_COMMAND_LINE


def _parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Parsed | str:
    """Do steps 1 to 6; return what was given, or the screen that is all that was asked for."""
    from dcmrecv.cli.command_files import expand
    from dcmrecv.cli.scan import scan
    from dcmrecv.options import ALL_OPTIONS

    parsed = scan(expand(arguments))
    screen = _exclusive_screen(parsed)
    if screen is not None:
        return screen
    parameters = len(parsed.all("port"))
    if parameters != 1:
        raise CommandLineError("Too many parameters" if parameters else "Missing parameter port")
    if any(option.variable and option.variable in environment for option in ALL_OPTIONS):
        from dcmrecv.cli.environment import environment_uses  # loads ConfigArgParse

        parsed.precede(environment_uses(environment))
    return parsed


def _exclusive_screen(parsed: Parsed) -> str | None:
    from dcmrecv.cli import screens

    if not parsed.typed or parsed.has("--help"):
        return screens.help_screen()
    if parsed.has("--version"):
        return screens.version_screen()
    if parsed.has("--list-ciphers"):
        from dcmrecv.tls.suites import list_ciphers

        return screens.ciphers_screen(list_ciphers())
    if parsed.has("--list-profiles"):
        from dcmrecv.tls.suites import supported_profiles

        return screens.profiles_screen(supported_profiles())
    return None


def _start(program: str, parsed: Parsed) -> tuple[int, bool]:
    """Do steps 7 to 14: logging, then everything else on the command line."""
    from dcmrecv.cli.evaluate import LOGGING, REST, evaluate, level_admits
    from dcmrecv.options import VERBOSE_MODE

    fields = evaluate(parsed, LOGGING, {})
    # A level alone answers what the checks below ask; loggers are made before them only where they matter.
    logs: Logs | None = None
    visible, verbose = (level_admits(fields, level) for level in ("ERROR", "INFO"))
    if "logging.config_file" in fields or parsed.has("--arguments"):
        logs = _loggers(program, fields)
        visible, verbose = logs.errors_visible, logs.logger(APPLICATION).info_on
        if parsed.has("--arguments"):
            logs.emit_unconditional(_arguments_line(program, parsed))
    try:
        fields.update(evaluate(parsed, REST, {VERBOSE_MODE: verbose}))
    except CommandLineError as error:
        if logs is not None:
            logs.close()
        if visible:
            _refuse(error.text)
            if logs is None:
                _end_of_console()
        return EXIT_BAD_COMMAND_LINE, logs is not None
    if logs is None:
        logs = _loggers(program, fields)
    from dcmrecv.cli.start import Start
    from dcmrecv.config import Config

    code = Start(Config.from_fields(fields), logs).run()
    logs.close()
    return code, True


def _loggers(program: str, fields: Mapping[str, object]) -> Logs:
    """Return the loggers that the logging options describe; raise `CommandLineError` if there are none."""
    from dcmrecv.config import Config
    from dcmrecv.log import LogConfigError, setup

    settings = {name: value for name, value in fields.items() if name.startswith("logging.")}
    try:
        return setup(Config.from_fields(settings).logging, argv0=program)
    except LogConfigError as error:
        raise CommandLineError(str(error)) from None


def _arguments_line(program: str, parsed: Parsed) -> str:
    """Return the line of ``--arguments``: long names, values as typed, empty ones only counted."""
    from dcmrecv.cli.scan import is_option

    words: list[str] = []
    for use in parsed.typed:
        if is_option(use.option.long):
            words.append(use.option.long)
        words.extend(use.values)
    arguments = "".join(f"'{word}' " for word in words if word)
    return f"calling '{program}' with {len(words)} arguments: {arguments}\n"
