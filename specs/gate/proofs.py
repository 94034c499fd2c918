"""The layers that prove: contracts on the reference, contracts and comparisons of the models."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import allowed as allow_list
import bounded
import differ
import keys
import prover
from allowed import Allowed
from bounded import Limits
from claims import ALL, BOUNDED, UNPROVED, Job, Row, row_of
from declared import Contract

KNOWN_SECONDS = 5.0
"""For a contract in the allow-list: enough to notice one that has become easy."""


def static_faults(root: Path, contracts: list[Contract], allowed: Allowed) -> Iterator[str]:
    """What is wrong before any prover runs."""
    if not any(contract.layer == "contract" for contract in contracts):
        yield "there are no contracts"
    for contract in contracts:
        for name in contract.of:
            source = keys.source_of(root, name)
            if source is None:
                yield f"{contract.name}: there is no function {name}"
            elif source not in keys.key_files(root, contract.path):
                yield f"{contract.name}: its file does not import the module of {name}"
    names = {contract.name: contract.of for contract in contracts}
    yield from allow_list.faults_of(allowed, root, names, keys.reference_functions(root))


def word_of(contract: Contract, holds: bool) -> str:
    """How far it goes."""
    if not holds:
        return UNPROVED
    return ALL if contract.bound is None else BOUNDED


def jobs_of(
    root: Path,
    contracts: list[Contract],
    known: dict[str, str],
    allowed: Allowed,
    limits: Limits,
) -> Iterator[Job]:
    """Prove each by itself; its row has the key that was known before."""
    for contract in contracts:
        is_expected = contract.name not in allowed.unconfirmed
        asked = limits if is_expected else Limits(KNOWN_SECONDS, limits.grace)
        run = partial(_rows_of, root, contract, known[contract.name], asked, retry=is_expected)
        yield Job([contract], run)


def _rows_of(
    root: Path, contract: Contract, key: str, limits: Limits, *, retry: bool
) -> Iterator[tuple[str, Row]]:
    runner = differ if contract.same else prover
    outcome = bounded.with_retry(
        lambda limits: runner.attempt(root, contract, limits), limits, retry=retry
    )
    tools = {"CrossHair": "crosshair-tool", "z3": "z3-solver"}
    row = row_of(
        contract,
        key,
        ", ".join(f"{name} {importlib.metadata.version(of)}" for name, of in tools.items()),
        holds=outcome.holds,
        words=outcome.words,
        word=word_of(contract, outcome.holds),
        reach=contract.bound or "none",
        seconds=round(outcome.seconds, 1),
        attempts=outcome.attempts,
    )
    yield contract.name, row
