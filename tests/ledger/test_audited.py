"""Every step is audited: a state that does not follow is refused, also where the rules give it.

The rules are made to err here in one figure after another. Whoever writes must not write then, and
whoever replays must not go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from instances import FIRST_EPOCH, REGISTRAR, TICKS, grown

from qfs.ledger import replay as replaying
from qfs.ledger import session as sessions
from qfs.ledger.instance import Instance
from qfs.ledger.replay import ReplayError, replay
from qfs.ledger.session import Session
from qfs.protocol import events
from qfs.protocol.invariants import InvariantError
from qfs.protocol.state import State

pytestmark = pytest.mark.database


def more(**figures: str) -> Callable[[State], State]:
    """One unit more of these figures of tokens, which contradict no other figure then."""

    def change(state: State) -> State:
        changed = {}
        for token, names in figures.items():
            old = getattr(state.tokens, token)
            changed[token] = replace(old, **{n: getattr(old, n) + 1 for n in names.split()})
        # All at once: a bundle whose figures contradict one another cannot be made.
        return replace(state, tokens=replace(state.tokens, **changed))

    return change


def unsigned(state: State) -> State:
    return replace(state, signed=state.signed.set("reporter", 9))


def another_epoch(state: State) -> State:
    return replace(state, epoch=state.epoch + 1)


WRONG = {
    "issued from nothing": more(nod_state="issued pool", atr_state="fees"),
    "retained from nothing": more(atr_state="fees retained"),
    "residue": more(nod_state="residue"),
    "CHR from nothing": more(chr_state="supply"),
    "events signed": unsigned,
    "epoch": another_epoch,
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    return grown(tmp_path_factory.mktemp("audited") / "instance", 1)


@pytest.fixture(params=WRONG.values(), ids=WRONG)
def wrong(request: pytest.FixtureRequest) -> Callable[[State], State]:
    change: Callable[[State], State] = request.param
    return change


@pytest.fixture
def erring(
    monkeypatch: pytest.MonkeyPatch, wrong: Callable[[State], State]
) -> Callable[[Any], None]:
    """Makes the rules err wherever a module asks for them."""

    def install(module: Any) -> None:
        engine_of = module.engine_of

        class Erring:
            def __init__(self, spec_version: int) -> None:
                self.engine = engine_of(spec_version)

            def apply(self, state: State, event: events.ProtocolEvent) -> State:
                return wrong(self.engine.apply(state, event))

        monkeypatch.setattr(module, "engine_of", Erring)

    return install


def size(instance: Instance) -> int:
    with instance.open_log() as log:
        return log.size()


def test_replay_ends_at_the_first_state_that_does_not_follow(
    instance: Instance, erring: Callable[[Any], None]
) -> None:
    erring(replaying)
    with instance.open_log() as log, pytest.raises(ReplayError, match="NOD-I") as caught:
        list(replay(log, instance.artifacts))
    assert caught.value.seq == 0


def test_nothing_is_written_that_does_not_follow(
    instance: Instance, erring: Callable[[Any], None]
) -> None:
    before = size(instance)
    with Session(instance, "test") as session:
        state = session.state
        erring(sessions)
        payload = events.Revoke(session.nonce(), "node-1", "")
        with pytest.raises(InvariantError):
            session.sign(REGISTRAR, session.tick(), payload)
        assert session.state is state
    assert size(instance) == before


def test_no_epoch_is_closed_to_a_state_that_does_not_follow(
    instance: Instance, wrong: Callable[[State], State]
) -> None:
    before = size(instance)
    epoch, tick = FIRST_EPOCH + 1, (FIRST_EPOCH + 2) * TICKS
    with Session(instance, "test") as session:
        found = session.close(epoch, tick)
        with pytest.raises(InvariantError):
            session.commit((), replace(found, state=wrong(found.state)), tick)
    assert size(instance) == before
    assert not any(Path(instance.evidence(epoch)).glob("*"))
