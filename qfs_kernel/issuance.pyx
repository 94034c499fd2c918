# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Issuance over a column of fees."""

from libc.stdint cimport uint64_t

from qfs_kernel.u128 cimport (
    Sum,
    int_from_sum,
    int_from_u128,
    qfs_limb,
    sum_add,
    u128,
    u128_add,
    u128_from_int,
    u128_less,
    u128_load,
    u128_make,
    u128_store,
    u128_sub,
)

cdef extern from "issue.h" nogil:
    ctypedef struct qfs_rate:
        pass
    qfs_rate qfs_rate_make(qfs_limb rate, qfs_limb scale)
    u128 qfs_rate_of(const qfs_rate *rate, u128 fee, qfs_limb *part)
    qfs_limb qfs_carry(const qfs_rate *rate, qfs_limb part, qfs_limb *residue)

cdef uint64_t SCALE = 10**18


def issue(
    const unsigned char[::1] fees,
    uint64_t rate,
    uint64_t residue,
    object room,
    unsigned char[::1] issued,
):
    """Issue `rate` of each fee into `issued`; returns (withheld, total, residue).

    `rate` and `residue` are in 10^-18, `room` in base units, 0 .. 2^128 - 1.
    """
    cdef Py_ssize_t rows = fees.shape[0] // 16
    cdef Py_ssize_t i
    # Not through the views, which the compiler would look at again after every byte written.
    cdef const unsigned char *read = &fees[0]
    cdef unsigned char *written = &issued[0]
    cdef qfs_rate prepared = qfs_rate_make(rate, SCALE)
    cdef u128 left = u128_from_int(room)
    cdef qfs_limb carried = residue
    cdef qfs_limb part, borrow
    cdef u128 raw, amount
    cdef Sum total = Sum(u128_make(0, 0), 0)
    cdef Sum withheld = Sum(u128_make(0, 0), 0)
    with nogil:
        for i in range(rows):
            # Step 2. What the rate gives, and what it leaves below one base unit.
            # At most the fee (lemma rates.no_fee_issues_more_than_itself), and nothing is lost
            # (lemma rates.one_more_fee_keeps_the_account).
            raw = qfs_rate_of(&prepared, u128_load(read + i * 16), &part)
            raw = u128_add(raw, u128_make(0, qfs_carry(&prepared, part, &carried)), &borrow)
            # Step 3. No more than the cap leaves; the rest is withheld, not carried.
            amount = left if u128_less(left, raw) else raw
            u128_store(written + i * 16, amount)
            sum_add(&withheld, u128_sub(raw, amount, &borrow))
            sum_add(&total, amount)
            left = u128_sub(left, amount, &borrow)
    return int_from_sum(withheld), int_from_sum(total), carried
