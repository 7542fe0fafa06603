"""Several observers behind one: the log, and whatever else listens to the same story.

Made only when there is more than one listener. Per connection each method is bound to those who override it,
so a method that only one overrides costs what it costs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dcmrecv.observer import AssociationObserver, ReceiverObserver

__all__ = ["Fanout"]

_Call = Callable[..., None]


def _names(kind: type) -> tuple[str, ...]:
    return tuple(name for name, value in vars(kind).items() if callable(value) and not name.startswith("_"))


_OF_ASSOCIATION = _names(AssociationObserver)
_OF_RECEIVER = tuple(name for name in _names(ReceiverObserver) if name != "association")


def _each(methods: Sequence[_Call]) -> _Call:
    def call(*args: Any, **keywords: Any) -> None:
        for method in methods:
            method(*args, **keywords)

    return call


def _bind(target: object, names: Sequence[str], observers: Sequence[object], base: type) -> None:
    for name in names:
        default = getattr(base, name)
        bound = [getattr(each, name) for each in observers]
        methods = [method for method in bound if getattr(method, "__func__", method) is not default]
        if methods:
            setattr(target, name, methods[0] if len(methods) == 1 else _each(methods))


class _AssociationFanout(AssociationObserver):
    def __init__(self, observers: Sequence[AssociationObserver]) -> None:
        self.wants_details = any(each.wants_details for each in observers)
        self.wants_data_set = any(each.wants_data_set for each in observers)
        self.wants_notes = any(each.wants_notes for each in observers)
        self.wants_milestones = any(each.wants_milestones for each in observers)
        self.note_detail = max((each.note_detail for each in observers), default=0)
        self.wants_wire = any(each.wants_wire for each in observers)
        _bind(self, _OF_ASSOCIATION, observers, AssociationObserver)


class Fanout(ReceiverObserver):
    """Tells every one of *observers*, in this order."""

    def __init__(self, observers: Sequence[ReceiverObserver]) -> None:
        self._observers = tuple(observers)
        _bind(self, _OF_RECEIVER, self._observers, ReceiverObserver)

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """See `ReceiverObserver.association`."""
        return _AssociationFanout([each.association(peer_address, peer_port) for each in self._observers])
