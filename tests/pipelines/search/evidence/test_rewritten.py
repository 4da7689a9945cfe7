"""Sessions are named for rewritten commits only on evidence: guesses apart, no answer is wrong."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.verbs.why import why
from pipelines.workspace.location import find, locate
from tests.pipelines.conftest import git
from tests.support.authored import HEAD, PERSON, Authored, authored

#: Sessions of the repository, its files, and how many lines of each state are asked about.
Size = tuple[int, int, int]
SMALL: Size = (30, 4, 60)
LARGE: Size = (300, 20, 250)


@pytest.fixture(scope="module", params=[SMALL, pytest.param(LARGE, marks=pytest.mark.slow)])
def size(request: pytest.FixtureRequest) -> Size:
    """Return how much is made and asked."""
    found: Size = request.param
    return found


@pytest.fixture
def project(tmp_path: Path, size: Size) -> Authored:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@t")
    (root / ".session-codec").mkdir()
    made = authored(root, locate(str(root)), size[0], size[1])
    (root / ".git" / "info" / "exclude").write_text(
        ".session-codec\n.diffs\n*.log\n*.tsv\nAGENT*\nPROJECT*\n"
    )
    return made


def ahead(project: Authored) -> None:
    """Commit by hand to main, so that no file on it has a content that a session left."""
    git(project.root, "checkout", "-q", "main")
    for name, lines in project.files.items():
        path = project.root / name
        path.write_text(f"new {name}\n" + path.read_text())
        lines.insert(0, (f"new {name}", PERSON))
    git(project.root, "commit", "-qam", "Add a line to each file")


def kept(_project: Authored) -> None:
    """Rewrite nothing."""


def rebased(project: Authored) -> None:
    ahead(project)
    git(project.root, "rebase", "-q", "main", "topic")


def squashed(project: Authored) -> None:
    """Squash the rebased commits of a few sessions at a time, as merged requests are."""
    rebased(project)
    commits = git(project.root, "rev-list", "--reverse", "main..topic").split()
    parent = git(project.root, "rev-parse", "main").strip()
    for number in range(0, len(commits), 7):
        tree = f"{commits[min(number + 6, len(commits) - 1)]}^{{tree}}"
        parent = git(project.root, "commit-tree", tree, "-p", parent, "-m", "Some of it").strip()
    git(project.root, "checkout", "-q", "-B", "squashed", parent)


def squashed_as_one(project: Authored) -> None:
    ahead(project)
    git(project.root, "merge", "-q", "--squash", "topic")
    git(project.root, "commit", "-qm", "All of it")


def picked(project: Authored) -> None:
    """Pick what changes every second file, from the last file to the first; others are dropped.

    A person writes lines that are in dropped diffs too.
    """
    ahead(project)
    names = list(project.files)[::2]
    for name in reversed(names):
        git(project.root, "cherry-pick", *(c for c, _, file in project.commits if file == name))
    for name in set(project.files) - set(names):
        lines = project.files[name]
        lines[HEAD + 1 :] = [(t, PERSON) for t in ("}", "", "    return None", "else:", "    end")]
        (project.root / name).write_text("".join(f"{text}\n" for text, _ in lines))
    git(project.root, "commit", "-qam", "Write braces")


REWRITES = (kept, rebased, squashed, squashed_as_one, picked)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_no_line_has_a_wrong_session_above_a_guess(
    project: Authored, size: Size, rewrite: Callable[[Authored], None]
) -> None:
    rewrite(project)
    git(project.root, "reflog", "expire", "--expire=now", "--all")
    lines = [(n, at) for n, ls in project.files.items() for at in range(len(ls))]
    for name, written in project.files.items():
        assert (project.root / name).read_text() == "".join(f"{t}\n" for t, _ in written)
    grades: Counter[str] = Counter()
    wrong = []
    for name, at in random.Random(1).sample(lines, min(size[2], len(lines))):  # noqa: S311
        text, writer = project.files[name][at]
        place = f"{project.root / name}:{at + 1}"
        evidence = why(find(str(project.root)), place)[0].evidence
        sure = {e.session.task: e.grade for e in evidence if e.grade != "time"}
        if set(sure) - {writer}:
            wrong.append((name, at + 1, text, writer, sure))
        if writer != PERSON:
            grades[sure.get(writer, "time")] += 1
    print(rewrite.__name__, dict(grades), wrong)
    assert not wrong
