# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Merkle roots over rows of columns, hashed by a library that the caller has opened."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from qfs_kernel.sha256 cimport Sha256, digest, sha256_of

cdef enum:
    MAX_FIELDS = 16
    MAX_DEPTH = 40
    MAX_TEXT_BYTES = 4096
    LEAF_BYTES = 32768

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


cdef struct Tree:
    # The subtrees that wait for their right neighbours, largest first; `count` leaves so far.
    unsigned char waiting[MAX_DEPTH][32]
    unsigned char node[65]
    int depth
    Py_ssize_t count


cdef inline void clear(Tree *tree) noexcept nogil:
    tree.depth = 0
    tree.count = 0
    tree.node[0] = 1


cdef inline void join(Tree *tree, Sha256 *sha) noexcept nogil:
    # The last two subtrees become one.
    tree.depth -= 1
    memcpy(tree.node + 1, tree.waiting[tree.depth - 1], 32)
    memcpy(tree.node + 33, tree.waiting[tree.depth], 32)
    digest(sha, tree.node, 65, tree.waiting[tree.depth - 1])


cdef inline void count_leaf(Tree *tree, Sha256 *sha) noexcept nogil:
    # A leaf was written behind the subtrees that wait. Two subtrees of the same size become one:
    # as many times as the number of leaves has factors 2.
    cdef Py_ssize_t done
    tree.depth += 1
    tree.count += 1
    done = tree.count
    while done & 1 == 0:
        join(tree, sha)
        done >>= 1


cdef inline void finish(Tree *tree, Sha256 *sha, unsigned char *root) noexcept nogil:
    while tree.depth > 1:
        join(tree, sha)
    memcpy(root, tree.waiting[0], 32)


def subtree_roots(Rows rows, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t size, tuple functions):
    """The roots over rows start .. stop, cut every `size` rows, each cut a tree of its own.

    32 bytes each, one after another; `functions` are the addresses of init, update and final.
    """
    cdef unsigned char leaf[LEAF_BYTES]
    cdef Sha256 sha = sha256_of(functions)
    cdef Tree tree
    cdef Py_ssize_t row, first = start
    cdef size_t leaf_size = 1
    roots = bytearray(32 * ((stop - start + size - 1) // size))
    cdef unsigned char[::1] written = roots
    with nogil:
        while first < stop and leaf_size:
            clear(&tree)
            for row in range(first, min(first + size, stop)):
                leaf_size = encode(rows, row, leaf)
                if leaf_size == 0:
                    break
                digest(&sha, leaf, leaf_size, tree.waiting[tree.depth])
                count_leaf(&tree, &sha)
            if leaf_size:
                finish(&tree, &sha, &written[(first - start) // size * 32])
            first += size
    if leaf_size == 0:
        raise ValueError("the texts changed while they were read")
    return bytes(roots)


def root_over(const unsigned char[::1] roots, tuple functions):
    """The root of the tree that these roots are the lowest nodes of, 32 bytes each, at least one.

    All of them are over the same power of two of leaves, the last one over that or fewer.
    """
    cdef Sha256 sha = sha256_of(functions)
    cdef Tree tree
    cdef unsigned char root[32]
    cdef Py_ssize_t i
    with nogil:
        clear(&tree)
        for i in range(roots.shape[0] // 32):
            memcpy(tree.waiting[tree.depth], &roots[32 * i], 32)
            count_leaf(&tree, &sha)
        finish(&tree, &sha, root)
    return root[:32]
