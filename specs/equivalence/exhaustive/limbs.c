/* The limb primitives of u128.h in their portable form, against plain C, for every input of a
 * narrow width: products, and quotients of two limbs by one. */

#include "plain.h"

int main(void)
{
    uint64_t tried = 0;
    for (uint32_t a = 0; a < LIMBS; a++) {
        int bits = 0;
        while (a >> bits) bits++;
        if (qfs_limb_bits((qfs_limb)a) != bits) return differs_at("qfs_limb_bits", tried);
        for (uint32_t b = 0; b < LIMBS; b++, tried++) {
            qfs_limb hi, lo = qfs_limb_mul((qfs_limb)a, (qfs_limb)b, &hi);
            if (lo != a * b % LIMBS || hi != a * b / LIMBS) return differs_at("qfs_limb_mul", tried);
        }
    }
    for (uint32_t d = 1; d < LIMBS; d++)
        for (uint32_t n = 0; n < d * LIMBS; n++, tried++) {
            qfs_limb hi = QFS_LIMB(n / LIMBS), lo = QFS_LIMB(n), remainder;
            if (qfs_limb_div_any(hi, lo, (qfs_limb)d) != n / d)
                return differs_at("qfs_limb_div_any", tried);
            if (d < LIMBS / 2) continue;
            if (qfs_limb_div(hi, lo, (qfs_limb)d, &remainder) != n / d || remainder != n % d)
                return differs_at("qfs_limb_div", tried);
        }
    printf("%llu products and quotients of limbs\n", (unsigned long long)tried);
    return 0;
}
