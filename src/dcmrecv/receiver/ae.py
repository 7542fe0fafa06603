"""`ReceiverAE`: pynetdicom's Application Entity, the one description of what a receiver accepts.

The command line makes one of its profile (`ReceiverAE.from_config`), a program makes one as it would for
pynetdicom (`dcmrecv.AE`, which can also serve), and the engine's tables are derived from either
(`ReceiverAE.acceptor_settings`). What pynetdicom's own AE cannot say stands
beside it, so that an A-ASSOCIATE-AC is the reference's to the byte:

* contexts with UIDs that pynetdicom refuses or warns of: an asconfig file may name anything of digits and dots;
* titles of the command line that are no AE titles;
* service class application information, and the reference's rules of role selection;
* `accept_all`, which is a rule and no list.

Importing pynetdicom takes longer than all the rest of a start: this module is loaded when the port is open.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pynetdicom
from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import _config
from pynetdicom.presentation import SCP_SCU_ROLES, PresentationContext

from dcmrecv.config import Config, Role, receive_length
from dcmrecv.core.acceptor import AcceptorSettings
from dcmrecv.core.events import ContextOutcome, ProposedExtendedNegotiation
from dcmrecv.core.negotiate import NEITHER, REFERENCE_ROLES, RoleAnswers
from dcmrecv.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmrecv.server import limits
from dcmrecv.server.transport import Clocks
from dcmrecv.transfer_syntaxes import is_receivable

if TYPE_CHECKING:
    from typing_extensions import Self

    from dcmrecv.config import PresentationContext as ProfileContext

__all__ = ["ReceiverAE", "as_text"]

_DEFAULT_TITLE = "DCMRECV"
_ANY_NUMBER = 1_000_000
"""Associations at a time, where the command line has no limit."""
_FOR_EVER = 1 << 31
"""Seconds; stands for pynetdicom's None."""
_LARGEST_PDU = 131072
"""Bytes we ask for at most, also where an AE has no limit (0)."""
_UID = re.compile(rb"(?=[0-9.]{1,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
_TITLE = re.compile(rb"(?! )[ -\[\]-~]{1,16}(?<! )")
_ROLES: dict[tuple[bool, bool], Role | str] = {
    (True, False): Role.SCU,
    (False, True): Role.SCP,
    (True, True): Role.BOTH,
    (False, False): NEITHER,
}
_FLAGS = {role: flags for flags, role in _ROLES.items()}


def _pynetdicom_roles() -> RoleAnswers:
    """Return pynetdicom's table of role selection: a role that cannot be agreed on refuses the context."""
    answers: dict[tuple[Role | str, Role | None], Role | str | ContextOutcome | None] = {}
    for flags, ours in _ROLES.items():
        for proposed in Role:
            asked = _FLAGS[proposed]
            outcome = SCP_SCU_ROLES[asked][flags]
            agreed = (asked[0] and flags[0], asked[1] and flags[1])
            is_refused = not outcome[2] and not outcome[3]
            answers[ours, proposed] = ContextOutcome.USER_REJECTION if is_refused else _ROLES[agreed]
    return answers


class ReceiverAE(pynetdicom.AE):
    """What a receiver accepts. What is not documented here means what it means in `pynetdicom.AE`."""

    def __init__(self, ae_title: str | bytes = "PYNETDICOM") -> None:
        """Raises ValueError or TypeError for what is no AE title."""
        super().__init__(as_text(ae_title))
        self.implementation_class_uid = as_text(IMPLEMENTATION_CLASS_UID)
        self.implementation_version_name = as_text(IMPLEMENTATION_VERSION_NAME)
        self.config = Config()
        """What is no matter of an AE: how objects are stored without a handler, TLS, metrics, the drain."""
        self.accept_all = False
        """Accept Verification and every storage SOP class there is, private ones too, in every transfer syntax
        that can be received; of several the sender's first."""
        self.extended_negotiation: tuple[ProposedExtendedNegotiation, ...] = ()
        """Service class application information sent back for accepted classes."""
        self._further: tuple[ProfileContext, ...] = ()
        self._further_roles: dict[bytes, Role] = {}
        self._title_of_config: tuple[str, bytes] | None = None
        self._role_answers = _pynetdicom_roles()

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the AE that *config* describes: its profile, titles, limits and timeouts."""
        association = config.association
        title = association.ae_title
        ae = cls(title if title is not None and _TITLE.fullmatch(title) else _DEFAULT_TITLE)
        ae.config = config
        if title is not None:
            ae._title_of_config = ae.ae_title, title
            ae.require_called_aet = True
        ae.require_calling_aet = [as_text(each) for each in association.allow_calling]
        ae.maximum_pdu_size = association.max_pdu
        ae.maximum_associations = config.network.max_associations or _ANY_NUMBER
        ae.acse_timeout = association.acse_timeout
        ae.dimse_timeout = association.dimse_timeout
        ae.network_timeout = (
            limits.READ_SECONDS if association.dimse_timeout is None else association.dimse_timeout
        )
        ae.accept_all = association.accept_all
        ae.extended_negotiation = tuple(
            ProposedExtendedNegotiation(each.abstract_syntax, each.data)
            for each in association.profile.extended_negotiation
        )
        ae._role_answers = REFERENCE_ROLES
        ae._add(association.profile.contexts, dict(association.profile.roles))
        return ae

    def _add(self, contexts: Iterable[ProfileContext], roles: dict[bytes, Role]) -> None:
        """Add the contexts of a profile.

        A hundred classes share a list of transfer syntaxes; pynetdicom checks it once, not for each (measured:
        3 ms instead of 90 for the shipped profile).
        """
        checked: dict[tuple[bytes, ...], PresentationContext] = {}
        further = []
        for each in contexts:
            name, syntaxes = each.abstract_syntax, each.transfer_syntaxes
            if not all(map(_UID.fullmatch, (name, *syntaxes))):
                further.append(each)
                continue
            if syntaxes not in checked:
                checked[syntaxes] = PresentationContext()
                checked[syntaxes].transfer_syntax = list(map(as_text, syntaxes))
            context = copy.copy(checked[syntaxes])
            context._transfer_syntax = list(context._transfer_syntax)
            context.abstract_syntax = UID(as_text(name))
            if name in roles:
                context.scu_role, context.scp_role = _FLAGS[roles[name]]
            self._supported_contexts[context.abstract_syntax] = context
        self._further = tuple(further)
        names = {each.abstract_syntax for each in further}
        self._further_roles = {name: role for name, role in roles.items() if name in names}

    @property
    def supported_contexts(self) -> list[PresentationContext]:
        """The contexts that are accepted; with `accept_all` also the storage classes that pynetdicom knows."""
        explicit = super().supported_contexts
        if not self.accept_all:
            return explicit
        known = pynetdicom.AE()
        syntaxes = [each for each in AllTransferSyntaxes if is_receivable(each.encode("ascii"))]
        for context in (
            *pynetdicom.VerificationPresentationContexts,
            *pynetdicom.AllStoragePresentationContexts,
        ):
            if context.abstract_syntax not in self._supported_contexts:
                known.add_supported_context(str(context.abstract_syntax), syntaxes)
        return explicit + known.supported_contexts

    @supported_contexts.setter
    def supported_contexts(self, contexts: list[PresentationContext]) -> None:
        pynetdicom.AE.supported_contexts.fset(self, contexts)  # type: ignore[attr-defined]

    # -- what the engine makes of it -----------------------------------------------------------------

    def acceptor_settings(
        self, contexts: Iterable[PresentationContext] | None = None, ae_title: str | None = None
    ) -> AcceptorSettings:
        """Return the engine's tables. *contexts* and *ae_title* take the place of the AE's own.

        Changes of the AE after this have no effect on what was returned. An odd maximum length is made even.
        """
        syntaxes: dict[bytes, tuple[bytes, ...]] = {}
        roles: dict[bytes, Role | str] = {}
        shared: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}
        for context in self._supported_contexts.values() if contexts is None else contexts:
            assert context.abstract_syntax is not None
            name = context.abstract_syntax.encode("ascii")
            listed = tuple(each.encode("ascii") for each in context.transfer_syntax)
            syntaxes[name] = shared.setdefault(listed, listed)
            if context.scu_role is not None and context.scp_role is not None:
                roles[name] = _ROLES[context.scu_role, context.scp_role]
        if contexts is None:
            syntaxes.update((each.abstract_syntax, each.transfer_syntaxes) for each in self._further)
            roles.update(self._further_roles)
        size = min(self.maximum_pdu_size or _LARGEST_PDU, _LARGEST_PDU)
        return AcceptorSettings(
            ae_title=self._called_title(ae_title) if self.require_called_aet else None,
            max_pdu=receive_length(size),
            abstract_syntaxes=syntaxes,
            roles=roles,
            extended_negotiation=self.extended_negotiation,
            implementation_class_uid=self.implementation_class_uid.encode("ascii"),
            implementation_version_name=(self.implementation_version_name or "").encode("ascii"),
            role_answers=self._role_answers,
            calling_ae_titles=frozenset(each.strip().encode("ascii") for each in self.require_calling_aet),
            accept_all=self.accept_all or _config.UNRESTRICTED_STORAGE_SERVICE,
        )

    def _called_title(self, ae_title: str | None) -> bytes:
        if ae_title is not None:
            return ae_title.strip().encode("ascii")
        if self._title_of_config is not None and self._title_of_config[0] == self.ae_title:
            return self._title_of_config[1]
        return self.ae_title.strip().encode("ascii")

    def clocks(self) -> Clocks:
        """Return the engine's deadlines (pynetdicom's None: no end)."""
        idle = self.network_timeout
        if self.dimse_timeout is None and idle == limits.READ_SECONDS:
            idle = None  # the reference's end of an idle connection, which is no abort
        elif idle is None:
            idle = _FOR_EVER
        return Clocks(_FOR_EVER if self.acse_timeout is None else self.acse_timeout, idle)


def as_text(value: str | bytes) -> str:
    """Return *value*, ASCII, as text."""
    return value.decode("ascii") if isinstance(value, bytes) else value
