"""Names, directories and files: from a C-STORE to a published object."""

from __future__ import annotations

from dcmrecv.storage.session import ReceiveFailure, RequestRefused, StoreResult, StoreSession
from dcmrecv.storage.store import ObjectStore
from dcmrecv.storage.writer import ReceivedObject, StorageWriter, Stored

__all__ = [
    "ObjectStore",
    "ReceiveFailure",
    "ReceivedObject",
    "RequestRefused",
    "StorageWriter",
    "StoreResult",
    "StoreSession",
    "Stored",
]
