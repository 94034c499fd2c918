# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Between Python ints and cells, and the checks that a column passes once."""

from operator import index

from cpython.bool cimport PyBool_Check
from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.long cimport PyLong_CheckExact
from libc.stdint cimport (
    int8_t,
    int16_t,
    int32_t,
    int64_t,
    uint8_t,
    uint16_t,
    uint32_t,
    uint64_t,
)
from libc.string cimport memcmp

from qfs_kernel.u128 cimport (
    Sum,
    int_from_sum,
    sum_add,
    u128,
    u128_from_int,
    u128_less,
    u128_load,
    u128_make,
    u128_store,
)

cdef extern from "pylong.h":
    int qfs_cell_from_long(object value, unsigned char *cell)
    object qfs_long_from_cell(const unsigned char *cell)

cdef extern from "scan.h" nogil:
    ctypedef struct qfs_scanned:
        u128 low
        uint64_t high
        bint below
    qfs_scanned qfs_scan(const unsigned char *cells, int64_t rows, uint64_t bound_hi)


ctypedef fused Offset:
    const int32_t
    const int64_t

ctypedef fused Word:
    const int8_t
    const int16_t
    const int32_t
    const int64_t
    const uint8_t
    const uint16_t
    const uint32_t
    const uint64_t

ctypedef fused Native:
    uint8_t
    uint32_t
    uint64_t


def pack(values, object maximum, unsigned char[::1] cells):
    """Write a list or tuple of ints as cells; returns (row at fault or -1, total).

    A row is at fault where it is no integer (a bool is none) or outside 0 .. maximum.
    """
    cdef u128 largest = u128_from_int(maximum)
    cdef u128 cell
    cdef Sum total = Sum(u128_make(0, 0), 0)
    cdef Py_ssize_t i = 0
    for value in values:
        if i * 16 >= cells.shape[0]:
            raise ValueError("the sequence grew while it was read")
        if not PyLong_CheckExact(value):
            if PyBool_Check(value):
                return i, 0
            try:
                value = int(index(value))
            except TypeError:
                return i, 0
        if not qfs_cell_from_long(value, &cells[i * 16]):
            return i, 0
        cell = u128_load(&cells[i * 16])
        if u128_less(largest, cell):
            return i, 0
        sum_add(&total, cell)
        i += 1
    if i * 16 != cells.shape[0]:
        raise ValueError("the sequence shrank while it was read")
    return -1, int_from_sum(total)


def blank(Py_ssize_t size):
    """So many bytes of memory with any contents."""
    return PyByteArray_FromStringAndSize(NULL, size)


def unpack(const unsigned char[::1] cells):
    """The cells as a list of ints."""
    cdef Py_ssize_t i
    return [qfs_long_from_cell(&cells[i * 16]) for i in range(cells.shape[0] // 16)]


def scan(const unsigned char[::1] cells, object maximum):
    """The lowest row above `maximum` or -1, and the total of the rows before it."""
    cdef u128 largest = u128_from_int(maximum)
    cdef u128 cell
    cdef Sum total = Sum(u128_make(0, 0), 0)
    cdef Py_ssize_t fault = -1
    cdef Py_ssize_t i, first = 0, rows = cells.shape[0] // 16
    cdef qfs_scanned found
    with nogil:
        if rows > 0:
            found = qfs_scan(&cells[0], rows, largest.hi)
            if found.below:
                first = rows
                total = Sum(found.low, found.high)
        # Where a value may be above the maximum, row by row.
        for i in range(first, rows):
            cell = u128_load(&cells[i * 16])
            if u128_less(largest, cell):
                fault = i
                break
            sum_add(&total, cell)
    return fault, int_from_sum(total)


def widen(Word[::1] words, object maximum, unsigned char[::1] cells):
    """Write integers as cells; returns (lowest row outside 0 .. maximum or -1, total before it)."""
    cdef uint64_t largest = min(maximum, 2**64 - 1)
    cdef Py_ssize_t fault = -1
    cdef Py_ssize_t i
    cdef u128 cell
    cdef Sum total = Sum(u128_make(0, 0), 0)
    with nogil:
        for i in range(words.shape[0]):
            cell = u128_make(0, <uint64_t>words[i])
            if words[i] < 0 or cell.lo > largest:
                fault = i
                break
            u128_store(&cells[i * 16], cell)
            sum_add(&total, cell)
    return fault, int_from_sum(total)


def narrow(Word[::1] words, uint64_t maximum, Native[::1] natives):
    """Write integers as native ones; returns the lowest row outside 0 .. maximum, or -1."""
    cdef Py_ssize_t fault = -1
    cdef Py_ssize_t i
    with nogil:
        for i in range(words.shape[0]):
            if words[i] < 0 or <uint64_t>words[i] > maximum:
                fault = i
                break
            natives[i] = <Native>words[i]
    return fault


def narrow_cells(const unsigned char[::1] cells, uint64_t maximum, Native[::1] natives):
    """Write the cells as native integers; returns the lowest row above `maximum`, or -1."""
    cdef u128 cell, largest = u128_make(0, maximum)
    cdef Py_ssize_t fault = -1
    cdef Py_ssize_t i
    with nogil:
        for i in range(natives.shape[0]):
            cell = u128_load(&cells[i * 16])
            if u128_less(largest, cell):
                fault = i
                break
            natives[i] = <Native>cell.lo
    return fault


def bytes_fit(const uint8_t[::1] natives, uint8_t maximum):
    """Whether no byte is above `maximum`."""
    cdef Py_ssize_t i
    cdef uint8_t highest = 0
    with nogil:
        for i in range(natives.shape[0]):
            highest = max(highest, natives[i])
    return highest <= maximum


def words_fit(const uint64_t[::1] natives, uint64_t maximum):
    """Whether no word is above `maximum`."""
    cdef Py_ssize_t i
    cdef uint64_t highest = 0
    with nogil:
        for i in range(natives.shape[0]):
            highest = max(highest, natives[i])
    return highest <= maximum


def ids_ascend(Offset[::1] offsets, const unsigned char[::1] data):
    """Whether all ids are well formed and each is above the one before it.

    Then they are unique and in canonical order. `offsets` has one more item than there are ids.
    """
    cdef Py_ssize_t rows = offsets.shape[0] - 1
    cdef Py_ssize_t size = data.shape[0]
    cdef int64_t start, length, before = 0, previous = 0
    cdef Py_ssize_t i, j
    cdef int order
    cdef bint ascend = True
    with nogil:
        for i in range(rows):
            start = offsets[i]
            length = offsets[i + 1] - start
            if length < 1 or length > 128 or start < 0 or start + length > size:
                ascend = False
                break
            for j in range(start, start + length):
                if data[j] < 0x21 or data[j] > 0x7E:
                    ascend = False
            if i > 0:
                order = memcmp(&data[previous], &data[start], min(before, length))
                if order > 0 or (order == 0 and before >= length):
                    ascend = False
            if not ascend:
                break
            previous = start
            before = length
    return ascend


def names_fit(Offset[::1] offsets, const unsigned char[::1] data, int64_t maximum_bytes):
    """Whether all names are well formed: 1 to `maximum_bytes` bytes of 0x21 to 0x7E.

    `offsets` has one more item than there are names.
    """
    cdef Py_ssize_t rows = offsets.shape[0] - 1
    cdef int64_t length, first = 0, last = 0
    cdef Py_ssize_t i
    cdef bint fit = True
    with nogil:
        if rows > 0:
            first = offsets[0]
            last = offsets[rows]
            fit = 0 <= first and last <= data.shape[0]
            for i in range(rows):
                # Unsigned, because what stands in foreign memory may be too far apart.
                length = <int64_t>(<uint64_t>offsets[i + 1] - <uint64_t>offsets[i])
                if length < 1 or length > maximum_bytes:
                    fit = False
                    break
        if fit:
            # The lengths are all positive, so the names lie one after another in first .. last.
            for i in range(first, last):
                if data[i] < 0x21 or data[i] > 0x7E:
                    fit = False
                    break
    return fit
