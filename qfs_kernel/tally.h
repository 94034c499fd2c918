/* What a tally needs beside 128-bit integers: sums by choice, and asking for memory ahead. */
#ifndef QFS_TALLY_H
#define QFS_TALLY_H

#include "u128.h"

/* A sum of up to 2^32 values, as four sums of half limbs: of the lower halves of lo and hi, then of
 * the upper halves. None can go over 2^64 (lemma sums.half_limbs_sum_within_a_limb), no addition
 * waits for a carry, and two go at a time (lemma sums.sums_of_halves_make_the_sum). */
typedef struct { uint64_t parts[4]; } qfs_sum;

static inline void qfs_sum_add(qfs_sum *sum, u128 value)
{
    sum->parts[0] += value.lo & QFS_HALF_MAX;
    sum->parts[1] += value.hi & QFS_HALF_MAX;
    sum->parts[2] += value.lo >> QFS_HALF_BITS;
    sum->parts[3] += value.hi >> QFS_HALF_BITS;
}

/* The lower of both, without a branch: whether a power is above its cap is not predictable
 * (lemma limbs.a_borrow_tells_the_lower). */
static inline u128 qfs_lower(u128 value, u128 cap)
{
#if QFS_HAS_INT128
    qfs_native128 a = ((qfs_native128)value.hi << 64) | value.lo;
    qfs_native128 b = ((qfs_native128)cap.hi << 64) | cap.lo;
    a = a < b ? a : b;
    return u128_make((qfs_limb)(a >> 64), (qfs_limb)a);
#else
    qfs_limb borrow = cap.lo < value.lo;
    qfs_limb is_above = (qfs_limb)((cap.hi < value.hi) | ((qfs_limb)(cap.hi - value.hi) < borrow));
    qfs_limb mask = QFS_LIMB((qfs_limb)0 - is_above);
    return u128_make((qfs_limb)(value.hi ^ ((value.hi ^ cap.hi) & mask)),
                     (qfs_limb)(value.lo ^ ((value.lo ^ cap.lo) & mask)));
#endif
}

/* The item at this position will be written; the position may lie beyond the array. */
static inline void qfs_prefetch(const void *array, uint64_t position, size_t width)
{
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch((const void *)((uintptr_t)array + (uintptr_t)(position * width)), 1, 3);
#else
    (void)array, (void)position, (void)width;
#endif
}

#endif
