"""The observer of a whole receiver that prints the reference's lines.

Levels are constant, so `DcmtkLines` knows from the start which events of a connection print nothing, and does not
want those. The lines of a connection are in `dcmrecv.log.association_lines` and `dcmrecv.log.store_lines`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv import observer as ob
from dcmrecv.config import Config, receive_length
from dcmrecv.log.association_log import AssociationLog, LineSettings
from dcmrecv.log.dcmtk_association import LINES, DcmtkAssociationLines
from dcmrecv.log.service_lines import service_line
from dcmrecv.loggers import DCMDATA, DCMNET, DCMTLS

if TYPE_CHECKING:
    from dcmrecv.log.api import Log, Logs

__all__ = ["UNUSABLE_DICTIONARY", "DcmtkLines"]


UNUSABLE_DICTIONARY = (
    "the data dictionary named by DCMDICTPATH lacks the command elements (0000,xxxx): "
    "every association is aborted"
)
"""Ours, once: the reference aborts without a word above debug level (docs/differences.md)."""


def _keyword(group: int, element: int) -> str:
    from dcmrecv.dataset.dictionary import builtin_dictionary  # not before a line needs it

    return builtin_dictionary().name(group << 16 | element)


class DcmtkLines(ob.ReceiverObserver):
    """The lines that concern the whole receiver.

    *resolve* turns the address of a peer into the host name of the lines (first label of its name, or the
    address where there is none; with ``-dhl`` the address always); it is asked when a line first needs it.
    *keyword* names a tag for notes about commands; without it the built-in dictionary does.
    """

    def __init__(
        self,
        logs: Logs,
        config: Config,
        resolve: Callable[[str], str],
        *,
        keyword: Callable[[int, int], str] = _keyword,
        dictionary_loaded: bool = True,
    ) -> None:
        self._logs = logs
        self._dictionary_loaded = dictionary_loaded
        self._net: Log = logs.logger(DCMNET)
        data = logs.logger(DCMDATA)
        self._settings = LineSettings(
            config, resolve, keyword, net=self._net, data=data, fields=logs.wants_fields
        )
        self._settings.wanted = self._wanted()
        self._settings.holds_back = any(logs.logger(name).info_on for name in (DCMNET, DCMDATA, DCMTLS))
        self._max_pdu = config.association.max_pdu
        self._numbers = itertools.count(1)

    def _wanted(self) -> frozenset[type]:
        """Return the kinds of event that the observers of connections want."""
        kinds = LINES.wanted(self._logs)
        if self._settings.socket_lines:
            kinds.add(ob.Connected)
        if self._settings.traces:
            kinds |= {ob.Connected, ob.WireReceived}
        return frozenset(kinds)

    def association(self, peer_address: str, peer_port: int) -> DcmtkAssociationLines:
        """Return the observer of a new connection."""
        number = next(self._numbers)
        log = AssociationLog(self._logs, self._settings, number, peer_address, peer_port)
        if self._settings.traces:
            from dcmrecv.log.dcmtk_trace import TracingAssociationLines  # for the trace level alone

            return TracingAssociationLines(log)
        return DcmtkAssociationLines(log)

    def observe(self, event: ob.ReceiverEvent) -> None:
        match event:
            case ob.Waiting():
                used = receive_length(self._max_pdu)
                if used != self._max_pdu:
                    self._net.warn(f"ASSOC: PDV receive length {self._max_pdu} is odd (using {used})")
            case ob.PeerRefused(host, reason):
                if (line := self._settings.refusals.line(host, reason)) is not None:
                    self._net.warn(line)
            case ob.DictionaryUnusable():
                if self._dictionary_loaded:  # once, and not if the start has said that none is loaded
                    self._dictionary_loaded = False
                    self._net.warn(UNUSABLE_DICTIONARY)
            case _:
                self._net.log(*service_line(event))

    def flush(self) -> None:
        self._logs.flush()
