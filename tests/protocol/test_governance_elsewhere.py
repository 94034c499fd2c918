"""Outcomes that the public test suites of others publish, typed again as figures.

Where their rule is one that a ruleset can have, the verdict is theirs. Veto, delegation, thresholds
other than a majority and votes in fractions have no counterpart here and are left out.

    Cosmos SDK    cosmos/cosmos-sdk x/gov/keeper/tally_test.go at 34d27435, TestTally_Standard:
                  10,000,000 bonded; turnout is all that is counted; a no with veto that is too few
                  to veto is a no
    DAO DAO       DA0-DA0/dao-contracts packages/dao-testing/src/tests.rs at 0ee50ebe: a threshold
                  of a majority and a quorum of all that is counted; "open" is what can still turn
    OpenZeppelin  OpenZeppelin/openzeppelin-contracts at 00780408 and 0420d9a3,
                  test/governance/extensions: GovernorVotesQuorumFraction.test.js and
                  GovernorCountingFractional.test.js; 100 tokens, quorum of for and abstain
"""

from __future__ import annotations

import pytest

from qfs.protocol import verdict
from qfs.protocol.governance_rules import (
    ALL_COUNTED,
    FOR_AND_ABSTAIN,
    MAX_QUORUM,
    MIN_QUORUM,
)
from qfs.protocol.verdict import Powers, Terms

PERCENT = 10**16
BONDED = 10_000_000

COSMOS = [
    ("no votes", Powers(0, 0, 0), False),
    ("one validator votes", Powers(0, 1_000_000, 0), False),
    ("one account votes without delegation", Powers(0, 0, 0), False),
    ("one delegator votes", Powers(42, 0, 0), False),
    ("one delegator and the validator vote yes", Powers(1_000_000, 0, 0), False),
    ("one delegator votes yes, the validator no", Powers(42, 999_958, 0), False),
    ("delegator with mixed delegations", Powers(1_000_021, 999_979, 1_000_000), False),
    ("only abstain", Powers(0, 0, 4_000_000), False),
    ("yes <= .5", Powers(2_000_000, 2_000_000, 0), False),
    ("yes > .5", Powers(4_000_000, 3_000_000, 0), True),
    ("quorum reached thanks to abstain", Powers(2_000_000, 1_000_000, 3_000_000), True),
]

DAO_DAO = [
    # Quorum in percent, total, what was cast, and what they say it is then.
    ("test_pass_threshold_not_quorum", 60, 100, Powers(59, 0, 0), "open"),
    ("test_pass_threshold_not_quorum", 60, 100, Powers(0, 59, 0), "rejected"),
    ("test_pass_exactly_quorum", 60, 100, Powers(60, 0, 0), "passed"),
    ("test_pass_exactly_quorum", 60, 100, Powers(59, 1, 0), "passed"),
    ("test_pass_exactly_quorum", 60, 100, Powers(0, 60, 0), "rejected"),
    # A quorum of a majority of 20 is 11, which 0.51 of it is too.
    ("test_majority_vs_half", 51, 20, Powers(10, 10, 0), "rejected"),
    ("test_majority_vs_half, already rejected", 51, 20, Powers(0, 10, 0), "rejected"),
    *(
        ("test_vote_abstain_only", quorum, 2**64 - 1, Powers(0, 0, 2**64 - 1), "rejected")
        for quorum in range(51, 91)
    ),
]

OPEN_ZEPPELIN = [
    # Quorum in percent of 100 tokens. Below what a ruleset may have; the comparison is the same.
    ("quorum reached", 8, Powers(10, 0, 0), None),
    ("quorum not reached", 8, Powers(7, 0, 0), "NO_QUORUM"),
    ("nominal is unaffected", 10, Powers(17, 5, 2), None),
]


@pytest.mark.parametrize(("case", "cast", "passes"), COSMOS, ids=[case[0] for case in COSMOS])
@pytest.mark.parametrize("quorum", [51, 60])
def test_outcomes_of_cosmos(case: str, cast: Powers, passes: bool, quorum: int) -> None:
    """With the lowest quorum there may be, and with the turnout of their last case to the unit."""
    terms = Terms(BONDED, BONDED, quorum * PERCENT, ALL_COUNTED, 10, 0, 1, False)
    assert (verdict.failure(terms, cast) is None) == passes


def test_nothing_bonded_cannot_be_voted_on() -> None:
    """Theirs fails; here it is refused before, and fails where it is asked nevertheless."""
    terms = Terms(0, 0, 51 * PERCENT, ALL_COUNTED, 10, 0, 1, False)
    assert verdict.failure(terms, Powers()) == "TIE"


@pytest.mark.parametrize(
    ("case", "quorum", "total", "cast", "status"),
    DAO_DAO,
    ids=[f"{case[0]} {case[1]} {case[4]}" for case in DAO_DAO],
)
def test_outcomes_of_dao_dao(case: str, quorum: int, total: int, cast: Powers, status: str) -> None:
    """Theirs is decided as soon as nothing can turn it, as an emergency is here."""
    assert MIN_QUORUM <= quorum * PERCENT <= MAX_QUORUM
    terms = Terms(total, total, quorum * PERCENT, ALL_COUNTED, 10, 0, 1, True)
    assert verdict.is_certain(terms, cast) == (status != "open")
    found = verdict.outcome(terms, [(3, cast)], 4, executed=False, cancelled=False)
    assert found.state == {"open": "ACTIVE", "passed": "PASSED", "rejected": "REJECTED"}[status]


@pytest.mark.parametrize(
    ("case", "quorum", "cast", "reason"), OPEN_ZEPPELIN, ids=[case[0] for case in OPEN_ZEPPELIN]
)
def test_outcomes_of_openzeppelin(case: str, quorum: int, cast: Powers, reason: str | None) -> None:
    terms = Terms(100, 100, quorum * PERCENT, FOR_AND_ABSTAIN, 10, 0, 1, False)
    assert verdict.failure(terms, cast) == reason
