/* Where the water stands in an allocation: the pool and the weight that the rows below their caps
 * share, and what that means for one row.
 */
#ifndef QFS_LEVEL_H
#define QFS_LEVEL_H

#include "share.h"

typedef struct {
    u128 pool, weight;
    u128 common_cap;  /* the largest number where there is none */
    u128 threshold;   /* a row without a cap of its own exceeds the common one above this weight */
    qfs_ratio ratio;  /* meaningless for weight 0 */
    uint32_t half;    /* the first digit of half the weight */
    int is_capped;    /* whether any row may exceed its cap */
} qfs_level;

static inline qfs_level qfs_level_make(u128 pool, u128 weight, u128 common_cap, int is_capped)
{
    qfs_level level;
    const u128 largest = u128_make(QFS_LIMB_MAX, QFS_LIMB_MAX);
    memset(&level, 0, sizeof level);
    level.pool = pool;
    level.weight = weight;
    level.common_cap = common_cap;
    level.threshold = largest;
    level.is_capped = is_capped;
    if (!u128_is_zero(weight)) {
        level.ratio = qfs_ratio_make(pool, weight);
        level.half = qfs_digit(u128_shift_right(weight, 1), level.ratio.shift, 0);
    }
    /* pool * w > cap * weight is w > floor(cap * weight / pool)
     * (lemma levels.a_threshold_tells_who_exceeds_a_common_cap). Where the pool is 0 or the
     * quotient leaves 128 bits, no weight is above it
     * (lemma levels.where_no_threshold_fits_no_row_exceeds). */
    if (!u128_is_zero(pool) && qfs_mul_div(common_cap, weight, pool, 0, &level.threshold))
        level.threshold = largest;
    return level;
}

/* The cap of a row; own: the cell of its own cap, or NULL. */
static inline u128 qfs_level_cap(const qfs_level *level, const unsigned char *own)
{
    u128 cap;
    if (!own) return level->common_cap;
    cap = u128_load(own);
    return u128_less(level->common_cap, cap) ? level->common_cap : cap;
}

/* Whether the share of a row exceeds its cap. */
static inline int qfs_level_exceeds(const qfs_level *level, u128 w, const unsigned char *own)
{
    if (!level->is_capped) return 0;
    if (!own) return u128_less(level->threshold, w);
    return qfs_exceeds(level->pool, level->weight, w, qfs_level_cap(level, own));
}

/* The remainder of a row whose share was rounded down to this amount; 0 for a capped one. */
static inline u128 qfs_level_remainder(const qfs_level *level, u128 w, const unsigned char *own,
                                       u128 amount)
{
    if (qfs_level_exceeds(level, w, own)) return u128_make(0, 0);
    return qfs_remainder(&level->ratio, w, amount);
}

#endif
