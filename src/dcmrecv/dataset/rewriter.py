"""Normal mode: the data set as the reference would write it again, in one forward pass (spec/storage.md 0-3).

    rewriter = DataSetRewriter(transfer_syntax, dictionary=lambda: dictionary)
    for views, last in fragments:
        write(rewriter.feed(views, last))
    write(rewriter.finish())
    # then: rewriter.patches over the output, or rewriter.reorder for a second pass

What goes out refers to the views that came in wherever nothing has to be changed. A data set that is there as a
whole may need none of this: see `dcmrecv.dataset.whole`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dcmrecv.dataset.deflate import Deflater, Inflater
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.pieces import Buffer, joined
from dcmrecv.dataset.sort_elements import MediaStorageUids, SecondPass
from dcmrecv.dataset.walkers import walker_for
from dcmrecv.transfer_syntaxes import encoding_of

if TYPE_CHECKING:
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.dataset.elements import ElementWalker

__all__ = ["Buffer", "DataSetError", "DataSetRewriter", "MediaStorageUids"]


class DataSetRewriter:
    """Rewrites one data set that arrives in fragments.

    *transfer_syntax* is a UID; *dictionary* is called when implicit VR or a log line needs it; *note* is told the
    lines of the parser as level letter and text (logger dcmdata), None if nobody listens; *detail* 0 leaves out
    those of the debug and trace levels, 1 those of the trace level. *syntax_name* gives
    the long name of a transfer syntax for one of those lines. *saving* is False where the output is thrown away
    (``--ignore``): lines about writing are left out then.
    """

    # Defaults of the class: what most objects never set costs nothing.
    _walker: ElementWalker | None = None
    _inflater: Inflater | None = None
    _deflater: Deflater | None = None
    _second_pass: SecondPass | None = None
    _received = 0
    _empty_last = False
    _ended = False

    def __init__(
        self,
        transfer_syntax: bytes,
        *,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[str, str], None] | None = None,
        detail: int = 0,
        syntax_name: Callable[[bytes], str] | None = None,
        saving: bool = True,
    ) -> None:
        self._encoding = encoding_of(transfer_syntax)
        self._transfer_syntax = transfer_syntax
        self._dictionary = dictionary
        self._note = note
        self._detail = detail
        self._syntax_name = syntax_name
        self._saving = saving
        self._finished = False

    def _start(self) -> ElementWalker:
        """Make what most small data sets need nothing of."""
        encoding = self._encoding
        walker: ElementWalker
        if self._detail:
            from dcmrecv.dataset.trace_walker import TraceWalker  # for the debug and trace levels alone

            walker = TraceWalker(encoding, self._dictionary, self._note, traces=self._detail > 1)
        else:
            walker = walker_for(encoding, self._dictionary, self._note)
        walker.saving = self._saving
        name = self._syntax_name or (lambda uid: uid.decode("latin-1"))
        walker.syntax_name = lambda: name(self._transfer_syntax)
        self._walker = walker
        if encoding.deflated:
            self._inflater = Inflater()
            self._deflater = Deflater()
        return walker

    def feed(self, views: Sequence[Buffer], last: bool) -> list[Buffer]:
        """Take the data of some fragments in order, *last* if the final one ends the data set.

        Returns the output they lead to, in order; it is valid until the views are. An empty final fragment of
        the data set must be given as an empty view: it matters (spec/storage.md 3.8 S7).
        Raises DataSetError where the reference would abort the association.
        """
        count = len(views)
        walker = self._walker
        if walker is None:
            walker = self._start()
        walker.out = []
        if last and count and not len(views[-1]) and (self._received or (count > 1 and any(map(len, views)))):
            self._empty_last = True
            last = False
            count -= 1
        deflated: list[Buffer] = []
        index = 0
        try:
            while index < count:
                if walker.skip and index + 1 < count and self._inflater is None:
                    index += walker.pass_through(views, index, count - 1)
                view = views[index]
                index += 1
                self._received += len(view)
                if type(view) is not memoryview:
                    view = memoryview(view)
                if self._inflater is None:
                    walker.feed(view, last and index == count)
                else:
                    deflated += self._feed_deflated(view)
        except DataSetError as error:
            error.fragments = index
            raise
        if self._inflater is not None:
            walker.out = deflated
        return joined(walker.out)

    def _feed_deflated(self, view: memoryview) -> Sequence[Buffer]:
        """Inflate, walk, deflate in bounded steps. The end of the deflate stream ends the data set."""
        inflater = self._inflater
        deflater = self._deflater
        walker = self._walker
        assert inflater is not None
        assert deflater is not None
        assert walker is not None
        if inflater.done:
            return ()
        for piece, end in inflater.feed(view):
            walker.out = []
            walker.feed(memoryview(piece), end)
            deflater.feed(walker.out)
            self._ended = end
        return deflater.take()

    def finish(self) -> list[Buffer]:
        """The data set is complete (after `feed` with *last*): return the rest of the output.

        Raises DataSetError if the data set is not complete in the reference's eyes.
        """
        self._finished = True
        walker = self._walker or self._start()
        walker.out = []
        if self._inflater is not None and not self._ended:
            # The reference's inflater never told it that the data is over.
            self._empty_last = True
        walker.finish(self._empty_last)
        if self._deflater is not None:
            self._deflater.feed(walker.out)
            walker.out = self._deflater.finish()
        if walker.second_pass or (self._deflater is not None and walker.patches):
            self._second_pass = SecondPass(
                walker.encoding, walker.disordered_items, walker.adjustments, self._dictionary
            )
        return joined(walker.out)

    @property
    def empty(self) -> bool:
        """No element at all came (C000)."""
        return not self._findings.started

    @property
    def unsaveable(self) -> str | None:
        """The data set was parsed but cannot be written: text of the A700 (spec/storage.md 3.7)."""
        return self._findings.unsaveable

    @property
    def head(self) -> MediaStorageUids | None:
        """The UIDs for the file meta information; None while they are not known.

        After `finish` always known. With `reorder` the second pass has the last word: `SecondPass.head`.
        """
        found = self._findings
        if self._finished or (found.sop_class is not None and found.sop_instance is not None):
            return MediaStorageUids(found.sop_class, found.sop_instance)
        return None

    @property
    def series_date(self) -> bytes | None:
        """Raw value of the top level Series Date with VR DA; final when `head_complete`."""
        return self._findings.series_date

    @property
    def head_complete(self) -> bool:
        """Nothing that may still come changes `head` or `series_date`, unless it leads to `reorder`."""
        return self._finished or self._findings.head_passed

    @property
    def patches(self) -> list[tuple[int, bytes]]:
        """(offset in the output, bytes) to be written over it after `finish`: group lengths.

        Empty when there is a second pass, which does them itself.
        """
        if self._walker is None or self._second_pass is not None or self._deflater is not None:
            return []
        return self._walker.patches

    @property
    def needs_second_pass(self) -> bool:
        """What came so far cannot be written in one pass: elements out of order or repeated, odd group lengths."""
        return self._findings.second_pass

    @property
    def reorder(self) -> SecondPass | None:
        """After `finish`: the second pass this data set needs, or None."""
        return self._second_pass

    @property
    def _findings(self) -> ElementWalker:
        """What knows about the data set."""
        return self._walker or self._start()
