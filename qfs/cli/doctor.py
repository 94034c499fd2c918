"""`qfs doctor`: whether this machine and an instance are in order."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from qfs.cli.output import EXIT_ERROR, counting, json_option, print_json
from qfs.errors import MissingDependencyError
from qfs.ledger.check import Check

_NEEDED_FOR: Final = {
    "pyarrow": "tables",
    "msgspec": "evidence and the log",
    "immutables": "the state",
    "psycopg": "a log in PostgreSQL",
    "Crypto": "importing Rocket Pool files",
}


@click.command()
@click.option(
    "--instance",
    "folder",
    type=click.Path(path_type=Path),
    envvar="QFS_INSTANCE",
    help="Look at this instance, too; default QFS_INSTANCE.",
)
@click.option("--deep", is_flag=True, help="Read every artifact of the instance.")
@json_option
def doctor(folder: Path | None, deep: bool, as_json: bool) -> int:
    """Look at this installation, and at an instance, and say what is not in order.

    Changes nothing. Exits with 1 where a check fails; a warning is for you to judge.
    """
    with counting("checking events") as done:
        checks = list(check_machine())
        if folder is not None:
            checks += _check_instance(folder, deep, done)
    failed = any(check.status == "fail" for check in checks)
    if as_json:
        print_json({"ok": not failed, "checks": [check._asdict() for check in checks]})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            click.echo(f"{check.status:<4}  {check.name:<{width}}  {check.text}")
    return EXIT_ERROR if failed else 0


def _check_instance(folder: Path, deep: bool, done: Callable[[int, int], None]) -> Iterator[Check]:
    try:
        from qfs.ledger.checkup import check_instance
    except ImportError as error:
        yield Check("instance", "fail", f"cannot be looked at: {error}")
        return
    yield from check_instance(folder, deep, done)


def check_machine() -> Iterator[Check]:
    """What of the machine decides whether, and how fast, qfs runs."""
    import qfs
    from qfs.limits import SPEC_VERSION

    yield Check("qfs", "ok", f"{qfs.__version__}, spec version {SPEC_VERSION}")
    yield Check("python", "ok", f"{platform.python_implementation()} {platform.python_version()}")
    yield _backend()
    yield _hashing()
    yield _cryptography()
    for module, purpose in _NEEDED_FOR.items():
        yield _package(module, purpose)
    yield Check("sqlite", "ok", sqlite3.sqlite_version)


def _backend() -> Check:
    import qfs

    try:
        with warnings.catch_warnings():
            # What the warning says is said below.
            warnings.simplefilter("ignore", qfs.FallbackWarning)
            chosen = qfs.backend()
    except qfs.QfsError as error:
        return Check("backend", "fail", str(error))
    text = f"{chosen.name}: {chosen.reason}; CPU path {chosen.isa}, threads {chosen.threads}"
    if chosen.name == "kernel":
        from qfs.backend import build_facts

        facts = ", ".join(f"{name} {fact}" for name, fact in build_facts().items())
        return Check("backend", "ok", f"{text}; {facts}")
    meant = chosen.reason == "QFS_BACKEND=reference"
    return Check("backend", "ok" if meant else "warn", text)


def _hashing() -> Check:
    from qfs.hashing import sha256_library

    library = sha256_library()
    if library is None:
        return Check("hashing", "warn", "table roots by hashlib, row by row; no libcrypto found")
    return Check("hashing", "ok", f"table roots by SHA-256 of {Path(library.name).name}")


def _cryptography() -> Check:

    try:
        import cryptography

        from qfs import signatures
    except ImportError as error:
        return Check("cryptography", "fail", f"keys and signatures need it: {error}")
    try:
        signatures.from_seed(bytes(signatures.SEED_BYTES), signatures.ML_DSA_65)
    except MissingDependencyError as error:
        text = f"{cryptography.__version__}, Ed25519 only: {error.problem}"
        return Check("cryptography", "warn", text)
    return Check("cryptography", "ok", f"{cryptography.__version__}, Ed25519 and ML-DSA-65")


def _package(module: str, purpose: str) -> Check:

    name = {"Crypto": "pycryptodome"}.get(module, module)
    try:
        importlib.import_module(module)
    except ImportError as error:
        return Check(name, "warn", f"cannot be imported, {purpose} needs it: {error}")
    return Check(name, "ok", importlib.metadata.version(name))
