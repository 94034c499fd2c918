"""The table of requirements points to what there is, and is the one that its source makes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "qfs").is_dir():
    pytest.skip("no sources beside the tests", allow_module_level=True)

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_matrix", Path(__file__).with_name("make_matrix.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_row_points_to_what_there_is(matrix: ModuleType) -> None:
    assert matrix.problems(matrix.rows()) == []


def test_the_page_is_the_one_that_its_source_makes(matrix: ModuleType) -> None:
    page = matrix.TARGET.read_text(encoding="utf-8")
    assert page == matrix.render(matrix.rows()), "run python tests/specs/make_matrix.py"


PAGES = [*ROOT.glob("docs/*.md"), *ROOT.glob("specs/*.md"), ROOT / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(matrix: ModuleType, page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, part = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not part or part in matrix.headings(file.resolve()), target


def test_every_test_that_a_document_names_exists() -> None:
    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("specs/equivalence/*.py")]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    defined = {*re.findall(r"def (test_\w+)", sources)}
    for page in PAGES:
        named = {*re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
        assert sorted(named - defined) == [], page.name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": ["qfs/nothing.py::f"]}, "there is no file qfs/nothing.py"),
        ({"code": ["qfs/api.py::nothing"]}, "qfs/api.py has no nothing"),
        ({"code": ["qfs/api.py"]}, "qfs/api.py has no symbol"),
        ({"tests": ["tests/test_api.py::test_nothing"]}, "tests/test_api.py has no test_nothing"),
        ({"tests": ["qfs/api.py::allocate"]}, "qfs/api.py::allocate is no test"),
        ({"evidence": ["docs/nothing.md"]}, "there is no file docs/nothing.md"),
        ({"evidence": ["specs/vectors/v1.json#nothing"]}, "specs/vectors/v1.json has no nothing"),
        ({"evidence": ["docs/log.md#nothing"]}, "docs/log.md has no heading nothing"),
        ({"evidence": []}, "is done without evidence"),
        ({"spec": "99"}, "the specification has no section 99"),
        ({"reason": "none"}, "a row has a reason if it is open, and only then"),
        ({"state": "open"}, "a row has a reason if it is open, and only then"),
        ({"state": "perhaps"}, "state perhaps"),
    ],
)
def test_a_row_that_points_to_nothing_is_found(
    matrix: ModuleType, changes: dict[str, Any], words: str
) -> None:
    listed = matrix.rows()
    assert listed[0]["state"] == "done"
    listed[0] |= changes
    (problem,) = matrix.problems(listed)
    assert problem.startswith("1.1: ")
    assert words in problem


@pytest.mark.slow
def test_a_missing_or_repeated_requirement_is_found(matrix: ModuleType) -> None:
    listed = matrix.rows()
    for index, row in enumerate(listed):
        assert matrix.problems(listed[:index] + listed[index + 1 :]) == [f"{row['id']} is missing"]
    assert len(matrix.problems([*listed, listed[-1]])) == 1
    assert len(matrix.problems(listed[::-1])) == 1
