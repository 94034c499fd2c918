"""Fuzzing: the committed inputs hold everywhere, and libFuzzer finds no others for a while."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUZZ = ROOT / "specs" / "fuzz"
NAMES = ("columns", "tables", "proofs", "events", "documents", "texts")
MAX_FILES, MAX_BYTES = 400, 100 << 10
"""Of the whole corpus."""

RUNS = {
    "columns": 8000,
    "tables": 2500,
    "proofs": 2500,
    "events": 600,
    "documents": 10_000,
    "texts": 40_000,
}
"""Inputs, about ten seconds of each; a number and no time, so that every machine tries as many."""

RAN = re.compile(r"^\w+: ([0-9,]+) inputs", re.MULTILINE)


@pytest.fixture(scope="module")
def corpus() -> Path:
    """The committed inputs, which are made from the published vectors."""
    if not (ROOT / "specs" / "vectors").is_dir():
        pytest.skip("the vectors lie in the checkout, not in the wheel")
    return FUZZ / "corpus"


@pytest.mark.parametrize("name", NAMES)
def test_every_committed_input_holds(corpus: Path, name: str) -> None:
    """No input of the corpus hurts the oracle of its target."""
    from targets import TARGETS

    assert [*TARGETS] == [*NAMES]
    inputs = sorted((corpus / name).iterdir())
    assert inputs
    for path in inputs:
        TARGETS[name](path.read_bytes())


def test_the_corpus_is_small(corpus: Path) -> None:
    files = [path for path in corpus.rglob("*") if path.is_file()]
    assert len(files) < MAX_FILES
    assert sum(path.stat().st_size for path in files) < MAX_BYTES
    assert sorted({path.parent.name for path in files}) == sorted(NAMES)


@pytest.mark.slow
@pytest.mark.kernel
@pytest.mark.parametrize("name", NAMES)
def test_libfuzzer_finds_nothing_for_a_while(corpus: Path, name: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        absent = "atheris is not installed: pip install 'qfs[dev]'"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{absent}, which CI does not allow")
        pytest.skip(absent)
    command = [sys.executable, str(FUZZ), name, f"--runs={RUNS[name]}", "--seconds=300", "--seed=1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = RAN.search(done.stdout)
    assert found is not None, done.stdout
    assert int(found[1].replace(",", "")) >= RUNS[name]
