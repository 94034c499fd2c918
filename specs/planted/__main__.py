"""Plants bugs one after another in a copy of the project, and sees which layer catches each.

    python specs/planted [ID ...] [--all] [--search] [--contracts]
                         [--jobs N] [--root FOLDER] [--seconds S]
    python specs/planted --check | --anchors

Without an ID the bugs whose row is missing or stale are tried. The test that caught a bug before is
asked first, and the layers where it does not fail; with --search they are asked from the beginning.
--contracts asks the prover alone about bugs whose area has contracts, whatever caught them. --check
runs nothing: it compares the kept rows with the sources; --anchors only looks whether each bug can
still be planted.
Exit code 0: every bug is caught, or survives for a stated reason; 1: it is not so.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Lock

import bugs as planted
import layers as tables
import results
from bugs import Bug
from layers import CONTRACT, Layer
from results import Rows, Work
from tree import Tree
from trial import TrialError, Trials


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python specs/planted")
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--contracts", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--anchors", action="store_true")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="a layer may take, by the clock"
    )
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    bugs, faults = planted.load(root)
    areas, table_faults = tables.load(root)
    faults += table_faults + planted.anchor_faults(root, bugs)
    faults += [f"{b.id}: there is no area {b.area}" for b in bugs if b.area not in areas]
    known = {bug.id for bug in bugs}
    faults += [f"{name}: there is no such bug" for name in options.ids if name not in known]
    rows = results.load(root / results.ROWS)
    if not faults and not options.anchors:
        found = (stale_faults if options.check else tried)(root, bugs, areas, rows, options)
        faults += found + results.faults_of(bugs, rows)
    for fault in faults:
        print(f"RED: {fault}")
    print(f"{len(bugs)} bugs, {len(faults)} faults")
    return 1 if faults else 0


def stale_faults(
    root: Path,
    bugs: list[Bug],
    areas: dict[str, list[Layer]],
    rows: Rows,
    _: argparse.Namespace,
) -> list[str]:
    """Kept rows that say nothing about the sources as they are."""
    found = [f"{name}: a row without a bug" for name in sorted(rows.keys() - {b.id for b in bugs})]
    for bug in bugs:
        if bug.id not in rows:
            found.append(f"{bug.id}: no row; run `python specs/planted`")
        elif not all(
            is_fresh(root, bug, rows[bug.id], areas[bug.area])
            for is_fresh in (results.is_fresh, results.is_contract_fresh)
        ):
            found.append(f"{bug.id}: its file, its tests or it changed; run `python specs/planted`")
    if not found:
        path = root / results.PAGE
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != results.markdown(bugs, rows):
            found.append(f"{results.PAGE} is not what its rows say; run `python specs/planted`")
    return found


def tried(
    root: Path,
    bugs: list[Bug],
    areas: dict[str, list[Layer]],
    rows: Rows,
    options: argparse.Namespace,
) -> list[str]:
    """Try the bugs that wait for it, and keep each row as it comes; what went wrong."""
    for name in rows.keys() - {bug.id for bug in bugs}:
        del rows[name]
    work = [job for bug in bugs for job in _work(root, bug, areas[bug.area], rows, options)]
    # The longest first, so that no processor waits for another at the end.
    work.sort(key=lambda job: -rows.get(job.bug.id, {}).get("seconds", 0.0))
    faults: list[str] = []
    keeping, trials = Lock(), Trials(root, options.seconds)

    def attempt(job: Work) -> None:
        tree = trees.get()
        try:
            caught = trials.first(tree, job.bug, job.layers, job.known)
        except TrialError as error:
            caught = None
            problem = f"{job.bug.id}: {error}"
        finally:
            trees.put(tree)
        with keeping:
            if caught is None:
                print(f"         RED: {problem}", flush=True)
                faults.append(problem)
                return
            words = f"{caught.layer}: {caught.test}" if caught.layer else "survives"
            print(f"{caught.seconds:7.1f} s  {job.bug.id}: {words}", flush=True)
            job.keep(rows, caught)
            (root / results.ROWS).write_text(results.dump(rows), encoding="utf-8")

    if work:
        with tempfile.TemporaryDirectory(prefix="planted-") as folder:
            trees: Queue[Tree] = Queue()
            first = Tree(root, Path(folder, "0"))
            if not first.is_kernel_fresh():
                first.build()
            copies = [Tree(first.root, Path(folder, f"{n + 1}")) for n in range(options.jobs)]
            for tree in copies:
                trees.put(tree)
            known = sorted({job.known[1] for job in work if job.known is not None})
            shares = [known[n :: options.jobs] for n in range(options.jobs)]
            with ThreadPoolExecutor(options.jobs) as pool:
                list(pool.map(trials.find_sound, copies, shares))
                list(pool.map(attempt, work))
    (root / results.ROWS).write_text(results.dump(rows), encoding="utf-8")
    (root / results.PAGE).write_text(results.markdown(bugs, rows), encoding="utf-8")
    return faults


def _work(
    root: Path, bug: Bug, layers: list[Layer], rows: Rows, options: argparse.Namespace
) -> list[Work]:
    """What is to be tried of a bug: all layers, and the contracts alone where they were asked."""
    if options.ids and bug.id not in options.ids:
        return []
    row, work = rows.get(bug.id), []
    always = bool(options.ids) or options.all
    if not options.contracts and (
        always or row is None or not results.is_fresh(root, bug, row, layers)
    ):
        known = None if row is None or options.search else results.known_of(root, row, layers)
        work.append(Work.of(root, bug, layers, known, alone=False))
    contracts = [layer for layer in layers if layer.name == CONTRACT]
    if contracts and row is not None:
        is_stale = not results.is_contract_fresh(root, bug, row, layers)
        if is_stale or (options.contracts and (always or CONTRACT not in row)):
            work.append(Work.of(root, bug, contracts, None, alone=True))
    return work


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
