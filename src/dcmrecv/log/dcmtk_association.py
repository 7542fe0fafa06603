"""The observer of one connection that prints the reference's lines, in the reference's order."""

from __future__ import annotations

from dcmrecv import observer as ob
from dcmrecv.log.association_lines import LINES as ASSOCIATION_LINES
from dcmrecv.log.association_log import AssociationLog, Lines
from dcmrecv.log.store_lines import LINES as STORE_LINES

__all__ = ["LINES", "DcmtkAssociationLines"]

LINES = Lines(ASSOCIATION_LINES | STORE_LINES)
"""Every kind of event that prints something."""


class DcmtkAssociationLines(ob.AssociationObserver):
    """Prints the lines of one connection into *log*."""

    def __init__(self, log: AssociationLog) -> None:
        self.wanted = log.settings.wanted
        self.holds_back = log.settings.holds_back
        self._log = log

    def observe(self, event: ob.AssociationEvent) -> None:
        LINES[type(event)][0](self._log, event)

    def flush(self) -> None:
        self._log.flush()
