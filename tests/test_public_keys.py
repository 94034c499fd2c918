"""Public keys: one form for each, and none under which signatures can be forged."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from qfs import signatures
from qfs.errors import UnknownOptionError, WrongTypeError
from qfs.signatures import (
    ED25519,
    ML_DSA_65,
    InvalidKeyError,
    PrivateKey,
    PublicKey,
    from_seed,
    generate,
    parse_public_key,
)

SUITES = [ED25519, ML_DSA_65]
P = 2**255 - 19

# Every encoding of a point of small order, canonical or not: C2SP/CCTV, ed25519/README.md.
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]
CANONICAL_SMALL_ORDER = 8


@pytest.fixture(params=SUITES)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return from_seed(bytes(range(32)), request.param)


@pytest.mark.parametrize("encoding", SMALL_ORDER)
def test_keys_of_small_order_are_refused(encoding: str) -> None:
    with pytest.raises(InvalidKeyError) as caught:
        parse_public_key(f"ed25519:{encoding}", "registrar")
    assert caught.value.argument == "registrar"
    with pytest.raises(InvalidKeyError):
        PublicKey(ED25519, bytes.fromhex(encoding))


def test_the_refusals_say_which_they_are() -> None:
    faults = [signatures._ed25519_fault(bytes.fromhex(encoding)) for encoding in SMALL_ORDER]
    assert faults.count("it has small order") == CANONICAL_SMALL_ORDER
    assert faults.count("it has the sign of an x that is 0") == 2
    assert faults.count("its y is not reduced") == 4


def test_small_order_by_addition() -> None:
    """The multiples of a point of order 8 are all the points of small order, and a usable key
    stays one when any of them is added: its order is then large, though not prime."""
    d = -121665 * pow(121666, P - 2, P) % P

    def add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
        (x, y), (u, v) = one, two
        t = d * x * u * y * v % P
        return (
            (x * v + u * y) * pow(1 + t, P - 2, P) % P,
            (y * v + x * u) * pow(1 - t, P - 2, P) % P,
        )

    def encode(point: tuple[int, int]) -> bytes:
        return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")

    def decode(raw: bytes) -> tuple[int, int]:
        y = int.from_bytes(raw, "little") % 2**255
        square = (y * y - 1) * pow(d * y * y + 1, P - 2, P) % P
        x = pow(square, (P + 3) // 8, P)
        x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
        return (x if x & 1 == raw[31] >> 7 else P - x), y

    small = decode(bytes.fromhex(SMALL_ORDER[8]))
    multiples = [(0, 1)]
    while (following := add(multiples[-1], small)) != (0, 1):
        multiples.append(following)
    assert len(multiples) == CANONICAL_SMALL_ORDER
    assert {encode(point).hex() for point in multiples} < set(SMALL_ORDER)
    key = from_seed(bytes(32)).public.raw
    for point in multiples:
        assert signatures._ed25519_fault(encode(point)) == "it has small order"
        assert signatures._ed25519_fault(encode(add(decode(key), point))) is None


def test_without_the_refusal_a_signature_can_be_forged() -> None:
    """Under the identity as a key, R = identity and S = 0 sign everything."""
    identity = bytes.fromhex(SMALL_ORDER[4])
    loaded = Ed25519PublicKey.from_public_bytes(identity)
    loaded.verify(identity + bytes(32), b"anything")
    with pytest.raises(InvalidKeyError):
        PublicKey(ED25519, identity)


def test_every_y_that_is_not_reduced_is_refused() -> None:
    for y in range(P, 2**255):
        for sign_bit in (0, 1):
            raw = (y | sign_bit << 255).to_bytes(32, "little")
            assert signatures._ed25519_fault(raw) == "its y is not reduced"
    assert signatures._ed25519_fault((P - 2).to_bytes(32, "little")) != "its y is not reduced"


def test_points_off_the_curve_are_refused() -> None:
    """By Euler's criterion, x^2 (d y^2 + 1) = y^2 - 1 has no solution."""
    d = -121665 * pow(121666, P - 2, P)
    found = set()
    for y in [*range(2, 300), *range(P - 300, P - 1)]:
        square = (y * y - 1) * pow(d * y * y + 1, P - 2, P)
        is_on_curve = pow(square, (P - 1) // 2, P) == 1
        for sign_bit in (0, 1):
            fault = signatures._ed25519_fault((y | sign_bit << 255).to_bytes(32, "little"))
            assert fault == (None if is_on_curve else "it is no point of the curve")
            found.add(fault)
    assert len(found) == 2


@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_is_made_is_accepted(seed: bytes) -> None:
    public = from_seed(seed).public
    assert parse_public_key(public.text) == public
    assert public.text == "ed25519:" + public.raw.hex()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.upper(),
        lambda text: text.split(":")[0] + ":" + text.split(":")[1].upper(),
        lambda text: text.replace("ed25519", "Ed25519").replace("ml-dsa", "ML-DSA"),
        lambda text: text[:-1],
        lambda text: text[:-2],
        lambda text: text + "00",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace(":", ""),
        lambda text: text.replace(":", "::"),
        lambda text: text.replace(":", ": "),
        lambda text: text.replace(":", ":0x"),
        lambda text: text[:-2] + "g0",
        lambda text: text[:-2] + "\N{ARABIC-INDIC DIGIT ONE}0",
        lambda text: text[:-3] + " 00",
        lambda text: text.split(":")[1],
        lambda text: text.split(":")[0] + ":",
        lambda text: "",
    ],
)
def test_one_text_form_only(key: PrivateKey, change: Callable[[str], str]) -> None:
    with pytest.raises(InvalidKeyError) as caught:
        parse_public_key(change(key.public.text))
    assert caught.value.argument == "public_key"


def test_a_key_is_of_its_suite() -> None:
    other = {ED25519: ML_DSA_65, ML_DSA_65: ED25519}
    for suite in SUITES:
        raw = from_seed(bytes(32), suite).public.raw
        with pytest.raises(InvalidKeyError):
            PublicKey(other[suite], raw)
        with pytest.raises(InvalidKeyError):
            parse_public_key(f"{other[suite]}:{raw.hex()}")
        with pytest.raises(WrongTypeError):
            PublicKey(suite, raw.hex())  # type: ignore[arg-type]
    for make in (lambda: PublicKey("rsa", bytes(32)), lambda: generate("rsa")):
        with pytest.raises(UnknownOptionError):
            make()
    with pytest.raises(UnknownOptionError):
        from_seed(bytes(32), "ed448")


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    for suite in SUITES:
        with pytest.raises(InvalidKeyError):
            from_seed(seed, suite)


@pytest.mark.parametrize("suite", signatures.PUBLIC_KEY_BYTES)
def test_an_accepted_key_is_the_same_without_a_second_look(suite: str) -> None:
    private = signatures.from_seed(b"\5" * 32, suite)
    text = private.public.text
    key = signatures.accepted_public_key(text)
    assert key == signatures.parse_public_key(text) == private.public
    assert key.text == text
    signatures.verify(key, "qfs/test/v1", b"said", signatures.sign(private, "qfs/test/v1", b"said"))
