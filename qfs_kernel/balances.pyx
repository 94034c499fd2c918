# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Crediting: the values of two sorted id columns, added where both have the id."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from qfs_kernel.texts cimport (
    CHANGED,
    IN_BOTH,
    IN_FIRST,
    IN_OTHER,
    Next,
    Text,
    TextRows,
    Texts,
    next_id,
    text_at,
)
from qfs_kernel.u128 cimport (
    qfs_limb,
    u128,
    u128_add,
    u128_from_int,
    u128_less,
    u128_load,
    u128_make,
    u128_store,
)

cdef enum:
    OK = 0
    OVERFLOW = 1
    IDS_CHANGED = 2


def measure(TextRows ids not None, TextRows other_ids not None):
    """Rows of the union and bytes of its ids. (-1, 0): the ids were changed meanwhile."""
    cdef const Texts *first = &ids.texts
    cdef const Texts *other = &other_ids.texts
    cdef Py_ssize_t row = 0, other_row = 0, rows = 0
    cdef int64_t size = 0
    cdef Next where
    cdef Text text
    with nogil:
        while row < first.rows or other_row < other.rows:
            where = next_id(first, row, other, other_row)
            if where == CHANGED:
                rows, size = -1, 0
                break
            text = text_at(other, other_row) if where == IN_OTHER else text_at(first, row)
            if text.size < 0:
                rows, size = -1, 0
                break
            row += where != IN_OTHER
            other_row += where != IN_FIRST
            rows += 1
            size += text.size
    return rows, size


def merge_add(
    TextRows ids not None,
    const unsigned char[::1] values,
    TextRows other_ids not None,
    const unsigned char[::1] other_values,
    object maximum,
    int64_t[::1] merged_offsets,
    unsigned char[::1] merged_data,
    unsigned char[::1] merged_values,
):
    """Write the union of both columns; the outputs have the sizes that `measure` found.

    Returns (code, row, other_row): code 0 all done, 1 the sum of these rows is above `maximum`,
    2 the ids were changed meanwhile.
    """
    cdef const Texts *first = &ids.texts
    cdef const Texts *other = &other_ids.texts
    cdef u128 largest = u128_from_int(maximum)
    cdef Py_ssize_t row = 0, other_row = 0, i = 0, rows = merged_offsets.shape[0] - 1
    cdef int64_t end = 0, room = merged_data.shape[0]
    cdef int code = OK
    cdef Next where
    cdef Text text
    cdef u128 value, credit
    cdef qfs_limb carry = 0
    merged_offsets[0] = 0
    with nogil:
        while row < first.rows or other_row < other.rows:
            # Step 3. The lower of the next two ids, or both where they are one.
            where = next_id(first, row, other, other_row)
            if where == CHANGED or i == rows:
                code = IDS_CHANGED
                break
            text = text_at(other, other_row) if where == IN_OTHER else text_at(first, row)
            if text.size < 0 or text.size > room - end:
                code = IDS_CHANGED
                break
            memcpy(&merged_data[end], text.data, text.size)
            end += text.size
            # Step 4. A value that stands alone is kept, two are added.
            credit = value = u128_make(0, 0)
            if where != IN_OTHER:
                value = u128_load(&values[row * 16])
            if where != IN_FIRST:
                credit = u128_load(&other_values[other_row * 16])
            value = u128_add(value, credit, &carry)
            # Step 5. The sum is in its bounds.
            if where == IN_BOTH and (carry or u128_less(largest, value)):
                code = OVERFLOW
                break
            u128_store(&merged_values[i * 16], value)
            i += 1
            merged_offsets[i] = end
            row += where != IN_OTHER
            other_row += where != IN_FIRST
    if code == OK and (i != rows or end != room):
        code = IDS_CHANGED
    return code, row, other_row
