# The types of parsing.py for its compiled form.

from dcmrecv.storage.session cimport StoreSession

cdef class ParsingSession(StoreSession):
    cdef public object _association, _observer, _rewriter, _store  # for the modes that are not compiled
    cdef bytes _transfer_syntax
    cdef public object request
