"""The rules once more, written from the text of the specification, with hashlib and json alone.

It shares no code with the package, reads no file and is no faster than it must be: it is what the
published vectors are checked against, so that they are vectors of the text and not of the code.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

ONE = 10**18
NEVER = 2**53 - 1

Rows = list[list[str]]

KINDS = {
    "nodes": ["text", "amount"],
    "fees": ["tick", "text", "amount"],
    "allocations": ["text", "amount", "amount", "amount"],
    "registry": ["text", "text", "text", "text", "tick", "tick"],
    "telemetry": ["text", "tick", "count", "count", "count", "count", "count", "count"],
    "balances": ["text", "amount"],
    "excluded": ["text", "text"],
}
WIDTHS = {"amount": 16, "tick": 8, "count": 4}


# Section 2. Hashes


def h(tag: str, *fields: bytes) -> bytes:
    return hashlib.sha256(bytes([len(tag)]) + tag.encode() + b"".join(fields)).digest()


def sized(field: bytes) -> bytes:
    return len(field).to_bytes(2, "big") + field


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def tree(leaves: list[bytes]) -> bytes:
    """The RFC 9162 root over these data."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:split]) + tree(leaves[split:])).digest()


def signed_bytes(purpose: str, message: bytes) -> bytes:
    return bytes([len(purpose)]) + purpose.encode() + message


# Section 5. Tables


def leaf(schema: str, row: list[str]) -> bytes:
    return b"".join(
        sized(text.encode()) if kind == "text" else int(text).to_bytes(WIDTHS[kind], "big")
        for kind, text in zip(KINDS[schema], row, strict=True)
    )


def named(schema: str, rows: Rows) -> dict[str, Any]:
    """What names a table: rows, root and digest."""
    root = tree([leaf(schema, row) for row in rows])
    digest = h("qfs/table/v1", sized(schema.encode()), len(rows).to_bytes(8, "big"), root)
    return {"rows": len(rows), "root": root.hex(), "digest": digest.hex()}


# RFC 8032, section 5.1.6: Ed25519

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)

Point = tuple[int, int]


def _add(one: Point, other: Point) -> Point:
    (x, y), (u, v) = one, other
    t = D * x * u * y * v % P
    return (x * v + u * y) * pow(1 + t, -1, P) % P, (y * v + x * u) * pow(1 - t, -1, P) % P


def _times(number: int, point: Point) -> Point:
    found = (0, 1)
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def _encoded(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def _secret(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    return int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254, digest[32:]


def public_key(seed: bytes) -> str:
    return f"ed25519:{_encoded(_times(_secret(seed)[0], BASE)).hex()}"


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    secret, prefix = _secret(seed)
    public = _encoded(_times(secret, BASE))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    start = _encoded(_times(r, BASE))
    k = int.from_bytes(hashlib.sha512(start + public + message).digest(), "little") % L
    return start + ((r + k * secret) % L).to_bytes(32, "little")


# Sections 3, 4 and 13. Issuance, allocation, scores


def in_units(text: str) -> int:
    whole, _, decimals = text.partition(".")
    return int(whole) * ONE + int(decimals.ljust(18, "0"))


def issue(fees: list[int], rate: int, residue: int, room: int) -> tuple[int, int, int]:
    """Issued, withheld and the new residue."""
    issued = withheld = 0
    for fee in fees:
        raw, residue = divmod(residue + fee * rate, ONE)
        taken = min(raw, room - issued)
        issued, withheld = issued + taken, withheld + raw - taken
    return issued, withheld, residue


def allocate(
    pool: int, weights: dict[str, int], cap: int, tie_break: str, epoch: int
) -> tuple[dict[str, int], dict[str, Any]]:
    """The amounts by id, and the figures of the manifest that decided them."""
    fallback = bool(weights) and not any(weights.values())
    if fallback:
        weights = dict.fromkeys(weights, 1)
    paid: dict[str, int] = {}
    rest = dict(weights)
    while True:
        left, whole = pool - sum(paid.values()), sum(rest.values())
        capped = [node for node, weight in rest.items() if left * weight > cap * whole]
        if not capped:
            break
        paid |= dict.fromkeys(capped, cap)
        rest = {node: weight for node, weight in rest.items() if node not in capped}
    shares = {node: divmod(left * w, whole) if whole else (0, 0) for node, w in rest.items()}

    def order(node: str) -> tuple[int, bytes]:
        tie = h("qfs/tie/v1", epoch.to_bytes(8, "big"), sized(node.encode()))
        return -shares[node][1], tie if tie_break == "rotating" else node.encode()

    leftover = left - sum(share for share, _ in shares.values()) if whole else 0
    lucky = sorted(rest, key=order)[:leftover]
    figures: dict[str, Any] = {
        "capped": len(paid),
        "fallback": fallback,
        "leftover": leftover,
        "shared_pool": str(left),
        "shared_weight": str(whole),
        "total_weight": str(sum(weights.values())),
    }
    if lucky:
        figures["cut"] = str(min(shares[node][1] for node in lucky))
    return paid | {n: share + (n in lucky) for n, (share, _) in shares.items()}, figures


def score(counts: dict[str, list[int]], rules: dict[str, Any]) -> tuple[dict[str, int], list[str]]:
    """The scores by id, of rows of six counts each, and the neutral metrics."""
    least, metrics = rules["min_samples"], ("uptime", "storage", "ai")
    neutral = [
        name
        for k, name in enumerate(metrics)
        if counts and all(row[2 * k + 1] < least for row in counts.values())
    ]
    found = {}
    for node, row in counts.items():
        pairs = [
            (1, 1) if name in neutral else (row[2 * k], row[2 * k + 1])
            for k, name in enumerate(metrics)
        ]
        (u, all_u), (s, all_s), (a, all_a) = (
            pair if name in neutral or pair[1] >= least else (0, 1)
            for name, pair in zip(metrics, pairs, strict=True)
        )
        below = all_u * all_s * all_a
        x, y, z = (in_units(rules[f"{name}_weight"]) for name in metrics)
        above = x * u * all_s * all_a + y * all_u * s * all_a + z * all_u * all_s * a
        product = ONE * u * s * a // below
        found[node] = product if rules["policy"] == "product" else above // below
    return found, neutral


# Section 16. Eligibility


def reason(node: list[str] | None, counts: list[int] | None, last: int, rules: Any) -> str | None:
    """The first reason against a node, or None."""
    if node is None or int(node[4]) > last:
        return "not_registered"
    if node[2] != "infrastructure":
        return "wrong_role"
    if int(node[5]) <= last:
        return "revoked"
    if counts is None:
        return "no_telemetry"
    expected = rules["expected_heartbeats"]
    if any(counts[k] > counts[k + 1] for k in (0, 2, 4)) or expected not in (0, counts[1]):
        return "malformed"
    if counts[1] == 0:
        return "no_uptime"
    if counts[0] * ONE < in_units(rules["min_uptime"]) * counts[1]:
        return "low_uptime"
    return None


# Sections 14, 15 and 17 to 19. Genesis, registry, events, closing, state


class Instance:
    """An instance, which believes every event: it refuses none, and computes what follows."""

    def __init__(self, genesis: str) -> None:
        document = json.loads(genesis)
        self.id = h("qfs/instance/v1", genesis.encode())
        self.spec_version: int = document["spec_version"]
        self.registrar: str = document["registrar"]
        self.epoch: int = document["first_epoch"]
        self.rulesets: list[tuple[int, dict[str, Any]]] = [(self.epoch, document["ruleset"])]
        self.epoch_ticks: int = document["ruleset"]["epoch"]["ticks"]
        self.tick = self.epoch * self.epoch_ticks
        self.registry: dict[str, list[str]] = {}
        self.balances: dict[str, int] = {}
        self.batches: list[tuple[int, str, str, Rows]] = []
        self.signed: dict[str, int] = {}
        self.manifest = ""
        self.supplies = dict.fromkeys(("chr", "flx", "psync", "res"), 0)
        self.atr = {"fees": 0, "retained": 0}
        self.nod = {"supply": 0, "pool": 0, "issued": 0, "residue": 0}
        self.closed: dict[str, Rows] = {}
        """The tables of the epoch that was closed last."""
        self.document: dict[str, Any] = {}
        """Its manifest."""

    def ruleset_of(self, epoch: int) -> dict[str, Any]:
        return [rules for first, rules in self.rulesets if first <= epoch][-1]

    def message(self, body: dict[str, Any]) -> bytes:
        """What the signer of an event signs."""
        by_registrar = body["type"].startswith(("registry.", "ruleset."))
        unsigned = {k: v for k, v in body["payload"].items() if k != "signature"}
        document = {"instance": self.id.hex(), "payload": unsigned}
        document |= {"tick": body["tick"], "type": body["type"]}
        purpose = "qfs/registrar/v1" if by_registrar else "qfs/report/v1"
        return signed_bytes(purpose, canonical(document))

    def apply(self, body: dict[str, Any], rows: Rows) -> None:
        payload, kind, self.tick = body["payload"], body["type"], body["tick"]
        if "signature" in payload:
            signer = payload.get("reporter", "")
            assert payload["nonce"] == self.signed.get(signer, 0)
            self.signed[signer] = payload["nonce"] + 1
        if kind == "registry.register":
            self.registry |= {row[0]: row for row in rows}
        elif kind == "registry.rotate_key":
            self.registry[payload["node_id"]][3] = payload["public_key"]
        elif kind == "registry.revoke":
            self.registry[payload["node_id"]][5] = str(self.tick)
        elif kind == "ruleset.change":
            first = self.tick // self.epoch_ticks + 1
            kept = [entry for entry in self.rulesets if entry[0] < first]
            self.rulesets = [*kept, (first, payload["ruleset"])]
        elif kind == "reward.record":
            self.reward(payload)
        elif kind == "epoch.close":
            self.close()
        else:
            table = kind.removesuffix(".record")
            self.batches.append((payload["epoch"], payload["reporter"], table, rows))

    def reward(self, payload: dict[str, str]) -> None:
        m = ONE + int(payload["c_holo"]) // 10
        chr_reward = int(payload["s_chr"]) * int(payload["action_cost"]) // ONE * m // ONE
        flx_reward = chr_reward * (ONE // 10) // ONE * m // ONE
        for token, reward in zip(
            ("chr", "flx", "psync", "res"), (chr_reward, flx_reward, m, m), strict=True
        ):
            self.supplies[token] += reward

    def rows_of(self, table: str) -> Rows:
        batches = [b[3] for b in self.batches if (b[0], b[2]) == (self.epoch, table)]
        return [row for rows in batches for row in rows]

    def close(self) -> None:
        """Close the next epoch: section 18, step by step."""
        epoch, rules = self.epoch, self.ruleset_of(self.epoch)
        last = (epoch + 1) * self.epoch_ticks - 1
        fees = sorted(self.rows_of("fees"), key=lambda row: (int(row[0]), row[1].encode()))
        telemetry = sorted(self.rows_of("telemetry"))
        counts = {row[0]: [int(text) for text in row[2:]] for row in telemetry}
        excluded, eligible = [], {}
        for node in sorted({*self.registry, *counts}):
            why = reason(self.registry.get(node), counts.get(node), last, rules["eligibility"])
            if why is None:
                eligible[node] = counts[node]
            else:
                excluded.append([node, why])
        weights, neutral = score(eligible, rules["scoring"])
        rate, room = (in_units(rules["issuance"][name]) for name in ("rate", "epoch_cap"))
        opening = dict(self.nod)
        taken = [int(fee) for _, _, fee in fees]
        issued, withheld, residue = issue(taken, rate, opening["residue"], room)
        pool = opening["pool"] + issued
        allocation = rules["allocation"]
        cap = pool * in_units(allocation["max_share"]) // ONE
        enough = len(weights) >= allocation["min_active_nodes"]
        shared = pool if enough else 0
        amounts, figures = allocate(shared, weights, cap, allocation["tie_break"], epoch)
        for node, amount in amounts.items():
            self.balances[node] = self.balances.get(node, 0) + amount
        paid = sum(amounts.values())
        self.nod["supply"] += paid
        self.nod |= {"pool": pool - paid, "issued": opening["issued"] + issued, "residue": residue}
        self.atr["fees"] += sum(taken)
        self.atr["retained"] += sum(taken) - issued
        self.closed = {
            "registry": [self.registry[node] for node in sorted(self.registry)],
            "telemetry": telemetry,
            "fees": fees,
            "excluded": excluded,
            "allocations": [
                [node, str(weights[node]), str(cap), str(amounts[node])] for node in weights
            ],
        }
        reasons = [why for _, why in excluded]
        self.document = {
            "format": "qfs-evidence-v1",
            "spec_version": self.spec_version,
            "epoch": epoch,
            "opening": {name: str(opening[name]) for name in ("issued", "pool", "residue")},
            "closing": {name: str(self.nod[name]) for name in ("issued", "pool", "residue")},
            "ruleset": rules,
            "ruleset_digest": h("qfs/ruleset/v1", canonical(rules)).hex(),
            "tables": {schema: named(schema, rows) for schema, rows in self.closed.items()},
            "issuance": {
                "fees": str(sum(taken)),
                "issued": str(issued),
                "withheld": str(withheld),
                "retained": str(sum(taken) - issued),
            },
            "allocation": figures
            | {
                "pool": str(pool),
                "paid": str(paid),
                "undistributed": str(pool - paid),
                "too_few_nodes": not enough,
            },
            "scoring": {
                "eligible": len(weights),
                "excluded": {why: reasons.count(why) for why in reasons},
                "neutral": neutral,
            },
        }
        if self.manifest:
            self.document["previous"] = self.manifest
        self.manifest = h("qfs/evidence/v1", canonical(self.document)).hex()
        self.epoch += 1
        self.batches = [batch for batch in self.batches if batch[0] != epoch]
        later = [entry for entry in self.rulesets if entry[0] > self.epoch]
        self.rulesets = [(self.epoch, self.ruleset_of(self.epoch)), *later]

    def balances_named(self) -> dict[str, Any]:
        rows = [[node, str(balance)] for node, balance in sorted(self.balances.items())]
        return named("balances", rows)

    def tokens(self) -> dict[str, Any]:
        texts = {token: {"supply": str(supply)} for token, supply in self.supplies.items()}
        texts["atr"] = {name: str(value) for name, value in self.atr.items()}
        nod = {name: str(value) for name, value in self.nod.items()}
        return texts | {"nod": nod | {"balances": self.balances_named()["digest"]}}

    def state(self) -> bytes:
        """The state document of section 19."""
        registry = [self.registry[node] for node in sorted(self.registry)]
        return canonical(
            {
                "spec_version": self.spec_version,
                "instance": self.id.hex(),
                "registrar": self.registrar,
                "epoch": self.epoch,
                "tick": self.tick,
                "manifest": self.manifest,
                "rulesets": [
                    {"first_epoch": first, "ruleset": rules} for first, rules in self.rulesets
                ],
                "tokens": h("qfs/tokens/v1", canonical(self.tokens())).hex(),
                "registry": named("registry", registry),
                "balances": self.balances_named(),
                "batches": [
                    {"epoch": epoch, "reporter": who, "kind": kind} | named(kind, rows)
                    for epoch, who, kind, rows in self.batches
                ],
                "signed": self.signed,
            }
        )
