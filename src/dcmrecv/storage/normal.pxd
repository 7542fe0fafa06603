# The types of normal.py for its compiled form.

from dcmrecv.storage.publish cimport ObjectFile
from dcmrecv.storage.session cimport StoreSession

cdef class ParsingSession(StoreSession):
    cdef object _rewriter, _shared
    cdef bytes _transfer_syntax

cdef class NormalSession(ParsingSession):
    cdef ObjectFile _file
    cdef object _failure, _found_uids
    cdef list _held
    cdef tuple _uids
    cdef bint _finished, _header_first
    cdef long long _header_size, _held_size
