/* The passes of allocation.pyx that divide, on eight rows at a time, with AVX-512 IFMA.
 *
 * Each takes the rows from the first in eights and says how many it took; the few that are left
 * are for the caller's loop over single rows, which computes the same. Where there is no IFMA
 * they take none.
 */
#ifndef QFS_ALLOCATION_IFMA_H
#define QFS_ALLOCATION_IFMA_H

#include "level.h"
#include "share_ifma.h"

/* What a row may be capped by: nothing; a cap for all, known by a threshold of the weights; the
 * lower of that cap and its own. */
enum { QFS_UNCAPPED, QFS_COMMON_CAP, QFS_OWN_CAPS };

/* Rows that are capped, and the sums of their caps and weights modulo 2^128. */
typedef struct { u128 caps, weights; int64_t count; } qfs_capped;

#if QFS_HAS_IFMA

/* The rows whose share exceeds their cap, and the cap of every row
 * (lemma levels.share_and_rest_tell_who_exceeds).
 *
 * Where a weight is above the ratio's, the row was capped at a lower level, and is at this one
 * (lemmas levels.a_row_that_shares_is_part_of_the_weight, levels.a_capped_row_stays_capped); the
 * share computed for it is meaningless and not looked at. */
QFS_IFMA_INLINE __mmask8 qfs_lanes_exceed(const int kind, const int limbs, const qfs_level *level,
                                          const unsigned char *caps, int64_t i, qfs_lanes w,
                                          qfs_lanes share, const __m512i *remainder,
                                          qfs_lanes *cap)
{
    qfs_lanes own;
    __m512i rest = remainder[0];
    __mmask8 outgrown, above, at;
    *cap = qfs_lanes_fill(level->common_cap);
    if (kind == QFS_COMMON_CAP) return qfs_lanes_less(qfs_lanes_fill(level->threshold), w);
    own = qfs_lanes_load(caps + 16 * i);
    *cap = qfs_lanes_choose(qfs_lanes_less(own, *cap), own, *cap);
    for (int k = 1; k < limbs; k++) rest = _mm512_or_si512(rest, remainder[k]);
    outgrown = qfs_lanes_less(qfs_lanes_fill(level->weight), w);
    above = qfs_lanes_less(*cap, share);
    at = qfs_lanes_equal(*cap, share) & _mm512_test_epi64_mask(rest, rest);
    return (__mmask8)(outgrown | above | at);
}

QFS_IFMA_INLINE qfs_capped qfs_water_fill_lanes(const int kind, const int limbs,
                                                const int pool_limbs, const qfs_level *level,
                                                const qfs_ratio52 *prepared,
                                                const unsigned char *cells,
                                                const unsigned char *caps, int64_t rows)
{
    const qfs_lanes_ratio ratio = qfs_lanes_ratio_make(prepared);
    qfs_lanes cap_sums = qfs_lanes_fill(u128_make(0, 0)), weight_sums = cap_sums, cap;
    qfs_capped found;
    found.count = 0;
    for (int64_t i = 0; i < rows; i += QFS_LANES) {
        __m512i remainder[QFS_MOST_LIMBS];
        qfs_lanes w = qfs_lanes_load(cells + 16 * i);
        qfs_lanes share = qfs_lanes_share(limbs, pool_limbs, &ratio, w, remainder);
        __mmask8 capped = qfs_lanes_exceed(kind, limbs, level, caps, i, w, share, remainder, &cap);
        found.count += __builtin_popcount(capped);
        cap_sums = qfs_lanes_add(cap_sums, capped, cap);
        weight_sums = qfs_lanes_add(weight_sums, capped, w);
    }
    found.caps = qfs_lanes_sum(cap_sums);
    found.weights = qfs_lanes_sum(weight_sums);
    return found;
}

QFS_IFMA_INLINE u128 qfs_floor_shares_lanes(const int kind, const int limbs, const int pool_limbs,
                                            const qfs_level *level, const qfs_ratio52 *prepared,
                                            const unsigned char *cells, const unsigned char *caps,
                                            int64_t rows, unsigned char *amounts,
                                            unsigned char *digits)
{
    const qfs_lanes_ratio ratio = qfs_lanes_ratio_make(prepared);
    const __m128i in_order = _mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m512i half = _mm512_set1_epi64((int)level->half);
    const __m512i largest = _mm512_set1_epi64(QFS_DIGITS - 1);
    const qfs_lanes one = qfs_lanes_fill(u128_make(0, 1));
    qfs_lanes paid = qfs_lanes_fill(u128_make(0, 0)), cap;
    for (int64_t i = 0; i < rows; i += QFS_LANES) {
        __m512i remainder[QFS_MOST_LIMBS];
        qfs_lanes w = qfs_lanes_load(cells + 16 * i);
        qfs_lanes share = qfs_lanes_share(limbs, pool_limbs, &ratio, w, remainder);
        __m512i digit = _mm512_srli_epi64(remainder[limbs - 1],
                                          QFS_LIMB52_BITS - 1 - QFS_DIGIT_BITS);
        /* Changes nothing, unless the weights were written meanwhile. */
        digit = _mm512_and_si512(digit, largest);
        if (kind != QFS_UNCAPPED) {
            __mmask8 capped = qfs_lanes_exceed(kind, limbs, level, caps, i, w, share, remainder,
                                               &cap);
            share = qfs_lanes_choose(capped, cap, share);
            digit = _mm512_maskz_mov_epi64((__mmask8)~capped, digit);
        }
        share = qfs_lanes_add(share, _mm512_cmpgt_epu64_mask(digit, half), one);
        paid = qfs_lanes_add(paid, 0xFF, share);
        qfs_lanes_store(amounts + 16 * i, share);
        _mm_storel_epi64((__m128i *)(void *)(digits + i),
                         _mm_shuffle_epi8(_mm512_cvtepi64_epi8(digit), in_order));
    }
    return qfs_lanes_sum(paid);
}

/* Each number of limbs has a loop of its own, in which all loops over limbs are unrolled. */
#define QFS_BY_LIMBS(ratio, call) \
    switch (4 * (ratio).limbs + (ratio).pool_limbs) { \
    case 5: call(1, 1); break; \
    case 6: call(1, 2); break; \
    case 7: call(1, 3); break; \
    case 9: call(2, 1); break; \
    case 10: call(2, 2); break; \
    case 11: call(2, 3); break; \
    case 13: call(3, 1); break; \
    case 14: call(3, 2); break; \
    default: call(3, 3); \
    }

static QFS_IFMA int64_t qfs_water_fill_ifma(const qfs_level *level, const qfs_ratio52 *ratio,
                                            const unsigned char *cells,
                                            const unsigned char *caps, int64_t rows,
                                            qfs_capped *found)
{
    rows -= rows % QFS_LANES;
    if (!caps) {
        *found = qfs_water_fill_lanes(QFS_COMMON_CAP, 1, 1, level, ratio, cells, caps, rows);
        return rows;
    }
#define QFS_CALL(limbs, pool_limbs) \
    *found = qfs_water_fill_lanes(QFS_OWN_CAPS, limbs, pool_limbs, level, ratio, cells, caps, \
                                  rows)
    QFS_BY_LIMBS(*ratio, QFS_CALL)
#undef QFS_CALL
    return rows;
}

static QFS_IFMA int64_t qfs_floor_shares_ifma(const qfs_level *level, const qfs_ratio52 *ratio,
                                              const unsigned char *cells,
                                              const unsigned char *caps, int64_t rows,
                                              unsigned char *amounts, unsigned char *digits,
                                              u128 *paid)
{
    rows -= rows % QFS_LANES;
#define QFS_CALL(limbs, pool_limbs) \
    *paid = qfs_floor_shares_lanes(kind, limbs, pool_limbs, level, ratio, cells, caps, rows, \
                                   amounts, digits)
#define QFS_KIND(which) { enum { kind = which }; QFS_BY_LIMBS(*ratio, QFS_CALL) }
    if (!level->is_capped) QFS_KIND(QFS_UNCAPPED)
    else if (!caps) QFS_KIND(QFS_COMMON_CAP)
    else QFS_KIND(QFS_OWN_CAPS)
#undef QFS_KIND
#undef QFS_CALL
    return rows;
}

#else

static inline int64_t qfs_water_fill_ifma(const qfs_level *level, const qfs_ratio52 *ratio,
                                          const unsigned char *cells,
                                          const unsigned char *caps, int64_t rows,
                                          qfs_capped *found)
{
    (void)level, (void)ratio, (void)cells, (void)caps, (void)rows, (void)found;
    return 0;
}

static inline int64_t qfs_floor_shares_ifma(const qfs_level *level, const qfs_ratio52 *ratio,
                                            const unsigned char *cells,
                                            const unsigned char *caps, int64_t rows,
                                            unsigned char *amounts, unsigned char *digits,
                                            u128 *paid)
{
    (void)level, (void)ratio, (void)cells, (void)caps, (void)rows;
    (void)amounts, (void)digits, (void)paid;
    return 0;
}

#endif
#endif
