"""The store of a process: hands out a session for each C-STORE."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv.conditions import Condition
from dcmrecv.config import FilenameMode, StorageConfig, StorageMode
from dcmrecv.storage.bit_preserving import BitPreservingSession
from dcmrecv.storage.directories import DirectoryError, OutputDirectory
from dcmrecv.storage.naming import Namer
from dcmrecv.storage.normal import IgnoreSession, NormalSession
from dcmrecv.storage.publish import NoName, Publisher, Target
from dcmrecv.storage.session import StoreSession
from dcmrecv.storage.space import FreeSpace
from dcmrecv.storage.temporary import RESTART_AGE, remove_orphans
from dcmrecv.text import from_bytes

if TYPE_CHECKING:
    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.observer import AssociationObserver

__all__ = ["ObjectStore"]

_INVALID_CLASS = Condition(0x0006, 0x03E8, "Invalid SOP Class UID")


class ObjectStore:
    """Stores objects as one `StorageConfig` says. Shared by the threads of one process."""

    def __init__(
        self,
        config: StorageConfig,
        *,
        dictionary: Callable[[], DataDictionary],
        syntax_name: Callable[[bytes], str] | None = None,
        worker: int = 0,
    ) -> None:
        """*syntax_name* gives the name of a transfer syntax for messages, None: its UID.

        *worker* is the number of this process under one parent; only number 0 looks for orphans.
        """
        self.config = config
        self.dictionary = dictionary
        self.syntax_name = syntax_name
        self.output = OutputDirectory(config)
        self.namer = Namer(config.filenames, config.extension)
        self.shown = self.output.shown + b"/"
        """The output directory as it stands before a name in messages."""
        if self.namer.looks and not self.output.shown:
            self.shown = b"//"  # the reference's spelling of the root directory there
        self.publisher = Publisher(config, self.output)
        self.space = FreeSpace(self.output.path, config.min_free_space)
        self.names_before_reception = config.mode is StorageMode.BIT_PRESERVING
        self._worker = worker
        self._closing = threading.Event()
        self._cleaner: threading.Thread | None = None

    def start(self) -> None:
        """Remove what dead processes left half-written, in the background: reception need not wait."""
        if self._worker or self.config.mode is StorageMode.IGNORE:
            return
        self._cleaner = threading.Thread(target=self._clean, name="orphans", daemon=True)
        self._cleaner.start()

    def _clean(self) -> None:
        """Look once, and again if there was something that only time can tell about."""
        if remove_orphans(self.output.path).undecided and not self._closing.wait(RESTART_AGE):
            remove_orphans(self.output.path)

    def close(self) -> None:
        """End the background work."""
        self._closing.set()
        if self._cleaner is not None:
            self._cleaner.join()

    def path_of(self, sop_class: bytes, sop_instance: bytes) -> bytes:
        """Return a path in the output directory, one that does not exist yet if the mode asks for that.

        Raises `NoName`.
        """
        while True:
            path = self.shown + self.namer.name(sop_class, sop_instance)
            if not self.namer.looks or not Target(path).is_taken():
                return path

    def request(
        self, request: StoreRequest, association: AcceptedAssociation, observer: AssociationObserver
    ) -> StoreSession | tuple[Condition, ...]:
        """Return the session for *request*, or the causes for which the association is aborted at once."""
        mode = self.config.mode
        if mode is StorageMode.NORMAL:
            return NormalSession(self, request, association, observer)
        if mode is StorageMode.IGNORE:
            return IgnoreSession(self, request, association, observer)
        if self.namer.mode is FilenameMode.DEFAULT and not request.sop_class_uid:
            return self._no_name(_INVALID_CLASS, observer)
        try:
            path = self.path_of(request.sop_class_uid, request.sop_instance_uid)
        except NoName as error:
            return self._no_name(Condition(0x0000, 0x000E, error.text), observer)
        observer.name_generated(path, before_reception=True)
        target = Target(path)
        overwrites = self.namer.replaces and target.exists() and not target.is_directory()
        session = BitPreservingSession(self, request, association, observer, target)
        try:
            session.create()
        except DirectoryError as error:
            shown = from_bytes(self.output.shown or b"/")
            observer.store_error(f"cannot create directory for object to be received: {shown}: {error.text}")
            return (Condition(0x0000, 0x000D, error.text),)
        if overwrites:
            observer.overwriting(path)
        return session

    @staticmethod
    def _no_name(cause: Condition, observer: AssociationObserver) -> tuple[Condition, ...]:
        observer.store_error(
            f"cannot generate directory or file name for object to be received: {cause.text}"
        )
        return (cause,)
