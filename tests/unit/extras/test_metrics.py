from __future__ import annotations

import errno
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dcmrecv import observer as ob
from dcmrecv.conditions import Condition
from dcmrecv.core import events as ev
from dcmrecv.extras.counters import LATEST, PHASES, RUNNING, TEXT, TITLES, Counters, Texts
from dcmrecv.extras.counting import CountingObserver
from dcmrecv.extras.metrics import MetricsServer, open_metrics_socket
from dcmrecv.extras.status_page import View, page, size_text, span_text
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
    health.found(1, healthy=True, hopeless=False)
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
    assert found["dcmrecv_objects_stored_total", "other"] == 2
    assert found["dcmrecv_stored_bytes_total", "other"] == 2001
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
    assert counters.snapshot().bytes == 14
    assert counters.snapshot()["active"] == 1


def test_health(health: HealthBoard, url: str) -> None:
    assert get(url + "/healthz")[0] == 503
    health.found(1, healthy=True, hopeless=False)
    assert get(url + "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    health.forget(1)
    assert get(url + "/healthz")[0] == 503
    assert get(url + "/else")[0] == 404


def test_health_that_nobody_confirms(health: HealthBoard, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose main thread stands still does not look any more, and counts as ill."""
    health.found(0, healthy=True, hopeless=False)
    monkeypatch.setattr(limits, "DEAF_SECONDS", 0.05)
    time.sleep(0.1)
    assert get(url + "/healthz")[0] == 503


def test_a_silent_client_holds_nobody_up(url: str) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
        assert get(url + "/metrics")[0] == 200


def test_the_page(counters: Counters, health: HealthBoard, url: str) -> None:
    health.found(0, healthy=True, hopeless=False)
    counts = CountingObserver(counters)
    counts.association("", 0).observe(ob.Stored(b"", request(), 1_234_567))
    status, kind, text = get(url)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "1.2 MB" in text
    assert "receiving" in text
    assert "refused" in page(counters, View(1, 10, 100))
    assert "not accepting" in page(counters, View(0, None))


def test_sizes_and_spans_for_people() -> None:
    assert [size_text(10**n * 2) for n in (0, 3, 5, 6, 12, 15)] == [
        "2 B",
        "2.0 kB",
        "200.0 kB",
        "2.0 MB",
        "2.0 TB",
        "2000.0 TB",
    ]
    assert [span_text(s) for s in (-1, 59, 61, 3700, 90000)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h 1 min",
        "1 d 1 h",
    ]


# -- what happens at the moment ------------------------------------------------------------------------


def accepted(calling: bytes = b"CT1", called: bytes = b"ARCHIVE") -> tuple[ob.AssociationEvent, ...]:
    request = ev.AssociateRequest(1, called, calling, b"", (), 16384, b"", b"", (), (), None)
    association = ev.AcceptedAssociation(request, (), 16384, 16372, ())
    return ob.Connected(), ev.RequestReceived(request, b""), ev.AssociationAccepted(association)


def begin(counters: Counters, number: int = 0, calling: bytes = b"CT1") -> ob.AssociationObserver:
    """Return the observer of an accepted association."""
    association = CountingObserver(counters, number).association("10.0.0.7", 4711)
    for event in accepted(calling):
        association.observe(event)
    return association


def fragments(*sizes: int) -> ev.DataFragments:
    return ev.DataFragments([memoryview(bytes(size)) for size in sizes], last=False, context_id=1)


def store(association: ob.AssociationObserver, size: int = 1000, uid: bytes = b"1.2.3") -> None:
    asked = request()._replace(sop_instance_uid=uid)
    association.observe(asked)
    association.observe(fragments(size))
    association.observe(ob.DataSetReceived(asked, 1, to_file=False))
    association.observe(ob.Stored(b"/where/it/is", asked, size + 100))
    association.observe(ob.StoreResponse(asked, 0))


def test_running_associations_of_all_processes(counters: Counters) -> None:
    first, second = begin(counters), begin(counters, 1, b"MR1")
    store(first)
    first.observe(request())
    first.observe(fragments(400, 100))
    first.flush()
    first.observe(fragments(24))
    found = {each.calling: each for each in counters.running()}
    assert found["CT1"][1:3] == ("ARCHIVE", "10.0.0.7")
    assert found["CT1"][4:] == (0, 1, 524)
    assert found["MR1"][4:] == (1, 0, 0)
    assert time.time() - found["MR1"].since < 60
    assert counters.snapshot()["received_bytes"] == 1524
    text = page(counters, View(1, None))
    assert "MR1" in text
    assert "524 B" in text
    second.observe(ob.Closed())
    assert [each.calling for each in counters.running()] == ["CT1"]
    CountingObserver(counters, 0)  # takes the place of a process that died
    assert counters.running() == []


def test_more_associations_than_are_shown(counters: Counters) -> None:
    counts = CountingObserver(counters)
    everything = [counts.association("", number) for number in range(RUNNING + 3)]
    for association in everything:
        for event in accepted():
            association.observe(event)
    assert (len(counters.running()), counters.snapshot()["active"]) == (RUNNING, RUNNING + 3)
    for association in everything:
        store(association)
        association.observe(ob.Closed())
    assert (counters.running(), counters.snapshot()["active"]) == ([], 0)
    assert counters.snapshot().titles["CT1"][0] == RUNNING + 3


def test_calling_titles_are_bounded_and_the_same_in_each_process(counters: Counters) -> None:
    for number in (0, 1):
        counts = CountingObserver(counters, number)
        for count in range(TITLES + 5):
            association = counts.association("", 0)
            for event in accepted(b"SCU%d" % count):
                association.observe(event)
            store(association)
    titles = counters.snapshot().titles
    assert len(titles) == TITLES + 1
    assert titles["SCU0"] == [2, 2200, 0]
    assert titles["other"] == [10, 11000, 0]
    CountingObserver(counters, 1)
    store(begin(counters, 1, b"SCU0"))  # a replacement knows the titles of the process that died
    assert counters.snapshot().titles["SCU0"][0] == 3


def test_the_last_objects(counters: Counters) -> None:
    association = begin(counters)
    for number in range(LATEST + 2):
        store(association, uid=b"1.2.%d" % number)
    found = counters.latest(Texts.objects)
    assert len(found) == LATEST
    assert {each[5] for each in found} == {f"1.2.{number}" for number in range(2, LATEST + 2)}
    assert found[0][1:3] == ["CT1", "1100"]
    assert found == sorted(found, reverse=True)


CAUSE = Condition(6, 1, "Peer aborted Association")


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([ev.AssociationRejected(ev.RejectReason.LOCAL_LIMIT_EXCEEDED)], "rejected: local limit exceeded"),
        ([ev.RequestUnusable(CAUSE)], CAUSE.text),
        ([ob.TlsFailed((), "no shared cipher")], "TLS: no shared cipher"),
        ([ob.Crashed(ValueError("secret"))], "internal error: ValueError"),
        ([request(), ob.DataSetFailed(request(), 1, (CAUSE,))], f"data set not received: {CAUSE.text}"),
        (
            [
                request(),
                ob.NotStored(b"/secret", "No space left on device"),
                ob.StoreResponse(request(), 0xA700),
            ],
            "not stored: No space left on device",
        ),
        (
            [request(), ob.FileNotWritten(1), ob.StoreResponse(request(), 0xA700)],
            "not stored: the file cannot be written",
        ),
        ([request(), ob.StoreResponse(request(), 0x0110)], "C-STORE answered 0110"),
        ([ev.ProtocolError(ev.Stage.COMMAND, (CAUSE, CAUSE))], f"aborted by us: {CAUSE.text}: {CAUSE.text}"),
    ],
)
def test_failures_and_their_reasons(
    counters: Counters, events: list[ob.AssociationEvent], reason: str
) -> None:
    association = begin(counters)
    for event in events:
        association.observe(event)
    association.observe(ob.Closed())
    assert [each[1:] for each in counters.latest(Texts.failures)] == [["CT1", "10.0.0.7", reason]]
    assert counters.snapshot().failed == (len(events) > 1)
    assert reason in page(counters, View(1, None))


def test_one_failure_is_counted_once(counters: Counters) -> None:
    association = begin(counters)
    association.observe(request())
    association.observe(ob.DataSetFailed(request(), 1, (CAUSE,)))
    association.observe(ev.ProtocolError(ev.Stage.DATA_SET, (CAUSE,)))
    assert len(counters.latest(Texts.failures)) == 1


def test_hostile_titles_and_uids(counters: Counters) -> None:
    association = begin(counters, calling=b"<\"\\\x00\xff\n&'")
    store(association, uid=b"<script>\xff" * 100)
    association.observe(ob.DataSetFailed(request(), 1, (Condition(1, 1, "\u2028\\" * 500),)))
    text = page(counters, View(1, None, about=[("listening on", "<b>")]))
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;&quot;\\???&amp;" in text
    assert len(counters.latest(Texts.failures)[0][3]) == 200


def test_without_identifiers() -> None:
    counters = Counters(identifiers=False)
    association = begin(counters, calling=b"SECRET")
    store(association, uid=b"1.2.99999")
    association.observe(ob.DataSetFailed(request(), 1, (CAUSE,)))
    text = page(counters, View(1, None))
    for word in ("SECRET", "ARCHIVE", "10.0.0.7", "1.2.99999"):
        assert word not in text
    assert "1.1 kB" in text
    assert CAUSE.text in text
    assert counters.snapshot().titles == {"other": [1, 1100, 1]}


def test_a_text_that_is_being_written_is_not_shown(counters: Counters) -> None:
    texts = counters.texts(0)
    texts.put(Texts.titles, "before")
    after = Counters()
    after.texts(0).put(Texts.titles, "after")
    torn = bytearray(memory_of(after.texts(0)))
    torn[9:11] = memory_of(counters.texts(0))[9:11]
    assert Texts(memoryview(torn)).get(Texts.titles) is None
    assert texts.get(Texts.titles) == ["before"]


def memory_of(texts: Texts) -> bytes:
    return bytes(texts.memory[:TEXT])


def test_phases_of_an_object(counters: Counters, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    association = begin(counters)
    asked = request()
    steps: list[tuple[float, ob.AssociationEvent | None]] = [
        (0, asked),
        (2, fragments(10)),  # waited 2 s
        (0.25, None),  # 0.25 s to parse and write
        (4, fragments(10)),  # waited 4 s
        (0.5, ob.DataSetReceived(asked, 1, to_file=False)),
        (0.5, ob.MetaHeaderWritten(b"", b"", b"", class_found=True, instance_found=True)),
        (8, ob.Stored(b"", asked, 10)),
    ]
    for seconds, event in steps:
        now += seconds
        if event is None:
            association.flush()
        else:
            association.observe(event)
    found = counters.snapshot()
    assert [found[f"{phase} microseconds"] for phase in PHASES] == [6_000_000, 1_250_000, 8_000_000]
    assert found.buckets("receive")[-3:] == [("10.0", 1), ("60.0", 1), ("+Inf", 1)]


def test_the_rate_of_late(counters: Counters, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = open_metrics_socket("127.0.0.1", 0)
    server = MetricsServer(listener, counters, healthy=lambda: 1, directory=b".")
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        assert "kB/s" not in get(url)[2]
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now)
        server.look()
        store(begin(counters), 50_000)
        now += 10
        assert "5.0 kB/s" in get(url)[2]
    finally:
        server.close()


def test_a_file_system_that_hangs_holds_nobody_up(
    counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, released = threading.Event(), threading.Event()

    def statvfs(path: bytes) -> os.statvfs_result:
        hangs.set()
        released.wait(60)
        raise OSError(errno.ESTALE, "stale")

    listener = open_metrics_socket("127.0.0.1", 0)
    server = MetricsServer(listener, counters, healthy=lambda: 1, directory=b".")
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        monkeypatch.setattr(os, "statvfs", statvfs)
        for _ in range(3):
            server.look()
            assert hangs.wait(10)
        assert get(url + "/healthz")[0] == 200
        assert samples(get(url + "/metrics")[2])["dcmrecv_free_bytes", ""] > 0  # what was measured last
        monkeypatch.setattr("dcmrecv.extras.metrics.FRESH", 0.0)
        assert "dcmrecv_free_bytes" not in get(url + "/metrics")[2]
        assert "unknown" in get(url + "/")[2]
    finally:
        released.set()
        server.close()
