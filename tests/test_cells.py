"""Columns in several pieces of memory: read where they lie, and the same as in one piece."""

from __future__ import annotations

import pathlib
import random
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

import qfs
from qfs import arrow, cells, slices
from qfs.cells import MIN_PIECE_ROWS, Cells
from qfs.columns import Column, read_values
from qfs.errors import NullValueError, OutOfRangeError
from qfs.limits import MAX_VALUE

DECIMAL = pa.decimal128(38, 18)


def chunk(values: list[int]) -> Any:
    words = b"".join(value.to_bytes(16, "little") for value in values)
    return pa.Array.from_buffers(DECIMAL, len(values), [None, pa.py_buffer(words)])


def chunked(values: list[int], *cuts: int) -> Any:
    ends = [0, *cuts, len(values)]
    parts = [chunk(values[a:b]) for a, b in pairwise(ends)]
    return pa.chunked_array(parts, type=DECIMAL)


@pytest.fixture
def tiny_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece is too short to be read where it lies."""
    monkeypatch.setattr(cells, "MIN_PIECE_ROWS", 0)


@pytest.mark.usefixtures("api_backend", "tiny_pieces")
@pytest.mark.parametrize("seed", range(20))
def test_pieces_change_no_result(sliced: Any, seed: int) -> None:
    generator = random.Random(seed)
    rows = generator.choice([0, 1, 7, 40, 100])
    weights = [generator.choice([0, 1, generator.randrange(10**21)]) for _ in range(rows)]
    caps = [generator.randrange(10**20) for _ in range(rows)]
    cuts = sorted(generator.randrange(rows + 1) for _ in range(4))
    expected = qfs.allocate(10**21, weights, caps=caps)
    with sliced(generator.choice([8, 13, 1 << 17]), 2):
        found = qfs.allocate(10**21, chunked(weights, *cuts), caps=chunked(caps, *cuts[1:3]))
    assert found.amounts.tolist() == expected.amounts
    assert (found.undistributed, found.capped) == (expected.undistributed, expected.capped)


@pytest.mark.usefixtures("api_backend", "tiny_pieces")
def test_all_zero_weights_in_pieces() -> None:
    assert qfs.allocate(5, chunked([0] * 4, 1, 2)).amounts.tolist() == [2, 1, 1, 1]


@pytest.mark.usefixtures("api_backend", "tiny_pieces")
def test_a_fault_is_named_by_its_row_in_the_whole_column() -> None:
    values = [1, 2, 3, MAX_VALUE + 1, 5, MAX_VALUE + 1]
    with pytest.raises(OutOfRangeError) as caught:
        qfs.allocate(5, chunked(values, 2, 3, 5))
    assert (caught.value.index, caught.value.value) == (3, MAX_VALUE + 1)
    nulls = pa.chunked_array([chunk([1, 2]), pa.array([None], DECIMAL), chunk([MAX_VALUE + 1])])
    with pytest.raises(NullValueError) as missing:
        qfs.allocate(5, nulls)
    assert missing.value.index == 2


def test_long_pieces_stay_where_they_lie_and_short_ones_are_joined() -> None:
    long = pa.chunked_array([chunk([1] * MIN_PIECE_ROWS), chunk([2] * MIN_PIECE_ROWS)])
    raw = read_values(long, "weights")
    assert isinstance(raw, Cells)
    lie = [part.buffers()[1].address for part in long.chunks]
    assert [arrow.address(piece) for piece in raw.pieces] == lie
    short = read_values(pa.chunked_array([*long.chunks, *[chunk([3])] * 3]), "weights")
    assert isinstance(short, Cells)
    assert [len(piece) for piece in short.pieces] == [16 * len(raw) + 48]


@pytest.mark.kernel
def test_the_kernel_joins_nothing(kernel: Any) -> None:
    long = pa.chunked_array([chunk([1] * MIN_PIECE_ROWS), chunk([2] * MIN_PIECE_ROWS)])
    weights = kernel.check_values(read_values(long, "weights"), "weights")
    assert kernel.allocate(10**9, weights).amounts.total == 10**9
    lie = [part.buffers()[1].address for part in long.chunks]
    assert [arrow.address(piece) for piece in weights.cells.pieces] == lie
    # Whoever needs one piece gets one.
    assert weights.data == b"".join(weights.cells.pieces)


def test_a_memory_mapped_table_is_read_in_the_file(tmp_path: pathlib.Path) -> None:
    with pa.OSFile(str(tmp_path / "weights.arrow"), "wb") as sink:
        table = pa.table({"weight": chunk([5, 6, 7])})
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    with pa.memory_map(str(tmp_path / "weights.arrow")) as source:
        mapped = pa.ipc.open_file(source).read_all()
        raw = read_values(mapped.column("weight"), "weight")
        assert isinstance(raw, Cells)
        begin = mapped.column("weight").chunk(0).buffers()[1].address
        assert [arrow.address(piece) for piece in raw.pieces] == [begin]


def test_runs_cover_each_column_once() -> None:
    generator = random.Random(9)
    for _ in range(200):
        rows = generator.randrange(40)
        data = [bytes(generator.randbytes(16 * rows)) for _ in range(2)]
        columns = [cut_anywhere(memoryview(d), generator) for d in data]
        found = slices.runs(rows, columns[0], None, columns[1])
        for number, whole in ((0, data[0]), (2, data[1])):
            assert b"".join(run.cells[number] for run in found) == whole
        assert all(run.cells[1] is None for run in found)
        edges = [0, *(run.stop for run in found)]
        assert [run.start for run in found] == edges[:-1]
        assert edges[-1] == rows
        assert all(0 < run.stop - run.start <= slices.SLICE_ROWS for run in found)


def cut_anywhere(data: memoryview, generator: random.Random) -> Cells:
    rows = len(data) // 16
    ends = sorted(generator.randrange(rows + 1) for _ in range(3))
    pieces = [data[16 * a : 16 * b] for a, b in zip([0, *ends], [*ends, rows], strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "MIN_PIECE_ROWS", 0)
        return Cells(pieces)


def test_a_column_of_pieces_is_a_sequence() -> None:
    values = [*range(10)]
    words = b"".join(value.to_bytes(16, "little") for value in values)
    column = Column.trusted(cut_anywhere(memoryview(words), random.Random(1)))
    assert len(column) == 10
    assert column.total == 45
    assert column == Column.from_ints(values)
    assert column[3:5].tolist() == [3, 4]


@pytest.mark.kernel
@pytest.mark.parametrize("size", [0, 1, 4096, (1 << 25) - 1, 1 << 25, (1 << 25) + 1])
def test_memory_for_results_is_writable_from_end_to_end(size: int) -> None:
    from qfs.kernel.memory import blank

    memory = blank(size)
    assert len(memory) == size
    memory[:] = b"\x07" * size
    assert memory == b"\x07" * size
