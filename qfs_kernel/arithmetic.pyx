# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Multiply and divide over columns; the facts of this build."""

from qfs_kernel.u128 cimport (
    QFS_HAS_INT128,
    u128,
    u128_from_int,
    u128_is_zero,
    u128_less,
    u128_load,
    u128_store,
    qfs_mul_div,
)

cdef extern from *:
    """
    #ifndef QFS_SOURCE_HASH
    #define QFS_SOURCE_HASH "unknown"
    #endif
    #if defined(__clang__)
    #define QFS_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define QFS_COMPILER "gcc " __VERSION__
    #else
    #define QFS_COMPILER "other"
    #endif
    """
    const char *QFS_SOURCE_HASH
    const char *QFS_COMPILER

SPEC_VERSION = 1
LIMITS = {
    "CELL_BYTES": 16,
    "BASE_UNITS_PER_TOKEN": 10**18,
    "MAX_VALUE": 10**38 - 1,
    "MAX_SCALAR": 2**128 - 1,
    "MAX_ROWS": 2**32 - 1,
    "MAX_RATE": 10**18,
    "MAX_COUNT": 2**32 - 1,
    "MAX_ID_BYTES": 128,
    "MIN_ID_BYTE": 0x21,
    "MAX_ID_BYTE": 0x7E,
    "MAX_KEY_BYTES": 4096,
}
BUILD = {
    "integers": "int128" if QFS_HAS_INT128 else "portable",
    "compiler": QFS_COMPILER.decode(),
    "source_hash": QFS_SOURCE_HASH.decode(),
}

cdef enum:
    OK = 0
    DIVISION_BY_ZERO = 1
    OVERFLOW = 2


def mul_div_many(
    const unsigned char[::1] a,
    const unsigned char[::1] b,
    const unsigned char[::1] c,
    int rounding,
    object maximum,
    unsigned char[::1] results,
):
    """a * b / c row by row into `results`; a column of one cell stands for every row.

    `rounding` is 0 floor, 1 ceil, 2 half up, 3 half down. Returns (code, lowest row at fault):
    code 0 all done, 1 a zero divisor, 2 a result above `maximum`.
    """
    cdef Py_ssize_t rows = results.shape[0] // 16
    cdef Py_ssize_t step_a = 16 if a.shape[0] > 16 else 0
    cdef Py_ssize_t step_b = 16 if b.shape[0] > 16 else 0
    cdef Py_ssize_t step_c = 16 if c.shape[0] > 16 else 0
    cdef u128 largest = u128_from_int(maximum)
    cdef u128 divisor, result
    cdef Py_ssize_t i = 0
    cdef int code = OK
    with nogil:
        while i < rows:
            # Step 1. A quotient by zero does not exist.
            divisor = u128_load(&c[i * step_c])
            if u128_is_zero(divisor):
                code = DIVISION_BY_ZERO
                break
            # Step 2. The exact quotient and remainder of the whole product.
            # Step 3. Round once.
            # Step 4. The result is in its bounds.
            if qfs_mul_div(
                u128_load(&a[i * step_a]), u128_load(&b[i * step_b]), divisor, rounding, &result
            ) or u128_less(largest, result):
                code = OVERFLOW
                break
            u128_store(&results[i * 16], result)
            i += 1
    return code, i
