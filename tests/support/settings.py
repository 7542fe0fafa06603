"""The engine's tables for a configuration, made as the program makes them: by way of the AE."""

from __future__ import annotations

from dcmrecv.config import AssociationConfig, Config
from dcmrecv.core.acceptor import AcceptorSettings
from dcmrecv.receiver.ae import ReceiverAE


def acceptor_settings(config: AssociationConfig) -> AcceptorSettings:
    return ReceiverAE.from_config(Config(association=config)).acceptor_settings()
