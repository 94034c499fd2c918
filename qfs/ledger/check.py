"""A check: one thing that was looked at, and how it stands. Needs nothing but Python."""

from __future__ import annotations

from typing import Literal, NamedTuple

Status = Literal["ok", "warn", "fail"]


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    status: Status
    text: str
