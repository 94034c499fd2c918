/* Prints what the division step and the steps of issue.h come to, for every input at a limb
 * width where they can all be tried: a byte each for quotient and remainder, in this order. */
#include "issue.h"
#include "share.h"

#include <stdio.h>

static u128 wide(unsigned value)
{
    return u128_make(QFS_LIMB(value >> QFS_LIMB_BITS), QFS_LIMB(value));
}

static unsigned number(u128 value)
{
    return (unsigned)value.hi << QFS_LIMB_BITS | value.lo;
}

static void put(u128 quotient, unsigned remainder)
{
    putchar((int)number(quotient));
    putchar((int)remainder);
}

static void shares(unsigned most)
{
    for (unsigned weight = 1; weight < most; weight++)
        for (unsigned pool = 0; pool < most / 2; pool++) {
            qfs_ratio ratio = qfs_ratio_make(wide(pool), wide(weight));
            for (unsigned w = 0; w <= weight; w++) {
                u128 remainder, share = qfs_share(&ratio, wide(w), &remainder);
                u128 again = qfs_remainder(&ratio, wide(w), share);
                put(share, u128_equal(again, remainder) ? number(remainder) : 255);
            }
        }
}

static void issues(unsigned most)
{
    for (unsigned scale = 1; scale <= QFS_LIMB_MAX / 2; scale++)
        for (unsigned rate = 0; rate <= scale; rate++) {
            qfs_rate made = qfs_rate_make((qfs_limb)rate, (qfs_limb)scale);
            for (unsigned fee = 0; fee < most / 2; fee++)
                for (unsigned first = 0; first < scale; first++) {
                    qfs_limb part, ignored, residue = (qfs_limb)first;
                    u128 issued = qfs_rate_of(&made, wide(fee), &part);
                    qfs_limb carry = qfs_carry(&made, part, &residue);
                    put(u128_add(issued, u128_make(0, carry), &ignored), residue);
                }
        }
}

int main(int count, char **names)
{
    unsigned most = 1u << QFS_WIDE_BITS;
    if (count == 2 && names[1][0] == 's') shares(most);
    if (count == 2 && names[1][0] == 'i') issues(most);
    return count != 2;
}
