"""The gate is red for what a lemma can say falsely, as `test_gate` has it for contracts.

Each test makes a small project: a lemma with a hint, and a step that names it.
"""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROOFS = ROOT / "specs" / "proofs"

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)
if find_spec("z3") is None:
    pytest.skip("z3 is not installed", allow_module_level=True)

# Most tests start a gate of their own, which takes seconds.
pytestmark = [pytest.mark.slow, pytest.mark.once]

LEMMAS = '''
from lemma import Statement, hint, lemma


@hint
def a_product_grows(a, b, c):
    """A product grows with its factor."""
    return Statement(
        given={"order": a <= b, "by": c >= 0},
        then=a * c <= b * c,
        canaries={"by a negative number": {"by": c >= -1}},
    )


@lemma
def a_larger_number_has_a_larger_square(a, b):
    """The square of the larger of two numbers is no smaller."""
    return Statement(
        given={"order": [a >= 0, a <= b]},
        then=a * a <= b * b,
        canaries={"of any numbers": {"order": a <= b}},
        hints=[a_product_grows(a, b, a), a_product_grows(a, b, b)],
    )
'''

STEP = """
/* Squares are compared and not the numbers
 * (lemma tiny.a_larger_number_has_a_larger_square). */
"""

CRASH = '    assert a is None\n    return Statement(\n        given={"order": [a'
BACK = """given={"order": a <= b, "by": c >= 0},
        hints=[a_larger_number_has_a_larger_square(a, b)],"""

NAME = "lemma/tiny.a_larger_number_has_a_larger_square"


OF_CONTRACTS = runpy.run_path(str(Path(__file__).with_name("test_gate.py")))


@pytest.fixture
def project(tmp_path: Path) -> Any:
    """A sound contract, so that nothing else is red, and what proves lemmas."""
    made = OF_CONTRACTS["Project"](tmp_path)
    made.contracts(OF_CONTRACTS["SOUND"])
    made.write("specs/proofs/tiny.py", LEMMAS)
    made.write("qfs_kernel/tiny.h", STEP)
    for name in ("__main__", "lemma", "solving"):
        shutil.copy(PROOFS / f"{name}.py", tmp_path / "specs" / "proofs")
    return made


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of `specs/proofs` that prove a lemma."""
    monkeypatch.syspath_prepend(str(PROOFS))
    import lemma
    import solving

    return lemma, solving


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The gate's module of this layer."""
    monkeypatch.syspath_prepend(str(ROOT / "specs" / "gate"))
    import solved

    return solved


def test_a_lemma_is_green_kept_and_shown(project: Any) -> None:
    output = project.green("--layers", "lemma")
    assert f"{NAME}: proved, 2 canaries refuted" in output
    row = json.loads((project.root / "specs/report.json").read_text())[NAME]
    assert (row["word"], row["reach"]) == ("proved for all inputs", "2 canaries refuted")
    assert row["tool"].startswith("z3 ")
    assert row["of"] == ["qfs_kernel/tiny.h"]
    # What did not change is not proved again.
    assert "proved" not in project.green("--layers", "lemma")


@pytest.mark.parametrize(
    ("text", "other", "fault"),
    [
        ("then=a * a <= b * b", "then=a * a < b * b", "not proved: a*a < b*b: false for"),
        ("[a >= 0, a <= b]", "[a >= 0, a <= b, b < 0]", "nothing is seen to meet: there is none"),
        (
            '{"order": a <= b}}',
            '{"order": [a >= 1, a <= b]}}',
            "canary 'of any numbers' is not refuted: there is none",
        ),
        (
            '{"order": [a >= 0, a <= b]}',
            '{"order": [a >= 0, a <= b], "idle": b >= 0}',
            "canary \"without 'idle'\" is not refuted: there is none",
        ),
        (
            "then=a * c <= b * c",
            "then=a * c < b * c",
            "its hint tiny.a_product_grows does not hold",
        ),
        (
            "a_product_grows(a, b, a),",
            "a_product_grows(b, a, a),",
            "hint tiny.a_product_grows: its 'order' does not follow",
        ),
        (
            'given={"order": a <= b, "by": c >= 0},',
            BACK,
            "circular: tiny.a_larger_number_has_a_larger_square needs tiny.a_product_grows needs ",
        ),
        ('{"order": a <= b}}', '{"ordre": a <= b}}', "there is no part 'ordre'"),
        ('canaries={"of any numbers": {"order": a <= b}}', "canaries={}", "no canary"),
        (
            '    return Statement(\n        given={"order": [a',
            CRASH,
            "not looked at: AssertionError",
        ),
    ],
)
def test_a_lemma_that_shows_nothing_is_red(project: Any, text: str, other: str, fault: str) -> None:
    assert LEMMAS.count(text) == 1
    project.write("specs/proofs/tiny.py", LEMMAS.replace(text, other))
    found = project.red("--layers", "lemma").splitlines()
    assert [line for line in found if line.startswith(f"RED: {NAME}: ") and fault in line], found


def test_a_lemma_that_the_solver_does_not_decide_is_red(project: Any) -> None:
    solving = project.root / "specs/proofs/solving.py"
    text = solving.read_text()
    assert text.count("STEPS = 30_000_000") == 1
    solving.write_text(text.replace("STEPS = 30_000_000", "STEPS = 30_000"))
    changed = LEMMAS.replace("(a, b):", "(a, b, c):")
    changed = changed.replace("[a >= 0, a <= b]", "[a > 0, b > 0, c > 0]")
    changed = changed.replace("then=a * a <= b * b", "then=a * a * a + b * b * b != c * c * c")
    changed = changed.replace("hints=[a_product_grows(a, b, a), a_product_grows(a, b, b)],", "")
    project.write("specs/proofs/tiny.py", changed)
    found = project.red("--layers", "lemma")
    assert f"{NAME}: not proved: a*a*a + b*b*b != c*c*c: unknown" in found


@pytest.mark.parametrize(
    ("text", "other", "fault"),
    [
        (
            '    """The square of the larger of two numbers is no smaller."""\n',
            "",
            f"{NAME}: no sentence says what holds",
        ),
        ("@hint", "@lemma", "lemma/tiny.a_product_grows: no step names it"),
    ],
)
def test_a_lemma_without_a_sentence_or_a_step_is_red(
    project: Any, text: str, other: str, fault: str
) -> None:
    project.write("specs/proofs/tiny.py", LEMMAS.replace(text, other))
    assert fault in project.red("--check")


@pytest.mark.parametrize("place", ["qfs_kernel/tiny.h", "docs/tiny.md", "qfs/reference/tiny.py"])
def test_a_step_that_names_no_lemma_is_red(project: Any, place: str) -> None:
    project.write("qfs_kernel/tiny.h", STEP)
    text = (project.root / place).read_text() if (project.root / place).exists() else ""
    project.write(place, text + "\n# (lemmas tiny.a_product_grows, tiny.a_lost_one)\n")
    assert f"{place}: there is no lemma tiny.a_lost_one" in project.red("--check")


@pytest.mark.parametrize("path", ["tiny", "helper", "lemma", "solving", "__main__"])
def test_a_lemma_older_than_what_proves_it_is_red(project: Any, solved: Any, path: str) -> None:
    project.write("specs/proofs/helper.py", "")
    project.write("specs/proofs/tiny.py", LEMMAS + "\nimport helper\n")
    files = solved.key_files(project.root, project.root / "specs/proofs/tiny.py")
    assert project.root / "specs/proofs" / f"{path}.py" in files


def test_names_are_read_across_the_lines_of_a_comment(solved: Any) -> None:
    text = """
/* The rest is small (lemma a.b), and settled
 * (lemmas a.c, a.d,
 * a.e). No name: (lemmas of a.py), a.f, lemma 1.
 */
    # As in (lemma
    # a.g). Written `lemma a.k`, or lemmas `a.i` and `a.j`.
"""
    assert solved.names_of(text) == ["a.b", "a.c", "a.d", "a.e", "a.g", "a.k", "a.i", "a.j"]


def test_what_the_solver_says_is_computed_again(proofs: Any) -> None:
    """z3's remainder of a negative divisor is not Python's, so that both disagree here."""
    lemma, solving = proofs

    def remainders_differ(a: Any, b: Any) -> Any:
        "A remainder."
        return lemma.Statement(
            given={"negative": b < 0, "rest": a % b == 1},
            then=a % b > 0,
            canaries={"of a positive one": {"negative": b > 1, "then": a % b > 1}},
        )

    found = solving.check(lemma.lemma(remainders_differ))
    assert found.example == {}
    assert "} does not meet the hypotheses, as z3 says" in found.faults[0]

    def canaries_differ(a: Any, b: Any) -> Any:
        "A remainder."
        return lemma.Statement(
            given={"positive": b > 0, "rest": a % b == 1},
            then=a % b > 0,
            canaries={"of a negative one": {"positive": b < 0, "then": a % b != 1}},
        )

    found = solving.check(lemma.lemma(canaries_differ))
    assert "of a negative one" not in found.refuted
    assert "} does not refute it, as z3 says" in found.faults[0]


def test_the_same_question_has_the_same_answer(proofs: Any) -> None:
    """Whatever was asked before, since witnesses are shown and compared."""
    solving = proofs[1]
    import levels
    import verdicts

    first = solving.check(verdicts.the_least_turnout_is_rounded_up)
    solving.check(levels.a_capped_row_stays_capped)
    solving.check.cache_clear()
    again = solving.check(verdicts.the_least_turnout_is_rounded_up)
    assert (again.example, again.refuted) == (first.example, first.refuted)
    assert first.refuted.keys() == {
        "rounded down",
        "above it",
        "without 'needed'",
    }
    assert not first.faults


def test_the_readme_counts_lemmas_apart(project: Any) -> None:
    project.green("--layers", "lemma")
    code, lines = project.gate("--summary")
    assert code == 0
    assert len(lines.splitlines()) == 4
    assert lines.startswith("- 0 statements on the pure-Python reference")
    assert "2 lemmas of arithmetic" in lines.splitlines()[0]


def test_the_command_names_what_it_does_not_find() -> None:
    command = [sys.executable, str(PROOFS), "verdicts.the_least_turnout_is_rounded_up"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 lemmas, 0 faults")
    command[-1] = "verdicts.nothing"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("no lemma or module verdicts.nothing; the modules are inequal")
