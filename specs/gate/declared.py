"""What the files of contracts and models declare: read from their sources, none being imported.

CrossHair passes over a function whose docstring it does not understand. So a docstring holds these
headers and no others, each on a line of its own, after the statement:

    of: qfs.reference.module.function    what it speaks of, once or more
    bound: words                         what of all inputs it is confined to; none: all inputs
    pre: expression                      a contract: the inputs, any number
    post: expression of __return__       a contract: exactly once
    same: function                       a comparison: the function of this file that is compared
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from claims import Claim
from keys import functions_in, parsed

HEADERS = ("of", "bound", "pre", "post", "same")
HEADER = re.compile(r"\s*(\w+):(?:\s+(.*))?$")
RAISES = re.compile(r"\s*:?raises?\b", re.IGNORECASE)


@dataclass
class Contract(Claim):
    """A function that states one fact: a condition on what it returns, or who returns the same."""

    pres: list[str] = field(default_factory=list)
    posts: list[int] = field(default_factory=list)
    """lines of the file"""
    same: list[str] = field(default_factory=list)
    """the function that it is compared with"""


def contracts_of(root: Path) -> list[Contract]:
    """The contracts of every file, on the reference and on the models."""
    found = []
    for folder, layer in (("contracts", "contract"), ("models", "model")):
        for path in sorted((root / "specs" / folder).glob("*.py")):
            if folder == "contracts" or path.stem in ("lemmas", "bridges"):
                found += read_file(path, layer)
    return found


def read_file(path: Path, layer: str) -> list[Contract]:
    """Every public function of a contract file; one with an underscore is a helper."""
    return [
        _read(path, node, layer)
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def _read(path: Path, node: ast.FunctionDef, layer: str) -> Contract:
    contract = Contract(path, f"{path.stem}.{node.name}", layer, node.lineno)
    words: list[str] = []
    for line, text in _docstring_lines(node):
        header = HEADER.match(text)
        if RAISES.match(text):
            # CrossHair takes such a line as leave to raise, whatever the inputs.
            contract.faults.append(f"line {line}: an error that is announced confirms anything")
        elif header and header.group(1) in HEADERS:
            _take(contract, header.group(1), (header.group(2) or "").strip(), line)
        elif header or (text.strip() and (contract.of or contract.posts)):
            contract.faults.append(f"line {line}: {text.strip()!r} is none of {', '.join(HEADERS)}")
        else:
            words.append(text.strip())
    contract.statement = " ".join(" ".join(words).split())
    if not contract.same and len(contract.posts) != 1:
        contract.faults.append(f"{len(contract.posts)} lines `post:` instead of one")
    contract.faults += _faults_of_comparison(contract)
    if not contract.of:
        contract.faults.append("no line `of:`")
    if not contract.statement:
        contract.faults.append("no statement")
    return contract


def _faults_of_comparison(contract: Contract) -> Iterator[str]:
    """The prover passes over the conditions of functions that it compares."""
    if not contract.same:
        return
    if contract.pres or contract.posts:
        yield "a comparison has no `pre:` and no `post:`; it guards itself"
    if len(contract.same) != 1:
        yield f"{len(contract.same)} lines `same:` instead of one"
    for other in contract.same:
        if other not in functions_in(contract.path) or other == contract.name.partition(".")[2]:
            yield f"there is no other function {other} to compare with"
    if contract.bound is None:
        yield "no line `bound:`, which a comparison needs"


def _docstring_lines(node: ast.FunctionDef) -> list[tuple[int, str]]:
    first = node.body[0]
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
        return []
    text = first.value.value
    lines = text.splitlines() if isinstance(text, str) else []
    return [(first.lineno + offset, line) for offset, line in enumerate(lines)]


def _take(contract: Contract, header: str, text: str, line: int) -> None:
    if not text:
        contract.faults.append(f"line {line}: nothing behind `{header}:`")
    if header == "of":
        contract.of.append(text)
    elif header == "bound":
        contract.bound = text
    elif header == "same":
        contract.same.append(text)
    else:
        try:
            tree = ast.parse(text, mode="eval")
        except SyntaxError:
            contract.faults.append(f"line {line}: {text!r} is no expression")
            tree = ast.parse("__return__", mode="eval")
        if header == "pre":
            contract.pres.append(text)
        else:
            contract.posts.append(line)
            names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
            if "__return__" not in names:
                contract.faults.append(f"line {line}: the post does not speak of __return__")
