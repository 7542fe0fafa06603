"""The store of a process: hands out a session for each C-STORE."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmrecv import conditions
from dcmrecv import observer as ob
from dcmrecv.conditions import Condition
from dcmrecv.config import FilenameMode, StorageConfig, StorageMode
from dcmrecv.storage.bit_preserving import BitPreservingSession
from dcmrecv.storage.directories import DirectoryError
from dcmrecv.storage.filing import ObjectFiler
from dcmrecv.storage.ignore import IgnoreSession
from dcmrecv.storage.normal import NormalSession, Shared
from dcmrecv.storage.publish import NoName
from dcmrecv.storage.session import RequestRefused, StoreSession
from dcmrecv.storage.temporary import RESTART_AGE, SETTLED_AGE, remove_orphans
from dcmrecv.threads import start_thread

if TYPE_CHECKING:
    from dcmrecv.core.events import AcceptedAssociation, StoreRequest
    from dcmrecv.dataset.dictionary import DataDictionary

__all__ = ["ObjectStore"]

CLOSE_SECONDS = 5.0
"""How long the end of the program waits for a look at what dead processes have left."""


class ObjectStore:
    """Receives objects as one `StorageConfig` says. Shared by the threads of one process."""

    def __init__(
        self,
        config: StorageConfig,
        *,
        dictionary: Callable[[], DataDictionary],
        observe: Callable[[ob.ReceiverEvent], None] | None = None,
    ) -> None:
        """*observe* is called, from any thread, with what the operator should know of the output directory."""
        self.config = config
        self._normal = config.mode is StorageMode.NORMAL
        self.dictionary = dictionary
        self.filer = ObjectFiler(config, observe)
        self._shared = Shared(self.filer, dictionary, config.max_nesting)
        self._closing = threading.Event()
        self._cleaned = threading.Event()
        self._cleaned.set()

    def start(self) -> None:
        """Remove what dead processes left half-written, in the background: reception need not wait."""
        if self.config.mode is StorageMode.IGNORE:
            return
        self._cleaned.clear()
        if not start_thread(self._clean):  # the next start may be luckier
            self._cleaned.set()

    def _clean(self) -> None:
        """Look once, and again for what only time can tell about."""
        path = self.filer.output.path
        try:
            for seconds in (2 * SETTLED_AGE, RESTART_AGE):
                if not remove_orphans(path).undecided or self._closing.wait(seconds):
                    return
            remove_orphans(path)
        except MemoryError:
            return
        finally:
            self._cleaned.set()

    def close(self) -> None:
        """End the background work, which may take a moment; a thread that hangs in a system call is left alone."""
        self._closing.set()
        self._cleaned.wait(CLOSE_SECONDS)

    def request(
        self, request: StoreRequest, association: AcceptedAssociation, observer: ob.AssociationObserver
    ) -> StoreSession:
        """Return the session for *request*. Raises `RequestRefused` if the association is to be aborted at once."""
        if self._normal:
            return NormalSession(self._shared, request, association, observer)
        if self.config.mode is StorageMode.IGNORE:
            return IgnoreSession(self._shared, request, association, observer)
        return self._bit_preserving(request, association, observer)

    def _bit_preserving(
        self, request: StoreRequest, association: AcceptedAssociation, observer: ob.AssociationObserver
    ) -> StoreSession:
        filer = self.filer
        if filer.namer.mode is FilenameMode.DEFAULT and not request.sop_class_uid:
            raise self._no_name(conditions.INVALID_SOP_CLASS, observer)
        try:
            target = filer.reserve(request.sop_class_uid, request.sop_instance_uid)
        except NoName as error:
            raise self._no_name(conditions.no_file_name(error.text), observer) from None
        if ob.NameGenerated in observer.wanted:
            observer.observe(ob.NameGenerated(target.path, before_reception=True))
        exists = target.exists()
        session = BitPreservingSession(filer, request, association, observer, target)
        try:
            session.create(exists)
        except DirectoryError as error:
            if ob.DirectoryNotCreated in observer.wanted:
                shown = filer.output.shown or b"/"
                observer.observe(ob.DirectoryNotCreated(shown, error.text, before_reception=True))
            raise RequestRefused((conditions.no_directory(error.text),)) from None
        if (
            exists
            and filer.namer.replaces
            and ob.Overwriting in observer.wanted
            and not target.is_directory()
        ):
            observer.observe(ob.Overwriting(target.path))
        return session

    @staticmethod
    def _no_name(cause: Condition, observer: ob.AssociationObserver) -> RequestRefused:
        if ob.NameNotGenerated in observer.wanted:
            observer.observe(ob.NameNotGenerated(cause.text, before_reception=True))
        return RequestRefused((cause,))
