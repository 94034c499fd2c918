/* The sum of many cells, and whether all are below a bound, without a branch or a carry. */
#ifndef QFS_SCAN_H
#define QFS_SCAN_H

#include "u128.h"

typedef struct {
    u128 low;
    uint64_t high;  /* the sum is high * 2^128 + low */
    int below;      /* 1 where all cells are surely below bound_hi * 2^64, else 0 */
} qfs_scanned;

/* lower + upper * 2^32 (lemma sums.a_sum_of_upper_halves_is_two_limbs) */
static inline u128 qfs_scan_join(uint64_t lower, uint64_t upper)
{
    qfs_limb carry;
    return u128_add(u128_make(upper >> 32, upper << 32), u128_make(0, lower), &carry);
}

/* Words are added in halves of 32 bits, so that up to 2^32 rows need no carry
 * (lemma sums.half_limbs_sum_within_a_limb), and joined by OR, which is at least the largest of
 * them (lemma sums.a_join_by_or_is_no_smaller). */
static inline qfs_scanned qfs_scan(const unsigned char *cells, int64_t rows, uint64_t bound_hi)
{
    uint64_t lo_lower = 0, lo_upper = 0, hi_lower = 0, hi_upper = 0, joined = 0;
    qfs_scanned found;
    qfs_limb carry;
    u128 high;
    for (int64_t i = 0; i < rows; i++) {
        u128 cell = u128_load(cells + 16 * i);
        lo_lower += cell.lo & UINT32_MAX;
        lo_upper += cell.lo >> 32;
        hi_lower += cell.hi & UINT32_MAX;
        hi_upper += cell.hi >> 32;
        joined |= cell.hi;
    }
    high = qfs_scan_join(hi_lower, hi_upper);
    found.low = u128_add(qfs_scan_join(lo_lower, lo_upper), u128_make(high.lo, 0), &carry);
    found.high = high.hi + carry;
    found.below = joined < bound_hi;
    return found;
}

#endif
