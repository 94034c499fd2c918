/* The steps of the kernel that decide a number, over the integers of u128.h.
 *
 * Each is one line of the reference done without a division per row; the comment states the fact
 * that makes it exact. At a narrow limb width all inputs of each can be tried.
 */
#ifndef QFS_SHARE_H
#define QFS_SHARE_H

#include "u128.h"

/* A pool shared by a total weight, made ready for many rows. */
typedef struct {
    u128 pool;    /* below 2^127 */
    u128 weight;  /* at least 1 */
    u128 factor;  /* floor(2^bits * pool / weight), below 2^128 because weight >= 2^(bits - 1) */
    int shift;    /* 128 - bits, where bits is the length of weight */
    int wide;     /* weight >= 2^127: twice the weight needs a bit more than 128 */
} qfs_ratio;

static inline qfs_ratio qfs_ratio_make(u128 pool, u128 weight)
{
    qfs_ratio ratio;
    u128 remainder;
    int bits = u128_bits(weight);
    ratio.pool = pool;
    ratio.weight = weight;
    ratio.factor = u256_div(u256_from_shifted(pool, bits), weight, &remainder);
    ratio.shift = QFS_WIDE_BITS - bits;
    ratio.wide = bits == QFS_WIDE_BITS;
    return ratio;
}

/* floor(pool * w / weight) and its remainder, for w <= weight.
 *
 * With K = 2^bits >= w the estimate floor(w * factor / K) is the quotient or one less, since
 * 0 <= w * (K * pool / weight - factor) / K < 1. So the rest pool * w - estimate * weight is below
 * 2 * weight, and one comparison corrects it. Both products are taken modulo 2^128, which loses
 * nothing unless the rest needs a 129th bit; then (wide) the upper halves supply it. */
static inline u128 qfs_share(const qfs_ratio *ratio, u128 w, u128 *remainder)
{
    qfs_limb ignored, borrow;
    u128 estimate = u128_mul(u128_shift_left(w, ratio->shift), ratio->factor).hi;
    u128 rest;
    int over = 0;
    if (ratio->wide) {
        u256 product = u128_mul(ratio->pool, w), taken = u128_mul(estimate, ratio->weight);
        rest = u128_sub(product.lo, taken.lo, &borrow);
        over = QFS_LIMB(product.hi.lo - taken.hi.lo - borrow) != 0;
    } else {
        rest = u128_sub(u128_mul_low(ratio->pool, w), u128_mul_low(estimate, ratio->weight),
                        &borrow);
    }
    if (over || !u128_less(rest, ratio->weight)) {
        rest = u128_sub(rest, ratio->weight, &borrow);
        estimate = u128_add(estimate, u128_make(0, 1), &ignored);
    }
    *remainder = rest;
    return estimate;
}

/* pool * w - share * weight for share = floor(pool * w / weight): below weight, so modulo 2^128
 * loses nothing. */
static inline u128 qfs_remainder(const qfs_ratio *ratio, u128 w, u128 share)
{
    qfs_limb borrow;
    return u128_sub(u128_mul_low(ratio->pool, w), u128_mul_low(share, ratio->weight), &borrow);
}

/* Whether the share of w in the pool exceeds the cap: pool * w > cap * weight, nothing divided. */
static inline int qfs_exceeds(u128 pool, u128 weight, u128 w, u128 cap)
{
    return u256_less(u128_mul(cap, weight), u128_mul(pool, w));
}

/* Whether cap_a / w_a < cap_b / w_b, for weights of at least 1. */
static inline int qfs_caps_earlier(u128 cap_a, u128 w_a, u128 cap_b, u128 w_b)
{
    return u256_less(u128_mul(cap_a, w_b), u128_mul(cap_b, w_a));
}

/* The digit of a remainder at a level of the selection: bits of remainder << shift, from the top,
 * QFS_DIGIT_BITS at a time. */
#define QFS_DIGIT_BITS (QFS_LIMB_BITS < 8 ? QFS_LIMB_BITS : 8)
#define QFS_DIGITS (1 << QFS_DIGIT_BITS)
#define QFS_LEVELS ((QFS_WIDE_BITS + QFS_DIGIT_BITS - 1) / QFS_DIGIT_BITS)

static inline uint32_t qfs_digit(u128 remainder, int shift, int level)
{
    int from_top = QFS_WIDE_BITS - QFS_DIGIT_BITS * (level + 1);
    u128 value = u128_shift_left(remainder, shift);
    value = from_top >= 0 ? u128_shift_right(value, from_top) : u128_shift_left(value, -from_top);
    return (uint32_t)(value.lo & (QFS_DIGITS - 1));
}

/* a * b / c rounded, for c > 0. Returns 0, or 1 where the result exceeds 128 bits.
 * rounding: 0 floor, 1 ceil, 2 half up, 3 half down. */
static inline int qfs_mul_div(u128 a, u128 b, u128 c, int rounding, u128 *result)
{
    u256 product = u128_mul(a, b);
    u128 remainder, quotient, opposite;
    qfs_limb carry = 0, borrow;
    int up;
    if (!u128_less(product.hi, c)) return 1;
    quotient = u256_div(product, c, &remainder);
    opposite = u128_sub(c, remainder, &borrow);
    switch (rounding) {
    case 0: up = 0; break;
    case 1: up = !u128_is_zero(remainder); break;
    case 2: up = !u128_less(remainder, opposite); break;
    default: up = u128_less(opposite, remainder); break;
    }
    *result = u128_add(quotient, u128_make(0, (qfs_limb)up), &carry);
    return carry != 0;
}

#endif
