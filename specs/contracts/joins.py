"""Contracts of qfs.reference.joins and qfs.reference.balances.

Ids are compared and counted only, so integers stand for them in the walk. A column of ids lies in
memory views over arrays, which CrossHair does not model: here a list stands for it, and the packing
of the merged ids is left out.
"""

from __future__ import annotations

from qfs.errors import LengthMismatchError, ResultOverflowError
from qfs.limits import MAX_VALUE
from qfs.reference import balances
from qfs.reference.joins import joined_rows


def two_and_two_ids_are_joined(a: int, b: int, c: int, d: int) -> bool:
    """Two columns of two ids each are joined in order, none left out, none twice.

    of: qfs.reference.joins.joined_rows
    bound: two ids in each column
    pre: a < b
    pre: c < d
    post: __return__
    """
    ids, other_ids = [a, b], [c, d]
    rows = list(joined_rows(ids, other_ids))
    found = [other_ids[j] if i is None else ids[i] for i, j in rows]
    return (
        all(found[k] < found[k + 1] for k in range(len(found) - 1))
        and [i for i, _ in rows if i is not None] == [0, 1]
        and [j for _, j in rows if j is not None] == [0, 1]
        and all(ids[i] == other_ids[j] for i, j in rows if i is not None and j is not None)
    )


class _Ids(list[bytes]):
    is_sorted = True


def _listed(ids: list[bytes], *, is_sorted: bool) -> _Ids:
    assert is_sorted
    return _Ids(ids)


vars(balances)["from_checked"] = _listed


def balances_are_conserved(a: int, b: int, credit: int, other: int) -> bool:
    """Balances grow by what is credited to their node, and by nothing else.

    of: qfs.reference.balances.merge_add
    bound: nodes a, b and credits of b, c
    pre: 0 <= a <= MAX_VALUE
    pre: 0 <= b <= MAX_VALUE
    pre: 0 <= credit <= MAX_VALUE
    pre: 0 <= other <= MAX_VALUE
    pre: b + credit <= MAX_VALUE
    post: __return__
    """
    ids, values = balances.merge_add(
        _Ids([b"a", b"b"]), [a, b], _Ids([b"b", b"c"]), [credit, other]
    )
    return list(ids) == [b"a", b"b", b"c"] and list(values) == [a, b + credit, other]


def a_balance_above_its_bound_is_refused(below: int, credit: int) -> bool:
    """A balance is refused exactly where it would be above 10^38 - 1.

    of: qfs.reference.balances.merge_add
    of: qfs.reference.balances.overflow
    bound: one node, a balance 0 .. 2 below the bound and credits 0 .. 3
    pre: 0 <= below <= 2
    pre: 0 <= credit <= 3
    post: __return__ == (credit > below)
    """
    try:
        balances.merge_add(_Ids([b"a"]), [MAX_VALUE - below], _Ids([b"a"]), [credit])
    except ResultOverflowError:
        return True
    return False


def every_id_has_a_value(a: int, b: int) -> bool:
    """Two tables are accepted exactly where each has one value per id.

    of: qfs.reference.balances.require_values
    bound: one id, up to two values
    pre: 0 <= a <= 2 and 0 <= b <= 2
    post: __return__ == (a == 1 and b == 1)
    """
    try:
        balances.require_values(_Ids([b"a"]), [0] * a, _Ids([b"b"]), [0] * b)
    except LengthMismatchError:
        return False
    return True
