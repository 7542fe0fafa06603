# The types of transport.py for its compiled form.

cimport cython
from dcmrecv.core.acceptor cimport Acceptor
from dcmrecv.core.buffer cimport ReceiveBuffer

cdef class Transport:
    cdef public object sock
    cdef object _boundary, _clocks, _stream, _timeout, _tls, _wait
    cdef double _deadline
    cdef bint _acknowledge, _handed_over
    @cython.locals(buffer=ReceiveBuffer, count=object)
    cpdef long long receive(self, Acceptor acceptor, object wait, object watch=*) except -1
    cpdef send(self, bytes data)
