"""Events and a log to drive an observer with, and the reference's lines to compare with."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from dcmrecv import observer as ob
from dcmrecv.config import (
    AssociationConfig,
    Config,
    LoggingConfig,
    LogLevel,
    Role,
    StorageConfig,
    StorageMode,
)
from dcmrecv.core import events as ev
from dcmrecv.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmrecv.log.api import AssociationLogs, Fields, Log, Logs
from dcmrecv.log.dcmtk_association import DcmtkAssociationLines
from dcmrecv.log.dcmtk_lines import DcmtkLines

GOLDEN = Path(__file__).parents[2] / "golden" / "lines" / "reference.json"
REFERENCE: dict[str, Any] = json.loads(GOLDEN.read_text("ascii"))

VERIFICATION = b"1.2.840.10008.1.1"
CT = b"1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
INSTANCE = b"1.2.3.4.5"

_LETTERS = {
    LogLevel.TRACE: "T",
    LogLevel.DEBUG: "D",
    LogLevel.INFO: "I",
    LogLevel.WARN: "W",
    LogLevel.ERROR: "E",
    LogLevel.FATAL: "F",
}


class Recorder(Logs, AssociationLogs):
    """Loggers of one level that keep their messages."""

    def __init__(self, level: LogLevel, *, wants_fields: bool = False) -> None:
        self.level = level
        self.wants_fields = wants_fields
        self.messages: list[tuple[str, LogLevel, str, Fields | None]] = []
        self.opened = False
        self.flushes = 0
        self.closes = 0

    def logger(self, name: str) -> Log:
        return Log(name, self.level, self.emit)

    def association(self, identity: str, peer: str) -> AssociationLogs:
        self.opened = True
        return self

    def emit(self, name: str, level: LogLevel, text: str, fields: Fields | None) -> None:
        self.messages.append((name, level, text, fields))

    def flush(self) -> None:
        self.flushes += 1

    def close(self) -> None:
        self.closes += 1

    @property
    def lines(self) -> list[str]:
        return [
            f"{_LETTERS[level]}: {line}" for _, level, text, _ in self.messages for line in text.split("\n")
        ]

    def logger_of(self, start: str) -> str:
        """Return the logger of the first message that starts with *start*."""
        return next(name for name, _, text, _ in self.messages if text.startswith(start))


def story(name: str) -> list[str]:
    """Return the reference's lines of story *name*, with our identity in place of its own."""
    ours = {
        "1.2.276.0.7230010.3.0.3.6.8": IMPLEMENTATION_CLASS_UID.decode(),
        "OFFIS_DCMTK_368": IMPLEMENTATION_VERSION_NAME.decode(),
    }
    lines = []
    for line in REFERENCE["stories"][name]:
        if line[3:].startswith("Our Implementation "):
            label, value = line.rsplit(" ", 1)
            line = f"{label} {ours[value]}"
        lines.append(line)
    return lines


def observer(
    level: LogLevel,
    *,
    mode: StorageMode = StorageMode.NORMAL,
    verbose_pc: bool = False,
    ae_title: bytes | None = None,
    fields: bool = False,
) -> tuple[DcmtkAssociationLines, Recorder]:
    """Return the observer of a connection from ``peer-host`` and what it logs at *level*."""
    recorder = Recorder(level, wants_fields=fields)
    config = Config(
        association=AssociationConfig(ae_title=ae_title),
        storage=StorageConfig(mode=mode),
        logging=LoggingConfig(level=level, verbose_pc=verbose_pc),
    )
    whole = DcmtkLines(recorder, config, lambda address: "peer-host")
    return whole.association("127.0.0.1", 40000), recorder


_CONTEXTS = (
    ev.ProposedContext(1, VERIFICATION, (IMPLICIT,)),
    ev.ProposedContext(3, CT, (IMPLICIT,)),
    ev.ProposedContext(5, CT, (EXPLICIT,)),
)


def request(**changes: Any) -> ev.AssociateRequest:
    """Return the request most stories start with."""
    values: dict[str, Any] = {
        "protocol_version": 1,
        "called_ae_title": b"ANY-SCP",
        "calling_ae_title": b"PEER",
        "application_context": b"1.2.840.10008.3.1.1.1",
        "contexts": _CONTEXTS,
        "max_pdu": 16384,
        "implementation_class_uid": b"1.2.3.999.1",
        "implementation_version_name": b"PEER_PY",
        "roles": (),
        "extended_negotiation": (),
        "user_identity": None,
    }
    values.update(changes)
    return ev.AssociateRequest(**values)


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def encoded(asked: ev.AssociateRequest, extra: bytes = b"") -> bytes:
    """Return the A-ASSOCIATE-RQ PDU of *asked*; *extra* follows the last sub-item of the user information."""
    items = _item(0x10, asked.application_context)
    for context in asked.contexts:
        body = bytes((context.context_id, 0, 0, 0)) + _item(0x30, context.abstract_syntax)
        items += _item(0x20, body + b"".join(_item(0x40, syntax) for syntax in context.transfer_syntaxes))
    items += _item(
        0x50,
        _item(0x51, struct.pack(">L", asked.max_pdu))
        + _item(0x52, asked.implementation_class_uid)
        + _item(0x55, asked.implementation_version_name)
        + extra,
    )
    body = struct.pack(">HH", asked.protocol_version, 0)
    body += asked.called_ae_title.ljust(16) + asked.calling_ae_title.ljust(16) + bytes(32) + items
    return struct.pack(">BBL", 1, 0, len(body)) + body


def results(
    asked: ev.AssociateRequest, outcomes: tuple[ev.ContextOutcome, ...] = (), **roles: Any
) -> tuple[ev.ContextResult, ...]:
    """Return the contexts of *asked*, accepted with their first syntax unless *outcomes* says otherwise."""
    return tuple(
        ev.ContextResult(
            context.context_id,
            context.abstract_syntax,
            outcomes[number] if outcomes else ev.ContextOutcome.ACCEPTED,
            context.transfer_syntaxes[0],
            roles.get("proposed"),
            roles.get("accepted"),
        )
        for number, context in enumerate(asked.contexts)
    )


def agreed(asked: ev.AssociateRequest, **changes: Any) -> ev.AssociationAccepted:
    """Return the acceptance of *asked*."""
    values: dict[str, Any] = {
        "request": asked,
        "contexts": results(asked),
        "max_receive_pdu": 16384,
        "max_send_pdv": 16372,
        "extended_negotiation": (),
        "notes": (),
    }
    values.update(changes)
    return ev.AssociationAccepted(ev.AcceptedAssociation(**values))


def say(association: DcmtkAssociationLines, event: ob.AssociationEvent) -> None:
    """Hand *event* to *association* if it wants such events, as the engine does."""
    if type(event) in association.wanted:
        association.observe(event)


def begin(association: DcmtkAssociationLines, recorder: Recorder) -> None:
    """Take *association* through the usual negotiation and forget what it said."""
    asked = request()
    say(association, ob.Connected())
    say(association, ev.RequestReceived(asked, encoded(asked)))
    say(association, agreed(asked))
    recorder.messages.clear()


def echo(message_id: int = 3, **changes: Any) -> ev.EchoRequest:
    """Return a C-ECHO request on context 1."""
    values: dict[str, Any] = {"sop_class_uid": VERIFICATION, "command_set": b""}
    values.update(changes)
    return ev.EchoRequest(1, message_id, **values)


def store(**changes: Any) -> ev.StoreRequest:
    """Return a C-STORE request of a CT image on context 3."""
    values: dict[str, Any] = {
        "context_id": 3,
        "message_id": 1,
        "sop_class_uid": CT,
        "sop_instance_uid": INSTANCE,
        "transfer_syntax": IMPLICIT,
        "priority": 0,
        "data_set_type": 0x0102,
        "move_originator_ae_title": None,
        "move_originator_message_id": None,
        "command_set": b"",
    }
    values.update(changes)
    return ev.StoreRequest(**values)


def role_of(role: Role) -> tuple[ev.ProposedRole, ...]:
    """Return the role selection of *role* for CT images."""
    return (ev.ProposedRole(CT, role),)
