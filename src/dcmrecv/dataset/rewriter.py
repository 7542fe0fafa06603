"""Normal mode: the data set as the reference would write it again, in one forward pass (spec/storage.md 0-3).

    rewriter = DataSetRewriter(transfer_syntax, dictionary=lambda: dictionary)
    for views, last in fragments:
        write(rewriter.feed(views, last))
    write(rewriter.finish())
    # then: rewriter.patches over the output, or rewriter.reorder for a second pass

What goes out refers to the views that came in wherever nothing near it has to be changed. Clean data needs the
scanner alone (`dcmrecv.dataset.scan`); what the complete step needs is made when it is first called for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dcmrecv.conditions import INVALID_STREAM
from dcmrecv.dataset import limits
from dcmrecv.dataset.errors import DataSetError
from dcmrecv.dataset.memory import Buffer
from dcmrecv.dataset.rules import EXPLICIT, Rules
from dcmrecv.dataset.scan import Cursor
from dcmrecv.dataset.sort_elements import MediaStorageUids, SecondPass
from dcmrecv.dataset.tags import BEHIND_ELEMENTS, NO_TEXT, PIXEL_DATA, SERIES_DATE
from dcmrecv.transfer_syntaxes import encoding_of

if TYPE_CHECKING:
    from dcmrecv.dataset.deflate import Deflater, Inflater
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.dataset.elements import Elements
    from dcmrecv.remarks import Remark

__all__ = ["DataSetError", "DataSetRewriter", "MediaStorageUids"]

_USUAL_SLOTS = 2 * 6 * limits.NESTING
"""Numbers of suspended frames, six each, that are not charged for; ``--max-nesting`` allows more."""
_SLOT_COST = 12
"""Bytes of such a number, and of half a one: when there is no room for more, all are copied to twice as many."""


class DataSetRewriter:
    """Rewrites one data set that arrives in fragments.

    *transfer_syntax* is a UID; *dictionary* is called when implicit VR needs it; *note* takes the remarks of the
    parser, None if there is no listener; without *detailed* those of the debug level are left out. *saving* is
    False where the output is thrown away (``--ignore``): lines about writing are left out then. *max_nesting*
    sequences may lie in each other. With *single_steps* the scanner is not used: slow, and the same in every
    result.
    """

    __slots__ = (
        "_cursor", "_deflater", "_detailed", "_dictionary", "_elements", "_empty_last", "_encoding", "_ended",
        "_inflater", "_note", "_received", "_saving", "_scannable", "_transfer_syntax",
        "empty", "head", "held", "patches", "reorder", "series_date", "unsaveable",
    )  # fmt: skip

    def __init__(
        self,
        transfer_syntax: bytes,
        dictionary: Callable[[], DataDictionary],
        note: Callable[[Remark], None] | None = None,
        detailed: bool = False,
        saving: bool = True,
        max_nesting: int = limits.NESTING,
        *,
        single_steps: bool = False,
    ) -> None:
        self._encoding = encoding = encoding_of(transfer_syntax)
        self._transfer_syntax = transfer_syntax
        self._dictionary = dictionary
        self._note = note
        self._detailed = detailed and note is not None
        self._saving = saving
        self._received = 0
        self._empty_last = False
        self._ended = False
        self._elements: Elements | None = None
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        self.held = 0
        """About how many bytes are remembered of the data set beside what every data set needs."""

        # The findings, from `finish` on.
        self.head = MediaStorageUids(None, None)
        """UIDs for the file meta information. With `reorder` the second pass has the last word: `SecondPass.head`."""
        self.series_date: bytes | None = None
        """Raw value of the top level Series Date with VR DA."""
        self.empty = False
        """No element at all came (C000)."""
        self.unsaveable: str | None = None
        """The data set was parsed but cannot be written: text of the A700 (spec/storage.md 3.7)."""
        self.patches: Sequence[tuple[int, bytes]] = ()
        """(offset in the output, bytes) to be written over it: group lengths. Empty with `reorder`, which does them."""
        self.reorder: SecondPass | None = None
        """The second pass this data set needs, or None."""
        rules: Rules | None = EXPLICIT
        if encoding.big_endian or single_steps:
            rules = None
        elif not encoding.explicit:
            # The debug level has lines about elements of implicit VR that are otherwise unremarkable.
            rules = None if self._detailed else dictionary().rules
        self._scannable = rules is not None
        barrier = PIXEL_DATA if encoding.encapsulated else BEHIND_ELEMENTS
        self._cursor = Cursor(rules or EXPLICIT, barrier, 2 * max_nesting)
        if encoding.deflated:
            from dcmrecv.dataset.deflate import Deflater, Inflater

            self._inflater = Inflater()
            self._deflater = Deflater()

    def _complete_step(self) -> Elements:
        """Make what most data sets need nothing of."""
        from dcmrecv.dataset.diagnostics import Diagnostics
        from dcmrecv.dataset.elements import Elements

        diagnostics = Diagnostics(self._note, self._detailed, self._transfer_syntax)
        self._elements = elements = Elements(
            self._encoding,
            self._cursor,
            self._dictionary,
            diagnostics,
            scannable=self._scannable,
        )
        return elements

    def feed(self, views: Sequence[Buffer], last: bool) -> list[Buffer]:
        """Take the data of some fragments in order, *last* if the final one ends the data set.

        Returns the output they lead to, in order; it is valid until the views are. An empty final fragment of
        the data set must be given as an empty view: it matters (spec/storage.md 3.8 S7).
        Raises DataSetError where the reference would abort the association.
        """
        cursor = self._cursor
        count = len(views)
        if last and count and not len(views[-1]) and (self._received or (count > 1 and any(map(len, views)))):
            self._empty_last = True
            last = False
            count -= 1
        index = 0
        try:
            while index < count:
                if cursor.skip and self._passes_through:
                    index += cursor.pass_through(views, index, count - 1)
                view = views[index]
                index += 1
                if self._elements is not None:
                    self._elements.next_fragment()
                self._received += len(view)
                if type(view) is not memoryview:
                    view = memoryview(view)
                if self._inflater is not None:
                    self._feed_deflated(view)
                else:
                    self._walk(view, last and index == count)
        except DataSetError as error:
            error.fragments = index
            raise
        held = 0 if self._elements is None else self._elements.held
        slots = len(cursor.frames)
        if slots > _USUAL_SLOTS:
            held += _SLOT_COST * slots
        self.held = held
        return self._output()

    @property
    def _passes_through(self) -> bool:
        """Fragments inside a value need not be looked at one by one."""
        if self._inflater is not None:
            return False
        return self._elements is None or not self._elements.output.native_fragments

    def _output(self) -> list[Buffer]:
        if self._deflater is not None:
            return self._deflater.take()
        cursor = self._cursor
        out: list[Buffer] = cursor.out
        cursor.out = []
        return out

    def _walk(self, view: memoryview, final: bool) -> None:
        cursor = self._cursor
        elements = self._elements
        cursor.load(view)
        if elements is None and not cursor.skip:
            remarkable = not self._scannable or cursor.scan()
            if remarkable or (final and cursor.position < cursor.size):
                elements = self._complete_step()
        if elements is not None:
            elements.walk(final)
        cursor.unload()

    def _feed_deflated(self, view: memoryview) -> None:
        """Inflate, walk, deflate in bounded steps. The end of the deflate stream ends the data set."""
        inflater = self._inflater
        deflater = self._deflater
        assert inflater is not None
        assert deflater is not None
        if inflater.done:
            return
        for piece, end in inflater.feed(view):
            self._walk(memoryview(piece), end)
            deflater.feed(self._cursor.out)
            self._cursor.out = []
            self._ended = end

    def finish(self) -> list[Buffer]:
        """The data set is complete (after `feed` with *last*): return the rest of the output, and set the findings.

        Raises DataSetError if the data set is not complete in the reference's eyes.
        """
        cursor = self._cursor
        if self._inflater is not None:
            if not self._inflater.done and self._received:
                # cut off: the reference stores what there is (differences.md)
                raise DataSetError(INVALID_STREAM)
            if not self._ended:
                # The reference's inflater never reported the end of the data.
                self._empty_last = True
        elements = self._elements
        if elements is None and (cursor.depth or cursor.skip or cursor.held):
            elements = self._complete_step()
        if elements is not None:
            self._finish(elements)
        self.head = self._found_uids()
        self.series_date = cursor.series_date
        self.empty = not cursor.started
        if self._deflater is not None:
            self._deflater.feed(cursor.out)
            return self._deflater.finish()
        return self._output()

    def _finish(self, elements: Elements) -> None:
        elements.finish(self._empty_last, self._saving)
        output = elements.output
        self.unsaveable = output.unsaveable
        if elements.second_pass or (self._deflater is not None and output.lengths.patches):
            self.reorder = SecondPass(
                self._encoding, elements.disordered_items, output.lengths.adjustments, self._dictionary
            )
        else:
            self.patches = output.lengths.patches

    def early_head(self) -> MediaStorageUids | None:
        """Before `finish`: the UIDs for the file meta information, as soon as nothing that may still come changes them.

        What leads to `reorder` does. None: they are not known.
        """
        found = self._cursor
        if found.sop_class is None or found.sop_instance is None:
            return None
        last = found.frame(0)[4] if found.depth else found.last
        return self._found_uids() if last > SERIES_DATE else None

    def _found_uids(self) -> MediaStorageUids:
        uids = _up_to_nul(self._cursor.sop_class), _up_to_nul(self._cursor.sop_instance)
        return tuple.__new__(MediaStorageUids, uids)  # for each object


def _up_to_nul(value: bytes | None) -> bytes | None:
    return value if value is None or value == NO_TEXT else value.partition(b"\0")[0]
