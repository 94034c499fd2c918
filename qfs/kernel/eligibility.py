"""See `qfs.reference.eligibility`: one pass over both tables."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

from qfs.errors import WrongTypeError
from qfs.reference.eligibility import (
    Assessed,
    Counts,
    Registered,
    Reported,
    Rule,
    Texts,
    require_sound,
)
from qfs_kernel import eligibility
from qfs_kernel.texts import TextRows


def assess(registered: Registered, reported: Reported, rule: Rule) -> Assessed:
    """See `qfs.reference.eligibility.assess`; ticks and counts are read where they lie when they
    are memoryviews of formats Q and I."""
    # Step 1. A table's columns have the length of its ids, and the rule is in its bounds.
    require_sound(registered, reported, rule)
    most = len(registered.ids) + len(reported.ids)
    found = Assessed(
        registered_rows := array("I", bytes(4 * most)),
        reported_rows := array("I", bytes(4 * most)),
        reasons := array("B", bytes(most)),
    )
    # Steps 2 to 9, id by id.
    listed = eligibility.assess(
        eligibility.Registered(
            _texts(registered.ids),
            _texts(registered.roles),
            _words(registered.registered_ticks, "Q"),
            _words(registered.revoked_ticks, "Q"),
        ),
        eligibility.Reported(
            _texts(reported.ids),
            _counts(reported.uptime),
            _counts(reported.storage),
            _counts(reported.ai),
        ),
        eligibility.Rule(*rule),
        registered_rows,
        reported_rows,
        reasons,
    )
    if listed < 0:
        raise WrongTypeError("the ids changed while they were read", argument="registered")
    for items in (registered_rows, reported_rows, reasons):
        del items[listed:]
    return found


def _texts(column: Texts) -> TextRows:
    return TextRows(column.offsets, column.data)


def _counts(counts: Counts) -> tuple[memoryview, memoryview]:
    return _words(counts[0], "I"), _words(counts[1], "I")


def _words(values: Sequence[int] | memoryview, code: Literal["I", "Q"]) -> memoryview:
    """The integers as native words: the memory itself where it is of that format already."""
    if isinstance(values, memoryview) and values.format == code and values.c_contiguous:
        return values
    return memoryview(array(code, values))
