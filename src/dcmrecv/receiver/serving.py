"""The command line's receiver once its port is open: serves until a signal, ends by that signal."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.extras.systemd import Notifier
from dcmrecv.receiver.build import build_services
from dcmrecv.receiver.observers import Metrics, Observers
from dcmrecv.server.prefork import Parent, wait_for_parent
from dcmrecv.server.process import Server
from dcmrecv.server.signals import StopSignals, end_by_signal

if TYPE_CHECKING:
    import signal
    import socket

    from dcmrecv.config import Config
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.journal import Journal
    from dcmrecv.log import Logs
    from dcmrecv.tls import TlsServerContext

__all__ = ["serve"]

_M_ARENA_MAX = -8  # of mallopt(3)


def serve(
    config: Config,
    logs: Logs,
    journal: Journal,
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
    if config.network.workers > 1:
        _run_workers(config, logs, journal, listener, tls, dictionary, metrics)
    else:
        _run_alone(config, logs, journal, listener, tls, dictionary, metrics)


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


def _run_alone(
    config: Config,
    logs: Logs,
    journal: Journal,
    listener: socket.socket,
    tls: TlsServerContext | None,
    dictionary: Callable[[], DataDictionary] | None,
    metrics: Metrics | None,
) -> None:
    signals = StopSignals(reopen=logs.reopen if config.logging.config_file is not None else None)
    manager = Notifier()
    observers = Observers(config, journal, metrics)
    services = build_services(config, observers.journal, tls=tls, dictionary=dictionary)
    services.store.start()
    server = Server(listener, services, max_associations=config.network.max_associations)
    server.start()
    if metrics is not None:
        metrics.serve()
    _settle()
    manager.ready(f"listening on port {config.network.port}")
    number = _wait(signals, manager)
    manager.stopping()
    observers.stopping()
    server.drain(config.network.grace, hurry=signals.arrived)
    services.store.close()
    observers.close()
    journal.flush()
    logs.flush()
    end_by_signal(number)


def _run_workers(
    config: Config,
    logs: Logs,
    journal: Journal,
    listener: socket.socket,
    tls: TlsServerContext | None,
    dictionary: Callable[[], DataDictionary] | None,
    metrics: Metrics | None,
) -> None:
    def serve(number: int, control: int) -> None:
        logs.after_fork()
        if number == config.network.workers:
            assert metrics is not None
            metrics.serve()  # in a process of its own: the parent forks and must not have threads
            wait_for_parent(control, reopen=logs.reopen)
            return
        if metrics is not None:
            metrics.listener.close()
        observers = Observers(config, journal, metrics, number=number)
        services = build_services(config, observers.journal, tls=tls, dictionary=dictionary, worker=number)
        server = Server(listener, services, max_associations=config.network.max_associations)
        server.start()
        _settle()
        wait_for_parent(control, reopen=logs.reopen)
        observers.stopping()
        server.drain(config.network.grace)
        services.store.close()
        observers.close()
        journal.flush()
        logs.flush()

    manager = Notifier()
    cleaner = build_services(config, journal, tls=tls, dictionary=dictionary)
    cleaner.store.start()
    cleaner.store.close()
    parent = Parent(config.network.workers + (metrics is not None), serve)

    def reopen() -> None:
        logs.reopen()  # workers that start later inherit what is open here
        parent.reopen_logs()

    signals = StopSignals(reopen=reopen if config.logging.config_file is not None else None)
    parent.start()
    manager.ready(f"listening on port {config.network.port} with {config.network.workers} workers")
    number = parent.serve_until(signals, beat=manager.alive if manager.watchdog_interval else None)
    manager.stopping()
    parent.stop(config.network.grace, hurry=signals.arrived)
    logs.flush()
    end_by_signal(number)
