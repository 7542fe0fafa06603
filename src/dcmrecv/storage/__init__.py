"""Names, directories and files: from a C-STORE to a published object."""

from __future__ import annotations

from dcmrecv.storage.session import StoreResult, StoreSession
from dcmrecv.storage.store import ObjectStore

__all__ = ["ObjectStore", "StoreResult", "StoreSession"]
