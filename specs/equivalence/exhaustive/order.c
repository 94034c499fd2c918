/* Whether a share exceeds its cap, and which of two rows reaches its cap first: share.h at limbs
 * of 4 bits, against plain C, for every four words whose limbs are among 8. */

#include "plain.h"
#include "share.h"

static const qfs_limb AMONG[] = { 0, 1, 3, 4, 7, 8, 14, 15 };
enum { COUNT = sizeof AMONG, PAIRS = COUNT * COUNT };

static u128 word(int i) { return u128_make(AMONG[i / COUNT], AMONG[i % COUNT]); }

static int differs(u128 a, u128 b, u128 c, u128 d)
{
    const int is_more = plain(a) * plain(b) > plain(c) * plain(d);
    if (qfs_exceeds(a, d, b, c) != is_more) return 1;
    /* c / b < a / d, for weights of at least 1. */
    return !u128_is_zero(b) && !u128_is_zero(d) && qfs_caps_earlier(c, b, a, d) != is_more;
}

int main(void)
{
    uint64_t tried = 0;
    for (int a = 0; a < PAIRS; a++)
        for (int b = 0; b < PAIRS; b++)
            for (int c = 0; c < PAIRS; c++)
                for (int d = 0; d < PAIRS; d++, tried++)
                    if (differs(word(a), word(b), word(c), word(d)))
                        return differs_at("qfs_exceeds or qfs_caps_earlier", tried);
    printf("%llu orders\n", (unsigned long long)tried);
    return 0;
}
