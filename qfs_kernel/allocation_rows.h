/* The passes of allocation.pyx that divide, row by row: the baseline, and the last rows of the
 * paths that take several at a time.
 */
#ifndef QFS_ALLOCATION_ROWS_H
#define QFS_ALLOCATION_ROWS_H

#include "level.h"

static inline const unsigned char *qfs_cell(const unsigned char *column, int64_t i)
{
    return column ? column + 16 * i : NULL;
}

/* Writes amounts and digits of the rows first .. rows as `floor_shares` says; returns the sum of
 * the amounts modulo 2^128. */
static inline u128 qfs_floor_shares_rows(const qfs_level *level, const unsigned char *cells,
                                         const unsigned char *caps, int64_t first, int64_t rows,
                                         unsigned char *amounts, unsigned char *digits)
{
    /* A copy of its own, which the compiler knows that no write to the cells can change. */
    const qfs_level at = *level;
    const int shares = !u128_is_zero(at.weight);
    const int is_likely = shares && at.ratio.up == 0 && !at.ratio.wide;
    u128 paid = u128_make(0, 0);
    qfs_limb carry;
    for (int64_t i = first; i < rows; i++) {
        u128 w = u128_load(cells + 16 * i), amount = u128_make(0, 0), remainder;
        uint32_t digit = 0;
        if (at.is_capped && qfs_level_exceeds(&at, w, qfs_cell(caps, i))) {
            amount = qfs_level_cap(&at, qfs_cell(caps, i));
        } else if (shares) {
            if (!is_likely || !qfs_likely_share(&at.ratio, w, &amount, &digit)) {
                amount = qfs_share(&at.ratio, w, &remainder);
                digit = qfs_digit(remainder, at.ratio.shift, 0);
            }
            amount = u128_add(amount, u128_make(0, digit > at.half), &carry);
        }
        digits[i] = (unsigned char)digit;
        u128_store(amounts + 16 * i, amount);
        paid = u128_add(paid, amount, &carry);
    }
    return paid;
}

#endif
