"""Contracts of pure pieces of the state transitions.

States are made before the prover runs, and get symbolic figures inside a contract: their tables lie
in memory views, which CrossHair does not model.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from qfs.errors import QfsError
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.protocol import closing
from qfs.protocol.epoch import Opening
from qfs.protocol.events import TransitionError
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import MAX_EPOCHS_AHEAD, State
from qfs.protocol.tokens import AtrState, NodState
from qfs.protocol.treasury import issue_once

_REGISTRAR: Any = None
_DIGEST = bytes(32)
_RULESET = Ruleset()
_STATE = State(b"", _REGISTRAR, ((0, _RULESET),), 0, 0)


class _Exact:
    """The operations of `CertifiedMath` without its checks of types and bounds."""

    @staticmethod
    def add(a: int, b: int) -> int:
        return a + b

    @staticmethod
    def div_rem(a: int, b: int) -> tuple[int, int]:
        return divmod(a, b)

    @staticmethod
    def mul_div_rem(a: int, b: int, c: int) -> tuple[int, int]:
        return divmod(a * b, c)


def a_reward_leaves_nothing_out(fee: int, rate: int, residue: int) -> bool:
    """10^18 * issued + residue is the residue before and rate * fee; the residue is below 10^18.

    of: qfs.protocol.treasury.issue_once
    bound: exact integers in place of CertifiedMath, whose `add` writes its operands as text
    pre: 0 <= fee <= MAX_VALUE
    pre: 0 <= rate <= BASE_UNITS_PER_TOKEN
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    post: __return__
    """
    math: Any = _Exact
    issued, after = issue_once(math, fee, rate, residue)
    exact = residue + fee * rate
    return issued * BASE_UNITS_PER_TOKEN + after == exact and 0 <= after < BASE_UNITS_PER_TOKEN


def ticks_never_decrease(now: int, tick: int, epoch: int) -> int:
    """A later tick, or the same, becomes that of the state, where it is not too far ahead.

    of: qfs.protocol.state.State.at
    bound: epochs of 512 ticks
    pre: 0 <= now <= tick <= MAX_TICK
    pre: 0 <= epoch and tick < 512 * (epoch + MAX_EPOCHS_AHEAD + 1)
    post: __return__ == tick
    """
    return replace(_STATE, tick=now, epoch=epoch).at(tick).tick


def a_tick_too_far_ahead_is_refused(epoch: int, early: int) -> bool:
    """A tick is accepted up to the last one of MAX_EPOCHS_AHEAD epochs after the next to close.

    of: qfs.protocol.state.State.at
    bound: epochs 0 .. 2 of 512 ticks, the last tick that is accepted and its neighbours
    pre: 0 <= epoch <= 2 and -1 <= early <= 2
    post: __return__ == (early >= 1)
    """
    first_refused = 512 * (epoch + MAX_EPOCHS_AHEAD + 1)
    try:
        replace(_STATE, epoch=epoch).at(first_refused - early)
    except TransitionError:
        return False
    return True


def an_earlier_tick_is_refused(now: int, tick: int) -> bool:
    """A tick is accepted exactly where it is not before the last one.

    of: qfs.protocol.state.State.at
    bound: ticks 0 .. 3
    pre: 0 <= now <= 3 and -1 <= tick <= 3
    post: __return__ == (tick >= now)
    """
    try:
        replace(_STATE, tick=now).at(tick)
    except TransitionError:
        return False
    return True


def an_epoch_is_closed_once_in_order(epoch: int, due: int, late: int) -> bool:
    """An epoch can be closed exactly where it is the next one and its last tick is over.

    of: qfs.protocol.closing._require_due
    bound: epochs 0 .. 2, a tick before the end, at it and after it
    pre: 0 <= epoch <= 2 and 0 <= due <= 2 and -1 <= late <= 1
    post: __return__ == (epoch == due and late >= 0)
    """
    end = (epoch + 1) * _RULESET.epoch_ticks
    try:
        closing._require_due(replace(_STATE, epoch=due, tick=end + late), epoch)
    except TransitionError:
        return False
    return True


def what_is_issued_is_allocated_or_waits(
    supply: int, pool: int, fee: int, issued: int, left: int, residue: int
) -> bool:
    """Closing keeps issued = supply + pool, and the fees are issued or retained.

    of: qfs.protocol.closing._settled
    bound: nothing retained before
    pre: 0 <= supply and supply + pool + fee <= MAX_SCALAR
    pre: 0 <= pool and pool + issued <= MAX_VALUE
    pre: 0 <= issued <= fee <= MAX_VALUE
    pre: 0 <= left <= pool + issued
    pre: 0 <= residue < BASE_UNITS_PER_TOKEN
    post: __return__
    """
    nod = NodState(supply, pool, supply + pool, 0, _DIGEST)
    tokens = replace(_STATE.tokens, nod_state=nod, atr_state=AtrState(supply + pool, 0))
    closed: Any = SimpleNamespace(
        pool=pool + issued,
        closing=Opening(residue, left, supply + pool + issued),
        issuance=SimpleNamespace(fees=fee),
        retained=fee - issued,
    )
    table: Any = SimpleNamespace(digest=_DIGEST)
    after = closing._settled(replace(_STATE, tokens=tokens), closed, table)
    allocated = pool + issued - left
    return (
        after.nod_state.issued == after.nod_state.supply + after.nod_state.pool
        and after.nod_state.supply == supply + allocated
        and after.atr_state.fees - after.atr_state.retained == after.nod_state.issued
    )


def figures_that_contradict_are_refused(supply: int, pool: int, issued: int) -> bool:
    """A state of NOD exists exactly where what is issued is the supply and the pool.

    of: qfs.protocol.tokens.NodState.__post_init__
    bound: figures 0 .. 2
    pre: 0 <= supply <= 2 and 0 <= pool <= 2 and 0 <= issued <= 2
    post: __return__ == (issued == supply + pool)
    """
    try:
        NodState(supply, pool, issued, 0, _DIGEST)
    except QfsError:
        return False
    return True
