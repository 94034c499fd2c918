/* Every input of the steps of a score at a limb width where they can all be tried, and of the
 * division that they rest on. Exits with 0 where all results are those of plain C. */
#include "plain.h"
#include "score.h"

static int fails(const char *what, unsigned tried)
{
    printf("%s differs after %u inputs of %d bits\n", what, tried, QFS_LIMB_BITS);
    return 1;
}

static int try_division(void)
{
    unsigned tried = 0;
    for (unsigned d = 1; d < LIMBS * LIMBS; d++)
        for (unsigned n = 0; n < d * LIMBS; n++, tried++)
            if (u128_div_to_limb(wide(n / LIMBS), QFS_LIMB(n), wide(d)) != n / d)
                return fails("u128_div_to_limb", tried);
    return 0;
}

static int try_counted(void)
{
    unsigned tried = 0;
    for (unsigned d = 0; d <= QFS_HALF_MAX; d++)
        for (unsigned n = 0; n <= d; n++)
            for (unsigned least = 1; least <= QFS_HALF_MAX; least++, tried++) {
                qfs_counts given = { (qfs_limb)n, (qfs_limb)d };
                qfs_counts neutral = qfs_counted(given, (qfs_limb)least, 1);
                qfs_counts counted = qfs_counted(given, (qfs_limb)least, 0);
                int as_given = counted.n == n && counted.d == d;
                if (d < least ? counted.n != 0 || counted.d != 1 : !as_given)
                    return fails("qfs_counted", tried);
                if (d < least && (neutral.n != 1 || neutral.d != 1))
                    return fails("qfs_counted, neutral,", tried);
            }
    return 0;
}

static int try_scores_of(qfs_counts a, qfs_counts b, qfs_counts c, unsigned *tried)
{
    unsigned one = (unsigned)a.d * b.d * c.d;
    unsigned part_a = (unsigned)a.n * b.d * c.d;
    unsigned part_b = (unsigned)a.d * b.n * c.d;
    unsigned part_c = (unsigned)a.d * b.d * c.n;
    for (unsigned scale = 1; scale < LIMBS; scale++) {
        unsigned exact = scale * a.n * b.n * c.n;
        if (qfs_score_product((qfs_limb)scale, a, b, c) != exact / one)
            return fails("qfs_score_product", *tried);
        for (unsigned x = 0; x <= scale; x++)
            for (unsigned y = 0; x + y <= scale; y++, ++*tried) {
                unsigned z = scale - x - y;
                qfs_limb weights[3] = { (qfs_limb)x, (qfs_limb)y, (qfs_limb)z };
                exact = x * part_a + y * part_b + z * part_c;
                if (qfs_score_sum(weights, a, b, c) != exact / one)
                    return fails("qfs_score_sum", *tried);
            }
    }
    return 0;
}

static int try_scores(void)
{
    qfs_counts all[64];
    unsigned count = 0, tried = 0;
    for (unsigned d = 1; d <= QFS_HALF_MAX; d++)
        for (unsigned n = 0; n <= d; n++, count++) {
            all[count].n = (qfs_limb)n;
            all[count].d = (qfs_limb)d;
        }
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++)
            for (unsigned k = 0; k < count; k++)
                if (try_scores_of(all[i], all[j], all[k], &tried))
                    return 1;
    printf("%u scores\n", tried);
    return 0;
}

int main(void)
{
    return try_division() || try_counted() || try_scores();
}
