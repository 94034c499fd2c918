"""The kernel wearing the reference's signatures: same names, parameters, steps and errors.

Passes run over slices (`qfs.slices`) on QFS_THREADS threads; no result depends on how many.
"""

from qfs.kernel.allocation import allocate
from qfs.kernel.arithmetic import mul_div_many
from qfs.kernel.balances import merge_add
from qfs.kernel.build import build_facts, check_build, cpu_paths
from qfs.kernel.columns import (
    check_choices,
    check_counts,
    check_ids,
    check_names,
    check_ticks,
    check_values,
    export_cells,
    to_column,
    to_list,
)
from qfs.kernel.eligibility import assess
from qfs.kernel.issuance import issue
from qfs.kernel.merkle import inclusion_proof, range_root, root
from qfs.kernel.merkle_sum import counted_ballots, sum_levels, sum_range_root, sum_root
from qfs.kernel.scoring import score
from qfs.kernel.tally import (
    collect_ballots,
    finish_tally,
    merge_ballots,
    tally,
    tally_many,
)

__all__ = [
    "allocate",
    "assess",
    "build_facts",
    "check_build",
    "check_choices",
    "check_counts",
    "check_ids",
    "check_names",
    "check_ticks",
    "check_values",
    "collect_ballots",
    "counted_ballots",
    "cpu_paths",
    "export_cells",
    "finish_tally",
    "inclusion_proof",
    "issue",
    "merge_add",
    "merge_ballots",
    "mul_div_many",
    "range_root",
    "root",
    "score",
    "sum_levels",
    "sum_range_root",
    "sum_root",
    "tally",
    "tally_many",
    "to_column",
    "to_list",
]
