"""The start of a receiver: from a `Config` to the open port, in the order of spec/cli.md 0, steps 15 to 23.

Texts are the reference's (spec/cli.md e, g), but for those about our additions. The port opens as
early as the checks before it allow; what serves it is loaded then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from dcmrecv.cli import exit_codes
from dcmrecv.config import LEVEL_BY_LETTER, Config, Profile, StorageMode
from dcmrecv.identity import REFERENCE_BANNER
from dcmrecv.loggers import APPLICATION, DCMDATA, DCMNET, DCMTLS
from dcmrecv.output_directory import ReadOnlyDirectoryError, check_directory, probe
from dcmrecv.text import from_bytes

TYPE_CHECKING = False  # see dcmrecv.cli.program
if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.log import Log, Logs
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.receiver.additions import Metrics
    from dcmrecv.tls.context import TlsServerContext

__all__ = ["Start"]

_PRIVILEGED_PORTS = 1024
_CHECKING_PROFILE = "Checking SCP association profile {name}"


class _StartError(Exception):
    """What the last line of a start that failed says, at level FATAL, and the exit code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Start:
    """One start of the program."""

    def __init__(self, config: Config, logs: Logs) -> None:
        self._given = self._config = config
        self._logs = logs
        self._application = logs.logger(APPLICATION)
        self._network = logs.logger(DCMNET)
        self._dictionary: Callable[[], DataDictionary] | None = None
        """None is the built-in one, which is always there and not read before it is needed."""
        self._loaded = True
        self._metrics: Metrics | None = None

    def run(self) -> int:
        """Start, and serve until a signal ends the process; return only with the exit code of an error."""
        try:
            self._configure()
            self._application.info("starting service class provider and listening ...")
            self._serve(self._prepare_tls())
        except _StartError as error:
            self._application.fatal(str(error))
            self._logs.flush()
            return error.code
        return 0

    def _configure(self) -> None:
        """Do steps 15 to 19, and open the port for metrics."""
        self._application.debug(f"{REFERENCE_BANNER}\n")
        self._load_dictionary()
        if not self._loaded:
            self._application.warn("no data dictionary loaded, check environment variable: DCMDICTPATH")
        self._application.info("configuring service class provider ...")
        association = self._config.association
        if association.profile_file is None:
            if association.accept_all:
                self._application.info(
                    "no configuration file specified, accepting every storage SOP class in every transfer syntax"
                )
            else:
                self._application.warn(
                    "no configuration file specified, SCP will only support the Verification SOP Class"
                )
        self._read_profile()
        self._read_allow_lists()
        _check(self._config.storage.directory, "output directory")
        if self._config.storage.mode is not StorageMode.IGNORE:
            self._try_output_directory()
        if self._config.storage.spool is not None:
            _check(self._config.storage.spool, "spool directory")
        if self._config.extras.metrics_port is not None:
            from dcmrecv.receiver.additions import AdditionError, open_metrics

            try:
                self._metrics = open_metrics(self._config, self._config.network.workers)
            except AdditionError as error:
                raise _StartError(exit_codes.EXIT_BAD_COMMAND_LINE, str(error)) from None

    def _read_profile(self) -> None:
        association = self._config.association
        if association.profile_file is not None:
            profile = self._load_profile(association.profile_file, association.profile_name)
            self._config = replace(self._config, association=replace(association, profile=profile))

    def _reload(self) -> tuple[Config, TlsServerContext | None] | None:
        """Read profile, lists, certificates, keys and CRLs again; None if anything is wrong, which is said."""
        self._config = self._given
        try:
            self._read_profile()
            self._read_allow_lists()
            return self._config, self._prepare_tls(again=True)
        except _StartError as error:
            self._application.error(f"cannot read everything again, and nothing has changed: {error}")
            return None

    def _read_allow_lists(self) -> None:
        """Read the lists of peers and titles that may send, if there are any."""
        association, network = self._config.association, self._config.network
        if not (
            association.allow_calling
            or association.allow_calling_file
            or network.allow_hosts
            or network.allow_host_file
            or network.proxy_protocol
        ):
            return
        from dcmrecv.server.admission import Admission, AllowListError, read_titles, read_values

        try:
            titles = read_titles(association.allow_calling, association.allow_calling_file)
            hosts = read_values(network.allow_hosts, network.allow_host_file, "--allow-host")
            network = replace(network, allow_hosts=hosts)
            Admission(network)  # finds out whether they are addresses
        except AllowListError as error:
            raise _StartError(exit_codes.EXIT_BAD_COMMAND_LINE, str(error)) from None
        self._config = replace(
            self._config, association=replace(association, allow_calling=titles), network=network
        )

    def _try_output_directory(self) -> None:
        """Find out what the file system cannot do before a peer has to."""
        findings = probe(self._config.storage)
        if findings.obstacle is not None:
            text = f"cannot specify output directory: {findings.obstacle}"
            raise _StartError(exit_codes.EXIT_BAD_DIRECTORY, text)
        for remark in findings.remarks:
            self._application.warn(f"output directory: {remark}")

    def _load_dictionary(self) -> None:
        """Load what DCMDICTPATH names (step 16)."""
        path = os.environ.get("DCMDICTPATH")
        if path:
            from dcmrecv.dataset.dictionary_files import load_environment

            self._dictionary = load_environment(path, _reporter(self._logs.logger(DCMDATA)))
            self._loaded = self._dictionary().loaded

    def _load_profile(self, path: bytes, name: str) -> Profile:
        """Load and select the profile behind ``-xf`` (step 18)."""
        from dcmrecv.asconfig import AsconfigError, find, load

        file = from_bytes(path)
        try:
            if file:
                self._network.debug(f"Loading association configuration file: {file}")
            profiles = load(find(path), name=file)
            if name:
                self._network.trace(f"Setting and checking SCP association profile {name}")
                self._network.trace(_CHECKING_PROFILE.format(name=name))
            profile = profiles.select(name)
        except AsconfigError as error:
            for line in error.error_lines:
                self._network.error(line)
            text = f"cannot load association configuration: {error.text}"
            raise _StartError(exit_codes.EXIT_BAD_PROFILE, text) from None
        self._network.trace(f"Setting SCP association profile to (mangled name) {profile.name}")
        return profile

    def _prepare_tls(self, *, again: bool = False) -> TlsServerContext | None:
        """Do step 21."""
        if self._config.tls is None:
            return None
        from dcmrecv.tls.errors import TlsStartError
        from dcmrecv.tls.startup import prepare

        try:
            return prepare(self._config.tls, _reporter(self._logs.logger(DCMTLS)), again=again)
        except TlsStartError as error:
            raise _StartError(exit_codes.EXIT_BAD_TLS, str(error)) from None

    def _serve(self, tls: TlsServerContext | None) -> None:
        """Do steps 22 and 23."""
        from dcmrecv.receiver.run import AddressError, PortError, ServerError, run

        config = self._config
        if not self._loaded:
            self._network.warn("No data dictionary loaded, check environment variable: DCMDICTPATH")
        checking = _CHECKING_PROFILE.format(name=config.association.profile.name)
        privileged = config.network.port < _PRIVILEGED_PORTS and os.geteuid() != 0
        if not privileged:
            self._network.trace(checking)
        try:
            run(
                config,
                self._logs,
                self._observer,
                tls=tls,
                dictionary=self._dictionary,
                metrics=self._metrics,
                reload=self._reload if _reloads(config) else None,
            )
        except AddressError as error:
            raise _StartError(exit_codes.EXIT_BAD_COMMAND_LINE, str(error)) from None
        except PortError as error:
            for _, line in error.lines:
                self._network.error(line)
            if privileged and not error.lines:
                self._network.trace(checking)
            text = f"cannot start SCP and listen on port {config.network.port}: {error.text}"
            raise _StartError(exit_codes.EXIT_BAD_PORT, text) from None
        except ServerError as error:
            raise _StartError(exit_codes.EXIT_INTERNAL_ERROR, str(error)) from None

    def _observer(self) -> ReceiverObserver:
        """Return what logs the work of the receiver; called when the port is open."""
        from dcmrecv.dataset.dictionary import builtin_dictionary
        from dcmrecv.log.dcmtk_lines import DcmtkLines

        names = self._dictionary or builtin_dictionary

        return DcmtkLines(
            self._logs,
            self._config,
            self._resolver(),
            keyword=lambda group, element: names().name(group << 16 | element),
            dictionary_loaded=self._loaded,
        )

    def _resolver(self) -> Callable[[str], str]:
        """Return what turns a peer's address into the name that log lines show."""
        if not self._config.network.hostname_lookup:
            return str
        from dcmrecv.server.reverse_dns import HostNames

        return HostNames().name


def _reporter(log: Log) -> Callable[[str, str], None]:
    """Return what takes lines as level letter and text and gives them to *log*."""
    return lambda letter, text: log.log(LEVEL_BY_LETTER[letter], text)


def _reloads(config: Config) -> bool:
    """Return whether SIGHUP means to read files again; with the reference's options alone it ends the process."""
    return (
        config.network.reload
        or config.network.allow_host_file is not None
        or config.association.allow_calling_file is not None
    )


def _check(directory: bytes, what: str) -> None:
    try:
        check_directory(directory)
    except ReadOnlyDirectoryError:
        problem = "Directory is not writable"
    except (OSError, ValueError):
        problem = "Directory does not exist"
    else:
        return
    raise _StartError(exit_codes.EXIT_BAD_DIRECTORY, f"cannot specify {what}: {problem}")
