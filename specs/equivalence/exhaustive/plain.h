/* Numbers of narrow limbs to and from plain ones, and how a program of this folder says what
 * differs. */
#ifndef QFS_PLAIN_H
#define QFS_PLAIN_H

#include <stdio.h>

#include "u128.h"

#define LIMBS (1u << QFS_LIMB_BITS)
#define WORDS (1u << QFS_WIDE_BITS)

static inline u128 wide(uint32_t value)
{
    return u128_make(QFS_LIMB(value >> QFS_LIMB_BITS), QFS_LIMB(value));
}

static inline uint32_t plain(u128 value)
{
    return (uint32_t)value.hi << QFS_LIMB_BITS | value.lo;
}

static inline u256 wide_pair(uint32_t value)
{
    u256 pair;
    pair.hi = wide(value >> QFS_WIDE_BITS);
    pair.lo = wide(value & (WORDS - 1));
    return pair;
}

static inline uint32_t plain_pair(u256 value)
{
    return plain(value.hi) << QFS_WIDE_BITS | plain(value.lo);
}

static inline int differs_at(const char *what, uint64_t tried)
{
    printf("%s differs after %llu inputs\n", what, (unsigned long long)tried);
    return 1;
}

#endif
