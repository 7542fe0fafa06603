"""Rows 8 to 18 and 38 to 40 of spec/network.md f.1: from the connection to the agreement, and its end."""

from __future__ import annotations

import pytest

from dcmrecv import conditions, remarks
from dcmrecv import observer as ob
from dcmrecv.conditions import Condition
from dcmrecv.config import AssociationConfig, Config, LogLevel, Role
from dcmrecv.core import events as ev
from dcmrecv.log.dcmtk_lines import UNUSABLE_DICTIONARY, DcmtkLines

from .dcmtk_lines_parts import (
    CT,
    IMPLICIT,
    Recorder,
    agreed,
    begin,
    echo,
    encoded,
    observer,
    request,
    results,
    role_of,
    say,
    store,
    story,
)

DEBUG, INFO, WARN = LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARN
Note = remarks.Remark


def test_extended_negotiation_with_all_dumps() -> None:
    association, recorder = observer(DEBUG)
    asked = request(
        extended_negotiation=(
            ev.ProposedExtendedNegotiation(CT, b"\2\0\1"),
            ev.ProposedExtendedNegotiation(b"1.2.3", b""),
        )
    )
    wire = bytes.fromhex("56 00 00 1e 00 19") + CT + b"\2\0\1" + bytes.fromhex("56 00 00 07 00 05") + b"1.2.3"
    say(association, ob.Connected())
    say(association, ev.RequestReceived(asked, encoded(asked, wire)))
    profile = ev.ProposedExtendedNegotiation(CT, bytes.fromhex("0200000001000200"))
    say(association, agreed(asked, extended_negotiation=(profile,)))
    say(association, ev.ReleaseRequested(ev.Stage.COMMAND))
    say(association, ob.Terminated())
    assert recorder.lines == story("extended")


@pytest.mark.parametrize("verbose_pc", [False, True])
def test_no_context_acceptable(verbose_pc: bool) -> None:
    association, recorder = observer(DEBUG, verbose_pc=verbose_pc)
    asked = request(
        contexts=(
            ev.ProposedContext(1, b"1.2.3.4", (IMPLICIT,)),
            ev.ProposedContext(3, CT, (b"1.2.3",)),
        )
    )
    say(association, ob.Connected())
    say(association, ev.RequestReceived(asked, encoded(asked)))
    outcomes = (
        ev.ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED,
        ev.ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED,
    )
    say(
        association,
        ev.AssociationRejected(ev.RejectReason.NO_ACCEPTABLE_PRESENTATION_CONTEXTS, results(asked, outcomes)),
    )
    say(association, ob.Terminated())
    expected = story("none-acceptable")
    if verbose_pc:
        dump = False
        for number, line in enumerate(expected):
            dump = dump or "Incoming Association Request" in line or "BEGIN A-ASSOCIATE" in line
            if dump:
                expected[number] = "I" + line[1:]
            dump = dump and "END A-ASSOCIATE" not in line
    assert recorder.lines == expected


def test_a_wrong_called_title() -> None:
    association, recorder = observer(DEBUG, ae_title=b"MYSCP")
    say(association, ev.AssociationRejected(ev.RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED))
    say(association, ob.Terminated())
    assert recorder.lines == story("wrong-title")


def test_a_bad_application_context_at_info() -> None:
    association, recorder = observer(INFO)
    say(association, ev.AssociationRejected(ev.RejectReason.BAD_APPLICATION_CONTEXT))
    say(association, ob.Terminated())
    assert recorder.lines == ["I: Refusing Association (bad application context)"]


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("calling-blank", remarks.NO_AP_TITLE("Calling")),
        ("too-many-syntaxes", remarks.TOO_MANY_SYNTAXES()),
    ],
)
def test_no_answer_can_be_made(name: str, remark: remarks.Remark) -> None:
    association, recorder = observer(DEBUG)
    say(association, ev.RequestUnusable(None, notes=(remark,)))
    assert recorder.lines == story(name)


@pytest.mark.parametrize(
    ("name", "text", "parsed"),
    [
        ("version-0", "DUL Unsupported peer protocol 0000; expected 0001 in parseAssociate", False),
        ("bad-item", "DUL Illegal dummy item. Got 3 bytes of data. The minimum allowed size is 4.", True),
    ],
)
def test_an_unusable_request_is_dumped_before_the_error(name: str, text: str, parsed: bool) -> None:
    association, recorder = observer(DEBUG)
    wire = encoded(request(protocol_version=0 if name == "version-0" else 1))
    if name == "bad-item":
        wire = wire[:2] + (len(wire) - 3).to_bytes(4, "big") + wire[6:] + b"abc"
    say(association, ob.Connected())
    say(association, ev.RequestUnusable(Condition(6, 0x308, text), raw=wire, parsed=parsed))
    assert recorder.lines == story(name)


def test_a_request_of_a_header_only() -> None:
    association, recorder = observer(DEBUG)
    say(association, ob.Connected())
    text = "DUL Illegal associate PDU. Got 0 bytes of data. The minimum allowed size is 68."
    say(association, ev.RequestUnusable(Condition(6, 0x308, text), raw=b"\1\0\0\0\0\0"))
    assert recorder.lines == story("too-short")


def test_silence_and_other_protocols() -> None:
    association, recorder = observer(DEBUG)
    say(association, ob.Connected())
    say(association, ev.RequestUnusable(conditions.READ_TIMEOUT))
    assert recorder.lines == story("silent")
    association, recorder = observer(INFO)
    say(association, ob.Connected())
    say(association, ev.RequestUnusable(conditions.unrecognized_pdu(0x47)))
    assert recorder.lines == story("garbage")


def test_an_oversized_request_has_a_line_of_its_own_first() -> None:
    association, recorder = observer(WARN)
    line = "A-ASSOCIATE PDU too large: 1048577 bytes, refusing."
    say(
        association,
        ev.RequestUnusable(conditions.REQUEST_TOO_LONG, notes=(remarks.REQUEST_TOO_LONG(1048577),)),
    )
    assert recorder.lines == [
        f"E: {line}",
        "E: Could not receive association request: A-ASSOCIATE PDU too large",
    ]


def test_another_pdu_first_looks_like_an_association_without_titles() -> None:
    association, recorder = observer(DEBUG)
    say(association, ev.NotAnAssociation(5))
    say(association, ob.Terminated())
    lines = recorder.lines
    assert lines[0] == "I: Association Received peer-host:  -> "
    dump = lines[1 : lines.index("D: " + "=" * 23 + " END A-ASSOCIATE-RQ " + "=" * 22) + 1]
    assert dump[0] == "D: Incoming Association Request:"
    assert "D: Their Max PDU Receive Size:  0" in dump
    assert "D: Application Context Name:    " in dump
    assert lines[1 + len(dump) :] == story("not-associate")


@pytest.mark.parametrize(
    ("name", "received", "accepted"),
    [
        ("role-none", (), (remarks.ROLE_NONE(), remarks.ROLE_NONE())),
        ("role-refused", (), (remarks.ROLE_REFUSED(), remarks.ROLE_REFUSED())),
        (
            "max-length-odd",
            (remarks.SEND_LENGTH_ODD(15, 14), remarks.SEND_LENGTH_SMALL()),
            (),
        ),
    ],
)
def test_remarks_of_the_negotiation_come_where_the_reference_has_them(
    name: str, received: tuple[Note, ...], accepted: tuple[Note, ...]
) -> None:
    association, recorder = observer(DEBUG)
    asked = request()
    say(association, ev.RequestReceived(asked, encoded(asked), receive_notes=received))
    recorder.messages.clear()
    expected = story(name)
    length = int(next(line for line in expected if "Max Send PDV" in line).rsplit(" ", 1)[1].rstrip(")"))
    say(association, agreed(asked, notes=accepted, max_send_pdv=length))
    kept = [message for message in recorder.messages if "BEGIN A-ASSOCIATE-AC" not in message[2]]
    assert len(recorder.messages) == len(kept) + 1
    recorder.messages[:] = kept
    say(association, ev.ReleaseRequested(ev.Stage.COMMAND))
    say(association, ob.Terminated())
    assert recorder.lines == expected


def test_remarks_of_the_parser_precede_the_titles() -> None:
    association, recorder = observer(INFO)
    asked = request()
    say(
        association,
        ev.RequestReceived(asked, b"", notes=(remarks.ROLE_UID_LENGTH(65), remarks.MAX_LENGTH_ITEM(6))),
    )
    assert recorder.lines == [
        story("role-uid-65")[0],
        "W: Invalid length (6) for maximum length item, must be 4",
        "I: Association Received peer-host: PEER -> ANY-SCP",
    ]
    say(association, ev.RequestReceived(asked, b"", notes=(remarks.ROLE_BOTH_ZERO(),)))
    assert recorder.lines[3] == "W: DULFSM: both role fields are 0 in SCP/SCU role selection sub-item"


def test_a_length_too_short_to_answer() -> None:
    association, recorder = observer(DEBUG)
    asked = request()
    notes = (remarks.SEND_LENGTH_ODD(13, 12), remarks.SEND_LENGTH_DEFAULT(0))
    say(association, ev.RequestReceived(asked, encoded(asked), receive_notes=notes))
    recorder.messages.clear()
    say(association, agreed(asked, max_send_pdv=4084))
    recorder.messages[:] = [message for message in recorder.messages if "BEGIN A-ASSOC" not in message[2]]
    event = echo(1)
    say(association, event)
    say(association, ob.EchoResponse(event, 0))
    text = "DUL Cannot send P-DATA PDU because receiver's max PDU size of 13 is illegal (must be > 12)"
    causes = (Condition(6, 0x20E, "DIMSE Failed to send message"), Condition(6, 0x308, text))
    say(association, ob.ResponseFailed("C-ECHO", causes))
    say(association, ev.ProtocolError(ev.Stage.COMMAND, causes))
    say(association, ob.Terminated())
    assert recorder.lines == story("max-length-13")


def test_verbose_contexts_at_info() -> None:
    association, recorder = observer(INFO, verbose_pc=True)
    asked = request()
    event = store()
    say(association, ob.Connected())
    say(association, ev.RequestReceived(asked, encoded(asked)))
    say(association, agreed(asked))
    say(association, event)
    say(association, ob.StoreStarted(event))
    say(association, ob.Stored(b"out/CT.1.2.3.4.5", event, 400))
    say(association, ob.StoreResponse(event, 0))
    say(association, ev.ReleaseRequested(ev.Stage.COMMAND))
    say(association, ob.Terminated())
    assert recorder.lines == story("store-verbose-contexts")


def test_bytes_of_titles_leave_as_they_came_but_for_controls() -> None:
    association, recorder = observer(INFO)
    asked = request(calling_ae_title=b"A\nB\xe4")
    say(association, ev.RequestReceived(asked, b""))
    say(association, agreed(asked))
    say(association, ev.ReleaseRequested(ev.Stage.COMMAND))
    first, second, *others = story("title-odd-bytes")
    assert recorder.lines == [first + "\\x0a" + second.removeprefix("I: "), *others]


def test_roles_in_the_dumps() -> None:
    association, recorder = observer(DEBUG)
    asked = request(roles=role_of(Role.SCP) + role_of(Role.SCU))
    say(association, ev.RequestReceived(asked, encoded(asked)))
    accepted = results(asked, proposed=Role.BOTH, accepted="NONE")
    say(association, agreed(asked, contexts=accepted))
    proposed = [line for line in recorder.lines if "Proposed SCP/SCU Role" in line]
    assert [line.rsplit(" ", 1)[1] for line in proposed] == ["Default", "SCP", "SCP"] + ["SCP/SCU"] * 3
    accepted_lines = [line for line in recorder.lines if "Accepted SCP" in line]
    assert accepted_lines == ["D:     Accepted SCP/SCU Role: None"] * 3


def test_nothing_is_looked_up_while_nobody_listens() -> None:
    def resolve(address: str) -> str:
        raise AssertionError("looked up")

    recorder = Recorder(WARN)
    association = DcmtkLines(recorder, Config(), resolve).association("192.0.2.1", 1)
    say(association, ob.Connected())
    say(association, ev.RequestReceived(request(), b""))
    say(association, agreed(request()))
    assert recorder.lines == []


def test_an_odd_receive_length_is_mentioned_before_each_wait() -> None:
    recorder = Recorder(WARN)
    odd = Config(association=AssociationConfig(max_pdu=16385))
    whole = DcmtkLines(recorder, odd, str)
    whole.observe(ob.Waiting())
    whole.observe(ob.Waiting())
    DcmtkLines(recorder, Config(), str).observe(ob.Waiting())
    assert recorder.lines == ["W: ASSOC: PDV receive length 16385 is odd (using 16384)"] * 2


def test_a_missing_dictionary() -> None:
    recorder = Recorder(WARN)
    observer = DcmtkLines(recorder, Config(), str)
    observer.observe(ob.DictionaryUnusable())
    observer.observe(ob.DictionaryUnusable())
    assert recorder.messages == [("dcmtk.dcmnet", WARN, UNUSABLE_DICTIONARY, None)]


def test_tls_lines_have_their_logger() -> None:
    association, recorder = observer(DEBUG)
    say(association, ob.TlsEstablished(["weak"]))
    say(association, ob.TlsDetails("DETAILS"))
    say(association, ob.TlsFailed([("E", "bad certificate")], "TLS error: no application protocol"))
    assert [(name, text) for name, _, text, _ in recorder.messages] == [
        ("dcmtk.dcmtls", "weak"),
        ("dcmtk.dcmtls", "DETAILS"),
        ("dcmtk.dcmtls", "bad certificate"),
        ("dcmtk.dcmnet", "Could not receive association request: TLS error: no application protocol"),
    ]


def test_flush_and_end_reach_the_logs() -> None:
    association, recorder = observer(INFO)
    begin(association, recorder)
    association.flush()
    say(association, ob.Closed())
    assert (recorder.flushes, recorder.closes) == (1, 1)


@pytest.mark.parametrize(("level", "speaks"), [(WARN, False), (INFO, True)])
def test_a_connection_that_says_nothing_makes_no_loggers(level: LogLevel, speaks: bool) -> None:
    association, recorder = observer(level)
    asked = request()
    say(association, ob.Connected())
    say(association, ev.RequestReceived(asked, encoded(asked)))
    say(association, agreed(asked))
    say(association, ev.ReleaseRequested(ev.Stage.COMMAND))
    say(association, ob.Terminated())
    association.flush()
    say(association, ob.Closed())
    assert bool(recorder.messages) is speaks
    assert recorder.opened is speaks
