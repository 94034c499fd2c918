"""The layer of theorems: proved in Coq of a model of the reference, for any number of rows.

    python specs/gate/theorems.py [--root FOLDER] [--static]

compiles the theories of `specs/proofs`, asks Coq what each theorem rests on, has `coqchk` check the
compiled files once more with the library that they use, and is red where one rests on an axiom.
--static runs nothing of Coq: it looks for what the sources leave unproved or unsaid.

A claim is a `Theorem`; its statement is the comment directly before it, of one sentence. The
comment at the head of a file names the functions that the file models.
Exit code 0: all are proved; 1: one is not; 77: Coq is not installed.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import coq
import keys
from claims import MODEL, Claim, Row, row_of

FOLDER = Path("specs", "proofs")
SKIPPED = 77
"""The exit code by which a test says that it could not run, as Automake has it."""

COMMENT = r"\(\*(?:(?!\*\)).)*\*\)"
THEOREM = re.compile(rf"(?P<before>{COMMENT})?\s*^Theorem (?P<name>\w+)", re.DOTALL | re.MULTILINE)
MODELLED = re.compile(r"\b(?:qfs\.reference\.\w+|division|selection|issuing)\.\w+")
UNPROVED = re.compile(
    r"\b(?:Admitted|admit|give_up|Abort|Axioms?|Conjectures?|Parameters?|bypass_check|Unset)\b"
)


def claims_of(root: Path) -> list[Claim]:
    """The theorems of every file."""
    return [claim for path in sorted((root / FOLDER).glob("*.v")) for claim in _claims(root, path)]


def _claims(root: Path, path: Path) -> Iterator[Claim]:
    text = path.read_text(encoding="utf-8")
    head = re.match(COMMENT, text, re.DOTALL)
    of = list(dict.fromkeys(MODELLED.findall(head[0]))) if head else []
    for found in THEOREM.finditer(text):
        line = text.count("\n", 0, found.start("name")) + 1
        claim = Claim(path, f"{path.stem}.{found['name']}", "theorem", line, of=of)
        claim.statement = " ".join((found["before"] or "")[3:-2].split())
        if not (found["before"] or "").startswith("(** ") or not claim.statement.endswith("."):
            claim.faults.append("no comment of one sentence stands directly before it")
        if not of:
            claim.faults.append("the head of its file does not say what it models")
        claim.faults += [
            f"there is no function {name}" for name in of if keys.source_of(root, name) is None
        ]
        yield claim


def key_of(root: Path) -> str:
    """Of all theories, how they are built, and this layer."""
    files = [*(root / FOLDER).glob("*.v"), root / FOLDER / "Makefile"]
    files += [root / "specs" / "gate" / name for name in ("theorems.py", "coq.py")]
    return keys.key_of(root, sorted(file for file in files if file.is_file()))


def static_faults(root: Path) -> Iterator[str]:
    """Words in the theories that leave something unproved, wherever a comment does not say them."""
    for path in sorted((root / FOLDER).glob("*.v")):
        text = re.sub(COMMENT, "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for word in dict.fromkeys(UNPROVED.findall(text)):
            yield f"{path.stem}: {word} stands in it"


def rows_of(root: Path, claims: list[Claim]) -> Iterator[tuple[str, Row]]:
    """A row for each theorem. All are checked, whichever are asked for.

    Raises:
        coq.AbsentError: Coq is not installed.
    """
    coq.require(root / FOLDER)
    start = time.monotonic()
    names = [claim.name for claim in claims_of(root)]
    faults = list(static_faults(root))
    checked = coq.Checked({}, faults) if faults else coq.check(root / FOLDER, names)
    seconds = round((time.monotonic() - start) / max(len(claims), 1), 1)
    for claim in claims:
        silent = [] if claim.name in checked.assumptions else ["Coq says nothing of it"]
        words = checked.assumptions.get(claim.name) or checked.faults or silent
        yield (
            claim.name,
            row_of(
                claim,
                key_of(root),
                coq.version(),
                holds=not words,
                words=words[0] if words else "closed under the global context",
                word=MODEL,
                reach="none",
                seconds=seconds,
                attempts=1,
            ),
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python specs/gate/theorems.py")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--static", action="store_true")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    claims = claims_of(root)
    faults = [f"{claim.name}: {fault}" for claim in claims for fault in claim.faults]
    faults += static_faults(root)
    try:
        rows = {} if options.static else dict(rows_of(root, claims))
    except coq.AbsentError as error:
        print(f"skipped, {error}")
        return SKIPPED
    for name, row in rows.items():
        print(f"{name}: {row['words']}")
        if not row["holds"]:
            faults.append(f"{name}: {row['words']}")
    for fault in dict.fromkeys(faults):
        print(f"RED: {fault}")
    print(f"{len(claims)} theorems, {len(faults)} faults")
    return 1 if faults or not claims else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
