"""One association from the acceptor's side: bytes in, events out.

`UpperLayer` deals with PDUs and states; here are the messages in them (PS3.7 section 6.3.1, PS3.8 Annex E;
spec/network.md c) and what the driver answers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from dcmrecv.conditions import Condition
from dcmrecv.core import conditions, limits, pdu
from dcmrecv.core.dimse import C_ECHO_RQ, C_STORE_RQ, Command, CommandError, CommandReader, read_elements
from dcmrecv.core.events import (
    AcceptedAssociation,
    DataFragments,
    EchoRequest,
    Event,
    ProtocolError,
    Stage,
    StoreRequest,
)
from dcmrecv.core.met import Met
from dcmrecv.core.negotiate import AcceptorSettings
from dcmrecv.core.pdu import HEADERS
from dcmrecv.core.responses import ResponseWriter
from dcmrecv.core.upper_layer import State, UpperLayer, Wait

__all__ = ["Acceptor", "AcceptorSettings", "Wait"]

_HEADER = struct.Struct(">BxI").unpack_from
_PDV = struct.Struct(">IBB").unpack_from
_LENGTH = struct.Struct(">I").unpack_from
_COMMAND_BIT = 1
_LAST_BIT = 2
_WHOLE_COMMAND = _COMMAND_BIT | _LAST_BIT


class Acceptor(UpperLayer):
    """The protocol of one connection. Used by one thread.

    The driver's part: pull `next_event` until it is None; send `data_to_send`; then, by `wait`, receive into
    `receive_buffer` and say `bytes_received`, or `receive_eof` or `receive_timeout`; and so on.
    """

    _responses: ResponseWriter  # since the association was accepted
    _fragments_length = 0
    _command_context = -1
    _bulk_header = b""  # the 12 bytes before the previous fragment of this data set
    _bulk_step = 0  # length of the PDU that began with them
    _handed = 0  # where the PDVs of the last `DataFragments` began
    _handed_end = 0  # and the end of the PDU they began in, if they began inside one

    def __init__(self, settings: AcceptorSettings) -> None:
        super().__init__(settings)
        self._commands = CommandReader(settings.layouts)
        self._fragments: list[bytes] = []  # of the command being received
        met = settings.met
        self._met_command = met.command
        self._met_data_set = met.data_set

    def _established(self, association: AcceptedAssociation) -> None:
        self._responses = ResponseWriter(
            association.request.max_pdu, association.max_send_pdv, self._settings.templates
        )

    def _forget_message(self) -> None:
        super()._forget_message()
        self._fragments = []
        self._fragments_length = 0
        self._bulk_header = b""

    # -- what the driver answers ---------------------------------------------------------------------

    def send_echo_response(self, request: EchoRequest, status: int = 0) -> tuple[Condition, ...]:
        """Answer *request*. Returns the causes why that cannot be done, else nothing.

        If it cannot be done, the acceptor aborts; its `ProtocolError` is the next event.
        """
        if not self._responses.possible:
            return self._no_response()
        self.unsent.append(
            self._responses.echo(request.context_id, request.message_id, request.sop_class_uid, status)
        )
        return ()

    def send_store_response(self, request: StoreRequest, status: int) -> tuple[Condition, ...]:
        """Answer *request* after its data set. Returns what `send_echo_response` returns."""
        if not self._responses.possible:
            return self._no_response()
        self.unsent.append(
            self._responses.store(
                request.context_id,
                request.message_id,
                request.sop_class_uid,
                request.sop_instance_uid,
                status,
            )
        )
        return ()

    def _no_response(self) -> tuple[Condition, ...]:
        assert self._association is not None
        reasons = conditions.response_too_long(self._association.request.max_pdu)
        self.abort(reasons)
        return reasons

    def abort(self, reasons: Sequence[Condition] = (), *, after: int | None = None) -> None:
        """Abort for a reason of the driver's; a `ProtocolError` with stage COMMAND is the next event.

        *after*: how many views of the last `DataFragments` count, if not all. The PDUs of the others are then
        what the peer says after our abort, as they are for the reference, which takes PDV by PDV. Ignored
        when the association is already over.
        """
        if self._state is not State.COMMAND and self._state is not State.DATA_SET:
            return
        if after is not None:
            self._rewind(after)
        self._events.clear()
        self._events.append(self._fail(tuple(reasons), Stage.COMMAND))

    def _rewind(self, count: int) -> None:
        """Go back to the end of the PDU with PDV number *count* of the last `DataFragments`."""
        pos = self._handed
        end = self._handed_end
        while True:
            while count > 0 and pos < end:
                count -= 1
                (length,) = _LENGTH(self._buffer, pos)
                pos += 4 + length
            if count <= 0 or end >= self._pos:
                break
            pos = end + pdu.HEADER
            (length,) = _LENGTH(self._buffer, end + 2)
            end = pos + length
        self._pos = end

    # -- commands ------------------------------------------------------------------------------------

    def _command(self) -> Event | None:
        """Collect the PDVs of a command set; the checks and their order are those of c.1."""
        if self._pdv == self._pdu_end and not self._fragments:
            header, size, context_id = self._met_command
            begin = self._pos
            end = begin + size
            if end <= self._end and self._buffer.startswith(header, begin):
                self._pos = self._pdv = self._pdu_end = end
                self._command_context = context_id
                self._command_started = True
                return self._complete_command(bytes(self._view[begin + HEADERS : end]), context_id)
        while True:
            if self._pdv == self._pdu_end:
                event = self._next_pdu()
                if event is not None:
                    return event
                if self._pdv == self._pdu_end:
                    return None
            begin = self._pdv
            length, context_id, flags = _PDV(self._buffer, begin)
            self._pdv = end = begin + 4 + length
            length -= 2
            fragments = self._fragments
            if not fragments:
                self._command_context = context_id
                if flags == _WHOLE_COMMAND and not length & 1 and length <= limits.WHOLE_COMMAND:
                    self._command_started = length > 0
                    if length and end == self._pdu_end and begin == self._pdu_begin:
                        self._met_command = self._settings.met.command = self._met(begin, end, context_id)
                    return self._complete_command(bytes(self._view[begin + 6 : end]), context_id)
            elif context_id != self._command_context:
                return self._fail(
                    conditions.contexts_in_command(self._command_context, context_id), Stage.COMMAND
                )
            if length & 1:
                # dropped, and the command ends here: what came before it counts
                return self._complete_command(b"".join(fragments), self._command_context, whole=False)
            if self._fragments_length + length > limits.WHOLE_COMMAND:
                return self._fail((conditions.RECEIVE_FAILED, conditions.COMMAND_TOO_LONG), Stage.COMMAND)
            fragments.append(bytes(self._view[begin + 6 : end]))
            self._fragments_length += length
            if length or not flags & _LAST_BIT:
                self._command_started = True
            if flags & _LAST_BIT or not flags & _COMMAND_BIT:
                return self._complete_command(
                    b"".join(fragments),
                    self._command_context,
                    is_data=not flags & _COMMAND_BIT,
                    whole=bool(flags & _LAST_BIT),
                )

    def _complete_command(
        self, data: bytes, context_id: int, *, is_data: bool = False, whole: bool = True
    ) -> Event:
        """Judge the command set *data*: *is_data* if its final fragment is of a data set, *whole* if that was
        the last."""
        transfer_syntax = self._contexts.get(context_id, b"")
        problem = () if transfer_syntax else (conditions.RECEIVE_FAILED, conditions.BAD_CONTEXT)
        if is_data and not problem:
            problem = (conditions.RECEIVE_FAILED, conditions.COMMAND_EXPECTED)
        try:
            if problem:
                # the reference has parsed, and remarked on, the elements before it looks at the context
                _, notes = read_elements(data, whole=whole)
                return self._fail(problem, Stage.COMMAND, notes=notes)
            command = self._commands.read(data, whole=whole)
        except CommandError as error:
            return self._fail(error.causes, Stage.COMMAND, notes=error.notes, lines=error.lines)
        if command.field != C_STORE_RQ and command.field != C_ECHO_RQ:
            return self._not_ours(command, data, context_id)
        if self._fragments:
            self._fragments = []
            self._fragments_length = 0
        self._command_started = False
        if command.field == C_STORE_RQ:
            self._state = State.DATA_SET
            self._data_context = -1
            return StoreRequest(
                context_id,
                command.message_id,
                command.class_uid,
                command.instance_uid,
                transfer_syntax,
                command.priority,
                command.data_set_type,
                command.move_originator,
                command.move_originator_id,
                data,
                command.notes,
            )
        return EchoRequest(context_id, command.message_id, command.class_uid, data, command.notes)

    def _not_ours(self, command: Command, data: bytes, context_id: int) -> ProtocolError:
        line = f"cannot handle this kind of DIMSE command (0x{command.field:04x}), we are a Storage SCP only"
        return self._fail(
            (conditions.BAD_COMMAND_TYPE,),
            Stage.COMMAND,
            lines=(("E", line),),
            notes=command.notes,
            command_set=data,
            context_of_command=context_id,
        )

    # -- data sets -----------------------------------------------------------------------------------

    def _data_set(self) -> Event | None:
        """Hand out all whole PDVs that are there; an error comes with the next call."""
        in_pdu = self._pdv < self._pdu_end
        if self._data_context < 0 and not in_pdu:
            header, size, context_id = self._met_data_set
            begin = self._pos
            end = begin + size
            if end <= self._end and self._buffer.startswith(header, begin) and context_id in self._contexts:
                self._handed = self._handed_end = begin
                self._pos = self._pdv = self._pdu_end = end
                self._state = State.COMMAND
                return DataFragments([self._view[begin + HEADERS : end]], True, context_id)
        views: list[memoryview] = []
        self._handed = self._pdv if in_pdu else self._pos
        self._handed_end = self._pdu_end if in_pdu else self._pos
        while True:
            if self._pdv == self._pdu_end:
                if self._bulk_header:
                    self._bulk(views)
                if views and not self._more_data():
                    break
                event = self._next_pdu()
                if event is not None:
                    return event
                if self._pdv == self._pdu_end:
                    break
            begin = self._pdv
            length, context_id, flags = _PDV(self._buffer, begin)
            reasons = self._data_problem(length - 2, context_id, flags)
            if reasons:
                if views:
                    break
                unknown = self._data_context < 0 and not flags & _COMMAND_BIT
                return self._fail(reasons, Stage.DATA_SET, context_id=context_id if unknown else None)
            self._data_context = context_id
            self._pdv = end = begin + 4 + length
            views.append(self._view[begin + 6 : end])
            if flags & _LAST_BIT:
                self._state = State.COMMAND
                self._data_context = -1
                self._bulk_header = b""
                if len(views) == 1 and end == self._pdu_end and begin == self._pdu_begin:
                    self._met_data_set = self._settings.met.data_set = self._met(begin, end, context_id)
                return DataFragments(views, True, context_id)
            if end == self._pdu_end and begin == self._pdu_begin:
                self._bulk_header = bytes(self._buffer[begin - pdu.HEADER : begin + 6])
                self._bulk_step = end - begin + pdu.HEADER
        if views:
            return DataFragments(views, False, self._data_context)
        return None

    def _met(self, begin: int, end: int, context_id: int) -> Met:
        """Return what tells another PDU like the one with only this PDV."""
        begin -= pdu.HEADER
        return Met(bytes(self._buffer[begin : begin + HEADERS]), end - begin, context_id)

    def _bulk(self, views: list[memoryview]) -> None:
        """Take PDUs whose 12 bytes of headers equal those of the previous one: nothing about them is new."""
        header = self._bulk_header
        step = self._bulk_step
        view = self._view
        pos = self._pos
        last = self._end - step
        same = self._buffer.startswith
        append = views.append
        while pos <= last and same(header, pos):
            append(view[pos + 12 : pos + step])
            pos += step
        self._pos = self._pdv = self._pdu_end = pos

    def _more_data(self) -> bool:
        """True if the next PDU is whole and holds sound PDVs; notes if it is only not whole yet."""
        pos = self._pos
        have = self._end - pos - pdu.HEADER
        if have < 0:
            self._starved = True
            return False
        kind, length = _HEADER(self._buffer, pos)
        if kind != pdu.P_DATA or length > self._max_pdu:
            return False
        if length > have:
            self._starved = True
            return False
        return pdu.pdv_problem(self._buffer, pos + pdu.HEADER, length) is None

    def _data_problem(self, length: int, context_id: int, flags: int) -> tuple[Condition, ...]:
        """Return why a PDV does not belong to the data set, or nothing (c.3, first paragraph)."""
        if flags & _COMMAND_BIT:
            return (conditions.UNEXPECTED_PDV,)
        if context_id != self._data_context:
            if self._data_context >= 0:
                return conditions.contexts_in_data_set(self._data_context, context_id)
            if context_id not in self._contexts:
                return (conditions.RECEIVE_FAILED, conditions.BAD_CONTEXT)
        return (conditions.odd_fragment(length),) if length & 1 else ()
