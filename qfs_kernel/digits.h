/* The first digits of the remainders of a slice, one byte each, and what the selection does with
 * them: count them, and settle what was paid in advance.
 *
 * The digits lie in the last quarter of the scratch, which has four bytes per row. The positions
 * of the rows that the cut leaves open are written over it from its beginning: the k-th of them
 * is found at a row k or later, and its four bytes end before the digit of the row after
 * (lemma leftovers.positions_end_before_the_digits_to_come).
 */
#ifndef QFS_DIGITS_H
#define QFS_DIGITS_H

#include <stdint.h>
#include <string.h>

#include "share.h"

#define QFS_BLOCK 64

/* Adds to counts[0 .. 255] how often each digit occurs. */
static inline void qfs_count_digits(const unsigned char *digits, int64_t rows, uint32_t *counts)
{
    /* Four tables, so that equal digits in a row do not wait for each other's sum. */
    uint32_t tables[4][QFS_DIGITS];
    int64_t i = 0;
    memset(tables, 0, sizeof tables);
    for (; i + 4 <= rows; i += 4)
        for (int k = 0; k < 4; k++) tables[k][digits[i + k]]++;
    for (; i < rows; i++) tables[0][digits[i]]++;
    for (int digit = 0; digit < QFS_DIGITS; digit++)
        for (int k = 0; k < 4; k++) counts[digit] += tables[k][digit];
}

/* Adds units, 1 or -1 as its two's complement, to a cell. */
static inline void qfs_pay(unsigned char *cell, u128 units)
{
    qfs_limb carry;
    u128_store(cell, u128_add(u128_load(cell), units, &carry));
}

/* Rows with a digit above `half` have one unit already. Afterwards those with a digit above
 * `cut` have it and no others (lemma leftovers.units_paid_ahead_are_mended); the positions of those
 * that have the digit `cut` are at the front of the scratch. Returns how many these are. */
static inline int64_t qfs_settle(unsigned char *amounts, unsigned char *scratch, int64_t rows,
                                 int half, int cut)
{
    const unsigned char *digits = scratch + 3 * rows;
    const int first = cut <= half ? cut : half + 1, last = cut <= half ? half : cut;
    const u128 units = cut <= half ? u128_make(0, 1) : u128_make(QFS_LIMB_MAX, QFS_LIMB_MAX);
    int64_t listed = 0;
    for (int64_t start = 0; start < rows; start += QFS_BLOCK) {
        unsigned char block[QFS_BLOCK] = { 0 }, inside[QFS_BLOCK];
        int count = rows - start < QFS_BLOCK ? (int)(rows - start) : QFS_BLOCK;
        memcpy(block, digits + start, (size_t)count);
        /* first <= digit <= last (lemma leftovers.one_comparison_tells_a_range) */
        for (int i = 0; i < QFS_BLOCK; i++)
            inside[i] = (unsigned char)(block[i] - first) <= (unsigned char)(last - first);
        for (int i = 0; i < count; i++) {
            uint32_t position = (uint32_t)(start + i);
            uint64_t eight;
            /* Few are inside, so most eights are passed over at once. */
            if (i % 8 == 0) {
                memcpy(&eight, inside + i, 8);
                if (!eight) { i += 7; continue; }
            }
            if (!inside[i]) continue;
            if (block[i] != cut || cut > half) qfs_pay(amounts + 16 * (start + i), units);
            if (block[i] != cut) continue;
            memcpy(scratch + 4 * listed, &position, 4);
            listed++;
        }
    }
    return listed;
}

#endif
