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
    ballots = [[1, 0, 2, 1], [2, 0, 2, 1], [3, 0, 1, 2]]
    found = api.tally(ballots[0], weights[:3], ballots[1], ballots[2])
    assert jobs.tally_ints(*ballots, weights[:3]) == [found.no, found.yes, found.abstain]
    leaves = [b"%d" % number for number in range(13)]
    assert jobs.root_by_hashlib(leaves) == reference.root(leaves)


@pytest.mark.parametrize("bits", [inputs.WEI_BITS, inputs.SMALL_BITS])
def test_inputs_are_the_same_everywhere_and_below_their_bound(bits: int) -> None:
    values = inputs.integers(inputs.cells(1000, bits, "weights"))
    assert len(values) == 1000
    assert 2 ** (bits - 3) < max(values) < 2**bits
    assert inputs.cells(1000, bits, "weights") == inputs.cells(1000, bits, "weights")
    assert inputs.cells(1000, bits, "weights") != inputs.cells(1000, bits, "fees")


def test_more_rows_than_can_be_made_are_left_out_and_named() -> None:
    told: list[str] = []
    found = suites.run(("root",), [10**7 + 1], 1, told.append)
    assert found == ([], ["root, 10,000,001 rows: at most 10,000,000 are timed"])
    assert told == []


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
    assert len(slept.dropped) == timing.MOST_TRIES * 2
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


@pytest.mark.parametrize("place", range(len(gate.BOUNDS) + 1))
def test_a_lost_path_is_red(place: int) -> None:
    bounds = [*gate.BOUNDS, gate.LANES]
    bound = bounds[place]
    for factor, is_red in ((1.01, False), (0.99, True)):
        timings = [
            measured(bound.group, bound.fast, 1.0),
            measured(bound.group, bound.slow, bound.least * factor),
        ]
        faults = gate.faults(timings, "avx512ifma")
        assert any(f"{bound.slow} takes" in fault for fault in faults) is is_red
    assert len(gate.faults([], "avx512ifma")) == len(bounds)
    assert len(gate.faults([], "baseline")) == len(gate.BOUNDS)


def test_rounds_that_do_not_count_tell_of_a_lost_path_too() -> None:
    busy = Timing(Job("root", "qfs", gate.ROWS, lambda: None), dropped=[1.0, 5.0])
    loop = Timing(Job("root", "hashlib", gate.ROWS, lambda: None), dropped=[2.1, 9.0])
    assert not any("hashlib" in fault for fault in gate.faults([busy, loop], "baseline"))
