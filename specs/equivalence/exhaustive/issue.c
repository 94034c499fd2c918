/* Every input of the steps of issuance at a limb width where they can all be tried. Exits with 0
 * where all results are those of plain C. */
#include "issue.h"

#include <stdio.h>

static int fails(const char *what, unsigned tried)
{
    printf("%s differs after %u inputs of %d bits\n", what, tried, QFS_LIMB_BITS);
    return 1;
}

static int try_fee(const qfs_rate *made, unsigned fee, unsigned *tried)
{
    unsigned scale = made->scale, product = fee * made->rate;
    qfs_limb part;
    u128 quotient = qfs_rate_of(made, u128_make(QFS_LIMB(fee >> QFS_LIMB_BITS), QFS_LIMB(fee)), &part);
    unsigned whole = ((unsigned)quotient.hi << QFS_LIMB_BITS) | quotient.lo;
    if (whole != product / scale || part != product % scale) return fails("qfs_rate_of", *tried);
    for (unsigned residue = 0; residue < scale; residue++, ++*tried) {
        qfs_limb carried = (qfs_limb)residue;
        qfs_limb more = qfs_carry(made, part, &carried);
        if (whole + more != (residue + product) / scale || carried != (residue + product) % scale)
            return fails("qfs_carry", *tried);
    }
    return 0;
}

int main(void)
{
    unsigned tried = 0;
    for (unsigned scale = 1; scale <= QFS_LIMB_MAX >> 1; scale++)
        for (unsigned rate = 0; rate <= scale; rate++) {
            qfs_rate made = qfs_rate_make((qfs_limb)rate, (qfs_limb)scale);
            for (unsigned fee = 0; fee < 1u << (QFS_WIDE_BITS - 1); fee++)
                if (try_fee(&made, fee, &tried)) return 1;
        }
    printf("%u fees\n", tried);
    return 0;
}
