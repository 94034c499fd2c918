/* The sum of many cells, and whether all are below a bound, in plain C that compilers turn into
 * vector instructions of any processor.
 */
#ifndef QFS_SCAN_H
#define QFS_SCAN_H

#include "u128.h"

/* The words of four cells. */
#define QFS_SCAN_WORDS 8

typedef struct {
    u128 low;
    uint64_t high;  /* the sum is high * 2^128 + low */
    int below;      /* 1 where all cells are surely below bound_hi * 2^64, else 0 */
} qfs_scanned;

/* Words are added in halves of 32 bits, so that up to 2^32 rows need no carry
 * (lemma sums.half_limbs_sum_within_a_limb), and joined by OR, which is at least the largest of
 * them (lemma sums.a_join_by_or_is_no_smaller). `rows` is a multiple of four. */
static inline qfs_scanned qfs_scan(const unsigned char *cells, int64_t rows, uint64_t bound_hi)
{
    uint64_t lower[QFS_SCAN_WORDS] = { 0 }, upper[QFS_SCAN_WORDS] = { 0 };
    uint64_t joined[QFS_SCAN_WORDS] = { 0 }, all = 0;
    qfs_scanned found = { { 0, 0 }, 0, 0 };
    for (int64_t i = 0; i < 16 * rows; i += 8 * QFS_SCAN_WORDS) {
        uint64_t words[QFS_SCAN_WORDS];
        memcpy(words, cells + i, sizeof words);
        for (int k = 0; k < QFS_SCAN_WORDS; k++) {
            words[k] = qfs_little_endian(words[k]);
            lower[k] += words[k] & UINT32_MAX;
            upper[k] += words[k] >> 32;
            joined[k] |= words[k];
        }
    }
    for (int k = 0; k < QFS_SCAN_WORDS; k++) {
        /* Word k counts 2^(64 * (k mod 2)), its upper half 2^32 times that
         * (lemma sums.a_sum_of_upper_halves_is_two_limbs). */
        qfs_limb carry;
        u128 sum = u128_add(u128_make(upper[k] >> 32, upper[k] << 32), u128_make(0, lower[k]),
                            &carry);
        if (k % 2) {
            found.low = u128_add(found.low, u128_make(sum.lo, 0), &carry);
            found.high += sum.hi + carry;
            all |= joined[k];
        } else {
            found.low = u128_add(found.low, sum, &carry);
            found.high += carry;
        }
    }
    found.below = all < bound_hi;
    return found;
}

#endif
