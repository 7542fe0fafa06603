# The types of normal.py for its compiled form.

from dcmrecv.storage.parsing cimport ParsingSession
from dcmrecv.storage.publish cimport ObjectFile

cdef class NormalSession(ParsingSession):
    cdef ObjectFile _file
    cdef object _failure, _found_uids
    cdef list _held
    cdef tuple _uids
    cdef bint _finished, _header_first
    cdef long long _header_size, _held_size
