"""A lemma: what follows from what, for integers of any size; written once and read twice.

The function of a lemma is called with z3's variables, to be proved, and with Python's integers, to
see for oneself that its hypotheses can be met and that its canaries are false. So it is written in
what both understand: arithmetic, comparisons, and the words below.

    @lemma
    def a_rest_is_settled(rest, weight, ...):
        "One sentence."
        return Statement(
            given={"rest": within(0, rest, 2 * weight), ...},
            then=...,
            hints=[another_lemma(rest + 1, weight), ...],
            canaries={"the rest may be twice the weight": {"rest": ...}},
        )

A canary is the lemma with some of its parts replaced, by their labels or "then": a false one, so
that a proof which would hold of anything is noticed. The lemma without any one of its hypotheses is
another, and need not be written. A hint is another lemma at some terms. A
division is stated by quotient and rest, and a power of two by any number in its place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import z3

Term = Any
"""an integer, or a term of z3"""
Truth = Any
"""a bool or a formula of z3; a list holds where all its items do"""


@dataclass(frozen=True)
class Statement:
    """What a lemma says of its variables."""

    given: Mapping[str, Truth]
    """the hypotheses by label"""
    then: Truth
    canaries: Mapping[str, Mapping[str, Truth]]
    """what each false variant says, and the parts that it replaces"""
    hints: Sequence[Instance] = ()


@dataclass(frozen=True)
class Lemma:
    """A function that states one, with its name and sentence."""

    function: Callable[..., Statement]
    name: str
    sentence: str
    variables: tuple[str, ...]

    def __call__(self, *terms: Term) -> Instance:
        """This lemma at these terms, as a hint for another one."""
        return Instance(self, terms)

    def at(self, terms: Sequence[Term]) -> Statement:
        """What it says of these."""
        return self.function(*terms)

    def symbols(self) -> list[z3.ArithRef]:
        """A variable of z3 for each of its own."""
        return [z3.Int(name) for name in self.variables]


@dataclass(frozen=True)
class Instance:
    """A lemma at some terms."""

    lemma: Lemma
    terms: tuple[Term, ...]
    condition: Truth = field(default=True)

    def when(self, condition: Truth) -> Instance:
        """The same where this holds, and of no use elsewhere."""
        return Instance(self.lemma, self.terms, condition)


def lemma(function: Callable[..., Statement]) -> Lemma:
    """A lemma that a step of the code rests on."""
    module = Path(inspect.getfile(function)).stem
    return Lemma(
        function,
        f"{module}.{function.__name__}",
        " ".join((function.__doc__ or "").split()),
        tuple(inspect.signature(function).parameters),
    )


hint = lemma
"""A lemma that serves others, so that no step names it."""


def truth(value: Truth) -> Truth:
    """Of a list: that all of it holds."""
    if not isinstance(value, list):
        return value
    items = [truth(item) for item in value]
    return z3.And(*items) if any(map(z3.is_expr, items)) else all(items)


def implies(condition: Truth, then: Truth) -> Truth:
    """If the one, then the other."""
    return either(negation(condition), then)


def iff(one: Truth, other: Truth) -> Truth:
    """Both or neither."""
    return truth(one) == truth(other)


def either(one: Truth, other: Truth) -> Truth:
    """One of them or both."""
    items = [truth(one), truth(other)]
    return z3.Or(*items) if any(map(z3.is_expr, items)) else any(items)


def negation(value: Truth) -> Truth:
    """That it does not hold."""
    value = truth(value)
    return z3.Not(value) if z3.is_expr(value) else not value


def one_if(condition: Truth) -> Term:
    """1 or 0, as a comparison is in C."""
    value = truth(condition)
    return z3.If(value, z3.IntVal(1), z3.IntVal(0)) if z3.is_expr(value) else int(value)


def within(low: Term, value: Term, end: Term) -> Truth:
    """low <= value < end"""
    return [low <= value, value < end]


def digits(base: Term, *values: Term) -> Truth:
    """Each of them is a digit of this base."""
    return [within(0, value, base) for value in values]


def divides(number: Term, by: Term, quotient: Term, rest: Term) -> Truth:
    """The quotient, rounded down, and the rest."""
    return [number == quotient * by + rest, within(0, rest, by)]
