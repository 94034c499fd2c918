"""Writes specs/vectors/v1.json: inputs chosen here, outputs from the reference.

Run it by hand when the specification gains a hash or a rounding. A published value never changes;
`test_vectors.py` recomputes those of the hashes from the specification's text with hashlib alone.
The vector of a whole log is made by `make_log.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from qfs import canonical, reference, signatures
from qfs.certified import CertifiedMath
from qfs.columns import Column
from qfs.hashing import EVIDENCE_TAG, tagged_hash, tie_hash
from qfs.ids import RotatingKeys, check_ids, check_names
from qfs.ledger.checkpoint import Checkpoint, sign_checkpoint
from qfs.ledger.checkpoints import origin_of
from qfs.ledger.consistency import ConsistencyProof
from qfs.ledger.events import EMPTY, Entry, chain, instance_of
from qfs.ledger.log_proofs import LogProof, ProvedEvent, ProvedRow
from qfs.ledger.note import Signer, to_base64
from qfs.ledger.tree import EventHashes, LogTree
from qfs.limits import MAX_COUNT, MAX_KEY_BYTES, MAX_VALUE, NOT_REVOKED
from qfs.protocol import events as protocol
from qfs.protocol.epoch import ClosedEpoch, Opening, close_epoch
from qfs.protocol.genesis import genesis_of, initial_state
from qfs.protocol.manifest import manifest_of
from qfs.protocol.ruleset import Ruleset, from_toml
from qfs.protocol.tokens import EMPTY_BALANCES, create_token_state_bundle
from qfs.protocol.trace import trace_share
from qfs.protocol.treasury import TreasuryEngine
from qfs.reference import allocation, arithmetic, issuance, merkle, merkle_sum, scoring
from qfs.rows import row_at
from qfs.signatures import ML_DSA_65, from_seed
from qfs.tables import (
    FEES,
    NODES,
    SCHEMAS,
    TableColumn,
    choice_column,
    count_column,
    tick_column,
)
from qfs.tables import canonical as in_order
from qfs.traces import document_of

TOP = 2**128 - 1


def mul_div() -> list[dict[str, str]]:
    cases = [(1, 1, 2), (1, 1, 3), (2, 1, 3), (3, 1, 2), (TOP, TOP, TOP), (TOP, 2, 3), (7, 0, 5)]
    return [
        {
            "a": str(a),
            "b": str(b),
            "c": str(c),
            "rounding": rounding,
            "result": str(arithmetic.mul_div(a, b, c, rounding)),
        }
        for a, b, c in cases
        for rounding in arithmetic.ROUNDINGS
    ]


def issue() -> list[dict[str, Any]]:
    cases: list[tuple[list[int], int, int, int | None]] = [
        ([5, 5], 10**17, 0, None),
        ([1, 2, 3, 10**38 - 1], 150000000000000001, 999999999999999999, None),
        ([1000, 1000, 7], 10**17, 5, 150),
    ]
    found = []
    for fees, rate, residue, room in cases:
        result = issuance.issue(fees, rate, residue, room)
        found.append(
            {
                "fees": [str(fee) for fee in fees],
                "rate": str(rate),
                "residue": str(residue),
                "room": None if room is None else str(room),
                "issued": [str(amount) for amount in result.issued],
                "withheld": str(result.withheld),
                "residue_after": str(result.residue),
            }
        )
    return found


def score() -> list[dict[str, Any]]:
    """Rows of (uptime, storage, ai), each a numerator and a denominator."""
    top = 2**32 - 1
    rows = [
        [[1, 2], [1, 3], [1, 1]],
        [[2, 3], [2, 3], [2, 3]],
        [[1, 7], [1, 7], [1, 7]],
        [[9, 10], [0, 9], [10, 10]],
        [[top - 1, top], [top - 1, top], [top - 1, top]],
        [[top, top], [top, top], [top, top]],
    ]
    unassessed = [[[511, 512], [12, 12], [0, 0]], [[512, 512], [0, 0], [9, 9]]]
    cases: list[dict[str, Any]] = [
        {"rows": rows, "min_samples": 1},
        {"rows": rows, "min_samples": 10},
        {"rows": unassessed, "min_samples": 10},
        {"rows": [], "min_samples": 1},
    ]
    third = 10**18 // 3
    cases += [
        {**case, "weights": [str(weight) for weight in weights]}
        for case in cases
        for weights in ((4 * 10**17, 3 * 10**17, 3 * 10**17), (third, third, 10**18 - 2 * third))
    ]
    for case in cases:
        uptime, storage, ai = (
            ([row[k][0] for row in case["rows"]], [row[k][1] for row in case["rows"]])
            for k in range(3)
        )
        case["policy"] = "weighted_sum" if "weights" in case else "product"
        first, second, last = (int(weight) for weight in case.get("weights", scoring.NO_WEIGHTS))
        rule = (case["policy"], (first, second, last), case["min_samples"])
        result = scoring.score(uptime, storage, ai, *rule)
        case["scores"] = [str(value) for value in result.scores]
        case["neutral"] = list(result.neutral)
    return cases


def allocate() -> list[dict[str, Any]]:
    wei = 10**18
    cases: list[dict[str, Any]] = [
        {"pool": 1000, "weights": [90, 5, 5], "max_share": "0.3"},
        {"pool": 3, "weights": [1, 3, 3]},
        {"pool": 4, "weights": [1, 3, 3]},
        {"pool": 10, "weights": [0, 0, 0, 0]},
        {"pool": 7, "weights": [1, 1, 1, 1, 1], "ids": ["e", "d", "c", "b", "a"]},
        {"pool": 7, "weights": [1, 1, 1, 1, 1], "ids": ["e", "d", "c", "b", "a"], "epoch": 9},
        {"pool": 10**38 - 1, "weights": [10**38 - 1, 1, 317 * wei], "max_share": "0.5"},
        {"pool": 100, "weights": [4, 2, 2, 1, 0], "caps": [10, 11, 30, 5, 50]},
    ]
    for case in cases:
        ids = [node_id.encode() for node_id in case.get("ids", [])]
        keys = RotatingKeys(case["epoch"], ids) if "epoch" in case else ids or None
        share = case.get("max_share")
        cap = None if share is None else arithmetic.share_of(case["pool"], Fraction(share))
        result = allocation.allocate(case["pool"], case["weights"], case.get("caps"), cap, keys)
        case.update(amounts=list(result.amounts), undistributed=result.undistributed)
        for name in ("weights", "caps", "amounts"):
            if name in case:
                case[name] = [str(value) for value in case[name]]
        case.update(pool=str(case["pool"]), undistributed=str(case["undistributed"]))
    return cases


def closed_epoch() -> tuple[str, ClosedEpoch]:
    """A ruleset as TOML, and an epoch closed by it."""
    rules = 'version = 2\nallocation.max_share = "0.4"\nallocation.tie_break = "rotating"\n'
    fees = {
        "tick": tick_column([3584, 3600]),
        "action_id": check_ids(["b", "a"], "ids"),
        "fee": Column.from_ints([999, 10**20]),
    }
    nodes = {
        "node_id": check_ids(["n1", "n2", "n3", "n4"], "ids"),
        "weight": Column.from_ints([70, 10, 10, 10]),
    }
    ruleset = from_toml(rules.encode(), "rules")
    tables = in_order(FEES, fees), in_order(NODES, nodes)
    return rules, close_epoch(7, ruleset, Opening(5, 6, 7), *tables)


def epoch() -> dict[str, Any]:
    rules, closed = closed_epoch()
    ruleset = closed.ruleset
    manifest = canonical.encode(manifest_of(closed, bytes(32)))
    leaves = closed.allocation.table.leaves
    return {
        "ruleset_toml": rules,
        "ruleset_canonical": canonical.encode(ruleset.document()).decode(),
        "ruleset_digest": ruleset.digest.hex(),
        "allocation_leaves": [leaf.hex() for leaf in leaves],
        "allocation_root": merkle.root(leaves).hex(),
        "allocation_digest": closed.allocation.table.digest.hex(),
        "proof_of_n3": [value.hex() for value in merkle.inclusion_proof(leaves, 2)],
        "manifest": manifest.decode(),
        "epoch_digest": tagged_hash(EVIDENCE_TAG, manifest).hex(),
    }


TABLE_ROWS: dict[str, list[tuple[Any, ...]]] = {
    "nodes": [("n1", 10**18), ("n10", MAX_VALUE), ("n2", 0)],
    "fees": [(9, "b", 1), (10, "a", MAX_VALUE), (10, "aa", 0)],
    "allocations": [("n1", 3, 10, 7), ("n2", 2**64, MAX_VALUE, 2**64 + 1)],
    "registry": [
        ("n1", "op-1", "infrastructure", "ed25519:" + "0f" * 32, 5, NOT_REVOKED),
        ("n2", "op-1", "infrastructure", "ml-dsa-65:" + "f0" * 1952, 6, 700),
    ],
    "telemetry": [("n1", 7, 99, 100, 4, 5, 0, 0), ("n2", 7, MAX_COUNT, MAX_COUNT, 1, 2, 65536, 1)],
    "balances": [("n1", 1), ("n2", 0), ("n3", MAX_VALUE)],
    "excluded": [("n4", "revoked"), ("n5", "revoked")],
    "ballots": [
        (9, 0, 1, 1, "0x" + "ab" * 32),
        (10, MAX_COUNT, 2, 2**53 - 1, "0x" + "00" * 32),
        (256, 0, 0, 2, "0x" + "cd" * 32),
    ],
}
"""For each schema the rows of a table in canonical order, amounts in base units."""


def tables() -> list[dict[str, Any]]:
    make: dict[str, Callable[[list[Any]], TableColumn]] = {
        "id": lambda values: check_ids(values, "ids"),
        "name": lambda values: check_names(values, "names"),
        "key": lambda values: check_names(values, "keys", MAX_KEY_BYTES),
        "amount": Column.from_ints,
        "tick": tick_column,
        "count": count_column,
        "choice": choice_column,
    }
    found = []
    for name, rows in TABLE_ROWS.items():
        schema = SCHEMAS[name]
        columns = {
            column.name: make[column.kind]([row[i] for row in rows])
            for i, column in enumerate(schema.columns)
        }
        table = in_order(schema, columns)
        found.append(
            {
                "schema": name,
                "columns": [[column.name, column.kind] for column in schema.columns],
                "rows": [[str(value) for value in row] for row in rows],
                "root": merkle.root(table.leaves).hex(),
                "digest": table.digest.hex(),
            }
        )
    return found


def events() -> dict[str, Any]:
    genesis = {"name": "example", "spec_version": 1}
    instance = instance_of(genesis)
    entries = [Entry("fees.recorded", 512, {"rows": 3}), Entry("epoch.closed", 1024, {})]
    made, rows, head = chain(instance, EMPTY, entries)
    return {
        "genesis": canonical.encode(genesis).decode(),
        "instance": instance.hex(),
        "bodies": [row.body.decode() for row in rows],
        "hashes": [event.hash.hex() for event in made],
        "log_root": merkle.root([event.hash for event in made]).hex(),
        "head": head.hash.hex(),
    }


def log_proof() -> dict[str, Any]:
    """The payment of n3 in the epoch above, in a log of three events with a checkpoint."""
    _, closed = closed_epoch()
    manifest = manifest_of(closed, bytes(32))
    table = closed.allocation.table
    genesis = {"name": "example", "spec_version": 1}
    allocations = msgspec.to_builtins(manifest.tables["allocations"])
    payload = {"epoch": 7, "manifest": manifest.digest.hex(), "allocations": allocations}
    # Of balances and state a proof says nothing, so any will do.
    payload |= {"balances": allocations, "state": "00" * 32}
    entries = [Entry("fees.record", 4096, {}), Entry("epoch.close", 4096, payload)]
    entries.append(Entry("registry.revoke", 4096, {}))
    made, rows, _ = chain(instance_of(genesis), EMPTY, entries)
    tree = LogTree(EventHashes(b"".join(event.hash for event in made)), made[-1].head)
    origin = origin_of(instance_of(genesis))
    signer = Signer(origin, from_seed(bytes(range(32))))
    notes = [
        sign_checkpoint(Checkpoint(origin, size, tree.root(size)), [signer]) for size in (1, 3)
    ]
    columns = dict(zip(table.columns, map(str, row_at(table, 2)), strict=True))
    path = [value.hex() for value in merkle.inclusion_proof(table.leaves, 2)]
    proof = LogProof(
        "qfs-log-proof-v1",
        instance_of(genesis).hex(),
        ProvedRow("allocations", columns, 2, path),
        manifest,
        ProvedEvent(
            1,
            rows[1].previous.hex(),
            rows[1].body.decode(),
            [value.hex() for value in tree.inclusion(1, 3)],
        ),
        to_base64(notes[1]),
    )
    consistency = ConsistencyProof(
        "qfs-consistency-v1",
        to_base64(notes[0]),
        to_base64(notes[1]),
        [value.hex() for value in tree.consistency(1, 3)],
    )
    return {
        "genesis": canonical.encode(genesis).decode(),
        "verifier_key": signer.verifier.text,
        "ml_dsa_65_verifier_key_id": Signer(
            origin, from_seed(bytes(range(32)), ML_DSA_65)
        ).verifier.key_id.hex(),
        "checkpoint": notes[1].decode(),
        "proof": canonical.encode(proof).decode(),
        "consistency": canonical.encode(consistency).decode(),
    }


def genesis() -> dict[str, str]:
    registrar = signatures.from_seed(bytes(range(32)))
    document = genesis_of("example", registrar.public, Ruleset(), 7)
    plain = msgspec.to_builtins(document)
    return {
        "registrar_seed": bytes(range(32)).hex(),
        "genesis": canonical.encode(plain).decode(),
        "instance": instance_of(plain).hex(),
        "state": initial_state(canonical.encode(plain)).digest.hex(),
    }


def signed_events() -> list[dict[str, str]]:
    """An event of each type that somebody signs, for the instance whose name is 32 bytes 0xab."""
    seeds = {"registrar": bytes(range(32)), "reporter": bytes([1] * 32)}
    instance, tick = bytes([0xAB] * 32), 3600
    key = signatures.from_seed(seeds["reporter"]).public.text
    table = protocol.TableRef(3, "0f" * 32, "f0" * 32)
    amounts = ("2000000000000000000", "0", str(TOP), "1")
    payloads: list[protocol.Signed] = [
        protocol.Register(0, table, ""),
        protocol.RotateKey(1, "n1", key, ""),
        protocol.Revoke(2, "n1", ""),
        protocol.ChangeRuleset(2**53 - 1, Ruleset(version=2).document(), ""),
        protocol.RecordFees(0, "r1", 7, table, ""),
        protocol.RecordTelemetry(1, "r1", 7, table, ""),
        protocol.RecordReward(2, "r1", "a1", *amounts, ""),
    ]
    found = []
    for payload in payloads:
        signer = "registrar" if isinstance(payload, protocol.ByRegistrar) else "reporter"
        signed = protocol.sign(signatures.from_seed(seeds[signer]), instance, tick, payload)
        kind = protocol.TYPES[type(payload)]
        unsigned = protocol.document(payload)
        del unsigned["signature"]
        message = {"instance": instance.hex(), "payload": unsigned, "tick": tick, "type": kind}
        purpose = "qfs/registrar/v1" if signer == "registrar" else "qfs/report/v1"
        found.append(
            {
                "type": kind,
                "seed": seeds[signer].hex(),
                "purpose": purpose,
                "message": canonical.encode(message).decode(),
                "signed_bytes": signatures.signed_bytes(purpose, canonical.encode(message)).hex(),
                "signature": signed.signature,
                "payload": canonical.encode(protocol.document(signed)).decode(),
            }
        )
    return found


def tokens() -> dict[str, Any]:
    bundle = create_token_state_bundle(
        chr_supply=9 * 10**18,
        flx_supply=135 * 10**16,
        psync_supply=15 * 10**17,
        res_supply=15 * 10**17,
        atr_fees=1005,
        atr_retained=905,
        nod_pool=100,
        nod_issued=100,
        nod_residue=5 * 10**17,
    )
    return {
        "empty_balances": EMPTY_BALANCES.hex(),
        "snapshot": bundle.to_bytes().decode(),
        "digest": bundle.digest.hex(),
        "empty_digest": create_token_state_bundle().digest.hex(),
    }


def rewards() -> list[dict[str, Any]]:
    one = 10**18
    worked = {
        "s_chr": 2 * one,
        "action_cost": 3 * one,
        "c_holo": 5 * one,
        "c_crit": one,
        "atr_fees": 1005,
        "residue": 0,
        "issued_this_epoch": 0,
    }
    cases = [
        (worked, {}),
        ({**worked, "issued_this_epoch": 70}, {"issuance.epoch_cap": "0.00000000000000015"}),
        ({**worked, "s_chr": 28, "action_cost": one, "c_holo": 9 * one + 9}, {}),
        (
            {**worked, "s_chr": TOP, "action_cost": one, "c_holo": 9, "c_crit": 9, "atr_fees": TOP}
            | {"residue": one - 1},
            {"issuance.rate": "0.15", "issuance.epoch_cap": "99999999999999999999"},
        ),
    ]
    found = []
    for given, rules in cases:
        text = "".join(f'{name} = "{value}"\n' for name, value in rules.items())
        engine = TreasuryEngine(from_toml(text.encode(), "rules"))
        result = engine.calculate_rewards(**given)
        found.append(
            {
                "ruleset_toml": text,
                "given": {name: str(value) for name, value in given.items()},
                "rewards": result.document(),
            }
        )
    return found


def trace() -> dict[str, str]:
    one = 10**18
    math = CertifiedMath("n1", trace=True)
    math.ratio_at_least(9, 10, 9 * one // 10)
    operations = trace_share(
        node="n1", weight=1, cap=4, shared_pool=10, shared_weight=3, capped=False, extra=1
    )
    for operation in operations:
        getattr(math, operation.operation)(**dict(operation.operands))
    assert math.trace is not None
    document = document_of(math.trace)
    return {"trace": canonical.encode(document).decode(), "digest": document.digest.hex()}


def tallies() -> list[dict[str, Any]]:
    """Ties of seq order, powers at the cap and of nothing, voters beyond the snapshot."""
    big = 2**126
    cases: list[tuple[list[int], list[int], list[int] | None, list[int] | None, int | None]] = [
        ([1, 0, 0], [30, 30, 90], [2, 0, 2], [7, 9, 8], 40),
        ([1, 0, 2, 1, 0], [5, 0, 2**64, big, 7], None, None, None),
        ([1, 0, 2, 1, 0], [5, 0, 2**64, big, 7], None, [4, 3, 2, 1, 2**53 - 1], big // 4),
        ([0, 1, 1, 2, 1, 0], [MAX_VALUE, 0, 3], [0, 0, 1, 3, 2**32 - 1, 2], None, MAX_VALUE - 1),
        ([1], [6], [1], None, 0),
    ]
    found = []
    for choices, powers, voters, seqs, cap in cases:
        result = reference.tally(choices, powers, voters, seqs, cap)
        partial = reference.collect_ballots(choices, len(powers), voters, seqs)
        ballots = merkle_sum.counted_ballots(partial, powers, cap)
        root = merkle_sum.sum_root(ballots)
        last = len(ballots) - 1
        found.append(
            {
                "choices": choices,
                "powers": [str(power) for power in powers],
                **({} if voters is None else {"voters": voters}),
                **({} if seqs is None else {"seqs": seqs}),
                **({} if cap is None else {"cap": str(cap)}),
                "sums": [str(power) for power in (result.yes, result.no, result.abstain)],
                "attainable": str(result.attainable),
                "counted": result.counted,
                "rejected": result.rejected,
                "root": root.digest.hex(),
                "digest": merkle_sum.tally_digest(len(ballots), root).hex(),
                "path_of_the_last": [
                    {"hash": node.digest.hex(), "sums": [str(power) for power in node.sums]}
                    for node in (merkle_sum.make_receipt(ballots, last).path if ballots else [])
                ],
            }
        )
    return found


def vectors() -> dict[str, Any]:
    """All vectors, as they are published."""
    return {
        "spec_version": 1,
        "mul_div": mul_div(),
        "issue": issue(),
        "score": score(),
        "allocate": allocate(),
        "tie_hash": [
            {"epoch": number, "id": node_id, "hash": tie_hash(number, node_id.encode()).hex()}
            for number, node_id in ((0, "a"), (9, "e"), (2**53 - 1, "~" * 128))
        ],
        "epoch": epoch(),
        "tables": tables(),
        "events": events(),
        "log_proof": log_proof(),
        "genesis": genesis(),
        "signed_events": signed_events(),
        "tokens": tokens(),
        "rewards": rewards(),
        "trace": trace(),
        "tallies": tallies(),
    }


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "specs" / "vectors" / "v1.json"
    target.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="ascii")
