"""The state machine: an epoch over many nodes, what one event costs, replayed events per second.

    python benchmarks/state.py close 10000000
    python benchmarks/state.py event 1000 100000 1000000
    python benchmarks/state.py log 20000

`close` makes registry and telemetry in memory and closes one epoch, in a process of its own for
each size; it prints the seconds of each stage, and the peak memory before and after. `event`
applies and audits one event; the cost may not grow with the number of nodes. `log` appends events
of the protocol in batches and replays them, in SQLite and PostgreSQL.

Rounds in which the process had the processor for less than 97 percent of the time are dropped,
but for those that wait for a disk or a server. Prints minimum, median and maximum.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from qfs import signatures
from qfs.ids import from_checked, from_checked_names
from qfs.ledger.artifacts import Artifacts
from qfs.ledger.events import encode_genesis
from qfs.ledger.instance import Instance, create_instance, open_instance
from qfs.ledger.log import Entry
from qfs.ledger.replay import replay
from qfs.ledger.session import Session, load_state
from qfs.limits import NOT_REVOKED
from qfs.protocol import closing, events
from qfs.protocol.closing import Closing
from qfs.protocol.eligibility import contributions
from qfs.protocol.epoch import Opening, close_epoch
from qfs.protocol.events import ProtocolEvent, Signed, TableRef
from qfs.protocol.genesis import genesis_of, initial_state
from qfs.protocol.invariants import Auditor
from qfs.protocol.manifest import manifest_of
from qfs.protocol.registry import NEW_NODES, REPORTER, Node, Registry, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import Batch, State
from qfs.protocol.transitions import closing_event, engine_of
from qfs.rows import concat, from_rows
from qfs.tables import FEES, REGISTRY, TELEMETRY, Table, TableColumn

ROUNDS = 5
CLOSE_ROUNDS = 3
EVENT_ROUNDS = 200
BATCHES = (1, 1_000, 10_000)
LEAST_SHARE = 0.97
TICKS = 512
REGISTRAR_KEY = signatures.from_seed(bytes(32))
REPORTER_KEY = signatures.from_seed(b"\1" * 32)

Timed = dict[str, list[float]]


# What is timed


@contextlib.contextmanager
def timing(timed: Timed, name: str, waits: bool = False) -> Iterator[None]:
    """Adds the seconds of what is inside, if nobody else had the processor meanwhile."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    values = timed.setdefault(name, [])
    if waits or processor >= LEAST_SHARE * wall:
        values.append(wall)


def show(timed: Timed, unit: str, number: Callable[[float], float]) -> None:
    """A line for each name: how many rounds counted, and minimum, median, maximum."""
    print(f"{'':44} rounds {'minimum':>12} {'median':>12} {'maximum':>12}  {unit}")
    for name, values in timed.items():
        if not values:
            print(f"{name:44} every round was disturbed")
            continue
        found = sorted(map(number, values))
        line = " ".join(f"{v:12,.6g}" for v in (found[0], statistics.median(found), found[-1]))
        print(f"{name:44} {len(found):6} {line}", flush=True)


# What it is timed on


def network(count: int) -> tuple[Table, Table]:
    """A registry of nodes and a reporter, and their telemetry for epoch 0 with all metrics."""
    names = [b"node-%010d" % n for n in range(count)]
    ids = from_checked(names, is_sorted=True)
    key = REPORTER_KEY.public.text
    ticks = array("Q", [0]) * count
    registry = Table(
        REGISTRY,
        {
            "node_id": ids,
            "operator_id": from_checked_names([b"operator-" + name for name in names]),
            "role": from_checked_names([b"infrastructure"] * count),
            "public_key": from_checked_names([key.encode()] * count),
            "registered_tick": memoryview(ticks).toreadonly(),
            "revoked_tick": memoryview(array("Q", [NOT_REVOKED]) * count).toreadonly(),
        },
    )
    reporter = Node("reporter", "operations", REPORTER, key, 0, NOT_REVOKED)
    full = memoryview(array("I", [1000]) * count).toreadonly()
    # Uptimes of 0.85 to 1: a third of the nodes is below the least.
    seen = memoryview(array("I", (850 + n * 7919 % 151 for n in range(count)))).toreadonly()
    telemetry = Table(
        TELEMETRY,
        {
            "node_id": ids,
            "epoch": memoryview(ticks).toreadonly(),
            **{f"{metric}_n": seen for metric in ("uptime", "storage", "ai")},
            **{f"{metric}_d": full for metric in ("uptime", "storage", "ai")},
        },
    )
    return concat(registry, from_rows(REGISTRY, [reporter])), telemetry


def state_of(registry: Table, batches: Sequence[Table] = ()) -> State:
    """The state of an instance with this registry, and tables recorded for epoch 0."""
    genesis = genesis_of("benchmark", REGISTRAR_KEY.public, Ruleset())
    begun = initial_state(encode_genesis(msgspec.to_builtins(genesis)))
    return State(
        instance=begun.instance,
        registrar=begun.registrar,
        rulesets=begun.rulesets,
        epoch=0,
        tick=TICKS - 1,
        registry=Registry.of(registry),
        batches=tuple(Batch(0, "reporter", table) for table in batches),
    )


def signed(state: State, key: signatures.PrivateKey, payload: Signed) -> ProtocolEvent:
    found = events.sign(key, state.instance, state.tick, payload)
    return ProtocolEvent(events.TYPES[type(found)], state.tick, events.document(found))


# An epoch over many nodes


def close_once(count: int) -> None:
    """Close the same epoch a few times, by its stages and as a whole."""
    timed: Timed = {}
    with timing(timed, "making registry and telemetry"):
        registry, telemetry = network(count)
    fees = from_rows(FEES, [(n, f"action-{n:04}", 10**21 + n) for n in range(100)])
    before = peak_mib()
    for _ in range(CLOSE_ROUNDS):
        # Of the same columns, with nothing hashed yet.
        close_by_stages(timed, Table(REGISTRY, registry.columns), telemetry.columns, fees)
    show(timed, "seconds", float)
    print(f"{count:,} nodes: {before:,.0f} MiB with the inputs made, at most {peak_mib():,.0f} MiB")


def close_by_stages(
    timed: Timed, registry: Table, reported: Mapping[str, TableColumn], fees: Table
) -> None:
    telemetry = Table(TELEMETRY, reported)
    with timing(timed, "digests of registry and telemetry"):
        _ = registry.digest, telemetry.digest
    with timing(timed, "eligibility and scores"):
        assessed = contributions(0, Ruleset(), registry, telemetry)
    with timing(timed, "issuance and allocation"):
        closed = close_epoch(0, Ruleset(), Opening(), fees, assessed)
    with timing(timed, "manifest: digests of what it came to"):
        manifest_of(closed, None)
    state = state_of(registry, [telemetry, fees])
    with timing(timed, "closing.close: the four above and balances"):
        found = closing.close(state, 0, TICKS)
    with timing(timed, "digest of the state after it"):
        event = closing_event(found, TICKS)
    with timing(timed, "applying the event, as a replay does"):
        after = engine_of(state.spec_version).apply(state, event)
    with timing(timed, "auditing it"):
        Auditor(state).check(state, event, after)
    with tempfile.TemporaryDirectory() as folder, timing(timed, "writing its tables", waits=True):
        write_tables(Artifacts(Path(folder)), found)
    assert after.digest == found.state.digest


def write_tables(artifacts: Artifacts, found: Closing) -> None:
    for table in (found.state.balances, *found.tables):
        artifacts.put(table)


def peak_mib() -> float:
    """The peak of this process so far, as the operating system accounts for it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def close(sizes: list[int]) -> None:
    for size in sizes:
        subprocess.run([sys.executable, __file__, "close-once", str(size)], check=True)


# One event


def event(sizes: list[int]) -> None:
    """Apply and audit one event, at each size in turn; and the medians against the first size's."""
    timed: Timed = {}
    prepared = [(size, *one_of_each(size)) for size in sizes]
    for _ in range(EVENT_ROUNDS):
        for size, state, happened in prepared:
            engine, auditor = engine_of(state.spec_version), Auditor(state)
            for one in happened:
                with timing(timed, f"{one.type}, {size:,} nodes"):
                    auditor.check(state, one, engine.apply(state, one))
    show(timed, "microseconds", lambda seconds: seconds * 1e6)
    for one in prepared[0][2]:
        medians = [statistics.median(timed[f"{one.type}, {size:,} nodes"]) for size in sizes]
        ratios = ", ".join(
            f"{m / medians[0]:.2f} at {s:,}" for m, s in zip(medians, sizes, strict=True)
        )
        print(f"{one.type}: times the cost at {sizes[0]:,}: {ratios}")


def one_of_each(size: int) -> tuple[State, list[ProtocolEvent]]:
    """A state of this many nodes, and events that it accepts."""
    state = state_of(network(size)[0])
    other = signatures.from_seed(b"\2" * 32).public.text
    middle = f"node-{size // 2:010}"
    return state, [
        signed(state, REGISTRAR_KEY, events.RotateKey(0, middle, other, "")),
        signed(state, REGISTRAR_KEY, events.Revoke(0, middle, "")),
        signed(state, REPORTER_KEY, reward(0)),
    ]


def reward(nonce: int) -> events.RecordReward:
    amount = str(10**18)
    return events.RecordReward(
        nonce, "reporter", f"action-{nonce}", amount, amount, amount, amount, ""
    )


# Events per second


def log(count: int) -> None:
    """Append an event of the protocol in batches; replay `count` of them; in both databases."""
    timed: Timed = {}
    with tempfile.TemporaryDirectory() as folder, servers() as server:
        places = {"SQLite": None, **({} if server is None else {"PostgreSQL": server})}
        for name, kind in places.items():
            append_batches(timed, name, made(Path(folder) / f"{name}-append", kind))
            instance = made(Path(folder) / f"{name}-replay", kind)
            fill(instance, count)
            for _ in range(ROUNDS):
                what = f"replay and audit, {name}"
                with timing(timed, what, waits=True), instance.open_log() as opened:
                    *_, last = replay(opened, instance.artifacts)
                assert last.event.head.size == count + 1
                timed[what][-1] /= count
    show(timed, "events per second", lambda seconds: 1 / seconds)


def append_batches(timed: Timed, name: str, instance: Instance) -> None:
    """The same entry again and again: what it says is not looked at before it is replayed."""
    with instance.open_log("benchmark") as opened:
        one = signed(load_state(instance, opened)[0], REPORTER_KEY, reward(0))
        entry = Entry(one.type, one.tick, one.payload)
        for batch in BATCHES:
            given, what = [entry] * batch, f"append, batches of {batch:,}, {name}"
            for _ in range(ROUNDS * (20 if batch == 1 else 1)):
                with timing(timed, what, waits=True):
                    opened.append(given)
                timed[what][-1] /= batch


def fill(instance: Instance, count: int) -> None:
    """Record this many rewards, in batches that the log takes."""
    with Session(instance, "benchmark") as session:
        for first in range(0, count, BATCHES[-1]):
            nonces = range(first, min(first + BATCHES[-1], count))
            session.append([signed(session.state, REPORTER_KEY, reward(n)) for n in nonces])


def made(folder: Path, server: Any) -> Instance:
    """A new instance with its reporter registered."""
    genesis = genesis_of("benchmark", REGISTRAR_KEY.public, Ruleset())
    url = owner_url = None
    if server is not None:
        url = f"postgresql://{server.application}@127.0.0.1:{server.port}/log"
        owner_url = server.url("log", server.owner)
        os.environ["PGPASSWORD"] = server.password
        server.empty_database("log")
    create_instance(folder, genesis, url, owner_url)
    instance = open_instance(folder)
    with Session(instance, "benchmark") as session:
        key = REPORTER_KEY.public.text
        new = registrations(from_rows(NEW_NODES, [("reporter", "operations", REPORTER, key)]), 0)
        session.sign(REGISTRAR_KEY, 0, events.Register(0, TableRef.of(new), ""), new)
    return instance


@contextlib.contextmanager
def servers() -> Iterator[Any]:
    """A PostgreSQL server that brings to disk what it acknowledges, or None with the reason."""
    path = Path(__file__).parents[1] / "tests" / "ledger" / "postgres_server.py"
    spec = importlib.util.spec_from_file_location("postgres_server", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    reason = module.absent()
    if reason is not None:
        print(f"without PostgreSQL: {reason}")
        yield None
        return
    with module.running(fsync=True) as running:
        running.owner, running.application = module.OWNER, module.APPLICATION
        running.password = module.PASSWORD
        yield running


if __name__ == "__main__":
    job, sizes = sys.argv[1], [int(text) for text in sys.argv[2:]]
    if job == "close-once":
        close_once(sizes[0])
    elif job == "log":
        log(sizes[0])
    else:
        {"close": close, "event": event}[job](sizes)
