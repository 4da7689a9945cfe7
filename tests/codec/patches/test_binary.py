"""Binary patches: what git writes is read back as the bytes that `git apply` would restore."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from codec.patches import binary as binary_patch
from codec.patches.binary import Part, binary_parts, without_payload

RANDOM = random.Random(4)  # noqa: S311 - bytes that do not compress
BIG = b"\0" + RANDOM.randbytes(40_000)
TEXT = "KEY=1\r\nNAME=ä\r\n".encode("utf-16")


class Repository:
    """A repository whose commits hold one version of `f.bin` each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.git("init", "-q")
        self.git("config", "user.name", "a")
        self.git("config", "user.email", "a@example.org")

    def git(self, *arguments: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            ["git", "-C", str(self._folder), *arguments],
            input=data,
            capture_output=True,
            check=True,
        )
        return done.stdout

    def patch(self, *versions: bytes) -> bytes:
        for version in versions:
            (self._folder / "f.bin").write_bytes(version)
            self.git("add", "-A")
            self.git("commit", "-qm", "x")
        return self.git("show", "--format=", "--binary", "--root", "HEAD")

    def blob(self, name: str) -> bytes | None:
        return self.git("cat-file", "blob", name)

    def applied(self, patch: bytes) -> bytes:
        """Return the file after `git apply` of a patch to its parent."""
        self.git("checkout", "-q", "HEAD^")
        self.git("apply", "--binary", "-", data=patch)
        return (self._folder / "f.bin").read_bytes()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\0old", TEXT),
        (BIG, b"\0short"),
        (b"\0short", BIG),
        (b"", BIG),
        (BIG, b""),
        (b"\0" * 3_000_000, b"\0" * 3_000_001),
    ],
    ids=["utf-16", "shrinks", "grows", "new", "emptied", "zeros"],
)
def test_both_sides_are_the_bytes_that_git_restores(
    repository: Repository, before: bytes, after: bytes
) -> None:
    patch = repository.patch(before, after)
    new, old = binary_parts(patch, repository.blob)
    assert (new.data, old.data) == (after, before)
    assert new.is_whole
    assert old.is_whole
    assert repository.applied(patch) == after


def test_a_delta_is_applied_to_the_literal_of_its_pair(repository: Repository) -> None:
    """git writes a literal for one side where that is shorter than a delta."""
    patch = repository.patch(BIG, b"\0" + BIG[-60:])
    assert re.findall(rb"^(literal|delta) ", patch, re.M) == [b"delta", b"literal"]
    assert [part.data for part in binary_parts(patch)] == [b"\0" + BIG[-60:], BIG]


def test_a_delta_without_its_base_shows_only_inserted_bytes(repository: Repository) -> None:
    after = BIG[:20_000] + b"INSERTED=1" + BIG[20_000:]
    patch = repository.patch(BIG, after)
    assert b"\ndelta " in patch
    (new, _) = binary_parts(patch)
    assert (new.data, new.is_whole) == (b"INSERTED=1", False)
    (new, old) = binary_parts(patch, repository.blob)
    assert (new.data, old.data) == (after, BIG)
    (new, _) = binary_parts(patch, lambda _: BIG[:-1])
    assert not new.is_whole


def test_a_part_that_would_inflate_beyond_the_limit_is_not_whole(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = repository.patch(b"\0" * 2_000_000)
    monkeypatch.setattr(binary_patch, "INFLATED_LIMIT", 1_000_000)
    assert [(part.is_whole, part.data) for part in binary_parts(patch)] == [
        (False, b""),
        (True, b""),
    ]


def test_copies_of_deltas_count_towards_the_limit(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = repository.patch(BIG, BIG[:20_000] + b"INSERTED" + BIG[20_000:])
    many = patch * 20
    assert all(part.is_whole for part in binary_parts(many, repository.blob))
    monkeypatch.setattr(binary_patch, "INFLATED_LIMIT", 5 * len(BIG))
    monkeypatch.setattr(binary_patch, "INFLATED_RATIO", 0)
    whole = [part for part in binary_parts(many, repository.blob) if part.is_whole]
    assert sum(len(part.data) for part in whole) <= 5 * len(BIG)


def test_payload_is_blanked_and_every_offset_kept(repository: Repository) -> None:
    patch = repository.patch(b"\0old", BIG)
    blank = without_payload(patch)
    assert len(blank) == len(patch)
    assert [len(line) for line in blank.split(b"\n")] == [len(line) for line in patch.split(b"\n")]
    head, _, _ = patch.partition(b"literal ")
    assert blank.startswith(head)
    assert set(blank[len(head) :]) <= set(b"literal delta 0123456789\n")


def test_a_truncated_or_damaged_patch_raises_nothing(repository: Repository) -> None:
    patch = repository.patch(BIG[:300], BIG[:150] + b"inserted" + BIG[150:300])
    for at in range(len(patch)):
        for damaged in (patch[:at], patch[:at] + b"~~" + patch[at + 2 :]):
            assert all(isinstance(part, Part) for part in binary_parts(damaged))
            assert len(without_payload(damaged)) == len(damaged)


def test_line_ends_of_a_log_with_cr_lf_do_not_hide_a_part(repository: Repository) -> None:
    patch = repository.patch(b"\0old", TEXT).replace(b"\n", b"\r\n")
    assert [part.data for part in binary_parts(patch)] == [TEXT, b"\0old"]
