"""The gate: runs the contracts whose files changed, and is red on anything but a proof.

    python specs/gate [--check] [--all] [--jobs 1|2] [--root FOLDER]
                      [--seconds S] [--grace S]

--check runs no prover: it compares the kept rows with the sources. --all runs every contract.
A run may take S seconds of the processor, and twice that and the grace by the clock.
Exit code 0: every contract is confirmed, or in the allow-list with a reason; 1: it is not so.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import allowed as allow_list
import declared
import prover
import reach
import rows as report
from allowed import Allowed
from declared import Contract

ALLOWED = Path("specs", "contracts", "allowed.toml")
ROWS = Path("specs", "report.json")
REPORT = Path("specs", "REPORT.md")

KNOWN_SECONDS = 5.0
"""For a contract in the allow-list: enough to notice one that has become easy."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python specs/gate")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--grace", type=float, default=60.0)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    contracts = declared.contracts_of(root)
    allowed, faults = allow_list.load(root / ALLOWED)
    faults += static_faults(root, contracts, allowed)
    kept = report.load(root / ROWS)
    keys = {path: declared.key_of(root, path) for path in {c.path for c in contracts}}
    if options.check:
        faults += stale_faults(root, contracts, kept, keys, allowed)
    elif not faults:
        waiting = contracts if options.all else waiting_of(contracts, kept, keys, allowed)
        faults += reach.faults(root, waiting, 2 * options.seconds + options.grace)
    if not options.check and not faults:
        rows = updated(root, contracts, waiting, kept, keys, allowed, options)
        faults += [fault for contract in contracts for fault in judged(contract, rows, allowed)]
        if not faults:
            text = report.markdown(contracts, rows, allowed)
            (root / REPORT).write_text(text, encoding="utf-8")
    for fault in faults:
        print(f"RED: {fault}")
    print(f"{len(contracts)} contracts, {len(faults)} faults")
    return 1 if faults else 0


def static_faults(root: Path, contracts: list[Contract], allowed: Allowed) -> list[str]:
    """What is wrong before any prover runs."""
    found = [f"{c.name}: {fault}" for c in contracts for fault in c.faults]
    if not contracts:
        found.append("there are no contracts")
    for contract in contracts:
        for name in contract.of:
            source = declared.source_of(root, name)
            if source is None:
                found.append(f"{contract.name}: there is no function {name}")
            elif source not in declared.key_files(root, contract.path):
                found.append(f"{contract.name}: its file does not import the module of {name}")
    names = {contract.name: contract.of for contract in contracts}
    found += allow_list.faults_of(allowed, root, names, declared.reference_functions(root))
    return found


def stale_faults(
    root: Path,
    contracts: list[Contract],
    kept: dict[str, dict[str, Any]],
    keys: dict[Path, str],
    allowed: Allowed,
) -> list[str]:
    """Kept rows that say nothing about the sources as they are."""
    found = [
        f"{name}: a row without a contract" for name in kept.keys() - {c.name for c in contracts}
    ]
    missing = [c for c in contracts if c.name not in kept]
    found += [f"{contract.name}: no row; run `make contracts`" for contract in missing]
    for contract in contracts:
        if contract in missing:
            continue
        if kept[contract.name]["key"] != keys[contract.path]:
            found.append(f"{contract.name}: a file it speaks of changed; run `make contracts`")
        found += judged(contract, kept, allowed)
    if not found:
        path = root / REPORT
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != report.markdown(contracts, kept, allowed):
            found.append(f"{REPORT} is not what its rows say; run `make contracts`")
    return sorted(found)


def judged(contract: Contract, rows: dict[str, dict[str, Any]], allowed: Allowed) -> list[str]:
    """Red on a contract that is not confirmed, and on an entry for one that is."""
    row = rows[contract.name]
    if row["confirmed"]:
        if contract.name in allowed.unconfirmed:
            return [f"{contract.name}: confirmed by now; take it off the allow-list"]
        return []
    if contract.name in allowed.unconfirmed and row["words"] == "not confirmed":
        return []
    return [f"{contract.name}: {row['words']}"]


def waiting_of(
    contracts: list[Contract],
    kept: dict[str, dict[str, Any]],
    keys: dict[Path, str],
    allowed: Allowed,
) -> list[Contract]:
    """The contracts whose files changed, that have no row, or a red one."""
    return [
        contract
        for contract in contracts
        if contract.name not in kept
        or kept[contract.name]["key"] != keys[contract.path]
        or judged(contract, kept, allowed)
    ]


def updated(
    root: Path,
    contracts: list[Contract],
    waiting: list[Contract],
    kept: dict[str, dict[str, Any]],
    keys: dict[Path, str],
    allowed: Allowed,
    options: argparse.Namespace,
) -> dict[str, dict[str, Any]]:
    """The rows, those that wait for it proved again. Each is kept as it comes."""
    tool = f"CrossHair {importlib.metadata.version('crosshair-tool')}"
    tool += f", z3 {importlib.metadata.version('z3-solver')}"
    rows = {contract.name: kept[contract.name] for contract in contracts if contract.name in kept}
    keeping = Lock()

    def prove(contract: Contract) -> None:
        is_known = contract.name in allowed.unconfirmed
        seconds = KNOWN_SECONDS if is_known else options.seconds
        limits = prover.Limits(seconds, options.grace)
        outcome = prover.prove(root, contract, limits, retry=not is_known)
        row = report.row_of(
            contract,
            # The state is that of before the run: an edit during it makes the row stale.
            keys[contract.path],
            confirmed=outcome.is_confirmed,
            words=outcome.words,
            seconds=round(outcome.seconds, 1),
            attempts=outcome.attempts,
            tool=tool,
        )
        with keeping:
            print(f"{outcome.seconds:7.1f} s  {contract.name}: {outcome.words}", flush=True)
            rows[contract.name] = row
            (root / ROWS).write_text(report.dump(rows), encoding="utf-8")

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(prove, waiting))
    (root / ROWS).write_text(report.dump(rows), encoding="utf-8")
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
