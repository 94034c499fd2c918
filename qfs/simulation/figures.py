"""The figures of a simulation: integers, amounts as decimal strings of base units."""

from __future__ import annotations

from typing import Any, Final

from qfs.protocol.closing import Closing
from qfs.protocol.state import State
from qfs.rows import rows_of

TOP_NODES: Final = 10


def epoch_figures(found: Closing, tick: int) -> dict[str, Any]:
    """What closing an epoch at a tick came to."""
    manifest, ruleset = found.manifest, found.closed.ruleset
    scoring = manifest.scoring
    assert scoring is not None, "a session scores by telemetry"
    issuance, allocation = manifest.issuance, manifest.allocation
    end = (manifest.epoch + 1) * ruleset.epoch_ticks
    return {
        "epoch": manifest.epoch,
        "closed_at_tick": tick,
        "ticks_after_its_end": tick - end,
        "ruleset_version": ruleset.version,
        "ruleset_digest": manifest.ruleset_digest,
        "actions": len(found.closed.fees),
        "fees": issuance.fees,
        "issued": issuance.issued,
        "withheld": issuance.withheld,
        "retained": issuance.retained,
        "residue": manifest.closing.residue,
        "pool": allocation.pool,
        "paid": allocation.paid,
        "undistributed": allocation.undistributed,
        "eligible": scoring.eligible,
        "excluded": scoring.excluded,
        "neutral": scoring.neutral,
        "capped": allocation.capped,
        "equal_split": allocation.fallback,
        "too_few_nodes": allocation.too_few_nodes,
        "cap_reached": issuance.withheld != "0",
        "manifest": manifest.digest.hex(),
        "state": found.state.digest.hex(),
    }


def final_figures(state: State) -> dict[str, Any]:
    """Who holds what in the end. Shares are sums of balances beside the supply: exact."""
    rows = sorted(rows_of(state.balances), key=lambda row: (-row[1], row[0]))
    balances = [balance for _, balance in rows]
    nod, atr = state.tokens.nod_state, state.tokens.atr_state
    tenth, half = -(-len(rows) // 10), len(rows) // 2
    return {
        "nodes_with_balance": len(rows),
        "supply": str(nod.supply),
        "pool": str(nod.pool),
        "issued": str(nod.issued),
        "residue": str(nod.residue),
        "fees": str(atr.fees),
        "retained": str(atr.retained),
        "rewards": {
            "chr": str(state.tokens.chr_state.supply),
            "flx": str(state.tokens.flx_state.supply),
            "psync": str(state.tokens.psync_state.supply),
            "res": str(state.tokens.res_state.supply),
        },
        "top_nodes": [
            {"node_id": node, "balance": str(balance), "revoked": _is_revoked(state, node)}
            for node, balance in rows[:TOP_NODES]
        ],
        "shares": {
            "largest": str(sum(balances[:1])),
            "top_tenth": {"nodes": tenth, "balance": str(sum(balances[:tenth]))},
            "lower_half": {"nodes": half, "balance": str(sum(balances[len(rows) - half :]))},
        },
    }


def vote_figures(state: State) -> list[dict[str, Any]]:
    """Where each proposal stands in the end."""
    found = (state.governance.standing(vote.proposal.id, state.tick) for vote in state.governance)
    return [
        {
            "proposal": standing.proposal.id.hex(),
            "type": standing.proposal.type,
            "proposer": standing.proposal.proposer,
            "created_at_tick": standing.proposal.tick,
            "emergency": standing.proposal.terms.emergency,
            "state": standing.state,
            **({"reason": standing.reason} if standing.reason else {}),
            "supply": str(standing.proposal.terms.supply),
            "for": str(standing.powers.yes),
            "against": str(standing.powers.no),
            "abstain": str(standing.powers.abstain),
            "quorum": str(standing.quorum_needed),
            "voters": standing.voters,
            "refused": standing.refused,
            "closed_at_tick": standing.close_tick,
        }
        for standing in found
    ]


def _is_revoked(state: State, node_id: str) -> bool:
    node = state.registry.get(node_id)
    assert node is not None, "only registered nodes hold a balance"
    return node.revoked
