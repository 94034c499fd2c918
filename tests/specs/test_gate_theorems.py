"""The gate is red for a theory that leaves something unproved, and says so where Coq is absent.

Each test makes a small project: a theory of one function, and its Makefile.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GATE = ROOT / "specs" / "gate"
MAKEFILE = Path("specs", "proofs", "Makefile")

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)

pytestmark = pytest.mark.once

THEORY = """(** The least of two numbers, as `qfs.reference.tiny.least` gives it. *)

Definition least (a b : bool) : bool := andb a b.

Lemma helper a : andb a a = a.
Proof. destruct a; reflexivity. Qed.

(** The least of a number and itself
is that number. *)
Theorem least_of_the_same : forall a, least a a = a.
Proof. intros a. apply helper. Qed.
"""

REFERENCE = "def least(a, b):\n    return a and b\n"

CONTRACT = '''
from qfs.reference.tiny import least


def it_is_one_of_them(a: bool, b: bool) -> bool:
    """The least of two is one of them.

    of: qfs.reference.tiny.least
    post: __return__ in (a, b)
    """
    return least(a, b)
'''


@pytest.fixture
def needs_coq() -> None:
    """Coq is installed; in CI it has to be."""
    if shutil.which("coqc") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("not installed: coq (a package of Debian), which CI does not allow")
        pytest.skip("not installed: coq (a package of Debian)")


class Project:
    """A folder with a theory, and a gate that looks at it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("qfs/__init__.py", "")
        self.write("qfs/reference/__init__.py", "")
        self.write("qfs/reference/tiny.py", REFERENCE)
        self.write("specs/contracts/tiny.py", CONTRACT)
        self.write("specs/proofs/Tiny.v", THEORY)
        self.write(str(MAKEFILE), (ROOT / MAKEFILE).read_text(encoding="utf-8"))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, old: str, new: str) -> None:
        """In the theory, where it stands once."""
        assert THEORY.count(old) == 1
        self.write("specs/proofs/Tiny.v", THEORY.replace(old, new))

    def theorems(self, path: str | None = None) -> tuple[int, str]:
        """Exit code and output of the layer alone."""
        return self._run(GATE / "theorems.py", path=path)

    def gate(self, *options: str, path: str | None = None) -> tuple[int, str]:
        """Exit code and output of the gate."""
        return self._run(GATE, *options, path=path)

    def _run(self, script: Path, *options: str, path: str | None) -> tuple[int, str]:
        environment = dict(os.environ) if path is None else {**os.environ, "PATH": path}
        done = subprocess.run(
            [sys.executable, str(script), "--root", str(self.root), *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def rows(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "specs/report.json").read_text())
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def without_coq(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A search path on which make is found, and nothing of Coq."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("make", "timeout"):
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"no {name}")
        (folder / name).symlink_to(found)
    return str(folder)


def test_no_theory_leaves_anything_unproved() -> None:
    done = subprocess.run(
        [sys.executable, str(GATE / "theorems.py"), "--static"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.split()[0]) > 30


@pytest.mark.slow
@pytest.mark.usefixtures("needs_coq")
def test_a_theorem_is_proved_of_a_model(project: Project) -> None:
    code, output = project.theorems()
    assert (code, "1 theorems, 0 faults" in output) == (0, True), output
    project.gate("--layers", "theorem")
    row = project.rows()["Tiny.least_of_the_same"]
    assert row["word"] == "proved for all n (model)"
    assert row["statement"] == "The least of a number and itself is that number."
    assert row["of"] == ["qfs.reference.tiny.least"]
    assert (row["holds"], row["tool"].split()[0]) == (True, "Coq")


@pytest.mark.slow
@pytest.mark.usefixtures("needs_coq")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("apply helper. Qed.", "Admitted.", "Admitted stands in it"),
        ("(a b : bool) : bool := andb a b", "(a b : bool) : bool := orb a (negb b)", "compile"),
        (
            "Lemma helper a : andb a a = a.\nProof. destruct a; reflexivity. Qed.",
            "Hypothesis helper : forall a, andb a a = a.",
            "Axioms: Tiny.helper",
        ),
        (
            "Lemma helper a : andb a a = a.\nProof. destruct a; reflexivity. Qed.",
            "Axiom helper : forall a, andb a a = a.",
            "Axiom stands in it",
        ),
        # No theorem rests on it: only the check of the whole file sees it.
        ("Definition least", "Hypothesis other : False.\n\nDefinition least", "Tiny.other"),
        ("(** The least of a number and itself\nis that number. *)\n", "", "no comment"),
        ("is that number.", "is that number", "no comment"),
        ("tiny.least`", "tiny.most`", "there is no function qfs.reference.tiny.most"),
        (", as `qfs.reference.tiny.least` gives it", "", "does not say what it models"),
    ],
)
def test_what_is_not_proved_is_red(project: Project, old: str, new: str, words: str) -> None:
    project.change(old, new)
    code, output = project.theorems()
    assert code == 1, output
    assert any(words in line for line in output.splitlines() if line.startswith("RED: ")), output
    assert words in project.gate("--layers", "theorem")[1]


@pytest.mark.slow
@pytest.mark.usefixtures("needs_coq")
def test_a_changed_theory_makes_its_rows_stale(project: Project) -> None:
    project.gate("--layers", "theorem")
    assert "Tiny.least_of_the_same" not in project.gate("--check")[1]
    project.change("intros a.", "intros b.")
    assert "RED: Tiny.least_of_the_same: a file it speaks of changed" in project.gate("--check")[1]


@pytest.mark.slow
def test_without_coq_nothing_is_called_proved(project: Project, without_coq: str) -> None:
    code, output = project.theorems(path=without_coq)
    assert (code, output.strip()) == (77, "skipped, not installed: coq (packages of Debian)")
    code, output = project.gate("--layers", "theorem", path=without_coq)
    assert code == 1
    assert "RED: theorem: no row was written; not installed: coq" in output
    output = project.gate("--check", path=without_coq)[1]
    assert "RED: Tiny.least_of_the_same: no row" in output
