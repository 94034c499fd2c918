# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""The Merkle-sum tree of a tally, over counted ballots where they lie.

A node is 80 bytes: its hash, then its sums for, against and abstain, 16 bytes each, big-endian. So
what an inner node hashes is its tag and then the bytes of both children as they stand.

`hashing` is (the addresses of init, update and final, tag of a leaf, tag of a node), each tag
behind its length.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from qfs_kernel.sha256 cimport Sha256, digest, sha256_of
from qfs_kernel.u128 cimport (
    qfs_limb,
    u128,
    u128_add,
    u128_from_int,
    u128_is_zero,
    u128_less,
    u128_load,
    u128_make,
)

cdef extern from "tally.h" nogil:
    u128 qfs_lower(u128 value, u128 cap)

cdef enum:
    AGAINST = 0
    FOR = 1
    NO_CHOICE = 3
    SUMS_AT = 32
    NODE_BYTES = 80
    LEAF_FIELDS = 29
    MAX_TAG_BYTES = 256
    MAX_RUN = 64

cdef uint64_t NO_BALLOT = 2**64 - 1

cdef struct Hashing:
    # An implementation, and the text of a leaf and of a node, which begin with their tags.
    Sha256 sha
    unsigned char leaf[MAX_TAG_BYTES + LEAF_FIELDS]
    unsigned char inner[MAX_TAG_BYTES + 2 * NODE_BYTES]
    size_t leaf_tag
    size_t inner_tag


cdef class Ballots:
    """Counted ballots in the order of their voters. Immutable; keeps their memory alive.

    Args:
        voters: of each ballot, ascending.
        firsts: of each voter of the snapshot seq * 4 + choice of the first ballot.
        powers: of each voter of the snapshot, cells.
        cap: the most that counts of any one power.
    """

    cdef const uint32_t[::1] voters
    cdef const uint64_t[::1] firsts
    cdef const uint8_t[::1] powers
    cdef u128 cap

    def __init__(self, voters, firsts, powers, object cap):
        self.voters = voters
        self.firsts = firsts
        self.powers = powers
        self.cap = u128_from_int(cap)


cdef Hashing hashing_of(tuple hashing) except *:
    cdef Hashing found
    cdef bytes leaf_tag = hashing[1], inner_tag = hashing[2]
    if len(leaf_tag) > MAX_TAG_BYTES or len(inner_tag) > MAX_TAG_BYTES:
        raise ValueError("a tag is too long")
    found.sha = sha256_of(hashing[0])
    found.leaf_tag = len(leaf_tag)
    found.inner_tag = len(inner_tag)
    memcpy(found.leaf, <const char *>leaf_tag, found.leaf_tag)
    memcpy(found.inner, <const char *>inner_tag, found.inner_tag)
    return found


cdef inline void store_big(unsigned char *into, uint64_t value, int width) noexcept nogil:
    cdef int b
    for b in range(width):
        into[b] = <unsigned char>(value >> (8 * (width - 1 - b)))


cdef inline uint64_t load_big(const unsigned char *bytes_) noexcept nogil:
    cdef int b
    cdef uint64_t value = 0
    for b in range(8):
        value = value << 8 | bytes_[b]
    return value


cdef inline void store_sum(unsigned char *into, u128 value) noexcept nogil:
    store_big(into, value.hi, 8)
    store_big(into + 8, value.lo, 8)


cdef inline u128 load_sum(const unsigned char *sum) noexcept nogil:
    return u128_make(load_big(sum), load_big(sum + 8))


def counted_voters(
    const uint64_t[::1] firsts,
    const uint8_t[::1] powers,
    object cap,
    uint64_t max_seq,
    object max_power,
    uint32_t[::1] voters,
):
    """Write the voters whose first ballot counts for something, in their order.

    `voters` has room for all. Returns how many they are, or -1 where a ballot can be no leaf: its
    choice is none of the three, its seq above `max_seq` or its power above `max_power`.
    """
    cdef u128 most = u128_from_int(cap), largest = u128_from_int(max_power), power
    cdef Py_ssize_t voter, count = 0
    cdef uint64_t first
    with nogil:
        for voter in range(firsts.shape[0]):
            first = firsts[voter]
            power = qfs_lower(u128_load(&powers[voter * 16]), most)
            if first == NO_BALLOT or u128_is_zero(power):
                continue
            if first & 3 == NO_CHOICE or first >> 2 > max_seq or u128_less(largest, power):
                count = -1
                break
            voters[count] = <uint32_t>voter
            count += 1
    return count


cdef inline void write_leaf(
    Ballots ballots, Py_ssize_t row, Hashing *hashing, unsigned char *node
) noexcept nogil:
    cdef uint32_t voter = ballots.voters[row]
    cdef uint64_t first = ballots.firsts[voter]
    cdef u128 power = qfs_lower(u128_load(&ballots.powers[<Py_ssize_t>voter * 16]), ballots.cap)
    cdef int choice = <int>(first & 3)
    cdef unsigned char *fields = hashing.leaf + hashing.leaf_tag
    store_big(fields, first >> 2, 8)
    store_big(fields + 8, voter, 4)
    fields[12] = <unsigned char>choice
    store_sum(fields + 13, power)
    digest(&hashing.sha, hashing.leaf, hashing.leaf_tag + LEAF_FIELDS, node)
    memset(node + SUMS_AT, 0, NODE_BYTES - SUMS_AT)
    store_sum(node + SUMS_AT + 16 * (0 if choice == FOR else 1 if choice == AGAINST else 2), power)


cdef inline bint write_inner(
    const unsigned char *pair, Hashing *hashing, unsigned char *node
) noexcept nogil:
    # False where the sums of both are more than 2^128 - 1 together.
    cdef unsigned char *children = hashing.inner + hashing.inner_tag
    cdef const unsigned char *sums = children + SUMS_AT
    cdef u128 sum, total = u128_make(0, 0)
    cdef qfs_limb carry, over = 0
    cdef int k
    memcpy(children, pair, 2 * NODE_BYTES)
    digest(&hashing.sha, hashing.inner, hashing.inner_tag + 2 * NODE_BYTES, node)
    for k in range(3):
        sum = u128_add(load_sum(sums + 16 * k), load_sum(sums + NODE_BYTES + 16 * k), &carry)
        over |= carry
        total = u128_add(total, sum, &carry)
        over |= carry
        store_sum(node + SUMS_AT + 16 * k, sum)
    return over == 0


cdef Py_ssize_t pair_off(
    const unsigned char *level, Py_ssize_t count, Hashing *hashing, unsigned char *above
) noexcept nogil:
    # Writes the level above this one, perhaps over it; an odd node goes up as it is. Returns how
    # many nodes that has, or -1 where sums go over their bound.
    cdef Py_ssize_t i, pairs = count // 2
    for i in range(pairs):
        if not write_inner(level + 2 * NODE_BYTES * i, hashing, above + NODE_BYTES * i):
            return -1
    if count & 1:
        memmove(above + NODE_BYTES * pairs, level + NODE_BYTES * (count - 1), NODE_BYTES)
    return count - pairs


def subtree_nodes(
    Ballots ballots, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t size, tuple hashing
):
    """The nodes over ballots start .. stop, cut every `size`, each cut a tree of its own.

    80 bytes each, one after another; a cut has at most 64 ballots. None where sums go over 2^128 -
    1.
    """
    cdef Hashing used = hashing_of(hashing)
    cdef unsigned char level[MAX_RUN * NODE_BYTES]
    cdef Py_ssize_t i, count = 1, first = start
    if not 0 < size <= MAX_RUN or not 0 <= start <= stop <= ballots.voters.shape[0]:
        raise ValueError("no such ballots")
    nodes = bytearray(NODE_BYTES * ((stop - start + size - 1) // size))
    cdef unsigned char[::1] written = nodes
    with nogil:
        while first < stop:
            count = min(size, stop - first)
            for i in range(count):
                write_leaf(ballots, first + i, &used, level + NODE_BYTES * i)
            while count > 1:
                count = pair_off(level, count, &used, level)
            if count < 0:
                break
            memcpy(&written[(first - start) // size * NODE_BYTES], level, NODE_BYTES)
            first += size
    return None if count < 0 else bytes(nodes)


def level_above(const uint8_t[::1] level, tuple hashing):
    """The nodes above these, which are at least one; None where sums go over 2^128 - 1."""
    cdef Hashing used = hashing_of(hashing)
    cdef Py_ssize_t count = level.shape[0] // NODE_BYTES, left
    nodes = bytearray(NODE_BYTES * (count - count // 2))
    cdef unsigned char[::1] written = nodes
    with nogil:
        left = pair_off(&level[0], count, &used, &written[0])
    return None if left < 0 else bytes(nodes)
