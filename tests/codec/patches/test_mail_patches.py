"""Patches as git sends them by mail: only what the commits change is counted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from codec.errors import FormatError
from codec.patches.check import check_patch
from codec.patches.diff_stat import DiffStat, diff_stat

#: Added and removed lines of the series.
SERIES = DiffStat(7, 4)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mail")
    git(root, "init", "-q", "-b", "main")
    commit(root, "base", {"q.sql": "-- select 1\n- a\nx\n"})
    commit(
        root,
        "query\n\n--- \n- not a removed line\n+ not an added one",
        {"q.sql": "-- select 2\n- b\nx\n+++ y\n"},
    )
    commit(root, "shorter", {"q.sql": "- b\nx\n"})
    commit(root, "text without an end of line", {"n.txt": "a\nb"})
    commit(root, "a signature in a file", {"sig.txt": "-- \n2.4\n"})
    return root


def git(root: Path, *arguments: str) -> bytes:
    who = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    environment = {**os.environ, **{f"GIT_{name}": "a@b" for name in who}}
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout


def commit(root: Path, message: str, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).write_text(text)
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", message)


@pytest.mark.parametrize(
    "options",
    [
        (), ("--cover-letter",), ("--attach",), ("--inline",), ("--no-signature",), ("-p",),
        ("--signature=-- the team",), ("--signature=Best\n-- \n+ us",), ("--zero-commit",),
        ("--cover-letter", "--interdiff=HEAD~4"), ("--base=HEAD~4",), ("--numbered-files",),
        ("-U0",), ("--subject-prefix=RFC net-next", "--cover-letter"),
    ],
)  # fmt: skip
def test_a_series_of_mails_counts_the_changes_of_its_commits(
    repository: Path, options: tuple[str, ...]
) -> None:
    mail = git(repository, "format-patch", "--stdout", *options, "HEAD~4")
    check_patch(mail)
    assert diff_stat(mail) == SERIES


def test_parts_of_a_mail_count_the_same(repository: Path) -> None:
    single = git(repository, "format-patch", "--stdout", "HEAD~1")
    assert diff_stat(single) == DiffStat(2, 0)
    assert diff_stat(single.partition(b"\n")[2]) == DiffStat(2, 0)  # saved by a mail program
    assert diff_stat(single.replace(b"\n", b"\r\n")) == DiffStat(2, 0)
    assert diff_stat(single[single.index(b"diff --git") :]) == DiffStat(2, 0)


def test_a_cover_letter_alone_changes_nothing(repository: Path) -> None:
    mail = git(repository, "format-patch", "--stdout", "--cover-letter", "HEAD~4")
    cover = mail[: mail.index(b"\nFrom ", 1) + 1]
    assert b"0/4" in cover
    assert diff_stat(cover) == DiffStat(0, 0)


def test_a_mail_whose_hunks_were_shortened_by_hand_is_counted_by_its_lines(
    repository: Path,
) -> None:
    mail = git(repository, "format-patch", "--stdout", "HEAD~4")
    assert diff_stat(mail.replace(b"@@ -0,0 +1,2 @@", b"@@ -0,0 +1,9 @@")) == SERIES
    assert diff_stat(mail.replace(b"@@ -0,0 +1,2 @@", b"@@ -0,0 +1,1 @@")) == SERIES


def test_coloured_mail_is_refused(repository: Path) -> None:
    mail = git(repository, "format-patch", "--stdout", "--color=always", "HEAD~4")
    with pytest.raises(FormatError, match="contains terminal colours"):
        check_patch(mail + b"GIT binary patch\n")


@pytest.mark.parametrize("encoding", [b"quoted-printable", b"base64"])
def test_an_encoded_mail_is_refused(repository: Path, encoding: bytes) -> None:
    mail = git(repository, "format-patch", "--stdout", "HEAD~1")
    header = b"\nContent-Transfer-Encoding: " + encoding + b"\nSubject: "
    with pytest.raises(FormatError, match=r"is an email encoded as .*git mailinfo"):
        check_patch(mail.replace(b"\nSubject: ", header, 1))


def test_an_encoding_that_a_patch_only_mentions_is_not_refused(repository: Path) -> None:
    mail = git(repository, "format-patch", "--stdout", "HEAD~1")
    check_patch(mail.replace(b"\n---\n", b"\nContent-Transfer-Encoding: base64\n---\n", 1))
