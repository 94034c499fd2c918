"""The ruleset: the numbers that an epoch is closed by, versioned and hashed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from qfs import canonical
from qfs.columns import require_integer
from qfs.decimals import format_tokens, parse_rate, parse_tokens
from qfs.errors import OutOfRangeError, QfsError, RulesetError, UnknownOptionError, shown
from qfs.hashing import RULESET_TAG, tagged_hash
from qfs.ids import TIE_BREAKS
from qfs.limits import BASE_UNITS_PER_TOKEN, MAX_COUNT, MAX_ROWS, MAX_TICK, MAX_VALUE
from qfs.protocol.governance_rules import (
    DEFAULTS,
    MAX_POWER_SHARE,
    MAX_QUORUM,
    MIN_QUORUM,
    TURNOUTS,
    GovernanceRules,
)
from qfs.reference.scoring import POLICIES as SCORE_POLICIES

MIN_ISSUANCE_RATE: Final = BASE_UNITS_PER_TOKEN // 100
MAX_ISSUANCE_RATE: Final = BASE_UNITS_PER_TOKEN * 15 // 100
MAX_TEXT_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """Checked rules. Every field has a default; `from_toml` reads the others."""

    version: int = 1
    """number of this ruleset, 1 .. 2^53 - 1"""
    epoch_ticks: int = 512
    """an epoch is tick div epoch_ticks"""
    issuance_rate: int = BASE_UNITS_PER_TOKEN // 10
    """of ATR fees, in 10^-18, 0.01 .. 0.15"""
    epoch_cap_base_units: int = 1_000_000 * BASE_UNITS_PER_TOKEN
    """the most that one epoch issues"""
    max_share: int = BASE_UNITS_PER_TOKEN * 3 // 10
    """the most of the pool that one node is paid, in 10^-18"""
    min_active_nodes: int = 3
    """with fewer nothing is paid"""
    tie_break: str = "id"
    """"id" or "rotating\""""
    max_nodes_per_operator: int = 1
    """unrevoked infrastructure nodes, which is what makes a cap per node mean something"""
    min_uptime: int = BASE_UNITS_PER_TOKEN * 9 // 10
    """the least uptime that is paid, in 10^-18"""
    expected_heartbeats: int = 0
    """what every uptime is counted of; 0 takes the number that is reported"""
    min_samples: int = 1
    """a ratio of fewer is unassessed"""
    score_policy: str = "product"
    """"product" or "weighted_sum\""""
    uptime_weight: int = BASE_UNITS_PER_TOKEN * 4 // 10
    """of "weighted_sum", in 10^-18; the three sum to exactly 1"""
    storage_weight: int = BASE_UNITS_PER_TOKEN * 3 // 10
    ai_weight: int = BASE_UNITS_PER_TOKEN * 3 // 10
    governance: GovernanceRules = DEFAULTS

    def document(self) -> dict[str, Any]:
        """The rules as text and integers, as they are hashed and recorded.

        Rules of votes that are the default are left out, and with them a section of none.
        """
        votes = {
            path.partition(".")[2]: format_tokens(value) if field in _SHARES else value
            for path, (field, _) in _GOVERNANCE.items()
            if (value := getattr(self.governance, field)) != getattr(DEFAULTS, field)
        }
        return {
            "version": self.version,
            "epoch": {"ticks": self.epoch_ticks},
            "issuance": {
                "rate": format_tokens(self.issuance_rate),
                "epoch_cap": format_tokens(self.epoch_cap_base_units),
            },
            "allocation": {
                "max_share": format_tokens(self.max_share),
                "min_active_nodes": self.min_active_nodes,
                "tie_break": self.tie_break,
            },
            "registry": {"max_nodes_per_operator": self.max_nodes_per_operator},
            "eligibility": {
                "min_uptime": format_tokens(self.min_uptime),
                "expected_heartbeats": self.expected_heartbeats,
            },
            "scoring": {
                "policy": self.score_policy,
                "min_samples": self.min_samples,
                "uptime_weight": format_tokens(self.uptime_weight),
                "storage_weight": format_tokens(self.storage_weight),
                "ai_weight": format_tokens(self.ai_weight),
            },
            **({"governance": votes} if votes else {}),
        }

    @property
    def digest(self) -> bytes:
        """What names the ruleset, 32 bytes."""
        return tagged_hash(RULESET_TAG, canonical.encode(self.document()))


def from_toml(text: bytes, source: str) -> Ruleset:
    """The ruleset of a TOML document.

    Raises:
        RulesetError: it is not TOML, or has a field that no ruleset has.
        QfsError: a field of the wrong type or out of its bounds; the error names it.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise RulesetError(f"longer than {MAX_TEXT_BYTES} bytes", source=source)
    try:
        # Decimals stay text, so that a rate written as a float can be refused by its name.
        document = tomllib.loads(text.decode("utf-8"), parse_float=_FloatText)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RulesetError(f"not a TOML document: {error}", source=source) from error
    try:
        return from_document(document)
    except QfsError as error:
        error.source = source
        raise


def from_document(document: Mapping[str, Any]) -> Ruleset:
    """The ruleset of a mapping such as `Ruleset.document` gives; absent fields have defaults."""
    given: dict[str, Any] = {}
    _collect(document, "", given)
    values: dict[str, Any] = {}
    votes: dict[str, Any] = {}
    for path, value in given.items():
        if path in _GOVERNANCE:
            name, check = _GOVERNANCE[path]
            votes[name] = check(value, path)
            continue
        if path not in _FIELDS:
            fields_known = ", ".join((*_FIELDS, *_GOVERNANCE))
            raise RulesetError(
                f"no such field; a ruleset has {fields_known}", argument=path, value=value
            )
        name, check = _FIELDS[path]
        values[name] = check(value, path)
    ruleset = Ruleset(**values, governance=GovernanceRules(**votes))
    _require_whole(ruleset)
    return ruleset


def _require_whole(ruleset: Ruleset) -> None:
    weights = (ruleset.uptime_weight, ruleset.storage_weight, ruleset.ai_weight)
    if sum(weights) != BASE_UNITS_PER_TOKEN:
        raise RulesetError(
            f"the weights {', '.join(map(format_tokens, weights))} sum to"
            f" {format_tokens(sum(weights))}, not to 1",
            argument="scoring",
        )


class _FloatText(str):
    """A TOML float as it was written; it is refused wherever it stands."""

    __slots__ = ()


def _collect(document: Mapping[str, Any], prefix: str, into: dict[str, Any]) -> None:
    for key, value in document.items():
        if isinstance(value, Mapping) and not prefix:
            _collect(value, f"{key}.", into)
        else:
            into[f"{prefix}{key}"] = value


def _text(value: object, path: str) -> object:
    if isinstance(value, _FloatText):
        raise RulesetError(f'{value} is a float; write it as text, "{value}"', argument=path)
    return value


def _count(minimum: int, maximum: int) -> Callable[[object, str], int]:
    def check(value: object, path: str) -> int:
        count = require_integer(_text(value, path), path, maximum)
        if count < minimum:
            raise OutOfRangeError(
                f"{count} is outside {minimum} .. {maximum}", argument=path, value=value
            )
        return count

    return check


def _rate(value: object, path: str) -> int:
    rate = parse_rate(_text(value, path), path)
    if not MIN_ISSUANCE_RATE <= rate <= MAX_ISSUANCE_RATE:
        raise OutOfRangeError(f"{shown(value)} is outside 0.01 .. 0.15", argument=path, value=value)
    return rate


def _share(value: object, path: str) -> int:
    share = parse_rate(_text(value, path), path)
    if share == 0:
        raise OutOfRangeError("0 would pay nobody", argument=path, value=value)
    return share


def _fraction(value: object, path: str) -> int:
    return parse_rate(_text(value, path), path)


def _quorum(value: object, path: str) -> int:
    quorum = parse_rate(_text(value, path), path)
    if not MIN_QUORUM <= quorum <= MAX_QUORUM:
        raise OutOfRangeError(f"{shown(value)} is outside 0.51 .. 0.9", argument=path, value=value)
    return quorum


def _power_share(value: object, path: str) -> int:
    share = parse_rate(_text(value, path), path)
    if not 0 < share <= MAX_POWER_SHARE:
        raise OutOfRangeError(
            f"{shown(value)} is not above 0 and at most 0.25", argument=path, value=value
        )
    return share


def _cap(value: object, path: str) -> int:
    return parse_tokens(_text(value, path), path, MAX_VALUE)


def _word(accepted: tuple[str, ...]) -> Callable[[object, str], str]:
    def check(value: object, path: str) -> str:
        if not isinstance(value, str) or value not in accepted:
            raise UnknownOptionError(
                f"{shown(value)} is none of {', '.join(accepted)}", argument=path, value=value
            )
        return value

    return check


_FIELDS: Final[dict[str, tuple[str, Callable[[object, str], Any]]]] = {
    "version": ("version", _count(1, MAX_TICK)),
    "epoch.ticks": ("epoch_ticks", _count(1, MAX_TICK)),
    "issuance.rate": ("issuance_rate", _rate),
    "issuance.epoch_cap": ("epoch_cap_base_units", _cap),
    "allocation.max_share": ("max_share", _share),
    "allocation.min_active_nodes": ("min_active_nodes", _count(1, MAX_ROWS)),
    "allocation.tie_break": ("tie_break", _word(TIE_BREAKS)),
    "registry.max_nodes_per_operator": ("max_nodes_per_operator", _count(1, MAX_ROWS)),
    "eligibility.min_uptime": ("min_uptime", _fraction),
    "eligibility.expected_heartbeats": ("expected_heartbeats", _count(0, MAX_COUNT)),
    "scoring.min_samples": ("min_samples", _count(1, MAX_COUNT)),
    "scoring.policy": ("score_policy", _word(SCORE_POLICIES)),
    "scoring.uptime_weight": ("uptime_weight", _fraction),
    "scoring.storage_weight": ("storage_weight", _fraction),
    "scoring.ai_weight": ("ai_weight", _fraction),
}

_GOVERNANCE: Final[dict[str, tuple[str, Callable[[object, str], Any]]]] = {
    "governance.quorum": ("quorum", _quorum),
    "governance.emergency_quorum": ("emergency_quorum", _quorum),
    "governance.turnout": ("turnout", _word(TURNOUTS)),
    "governance.power_share": ("power_share", _power_share),
    "governance.window_ticks": ("window_ticks", _count(1, MAX_TICK)),
    "governance.timelock_ticks": ("timelock_ticks", _count(0, MAX_TICK)),
    "governance.grace_ticks": ("grace_ticks", _count(1, MAX_TICK)),
    "governance.emergency_window_ticks": ("emergency_window_ticks", _count(1, MAX_TICK)),
    "governance.emergency_timelock_ticks": ("emergency_timelock_ticks", _count(0, MAX_TICK)),
    "governance.cooldown_ticks": ("cooldown_ticks", _count(1, MAX_TICK)),
}
_SHARES: Final = ("quorum", "emergency_quorum", "power_share")

assert [name for name, _ in _FIELDS.values()] == [field.name for field in fields(Ruleset)][:-1]
assert tuple(name for name, _ in _GOVERNANCE.values()) == GovernanceRules._fields
