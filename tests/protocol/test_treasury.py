"""TreasuryEngine: numbers by hand, boundaries, and that no fraction of a fee is ever lost."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs.backend import Implementation
from qfs.certified import CertifiedMath
from qfs.errors import (
    NullValueError,
    OutOfRangeError,
    QfsError,
    ResultOverflowError,
    TreasuryError,
    WrongTypeError,
)
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.protocol.ruleset import MAX_ISSUANCE_RATE, MIN_ISSUANCE_RATE, Ruleset
from qfs.protocol.tokens import RewardBundle
from qfs.protocol.treasury import TreasuryEngine
from qfs.reference import issuance
from qfs.traces import document_of, replay

ONE = 10**18
GIVEN = {
    "s_chr": 2 * ONE,
    "action_cost": 3 * ONE,
    "c_holo": 5 * ONE,
    "c_crit": ONE,
    "atr_fees": 1005,
}


def rewards(ruleset: Ruleset | None = None, **changes: Any) -> RewardBundle:
    return TreasuryEngine(ruleset or Ruleset()).calculate_rewards(**{**GIVEN, **changes})


def test_rewards_by_hand() -> None:
    """m = 1 + 5 / 10 = 1.5; CHR = 2 * 3 * 1.5 = 9; FLX = 9 * 0.1 * 1.5 = 1.35; a tenth of 1005 is
    100 and half a base unit."""
    assert rewards() == RewardBundle(
        chr_reward=9 * ONE,
        flx_reward=135 * ONE // 100,
        psync_reward=15 * ONE // 10,
        atr_reward=905,
        res_reward=15 * ONE // 10,
        nod_reward=100,
        fees=1005,
        withheld=0,
        residue=ONE // 2,
    )


def test_every_product_is_rounded_down_by_itself() -> None:
    """S_CHR * Action_Cost = 3 * 0.5 base units is 1, and 1 * 1.9 is 1; multiplied at once they
    would be 2. c_holo 9.000000000000000009 div 10 cuts 0.9 of a base unit."""
    found = rewards(s_chr=3, action_cost=ONE // 2, c_holo=9 * ONE + 9)
    assert found.psync_reward == found.res_reward == 19 * ONE // 10
    assert found.chr_reward == 1
    assert found.flx_reward == 0
    # CHR 28 * 1.9 = 53.2; its tenth is 5, and 5 * 1.9 = 9.5 is 9; 53 * 0.19 would be 10.
    found = rewards(s_chr=28, action_cost=ONE, c_holo=9 * ONE)
    assert (found.chr_reward, found.flx_reward) == (53, 9)


def test_coherence_at_its_bound_and_one_below() -> None:
    assert rewards(c_holo=ONE, c_crit=ONE).psync_reward == 11 * ONE // 10
    with pytest.raises(TreasuryError) as caught:
        rewards(c_holo=ONE - 1, c_crit=ONE)
    error = caught.value
    assert (error.code, error.argument, error.value) == ("treasury", "c_holo", ONE - 1)
    assert rewards(c_holo=0, c_crit=0).psync_reward == ONE
    assert rewards(c_holo=MAX_SCALAR, c_crit=MAX_SCALAR, s_chr=0).psync_reward == (
        ONE + MAX_SCALAR // 10
    )


def test_the_cap_is_reached_in_the_middle_of_a_fee() -> None:
    ruleset = Ruleset(epoch_cap_base_units=150)
    found = rewards(ruleset, issued_this_epoch=70)
    # 100.5 by the rate, 80 by the cap: 20 are withheld and stay with the treasury, and the half
    # is carried as if there were no cap.
    assert (found.nod_reward, found.withheld, found.atr_reward) == (80, 20, 925)
    assert found.residue == ONE // 2
    found = rewards(ruleset, issued_this_epoch=150)
    assert (found.nod_reward, found.withheld, found.atr_reward) == (0, 100, 1005)
    found = rewards(ruleset, issued_this_epoch=50)
    assert (found.nod_reward, found.withheld) == (100, 0)
    with pytest.raises(OutOfRangeError) as caught:
        rewards(ruleset, issued_this_epoch=151)
    assert caught.value.argument == "issued_this_epoch"


def test_the_residue_survives_a_change_of_the_rate() -> None:
    """0.5 left by a rate of 0.1 and 0.5 given by one of 0.02 make the unit that neither gives."""
    first = rewards(atr_fees=5)
    assert (first.nod_reward, first.residue) == (0, ONE // 2)
    second = rewards(Ruleset(issuance_rate=ONE // 50), atr_fees=25, residue=first.residue)
    assert (second.nod_reward, second.residue) == (1, 0)


def test_the_largest_fees() -> None:
    ruleset = Ruleset(issuance_rate=MAX_ISSUANCE_RATE, epoch_cap_base_units=MAX_VALUE)
    found = rewards(ruleset, atr_fees=MAX_SCALAR, residue=ONE - 1)
    raw, residue = divmod(ONE - 1 + MAX_SCALAR * MAX_ISSUANCE_RATE, ONE)
    assert (found.nod_reward, found.residue) == (raw, residue)
    assert found.atr_reward == MAX_SCALAR - raw


def test_nothing_gives_nothing() -> None:
    found = rewards(s_chr=0, action_cost=0, c_holo=0, c_crit=0, atr_fees=0)
    assert found.document() == {
        **dict.fromkeys(found.document(), "0"),
        "psync_reward": str(ONE),
        "res_reward": str(ONE),
    }


@pytest.mark.parametrize(
    ("changes", "reward"),
    [
        ({"s_chr": MAX_SCALAR, "action_cost": ONE + 1}, "chr_reward"),
        ({"s_chr": MAX_SCALAR, "action_cost": ONE, "c_holo": ONE}, "chr_reward"),
        ({"s_chr": 10**36, "action_cost": ONE, "c_holo": 2 * 10**21}, "flx_reward"),
    ],
)
def test_a_reward_that_overflows_is_named(changes: dict[str, int], reward: str) -> None:
    with pytest.raises(ResultOverflowError) as caught:
        rewards(**changes)
    assert (caught.value.argument, caught.value.index) == (reward, None)


def test_the_largest_reward() -> None:
    found = rewards(s_chr=MAX_SCALAR, action_cost=ONE, c_holo=0, c_crit=0)
    assert found.chr_reward == MAX_SCALAR


@pytest.mark.parametrize("name", [*GIVEN, "residue", "issued_this_epoch"])
def test_every_argument_is_checked_and_named(name: str) -> None:
    cases: list[tuple[Any, type[QfsError]]] = [
        (-1, OutOfRangeError),
        (MAX_SCALAR + 1, OutOfRangeError),
        (1.0, WrongTypeError),
        (True, WrongTypeError),
        ("1", WrongTypeError),
        (None, NullValueError),
    ]
    for bad, kind in cases:
        with pytest.raises(QfsError) as caught:
            rewards(**{name: bad})
        assert (type(caught.value), caught.value.argument) == (kind, name)
    with pytest.raises(OutOfRangeError):
        rewards(residue=ONE)


rates = st.one_of(
    st.sampled_from([MIN_ISSUANCE_RATE, ONE // 10, MAX_ISSUANCE_RATE]),
    st.integers(MIN_ISSUANCE_RATE, MAX_ISSUANCE_RATE),
)
fees = st.one_of(st.integers(0, 20), st.integers(0, MAX_VALUE), st.just(MAX_VALUE))
residues = st.one_of(st.sampled_from([0, 1, ONE - 1]), st.integers(0, ONE - 1))
caps = st.one_of(st.integers(0, 20), st.integers(0, MAX_VALUE))


@given(data=st.data(), fee=fees, rate=rates, residue=residues, cap=caps)
def test_nod_is_what_issuance_gives(
    implementation: Implementation,
    data: st.DataObject,
    fee: int,
    rate: int,
    residue: int,
    cap: int,
) -> None:
    issued = data.draw(st.integers(0, cap))
    ruleset = Ruleset(issuance_rate=rate, epoch_cap_base_units=cap)
    found = rewards(ruleset, atr_fees=fee, residue=residue, issued_this_epoch=issued)
    checked = implementation.check_values([fee], "fees")
    expected = implementation.issue(checked, rate, residue, cap - issued)
    assert [found.nod_reward] == list(expected.issued)
    assert (found.withheld, found.residue) == (expected.withheld, expected.residue)


@given(fee=st.integers(MAX_VALUE, MAX_SCALAR), rate=rates, residue=residues)
def test_nod_is_what_issuance_gives_above_a_column(fee: int, rate: int, residue: int) -> None:
    ruleset = Ruleset(issuance_rate=rate, epoch_cap_base_units=MAX_VALUE)
    found = rewards(ruleset, atr_fees=fee, residue=residue)
    expected = issuance.issue([fee], rate, residue, MAX_VALUE)
    assert (found.nod_reward, found.residue) == (expected.total, expected.residue)


@given(
    batches=st.lists(st.tuples(fees, rates), max_size=8),
    residue=residues,
    cap=st.one_of(st.integers(0, 20), st.just(MAX_VALUE)),
)
def test_a_sequence_of_fees_is_accounted_for(
    batches: list[tuple[int, int]], residue: int, cap: int
) -> None:
    carried, issued, withheld, retained = residue, 0, 0, 0
    for fee, rate in batches:
        ruleset = Ruleset(issuance_rate=rate, epoch_cap_base_units=cap)
        found = rewards(ruleset, atr_fees=fee, residue=carried, issued_this_epoch=issued)
        carried, issued = found.residue, issued + found.nod_reward
        withheld, retained = withheld + found.withheld, retained + found.atr_reward
    taken = sum(rate * fee for fee, rate in batches)
    assert ONE * (issued + withheld) + carried == residue + taken
    assert issued + retained == sum(fee for fee, _ in batches)
    assert issued <= cap


def test_the_trace_shows_every_step() -> None:
    math = CertifiedMath("epoch-7", trace=True)
    found = rewards(math=math)
    assert found == rewards()
    assert math.trace is not None
    assert [(op.operation, [v for _, v in op.operands], op.result) for op in math.trace] == [
        ("minimum", [5 * ONE, ONE], ONE),
        ("div_rem", [5 * ONE, 10], (ONE // 2, 0)),
        ("add", [ONE, ONE // 2], 15 * ONE // 10),
        ("mul_floor", [2 * ONE, 3 * ONE], 6 * ONE),
        ("mul_floor", [6 * ONE, 15 * ONE // 10], 9 * ONE),
        ("mul_floor", [9 * ONE, ONE // 10], 9 * ONE // 10),
        ("mul_floor", [9 * ONE // 10, 15 * ONE // 10], 135 * ONE // 100),
        ("mul_div_rem", [1005, ONE // 10, ONE], (100, ONE // 2)),
        ("add", [0, ONE // 2], ONE // 2),
        ("div_rem", [ONE // 2, ONE], (0, ONE // 2)),
        ("add", [100, 0], 100),
        ("sub", [10**24, 0], 10**24),
        ("minimum", [100, 10**24], 100),
        ("sub", [1005, 100], 905),
        ("sub", [100, 100], 0),
    ]
    assert {op.correlation_id for op in math.trace} == {"epoch-7"}
    assert replay(document_of(math.trace)).operations == math.trace.operations


def test_one_record_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="qfs.treasury"):
        found = rewards(math=CertifiedMath("epoch-7"))
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("qfs.treasury", logging.INFO)
    message = record.getMessage()
    assert message.startswith("rewards epoch-7: ")
    assert all(f"{name}={text}" in message for name, text in found.document().items())


def test_a_refusal_logs_no_rewards(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(TreasuryError):
        rewards(c_holo=0)
    assert caplog.records == []


def test_the_log_has_no_part_in_a_number() -> None:
    logger = logging.getLogger("qfs.treasury")
    seen = []

    class Meddler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)
            record.args = ()
            record.msg = "nothing"

    handler, level = Meddler(), logger.level
    quiet = rewards()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        assert rewards() == quiet
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert len(seen) == 1


def test_the_ruleset_decides_rate_and_cap() -> None:
    assert rewards(replace(Ruleset(), issuance_rate=MAX_ISSUANCE_RATE)).nod_reward == 150
    assert rewards(replace(Ruleset(), epoch_cap_base_units=7)).nod_reward == 7
