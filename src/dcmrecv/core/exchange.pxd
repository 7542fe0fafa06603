cimport cython

cdef long long _P_DATA, _PDU_HEADER, _HEADERS, _WHOLE_COMMAND, _LAST, _LONGEST_COMMAND, _LONGEST_UID
cdef long long _LONGEST_TITLE, _NO_DATA_SET, _BATCH
cdef long long _LENGTH_OF_PDU, _LENGTH_OF_PDV, _CONTEXT, _LENGTH_OF_GROUP, _FIELD, _MESSAGE_ID
cdef long long _DOT, _ZERO, _NINE, _STORE, _ECHO
cdef bytes _HEAD, _MIDDLE

@cython.final
cdef class Exchange:
    cdef public long long position
    cdef public object request
    cdef public bytes response
    cdef public list views
    cdef public bint last, stores

@cython.locals(
    body=cython.longlong, context_id=cython.longlong, pos=cython.longlong, stop=cython.longlong, exchange=Exchange)
cpdef frame_request(
    bytearray data, object view, long long begin, long long end, long long max_pdu, dict contexts)

@cython.locals(
    pos=cython.longlong, stop=cython.longlong, last=cython.longlong, field=cython.longlong,
    message_id=cython.longlong, priority=cython.longlong, data_set_type=cython.longlong,
    class_at=cython.longlong, class_size=cython.longlong, instance_at=cython.longlong,
    instance_size=cython.longlong, element=cython.longlong, size=cython.longlong, number=cython.longlong)
cdef bint _read(Exchange exchange, bytes command, long long context_id, object transfer_syntax) except -1

@cython.locals(class_uid=bytes, instance_uid=bytes, class_element=bytes, instance_element=bytes)
cdef bint _take(
    Exchange exchange, bytes command, long long context_id, object transfer_syntax, long long last,
    long long field, long long message_id, long long priority, long long data_set_type,
    long long class_at, long long class_size, long long instance_at, long long instance_size,
    object move_originator, object move_originator_id) except -1

@cython.locals(exchange=Exchange)
cpdef frame_data_set(
    bytearray data, object view, long long begin, long long end, long long max_pdu, long long context_id)

@cython.locals(views=list, pos=cython.longlong, body=cython.longlong, flags=cython.longlong)
cdef int _frame(
    Exchange exchange, bytearray data, object view, long long begin, long long end, long long max_pdu,
    long long context_id) except -1

@cython.locals(length=cython.longlong)
cdef long long _whole_pdv(bytearray data, long long pos, long long end, long long max_pdu) except -2

@cython.locals(stop=cython.longlong, byte=cython.uchar, value=bytes)
cdef bytes _uid(bytes command, long long pos, long long size)

@cython.locals(out=bytearray, where=cython.longlong, length=cython.longlong)
cdef bytes _response(
    long long context_id, long long message_id, long long field, bytes class_element, bytes instance_element)

@cython.locals(low=cython.longlong, high=cython.longlong)
cdef long long _u16(bytes data, long long pos) except -1

@cython.locals(low=cython.longlong, high=cython.longlong)
cdef long long _u32(bytes data, long long pos) except -1

@cython.locals(a=cython.longlong, b=cython.longlong, c=cython.longlong, d=cython.longlong)
cdef long long _big32(bytearray data, long long pos) except -1
