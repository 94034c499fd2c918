"""The choice of a backend: made once from the environment, and said aloud."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

import qfs
from qfs.backend import Backend, _choose, _threads
from qfs.errors import BackendError, UnknownOptionError

NO_KERNEL = """
import sys

sys.modules["qfs_kernel"] = None
"""

OTHER_LIMITS = """
import qfs_kernel

qfs_kernel.LIMITS = {**qfs_kernel.LIMITS, %r: 5}
"""

OTHER_VERSION = """
import qfs_kernel

qfs_kernel.SPEC_VERSION = 2
"""

REPORT = """
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import qfs

    for _ in range(3):
        qfs.allocate(10, [1, 2])
        chosen = qfs.backend()
print(chosen.name, chosen.threads, len(caught))
for warning in caught:
    print(warning.category.__name__, warning.filename == "<string>", warning.message)
print(chosen.reason)
"""


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, in which nothing has been chosen yet."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("QFS_")}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, "PYTHONPATH": ":".join(filter(None, sys.path)), **environment},
    )


def reported(script: str, **environment: str) -> list[str]:
    done = run(script, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ["kernel 1 0", "the compiled kernel loaded"]),
        ({"QFS_BACKEND": ""}, ["kernel 1 0", "the compiled kernel loaded"]),
        ({"QFS_BACKEND": "auto", "QFS_THREADS": "3"}, ["kernel 3 0", "the compiled kernel loaded"]),
        ({"QFS_BACKEND": "kernel", "QFS_ISA": "baseline"}, ["kernel 1 0", "QFS_BACKEND=kernel"]),
    ],
)
def test_the_kernel_is_chosen_where_it_loads(
    environment: dict[str, str], expected: list[str]
) -> None:
    assert reported(REPORT, **environment) == expected


def test_the_reference_can_be_meant() -> None:
    expected = ["reference 1 0", "QFS_BACKEND=reference"]
    assert reported(REPORT, QFS_BACKEND="reference", QFS_THREADS="7") == expected
    # Then the kernel is not even looked for.
    assert reported(NO_KERNEL + REPORT, QFS_BACKEND="reference") == expected


def test_without_a_kernel_it_says_so_once() -> None:
    first, warning, reason = reported(NO_KERNEL + REPORT)
    assert first == "reference 1 1"
    # The warning points at the caller's line, and names reason and remedy.
    assert warning.startswith("FallbackWarning True qfs runs in pure Python")
    assert "QFS_BACKEND=reference" in warning
    assert reason.startswith("the kernel ")
    assert reason in warning


@pytest.mark.parametrize("first", ["qfs.allocate(1, [1])", "qfs.backend()", "column()"])
def test_the_warning_points_at_the_line_that_caused_it(first: str) -> None:
    script = """
    import warnings
    import qfs

    def column():
        qfs.mul_div([1], [1], [1])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        %s
    print(*[(w.filename, w.lineno) for w in caught])
    """
    found = reported(NO_KERNEL + textwrap.dedent(script) % first)
    line = 10 if first == "column()" else 14
    assert found == [f"('<string>', {line})"]


def test_a_kernel_that_was_asked_for_must_load() -> None:
    done = run(NO_KERNEL + "import qfs; qfs.allocate(1, [1])", QFS_BACKEND="kernel")
    assert done.returncode == 1
    assert "BackendError: QFS_BACKEND=kernel, but the kernel " in done.stderr


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("other", "said"),
    [
        (OTHER_LIMITS % "MAX_VALUE", "the kernel was built for MAX_VALUE = 5"),
        (OTHER_LIMITS % "MAX_OF_TOMORROW", "the kernel was built for MAX_OF_TOMORROW = 5"),
        (OTHER_VERSION, "the kernel computes spec version 2"),
    ],
)
def test_a_kernel_of_other_limits_is_refused(other: str, said: str) -> None:
    done = run(other + "import qfs; qfs.backend()", QFS_BACKEND="kernel")
    assert done.returncode == 1
    assert "BackendError" in done.stderr
    assert said in done.stderr
    first, warning, _ = reported(other + REPORT)
    assert first == "reference 1 1"
    assert said in warning


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QFS_BACKEND", "cython"),
        ("QFS_BACKEND", "Kernel"),
        ("QFS_BACKEND", "kernel "),
        ("QFS_ISA", "avx512"),
        ("QFS_THREADS", "0"),
        ("QFS_THREADS", "257"),
        ("QFS_THREADS", "-1"),
        ("QFS_THREADS", "two"),
        ("QFS_THREADS", "1.0"),
        ("QFS_THREADS", "1" * 5000),
        ("QFS_THREADS", "\u0662"),
    ],
)
def test_unknown_values_are_errors(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    # The choice itself, past the cache, so that what the session has chosen stays.
    with pytest.raises(UnknownOptionError) as caught:
        _choose.__wrapped__()
    assert (caught.value.code, caught.value.argument, caught.value.value) == ("option", name, value)


def test_threads_at_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads in (1, 256):
        monkeypatch.setenv("QFS_THREADS", str(threads))
        assert _threads() == threads


def test_the_choice_is_made_once(using_backend: Any) -> None:
    with using_backend("reference") as chosen:
        assert chosen == Backend("reference", "QFS_BACKEND=reference", "python", 1)
        assert qfs.backend() is chosen
        os.environ["QFS_BACKEND"] = "nonsense"
        assert qfs.backend() is chosen


@pytest.mark.kernel
def test_results_do_not_depend_on_the_environment() -> None:
    script = """
        import qfs
        weights = [(i * 7919) % 1009 + 2**90 for i in range(300_000)]
        r = qfs.allocate(10**30, weights, max_share="0.0000034")
        print(hash((tuple(r.amounts), r.undistributed, r.capped, r.cut)))
    """
    found = {
        tuple(reported(script, QFS_BACKEND=name, QFS_THREADS=threads))
        for name, threads in [("kernel", "1"), ("kernel", "4"), ("reference", "1")]
    }
    assert len(found) == 1


def test_an_error_of_the_choice_is_one_of_ours() -> None:
    assert issubclass(BackendError, RuntimeError)
    assert issubclass(qfs.FallbackWarning, RuntimeWarning)
