"""Keys and signatures: published vectors, keys that must be refused, purposes, and key files."""

from __future__ import annotations

import copy
import hashlib
import pathlib
import pickle
from collections.abc import Callable, Iterator

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey

from qfs import signatures
from qfs.errors import (
    MissingDependencyError,
    WrongTypeError,
)
from qfs.signatures import (
    ED25519,
    ML_DSA_65,
    PrivateKey,
    PublicKey,
    SignatureError,
    from_seed,
    generate,
    sign,
    sign_text,
    signed_bytes,
    verify,
    verify_text,
)

SUITES = [ED25519, ML_DSA_65]
SIGNATURE_BYTES = {ED25519: 64, ML_DSA_65: 3309}
TAG = "qfs/test/v1"

# RFC 8032, section 7.1, TEST 1, 2, 3 and SHA(abc): private key, public key, message and the two
# halves of the signature. The message of TEST 1 is empty, written -.
RFC_8032 = """
9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60
d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a
-
e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b

4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb
3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c
72
92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00

c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7
fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025
af82
6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a

833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42
ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf
ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f
dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589
09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704
"""


@pytest.fixture(scope="module")
def vectors() -> pathlib.Path:
    """The folder of the package cryptography_vectors."""
    package = pytest.importorskip("cryptography_vectors")
    return pathlib.Path(package.__file__).parent


@pytest.fixture(params=SUITES)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return from_seed(bytes(range(32)), request.param)


# Published vectors


@pytest.mark.parametrize("vector", RFC_8032.strip().split("\n\n"))
def test_rfc_8032(vector: str) -> None:
    private, public, message, *halves = map(bytes.fromhex, vector.replace("-", "").split("\n"))
    key, signature = from_seed(private), b"".join(halves)
    assert key.public == PublicKey(ED25519, public)
    if message:
        assert sign_text(key, message) == signature
        verify_text(key.public, message, signature)
    with pytest.raises(SignatureError):
        verify(key.public, TAG, message, signature)


def test_ed25519_of_the_authors(vectors: pathlib.Path) -> None:
    """From ed25519.cr.yp.to: private || public : public : message : signature || message."""
    count = 0
    for line in (vectors / "asymmetric" / "Ed25519" / "sign.input").read_text().split():
        private, public, message, signed = map(bytes.fromhex, line.rstrip(":").split(":"))
        key = from_seed(private[:32])
        assert key.public == PublicKey(ED25519, public)
        if message[:1] >= b" ":
            assert sign_text(key, message) == signed[:64]
            verify_text(key.public, message, signed[:64])
            count += 1
    assert count > 800


def kat_ml_dsa_65(vectors: pathlib.Path) -> Iterator[dict[str, bytes]]:
    """kat_MLDSA_65_det_pure.rsp: deterministic, pure ML-DSA-65, each with a context of 16 bytes."""
    path = vectors / "asymmetric" / "MLDSA" / "kat_MLDSA_65_det_pure.rsp"
    for block in path.read_text().split("count = ")[1:]:
        fields = dict(line.split(" = ") for line in block.splitlines() if " = " in line)
        yield {name: bytes.fromhex(fields[name]) for name in ("xi", "pk", "msg", "sm", "ctx")}


def test_ml_dsa_65_known_answers(vectors: pathlib.Path) -> None:
    """Keys through this module; the signatures, which have a context, through `cryptography`."""
    count = 0
    for vector in kat_ml_dsa_65(vectors):
        key = from_seed(vector["xi"], ML_DSA_65)
        assert key.public == PublicKey(ML_DSA_65, vector["pk"])
        signature, message = vector["sm"][:3309], vector["sm"][3309:]
        assert message == vector["msg"]
        loaded = MLDSA65PublicKey.from_public_bytes(key.public.raw)
        loaded.verify(signature, message, vector["ctx"])
        # What was signed under a context is not what this module signs.
        with pytest.raises(SignatureError):
            signatures._verify(key.public, message, signature)
        count += 1
    assert count == 100


@pytest.mark.skipif(not hasattr(MLDSA65PublicKey, "verify_mu"), reason="cryptography is too old")
def test_ml_dsa_65_signs_what_fips_204_says(vectors: pathlib.Path) -> None:
    """mu as FIPS 204 defines it, shown right by the known answers, with an empty context."""

    def mu(public: bytes, context: bytes, message: bytes) -> bytes:
        tr = hashlib.shake_256(public).digest(64)
        return hashlib.shake_256(tr + bytes([0, len(context)]) + context + message).digest(64)

    vector = next(kat_ml_dsa_65(vectors))
    published = MLDSA65PublicKey.from_public_bytes(vector["pk"])
    published.verify_mu(vector["sm"][:3309], mu(vector["pk"], vector["ctx"], vector["msg"]))
    key = from_seed(vector["xi"], ML_DSA_65)
    tagged = b"\x0bqfs/test/v1" + b"message"
    published.verify_mu(sign(key, TAG, b"message"), mu(vector["pk"], b"", tagged))
    published.verify_mu(sign_text(key, b"text"), mu(vector["pk"], b"", b"text"))


# Signatures


def test_what_is_signed() -> None:
    assert signed_bytes("qfs/vote/v1", b"m") == b"\x0bqfs/vote/v1m"
    key = from_seed(bytes(32))
    raw = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert sign(key, "qfs/vote/v1", b"m") == raw.sign(b"\x0bqfs/vote/v1m")


def test_a_signature_is_for_its_purpose_alone(key: PrivateKey) -> None:
    message = b"v1" * 4
    signature = sign(key, "qfs/vote/v1", message)
    assert len(signature) == SIGNATURE_BYTES[key.public.suite]
    verify(key.public, "qfs/vote/v1", message, signature)
    # The bytes after the length are the same in the first four.
    for tag, other in [
        ("qfs/vote/v", b"1" + message),
        ("qfs/vote/v1v1", message[2:]),
        ("qfs/vote/v1v", message[1:]),
        ("qf", b"s/vote/v1" + message),
        ("qfs/vote/v2", message),
        ("qfs/register/v1", message),
    ]:
        with pytest.raises(SignatureError):
            verify(key.public, tag, other, signature)


def test_a_text_is_no_tagged_message(key: PrivateKey) -> None:
    """No text can be what is signed for a purpose, so neither stands for the other."""
    tagged = signed_bytes(TAG, b"message")
    assert max(signed_bytes("t" * 31, b"")[0], tagged[0]) < 0x20
    with pytest.raises(ValueError, match="without a tag"):
        sign_text(key, tagged)
    with pytest.raises(SignatureError):
        verify_text(key.public, tagged, sign(key, TAG, b"message"))
    for text in (b"", b"\n", b"\x1f"):
        with pytest.raises(ValueError, match="without a tag"):
            sign_text(key, text)
        with pytest.raises(SignatureError):
            verify_text(key.public, text, bytes(64))
    for text in (b" ", b"\xff"):
        verify_text(key.public, text, sign_text(key, text))


@pytest.mark.parametrize("tag", ["", "t", "t" * 32, "a b", "a\n", "a\x7f", "\xe4\xe4", "\u0131t"])
def test_tags_that_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="purpose tag"):
        signed_bytes(tag, b"")


def refusals(attempts: list[Callable[[], None]]) -> set[tuple[object, ...]]:
    """What can be told from the errors of attempts that must all be refused."""
    found: set[tuple[object, ...]] = set()
    for attempt in attempts:
        with pytest.raises(SignatureError) as caught:
            attempt()
        error = caught.value
        assert error.__suppress_context__ or error.__context__ is None
        found.add((type(error), error.code, str(error), repr(error.__cause__), str(vars(error))))
    return found


def test_one_error_whatever_is_wrong(key: PrivateKey) -> None:
    """Changed signatures, messages, lengths and keys; not told apart."""
    message = b"message"
    signature = sign(key, TAG, message)
    other = from_seed(bytes(32), key.public.suite).public
    step = 1 if key.public.suite == ED25519 else 41

    def flipped(data: bytes, i: int) -> bytes:
        return data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :]

    def attempt(public: PublicKey, text: bytes, proof: bytes) -> Callable[[], None]:
        return lambda: verify(public, TAG, text, proof)

    attempts = [
        *(
            attempt(key.public, message, flipped(signature, i))
            for i in range(0, len(signature), step)
        ),
        *(attempt(key.public, flipped(message, i), signature) for i in range(len(message))),
        *(attempt(key.public, message, bad) for bad in (b"", signature[:-1], signature + b"\0")),
        attempt(key.public, message, bytes(len(signature))),
        attempt(key.public, message + b"\0", signature),
        attempt(other, message, signature),
        lambda: verify_text(key.public, b"\x01", signature),
    ]
    assert len(refusals(attempts)) == 1


def test_an_s_above_the_group_order_is_refused() -> None:
    """S + L would verify as well if it were not: a second signature from a first one."""
    order = 2**252 + 27742317777372353535851937790883648493
    key = from_seed(bytes(32))
    signature = sign(key, TAG, b"message")
    s = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(SignatureError):
        verify(key.public, TAG, b"message", signature[:32] + s.to_bytes(32, "little"))


def test_ed25519_is_deterministic_and_ml_dsa_is_not() -> None:
    first, second = (from_seed(bytes(32), suite) for suite in SUITES)
    assert sign(first, TAG, b"m") == sign(first, TAG, b"m")
    assert sign(second, TAG, b"m") != sign(second, TAG, b"m")


def test_bytes_are_wanted(key: PrivateKey) -> None:
    signature = sign(key, TAG, b"m")
    attempts: list[Callable[[], object]] = [
        lambda: sign(key, TAG, "m"),  # type: ignore[arg-type]
        lambda: verify(key.public, TAG, "m", signature),  # type: ignore[arg-type]
        lambda: verify(key.public, TAG, b"m", signature.hex()),  # type: ignore[arg-type]
        lambda: sign_text(key, "m"),  # type: ignore[arg-type]
        lambda: from_seed("0" * 32),  # type: ignore[arg-type]
    ]
    for attempt in attempts:
        with pytest.raises(WrongTypeError):
            attempt()


def test_a_build_without_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    key = from_seed(bytes(32), ML_DSA_65)

    class Lacking:
        @staticmethod
        def from_public_bytes(raw: bytes) -> None:
            raise UnsupportedAlgorithm("ML-DSA-65 is not supported")

        generate = from_seed_bytes = from_public_bytes

    monkeypatch.setattr(signatures, "MLDSA65PublicKey", Lacking)
    monkeypatch.setattr(signatures, "MLDSA65PrivateKey", Lacking)
    for attempt in (
        lambda: verify(key.public, TAG, b"m", bytes(3309)),
        lambda: from_seed(bytes(32), ML_DSA_65),
    ):
        with pytest.raises(MissingDependencyError, match="cryptography"):
            attempt()


# Private keys


def secrets(key: PrivateKey) -> list[str]:
    raw = key._key.private_bytes_raw()
    return [raw.hex(), repr(raw)[2:-1]]


def test_a_private_key_is_not_shown_or_copied(key: PrivateKey) -> None:
    shown = f"{key!r} {key} {[key]}"
    assert key.public.raw.hex()[:16] in shown
    assert not any(secret in shown for secret in secrets(key))
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(WrongTypeError):
            duplicate(key)
    assert not hasattr(key, "__dict__")


def test_generated_keys_differ() -> None:
    for suite in SUITES:
        first, second = generate(suite), generate(suite)
        assert first.public != second.public
        verify(first.public, TAG, b"m", sign(first, TAG, b"m"))
