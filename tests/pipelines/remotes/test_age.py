"""Encryption: age opens what we close and we open what age closes; nothing damaged passes."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codec.errors import FormatError, IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Denied, NotFound
from pipelines.remotes.age import (
    EncryptedName,
    Recipients,
    decode_name,
    decode_recipients,
    decrypt,
    encrypt,
    read_identities,
)

pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed: pip install pyrage")


class Person:
    """Somebody with an identity in a file."""

    def __init__(self, path: Path) -> None:
        identity = pyrage.x25519.Identity.generate()
        self.file = path
        self.recipient = str(identity.to_public())
        path.write_text(f"# created: 2025-11-06\n# public key: {self.recipient}\n{identity}\n")


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    return Person(tmp_path / "ada")


@pytest.fixture
def eve(tmp_path: Path) -> Person:
    return Person(tmp_path / "eve")


def closed(data: bytes, recipients: Recipients) -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(data), target, recipients)
    return target.getvalue()


def opened(data: bytes, file: Path) -> bytes:
    target = io.BytesIO()
    decrypt(io.BytesIO(data), target, read_identities(str(file)), "object")
    return target.getvalue()


@pytest.fixture
def age() -> str:
    found = shutil.which("age")
    if found is None:
        pytest.skip("there is no age here: apt-get install age")
    return found


@pytest.fixture
def ssh(tmp_path: Path) -> Path:
    """Make an SSH private key without a passphrase; its public key is beside it."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen here")
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 300_000])
def test_encrypted_objects_are_decrypted_by_each_recipient(
    ada: Person, eve: Person, size: int
) -> None:
    data = os.urandom(size)
    sealed = closed(data, decode_recipients([ada.recipient, eve.recipient]))
    assert opened(sealed, ada.file) == opened(sealed, eve.file) == data
    assert size < 1000 or data[:1000] not in sealed


@pytest.mark.parametrize("size", [0, 200_000])
def test_age_decrypts_our_objects(ada: Person, age: str, size: int) -> None:
    data = os.urandom(size)
    sealed = closed(data, decode_recipients([ada.recipient]))
    done = subprocess.run(
        [age, "-d", "-i", ada.file], input=sealed, capture_output=True, check=True
    )
    assert done.stdout == data


def test_we_decrypt_objects_of_age(ada: Person, age: str) -> None:
    data = os.urandom(200_000)
    done = subprocess.run([age, "-r", ada.recipient], input=data, capture_output=True, check=True)
    assert opened(done.stdout, ada.file) == data


def test_keys_of_ssh_are_taken_whatever_their_comment(ssh: Path, age: str) -> None:
    public = ssh.with_suffix(".pub").read_text()
    plain = " ".join(public.split()[:2])
    recipients = decode_recipients([public])
    sealed = closed(b"whole", recipients)
    assert opened(sealed, ssh) == b"whole"
    assert recipients.tag == decode_recipients([plain]).tag
    done = subprocess.run([age, "-d", "-i", ssh], input=sealed, capture_output=True, check=True)
    assert done.stdout == b"whole"


def test_a_key_of_ssh_with_a_passphrase_is_refused(tmp_path: Path, ssh: Path) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "words", "-f", locked], check=True)
    sealed = closed(b"whole", decode_recipients([locked.with_suffix(".pub").read_text()]))
    with pytest.raises((FormatError, Denied)):
        opened(sealed, locked)


def test_others_are_denied_and_it_is_called_so(ada: Person, eve: Person) -> None:
    with pytest.raises(Denied, match="object: no identity can decrypt it"):
        opened(closed(b"x", decode_recipients([ada.recipient])), eve.file)


def test_truncated_or_changed_ciphertext_is_detected(ada: Person) -> None:
    sealed = closed(os.urandom(150_000), decode_recipients([ada.recipient]))
    bad = [sealed[:end] for end in (0, 10, 100, 300, 70_000, len(sealed) - 1)]
    bad += [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in (30, 150, 500, -1)]
    bad += [sealed + b"x", b"plain text", sealed[: sealed.index(b"\n---")]]
    for data in bad:
        with pytest.raises((IntegrityError, Denied)):
            opened(data, ada.file)


def test_a_disk_that_is_full_is_not_damage(ada: Person) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    sealed = closed(b"x" * 1000, decode_recipients([ada.recipient]))
    with pytest.raises(OSError, match="No space left"):
        decrypt(io.BytesIO(sealed), Full(), read_identities(str(ada.file)), "object")


def test_an_object_name_identifies_its_content_and_its_recipients(ada: Person, eve: Person) -> None:
    both = decode_recipients([ada.recipient, eve.recipient])
    assert both.tag == decode_recipients([eve.recipient, ada.recipient, eve.recipient]).tag
    assert both.tag != decode_recipients([ada.recipient]).tag
    name = EncryptedName(ObjectName("2025-11-6b8395f36bbb.tar.zst"), 503_539, both.tag)
    assert re.fullmatch(r"2025-11-6b8395f36bbb\.tar\.zst\.503539\.[0-9a-f]{12}\.age", name.object)
    assert decode_name(name.object) == name
    assert decode_name("2025-11-6b8395f36bbb.tar.zst") is None
    assert decode_name("notes.age") is None


@pytest.mark.parametrize("text", ["", "age1", "ada", "ssh-ed25519 AAAA", "ssh-dss AAAAB3", "age1é"])
def test_an_invalid_recipient_is_refused_before_encryption(text: str) -> None:
    with pytest.raises(FormatError, match="not an age recipient"):
        decode_recipients([text])


def test_an_identity_given_as_a_recipient_is_not_repeated(ada: Person) -> None:
    secret = ada.file.read_text().splitlines()[-1]
    with pytest.raises(FormatError) as caught:
        decode_recipients([secret])
    assert secret not in str(caught.value)
    assert "identity, which is secret" in str(caught.value)


def test_a_file_without_identities_is_named_and_its_content_is_not(
    tmp_path: Path, ada: Person
) -> None:
    bad = tmp_path / "bad"
    secret = ada.file.read_text().splitlines()[-1][:-3] + "qqq"
    for content in (secret.encode(), b"", b"\xff\xfe", b"-----BEGIN RSA PRIVATE KEY-----\nzzz\n"):
        bad.write_bytes(content)
        with pytest.raises(FormatError) as caught:
            read_identities(str(bad))
        assert caught.value.file == str(bad)
        assert secret not in str(caught.value)
    bad.write_bytes(closed(ada.file.read_bytes(), decode_recipients([ada.recipient])))
    with pytest.raises(FormatError, match="identity file is encrypted"):
        read_identities(str(bad))
    with pytest.raises(NotFound, match="no such identity file"):
        read_identities(str(tmp_path / "none"))


def test_without_pyrage_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(NotFound, match="pip install"):
        decode_recipients(["age1"])
