# The types of scan.py for its compiled form; without them the same source runs as it is.

cimport cython
cimport dcmrecv.dataset.native as memory

cdef long long ITEM, SEQUENCE, PIXEL_SEQUENCE, UNDEFINED, INFINITE, FIRST_TAG, BEHIND_ELEMENTS
cdef long long ITEM_TAG, ITEM_DELIMITER, SEQUENCE_DELIMITER, VOI_LUT_SEQUENCE
cdef long long SOP_CLASS_UID, SOP_INSTANCE_UID, SERIES_DATE
cdef long long SHORT, LONG, OPENS, UI, DA
cdef long long MORE, REMARKABLE, ROOM, WIDTH, LARGEST_COPY, SCRATCH, MAX_CAPTURED_VALUE
cdef const unsigned char[::1] UNDEFINED_BYTES, ITEM_END, SEQUENCE_END


cdef class Cursor:
    cdef public object view, held, out, frames, scratch
    cdef public object sop_class, sop_instance, series_date
    cdef public long long size, base, position, run
    cdef public long long skip, value_tag, value_length
    cdef public bint verbatim, started
    cdef public long long total, used, settled, adjusted
    cdef public long long kind, begin, end, tag, last, output_start
    cdef public long long depth, max_depth, floor, barrier, top_barrier
    cdef bint explicit
    cdef bytes table
    cdef dict special
    cdef long long private

    @cython.locals(index=cython.longlong, left=cython.longlong, size=cython.longlong, passed=cython.longlong)
    cpdef long long pass_through(self, object views, long long first, long long stop) except -1

    cpdef bint scan(self)

    @cython.locals(
        explicit=cython.bint, table=bytes, special=dict, private=cython.longlong,
        size=cython.longlong, base=cython.longlong, room=cython.longlong, slots=cython.longlong,
        max_depth=cython.longlong, floor=cython.longlong, barrier=cython.longlong,
        position=cython.longlong, run=cython.longlong, used=cython.longlong, total=cython.longlong,
        kind=cython.longlong, begin=cython.longlong, end=cython.longlong, sequence=cython.longlong,
        last=cython.longlong, output_start=cython.longlong, depth=cython.longlong, slot=cython.longlong,
        raw=cython.ulonglong, tag=cython.longlong, length=cython.longlong, value=cython.longlong,
        rule=cython.longlong, stop=cython.longlong,
    )
    cdef long long _scan(
        self, const unsigned char[::1] buffer, unsigned char[::1] target, long long[::1] frames
    ) except -1

    @cython.locals(first=cython.bint)
    cdef bint _keep(self, long long tag, long long vr, long long value, long long length, long long depth) except -1
    cdef int _refer(self, long long used, long long start, long long stop) except -1
    cpdef settle(self)
