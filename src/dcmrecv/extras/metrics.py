"""``--metrics-port`` (an addition): Prometheus metrics, ``/healthz`` and a page for people, over HTTP.

Needs prometheus-client (``pip install dcmrecv[metrics]``). Listens on the loopback address unless told
otherwise: there is no password.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
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
from dcmrecv.extras.counters import DURATIONS, OUTCOMES, STATUSES, Counters
from dcmrecv.extras.http_server import CONNECTIONS, Answer, HttpServer
from dcmrecv.extras.status_page import page

__all__ = ["MetricsServer", "free_space", "open_metrics_socket"]


def free_space(directory: bytes) -> int | None:
    """Return the bytes free for us at *directory*, None if nobody knows."""
    try:
        status = os.statvfs(directory)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def open_metrics_socket(address: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError."""
    family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    return socket.create_server((address, port), family=family, backlog=CONNECTIONS)


class _ReceiverCollector(Collector):
    def __init__(self, counters: Counters, healthy: Callable[[], int], directory: bytes) -> None:
        self._counters = counters
        self._healthy = healthy
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, from one snapshot."""
        now = self._counters.snapshot()
        build = GaugeMetricFamily("dcmrecv_build_info", "Version of the receiver.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield GaugeMetricFamily(
            "dcmrecv_start_time_seconds", "Start, seconds since the epoch.", self._counters.started
        )
        yield GaugeMetricFamily("dcmrecv_processes", "Processes accepting connections.", self._healthy())
        yield GaugeMetricFamily("dcmrecv_connections_active", "Connections being served.", now["active"])
        yield CounterMetricFamily(
            "dcmrecv_associations_accepted", "Associations that were accepted.", now["accepted"]
        )
        ended = CounterMetricFamily(
            "dcmrecv_connections", "Connections that have ended, by outcome.", labels=["outcome"]
        )
        for outcome in OUTCOMES:
            ended.add_metric([outcome], now[f"outcome {outcome}"])
        yield ended
        yield SummaryMetricFamily(
            "dcmrecv_connection_seconds",
            "Duration of connections.",
            sum(now[f"outcome {outcome}"] for outcome in OUTCOMES),
            now["association_microseconds"] / 1e6,
        )
        yield CounterMetricFamily("dcmrecv_objects_stored", "Objects stored.", now["objects"])
        yield CounterMetricFamily("dcmrecv_stored_bytes", "Bytes of stored files.", now["bytes"])
        yield GaugeMetricFamily(
            "dcmrecv_last_object_time_seconds",
            "When the last object was stored, seconds since the epoch; 0: none yet.",
            now.last_object,
        )
        statuses = CounterMetricFamily(
            "dcmrecv_store_responses", "C-STORE responses, by status (hexadecimal).", labels=["status"]
        )
        for status in STATUSES:
            statuses.add_metric([status], now[f"status {status}"])
        yield statuses
        total = 0
        buckets = []
        for number, bound in enumerate([*map(str, DURATIONS), "+Inf"]):
            total += now[f"duration {number}"]
            buckets.append((bound, total))
        yield HistogramMetricFamily(
            "dcmrecv_store_seconds",
            "From a C-STORE request to its response.",
            buckets,
            now["store_microseconds"] / 1e6,
        )
        yield CounterMetricFamily("dcmrecv_echoes", "C-ECHO requests.", now["echoes"])
        failures = CounterMetricFamily("dcmrecv_failures", "What went wrong, by kind.", labels=["kind"])
        failures.add_metric(["data_set_not_received"], now["failed_data_sets"])
        failures.add_metric(["object_not_stored"], now["store_errors"])
        yield failures
        free = free_space(self._directory)
        if free is not None:
            yield GaugeMetricFamily(
                "dcmrecv_free_bytes", "Bytes free on the file system of the output directory.", free
            )


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
    ) -> None:
        """*healthy* returns the number of processes that accept connections."""
        registry = CollectorRegistry()
        registry.register(_ReceiverCollector(counters, healthy, directory))

        def health() -> Answer:
            if healthy():
                return Answer(HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n")
            return Answer(
                HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", b"not accepting connections\n"
            )

        def metrics() -> Answer:
            return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry))

        def people() -> Answer:
            text = page(counters, healthy(), free_space(directory), min_free_space)
            return Answer(HTTPStatus.OK, "text/html; charset=utf-8", text.encode())

        self._server = HttpServer(listener, {"/healthz": health, "/metrics": metrics, "/": people})
        self.start = self._server.start
        self.look = self._server.look
        self.close = self._server.close
