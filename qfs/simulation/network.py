"""A simulated network at work: what is planned becomes events of an instance, through a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from qfs.errors import VerificationError
from qfs.ledger.session import Session
from qfs.protocol import events
from qfs.protocol.closing import Closing
from qfs.protocol.events import TableRef, TransitionError
from qfs.protocol.registry import NEW_NODES, registrations
from qfs.rows import from_rows
from qfs.simulation import plan
from qfs.simulation.attempts import AFTER_CLOSE, ATTEMPTS, Attempt, World, forged_close
from qfs.simulation.draws import Parameters
from qfs.simulation.fees import Reward
from qfs.simulation.figures import epoch_figures
from qfs.simulation.keys import REGISTRAR_NAME, Keys
from qfs.simulation.nodes import FEES_REPORTER, TELEMETRY_REPORTER
from qfs.simulation.vote_attempts import attempts_at
from qfs.simulation.votes import Cast, Propose, Settle, TryVote, Votes
from qfs.tables import FEES, TELEMETRY, Table


class SimulationError(VerificationError):
    """What must be refused was accepted, or refused for another reason."""

    code = "simulation"


class Network:
    """A network that acts by its plan.

    Attributes:
        session: what it acts through; a later session of the instance may take over.
        keys: of everybody who signs.
        votes: that it holds.
        epochs: figures of each closed epoch.
        refused: what was tried, and the reason it was refused for.
    """

    def __init__(self, given: Parameters, session: Session) -> None:
        self._given = given
        self.session = session
        self.keys = Keys(given)
        self.votes = Votes(given, self.keys)
        self.epochs: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []

    def act(self, happening: plan.Happening) -> None:
        """Do what happens next.

        Raises:
            TransitionError: it is refused, and should not be.
            SimulationError: it should be refused, and is not.
        """
        tick, action = happening
        handler: Callable[[Network, int, Any], None] = _HANDLERS[type(action)]
        handler(self, tick, action)

    def _register(self, tick: int, action: plan.Register) -> None:
        rows = [
            (node.node_id, node.operator_id, node.role, self._public(node.node_id))
            for node in action.nodes
        ]
        table = registrations(from_rows(NEW_NODES, rows), tick)
        payload = events.Register(self.session.nonce(), TableRef.of(table), "")
        self._registrar(tick, payload, table)

    def _public(self, name: str) -> str:
        return self.keys.current(name).public.text

    def _rotate(self, tick: int, action: plan.Rotate) -> None:
        name = action.node_id
        public_key = self.keys.next(name).public.text
        self._registrar(tick, events.RotateKey(self.session.nonce(), name, public_key, ""))
        self.keys.rotate(name)

    def _revoke(self, tick: int, action: plan.Revoke) -> None:
        self._registrar(tick, events.Revoke(self.session.nonce(), action.node_id, ""))

    def _change(self, tick: int, action: plan.Change) -> None:
        document = action.ruleset.document()
        self._registrar(tick, events.ChangeRuleset(self.session.nonce(), document, ""))

    def _registrar(
        self, tick: int, payload: events.ByRegistrar, table: Table | None = None
    ) -> None:
        self.session.sign(self.keys.current(REGISTRAR_NAME), tick, payload, table)

    def _fees(self, tick: int, action: plan.Fees) -> None:
        table = from_rows(FEES, action.rows)
        nonce = self.session.nonce(FEES_REPORTER)
        payload = events.RecordFees(nonce, FEES_REPORTER, action.epoch, TableRef.of(table), "")
        self.session.sign(self.keys.current(FEES_REPORTER), tick, payload, table)

    def _telemetry(self, tick: int, action: plan.Telemetry) -> None:
        table = from_rows(TELEMETRY, action.rows)
        reporter = TELEMETRY_REPORTER
        payload = events.RecordTelemetry(
            self.session.nonce(reporter), reporter, action.epoch, TableRef.of(table), ""
        )
        event = self.session.signed(self.keys.current(reporter), tick, payload, table)
        if action.too_late:
            self._try(tick, Attempt("telemetry of a closed epoch", "closed", lambda _: event))
        else:
            self.session.append([event])

    def _reward(self, tick: int, action: Reward) -> None:
        payload = events.RecordReward(
            nonce=self.session.nonce(FEES_REPORTER),
            reporter=FEES_REPORTER,
            action_id=action.action_id,
            s_chr=str(action.s_chr),
            action_cost=str(action.action_cost),
            c_holo=str(action.c_holo),
            c_crit=str(action.c_crit),
            signature="",
        )
        self.session.sign(self.keys.current(FEES_REPORTER), tick, payload)

    def _close(self, tick: int, action: plan.Close) -> None:
        epoch = action.epoch
        found: Closing = self.session.close(epoch, tick)
        if epoch == 0:
            self._try(tick, forged_close(found))
        self.session.commit((), found, tick)
        self.epochs.append(epoch_figures(found, tick))
        if epoch == 0:
            for attempt in AFTER_CLOSE:
                self._try(tick, attempt)

    def _propose(self, tick: int, action: Propose) -> None:
        self.votes.propose(self.session, tick, action.motion)

    def _cast(self, tick: int, action: Cast) -> None:
        self.votes.cast(self.session, tick, *action)

    def _settle(self, tick: int, action: Settle) -> None:
        self.votes.settle(self.session, tick, action.motion)

    def _attempts(self, tick: int, action: plan.Attempts) -> None:
        for number in action.numbers:
            self._try(tick, ATTEMPTS[number])

    def _try_vote(self, tick: int, action: TryVote) -> None:
        vote = self.votes.get(self.session, action.motion)
        for attempt in () if vote is None else attempts_at(action.stage, vote):
            self._try(tick, attempt)

    def _try(self, tick: int, attempt: Attempt) -> None:
        world = World(self.session, self.keys, tick)
        before = self.session.state
        event = attempt.event(world)
        if event is None:
            return
        try:
            self.session.append([event])
        except TransitionError as error:
            found = error.reason
        else:
            raise SimulationError(
                f"{attempt.name} was accepted at tick {tick}", argument="attempt", value=event.type
            )
        if found != attempt.reason or self.session.state is not before:
            raise SimulationError(
                f"{attempt.name} was refused for {found}, not for {attempt.reason}",
                argument="attempt",
                value=found,
                expected=attempt.reason,
            )
        self.refused.append(
            {"attempt": attempt.name, "reason": found, "tick": tick, "type": event.type}
        )


_HANDLERS: Final[Mapping[type[plan.Action], Callable[[Network, int, Any], None]]] = {
    plan.Register: Network._register,
    plan.Rotate: Network._rotate,
    plan.Revoke: Network._revoke,
    plan.Change: Network._change,
    plan.Fees: Network._fees,
    plan.Telemetry: Network._telemetry,
    Reward: Network._reward,
    plan.Close: Network._close,
    plan.Attempts: Network._attempts,
    Propose: Network._propose,
    Cast: Network._cast,
    Settle: Network._settle,
    TryVote: Network._try_vote,
}
