"""Files of private keys: for their owner alone, never overwritten, and nothing else is read."""

from __future__ import annotations

import base64
import errno
import os
import pathlib
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from qfs import signatures
from qfs.errors import StorageError
from qfs.signatures import (
    ED25519,
    ML_DSA_65,
    InvalidKeyError,
    PrivateKey,
    from_seed,
    read_private_key,
    sign,
    verify,
    write_private_key,
)

TAG = "qfs/test/v1"
RFC_8032_TEST_1 = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.fixture(scope="module")
def vectors() -> pathlib.Path:
    """The keys in the package cryptography_vectors."""
    package = pytest.importorskip("cryptography_vectors")
    return pathlib.Path(package.__file__).parent / "asymmetric"


@pytest.fixture(params=[ED25519, ML_DSA_65])
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return from_seed(bytes(range(32)), request.param)


def never() -> bytes:
    raise AssertionError("asked for a passphrase that is not needed")


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_a_key_file_is_for_its_owner_alone(
    tmp_path: pathlib.Path, key: PrivateKey, umask: int
) -> None:
    path = tmp_path / "registrar.pem"
    before = os.umask(umask)
    try:
        write_private_key(path, key)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    found = read_private_key(path, never)
    assert found.public == key.public
    verify(key.public, TAG, b"m", sign(found, TAG, b"m"))


def test_nothing_is_overwritten(tmp_path: pathlib.Path, key: PrivateKey) -> None:
    path, nowhere, link = (tmp_path / name for name in ("key", "nowhere", "link"))
    path.write_bytes(b"precious")
    link.symlink_to(nowhere)
    for taken in (path, link):
        with pytest.raises(StorageError) as caught:
            write_private_key(taken, key)
        assert caught.value.source == str(taken)
    assert path.read_bytes() == b"precious"
    assert not nowhere.exists()
    with pytest.raises(StorageError):
        write_private_key(tmp_path / "absent" / "key", key)


def test_what_was_begun_is_removed(
    tmp_path: pathlib.Path, key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space"):
        write_private_key(tmp_path / "key", key)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o602, 0o610, 0o601, 0o644])
def test_a_file_that_others_may_use_is_refused(tmp_path: pathlib.Path, mode: int) -> None:
    path = tmp_path / "key"
    write_private_key(path, from_seed(bytes(32)))
    path.chmod(mode)
    with pytest.raises(InvalidKeyError, match=f"{mode:04o}"):
        read_private_key(path)
    path.chmod(0o400)
    read_private_key(path)


def test_only_regular_files_are_read(tmp_path: pathlib.Path) -> None:
    key = from_seed(bytes(32))
    write_private_key(tmp_path / "key", key)
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    for name in ("pipe", "folder"):
        (tmp_path / f"link-to-{name}").symlink_to(tmp_path / name)
        for path in (tmp_path / name, tmp_path / f"link-to-{name}"):
            with pytest.raises(InvalidKeyError, match="not a regular file"):
                read_private_key(path)
    link = tmp_path / "link-to-key"
    link.symlink_to(tmp_path / "key")
    assert read_private_key(link).public == key.public
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(InvalidKeyError):
        read_private_key(link)
    with pytest.raises(StorageError):
        read_private_key(tmp_path / "absent")


def test_with_a_passphrase(tmp_path: pathlib.Path, key: PrivateKey) -> None:
    path = tmp_path / "key"
    write_private_key(path, key, lambda: b"correct horse")
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert read_private_key(path, lambda: b"correct horse").public == key.public
    for passphrase in (lambda: b"wrong", lambda: b"", None):
        with pytest.raises(InvalidKeyError) as caught:
            read_private_key(path, passphrase)
        error = caught.value
        assert error.source == str(path)
        assert error.value is None
        assert error.__suppress_context__ or error.__context__ is None
        assert "horse" not in str(error)
    for bad in (lambda: b"", lambda: b"x" * 1024):
        with pytest.raises(InvalidKeyError, match="passphrase"):
            write_private_key(tmp_path / "other", key, bad)
    assert not (tmp_path / "other").exists()


def private(path: pathlib.Path, data: bytes) -> pathlib.Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_files_that_hold_something_else(tmp_path: pathlib.Path) -> None:
    own = tmp_path / "own"
    write_private_key(own, from_seed(bytes(32)))
    pem = own.read_bytes()
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = (
        Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for data in [
        b"",
        pem[:40],
        pem[:-10],
        pem + pem,
        b"# a comment\n" + pem,
        pem.replace(b"MC4", b"MC5"),
        public,
        elliptic,
        pem + b"\n" * (1 << 14),
        bytes(100),
    ]:
        with pytest.raises(InvalidKeyError) as caught:
            read_private_key(private(tmp_path / "key", data))
        assert pem.splitlines()[1].decode() not in f"{caught.value} {caught.value!r}"


def test_keys_of_other_programs(tmp_path: pathlib.Path, vectors: pathlib.Path) -> None:
    """RFC 8032's TEST 1 in PKCS#8, and an ML-DSA key without its seed, which is refused."""
    pem = (vectors / "Ed25519" / "ed25519-pkcs8.pem").read_bytes()
    assert read_private_key(private(tmp_path / "1", pem)).public.raw.hex() == RFC_8032_TEST_1
    der = (vectors / "MLDSA" / "mldsa65_noseed_priv.der").read_bytes()
    pem = b"-----BEGIN PRIVATE KEY-----\n%s-----END PRIVATE KEY-----\n" % base64.encodebytes(der)
    with pytest.raises(InvalidKeyError):
        read_private_key(private(tmp_path / "2", pem))


@given(st.binary(max_size=300), st.booleans())
def test_whatever_a_file_holds(data: bytes, has_header: bool) -> None:
    if has_header:
        data = b"-----BEGIN PRIVATE KEY-----\n" + data + b"\n-----END PRIVATE KEY-----\n"
    with pytest.raises(InvalidKeyError):
        signatures._parse_private_key(data, None, "file")
