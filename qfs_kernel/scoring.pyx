# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Scores over columns of counts, which are native unsigned integers of 32 bits."""

from libc.stdint cimport uint32_t, uint64_t

from qfs_kernel.u128 cimport (
    Sum,
    int_from_sum,
    qfs_counted,
    qfs_counts,
    qfs_limb,
    qfs_score_product,
    qfs_score_sum,
    sum_add,
    u128,
    u128_less,
    u128_load,
    u128_make,
    u128_store,
)

cdef uint64_t SCALE = 10**18
cdef uint32_t MAX_COUNT = 2**32 - 1


def counts_from_cells(const unsigned char[::1] cells, uint32_t[::1] counts):
    """Write the cells as counts; returns the lowest row above 2^32 - 1, or -1."""
    cdef Py_ssize_t i
    cdef u128 cell, largest = u128_make(0, MAX_COUNT)
    cdef Py_ssize_t fault = -1
    with nogil:
        for i in range(counts.shape[0]):
            cell = u128_load(&cells[i * 16])
            if u128_less(largest, cell):
                fault = i
                break
            counts[i] = <uint32_t>cell.lo
    return fault


def reaches(const uint32_t[::1] counts, uint32_t least):
    """Whether any count is at least `least`."""
    cdef Py_ssize_t i
    cdef bint found = False
    with nogil:
        for i in range(counts.shape[0]):
            if counts[i] >= least:
                found = True
                break
    return found


cdef inline qfs_counts counts_at(
    const uint32_t[::1] n, const uint32_t[::1] d, Py_ssize_t i
) noexcept nogil:
    cdef qfs_counts counts
    counts.n = n[i]
    counts.d = d[i]
    return counts


cdef inline int above_denominator(
    qfs_counts uptime, qfs_counts storage, qfs_counts ai
) noexcept nogil:
    if uptime.n > uptime.d:
        return 0
    if storage.n > storage.d:
        return 1
    return 2 if ai.n > ai.d else -1


def score(
    tuple uptime,
    tuple storage,
    tuple ai,
    tuple weights,
    uint32_t min_samples,
    tuple neutral,
    unsigned char[::1] scores,
):
    """Score each row into `scores`; `weights` are None for a product, in 10^-18 for a sum.

    Returns (metric at fault or -1, its row, total of the scores); metrics are counted from 0.
    """
    cdef const uint32_t[::1] uptime_n = uptime[0], uptime_d = uptime[1]
    cdef const uint32_t[::1] storage_n = storage[0], storage_d = storage[1]
    cdef const uint32_t[::1] ai_n = ai[0], ai_d = ai[1]
    cdef bint uptime_neutral = neutral[0], storage_neutral = neutral[1], ai_neutral = neutral[2]
    cdef bint is_sum = weights is not None
    cdef qfs_limb[3] parts
    cdef qfs_counts u, s, a
    cdef qfs_limb value
    cdef int fault = -1
    cdef Py_ssize_t i = 0, rows = scores.shape[0] // 16
    cdef Sum total = Sum(u128_make(0, 0), 0)
    parts[0], parts[1], parts[2] = weights if is_sum else (0, 0, 0)
    with nogil:
        while i < rows:
            u = counts_at(uptime_n, uptime_d, i)
            s = counts_at(storage_n, storage_d, i)
            a = counts_at(ai_n, ai_d, i)
            # Step 2. A numerator is at most its denominator.
            fault = above_denominator(u, s, a)
            if fault >= 0:
                break
            # Step 3. A neutral ratio counts as 1, any other of too few samples as 0.
            u = qfs_counted(u, min_samples, uptime_neutral)
            s = qfs_counted(s, min_samples, storage_neutral)
            a = qfs_counted(a, min_samples, ai_neutral)
            # Step 4. The exact product or weighted sum, rounded down once.
            value = qfs_score_sum(parts, u, s, a) if is_sum else qfs_score_product(SCALE, u, s, a)
            u128_store(&scores[i * 16], u128_make(0, value))
            sum_add(&total, u128_make(0, value))
            i += 1
    return fault, i, int_from_sum(total)
