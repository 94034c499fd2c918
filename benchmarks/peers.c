/* Floors of pool * w / total, as one writes them in C: with the processor's division, and with
 * GMP. Cells of 16 bytes, little-endian; pool and total below 2^127. The leftover is not placed.
 */
#include <stddef.h>
#include <stdint.h>
#ifdef WITH_GMP
#include <gmp.h>
#endif

typedef unsigned __int128 wide;
typedef struct {
    uint64_t lo, hi;
} cell;

static wide join(cell c) { return (wide)c.hi << 64 | c.lo; }

/* One digit of Knuth's algorithm D: (high, low) / (d1, d0) for high < d and d1's top bit set. */
static uint64_t digit(wide *high, uint64_t low, uint64_t d1, uint64_t d0)
{
    wide d = (wide)d1 << 64 | d0;
    uint64_t top = (uint64_t)(*high >> 64);
    wide estimate = top >= d1 ? (wide)UINT64_MAX : *high / d1;
    wide rest = *high - estimate * d1;
    while ((rest >> 64) == 0 && estimate * d0 > (rest << 64 | low)) {
        estimate--;
        rest += d1;
    }
    *high = (*high << 64 | low) - (wide)(uint64_t)estimate * d;
    return (uint64_t)estimate;
}

void floors_hardware(const cell *weights, size_t rows, cell pool, cell total, cell *amounts)
{
    wide d = join(total), p = join(pool);
    int shift = 0;
    while (!(d >> 127)) {
        d <<= 1;
        shift++;
    }
    uint64_t d1 = (uint64_t)(d >> 64), d0 = (uint64_t)d;
    for (size_t i = 0; i < rows; i++) {
        wide w = join(weights[i]);
        wide ll = (wide)(uint64_t)p * (uint64_t)w, lh = (wide)(uint64_t)p * (uint64_t)(w >> 64);
        wide hl = (p >> 64) * (uint64_t)w, hh = (p >> 64) * (uint64_t)(w >> 64);
        wide middle = (ll >> 64) + (uint64_t)lh + (uint64_t)hl;
        wide high = hh + (lh >> 64) + (hl >> 64) + (middle >> 64);
        wide low = middle << 64 | (uint64_t)ll;
        if (shift) {
            high = high << shift | low >> (128 - shift);
            low <<= shift;
        }
        amounts[i].hi = digit(&high, (uint64_t)(low >> 64), d1, d0);
        amounts[i].lo = digit(&high, (uint64_t)low, d1, d0);
    }
}

#ifdef WITH_GMP
void floors_gmp(const cell *weights, size_t rows, cell pool, cell total, cell *amounts)
{
    mp_limb_t p[2] = {pool.lo, pool.hi}, d[2] = {total.lo, total.hi};
    int limbs = total.hi ? 2 : 1;
    for (size_t i = 0; i < rows; i++) {
        mp_limb_t w[2] = {weights[i].lo, weights[i].hi}, product[4], quotient[4] = {0}, rest[2];
        mpn_mul_n(product, p, w, 2);
        mpn_tdiv_qr(quotient, rest, 0, product, 4, d, limbs);
        amounts[i].lo = quotient[0];
        amounts[i].hi = quotient[1];
    }
}
#endif
