/* The step of share.h that divides, on eight rows at a time, with AVX-512 IFMA.
 *
 * IFMA multiplies limbs of 52 bits and adds the lower or the upper half of the product to a lane
 * of 64 bits. So a number is one to three vectors of limbs, lowest first, and a sum of up to 2^12
 * halves needs no carry in between (lemma vectors.sums_of_few_halves_need_no_carry).
 *
 * Everything is scaled by 2^shift, so that the total weight ends one bit below a whole number of
 * limbs: what is left of a row's share before the correction, which is below twice the weight,
 * then never needs a limb more (lemma vectors.twice_the_scaled_weight_fits_in_its_limbs).
 */
#ifndef QFS_SHARE_IFMA_H
#define QFS_SHARE_IFMA_H

#include "cpu.h"
#include "share.h"

#define QFS_LIMB52_BITS 52
#define QFS_LIMB52_MAX ((UINT64_C(1) << QFS_LIMB52_BITS) - 1)
#define QFS_MOST_LIMBS 3

/* A `qfs_ratio` in limbs of 52 bits. */
typedef struct {
    uint64_t pool[QFS_MOST_LIMBS];
    uint64_t factor[QFS_MOST_LIMBS];    /* 2 * floor(2^bits * pool / weight) */
    uint64_t opposite[QFS_MOST_LIMBS];  /* 2^(52 * limbs) - weight * 2^shift */
    int limbs;       /* of a weight: the fewest that hold its bits and one more, bits + 1 */
    int pool_limbs;  /* of the factor, which is at least twice the pool, and so of any share
                      * (lemma shares.a_factor_is_not_below_the_pool) */
    int shift;       /* 52 * limbs - 1 - bits, 0 .. 51 */
} qfs_ratio52;

static inline void qfs_limbs52(uint64_t *limbs, u128 value)
{
    limbs[0] = value.lo & QFS_LIMB52_MAX;
    limbs[1] = (value.lo >> 52 | value.hi << 12) & QFS_LIMB52_MAX;
    limbs[2] = value.hi >> 40;
}

static inline qfs_ratio52 qfs_ratio52_make(u128 pool, u128 weight)
{
    qfs_ratio52 ratio;
    u128 remainder;
    uint64_t carry = 0;
    int bits = u128_bits(weight);
    ratio.limbs = bits / QFS_LIMB52_BITS + 1;
    ratio.shift = QFS_LIMB52_BITS * ratio.limbs - 1 - bits;
    qfs_limbs52(ratio.pool, pool);
    qfs_limbs52(ratio.factor, u256_div(u256_from_shifted(pool, bits), weight, &remainder));
    for (int i = 0; i < QFS_MOST_LIMBS; i++) {
        uint64_t twice = 2 * ratio.factor[i] + carry;
        ratio.factor[i] = twice & QFS_LIMB52_MAX;
        carry = twice >> QFS_LIMB52_BITS;
    }
    ratio.pool_limbs = ratio.factor[2] ? 3 : ratio.factor[1] ? 2 : 1;
    carry = 1;
    for (int i = 0; i < QFS_MOST_LIMBS; i++) {
        int from = QFS_LIMB52_BITS * i - ratio.shift;
        u128 above = from < 0 ? u128_shift_left(weight, -from)
                     : from < QFS_WIDE_BITS ? u128_shift_right(weight, from) : u128_make(0, 0);
        /* The complement of a limb, and 1 more at the lowest: two's complement
         * (lemma vectors.complements_and_one_make_the_opposite). */
        uint64_t limb = QFS_LIMB52_MAX - (above.lo & QFS_LIMB52_MAX) + carry;
        ratio.opposite[i] = limb & QFS_LIMB52_MAX;
        carry = limb >> QFS_LIMB52_BITS;
    }
    return ratio;
}

#if QFS_HAS_IFMA

#define QFS_LANES 8

/* Eight values of 128 bits. */
typedef struct { __m512i lo, hi; } qfs_lanes;

/* The order of the rows in the lanes is 0 4 1 5 2 6 3 7; storing undoes it. */
QFS_IFMA_INLINE qfs_lanes qfs_lanes_load(const unsigned char *cells)
{
    __m512i first = _mm512_loadu_si512(cells), second = _mm512_loadu_si512(cells + 64);
    qfs_lanes value = { _mm512_unpacklo_epi64(first, second),
                        _mm512_unpackhi_epi64(first, second) };
    return value;
}

QFS_IFMA_INLINE void qfs_lanes_store(unsigned char *cells, qfs_lanes value)
{
    _mm512_storeu_si512(cells, _mm512_unpacklo_epi64(value.lo, value.hi));
    _mm512_storeu_si512(cells + 64, _mm512_unpackhi_epi64(value.lo, value.hi));
}

QFS_IFMA_INLINE qfs_lanes qfs_lanes_fill(u128 value)
{
    qfs_lanes filled = { _mm512_set1_epi64((long long)value.lo),
                         _mm512_set1_epi64((long long)value.hi) };
    return filled;
}

QFS_IFMA_INLINE __mmask8 qfs_lanes_less(qfs_lanes a, qfs_lanes b)
{
    __mmask8 less = _mm512_cmplt_epu64_mask(a.hi, b.hi);
    __mmask8 equal = _mm512_cmpeq_epi64_mask(a.hi, b.hi);
    return (__mmask8)(less | (equal & _mm512_cmplt_epu64_mask(a.lo, b.lo)));
}

QFS_IFMA_INLINE __mmask8 qfs_lanes_equal(qfs_lanes a, qfs_lanes b)
{
    return _mm512_cmpeq_epi64_mask(a.hi, b.hi) & _mm512_cmpeq_epi64_mask(a.lo, b.lo);
}

QFS_IFMA_INLINE qfs_lanes qfs_lanes_choose(__mmask8 which, qfs_lanes yes, qfs_lanes no)
{
    qfs_lanes chosen = { _mm512_mask_mov_epi64(no.lo, which, yes.lo),
                         _mm512_mask_mov_epi64(no.hi, which, yes.hi) };
    return chosen;
}

/* total + value modulo 2^128, in the lanes of `which`
 * (lemma limbs.a_carry_shows_as_a_smaller_sum). */
QFS_IFMA_INLINE qfs_lanes qfs_lanes_add(qfs_lanes total, __mmask8 which, qfs_lanes value)
{
    __m512i lo = _mm512_mask_add_epi64(total.lo, which, total.lo, value.lo);
    __m512i hi = _mm512_mask_add_epi64(total.hi, which, total.hi, value.hi);
    __mmask8 carry = _mm512_mask_cmplt_epu64_mask(which, lo, value.lo);
    qfs_lanes sum = { lo, _mm512_mask_add_epi64(hi, carry, hi, _mm512_set1_epi64(1)) };
    return sum;
}

static inline QFS_IFMA u128 qfs_lanes_sum(qfs_lanes total)
{
    uint64_t lo[QFS_LANES], hi[QFS_LANES];
    u128 sum = u128_make(0, 0);
    qfs_limb carry;
    _mm512_storeu_si512(lo, total.lo);
    _mm512_storeu_si512(hi, total.hi);
    for (int i = 0; i < QFS_LANES; i++) sum = u128_add(sum, u128_make(hi[i], lo[i]), &carry);
    return sum;
}

/* A `qfs_ratio52` in every lane, and the counts of shifting. */
typedef struct {
    __m512i pool[QFS_MOST_LIMBS], factor[QFS_MOST_LIMBS], opposite[QFS_MOST_LIMBS];
    __m512i largest;
    __m128i up, over_up, down, over_down, top_down, top_up, top_over;
} qfs_lanes_ratio;

QFS_IFMA_INLINE qfs_lanes_ratio qfs_lanes_ratio_make(const qfs_ratio52 *from)
{
    qfs_lanes_ratio ratio;
    for (int i = 0; i < QFS_MOST_LIMBS; i++) {
        ratio.pool[i] = _mm512_set1_epi64((long long)from->pool[i]);
        ratio.factor[i] = _mm512_set1_epi64((long long)from->factor[i]);
        ratio.opposite[i] = _mm512_set1_epi64((long long)from->opposite[i]);
    }
    ratio.largest = _mm512_set1_epi64((long long)QFS_LIMB52_MAX);
    ratio.up = _mm_cvtsi64_si128(from->shift);
    ratio.down = _mm_cvtsi64_si128(52 - from->shift);
    ratio.over_up = _mm_cvtsi64_si128(12 + from->shift);
    /* A shift by 64 or more gives 0, and so does one by a negative number. */
    ratio.top_down = _mm_cvtsi64_si128(104 - from->shift);
    ratio.top_up = _mm_cvtsi64_si128(from->shift - 40);
    ratio.top_over = _mm_cvtsi64_si128(40 - from->shift);
    return ratio;
}

/* The limbs of weight * 2^shift, for weights of at most the ratio's
 * (lemma vectors.a_scaled_weight_is_cut_at_the_limb; where the second one ends, by shifts of up to
 * 40, lemma vectors.a_part_below_the_lowest_limb_changes_no_quotient, and by more,
 * lemma vectors.a_carry_passed_on_keeps_the_value). */
QFS_IFMA_INLINE void qfs_lanes_scale(__m512i *limbs, const int count, const qfs_lanes_ratio *ratio,
                                     qfs_lanes w)
{
    limbs[0] = _mm512_sll_epi64(w.lo, ratio->up);
    if (count > 1)
        limbs[1] = _mm512_or_si512(_mm512_srl_epi64(w.lo, ratio->down),
                                   _mm512_sll_epi64(w.hi, ratio->over_up));
    if (count > 2)
        limbs[2] = _mm512_or_si512(
            _mm512_srl_epi64(w.lo, ratio->top_down),
            _mm512_or_si512(_mm512_sll_epi64(w.hi, ratio->top_up),
                            _mm512_srl_epi64(w.hi, ratio->top_over)));
    /* The multiplier looks at the lower 52 bits alone, so nothing needs to be cut off here. */
}

/* What each limb has above 52 bits goes to the next one; the last one loses it where cut
 * (lemma vectors.a_carry_passed_on_keeps_the_value). */
QFS_IFMA_INLINE void qfs_lanes_carry(__m512i *limbs, const int count, __m512i largest, int cut)
{
    for (int i = 0; i + 1 < count; i++) {
        limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], _mm512_srli_epi64(limbs[i], 52));
        limbs[i] = _mm512_and_si512(limbs[i], largest);
    }
    if (cut) limbs[count - 1] = _mm512_and_si512(limbs[count - 1], largest);
}

/* floor(pool * w / weight) and its remainder times 2^shift: `qfs_share` for eight weights.
 *
 * With K = 2^(bits + 1) >= 2 * w the estimate floor(w * factor / K) is the quotient or one less,
 * since 0 <= w * (K * pool / weight - factor) / K < w * 2 / K <= 1
 * (lemma shares.an_estimate_is_one_too_small_at_most, of half the factor and half of K); scaled, K
 * is a whole number of limbs (lemma quotients.scaling_changes_no_quotient). The rest is below
 * 2 * weight * 2^shift < 2^(52 * limbs), so computing modulo that loses nothing. Subtracting
 * estimate * weight is adding estimate * opposite (lemma vectors.adding_the_opposite_subtracts),
 * and adding the opposite once more carries out of the last limb exactly where the rest is not
 * below the weight (lemma vectors.the_opposite_carries_where_the_rest_is_not_below): there the
 * quotient is one more. */
QFS_IFMA_INLINE qfs_lanes qfs_lanes_share(const int limbs, const int pool_limbs,
                                          const qfs_lanes_ratio *ratio, qfs_lanes w,
                                          __m512i *remainder)
{
    __m512i scaled[QFS_MOST_LIMBS], product[2 * QFS_MOST_LIMBS], trial[QFS_MOST_LIMBS];
    __m512i zero = _mm512_setzero_si512(), *estimate = product + limbs;
    __mmask8 more;
    qfs_lanes share;
    int i, k;
    qfs_lanes_scale(scaled, limbs, ratio, w);
    for (i = 0; i < limbs + pool_limbs; i++) product[i] = zero;
    for (i = 0; i < limbs; i++)
        for (k = 0; k < pool_limbs; k++) {
            __m512i *at = product + i + k;
            /* The lowest lower half is below 2^52 and carries nothing: it is left out
             * (lemma vectors.a_part_below_the_lowest_limb_changes_no_quotient). */
            if (i + k) at[0] = _mm512_madd52lo_epu64(at[0], scaled[i], ratio->factor[k]);
            at[1] = _mm512_madd52hi_epu64(at[1], scaled[i], ratio->factor[k]);
        }
    qfs_lanes_carry(product + 1, limbs + pool_limbs - 1, ratio->largest, 0);
    for (i = 0; i < limbs; i++) remainder[i] = zero;
    for (i = 0; i < limbs; i++)
        for (k = 0; k < pool_limbs && i + k < limbs; k++) {
            __m512i *at = remainder + i + k;
            at[0] = _mm512_madd52lo_epu64(at[0], scaled[i], ratio->pool[k]);
            at[0] = _mm512_madd52lo_epu64(at[0], ratio->opposite[i], estimate[k]);
            if (i + k + 1 == limbs) continue;
            at[1] = _mm512_madd52hi_epu64(at[1], scaled[i], ratio->pool[k]);
            at[1] = _mm512_madd52hi_epu64(at[1], ratio->opposite[i], estimate[k]);
        }
    qfs_lanes_carry(remainder, limbs, ratio->largest, 1);
    for (i = 0; i < limbs; i++) trial[i] = _mm512_add_epi64(remainder[i], ratio->opposite[i]);
    qfs_lanes_carry(trial, limbs, ratio->largest, 0);
    more = _mm512_cmpgt_epu64_mask(trial[limbs - 1], ratio->largest);
    trial[limbs - 1] = _mm512_and_si512(trial[limbs - 1], ratio->largest);
    for (i = 0; i < limbs; i++)
        remainder[i] = _mm512_mask_mov_epi64(remainder[i], more, trial[i]);
    share.lo = estimate[0];
    share.hi = zero;
    if (pool_limbs > 1) {
        share.lo = _mm512_or_si512(share.lo, _mm512_slli_epi64(estimate[1], 52));
        share.hi = _mm512_srli_epi64(estimate[1], 12);
    }
    if (pool_limbs > 2) share.hi = _mm512_or_si512(share.hi, _mm512_slli_epi64(estimate[2], 40));
    return qfs_lanes_add(share, more, qfs_lanes_fill(u128_make(0, 1)));
}

#endif
#endif
