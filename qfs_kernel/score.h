/* The score of a row from its three ratios, in units of 1 / scale, rounded down once.
 *
 * A count fits in half a limb and the scale in one. So three counts multiply to a limb and a half,
 * which times the scale is less than three limbs
 * (lemma ratios.three_counts_and_the_scale_fit_in_three_limbs); and no score is above the scale
 * (lemma ratios.ratios_multiply_to_one_at_most), so that one step of division gives it
 * (lemma ratios.a_quotient_of_a_limb_is_one_step). At a narrow limb width all inputs can be tried.
 */
#ifndef QFS_SCORE_H
#define QFS_SCORE_H

#include "u128.h"

/* n of d, each at most half a limb, n <= d. */
typedef struct { qfs_limb n, d; } qfs_counts;

/* The ratio as it counts: 1 where its metric is neutral, 0 where it has too few samples.
 * min_samples is at least 1, so that no denominator is 0. */
static inline qfs_counts qfs_counted(qfs_counts given, qfs_limb min_samples, int is_neutral)
{
    qfs_counts counted = given;
    if (is_neutral || given.d < min_samples) {
        counted.n = (qfs_limb)(is_neutral != 0);
        counted.d = 1;
    }
    return counted;
}

/* a * b for numbers of one limb. */
static inline u128 qfs_product(qfs_limb a, qfs_limb b)
{
    return u128_mul(u128_make(0, a), u128_make(0, b)).lo;
}

/* numerator / (a.d * b.d * c.d) for a quotient of one limb. */
static inline qfs_limb qfs_over_denominators(u256 numerator, qfs_counts a, qfs_counts b,
                                             qfs_counts c)
{
    u128 denominator = qfs_product(QFS_LIMB(a.d * b.d), c.d);
    return u128_div_to_limb(u128_make(numerator.hi.lo, numerator.lo.hi), numerator.lo.lo,
                            denominator);
}

/* floor(scale * a * b * c) */
static inline qfs_limb qfs_score_product(qfs_limb scale, qfs_counts a, qfs_counts b, qfs_counts c)
{
    u128 numerator = qfs_product(QFS_LIMB(a.n * b.n), c.n);
    return qfs_over_denominators(u128_mul(numerator, u128_make(0, scale)), a, b, c);
}

/* floor(weights[0] * a + weights[1] * b + weights[2] * c) for weights that sum to the scale: the
 * sum over the common denominator is at most the scale times it, and so is each part
 * (lemmas ratios.a_weighted_sum_over_the_common_denominator,
 * ratios.parts_of_a_weighted_sum_fit). */
static inline qfs_limb qfs_score_sum(const qfs_limb weights[3], qfs_counts a, qfs_counts b,
                                     qfs_counts c)
{
    qfs_limb ignored;
    u128 part_a = u128_mul_low(qfs_product(weights[0], a.n), u128_make(0, b.d));
    u128 part_b = u128_mul_low(qfs_product(weights[1], b.n), u128_make(0, a.d));
    u256 both = u128_mul(u128_add(part_a, part_b, &ignored), u128_make(0, c.d));
    u256 last = u128_mul(qfs_product(weights[2], c.n), u128_make(0, QFS_LIMB(a.d * b.d)));
    return qfs_over_denominators(u256_add(both, last), a, b, c);
}

#endif
