"""What the pictures of a closed epoch show, and how their numbers are written.

Integer arithmetic only: a picture must not say anything that the evidence does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from qfs.errors import LengthMismatchError, OutOfRangeError, VerificationError
from qfs.limits import BASE_UNITS_PER_TOKEN, TOKEN_DECIMALS
from qfs.reference.allocation import exceeds

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

REASONS: Final = {
    "not_registered": "not registered by the end of the epoch",
    "wrong_role": "registered in a role that is not paid",
    "revoked": "revoked by the end of the epoch",
    "no_telemetry": "no telemetry",
    "malformed": "malformed telemetry",
    "no_uptime": "no heartbeat was expected",
    "low_uptime": "uptime below what the rules ask for",
}
"""What each reason means, in the order in which they are checked."""

METRICS: Final = {"uptime": "uptime", "storage": "storage", "ai": "AI model"}

_SHORT_CHARACTERS = 16
_SHORT_DECIMALS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochFigures:
    """A closed epoch as the terminal picture and the page show it.

    The four columns are in canonical order, by id. The weights are those of the input: in a
    fallback they are all 0 and each counts as 1. `shared_pool_base_units` and
    `shared_weight_base_units` are what water-filling left, so that the nodes below their caps
    are paid weight * shared pool / shared weight, by largest remainder.

    Raises:
        LengthMismatchError: the columns differ in length.
        VerificationError: the totals do not add up.
    """

    epoch: int
    fee_count: int
    fees_base_units: int
    rate_text: str
    issued_base_units: int
    withheld_base_units: int
    """part of what is retained: issuance that the cap of the epoch did not allow"""
    retained_base_units: int
    """fees less issued, kept by the treasury"""
    opening_pool_base_units: int
    pool_base_units: int
    paid_base_units: int
    undistributed_base_units: int
    capped_count: int
    fallback: bool
    shared_pool_base_units: int
    shared_weight_base_units: int
    leftover_units: int
    """nodes that got one base unit by largest remainder"""
    max_share_text: str
    evidence_digest: str
    verify_command: str
    node_ids: Sequence[str]
    weights: Sequence[int]
    caps: Sequence[int]
    amounts: Sequence[int]
    excluded: Mapping[str, int] | None = None
    """how many were not paid, by reason; None where the weights were given"""
    neutral: Sequence[str] = ()
    """metrics that were assessed for nobody, and so count as 1 for all"""

    def __post_init__(self) -> None:
        for name in ("weights", "caps", "amounts"):
            if len(getattr(self, name)) != len(self.node_ids):
                raise LengthMismatchError(
                    f"{len(getattr(self, name))} rows beside {len(self.node_ids)} ids",
                    argument=name,
                )
        sums = (
            ("fees_base_units", self.issued_base_units + self.retained_base_units),
            ("pool_base_units", self.opening_pool_base_units + self.issued_base_units),
            ("pool_base_units", self.paid_base_units + self.undistributed_base_units),
            ("paid_base_units", sum(self.amounts)),
        )
        for name, expected in sums:
            if getattr(self, name) != expected:
                raise VerificationError(
                    "is not the sum of its parts",
                    argument=name,
                    value=getattr(self, name),
                    expected=expected,
                )

    @property
    def capped_paid_base_units(self) -> int:
        """Paid to the nodes at their cap: what water-filling took out of the pool."""
        return self.pool_base_units - self.shared_pool_base_units if self.capped_count else 0

    def effective_weight(self, index: int) -> int:
        """The weight that counted: 1 for every node in a fallback."""
        return 1 if self.fallback else self.weights[index]

    def is_capped(self, index: int) -> bool:
        """Whether the node was paid its cap because its share exceeded it.

        A node whose share is exactly its cap is not capped: it is still in proportion.
        """
        cap = self.caps[index]
        return self.amounts[index] == cap and exceeds(
            self.shared_pool_base_units,
            self.shared_weight_base_units,
            self.effective_weight(index),
            cap,
        )


def tokens(base_units: int, decimals: int = 4) -> str:
    """`base_units` in tokens, thousands separated, rounded down to `decimals` decimals.

    A closing ellipsis says that a digit other than 0 was cut, so a text without one is exact.
    With 18 decimals every text is exact. 1,234.56789 tokens are `1,234.5678` and an ellipsis;
    1,234.5 tokens are `1,234.5000`.

    Raises:
        OutOfRangeError: a negative amount, or decimals outside 0 .. 18.
    """
    if base_units < 0:
        raise OutOfRangeError("an amount is not negative", argument="base_units", value=base_units)
    if not 0 <= decimals <= TOKEN_DECIMALS:
        raise OutOfRangeError("not within 0 .. 18", argument="decimals", value=decimals)
    whole, fraction = divmod(base_units, BASE_UNITS_PER_TOKEN)
    shown, cut = divmod(fraction, 10 ** (TOKEN_DECIMALS - decimals))
    point = f".{shown:0{decimals}}" if decimals else ""
    return f"{whole:,}{point}{ELLIPSIS if cut else ''}"


def short_tokens(base_units: int) -> str:
    """`base_units` in tokens in at most 16 characters, for labels and narrow columns.

    Four decimals where they fit, none where they do not, and powers of ten for amounts that
    either would hide. All rounded down, with an ellipsis where digits were cut. 123 base units
    are `1.230e-16`.
    """
    visible = 10 ** (TOKEN_DECIMALS - _SHORT_DECIMALS)
    if base_units == 0:
        return "0"
    if base_units >= visible:
        for decimals in (_SHORT_DECIMALS, 0):
            text = tokens(base_units, decimals)
            if len(text) <= _SHORT_CHARACTERS:
                return text
    digits = str(base_units)
    mantissa = f"{digits[0]}.{digits[1:4]:0<3}"
    cut = ELLIPSIS if digits[4:].strip("0") else ""
    return f"{mantissa}{cut}e{len(digits) - 1 - TOKEN_DECIMALS}"


def round_tokens(exponent: int, digit: int = 1) -> str:
    """`digit` * 10^`exponent` base units in tokens, exactly: `1,000`, `0.02`, `1e-9`."""
    power = exponent - TOKEN_DECIMALS
    if 0 <= power <= 6:
        return f"{digit * 10**power:,}"
    if -4 <= power < 0:
        return "0." + str(digit).rjust(-power, "0")
    return f"{digit}e{power}"


def percent(part: int, whole: int, decimals: int = 2) -> str:
    """`part` of `whole` in percent, rounded to the nearest, a half up.

    Something is never written as nothing, nor less than the whole as the whole: the text is then
    `<0.01%` or `>99.99%`. A part of nothing is `0.00%`.
    """
    scale = 10**decimals
    full = 100 * scale
    nearest = (2 * full * part + whole) // (2 * whole) if whole else 0
    if part > 0 and nearest == 0:
        return f"<{_decimal(1, scale, decimals)}%"
    if part < whole and nearest == full:
        return f">{_decimal(full - 1, scale, decimals)}%"
    return f"{_decimal(nearest, scale, decimals)}%"


def counted(number: int, noun: str) -> str:
    """`1 node`, `3,000 nodes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _decimal(value: int, scale: int, decimals: int) -> str:
    whole, fraction = divmod(value, scale)
    return f"{whole:,}.{fraction:0{decimals}}" if decimals else f"{whole:,}"
