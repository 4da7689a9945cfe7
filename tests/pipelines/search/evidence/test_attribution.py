"""The share of files with a known session agrees with `why`, and changes nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipelines.search.evidence.grades import GRADES
from pipelines.verbs.why import why
from pipelines.workspace.location import find
from tests.pipelines.conftest import Cli, git, tree

SCHEMA = json.loads(
    (Path(__file__).parents[4] / "pipelines" / "verify.schema.json").read_text(encoding="utf-8")
)


def commit(root: Path, message: str, **files: str) -> None:
    for name, text in files.items():
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


def record(root: Path, cli: Cli, task: str, commits: str) -> None:
    made = ("--git", commits, "--status", "PASS", "--agent", "human")
    assert cli("record", root, "--task", task, *made).code == 0


@pytest.fixture
def root(tmp_path: Path, cli: Cli) -> Path:
    """Record a range of two commits, with a rename, and a session on another branch."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@t")
    assert cli("install", root).code == 0
    commit(root, "By hand", a="one\n", hand="hand\n", both="".join(f"line {n}\n" for n in range(9)))
    commit(root, "First", a="one\ntwo\n", between="x\n")
    git(root, "mv", "a", "[a]*")
    commit(root, "Second", between="x\ny\n")
    record(root, cli, "Range", "HEAD~2..HEAD")
    commit(root, "Record")
    git(root, "checkout", "-q", "-b", "topic")
    lines = [f"line {n}\n" for n in range(9)]
    commit(root, "Topic", both="".join([*lines, "alpha\n", "beta\n"]), new="new\n")
    record(root, cli, "Topic", "HEAD~1..HEAD")
    commit(root, "Record")
    return root


def attribution(root: Path, cli: Cli) -> dict[str, Any]:
    said = cli("verify", root, "--attribution", "--json")
    document = said.json
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    plain = cli("verify", root, "--json").json
    assert plain["attribution"] is None
    assert {**document, "attribution": None} == plain
    assert said.code == plain["exit"]
    found: dict[str, Any] = document["attribution"]
    assert sum(found["grades"].values()) == found["files"]
    return found


def by_why(root: Path) -> dict[str, int]:
    """Return the counts by asking about each file."""
    counts = dict.fromkeys((*GRADES, "none"), 0)
    for name in git(root, "ls-files", "-z").split("\0")[:-1]:
        if name.startswith(".session-codec/") or name in OWN:
            continue
        grades = {e.grade for e in why(find(str(root)), str(root / name))[0].evidence}
        counts[next((g for g in GRADES if g in grades), "none")] += 1
    return counts


OWN = {
    "SESSION_DELTAS.log", "PROJECT_METRICS.tsv", "AGENT_PROGRESS_LOG_v2.md",
    "PROJECT_REFERENCES.yaml",
}  # fmt: skip


def test_files_of_recorded_commits_have_sessions_also_below_an_earlier_name(
    root: Path, cli: Cli
) -> None:
    found = attribution(root, cli)
    assert (found["missing"], found["problem"]) == (0, None)
    assert found["grades"] == by_why(root)
    assert found["grades"]["blob"] == 4  # all but those of a person and of `install`
    assert found["grades"]["hunk"] == 0


def test_a_rebase_leaves_the_lines_of_a_file_as_evidence(root: Path, cli: Cli) -> None:
    git(root, "checkout", "-q", "main")
    lines = [f"line {n}\n" for n in range(9)]
    commit(root, "Meanwhile", both="".join(["first\n", *lines]))
    git(root, "checkout", "-q", "topic")
    git(root, "rebase", "-q", "main")
    found = attribution(root, cli)
    assert found["grades"] == by_why(root)
    assert found["grades"]["hunk"] == 1
    assert found["grades"]["blob"] == 3


def test_a_clone_without_diffs_uses_commits_and_reports_missing_diffs(
    root: Path, tmp_path: Path, cli: Cli
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(root), str(clone))
    found = attribution(clone, cli)
    assert found["missing"] == 2
    assert found["grades"]["commit"] == 4
    assert found["grades"]["blob"] == found["grades"]["hunk"] == 0


def test_a_shallow_clone_gets_a_hint_how_to_fetch_and_the_same_exit_code(
    root: Path, tmp_path: Path, cli: Cli
) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", str(shallow))
    found = attribution(shallow, cli)
    assert found["files"] == 0
    assert "git fetch --unshallow" in found["problem"]


def test_text_and_markdown_have_the_table_and_nothing_is_written(root: Path, cli: Cli) -> None:
    before = tree(root, times=True)
    text = cli("verify", root, "--attribution").out
    assert "attribution: " in text
    assert ["blob", "4"] in [line.split()[:2] for line in text.splitlines()]
    assert "| blob | 4 |" in cli("verify", root, "--attribution", "--format", "markdown").out
    assert tree(root, times=True) == before
