"""The definition: what every number means, as pure functions over integers, written to be read.

The kernel (`qfs_kernel`, worn by `qfs.kernel`) computes the same functions over columns, with the
same names, parameters and step headings.
"""

from qfs.reference.allocation import allocate
from qfs.reference.arithmetic import mul_div_many
from qfs.reference.balances import merge_add
from qfs.reference.columns import (
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
from qfs.reference.eligibility import assess
from qfs.reference.issuance import issue
from qfs.reference.merkle import inclusion_proof, range_root, root
from qfs.reference.merkle_sum import counted_ballots, sum_levels, sum_range_root, sum_root
from qfs.reference.scoring import score
from qfs.reference.tally import (
    collect_ballots,
    finish_tally,
    merge_ballots,
    tally,
    tally_many,
)

__all__ = [
    "allocate",
    "assess",
    "check_choices",
    "check_counts",
    "check_ids",
    "check_names",
    "check_ticks",
    "check_values",
    "collect_ballots",
    "counted_ballots",
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
