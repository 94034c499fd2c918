/* Which paths of the kernel this processor can run.
 *
 * Everything is compiled for the plain architecture; a function that needs more says so by an
 * attribute of its own and is only called where the processor was asked and has it. With
 * QFS_PORTABLE, on other architectures and with compilers without such attributes there is the
 * baseline alone.
 *
 * Tests define QFS_LANES_HEADER, a header that gives the intrinsics their meaning in plain C. Then
 * any machine runs the path that is written with them.
 */
#ifndef QFS_CPU_H
#define QFS_CPU_H

#if defined(QFS_LANES_HEADER)
#define QFS_HAS_IFMA 1
#include QFS_LANES_HEADER
#define QFS_IFMA
#define QFS_IFMA_INLINE static inline
#elif defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(QFS_PORTABLE)
#define QFS_HAS_IFMA 1
#include <immintrin.h>
#define QFS_IFMA __attribute__((target("avx512f,avx512ifma")))
#define QFS_IFMA_INLINE static inline __attribute__((target("avx512f,avx512ifma"), always_inline))
#else
#define QFS_HAS_IFMA 0
#endif

/* Asks for memory that is needed soon. */
#if defined(__GNUC__) || defined(__clang__)
#define QFS_PREFETCH(address) __builtin_prefetch(address)
#else
#define QFS_PREFETCH(address) ((void)(address))
#endif

/* Whether the processor and the operating system have AVX-512 with 52-bit multiply and add. */
static inline int qfs_cpu_has_ifma(void)
{
#if defined(QFS_LANES_HEADER)
    return 1;
#elif QFS_HAS_IFMA
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
#else
    return 0;
#endif
}

#endif
