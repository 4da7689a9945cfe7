"""Encrypted remotes: unreadable there, whole again here, and never mixed with plain ones."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from codec.errors import IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Denied, NotFound
from pipelines.remotes.age import decode_name, decode_recipients, read_identities
from pipelines.remotes.base import Remote, content_of, read_whole
from pipelines.remotes.directory import DirectoryRemote
from pipelines.remotes.encrypted import EncryptedRemote
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of, tree
from tests.pipelines.remotes.test_age import Person, ada, age, eve
from tests.pipelines.verbs.test_archive import archives, diffs, patch_of
from tests.pipelines.verbs.test_sync import made, own_configuration, remote

__all__ = ["ada", "age", "eve", "made", "own_configuration", "remote"]


A: Final = ObjectName("a")


def closed(place: Remote, *persons: Person, identity: Person | None = None) -> EncryptedRemote:
    """Open a remote for writing."""
    return EncryptedRemote(
        place,
        recipients=decode_recipients([p.recipient for p in persons]),
        identities=read_identities(str(identity.file)) if identity else (),
        writes=True,
    )


def opened(place: Remote, *persons: Person) -> EncryptedRemote:
    """Open a remote for reading."""
    identities = [i for p in persons for i in read_identities(str(p.file))]
    return EncryptedRemote(place, recipients=None, identities=identities, writes=False)


@pytest.fixture
def place(tmp_path: Path) -> DirectoryRemote:
    return DirectoryRemote(str(tmp_path / "place"))


def test_content_that_changed_since_planning_is_not_encrypted(
    place: DirectoryRemote, ada: Person
) -> None:
    content = content_of(b"one")._replace(open=lambda: io.BytesIO(b"two"))
    with pytest.raises(IntegrityError, match="changed while it was sent"):
        closed(place, ada).put(ObjectName("archive/a.tar.zst"), content)
    assert place.list_all() == []


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 300_000])
def test_an_object_comes_back_under_its_name_whole_and_in_ranges(
    place: DirectoryRemote, ada: Person, size: int
) -> None:
    data = os.urandom(size)
    assert closed(place, ada).put(ObjectName("archive/a.tar.zst"), content_of(data))
    (stored,) = place.list_all()
    assert data[:100] not in read_whole(place, stored.name) or size < 100
    mine = opened(place, ada)
    (shown,) = mine.list_all()
    assert (shown.name, shown.size) == ("archive/a.tar.zst", size)
    assert read_whole(mine, shown.name) == data
    assert mine.read_end(shown.name, 100).data == data[-100:]
    end = mine.read_end(shown.name, 10)
    assert mine.read(shown.name, 5, 20, end.version).data == data[5:25]
    assert end.size == size


def test_ranges_of_one_object_fetch_it_once(place: DirectoryRemote, ada: Person) -> None:
    closed(place, ada).put(A, content_of(b"x" * 1000))
    mine = opened(place, ada)
    mine.list_all()
    place.requests.clear()
    for offset in range(5):
        assert mine.read(A, offset, 1).data == b"x"
    assert place.requests == {"GET": 1}


def test_an_object_for_the_same_recipients_is_not_uploaded_again(
    place: DirectoryRemote, ada: Person, eve: Person
) -> None:
    assert closed(place, ada, eve).put(A, content_of(b"x"))
    assert not closed(place, eve, ada).put(A, content_of(b"x"))
    assert len(place.list_all()) == 1
    assert closed(place, ada).put(A, content_of(b"x"))
    assert len(place.list_all()) == 2


def test_an_object_with_the_name_and_other_content_is_detected(
    place: DirectoryRemote, ada: Person
) -> None:
    closed(place, ada).put(A, content_of(b"x" * 100))
    (stored,) = place.list_all()
    for content in (b"junk", b"age-encryption.org/v1\n", b"z" * stored.size):
        Path(place.url, stored.name).write_bytes(content)
        with pytest.raises(IntegrityError):
            closed(place, ada).put(A, content_of(b"x" * 100))


def test_with_an_identity_existing_objects_are_compared(
    place: DirectoryRemote, ada: Person
) -> None:
    other = closed(place, ada)
    other.put(A, content_of(b"x" * 100))
    with pytest.raises(IntegrityError):
        closed(place, ada, identity=ada).put(A, content_of(b"y" * 100))


def test_an_object_of_a_size_that_cannot_be_is_not_taken_for_there(
    place: DirectoryRemote, ada: Person
) -> None:
    closed(place, ada).put(A, content_of(b"x" * 100_000))
    (stored,) = place.list_all()
    os.truncate(Path(place.url, stored.name), 70_000)
    (shown,) = closed(place, ada).list_all()
    assert shown.size != 100_000


def test_others_see_nothing_and_get_the_reason(
    place: DirectoryRemote, ada: Person, eve: Person
) -> None:
    closed(place, ada).put(A, content_of(b"x"))
    with pytest.raises(Denied, match="no identity can decrypt"):
        opened(place, eve).list_all()
    with pytest.raises(Denied, match="--identity"):
        opened(place).list_all()


def test_a_reader_sees_every_object_encrypted_for_them(
    place: DirectoryRemote, ada: Person, eve: Person
) -> None:
    closed(place, ada).put(A, content_of(b"1"))
    closed(place, eve).put(ObjectName("b"), content_of(b"2"))
    closed(place, ada, eve).put(ObjectName("c"), content_of(b"3"))
    place.put(ObjectName("d"), content_of(b"4"))
    assert [s.name for s in opened(place, ada).list_all()] == ["a", "c", "d"]
    assert [s.name for s in opened(place, ada, eve).list_all()] == ["a", "b", "c", "d"]
    assert read_whole(opened(place, ada), ObjectName("c")) == b"3"
    assert read_whole(opened(place, ada), ObjectName("d")) == b"4"


def test_recipients_that_were_forgotten_send_nothing_in_the_clear(
    place: DirectoryRemote, ada: Person
) -> None:
    closed(place, ada).put(A, content_of(b"x"))
    plain = EncryptedRemote(place, recipients=None, identities=(), writes=True)
    with pytest.raises(Denied, match="--encrypt-to"):
        plain.list_all()


def test_a_deleted_object_is_gone_for_all_recipients(
    place: DirectoryRemote, ada: Person, eve: Person
) -> None:
    closed(place, ada).put(A, content_of(b"x"))
    closed(place, eve).put(A, content_of(b"x"))
    closed(place, eve).put(ObjectName("ab"), content_of(b"x"))
    place.put(A, content_of(b"x"))
    closed(place, ada).delete(A)
    assert [s.name for s in opened(place, ada, eve).list_all()] == ["ab"]


def test_an_object_that_is_not_there_is_not_found(place: DirectoryRemote, ada: Person) -> None:
    closed(place, ada).put(A, content_of(b"x"))
    with pytest.raises(NotFound):
        read_whole(opened(place, ada), ObjectName("b"))


def test_a_workspace_goes_and_comes_back_and_there_nothing_can_be_read(
    made: Bench, cli: Cli, remote: Path, ada: Person, tmp_path: Path
) -> None:
    before, files = diffs(made.workspace), {p.name: p.read_bytes() for p in archives(made)}
    to = ("--remote", remote, "--encrypt-to", ada.recipient)
    assert cli("sync", made.root, *to).code == 0
    there = tree(remote)
    assert there
    assert all(decode_name(name) for name in there)
    for data, _ in there.values():
        assert data.startswith(b"age-encryption.org/v1\n")
    again = cli("sync", made.root, *to, "--json")
    assert (again.code, again.json["requests"]) == (0, {"LIST": 1})
    back = tmp_path / "back"
    assert cli("restore", back, "--remote", remote).code == 31
    assert cli("restore", back, "--remote", remote, "--identity", ada.file).code == 0
    bench = Bench(back, made.worker)
    assert diffs(bench.workspace) == before
    assert {p.name: p.read_bytes() for p in archives(bench)} == files


def test_age_alone_decrypts_stored_objects(
    made: Bench, cli: Cli, remote: Path, ada: Person, age: str
) -> None:
    cli("sync", made.root, "--remote", remote, "--encrypt-to", ada.recipient)
    for path in (remote / "archive").iterdir():
        name = decode_name(path.name)
        assert name is not None
        done = subprocess.run([age, "-d", "-i", ada.file, path], capture_output=True, check=True)
        assert done.stdout == (made.root / ".diffs" / "archive" / name.plain).read_bytes()


def test_archives_are_deleted_here_only_by_who_can_read_them_there(
    made: Bench, cli: Cli, remote: Path, ada: Person
) -> None:
    to = ("--remote", remote, "--encrypt-to", ada.recipient, "--prune-local")
    count = len(archives(made))
    assert cli("sync", made.root, *to).code == 31
    assert len(archives(made)) == count
    assert cli("sync", made.root, *to, "--identity", ada.file).code == 0
    assert archives(made) == []


def test_two_machines_that_cannot_read_each_other_s_sessions_both_come_back(
    made: Bench, cli: Cli, remote: Path, ada: Person, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(made.root, clone, symlinks=True)
    other = Bench(clone, made.worker)
    other.log.write_bytes(log_of(entry(day(28), task="theirs", patch=patch_of("theirs"))))
    other.migrate()
    to = ("--remote", remote, "--encrypt-to", ada.recipient)
    assert cli("sync", made.root, *to).code == 0
    assert cli("sync", other.root, *to).code == 0
    back = tmp_path / "back"
    assert cli("restore", back, "--remote", remote, "--identity", ada.file).code == 0
    restored = diffs(Bench(back, made.worker).workspace)
    assert restored == {**diffs(made.workspace), **diffs(other.workspace)}


def test_a_sync_that_forgot_its_recipients_sends_nothing(
    made: Bench, cli: Cli, remote: Path, ada: Person
) -> None:
    cli("sync", made.root, "--remote", remote, "--encrypt-to", ada.recipient)
    there = tree(remote)
    said = cli("sync", made.root, "--remote", remote)
    assert (said.code, tree(remote)) == (31, there)
    assert "--encrypt-to" in said.err


def test_the_operator_s_file_says_once_for_whom_and_who(
    made: Bench, cli: Cli, remote: Path, ada: Person, own_configuration: Path, tmp_path: Path
) -> None:
    own_configuration.parent.mkdir(parents=True, exist_ok=True)
    own_configuration.write_text(
        f'[remote]\nurl = "{remote}"\n'
        f'[encrypt]\nto = ["{ada.recipient}"]\nidentity = "{ada.file}"\n'
    )
    assert cli("sync", made.root).code == 0
    assert all(decode_name(name) for name in tree(remote))
    assert cli("restore", tmp_path / "back").code == 0


def test_a_recipient_in_the_repository_settings_is_ignored(
    made: Bench, cli: Cli, remote: Path, eve: Person
) -> None:
    config = made.root / ".session-codec" / "config.toml"
    config.write_text(f'[encrypt]\nto = ["{eve.recipient}"]\n')
    said = cli("sync", made.root, "--remote", remote)
    assert "[encrypt] is ignored" in said.err
    assert not any(decode_name(name) for name in tree(remote))


def test_an_invalid_recipient_is_refused_before_an_upload(
    made: Bench, cli: Cli, remote: Path
) -> None:
    assert cli("sync", made.root, "--remote", remote, "--encrypt-to", "ada").code == 10
    assert not remote.exists()
