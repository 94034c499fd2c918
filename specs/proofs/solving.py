"""Proves a lemma with z3, and believes nothing of its answers that Python's integers can check.

z3 counts its steps and not the seconds, so that a busy machine comes to the same answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import z3
from lemma import Lemma, Statement, Truth, implies, negation, truth

STEPS = 30_000_000
"""z3's own count, for each question and each way to answer it"""
RANGES = ((0, 4), (0, 40), (0, 2**16), (-40, 40), (-(2**140), 2**140))
"""Where the variables of an example are looked for: small ones that are not negative first."""

Values = dict[str, int]


@dataclass
class Found:
    """What came of a lemma; it holds where nothing is wrong."""

    example: Values = field(default_factory=dict)
    """that meets its hypotheses"""
    refuted: dict[str, Values] = field(default_factory=dict)
    """its canaries, each with what refutes it"""
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


@cache
def check(lemma: Lemma) -> Found:
    """Whether it is proved, with every hint, and every canary refuted."""
    circle = circle_of(lemma)
    if circle:
        return Found(faults=[f"circular: {' needs '.join(circle)}"])
    statement = lemma.at(lemma.symbols())
    found = Found()
    for served_by in dict.fromkeys(instance.lemma for instance in statement.hints):
        if check(served_by).faults:
            found.faults.append(f"its hint {served_by.name} does not hold")
    start = time.process_time()
    found.faults += _faults_of_text(lemma, statement)
    _look_for_examples(lemma, statement, found)
    found.faults += _unproved(statement)
    found.seconds = time.process_time() - start
    return found


def circle_of(lemma: Lemma, path: tuple[Lemma, ...] = ()) -> list[str]:
    """The lemmas that lead back to themselves, by their hints; none where all is well."""
    if lemma in path:
        return [other.name for other in (*path[path.index(lemma) :], lemma)]
    for instance in lemma.at(lemma.symbols()).hints:
        circle = circle_of(instance.lemma, (*path, lemma))
        if circle:
            return circle
    return []


def canaries_of(statement: Statement) -> dict[str, Mapping[str, Truth]]:
    """Its own, and for each hypothesis the lemma without it, so that none is idle."""
    without = {f"without {label!r}": {label: True} for label in statement.given}
    return {**statement.canaries, **without}


def _faults_of_text(lemma: Lemma, statement: Statement) -> Iterator[str]:
    if not lemma.sentence:
        yield "no sentence says what holds"
    if not statement.canaries:
        yield "no canary"
    for words, parts in statement.canaries.items():
        for label in parts.keys() - {*statement.given, "then"}:
            yield f"canary {words!r}: there is no part {label!r}"


def _look_for_examples(lemma: Lemma, statement: Statement, found: Found) -> None:
    """Of its hypotheses, and of each canary one that it does not hold for."""
    example = _example(lemma, [truth([*statement.given.values()])])
    if isinstance(example, str):
        found.faults.append(f"hypotheses that nothing is seen to meet: {example}")
    elif not truth([*lemma.at([*example.values()]).given.values()]):
        found.faults.append(f"{example} does not meet the hypotheses, as z3 says")
    else:
        found.example = example
    for words, parts in canaries_of(statement).items():
        given, then = _replaced(statement, parts)
        witness = _example(lemma, [given, negation(then)])
        if isinstance(witness, str):
            found.faults.append(f"canary {words!r} is not refuted: {witness}")
            continue
        of_integers = lemma.at([*witness.values()])
        given, then = _replaced(of_integers, canaries_of(of_integers)[words])
        if not given or then:
            found.faults.append(f"canary {words!r}: {witness} does not refute it, as z3 says")
        else:
            found.refuted[words] = witness


def _replaced(statement: Statement, parts: Mapping[str, Truth]) -> tuple[Truth, Truth]:
    given = {**statement.given, **{k: v for k, v in parts.items() if k != "then"}}
    return truth([*given.values()]), truth(parts.get("then", statement.then))


def _unproved(statement: Statement) -> Iterator[str]:
    """Parts of its hints and its conclusion that do not follow."""
    known = [truth([*statement.given.values()])]
    for instance in statement.hints:
        at = instance.lemma.at(instance.terms)
        condition = truth(instance.condition)
        for label, part in at.given.items():
            answer = _follows([*known, condition], part)
            if answer:
                yield f"hint {instance.lemma.name}: its {label!r} does not follow: {answer}"
        known.append(implies(condition, at.then))
    answer = _follows(known, statement.then)
    if answer:
        yield f"not proved: {answer}"


def _follows(known: Sequence[Truth], then: Truth) -> str:
    """Nothing where it does, else what z3 says."""
    parts = then if isinstance(then, list) else [then]
    for part in parts:
        answer, solver = _ask([*known, negation(part)])
        if answer != z3.unsat:
            return f"{part}: {_words(answer, solver)}".replace("\n", " ")
    return ""


def _example(lemma: Lemma, formulas: Sequence[Truth]) -> Values | str:
    """Integers that meet them, or what z3 says; small ones where there are any."""
    symbols = lemma.symbols()
    for least, most in RANGES:
        bounds = [z3.And(least <= symbol, symbol <= most) for symbol in symbols]
        answer, solver = _ask([*formulas, *bounds])
        if answer == z3.sat:
            model = solver.model()
            at = [symbol.translate(model.ctx) for symbol in symbols]
            values = [model.eval(symbol, model_completion=True) for symbol in at]
            return {
                name: value.as_long() for name, value in zip(lemma.variables, values, strict=True)
            }
    answer, solver = _ask(formulas)
    return _words(answer, solver)


def _words(answer: Any, solver: z3.Solver) -> str:
    if answer == z3.unsat:
        return "there is none"
    if answer == z3.unknown:
        return f"unknown, {solver.reason_unknown()}"
    return f"false for {solver.model()}"


def _ask(formulas: Sequence[Truth]) -> tuple[Any, z3.Solver]:
    """z3's answer, by its general solver, and where it has none by that for nonlinear integers."""
    # A context of its own: what was asked before would otherwise sway the search.
    context = z3.Context()
    asked = [z3.BoolVal(f) if isinstance(f, bool) else f for f in map(truth, formulas)]
    for solver in (z3.Solver(ctx=context), z3.SolverFor("QF_NIA", ctx=context)):
        solver.set("rlimit", STEPS)
        solver.set("random_seed", 1)
        solver.add(*(formula.translate(context) for formula in asked))
        answer = solver.check()
        if answer != z3.unknown:
            break
    return answer, solver
