from __future__ import annotations

import logging

import pytest

from dcmrecv.core.events import AbortReceived, AssociationAccepted, Stage
from dcmrecv.observer import (
    AssociationEvent,
    AssociationObserver,
    Closed,
    Ignored,
    ReceiverEvent,
    ReceiverObserver,
    Waiting,
)
from dcmrecv.receiver.observer_fanout import ObserverFanout

ABORT = AbortReceived(0, 0, Stage.COMMAND)


class Recorder(ReceiverObserver):
    """Notes what it observes in a list shared with others."""

    def __init__(self, name: str, heard: list[str], *wanted: type) -> None:
        self.name, self.heard, self.wanted = name, heard, frozenset(wanted)

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        return AssociationRecorder(self)

    def observe(self, event: ReceiverEvent) -> None:
        self.heard.append(f"{self.name} {type(event).__name__}")

    def flush(self) -> None:
        self.heard.append(f"{self.name} flush")


class AssociationRecorder(AssociationObserver):
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.wanted = recorder.wanted

    def observe(self, event: AssociationEvent) -> None:
        self.recorder.heard.append(f"{self.recorder.name} {type(event).__name__}")

    def flush(self) -> None:
        self.recorder.heard.append(f"{self.recorder.name} flush of an association")


class Raising(ReceiverObserver):
    """Fails at whatever it is asked to do."""

    def __init__(self, *, from_the_start: bool) -> None:
        self.from_the_start = from_the_start

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        if self.from_the_start:
            raise LookupError("no association")
        return RaisingAssociation()

    def observe(self, event: ReceiverEvent) -> None:
        raise LookupError("no event")

    def flush(self) -> None:
        raise LookupError("no flush")


class RaisingAssociation(AssociationObserver):
    wanted = frozenset({Closed})

    def observe(self, event: AssociationEvent) -> None:
        raise LookupError("no event of an association")

    def flush(self) -> None:
        raise LookupError("no flush of an association")


def test_each_observer_gets_what_it_wants_in_order() -> None:
    heard: list[str] = []
    fanout = ObserverFanout(
        [
            Recorder("a", heard, AbortReceived, Ignored),
            ReceiverObserver(),
            Recorder("b", heard, AbortReceived),
        ]
    )
    fanout.observe(Waiting())
    association = fanout.association("127.0.0.1", 104)
    assert association.wanted == {AbortReceived, Ignored}
    association.observe(ABORT)
    association.observe(Ignored())
    association.flush()
    fanout.flush()
    assert heard == [
        "a Waiting",
        "b Waiting",
        "a AbortReceived",
        "b AbortReceived",
        "a Ignored",
        "a flush of an association",
        "b flush of an association",
        "a flush",
        "b flush",
    ]


def test_what_an_observer_wants_may_be_any_set() -> None:
    observer = ReceiverObserver()
    wanting = AssociationObserver()
    wanting.wanted = {AbortReceived}  # type: ignore[assignment]
    observer.association = lambda *_: wanting  # type: ignore[method-assign]
    assert ObserverFanout([observer]).association("", 0).wanted == frozenset({AbortReceived})


def test_a_fanout_of_fanouts() -> None:
    heard: list[str] = []
    inner = ObserverFanout([Recorder("a", heard, AbortReceived), Recorder("b", heard, AssociationAccepted)])
    outer = ObserverFanout([inner, Recorder("c", heard, AbortReceived)])
    association = outer.association("", 0)
    assert association.wanted == {AbortReceived, AssociationAccepted}
    association.observe(ABORT)
    assert heard == ["a AbortReceived", "c AbortReceived"]


@pytest.mark.parametrize("from_the_start", [True, False])
def test_an_observer_that_raises_costs_the_others_nothing(
    caplog: pytest.LogCaptureFixture, from_the_start: bool
) -> None:
    heard: list[str] = []
    fanout = ObserverFanout([Raising(from_the_start=from_the_start), Recorder("b", heard, Closed)])
    with caplog.at_level(logging.ERROR, "dcmrecv"):
        fanout.observe(Waiting())
        association = fanout.association("", 0)
        association.observe(Closed())
        association.flush()
        fanout.flush()
    assert heard == ["b Waiting", "b Closed", "b flush of an association", "b flush"]
    raised = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    if from_the_start:
        assert raised == ["no event", "no association", "no flush"]
    else:
        assert raised == ["no event", "no event of an association", "no flush of an association", "no flush"]
    assert {record.name for record in caplog.records} == {"dcmrecv"}


def test_connections_are_flushed_unless_all_observers_say_that_they_hold_nothing_back() -> None:
    class HoldsNothing(AssociationObserver):
        holds_back = False

    class Hands(ReceiverObserver):
        def __init__(self, made: AssociationObserver) -> None:
            self.made = made

        def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
            return self.made

    def holds_back(*made: AssociationObserver) -> bool:
        return ObserverFanout([Hands(each) for each in made]).association("127.0.0.1", 104).holds_back

    assert not holds_back(HoldsNothing())
    assert holds_back(HoldsNothing(), AssociationObserver())  # of a program that knows nothing of it
