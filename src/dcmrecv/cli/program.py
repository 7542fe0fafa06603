"""The program: from the arguments of a process to its exit code, in the order of spec/cli.md 0.

Nothing is loaded before its step needs it, so that screens and errors cost an interpreter's start and little
else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from dcmrecv.cli import messages
from dcmrecv.cli.errors import CommandLineError
from dcmrecv.cli.exit_codes import (
    EXIT_BAD_COMMAND_LINE,
    EXIT_BAD_DIRECTORY,
    EXIT_BAD_PORT,
    EXIT_BAD_PROFILE,
    EXIT_BAD_TLS,
    EXIT_INTERNAL_ERROR,
)
from dcmrecv.loggers import APPLICATION, DCMDATA, DCMNET, DCMTLS, DEBUG_VARIABLE

TYPE_CHECKING = False  # `typing` takes as long to load as a quarter of this package
if TYPE_CHECKING:
    from dcmrecv.cli.scan import Parsed
    from dcmrecv.config import AssociationConfig, Config, Profile
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.log import Log, Logs
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.receiver.additions import Metrics

__all__ = ["main", "run_program"]

_PRIVILEGED_PORTS = 1024


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
    """Say what the reference's console says at its end, where somebody debugs logging (spec/logging.md A.9)."""
    if DEBUG_VARIABLE in os.environ:
        from dcmrecv.log.loglog import exit_chatter

        exit_chatter()


def _print(descriptor: int, text: str) -> None:
    """Write *text* to standard output (1) or standard error (2)."""
    data = memoryview(text.encode("utf-8", "surrogateescape"))
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        # The descriptor is closed or its reader has gone. There is nobody to tell, and the exit code still
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

    from_environment = []
    if any(name.startswith("DCMRECV_") for name in environment):
        from dcmrecv.cli.environment import environment_uses  # loads ConfigArgParse

        from_environment = environment_uses(environment)
    parsed = scan(expand(arguments), from_environment)
    screen = _exclusive_screen(parsed)
    if screen is not None:
        return screen
    parameters = len(parsed.all("port"))
    if parameters != 1:
        raise CommandLineError(messages.TOO_MANY_PARAMETERS if parameters else messages.MISSING_PARAMETER)
    return parsed


def _exclusive_screen(parsed: Parsed) -> str | None:
    from dcmrecv.cli import screens

    if not parsed.typed or parsed.has("--help"):
        return screens.help_screen()
    if parsed.has("--version"):
        return screens.version_screen()
    if parsed.has("--list-ciphers"):
        from dcmrecv.tls import list_ciphers

        return screens.ciphers_screen(list_ciphers())
    if parsed.has("--list-profiles"):
        from dcmrecv.tls import available_profiles

        return screens.profiles_screen(available_profiles())
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
    code = _configure(fields, logs)
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
    return messages.CALLING.format(
        program=program,
        count=len(words),
        arguments="".join(f"'{word}' " for word in words if word),
    )


def _configure(fields: Mapping[str, object], logs: Logs) -> int:
    """Do steps 15 to 23; return the exit code of the first that fails."""
    from dcmrecv.config import Config
    from dcmrecv.identity import REFERENCE_BANNER

    config = Config.from_fields(fields)
    application = logs.logger(APPLICATION)
    application.debug(messages.BANNER_MESSAGE.format(banner=REFERENCE_BANNER))
    loaded, dictionary = _load_dictionary(logs)
    if not loaded:
        application.warn(messages.NO_DICTIONARY)
    application.info(messages.CONFIGURING)
    if config.association.profile_file is not None:
        profile = _load_profile(config.association, logs, application)
        if profile is None:
            return EXIT_BAD_PROFILE
        config = _with_profile(config, profile)
    elif config.association.accept_all:
        application.info(messages.ACCEPTING_ALL)
    else:
        application.warn(messages.VERIFICATION_ONLY)
    problem = _directory_problem(config.storage.directory)
    if problem is not None:
        application.fatal(messages.CANNOT_USE_DIRECTORY.format(text=problem))
        return EXIT_BAD_DIRECTORY
    problem = _directory_problem(config.storage.spool) if config.storage.spool is not None else None
    if problem is not None:
        application.fatal(messages.CANNOT_USE_SPOOL.format(text=problem))
        return EXIT_BAD_DIRECTORY
    metrics: Metrics | None = None
    if config.extras.metrics_port is not None:
        from dcmrecv.receiver.additions import AdditionError, open_metrics

        try:
            metrics = open_metrics(config, config.network.workers)
        except AdditionError as error:
            application.fatal(str(error))
            return EXIT_BAD_COMMAND_LINE
    application.info(messages.LISTENING)
    return _serve(config, logs, application, loaded, dictionary, metrics)


def _load_dictionary(logs: Logs) -> tuple[bool, Callable[[], DataDictionary] | None]:
    """Load what DCMDICTPATH names (step 16); return whether that counts as loaded, and the dictionary.

    None is the built-in dictionary, which is always there and not read before somebody needs it.
    """
    path = os.environ.get("DCMDICTPATH")
    if not path:
        return True, None
    from dcmrecv.dataset.dictionary_files import load_environment

    dictionary = load_environment(path, _reporter(logs.logger(DCMDATA)))
    return dictionary().loaded, dictionary


def _reporter(log: Log) -> Callable[[str, str], None]:
    """Return what takes lines as level letter and text and gives them to *log*."""
    from dcmrecv.config import LEVEL_BY_LETTER

    return lambda letter, text: log.log(LEVEL_BY_LETTER[letter], text)


def _load_profile(association: AssociationConfig, logs: Logs, application: Log) -> Profile | None:
    """Load and select the profile behind ``-xf`` (step 18); None after the reasons were logged."""
    from dcmrecv.asconfig import AsconfigError, find, load
    from dcmrecv.text import from_bytes

    path, name = association.profile_file or b"", association.profile_name
    file = from_bytes(path)
    network = logs.logger(DCMNET)
    try:
        if file:
            network.debug(messages.LOADING_PROFILES.format(file=file))
        profiles = load(find(path), name=file)
        if name:
            network.trace(messages.SETTING_AND_CHECKING_PROFILE.format(name=name))
            network.trace(messages.CHECKING_PROFILE.format(name=name))
        profile = profiles.select(name)
    except AsconfigError as error:
        for line in error.error_lines:
            network.error(line)
        application.fatal(messages.CANNOT_LOAD_PROFILES.format(text=error.text))
        return None
    network.trace(messages.SETTING_PROFILE.format(name=profile.name))
    return profile


def _with_profile(config: Config, profile: Profile) -> Config:
    from dataclasses import replace

    return replace(config, association=replace(config.association, profile=profile))


def _directory_problem(directory: bytes) -> str | None:
    """Return what is wrong with the output directory (spec/cli.md g.2), or None."""
    try:
        with os.scandir(directory):
            pass
    except (OSError, ValueError):
        return messages.DIRECTORY_MISSING
    return None if os.access(directory, os.W_OK) else messages.DIRECTORY_READ_ONLY


def _serve(
    config: Config,
    logs: Logs,
    application: Log,
    loaded: bool,
    dictionary: Callable[[], DataDictionary] | None,
    metrics: Metrics | None,
) -> int:
    """Do steps 21 to 23: TLS, port, service. Comes back only with an error's exit code."""
    tls = None
    if config.tls is not None:
        from dcmrecv.tls import TlsStartError, prepare

        try:
            tls = prepare(config.tls, _reporter(logs.logger(DCMTLS)))
        except TlsStartError as error:
            application.fatal(str(error))
            return EXIT_BAD_TLS

    from dcmrecv.receiver.run import PortError, ServerError, run

    network = logs.logger(DCMNET)
    if not loaded:
        network.warn(messages.NO_DICTIONARY_AGAIN)
    checking = messages.CHECKING_PROFILE.format(name=config.association.profile.name)
    privileged = config.network.port < _PRIVILEGED_PORTS and os.geteuid() != 0
    if not privileged:
        network.trace(checking)
    try:
        run(
            config,
            logs,
            lambda: _observer(config, logs, loaded, dictionary),
            tls=tls,
            dictionary=dictionary,
            metrics=metrics,
        )
    except PortError as error:
        for _, line in error.lines:
            network.error(line)
        if privileged and not error.lines:
            network.trace(checking)
        application.fatal(messages.CANNOT_START.format(port=config.network.port, text=error.text))
        return EXIT_BAD_PORT
    except ServerError as error:
        application.fatal(str(error))
        logs.flush()
        return EXIT_INTERNAL_ERROR
    return 0


def _observer(
    config: Config, logs: Logs, loaded: bool, dictionary: Callable[[], DataDictionary] | None
) -> ReceiverObserver:
    """Return what logs the story of the receiver. Loaded when the port is open."""
    from dcmrecv.dataset.dictionary import builtin_dictionary
    from dcmrecv.log.dcmtk_lines import DcmtkLines

    names = dictionary or builtin_dictionary
    return DcmtkLines(
        logs,
        config,
        _host_names(config),
        keyword=lambda group, element: names().name(group << 16 | element),
        dump_data_set=_data_set_dump(names),
        dictionary_loaded=loaded,
    )


def _data_set_dump(dictionary: Callable[[], DataDictionary]) -> Callable[[bytes, bytes], str]:
    """Return what prints a data set of a transfer syntax at trace level, from its first line break on."""

    def dump(data_set: bytes, transfer_syntax: bytes) -> str:
        from dcmrecv.dataset.dump import dump_data_set
        from dcmrecv.uids import long_name

        lines = dump_data_set(data_set, transfer_syntax, dictionary())
        return "\n".join([messages.DUMP_HEADING.format(name=long_name(transfer_syntax)), *lines])

    return dump


def _host_names(config: Config) -> Callable[[str], str]:
    """Return what turns a peer's address into the name that log lines show."""
    if not config.network.hostname_lookup:
        return str
    from dcmrecv.server.reverse_dns import HostNames

    return HostNames().name
