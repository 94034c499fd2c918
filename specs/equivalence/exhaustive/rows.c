/* The pass of allocation_rows.h that writes amounts and digits, and the threshold of level.h that
 * stands for a common cap, at limbs of 4 bits, against plain C: for every pool, every weight up to
 * MOST_WEIGHT, every row of it, and every cap that may hold one, once common and once the row's
 * own. A pool of the protocol has a bit less than the limbs hold, and so has one here. */

#include "cells.h"

#include "allocation_rows.h"
#include "plain.h"

#define ROWS WORDS

static unsigned char cells[16 * ROWS], caps[16 * ROWS], amounts[16 * ROWS], digits[ROWS];

/* The rows of a weight as they are without caps. */
static uint32_t shares[ROWS], firsts[ROWS];

static void share_plainly(const qfs_level *level)
{
    const uint32_t pool = plain(level->pool), weight = plain(level->weight);
    for (uint32_t w = 0; w <= weight; w++) {
        shares[w] = pool * w / weight;
        firsts[w] = (pool * w % weight << level->ratio.shift) / (WORDS / QFS_DIGITS);
    }
}

/* Whether amounts, digits and their sum are the plain ones; has_cap: whether any row is capped. */
static const char *pass_differs(const qfs_level *level, uint32_t cap, int has_cap, int is_own)
{
    const uint32_t pool = plain(level->pool), weight = plain(level->weight);
    const uint32_t half = (weight / 2 << level->ratio.shift) / (WORDS / QFS_DIGITS);
    uint32_t sum = 0;
    u128 paid = qfs_floor_shares_rows(level, cells, is_own ? caps : NULL, 0, weight + 1, amounts,
                                      digits);
    for (uint32_t w = 0; w <= weight; w++) {
        uint32_t amount = shares[w], digit = firsts[w];
        if (has_cap && pool * w > cap * weight) {
            amount = cap;
            digit = 0;
        } else {
            amount += digit > half;
        }
        sum += amount;
        if (plain(u128_load(amounts + 16 * w)) != amount) return "an amount";
        if (digits[w] != digit) return "a digit";
    }
    return plain(paid) == sum % WORDS ? NULL : "the sum";
}

/* The rows that a common cap holds are those above the threshold, also where a weight is above
 * the level's, as that of a row capped before. */
static int threshold_differs(const qfs_level *level, uint32_t cap)
{
    const uint32_t pool = plain(level->pool), weight = plain(level->weight);
    int wrong = 0;
    for (uint32_t w = 0; w < WORDS; w++)
        wrong |= qfs_level_exceeds(level, wide(w), NULL) != (pool * w > cap * weight);
    return wrong;
}

static const char *cap_differs(uint32_t pool, uint32_t weight, uint32_t cap)
{
    qfs_level level = qfs_level_make(wide(pool), wide(weight), wide(WORDS - 1), 1);
    const char *wrong;
    for (uint32_t w = 0; w <= weight; w++) u128_store(caps + 16 * w, wide(cap));
    if ((wrong = pass_differs(&level, cap, 1, 1))) return wrong;
    level = qfs_level_make(wide(pool), wide(weight), wide(cap), 1);
    if (threshold_differs(&level, cap)) return "the threshold";
    return pass_differs(&level, cap, 1, 0);
}

int main(void)
{
    uint64_t tried = 0;
    for (uint32_t w = 0; w < WORDS; w++) u128_store(cells + 16 * w, wide(w));
    for (uint32_t weight = 1; weight <= MOST_WEIGHT; weight++)
        for (uint32_t pool = 0; pool < WORDS / 2; pool++) {
            qfs_level level = qfs_level_make(wide(pool), wide(weight), wide(WORDS - 1), 0);
            const char *wrong;
            share_plainly(&level);
            wrong = pass_differs(&level, 0, 0, 0);
            /* No share is above the pool, and so no row is held by a cap that is not below it. */
            for (uint32_t cap = 0; cap <= pool && !wrong; cap++, tried += weight + 1)
                wrong = cap_differs(pool, weight, cap);
            if (wrong) return differs_at(wrong, tried);
        }
    printf("%llu rows with caps\n", (unsigned long long)tried);
    return 0;
}
