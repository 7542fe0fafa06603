# The types of bit_preserving.py for its compiled form.

from dcmrecv.storage.publish cimport ObjectFile, Target
from dcmrecv.storage.session cimport StoreSession

cdef class BitPreservingSession(StoreSession):
    cdef object _context_id, _filer, _reason
    cdef ObjectFile _file
    cdef Target _target
    cdef bint _creatable
