"""Ballots on their way from the voter to whoever writes the log: one line of text each.

A line is canonical JSON. It names instance and proposal, so a ballot that went astray is seen
without a key; files are put together by putting their lines together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from qfs import canonical
from qfs.errors import EvidenceError, QfsError
from qfs.files import new_file, read_bounded, storage_errors
from qfs.ids import require_id
from qfs.protocol.ballots import Ballot
from qfs.protocol.manifest import parse_digest

FORMAT: Final = "qfs-ballot-v1"
SUFFIX: Final = ".ballot"
Choice = Literal["against", "for", "abstain"]
CHOICES: Final[tuple[Choice, ...]] = ("against", "for", "abstain")
"""What the choices 0, 1 and 2 are called."""

MAX_BYTES: Final = 1 << 30
"""Of one file of ballots: 10^5 of them with the longest signatures."""


class BallotLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed ballot with the place where it counts."""

    format: Literal["qfs-ballot-v1"]
    instance: str
    proposal: str
    voter: str
    choice: Choice
    nonce: int
    signature: str


class Collected(NamedTuple):
    """The ballots of some files."""

    ballots: list[Ballot]
    """of the proposal that is asked about, in the order of the files"""
    elsewhere: int
    """ballots of other proposals or instances"""


def line_of(instance: bytes, proposal: bytes, ballot: Ballot) -> bytes:
    """The line that a ballot is written as."""
    voter, choice, nonce, signature = ballot
    name = CHOICES[choice]
    document = BallotLine(
        FORMAT, instance.hex(), proposal.hex(), voter, name, nonce, signature.hex()
    )
    return canonical.encode(document) + b"\n"


def write_ballot(path: Path, instance: bytes, proposal: bytes, ballot: Ballot) -> None:
    """Write a ballot into a new file."""
    with new_file(path) as file:
        file.write(line_of(instance, proposal, ballot))


def collect(paths: Iterable[Path], instance: bytes, proposal: bytes) -> Collected:
    """The ballots in files, and in the `.ballot` files of folders by name; none is verified yet.

    Raises:
        StorageError: one cannot be read.
        EvidenceError: a line is no ballot.
    """
    found, elsewhere = [], 0
    for path in paths:
        for file in _files(path):
            for line in _lines(file):
                if (line.instance, line.proposal) == (instance.hex(), proposal.hex()):
                    found.append(_ballot(line))
                else:
                    elsewhere += 1
    return Collected(found, elsewhere)


def _files(path: Path) -> list[Path]:
    with storage_errors(path):
        if not path.is_dir():
            return [path]
        return sorted(file for file in path.iterdir() if file.name.endswith(SUFFIX))


def _lines(path: Path) -> Iterator[BallotLine]:
    for number, data in enumerate(read_bounded(path, MAX_BYTES).splitlines(), 1):
        try:
            line = canonical.decode(data, BallotLine, f"line {number}")
            _require_form(line)
        except QfsError as error:
            error.source = str(path)
            raise
        yield line


def _require_form(line: BallotLine) -> None:
    parse_digest(line.instance, "instance")
    parse_digest(line.proposal, "proposal")
    require_id(line.voter, "voter")
    if not _is_hex(line.signature):
        raise EvidenceError("is not lowercase hex", argument="signature")


def _is_hex(text: str) -> bool:
    try:
        return bytes.fromhex(text).hex() == text
    except ValueError:
        return False


def _ballot(line: BallotLine) -> Ballot:
    choice = CHOICES.index(line.choice)
    return Ballot(line.voter, choice, line.nonce, bytes.fromhex(line.signature))
