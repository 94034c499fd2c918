"""A plugin of pytest: a drawn example that fails is enough, and no smaller one is looked for."""

from __future__ import annotations

from hypothesis import Phase, settings


def pytest_configure() -> None:
    """The profile of the project, which its conftest.py has loaded by now, without shrinking."""
    phases = [phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)]
    settings.register_profile("first failure", phases=phases, report_multiple_bugs=False)
    settings.load_profile("first failure")
