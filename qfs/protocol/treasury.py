"""TreasuryEngine: the six rewards of one calculation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from qfs.certified import CertifiedMath
from qfs.columns import require_integer
from qfs.errors import ResultOverflowError, TreasuryError
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.tokens import RewardBundle

FLX_PER_CHR: Final = BASE_UNITS_PER_TOKEN // 10
"""In 10^-18: 0.10."""
COHERENCE_DIVISOR: Final = 10

_log = logging.getLogger("qfs.treasury")


@dataclass(frozen=True, slots=True)
class TreasuryEngine:
    """Calculates rewards under a ruleset.

    Each calculation is one record of the logger "qfs.treasury" at level INFO. The record is made
    of the result and has no part in it.
    """

    ruleset: Ruleset

    def calculate_rewards(
        self,
        *,
        s_chr: int,
        action_cost: int,
        c_holo: int,
        c_crit: int,
        atr_fees: int,
        residue: int = 0,
        issued_this_epoch: int = 0,
        math: CertifiedMath | None = None,
    ) -> RewardBundle:
        """The six rewards, every fee accounted for.

        With m = 10^18 + c_holo div 10: CHR is s_chr * action_cost * m, FLX a tenth of CHR times
        m, PSYNC and RES are m. NOD is the ruleset's rate of the fees, together with the residue,
        and no more than the epoch's cap leaves; ATR is the fees less NOD.

        Args:
            s_chr, action_cost, c_holo, c_crit: in 10^-18, 0 .. 2^128 - 1.
            atr_fees: the fees of this calculation, base units, 0 .. 2^128 - 1.
            residue: what the calculation before left, 0 .. 10^18 - 1.
            issued_this_epoch: NOD that the epoch issued so far, base units, 0 .. the cap.
            math: does the arithmetic; with a trace it writes down every step.

        Rounding: each product of two fixed-point numbers is rounded down to 10^-18. What issuance
        cuts off is the residue of the result, so that nothing of it is lost.

        Raises:
            TreasuryError: c_holo is below c_crit.
            ResultOverflowError: a reward, which is named, is above 2^128 - 1.
            QfsError: an argument of another type or out of its bounds.

        At c_holo = 0 and c_crit = 0, m is 1 and 15 base units of fees issue 1 with a residue of
        half a base unit: nod_reward 1, atr_reward 14, residue 5 * 10^17.
        """
        cap = self.ruleset.epoch_cap_base_units
        s_chr = require_integer(s_chr, "s_chr", MAX_SCALAR)
        action_cost = require_integer(action_cost, "action_cost", MAX_SCALAR)
        c_holo = require_integer(c_holo, "c_holo", MAX_SCALAR)
        c_crit = require_integer(c_crit, "c_crit", MAX_SCALAR)
        atr_fees = require_integer(atr_fees, "atr_fees", MAX_SCALAR)
        residue = require_integer(residue, "residue", BASE_UNITS_PER_TOKEN - 1)
        issued_this_epoch = require_integer(issued_this_epoch, "issued_this_epoch", cap)
        math = CertifiedMath() if math is None else math
        _require_coherence(math, c_holo, c_crit)
        m = math.add(BASE_UNITS_PER_TOKEN, math.div_rem(c_holo, COHERENCE_DIVISOR)[0])
        chr_reward = _named(
            "chr_reward", lambda: math.mul_floor(math.mul_floor(s_chr, action_cost), m)
        )
        flx_reward = _named(
            "flx_reward", lambda: math.mul_floor(math.mul_floor(chr_reward, FLX_PER_CHR), m)
        )
        raw, residue_after = issue_once(math, atr_fees, self.ruleset.issuance_rate, residue)
        nod_reward = math.minimum(raw, math.sub(cap, issued_this_epoch))
        rewards = RewardBundle(
            chr_reward=chr_reward,
            flx_reward=flx_reward,
            psync_reward=m,
            atr_reward=math.sub(atr_fees, nod_reward),
            res_reward=m,
            nod_reward=nod_reward,
            fees=atr_fees,
            withheld=math.sub(raw, nod_reward),
            residue=residue_after,
        )
        _report(rewards, math.correlation_id)
        return rewards


def issue_once(math: CertifiedMath, fee: int, rate: int, residue: int) -> tuple[int, int]:
    """(residue + fee * rate) div and mod 10^18: what a rate gives of a fee, before any cap.

    The sum may be above 2^128 - 1, so the product is divided first; the two parts below 10^18
    are added after that, and what they carry belongs to the quotient.
    """
    quotient, part = math.mul_div_rem(fee, rate, BASE_UNITS_PER_TOKEN)
    carry, residue_after = math.div_rem(math.add(residue, part), BASE_UNITS_PER_TOKEN)
    return math.add(quotient, carry), residue_after


def _require_coherence(math: CertifiedMath, c_holo: int, c_crit: int) -> None:
    if math.minimum(c_holo, c_crit) != c_crit:
        raise TreasuryError(
            f"{c_holo} is below c_crit, {c_crit}; no reward is calculated",
            argument="c_holo",
            value=c_holo,
        )


def _named(reward: str, compute: Callable[[], int]) -> int:
    """The result; an overflow names the reward that it was computed for."""
    try:
        return compute()
    except ResultOverflowError as error:
        error.argument = reward
        raise


def _report(rewards: RewardBundle, correlation_id: str) -> None:
    # As text: a handler that changes its arguments then changes nothing else.
    figures = " ".join(f"{name}={value}" for name, value in rewards.document().items())
    _log.info("rewards%s: %s", f" {correlation_id}" if correlation_id else "", figures)
