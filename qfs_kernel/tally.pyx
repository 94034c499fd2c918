# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: freethreading_compatible=True
"""Tallies over columns of ballots: native words for seqs, voters and choices, cells for powers.

What a voter's first ballot says is an item of `firsts`: its choice, or its seq * 4 + choice. In
both the lowest two bits are the choice, or 3 where there is no ballot. Choices are also packed,
four voters to a byte, the first of them in the lowest bits: with a byte for each, the array of many
voters would be the slower part of a tally. There is one item more than there are voters, for the
ballots of nobody in the snapshot.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from qfs_kernel.u128 cimport (
    qfs_limb,
    u128,
    u128_from_int,
    u128_is_zero,
    u128_load,
)

cdef extern from "tally.h" nogil:
    ctypedef struct qfs_sum:
        uint64_t parts[4]
    void qfs_sum_add(qfs_sum *sum, u128 value)
    u128 qfs_lower(u128 value, u128 cap)
    void qfs_prefetch(const void *array, uint64_t position, size_t width)

cdef enum:
    NO_CHOICE = 3
    AHEAD = 48
    FEW = 64
    DIGIT_BITS = 11
    DIGITS = 2048

cdef uint64_t MAX_COUNT = 2**32 - 1

ctypedef fused Key:
    uint32_t
    uint64_t

ctypedef fused First:
    const uint8_t
    const uint32_t
    const uint64_t


def seq_bounds(const uint64_t[::1] seqs):
    """(whether each is above the one before it, the lowest, the highest); of at least one."""
    cdef Py_ssize_t i
    cdef uint64_t low = seqs[0], high = seqs[0]
    cdef bint ascend = True
    with nogil:
        for i in range(1, seqs.shape[0]):
            ascend &= seqs[i - 1] < seqs[i]
            low = min(low, seqs[i])
            high = max(high, seqs[i])
    return ascend, low, high


def marks_repeat(const uint64_t[::1] seqs, uint64_t low, uint8_t[::1] marks):
    """Whether a seq stands twice. `marks` has a bit, not set, for each seq from `low` on."""
    cdef Py_ssize_t i, rows = seqs.shape[0]
    cdef uint64_t place, room = <uint64_t>marks.shape[0] * 8
    cdef uint8_t bit, found = 0
    with nogil:
        for i in range(rows):
            qfs_prefetch(&marks[0], (seqs[min(i + AHEAD, rows - 1)] - low) >> 3, 1)
            place = seqs[i] - low
            if place >= room:
                found = 1
                break
            bit = <uint8_t>(1 << (place & 7))
            found |= marks[place >> 3] & bit
            marks[place >> 3] |= bit
    return found != 0


def sorted_repeat(const uint64_t[::1] seqs, int bits, uint64_t[::1] items, uint64_t[::1] others):
    """Whether a seq stands twice; each is below 2^bits. Both scratches have an item per seq."""
    cdef Py_ssize_t counts[DIGITS]
    cdef Py_ssize_t i, digit, start, rows = seqs.shape[0]
    cdef int shift = 0
    cdef bint found = False
    items[:] = seqs
    with nogil:
        # By the lowest digit first, each pass keeping the order of the one before.
        while shift < bits:
            memset(counts, 0, sizeof(counts))
            for i in range(rows):
                counts[(items[i] >> shift) & (DIGITS - 1)] += 1
            start = 0
            for digit in range(DIGITS):
                start += counts[digit]
                counts[digit] = start - counts[digit]
            for i in range(rows):
                digit = (items[i] >> shift) & (DIGITS - 1)
                others[counts[digit]] = items[i]
                counts[digit] += 1
            items, others = others, items
            shift += DIGIT_BITS
        for i in range(1, rows):
            found |= items[i - 1] == items[i]
    return found


def collect_in_order(
    const uint8_t[::1] choices,
    const uint32_t[::1] voters,
    const uint64_t[::1] seqs,
    uint64_t count,
    uint8_t[::1] firsts,
):
    """Write the first choice of each of `count` voters, packed; ballots stand in the order of seqs.

    Without `seqs` they do. Returns the ballots of nobody in the snapshot, or -1 where a seq is not
    above the one before it.
    """
    cdef Py_ssize_t rows = choices.shape[0]
    cdef uint64_t unknown
    cdef const uint64_t *places = NULL if seqs is None else &seqs[0]
    cdef bint ascend = True
    memset(&firsts[0], 0xFF, firsts.shape[0])
    with nogil:
        # One function twice, so that the compiler makes one of them without a look at the seqs.
        if places == NULL:
            unknown = write_choices(&choices[0], &voters[0], NULL, rows, &firsts[0], count, &ascend)
        else:
            unknown = write_choices(
                &choices[0], &voters[0], places, rows, &firsts[0], count, &ascend
            )
    return unknown if ascend else -1


cdef inline uint64_t write_choices(
    const uint8_t *choices,
    const uint32_t *voters,
    const uint64_t *seqs,
    Py_ssize_t rows,
    uint8_t *firsts,
    uint64_t count,
    bint *ascend,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint64_t voter, unknown = 0, after = 2**64 - 1, ascending = 1
    cdef uint8_t *four
    cdef int shift
    # From the last ballot to the first, so that the first is what stays.
    for i in range(rows - 1, -1, -1):
        qfs_prefetch(firsts, voters[max(i - AHEAD, 0)] >> 2, 1)
        voter = voters[i]
        # Without a branch: which ballots are of nobody is not predictable.
        unknown += voter >= count
        voter = count if voter >= count else voter
        four, shift = &firsts[voter >> 2], <int>(voter & 3) * 2
        four[0] = <uint8_t>((four[0] & ~(3 << shift)) | (choices[i] & 3) << shift)
        if seqs != NULL:
            ascending &= seqs[i] < after
            after = seqs[i]
    ascend[0] = ascending
    return unknown


def collect_ballots(
    const uint8_t[::1] choices,
    const uint32_t[::1] voters,
    const uint64_t[::1] seqs,
    uint64_t low,
    Key[::1] firsts,
):
    """Write for each voter the lowest (seq - low) * 4 + choice of any ballot.

    Without `voters` ballot i is voter i's, without `seqs` its seq is i. Returns the ballots of
    nobody in the snapshot.
    """
    cdef Py_ssize_t i, rows = choices.shape[0]
    cdef uint64_t count = firsts.shape[0] - 1, unknown = 0, voter, seq
    cdef const uint8_t *choice = &choices[0]
    cdef const uint32_t *who = NULL if voters is None else &voters[0]
    cdef const uint64_t *place = NULL if seqs is None else &seqs[0]
    cdef Key *first = &firsts[0]
    cdef Key key
    memset(first, 0xFF, firsts.shape[0] * sizeof(Key))
    with nogil:
        for i in range(rows):
            # Step 2. A ballot of nobody in the snapshot is refused.
            voter = <uint64_t>i
            if who != NULL:
                qfs_prefetch(first, who[min(i + AHEAD, rows - 1)], sizeof(Key))
                voter = who[i]
            unknown += voter >= count
            voter = count if voter >= count else voter
            # Step 3. Of a voter's ballots the one with the lowest seq is kept.
            # (lemma sums.the_lower_key_has_the_lower_seq)
            seq = <uint64_t>i if place == NULL else place[i] - low
            key = <Key>(seq << 2 | (choice[i] & 3))
            first[voter] = min(key, first[voter])
    return unknown


def merge(const uint64_t[::1] firsts, const uint64_t[::1] others, uint64_t[::1] merged):
    """Write the lower of both items of each voter."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(merged.shape[0]):
            merged[i] = min(firsts[i], others[i])


def finish_tally(
    First[::1] firsts, Py_ssize_t place, bint packed, const uint8_t[::1] powers, object cap
):
    """Sum the powers, each up to the cap, by the choice of the voter's first ballot.

    The first voter is at `place` of `firsts`, which may be packed. Returns the sums (against, for,
    abstain, no ballot), how many voted, and how many of these have a power of 0.
    """
    cdef qfs_sum sums[8]
    cdef Py_ssize_t i, stop, start = 0, rows = powers.shape[0] // 16
    cdef uint64_t voted = 0, powerless = 0
    cdef u128 most = u128_from_int(cap), power
    cdef const uint8_t *cells = &powers[0]
    cdef First *first = &firsts[0]
    cdef int choice, items = 2 if packed else 0
    cdef Py_ssize_t within = 3 if packed else 0, at
    cdef bint plain
    memset(sums, 0, sizeof(sums))
    with nogil:
        while start < rows:
            stop = min(start + FEW, rows)
            plain = all_between(cells, start, stop, most)
            for i in range(start, stop):
                # Step 2. A power counts up to the cap.
                power = u128_load(&cells[i * 16])
                if not plain:
                    power = qfs_lower(power, most)
                # Step 3. The first ballot counts with it, unless it is 0.
                at = place + i
                choice = <int>(first[at >> items] >> 2 * (at & within) & 3)
                voted += choice != NO_CHOICE
                if not plain:
                    powerless += (choice != NO_CHOICE) & u128_is_zero(power)
                # Two sums of each choice, in turn: none waits for the one before it.
                qfs_sum_add(&sums[choice + 4 * (i & 1)], power)
            start = stop
    totals = [int_from_parts(sums[choice]) + int_from_parts(sums[choice + 4]) for choice in range(4)]
    return totals, voted, powerless


cdef inline bint all_between(
    const uint8_t *cells, Py_ssize_t start, Py_ssize_t stop, u128 most
) noexcept nogil:
    # Whether all powers are above 0 and below the cap, as their upper halves tell
    # (lemmas sums.a_join_by_or_is_no_smaller, limbs.limbs_compare_from_the_top).
    cdef Py_ssize_t i
    cdef u128 power
    cdef qfs_limb highest = 0
    cdef uint64_t empty = 0
    for i in range(start, stop):
        power = u128_load(&cells[i * 16])
        highest |= power.hi
        empty += u128_is_zero(power)
    return highest < most.hi and empty == 0


cdef object int_from_parts(qfs_sum sum):
    cdef object low = sum.parts[0] + (<object>sum.parts[2] << 32)
    return low + ((sum.parts[1] + (<object>sum.parts[3] << 32)) << 64)


def places(
    const uint32_t[::1] proposals,
    const uint32_t[::1] voters,
    const uint64_t[::1] starts,
    uint32_t first,
    uint32_t[::1] found,
    uint64_t[::1] ballots,
    uint64_t[::1] unknown,
):
    """Write where each ballot's voter stands when the snapshots of some proposals are joined.

    They are those from `first` on, as many as `ballots` has; snapshot k has places starts[k] ..
    starts[k + 1]. Adds up the ballots of each, of voters in its snapshot and of anybody else.
    What has no place is written as 2^32 - 1.
    """
    cdef Py_ssize_t i
    cdef uint64_t number, count = ballots.shape[0], voter
    with nogil:
        for i in range(voters.shape[0]):
            number = <uint32_t>(proposals[i] - first)
            found[i] = <uint32_t>MAX_COUNT
            if number >= count:
                continue
            voter = voters[i]
            if voter < starts[number + 1] - starts[number]:
                found[i] = <uint32_t>(starts[number] + voter)
                ballots[number] += 1
            else:
                unknown[number] += 1


def lowest_from(const uint32_t[::1] values, uint64_t limit):
    """The lowest row with a value of at least `limit`, or -1."""
    cdef Py_ssize_t i, fault = -1
    with nogil:
        for i in range(values.shape[0]):
            if values[i] >= limit:
                fault = i
                break
    return fault
