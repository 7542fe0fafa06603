"""The command line's receiver: opens the port, then loads the service, and runs it until a signal.

The port opens as early as the checks before it allow. Connections that arrive while the service is loaded, a few
tenths of a second, wait in the listen queue; without this order nobody could connect for that much longer.
"""

from __future__ import annotations

from dcmrecv.server.listener import PortError, inherited_listener, open_listener

TYPE_CHECKING = False  # as in `dcmrecv.cli.program`
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable

    from dcmrecv.config import Config
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.extras.systemd import Notifier
    from dcmrecv.log import Logs
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.receiver.additions import Metrics
    from dcmrecv.receiver.service import Service
    from dcmrecv.server.signals import StopSignals
    from dcmrecv.tls import TlsServerContext

__all__ = ["PortError", "run"]

_M_ARENA_MAX = -8  # of mallopt(3)


def run(
    config: Config,
    logs: Logs,
    observer: Callable[[], ReceiverObserver],
    *,
    tls: TlsServerContext | None,
    dictionary: Callable[[], DataDictionary] | None,
    metrics: Metrics | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, drain, and end this process by that signal.

    *observer* is called once the port is open. *dictionary* None is the built-in one.

    Raises `PortError` if the port cannot be opened.
    """
    if config.logging.config_file is not None:
        import signal  # not on the way of a start without log configuration

        # from here on it means to reopen logs, also before anybody waits for it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    listener = inherited_listener() or open_listener(config.network)
    from dcmrecv.observer import Waiting

    ready = observer()
    ready.observe(Waiting())
    _share_memory_among_threads()
    process = _Process(config, logs, ready, listener, tls=tls, dictionary=dictionary, metrics=metrics)
    if config.network.workers > 1:
        process.run_workers()
    else:
        process.run_alone()


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


def _settle() -> None:
    """Take what start-up made out of the garbage collector's sight: it stays for good."""
    import gc

    gc.collect()
    gc.freeze()
    gc.enable()  # off since the start of the process


def _wait(signals: StopSignals, manager: Notifier) -> signal.Signals:
    if not manager.watchdog_interval:
        return signals.wait()
    return signals.wait(beat=manager.alive, interval=manager.watchdog_interval)


class _Process:
    """What `run` was given, and the two ways to serve it: alone, or as the parent of workers."""

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
        from dcmrecv.receiver.ae import ReceiverAE  # with pynetdicom: before workers are made, which share it

        self._ae = ReceiverAE.from_config(config)
        self._config = config
        self._logs = logs
        self._observer = observer
        self._listener = listener
        self._tls = tls
        self._dictionary = dictionary
        self._metrics = metrics

    def _service(self, worker: int = 0) -> Service:
        from dcmrecv.conditions import Condition
        from dcmrecv.receiver.service import Service
        from dcmrecv.receiver.storage_writer import StorageWriter

        obstacle = None if self._dictionary is None else self._dictionary().dimse_obstacle
        return Service(
            self._ae,
            self._listener,
            [self._observer],
            handlers=StorageWriter.from_config(self._config.storage, dictionary=self._dictionary),
            tls=self._tls,
            obstacle=None if obstacle is None else Condition(*obstacle),
            metrics=self._metrics,
            worker=worker,
        )

    def _signals(self, reopen: Callable[[], None]) -> StopSignals:
        from dcmrecv.server.signals import StopSignals

        return StopSignals(reopen=reopen if self._config.logging.config_file is not None else None)

    def run_alone(self) -> None:
        """Serve in this process."""
        from dcmrecv.extras.systemd import Notifier
        from dcmrecv.server.signals import end_by_signal

        signals = self._signals(self._logs.reopen)
        manager = Notifier()
        service = self._service()
        service.start()
        _settle()
        manager.ready(f"listening on port {self._config.network.port}")
        number = _wait(signals, manager)
        manager.stopping()
        service.stop(hurry=signals.arrived)
        self._logs.flush()
        end_by_signal(number)

    def run_workers(self) -> None:
        """Serve in worker processes; this one looks after them."""
        from dcmrecv.extras.systemd import Notifier
        from dcmrecv.receiver import service as _shared  # noqa: F401  (loads what the workers then share)
        from dcmrecv.server.signals import end_by_signal
        from dcmrecv.server.supervisor import Supervisor

        network = self._config.network
        manager = Notifier()
        parent = Supervisor(network.workers + (self._metrics is not None), self._work)

        def reopen() -> None:
            self._logs.reopen()  # workers that start later inherit what is open here
            parent.reopen_logs()

        signals = self._signals(reopen)
        parent.start()
        manager.ready(f"listening on port {network.port} with {network.workers} workers")
        number = parent.serve_until(signals, beat=manager.alive if manager.watchdog_interval else None)
        manager.stopping()
        parent.stop(network.grace, hurry=signals.arrived)
        self._logs.flush()
        end_by_signal(number)

    def _work(self, number: int, control: int) -> None:
        """Be worker *number* until the parent closes *control*; the one beyond the last serves the metrics."""
        from dcmrecv.server.supervisor import wait_for_supervisor

        self._logs.after_fork()
        metrics = self._metrics
        if number == self._config.network.workers:
            assert metrics is not None
            metrics.serve()  # in a process of its own: the parent forks and must not have threads
            wait_for_supervisor(control, reopen=self._logs.reopen)
            return
        if metrics is not None:
            metrics.listener.close()
        service = self._service(number)
        service.start(serve_metrics=False)
        _settle()
        wait_for_supervisor(control, reopen=self._logs.reopen)
        service.stop()
        self._logs.flush()
