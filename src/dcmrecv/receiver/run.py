"""The command line's receiver: opens the port, then loads the service, and runs it until a signal.

The port opens as early as the checks before it allow. Connections that arrive while the service is loaded, a few
tenths of a second, wait in the listen queue; without this order no peer could connect for that much longer.
"""

from __future__ import annotations

from dataclasses import dataclass

from dcmrecv.loggers import APPLICATION, DCMNET
from dcmrecv.server.listener import (
    AddressError,
    PortError,
    ServerError,
    inherited_listeners,
    open_listeners,
    ports,
)

TYPE_CHECKING = False  # as in `dcmrecv.cli.program`
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import TypeAlias

    from dcmrecv.config import Config
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.extras.systemd import Notifier
    from dcmrecv.log import Logs
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.receiver.additions import Metrics
    from dcmrecv.receiver.service import Service
    from dcmrecv.server.signals import StopSignals
    from dcmrecv.tls.context import TlsServerContext

    Reload: TypeAlias = Callable[[], tuple[Config, TlsServerContext | None] | None]

__all__ = ["AddressError", "PortError", "ServerError", "run"]

_M_ARENA_MAX = -8  # of mallopt(3)
_NOT_NEEDED = (
    "numpy",
    "requests",
    "tqdm",
    "PIL",
    "gdcm",
    "jpeg_ls",
    "pylibjpeg",
    "libjpeg",
    "openjpeg",
    "rle",
)
"""What pydicom loads for pixels and for downloads if it can."""


def run(
    config: Config,
    logs: Logs,
    observer: Callable[[], ReceiverObserver],
    *,
    tls: TlsServerContext | None,
    dictionary: Callable[[], DataDictionary] | None,
    metrics: Metrics | None = None,
    reload: Reload | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, drain, and end this process by that signal.

    *observer* is called once the port is open. *dictionary* None is the built-in one.
    *reload* is called on SIGHUP, and returns what counts for connections to come, or None: nothing new.

    Raises `AddressError` if an address to listen on is none, `PortError` if the port cannot be opened, and
    `ServerError` if nothing can be served, or nothing any more.
    """
    if _awaits_hang_up(config, reload):
        import signal  # not on the way of the usual start

        # from here on it means to reopen logs and to read files, also before a thread waits for it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    listeners = inherited_listeners()
    if listeners and config.network.listen:
        logs.logger(DCMNET).warn("--listen is ignored: the service manager has opened the port")
    listeners = listeners or open_listeners(config.network)
    from dcmrecv.observer import Waiting

    ready = observer()
    ready.observe(Waiting())
    _prepare_process()
    process = _Process(config, logs, ready, listeners, tls, dictionary, metrics, reload)
    if config.network.workers > 1:
        process.run_workers()
    else:
        process.run_alone()


def _awaits_hang_up(config: Config, reload: Reload | None) -> bool:
    """Return whether SIGHUP is an order; otherwise it ends the process, as it ends the reference."""
    return config.logging.config_file is not None or reload is not None


def _prepare_process() -> None:
    """Set what a process that is all ours may set for itself: call before there are threads."""
    from dcmrecv.server.descriptors import raise_limit
    from dcmrecv.server.gil_gate import share_fairly
    from dcmrecv.threads import save_address_space

    raise_limit()
    share_fairly()
    save_address_space()
    _share_memory_among_threads()


def _share_memory_among_threads() -> None:
    """Have glibc keep one heap for all threads: call before there are any.

    By default each gets one of its own, and what a thread's connection has freed is of no use to the others
    (measured: 3 MiB more after 12,000 connections). Little is lost: memory is allocated under the interpreter
    lock anyway. Other C libraries have no such setting.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)


def _load_pynetdicom() -> None:
    """Load it without the packages that pydicom makes use of where they are installed.

    With them it takes up to half a second more until the first connection is served, and some 5 to 30 MiB. A package
    that is None in `sys.modules` cannot be imported (language reference, 5.3.1).
    """
    import sys

    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    absent = [name for name in _NOT_NEEDED if name not in modules]
    modules.update(dict.fromkeys(absent))
    try:
        import dcmrecv.receiver.ae  # noqa: F401
    finally:
        for name in absent:
            del modules[name]


def _settle() -> None:
    """Take what start-up made out of the garbage collector's sight: it stays for good."""
    import gc

    gc.collect()
    gc.freeze()
    gc.enable()  # off since the start of the process


@dataclass
class _Process:
    """What `run` was given, and the two ways to serve it: alone, or as the parent of workers."""

    _config: Config
    _logs: Logs
    _observer: ReceiverObserver
    _listeners: Sequence[socket.socket]
    _tls: TlsServerContext | None
    _dictionary: Callable[[], DataDictionary] | None
    _metrics: Metrics | None
    _reload: Reload | None

    def __post_init__(self) -> None:
        _load_pynetdicom()  # before workers are made, which share it
        from dcmrecv.receiver.ae import ReceiverAE
        from dcmrecv.server.health import HealthBoard

        self._ae = ReceiverAE.from_config(self._config)
        self._health = HealthBoard(self._config.network.workers)

    def _service(self, worker: int = 0) -> Service:
        from dcmrecv.receiver.service import Service
        from dcmrecv.receiver.storage_writer import StorageWriter

        return Service(
            self._ae,
            self._listeners,
            [self._observer],
            handlers=StorageWriter.from_config(self._config.storage, dictionary=self._dictionary),
            tls=self._tls,
            obstacle=None if self._dictionary is None else self._dictionary().dimse_obstacle,
            metrics=self._metrics,
            health=self._health,
            worker=worker,
        )

    def _signals(self, hang_up: Callable[[], None]) -> StopSignals:
        from dcmrecv.server.signals import StopSignals

        return StopSignals(reopen=hang_up if _awaits_hang_up(self._config, self._reload) else None)

    def _read_again(self, service: Service | None = None) -> bool:
        """Do what `run`'s *reload* is for; return whether there is something new. May raise MemoryError."""
        from dcmrecv.observer import InternalError
        from dcmrecv.receiver.ae import ReceiverAE

        self._logs.reopen()
        try:
            found = self._reload() if self._reload is not None else None
            if found is None:
                return False
            ae = ReceiverAE.from_config(found[0])
            if service is not None:
                service.take_over(ae, found[1])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 whatever is in a file, running on matters more
            self._observer.observe(InternalError(error))
            return False
        self._ae, (self._config, self._tls) = ae, found
        return True

    def _say_reloaded(self) -> None:
        self._logs.logger(APPLICATION).info("profile, lists, certificates, keys and CRLs were read again")

    def run_alone(self) -> None:
        """Serve in this process."""
        from dcmrecv.extras.systemd import Notifier
        from dcmrecv.server import limits

        def hang_up() -> None:
            if self._read_again(service):
                self._say_reloaded()

        signals = self._signals(hang_up)
        manager = Notifier()
        service = self._service()
        service.start()
        _settle()
        manager.ready(f"listening on {ports(self._listeners)}")

        def beat() -> None:
            service.look()
            if self._health.kept:
                manager.alive()
            if service.hopeless:
                raise ServerError("connections are not accepted any more, and nothing that was tried helps")

        try:
            number = signals.wait(beat=beat, interval=manager.interval(limits.CHECK_SECONDS))
        except ServerError:
            service.stop(hurry=signals.arrived)
            raise
        self._end(number, manager, lambda: service.stop(hurry=signals.arrived))

    def _end(self, number: signal.Signals, manager: Notifier, stop: Callable[[], None]) -> None:
        """End in good order by the signal *number*; if that should hang somewhere, without order."""
        from dcmrecv.server import limits
        from dcmrecv.server.signals import end_by_signal, end_in_any_case

        grace = self._config.network.grace
        end_in_any_case(number, grace + limits.STOP_SECONDS)
        manager.stopping()
        stop()
        self._logs.flush()
        end_by_signal(number)

    def run_workers(self) -> None:
        """Serve in worker processes; this one looks after them."""
        from dcmrecv.dataset.dictionary import builtin_dictionary
        from dcmrecv.extras.systemd import Notifier
        from dcmrecv.receiver.service import load_ahead
        from dcmrecv.server import limits
        from dcmrecv.server.supervisor import Supervisor

        load_ahead(self._dictionary or builtin_dictionary)
        network = self._config.network
        manager = Notifier()
        supervisor = Supervisor(
            network.workers + (self._metrics is not None),
            self._work,
            health=self._health,
            observe=self._observer.observe,
        )

        def hang_up() -> None:
            # workers that start later inherit what is open and known here
            if self._read_again():
                self._say_reloaded()
                supervisor.reload()
            else:
                supervisor.reopen_logs()

        signals = self._signals(hang_up)
        listening = f"listening on {ports(self._listeners)} with {network.workers} workers"
        ready = False

        def beat() -> None:
            nonlocal ready
            supervisor.watch()
            if self._health.count and not ready:
                ready = True
                manager.ready(listening)
            if self._health.kept:
                manager.alive()

        _settle()  # before there are workers: the collector then leaves what they share alone
        supervisor.watch()
        number = signals.wait(beat=beat, interval=manager.interval(limits.CHECK_SECONDS / 2))

        def stop() -> None:
            for listener in self._listeners:
                listener.close()  # so that the port is closed once the last worker has closed it
            supervisor.stop(network.grace, hurry=signals.arrived)

        self._end(number, manager, stop)

    def _work(self, number: int, control: int) -> None:
        """Be worker *number* until the supervisor closes *control*; the one beyond the last serves the metrics."""
        from dcmrecv.server.listener import addresses
        from dcmrecv.server.supervisor import wait_for_supervisor

        self._logs.after_fork()
        metrics = self._metrics
        reopen = self._logs.reopen
        if number == self._config.network.workers:
            assert metrics is not None
            listening = addresses(self._listeners)
            for listener in self._listeners:
                listener.close()
            # in a process of its own: the supervisor forks and must not have threads
            server = metrics.serve(lambda: self._health.count, listening)
            wait_for_supervisor(control, reopen=reopen, beat=server.look)
            return
        if metrics is not None:
            metrics.listener.close()
        service = self._service(number)
        service.start(serve_metrics=False)
        _settle()
        wait_for_supervisor(
            control, reopen=reopen, reload=lambda: self._read_again(service), beat=service.look
        )
        service.stop()
        self._logs.flush()
