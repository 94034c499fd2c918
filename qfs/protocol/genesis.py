"""Genesis: the document that an instance begins with, and is named by."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from qfs import canonical
from qfs.errors import EvidenceError, OutOfRangeError
from qfs.hashing import INSTANCE_TAG, tagged_hash
from qfs.ids import require_id
from qfs.limits import MAX_TICK, SPEC_VERSION
from qfs.protocol import ruleset as rulesets
from qfs.protocol.ruleset import Ruleset
from qfs.protocol.state import State
from qfs.signatures import PublicKey, parse_public_key


class Genesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is fixed before the first event.

    Attributes:
        name: an id for people; two networks of one name differ by their registrar.
        registrar: the public key that registers, revokes, rotates and changes rules.
        ruleset: the first rules; `epoch.ticks` is fixed by them.
        first_epoch: the first to be closed.
    """

    format: Literal["qfs-genesis-v1"]
    name: str
    spec_version: int
    registrar: str
    ruleset: dict[str, Any]
    first_epoch: int


def genesis_of(name: str, registrar: PublicKey, ruleset: Ruleset, first_epoch: int = 0) -> Genesis:
    """The genesis of a new instance.

    Raises:
        InvalidIdError: the name is no id.
        OutOfRangeError: the first epoch has ticks above 2^53 - 1.
    """
    require_id(name, "name")
    if not 0 <= first_epoch < MAX_TICK // ruleset.epoch_ticks:
        raise OutOfRangeError(
            f"epoch {first_epoch} of {ruleset.epoch_ticks} ticks ends above tick 2^53 - 1",
            argument="first_epoch",
            value=first_epoch,
        )
    return Genesis(
        "qfs-genesis-v1", name, SPEC_VERSION, registrar.text, ruleset.document(), first_epoch
    )


def initial_state(genesis: bytes) -> State:
    """The state before the first event, from the bytes of the genesis.

    Raises:
        EvidenceError: they are no genesis, or one of a spec version that is not known.
        QfsError: a field is at fault.
    """
    document = canonical.decode(genesis, Genesis, "genesis")
    if document.spec_version != SPEC_VERSION:
        raise EvidenceError(
            f"spec version {document.spec_version}; this release knows {SPEC_VERSION}",
            argument="genesis",
        )
    ruleset = rulesets.from_document(document.ruleset)
    registrar = parse_public_key(document.registrar, "registrar")
    if genesis_of(document.name, registrar, ruleset, document.first_epoch) != document:
        raise EvidenceError("not in canonical form", argument="genesis")
    return State(
        instance=tagged_hash(INSTANCE_TAG, genesis),
        registrar=registrar,
        rulesets=((document.first_epoch, ruleset),),
        epoch=document.first_epoch,
        tick=document.first_epoch * ruleset.epoch_ticks,
    )
