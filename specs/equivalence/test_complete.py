"""Nothing is left out: every function of a backend is compared, every number has a third way."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import by_fractions

from qfs import reference
from qfs.backend import Implementation

OTHERWISE = {
    "export_cells": "test_export_cells",
    "tally": "test_tally",
    "tally_many": "test_tally_many",
    **dict.fromkeys(("collect_ballots", "merge_ballots", "finish_tally"), "test_partials"),
}
"""Compared by a test of its own: capsules are not equal, what they hand over is; each backend
collects ballots in a form of its own."""

THIRD_WAY = {
    **{name: name for name in ("allocate", "issue", "score", "merge_add", "root", "sum_root")},
    "mul_div_many": "mul_div",
    "assess": "failed_checks",
    **dict.fromkeys(("tally", "tally_many"), "tally"),
}
NO_NUMBER = {
    *("check_values", "check_counts", "check_ticks", "check_choices", "check_ids", "check_names"),
    *("to_column", "to_list", "export_cells", "range_root", "inclusion_proof"),
    *("collect_ballots", "merge_ballots", "finish_tally"),
    *("counted_ballots", "sum_range_root", "sum_levels"),
}
"""What only refuses or changes the form of what it gets; ranges, paths and the parts of a tally
have laws instead."""


def functions() -> list[str]:
    """What a backend computes."""
    members = inspect.getmembers(Implementation, inspect.isfunction)
    return [name for name, _ in members if not name.startswith("_")]


def cases_in(source: str) -> list[ast.FunctionDef]:
    nodes = ast.parse(source).body
    return [n for n in nodes if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]


def compared(tests: list[ast.FunctionDef]) -> set[str]:
    """The functions that the tests hand to `same`."""
    return {
        str(node.args[0].value)
        for test in tests
        for node in ast.walk(test)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "same"
        and isinstance(node.args[0], ast.Constant)
    }


def written() -> list[ast.FunctionDef]:
    paths = sorted(Path(__file__).parent.glob("test_*.py"))
    return [test for path in paths for test in cases_in(path.read_text(encoding="utf-8"))]


def test_every_function_is_compared() -> None:
    """Each function of a backend has a test that calls both backends with the same arguments."""
    names = {test.name for test in written()}
    assert {*OTHERWISE.values()} <= names
    assert sorted({*functions()} - compared(written()) - OTHERWISE.keys()) == []


def test_backends_have_the_functions_and_no_others(kernel: Any) -> None:
    """Reference and kernel offer what a backend computes; the kernel also says what it is."""
    assert sorted(reference.__all__) == functions()
    assert {*kernel.__all__} - {"build_facts", "check_build", "cpu_paths"} == {*functions()}


def test_every_number_has_a_third_way() -> None:
    """Each function that decides a number stands in `by_fractions` too."""
    assert sorted([*THIRD_WAY, *NO_NUMBER]) == functions()
    assert all(inspect.isfunction(getattr(by_fractions, name)) for name in THIRD_WAY.values())


def test_every_test_states_its_law() -> None:
    """Each test here begins with one sentence that says what holds."""
    for test in written():
        words = " ".join((ast.get_docstring(test) or "").split())
        assert words.endswith("."), test.name
        assert ". " not in words, test.name


def test_what_is_not_compared_is_found() -> None:
    """A function that no test hands to `same`, or one beside a test alone, counts as left out."""
    source = 'def test_a(same):\n    same("issue", [])\ndef helper(same):\n    same("root", [])\n'
    assert compared(cases_in(source)) == {"issue"}
