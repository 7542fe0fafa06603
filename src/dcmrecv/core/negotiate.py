"""What we answer to a well-formed A-ASSOCIATE-RQ (PS3.8 section 7.1.1, PS3.7 Annex D.3.3).

The rules, in this order (spec/network.md a.1 steps 7 to 12, a.2, a.3):

1. the application context is DICOM's; 2. the called title is ours, if one is configured, and the calling title
one of those that may call, if there are any; 3. each context is judged by itself; 4. at least one is accepted;
5. both titles are not empty; 6. no limit on associations is exceeded; 7. A-ASSOCIATE-AC.

Judging is a function of the request's bytes and the settings, so its result is remembered by these bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dcmrecv import remarks
from dcmrecv.config import Role
from dcmrecv.core import limits, pdu
from dcmrecv.core.accept_all import is_storage
from dcmrecv.core.associate import MalformedRequest, UnsupportedProtocol, parse_associate_request
from dcmrecv.core.events import (
    AcceptedAssociation,
    AssociateRequest,
    AssociationAccepted,
    AssociationRejected,
    ContextOutcome,
    ContextResult,
    Event,
    ProposedContext,
    ProposedExtendedNegotiation,
    RejectReason,
    RequestReceived,
    RequestUnusable,
)
from dcmrecv.core.responses import ResponseWriter
from dcmrecv.remarks import Remark
from dcmrecv.transfer_syntaxes import is_receivable

__all__ = [
    "NEITHER",
    "REFERENCE_ROLES",
    "AcceptorSettings",
    "Negotiated",
    "RoleAnswers",
    "max_send_pdv",
]

_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
_IMPLICIT = b"1.2.840.10008.1.2"
NEITHER = "NONE"
"""The role of a class that is configured, or answered, with both bytes 0."""
_ROLE_BYTES: Mapping[Role | str, bytes] = {
    Role.SCU: b"\1\0",
    Role.SCP: b"\0\1",
    Role.BOTH: b"\1\1",
    NEITHER: b"\0\0",
}

RoleAnswers = Mapping[tuple[Role | str, Role | None], Role | str | ContextOutcome | None]
"""(role configured for a class, role proposed or None) -> role to answer, None: no answer, or why the context
is refused. What is missing: the class is accepted without an answer."""

REFERENCE_ROLES: RoleAnswers = {
    (Role.SCU, Role.SCU): Role.SCU,
    (Role.SCU, Role.SCP): NEITHER,
    (Role.SCU, Role.BOTH): Role.SCU,
    (Role.SCP, None): ContextOutcome.NO_REASON,
    (Role.SCP, Role.SCU): NEITHER,
    (Role.SCP, Role.SCP): Role.SCP,
    (Role.SCP, Role.BOTH): Role.SCP,
    (Role.BOTH, Role.SCU): Role.SCU,
    (Role.BOTH, Role.SCP): Role.SCP,
    (Role.BOTH, Role.BOTH): Role.BOTH,
}
"""What the reference answers (a.2)."""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """A judged request: the events in order, the reply, and what was agreed if anything."""

    events: tuple[Event, ...]
    reply: bytes
    association: AcceptedAssociation | None = None
    contexts: dict[int, bytes] = field(default_factory=dict)
    """Transfer syntax of each accepted context ID."""
    responses: ResponseWriter | None = None
    """For all associations of this request: it holds nothing of one."""


@dataclass(frozen=True, slots=True)
class AcceptorSettings:
    """What every association of a process shares: built once, never copied, used by many threads."""

    ae_title: bytes | None
    max_pdu: int
    abstract_syntaxes: Mapping[bytes, tuple[bytes, ...]]
    roles: Mapping[bytes, Role | str]
    extended_negotiation: tuple[ProposedExtendedNegotiation, ...]
    implementation_class_uid: bytes
    implementation_version_name: bytes
    role_answers: RoleAnswers = field(default_factory=lambda: REFERENCE_ROLES, repr=False)
    calling_ae_titles: frozenset[bytes] = frozenset()
    """Titles that may call; empty: any."""
    is_full: Callable[[], bool] | None = field(default=None, repr=False, compare=False)
    """Whether there are already as many associations as may be; None: no limit that is answered by a refusal."""
    accept_all: bool = False
    """Accept, beside `abstract_syntaxes`, all that `dcmrecv.core.accept_all` takes as storage (an addition)."""
    answers: dict[bytes, Negotiated] = field(default_factory=dict, repr=False, compare=False)
    """Results of `negotiate` by the whole request; bounded, and nothing else here changes after start."""

    def negotiate(self, raw: bytes) -> Negotiated:
        """Judge *raw*, a whole A-ASSOCIATE-RQ PDU."""
        result = self._judged(raw)
        if self.is_full is not None and result.association is not None and self.is_full():
            received = result.events[0]
            assert isinstance(received, RequestReceived)
            return _rejected(received, AssociationRejected(RejectReason.LOCAL_LIMIT_EXCEEDED))
        return result

    def _judged(self, raw: bytes) -> Negotiated:
        known = self.answers.get(raw)
        if known is not None:
            return known
        result = _negotiate(self, raw)
        # a request with a user identity has a password in it, which is not kept
        if (
            result.association is not None
            and result.association.request.user_identity is None
            and len(raw) <= limits.CACHED_REQUEST_LENGTH
        ):
            if len(self.answers) >= limits.CACHED_REQUESTS:
                self.answers.clear()
            self.answers[raw] = result
        return result


def max_send_pdv(peer_max_pdu: int) -> tuple[int, tuple[Remark, ...]]:
    """Return the largest PDV we send for the peer's maximum length, and the warnings about it (a.4)."""
    length = min(peer_max_pdu or limits.SEND_LENGTH, limits.SEND_LENGTH)
    notes: list[Remark] = []
    if length % 2:
        notes.append(remarks.SEND_LENGTH_ODD(length, length - 1))
        length -= 1
    length -= 12
    if length >= 12:
        return length, tuple(notes)
    if length < 1:
        notes.append(remarks.SEND_LENGTH_DEFAULT(length))
    else:
        notes.append(remarks.SEND_LENGTH_SMALL())
    return 4084, tuple(notes)


def _negotiate(settings: AcceptorSettings, raw: bytes) -> Negotiated:
    try:
        request, notes = parse_associate_request(raw)
    except MalformedRequest as error:
        reply = b""
        if isinstance(error, UnsupportedProtocol):
            reply = pdu.encode_reject(RejectReason.UNSUPPORTED_PROTOCOL_VERSION)
        unusable = RequestUnusable(error.condition, raw=raw, parsed=error.started, notes=error.notes)
        return Negotiated((unusable,), reply)
    send, send_notes = max_send_pdv(request.max_pdu)
    received = RequestReceived(request, raw, notes, send_notes)
    if request.application_context != _APPLICATION_CONTEXT:
        return _rejected(received, AssociationRejected(RejectReason.BAD_APPLICATION_CONTEXT))
    if settings.ae_title is not None and request.called_ae_title != settings.ae_title:
        return _rejected(received, AssociationRejected(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED))
    if settings.calling_ae_titles and request.calling_ae_title.strip() not in settings.calling_ae_titles:
        return _rejected(received, AssociationRejected(RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED))
    context_notes: list[Remark] = []
    judged = _judge_all(settings, request, context_notes)
    if judged is None:
        return _given_up(received, remarks.TOO_MANY_SYNTAXES(), context_notes)
    contexts, answered = judged
    accepted = [r for r in answered.values() if r.outcome is ContextOutcome.ACCEPTED]
    if not accepted:
        reason = RejectReason.NO_ACCEPTABLE_PRESENTATION_CONTEXTS
        return _rejected(received, AssociationRejected(reason, contexts, tuple(context_notes)))
    for title, name in ((request.called_ae_title, "Called"), (request.calling_ae_title, "Calling")):
        if not title:
            return _given_up(received, remarks.NO_AP_TITLE(name), context_notes)
    classes = {r.abstract_syntax for r in accepted}
    association = AcceptedAssociation(
        request=request,
        contexts=contexts,
        max_receive_pdu=settings.max_pdu,
        max_send_pdv=send,
        extended_negotiation=tuple(e for e in settings.extended_negotiation if e.sop_class in classes),
        notes=tuple(context_notes),
    )
    return Negotiated(
        (received, AssociationAccepted(association)),
        _encode_accept(settings, association, list(answered.values())),
        association,
        {r.context_id: r.transfer_syntax for r in accepted},
        ResponseWriter(request.max_pdu, send),
    )


def _judge_all(
    settings: AcceptorSettings, request: AssociateRequest, notes: list[Remark]
) -> tuple[tuple[ContextResult, ...], dict[int, ContextResult]] | None:
    """Return the results of all contexts, and the last of each context ID, which is the one that is answered.

    An ID that comes again decides at the place of its first; its own place keeps what was proposed. None: a
    context has more transfer syntaxes than the reference can take.
    """
    results: list[ContextResult] = []
    answered: dict[int, ContextResult] = {}
    places: dict[int, int] = {}
    proposed_roles: dict[bytes, Role] = {}
    for item in request.roles:
        proposed_roles.setdefault(item.sop_class, item.role)
    for context in request.contexts:
        if len(context.transfer_syntaxes) > limits.TRANSFER_SYNTAXES:
            return None
        result = _judge(settings, context, proposed_roles.get(context.abstract_syntax), notes)
        number = result.context_id
        answered[number] = result  # at the first one's place
        if number not in places:
            places[number] = len(results)
            results.append(result)
        else:
            first = results[places[number]]
            results[places[number]] = first._replace(
                outcome=result.outcome,
                transfer_syntax=result.transfer_syntax,
                accepted_role=result.accepted_role,
            )
            results.append(
                result._replace(
                    outcome=ContextOutcome.PROPOSED,
                    accepted_role=None,
                    proposed_transfer_syntaxes=context.transfer_syntaxes,
                )
            )
    return tuple(results), answered


def _given_up(received: RequestReceived, error: Remark, notes: list[Remark]) -> Negotiated:
    """No reply at all, though the request is well-formed (a.1 steps 9 and 11)."""
    return Negotiated((received, RequestUnusable(None, notes=(*notes, error))), b"")


def _rejected(received: RequestReceived, event: AssociationRejected) -> Negotiated:
    return Negotiated((received, event), pdu.encode_reject(event.reason))


def _judge(
    settings: AcceptorSettings,
    context: ProposedContext,
    proposed: Role | None,
    notes: list[Remark],
) -> ContextResult:
    """The tables of a.2 and a.3 for one context."""
    name = context.abstract_syntax
    outcome = ContextOutcome.ACCEPTED
    transfer_syntax = _IMPLICIT
    accepted_role: Role | str | None = None
    supported = settings.abstract_syntaxes.get(name)
    if settings.accept_all and is_storage(name):
        # in the sender's order, behind what the profile prefers
        supported = (*(supported or ()), *context.transfer_syntaxes)
    if supported is None:
        outcome = ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED
    else:
        agreed = [uid for uid in supported if uid in context.transfer_syntaxes]
        chosen = next(filter(is_receivable, agreed), None)
        configured = settings.roles.get(name)
        if chosen is None:
            outcome = ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
            notes += (remarks.SYNTAX_UNKNOWN(context.context_id, uid) for uid in agreed)
        else:
            answer = None if configured is None else settings.role_answers.get((configured, proposed))
            if isinstance(answer, ContextOutcome):
                outcome = answer
                notes.append(remarks.ROLE_REFUSED())
            else:
                transfer_syntax = chosen
                accepted_role = answer
                if answer == NEITHER:
                    notes.append(remarks.ROLE_NONE())
    return ContextResult(context.context_id, name, outcome, transfer_syntax, proposed, accepted_role)


def _encode_accept(
    settings: AcceptorSettings, association: AcceptedAssociation, answered: list[ContextResult]
) -> bytes:
    """Return the A-ASSOCIATE-AC PDU, byte for byte as a.3 says."""
    request = association.request
    parts = [
        b"\0\1\0\0",
        request.called_ae_title.ljust(16),
        request.calling_ae_title.ljust(16),
        bytes(32),
        pdu.item(0x10, _APPLICATION_CONTEXT),
    ]
    user = [
        pdu.item(0x51, struct.pack(">I", _advertised(settings.max_pdu, request.max_pdu))),
        pdu.item(0x52, settings.implementation_class_uid),
    ]
    for result in answered:
        head = bytes((result.context_id, 0, result.outcome, 0))
        parts.append(pdu.item(0x21, head + pdu.item(0x40, result.transfer_syntax)))
        if result.accepted_role is not None and result.outcome is ContextOutcome.ACCEPTED:
            user.append(
                pdu.item(0x54, _with_length(result.abstract_syntax) + _ROLE_BYTES[result.accepted_role])
            )
    if settings.implementation_version_name:
        user.append(pdu.item(0x55, settings.implementation_version_name))
    for entry in association.extended_negotiation:
        user.append(pdu.item(0x56, _with_length(entry.sop_class) + entry.data))
    parts.append(pdu.item(0x50, b"".join(user)))
    return pdu.pdu(pdu.ASSOCIATE_AC, b"".join(parts))


def _with_length(uid: bytes) -> bytes:
    return struct.pack(">H", len(uid)) + uid


def _advertised(max_pdu: int, peer: int) -> int:
    """The reference greets an old relative by a magic maximum length (a.3, last paragraph)."""
    return 0xA510FFFF if peer & 0xFF0000FF == 0xA500005A else max_pdu
