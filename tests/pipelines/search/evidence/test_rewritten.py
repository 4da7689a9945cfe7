"""Sessions are named for rewritten commits only on evidence: guesses apart, no answer is wrong."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.verbs.why import why
from pipelines.workspace.location import find, locate
from tests.pipelines.conftest import git
from tests.support.authored import COMMON, HEAD, PERSON, Authored, authored, text_of

#: Sessions of the repository, its files, and how many lines of each state are asked about.
Size = tuple[int, int, int]
SMALL: Size = (20, 3, 24)
LARGE: Size = (300, 20, 150)


@pytest.fixture(scope="module", params=[SMALL, pytest.param(LARGE, marks=pytest.mark.slow)])
def size(request: pytest.FixtureRequest) -> Size:
    """Return how much is made and asked."""
    found: Size = request.param
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, size: Size) -> Authored:
    """Make the repository once; tests rewrite copies of it."""
    root = tmp_path_factory.mktemp("authored") / "repository"
    (root / ".session-codec").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@t")
    (root / ".git" / "info" / "exclude").write_text(
        ".session-codec\n.diffs\n*.log\n*.tsv\nAGENT*\nPROJECT*\n"
    )
    return authored(root, locate(str(root)), size[0], size[1])


@pytest.fixture
def project(tmp_path: Path, made: Authored) -> Authored:
    root = tmp_path / "repository"
    shutil.copytree(made.root, root)
    return replace(made, root=root, files={n: list(lines) for n, lines in made.files.items()})


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
        lines[HEAD + 1 :] = [(text, PERSON) for text in COMMON]
        (project.root / name).write_text(text_of(lines))
    git(project.root, "commit", "-qam", "Write braces")


#: How a branch is rewritten, and the part of the sessions' lines that at least keeps evidence.
REWRITES = (
    (kept, 1.0),
    (rebased, 0.98),
    (squashed, 0.6),
    (squashed_as_one, 0.4),
    (picked, 0.98),
)


@pytest.mark.parametrize(("rewrite", "least"), REWRITES)
def test_no_line_and_no_file_has_a_wrong_session_above_a_guess(
    project: Authored, size: Size, rewrite: Callable[[Authored], None], least: float
) -> None:
    rewrite(project)
    git(project.root, "reflog", "expire", "--expire=now", "--all")
    for name, lines in project.files.items():
        assert (project.root / name).read_text() == text_of(lines)
        assert set(sure(project, name)) <= project.writers(name)
    places = [(name, at) for name, lines in project.files.items() for at in range(len(lines))]
    found: Counter[bool] = Counter()
    for name, at in random.Random(1).sample(places, min(size[2], len(places))):  # noqa: S311
        text, writer = project.files[name][at]
        grades = sure(project, f"{name}:{at + 1}")
        if text in COMMON:  # which of several git blames is a matter of its diff
            assert set(grades.values()) <= {"blob", "commit"}
        elif writer == PERSON:
            assert not grades, (name, at + 1, text)
        else:
            assert set(grades) <= {writer}, (name, at + 1, text)
            found[writer in grades] += 1
    assert found[True] >= least * found.total(), found


def sure(project: Authored, place: str) -> dict[str, str]:
    """Return the grades of the sessions behind a place, by their task, without guesses."""
    evidence = why(find(str(project.root)), str(project.root / place))[0].evidence
    return {e.session.task: e.grade for e in evidence if e.grade != "time"}
