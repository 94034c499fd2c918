"""The Arrow PyCapsule interface: whose memory it is, for how long, and where the nulls are."""

from __future__ import annotations

import ctypes
import gc
import os
import struct
import subprocess
import sys
import threading
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qfs
from qfs import arrow, columns
from qfs import ids as id_columns
from qfs.errors import InvalidIdError, WrongTypeError
from qfs.limits import MAX_VALUE

VALUES = [7, 2**64 + 1, 0, MAX_VALUE]


def holders(column: qfs.Column) -> int:
    """How many views of the column's memory there are, its own among them."""
    gc.collect()
    return sys.getrefcount(column.data)


def producers() -> dict[str, Any]:
    table = pa.table({"x": pa.array(qfs.Column.from_ints(VALUES))})
    return {
        "arrow": table["x"].chunk(0),
        "arrow chunks": table["x"],
        "polars": pl.Series(table["x"]),
        "duckdb": duckdb.from_arrow(table),
        "numpy": np.array([(v % 2**64, v >> 64) for v in VALUES], dtype="<u8,<u8").view(
            [("lo", "<u8"), ("hi", "<u8")]
        ),
        "reader": table.to_reader(),
    }


@pytest.mark.parametrize("name", ["arrow", "arrow chunks", "polars", "duckdb", "numpy", "reader"])
def test_what_was_read_outlives_its_producer(name: str) -> None:
    raw = columns.read_values(producers()[name], "fees")
    gc.collect()
    # Freed memory would by now hold something else.
    rubbish = [bytearray(b"\xff" * 64) for _ in range(1000)]
    assert list(qfs.Column.from_cells(raw.data)) == VALUES  # type: ignore[union-attr]
    del rubbish


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()])
def test_ids_outlive_their_producer(implementation: Any, kind: pa.DataType) -> None:
    names = [b"a-longer-name-than-a-view-holds-%d" % i for i in range(9)] + [b"b"]
    source = pa.array([name.decode() for name in names]).cast(kind)
    ids = implementation.check_ids(id_columns.read_ids(source, "ids"), "ids")
    del source
    gc.collect()
    rubbish = [bytearray(b"\xff" * 64) for _ in range(1000)]
    assert (list(ids), ids.is_sorted, len(ids)) == (names, True, 10)
    assert list(ids.texts()) == [name.decode() for name in names]
    del rubbish


def test_consumers_outlive_the_column() -> None:
    def column() -> qfs.Column:
        return qfs.Column.from_ints(VALUES)

    consumers = [pa.array(column()), pl.Series(column()), np.asarray(column())]
    consumers.append(duckdb.from_arrow(pa.table({"x": pa.array(column())})))
    gc.collect()
    rubbish = [bytearray(b"\xff" * 64) for _ in range(1000)]
    for consumer in consumers:
        assert list(qfs.mul_div(consumer, 1, 1)) == VALUES
    del rubbish


@pytest.mark.slow
@pytest.mark.usefixtures("api_backend")
@pytest.mark.parametrize("consumed", [False, True])
def test_capsules_leave_nothing_behind(consumed: bool) -> None:
    column = qfs.Column.from_ints(VALUES)
    before = holders(column)
    kept = [column.__arrow_c_array__() for _ in range(3)]
    assert holders(column) > before
    del kept
    for _ in range(10_000):
        if consumed:
            columns.read_values(pa.array(column), "fees")
        else:
            column.__arrow_c_array__()
            column.__arrow_c_schema__()
    assert holders(column) == before


@pytest.mark.slow
@pytest.mark.usefixtures("api_backend")
def test_half_consumed_capsules_are_released() -> None:
    column = qfs.Column.from_ints(VALUES)
    before = holders(column)
    schema, values = column.__arrow_c_array__()
    held = holders(column)
    taken = arrow._take(values, b"arrow_array", arrow._Array, "values")
    del values
    assert holders(column) == held
    del taken, schema
    assert holders(column) == before


@pytest.mark.usefixtures("api_backend")
def test_columns_of_any_length_are_handed_over() -> None:
    for values in ([], [5], VALUES):
        column = qfs.Column.from_ints(values)
        array = pa.array(column)
        array.validate(full=True)
        assert (array.type, array.null_count) == (pa.decimal128(38, 18), 0)
        assert list(qfs.mul_div(array, 1, 1)) == values
        assert pa.schema([pa.field("x", pa.decimal128(38, 18))]) == pa.schema({"x": array.type})
        assert pl.Series(column).to_arrow().equals(array.cast(pl.Series(column).to_arrow().type))


def test_released_from_another_thread() -> None:
    held = [pa.array(qfs.Column.from_ints(VALUES)) for _ in range(50)]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert held == []


class Failing:
    """An Arrow stream that yields one batch and fails."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        batch = pa.record_batch({"x": [1, 2]})

        def batches() -> Iterator[pa.RecordBatch]:
            yield batch
            raise OSError("the disk is gone")

        reader = pa.RecordBatchReader.from_batches(batch.schema, batches())
        return reader.__arrow_c_stream__(requested_schema)


def test_a_stream_that_fails_is_refused() -> None:
    for read in (columns.read_values, id_columns.read_ids):
        with pytest.raises(WrongTypeError) as caught:
            read(Failing(), "fees")
        assert "stream failed" in str(caught.value)


integers = st.one_of(st.none(), st.integers(0, 2**63 - 1), st.just(-1))


@given(
    values=st.lists(integers, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    before=st.integers(0, 17),
    after=st.integers(0, 9),
)
def test_nulls_slices_and_chunks_are_those_of_the_list(
    implementation: Any,
    outcome: Any,
    values: list[int | None],
    cuts: list[int],
    before: int,
    after: int,
) -> None:
    def check(source: Any) -> Any:
        return implementation.check_values(columns.read_values(source, "fees"), "fees")

    expected = outcome(check, values)
    whole = pa.array([None] * before + values + [None] * after, pa.int64())
    part = whole.slice(before, len(values))
    bounds = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    chunks = [part[a:b] for a, b in pairwise(bounds)]
    cells = [decimal_like(chunk) for chunk in chunks]
    for source in (
        part,
        pa.chunked_array(chunks, pa.int64()),
        decimal_like(whole).slice(before, len(values)),
        pa.chunked_array(cells),
        pa.table({"x": pa.chunked_array(cells)}),
        pl.Series(part),
    ):
        assert outcome(check, source) == expected


def decimal_like(chunk: pa.Array) -> pa.Array:
    """The same base units and nulls as decimals of scale 18."""
    data = b"".join((v.as_py() or 0).to_bytes(16, "little", signed=True) for v in chunk)
    valid = sum(1 << i for i, v in enumerate(chunk) if v.is_valid)
    buffers = [valid.to_bytes(len(chunk) // 8 + 1, "little"), data]
    return pa.Array.from_buffers(
        pa.decimal128(38, 18), len(chunk), [pa.py_buffer(buffer) for buffer in buffers]
    )


names = st.one_of(
    st.none(),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=14),
    st.sampled_from(["a", "b", "c" * 12, "c" * 13, "d" * 128, "d" * 129]),
)


@given(
    values=st.lists(names, max_size=12),
    cut=st.integers(0, 12),
    before=st.integers(0, 9),
    kind=st.sampled_from(["string", "large_string", "string_view", "binary", "large_binary"]),
)
def test_ids_in_arrow_are_those_of_the_list(
    implementation: Any,
    outcome: Any,
    values: list[str | None],
    cut: int,
    before: int,
    kind: str,
) -> None:
    def check(source: Any) -> Any:
        ids = implementation.check_ids(id_columns.read_ids(source, "ids"), "ids")
        return list(ids), ids.is_sorted

    expected = outcome(check, values)
    whole = pa.array([*["?"] * before, *values, None], pa.string()).cast(getattr(pa, kind)())
    part = whole.slice(before, len(values))
    for source in (part, pa.chunked_array([part[:cut], part[cut:]]), pl.Series(part)):
        assert outcome(check, source) == expected


@pytest.mark.parametrize(
    "source",
    [
        pa.array([1]),
        pa.array(["a"]).dictionary_encode(),
        pl.Series(["a"], dtype=pl.Categorical),
        {"a"},
        {"a": 1},
        iter(["a"]),
        (name for name in "ab"),
        "ab",
        b"ab",
        None,
        np.array("a"),
        np.array([["a"]]),
        5,
    ],
    ids=lambda source: type(source).__name__,
)
def test_ids_that_are_no_column_of_texts(source: Any) -> None:
    with pytest.raises(WrongTypeError) as caught:
        id_columns.read_ids(source, "ids")
    assert (caught.value.argument, caught.value.index) == ("ids", None)


def test_ids_from_sequences_that_are_no_lists(api_backend: str) -> None:
    for ids in (np.array(["b", "a"]), np.array([b"b", b"a"]), np.array(["b", b"a"], dtype=object)):
        assert qfs.allocate(1, [1, 1], ids=ids).amounts == [0, 1]
        with pytest.raises(WrongTypeError):
            qfs.allocate(1, [1], ids=array("b", [1]))


SCRIPT = """
import builtins
import sys
import numpy, polars, pyarrow
import qfs

column = qfs.Column.from_ints([1, 2**100])
sys.kept = [pyarrow.array(column), polars.Series(column), numpy.asarray(column)]
builtins.kept = [column, column.__arrow_c_array__(), qfs.columns.read_values(sys.kept[0], "x")]
"""


SANITIZER = ("LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "PYTHONMALLOC")
"""Variables that a kernel built with QFS_SANITIZE=1 needs."""


def run(program: str, backend: str) -> tuple[int, str, str]:
    """Exit code and output of a program of its own, whose environment is that of a sanitizer alone,
    where there is one."""
    kept = {name: os.environ[name] for name in SANITIZER if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "PYTHONPATH": ":".join(filter(None, sys.path)), "QFS_BACKEND": backend},
    )
    return done.returncode, done.stdout, done.stderr


def test_what_is_still_held_at_exit_does_no_harm(api_backend: str) -> None:
    assert run(SCRIPT, api_backend) == (0, "", "")


PASSING = """
import polars as pl
import pyarrow as pa
import qfs

column = qfs.Column.from_ints([1, 2, 2**100])


def let_go_while_an_exception_passes(make):
    for _ in range(200):
        try:
            print(make(), nope)
        except NameError:
            pass


for make in (
    lambda: pa.array(column),
    lambda: pl.Series(column),
    lambda: pa.table({"x": pa.array(column)}),
    lambda: pa.table(pl.DataFrame({"x": pl.Series(column)})),
    lambda: column.__arrow_c_array__(),
    lambda: column.__arrow_c_schema__(),
):
    let_go_while_an_exception_passes(make)

try:
    for value in pa.array(qfs.allocate(9, [1, 2]).amounts):
        raise LookupError
except LookupError:
    pass
print("done")
"""


def test_a_column_is_let_go_while_an_exception_passes(api_backend: str) -> None:
    assert run(PASSING, api_backend) == (0, "done\n", "")


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
import qfs

try:
    qfs.Column.from_ints([1]).__arrow_c_array__()
except qfs.errors.MissingDependencyError as error:
    print(error)
"""


def test_without_pyarrow_the_kernel_hands_a_column_over(api_backend: str) -> None:
    code, text, problems = run(WITHOUT_PYARROW, api_backend)
    assert (code, problems) == (0, "")
    assert ("pip install pyarrow" in text) == (api_backend == "reference")


def test_address_of_memory_of_every_kind() -> None:
    writable = bytearray(b"abc")
    pointer = arrow.address(memoryview(writable))
    assert ctypes.string_at(pointer, 3) == b"abc"
    assert arrow.address(memoryview(b"abc").toreadonly()) != 0
    with pytest.raises(BufferError):
        arrow.address(memoryview(b"abcd")[::2])


def test_capsules_are_taken_once() -> None:
    class Careless:
        def __init__(self) -> None:
            self.capsules = qfs.Column.from_ints([1, 2]).__arrow_c_array__()

        def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
            return self.capsules

    source = Careless()
    assert list(qfs.allocate(9, source).amounts) == [3, 6]
    with pytest.raises(WrongTypeError, match="handed over before"):
        qfs.allocate(9, source)


@pytest.mark.parametrize("capsules", [None, (), (1, 2), ("a", None), [1, 2]])
def test_what_is_no_pair_of_capsules_is_refused(capsules: object) -> None:
    class Careless:
        def __arrow_c_array__(self, requested_schema: object = None) -> object:
            return capsules

    with pytest.raises(WrongTypeError):
        qfs.allocate(9, Careless())


@pytest.mark.parametrize(
    "statement",
    [
        "sys.kept = qfs.Column.from_ints([1]).__arrow_c_array__()",
        "sys.kept = pa.array(qfs.Column.from_ints([1]))",
        "loop = [qfs.Column.from_ints([1]).__arrow_c_array__()]; loop.append(loop)",
    ],
)
def test_capsules_that_outlive_the_program_do_no_harm(api_backend: str, statement: str) -> None:
    assert run(f"import sys, pyarrow as pa, qfs; {statement}", api_backend) == (0, "", "")


@pytest.mark.usefixtures("api_backend")
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()])
def test_length_of_an_id_on_both_sides_of_its_bound(kind: pa.DataType) -> None:
    assert list(qfs.allocate(4, [1, 1], ids=pa.array(["a", "b" * 128], kind)).amounts) == [2, 2]
    with pytest.raises(InvalidIdError) as caught:
        qfs.allocate(4, [1, 1], ids=pa.array(["a", "b" * 129], kind))
    assert caught.value.index == 1


def text_array(kind: pa.DataType, first: bytes, *data: bytes) -> pa.Array:
    """Two texts of an Arrow type, made of buffers that nothing has looked at."""
    return pa.Array.from_buffers(kind, 2, [None, *map(pa.py_buffer, (first, *data))])


@pytest.mark.parametrize("ends", [(0, -2, 3), (0, 3, 2), (0, 4, 3)])
def test_offsets_that_do_not_ascend_within_the_data_are_refused(
    implementation: Any, ends: tuple[int, ...]
) -> None:
    """To Python a negative one counts from the end, so that other texts would be read."""
    given = text_array(pa.string(), array("i", ends).tobytes(), b"abc")
    with pytest.raises(WrongTypeError, match="malformed Arrow offsets") as caught:
        implementation.check_ids(id_columns.read_ids(given, "ids"), "ids")
    assert caught.value.argument == "ids"


@pytest.mark.parametrize(
    "view", [(-3, 0, 0), (13, 1, 0), (13, -1, 0), (13, 0, -1), (13, 0, 14), (27, 0, 0)]
)
def test_views_outside_of_their_buffer_are_refused(view: tuple[int, int, int]) -> None:
    length, buffer, offset = view
    views = struct.pack("<i4sii", length, b"", buffer, offset) + struct.pack("<i12s", 1, b"x")
    given = text_array(pa.string_view(), views, b"abcdefghijklmnopqrstuvwxyz")
    with pytest.raises(WrongTypeError, match="malformed Arrow views"):
        id_columns.read_ids(given, "ids")


def test_a_view_up_to_the_end_of_its_buffer_is_read() -> None:
    views = struct.pack("<i4sii", 13, b"", 0, 13) + struct.pack("<i12s", 1, b"x")
    given = text_array(pa.string_view(), views, b"abcdefghijklmnopqrstuvwxyz")
    assert id_columns.read_ids(given, "ids") == [b"nopqrstuvwxyz", b"x"]
