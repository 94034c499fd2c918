"""The native hot path of qfs: fixed-point functions over 16-byte columns.

It imports nothing from `qfs`. `qfs.kernel` gives these functions the reference's signatures and
turns their codes into errors. LIMITS and SPEC_VERSION are compared there with `qfs.limits`.
"""

from __future__ import annotations

# By module first, so that an unbuilt kernel is a module that was not found and nothing else.
from qfs_kernel.arithmetic import BUILD, LIMITS, SPEC_VERSION

from qfs_kernel import (  # isort: skip
    allocation,
    arithmetic,
    columns,
    export,
    issuance,
    merkle,
    merkle_sum,
    scoring,
    selection,
    tally,
)

__all__ = [
    "BUILD",
    "LIMITS",
    "SPEC_VERSION",
    "allocation",
    "arithmetic",
    "columns",
    "export",
    "issuance",
    "merkle",
    "merkle_sum",
    "scoring",
    "selection",
    "tally",
]
