# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Merkle roots over rows of columns, hashed by a library that the caller has opened.

The three functions of a SHA-256 implementation (init, update, final, as OpenSSL's libcrypto has
them) come as addresses: this module links to no library and has no hash of its own.
"""

from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.string cimport memcpy

ctypedef int (*Init)(void *) noexcept nogil
ctypedef int (*Update)(void *, const void *, size_t) noexcept nogil
ctypedef int (*Final)(unsigned char *, void *) noexcept nogil

cdef enum:
    MAX_FIELDS = 16
    MAX_DEPTH = 40
    MAX_TEXT_BYTES = 4096
    LEAF_BYTES = 32768
    CONTEXT_BYTES = 512

cdef enum Kind:
    TEXTS_32 = 0
    TEXTS_64 = 1
    CELLS = 2
    WORDS = 3

cdef struct Field:
    Kind kind
    const unsigned char *data
    const unsigned char *offsets
    int64_t size
    int width


cdef class Rows:
    """Columns whose rows are the leaves. Immutable; keeps their memory alive.

    `fields` are (kind, data, offsets or None, width) with kind "texts", "cells" or "words".
    Offsets are 32 or 64 bits wide, words are native unsigned integers of 1, 2, 4 or 8 bytes.
    """

    cdef Field fields[MAX_FIELDS]
    cdef int count
    cdef list alive

    def __init__(self, fields):
        cdef const unsigned char[::1] data
        cdef const unsigned char[::1] offsets
        if len(fields) > MAX_FIELDS:
            raise ValueError("too many fields")
        self.alive = []
        self.count = 0
        widest = 0
        for kind, field_data, field_offsets, width in fields:
            data = field_data
            self.alive.append(data)
            self.fields[self.count].data = &data[0] if data.shape[0] else NULL
            self.fields[self.count].offsets = NULL
            self.fields[self.count].size = data.shape[0]
            self.fields[self.count].width = width
            if kind == "texts":
                offsets = field_offsets
                self.alive.append(offsets)
                self.fields[self.count].offsets = &offsets[0]
                self.fields[self.count].kind = TEXTS_32 if width == 4 else TEXTS_64
                widest += 2 + MAX_TEXT_BYTES
            elif kind == "cells":
                self.fields[self.count].kind = CELLS
                widest += 16
            else:
                self.fields[self.count].kind = WORDS
                widest += 8
            self.count += 1
        if widest >= LEAF_BYTES:
            raise ValueError("rows too wide")


cdef inline int64_t offset_at(const Field *field, Py_ssize_t i) noexcept nogil:
    cdef int32_t narrow
    cdef int64_t wide
    if field.kind == TEXTS_32:
        memcpy(&narrow, field.offsets + 4 * i, 4)
        return narrow
    memcpy(&wide, field.offsets + 8 * i, 8)
    return wide


cdef inline bint is_little_endian() noexcept nogil:
    cdef int one = 1
    return (<unsigned char *>&one)[0] == 1


cdef size_t encode(Rows rows, Py_ssize_t row, unsigned char *leaf) noexcept nogil:
    # Writes the row as the bytes of its leaf, big-endian, after the prefix that RFC 9162 asks for.
    # 0 where a text does not lie in its memory, because someone wrote there after it was checked.
    cdef size_t size = 1
    cdef int f, b, width
    cdef int64_t start, length
    cdef const Field *field
    cdef const unsigned char *source
    leaf[0] = 0
    for f in range(rows.count):
        field = &rows.fields[f]
        if field.kind == TEXTS_32 or field.kind == TEXTS_64:
            start = offset_at(field, row)
            length = offset_at(field, row + 1) - start
            if start < 0 or length < 0 or length > MAX_TEXT_BYTES:
                return 0
            if start + length > field.size:
                return 0
            leaf[size] = <unsigned char>(length >> 8)
            leaf[size + 1] = <unsigned char>(length & 0xFF)
            memcpy(leaf + size + 2, field.data + start, length)
            size += 2 + length
            continue
        width = 16 if field.kind == CELLS else field.width
        source = field.data + <Py_ssize_t>width * row
        # Cells are little-endian everywhere, words as the machine has them.
        if field.kind == CELLS or is_little_endian():
            for b in range(width):
                leaf[size + b] = source[width - 1 - b]
        else:
            memcpy(leaf + size, source, width)
        size += width
    return size


def range_root(
    Rows rows, Py_ssize_t start, Py_ssize_t stop, uintptr_t init, uintptr_t update, uintptr_t final
):
    """The RFC 9162 root over rows start .. stop as a tree of its own, 32 bytes, stop > start."""
    cdef unsigned char leaf[LEAF_BYTES]
    cdef unsigned char stack[MAX_DEPTH][32]
    cdef unsigned char context[CONTEXT_BYTES]
    cdef unsigned char node[65]
    cdef int depth = 0
    cdef Py_ssize_t row, done
    cdef size_t size = 0
    cdef Init begin = <Init>init
    cdef Update absorb = <Update>update
    cdef Final finish = <Final>final
    with nogil:
        node[0] = 1
        for row in range(start, stop):
            size = encode(rows, row, leaf)
            if size == 0:
                break
            begin(context)
            absorb(context, leaf, size)
            finish(stack[depth], context)
            depth += 1
            # Two subtrees of the same size become one: as many times as the count has factors 2.
            done = row - start + 1
            while done & 1 == 0:
                depth -= 1
                join(stack[depth - 1], stack[depth], node, context, begin, absorb, finish)
                done >>= 1
        while size and depth > 1:
            depth -= 1
            join(stack[depth - 1], stack[depth], node, context, begin, absorb, finish)
    if size == 0:
        raise ValueError("the texts changed while they were read")
    return stack[0][:32]


cdef inline void join(
    unsigned char *left,
    const unsigned char *right,
    unsigned char *node,
    unsigned char *context,
    Init begin,
    Update absorb,
    Final finish,
) noexcept nogil:
    # left becomes the hash of both.
    memcpy(node + 1, left, 32)
    memcpy(node + 33, right, 32)
    begin(context)
    absorb(context, node, 65)
    finish(left, context)
