"""The six tokens: a snapshot of their figures, and the rewards of one calculation.

CHR, FLX, PSYNC and RES have a supply. ATR has the fees that were taken and what the treasury
retains of them; what it does not retain was issued as NOD. NOD has a supply, which the table of
balances holds row by row, and a pool of what was issued and is not allocated yet.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal

import msgspec

from qfs import canonical
from qfs.columns import require_integer
from qfs.decimals import parse_integer
from qfs.errors import (
    OutOfRangeError,
    StateError,
    UnknownOptionError,
    VerificationError,
    WrongTypeError,
    shown,
)
from qfs.hashing import TOKENS_TAG, tagged_hash
from qfs.limits import BASE_UNITS_PER_TOKEN, HASH_BYTES, MAX_SCALAR, MAX_VALUE
from qfs.reference.merkle import EMPTY_ROOT
from qfs.tables import table_digest

FORMAT: Final = "qfs-tokens-v1"
TOKENS_WITH_SUPPLY: Final = ("chr", "flx", "psync", "res")
EMPTY_BALANCES: Final = table_digest("balances", 0, EMPTY_ROOT)
"""Digest of the table of balances without a row."""


@dataclass(frozen=True, slots=True)
class TokenState:
    """One of CHR, FLX, PSYNC and RES."""

    token: str
    """"chr", "flx", "psync" or "res\""""
    supply: int
    """base units, 0 .. 2^128 - 1"""

    def __post_init__(self) -> None:
        if not isinstance(self.token, str) or self.token not in TOKENS_WITH_SUPPLY:
            raise UnknownOptionError(
                f"{shown(self.token)} is none of {', '.join(TOKENS_WITH_SUPPLY)}",
                argument="token",
                value=self.token,
            )
        _set_integer(self, "supply", f"{self.token}_supply", MAX_SCALAR)

    def document(self) -> dict[str, str]:
        """The figures as text."""
        return {"supply": str(self.supply)}


@dataclass(frozen=True, slots=True)
class AtrState:
    """ATR: the fees, and what the treasury keeps of them. Base units, 0 .. 2^128 - 1."""

    fees: int = 0
    """all that were ever taken"""
    retained: int = 0
    """of these, what was not issued as NOD"""

    def __post_init__(self) -> None:
        _set_integer(self, "fees", "atr_fees", MAX_SCALAR)
        _set_integer(self, "retained", "atr_retained", MAX_SCALAR)
        if self.retained > self.fees:
            raise StateError(
                f"{self.retained} is more than the fees, {self.fees}",
                argument="atr_retained",
                value=self.retained,
            )

    def document(self) -> dict[str, str]:
        """The figures as text."""
        return {"fees": str(self.fees), "retained": str(self.retained)}


@dataclass(frozen=True, slots=True)
class NodState:
    """NOD: what is issued, allocated and waiting. Base units, the residue in 10^-18 of one."""

    supply: int = 0
    """sum of the balances, which is the sum of all allocations; 0 .. 2^128 - 1"""
    pool: int = 0
    """issued and not yet allocated, 0 .. 10^38 - 1"""
    issued: int = 0
    """ever, 0 .. 2^128 - 1; supply + pool"""
    residue: int = 0
    """of issuance, 0 .. 10^18 - 1"""
    balances: bytes = EMPTY_BALANCES
    """digest of the table of balances, 32 bytes"""

    def __post_init__(self) -> None:
        _set_integer(self, "supply", "nod_supply", MAX_SCALAR)
        _set_integer(self, "pool", "nod_pool", MAX_VALUE)
        _set_integer(self, "issued", "nod_issued", MAX_SCALAR)
        _set_integer(self, "residue", "nod_residue", BASE_UNITS_PER_TOKEN - 1)
        if not isinstance(self.balances, bytes):
            raise WrongTypeError(
                f"{shown(self.balances)} is a {type(self.balances).__name__}; bytes are needed",
                argument="nod_balances",
                value=self.balances,
            )
        if len(self.balances) != HASH_BYTES:
            raise OutOfRangeError(
                f"{len(self.balances)} bytes; a digest has {HASH_BYTES}",
                argument="nod_balances",
                value=self.balances,
            )
        if self.issued != self.supply + self.pool:
            raise StateError(
                f"{self.issued} is not supply + pool, {self.supply} + {self.pool}",
                argument="nod_issued",
                value=self.issued,
            )
        if self.supply and self.balances == EMPTY_BALANCES:
            raise StateError(
                f"no balances, but a supply of {self.supply}",
                argument="nod_balances",
                value=self.balances,
            )

    def document(self) -> dict[str, str]:
        """The figures as text, the digest in hex."""
        return {
            "supply": str(self.supply),
            "pool": str(self.pool),
            "issued": str(self.issued),
            "residue": str(self.residue),
            "balances": self.balances.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStateBundle:
    """All six tokens at one moment.

    Raises:
        WrongTypeError: a state is of another kind or of another token than its field.
        StateError: the fees are not what is retained and what was issued.
    """

    chr_state: TokenState
    flx_state: TokenState
    psync_state: TokenState
    atr_state: AtrState
    res_state: TokenState
    nod_state: NodState

    def __post_init__(self) -> None:
        for name, kind in _STATES.items():
            state = getattr(self, f"{name}_state")
            if type(state) is not kind or getattr(state, "token", name) != name:
                raise WrongTypeError(
                    f"{shown(state)} is no state of {name.upper()}",
                    argument=f"{name}_state",
                    value=state,
                )
        atr, issued = self.atr_state, self.nod_state.issued
        if atr.fees != atr.retained + issued:
            raise StateError(
                f"{atr.fees} is not retained + issued, {atr.retained} + {issued}",
                argument="atr_fees",
                value=atr.fees,
            )

    def document(self) -> dict[str, dict[str, str]]:
        """The figures of each token, as they are hashed."""
        return {name: getattr(self, f"{name}_state").document() for name in _STATES}

    @property
    def digest(self) -> bytes:
        """What names the snapshot, 32 bytes."""
        return _digest_of(self.document())

    def to_bytes(self) -> bytes:
        """The canonical bytes, which carry the digest; `load_token_state_bundle` reads them."""
        return canonical.encode(
            {"format": FORMAT, "digest": self.digest.hex(), "tokens": self.document()}
        )


_STATES: Final[dict[str, type]] = {
    "chr": TokenState,
    "flx": TokenState,
    "psync": TokenState,
    "atr": AtrState,
    "res": TokenState,
    "nod": NodState,
}
assert [f"{name}_state" for name in _STATES] == [field.name for field in fields(TokenStateBundle)]


def create_token_state_bundle(
    *,
    chr_supply: int = 0,
    flx_supply: int = 0,
    psync_supply: int = 0,
    atr_fees: int = 0,
    atr_retained: int = 0,
    res_supply: int = 0,
    nod_supply: int = 0,
    nod_pool: int = 0,
    nod_issued: int = 0,
    nod_residue: int = 0,
    nod_balances: bytes = EMPTY_BALANCES,
) -> TokenStateBundle:
    """A checked snapshot of all six tokens; a figure that is not given is 0.

    Base units; see the states for the bounds. An error names the argument.

    Raises:
        WrongTypeError, NullValueError, OutOfRangeError: a figure is no integer of its bounds.
        StateError: the figures contradict one another: issued = supply + pool and
            fees = retained + issued.
    """
    return TokenStateBundle(
        chr_state=TokenState("chr", chr_supply),
        flx_state=TokenState("flx", flx_supply),
        psync_state=TokenState("psync", psync_supply),
        atr_state=AtrState(atr_fees, atr_retained),
        res_state=TokenState("res", res_supply),
        nod_state=NodState(nod_supply, nod_pool, nod_issued, nod_residue, nod_balances),
    )


_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _Supply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    supply: str


class _Atr(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fees: str
    retained: str


class _Nod(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    supply: str
    pool: str
    issued: str
    residue: str
    balances: _Digest


class _Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    chr: _Supply
    flx: _Supply
    psync: _Supply
    atr: _Atr
    res: _Supply
    nod: _Nod


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["qfs-tokens-v1"]
    digest: _Digest
    tokens: _Tokens


def load_token_state_bundle(data: bytes) -> TokenStateBundle:
    """The snapshot of these bytes, which `TokenStateBundle.to_bytes` gave.

    Raises:
        EvidenceError: they are no snapshot, or not in canonical form.
        VerificationError: they do not have the digest that they carry.
        NumberTextError, OutOfRangeError, StateError: a figure is no integer, is out of its
            bounds, or contradicts the others.
    """
    found = canonical.decode(data, _Document, "tokens")
    digest = _digest_of(found.tokens)
    # First of all, so that a damaged figure is not taken for one that somebody wrote.
    if found.digest != digest.hex():
        raise VerificationError(
            f"the figures have the digest {digest.hex()}, not {found.digest}",
            argument="tokens",
            value=found.digest,
            expected=digest.hex(),
        )
    given: dict[str, Any] = {
        f"{token}_{name}": text
        for token, figures in msgspec.to_builtins(found.tokens).items()
        for name, text in figures.items()
    }
    balances = bytes.fromhex(given.pop("nod_balances"))
    numbers = {name: parse_integer(text, name) for name, text in given.items()}
    return create_token_state_bundle(**numbers, nod_balances=balances)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardBundle:
    """The six rewards of one calculation, and what its part of NOD leaves.

    Base units, 0 .. 2^128 - 1, the residue in 10^-18 of one.

    Raises:
        WrongTypeError, NullValueError, OutOfRangeError: a figure is no integer of its bounds.
        StateError: the fees are not the rewards of ATR and NOD.
    """

    chr_reward: int
    flx_reward: int
    psync_reward: int
    atr_reward: int
    """what the treasury keeps of the fees"""
    res_reward: int
    nod_reward: int
    """what is issued to the pool of the nodes"""
    fees: int
    """atr_reward + nod_reward"""
    withheld: int
    """what the rate gives and the cap of the epoch refuses; it is part of atr_reward"""
    residue: int
    """0 .. 10^18 - 1, to be handed to the next calculation"""

    def __post_init__(self) -> None:
        for figure in fields(self):
            maximum = BASE_UNITS_PER_TOKEN - 1 if figure.name == "residue" else MAX_SCALAR
            _set_integer(self, figure.name, figure.name, maximum)
        if self.fees != self.atr_reward + self.nod_reward:
            raise StateError(
                f"{self.fees} is not the rewards of ATR and NOD,"
                f" {self.atr_reward} + {self.nod_reward}",
                argument="fees",
                value=self.fees,
            )
        if self.withheld > self.atr_reward:
            raise StateError(
                f"{self.withheld} is more than the reward of ATR, {self.atr_reward}",
                argument="withheld",
                value=self.withheld,
            )

    def document(self) -> dict[str, str]:
        """The figures as text, for canonical JSON."""
        return {figure.name: str(getattr(self, figure.name)) for figure in fields(self)}


def _set_integer(owner: object, name: str, argument: str, maximum: int) -> None:
    """The field as an int of 0 .. maximum; other kinds of integers are made one."""
    value = require_integer(getattr(owner, name), argument, maximum)
    object.__setattr__(owner, name, value)


def _digest_of(tokens: object) -> bytes:
    return tagged_hash(TOKENS_TAG, canonical.encode(tokens))
