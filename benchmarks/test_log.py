"""The log: events appended in batches of 1, 1,000 and 10,000, and read and verified.

    make bench

Both databases bring every batch to disk before it counts, so that small batches measure the
disk. An event has a payload of three fields and a body of about 150 bytes.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qfs.ledger.log import Entry, create_log, open_log, verify

BATCHES = [1, 1_000, 10_000]
READ_EVENTS = 20_000


def postgres_server() -> Any:
    """The helper of the tests, which lies beside them."""
    path = Path(__file__).parents[1] / "tests" / "ledger" / "postgres_server.py"
    spec = importlib.util.spec_from_file_location("postgres_server", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    module = postgres_server()
    reason = module.absent()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, which CI does not allow")
        pytest.skip(reason)
    with module.running(fsync=True) as running:
        running.owner, running.application = module.OWNER, module.APPLICATION
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new empty log."""
    if request.param == "sqlite":
        create_log(tmp_path / "log", {})
        return str(tmp_path / "log")
    server = request.getfixturevalue("server")
    server.empty_database("log")
    create_log(server.url("log", server.owner), {}, application_role=server.application)
    url: str = server.url("log")
    return url


def entries(count: int) -> list[Entry]:
    return [Entry("node.reported", 7, {"n": n, "table": "ab" * 32, "x": "y"}) for n in range(count)]


@pytest.mark.parametrize("batch", BATCHES)
def test_append(benchmark: Any, place: str, batch: int) -> None:
    benchmark.group = f"append a batch of {batch:,}"
    given = entries(batch)
    rounds = itertools.count(1)
    with open_log(place, writer="benchmark") as log:

        def append() -> int:
            log.append(given)
            return next(rounds)

        benchmark(append)
        if benchmark.stats is not None:
            benchmark.extra_info["events_per_second"] = round(batch / benchmark.stats["mean"])
        assert log.size() == batch * (next(rounds) - 1)


def test_read_and_verify(benchmark: Any, place: str) -> None:
    benchmark.group = f"read and verify {READ_EVENTS:,}"
    with open_log(place, writer="benchmark") as log:
        log.append(entries(READ_EVENTS))
    with open_log(place) as log:
        assert benchmark(verify, log).size == READ_EVENTS
    if benchmark.stats is not None:
        benchmark.extra_info["events_per_second"] = round(READ_EVENTS / benchmark.stats["mean"])
