# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Scores over columns of counts, which are native unsigned integers of 32 bits."""

from libc.stdint cimport uint32_t, uint64_t

from qfs_kernel.u128 cimport (
    Sum,
    int_from_sum,
    qfs_limb,
    sum_add,
    u128_make,
    u128_store,
)

cdef extern from "score.h" nogil:
    ctypedef struct qfs_counts:
        qfs_limb n
        qfs_limb d
    qfs_counts qfs_counted(qfs_counts given, qfs_limb min_samples, bint is_neutral)
    qfs_limb qfs_score_product(qfs_limb scale, qfs_counts a, qfs_counts b, qfs_counts c)
    qfs_limb qfs_score_sum(const qfs_limb *weights, qfs_counts a, qfs_counts b, qfs_counts c)

cdef uint64_t SCALE = 10**18


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


cdef struct Metric:
    # Addresses and not memory views: a score is written as bytes, and after every such write the
    # compiler would fetch from the views where they lie.
    const uint32_t *n
    const uint32_t *d
    bint neutral


cdef Metric metric_of(tuple counts, bint neutral) except *:
    # The memory stays where it is as long as the views in the tuple are there.
    cdef const uint32_t[::1] n = counts[0], d = counts[1]
    cdef Metric metric
    metric.n = &n[0]
    metric.d = &d[0]
    metric.neutral = neutral
    return metric


cdef inline qfs_counts counts_at(Metric metric, Py_ssize_t i) noexcept nogil:
    cdef qfs_counts counts
    counts.n = metric.n[i]
    counts.d = metric.d[i]
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
    cdef Metric of_uptime = metric_of(uptime, neutral[0])
    cdef Metric of_storage = metric_of(storage, neutral[1])
    cdef Metric of_ai = metric_of(ai, neutral[2])
    cdef bint is_sum = weights is not None
    cdef uint64_t scale = SCALE
    cdef qfs_limb[3] parts
    cdef qfs_counts u, s, a
    cdef qfs_limb value
    cdef int fault = -1
    cdef Py_ssize_t i = 0, rows = scores.shape[0] // 16
    cdef unsigned char *written = &scores[0]
    cdef Sum total = Sum(u128_make(0, 0), 0)
    parts[0], parts[1], parts[2] = weights if is_sum else (0, 0, 0)
    with nogil:
        while i < rows:
            u = counts_at(of_uptime, i)
            s = counts_at(of_storage, i)
            a = counts_at(of_ai, i)
            # Step 2. A numerator is at most its denominator.
            fault = above_denominator(u, s, a)
            if fault >= 0:
                break
            # Step 3. A neutral ratio counts as 1, any other of too few samples as 0.
            u = qfs_counted(u, min_samples, of_uptime.neutral)
            s = qfs_counted(s, min_samples, of_storage.neutral)
            a = qfs_counted(a, min_samples, of_ai.neutral)
            # Step 4. The exact product or weighted sum, rounded down once.
            value = qfs_score_sum(parts, u, s, a) if is_sum else qfs_score_product(scale, u, s, a)
            u128_store(written + i * 16, u128_make(0, value))
            sum_add(&total, u128_make(0, value))
            i += 1
    return fault, i, int_from_sum(total)
