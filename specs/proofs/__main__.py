"""Proves the lemmas of this folder.

    python specs/proofs [--json] [NAME ...]

NAME is a module or a lemma, as `shares` or `shares.one_comparison_corrects_the_estimate`; without
one, all are proved. Exit code 0: each is proved, with its hints, and its canaries are refuted; 1:
not so; 2: a name that no module or lemma has.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from pathlib import Path

import lemma
import solving

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if name != "--json"]
    modules = [path.stem for path in sorted(HERE.glob("*.py"))]
    modules = [module for module in modules if module not in ("lemma", "solving", "__main__")]
    lemmas = [
        value
        for module in modules
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, lemma.Lemma) and value.name.partition(".")[0] == module
    ]
    unknown = set(names) - {name for one in lemmas for name in _names(one)}
    if unknown:
        modules = sorted({one.name.partition(".")[0] for one in lemmas})
        print(f"no lemma or module {', '.join(sorted(unknown))}; the modules are", *modules)
        return 2
    asked = [one for one in lemmas if not names or _names(one) & {*names}]
    faults = 0
    for one in asked:
        found = solving.check(one)
        faults += len(found.faults)
        if "--json" in arguments:
            print(json.dumps({"name": one.name, **dataclasses.asdict(found)}), flush=True)
            continue
        print(f"{found.seconds:6.1f} s  {one.name}: {one.sentence}", flush=True)
        for words, witness in found.refuted.items():
            print(f"          false {words}: {_text(witness)}")
        for fault in found.faults:
            print(f"     RED: {fault}")
    if "--json" not in arguments:
        print(f"{len(asked)} lemmas, {faults} faults")
    return 1 if faults else 0


def _names(one: lemma.Lemma) -> set[str]:
    """By which it may be asked for."""
    return {one.name, one.name.partition(".")[0]}


def _text(witness: solving.Values) -> str:
    return ", ".join(f"{name} = {value}" for name, value in witness.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
