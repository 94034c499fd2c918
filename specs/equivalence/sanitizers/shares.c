/* The shares of a few rows at several levels, in memory of exactly their size. */

#include <stdlib.h>

#include "allocation_rows.h"

enum { ROWS = 3 };

int main(void)
{
    const u128 pool = u128_make(UINT64_MAX >> 2, UINT64_MAX - 58);
    unsigned char *cells = malloc(16 * ROWS), *amounts = malloc(16 * ROWS), *digits = malloc(ROWS);
    if (!cells || !amounts || !digits) return 2;
    for (int bits = 1; bits <= QFS_WIDE_BITS; bits++) {
        u128 weight = u128_shift_right(u128_make(QFS_LIMB_MAX, QFS_LIMB_MAX), QFS_WIDE_BITS - bits);
        qfs_level level = qfs_level_make(pool, weight, weight, bits % 2);
        u128_store(cells, weight);
        u128_store(cells + 16, u128_shift_right(weight, 1));
        u128_store(cells + 32, u128_make(0, 1));
        qfs_floor_shares_rows(&level, cells, NULL, 0, ROWS, amounts, digits);
    }
    free(cells);
    free(amounts);
    free(digits);
    return 0;
}
