# The types of gil_gate.py for its compiled form.

cdef class _Gate:
    cdef public object lock
    cdef public bint open
    cdef public double seconds
    cdef public long long entries
    cpdef bint enter(self) except -1

cdef class GateTicket:
    cdef _Gate _heavy, _inside, _short
    cdef double _computed, _since
    cdef long long _entries, _size
    cdef bint _alone, _spare
    cdef public double debt
    cpdef enter(self, long long size)
    cpdef leave(self, long long size=*)
    cpdef bint may_wait_actively(self) except -1
    cpdef long long _all_entries(self) except -1
    cpdef waited_actively(self, double seconds)
    cpdef _account(self, double now)
