/* Cells of narrow words, for the passes over rows: 16 bytes, as the kernel's are, whose first two
 * hold the limbs. */
#ifndef QFS_NARROW_CELLS_H
#define QFS_NARROW_CELLS_H

#include "u128.h"

static inline u128 u128_load(const unsigned char *cell) { return u128_make(cell[1], cell[0]); }

static inline void u128_store(unsigned char *cell, u128 value)
{
    cell[0] = value.lo;
    cell[1] = value.hi;
}

#endif
