"""Run with an installed qfs that has no kernel: it says so once, refuses QFS_BACKEND=kernel, and
computes the same. With the argument "kernel" it is told that the kernel is demanded."""

from __future__ import annotations

import sys
import warnings

import qfs
from qfs.errors import BackendError

if sys.argv[1:] == ["kernel"]:
    try:
        qfs.backend()
    except BackendError as error:
        print(f"ok: QFS_BACKEND=kernel is refused: {error}")
        sys.exit()
    sys.exit("FAILED: QFS_BACKEND=kernel was accepted without a kernel")

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    chosen = qfs.backend()
    shared = qfs.allocate(10, [1, 1, 1])
    qfs.backend()

assert chosen.name == "reference", chosen
assert "the kernel is not built" in chosen.reason, chosen
assert len(caught) == 1, [str(one.message) for one in caught]
assert issubclass(caught[0].category, RuntimeWarning), caught[0].category
assert chosen.reason in str(caught[0].message), str(caught[0].message)
assert shared.amounts == [4, 3, 3], shared
assert qfs.allocate(1000, [90, 5, 5], max_share="0.30").amounts == [300, 300, 300]
print(f"ok: pure Python computes, after one {caught[0].category.__name__}: {chosen.reason}")
