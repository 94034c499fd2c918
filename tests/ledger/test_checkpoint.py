"""Checkpoints: those of a public log, our own byte for byte, and all that must be refused."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from hypothesis import given
from hypothesis import strategies as st

from qfs.errors import QfsError, VerificationError, WrongTypeError
from qfs.ledger import note as module
from qfs.ledger.checkpoint import (
    MAX_SIZE,
    MAX_TEXT_BYTES,
    Checkpoint,
    parse_checkpoint,
    require_consistent,
    sign_checkpoint,
    verify_checkpoint,
)
from qfs.ledger.note import (
    MAX_NOTE_BYTES,
    CheckpointError,
    Signer,
    VerifierKey,
    open_note,
    parse_verifier_key,
    sign_note,
)
from qfs.reference.consistency import consistency_proof
from qfs.reference.merkle import EMPTY_ROOT, root
from qfs.signatures import (
    ML_DSA_65,
    InvalidKeyError,
    SignatureError,
    from_seed,
    sign,
    verify,
)

# The key of the Go checksum database, as the Go toolchain holds it, and checkpoints that it served.
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_ORIGIN = "go.sum database tree"
SUMDB = """\
3784599 7uvxIZ67TZygcq/AehTD8iHYt81Ih+Zl2Y7vXZbfszQ=
Az3grn972wXskjQrsZhVGc93fTU2uOsmSTiId1Wn1lxDCup5z4ggl1/4gaUqOkMa6cMbYvjB7hn7yemNr7Zqanol/go=
15081221 BoMMe1wd25Tco0mYGROkyqxHZWx+hcSCtMV315Lu6Lg=
Az3grilD7vQqTrv66jRgKM84Y80KTprrSt4bKmiOPxgmS5ZVBTeCl6dUvjYnN13R+C8j0jGY1WnUADGMkok3U0m2Zgo=
31700353 qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=
Az3grnmrIUEDFqHzAElIQCPNoRFRAAdFo47fooyWKMHb89k11GJh5zHIfNCOBmwn/C3YI8oW9/C8DJ87F61QqspBYwM=
65209736 5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=
Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8="""

# The test key and note of the Go package golang.org/x/mod/sumdb/note (note_test.go).
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_PRIVATE = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = b"""\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.
"""
GO_SIGNATURE = (
    b"x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)

DASH = b"\xe2\x80\x94 "
ORIGIN = "example.com/nod-log"
EVENTS = [hashlib.sha256(b"event %d" % i).digest() for i in range(12)]
LOG = Signer(ORIGIN, from_seed(bytes(range(32))))
POST_QUANTUM = Signer(ORIGIN, from_seed(bytes(32), ML_DSA_65))
WITNESS = Signer("witness.example/1", from_seed(b"w" * 32))


def at(size: int, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, size, root(EVENTS[:size]))


@pytest.fixture(scope="module")
def signed() -> bytes:
    return sign_checkpoint(at(7), [LOG])


def refused(data: bytes, *trusted: VerifierKey, origin: str = ORIGIN) -> QfsError:
    """The error with which a checkpoint is refused: one of two kinds."""
    with pytest.raises((CheckpointError, SignatureError)) as caught:
        verify_checkpoint(data, trusted or [LOG.verifier], origin)
    return caught.value


# What others published


@pytest.mark.parametrize("number", range(4))
def test_checkpoints_of_the_go_checksum_database(number: int) -> None:
    head, signature = SUMDB.split("\n")[2 * number : 2 * number + 2]
    size, encoded = int(head.split()[0]), head.split()[1]
    text = f"{SUMDB_ORIGIN}\n{size}\n{encoded}\n"
    note = f"{text}\n— sum.golang.org {signature}\n".encode()
    key = parse_verifier_key(SUMDB_KEY)
    found = verify_checkpoint(note, [key], SUMDB_ORIGIN)
    assert (found.origin, found.size, found.extensions) == (SUMDB_ORIGIN, size, ())
    assert found.root == base64.b64decode(encoded)
    assert found.text == text.encode()
    refused(note.replace(b"%d" % size, b"%d" % (size - 1)), key, origin=SUMDB_ORIGIN)
    refused(note, key, origin="sum.golang.org")
    refused(note, LOG.verifier, origin=SUMDB_ORIGIN)


def test_the_note_of_the_go_package() -> None:
    note = GO_TEXT + b"\n" + DASH + b"PeterNeumann " + GO_SIGNATURE + b"\n"
    signer = Signer("PeterNeumann", from_seed(base64.b64decode(GO_PRIVATE)[1:]))
    assert signer.verifier.text == GO_KEY
    assert signer.verifier.key_id.hex() == "c74f20a3"
    assert sign_note(GO_TEXT, [signer]) == note
    assert open_note(note, [parse_verifier_key(GO_KEY)]) == GO_TEXT


@pytest.mark.parametrize("text", [SUMDB_KEY, GO_KEY, LOG.verifier.text, POST_QUANTUM.verifier.text])
def test_verifier_keys_have_one_form(text: str) -> None:
    assert parse_verifier_key(text).text == text
    name, key_id, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded)
    wrong_type = base64.b64encode(b"\x02" + raw[1:]).decode()
    for bad in [
        text[:-1],
        text + "\n",
        text.replace("+", " ", 1),
        f"+{key_id}+{encoded}",
        f"{name}x+{key_id}+{encoded}",
        f"{name} x+{key_id}+{encoded}",
        f"{name}+{key_id.upper()}0+{encoded}",
        f"{name}+{key_id[:-1]}+{encoded}",
        f"{name}+00000000+{encoded}",
        f"{name}+{key_id}+{wrong_type}",
        f"{name}+{key_id}+{base64.b64encode(raw[:-1]).decode()}",
        f"{name}+{key_id}+{base64.b64encode(raw + bytes(1)).decode()}",
        f"{name}+{key_id}+",
        f"{name}+{key_id}",
        "",
    ]:
        with pytest.raises((InvalidKeyError, CheckpointError)):
            parse_verifier_key(bad)


def test_a_verifier_key_of_small_order_is_refused() -> None:
    typed = b"\x01" + b"\x01" + bytes(31)
    key_id = hashlib.sha256(b"log\n" + typed).hexdigest()[:8]
    with pytest.raises(InvalidKeyError, match="small order"):
        parse_verifier_key(f"log+{key_id}+{base64.b64encode(typed).decode()}")


# Our own


def test_the_bytes_of_a_checkpoint() -> None:
    """Computed here with hashlib and cryptography alone."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    text = f"{ORIGIN}\n7\n{base64.b64encode(root(EVENTS[:7])).decode()}\n".encode()
    typed = b"\x01" + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + typed).digest()[:4]
    line = base64.b64encode(key_id + key.sign(text))
    expected = text + b"\n\xe2\x80\x94 " + ORIGIN.encode() + b" " + line + b"\n"
    assert sign_checkpoint(at(7), [LOG]) == expected
    assert verify_checkpoint(expected, [LOG.verifier], ORIGIN) == at(7)


def test_ml_dsa_65_beside_ed25519() -> None:
    note = sign_checkpoint(at(7), [LOG, POST_QUANTUM])
    for trusted in ([LOG], [POST_QUANTUM], [LOG, POST_QUANTUM], [WITNESS, POST_QUANTUM]):
        keys = [signer.verifier for signer in trusted]
        assert verify_checkpoint(note, keys, ORIGIN) == at(7)
    raw = POST_QUANTUM.private.public.raw
    typed = b"\xff" + b"qfs/ml-dsa-65/v1" + raw
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + typed).digest()[:4]
    blob = base64.b64decode(note.splitlines()[-1].split()[-1])
    assert blob[:4] == key_id == POST_QUANTUM.verifier.key_id
    MLDSA65PublicKey.from_public_bytes(raw).verify(blob[4:], at(7).text)
    # Who trusts the second suite is not content with the first.
    refused(sign_checkpoint(at(7), [LOG]), POST_QUANTUM.verifier)


def test_a_note_signature_is_for_no_other_purpose(signed: bytes) -> None:
    blob = base64.b64decode(signed.split()[-1])
    public = LOG.private.public
    for tag in ("qfs/checkpoint/v1", ORIGIN):
        with pytest.raises(SignatureError):
            verify(public, tag, at(7).text, blob[4:])
        forged = base64.b64encode(blob[:4] + sign(LOG.private, tag, at(7).text))
        assert isinstance(refused(signed.replace(base64.b64encode(blob), forged)), SignatureError)


def test_every_changed_bit_is_refused(signed: bytes) -> None:
    assert verify_checkpoint(signed, [LOG.verifier], ORIGIN) == at(7)
    for i in range(len(signed)):
        for bit in range(8):
            refused(signed[:i] + bytes([signed[i] ^ 1 << bit]) + signed[i + 1 :])


def test_every_cut_and_every_added_byte_is_refused(signed: bytes) -> None:
    for i in range(len(signed)):
        refused(signed[:i])
        refused(signed[:i] + signed[i + 1 :])
        for added in (b"\n", b" ", b"0", b"\r", b"\x00"):
            refused(signed[:i] + added + signed[i:])
    refused(signed + b"\n")
    refused(signed + b" ")
    refused(signed + signed)


def test_the_last_empty_line_ends_the_text(signed: bytes) -> None:
    """What looks like signatures before it is text."""
    for text in (b"a\n\nb\n", b"a\n\n\n", signed):
        note = sign_note(text, [LOG])
        assert note.startswith(text + b"\n" + DASH)
        assert open_note(note, [LOG.verifier]) == text
        refused(note)


def test_signers_that_nobody_knows_are_ignored(signed: bytes) -> None:
    both = sign_checkpoint(at(7), [WITNESS, LOG])
    assert verify_checkpoint(both, [LOG.verifier], ORIGIN) == at(7)
    lines = b"".join(
        DASH + b"%s %s\n" % (name, base64.b64encode(blob))
        for name, blob in [
            (b"unknown.example", b"12345"),
            # The name of a known key and another id, and the other way round.
            (ORIGIN.encode(), b"xxxx" + bytes(64)),
            (b"unknown.example", LOG.verifier.key_id + bytes(64)),
        ]
    )
    assert verify_checkpoint(signed + lines + lines, [LOG.verifier], ORIGIN) == at(7)
    assert "none of the trusted" in str(refused(both, POST_QUANTUM.verifier))
    with pytest.raises(CheckpointError, match="none of the trusted"):
        verify_checkpoint(both, [], ORIGIN)


def test_lines_that_are_no_signature(signed: bytes) -> None:
    """Not even of a signer whom nobody knows."""
    blob = base64.b64encode(bytes(68))
    for line in [
        *(b"x.example " + blob, b"- x.example " + blob, DASH.strip() + b"x.example " + blob),
        *(DASH + b"x.example", DASH + blob, DASH + b"x.example " + blob + b" ", DASH),
        *(DASH + b"x.example  " + blob, DASH + b" x.example " + blob, DASH + b"x+y " + blob),
        DASH + b"x.example " + base64.b64encode(bytes(4)),
        DASH + b"x.example " + blob[:-1],
    ]:
        assert "note" not in str(refused(signed + line + b"\n"))
        refused(signed + line)


def test_one_bad_signature_of_a_trusted_key_is_enough(signed: bytes) -> None:
    both = sign_checkpoint(at(7), [LOG, WITNESS])
    blob = base64.b64decode(both.split()[-1])
    bad = both.replace(base64.b64encode(blob), base64.b64encode(blob[:-1] + b"\x7f"))
    assert verify_checkpoint(bad, [LOG.verifier], ORIGIN) == at(7)
    for trusted in ([LOG, WITNESS], [WITNESS, LOG], [WITNESS]):
        error = refused(bad, *(signer.verifier for signer in trusted))
        assert isinstance(error, SignatureError)
    # A signature by another key under the log's name and key id.
    stolen = VerifierKey(ORIGIN, LOG.private.public).key_id + WITNESS.private._key.sign(at(7).text)
    line = DASH + b"%s %s\n" % (ORIGIN.encode(), base64.b64encode(stolen))
    assert isinstance(refused(at(7).text + b"\n" + line), SignatureError)


def test_two_lines_of_one_signer_are_refused(signed: bytes) -> None:
    line = DASH + signed.split(DASH)[1]
    assert "twice" in str(refused(signed + line))
    first, second = (sign_checkpoint(at(7), [POST_QUANTUM]) for _ in range(2))
    assert first != second
    other = DASH + second.split(DASH)[1]
    assert "twice" in str(refused(first + other, POST_QUANTUM.verifier))


def test_keys_that_cannot_be_told_apart(signed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [LOG.verifier, LOG.verifier]
    assert verify_checkpoint(signed, twice, ORIGIN) == at(7)
    for signers in ([], [LOG, LOG]):
        with pytest.raises(CheckpointError, match="signers"):
            sign_checkpoint(at(7), signers)
    # 32 bits can be made to collide; here they are cut to none.
    monkeypatch.setattr(module, "KEY_ID_BYTES", 0)
    with pytest.raises(CheckpointError, match="trusted"):
        open_note(signed, [LOG.verifier, VerifierKey(ORIGIN, WITNESS.private.public)])


def test_a_checkpoint_of_another_log(signed: bytes) -> None:
    other = sign_checkpoint(at(7, "example.com/another-log"), [LOG])
    assert verify_checkpoint(other, [LOG.verifier], "example.com/another-log").size == 7
    error = refused(other)
    assert isinstance(error, CheckpointError)
    assert error.argument == "origin"
    for near in (ORIGIN + " ", ORIGIN.upper(), ORIGIN[:-1], ""):
        refused(signed, origin=near)


# The text


ROOT = at(7).text.decode().split("\n")[2]
BAD_SIZES = ["07", "+7", "-0", " 7", "7 ", "7_0", "", "0x7", "1\N{ARABIC-INDIC DIGIT SEVEN}", "7.0"]
BAD_ROOTS = [
    *(ROOT[:-4], ROOT[:-1], ROOT + "=", ROOT[:-2] + "9=", " " + ROOT, root(EVENTS[:7]).hex()),
    *(base64.b64encode(bytes(count)).decode() for count in (0, 31, 33)),
    base64.urlsafe_b64encode(b"\xff" * 32).decode(),
]


@pytest.mark.parametrize(
    ("lines", "argument"),
    [
        (["", "7", ROOT], "note"),
        (["x" * 256, "7", ROOT], "origin"),
        *(([ORIGIN, size, ROOT], "size") for size in [*BAD_SIZES, str(2**53), "9" * 5000]),
        *(([ORIGIN, "7", tree], "root") for tree in BAD_ROOTS),
        ([ORIGIN, "0", ROOT], "root"),
        ([ORIGIN, "7", ROOT, ""], "extensions[0]"),
        ([ORIGIN, "7", ROOT, "", "more"], "extensions[0]"),
        ([ORIGIN, "7", ROOT, "x" * MAX_TEXT_BYTES], "extensions"),
        ([ORIGIN, "7", ROOT, "a\tb"], "note"),
        ([ORIGIN, "7", ROOT + "\r"], "note"),
        ([ORIGIN, "7"], "checkpoint"),
        ([ORIGIN], "checkpoint"),
    ],
)
def test_texts_that_are_no_checkpoint(lines: list[str], argument: str) -> None:
    bad = "".join(f"{line}\n" for line in lines).encode()
    with pytest.raises(CheckpointError) as caught:
        parse_checkpoint(bad)
    assert caught.value.argument == argument
    # Even the log's own signature does not make it one.
    if argument != "note":
        refused(sign_note(bad, [LOG]))


def test_texts_that_are_no_text() -> None:
    for bad in (b"", b"\n", at(7).text[:-1], b"\xff" + at(7).text, b"\xc0\xaf" + at(7).text):
        with pytest.raises(CheckpointError):
            parse_checkpoint(bad)
        with pytest.raises(CheckpointError):
            sign_note(bad, [LOG])


@pytest.mark.parametrize(
    "parts",
    [
        *({"origin": origin} for origin in ("", "a\nb", "\ud800", b"x")),
        *({"size": size} for size in (-1, MAX_SIZE + 1, 0, True, 7.0)),
        *({"root": tree} for tree in (bytes(31), bytes(32).hex())),
        *({"extensions": lines} for lines in (("a\nb",), ("x" * 100,) * 200, ["x"], "x")),
    ],
)
def test_checkpoints_that_cannot_be_made(parts: dict[str, object]) -> None:
    given_parts = {"origin": ORIGIN, "size": 7, "root": bytes(32)} | parts
    with pytest.raises((CheckpointError, WrongTypeError)):
        Checkpoint(**given_parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\u0085b", "a\nb", "x" * 256])
def test_names_that_are_no_key_names(name: str) -> None:
    with pytest.raises(CheckpointError):
        VerifierKey(name, LOG.private.public)


def test_sizes_are_bounded(signed: bytes) -> None:
    assert Checkpoint(ORIGIN, MAX_SIZE, bytes(32)).size == MAX_SIZE
    assert parse_checkpoint(Checkpoint("x" * 255, 0, EMPTY_ROOT).text).root == EMPTY_ROOT
    # 16 signatures of ML-DSA-87, the largest there are, and a witness's name each.
    line = DASH + b"w" * 255 + b" " + base64.b64encode(bytes(4 + 4627)) + b"\n"
    assert verify_checkpoint(signed + line * 16, [LOG.verifier], ORIGIN) == at(7)
    error = refused(signed + line * 21)
    assert str(MAX_NOTE_BYTES) in str(error)
    with pytest.raises(CheckpointError, match=str(MAX_NOTE_BYTES)):
        sign_note(b"x\n" * (MAX_NOTE_BYTES // 2), [LOG])
    with pytest.raises(WrongTypeError):
        verify_checkpoint(signed.decode(), [LOG.verifier], ORIGIN)  # type: ignore[arg-type]


TEXT = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=60
)


@given(TEXT, st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32), st.lists(TEXT))
def test_text_and_checkpoint_are_one_to_one(
    origin: str, size: int, tree: bytes, extensions: list[str]
) -> None:
    checkpoint = Checkpoint(origin, size, tree, tuple(extensions))
    assert parse_checkpoint(checkpoint.text) == checkpoint
    assert (
        verify_checkpoint(sign_checkpoint(checkpoint, [LOG]), [LOG.verifier], origin) == checkpoint
    )


@given(st.data())
def test_whatever_is_given_is_refused_in_order(data: st.DataObject) -> None:
    note = sign_checkpoint(at(7), [LOG])
    start = data.draw(st.integers(0, len(note)))
    stop = data.draw(st.integers(start, len(note)))
    bad = note[:start] + data.draw(st.binary(max_size=20)) + note[stop:]
    if bad != note:
        refused(bad)


# Two checkpoints


def test_a_log_that_grew() -> None:
    for first in range(len(EVENTS) + 1):
        for second in range(first, len(EVENTS) + 1):
            proof = consistency_proof(EVENTS, first, second) if first else []
            require_consistent(at(first), at(second), proof)


def test_a_log_that_shrank() -> None:
    """The one way to see that the tail is gone: a checkpoint that was kept elsewhere."""
    signed = sign_checkpoint(at(5), [LOG])
    now = verify_checkpoint(signed, [LOG.verifier], ORIGIN)
    with pytest.raises(VerificationError) as caught:
        require_consistent(at(9), now, [])
    error = caught.value
    assert (error.argument, error.value, error.expected) == ("size", 5, 9)


def test_a_log_that_was_rewritten() -> None:
    rewritten = [bytes(32), *EVENTS[1:]]
    forked = Checkpoint(ORIGIN, 9, root(rewritten[:9]))
    for proof in (consistency_proof(rewritten, 5, 9), consistency_proof(EVENTS, 5, 9), []):
        with pytest.raises(VerificationError) as caught:
            require_consistent(at(5), forked, proof)
        assert caught.value.argument == "proof"
    with pytest.raises(VerificationError, match="two roots"):
        require_consistent(at(9), forked, [])
    with pytest.raises(VerificationError):
        require_consistent(at(9), at(9), [bytes(32)])
    for other in ("example.com/another-log", ORIGIN[:-1] + "h", f"{ORIGIN}h", ORIGIN.upper()):
        with pytest.raises(CheckpointError, match="origin"):
            require_consistent(at(5), at(9, other), consistency_proof(EVENTS, 5, 9))
