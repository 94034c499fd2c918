"""The tables, guards and grants of a log in PostgreSQL, as they are created and expected.

The guard of events is a statement trigger: it runs once per INSERT or COPY over all the new rows,
so that a batch costs one look-up. Every name in a function is qualified and its search path
fixed, so that a table which a session makes for itself never stands for one of these.
"""

from __future__ import annotations

from typing import Final

from qfs.hashing import EVENT_TAG
from qfs.ledger.events import MAX_BODY_BYTES, MAX_GENESIS_BYTES

SCHEMA_VERSION: Final = 1

LOCK_KEY: Final = 0x7166_735F_6C65_6173
"""The advisory lock of the writer: `qfs_leas` as a bigint."""

_TAG = (bytes([len(EVENT_TAG)]) + EVENT_TAG.encode("ascii")).hex()

FUNCTIONS: Final = {
    "refuse": """
BEGIN
    RAISE EXCEPTION 'the log is append-only: no % of %', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END
""",
    "event_follows": f"""
DECLARE
    first bigint;
    before bytea;
    wrong bigint;
BEGIN
    SELECT min(seq) INTO first FROM added;
    IF first = 0 THEN
        before := decode(repeat('00', 32), 'hex');
    ELSE
        SELECT hash INTO before FROM qfs.event WHERE seq = first - 1;
    END IF;
    SELECT seq INTO wrong FROM (
        SELECT seq, previous, hash, body,
            lag(seq, 1, first - 1) OVER (ORDER BY seq) AS seq_before,
            lag(hash, 1, before) OVER (ORDER BY seq) AS hash_before
        FROM added
    ) AS rows
    WHERE seq <> seq_before + 1
        OR previous IS DISTINCT FROM hash_before
        OR hash <> sha256(
            '\\x{_TAG}'::bytea || (SELECT i.hash FROM qfs.instance AS i) || previous || body)
    ORDER BY seq LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'the log is append-only: event % is not the next event', wrong
        USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
""",
    "lease_follows": """
BEGIN
    IF NEW.fence <> (SELECT coalesce(max(fence), 0) + 1 FROM qfs.lease) THEN
        RAISE EXCEPTION 'the log is append-only: % is not the next lease', NEW.fence
        USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
""",
}

_TABLES = f"""
CREATE SCHEMA qfs;
CREATE TABLE qfs.instance (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    version integer NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    genesis bytea NOT NULL CHECK (octet_length(genesis) BETWEEN 1 AND {MAX_GENESIS_BYTES})
);
CREATE TABLE qfs.event (
    seq bigint PRIMARY KEY CHECK (seq >= 0),
    previous bytea NOT NULL CHECK (octet_length(previous) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    body bytea NOT NULL CHECK (octet_length(body) BETWEEN 1 AND {MAX_BODY_BYTES})
);
CREATE TABLE qfs.lease (
    fence bigint PRIMARY KEY CHECK (fence >= 1),
    owner text NOT NULL CHECK (octet_length(owner) BETWEEN 1 AND 128)
);
"""

_GUARDS = """
CREATE TRIGGER event_follows AFTER INSERT ON qfs.event REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION qfs.event_follows();
CREATE TRIGGER lease_follows BEFORE INSERT ON qfs.lease
FOR EACH ROW EXECUTE FUNCTION qfs.lease_follows();
""" + "".join(
    f"""
CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON qfs.{table}
FOR EACH STATEMENT EXECUTE FUNCTION qfs.refuse();
"""
    for table in ("instance", "event", "lease")
)

STATEMENTS: Final = (
    _TABLES,
    *(
        f"CREATE FUNCTION qfs.{name}() RETURNS trigger LANGUAGE plpgsql"
        f" SET search_path = pg_catalog, pg_temp AS $body${body}$body$"
        for name, body in FUNCTIONS.items()
    ),
    _GUARDS,
)

# pg_trigger.tgtype: 1 for each row, 2 before, 4 INSERT, 8 DELETE, 16 UPDATE, 32 TRUNCATE.
_KEPT = f"refuse {2 + 8 + 16 + 32}"
TRIGGERS: Final = {
    "event.event_follows": f"event_follows {4}",
    "event.event_kept": _KEPT,
    "instance.instance_kept": _KEPT,
    "lease.lease_follows": f"lease_follows {1 + 2 + 4}",
    "lease.lease_kept": _KEPT,
}

GRANTS: Final = (
    "REVOKE ALL ON SCHEMA qfs FROM PUBLIC, {role}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA qfs FROM PUBLIC, {role}",
    "GRANT USAGE ON SCHEMA qfs TO {role}",
    "GRANT SELECT ON qfs.instance TO {role}",
    "GRANT SELECT, INSERT ON qfs.event, qfs.lease TO {role}",
)
