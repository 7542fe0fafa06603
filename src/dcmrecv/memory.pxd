# The types of memory.py for its compiled form.

cdef class Account:
    cdef object _budget, _connection
    cdef public object held
    cdef public bint evicted
