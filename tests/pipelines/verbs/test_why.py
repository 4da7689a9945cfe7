"""Whoever wrote a line is found after rebase, squash and cherry-pick, and nobody else is."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codec.shown_text import FRAME
from pipelines.search.evidence.grades import Evidence
from pipelines.verbs.why import why
from pipelines.workspace.location import find
from tests.pipelines.conftest import Cli, git

FILES = ("a.py", "b.py", "lib/c.py")
SESSIONS = 12


@dataclass
class History:
    """A repository in which each line of a file names the session, or person, that wrote it."""

    root: Path
    cli: Cli
    random: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311
    count: int = 0

    def edit(self, who: str) -> None:
        """Replace a line and insert some into one file."""
        path = self.root / self.random.choice(FILES)
        lines = path.read_text().splitlines() if path.exists() else []
        self.count += 1
        at = self.random.randint(0, len(lines))
        new = [f"{who} writes {self.count}.{n}" for n in range(self.random.randint(2, 5))]
        lines[at : at + self.random.randint(0, 1)] = [*new, "}"]
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    def commit(self, who: str) -> None:
        self.edit(who)
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", f"{who} {self.count}")

    def session(self, number: int, commits: int = 1) -> None:
        name = f"session-{number}"
        for _ in range(commits):
            self.commit(name)
        made = ("--git", f"HEAD~{commits}..HEAD", "--status", "PASS", "--agent", "human")
        assert self.cli("record", self.root, "--task", name, *made).code == 0
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", "Record")

    def grades(self) -> Counter[str]:
        """Ask about each line at HEAD; check every answer that is not a guess."""
        found: Counter[str] = Counter()
        for name in FILES:
            for number, line in enumerate((self.root / name).read_text().splitlines(), 1):
                evidence = self.why(f"{name}:{number}")
                sure = {e.session.task: e.grade for e in evidence if e.grade != "time"}
                writer = line.split()[0]
                if writer == "}":
                    assert len(sure) <= 1
                elif writer == "person":
                    assert not sure, (name, number, line, sure)
                else:
                    assert set(sure) <= {writer}, (name, number, line, sure)
                    found[sure.get(writer, "none")] += 1
        return found

    def why(self, place: str) -> list[Evidence]:
        return why(find(str(self.root)), str(self.root / place))[0].evidence


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name the folder of the repository that `history` copies; the first test makes it."""
    return tmp_path_factory.mktemp("template") / "repository"


@pytest.fixture
def history(template: Path, tmp_path: Path, cli: Cli) -> History:
    """Sessions of one and of two commits on a branch, and commits of a person between them."""
    if not template.exists():
        made(template.with_name("unfinished"), cli).rename(template)
    return History(Path(shutil.copytree(template, tmp_path / "repository")), cli)


def made(root: Path, cli: Cli) -> Path:
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@t")
    assert cli("install", root).code == 0
    history = History(root, cli)
    for _ in range(4):
        history.commit("person")
    git(root, "checkout", "-q", "-b", "topic")
    for number in range(SESSIONS):
        history.session(number, commits=1 + number % 2)
        if number % 5 == 0:
            history.commit("person")
    return root


def test_every_line_has_its_session_where_nothing_was_rewritten(history: History) -> None:
    assert set(history.grades()) <= {"blob", "commit"}


def rebased(root: Path) -> None:
    git(root, "checkout", "-q", "main")
    (root / "unrelated.txt").write_text("new\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Unrelated")
    git(root, "checkout", "-q", "topic")
    git(root, "rebase", "-q", "main")


def squashed(root: Path) -> None:
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--squash", "topic")
    git(root, "commit", "-qm", "All of it")


def picked(root: Path) -> None:
    git(root, "checkout", "-q", "main")
    (root / "unrelated.txt").write_text("new\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Unrelated")
    git(root, "cherry-pick", "main..topic")


@pytest.mark.parametrize("rewrite", [rebased, picked])
def test_rebased_and_picked_lines_keep_their_sessions(history: History, rewrite: object) -> None:
    assert callable(rewrite)
    rewrite(history.root)
    git(history.root, "reflog", "expire", "--expire=now", "--all")
    grades = history.grades()
    assert grades["blob"] + grades["hunk"] == grades.total()
    assert grades["blob"] > 0


def test_a_squash_keeps_the_sessions_that_the_evidence_names(history: History) -> None:
    squashed(history.root)
    grades = history.grades()
    assert grades["none"] <= grades.total() // 2
    assert grades["hunk"] + grades["blob"] > 0


def test_a_file_has_its_sessions_with_their_best_evidence(history: History) -> None:
    for name in FILES:
        found = history.why(name)
        keys = [e.session.key for e in found]
        assert keys == sorted(set(keys), reverse=True)
        assert {e.grade for e in found} <= {"blob", "commit"}


def test_lines_move_with_edits_that_are_not_committed(history: History) -> None:
    path = history.root / "a.py"
    lines = path.read_text().splitlines()
    (first, *_) = [n for n, x in enumerate(lines, 1) if x.startswith("session")]
    (before,) = history.why(f"a.py:{first}")
    path.write_text("\n".join(["brand new", *lines]) + "\n")
    assert history.why(f"a.py:{first + 1}") == [before]
    assert history.why("a.py:1") == []


def test_the_command_line_prints_grades_and_data(history: History) -> None:
    said = history.cli("why", "a.py", history.root)
    assert said.code == 0
    assert said.out.startswith(f"{FRAME}\n")
    document = history.cli("why", "a.py", history.root, "--json").json
    assert {s["grade"] for s in document["sessions"]} <= {"blob", "commit", "hunk", "time"}


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("absent.py", "no commit"),
        ("absent.py:1", "no such file"),
        ("a.py:9999", "has no line 9999"),
        ("a.py:1:2", "no such file"),
        ("../outside", "not in the repository"),
        (".", "It is a folder"),
        ("lib", "It is a folder"),
    ],
)
def test_a_missing_file_or_line_is_not_found(history: History, place: str, why: str) -> None:
    said = history.cli("why", place, history.root)
    assert said.code == 30
    assert why in said.err


def test_the_current_folder_is_named_as_a_folder(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(history.root)
    assert "It is a folder" in history.cli("why", ".").err


def test_a_name_that_is_not_text_has_its_sessions(history: History) -> None:
    name = os.fsdecode(b"bad\xffname")
    try:
        (history.root / name).write_text("a line of its own\n")
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    git(history.root, "add", "-A")
    git(history.root, "commit", "-qm", "Odd")
    made = ("--git", "HEAD~1..HEAD", "--status", "PASS", "--agent", "human")
    key = history.cli("record", history.root, "--task", "odd", *made).out.strip()
    for place in (name, f"{name}:1"):
        assert [e.session.task for e in history.why(place) if e.grade != "time"] == ["odd"]
    assert "files: bad\ufffdname\n" in history.cli("brief", key, history.root).out


def test_no_session_is_asked_for_in_vain(history: History) -> None:
    assert history.cli("why", "a.py", history.root, "--limit", "0").code == 2


def cloned(source: Path, target: Path, *options: str) -> Path:
    git(source, "config", "uploadpack.allowFilter", "true")
    git(source.parent, "clone", "-q", *options, f"file://{source}", str(target))
    return target


@pytest.mark.parametrize("place", ["a.py", "a.py:1"])
def test_a_shallow_clone_names_the_command_that_fetches_its_history(
    history: History, tmp_path: Path, place: str
) -> None:
    shallow = cloned(history.root, tmp_path / "shallow", "--depth=1")
    said = history.cli("why", place, shallow)
    assert (said.code, said.out) == (30, "")
    assert "git fetch --unshallow" in said.err
    assert len(said.err.splitlines()) == 1
    git(shallow, "fetch", "-q", "--unshallow")
    assert history.cli("why", place, shallow).code == 0


def test_a_partial_clone_names_a_command_that_fetches_its_objects(
    history: History, tmp_path: Path
) -> None:
    partial = cloned(history.root, tmp_path / "partial", "--filter=blob:none")
    said = history.cli("why", "a.py", partial)
    assert (said.code, said.out) == (30, "")
    assert "git log --all -p > /dev/null" in said.err
    git(partial, "log", "--all", "-p")
    assert history.cli("why", "a.py", partial).code == 0
