"""All observers of a receiver behind one: the log, and whatever else observes the same events.

An observer is no part of the service: what it raises must cost neither the peer its answer nor another
observer its event. It is logged, with its traceback, by the logger ``dcmrecv``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from dcmrecv.observer import AssociationEvent, AssociationObserver, ReceiverEvent, ReceiverObserver

__all__ = ["ObserverFanout"]


def _failed(what: object) -> None:
    import logging  # for this alone: the log of the command line does without

    logging.getLogger("dcmrecv").exception("an observer failed: %r", what)


def _guarded(call: Callable[..., Any], *arguments: object) -> Any:
    """Return what *call* returns; what it raises is logged, and None returned."""
    try:
        return call(*arguments)
    except Exception:  # noqa: BLE001
        _failed(call)
        return None


@lru_cache(maxsize=16)
def _union(*wanted: frozenset[type]) -> frozenset[type]:
    """Return what one of the observers wants; nearly all connections have the same ones."""
    return frozenset().union(*wanted)


class _AssociationFanout(AssociationObserver):
    def __init__(self, observers: Sequence[AssociationObserver]) -> None:
        self._observers = observers
        self.wanted = _union(*(frozenset(each.wanted) for each in observers))  # programs give sets, too
        self.holds_back = any(each.holds_back for each in observers)

    def observe(self, event: AssociationEvent) -> None:
        """See `AssociationObserver.observe`."""
        kind = type(event)
        for each in self._observers:
            if kind in each.wanted:
                try:  # for each object: not another call to `_guarded`
                    each.observe(event)
                except Exception:  # noqa: BLE001
                    _failed(each.observe)

    def flush(self) -> None:
        """See `AssociationObserver.flush`."""
        for each in self._observers:
            _guarded(each.flush)


class ObserverFanout(ReceiverObserver):
    """Hands every event to those of *observers* that want it, in this order."""

    def __init__(self, observers: Sequence[ReceiverObserver]) -> None:
        self._observers = tuple(observers)

    def association(self, peer_address: str, peer_port: int) -> AssociationObserver:
        """See `ReceiverObserver.association`."""
        made = [_guarded(each.association, peer_address, peer_port) for each in self._observers]
        return _AssociationFanout([each for each in made if each is not None])

    def observe(self, event: ReceiverEvent) -> None:
        """See `ReceiverObserver.observe`."""
        for each in self._observers:
            _guarded(each.observe, event)

    def flush(self) -> None:
        """See `ReceiverObserver.flush`."""
        for each in self._observers:
            _guarded(each.flush)
