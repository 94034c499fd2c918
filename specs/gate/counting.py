"""A plugin of pytest: counts, for each test, the examples that ran to their end.

    pytest -p counting --counts=FILE ...

An example that `assume` rejects, or that Hypothesis cuts short, does not count. The examples of a
state machine are its runs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import stateful


class Counts:
    """What each test came to, by its id."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tests: dict[str, dict[str, Any]] = {}
        self.running: dict[str, Any] = {}

    def of(self, item: pytest.Item) -> dict[str, Any]:
        function = item.nodeid.partition("[")[0].split("::", 1)[1]
        start = {"function": function, "file": str(item.path), "outcome": "", "seconds": 0.0}
        return self.tests.setdefault(item.nodeid, {**start, "examples": None})

    def counted(self, test: Any) -> Any:
        """The test of one example, made to count itself."""
        inner: Callable[..., Any] = test.inner_test
        running = self.running
        running["examples"] = running.get("examples") or 0

        @functools.wraps(inner)
        def run(*arguments: Any, **options: Any) -> Any:
            result = inner(*arguments, **options)
            running["examples"] += 1
            return result

        test.inner_test = run
        return inner

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self.running = self.of(item)
        test = getattr(getattr(item, "obj", None), "hypothesis", None)
        inner = None if test is None else self.counted(test)
        make = stateful.get_state_machine_test

        def machine(*arguments: Any, **options: Any) -> Any:
            made = make(*arguments, **options)
            self.counted(made.hypothesis)
            return made

        stateful.get_state_machine_test = machine
        try:
            return (yield)
        finally:
            stateful.get_state_machine_test = make
            if test is not None:
                test.inner_test = inner

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Iterator[None]:
        report = yield
        found = self.of(item)
        if report.when == "call":
            found["seconds"] = report.duration
        if report.outcome != "passed" or report.when == "call":
            found["outcome"] = found["outcome"] or report.outcome
        for name, value in item.user_properties:
            found[name] = value
        return report

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        for item in items:
            self.of(item)["outcome"] = "deselected"

    def pytest_sessionfinish(self) -> None:
        self.path.write_text(json.dumps(list(self.tests.values())), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--counts", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Counts(config.getoption("--counts")), "counts")
