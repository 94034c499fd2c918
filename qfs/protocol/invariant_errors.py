"""What the auditor raises, and the names of the invariants."""

from __future__ import annotations

from typing import Final

from qfs.errors import VerificationError

NO_TRANSFER: Final = "NOD-I1"
SUPPLY: Final = "NOD-I2"
POWER: Final = "NOD-I3"
REPLAY: Final = "NOD-I4"
BALLOTS: Final = "NOD-I5"


class InvariantError(VerificationError):
    """A state in which an invariant does not hold.

    Attributes:
        invariant: which one, "NOD-I1" to "NOD-I5".
    """

    code = "invariant"

    def __init__(
        self, invariant: str, problem: str, *, value: object = None, expected: object = None
    ) -> None:
        super().__init__(problem, argument=invariant, value=value, expected=expected)
        self.invariant = invariant


def require_same(invariant: str, name: str, expected: object, found: object) -> None:
    """Return if what is found is what is expected.

    Raises:
        InvariantError: it is not.
    """
    if found != expected:
        raise InvariantError(
            invariant, f"{name}: {found} instead of {expected}", value=found, expected=expected
        )
