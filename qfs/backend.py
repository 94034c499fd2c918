"""Which implementation computes: the kernel where it loads, the reference otherwise.

Chosen once, at the first use, from three environment variables:

    QFS_BACKEND   auto (default), kernel (an error where it cannot load), reference
    QFS_THREADS   threads of the kernel, 1 (default) to 256
    QFS_ISA       the CPU path of the kernel: auto (default), the fastest that this machine can
                  run; baseline; avx512ifma (an error where it cannot run)

No result depends on any of them.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, Protocol, cast

from qfs import arrow, reference, slices
from qfs.columns import Column, Raw
from qfs.errors import BackendError, UnknownOptionError, shown
from qfs.ids import IdColumn, RawIdColumn, TextColumn
from qfs.limits import MAX_ID_BYTES, MAX_SCALAR, MAX_VALUE
from qfs.reference.allocation import Allocated, Caps, TieKeys
from qfs.reference.eligibility import Assessed, Registered, Reported, Rule
from qfs.reference.issuance import Issued
from qfs.reference.merkle_sum import CountedBallot, SumNode
from qfs.reference.scoring import NO_WEIGHTS, Counts, Scores
from qfs.reference.tally import Electorate, Partial, Tallied

MAX_THREADS: Final = 256
SMALL_ROWS = 48
"""Below so many rows the reference allocates faster than the kernel gets ready to."""

CPU_PATHS: Final = ("auto", "baseline", "avx512ifma")


class Implementation(Protocol):
    """What a backend computes. Each function is defined by the reference's of that name."""

    def check_values(self, raw: Raw, argument: str, maximum: int = MAX_VALUE) -> Sequence[int]: ...
    def check_counts(self, raw: Raw, argument: str) -> Sequence[int]: ...
    def check_ticks(self, raw: Raw, argument: str) -> Sequence[int]: ...
    def check_choices(self, raw: Raw, argument: str) -> Sequence[int]: ...
    def check_ids(self, raw: RawIdColumn, argument: str) -> IdColumn: ...
    def check_names(
        self, raw: RawIdColumn, argument: str, maximum_bytes: int = MAX_ID_BYTES
    ) -> TextColumn: ...
    def to_column(self, values: Sequence[int]) -> Column: ...
    def to_list(self, values: Sequence[int]) -> list[int]: ...
    def export_cells(self, cells: memoryview) -> tuple[object, object]: ...
    def mul_div_many(
        self,
        a: Sequence[int],
        b: Sequence[int],
        c: Sequence[int],
        rounding: str = "floor",
        maximum: int = MAX_SCALAR,
    ) -> Sequence[int]: ...
    def issue(
        self, fees: Sequence[int], rate: int, residue: int = 0, room: int | None = None
    ) -> Issued: ...
    def allocate(
        self,
        pool: int,
        weights: Sequence[int],
        caps: Caps = None,
        common_cap: int | None = None,
        tie_keys: TieKeys = None,
    ) -> Allocated: ...
    def score(
        self,
        uptime: Counts,
        storage: Counts,
        ai: Counts,
        policy: str = "product",
        weights: tuple[int, int, int] = NO_WEIGHTS,
        min_samples: int = 1,
    ) -> Scores: ...
    def assess(self, registered: Registered, reported: Reported, rule: Rule) -> Assessed: ...
    def merge_add(
        self,
        ids: IdColumn,
        values: Sequence[int],
        other_ids: IdColumn,
        other_values: Sequence[int],
    ) -> tuple[IdColumn, Sequence[int]]: ...
    def tally(
        self,
        choices: Sequence[int],
        powers: Sequence[int],
        voters: Sequence[int] | None = None,
        seqs: Sequence[int] | None = None,
        cap: int | None = None,
    ) -> Tallied: ...
    def tally_many(
        self,
        choices: Sequence[int],
        proposals: Sequence[int],
        voters: Sequence[int],
        electorates: Sequence[Electorate],
        seqs: Sequence[int] | None = None,
    ) -> list[Tallied]: ...
    def collect_ballots(
        self,
        choices: Sequence[int],
        voter_count: int,
        voters: Sequence[int] | None = None,
        seqs: Sequence[int] | None = None,
    ) -> Partial: ...
    def merge_ballots(self, partial: Partial, other: Partial) -> Partial: ...
    def finish_tally(
        self, partial: Partial, powers: Sequence[int], cap: int | None = None
    ) -> Tallied: ...
    def root(self, leaves: Sequence[bytes]) -> bytes: ...
    def range_root(self, leaves: Sequence[bytes], start: int, stop: int) -> bytes: ...
    def inclusion_proof(self, leaves: Sequence[bytes], index: int) -> list[bytes]: ...
    def counted_ballots(
        self, partial: Partial, powers: Sequence[int], cap: int | None = None
    ) -> Sequence[CountedBallot]: ...
    def sum_root(self, ballots: Sequence[CountedBallot]) -> SumNode: ...
    def sum_range_root(
        self, ballots: Sequence[CountedBallot], start: int, stop: int
    ) -> SumNode: ...
    def sum_levels(self, ballots: Sequence[CountedBallot]) -> Sequence[Sequence[SumNode]]: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """The chosen backend: `name` "kernel" or "reference", and why."""

    name: Literal["kernel", "reference"]
    reason: str
    isa: str
    threads: int


class FallbackWarning(RuntimeWarning):
    """The kernel was wanted and could not be loaded; pure Python computes the same, slower."""


def backend() -> Backend:
    """The backend that computes in this process.

    Raises:
        UnknownOptionError: an environment variable has a value it cannot have.
        BackendError: QFS_BACKEND=kernel and the kernel cannot be loaded.
    """
    return _choose()[0]


def build_facts() -> dict[str, str]:
    """What the kernel that computes was built for and from; nothing where the reference does."""
    if backend().name == "reference":
        return {}
    from qfs import kernel

    return kernel.build_facts()


def implementation() -> Implementation:
    """The functions of the chosen backend."""
    return _choose()[1]


def implementation_for(rows: int) -> Implementation:
    """The functions to allocate so many rows with: the reference's where they are few."""
    chosen = _choose()[1]
    return cast(Implementation, reference) if rows < SMALL_ROWS else chosen


def _export_cells(cells: memoryview) -> tuple[object, object]:
    return implementation().export_cells(cells)


arrow.exporter = _export_cells


@cache
def _choose() -> tuple[Backend, Implementation]:
    wanted = _option("QFS_BACKEND", ("auto", "kernel", "reference"))
    wanted_path = _option("QFS_ISA", CPU_PATHS)
    threads = _threads()
    pure = cast(Implementation, reference)
    if wanted == "reference":
        return Backend("reference", "QFS_BACKEND=reference", "python", 1), pure
    try:
        from qfs import kernel

        kernel.check_build()
    except (ImportError, RuntimeError, ValueError, TypeError) as error:
        reason = _why_not(error)
        if wanted == "kernel":
            raise BackendError(f"QFS_BACKEND=kernel, but {reason}") from error
        warnings.warn(
            f"qfs runs in pure Python, {reason}. Build it with a C compiler and"
            " `pip install --force-reinstall --no-cache-dir qfs`, or set QFS_BACKEND=reference"
            " to say that pure Python is meant.",
            FallbackWarning,
            stacklevel=_callers_level(),
        )
        return Backend("reference", reason, "python", 1), pure
    paths = kernel.cpu_paths()
    if wanted_path not in ("auto", *paths):
        raise BackendError(
            f"QFS_ISA={wanted_path}, but this machine runs {' and '.join(paths)} alone"
        )
    slices.threads = threads
    slices.cpu_path = paths[-1] if wanted_path == "auto" else wanted_path
    reason = "the compiled kernel loaded" if wanted == "auto" else "QFS_BACKEND=kernel"
    return Backend("kernel", reason, slices.cpu_path, threads), cast(Implementation, kernel)


def _callers_level() -> int:
    """The stacklevel of the first caller outside this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] == "qfs":
        frame, level = frame.f_back, level + 1
    return level


def _why_not(error: Exception) -> str:
    """A kernel that was never built is told from one that is broken."""
    absent = isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("qfs_kernel")
    return f"the kernel {'is not built' if absent else 'cannot be loaded'}: {error}"


def _option(name: str, accepted: tuple[str, ...]) -> str:
    value = os.environ.get(name) or accepted[0]
    if value not in accepted:
        raise UnknownOptionError(
            f"{shown(value)} is none of {', '.join(accepted)}", argument=name, value=value
        )
    return value


def _threads() -> int:
    text = os.environ.get("QFS_THREADS") or "1"
    threads = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0
    if not 1 <= threads <= MAX_THREADS:
        raise UnknownOptionError(
            f"{shown(text)} is not 1 .. {MAX_THREADS}", argument="QFS_THREADS", value=text
        )
    return threads
