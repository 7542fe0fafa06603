# The types of parsing.py for its compiled form.

from dcmrecv.storage.session cimport StoreSession

cdef class ParsingSession(StoreSession):
    cdef object _association, _rewriter, _shared
    cdef bytes _transfer_syntax
    cdef public object _observer  # for the modes that are not compiled
    cdef public object request
