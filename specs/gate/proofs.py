"""The layers that prove: contracts on the reference, contracts and comparisons of the models."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import allowed as allow_list
import bounded
import differ
import keys
import prover
from allowed import Allowed
from bounded import Limits
from claims import ALL, BOUNDED, UNPROVED, Row, row_of
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


def prove(
    root: Path,
    contracts: list[Contract],
    known: dict[str, str],
    allowed: Allowed,
    limits: Limits,
    jobs: int,
    keep: Callable[[str, Row], None],
) -> None:
    """Prove these, `jobs` at a time; each row is kept as it comes, with the key it had before."""
    tool = "" if not contracts else f"CrossHair {importlib.metadata.version('crosshair-tool')}"
    tool += "" if not contracts else f", z3 {importlib.metadata.version('z3-solver')}"

    def one(contract: Contract) -> None:
        is_known = contract.name in allowed.unconfirmed
        runner = differ if contract.same else prover
        asked = Limits(KNOWN_SECONDS, limits.grace) if is_known else limits
        outcome = bounded.with_retry(
            lambda limits: runner.attempt(root, contract, limits), asked, retry=not is_known
        )
        row = row_of(
            contract,
            known[contract.name],
            tool,
            holds=outcome.holds,
            words=outcome.words,
            word=word_of(contract, outcome.holds),
            reach=contract.bound or "none",
            seconds=round(outcome.seconds, 1),
            attempts=outcome.attempts,
        )
        keep(contract.name, row)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, contracts))
