"""What the Cython modules use of u128.h and share.h, and the one way in and out of Python ints."""

from libc.stdint cimport uint32_t, uint64_t


cdef extern from "u128.h" nogil:
    ctypedef uint64_t qfs_limb
    ctypedef struct u128:
        qfs_limb lo
        qfs_limb hi
    int QFS_HAS_INT128
    u128 u128_make(qfs_limb hi, qfs_limb lo)
    bint u128_less(u128 a, u128 b)
    bint u128_is_zero(u128 a)
    u128 u128_add(u128 a, u128 b, qfs_limb *carry)
    u128 u128_sub(u128 a, u128 b, qfs_limb *borrow)
    u128 u128_load(const unsigned char *cell)
    void u128_store(unsigned char *cell, u128 value)
    qfs_limb qfs_limb_mul(qfs_limb a, qfs_limb b, qfs_limb *hi)


cdef extern from "share.h" nogil:
    ctypedef struct qfs_ratio:
        u128 weight
        int shift
    int QFS_DIGITS
    int QFS_LEVELS
    u128 qfs_share(const qfs_ratio *ratio, u128 w, u128 *remainder)
    bint qfs_exceeds(u128 pool, u128 weight, u128 w, u128 cap)
    bint qfs_caps_earlier(u128 cap_a, u128 w_a, u128 cap_b, u128 w_b)
    uint32_t qfs_digit(u128 remainder, int shift, int level)
    int qfs_mul_div(u128 a, u128 b, u128 c, int rounding, u128 *result)


cdef struct Sum:
    # A total of any number of cells: up to 2^32 of them below 2^128
    # (lemma sums.carries_counted_apart_lose_nothing).
    u128 low
    uint64_t high


cdef inline void sum_add(Sum *total, u128 value) noexcept nogil:
    cdef qfs_limb carry
    total.low = u128_add(total.low, value, &carry)
    total.high += carry


cdef inline object int_from_sum(Sum total):
    return int_from_u128(total.low) | (<object>total.high << 128)


cdef inline object int_from_u128(u128 value):
    if value.hi == 0:
        return value.lo
    return (<object>value.hi << 64) | value.lo


cdef inline u128 u128_from_int(object value) except *:
    # Raises OverflowError outside 0 .. 2^128 - 1.
    return u128_make(<uint64_t>(value >> 64), <uint64_t>(value & 0xFFFFFFFFFFFFFFFF))
