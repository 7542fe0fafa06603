from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dcmrecv import observer as ob
from dcmrecv.core import events as ev
from dcmrecv.extras.counters import Counters, CountingObserver
from dcmrecv.extras.metrics import MetricsServer, open_metrics_socket
from dcmrecv.extras.status_page import _size, _span, page
from dcmrecv.server import limits
from dcmrecv.server.health import HealthBoard


@pytest.fixture
def counters() -> Counters:
    return Counters(2)


@pytest.fixture
def health() -> HealthBoard:
    return HealthBoard(2)


@pytest.fixture
def url(counters: Counters, health: HealthBoard) -> Iterator[str]:
    listener = open_metrics_socket("127.0.0.1", 0)
    server = MetricsServer(listener, counters, healthy=lambda: health.count, directory=b".")
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.close()


def get(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def samples(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def request() -> ev.StoreRequest:
    return ev.StoreRequest(1, 1, b"1.2", b"1.2.3", b"1.2.840.10008.1.2", 0, 1, None, None, b"")


def test_counters_of_all_processes(counters: Counters, health: HealthBoard, url: str) -> None:
    health.found_healthy(1)
    for number, status in enumerate((0x0000, 0xA700)):
        association = CountingObserver(counters, number).association("", 0)
        association.observe(ob.Connected())
        association.observe(request())
        association.observe(ob.Stored(b"", request(), 1000 + number))
        association.observe(ob.StoreResponse(request(), status))
        if number:
            association.observe(ev.ReleaseRequested(ev.Stage.COMMAND))
            association.observe(ob.Closed())
    status, kind, text = get(url + "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    found = samples(text)
    assert found["dcmrecv_objects_stored_total", ""] == 2
    assert found["dcmrecv_stored_bytes_total", ""] == 2001
    assert found["dcmrecv_connections_active", ""] == 1
    assert found["dcmrecv_connections_total", "released"] == 1
    assert found["dcmrecv_store_responses_total", "0000"] == 1
    assert found["dcmrecv_store_responses_total", "A700"] == 1
    assert found["dcmrecv_store_seconds_bucket", "+Inf"] == found["dcmrecv_store_seconds_count", ""] == 2
    assert found["dcmrecv_processes", ""] == 1
    assert found["dcmrecv_free_bytes", ""] > 0


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (ev.RejectReason.BAD_APPLICATION_CONTEXT, "rejected_application_context"),
        (ev.RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED, "rejected_called_title"),
        (ev.RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED, "rejected_calling_title"),
        (ev.RejectReason.LOCAL_LIMIT_EXCEEDED, "rejected_limit"),
        (ev.RejectReason.NO_ACCEPTABLE_PRESENTATION_CONTEXTS, "rejected_no_context"),
    ],
)
def test_rejections(counters: Counters, reason: ev.RejectReason, outcome: str) -> None:
    association = CountingObserver(counters).association("", 0)
    association.observe(ob.Connected())
    association.observe(ev.AssociationRejected(reason))
    association.observe(ob.Closed())
    now = counters.snapshot()
    assert (now[f"outcome {outcome}"], now["active"]) == (1, 0)


def test_other_ends(counters: Counters) -> None:
    counts = CountingObserver(counters)
    cut_off, aborted, crashed = (counts.association("", 0) for _ in range(3))
    aborted.observe(ev.ProtocolError(ev.Stage.COMMAND, ()))
    crashed.observe(ev.ProtocolError(ev.Stage.COMMAND, ()))
    crashed.observe(ob.Crashed(ValueError()))
    for association in (cut_off, aborted, crashed):
        association.observe(ob.Connected())
        association.observe(ob.Closed())
    now = counters.snapshot()
    assert [now[f"outcome {name}"] for name in ("cut_off", "aborted_by_us", "internal_error")] == [1, 1, 1]


def test_a_replaced_process_counts_on(counters: Counters) -> None:
    for _ in range(2):
        association = CountingObserver(counters, 1).association("", 0)
        association.observe(ob.Connected())
        association.observe(ob.Stored(b"", request(), 7))
    assert counters.snapshot()["bytes"] == 14
    assert counters.snapshot()["active"] == 1


def test_health(health: HealthBoard, url: str) -> None:
    assert get(url + "/healthz")[0] == 503
    health.found_healthy(1)
    assert get(url + "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    health.forget(1)
    assert get(url + "/healthz")[0] == 503
    assert get(url + "/else")[0] == 404


def test_health_that_nobody_confirms(health: HealthBoard, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose main thread stands still does not look any more, and counts as ill."""
    health.found_healthy(0)
    monkeypatch.setattr(limits, "DEAF_SECONDS", 0.05)
    time.sleep(0.1)
    assert get(url + "/healthz")[0] == 503


def test_a_silent_client_holds_nobody_up(url: str) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
        assert get(url + "/metrics")[0] == 200


def test_the_page(counters: Counters, health: HealthBoard, url: str) -> None:
    health.found_healthy(0)
    counts = CountingObserver(counters)
    counts.association("", 0).observe(ob.Stored(b"", request(), 1_234_567))
    status, kind, text = get(url)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "1.2 MB" in text
    assert "receiving" in text
    assert "refused" in page(counters, 1, 10, 100)
    assert "not accepting" in page(counters, 0, None, 0)


def test_sizes_and_spans_for_people() -> None:
    assert [_size(10**n * 2) for n in (0, 3, 5, 6, 12, 15)] == [
        "2 B",
        "2.0 kB",
        "200.0 kB",
        "2.0 MB",
        "2.0 TB",
        "2000.0 TB",
    ]
    assert [_span(s) for s in (-1, 59, 61, 3700, 90000)] == ["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h"]
