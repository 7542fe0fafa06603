# The types of buffer.py for its compiled form.

cdef class ReceiveBuffer:
    cdef object _account
    cdef long long _full
    cdef public long long size, begin, end, wanted, arrivals
    cdef public bytearray data
    cdef public object view
    cdef public bint filled

    cpdef object room(self)
    cpdef received(self, long long count)
    cpdef grow(self)
    cpdef shrink(self)
    cpdef _continue_in(self, long long size)
