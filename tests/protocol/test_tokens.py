"""Snapshots of the six tokens and rewards: bounds, identities, bytes, and damage to them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfs import canonical
from qfs.errors import (
    EvidenceError,
    NullValueError,
    NumberTextError,
    OutOfRangeError,
    QfsError,
    StateError,
    UnknownOptionError,
    VerificationError,
    WrongTypeError,
)
from qfs.hashing import TOKENS_TAG, tagged_hash
from qfs.limits import MAX_SCALAR, MAX_VALUE
from qfs.protocol.tokens import (
    EMPTY_BALANCES,
    AtrState,
    NodState,
    RewardBundle,
    TokenState,
    TokenStateBundle,
    create_token_state_bundle,
    load_token_state_bundle,
)

BALANCES = bytes(range(32))
EXAMPLE = {
    "chr_supply": 1,
    "flx_supply": 2,
    "psync_supply": 3,
    "res_supply": 4,
    "atr_fees": 1000,
    "atr_retained": 900,
    "nod_supply": 60,
    "nod_pool": 40,
    "nod_issued": 100,
    "nod_residue": 5 * 10**17,
    "nod_balances": BALANCES,
}


def example(**changes: Any) -> TokenStateBundle:
    return create_token_state_bundle(**{**EXAMPLE, **changes})


def test_all_six_states_hold_what_was_given() -> None:
    bundle = example()
    assert bundle.chr_state == TokenState("chr", 1)
    assert bundle.flx_state == TokenState("flx", 2)
    assert bundle.psync_state == TokenState("psync", 3)
    assert bundle.res_state == TokenState("res", 4)
    assert bundle.atr_state == AtrState(fees=1000, retained=900)
    assert bundle.nod_state == NodState(60, 40, 100, 5 * 10**17, BALANCES)


def test_nothing_given_is_a_snapshot_of_nothing() -> None:
    bundle = create_token_state_bundle()
    figures = {
        value
        for state in bundle.document().values()
        for n, value in state.items()
        if n != "balances"
    }
    assert figures == {"0"}
    empty = hashlib.sha256(b"").digest()
    table = b"\x0cqfs/table/v1" + b"\0\x08balances" + bytes(8) + empty
    assert bundle.nod_state.balances == EMPTY_BALANCES == hashlib.sha256(table).digest()


def test_the_bytes_of_a_snapshot() -> None:
    tokens = (
        b'{"atr":{"fees":"1000","retained":"900"},"chr":{"supply":"1"},"flx":{"supply":"2"},'
        b'"nod":{"balances":"' + BALANCES.hex().encode() + b'","issued":"100","pool":"40",'
        b'"residue":"500000000000000000","supply":"60"},'
        b'"psync":{"supply":"3"},"res":{"supply":"4"}}'
    )
    digest = hashlib.sha256(b"\x0dqfs/tokens/v1" + tokens).hexdigest()
    assert example().digest.hex() == digest
    assert example().to_bytes() == (
        b'{"digest":"' + digest.encode() + b'","format":"qfs-tokens-v1","tokens":' + tokens + b"}"
    )


scalars = st.one_of(st.integers(0, 9), st.integers(0, 2**127), st.just(2**127))


@given(
    supplies=st.lists(st.integers(0, MAX_SCALAR), min_size=4, max_size=4),
    retained=st.integers(0, MAX_SCALAR - 2**127 - MAX_VALUE),
    supply=scalars,
    pool=st.integers(0, MAX_VALUE),
    residue=st.integers(0, 10**18 - 1),
    balances=st.binary(min_size=32, max_size=32),
)
def test_snapshots_round_trip(
    supplies: list[int], retained: int, supply: int, pool: int, residue: int, balances: bytes
) -> None:
    names = ("chr_supply", "flx_supply", "psync_supply", "res_supply")
    bundle = create_token_state_bundle(
        **dict(zip(names, supplies, strict=True)),
        atr_fees=retained + supply + pool,
        atr_retained=retained,
        nod_supply=supply,
        nod_pool=pool,
        nod_issued=supply + pool,
        nod_residue=residue,
        nod_balances=balances,
    )
    again = load_token_state_bundle(bundle.to_bytes())
    assert again == bundle
    assert (again.digest, again.to_bytes()) == (bundle.digest, bundle.to_bytes())


def test_every_single_changed_byte_is_refused() -> None:
    data = example().to_bytes()
    refused = 0
    for position, byte in enumerate(data):
        for other in (byte ^ 1, byte ^ 2, byte ^ 0x10, byte ^ 0x20, byte ^ 0x80, 0x20, 0x30):
            if other == byte:
                continue
            damaged = data[:position] + bytes([other]) + data[position + 1 :]
            with pytest.raises((EvidenceError, VerificationError)):
                load_token_state_bundle(damaged)
            refused += 1
    assert refused > 6 * len(data) - 100


def test_every_missing_or_added_byte_is_refused() -> None:
    data = example().to_bytes()
    for position in range(len(data)):
        for damaged in (
            data[:position] + data[position + 1 :],
            data[:position] + b"0" + data[position:],
            data[:position],
        ):
            with pytest.raises((EvidenceError, VerificationError)):
                load_token_state_bundle(damaged)


def forged(**figures: Any) -> bytes:
    """Bytes whose digest fits; `a__b=text` changes a figure, None leaves it out."""
    tokens = json.loads(example().to_bytes())["tokens"]
    for path, text in figures.items():
        token, name = path.split("__")
        if text is None:
            del tokens[token][name]
        else:
            tokens.setdefault(token, {})[name] = text
    digest = tagged_hash(TOKENS_TAG, canonical.encode(tokens)).hex()
    return canonical.encode({"format": "qfs-tokens-v1", "digest": digest, "tokens": tokens})


def test_a_figure_with_a_digest_that_fits_is_checked_all_the_same() -> None:
    assert load_token_state_bundle(forged(chr__supply="8")).chr_state.supply == 8
    cases: list[tuple[dict[str, Any], type[QfsError], str]] = [
        ({"chr__supply": "01"}, NumberTextError, "chr_supply"),
        ({"chr__supply": "-1"}, NumberTextError, "chr_supply"),
        ({"res__supply": str(MAX_SCALAR + 1)}, OutOfRangeError, "res_supply"),
        ({"nod__pool": "41"}, StateError, "nod_issued"),
        ({"nod__residue": str(10**18)}, OutOfRangeError, "nod_residue"),
        ({"atr__retained": "901"}, StateError, "atr_fees"),
        ({"nod__balances": "AB" * 32}, EvidenceError, "tokens"),
        ({"nod__balances": "ab" * 31}, EvidenceError, "tokens"),
        ({"chr__supply": None}, EvidenceError, "tokens"),
        ({"chr__pool": "0"}, EvidenceError, "tokens"),
        ({"abc__supply": "0"}, EvidenceError, "tokens"),
        ({"chr__supply": 1}, EvidenceError, "tokens"),
    ]
    for figures, kind, argument in cases:
        with pytest.raises(QfsError) as caught:
            load_token_state_bundle(forged(**figures))
        assert (type(caught.value), caught.value.argument) == (kind, argument), figures


def test_another_digest_is_named_with_the_right_one() -> None:
    document = json.loads(example().to_bytes())
    document["digest"] = "00" * 32
    with pytest.raises(VerificationError) as caught:
        load_token_state_bundle(canonical.encode(document))
    assert (caught.value.value, caught.value.expected) == ("00" * 32, example().digest.hex())


@pytest.mark.parametrize("name", EXAMPLE)
def test_every_figure_is_checked_and_named(name: str) -> None:
    cases: list[tuple[Any, type[QfsError]]] = [
        (-1, OutOfRangeError),
        (MAX_SCALAR + 1, OutOfRangeError),
        (1.0, WrongTypeError),
        (True, WrongTypeError),
        ("1", WrongTypeError),
        (None, NullValueError),
    ]
    if name == "nod_balances":
        cases = [
            (bytes(31), OutOfRangeError),
            (bytes(33), OutOfRangeError),
            ("00" * 32, WrongTypeError),
            (bytearray(32), WrongTypeError),
        ]
    for bad, kind in cases:
        with pytest.raises(QfsError) as caught:
            example(**{name: bad})
        assert (type(caught.value), caught.value.argument) == (kind, name)


def test_figures_at_their_bounds() -> None:
    top = create_token_state_bundle(
        chr_supply=MAX_SCALAR,
        flx_supply=MAX_SCALAR,
        psync_supply=MAX_SCALAR,
        res_supply=MAX_SCALAR,
        atr_fees=MAX_SCALAR,
        nod_supply=MAX_SCALAR - MAX_VALUE,
        nod_pool=MAX_VALUE,
        nod_issued=MAX_SCALAR,
        nod_residue=10**18 - 1,
        nod_balances=BALANCES,
    )
    assert load_token_state_bundle(top.to_bytes()) == top
    with pytest.raises(OutOfRangeError) as caught:
        example(nod_pool=MAX_VALUE + 1)
    assert caught.value.argument == "nod_pool"
    with pytest.raises(OutOfRangeError) as caught:
        example(nod_residue=10**18)
    assert caught.value.argument == "nod_residue"


@pytest.mark.parametrize(
    ("changes", "argument"),
    [
        ({"nod_issued": 99}, "nod_issued"),
        ({"nod_issued": 101}, "nod_issued"),
        ({"nod_pool": 41}, "nod_issued"),
        ({"nod_supply": 59}, "nod_issued"),
        ({"nod_balances": EMPTY_BALANCES}, "nod_balances"),
        ({"atr_retained": 1001}, "atr_retained"),
        ({"atr_retained": 899}, "atr_fees"),
        ({"atr_fees": 1001}, "atr_fees"),
    ],
)
def test_figures_that_contradict_one_another(changes: dict[str, int], argument: str) -> None:
    with pytest.raises(StateError) as caught:
        example(**changes)
    assert (caught.value.code, caught.value.argument) == ("state", argument)


def test_a_state_stands_in_its_own_field_only() -> None:
    with pytest.raises(WrongTypeError) as caught:
        dataclasses.replace(example(), flx_state=TokenState("chr", 0))
    assert caught.value.argument == "flx_state"
    with pytest.raises(WrongTypeError) as caught:
        dataclasses.replace(example(), nod_state=AtrState())
    assert caught.value.argument == "nod_state"
    for bad in ("CHR", "nod", "", None, 1):
        with pytest.raises(UnknownOptionError):
            TokenState(bad, 0)  # type: ignore[arg-type]


def test_every_figure_changes_the_digest() -> None:
    changes: list[dict[str, Any]] = [
        {"chr_supply": 9},
        {"flx_supply": 9},
        {"psync_supply": 9},
        {"res_supply": 9},
        {"atr_fees": 1001, "atr_retained": 901},
        {"nod_supply": 59, "nod_pool": 41},
        {"nod_residue": 9},
        {"nod_balances": bytes(32)},
        {"nod_pool": 41, "nod_issued": 101, "atr_fees": 1001},
    ]
    assert len({example(**change).digest for change in [{}, *changes]}) == 1 + len(changes)


def test_snapshots_cannot_be_changed() -> None:
    bundle = example()
    for state in (bundle, bundle.chr_state, bundle.atr_state, bundle.nod_state):
        name = dataclasses.fields(state)[-1].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(state, name, 0)
        with pytest.raises((AttributeError, TypeError)):
            state.other = 0  # type: ignore[union-attr]
    assert hash(bundle) == hash(example())


REWARDS = {
    "chr_reward": 1,
    "flx_reward": 2,
    "psync_reward": 3,
    "atr_reward": 90,
    "res_reward": 4,
    "nod_reward": 10,
    "fees": 100,
    "withheld": 90,
    "residue": 10**18 - 1,
}


def test_rewards_as_a_document() -> None:
    rewards = RewardBundle(**REWARDS)
    assert rewards.document() == {name: str(value) for name, value in REWARDS.items()}
    canonical.encode(rewards.document())


@pytest.mark.parametrize("name", REWARDS)
def test_every_reward_is_checked_and_named(name: str) -> None:
    top = 10**18 if name == "residue" else MAX_SCALAR + 1
    cases: list[tuple[Any, type[QfsError]]] = [
        (-1, OutOfRangeError),
        (top, OutOfRangeError),
        (1.0, WrongTypeError),
        (None, NullValueError),
    ]
    for bad, kind in cases:
        with pytest.raises(QfsError) as caught:
            RewardBundle(**{**REWARDS, name: bad})
        assert (type(caught.value), caught.value.argument) == (kind, name)


@pytest.mark.parametrize(
    ("changes", "argument"),
    [({"fees": 101}, "fees"), ({"nod_reward": 9}, "fees"), ({"withheld": 91}, "withheld")],
)
def test_rewards_account_for_every_fee(changes: dict[str, int], argument: str) -> None:
    with pytest.raises(StateError) as caught:
        RewardBundle(**{**REWARDS, **changes})
    assert caught.value.argument == argument
