"""Names, directories and files: from a C-STORE to a published object."""

from __future__ import annotations

from dcmrecv.storage.session import ReceiveFailure, RequestRefused, StoreResult, StoreSession
from dcmrecv.storage.store import ObjectStore

__all__ = [
    "ObjectStore",
    "ReceiveFailure",
    "RequestRefused",
    "StoreResult",
    "StoreSession",
]
