"""``--metrics-port`` (an addition): Prometheus metrics, ``/healthz`` and a page for people, over HTTP.

Needs prometheus-client (``pip install dcmrecv[metrics]``). Listens on the loopback address unless asked
otherwise: there is no password.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from dcmrecv._version import __version__
from dcmrecv.extras.counters import OUTCOMES, PHASES, STATUSES, Counters
from dcmrecv.extras.http_server import CONNECTIONS, Answer, HttpServer
from dcmrecv.extras.status_page import View, page
from dcmrecv.threads import start_thread

__all__ = ["FreeSpace", "MetricsServer", "ReceiverCollector", "open_metrics_socket"]

_BY_TITLE = (
    ("objects_stored", "Objects stored"),
    ("stored_bytes", "Bytes of stored files"),
    ("objects_failed", "Objects that were not stored"),
)
_RATE_SAMPLES = 10
"""The page shows the rate of so many seconds."""

FRESH = 30.0
"""How long free space counts as known after it was measured, seconds."""


class FreeSpace:
    """Call it for the bytes free for us at *directory*, None if unknown.

    A file system that hangs holds up the thread that measures and nothing else; what was measured counts for `FRESH`.
    """

    def __init__(self, directory: bytes) -> None:
        self._directory = directory
        self._measuring = threading.Lock()
        self._last: tuple[float, int | None] = (0.0, None)
        self._measure()  # the start has just looked into this directory

    def __call__(self) -> int | None:
        when, free = self._last
        return free if time.monotonic() < when + FRESH else None

    def look(self) -> None:
        """Have it measured, without waiting. Call every second."""
        if not self._measuring.locked():
            start_thread(self._measure)

    def _measure(self) -> None:
        if not self._measuring.acquire(blocking=False):
            return
        try:
            status = os.statvfs(self._directory)
            self._last = time.monotonic(), status.f_bavail * status.f_frsize
        except (OSError, MemoryError):
            self._last = time.monotonic(), None
        finally:
            self._measuring.release()


def open_metrics_socket(address: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError."""
    family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    return socket.create_server((address, port), family=family, backlog=CONNECTIONS)


class ReceiverCollector(Collector):
    """Makes metrics of *counters*."""

    def __init__(
        self, counters: Counters, healthy: Callable[[], int], free: Callable[[], int | None]
    ) -> None:
        self._counters = counters
        self._healthy = healthy
        self._free = free

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, from one snapshot."""
        now = self._counters.snapshot()
        counter, gauge = CounterMetricFamily, GaugeMetricFamily
        yield _labelled(gauge, "build_info", "Version of the receiver.", "version", {__version__: 1})
        yield gauge("dcmrecv_start_time_seconds", "Start, seconds since the epoch.", self._counters.started)
        yield gauge("dcmrecv_processes", "Processes accepting connections.", self._healthy())
        yield gauge("dcmrecv_connections_active", "Connections being served.", now["active"])
        yield counter("dcmrecv_associations_accepted", "Associations that were accepted.", now["accepted"])
        ended = {outcome: now[f"outcome {outcome}"] for outcome in OUTCOMES}
        yield _labelled(counter, "connections", "Connections that have ended, by outcome.", "outcome", ended)
        spent = now["association_microseconds"] / 1e6
        yield SummaryMetricFamily(
            "dcmrecv_connection_seconds", "Duration of connections.", sum(ended.values()), spent
        )
        for number, (name, text) in enumerate(_BY_TITLE):
            of_titles = {title: counts[number] for title, counts in now.titles.items()}
            yield _labelled(counter, name, f"{text}, by calling AE title.", "calling", of_titles)
        yield counter(
            "dcmrecv_received_bytes", "Bytes of data sets received, stored or not.", now["received_bytes"]
        )
        yield gauge(
            "dcmrecv_last_object_time_seconds",
            "When the last object was stored, seconds since the epoch; 0: none yet.",
            now.last_object,
        )
        statuses = {status: now[f"status {status}"] for status in STATUSES}
        text = "C-STORE responses, by status (hexadecimal)."
        yield _labelled(counter, "store_responses", text, "status", statuses)
        yield HistogramMetricFamily(
            "dcmrecv_store_seconds",
            "From a C-STORE request to its response.",
            now.buckets("store"),
            now["store microseconds"] / 1e6,
        )
        phases = HistogramMetricFamily(
            "dcmrecv_store_phase_seconds",
            "Stored objects: waiting for the sender, parsing and writing, giving the name.",
            labels=["phase"],
        )
        for phase in PHASES:
            phases.add_metric([phase], now.buckets(phase), now[f"{phase} microseconds"] / 1e6)
        yield phases
        yield counter("dcmrecv_echoes", "C-ECHO requests.", now["echoes"])
        failures = {
            "data_set_not_received": now["failed_data_sets"],
            "object_not_stored": now["store_errors"],
        }
        yield _labelled(counter, "failures", "What went wrong, by kind.", "kind", failures)
        free = self._free()
        if free is not None:
            yield gauge("dcmrecv_free_bytes", "Bytes free on the file system of the output directory.", free)


def _labelled(
    family: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    text: str,
    label: str,
    values: Mapping[str, float],
) -> Metric:
    """Return a metric that has a value for each value of *label*."""
    metric = family(f"dcmrecv_{name}", text, labels=[label])
    for of, value in values.items():
        metric.add_metric([of], value)
    return metric


class MetricsServer:
    """Serves *counters* on *listener* in a thread until `close`."""

    def __init__(
        self,
        listener: socket.socket,
        counters: Counters,
        *,
        healthy: Callable[[], int],
        directory: bytes,
        min_free_space: int = 0,
        about: Sequence[tuple[str, str]] = (),
    ) -> None:
        """*healthy* returns the number of processes that accept connections; *about* is shown on the page."""
        registry = CollectorRegistry()
        self._free = FreeSpace(directory)
        registry.register(ReceiverCollector(counters, healthy, self._free))

        def health() -> Answer:
            status, text = HTTPStatus.OK, b"ok\n"
            if not healthy():
                status, text = HTTPStatus.SERVICE_UNAVAILABLE, b"not accepting connections\n"
            return Answer(status, "text/plain; charset=utf-8", text)

        def metrics() -> Answer:
            return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry))

        def people() -> Answer:
            view = View(healthy(), self._free(), min_free_space, self._rate(), about)
            text = page(counters, view)
            return Answer(HTTPStatus.OK, "text/html; charset=utf-8", text.encode())

        self._server = HttpServer(listener, {"/healthz": health, "/metrics": metrics, "/": people})
        self.start = self._server.start
        self.close = self._server.close
        self._counters = counters
        self._samples: deque[tuple[float, int, int]] = deque(maxlen=_RATE_SAMPLES)

    def look(self) -> None:
        """See `HttpServer.look`; also measure space, and remember how much has come so far. Call every second."""
        self._server.look()
        self._free.look()
        self._samples.append(self._sample())

    def _sample(self) -> tuple[float, int, int]:
        now = self._counters.snapshot()
        return time.monotonic(), now.objects, now["received_bytes"]

    def _rate(self) -> tuple[float, float] | None:
        """Return objects and bytes a second of late, None if nothing is known yet."""
        try:
            before = self._samples[0]
        except IndexError:
            return None
        seconds, objects, size = (now - then for now, then in zip(self._sample(), before, strict=True))
        return (objects / seconds, size / seconds) if seconds > 0 else None
