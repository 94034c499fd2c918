"""The functions people call: validate once, compute, give back the kind that came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from qfs import columns
from qfs import ids as id_columns
from qfs.backend import implementation
from qfs.columns import require_integer, require_same_length
from qfs.decimals import parse_fraction, parse_rate
from qfs.errors import NullValueError, UnknownOptionError, WrongTypeError, shown
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_SCALAR, MAX_TICK, MAX_VALUE
from qfs.reference import arithmetic, scoring
from qfs.reference.tally import require_cap

Share = str | Decimal | Fraction


@dataclass(frozen=True, slots=True)
class Allocation:
    """What each row is paid, in base units, and the numbers that decided it.

    `amounts` has the kind of the weights: list, tuple, or Column. The sum of the amounts and
    `undistributed` is the pool, exactly.
    """

    amounts: Any
    undistributed: int
    capped: int
    """rows paid their cap because their share exceeded it"""
    fallback: bool
    """every weight was 0, so every weight counted as 1"""
    total_weight: int
    shared_pool: int
    """what the rows below their caps shared, by `shared_weight`"""
    shared_weight: int
    leftover: int
    """base units that division left, one each for the largest remainders"""
    cut: int | None
    """the smallest remainder (of pool * weight by shared_weight) that got one"""


@dataclass(frozen=True, slots=True)
class Issuance:
    """What fees issue, in base units; the residue in 10^-18 of a base unit.

    `issued` is per fee and has the kind of the fees: list, tuple, or Column.
    """

    issued: Any
    withheld: int
    """what the rate gives and the room refuses"""
    total: int
    """sum of issued"""
    residue: int
    """to be handed to the next call"""
    fees: int
    """sum of the fees"""


@dataclass(frozen=True, slots=True)
class Scoring:
    """A score of 0 .. 10^18 per row, in 10^-18, in the kind of uptime's numerators."""

    scores: Any
    neutral: tuple[str, ...]
    """the metrics that no row had samples enough for, so that they count as 1 in every row"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Powers by choice, in base units, and what became of every ballot."""

    yes: int
    no: int
    abstain: int
    counted: int
    """ballots, one per voter"""
    rejected: dict[str, int]
    """ballots by reason: unknown_voter, duplicate, zero_power"""
    attainable: int
    """the sum of all powers as they count: yes + no + abstain if everybody voted"""


def allocate(
    pool: int,
    weights: object,
    ids: object = None,
    caps: object = None,
    max_share: Share | None = None,
    tie_break: str = "id",
    epoch: int | None = None,
) -> Allocation:
    """Share a pool in proportion to weights, to the last base unit, none above its cap.

    Args:
        pool: base units, 0 .. 10^38 - 1.
        weights: one per row, integers of 0 .. 10^38 - 1, in any unit.
        ids: one unique id per row, or None; with them the result does not depend on row order.
        caps: the most that each row may be paid, base units, or None.
        max_share: the most of the pool that any row may be paid: "0.3", a Decimal or a Fraction.
        tie_break: of equal remainders the lower id comes first ("id"), or the lower
            SHA-256(tag, epoch, id) ("rotating"). Without ids the earlier row comes first.
        epoch: needed by "rotating", 0 .. 2^53 - 1.

    Rounding: shares are rounded down, then the largest remainders get one base unit each
    (largest remainder, Hamilton). A row whose share exceeds its cap is paid its cap and what it
    leaves goes to the others (water-filling); what nobody can take is `undistributed`. Where
    every weight is 0, every weight counts as 1.

    Raises:
        QfsError: a subclass that names the argument, the index and the value. Scalars and lengths
            are looked at first, then ids, weights and caps, each at its lowest index, then the
            total of the weights, which is at most 2^128 - 1.

    >>> r = allocate(1000, [90, 5, 5], max_share="0.30")
    >>> r.amounts, r.undistributed
    ([300, 300, 300], 100)

    Source: Balinski and Young, Fair Representation (1982), for the largest remainder.
    """
    pool = require_integer(pool, "pool", MAX_VALUE)
    share = None if max_share is None else parse_fraction(max_share, "max_share")
    _require_tie_break(tie_break, epoch, ids)
    backend = implementation()
    raw_weights = columns.read_values(weights, "weights")
    raw_ids = None if ids is None else id_columns.read_ids(ids, "ids")
    raw_caps = None if caps is None else columns.read_values(caps, "caps")
    require_same_length(
        weights=columns.raw_length(raw_weights),
        ids=None if raw_ids is None else id_columns.raw_length(raw_ids),
        caps=None if raw_caps is None else columns.raw_length(raw_caps),
    )
    node_ids = None if raw_ids is None else backend.check_ids(raw_ids, "ids")
    result = backend.allocate(
        pool,
        backend.check_values(raw_weights, "weights"),
        None if raw_caps is None else backend.check_values(raw_caps, "caps"),
        None if share is None else arithmetic.share_of(pool, share),
        None if node_ids is None else id_columns.tie_keys(node_ids, tie_break, epoch or 0),
    )
    return Allocation(_like(weights, result.amounts), *result[1:])


def issue(
    fees: object, rate: Share = "0.10", residue: int = 0, room: int | None = None
) -> Issuance:
    """Issue a fixed rate of every fee, in order, losing no fraction of a base unit.

    Args:
        fees: base units, each 0 .. 10^38 - 1, in the order in which they are taken.
        rate: 0 .. 1 with at most 18 decimals: "0.10", a Decimal or a Fraction.
        residue: what earlier calls left, 0 .. 10^18 - 1, in 10^-18 of a base unit.
        room: the most that may still be issued, base units, or None where there is no cap.

    Rounding: down, and what is cut off is carried to the next fee as the residue. So the total
    does not depend on how the fees are cut into calls, and 10^18 * (total + withheld) + residue
    grows by exactly the sum of rate * fee.

    Raises:
        QfsError: a subclass that names the argument, the index and the value; a total of the
            fees above 2^128 - 1 comes last.

    >>> i = issue([5, 5])
    >>> i.issued, i.total, i.residue
    ([0, 1], 1, 0)
    """
    rate_scaled = parse_rate(rate, "rate")
    residue = require_integer(residue, "residue", BASE_UNITS_PER_TOKEN - 1)
    room = None if room is None else require_integer(room, "room", MAX_SCALAR)
    backend = implementation()
    checked = backend.check_values(columns.read_values(fees, "fees"), "fees")
    result = backend.issue(checked, rate_scaled, residue, room)
    return Issuance(_like(fees, result.issued), *result[1:])


def score(
    uptime: object,
    storage: object,
    ai: object,
    policy: str = "product",
    weights: Mapping[str, Share] | None = None,
    min_samples: int = 1,
) -> Scoring:
    """Score every row by three ratios of counts, each given as (numerators, denominators).

    Args:
        uptime: heartbeats seen and expected, integers of 0 .. 2^32 - 1, one of each per row.
        storage: proofs of replication passed and challenged, likewise.
        ai: inferences matched and checked, likewise.
        policy: "product" of the ratios, or their "weighted_sum".
        weights: for "weighted_sum", {"uptime": "0.4", "storage": "0.3", "ai": "0.3"}: text, a
            Decimal or a Fraction, at most 18 decimals each, with a sum of exactly 1.
        min_samples: a ratio with a lower denominator is unassessed, 1 .. 2^32 - 1.

    An unassessed ratio counts as 0. A metric that is unassessed in every row counts as 1 in every
    row and is named in `neutral`. Rounding: down, once, from the exact product or sum.

    Raises:
        QfsError: a subclass that names the argument ("uptime.n", "uptime.d", ...), the index and
            the value. Options and lengths are looked at first, then the columns from uptime.n to
            ai.d, each at its lowest index, then the lowest row with a numerator above its
            denominator, uptime before storage before ai.

    >>> s = score(uptime=([1, 9], [2, 9]), storage=([1, 3], [3, 3]), ai=([0, 0], [0, 0]))
    >>> s.scores, s.neutral
    ([166666666666666666, 1000000000000000000], ('ai',))
    """
    rates = _weights(policy, weights)
    scoring.require_rule(policy, rates, min_samples)
    sources: dict[str, object] = {}
    for metric, pair in zip(scoring.METRICS, (uptime, storage, ai), strict=True):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise WrongTypeError(
                "a pair is needed: numerators and denominators", argument=metric, value=pair
            )
        sources |= zip(scoring.column_names(metric), pair, strict=True)
    raw = {name: columns.read_values(source, name) for name, source in sources.items()}
    require_same_length(**{name: columns.raw_length(values) for name, values in raw.items()})
    backend = implementation()
    checked = [backend.check_counts(values, name) for name, values in raw.items()]
    u_n, u_d, s_n, s_d, a_n, a_d = checked
    result = backend.score((u_n, u_d), (s_n, s_d), (a_n, a_d), policy, rates, min_samples)
    neutral = zip(scoring.METRICS, result.neutral, strict=True)
    return Scoring(
        _like(sources["uptime.n"], result.scores), tuple(name for name, is_so in neutral if is_so)
    )


def tally(
    choices: object,
    powers: object,
    voters: object = None,
    seq: object = None,
    cap: int | None = None,
) -> Tally:
    """Count ballots, one per voter, each with the power that a frozen snapshot gives the voter.

    Args:
        choices: one per ballot, 0 against, 1 for, 2 abstain.
        powers: one per voter of the snapshot, base units, 0 .. 10^38 - 1.
        voters: per ballot the position of its voter in `powers`, 0 .. 2^32 - 1, or None where
            ballot i is voter i's.
        seq: per ballot its place in the log, 0 .. 2^53 - 1, each once, or None where ballots stand
            in their order.
        cap: the most that counts of any one power, base units, 0 .. 2^128 - 1, or None.

    Of a voter's ballots the one with the lowest seq counts, whatever the order of the rows. The
    others are `duplicate`; before this a ballot is `unknown_voter` whose voter is not in the
    snapshot, after it one is `zero_power` whose voter's power is 0 or capped to 0. Nothing is
    rounded. yes + no + abstain is the sum of the counted powers and at most `attainable`.

    Raises:
        QfsError: a subclass that names the argument, the index and the value. The cap and lengths
            are looked at first, then choices, powers, voters and seq, each at its lowest index,
            then the lowest seq that repeats another, then the total of the powers as they count,
            which is at most 2^128 - 1 whoever voted.

    >>> t = tally([1, 0, 0], [30, 30, 90], voters=[2, 0, 2], seq=[7, 9, 8], cap=40)
    >>> t.yes, t.no, t.counted, t.rejected["duplicate"]
    (40, 30, 2, 1)
    """
    require_cap(cap)
    raw = {"choices": columns.read_values(choices, "choices")}
    raw["powers"] = columns.read_values(powers, "powers")
    raw |= {
        name: columns.read_values(source, name)
        for name, source in (("voters", voters), ("seq", seq))
        if source is not None
    }
    lengths = {name: columns.raw_length(values) for name, values in raw.items()}
    require_same_length(
        **{name: rows for name, rows in lengths.items() if name != "powers" or voters is None}
    )
    backend = implementation()
    result = backend.tally(
        backend.check_choices(raw["choices"], "choices"),
        backend.check_values(raw["powers"], "powers"),
        None if voters is None else backend.check_counts(raw["voters"], "voters"),
        None if seq is None else backend.check_ticks(raw["seq"], "seq"),
        cap,
    )
    return Tally(*result)


def mul_div(a: Any, b: Any, c: Any, rounding: str = "floor") -> Any:
    """a * b / c with an exact intermediate product, rounded once.

    Args:
        a, b, c: integers of 0 .. 2^128 - 1, or columns of values of 0 .. 10^38 - 1 of the same
            length, or a mixture; an integer stands for the same value in every row.
        rounding: "floor", "ceil", "half_up" (a tie goes up) or "half_down" (a tie goes down).

    Returns an int, or where there is a column the kind of the first one. Results in columns are
    at most 10^38 - 1.

    Raises:
        DivisionByZeroError: c is 0.
        ResultOverflowError: the result is above its bound.
        QfsError: other subclasses, for other bad input.

    >>> mul_div(1, 1, 2), mul_div(1, 1, 2, rounding="half_up")
    (0, 1)
    """
    arithmetic.require_rounding(rounding)
    given = {"a": a, "b": b, "c": c}
    scalars = {
        name: require_integer(value, name, MAX_SCALAR)
        for name, value in given.items()
        if _is_scalar(value)
    }
    if len(scalars) == len(given):
        return arithmetic.mul_div(scalars["a"], scalars["b"], scalars["c"], rounding)
    raw = {
        name: columns.read_values(value, name)
        for name, value in given.items()
        if name not in scalars
    }
    lengths = {name: columns.raw_length(values) for name, values in raw.items()}
    require_same_length(**lengths)
    backend = implementation()
    operands: dict[str, Sequence[int]] = {name: [value] for name, value in scalars.items()}
    operands |= {name: backend.check_values(values, name) for name, values in raw.items()}
    results = backend.mul_div_many(operands["a"], operands["b"], operands["c"], rounding, MAX_VALUE)
    return _like(given[next(iter(raw))], results)


def _is_scalar(value: object) -> bool:
    """Whether the value is one number, also a missing or a wrong one. A NumPy array has an
    `__index__` too, for the case that it holds a single integer; its length tells it apart."""
    if value is None or isinstance(value, (float, Decimal)):
        return True
    return hasattr(value, "__index__") and not hasattr(value, "__len__")


def _require_tie_break(tie_break: object, epoch: object, ids: object) -> None:
    if tie_break not in id_columns.TIE_BREAKS:
        raise UnknownOptionError(
            f"{shown(tie_break)} is none of {', '.join(id_columns.TIE_BREAKS)}",
            argument="tie_break",
            value=tie_break,
        )
    if epoch is not None or tie_break == "rotating":
        require_integer(epoch, "epoch", MAX_TICK)
    if tie_break == "rotating" and ids is None:
        raise WrongTypeError('missing; tie_break="rotating" needs ids', argument="ids")


def _weights(policy: object, weights: object) -> tuple[int, int, int]:
    """The weights in 10^-18, in the order of the metrics; none of them for a product."""
    if policy != "weighted_sum":
        if weights is not None and policy in scoring.POLICIES:
            raise WrongTypeError(
                f"given, but policy={shown(policy)} takes none", argument="weights", value=weights
            )
        return scoring.NO_WEIGHTS
    if not isinstance(weights, Mapping):
        raise WrongTypeError(
            f"{shown(weights)}; policy={shown(policy)} needs a rate for each of"
            f" {', '.join(scoring.METRICS)}",
            argument="weights",
            value=weights,
        )
    for name in weights:
        if name not in scoring.METRICS:
            raise UnknownOptionError(
                f"{shown(name)} is none of {', '.join(scoring.METRICS)}",
                argument="weights",
                value=name,
            )
    for name in scoring.METRICS:
        if weights.get(name) is None:
            raise NullValueError("missing; a rate is needed", argument=f"weights.{name}")
    uptime, storage, ai = (parse_rate(weights[m], f"weights.{m}") for m in scoring.METRICS)
    return uptime, storage, ai


def _like(source: object, values: Sequence[int]) -> Any:
    """The values in the kind of the argument they answer to."""
    if isinstance(source, (list, tuple)):
        result = implementation().to_list(values)
        return tuple(result) if isinstance(source, tuple) else result
    return implementation().to_column(values)
