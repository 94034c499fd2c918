/* 128- and 256-bit unsigned integers for the kernel, built from limbs.
 *
 * Only the limb primitives below know the machine: with a 128-bit compiler type they use it, and
 * otherwise, or with QFS_PORTABLE, plain C. Everything above them is the same code in both cases.
 *
 * The limb width is a parameter, QFS_LIMB_BITS (64, 32, 16, 8 or 4). A `u128` is always two limbs
 * and a `u256` four, so at 4 bits they hold 8 and 16 bits and every input can be tried.
 *
 * All functions are pure, total in the bounds they state, and free of undefined behaviour. The
 * facts that they rest on are lemmas of specs/proofs, for limbs of any width.
 */
#ifndef QFS_U128_H
#define QFS_U128_H

#include <stdint.h>
#include <string.h>

#ifndef QFS_LIMB_BITS
#define QFS_LIMB_BITS 64
#endif

#if QFS_LIMB_BITS == 64
typedef uint64_t qfs_limb;
#elif QFS_LIMB_BITS == 32
typedef uint32_t qfs_limb;
#elif QFS_LIMB_BITS == 16
typedef uint16_t qfs_limb;
#elif QFS_LIMB_BITS == 8 || QFS_LIMB_BITS == 4
typedef uint8_t qfs_limb;
#else
#error "QFS_LIMB_BITS is 64, 32, 16, 8 or 4"
#endif

#if QFS_LIMB_BITS == 64 && defined(__SIZEOF_INT128__) && !defined(QFS_PORTABLE)
#define QFS_HAS_INT128 1
__extension__ typedef unsigned __int128 qfs_native128;
#else
#define QFS_HAS_INT128 0
#endif

#define QFS_LIMB_MAX ((qfs_limb)(UINT64_MAX >> (64 - QFS_LIMB_BITS)))
#define QFS_HALF_BITS (QFS_LIMB_BITS / 2)
#define QFS_HALF_MAX ((qfs_limb)(QFS_LIMB_MAX >> QFS_HALF_BITS))
#define QFS_WIDE_BITS (2 * QFS_LIMB_BITS)

/* Cuts a value back to limb width. Narrow limbs live in wider machine words, and C computes on
 * words of at least int width, so every result that may exceed a limb passes through here. */
#define QFS_LIMB(x) ((qfs_limb)((x) & QFS_LIMB_MAX))

typedef struct { qfs_limb lo, hi; } u128;
typedef struct { u128 lo, hi; } u256;

/* ---- limb primitives: a native and a portable form ---- */

/* a * b = *hi * 2^bits + result (lemma limbs.half_limbs_make_the_product) */
static inline qfs_limb qfs_limb_mul(qfs_limb a, qfs_limb b, qfs_limb *hi)
{
#if QFS_HAS_INT128
    qfs_native128 product = (qfs_native128)a * b;
    *hi = (qfs_limb)(product >> 64);
    return (qfs_limb)product;
#else
    uint64_t a0 = a & QFS_HALF_MAX, a1 = a >> QFS_HALF_BITS;
    uint64_t b0 = b & QFS_HALF_MAX, b1 = b >> QFS_HALF_BITS;
    uint64_t low = a0 * b0;
    uint64_t middle = a1 * b0 + (low >> QFS_HALF_BITS);
    uint64_t other = a0 * b1 + (middle & QFS_HALF_MAX);
    *hi = QFS_LIMB(a1 * b1 + (middle >> QFS_HALF_BITS) + (other >> QFS_HALF_BITS));
    return QFS_LIMB((other << QFS_HALF_BITS) | (low & QFS_HALF_MAX));
#endif
}

/* Number of bits that value needs, 0 for 0. */
static inline int qfs_limb_bits(qfs_limb value)
{
#if QFS_HAS_INT128
    return value ? 64 - __builtin_clzll(value) : 0;
#else
    int bits = 0;
    while (value) { bits++; value = (qfs_limb)(value >> 1); }
    return bits;
#endif
}

/* (hi * 2^bits + lo) / d for hi < d and d with its top bit set.
 * Portable form: Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D, on half limbs. Each
 * of its two steps is as in qfs_divide_step. It first decreases a digit that is more than a half
 * limb, and none of these ends the loop
 * (lemma quotients.an_estimate_above_a_limb_leaves_less_than_one). */
static inline qfs_limb qfs_limb_div(qfs_limb hi, qfs_limb lo, qfs_limb d, qfs_limb *remainder)
{
#if QFS_HAS_INT128
    /* Not %, which would be a second division as slow as the first. */
    qfs_limb quotient = (qfs_limb)((((qfs_native128)hi << 64) | lo) / d);
    *remainder = lo - quotient * d;
    return quotient;
#else
    qfs_limb d1 = (qfs_limb)(d >> QFS_HALF_BITS), d0 = (qfs_limb)(d & QFS_HALF_MAX);
    qfs_limb digits[2] = { (qfs_limb)(lo & QFS_HALF_MAX), (qfs_limb)(lo >> QFS_HALF_BITS) };
    qfs_limb quotient = 0, rest = hi;
    for (int i = 1; i >= 0; i--) {
        uint64_t digit = rest / d1, left = rest % d1;
        while (digit > QFS_HALF_MAX || digit * d0 > ((left << QFS_HALF_BITS) | digits[i])) {
            digit--;
            left += d1;
            if (left > QFS_HALF_MAX) break;
        }
        /* The true value fits in a limb, so the wrap of the products cancels
         * (lemma limbs.a_difference_survives_the_word). */
        rest = QFS_LIMB(((uint64_t)rest << QFS_HALF_BITS) + digits[i] - digit * (uint64_t)d);
        quotient = QFS_LIMB(((uint64_t)quotient << QFS_HALF_BITS) | digit);
    }
    *remainder = rest;
    return quotient;
#endif
}

/* ---- two limbs ---- */

static inline u128 u128_make(qfs_limb hi, qfs_limb lo)
{
    u128 value;
    value.lo = lo;
    value.hi = hi;
    return value;
}

static inline int u128_is_zero(u128 a) { return (a.lo | a.hi) == 0; }

static inline int u128_equal(u128 a, u128 b) { return a.lo == b.lo && a.hi == b.hi; }

/* (lemma limbs.limbs_compare_from_the_top) */
static inline int u128_less(u128 a, u128 b)
{
    return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

/* a + b modulo 2^128; *carry is what went over
 * (lemmas limbs.a_carry_shows_as_a_smaller_sum, limbs.carries_of_two_limbs_never_meet). */
static inline u128 u128_add(u128 a, u128 b, qfs_limb *carry)
{
    qfs_limb lo = QFS_LIMB(a.lo + b.lo);
    qfs_limb from_lo = lo < a.lo;
    qfs_limb hi = QFS_LIMB(a.hi + b.hi);
    qfs_limb from_hi = hi < a.hi;
    hi = QFS_LIMB(hi + from_lo);
    *carry = (qfs_limb)(from_hi | (hi < from_lo));
    return u128_make(hi, lo);
}

/* a - b modulo 2^128; *borrow is 1 where a < b
 * (lemma limbs.a_borrow_comes_from_the_upper_limb). */
static inline u128 u128_sub(u128 a, u128 b, qfs_limb *borrow)
{
    qfs_limb from_lo = a.lo < b.lo;
    *borrow = (qfs_limb)u128_less(a, b);
    return u128_make(QFS_LIMB(a.hi - b.hi - from_lo), QFS_LIMB(a.lo - b.lo));
}

/* Shifts by 0 .. 2 * limb bits - 1 (lemma limbs.a_shift_up_moves_bits_between_limbs). */
static inline u128 u128_shift_left(u128 a, int bits)
{
    if (bits == 0) return a;
    if (bits >= QFS_LIMB_BITS) return u128_make(QFS_LIMB(a.lo << (bits - QFS_LIMB_BITS)), 0);
    return u128_make(QFS_LIMB((a.hi << bits) | (a.lo >> (QFS_LIMB_BITS - bits))),
                     QFS_LIMB(a.lo << bits));
}

/* (lemma limbs.a_shift_down_moves_bits_between_limbs) */
static inline u128 u128_shift_right(u128 a, int bits)
{
    if (bits == 0) return a;
    if (bits >= QFS_LIMB_BITS) return u128_make(0, (qfs_limb)(a.hi >> (bits - QFS_LIMB_BITS)));
    return u128_make((qfs_limb)(a.hi >> bits),
                     QFS_LIMB((a.lo >> bits) | (a.hi << (QFS_LIMB_BITS - bits))));
}

/* Number of bits that a needs, 0 for 0. */
static inline int u128_bits(u128 a)
{
    return a.hi ? QFS_LIMB_BITS + qfs_limb_bits(a.hi) : qfs_limb_bits(a.lo);
}

/* The whole product (lemma limbs.four_products_make_the_whole). */
static inline u256 u128_mul(u128 a, u128 b)
{
    qfs_limb p00h, p01h, p10h, p11h, carry;
    qfs_limb p00 = qfs_limb_mul(a.lo, b.lo, &p00h);
    qfs_limb p01 = qfs_limb_mul(a.lo, b.hi, &p01h);
    qfs_limb p10 = qfs_limb_mul(a.hi, b.lo, &p10h);
    qfs_limb p11 = qfs_limb_mul(a.hi, b.hi, &p11h);
    u256 product;
    u128 middle = u128_add(u128_make(p01h, p01), u128_make(p10h, p10), &carry);
    u128 high = u128_make(QFS_LIMB(p11h + carry), p11);
    u128 low = u128_add(u128_make(middle.lo, 0), u128_make(p00h, p00), &carry);
    qfs_limb ignored;
    high = u128_add(high, u128_make(0, middle.hi), &ignored);
    high = u128_add(high, u128_make(0, carry), &ignored);
    product.lo = low;
    product.hi = high;
    return product;
}

/* The product modulo 2^128 (lemma limbs.lower_limbs_make_the_product_modulo_the_word). */
static inline u128 u128_mul_low(u128 a, u128 b)
{
    qfs_limb hi;
    qfs_limb lo = qfs_limb_mul(a.lo, b.lo, &hi);
    uint64_t crossed = (uint64_t)a.lo * b.hi + (uint64_t)a.hi * b.lo;
    return u128_make(QFS_LIMB(hi + crossed), lo);
}

/* ---- four limbs ---- */

/* (lemma limbs.limbs_compare_from_the_top) */
static inline int u256_less(u256 a, u256 b)
{
    return u128_less(a.hi, b.hi) || (u128_equal(a.hi, b.hi) && u128_less(a.lo, b.lo));
}

/* a + b; the caller knows that nothing goes over 2^256. */
static inline u256 u256_add(u256 a, u256 b)
{
    u256 sum;
    qfs_limb carry, ignored;
    sum.lo = u128_add(a.lo, b.lo, &carry);
    sum.hi = u128_add(a.hi, b.hi, &ignored);
    sum.hi = u128_add(sum.hi, u128_make(0, carry), &ignored);
    return sum;
}

/* a << bits for 0 <= bits <= 128; the caller knows that nothing goes over 2^256. */
static inline u256 u256_from_shifted(u128 a, int bits)
{
    u256 value;
    value.lo = bits == QFS_WIDE_BITS ? u128_make(0, 0) : u128_shift_left(a, bits);
    value.hi = bits == 0 ? u128_make(0, 0) : u128_shift_right(a, QFS_WIDE_BITS - bits);
    return value;
}

/* One quotient limb of (n.hi, n.lo, next) / d for n < d, d with its top bit set; the rest comes
 * back in *n (lemma quotients.a_digit_is_below_the_base).
 *
 * What the upper limbs give is the limb or at most two more
 * (lemmas quotients.an_estimated_digit_is_not_too_small,
 * quotients.the_largest_digit_is_estimated_where_upper_limbs_are_equal,
 * quotients.an_estimated_digit_is_two_too_large_at_most). The test against the divisor's lower limb
 * makes it exact (lemma quotients.the_test_finds_a_digit_too_large), and where it would need more
 * than two limbs it is not needed (lemma quotients.above_a_limb_no_test_is_needed). */
static inline qfs_limb qfs_divide_step(u128 *n, qfs_limb next, u128 d)
{
    qfs_limb digit, left, over = 0, product_hi, product_lo, borrow;
    if (n->hi >= d.hi) {
        digit = QFS_LIMB_MAX;
        left = QFS_LIMB(n->lo + d.hi);
        over = left < n->lo;
    } else {
        digit = qfs_limb_div(n->hi, n->lo, d.hi, &left);
    }
    while (!over) {
        product_lo = qfs_limb_mul(digit, d.lo, &product_hi);
        if (!u128_less(u128_make(left, next), u128_make(product_hi, product_lo))) break;
        digit--;
        left = QFS_LIMB(left + d.hi);
        over = left < d.hi;
    }
    *n = u128_sub(u128_make(n->lo, next), u128_mul_low(u128_make(0, digit), d), &borrow);
    return digit;
}

/* Shifts d left until its top bit is set, and n with it, which loses nothing for n.hi < d
 * (lemmas quotients.normalising_loses_nothing, quotients.scaling_changes_no_quotient). */
static inline int u256_normalise(u256 *n, u128 *d)
{
    int shift = QFS_WIDE_BITS - u128_bits(*d);
    *d = u128_shift_left(*d, shift);
    if (shift) {
        u128 carried = u128_shift_right(n->lo, QFS_WIDE_BITS - shift);
        n->hi = u128_shift_left(n->hi, shift);
        n->hi = u128_make(n->hi.hi | carried.hi, n->hi.lo | carried.lo);
        n->lo = u128_shift_left(n->lo, shift);
    }
    return shift;
}

/* n / d for n.hi < d, so that the quotient fits in two limbs. Knuth, algorithm D
 * (lemma quotients.steps_make_the_quotient). */
static inline u128 u256_div(u256 n, u128 d, u128 *remainder)
{
    int shift = u256_normalise(&n, &d);
    u128 rest = n.hi, quotient;
    quotient.hi = qfs_divide_step(&rest, n.lo.hi, d);
    quotient.lo = qfs_divide_step(&rest, n.lo.lo, d);
    *remainder = u128_shift_right(rest, shift);
    return quotient;
}

/* floor((hi * 2^bits + lo) / d) for hi < d and any d of one limb. */
static inline qfs_limb qfs_limb_div_any(qfs_limb hi, qfs_limb lo, qfs_limb d)
{
#if QFS_HAS_INT128
    return (qfs_limb)((((qfs_native128)hi << 64) | lo) / d);
#else
    int shift = QFS_LIMB_BITS - qfs_limb_bits(d);
    u128 n = u128_shift_left(u128_make(hi, lo), shift);
    qfs_limb remainder;
    return qfs_limb_div(n.hi, n.lo, QFS_LIMB(d << shift), &remainder);
#endif
}

/* floor((hi * 2^bits + lo) / d) for hi < d, so that it fits in one limb: one step of division. */
static inline qfs_limb u128_div_to_limb(u128 hi, qfs_limb lo, u128 d)
{
    u256 n;
    if (d.hi == 0) return qfs_limb_div_any(hi.lo, lo, d.lo);
    n.hi = hi;
    n.lo = u128_make(lo, 0);
    u256_normalise(&n, &d);
    return qfs_divide_step(&n.hi, n.lo.hi, d);
}

/* ---- cells in memory: 16 bytes, little-endian, of any alignment ---- */

#if QFS_LIMB_BITS == 64
static inline uint64_t qfs_little_endian(uint64_t word)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

static inline u128 u128_load(const unsigned char *cell)
{
    uint64_t words[2];
    memcpy(words, cell, 16);
    return u128_make(qfs_little_endian(words[1]), qfs_little_endian(words[0]));
}

static inline void u128_store(unsigned char *cell, u128 value)
{
    uint64_t words[2];
    words[0] = qfs_little_endian(value.lo);
    words[1] = qfs_little_endian(value.hi);
    memcpy(cell, words, 16);
}
#endif

#endif
