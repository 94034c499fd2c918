/* The shares of share.h at limbs of 4 bits, against plain division, for every pool, weight and
 * row. A pool of the protocol has a bit less than the limbs hold, and so has one here. */

#include "plain.h"
#include "share.h"

static int differs(const qfs_ratio *ratio, unsigned pool, unsigned weight, unsigned w)
{
    unsigned share = pool * w / weight, rest = pool * w % weight;
    u128 likely, remainder, exact = qfs_share(ratio, wide(w), &remainder);
    uint32_t digit = qfs_digit(remainder, ratio->shift, 0), told;
    if (plain(exact) != share || plain(remainder) != rest) return 1;
    if (plain(qfs_remainder(ratio, wide(w), exact)) != rest) return 1;
    if (digit != (rest << ratio->shift) >> QFS_LIMB_BITS) return 1;
    if (ratio->up || ratio->wide || !qfs_likely_share(ratio, wide(w), &likely, &told)) return 0;
    return plain(likely) != share || told != digit;
}

int main(void)
{
    unsigned tried = 0;
    for (unsigned weight = 1; weight < 256; weight++)
        for (unsigned pool = 0; pool < 128; pool++) {
            qfs_ratio ratio = qfs_ratio_make(wide(pool), wide(weight));
            for (unsigned w = 0; w <= weight; w++, tried++)
                if (differs(&ratio, pool, weight, w)) {
                    printf("%u * %u / %u differs\n", pool, w, weight);
                    return 1;
                }
        }
    printf("%u shares are those of plain division\n", tried);
    return 0;
}
