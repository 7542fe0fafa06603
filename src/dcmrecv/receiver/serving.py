"""The command line's receiver once its port is open: serves until a signal, ends by that signal."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dcmrecv.extras.systemd import Notifier
from dcmrecv.receiver.additions import Additions, Metrics
from dcmrecv.receiver.build import build_services
from dcmrecv.server.server import Server
from dcmrecv.server.signals import StopSignals, end_by_signal
from dcmrecv.server.supervisor import Supervisor, wait_for_supervisor

if TYPE_CHECKING:
    import signal
    import socket

    from dcmrecv.config import Config
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.log import Logs
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.server.association import Services
    from dcmrecv.tls import TlsServerContext

__all__ = ["serve"]

_M_ARENA_MAX = -8  # of mallopt(3)


def serve(
    config: Config,
    logs: Logs,
    observer: ReceiverObserver,
    listener: socket.socket,
    *,
    tls: TlsServerContext | None,
    dictionary: Callable[[], DataDictionary] | None,
    metrics: Metrics | None,
) -> None:
    """Serve the connections of *listener* until SIGTERM or SIGINT, drain, and end this process by that signal.

    *dictionary* None is the built-in one.
    """
    _share_memory_among_threads()
    serving = _Serving(config, logs, observer, listener, tls=tls, dictionary=dictionary, metrics=metrics)
    if config.network.workers > 1:
        serving.run_workers()
    else:
        serving.run_alone()


def _share_memory_among_threads() -> None:
    """Have glibc keep one heap for all threads: call before there are any.

    By default each gets one of its own, and what a thread's connection has freed is of no use to the others
    (measured: 3 MiB more after 12,000 connections). Little is lost: memory is allocated under the interpreter
    lock anyway. Other C libraries have no such setting.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)


def _settle() -> None:
    """Take what start-up made out of the garbage collector's sight: it stays for good."""
    gc.collect()
    gc.freeze()
    gc.enable()  # off since the start of the process


def _wait(signals: StopSignals, manager: Notifier) -> signal.Signals:
    if not manager.watchdog_interval:
        return signals.wait()
    return signals.wait(beat=manager.alive, interval=manager.watchdog_interval)


class _Serving:
    """What `serve` was given, and the two ways to serve it."""

    def __init__(
        self,
        config: Config,
        logs: Logs,
        observer: ReceiverObserver,
        listener: socket.socket,
        *,
        tls: TlsServerContext | None,
        dictionary: Callable[[], DataDictionary] | None,
        metrics: Metrics | None,
    ) -> None:
        self._config = config
        self._logs = logs
        self._observer = observer
        self._listener = listener
        self._build = partial(build_services, config, tls=tls, dictionary=dictionary)
        self._metrics = metrics

    def run_alone(self) -> None:
        """Serve in this process."""
        network = self._config.network
        reopens = self._config.logging.config_file is not None
        signals = StopSignals(reopen=self._logs.reopen if reopens else None)
        manager = Notifier()
        engine = _Engine(self._config, self._observer, self._listener, self._metrics, self._build)
        engine.start(look_for_orphans=True)
        if self._metrics is not None:
            self._metrics.serve()
        _settle()
        manager.ready(f"listening on port {network.port}")
        number = _wait(signals, manager)
        manager.stopping()
        engine.stop(hurry=signals.arrived)
        self._logs.flush()
        end_by_signal(number)

    def run_workers(self) -> None:
        """Serve in worker processes; this one looks after them."""
        network = self._config.network
        manager = Notifier()
        cleaner = self._build(self._observer)
        cleaner.store.start()
        cleaner.store.close()
        parent = Supervisor(network.workers + (self._metrics is not None), self._work)

        def reopen() -> None:
            self._logs.reopen()  # workers that start later inherit what is open here
            parent.reopen_logs()

        signals = StopSignals(reopen=reopen if self._config.logging.config_file is not None else None)
        parent.start()
        manager.ready(f"listening on port {network.port} with {network.workers} workers")
        number = parent.serve_until(signals, beat=manager.alive if manager.watchdog_interval else None)
        manager.stopping()
        parent.stop(network.grace, hurry=signals.arrived)
        self._logs.flush()
        end_by_signal(number)

    def _work(self, number: int, control: int) -> None:
        """Be worker *number* until the parent closes *control*; the one beyond the last serves the metrics."""
        self._logs.after_fork()
        metrics = self._metrics
        if number == self._config.network.workers:
            assert metrics is not None
            metrics.serve()  # in a process of its own: the parent forks and must not have threads
            wait_for_supervisor(control, reopen=self._logs.reopen)
            return
        if metrics is not None:
            metrics.listener.close()
        engine = _Engine(self._config, self._observer, self._listener, metrics, self._build, number=number)
        engine.start()
        _settle()
        wait_for_supervisor(control, reopen=self._logs.reopen)
        engine.stop()
        self._logs.flush()


class _Engine:
    """The observers, services and server of one process."""

    def __init__(
        self,
        config: Config,
        observer: ReceiverObserver,
        listener: socket.socket,
        metrics: Metrics | None,
        build: Callable[..., Services],
        *,
        number: int = 0,
    ) -> None:
        """*number* is that of a worker under one parent."""
        self._grace = config.network.grace
        self._observer = observer
        self._additions = Additions(config, observer, metrics, number=number)
        self._services = build(self._additions.observer, worker=number)
        self._server = Server(listener, self._services, max_associations=config.network.max_associations)

    def start(self, *, look_for_orphans: bool = False) -> None:
        """Begin to accept connections."""
        if look_for_orphans:
            self._services.store.start()
        self._server.start()

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Drain (`Server.drain`) and end."""
        self._additions.stopping()
        self._server.drain(self._grace, hurry=hurry)
        self._services.store.close()
        self._additions.close()
        self._observer.flush()
