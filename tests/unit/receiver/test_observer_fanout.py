from __future__ import annotations

from dcmrecv.observer import AssociationObserver, ReceiverObserver
from dcmrecv.receiver.observer_fanout import Fanout


class Recorder(ReceiverObserver):
    """Notes what it hears in a list shared with others."""

    def __init__(self, name: str, heard: list[str], *, details: bool = False) -> None:
        self.name, self.heard, self.details = name, heard, details

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        return AssociationRecorder(self)

    def waiting(self) -> None:
        self.heard.append(f"{self.name} waiting")


class AssociationRecorder(AssociationObserver):
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.wants_details = recorder.details

    def abort_received(self, *, command_started: bool = False) -> None:
        self.recorder.heard.append(f"{self.recorder.name} abort {command_started}")


def test_everyone_hears_everything_in_order() -> None:
    heard: list[str] = []
    fanout = Fanout([Recorder("a", heard), ReceiverObserver(), Recorder("b", heard, details=True)])
    fanout.waiting()
    association = fanout.association("127.0.0.1", 104)
    association.abort_received(command_started=True)
    association.ignored()
    fanout.flush()
    assert heard == ["a waiting", "b waiting", "a abort True", "b abort True"]
    assert association.wants_details
    assert not association.wants_wire


def test_one_of_several_is_called_directly() -> None:
    recorder = Recorder("a", [])
    association = Fanout([ReceiverObserver(), recorder]).association("", 0)
    assert association.abort_received.__func__ is AssociationRecorder.abort_received  # type: ignore[attr-defined]


def test_a_fanout_of_fanouts() -> None:
    heard: list[str] = []
    inner = Fanout([Recorder("a", heard), Recorder("b", heard)])
    outer = Fanout([inner, Recorder("c", heard)])
    outer.waiting()
    outer.association("", 0).abort_received()
    assert heard == [*(f"{name} waiting" for name in "abc"), *(f"{name} abort False" for name in "abc")]
