"""The AE: the one description of what is accepted, for the command line and for programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pynetdicom
import pytest
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext, negotiate_as_acceptor

from dcmrecv import AE
from dcmrecv.asconfig import AsconfigError, load
from dcmrecv.config import AssociationConfig, Config, NetworkConfig, Profile
from dcmrecv.config import PresentationContext as ProfileContext
from dcmrecv.core.events import AssociationRejected, ContextOutcome, RejectReason
from dcmrecv.core.negotiate import REFERENCE_ROLES, AcceptorSettings, Negotiated
from dcmrecv.server.transport import Wait
from tests.support.rawscu import CT_IMAGE, VERIFICATION, Association, Requestor, UnexpectedPdu, associate_rq
from tests.support.server import ROOT, RunningServer
from tests.wire.peer import associate, context, role, user

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CT = CT_IMAGE.encode()
PROFILE_FILES = (ROOT / "data/storescp.cfg", ROOT / "tests/golden/network/profiles.cfg")


def proposal(abstract: str, *syntaxes: str, who: Requestor | None = None) -> bytes:
    return associate_rq(who or Requestor(), abstract, syntaxes or (IMPLICIT,))


def outcome(settings: AcceptorSettings, request: bytes) -> ContextOutcome | RejectReason:
    result: Negotiated = settings.negotiate(request)
    if result.association is not None:
        return result.association.contexts[0].outcome
    rejection = result.events[-1]
    assert isinstance(rejection, AssociationRejected)
    if rejection.reason is RejectReason.NO_ACCEPTABLE_PRESENTATION_CONTEXTS:
        return rejection.contexts[0].outcome
    return rejection.reason


def profiles() -> list[Any]:
    found = []
    for path in PROFILE_FILES:
        listed = load(bytes(path))
        for name in listed.names:
            try:
                found.append(pytest.param(listed.select(name), id=f"{path.stem}-{name}"))
            except AsconfigError:
                continue
    return found


@pytest.mark.parametrize("profile", profiles())
def test_nothing_of_a_profile_is_lost_on_its_way_through_the_ae(profile: Profile) -> None:
    config = Config(association=AssociationConfig(profile=profile, ae_title=b" od\xe9 ", max_pdu=16383))
    settings = AE.from_config(config).acceptor_settings()
    assert settings.abstract_syntaxes == {c.abstract_syntax: c.transfer_syntaxes for c in profile.contexts}
    assert settings.roles == dict(profile.roles)
    assert [(e.sop_class, e.data) for e in settings.extended_negotiation] == [
        (e.abstract_syntax, e.data) for e in profile.extended_negotiation
    ]
    assert settings.role_answers is REFERENCE_ROLES
    assert (settings.ae_title, settings.max_pdu) == (b" od\xe9 ", 16382)


def test_uids_that_pynetdicom_refuses_are_negotiated_all_the_same() -> None:
    odd = (b"1..2", b"01.2.3", b"1." + b"2" * 80, b"1.2.3.")
    profile = Profile("ODD", tuple(ProfileContext(uid, (b"1.2.840.10008.1.2",)) for uid in odd))
    ae = AE.from_config(Config(association=AssociationConfig(profile=profile)))
    assert ae.supported_contexts == []
    assert set(ae.acceptor_settings().abstract_syntaxes) == set(odd)


def test_another_ae_gives_another_answer() -> None:
    ae = AE("ARCHIVE")
    assert outcome(ae.acceptor_settings(), proposal(CT_IMAGE)) is ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED
    ae.add_supported_context(CT_IMAGE, EXPLICIT)
    assert (
        outcome(ae.acceptor_settings(), proposal(CT_IMAGE)) is ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
    )
    assert outcome(ae.acceptor_settings(), proposal(CT_IMAGE, IMPLICIT, EXPLICIT)) is ContextOutcome.ACCEPTED
    ae.require_called_aet = True
    settings = ae.acceptor_settings()
    called = Requestor(called="ARCHIVE")
    assert outcome(settings, proposal(CT_IMAGE, EXPLICIT)) is RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
    assert outcome(settings, proposal(CT_IMAGE, EXPLICIT, who=called)) is ContextOutcome.ACCEPTED
    ae.require_calling_aet = ["MODALITY "]
    settings = ae.acceptor_settings()
    assert (
        outcome(settings, proposal(CT_IMAGE, EXPLICIT, who=called))
        is RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
    )
    allowed = Requestor(called="ARCHIVE", calling="MODALITY")
    assert outcome(settings, proposal(CT_IMAGE, EXPLICIT, who=allowed)) is ContextOutcome.ACCEPTED
    ae.remove_supported_context(CT_IMAGE)
    ae.add_supported_context(VERIFICATION)
    settings = ae.acceptor_settings()
    assert outcome(settings, proposal(CT_IMAGE, who=allowed)) is ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED


def test_a_program_may_change_the_title_of_the_command_line() -> None:
    ae = AE.from_config(Config(association=AssociationConfig(ae_title=b"ARCHIVE")))
    ae.ae_title = "OTHER"
    assert ae.acceptor_settings().ae_title == b"OTHER"


FLAGS = [(True, False), (False, True), (True, True), (False, False)]


@pytest.mark.parametrize("ours", FLAGS)
@pytest.mark.parametrize("asked", [None, *FLAGS[:3]])
def test_roles_of_a_program_are_answered_as_pynetdicom_answers_them(
    ours: tuple[bool, bool], asked: tuple[bool, bool] | None
) -> None:
    ae = AE()
    ae.add_supported_context(CT_IMAGE, IMPLICIT, *ours)
    proposed = PresentationContext()
    proposed.context_id, proposed.abstract_syntax, proposed.transfer_syntax = 1, CT_IMAGE, [IMPLICIT]
    roles = None if asked is None else {proposed.abstract_syntax: asked}
    (theirs,), replies = negotiate_as_acceptor([proposed], ae.supported_contexts, roles)
    items = () if asked is None else (role(CT, *asked),)
    request = associate(context(1, CT, IMPLICIT.encode()), user(*items))
    result = ae.acceptor_settings().negotiate(request)
    assert outcome(ae.acceptor_settings(), request) == theirs.result
    sent: list[SCP_SCU_RoleSelectionNegotiation] = replies
    for reply in sent:
        assert role(CT, bool(reply.scu_role), bool(reply.scp_role)) in result.reply
    assert bool(sent) is (b"\x54\0" in result.reply)


def test_what_accept_all_shows_and_does() -> None:
    ae = AE.from_config(Config(association=AssociationConfig(accept_all=True)))
    shown = {str(each.abstract_syntax) for each in ae.supported_contexts}
    assert {str(c.abstract_syntax) for c in pynetdicom.AllStoragePresentationContexts} < shown
    assert all(outcome(ae.acceptor_settings(), proposal(each)) is ContextOutcome.ACCEPTED for each in shown)
    assert outcome(ae.acceptor_settings(), proposal("1.2.3.4")) is ContextOutcome.ACCEPTED
    ae.accept_all = False
    assert [str(each.abstract_syntax) for each in ae.supported_contexts] == [VERIFICATION]
    assert ae.acceptor_settings().accept_all is False


def test_deadlines() -> None:
    ae = AE()
    assert ae.clocks().seconds[Wait.PDU_BOUNDARY] == 60
    ae.network_timeout, ae.acse_timeout = 1.5, 2
    assert (ae.clocks().seconds[Wait.PDU_BOUNDARY], ae.clocks().seconds[Wait.FIRST_HEADER]) == (1.5, 2)
    ae.network_timeout = ae.acse_timeout = None
    assert min(ae.clocks().seconds[wait] for wait in (Wait.PDU_BOUNDARY, Wait.FIRST_HEADER)) > 1e9
    reference = AE.from_config(Config()).clocks()
    assert (reference.seconds[Wait.PDU_BOUNDARY], reference.dimse_timeout) == (60, None)
    given = AE.from_config(Config(association=AssociationConfig(dimse_timeout=7))).clocks()
    assert (given.seconds[Wait.PDU_BOUNDARY], given.dimse_timeout) == (7, 7)


def test_limits_of_the_command_line() -> None:
    ae = AE.from_config(Config(network=NetworkConfig(max_associations=3)))
    assert ae.maximum_associations == 3
    assert AE.from_config(Config()).maximum_associations > 10**5


CHANGED = """
import sys
from dcmrecv.receiver import ae
original = ae.ReceiverAE.from_config.__func__
def changed(cls, config):
    made = original(cls, config)
    made.remove_supported_context("1.2.840.10008.5.1.4.1.1.2")
    return made
ae.ReceiverAE.from_config = classmethod(changed)
from dcmrecv.__main__ import main
sys.exit(main())
"""


class ChangedServer(RunningServer):
    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", CHANGED, *self._options, str(self.port)]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_the_command_line_negotiates_from_its_ae(tmp_path: Path, workers: tuple[str, ...]) -> None:
    options = ("-xf", "storescp.cfg", "Default", *workers)
    with RunningServer(tmp_path / "usual", options) as server:
        Association(server.port, CT_IMAGE).release()
    with ChangedServer(tmp_path / "changed", options) as server:
        with pytest.raises(UnexpectedPdu):
            Association(server.port, CT_IMAGE)
        Association(server.port, "1.2.840.10008.5.1.4.1.1.4").release()
