/* Sums, differences, orders, shifts and products of u128.h, against plain C: of every word of two
 * narrow limbs with every other whose limbs are among 16, in both orders. Limbs of 4 bits have no
 * others, so there it is every pair. */

#include "plain.h"

#if QFS_LIMB_BITS == 4
static const qfs_limb AMONG[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
#else
static const qfs_limb AMONG[] = {
    0, 1, 2, 3, 14, 15, 16, 17, 85, 126, 127, 128, 129, 170, 254, 255,
};
#endif
enum { COUNT = sizeof AMONG };

static const char *pair_differs(uint32_t a, uint32_t b)
{
    u128 x = wide(a), y = wide(b);
    qfs_limb carry, borrow;
    u128 sum = u128_add(x, y, &carry), difference = u128_sub(x, y, &borrow);
    if (plain(sum) != (a + b) % WORDS || carry != (a + b) / WORDS) return "u128_add";
    if (plain(difference) != (a - b) % WORDS || borrow != (a < b)) return "u128_sub";
    if (u128_less(x, y) != (a < b) || u128_equal(x, y) != (a == b)) return "u128_less";
    if (plain_pair(u128_mul(x, y)) != a * b) return "u128_mul";
    if (plain(u128_mul_low(x, y)) != a * b % WORDS) return "u128_mul_low";
    return NULL;
}

static const char *word_differs(uint32_t a)
{
    u128 x = wide(a);
    int bits = 0;
    while (a >> bits) bits++;
    if (u128_bits(x) != bits || u128_is_zero(x) != (a == 0)) return "u128_bits";
    for (int by = 0; by < QFS_WIDE_BITS; by++) {
        if (plain(u128_shift_left(x, by)) != (a << by) % WORDS) return "u128_shift_left";
        if (plain(u128_shift_right(x, by)) != a >> by) return "u128_shift_right";
    }
    for (int by = 0; by <= QFS_WIDE_BITS; by++)
        if (plain_pair(u256_from_shifted(x, by)) != a << by) return "u256_from_shifted";
    return NULL;
}

int main(void)
{
    uint64_t tried = 0;
    for (uint32_t a = 0; a < WORDS; a++) {
        const char *wrong = word_differs(a);
        if (wrong) return differs_at(wrong, tried);
        for (int i = 0; i < COUNT * COUNT; i++, tried++) {
            const uint32_t b = plain(u128_make(AMONG[i / COUNT], AMONG[i % COUNT]));
            wrong = pair_differs(a, b);
            if (!wrong) wrong = pair_differs(b, a);
            if (wrong) return differs_at(wrong, tried);
        }
    }
    printf("%llu pairs of words\n", (unsigned long long)tried);
    return 0;
}
