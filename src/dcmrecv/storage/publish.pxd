# The types of publish.py for its compiled form.

cdef class Target:
    cdef public object directory
    cdef public bytes path

cdef class ObjectFile:
    cdef object _parent, _publisher
    cdef bytes _path
    cdef int _descriptor
    cdef bint _flushed
    cdef public long long size

    cpdef bint is_open(self)
    cpdef open(self)
    cpdef write(self, chunks)
    cpdef _write(self, chunks)
    cpdef flush(self)
    cpdef _rename(self, Target target)
    cpdef _close(self)
