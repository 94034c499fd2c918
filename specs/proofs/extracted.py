"""The program that is extracted from the theories, asked over one pipe.

It gets integers as they are and gives integers back: what is asked and answered is written down
at the head of `driver.ml`. A result of None stands for an input that the definition refuses.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from qfs.limits import MAX_ID_BYTES
from qfs.reference.allocation import Allocated
from qfs.reference.tally import REASONS, Partial, Tallied

MAKEFILE = Path(__file__).with_name("Makefile")
BUILD_SECONDS = 600

Ballots = Sequence[tuple[int, int, int]]
"""Each with its seq, voter and choice."""
Batches = Sequence[tuple[int, Sequence[int]]]
"""Each with its rate and fees."""
Result = TypeVar("Result")


def absent_packages() -> list[str]:
    """The packages of Debian that building the program needs and that are not installed."""
    try:
        asked = ["make", "-s", "-f", str(MAKEFILE), "absent"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    except FileNotFoundError:
        return ["make"]


def build(folder: Path) -> Path:
    """The program, built in a folder from the theories as they are."""
    command = ["make", "-C", str(folder), "-f", str(MAKEFILE), "program"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "driver"


def key_number(key: int | str | bytes) -> int:
    """A tie key as a number: an id, of bytes above 0, in the order of ids."""
    if isinstance(key, int):
        return key
    raw = key.encode() if isinstance(key, str) else key
    return int.from_bytes(raw.ljust(MAX_ID_BYTES, b"\0"), "big")


class Extracted:
    """The running program, with the signatures of the reference."""

    def __init__(self, program: Path) -> None:
        self.asked = 0
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def allocate(
        self,
        pool: int,
        weights: Sequence[int],
        caps: Sequence[int] | None = None,
        common_cap: int | None = None,
        tie_keys: Sequence[Any] | None = None,
    ) -> Allocated | None:
        keys = range(len(weights)) if tie_keys is None else map(key_number, tie_keys)
        own = [None] * len(weights) if caps is None else caps
        rows = zip(keys, weights, own, strict=True)
        answer = self._ask("allocate", pool, common_cap, len(weights), *_flat(rows))
        if answer is None:
            return None
        undistributed, capped, fallback, *level = answer[:8]
        return Allocated(answer[9:], undistributed, capped, fallback == 1, *level)

    def issue(
        self, fees: Sequence[int], rate: int, residue: int = 0, room: int | None = None
    ) -> tuple[list[int], int, int] | None:
        """Issued, withheld and residue."""
        answer = self._ask("issue", rate, residue, room, len(fees), *fees)
        return None if answer is None else (answer[3:], answer[0], answer[1])

    def issue_batches(
        self, batches: Batches, residue: int, room: int | None
    ) -> tuple[int, ...] | None:
        """Issued, withheld and residue, the first two of all batches together."""
        flat = [part for rate, fees in batches for part in (rate, len(fees), *fees)]
        answer = self._ask("batches", residue, room, len(batches), *flat)
        return None if answer is None else tuple(answer)

    def tally(self, ballots: Ballots, powers: Sequence[int], cap: int | None) -> Tallied | None:
        answer = self._ask("tally", cap, len(powers), *powers, len(ballots), *_flat(ballots))
        return None if answer is None else _tallied(answer)

    def collect_ballots(self, ballots: Ballots, voters: int) -> Partial | None:
        return _partial(self._ask("collect", voters, len(ballots), *_flat(ballots)))

    def merge_ballots(self, partial: Partial, other: Partial) -> Partial | None:
        return _partial(self._ask("merge", *_words(partial), *_words(other)))

    def finish_tally(
        self, partial: Partial, powers: Sequence[int], cap: int | None
    ) -> Tallied | None:
        answer = self._ask("finish", cap, len(powers), *powers, *_words(partial))
        return None if answer is None else _tallied(answer)

    def share(self, pool: int, weight: int, word: int, w: int) -> tuple[int, ...]:
        """A share by a reciprocal, in words of so many bits."""
        answer = self._ask("share", pool, weight, word, w)
        assert answer is not None
        return tuple(answer)

    def _ask(self, request: str, *arguments: int | None) -> list[Any] | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        words = ("-" if argument is None else str(argument) for argument in arguments)
        self._process.stdin.write(" ".join((request, *words)) + "\n")
        self._process.stdin.flush()
        self.asked += 1
        answer = self._process.stdout.readline().split()
        assert answer, f"no answer to {request} {arguments}"
        if answer == ["none"]:
            return None
        return [None if word == "-" else int(word) for word in answer]


def _flat(rows: Iterable[Iterable[int | None]]) -> Iterator[int | None]:
    return (part for row in rows for part in row)


def _words(partial: Partial) -> tuple[int, ...]:
    return (partial.ballots, partial.unknown, len(partial.firsts), *partial.firsts)


def _partial(answer: list[int] | None) -> Partial | None:
    return None if answer is None else Partial(answer[3:], answer[0], answer[1])


def _tallied(answer: list[int]) -> Tallied:
    yes, no, abstain, counted, *rejected, attainable = answer
    return Tallied(yes, no, abstain, counted, dict(zip(REASONS, rejected, strict=True)), attainable)


def or_none(
    error: type[Exception] | tuple[type[Exception], ...],
    function: Callable[..., Result],
    *arguments: Any,
) -> Result | None:
    """What a function of a backend gives, or None where it raises such an error."""
    try:
        return function(*arguments)
    except error:
        return None
