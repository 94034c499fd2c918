"""The rows of all layers: kept as JSON, shown as Markdown, summed up in four lines."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from allowed import Allowed
from claims import ALL, BOUNDED, CHECKED, MODEL, SAMPLED, TRIED, UNPROVED, WORDS, Claim, Row, Rows

INTRODUCTION = """
Written by `make prove`; `make contracts-check` fails where a row is missing or older than a file it
speaks of. A row is one statement and the layer that checks it:

- **contract**: a condition on the reference, in pure Python.
- **model**: a condition on a model of the kernel's steps, or its comparison with the reference.
- **lemma**: a fact of arithmetic that a step of the kernel or the protocol rests on, about integers
  of any size; one that speaks of no file serves others.
- **theorem**: proved in Coq, of a model that does what the reference does on unbounded integers.
- **equivalence**: a test with drawn inputs, of the compiled kernel, the reference, or both.
- **symbolic**: the same, on the reference, with inputs that a solver draws path by path.
- **planted**: whether these layers notice bugs. **test**: what has no contract.

The words:

- **proved for all inputs**: CrossHair executed the function with symbolic arguments, followed every
  path and found no counterexample among all arguments within their documented bounds. Of a lemma:
  z3 found its conclusion from its hypotheses, which some integers meet, and each canary, a false
  variant or the lemma without one hypothesis, was refuted by integers that Python computed with
  too.
- **proved up to bound**: the same for the shapes or values that the row names, and no others.
- **proved for all n (model)**: Coq accepts a proof that rests on no axiom, for any number of rows,
  fees or ballots. It speaks of the model; that the reference and the kernel compute what the model
  does is checked by tests of the program that is extracted from it, and is not proved.
- **not proved**: CrossHair came to no end; the row says what is proved instead.
- **checked for all inputs**: each input of those that the row names was tried.
- **checked by samples**: so many inputs were drawn, and no others were looked at. An example that
  a test rejected is not counted.
- **caught**: so many of the planted bugs turned a test red.

A proof takes CrossHair's model of Python and its solver, z3, for granted. It speaks of the
reference and of the models, which are Python; that the compiled kernel computes what they do is
checked by samples, and is not proved.
"""


GENERAL = {
    "lemma": "lemmas of arithmetic, which the kernel rests on, are proved for integers of any size",
    "theorem": "theorems on a model of allocation, issuance and tally are proved in Coq for any"
    " number of rows; that the code is the model is tested",
}
"""Layers that prove something else than what a function returns, with what that is."""

START, END = "<!-- checks -->", "<!-- /checks -->"


def load(path: Path) -> Rows:
    """The rows by name of their claim; none where there is no file yet."""
    if not path.exists():
        return {}
    rows: Rows = json.loads(path.read_text(encoding="utf-8"))
    return rows


def dump(rows: Rows) -> str:
    """The rows as text."""
    return json.dumps(rows, indent=1, sort_keys=True) + "\n"


def summary(rows: Rows, uncontracted: int) -> list[str]:
    """Four lines for a reader who reads no more."""
    words = Counter(row["word"] for row in rows.values() if row["layer"] not in GENERAL)
    drawn = sum(_number(row) for row in rows.values() if row["word"] == SAMPLED)
    tried = sum(_number(row) for row in rows.values() if row["word"] == TRIED)
    planted = rows.get("planted", {"caught": 0, "planted": 0})
    by_paths = f"- {words[ALL] + words[BOUNDED]} statements on the pure-Python reference and on"
    by_paths += f" models of the kernel's steps are proved: {words[ALL]} for all inputs,"
    by_paths += f" {words[BOUNDED]} up to a bound; {words[UNPROVED]} more are not proved, and"
    by_paths += f" {uncontracted} functions have tests alone."
    for layer, statements in GENERAL.items():
        proved = sum(row["layer"] == layer and row["word"] in (ALL, MODEL) for row in rows.values())
        by_paths += f" {proved} {statements}." if proved else ""
    by_samples = (
        "- The compiled kernel is compared with the reference by tests, which prove nothing:"
    )
    by_samples += f" {words[SAMPLED]} statements hold on {drawn:,} drawn inputs."
    by_all = f"- {words[TRIED]} statements on the kernel's steps, at a narrow width of their words"
    by_all += f" or with limbs at their edges, are checked for all of {tried:,} inputs."
    by_bugs = f"- Of {planted['planted']} planted bugs these checks catch {planted['caught']}."
    return [by_paths, by_samples, by_all, by_bugs]


def with_summary(readme: str, lines: list[str]) -> str:
    """The text with these lines between its two comments; as it is where it has none."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        return readme
    return before + start + "\n".join(["", *lines, ""]) + end + after


def markdown(claims: list[Claim], rows: Rows, allowed: Allowed) -> str:
    """The report."""
    lines = ["# What is proved, what is checked, and what is not\n"]
    lines += _counts(claims, rows, allowed)
    lines.append(INTRODUCTION)
    lines.append(
        "| statement | speaks of | layer | word | bound or number | seconds | tool | key |"
    )
    lines.append("|---|---|---|---|---|---:|---|---|")
    for claim in claims:
        row = rows[claim.name]
        reach = row["reach"]
        if row["word"] == UNPROVED:
            entry = allowed.unconfirmed[claim.name]
            reach = f"{entry.reason}; instead: {', '.join(entry.instead)}"
        again = "" if row["attempts"] == 1 else f" ({row['attempts']} attempts)"
        cells = [
            f"`{claim.name.partition('/')[2] or claim.name}`: {claim.statement}",
            ", ".join(f"`{name.removeprefix('qfs.')}`" for name in claim.of),
            claim.layer,
            row["word"],
            reach,
            f"{row['seconds']:.1f}{again}",
            row["tool"],
            f"`{row['key'][:12]}`",
        ]
        lines.append(_line(cells))
    for name, other in sorted(allowed.uncontracted.items()):
        by = f"{other.checked}: {other.reason}"
        lines.append(_line(["no contract", f"`{name.removeprefix('qfs.')}`", "test", CHECKED, by]))
    return "\n".join(lines) + "\n"


def _counts(claims: list[Claim], rows: Rows, allowed: Allowed) -> list[str]:
    """One line a layer."""
    lines = []
    for layer in dict.fromkeys(claim.layer for claim in claims):
        of = [rows[claim.name] for claim in claims if claim.layer == layer]
        words = Counter(row["word"] for row in of)
        counts = ", ".join(f"{words[word]} {word}" for word in WORDS if words[word])
        seconds = sum(row["seconds"] for row in of)
        rest = f", {_sum(of)}" if (_sum(of)) else ""
        lines.append(f"- {layer}: {len(of)} rows: {counts}{rest}; {seconds:.0f} s")
    return [*lines, f"- test: {len(allowed.uncontracted)} functions {CHECKED}"]


def _sum(of: list[Row]) -> str:
    if any("caught" in row for row in of):
        return str(of[0]["reach"])
    drawn = sum(_number(row) for row in of if row["word"] == SAMPLED)
    return f"{drawn:,} examples" if drawn else ""


def _number(row: Row) -> int:
    """The number that a row begins its reach with."""
    return int(row["reach"].split()[0].replace(",", ""))


def _line(cells: list[str]) -> str:
    padded = [*cells, *([""] * (8 - len(cells)))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in padded) + " |"
