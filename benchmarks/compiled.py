"""Peers that are compiled here: C with the processor's division, C with GMP, and Numba.

Each gives floors only and is checked against Python ints before it is timed. What cannot be
compiled or imported is named as missing.
"""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from qfs.bench import inputs
from qfs.bench.inputs import POOL
from qfs.bench.timing import Job

SOURCE = Path(__file__).with_name("peers.c")
SAMPLES = 1000


class _Cell(ctypes.Structure):
    _fields_ = (("lo", ctypes.c_uint64), ("hi", ctypes.c_uint64))


def allocation(rows: int) -> tuple[list[Job], list[str]]:
    """The jobs, and the names of what is missing here."""
    cells = inputs.cells(rows, inputs.WEI_BITS, "weights")
    weights = np.frombuffer(cells, dtype="<u8").reshape(rows, 2)
    amounts = np.zeros_like(weights)
    total = sum(inputs.integers(cells)) if rows <= SAMPLES else _total(weights)
    jobs, missing = [], []
    peers = {
        "C, the processor's division, floors only": _compiled("floors_hardware", []),
        "C, GMP, floors only": _compiled("floors_gmp", ["-DWITH_GMP", "-lgmp"]),
        "Numba, 32-bit limbs, floors only": _numba(),
    }
    for name, floors in peers.items():
        if floors is None:
            missing.append(name)
            continue
        run = _bound(floors, weights, total, amounts)
        run()
        _require_floors(weights[:SAMPLES], total, amounts[:SAMPLES], name)
        jobs.append(Job("allocate", name, rows, run))
    return jobs, missing


Floors = Callable[[Any, int, Any], object]


def _bound(floors: Floors, weights: Any, total: int, amounts: Any) -> Callable[[], object]:
    return lambda: floors(weights, total, amounts)


def _total(weights: Any) -> int:
    halves = [weights & 0xFFFFFFFF, weights >> 32]
    low, high = (half.sum(axis=0, dtype=np.uint64) for half in halves)
    return sum((int(low[i]) + (int(high[i]) << 32)) << 64 * i for i in range(2))


def _require_floors(weights: Any, total: int, amounts: Any, name: str) -> None:
    for (lo, hi), (low, high) in zip(weights.tolist(), amounts.tolist(), strict=True):
        if POOL * (hi << 64 | lo) // total != high << 64 | low:
            raise AssertionError(f"{name} is not exact")


def _cell(value: int) -> _Cell:
    return _Cell(value & (1 << 64) - 1, value >> 64)


def _compiled(function: str, options: list[str]) -> Floors | None:
    folder = Path(tempfile.mkdtemp(prefix="qfs-peers-"))
    library = folder / "peers.so"
    command = ["cc", "-O3", "-shared", "-fPIC", "-o", str(library), str(SOURCE), *options]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    call = getattr(ctypes.CDLL(str(library)), function)
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, _Cell, _Cell, ctypes.c_void_p]
    call.restype = None

    def floors(weights: Any, total: int, amounts: Any) -> None:
        call(weights.ctypes.data, len(weights), _cell(POOL), _cell(total), amounts.ctypes.data)

    return floors


def _numba() -> Floors | None:
    if importlib.util.find_spec("numba") is None:
        return None
    from limbs import floors as limb_floors

    def floors(weights: Any, total: int, amounts: Any) -> None:
        limb_floors(weights.view(np.uint32), _limbs(POOL), _limbs(total), amounts.view(np.uint32))

    return floors


def _limbs(value: int) -> Any:
    return np.frombuffer(value.to_bytes(16, "little"), dtype=np.uint32).astype(np.uint64)
