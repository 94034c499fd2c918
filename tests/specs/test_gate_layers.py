"""The gate is red for what models and tests can say falsely, as `test_gate` has it for contracts.

Each test makes a small project: a module, and comparisons or tests of it.
"""

from __future__ import annotations

import importlib.util
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)

pytestmark = pytest.mark.once

needs_prover = pytest.mark.skipif(
    find_spec("crosshair") is None, reason="CrossHair is not installed"
)

BRIDGE = '''
from qfs.reference.tiny import least


def the_least_of_two(a: int, b: int) -> int:
    """A least is a least.

    of: qfs.reference.tiny.least
    bound: numbers of 0 .. 3
    same: _the_least
    """
    return least(a, b) if 0 <= a < 4 and 0 <= b < 4 else 0


def _the_least(a: int, b: int) -> int:
    return (b if b < a else a) if 0 <= a < 4 and 0 <= b < 4 else 0
'''

TESTS = '''
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qfs.reference.tiny import least


@given(a=st.integers(), b=st.integers())
def test_least(a, b):
    """The least of two is one of them. It says no more."""
    assert least(a, b) in (a, b)
'''

CONFTEST = """
import hypothesis

hypothesis.settings.register_profile("deep", max_examples=20, database=None)
"""


def _project_of_contracts() -> Any:
    spec = importlib.util.spec_from_file_location("test_gate", ROOT / "tests/specs/test_gate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OTHER = _project_of_contracts()


@pytest.fixture
def project(tmp_path: Path) -> Any:
    """A sound contract, so that nothing else is red."""
    made = OTHER.Project(tmp_path)
    made.contracts(OTHER.SOUND)
    made.write("conftest.py", CONFTEST)
    made.write(
        "pyproject.toml", '[tool.pytest.ini_options]\nmarkers = ["exhaustive", "symbolic"]\n'
    )
    return made


def red(project: Any, layer: str, *options: str) -> str:
    """What the gate finds wrong in one layer."""
    found: str = project.red("--layers", layer, "--grace", "120", *options)
    return found


def rows_of(project: Any) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = json.loads((project.root / "specs/report.json").read_text())
    return rows


# Comparisons of models


@needs_prover
@pytest.mark.slow
def test_functions_that_are_the_same_are_proved_up_to_their_bound(project: Any) -> None:
    project.write("specs/models/bridges.py", BRIDGE)
    assert "none given up" in project.green("--layers", "model", "--seconds", "20")
    row = rows_of(project)["bridges.the_least_of_two"]
    assert (row["word"], row["reach"]) == ("proved up to bound", "numbers of 0 .. 3")


@needs_prover
@pytest.mark.slow
def test_a_model_that_differs_is_red(project: Any) -> None:
    project.write("specs/models/bridges.py", BRIDGE.replace("b if b < a else a", "b"))
    assert "bridges.the_least_of_two: differs: given a=" in red(project, "model", "--seconds", "20")


@needs_prover
@pytest.mark.slow
def test_a_comparison_that_does_not_come_to_its_end_is_red(project: Any) -> None:
    text = BRIDGE.replace("return least(a, b) if", "return least(a, sum(1 for _ in range(b))) if")
    project.write("specs/models/bridges.py", text.replace("< 4", "< 2**64"))
    found = red(project, "model", "--seconds", "1")
    assert "no difference found, but" in found or "ran away" in found
    assert rows_of(project)["bridges.the_least_of_two"]["attempts"] == 2


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([[True, "UNKNOWN"], [True, "UNKNOWN"]], "a path was given up"),
        ([[False, "CONFIRMED"]], "not all paths were exhausted"),
        ([[False, "UNKNOWN"]], "not all paths were exhausted"),
        ([], "not all paths were exhausted"),
    ],
)
def test_exhausted_counts_only_where_every_path_was_decided(
    monkeypatch: pytest.MonkeyPatch, runs: list[list[object]], words: str
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "specs" / "gate"))
    import bounded
    import differ

    said = json.dumps({"differences": [], "runs": runs})
    found = differ.read(bounded.Done(0, said, 1.0))
    assert (found.holds, found.words) == (False, f"no difference found, but {words}")
    sound = json.dumps({"differences": [], "runs": [[True, "CONFIRMED"]]})
    assert differ.read(bounded.Done(0, sound, 1.0)).holds
    assert not differ.read(bounded.Done(1, sound, 1.0)).holds
    for nothing in ("", "Traceback", "[]", "{}"):
        assert "nothing was compared" in differ.read(bounded.Done(0, nothing, 1.0)).words


@pytest.mark.parametrize(
    ("line", "other", "fault"),
    [
        ("same: _the_least", "same: _the_last", "there is no other function _the_last"),
        ("same: _the_least", "same: the_least_of_two", "there is no other function"),
        ("same: _the_least", "same: _the_least\n    same: _the_least", "2 lines `same:`"),
        ("    bound: numbers of 0 .. 3\n", "", "no line `bound:`"),
        ("same: _the_least", "same: _the_least\n    pre: a > 0", "it guards itself"),
    ],
)
def test_a_mistyped_comparison_is_red(project: Any, line: str, other: str, fault: str) -> None:
    project.write("specs/models/bridges.py", BRIDGE.replace(line, other))
    assert fault in project.red("--check")


def test_a_comparison_whose_guard_lets_nothing_in_is_red(project: Any) -> None:
    project.write("specs/models/bridges.py", BRIDGE.replace("0 <= a < 4", "4 <= a < 4"))
    fault = "bridges.the_least_of_two: no small input makes it call qfs.reference.tiny.least"
    assert fault in red(project, "model")


# Tests


def tested(project: Any, *tests: str) -> None:
    project.write("specs/equivalence/test_tiny.py", TESTS + "".join(tests))


@pytest.mark.slow
def test_examples_are_counted_where_they_run_to_their_end(project: Any) -> None:
    picky = '''

@given(a=st.integers(0, 9))
def test_even(a):
    """An even number is even."""
    assume(a % 2 == 0)
    assert least(a, a) % 2 == 0


@pytest.mark.parametrize("a", [1, 2, 3])
def test_cases(a):
    """Three cases."""
    assert least(a, 5) == a


@pytest.mark.exhaustive("numbers below 4")
def test_all(record_property):
    """Every number is least."""
    record_property("inputs", len([least(a, 4) for a in range(4)]))
'''
    tested(project, picky)
    project.green("--layers", "equivalence")
    rows = rows_of(project)
    reach = {name.rpartition("::")[2]: (row["word"], row["reach"]) for name, row in rows.items()}
    # Half of ten numbers are drawn again and again, and rejected.
    assert reach.pop("test_even")[1] in [f"{n} examples" for n in range(5, 20)]
    assert reach == {
        "test_least": ("checked by samples", "20 examples"),
        "test_cases": ("checked by samples", "3 cases"),
        "test_all": ("checked for all inputs", "4 inputs: numbers below 4"),
    }
    assert rows["equivalence/test_tiny::test_least"]["statement"] == (
        "The least of two is one of them."
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "fault"),
    [
        ("def test_it():\n    '''It holds.'''\n    pytest.skip('not today')\n", "skipped"),
        ("def test_it():\n    '''It holds.'''\n    assert False\n", "failed"),
        ("def test_it(unknown):\n    '''It holds.'''\n", "failed"),
        ("def test_it():\n    '''It holds.'''\n\ndel test_it\n", "ran nothing"),
        (
            "@pytest.mark.parametrize('a', [])\ndef test_it(a):\n    '''It holds.'''\n",
            "skipped",
        ),
        (
            "@pytest.mark.exhaustive('all')\ndef test_it():\n    '''It holds.'''\n",
            "recorded no number of inputs",
        ),
        (
            "@given(a=st.integers())\ndef test_it(a):\n    '''It holds.'''\n    assume(False)\n",
            "failed",
        ),
        (
            "@pytest.mark.xfail\ndef test_it():\n    '''It holds.'''\n    assert False\n",
            "skipped",
        ),
    ],
)
def test_a_test_that_shows_nothing_is_red(project: Any, test: str, fault: str) -> None:
    tested(project, "\n\n" + test)
    found = red(project, "equivalence")
    assert found.startswith(f"RED: equivalence/test_tiny::test_it: {fault}")
    # The test beside it has its row all the same, unless pytest did not start.
    assert ("test_least" in found) == (fault == "ran nothing")


@pytest.mark.slow
def test_a_deselected_test_is_red(project: Any) -> None:
    drop = """
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=list(items))
    items.clear()
"""
    tested(project)
    project.write("conftest.py", CONFTEST + drop)
    assert "test_least: deselected" in red(project, "equivalence")


def test_a_test_without_a_sentence_is_red(project: Any) -> None:
    tested(project, "\n\ndef test_it():\n    assert least(1, 2) == 1\n")
    assert "test_it: its docstring has no sentence" in project.red("--check")


@pytest.mark.parametrize(
    "path",
    [
        "specs/equivalence/test_tiny.py",
        "specs/equivalence/helper.py",
        "specs/equivalence/conftest.py",
        "conftest.py",
        "qfs/reference/tiny.py",
        "qfs/kernel/tiny.py",
        "qfs_kernel/tiny.pyx",
        "qfs_kernel/tiny.h",
        "specs/equivalence/exhaustive/tiny.c",
    ],
)
def test_a_test_older_than_what_it_speaks_of_is_red(project: Any, path: str) -> None:
    tested(project, "\nimport helper\n")
    for other in (
        "equivalence/helper.py",
        "equivalence/conftest.py",
        "equivalence/exhaustive/tiny.c",
    ):
        project.write(f"specs/{other}", "import subprocess\n" if "helper" in other else "")
    for other in ("qfs/kernel/tiny.py", "qfs_kernel/tiny.pyx", "qfs_kernel/tiny.h"):
        project.write(other, "")
    fresh = gate_keys(project.root)
    file = project.root / path
    file.write_text(file.read_text() + "\n")
    assert gate_keys(project.root) != fresh


def gate_keys(root: Path) -> str:
    """The key of the one test of a project, by the gate's own module."""
    spec = importlib.util.spec_from_file_location("gate_keys", ROOT / "specs/gate/keys.py")
    assert spec is not None
    assert spec.loader is not None
    keys = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(keys)
    key: str = keys.key_of(root, keys.test_files(root, root / "specs/equivalence/test_tiny.py"))
    return key


# The report


@pytest.mark.slow
def test_the_readme_says_what_the_rows_say(project: Any) -> None:
    readme = "# tiny\n\n<!-- checks -->\n<!-- /checks -->\n\nMore.\n"
    project.write("README.md", readme)
    tested(project)
    project.green("--layers", "equivalence")
    rows = rows_of(project)
    sound = {**rows["equivalence/test_tiny::test_least"], "layer": "contract"}
    sound |= {"key": "", "word": "proved for all inputs", "reach": "none"}
    project.write(
        "specs/report.json", json.dumps({**rows, "tiny.it_is_no_more_than_either": sound})
    )
    project.red("--check")
    project.green("--layers", "equivalence")
    code, lines = project.gate("--summary")
    assert code == 0
    assert len(lines.splitlines()) == 4
    text = (project.root / "README.md").read_text()
    assert text == readme.replace("-->\n<!-- /", f"-->\n{lines}<!-- /")
    assert "20 drawn inputs" in lines
    assert "verified" not in lines
    assert "# What is proved" in (project.root / "specs/REPORT.md").read_text()


def test_the_readme_of_this_project_says_what_its_rows_say() -> None:
    """`--check` compares it verbatim; here, that there is a place for it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("<!-- checks -->") == text.count("<!-- /checks -->") == 1
    between = text.partition("<!-- checks -->\n")[2].partition("<!-- /checks -->")[0]
    assert len(between.splitlines()) in (0, 4)
