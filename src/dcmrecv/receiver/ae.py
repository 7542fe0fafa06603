"""The pynetdicom Application Entity that describes a receiver.

Programs and handlers written for pynetdicom find in it what they expect: titles, supported contexts, timeouts
and identity. It describes; the receiver's own core does the receiving (CONTRIBUTING.md, "Why not pynetdicom's
reactor").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmrecv.config import Role
from dcmrecv.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity

    from dcmrecv.config import Config

__all__ = ["build_ae"]

_DEFAULT_TITLE = "DCMRECV"


def build_ae(config: Config) -> ApplicationEntity:
    """Return an AE with the presentation contexts, titles, limits and timeouts of *config*.

    Importing pynetdicom takes longer than all the rest of a start, so it happens here and not before the
    port is open. A profile entry that pynetdicom refuses (an asconfig file may name anything made of digits
    and dots) is left out of the AE and is negotiated all the same.
    """
    from pynetdicom import AE

    association = config.association
    title = (association.ae_title or b"").decode("ascii", "replace").strip() or _DEFAULT_TITLE
    ae = AE(ae_title=title[:16])
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID.decode("ascii")
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME.decode("ascii")
    ae.maximum_pdu_size = association.max_pdu
    ae.acse_timeout = association.acse_timeout
    ae.dimse_timeout = association.dimse_timeout
    ae.network_timeout = association.dimse_timeout
    ae.require_called_aet = association.ae_title is not None
    ae.maximum_associations = config.network.max_associations or 1_000_000
    roles = dict(association.profile.roles)
    for context in association.profile.contexts:
        role = roles.get(context.abstract_syntax)
        try:
            ae.add_supported_context(
                context.abstract_syntax.decode("ascii"),
                [syntax.decode("ascii") for syntax in context.transfer_syntaxes],
                scu_role=None if role is None else role in (Role.SCU, Role.BOTH),
                scp_role=None if role is None else role in (Role.SCP, Role.BOTH),
            )
        except ValueError:
            continue
    return ae
