"""What all tests share: both backends, the data folder, and one way to state an outcome.

The suite runs every test of an implementation on the reference and on the kernel; where QFS_BACKEND
names one of them, on that one alone. A kernel that is missing, or older than the sources beside it,
ends the run before the first test, unless QFS_BACKEND=reference says that the reference is meant.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.util
import io
import os
import pathlib
import re
import sys
import tokenize
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers

import qfs
from qfs import reference
from qfs.backend import _choose as chosen_backend

ROOT = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(os.environ.get("QFS_TEST_DATA") or ROOT.parent / "shared" / "data")
NAMED = os.environ.get("QFS_BACKEND")
REFERENCE_ONLY = NAMED == "reference"
BACKENDS = [
    *([] if NAMED == "kernel" else ["reference"]),
    *([] if REFERENCE_ONLY else [pytest.param("kernel", marks=pytest.mark.kernel)]),
]

# An example that fails is printed and not kept; what is kept lies in the project, wherever the
# tests were started.
hypothesis.configuration.set_hypothesis_home_dir(ROOT / ".hypothesis")
# Hypothesis also draws the constants of whichever modules of the project are loaded, so that the
# examples of one test would depend on which others run before it.
pytest.MonkeyPatch().setattr(providers, "_get_local_constants", lambda: providers._local_constants)
hypothesis.settings.register_profile(
    "fast", derandomize=True, deadline=None, max_examples=80, database=None
)
hypothesis.settings.register_profile(
    "deep", deadline=None, max_examples=1000, database=None, print_blob=True
)
if importlib.util.find_spec("hypothesis_crosshair_provider"):
    # A path may take a solver seconds; what it cannot follow it leaves out.
    hypothesis.settings.register_profile(
        "symbolic",
        backend="crosshair",
        deadline=None,
        max_examples=50,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
hypothesis.settings.load_profile("fast")


def _source_hash() -> str | None:
    """The hash of the kernel's sources beside the tests, as setup.py takes it; None without."""
    folder = ROOT / "qfs_kernel"
    if not folder.is_dir():
        return None
    sources = sorted(p for p in folder.iterdir() if p.suffix in (".pyx", ".pxd", ".h"))
    if not sources:
        return None
    return hashlib.sha256(b"\0".join(p.read_bytes() for p in sources)).hexdigest()[:16]


def pytest_configure(config: pytest.Config) -> None:
    if REFERENCE_ONLY:
        return
    try:
        from qfs import kernel

        kernel.check_build()
    except Exception as error:
        raise pytest.UsageError(
            f"the kernel cannot be loaded ({error}); build it, or set QFS_BACKEND=reference"
        ) from error
    built, expected = kernel.build_facts()["source_hash"], _source_hash()
    if expected not in (None, built):
        raise pytest.UsageError(
            f"the kernel was built from sources {built}, those beside the tests are {expected};"
            " build it again, or set QFS_BACKEND=reference"
        )


def pytest_report_header(config: pytest.Config) -> list[str]:
    chosen = qfs.backend()
    line = f"qfs: {chosen.name} ({chosen.reason}), threads {chosen.threads}"
    if REFERENCE_ONLY:
        line += "; the kernel is not tested"
    else:
        from qfs import kernel

        facts = ", ".join(f"{name} {fact}" for name, fact in kernel.build_facts().items())
        tested = "the kernel is tested" if NAMED == "kernel" else "reference and kernel are tested"
        line += f"; {tested}; kernel: {facts}"
    return [line, f"qfs data: {DATA if DATA.is_dir() else _absent_data()}"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not DATA.is_dir():
        terminalreporter.write_line(_absent_data())


def pytest_runtest_setup(item: pytest.Item) -> None:
    if REFERENCE_ONLY and item.get_closest_marker("kernel"):
        pytest.skip("QFS_BACKEND=reference")


def _absent_data() -> str:
    return f"no test data at {DATA} (QFS_TEST_DATA), the tests that read it are left out"


@pytest.fixture(scope="session")
def data() -> pathlib.Path:
    """The folder of published figures, which is no part of the project."""
    if not DATA.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{_absent_data()}, which CI does not allow")
        pytest.skip(_absent_data())
    return DATA


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The project's folder, where its sources lie beside the tests."""
    return ROOT


@pytest.fixture(scope="session", params=BACKENDS)
def implementation(request: pytest.FixtureRequest) -> Any:
    """The functions of one backend."""
    if request.param == "reference":
        return reference
    from qfs import kernel

    return kernel


@pytest.fixture(scope="session")
def kernel() -> Any:
    """The kernel's functions, for tests that compare or that turn its screws."""
    if REFERENCE_ONLY:
        pytest.skip("QFS_BACKEND=reference")
    from qfs import kernel

    return kernel


@pytest.fixture(scope="session")
def using_backend() -> Callable[[str], contextlib.AbstractContextManager[Any]]:
    """`with using_backend("reference"):` makes the API compute with that backend inside."""

    @contextlib.contextmanager
    def using(name: str) -> Iterator[Any]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("QFS_BACKEND", name)
            # What is asked for computes, however few the rows are.
            patch.setattr(sys.modules["qfs.backend"], "SMALL_ROWS", 0)
            chosen_backend.cache_clear()
            try:
                yield qfs.backend()
            finally:
                chosen_backend.cache_clear()

    return using


@pytest.fixture(params=BACKENDS)
def api_backend(request: pytest.FixtureRequest, using_backend: Any) -> Iterator[str]:
    """The API computes with each backend in turn."""
    with using_backend(request.param) as chosen:
        yield chosen.name


@pytest.fixture(scope="session")
def sliced() -> Callable[[int, int], contextlib.AbstractContextManager[None]]:
    """`with sliced(rows, threads):` cuts the kernel's passes small. The reference has none."""

    @contextlib.contextmanager
    def cut(rows: int, threads: int) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            if not REFERENCE_ONLY:
                from qfs import slices

                patch.setattr(slices, "SLICE_ROWS", rows)
                patch.setattr(slices, "threads", threads)
            yield

    return cut


@pytest.fixture(scope="session")
def outcome() -> Callable[..., tuple[Any, ...]]:
    """What a call comes to: its value in plain Python, or class, code, argument, index of its
    error. Two backends agree where these are equal."""

    def state(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, ...]:
        try:
            value = function(*arguments, **options)
        except qfs.QfsError as error:
            return ("error", type(error), error.code, error.argument, error.index)
        return ("value", plain(value))

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            return tuple(plain(getattr(value, f.name)) for f in dataclasses.fields(value))
        if isinstance(value, qfs.Column):
            return value.tolist()
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            return [plain(item) for item in value]
        return value

    return state


@pytest.fixture(scope="session")
def code_of() -> Callable[[pathlib.Path], str]:
    """A source of Python, Cython or C without its comments and texts."""

    def read(path: pathlib.Path) -> str:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".h":
            return re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", " ", text, flags=re.DOTALL)
        dropped = (tokenize.COMMENT, tokenize.STRING)
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return " ".join(token.string for token in tokens if token.type not in dropped)

    return read
