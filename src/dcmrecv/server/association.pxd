# The types of association.py for its compiled form.

cimport cython
from dcmrecv.core.acceptor cimport Acceptor
from dcmrecv.memory cimport Account
from dcmrecv.server.gil_gate cimport GateTicket
from dcmrecv.server.transport cimport Transport

cdef class Association:
    cdef Acceptor _acceptor
    cdef Account _account
    cdef GateTicket _ticket
    cdef Transport _transport
    cdef object _agreed, _data_context, _observe, _observer, _passive_close, _request, _services, _session, _sock
    cdef frozenset _wanted
    cdef bint _cut_off, _ending, _over

    @cython.locals(
        acceptor=Acceptor, transport=Transport, ticket=GateTicket, handlers=dict, progressed=bint,
        size=cython.longlong, command_ends=double)
    cpdef _converse(self)
    cpdef _send(self)
    cpdef bint _respond(self, service, tuple impossible) except -1
    cpdef _complete(self, session, context_id)
    cpdef _end_session(self)
