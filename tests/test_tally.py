"""`qfs.tally`: any kind of column in, the same figures out, and errors that name what is wrong."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import qfs
from qfs.errors import (
    DuplicateIdError,
    LengthMismatchError,
    NullValueError,
    OutOfRangeError,
    QfsError,
    TotalOverflowError,
    WrongTypeError,
)
from qfs.limits import MAX_COUNT, MAX_SCALAR, MAX_TICK, MAX_VALUE

CHOICES, VOTERS, SEQ = [1, 0, 0, 2, 1], [2, 0, 2, 1, 9], [7, 9, 8, MAX_TICK, 0]
POWERS = [30, 0, 90]
EXPECTED = (40, 30, 0, 2, {"unknown_voter": 1, "duplicate": 1, "zero_power": 1}, 70)

pytestmark = pytest.mark.usefixtures("api_backend")

KINDS: dict[str, Callable[[list[int], str], Any]] = {
    "list": lambda numbers, kind: numbers,
    "tuple": lambda numbers, kind: tuple(numbers),
    "array": lambda numbers, kind: array({"u1": "B", "u4": "I", "u8": "Q"}[kind], numbers),
    "numpy": lambda numbers, kind: np.array(numbers, dtype=kind),
    "numpy of 64 signed bits": lambda numbers, kind: np.array(numbers, dtype="i8"),
    "numpy, every other": lambda numbers, kind: np.repeat(np.array(numbers, dtype=kind), 2)[::2],
    "read-only": lambda numbers, kind: memoryview(np.array(numbers, dtype=kind).tobytes()).cast(
        {"u1": "B", "u4": "I", "u8": "Q"}[kind]  # type: ignore[call-overload]
    ),
    "pyarrow": lambda numbers, kind: pa.array(
        numbers, type={"u1": pa.uint8(), "u4": pa.uint32(), "u8": pa.uint64()}[kind]
    ),
    "pyarrow, in chunks": lambda numbers, kind: pa.chunked_array(
        [pa.array(numbers[:2], type=pa.int64()), pa.array(numbers[2:], type=pa.int64())]
    ),
    "polars": lambda numbers, kind: pl.Series(
        numbers, dtype={"u1": pl.UInt8, "u4": pl.UInt32, "u8": pl.UInt64}[kind]
    ),
    "column": lambda numbers, kind: qfs.Column.from_ints(numbers),
}


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_every_kind(kind: str) -> None:
    make = KINDS[kind]
    found = qfs.tally(
        make(CHOICES, "u1"), make(POWERS, "u8"), make(VOTERS, "u4"), make(SEQ, "u8"), cap=40
    )
    assert astuple(found) == EXPECTED
    positions = qfs.tally(make([1, 0, 2], "u1"), make(POWERS, "u8"))
    assert (positions.yes, positions.no, positions.abstain) == (30, 0, 90)
    empty = make([], "u1")
    assert qfs.tally(empty, empty, empty, empty).counted == 0


def test_a_tie_of_rows_goes_to_the_lower_seq() -> None:
    assert qfs.tally([0, 1], [5], [0, 0]).no == 5
    assert qfs.tally([0, 1], [5], [0, 0], [1, 0]).yes == 5


BAD: list[tuple[dict[str, Any], type[QfsError], str, int | None]] = [
    ({"choices": [1, 3, 0, 3, 1]}, OutOfRangeError, "choices", 1),
    ({"choices": [1, -1, 0, 3, 1]}, OutOfRangeError, "choices", 1),
    ({"choices": [1, None, 0, 2, 1]}, NullValueError, "choices", 1),
    ({"choices": [1, 0, 0, True, 1]}, WrongTypeError, "choices", 3),
    ({"choices": np.array([1, 0, 0, 2, 255], dtype="u1")}, OutOfRangeError, "choices", 4),
    ({"choices": pa.array([1, 0, None, 2, 9], pa.uint8())}, NullValueError, "choices", 2),
    ({"choices": "10021"}, WrongTypeError, "choices", None),
    ({"choices": None}, WrongTypeError, "choices", None),
    ({"powers": None}, WrongTypeError, "powers", None),
    ({"powers": [1, 2, MAX_VALUE + 1]}, OutOfRangeError, "powers", 2),
    ({"powers": [1.0]}, WrongTypeError, "powers", 0),
    ({"voters": [2, 0, 2, 1, MAX_COUNT + 1]}, OutOfRangeError, "voters", 4),
    ({"voters": np.array([2, 0, -1, 1, 9], dtype="i4")}, OutOfRangeError, "voters", 2),
    ({"voters": [2, 0]}, LengthMismatchError, "voters", None),
    ({"voters": None}, LengthMismatchError, "powers", None),
    ({"seq": [7, 9, 8, MAX_TICK + 1, 0]}, OutOfRangeError, "seq", 3),
    ({"seq": np.array([7, 9, 8, 2**53, 2**63], dtype="u8")}, OutOfRangeError, "seq", 3),
    ({"seq": [7, 9, 8, 9, 7]}, DuplicateIdError, "seq", 3),
    ({"seq": [7]}, LengthMismatchError, "seq", None),
    ({"cap": -1}, OutOfRangeError, "cap", None),
    ({"cap": MAX_SCALAR + 1}, OutOfRangeError, "cap", None),
    ({"cap": "1"}, WrongTypeError, "cap", None),
    ({"cap": 0.25}, WrongTypeError, "cap", None),
    ({"powers": [MAX_VALUE] * 4, "cap": None}, TotalOverflowError, "powers", None),
]


@pytest.mark.parametrize(("changed", "error", "argument", "index"), BAD)
def test_bad_input_is_named(
    changed: dict[str, Any], error: type[QfsError], argument: str, index: int | None
) -> None:
    given = {"choices": CHOICES, "powers": POWERS, "voters": VOTERS, "seq": SEQ, "cap": 40}
    with pytest.raises(error) as caught:
        qfs.tally(**{**given, **changed})
    assert (caught.value.argument, caught.value.index) == (argument, index)


def test_of_two_faults_the_earlier_is_named() -> None:
    """Scalars, lengths, then choices, powers, voters, seq, a seq that stands twice, the total."""
    faults: list[tuple[str, Any, str]] = [
        ("cap", -1, "cap"),
        ("seq", [1], "seq"),
        ("choices", [3] * 5, "choices"),
        ("powers", [-1], "powers"),
        ("voters", [-1] * 5, "voters"),
        ("seq", [-1] * 5, "seq"),
        ("seq", [1] * 5, "seq"),
        ("powers", [MAX_VALUE] * 4, "powers"),
    ]
    sound = {"choices": CHOICES, "powers": POWERS, "voters": VOTERS, "seq": SEQ, "cap": None}
    for first, (name, value, argument) in enumerate(faults):
        for other, other_value, _ in faults[first + 1 :]:
            if other == name:
                continue
            with pytest.raises(QfsError) as caught:
                qfs.tally(**{**sound, name: value, other: other_value})
            assert caught.value.argument == argument
