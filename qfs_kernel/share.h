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
    u128 factor;  /* floor(K * pool / weight), below 2^128 */
    int up;       /* K = 2^(128 - up): up is 0 where pool < weight, and shift elsewhere */
    int shift;    /* 128 - bits, where bits is the length of weight; weight >= 2^(bits - 1) */
    int wide;     /* weight >= 2^127: twice the weight needs a bit more than 128 */
    qfs_limb top; /* the upper half of weight << shift */
} qfs_ratio;

/* The factor fits in 128 bits (lemmas shares.a_factor_fits_where_the_pool_is_below_the_weight,
 * shares.a_factor_fits_where_twice_the_pool_does). */
static inline qfs_ratio qfs_ratio_make(u128 pool, u128 weight)
{
    qfs_ratio ratio;
    u128 remainder;
    int bits = u128_bits(weight);
    ratio.pool = pool;
    ratio.weight = weight;
    ratio.shift = QFS_WIDE_BITS - bits;
    ratio.up = u128_less(pool, weight) ? 0 : ratio.shift;
    ratio.factor = u256_div(u256_from_shifted(pool, QFS_WIDE_BITS - ratio.up), weight, &remainder);
    ratio.wide = bits == QFS_WIDE_BITS;
    ratio.top = u128_shift_left(weight, ratio.shift).hi;
    return ratio;
}

/* floor(pool * w / weight) and its remainder, for w <= weight.
 *
 * With K >= w the estimate floor(w * factor / K) is the quotient or one less, since
 * 0 <= w * (K * pool / weight - factor) / K < 1
 * (lemma shares.an_estimate_is_one_too_small_at_most); w and K are shifted up together
 * (lemma quotients.scaling_changes_no_quotient). So the rest pool * w - estimate * weight is below
 * 2 * weight
 * (lemma shares.the_rest_of_an_estimate_is_below_twice_the_weight), and one comparison corrects it
 * (lemma shares.one_comparison_corrects_the_estimate). Both products are taken modulo 2^128, which
 * loses nothing (lemma limbs.a_difference_survives_the_word) unless the rest needs a 129th bit;
 * then (wide) the upper halves supply it (lemma shares.a_bit_above_the_word_settles_the_rest). */
static inline u128 qfs_share(const qfs_ratio *ratio, u128 w, u128 *remainder)
{
    qfs_limb ignored, borrow;
    u128 estimate = u128_mul(u128_shift_left(w, ratio->up), ratio->factor).hi;
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
 * loses nothing (lemma limbs.a_difference_survives_the_word). */
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

/* Whether cap_a / w_a < cap_b / w_b, for weights of at least 1
 * (lemma levels.cross_multiplication_orders_caps). */
static inline int qfs_caps_earlier(u128 cap_a, u128 w_a, u128 cap_b, u128 w_b)
{
    return u256_less(u128_mul(cap_a, w_b), u128_mul(cap_b, w_a));
}

/* The digit of a remainder at a level of the selection: bits of remainder << shift, from the top,
 * QFS_DIGIT_BITS at a time. The first in which two remainders differ tells the larger
 * (lemma leftovers.the_higher_digit_is_the_larger_remainder). */
#define QFS_DIGIT_BITS (QFS_LIMB_BITS < 8 ? QFS_LIMB_BITS : 8)
#define QFS_DIGITS (1 << QFS_DIGIT_BITS)
#define QFS_LEVELS ((QFS_WIDE_BITS + QFS_DIGIT_BITS - 1) / QFS_DIGIT_BITS)

static inline uint32_t qfs_digit(u128 remainder, int shift, int level)
{
    int from = QFS_WIDE_BITS - shift - QFS_DIGIT_BITS * (level + 1);
    u128 value = from >= 0 ? u128_shift_right(remainder, from) : u128_shift_left(remainder, -from);
    return (uint32_t)(value.lo & (QFS_DIGITS - 1));
}

/* The share and the first digit of its remainder from the estimate alone, which is enough for
 * nearly every row; returns 0 where it does not tell, and then they are to be computed.
 *
 * For K = 2^128. Below the quotient the estimate's product has a fraction, whose upper limb is f;
 * the true one is at least f and below f + w.hi + 2, in units of that limb
 * (lemma shares.the_estimate_falls_short_by_w_at_most). Where this reaches no integer the
 * estimate is the quotient
 * (lemma shares.a_fraction_that_reaches_no_integer_tells_the_share). The upper limb of
 * remainder << shift is that fraction of the weight's: at least x = floor(f * top / 2^64), and
 * below x + w.hi + 4 (lemma shares.the_fraction_tells_the_remainders_upper_limb). Where both have
 * the same first digit it has it too (lemma shares.equal_digits_hold_all_between). */
static inline int qfs_likely_share(const qfs_ratio *ratio, u128 w, u128 *share, uint32_t *digit)
{
    u256 product = u128_mul(w, ratio->factor);
    qfs_limb f = product.lo.hi, x, margin = QFS_LIMB(w.hi + 4);
    qfs_limb_mul(f, ratio->top, &x);
    *share = product.hi;
    *digit = x >> (QFS_LIMB_BITS - QFS_DIGIT_BITS);
    return QFS_LIMB(f + margin) >= margin
           && QFS_LIMB(x + margin) >> (QFS_LIMB_BITS - QFS_DIGIT_BITS) == *digit;
}

/* a * b / c rounded, for c > 0. Returns 0, or 1 where the result exceeds 128 bits
 * (lemma quotients.the_upper_half_tells_whether_the_quotient_fits).
 * rounding: 0 floor, 1 ceil, 2 half up, 3 half down; the rest tells, compared with what it lacks
 * (lemmas quotients.rounding_up_adds_one_where_there_is_a_rest,
 * quotients.half_up_compares_the_rest_with_its_opposite,
 * quotients.half_down_compares_the_rest_with_its_opposite). */
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
