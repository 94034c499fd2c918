"""`qfs explain`: why a node was paid its amount, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qfs.cli.figures import METRICS as METRIC_NAMES
from qfs.cli.instance import epoch_option, evidence_folder
from qfs.cli.output import json_option, nod, print_json
from qfs.decimals import format_tokens

if TYPE_CHECKING:
    from qfs.ledger.exclusion import Exclusion
    from qfs.ledger.explain import Explanation
    from qfs.protocol.trace import Scored


@click.command()
@click.argument("node")
@click.argument("path", type=click.Path(path_type=Path))
@epoch_option
@click.option("--trace", is_flag=True, help="Also print every operation.")
@json_option
def explain(node: str, path: Path, number: int | None, trace: bool, as_json: bool) -> None:
    """Say why NODE was paid its amount, or nothing, from the recorded numbers.

    PATH is the evidence of an epoch, or an instance.
    """
    from qfs.ledger.evidence import read_manifest
    from qfs.ledger.exclusion import explain_exclusion
    from qfs.ledger.explain import explain as explain_node

    folder = evidence_folder(path, number)
    excluded = explain_exclusion(folder, read_manifest(folder), node)
    if excluded is not None:
        if as_json:
            print_json({"ok": True, **_excluded_document(excluded)})
        else:
            click.echo("\n".join(_excluded_sentences(excluded)))
        return
    found = explain_node(folder, node)
    if as_json:
        print_json({"ok": True, **_document(found)})
        return
    click.echo("\n".join(_sentences(found)))
    if trace:
        from qfs.traces import operation_text

        click.echo()
        for operation in found.operations:
            click.echo(f"{operation.sequence:>2}  {operation_text(operation)}")


def _excluded_document(found: Exclusion) -> dict[str, Any]:
    document: dict[str, Any] = {
        "node": found.node,
        "epoch": found.manifest.epoch,
        "amount": "0",
        "excluded": found.reason,
        "why": found.sentence,
    }
    if found.counts is not None:
        document["counts"] = {metric: list(ratio) for metric, ratio in found.counts.items()}
    return document


def _excluded_sentences(found: Exclusion) -> list[str]:
    head = f"{found.node} was excluded from epoch {found.manifest.epoch} and paid nothing"
    lines = [f"{head}: {found.reason}.", found.sentence]
    if found.counts is not None:
        lines += ["", *(f"{METRIC_NAMES[m]:<15} {n} of {d}" for m, (n, d) in found.counts.items())]
    return lines


def _document(found: Explanation) -> dict[str, Any]:
    from qfs.reference.scoring import METRICS
    from qfs.traces import trace_document

    document: dict[str, Any] = {
        "node": found.node,
        "epoch": found.manifest.epoch,
        "rank": found.rank,
        "nodes": found.nodes,
        "weight": str(found.weight),
        "cap": str(found.cap),
        "amount": str(found.amount),
        "capped": found.capped,
        "share": None if found.share is None else str(found.share),
        "remainder": None if found.remainder is None else str(found.remainder),
        "extra": str(found.extra),
        "shared_pool": found.manifest.allocation.shared_pool,
        "shared_weight": found.manifest.allocation.shared_weight,
        "cut": found.manifest.allocation.cut or None,
    }
    if found.scored is not None:
        scored = found.scored
        document["counts"] = {metric: list(getattr(scored, metric)) for metric in METRICS}
        document["neutral"] = [m for m, flag in zip(METRICS, scored.neutral, strict=True) if flag]
        document["policy"] = scored.policy
    return document | {"trace": trace_document(found.operations)}


def _sentences(found: Explanation) -> list[str]:
    figures, ruleset = found.manifest.allocation, found.manifest.ruleset["allocation"]
    epoch, rank = found.manifest.epoch, f"rank {found.rank} of {found.nodes}"
    lines = [
        f"{found.node} was paid {nod(found.amount)} in epoch {epoch}, {rank}.",
        "",
        *([] if found.scored is None else _score_lines(found.scored, found.weight)),
        f"pool            {figures.pool} base units",
        f"weight          {found.weight} of {figures.total_weight} in all",
        f"cap             {found.cap} = pool * {ruleset['max_share']}, rounded down",
    ]
    if figures.too_few_nodes:
        return [*lines, "", f"Fewer than {ruleset['min_active_nodes']} nodes: nothing was paid."]
    if figures.fallback:
        lines.append("Every weight is 0, so every weight counted as 1.")
    if figures.capped:
        rest = f"the others shared {figures.shared_pool} by a weight of {figures.shared_weight}"
        if figures.shared_weight == "0":
            rest = f"nobody with weight was left, so {figures.undistributed} stay undistributed"
        lines.append(
            f"{figures.capped} nodes would have exceeded their cap, were paid it and left; {rest}."
        )
    lines.append("")
    if found.capped:
        return [*lines, f"Its share exceeds the cap, so it was paid the cap: {found.amount}."]
    if found.share is None:
        return [*lines, "It has no weight, and every node with weight is at its cap."]
    weight = 1 if figures.fallback else found.weight
    lines += [
        f"share           {figures.shared_pool} * {weight} / {figures.shared_weight}",
        f"                = {found.share}, remainder {found.remainder}",
        f"left over       {figures.leftover} base units, one each to the largest remainders",
    ]
    if figures.cut:
        lines.append(f"smallest remainder that got one: {figures.cut}")
    return [*lines, f"paid            {found.share} + {found.extra} = {found.amount}"]


def _score_lines(scored: Scored, weight: int) -> list[str]:
    """The counts as reported, what each counted as, and the score."""
    from qfs.reference.scoring import METRICS

    lines, terms = [], []
    for metric, neutral, counted in zip(METRICS, scored.neutral, scored.counted(), strict=True):
        n, d = getattr(scored, metric)
        note = ""
        if neutral:
            note = ", assessed for nobody: neutral, counts as 1"
        elif counted != (n, d):
            note = f", fewer than {scored.min_samples}: counts as 0"
        lines.append(f"{METRIC_NAMES[metric]:<15} {n} of {d}{note}")
        terms.append(f"{counted[0]}/{counted[1]}")
    if scored.policy == "product":
        how = " * ".join(terms)
    else:
        shares = map(format_tokens, scored.weights)
        how = " + ".join(f"{w} * {t}" for w, t in zip(shares, terms, strict=True))
    score = f"score           {how} = {format_tokens(weight)}, rounded down"
    return [*lines, score, f"policy          {scored.policy}", ""]
