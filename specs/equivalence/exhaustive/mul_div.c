/* a * b / c of share.h at limbs of 4 bits, against plain C, for every a, b and c and all four
 * roundings. */

#include "plain.h"
#include "share.h"

static uint32_t rounded(uint32_t product, uint32_t c, int rounding)
{
    const uint32_t quotient = product / c, twice = product % c * 2;
    switch (rounding) {
    case 0: return quotient;
    case 1: return quotient + (twice > 0);
    case 2: return quotient + (twice >= c);
    default: return quotient + (twice > c);
    }
}

int main(void)
{
    uint64_t tried = 0;
    for (uint32_t a = 0; a < WORDS; a++)
        for (uint32_t b = 0; b < WORDS; b++)
            for (uint32_t c = 1; c < WORDS; c++)
                for (int rounding = 0; rounding < 4; rounding++, tried++) {
                    const uint32_t exact = rounded(a * b, c, rounding);
                    u128 result = wide(0);
                    int is_over = qfs_mul_div(wide(a), wide(b), wide(c), rounding, &result);
                    if (is_over != (exact >= WORDS) || (!is_over && plain(result) != exact))
                        return differs_at("qfs_mul_div", tried);
                }
    printf("%llu roundings\n", (unsigned long long)tried);
    return 0;
}
