# The types of rewriter.py for its compiled form.

cimport cython
from dcmrecv.dataset.scan cimport Cursor

cdef long long _USUAL_SLOTS, _SLOT_COST

cdef class DataSetRewriter:
    cdef Cursor _cursor
    cdef object _deflater, _dictionary, _elements, _encoding, _inflater, _note, _transfer_syntax
    cdef bint _detailed, _empty_last, _ended, _saving, _scannable
    cdef long long _received
    cdef public bint empty
    cdef public long long held
    cdef public object head, patches, reorder, series_date, unsaveable

    @cython.locals(cursor=Cursor, count=cython.longlong, held=cython.longlong, index=cython.longlong, slots=cython.longlong)
    cpdef list feed(self, views, bint last)
    cpdef list finish(self)
    cpdef list _output(self)
    @cython.locals(cursor=Cursor, remarkable=bint)
    cpdef _walk(self, view, bint final)
    @cython.locals(found=Cursor)
    cpdef early_head(self)
