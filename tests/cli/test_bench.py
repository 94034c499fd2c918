"""`qfs bench`: what is timed is exact, rounds are dropped by rule, and a lost path is noticed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from qfs import api, reference
from qfs.bench import gate, inputs, jobs, suites, timing
from qfs.bench.timing import Job, Timing
from qfs.cli.bench_chart import scaling_chart
from qfs.cli.root import run


def measured(group: str, name: str, seconds: float) -> Timing:
    made = Timing(Job(group, name, gate.ROWS, lambda: None))
    made.seconds = [seconds, seconds, 3 * seconds]
    return made


def test_the_loop_in_python_ints_is_the_reference() -> None:
    weights = inputs.integers(inputs.cells(500, inputs.WEI_BITS, "weights"))
    expected = reference.allocate(inputs.POOL, weights)
    assert jobs.allocate_ints(inputs.POOL, weights) == list(expected.amounts)
    assert jobs.allocate_ints(10, [1] * 4) == [3, 3, 2, 2]
    assert jobs.issue_ints(weights) == api.issue(weights, "0.10").issued
    columns = [[9, 10], [10, 10], [7, 7], [7, 8], [1, 0], [1, 5]]
    pairs = [(columns[i], columns[i + 1]) for i in (0, 2, 4)]
    assert jobs.score_ints(*columns) == api.score(*pairs).scores


@pytest.mark.parametrize("bits", [inputs.WEI_BITS, inputs.SMALL_BITS])
def test_inputs_are_the_same_everywhere_and_below_their_bound(bits: int) -> None:
    values = inputs.integers(inputs.cells(1000, bits, "weights"))
    assert len(values) == 1000
    assert 2 ** (bits - 3) < max(values) < 2**bits
    assert inputs.cells(1000, bits, "weights") == inputs.cells(1000, bits, "weights")
    assert inputs.cells(1000, bits, "weights") != inputs.cells(1000, bits, "fees")


def test_rounds_of_a_busy_processor_are_dropped() -> None:
    """A call that sleeps has the wall and not the processor."""
    slept, spun = timing.measure(
        [
            Job("a", "sleeps", 1, lambda: time.sleep(0.03)),
            Job("a", "computes", 1, lambda: sum(range(2_000_000))),
        ],
        rounds=2,
    )
    assert slept.seconds == []
    assert slept.dropped == timing.MOST_TRIES * 2
    assert 0 < spun.rounds <= timing.MOST_TRIES * 2


def test_every_job_runs_and_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "LEAST_CPU_SHARE", 0)
    chart = tmp_path / "scaling.svg"
    assert run(["bench", "--rows", "64", "--rounds", "1", "--json", "--chart", str(chart)]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    told = {(row["group"], row["name"], row["rows"]) for row in document["timings"]}
    for group, suite in suites.SUITES.items():
        assert {(group, job.name, 64) for job in suite(64)} <= told
    assert ">Python ints " in chart.read_text(encoding="utf-8")


def test_a_chart_of_nothing_says_so() -> None:
    assert "No round counts." in scaling_chart([], "allocate")


def test_a_lost_path_is_red() -> None:
    good = []
    for bound in gate.BOUNDS:
        good.append(measured(bound.group, bound.fast, 1.0))
        good.append(measured(bound.group, bound.slow, 1000.0))
    assert gate.faults(good) == []
    for place, bound in enumerate(gate.BOUNDS):
        slow = [*good]
        slow[2 * place] = measured(bound.group, bound.fast, 1000.0 / bound.least * 1.01)
        slow[2 * place + 1] = measured(bound.group, bound.slow, 1000.0)
        assert any(bound.fast in fault for fault in gate.faults(slow[2 * place : 2 * place + 2]))
    assert len(gate.faults([])) == len(gate.BOUNDS)
