"""The third implementation: the protocol in fractions and dicts, a few lines for each function.

Written from the text of the protocol alone; it shares no step with reference or kernel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any

from joined import Node, Report

from qfs.laws import ScoreCase
from qfs.reference.eligibility import Rule

ONE = 10**18


def mul_div(a: int, b: int, c: int, rounding: str = "floor") -> int:
    """Section 1: the exact product divided once, rounded as the name says."""
    exact = Fraction(a * b, c)
    half = Fraction(1, 2)
    directions = {"floor": floor(exact), "ceil": ceil(exact)}
    directions |= {"half_up": floor(exact + half), "half_down": ceil(exact - half)}
    return directions[rounding]


def issue(
    fees: Sequence[int], rate: int, residue: int, room: int | None
) -> tuple[list[int], int, int, int, int]:
    """Section 2: issued, withheld, total, residue and fees, from running sums without a residue."""
    earned = [Fraction(residue, ONE)]
    for fee in fees:
        earned.append(earned[-1] + Fraction(rate, ONE) * fee)
    # Of all that was earned so far, whole base units alone are issued.
    due = [floor(sum_) for sum_ in earned]
    given = due if room is None else [min(sum_, room) for sum_ in due]
    issued = [after - before for before, after in pairwise(given)]
    return issued, due[-1] - given[-1], given[-1], int((earned[-1] - due[-1]) * ONE), sum(fees)


def allocate(
    pool: int,
    weights: Sequence[int],
    caps: Sequence[int] | None = None,
    common_cap: int | None = None,
    tie_keys: Sequence[Any] | None = None,
) -> tuple[list[int], int]:
    """Section 4: amounts and what is undistributed."""
    rows = range(len(weights))
    # If the sum of weights is 0 and there are nodes, every weight counts as 1.
    if sum(weights) == 0:
        weights = [1 for _ in rows]
    # cap_i is the least of those given.
    own = [None] * len(weights) if caps is None else caps
    given = [[cap for cap in (common_cap, own[i]) if cap is not None] for i in rows]
    paid, rest, left, total = {}, [*rows], pool, sum(weights)
    while True:
        # A node whose proportional share of what is left would exceed its cap is paid its cap
        # and leaves. One at a time and the last first: the protocol says the result is unique.
        shares = {i: Fraction(left * weights[i], total) for i in rest if weights[i]}
        over = [i for i, share in shares.items() if given[i] and share > min(given[i])]
        if not over:
            break
        leaver = over[-1]
        paid[leaver] = min(given[leaver])
        left, total = left - paid[leaver], total - weights[leaver]
        rest.remove(leaver)
    if total:
        # The rest share by largest remainder; ties go to the lower id, or by position.
        keys = rows if tie_keys is None else tie_keys
        quotas = {i: Fraction(left * weights[i], total) for i in rest}
        paid |= {i: floor(quota) for i, quota in quotas.items()}
        order = sorted(rest, key=lambda i: (paid[i] - quotas[i], keys[i]))
        for i in order[: left - sum(paid[i] for i in rest)]:
            paid[i] += 1
    amounts = [paid.get(i, 0) for i in rows]
    return amounts, pool - sum(amounts)


def score(case: ScoreCase) -> tuple[list[int], list[bool]]:
    """Section 3: scores and neutral metrics."""
    rows = range(len(case.uptime[0]))
    parts: list[list[Fraction]] = []
    neutral = []
    for numerators, denominators in (case.uptime, case.storage, case.ai):
        # A ratio with d below min_samples is unassessed and counts as 0.
        assessed = [i for i in rows if denominators[i] >= case.min_samples]
        part = [Fraction(0) for _ in rows]
        for i in assessed:
            part[i] = Fraction(numerators[i], denominators[i])
        # A metric that is unassessed for every node is neutral (1) for all, and recorded.
        neutral.append(assessed == [] and len(rows) > 0)
        parts.append([Fraction(1) for _ in rows] if neutral[-1] else part)
    exact = []
    for u, s, a in zip(*parts, strict=True):
        if case.policy == "product":
            exact.append(ONE * u * s * a)
        else:
            exact.append(case.weights[0] * u + case.weights[1] * s + case.weights[2] * a)
    return [floor(value) for value in exact], neutral


def failed_checks(node: Node | None, report: Report | None, rule: Rule) -> dict[str, bool]:
    """Section 3: which checks an id fails, each looked at by itself, in their order."""
    ratios = [] if report is None else [*report]
    expected = rule.expected_heartbeats
    n, d = (0, 0) if report is None else report.uptime
    least = Fraction(rule.min_uptime, ONE)
    return {
        "not_registered": node is None or node.registered > rule.last_tick,
        "wrong_role": node is not None and node.role != rule.role,
        "revoked": node is not None and node.revoked <= rule.last_tick,
        "no_telemetry": report is None,
        "malformed": any(n > d for n, d in ratios) or (expected > 0 and d != expected),
        "no_uptime": d == 0,
        "low_uptime": d == 0 or Fraction(n, d) < least,
    }


def merge_add(*tables: dict[bytes, int]) -> dict[bytes, int]:
    """Section 5: balances and allocations, summed by id, in canonical order."""
    total: dict[bytes, int] = {}
    for table in tables:
        for node_id, value in table.items():
            total[node_id] = total.get(node_id, 0) + value
    return dict(sorted(total.items()))


def root(leaves: Sequence[bytes]) -> bytes:
    """Section 7, RFC 9162: level by level, a last node without a sibling going up as it is."""
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [
            hashlib.sha256(b"\1" + b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs
        ]
    return level[0] if level else hashlib.sha256(b"").digest()


def sum_root(ballots: Sequence[tuple[int, int, int, int]]) -> tuple[bytes, tuple[int, ...]]:
    """Section 7: hash and sums over ballots (seq, voter, choice, power), level by level."""

    def tagged(tag: bytes, text: bytes) -> bytes:
        return hashlib.sha256(bytes([len(tag)]) + tag + text).digest()

    level = []
    for seq, voter, choice, power in ballots:
        text = f"{seq:016x}{voter:08x}{choice:02x}{power:032x}"
        sums = tuple(power * (choice == one) for one in (1, 0, 2))
        level.append((tagged(b"qfs/tally-leaf/v1", bytes.fromhex(text)), sums))
    while len(level) > 1:
        above = []
        for i in range(0, len(level) - 1, 2):
            # Each child as its hash, then its sums for, against and abstaining.
            text = "".join(
                h.hex() + "".join(f"{s:032x}" for s in sums) for h, sums in level[i:][:2]
            )
            sums = tuple(map(sum, zip(level[i][1], level[i + 1][1], strict=True)))
            above.append((tagged(b"qfs/tally-node/v1", bytes.fromhex(text)), sums))
        level = above + level[2 * len(above) :]
    return level[0] if level else (hashlib.sha256(b"").digest(), (0, 0, 0))


def tally(
    ballots: Sequence[tuple[int, int, int]], powers: Sequence[int], cap: int | None
) -> list[int]:
    """Section 6: powers against, for and abstaining, of ballots (seq, voter, choice)."""
    sums = [0, 0, 0]
    have_voted = set()
    for _, voter, choice in sorted(ballots):
        # Of a voter's ballots the one with the lowest seq counts.
        if voter < len(powers) and voter not in have_voted:
            have_voted.add(voter)
            # Power = min(balance, cap).
            sums[choice] += powers[voter] if cap is None else min(powers[voter], cap)
    return sums
