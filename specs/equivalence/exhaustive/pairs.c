/* Sums and orders of the four-limb numbers of u128.h, against plain C, for every pair of them
 * whose limbs have 4 bits. */

#include "plain.h"

int main(void)
{
    const uint32_t all = WORDS * WORDS;
    uint64_t tried = 0;
    for (uint32_t a = 0; a < all; a++) {
        const u256 x = wide_pair(a);
        uint32_t wrong = 0;
        for (uint32_t b = 0; b < all; b++) wrong |= u256_less(x, wide_pair(b)) != (a < b);
        /* The sum is for those who know that nothing goes over. */
        for (uint32_t b = 0; b < all - a; b++)
            wrong |= plain_pair(u256_add(x, wide_pair(b))) ^ (a + b);
        tried += all;
        if (wrong) return differs_at("u256_less or u256_add", tried);
    }
    printf("%llu pairs of four limbs\n", (unsigned long long)tried);
    return 0;
}
