"""Texts in columns, with offsets of 32 or 64 bits, and the one way to walk two sorted columns."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcmp, memcpy


cdef struct Texts:
    # Text i is data[offsets[i]:offsets[i + 1]], of `size` bytes in all; `width` is an offset's.
    const unsigned char *data
    const unsigned char *offsets
    int64_t size
    int width
    Py_ssize_t rows


cdef struct Text:
    # A size below 0 says that it does not lie in its memory, because someone wrote there after
    # the column was checked.
    const unsigned char *data
    int64_t size


cdef class TextRows:
    cdef Texts texts
    cdef const unsigned char[::1] offsets
    cdef const unsigned char[::1] data


cdef enum Next:
    IN_FIRST = 0
    IN_OTHER = 1
    IN_BOTH = 2
    CHANGED = 3


cdef inline int64_t offset_at(const Texts *texts, Py_ssize_t i) noexcept nogil:
    cdef int32_t narrow
    cdef int64_t wide
    if texts.width == 4:
        memcpy(&narrow, texts.offsets + 4 * i, 4)
        return narrow
    memcpy(&wide, texts.offsets + 8 * i, 8)
    return wide


cdef inline Text text_at(const Texts *texts, Py_ssize_t i) noexcept nogil:
    cdef Text text
    cdef int64_t start = offset_at(texts, i)
    cdef int64_t stop = offset_at(texts, i + 1)
    if start < 0 or stop < start or stop > texts.size:
        text.data = NULL
        text.size = -1
        return text
    text.data = texts.data + start
    text.size = stop - start
    return text


cdef inline Next next_id(
    const Texts *first, Py_ssize_t row, const Texts *other, Py_ssize_t other_row
) noexcept nogil:
    # Which column the lower of the next two ids stands in. At least one has an id left.
    cdef Text a, b
    cdef int order
    if row == first.rows:
        return IN_OTHER
    if other_row == other.rows:
        return IN_FIRST
    a = text_at(first, row)
    b = text_at(other, other_row)
    if a.size < 0 or b.size < 0:
        return CHANGED
    order = memcmp(a.data, b.data, min(a.size, b.size))
    if order < 0 or (order == 0 and a.size < b.size):
        return IN_FIRST
    if order > 0 or b.size < a.size:
        return IN_OTHER
    return IN_BOTH
