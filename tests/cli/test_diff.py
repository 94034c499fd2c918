"""`qfs diff`: exit codes and what is printed; what is found is for test_compare.py."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any


def test_equal_instances_and_evidence_exit_with_0(closed: Any) -> None:
    copy = closed.base / "copy"
    shutil.copytree(closed.folder, copy)
    assert closed.run("diff", str(closed.folder), str(copy))[:2] == (0, "equal\n")
    found = closed.json("diff", str(closed.folder), str(copy))
    assert found == {"ok": True, "equal": True, "differences": []}
    evidence = [str(folder / "epochs" / "1") for folder in (closed.folder, copy)]
    assert closed.run("diff", *evidence)[0] == 0


def test_one_that_is_shorter_is_a_prefix(closed: Any) -> None:
    copy = closed.base / "copy"
    shutil.copytree(closed.folder, copy)
    assert closed.close(3)[0] == 0
    code, out, _ = closed.run("diff", str(closed.folder), str(copy))
    assert code == 3
    assert "the logs agree up to size 10" in out
    assert "A  13" in out
    assert "B  10" in out


def test_two_networks_differ_in_their_genesis(new_network: Callable[..., Any]) -> None:
    a, b = new_network("a"), new_network("b")
    found = a.json("diff", str(a.folder), str(b.folder), code=3)
    assert found["equal"] is False
    assert [(d["level"], d["place"]) for d in found["differences"]] == [("genesis", "registrar")]


def test_another_telemetry_leads_to_the_row_and_the_operation(closed: Any) -> None:
    copy = closed.base / "copy"
    shutil.copytree(closed.folder, copy)
    assert closed.close(3)[0] == 0
    fees = closed.fees(3, 1000, 7, 10**9)
    rows = {"ann": (10, 10), "bea": (10, 10), "cyd": (19, 20), "dot": (8, 10)}
    other = closed.telemetry(3, rows)
    words = ("epoch", "close", "--instance", str(copy), *closed.options(other, fees))
    assert closed.run(*words)[0] == 0
    code, out, err = closed.run("diff", str(closed.folder), str(copy))
    assert (code, err) == (3, "")
    lines = out.splitlines()
    assert lines[0] == "event: event 10 telemetry.record payload.signature"
    at = lines.index("row: telemetry node bea uptime_n")
    assert lines[at + 1 : at + 3] == ["  A  9", "  B  10"]
    assert lines[at + 3] == "operation: node bea score"
    assert "mul(a=9, b=1) = 9" in lines[at + 4]
    assert "mul(a=10, b=1) = 10" in lines[at + 5]


def test_what_is_not_of_one_kind_is_an_error(closed: Any) -> None:
    evidence = str(closed.folder / "epochs" / "1")
    for pair in (
        (str(closed.folder), evidence),
        (evidence, str(closed.folder)),
        (evidence, str(closed.base / "nowhere")),
        (str(closed.base), str(closed.base)),
    ):
        code, out, err = closed.run("diff", *pair)
        assert (code, out) == (1, "")
        assert "of one kind" in err


def test_a_log_that_was_changed_is_not_compared(closed: Any) -> None:
    import sqlite3

    copy = closed.base / "copy"
    shutil.copytree(closed.folder, copy)
    with sqlite3.connect(copy / "log.sqlite") as connection:
        connection.execute("DROP TRIGGER event_not_updated")
        connection.execute("UPDATE event SET body = CAST(body || ' ' AS BLOB) WHERE seq = 4")
    connection.close()
    code, out, err = closed.run("diff", str(closed.folder), str(copy))
    assert (code, out) == (3, "")
    assert "event 4" in err
