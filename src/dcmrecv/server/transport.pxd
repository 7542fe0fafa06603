# The types of transport.py for its compiled form.

cimport cython
from dcmrecv.core.acceptor cimport Acceptor
from dcmrecv.core.buffer cimport ReceiveBuffer
from dcmrecv.server.gil_gate cimport GateTicket

cdef class Transport:
    cdef public object sock
    cdef object _boundary, _clocks, _stream, _timeout, _tls, _wait
    cdef double _deadline
    cdef bint _acknowledge, _answered, _handed_over, _near
    cdef GateTicket _ticket
    @cython.locals(buffer=ReceiveBuffer, count=object)
    cpdef long long receive(self, Acceptor acceptor, object wait, object watch=*) except -1
    @cython.locals(ticket=GateTicket, begin=double, end=double, now=double)
    cpdef object _receive_after_response(self, object room)
    cpdef send(self, bytes data)
