"""What is fuzzed: for each entry point a function of bytes that raises where its oracle is hurt."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from targets import columns, documents, events, proofs, tables, texts

Target = Callable[[bytes], None]


def _watched(target: Target) -> Target:
    """The target, which also raises where an exception was printed since nobody could catch it."""

    @functools.wraps(target)
    def run(data: bytes) -> None:
        faults: list[Any] = []
        before, sys.unraisablehook = sys.unraisablehook, faults.append
        try:
            target(data)
        finally:
            sys.unraisablehook = before
        assert not faults, f"{faults[0].exc_value!r} in {faults[0].object}"

    return run


TARGETS: Final[dict[str, Target]] = {
    "columns": _watched(columns.target),
    "tables": _watched(tables.target),
    "proofs": _watched(proofs.target),
    "events": _watched(events.target),
    "documents": _watched(documents.target),
    "texts": _watched(texts.target),
}
