# The types of session.py for its compiled form.

cdef class StoreSession:
    cdef public object account, association, observer, request
    cdef public long long charged
    cdef public bint dropped
