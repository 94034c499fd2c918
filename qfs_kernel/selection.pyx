# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""The leftover units to the largest remainders, without sorting.

Digit by digit of the remainders, from the first: the counts of each digit tell at which of them
the units end. Rows above it are paid, and only those that have it are looked at again. A slice
keeps the list of its own, so that slices can run on any number of threads.
"""

from libc.stdint cimport int64_t, uint32_t

from qfs_kernel.allocation cimport Level, qfs_level, qfs_level_remainder
from qfs_kernel.u128 cimport (
    QFS_DIGITS,
    int_from_u128,
    qfs_digit,
    u128,
    u128_less,
    u128_load,
    u128_make,
)


cdef extern from "cpu.h" nogil:
    void QFS_PREFETCH(const void *address)


cdef extern from "digits.h" nogil:
    void qfs_pay(unsigned char *cell, u128 units)
    int64_t qfs_settle(
        unsigned char *amounts, unsigned char *scratch, int64_t rows, int half, int cut
    )


cdef enum:
    AHEAD = 16


def choose_digit(const uint32_t[::1] counts, object leftover):
    """The digit at which the units end, and the units left for the rows that have it.

    `counts` has the counts of each digit, one slice after another.
    """
    # At least one unit is left for them (lemma leftovers.rows_at_the_cut_share_what_is_left), and
    # none for remainders of 0 (lemma leftovers.fewer_units_are_left_than_rows_have_a_remainder).
    cdef unsigned long long left = leftover, rows
    cdef Py_ssize_t digit, start
    for digit in range(QFS_DIGITS - 1, -1, -1):
        rows = 0
        for start in range(0, counts.shape[0], QFS_DIGITS):
            rows += counts[start + digit]
        if left <= rows or digit == 0:
            return digit, left
        left -= rows


def settle(unsigned char[::1] amounts, unsigned char[::1] scratch, Level level, int digit):
    """Correct what `floor_shares` paid in advance: one unit to each row whose first digit is
    above `digit`, none to the others.

    The rows that have the digit are listed: their positions in the slice, 4 bytes each, are at
    the front of `scratch`. Returns how many there are.
    """
    cdef int64_t listed = 0
    if amounts.shape[0]:
        with nogil:
            listed = qfs_settle(
                &amounts[0], &scratch[0], amounts.shape[0] // 16, level.at.half, digit
            )
    return listed


cdef inline u128 remainder_at(
    const qfs_level *at,
    const unsigned char[::1] weights,
    const unsigned char[::1] caps,
    const unsigned char[::1] amounts,
    Py_ssize_t i,
) noexcept nogil:
    return qfs_level_remainder(
        at,
        u128_load(&weights[16 * i]),
        NULL if caps is None else &caps[16 * i],
        u128_load(&amounts[16 * i]),
    )


cdef inline void fetch_ahead(
    const unsigned char[::1] weights,
    const unsigned char[::1] amounts,
    const uint32_t[::1] positions,
    Py_ssize_t i,
) noexcept nogil:
    # The listed rows lie far apart, so that the processor cannot foresee the next one.
    cdef Py_ssize_t position
    if i + AHEAD < positions.shape[0]:
        position = positions[i + AHEAD]
        QFS_PREFETCH(&weights[16 * position])
        QFS_PREFETCH(&amounts[16 * position])


def survey(
    const unsigned char[::1] weights,
    const unsigned char[::1] caps,
    Level level,
    const unsigned char[::1] amounts,
    const uint32_t[::1] positions,
    int digit_level,
    uint32_t[::1] counts,
):
    """The smallest and the largest remainder of the listed rows, of which there is at least one.

    Adds to `counts` how often each digit of this level occurs among them.
    """
    cdef Py_ssize_t i
    cdef u128 remainder, highest = u128_make(0, 0)
    cdef u128 lowest = level.at.weight
    cdef qfs_level at = level.at
    with nogil:
        for i in range(positions.shape[0]):
            fetch_ahead(weights, amounts, positions, i)
            remainder = remainder_at(&at, weights, caps, amounts, positions[i])
            counts[qfs_digit(remainder, at.ratio.shift, digit_level)] += 1
            if u128_less(remainder, lowest):
                lowest = remainder
            if u128_less(highest, remainder):
                highest = remainder
    return int_from_u128(lowest), int_from_u128(highest)


def cut_listed(
    const unsigned char[::1] weights,
    const unsigned char[::1] caps,
    Level level,
    unsigned char[::1] amounts,
    uint32_t[::1] positions,
    int digit_level,
    int digit,
):
    """Pay the listed rows whose digit of this level is above `digit`, and keep those that have it.

    Returns how many are kept; they are in order at the front of `positions`.
    """
    cdef Py_ssize_t i, kept = 0
    cdef uint32_t position
    cdef int found
    cdef qfs_level at = level.at
    with nogil:
        for i in range(positions.shape[0]):
            fetch_ahead(weights, amounts, positions, i)
            position = positions[i]
            found = qfs_digit(
                remainder_at(&at, weights, caps, amounts, position), at.ratio.shift, digit_level
            )
            if found > digit:
                qfs_pay(&amounts[16 * <Py_ssize_t>position], u128_make(0, 1))
            elif found == digit:
                positions[kept] = position
                kept += 1
    return kept


def pay_listed(unsigned char[::1] amounts, const uint32_t[::1] positions):
    """One unit to each listed row."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(positions.shape[0]):
            qfs_pay(&amounts[16 * <Py_ssize_t>positions[i]], u128_make(0, 1))
