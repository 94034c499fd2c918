"""An instance in plain dicts: what its epochs come to by the protocol, in fractions."""

from __future__ import annotations

from dataclasses import dataclass, field

import by_fractions
from joined import Node, Report

from qfs.laws import ScoreCase
from qfs.limits import NOT_REVOKED
from qfs.protocol.ruleset import Ruleset
from qfs.reference.eligibility import Rule

ROLE = b"infrastructure"


@dataclass
class Model:
    """What was recorded, and what it came to. Ids are bytes."""

    rulesets: list[tuple[int, Ruleset]]
    """each with the first epoch that it rules"""
    epoch: int
    """to be closed next"""
    nodes: dict[bytes, Node] = field(default_factory=dict)
    fees: dict[int, dict[tuple[int, bytes], int]] = field(default_factory=dict)
    reports: dict[int, dict[bytes, Report]] = field(default_factory=dict)
    residue: int = 0
    pool: int = 0
    issued: int = 0
    balances: dict[bytes, int] = field(default_factory=dict)

    def rules(self, epoch: int) -> Ruleset:
        """The last rules that are in force by then."""
        return [rules for first, rules in self.rulesets if first <= epoch][-1]

    def register(self, node_id: bytes, role: bytes, tick: int) -> None:
        self.nodes[node_id] = Node(role, tick, NOT_REVOKED)

    def revoke(self, node_id: bytes, tick: int) -> None:
        self.nodes[node_id] = self.nodes[node_id]._replace(revoked=tick)

    def eligible(self) -> list[bytes]:
        """Who is paid for the next epoch, in canonical order."""
        rules, reports = self.rules(self.epoch), self.reports.get(self.epoch, {})
        last = (self.epoch + 1) * rules.epoch_ticks - 1
        rule = Rule(ROLE, last, rules.min_uptime, rules.expected_heartbeats)
        return [
            node_id
            for node_id, report in sorted(reports.items())
            if not any(by_fractions.failed_checks(self.nodes.get(node_id), report, rule).values())
        ]

    def scores(self, node_ids: list[bytes]) -> list[int]:
        """The contributions of these nodes."""
        rules, reports = self.rules(self.epoch), self.reports.get(self.epoch, {})
        columns = [
            ([reports[i][k][0] for i in node_ids], [reports[i][k][1] for i in node_ids])
            for k in range(3)
        ]
        weights = (rules.uptime_weight, rules.storage_weight, rules.ai_weight)
        uptime, storage, ai = columns
        case = ScoreCase(uptime, storage, ai, rules.score_policy, weights, rules.min_samples)
        return by_fractions.score(case)[0]

    def close(self) -> None:
        """Issue, allocate and credit: the next epoch becomes part of the balances."""
        rules = self.rules(self.epoch)
        fees = [fee for _, fee in sorted(self.fees.get(self.epoch, {}).items())]
        _, _, total, self.residue, _ = by_fractions.issue(
            fees, rules.issuance_rate, self.residue, rules.epoch_cap_base_units
        )
        pool = self.pool + total
        self.issued += total
        paid_nodes = self.eligible()
        amounts, self.pool = [0] * len(paid_nodes), pool
        if len(paid_nodes) >= rules.min_active_nodes:
            cap = pool * rules.max_share // by_fractions.ONE
            amounts, self.pool = by_fractions.allocate(
                pool, self.scores(paid_nodes), None, cap, paid_nodes
            )
        credits_ = dict(zip(paid_nodes, amounts, strict=True))
        self.balances = by_fractions.merge_add(self.balances, credits_)
        self.epoch += 1
