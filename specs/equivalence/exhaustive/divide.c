/* The division of u128.h at limbs of 4 bits, against plain division, for every dividend of four
 * limbs and every divisor of two whose quotient has two. */

#include "plain.h"

int main(void)
{
    unsigned tried = 0;
    for (unsigned divisor = 1; divisor < 256; divisor++)
        for (unsigned dividend = 0; dividend < divisor << 8; dividend++, tried++) {
            u256 n;
            u128 remainder, quotient;
            n.hi = wide(dividend >> 8);
            n.lo = wide(dividend & 255);
            quotient = u256_div(n, wide(divisor), &remainder);
            if (plain(quotient) != dividend / divisor || plain(remainder) != dividend % divisor) {
                printf("%u / %u differs\n", dividend, divisor);
                return 1;
            }
        }
    printf("%u divisions are plain division\n", tried);
    return 0;
}
