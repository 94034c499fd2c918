"""Nobody who may write to the log's database moves NOD: by no statement, and by no event.

What is in the log stays as it is; what is appended by hand is refused by replay, which names it.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from qfs.ledger.events import Entry, chain
from qfs.ledger.instance import Instance, create_instance
from qfs.ledger.replay import ReplayError, replay
from qfs.ledger.session import Session, load_state
from qfs.protocol import events
from qfs.protocol.closing import close
from qfs.protocol.events import TableRef
from qfs.protocol.genesis import genesis_of
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import State
from qfs.protocol.transitions import closing_event
from qfs.rows import from_rows, rows_of
from qfs.signatures import from_seed
from qfs.tables import BALANCES, FEES, TELEMETRY, Table

pytestmark = pytest.mark.database

REGISTRAR, REPORTER = from_seed(b"\1" * 32), from_seed(b"\2" * 32)
TICKS = 8
SIZE = 6


class Paid(NamedTuple):
    """An instance in which one epoch was paid, and the way into its database."""

    instance: Instance
    connect: Callable[[], Any]
    refusals: tuple[type[Exception], ...]
    mark: str
    """what stands for a value in a statement"""

    @contextlib.contextmanager
    def raw(self) -> Iterator[Callable[..., list[Any]]]:
        """Run statements as whoever has the application's rights."""
        with contextlib.closing(self.connect()) as connection:

            def execute(statement: str, *values: object) -> list[Any]:
                cursor = connection.execute(statement.replace("?", self.mark), values)
                return cursor.fetchall() if cursor.description else []

            yield execute

    def state(self) -> State:
        """What the whole log comes to."""
        with self.instance.open_log() as log:
            *_, last = replay(log, self.instance.artifacts)
            return last.state


def fill(instance: Instance) -> None:
    """Nodes and a reporter, an epoch that pays them, fees and rewards for the next."""
    with Session(instance, "w") as session:
        rows = [(n, f"op-{n}", "infrastructure", REPORTER.public.text) for n in "abcd"]
        rows.append(("rep", "ops", "reporter", REPORTER.public.text))
        table = registrations(from_rows(NEW_NODES, rows), 0)
        session.sign(REGISTRAR, 0, events.Register(0, TableRef.of(table), ""), table)
        fees = from_rows(FEES, [(0, "f", 10**18)])
        session.sign(REPORTER, 7, events.RecordFees(0, "rep", 0, TableRef.of(fees), ""), fees)
        seen = from_rows(TELEMETRY, [(n, 0, 9, 10, 0, 0, 0, 0) for n in "abcd"])
        report = events.RecordTelemetry(1, "rep", 0, TableRef.of(seen), "")
        session.sign(REPORTER, 7, report, seen)
        session.commit([], session.close(0, 8), 8)
        fees = from_rows(FEES, [(8, "g", 10**18)])
        session.sign(REPORTER, 8, events.RecordFees(2, "rep", 1, TableRef.of(fees), ""), fees)
        reward = events.RecordReward(3, "rep", "act", "1", "1", "1", "1", "")
        session.sign(REPORTER, 8, reward)


@pytest.fixture(params=["sqlite", "postgres"])
def paid(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paid:
    genesis = genesis_of("net", REGISTRAR.public, Ruleset(epoch_ticks=TICKS))
    if request.param == "sqlite":
        made = create_instance(tmp_path / "net", genesis)
        place = tmp_path / "net" / "log.sqlite"
        found = Paid(
            made, lambda: sqlite3.connect(place, isolation_level=None), (sqlite3.Error,), "?"
        )
    else:
        server = request.getfixturevalue("server")
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        server.empty_database("instance")
        url = server.url("instance")
        monkeypatch.setenv("PGPASSWORD", conninfo_to_dict(url)["password"])
        without = re.sub(r"//([^:@]+):[^@]*@", r"//\1@", url)
        owner = url.replace("qfs_application", "qfs_owner")
        made = create_instance(tmp_path / "net", genesis, without, owner)

        def connect() -> Any:
            connection = psycopg.connect(url, autocommit=True)
            connection.execute("SET search_path = qfs")
            return connection

        found = Paid(made, connect, (psycopg.Error,), "%s")
    fill(made)
    return found


STATEMENTS = [
    "UPDATE event SET body = ? WHERE seq = 3",
    "UPDATE event SET seq = 9 WHERE seq = 3",
    "UPDATE event SET body = body || ?",
    "UPDATE instance SET genesis = ?",
    "UPDATE instance SET hash = ?",
    "DELETE FROM event WHERE seq = 3",
    "DELETE FROM event",
    "DELETE FROM instance",
    "DELETE FROM lease",
    "INSERT INTO event (seq, previous, hash, body) SELECT seq, previous, hash, ? FROM event",
    "INSERT INTO event (seq, previous, hash, body) SELECT seq + 6, previous, hash, ? FROM event",
    "INSERT INTO instance SELECT * FROM instance",
    "DROP TABLE event",
    "ALTER TABLE event ADD COLUMN balance text DEFAULT ''",
    "TRUNCATE event",
    "INSERT OR REPLACE INTO event SELECT seq, previous, hash, ? FROM event WHERE seq = 3",
    "REPLACE INTO event SELECT seq, previous, hash, ? FROM event WHERE seq = 3",
    "INSERT INTO event SELECT * FROM event WHERE seq = 3 ON CONFLICT (seq) DO UPDATE SET body = ?",
]
OWNER_OF_THE_FILE = ("DROP", "ALTER")
"""Who may write a file may do all with it; that is found by its hashes, and not prevented."""


def test_no_statement_changes_what_replay_reads(paid: Paid) -> None:
    digest = paid.state().digest
    rows = "SELECT seq, previous, hash, body FROM event ORDER BY seq"
    with paid.raw() as execute:
        before = execute(rows)
        for statement in STATEMENTS:
            if paid.mark == "?" and statement.startswith(OWNER_OF_THE_FILE):
                continue
            values = [b"x" * 32] if "?" in statement else []
            try:
                execute(statement, *values)
            except paid.refusals:
                pass
            else:
                pytest.fail(f"not refused: {statement}")
            assert execute(rows) == before, statement
    assert paid.state().digest == digest


# Events that nobody signed, or nobody computed


def richer(state: State) -> Table:
    """The balances with all that b has given to a."""
    held = dict(rows_of(state.balances))
    held["a"] += held["b"]
    held["b"] = 0
    return from_rows(BALANCES, sorted(held.items()))


def forged_close(paid: Paid, state: State, which: str) -> Entry:
    """The close of the next epoch as it is computed, but for what `which` says."""
    payload: dict[str, Any] = dict(closing_event(close(state, 1, 16), 16).payload)
    if which == "balances":
        table = richer(state)
        # Its rows are there too, as if somebody had computed them.
        paid.instance.artifacts.put(table)
        payload["balances"] = msgspec.to_builtins(TableRef.of(table))
    elif which == "allocations":
        payload["allocations"] = {**payload["allocations"], "root": "11" * 32}
    elif which == "again":
        payload["epoch"] = 0
    else:
        payload[which] = "11" * 32
    return Entry(events.CLOSE_EPOCH, 16, payload)


FORGED: dict[str, Callable[[Paid, State], Entry]] = {
    **{
        f"close with another {which}": lambda p, s, which=which: forged_close(p, s, which)
        for which in ("balances", "allocations", "manifest", "state")
    },
    "epoch closed again": lambda p, s: forged_close(p, s, "again"),
    "transfer": lambda p, s: Entry("nod.transfer", 8, {"from": "b", "to": "a", "amount": "1"}),
    "allocation": lambda p, s: Entry("nod.allocation", 8, {"node_id": "a", "amount": "1"}),
    "balances": lambda p, s: Entry(
        "balances.set", 8, {"balances": msgspec.to_builtins(TableRef.of(richer(s)))}
    ),
    "unsigned revocation": lambda p, s: Entry(
        events.REVOKE, 8, {"nonce": 1, "node_id": "b", "signature": ""}
    ),
    "registration without a table": lambda p, s: Entry(
        events.REGISTER, 8, {"nonce": 1, "registry": "../../registrar.key", "signature": ""}
    ),
    "fees by a path": lambda p, s: Entry(
        events.RECORD_FEES,
        8,
        {
            "nonce": 4,
            "reporter": "rep",
            "epoch": 1,
            "fees": {"rows": 1, "root": "", "digest": "../../log.sqlite"},
            "signature": "",
        },
    ),
    "fees by a number": lambda p, s: Entry(events.RECORD_FEES, 8, {"fees": {"digest": 5}}),
    "no payload": lambda p, s: Entry(events.CLOSE_EPOCH, 8, {}),
}


@pytest.mark.parametrize(
    ("name", "by"), [*((name, "log") for name in FORGED), ("close with another balances", "sql")]
)
def test_an_event_that_was_appended_by_hand_is_refused_and_named(
    paid: Paid, name: str, by: str
) -> None:
    state = paid.state()
    entry = FORGED[name](paid, state)
    if by == "log":
        with paid.instance.open_log("intruder") as log:
            log.append([entry])
    else:
        with paid.instance.open_log() as log:
            _, rows, _ = chain(log.instance, log.head(), [entry])
        with paid.raw() as execute:
            for row in rows:
                execute("INSERT INTO event (seq, previous, hash, body) VALUES (?, ?, ?, ?)", *row)
    with paid.instance.open_log() as log:
        steps = []
        with pytest.raises(ReplayError, match=f"event {SIZE}: ") as caught:
            steps.extend(replay(log, paid.instance.artifacts))
        assert caught.value.seq == SIZE
        with pytest.raises(ReplayError):
            load_state(paid.instance, log)
    with pytest.raises(ReplayError):
        Session(paid.instance, "w")


def test_up_to_the_forged_event_the_log_replays(paid: Paid) -> None:
    state = paid.state()
    with paid.instance.open_log("intruder") as log:
        log.append([forged_close(paid, state, "balances")])
    digests = []

    def follow() -> None:
        with paid.instance.open_log() as log:
            digests.extend(step.state.digest for step in replay(log, paid.instance.artifacts))

    with pytest.raises(ReplayError):
        follow()
    assert (len(digests), digests[-1]) == (SIZE, state.digest)
