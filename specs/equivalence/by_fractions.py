"""The third implementation: PROTOCOL.md in fractions and dicts, a few lines for each function.

Written from the text of the protocol alone; it shares no step with reference or kernel.
"""

from __future__ import annotations

from fractions import Fraction

from joined import Node, Report

from qfs.laws import Case, ScoreCase
from qfs.limits import BASE_UNITS_PER_TOKEN
from qfs.reference.eligibility import Rule


def allocate(case: Case) -> tuple[list[int], int]:
    """Amounts and what is undistributed: section 4 of the protocol, with fractions."""
    pool, weights, caps, common, keys = case
    rows = range(len(weights))
    # If the sum of weights is 0 and there are nodes, every weight counts as 1.
    if sum(weights) == 0:
        weights = [1 for _ in rows]
    # cap_i is the least of those given.
    given = [[cap for cap in (common, caps and caps[i]) if cap is not None] for i in rows]
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
        quotas = {i: Fraction(left * weights[i], total) for i in rest}
        paid |= {i: quota.numerator // quota.denominator for i, quota in quotas.items()}
        order = sorted(rest, key=lambda i: (paid[i] - quotas[i], i if keys is None else keys[i]))
        for i in order[: left - sum(paid[i] for i in rest)]:
            paid[i] += 1
    amounts = [paid.get(i, 0) for i in rows]
    return amounts, pool - sum(amounts)


def score(case: ScoreCase) -> tuple[list[int], list[bool]]:
    """Scores and neutral metrics: section 3 of the protocol, with fractions."""
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
            exact.append(BASE_UNITS_PER_TOKEN * u * s * a)
        else:
            exact.append(case.weights[0] * u + case.weights[1] * s + case.weights[2] * a)
    return [value.numerator // value.denominator for value in exact], neutral


def failed_checks(node: Node | None, report: Report | None, rule: Rule) -> dict[str, bool]:
    """Which checks an id fails, each looked at by itself, with fractions."""
    ratios = [] if report is None else [*report]
    expected = rule.expected_heartbeats
    n, d = (0, 0) if report is None else report.uptime
    least = Fraction(rule.min_uptime, BASE_UNITS_PER_TOKEN)
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
    """The tables' sums by id, in canonical order."""
    total: dict[bytes, int] = {}
    for table in tables:
        for node_id, value in table.items():
            total[node_id] = total.get(node_id, 0) + value
    return dict(sorted(total.items()))
