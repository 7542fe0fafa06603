# The functions of memory.py for compiled modules: ``cimport dcmrecv.dataset.native as memory``.
# Every position and length is checked against its buffer before memory is touched; all arithmetic is 64 bit.

from libc.string cimport memcpy


cdef inline unsigned long long word(const unsigned char[::1] source, long long start) except? 0xFFFFFFFF:
    if start < 0 or start > source.shape[0] - 4:
        raise IndexError("word beyond the buffer")
    cdef const unsigned char *at = &source[start]
    return (
        <unsigned long long>at[0] | <unsigned long long>at[1] << 8
        | <unsigned long long>at[2] << 16 | <unsigned long long>at[3] << 24
    )


cdef inline unsigned long long quad(const unsigned char[::1] source, long long start) except? 0:
    if start < 0 or start > source.shape[0] - 8:
        raise IndexError("quad beyond the buffer")
    cdef const unsigned char *at = &source[start]
    return (
        <unsigned long long>at[0] | <unsigned long long>at[1] << 8
        | <unsigned long long>at[2] << 16 | <unsigned long long>at[3] << 24
        | <unsigned long long>at[4] << 32 | <unsigned long long>at[5] << 40
        | <unsigned long long>at[6] << 48 | <unsigned long long>at[7] << 56
    )


cdef inline long long append(
    unsigned char[::1] target, long long at, const unsigned char[::1] source, long long start, long long stop
) except -1:
    if start < 0 or stop < start or stop > source.shape[0] or at < 0 or stop - start > target.shape[0] - at:
        raise IndexError("copy beyond a buffer")
    if stop > start:
        memcpy(&target[at], &source[start], stop - start)
    return at + stop - start
