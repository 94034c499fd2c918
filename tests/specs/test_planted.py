"""The harness of planted bugs: every bug can be planted, and one that survives is red.

Each test of the harness makes a small project of one module, its tests, and bugs in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "specs" / "planted"

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)

pytestmark = pytest.mark.once

MODULE = """
def share(pool, parts):
    quota, left = divmod(pool, parts)
    return [quota + (part < left) for part in range(parts)]


def note():
    return "nobody looks at this"
"""

LAWS = """
def conserves(share, pool, parts):
    return None if sum(share(pool, parts)) == pool else "units are lost"
"""

TESTS = """
from qfs.laws.tiny import conserves
from qfs.tiny import share


def test_the_law():
    assert conserves(share, 7, 3) is None


def test_the_first():
    assert share(7, 3)[0] == 3
"""

LAYERS = """
order = ["law", "unit"]

[tiny]
law = "tests/test_tiny.py -k law"
unit = "tests/test_tiny.py -k first"
"""


def bug(name: str, old: str, new: str, **others: str) -> str:
    """A bug of the small project, as its file has it."""
    fields = {"id": name, "law": f"{name} is absent.", "area": "tiny", "file": "qfs/tiny.py"}
    fields |= {"old": old, "new": new, **others}
    return "[[bug]]\n" + "".join(f"{key} = {json.dumps(text)}\n" for key, text in fields.items())


LOST = bug("lost", "part < left", "part > parts")
TO_THE_LAST = bug("to-the-last", "part < left", "part >= parts - left")
UNSEEN = bug("unseen", "nobody looks at this", "nobody at all")
EXCUSED = bug("unseen", "nobody looks at this", "nobody at all", equivalent="It is a note.")


class Project:
    """A folder with one module, its laws and tests, and bugs for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in (
            ("qfs/__init__.py", ""),
            ("qfs/tiny.py", MODULE),
            ("qfs/laws/__init__.py", ""),
            ("qfs/laws/tiny.py", LAWS),
            ("tests/test_tiny.py", TESTS),
            ("specs/planted/layers.toml", LAYERS),
        ):
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def bugs(self, *entries: str) -> None:
        self.write("specs/planted/tiny.toml", "\n".join(entries))

    def rows(self) -> Any:
        return json.loads((self.root / "specs/planted/results.json").read_text())

    def harness(self, *options: str) -> tuple[int, str]:
        """Exit code and output of the harness."""
        command = [sys.executable, str(HARNESS), "--root", str(self.root), "--jobs", "1"]
        done = subprocess.run(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # The small project needs none of the plugins, which take most of the time.
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            check=False,
        )
        return done.returncode, done.stdout

    def red(self, *options: str) -> str:
        """What the harness finds wrong; it has to find something, and to say so by its code."""
        code, output = self.harness(*options)
        assert code == 1, output
        return "\n".join(line for line in output.splitlines() if line.startswith("RED: "))

    def green(self, *options: str) -> str:
        code, output = self.harness(*options)
        assert code == 0, output
        assert "RED" not in output
        return output


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def test_every_bug_of_this_project_can_be_planted() -> None:
    done = subprocess.run(
        [sys.executable, str(HARNESS), "--anchors"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_bug_is_caught_by_the_first_layer_that_can(project: Project) -> None:
    project.bugs(LOST, TO_THE_LAST)
    project.green()
    found = {name: (row["layer"], row["test"], row["law"]) for name, row in project.rows().items()}
    assert found == {
        "lost": ("law", "tests/test_tiny.py::test_the_law", "conserves"),
        "to-the-last": ("unit", "tests/test_tiny.py::test_the_first", ""),
    }
    page = (project.root / "specs/PLANTED.md").read_text()
    assert "**2 of 2 caught**" in page
    # The checkout itself is never touched.
    assert (project.root / "qfs/tiny.py").read_text() == MODULE
    assert project.green("--check") == "2 bugs, 0 faults\n"
    # What did not change is not run again.
    assert project.green() == "2 bugs, 0 faults\n"
    assert "lost: law" in project.green("lost")


@pytest.mark.slow
def test_what_caught_a_bug_is_asked_first(project: Project) -> None:
    def became(name: str, layer: str, test: str, *options: str) -> tuple[str, str]:
        rows = project.rows()
        rows[name] |= {"layer": layer, "test": f"tests/test_tiny.py::{test}"}
        project.write("specs/planted/results.json", json.dumps(rows))
        project.green(name, *options)
        row = project.rows()[name]
        return row["layer"], row["test"].rpartition("::")[2]

    project.bugs(LOST, TO_THE_LAST)
    project.green()
    # Both tests fail by this bug, and the one that is named stays.
    assert became("lost", "unit", "test_the_first") == ("unit", "test_the_first")
    assert became("lost", "unit", "test_the_first", "--search") == ("law", "test_the_law")
    # What does not catch it, or is not there, leaves the layers to be asked.
    assert became("to-the-last", "law", "test_the_law") == ("unit", "test_the_first")
    assert became("to-the-last", "unit", "test_of_old") == ("unit", "test_the_first")


@pytest.mark.slow
def test_a_survivor_is_red(project: Project) -> None:
    project.bugs(LOST, UNSEEN)
    assert "RED: unseen: survives: unseen is absent." in project.red()
    assert "unseen" in (project.root / "specs/PLANTED.md").read_text()
    assert "survives" in project.red("--check")


@pytest.mark.slow
def test_a_survivor_with_a_reason_counts_against_the_score_alone(project: Project) -> None:
    project.bugs(LOST, EXCUSED)
    assert project.red() == "RED: 1 of 2 are caught, fewer than 95%"
    assert "It is a note." in (project.root / "specs/PLANTED.md").read_text()


@pytest.mark.slow
def test_a_reason_for_what_is_caught_is_red(project: Project) -> None:
    project.bugs(LOST + 'equivalent = "Nobody counts."\n')
    assert "lost: is caught by tests/test_tiny.py::test_the_law" in project.red()


@pytest.mark.slow
def test_a_test_that_fails_by_itself_catches_nothing(project: Project) -> None:
    project.bugs(LOST)
    project.write("qfs/tiny.py", MODULE.replace("quota +", "1 + quota +"))
    assert "test_the_law fails without the bug too" in project.red()
    assert project.rows() == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("tests/test_tiny.py", "import nothing_of_this_name\n", "law ends with code 2"),
        ("tests/test_tiny.py", "def test_other():\n    pass\n", "law ends with code 5"),
    ],
)
def test_a_layer_that_says_nothing_is_red(
    project: Project, path: str, text: str, words: str
) -> None:
    project.bugs(LOST)
    project.write(path, text)
    assert words in project.red()


@pytest.mark.slow
def test_a_layer_that_does_not_end_is_ended_and_red(project: Project) -> None:
    project.bugs(bug("endless", "return [", "while True:\n        pass\n    return ["))
    assert "endless: law ends with code" in project.red("--seconds", "3")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (bug("gone", "part <= left", "part < left"), "stands in qfs/tiny.py 0 times"),
        (bug("twice", "return", "yield"), "stands in qfs/tiny.py 2 times"),
        (bug("no-file", "a", "b", file="qfs/none.py"), "there is no file qfs/none.py"),
        (bug("no-area", "part < left", "left", area="huge"), "there is no area huge"),
        (bug("same", "part < left", "part < left"), "it changes nothing"),
        (bug("short", "part < left", "left", law=""), "a field is empty"),
        (bug("more", "part < left", "left", why="so"), "it needs area, file"),
        (LOST + LOST, "lost: the id stands 2 times"),
        ("", "there are no bugs"),
    ],
)
def test_a_bug_that_cannot_be_planted_is_red(project: Project, entry: str, words: str) -> None:
    project.bugs(entry)
    for option in ("--anchors", "--check"):
        assert words in project.red(option)


@pytest.mark.slow
def test_rows_missing_or_left_over_are_red(project: Project) -> None:
    project.bugs(LOST)
    assert "lost: no row; run" in project.red("--check")
    project.green()
    project.bugs(TO_THE_LAST)
    found = project.red("--check")
    assert "lost: a row without a bug" in found
    assert "to-the-last: no row" in found


@pytest.mark.slow
@pytest.mark.parametrize("path", ["qfs/tiny.py", "tests/test_tiny.py", "specs/planted/tiny.toml"])
def test_a_row_older_than_what_it_speaks_of_is_red(project: Project, path: str) -> None:
    project.bugs(LOST)
    project.green()
    file = project.root / path
    file.write_text(file.read_text().replace("part > parts", "part > 9") + "\n# changed\n")
    assert "its file, its tests or it changed" in project.red("--check")
    project.green()
    project.green("--check")


@pytest.mark.slow
def test_a_page_that_was_written_over_is_red(project: Project) -> None:
    project.bugs(LOST)
    project.green()
    page = project.root / "specs/PLANTED.md"
    page.write_text(page.read_text().replace("1 of 1", "9 of 9"))
    assert "is not what its rows say" in project.red("--check")
