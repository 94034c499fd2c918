"""What is true of every implementation, whatever the numbers.

A law is a pure function of an implementation and of inputs within their bounds. It returns None
where it holds, and otherwise a sentence that says what is wrong and where. So one text serves a
prover, which asks for None, a test, which asserts it, and an auditor, which prints the sentence.
To audit a recorded result, hand over an implementation whose function answers with the record,
and ask `conserves` first: the other laws of allocation take one amount per row for granted.

Each law costs at most a sort of the rows, so that it can be run over a whole epoch.
"""

from qfs.laws.allocation import (
    ALLOCATION_LAWS,
    AllocationLaw,
    Case,
    conserves,
    fills_to_one_level,
    ignores_row_order,
    ignores_weight_unit,
    keeps_order,
    keeps_quota,
    leaves_only_what_nobody_can_take,
    pays_largest_remainders,
    pays_weight_alone,
    respects_caps,
    treats_equals_equally,
)
from qfs.laws.arithmetic import rounds_once
from qfs.laws.issuance import Batch, accounts_for_every_fee, ignores_batching, issues_the_floor
from qfs.laws.merkle import joins_ranges, proves_inclusion
from qfs.laws.merkle_sum import (
    lists_what_counts,
    no_ballot_holds_changed,
    proves_every_ballot,
    roots_sum_up,
)
from qfs.laws.scoring import (
    SCORE_LAWS,
    ScoreCase,
    ScoreLaw,
    gives_no_credit_without_evidence,
    keeps_scores_in_any_order,
    names_the_neutral,
    rises_with_each_numerator,
    scores_every_row,
    scores_one_for_full_ratios_alone,
    scores_rows_apart,
    scores_the_floor,
)
from qfs.laws.tally import (
    TALLY_LAWS,
    TallyCase,
    TallyLaw,
    accounts_for_every_ballot,
    caps_each_power,
    counts_a_batch_once,
    counts_first_ballots_alone,
    ignores_ballot_order,
    ignores_batches,
    rises_with_each_yes,
    stays_within_what_is_attainable,
    tallies_proposals_apart,
)

__all__ = [
    "ALLOCATION_LAWS",
    "SCORE_LAWS",
    "TALLY_LAWS",
    "AllocationLaw",
    "Batch",
    "Case",
    "ScoreCase",
    "ScoreLaw",
    "TallyCase",
    "TallyLaw",
    "accounts_for_every_ballot",
    "accounts_for_every_fee",
    "caps_each_power",
    "conserves",
    "counts_a_batch_once",
    "counts_first_ballots_alone",
    "fills_to_one_level",
    "gives_no_credit_without_evidence",
    "ignores_ballot_order",
    "ignores_batches",
    "ignores_batching",
    "ignores_row_order",
    "ignores_weight_unit",
    "issues_the_floor",
    "joins_ranges",
    "keeps_order",
    "keeps_quota",
    "keeps_scores_in_any_order",
    "leaves_only_what_nobody_can_take",
    "lists_what_counts",
    "names_the_neutral",
    "no_ballot_holds_changed",
    "pays_largest_remainders",
    "pays_weight_alone",
    "proves_every_ballot",
    "proves_inclusion",
    "respects_caps",
    "rises_with_each_numerator",
    "rises_with_each_yes",
    "roots_sum_up",
    "rounds_once",
    "scores_every_row",
    "scores_one_for_full_ratios_alone",
    "scores_rows_apart",
    "scores_the_floor",
    "stays_within_what_is_attainable",
    "tallies_proposals_apart",
    "treats_equals_equally",
]
