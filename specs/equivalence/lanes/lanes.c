/* What the kernel's passes give for the rows on standard input, once row by row and once in lanes.
 *
 *     lanes shares: groups of a pool, a weight and eight rows. Prints, row by row, shares and
 *         remainders of share.h, then the shares of share_ifma.h and the limbs of its remainders.
 *     lanes passes: groups of pool, weight, common cap, kind of caps, number of rows, then the rows
 *         and, where each has a cap of its own, these. Prints, of the rows alone and then of lanes
 *         and rows, what water-filling and the floor shares give.
 *
 * Every number is a cell of 16 bytes, little-endian. What is read lies in memory of exactly its
 * size, so that a sanitizer sees a step beyond it.
 */
#include "allocation_ifma.h"
#include "allocation_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL 16

static int reads(void *memory, size_t size) { return fread(memory, 1, size, stdin) == size; }

static void writes(const void *memory, size_t size)
{
    if (fwrite(memory, 1, size, stdout) != size) exit(2);
}

static void put(u128 value)
{
    unsigned char cell[CELL];
    u128_store(cell, value);
    writes(cell, CELL);
}

static unsigned char *cells_of(int64_t rows)
{
    unsigned char *cells = malloc(rows ? CELL * (size_t)rows : 1);
    if (!cells || !reads(cells, CELL * (size_t)rows)) exit(2);
    return cells;
}

/* ---- shares ---- */

static QFS_IFMA void put_lanes(const qfs_ratio52 *from, const unsigned char *cells)
{
    const qfs_lanes_ratio ratio = qfs_lanes_ratio_make(from);
    __m512i remainder[QFS_MOST_LIMBS];
    qfs_lanes share, limb, w = qfs_lanes_load(cells);
    unsigned char stored[CELL * QFS_LANES];
    for (int k = 0; k < QFS_MOST_LIMBS; k++) remainder[k] = _mm512_setzero_si512();
#define CALL(limbs, pool_limbs) share = qfs_lanes_share(limbs, pool_limbs, &ratio, w, remainder)
    QFS_BY_LIMBS(*from, CALL)
#undef CALL
    qfs_lanes_store(stored, share);
    writes(stored, sizeof stored);
    for (int k = 0; k < QFS_MOST_LIMBS; k++) {
        limb.lo = remainder[k];
        limb.hi = _mm512_setzero_si512();
        qfs_lanes_store(stored, limb);
        writes(stored, sizeof stored);
    }
}

static void shares(void)
{
    unsigned char numbers[2 * CELL];
    while (reads(numbers, sizeof numbers)) {
        u128 pool = u128_load(numbers), weight = u128_load(numbers + CELL);
        qfs_ratio ratio = qfs_ratio_make(pool, weight);
        qfs_ratio52 lanes = qfs_ratio52_make(pool, weight);
        unsigned char *cells = cells_of(QFS_LANES);
        for (int i = 0; i < QFS_LANES; i++) {
            u128 remainder, share = qfs_share(&ratio, u128_load(cells + CELL * i), &remainder);
            put(share);
            put(remainder);
        }
        put_lanes(&lanes, cells);
        free(cells);
    }
}

/* ---- passes ---- */

static void water_fill(const qfs_level *level, const unsigned char *cells,
                       const unsigned char *caps, int64_t rows, int in_lanes)
{
    const qfs_ratio52 ratio = qfs_ratio52_make(level->pool, level->weight);
    qfs_capped found = { { 0, 0 }, { 0, 0 }, 0 };
    qfs_limb carry;
    int64_t first = in_lanes ? qfs_water_fill_ifma(level, &ratio, cells, caps, rows, &found) : 0;
    for (int64_t i = first; i < rows; i++) {
        u128 w = u128_load(cells + CELL * i);
        if (!qfs_level_exceeds(level, w, qfs_cell(caps, i))) continue;
        found.count++;
        found.caps = u128_add(found.caps, qfs_level_cap(level, qfs_cell(caps, i)), &carry);
        found.weights = u128_add(found.weights, w, &carry);
    }
    put(u128_make(0, (qfs_limb)first));
    put(u128_make(0, (qfs_limb)found.count));
    put(found.caps);
    put(found.weights);
}

static void floor_shares(const qfs_level *level, const unsigned char *cells,
                         const unsigned char *caps, int64_t rows, int in_lanes)
{
    const qfs_ratio52 ratio = qfs_ratio52_make(level->pool, level->weight);
    unsigned char *amounts = malloc(rows ? CELL * (size_t)rows : 1);
    unsigned char *digits = malloc(rows ? (size_t)rows : 1);
    u128 paid = u128_make(0, 0);
    qfs_limb carry;
    int64_t first = 0;
    if (!amounts || !digits) exit(2);
    if (in_lanes)
        first = qfs_floor_shares_ifma(level, &ratio, cells, caps, rows, amounts, digits, &paid);
    paid = u128_add(paid, qfs_floor_shares_rows(level, cells, caps, first, rows, amounts, digits),
                    &carry);
    put(u128_make(0, (qfs_limb)first));
    put(paid);
    writes(amounts, CELL * (size_t)rows);
    writes(digits, (size_t)rows);
    free(amounts);
    free(digits);
}

static void passes(void)
{
    unsigned char numbers[5 * CELL];
    while (reads(numbers, sizeof numbers)) {
        u128 pool = u128_load(numbers), weight = u128_load(numbers + CELL);
        u128 common_cap = u128_load(numbers + 2 * CELL);
        int kind = (int)u128_load(numbers + 3 * CELL).lo;
        int64_t rows = (int64_t)u128_load(numbers + 4 * CELL).lo;
        qfs_level level = qfs_level_make(pool, weight, common_cap, kind != QFS_UNCAPPED);
        unsigned char *cells = cells_of(rows);
        unsigned char *caps = kind == QFS_OWN_CAPS ? cells_of(rows) : NULL;
        for (int in_lanes = 0; in_lanes < 2; in_lanes++) {
            if (kind != QFS_UNCAPPED) water_fill(&level, cells, caps, rows, in_lanes);
            floor_shares(&level, cells, caps, rows, in_lanes);
        }
        free(cells);
        free(caps);
    }
}

int main(int count, char **names)
{
    const char *what = count == 2 ? names[1] : "";
    if (!qfs_cpu_has_ifma()) return 3;
    if (!strcmp(what, "shares")) shares();
    else if (!strcmp(what, "passes")) passes();
    else return 2;
    return ferror(stdin) != 0;
}
