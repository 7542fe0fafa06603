# The types of upper_layer.py for its compiled form.

cimport cython
from dcmrecv.core.buffer cimport ReceiveBuffer

cdef class UpperLayer:
    cdef ReceiveBuffer _buffer
    cdef long long _max_pdu, _aborted_at, _drop
    cdef public long long left
    cdef public object state, ended
    cdef public list unsent

    @cython.locals(buffer=ReceiveBuffer)
    cpdef next(self)
    cpdef take(self, arrival, cause=*, bytes data=*)
    cpdef _arrival(self, kind, length)
    @cython.locals(buffer=ReceiveBuffer)
    cpdef _whole(self, arrival, long long length)
    cpdef _header(self, arrival, kind, length)
    cpdef _at_end(self, ended)
