"""What observes beside the log: the spool and the counters. Nothing of it is loaded unless asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dcmrecv.receiver.observer_fanout import ObserverFanout
from dcmrecv.text import printable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from dcmrecv.config import AssociationConfig, Config
    from dcmrecv.extras.counters import Counters
    from dcmrecv.extras.metrics import MetricsServer
    from dcmrecv.extras.spool import Spool
    from dcmrecv.observer import ReceiverObserver

__all__ = ["AdditionError", "Metrics", "open_metrics", "with_additions"]


class AdditionError(Exception):
    """An addition cannot do its work; the text says why."""


class Metrics:
    """The counters of a receiver and the open socket where they are served (see `open_metrics`)."""

    def __init__(self, config: Config, listener: socket.socket, counters: Counters) -> None:
        self.listener = listener
        self.counters = counters
        self._config = config

    def serve(self, healthy: Callable[[], int], listening: str) -> MetricsServer:
        """Begin to answer HTTP requests in a thread of this process.

        *healthy* returns the number of processes that accept connections. *listening*: where they do.
        """
        from dcmrecv.extras.metrics import MetricsServer

        server = MetricsServer(
            self.listener,
            self.counters,
            healthy=healthy,
            directory=self._config.storage.directory,
            min_free_space=self._config.storage.min_free_space,
            about=[("listening on", listening), ("accepting", _accepted(self._config.association))],
        )
        server.start()
        return server


def _accepted(association: AssociationConfig) -> str:
    """Return what is accepted, in words."""
    if association.accept_all:
        return "every storage class (--accept-all)"
    file = association.profile_file
    return f"profile {association.profile.name}" + (f" of {printable(file)}" if file else "")


def open_metrics(config: Config, processes: int = 1) -> Metrics:
    """Open the metrics port for a receiver of *processes* processes, before they are made.

    Raises `AdditionError` if prometheus-client is missing or the port cannot be used.
    """
    extras = config.extras
    assert extras.metrics_port is not None
    try:
        from dcmrecv.extras.metrics import open_metrics_socket
    except ImportError as error:
        if error.name is None or not error.name.startswith("prometheus_client"):
            raise
        raise AdditionError(
            "--metrics-port needs prometheus-client: pip install 'dcmrecv[metrics]'"
        ) from None
    from dcmrecv.extras.counters import Counters

    try:
        listener = open_metrics_socket(extras.metrics_address, extras.metrics_port)
    except OSError as error:
        # `create_server` adds to the text of an errno; a name that cannot be resolved has a negative one
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise AdditionError(
            f"cannot serve metrics on {extras.metrics_address} port {extras.metrics_port}: {reason}"
        ) from None
    return Metrics(config, listener, Counters(processes, identifiers=not extras.metrics_no_identifiers))


def with_additions(
    config: Config, observers: Sequence[ReceiverObserver], metrics: Metrics | None, number: int
) -> tuple[ObserverFanout, Spool | None]:
    """Return *observers*, and what *config* and *metrics* add to them in process *number*, behind one; and the spool.

    To be called in the process that serves, which starts and closes the spool.
    """
    everything = [*observers]
    spool: Spool | None = None
    if config.storage.spool is not None:
        from dcmrecv.extras.spool import Spool, SpoolObserver

        spool = Spool(
            config.storage.spool,
            fsync=config.storage.fsync,
            sha256=config.storage.spool_sha256,
            observe=lambda event: observer.observe(event),
        )
        everything.append(SpoolObserver(spool))
    if metrics is not None:
        from dcmrecv.extras.counting import CountingObserver

        everything.append(CountingObserver(metrics.counters, number))
    observer = ObserverFanout(everything)
    return observer, spool
