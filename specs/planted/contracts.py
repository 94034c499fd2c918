"""Runs the contracts on what a bug changes, with the prover of the gate.

    python contracts.py ROOT CHANGED FILE ...    contracts in these files of the project at ROOT

Those on functions of the file CHANGED are tried in their order. The first with a counterexample
is printed as pytest prints a test that fails, and the exit code is 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

SECONDS = 20.0
GRACE = 30.0
FOUND = "counterexample"


def main(root: Path, changed: Path, files: list[Path]) -> int:
    sys.path.append(str(root / "specs" / "gate"))
    import bounded
    import declared
    import keys
    import prover

    limits = bounded.Limits(SECONDS, GRACE)
    tried = 0
    for contract in declared.contracts_of(root):
        if contract.same or not any(
            (root / path).resolve() == (root / contract.path).resolve() for path in files
        ):
            continue
        if changed not in [_relative(root, keys.source_of(root, n)) for n in contract.of]:
            continue
        tried += 1
        outcome = prover.attempt(root, contract, limits)
        if not outcome.holds and outcome.words.startswith(FOUND):
            print(f"FAILED {contract.name} - {outcome.words}")
            return 1
    print(f"{tried} contracts without a counterexample")
    return 0


def _relative(root: Path, path: Path | None) -> Path | None:
    return None if path is None else (root / path).resolve().relative_to(root.resolve())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]]))
