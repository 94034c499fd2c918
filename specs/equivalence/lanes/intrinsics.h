/* The intrinsics that the kernel's eight lanes are written with, in plain C, so that any machine
 * can test them: what Intel's Intrinsics Guide says of each, lane by lane.
 *
 * The processor is little-endian, and so is the machine that this is compiled for.
 */
#ifndef QFS_LANES_INTRINSICS_H
#define QFS_LANES_INTRINSICS_H

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a vector in memory is little-endian"
#endif

#define LANES 8
#define LOW_52 ((UINT64_C(1) << 52) - 1)
#define LOW_26 ((UINT64_C(1) << 26) - 1)

typedef struct { uint64_t lane[LANES]; } __m512i;
typedef struct { uint64_t lane[2]; } __m128i;
typedef uint8_t __mmask8;

/* A function's body: the value of each lane i. */
#define EACH_LANE(value) \
    { \
        __m512i result; \
        for (int i = 0; i < LANES; i++) result.lane[i] = (value); \
        return result; \
    }

/* A function's body: the bit of each lane i. */
#define EACH_BIT(condition) \
    { \
        unsigned mask = 0; \
        for (int i = 0; i < LANES; i++) mask |= (unsigned)((condition) != 0) << i; \
        return (__mmask8)mask; \
    }

/* ---- to and from memory and registers ---- */

static inline __m512i _mm512_loadu_si512(const void *memory)
{
    __m512i result;
    memcpy(&result, memory, sizeof result);
    return result;
}

static inline void _mm512_storeu_si512(void *memory, __m512i a) { memcpy(memory, &a, sizeof a); }

static inline void _mm_storel_epi64(__m128i *memory, __m128i a)
{
    memcpy((void *)memory, &a.lane[0], 8);
}

static inline __m512i _mm512_set1_epi64(long long a) EACH_LANE((uint64_t)a)

static inline __m512i _mm512_setzero_si512(void) EACH_LANE(0)

static inline __m128i _mm_cvtsi64_si128(long long a)
{
    __m128i result = { { (uint64_t)a, 0 } };
    return result;
}

static inline __m128i _mm_setr_epi8(int b0, int b1, int b2, int b3, int b4, int b5, int b6, int b7,
                                    int b8, int b9, int b10, int b11, int b12, int b13, int b14,
                                    int b15)
{
    const int given[16] = { b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15 };
    unsigned char bytes[16];
    __m128i result;
    for (int i = 0; i < 16; i++) bytes[i] = (unsigned char)given[i];
    memcpy(&result, bytes, sizeof result);
    return result;
}

/* ---- arithmetic: modulo 2^64 in each lane ---- */

static inline __m512i _mm512_add_epi64(__m512i a, __m512i b) EACH_LANE(a.lane[i] + b.lane[i])

static inline __m512i _mm512_mask_add_epi64(__m512i kept, __mmask8 which, __m512i a, __m512i b)
    EACH_LANE(which >> i & 1 ? a.lane[i] + b.lane[i] : kept.lane[i])

/* The product of the lower 52 bits of both factors has 104; half of it is added. In 26-bit digits,
 * the middle digits reach 2^53 and what they and the lower ones carry stays below 2^64. */
static inline uint64_t lanes_product_52(uint64_t a, uint64_t b, int is_upper)
{
    const uint64_t a0 = a & LOW_26, a1 = (a & LOW_52) >> 26;
    const uint64_t b0 = b & LOW_26, b1 = (b & LOW_52) >> 26;
    const uint64_t middle = a1 * b0 + a0 * b1;
    const uint64_t low = a0 * b0 + ((middle & LOW_26) << 26);
    return is_upper ? a1 * b1 + (middle >> 26) + (low >> 52) : low & LOW_52;
}

static inline __m512i _mm512_madd52lo_epu64(__m512i sum, __m512i a, __m512i b)
    EACH_LANE(sum.lane[i] + lanes_product_52(a.lane[i], b.lane[i], 0))

static inline __m512i _mm512_madd52hi_epu64(__m512i sum, __m512i a, __m512i b)
    EACH_LANE(sum.lane[i] + lanes_product_52(a.lane[i], b.lane[i], 1))

/* ---- bits: a count of 64 or more, unsigned, leaves nothing ---- */

static inline __m512i _mm512_and_si512(__m512i a, __m512i b) EACH_LANE(a.lane[i] & b.lane[i])

static inline __m512i _mm512_or_si512(__m512i a, __m512i b) EACH_LANE(a.lane[i] | b.lane[i])

static inline __m512i _mm512_sll_epi64(__m512i a, __m128i count)
    EACH_LANE(count.lane[0] < 64 ? a.lane[i] << count.lane[0] : 0)

static inline __m512i _mm512_srl_epi64(__m512i a, __m128i count)
    EACH_LANE(count.lane[0] < 64 ? a.lane[i] >> count.lane[0] : 0)

static inline __m512i _mm512_slli_epi64(__m512i a, unsigned count)
    EACH_LANE(count < 64 ? a.lane[i] << count : 0)

static inline __m512i _mm512_srli_epi64(__m512i a, unsigned count)
    EACH_LANE(count < 64 ? a.lane[i] >> count : 0)

/* ---- comparisons, unsigned ---- */

static inline __mmask8 _mm512_cmplt_epu64_mask(__m512i a, __m512i b)
    EACH_BIT(a.lane[i] < b.lane[i])

static inline __mmask8 _mm512_cmpgt_epu64_mask(__m512i a, __m512i b)
    EACH_BIT(a.lane[i] > b.lane[i])

static inline __mmask8 _mm512_cmpeq_epi64_mask(__m512i a, __m512i b)
    EACH_BIT(a.lane[i] == b.lane[i])

static inline __mmask8 _mm512_mask_cmplt_epu64_mask(__mmask8 which, __m512i a, __m512i b)
    EACH_BIT((which >> i & 1) && a.lane[i] < b.lane[i])

static inline __mmask8 _mm512_test_epi64_mask(__m512i a, __m512i b)
    EACH_BIT(a.lane[i] & b.lane[i])

/* ---- choices and orders ---- */

static inline __m512i _mm512_mask_mov_epi64(__m512i kept, __mmask8 which, __m512i a)
    EACH_LANE(which >> i & 1 ? a.lane[i] : kept.lane[i])

static inline __m512i _mm512_maskz_mov_epi64(__mmask8 which, __m512i a)
    EACH_LANE(which >> i & 1 ? a.lane[i] : 0)

/* In each pair of lanes: the lower of a, then the lower of b. */
static inline __m512i _mm512_unpacklo_epi64(__m512i a, __m512i b)
    EACH_LANE(i % 2 ? b.lane[i - 1] : a.lane[i])

/* In each pair of lanes: the upper of a, then the upper of b. */
static inline __m512i _mm512_unpackhi_epi64(__m512i a, __m512i b)
    EACH_LANE(i % 2 ? b.lane[i] : a.lane[i + 1])

/* The lowest byte of each lane, together in the lower half. */
static inline __m128i _mm512_cvtepi64_epi8(__m512i a)
{
    unsigned char bytes[16] = { 0 };
    __m128i result;
    for (int i = 0; i < LANES; i++) bytes[i] = (unsigned char)a.lane[i];
    memcpy(&result, bytes, sizeof result);
    return result;
}

/* Byte i is the byte of a at the place that order has there, or 0 where its top bit is set. */
static inline __m128i _mm_shuffle_epi8(__m128i a, __m128i order)
{
    unsigned char from[16], places[16], bytes[16];
    __m128i result;
    memcpy(from, &a, sizeof from);
    memcpy(places, &order, sizeof places);
    for (int i = 0; i < 16; i++) bytes[i] = places[i] & 0x80 ? 0 : from[places[i] & 15];
    memcpy(&result, bytes, sizeof result);
    return result;
}

#endif
