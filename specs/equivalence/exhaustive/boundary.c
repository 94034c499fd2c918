/* Products, long division and a * b / c of u128.h and share.h at any limb width, for every choice
 * of limbs among those where something turns: beside 0, half a limb, its top bit and its largest
 * value. What comes out is held to the identity that defines it, in sums of shifted numbers, so
 * that no product is checked by a product. */

#include <stdio.h>

#include "share.h"

#define HALF_BIT ((qfs_limb)((qfs_limb)1 << QFS_HALF_BITS))
#define TOP_BIT ((qfs_limb)((qfs_limb)1 << (QFS_LIMB_BITS - 1)))

static const qfs_limb EDGES[] = {
    0, 1, 2, HALF_BIT - 1, HALF_BIT, HALF_BIT + 1, TOP_BIT - 1, TOP_BIT, TOP_BIT + 1,
    (qfs_limb)(QFS_LIMB_MAX - HALF_BIT), QFS_LIMB_MAX - 1, QFS_LIMB_MAX,
};
enum { COUNT = sizeof EDGES / sizeof EDGES[0], PAIRS = COUNT * COUNT };

static u128 word(int i) { return u128_make(EDGES[i / COUNT], EDGES[i % COUNT]); }

static int same(u256 a, u256 b) { return u128_equal(a.hi, b.hi) && u128_equal(a.lo, b.lo); }

static u256 product_by_bits(u128 a, u128 b)
{
    u256 sum = u256_from_shifted(u128_make(0, 0), 0);
    for (int i = 0; i < QFS_WIDE_BITS; i++)
        if (u128_shift_right(b, i).lo & 1) sum = u256_add(sum, u256_from_shifted(a, i));
    return sum;
}

static const char *quotient_differs(u256 n, u128 d)
{
    u128 remainder, quotient = u256_div(n, d, &remainder);
    if (!u128_less(remainder, d)) return "a remainder";
    if (!same(u256_add(u128_mul(quotient, d), u256_from_shifted(remainder, 0)), n))
        return "a quotient";
    return NULL;
}

/* Whether this is the product over c, rounded: by how much it times c is off the product. */
static int is_rounded(u128 found, u256 product, u128 c, int rounding)
{
    const u256 reached = u128_mul(found, c), step = u256_from_shifted(c, 0);
    const int is_above = u256_less(product, reached);
    const u256 low = is_above ? product : reached, high = is_above ? reached : product;
    qfs_limb borrow;
    u128 off = u128_sub(high.lo, low.lo, &borrow), rest = u128_sub(c, off, &borrow);
    if (!u256_less(high, u256_add(low, step))) return 0;
    switch (rounding) {
    case 0: return !is_above;
    case 1: return is_above || u128_is_zero(off);
    case 2: return is_above ? !u128_less(rest, off) : u128_less(off, rest);
    default: return is_above ? u128_less(off, rest) : !u128_less(rest, off);
    }
}

static const char *rounding_differs(u128 a, u128 b, u128 c)
{
    const u128 largest = u128_make(QFS_LIMB_MAX, QFS_LIMB_MAX);
    const u256 product = u128_mul(a, b);
    for (int rounding = 0; rounding < 4; rounding++) {
        u128 found = u128_make(0, 0);
        if (!qfs_mul_div(a, b, c, rounding, &found)) {
            if (!is_rounded(found, product, c, rounding)) return "a rounding";
        } else if (!u256_less(u128_mul(largest, c), product)
                   || is_rounded(largest, product, c, rounding)) {
            return "an overflow";
        }
    }
    return NULL;
}

int main(void)
{
    unsigned products = 0, quotients = 0, roundings = 0;
    const char *wrong = NULL;
    for (int i = 0; i < PAIRS; i++)
        for (int k = 0; k < PAIRS && !wrong; k++, products++) {
            const u256 product = u128_mul(word(i), word(k));
            if (!same(product, product_by_bits(word(i), word(k)))) wrong = "a product";
            if (!u128_equal(product.lo, u128_mul_low(word(i), word(k)))) wrong = "a lower product";
        }
    for (int i = 0; i < PAIRS; i++)
        for (int k = 0; k < PAIRS; k++)
            for (int d = 0; d < PAIRS && !wrong; d++) {
                u256 n;
                n.hi = word(i);
                n.lo = word(k);
                if (u128_less(n.hi, word(d))) {
                    wrong = quotient_differs(n, word(d));
                    quotients++;
                }
                if (u128_is_zero(word(d)) || wrong) continue;
                wrong = rounding_differs(word(i), word(k), word(d));
                roundings += 4;
            }
    if (wrong) {
        printf("%s differs\n", wrong);
        return 1;
    }
    printf("%u products, %u quotients, %u roundings\n", products, quotients, roundings);
    return 0;
}
