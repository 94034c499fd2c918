"""The gate is red for every kind of falsehood, and green where there is none.

Each test makes a small project: a reference of one function, contracts on it, an allow-list.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATE = ROOT / "specs" / "gate"

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)

# Every test starts a prover or a gate of its own, which takes seconds.
pytestmark = [pytest.mark.slow, pytest.mark.once]

needs_prover = pytest.mark.skipif(
    find_spec("crosshair") is None, reason="CrossHair is not installed"
)

REFERENCE = """
def least(a, b):
    return a if a < b else b
"""

IMPORTS = """
from qfs.reference.tiny import least
"""

SOUND = '''
def it_is_no_more_than_either(a: int, b: int) -> int:
    """The least of two is not above either.

    of: qfs.reference.tiny.least
    pre: a >= 0
    pre: b >= 0
    post: __return__ <= a and __return__ <= b
    """
    return least(a, b)
'''

HARD = '''
def no_cube_is_two_cubes(a: int, b: int, c: int) -> bool:
    """Beyond the solver.

    of: qfs.reference.tiny.least
    pre: a > 0 and b > 0 and c > 0
    post: __return__
    """
    return least(a, b) > 0 and a * a * a + b * b * b != c * c * c
'''

IN_THE_PROVER = """
import sys

in_prover = "crosshair" in sys.modules
"""

ALLOWED_HARD = """
[[unconfirmed]]
name = "tiny.no_cube_is_two_cubes"
reason = "beyond the solver"
instead = ["tiny.it_is_no_more_than_either"]
"""


class Project:
    """A folder with a reference, contracts and an allow-list."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("qfs/__init__.py", "")
        self.write("qfs/reference/__init__.py", "")
        self.write("qfs/reference/tiny.py", REFERENCE)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def contracts(self, *functions: str) -> None:
        self.write("specs/contracts/tiny.py", IMPORTS + "".join(functions))

    def allow(self, text: str) -> None:
        self.write("specs/contracts/allowed.toml", text)

    def gate(self, *options: str) -> tuple[int, str]:
        """Exit code and output of the gate."""
        command = [sys.executable, str(GATE), "--root", str(self.root), "--jobs", "1"]
        done = subprocess.run(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
        return done.returncode, done.stdout

    def red(self, *options: str) -> str:
        """What the gate finds wrong; it has to find something, and to say so by its exit code."""
        code, output = self.gate(*options)
        assert code == 1, output
        return "\n".join(line for line in output.splitlines() if line.startswith("RED: "))

    def green(self, *options: str) -> str:
        code, output = self.gate(*options)
        assert code == 0, output
        assert "RED" not in output
        return output


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    return Project(tmp_path)


def post(line: str) -> str:
    """The sound contract with another line in the place of its post."""
    return SOUND.replace("post: __return__ <= a and __return__ <= b", line)


# What a prover has to be asked for


@needs_prover
def test_a_proof_is_green_kept_and_shown(project: Project) -> None:
    project.contracts(SOUND)
    assert "Confirmed over all paths" in project.green("--seconds", "10")
    row = json.loads((project.root / "specs/report.json").read_text())
    assert row["tiny.it_is_no_more_than_either"]["holds"] is True
    shown = (project.root / "specs/REPORT.md").read_text()
    assert "| proved for all inputs |" in shown
    assert project.green("--check") == "1 rows, 0 faults\n"
    # What did not change is not run again.
    assert project.green() == "1 rows, 0 faults\n"
    assert "Confirmed" in project.green("--all", "--seconds", "10")


@needs_prover
def test_a_bound_is_never_shown_as_all_inputs(project: Project) -> None:
    project.contracts(SOUND.replace("    pre: a >= 0\n", "    bound: a of 1\n    pre: a == 1\n"))
    project.green("--seconds", "10")
    shown = (project.root / "specs/REPORT.md").read_text()
    assert "| proved up to bound | a of 1 |" in shown
    assert "| proved for all inputs |" not in shown


@needs_prover
def test_a_planted_bug_is_red(project: Project) -> None:
    project.write("qfs/reference/tiny.py", REFERENCE.replace("a < b", "a > b"))
    project.contracts(SOUND)
    assert "counterexample or error: false when calling" in project.red("--seconds", "10")
    assert not (project.root / "specs/REPORT.md").exists()


@needs_prover
def test_an_error_that_is_raised_is_red(project: Project) -> None:
    project.write("qfs/reference/tiny.py", "def least(a, b):\n    return min(a, b) // (a != 7)\n")
    project.contracts(SOUND)
    assert "ZeroDivisionError" in project.red("--seconds", "10")


@needs_prover
def test_what_cannot_be_confirmed_is_red_after_one_retry(project: Project) -> None:
    project.contracts(SOUND)
    project.green("--seconds", "10")
    project.write("specs/contracts/hard.py", IMPORTS + HARD)
    # So short that on a busy machine not even the preconditions may be decided.
    assert project.red("--seconds", "0.5").startswith("RED: hard.no_cube_is_two_cubes: ")
    rows = json.loads((project.root / "specs/report.json").read_text())
    row = rows["hard.no_cube_is_two_cubes"]
    assert (row["holds"], row["attempts"]) == (False, 2)
    # A red row is not believed the next time either.
    assert "no_cube" in project.red("--check")


@needs_prover
def test_preconditions_that_nothing_meets_are_red(project: Project) -> None:
    nothing = SOUND.replace("pre: b >= 0", "pre: b < 0 and b > 0")
    project.contracts(nothing)
    assert "no small input makes it call" in project.red()
    project.contracts(IN_THE_PROVER, SOUND.replace("pre: b >= 0", "pre: not in_prover"))
    assert "vacuous" in project.red("--seconds", "0.5")


@needs_prover
def test_a_post_that_the_prover_does_not_report_is_red(project: Project) -> None:
    rebound = "if in_prover:\n    it_is_no_more_than_either = len\n"
    project.contracts(SOUND, IN_THE_PROVER, rebound)
    assert "1 posts declared and none reported" in project.red("--seconds", "10")


@needs_prover
def test_a_prover_that_runs_away_is_ended_and_red(project: Project) -> None:
    project.contracts(SOUND, IN_THE_PROVER + "while in_prover:\n    pass\n")
    found = project.red("--seconds", "0.1", "--grace", "0.5")
    assert found == "RED: tiny.it_is_no_more_than_either: ran away and was ended"


@needs_prover
def test_a_prover_that_takes_all_memory_is_red(project: Project) -> None:
    project.contracts(SOUND, IN_THE_PROVER + "heap = bytearray(in_prover * 16 * 2**30)\n")
    assert "none reported" in project.red("--seconds", "5")


@needs_prover
def test_an_allowed_contract_that_is_confirmed_is_red(project: Project) -> None:
    other = SOUND.replace("it_is_no_more", "it_is_not_more")
    project.contracts(SOUND, other)
    project.allow(
        '[[unconfirmed]]\nname = "tiny.it_is_not_more_than_either"\nreason = "hard"\n'
        'instead = ["tiny.it_is_no_more_than_either"]\n'
    )
    assert "confirmed by now; take it off" in project.red()


@needs_prover
def test_an_allowed_contract_with_a_counterexample_is_red(project: Project) -> None:
    project.contracts(SOUND, HARD.replace("!= c * c * c", "!= 6 * c"))
    project.allow(ALLOWED_HARD)
    assert "counterexample" in project.red()


# What the sources say by themselves, before any prover runs


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("pots: __return__ <= a", "is none of of, bound, pre, post, same"),
        ("Post: __return__ <= a", "is none of of, bound, pre, post, same"),
        ("post __return__ <= a", "is none of of, bound, pre, post, same"),
        ("post : __return__ <= a", "is none of of, bound, pre, post, same"),
        ("post[a]: __return__ <= a", "is none of of, bound, pre, post, same"),
        ("post:", "nothing behind `post:`"),
        ("pre:\n        post: __return__ <= a", "nothing behind `pre:`"),
        ("post: __return__ <= = a", "is no expression"),
        ("post: True", "does not speak of __return__"),
        ("post: __retrun__ <= a", "does not speak of __return__"),
        ("post: __return__ <= a\n    post: __return__ <= b", "2 lines `post:` instead of one"),
        ("post: __return__ == 7\n    raises: Exception", "confirms anything"),
        ("post: __return__ == 7\n    :raises Exception: always", "confirms anything"),
    ],
)
def test_a_mistyped_contract_is_red(project: Project, line: str, fault: str) -> None:
    project.contracts(post(line))
    for option in ("--check", "--all"):
        assert fault in project.red(option)


def test_a_contract_function_without_a_contract_is_red(project: Project) -> None:
    project.contracts(SOUND, "\ndef nothing_is_said(a: int) -> int:\n    return least(a, a)\n")
    found = project.red("--check")
    assert "tiny.nothing_is_said: 0 lines `post:` instead of one" in found


def test_a_function_of_the_reference_without_a_contract_is_red(project: Project) -> None:
    project.write("qfs/reference/tiny.py", REFERENCE + "\ndef most(a, b):\n    return a\n")
    project.contracts(SOUND)
    assert "qfs.reference.tiny.most has neither a contract nor an entry" in project.red("--check")


def test_an_unconfirmed_contract_is_none_for_its_function(project: Project) -> None:
    project.contracts(HARD)
    project.allow(ALLOWED_HARD)
    assert "qfs.reference.tiny.least has neither a contract" in project.red("--check")


def test_a_contract_on_what_does_not_exist_is_red(project: Project) -> None:
    project.contracts(SOUND.replace("tiny.least", "tiny.leats"))
    assert "there is no function qfs.reference.tiny.leats" in project.red("--check")


def test_a_contract_on_what_its_file_does_not_import_is_red(project: Project) -> None:
    project.write("qfs/reference/other.py", "def most(a, b):\n    return a\n")
    project.contracts(SOUND, SOUND.replace("tiny.least", "other.most").replace("def it", "def so"))
    assert "does not import the module of qfs.reference.other.most" in project.red("--check")


def test_a_contract_that_never_calls_what_it_names_is_red(project: Project) -> None:
    project.contracts(SOUND.replace("return least(a, b)", "return min(a, b)"))
    fault = "tiny.it_is_no_more_than_either: no small input makes it call qfs.reference.tiny.least"
    assert project.red() == f"RED: {fault}"


def test_a_contract_that_cannot_be_called_is_red(project: Project) -> None:
    project.contracts(SOUND, "\nraise OSError('no room')\n")
    assert project.red() == "RED: tiny: cannot be called: OSError: no room"
    project.contracts(SOUND, "\nwhile True:\n    pass\n")
    found = project.red("--seconds", "0.1", "--grace", "0.5")
    assert found == "RED: tiny: cannot be called: exit code -9"


def test_no_contracts_at_all_are_red(project: Project) -> None:
    assert "there are no contracts" in project.red("--check")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (ALLOWED_HARD.replace("two_cubes", "three"), "there is no contract tiny.no_cube_is_three"),
        (ALLOWED_HARD.replace("beyond the solver", ""), "needs instead, name, reason"),
        (ALLOWED_HARD.replace("either", "neither"), "is no confirmed contract"),
        (ALLOWED_HARD * 2, "stands twice"),
        (ALLOWED_HARD.replace("[[unconfirmed]]", "[[unconfrimed]]"), "unknown table"),
    ],
)
def test_an_entry_that_is_not_so_is_red(project: Project, entry: str, fault: str) -> None:
    project.contracts(SOUND, HARD)
    project.allow(entry)
    assert fault in project.red("--check")


@pytest.mark.parametrize(
    ("name", "checked", "fault"),
    [
        ("least", "tests/test_tiny.py::test_least", "least has a contract by now"),
        ("most", "tests/test_tiny.py::test_most", "there is no test"),
        ("most", "tests/test_none.py::test_least", "there is no test"),
        ("none", "tests/test_tiny.py::test_least", "there is no function"),
    ],
)
def test_an_entry_for_a_function_that_is_not_so_is_red(
    project: Project, name: str, checked: str, fault: str
) -> None:
    project.write("qfs/reference/tiny.py", REFERENCE + "\ndef most(a, b):\n    return a\n")
    project.write("tests/test_tiny.py", "def test_least():\n    pass\n")
    project.contracts(SOUND)
    project.allow(
        f'[[uncontracted]]\nname = "qfs.reference.tiny.{name}"\nreason = "c memory"\n'
        f'checked = "{checked}"\n'
    )
    assert fault in project.red("--check")


# Rows that are kept


@pytest.fixture
def proved(project: Project) -> Project:
    """A project with a kept row, as a proof would leave it."""
    if find_spec("crosshair") is None:
        pytest.skip("CrossHair is not installed")
    project.write("qfs/limits.py", "MOST = 7\n")
    project.write("qfs/reference/tiny.py", "from qfs.limits import MOST\n" + REFERENCE)
    project.contracts(SOUND)
    project.green("--seconds", "10")
    project.green("--check")
    return project


@pytest.mark.parametrize("path", ["qfs/limits.py", "qfs/reference/tiny.py"])
def test_a_row_older_than_what_it_speaks_of_is_red(proved: Project, path: str) -> None:
    file = proved.root / path
    file.write_text(file.read_text() + "\n# changed\n")
    assert "a file it speaks of changed; run `make prove`" in proved.red("--check")
    proved.green("--seconds", "10")
    proved.green("--check")


def test_a_file_that_is_not_spoken_of_makes_no_row_stale(proved: Project) -> None:
    proved.write("qfs/other.py", "MOST = 8\n")
    proved.green("--check")


def test_rows_missing_or_left_over_are_red(proved: Project) -> None:
    proved.contracts(SOUND, SOUND.replace("def it", "def so"))
    assert "tiny.so_is_no_more_than_either: no row" in proved.red("--check")
    proved.contracts(SOUND.replace("def it", "def so"))
    assert "it_is_no_more_than_either: a row without a claim" in proved.red("--check")


def test_a_report_that_was_written_over_is_red(proved: Project) -> None:
    report = proved.root / "specs/REPORT.md"
    report.write_text(report.read_text().replace("not above either", "above both"))
    assert "is not what its rows say" in proved.red("--check")
    report.unlink()
    assert "is not what its rows say" in proved.red("--check")
