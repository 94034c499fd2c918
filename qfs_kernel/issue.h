/* The steps of issuance: a rate of each fee, and the residue that fees hand on to each other.
 *
 * (residue + fee * rate) div and mod scale, taken fee by fee, would make each division wait for the
 * one before. But fee * rate = quotient * scale + part does not depend on the residue
 * (lemma rates.quotient_and_carry_make_what_is_issued); and since residue and part are both below
 * the scale, their sum is below twice the scale, so that what it adds to the quotient is 0 or 1,
 * told by one comparison (lemma rates.a_residue_carries_one_at_most). Only that comparison is a
 * chain.
 *
 * At a narrow limb width all inputs can be tried.
 */
#ifndef QFS_ISSUE_H
#define QFS_ISSUE_H

#include "u128.h"

/* A rate in units of 1 / scale, made ready for many fees. */
typedef struct {
    qfs_limb rate;   /* at most the scale */
    qfs_limb scale;  /* at least 1, its top bit 0 */
    u128 factor;     /* floor(K * rate / scale) with K = 2^127, at most K */
} qfs_rate;

/* (lemma rates.a_factor_is_at_most_the_word) */
static inline qfs_rate qfs_rate_make(qfs_limb rate, qfs_limb scale)
{
    qfs_rate made;
    u128 remainder;
    made.rate = rate;
    made.scale = scale;
    made.factor = u256_div(u256_from_shifted(u128_make(0, rate), QFS_WIDE_BITS - 1),
                           u128_make(0, scale), &remainder);
    return made;
}

/* fee * rate div scale, for fee < K, and in *part its mod.
 *
 * The estimate floor(fee * factor / K) is the quotient or one less, since
 * 0 <= fee * (K * rate / scale - factor) / K < 1
 * (lemma shares.an_estimate_is_one_too_small_at_most). So the rest fee * rate - estimate * scale is
 * below twice the scale (lemma shares.the_rest_of_an_estimate_is_below_twice_the_weight), which
 * fits in a limb: the lower limbs of both products give it
 * (lemma limbs.a_difference_survives_the_word), and one comparison corrects it
 * (lemma shares.one_comparison_corrects_the_estimate). */
static inline u128 qfs_rate_of(const qfs_rate *rate, u128 fee, qfs_limb *part)
{
    qfs_limb ignored;
    u128 estimate = u128_mul(u128_shift_left(fee, 1), rate->factor).hi;
    qfs_limb rest = QFS_LIMB((uint64_t)fee.lo * rate->rate - (uint64_t)estimate.lo * rate->scale);
    qfs_limb more = rest >= rate->scale;
    *part = more ? (qfs_limb)(rest - rate->scale) : rest;
    return u128_add(estimate, u128_make(0, more), &ignored);
}

/* What part adds to the quotient, 0 or 1; the residue becomes (residue + part) mod scale. For
 * both below the scale. */
static inline qfs_limb qfs_carry(const qfs_rate *rate, qfs_limb part, qfs_limb *residue)
{
    qfs_limb sum = (qfs_limb)(*residue + part);
    qfs_limb carry = sum >= rate->scale;
    *residue = carry ? (qfs_limb)(sum - rate->scale) : sum;
    return carry;
}

#endif
