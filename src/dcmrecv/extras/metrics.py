"""``--metrics-port`` (an addition): Prometheus metrics, ``/healthz`` and a page for people, over HTTP.

Needs prometheus-client (``pip install dcmrecv[metrics]``). Listens on the loopback address unless told
otherwise: there is no password.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

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
from dcmrecv.extras.figures import DURATIONS, OUTCOMES, STATUSES, Figures
from dcmrecv.extras.status_page import page

__all__ = ["MetricsServer", "free_space", "open_metrics_socket"]

REQUESTS_AT_ONCE = 16
"""Requests served at the same time; further ones wait."""

REQUEST_SECONDS = 10
"""Longest silence of a client."""


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
    return socket.create_server((address, port), family=family, backlog=REQUESTS_AT_ONCE)


class _Figures(Collector):
    def __init__(self, figures: Figures, directory: bytes) -> None:
        self._figures = figures
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, from one snapshot."""
        now = self._figures.snapshot()
        build = GaugeMetricFamily("dcmrecv_build_info", "Version of the receiver.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield GaugeMetricFamily(
            "dcmrecv_start_time_seconds", "Start, seconds since the epoch.", self._figures.started
        )
        yield GaugeMetricFamily(
            "dcmrecv_processes", "Processes accepting connections.", self._figures.serving
        )
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


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_SECONDS
    protocol_version = "HTTP/1.0"
    server_version = "dcmrecv"
    sys_version = ""
    answers: ClassVar[dict[str, Callable[[], tuple[int, str, bytes]]]]

    def do_GET(self) -> None:
        """Answer a GET or HEAD request."""
        answer = self.answers.get(self.path.split("?", 1)[0])
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        status, kind, body = answer()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: standard error belongs to the receiver's log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, handler: type[_Handler]) -> None:
        super().__init__(listener.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self._places = threading.BoundedSemaphore(REQUESTS_AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._places.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""


class MetricsServer:
    """Serves *figures* on *listener* in a thread until `close`."""

    def __init__(
        self, listener: socket.socket, figures: Figures, *, directory: bytes, min_free_space: int = 0
    ) -> None:
        registry = CollectorRegistry()
        registry.register(_Figures(figures, directory))

        def health() -> tuple[int, str, bytes]:
            if figures.serving:
                return HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n"
            return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", b"not accepting connections\n"

        def metrics() -> tuple[int, str, bytes]:
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)

        def people() -> tuple[int, str, bytes]:
            text = page(figures, free_space(directory), min_free_space)
            return HTTPStatus.OK, "text/html; charset=utf-8", text.encode()

        answers = {"/healthz": health, "/metrics": metrics, "/": people}
        self._server = _Server(listener, type("Handler", (_Handler,), {"answers": answers}))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """End serving and close the socket."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
