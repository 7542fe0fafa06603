# The types of gil_gate.py for its compiled form.

cdef class _Gate:
    cdef public object lock
    cdef public bint open
    cdef public double seconds
    cdef public long long entries
    cpdef bint enter(self) except -1

cdef class GateTicket:
    cdef object _gates
    cdef _Gate _short, _inside
    cdef double _computed, _since
    cdef long long _size
    cdef public double debt
    cpdef enter(self, long long size)
    cpdef leave(self, long long size=*)
    cpdef _account(self, double now)
