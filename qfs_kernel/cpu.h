/* Which paths of the kernel this processor can run.
 *
 * Everything is compiled for the plain architecture; a function that needs more says so by an
 * attribute of its own and is only called where the processor was asked and has it. With
 * QFS_PORTABLE, on other architectures and with compilers without such attributes there is the
 * baseline alone.
 */
#ifndef QFS_CPU_H
#define QFS_CPU_H

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(QFS_PORTABLE)
#define QFS_HAS_IFMA 1
#include <immintrin.h>
#define QFS_IFMA __attribute__((target("avx512f,avx512ifma")))
#define QFS_IFMA_INLINE static inline __attribute__((target("avx512f,avx512ifma"), always_inline))
#else
#define QFS_HAS_IFMA 0
#endif

/* Whether the processor and the operating system have AVX-512 with 52-bit multiply and add. */
static inline int qfs_cpu_has_ifma(void)
{
#if QFS_HAS_IFMA
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
#else
    return 0;
#endif
}

#endif
