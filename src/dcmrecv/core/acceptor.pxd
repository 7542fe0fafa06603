# The types of acceptor.py for its compiled form.

cimport cython
from dcmrecv.core.buffer cimport ReceiveBuffer
from dcmrecv.core.upper_layer cimport UpperLayer
from dcmrecv.core.exchange cimport Exchange

cdef class Acceptor:
    cdef object _account, _association, _responses, _settings, _stage
    cdef Exchange _exchange
    cdef bytearray _command
    cdef dict _contexts
    cdef tuple _pending
    cdef object _framed
    cdef long long _command_context, _command_pdvs, _data_context
    cdef bint _command_started, _general
    cdef UpperLayer _layer
    cdef public ReceiveBuffer buffer
    cdef public list unsent

    cpdef next_event(self)
    cpdef bytes data_to_send(self)
    @cython.locals(
        buffer=ReceiveBuffer, begin=cython.longlong, end=cython.longlong, limit=cython.longlong,
        context_id=cython.longlong, exchange=Exchange)
    cpdef _usual(self)
    cpdef _fragments(self, Exchange exchange, long long context_id)
