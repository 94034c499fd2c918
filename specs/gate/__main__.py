"""The gate: runs what checks the claims whose files changed, and is red where one does not hold.

    python specs/gate [--check | --summary] [--all] [--layers NAME,NAME] [--jobs 1|2]
                      [--root FOLDER] [--seconds S] [--grace S]

--check runs nothing: it compares the kept rows with the sources. --summary prints four lines for a
reader. --all runs everything. --layers leaves other layers as they are, and writes no report where
one of their rows is missing.
A proof may take S seconds of the processor, and twice that and the grace by the clock.
Exit code 0: every claim holds, or is in the allow-list with a reason; 1: it is not so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock

import allowed as allow_list
import coq
import keys
import planted
import proofs
import reach
import report
import sampled
import solved
import theorems
from allowed import Allowed
from bounded import Limits
from claims import Claim, Job, Row, Rows
from declared import Contract, contracts_of
from sampled import Sampled

ALLOWED = Path("specs", "contracts", "allowed.toml")
ROWS = Path("specs", "report.json")
REPORT = Path("specs", "REPORT.md")
README = Path("README.md")

LAYERS = ("contract", "model", "lemma", "theorem", "equivalence", "symbolic", "planted")


def main(arguments: list[str]) -> int:
    options = read(arguments)
    root = options.root.resolve()
    claims: list[Claim] = [
        *contracts_of(root),
        *solved.claims_of(root),
        *theorems.claims_of(root),
        *sorted(sampled.claims_of(root), key=lambda claim: LAYERS.index(claim.layer)),
        *planted.claims_of(root),
    ]
    allowed, faults = allow_list.load(root / ALLOWED)
    rows = report.load(root / ROWS)
    if options.summary:
        print("\n".join(report.summary(rows, len(allowed.uncontracted))))
        return 0
    contracts = [claim for claim in claims if isinstance(claim, Contract)]
    faults += [f"{claim.name}: {fault}" for claim in claims for fault in claim.faults]
    faults += proofs.static_faults(root, contracts, allowed)
    faults += solved.static_faults(root, [claim for claim in claims if claim.layer == "lemma"])
    found = {claim.name: key_of(root, claim) for claim in claims}
    if not options.check and not faults:
        faults += run(root, claims, rows, found, allowed, options)
    asked = [claim for claim in claims if options.check or claim.layer in options.layers]
    if options.check or not faults:
        faults += stale_faults(claims, asked, rows, found, allowed)
    if options.check or "planted" in options.layers:
        faults += planted.faults(root)
    if not faults and all(claim.name in rows for claim in claims):
        faults += shown(root, claims, rows, allowed, write=not options.check)
    for fault in sorted(dict.fromkeys(faults)):
        print(f"RED: {fault}")
    print(f"{len(claims)} rows, {len(faults)} faults")
    return 1 if faults else 0


def read(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python specs/gate")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--layers", type=lambda text: text.split(","), default=list(LAYERS))
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--grace", type=float, default=60.0)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    options = parser.parse_args(arguments)
    if not {*options.layers} <= {*LAYERS}:
        parser.error(f"the layers are {', '.join(LAYERS)}")
    return options


def key_of(root: Path, claim: Claim) -> str:
    """Of the files that a row speaks of, as they are now."""
    if claim.layer == "planted":
        return planted.key_of(root)
    if claim.layer == "lemma":
        return keys.key_of(root, solved.key_files(root, claim.path))
    if claim.layer == "theorem":
        return theorems.key_of(root)
    of = keys.test_files if isinstance(claim, Sampled) else keys.key_files
    return keys.key_of(root, of(root, claim.path))


def run(
    root: Path,
    claims: list[Claim],
    rows: Rows,
    found: dict[str, str],
    allowed: Allowed,
    options: argparse.Namespace,
) -> Iterator[str]:
    """Run what is waiting; `rows` gets what came of it, each kept as it comes."""
    for name in rows.keys() - {claim.name for claim in claims}:
        del rows[name]
    waiting = [
        claim
        for claim in claims
        if claim.layer in options.layers
        and (options.all or faults_of_row(claim, rows.get(claim.name), found, allowed))
    ]
    contracts = [claim for claim in waiting if isinstance(claim, Contract)]
    unreached = list(reach.faults(root, contracts, 2 * options.seconds + options.grace))
    yield from unreached
    if unreached:
        return
    keeping = Lock()

    def keep(name: str, row: Row) -> None:
        with keeping:
            print(f"{row['seconds']:7.1f} s  {name}: {row['words']}, {row['reach']}", flush=True)
            rows[name] = row
            (root / ROWS).write_text(report.dump(rows), encoding="utf-8")

    def work(job: Job) -> str | None:
        try:
            for name, row in job.run():
                keep(name, row)
        except coq.AbsentError as error:
            return f"theorem: no row was written; {error}"
        return None

    limits = Limits(options.seconds, options.grace)
    jobs = list(jobs_of(root, waiting, found, allowed, limits))
    # The longest first, so that no processor waits for another at the end.
    spent = {name: row["seconds"] for name, row in rows.items()}
    jobs.sort(key=lambda job: -sum(spent.get(claim.name, 0.0) for claim in job.claims))
    with ThreadPoolExecutor(options.jobs) as pool:
        yield from filter(None, pool.map(work, jobs))
    for claim in waiting:
        if claim.layer == "planted":
            keep(claim.name, planted.row(root, claim))
    (root / ROWS).write_text(report.dump(rows), encoding="utf-8")


def jobs_of(
    root: Path, claims: list[Claim], found: dict[str, str], allowed: Allowed, limits: Limits
) -> Iterator[Job]:
    """What checks these, but for the planted bugs, which have a command of their own."""
    contracts = [claim for claim in claims if isinstance(claim, Contract)]
    yield from proofs.jobs_of(root, contracts, found, allowed, limits)
    lemmas = [claim for claim in claims if claim.layer == "lemma"]
    yield from solved.jobs_of(root, lemmas, found)
    stated = [claim for claim in claims if claim.layer == "theorem"]
    if stated:
        yield Job(stated, partial(theorems.rows_of, root, stated))
    yield from sampled.jobs_of(root, [c for c in claims if isinstance(c, Sampled)], found)


def stale_faults(
    claims: list[Claim],
    asked: list[Claim],
    rows: Rows,
    found: dict[str, str],
    allowed: Allowed,
) -> Iterator[str]:
    """Rows that say nothing about the sources as they are, or that something does not hold."""
    for name in rows.keys() - {claim.name for claim in claims}:
        yield f"{name}: a row without a claim"
    for claim in asked:
        yield from faults_of_row(claim, rows.get(claim.name), found, allowed)


def faults_of_row(
    claim: Claim, row: Row | None, found: dict[str, str], allowed: Allowed
) -> list[str]:
    """No row, a stale one, one that does not hold, and an entry for one that does."""
    if row is None:
        return [f"{claim.name}: no row; run `make prove`"]
    if row["key"] != found[claim.name]:
        return [f"{claim.name}: a file it speaks of changed; run `make prove`"]
    if row["holds"]:
        if claim.name in allowed.unconfirmed:
            return [f"{claim.name}: confirmed by now; take it off the allow-list"]
        return []
    if claim.name in allowed.unconfirmed and row["words"] == "not confirmed":
        return []
    return [f"{claim.name}: {row['words']}"]


def shown(root: Path, claims: list[Claim], rows: Rows, allowed: Allowed, write: bool) -> list[str]:
    """The report, and its summary in the README: written or compared."""
    texts = {REPORT: report.markdown(claims, rows, allowed)}
    readme = root / README
    if readme.exists():
        lines = report.summary(rows, len(allowed.uncontracted))
        texts[README] = report.with_summary(readme.read_text(encoding="utf-8"), lines)
    found = []
    for path, text in texts.items():
        file = root / path
        if write:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            found.append(f"{path} is not what its rows say; run `make prove`")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
