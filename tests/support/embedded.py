"""A receiver in the process of the test, made of a configuration."""

from __future__ import annotations

from typing import Any

from dcmrecv import AE
from dcmrecv.config import Config
from dcmrecv.receiver.ae_server import AssociationServer


def serving(config: Config, *handlers: Any, **more: Any) -> AssociationServer:
    """Return the running server of the AE of *config*; *handlers* as pynetdicom takes them."""
    return AE.from_config(config).start_server(block=False, evt_handlers=handlers, **more)
