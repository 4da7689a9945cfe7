"""`record` takes the commits that a session made: all of them, once, and nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from codec.agents.spool_entry import Entry, encode_entry
from codec.records import Session
from pipelines.diffs.store import Store, commits_of
from pipelines.recording.recorded_ranges import recorded_ranges
from pipelines.recording.spool import leave, spool_of
from pipelines.verification.integrity import check_integrity
from pipelines.workspace import pending
from pipelines.workspace.location import Workspace, find
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.tracked_files import read_tracked
from tests.pipelines.conftest import Cli, Said, git

ASKED = ("--agent", "a", "--task", "t")
#: Seconds since 1970, between a commit and the next.
FIRST = 1_800_000_000


@dataclass
class Person:
    """A clone in which somebody commits and records; each act has a second of its own."""

    root: Path
    cli: Cli
    now: int = FIRST

    @property
    def workspace(self) -> Workspace:
        return find(str(self.root))

    @property
    def sessions(self) -> list[Session]:
        return list(read_manifest(self.workspace).sessions.values())

    @property
    def head(self) -> str:
        return git(self.root, "rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """Run git, a second later than before."""
        self.now += 1
        moment = f"{self.now} +0000"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return subprocess.run(
            ["git", "-C", self.root, "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
            check=True, capture_output=True, text=True,
            env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_DATE": moment,
                 "GIT_COMMITTER_DATE": moment, "GIT_EDITOR": "true"},
        ).stdout  # fmt: skip

    def commit(self, name: str, *names: str, text: str = "") -> str:
        """Commit files, and nothing else."""
        for each in (name, *names):
            path = self.root / each
            path.parent.mkdir(exist_ok=True)
            with open(path, "a") as f:
                f.write(text or f"{each} {self.now}\n")
        self.git("add", "-f", "--", name, *names)
        self.git("commit", "-qm", f"Add {name}")
        return self.head

    def keep(self) -> str:
        """Commit what session-codec wrote, alone."""
        self.git("add", "SESSION_DELTAS.log", "PROJECT_METRICS.tsv", "AGENT_PROGRESS_LOG_v2.md")
        self.git("add", ".session-codec/manifest.jsonl")
        self.git("commit", "-qm", "sessions")
        return self.head

    def begin(self, session_id: str = "s-1") -> str:
        """Have a hook note that a session begins; gives HEAD."""
        self.now += 1
        entry = Entry(
            agent="claude", event="start", time=self.now * 10**9, head=self.head, branch="main",
            root=str(self.root).encode(), size=0,
            data=json.dumps({"session_id": session_id, "cwd": str(self.root)}).encode(),
        )  # fmt: skip
        leave(spool_of(self.workspace.home), "start", entry.time, encode_entry(entry))
        self.now += 1
        return entry.head

    def record(self, *options: object) -> Session:
        """Record a session; gives it as the manifest has it."""
        said = self.record_said(*options)
        assert said.code == 0, said.err
        return self.sessions[-1]

    def record_said(self, *options: object) -> Said:
        return self.cli("record", self.root, *ASKED, *options)


@pytest.fixture
def ann(tmp_path: Path, cli: Cli) -> Person:
    """Make a repository with a workspace and an older commit."""
    root = tmp_path / "ann"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    assert cli("install", root).code == 0
    person = Person(root, cli)
    person.git("add", "-A")
    person.git("commit", "-qm", "install")
    person.commit("older")
    return person


@pytest.fixture
def bob(ann: Person) -> Person:
    """Make a clone that ann pulls from."""
    root = ann.root.parent / "bob"
    git(root.parent, "clone", "-q", str(ann.root), str(root))
    git(ann.root, "remote", "add", "bob", str(root))
    return Person(root, ann.cli, FIRST + 500)


def names_of(session: Session, workspace: Workspace) -> list[str]:
    """Return the files of a session's patch, in its order."""
    if session.patch is None:
        return []
    patch = Store(workspace).read(session.key, session.patch, commits_of(session))
    return [line[6:] for line in patch.decode().splitlines() if line.startswith("+++ b/")]


# Where a session begins


def test_all_commits_since_the_newest_recorded_range_are_taken(ann: Person) -> None:
    ann.record()
    base = ann.head
    for name in ("a", "b", "c"):
        ann.commit(name)
    said = ann.record_said()
    assert f"3 commits {base[:6]}..{ann.head[:6]}" in said.err
    session = ann.sessions[-1]
    assert (session.range, session.metrics.commits) == (f"{base}..{ann.head}", 3)
    assert names_of(session, ann.workspace) == ["a", "b", "c"]


def test_without_hook_and_recorded_range_the_last_commit_is_taken(ann: Person) -> None:
    base, head = ann.head, ann.commit("a")
    said = ann.record_said()
    assert f"1 commit {base[:6]}..{head[:6]}" in said.err
    assert ann.sessions[-1].range == f"{base}..{head}"


def test_a_recorded_range_of_another_branch_is_not_a_beginning(ann: Person) -> None:
    ann.git("checkout", "-qb", "other")
    ann.commit("theirs")
    ann.record()
    ann.git("checkout", "-qf", "main")
    ann.commit("a")
    ann.commit("b")
    ann.cli("install", ann.root)
    assert names_of(ann.record(), ann.workspace) == ["b"]


def test_the_head_that_a_hook_recorded_is_the_beginning(ann: Person) -> None:
    ann.commit("before")
    base = ann.begin()
    ann.commit("a")
    ann.commit("b")
    session = ann.record()
    assert (session.range, session.metrics.commits) == (f"{base}..{ann.head}", 2)


def test_a_session_that_begins_again_in_between_began_at_first(ann: Person) -> None:
    base = ann.begin()
    ann.commit("a")
    ann.begin()
    ann.commit("b")
    assert ann.record().range == f"{base}..{ann.head}"


def test_recorded_commits_are_not_taken_again(ann: Person) -> None:
    ann.begin()
    ann.commit("a")
    ann.record()
    ann.keep()
    ann.commit("b")
    assert names_of(ann.record(), ann.workspace) == ["b"]


def test_a_session_that_began_before_the_first_commit_has_all_of_them(
    tmp_path: Path, cli: Cli
) -> None:
    root = tmp_path / "new"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    assert cli("install", root).code == 0
    person = Person(root, cli)
    entry = Entry(
        agent="claude", event="start", time=FIRST * 10**9, head="", branch="main",
        root=str(root).encode(), size=0, data=b'{"session_id": "s-1"}',
    )  # fmt: skip
    leave(spool_of(person.workspace.home), "start", entry.time, encode_entry(entry))
    person.commit("a")
    person.commit("b")
    session = person.record()
    assert (names_of(session, person.workspace), session.metrics.commits) == (["a", "b"], 2)


@pytest.mark.parametrize("variable", ["CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID"])
def test_the_asking_session_is_found_among_several(
    ann: Person, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = ann.begin("mine")
    ann.commit("a")
    ann.begin("other")
    ann.commit("b")
    monkeypatch.setenv(variable, "mine")
    session = ann.record()
    assert (session.id, session.range) == ("mine", f"{base}..{ann.head}")


def test_without_an_asking_session_the_newest_one_is_the_beginning(ann: Person) -> None:
    ann.begin("mine")
    ann.commit("a")
    ann.begin("other")
    ann.commit("b")
    assert ann.record().metrics.commits == 1


# What does not count


def test_committed_files_of_session_codec_do_not_count(ann: Person) -> None:
    base = ann.head
    head = ann.commit("a")
    ann.record()
    ann.keep()
    said = ann.record_said()
    assert said.code == 0
    assert f"no commits since {ann.sessions[-2].key}" in said.err
    assert (ann.sessions[-1].range, ann.sessions[-1].metrics.commits) == ("", 0)
    assert ann.sessions[-2].range == f"{base}..{head}"


def test_after_committing_its_files_the_last_commit_is_the_one_before(ann: Person) -> None:
    base, head = ann.head, ann.commit("a")
    assert ann.cli("record", ann.root, *ASKED, "--no-diff").code == 0
    ann.keep()
    assert ann.record().range == f"{base}..{head}"


def test_committed_files_of_session_codec_do_not_split_a_range(ann: Person) -> None:
    ann.record()
    base = ann.head
    ann.commit("a")
    assert ann.cli("record", ann.root, *ASKED, "--no-diff").code == 0
    ann.keep()
    ann.commit("b")
    session = ann.record()
    assert (session.range, session.metrics.commits) == (f"{base}..{ann.head}", 2)


@pytest.mark.parametrize("how", ["--no-rebase", "--rebase"])
def test_pulled_commits_are_not_the_sessions(ann: Person, bob: Person, how: str) -> None:
    ann.begin()
    ann.commit("mine-1")
    ann.commit("mine-2")
    bob.commit("theirs-1")
    bob.commit("theirs-2")
    ann.git("pull", "-q", "--no-edit", how, "bob", "main")
    ann.commit("mine-3")
    session = ann.record()
    assert names_of(session, ann.workspace) == ["mine-1", "mine-2", "mine-3"]
    assert session.metrics.commits == 3
    assert len(commits_of(session)) == (2 if how == "--no-rebase" else 1)


def test_fast_forwarded_commits_are_not_the_sessions(ann: Person, bob: Person) -> None:
    ann.begin()
    bob.commit("theirs")
    ann.git("pull", "-q", "--ff-only", "bob", "main")
    said = ann.record_said()
    assert (said.code, ann.sessions[-1].metrics.commits) == (0, 0)
    assert "no commits since" in said.err
    ann.commit("mine")
    assert names_of(ann.record(), ann.workspace) == ["mine"]


def test_a_branch_that_was_merged_is_not_the_sessions(ann: Person) -> None:
    ann.git("checkout", "-qb", "side")
    ann.commit("side")
    ann.git("checkout", "-q", "main")
    ann.begin()
    ann.commit("a")
    ann.git("merge", "-q", "--no-ff", "--no-edit", "side")
    ann.commit("b")
    assert names_of(ann.record(), ann.workspace) == ["a", "b"]


def test_an_old_branch_that_was_merged_is_not_the_sessions_without_a_hook(ann: Person) -> None:
    ann.record()
    ann.keep()
    ann.git("checkout", "-qb", "side")
    ann.commit("side")
    ann.git("checkout", "-q", "main")
    ann.commit("a")
    ann.record()
    ann.keep()
    ann.git("merge", "-q", "--no-ff", "--no-edit", "side")
    ann.commit("b")
    assert names_of(ann.record(), ann.workspace) == ["b"]


def test_commits_before_reading_the_sessions_of_others_are_not_lost(
    ann: Person, bob: Person
) -> None:
    ann.record()
    ann.keep()
    bob.git("pull", "-q", "--ff-only", "origin", "main")
    ann.commit("mine")
    bob.commit("theirs")
    bob.record()
    theirs = bob.head
    bob.keep()
    ann.git("fetch", "-q", "bob")
    ann.git("checkout", "-q", theirs)
    ann.git("checkout", "-q", "main")
    ann.git("merge", "-q", "--no-edit", "bob/main")
    assert names_of(ann.record(), ann.workspace) == ["mine"]


def test_recorded_commits_that_are_rebased_are_not_taken_again(ann: Person, bob: Person) -> None:
    ann.commit("recorded")
    ann.record()
    ann.commit("new")
    bob.commit("theirs")
    ann.git("stash", "-q")
    ann.git("pull", "-q", "--rebase", "bob", "main")
    ann.git("stash", "pop", "-q")
    session = ann.record()
    assert (names_of(session, ann.workspace), session.metrics.commits) == (["new"], 1)


def test_a_rebased_commit_below_a_recorded_one_is_still_taken(ann: Person, bob: Person) -> None:
    """Another session recorded the later commit: only that one is not taken again."""
    ann.begin()
    ann.commit("mine")
    ann.commit("others")
    ann.record("--git", ann.head, "--id", "another")
    bob.commit("theirs")
    ann.git("stash", "-q")
    ann.git("pull", "-q", "--rebase", "bob", "main")
    ann.git("stash", "pop", "-q")
    session = ann.record()
    assert (names_of(session, ann.workspace), session.metrics.commits) == (["mine"], 1)


def test_commits_that_were_reset_or_undone_are_not_taken(ann: Person) -> None:
    ann.begin()
    ann.commit("dropped")
    ann.git("reset", "-q", "--hard", "HEAD~1")
    ann.commit("kept")
    ann.git("checkout", ".")
    assert names_of(ann.record(), ann.workspace) == ["kept"]


def test_of_an_amended_commit_of_others_only_the_amendment_is_taken(ann: Person) -> None:
    ann.commit("others")
    base = ann.begin()
    (ann.root / "more").write_text("more\n")
    ann.git("add", "more")
    ann.git("commit", "-q", "--amend", "--no-edit")
    session = ann.record()
    assert (session.range, names_of(session, ann.workspace)) == (f"{base}..{ann.head}", ["more"])


@pytest.mark.parametrize("messages", [["same"], ["other", "same"]])
def test_amendments_that_end_at_the_same_hash_are_one_commit(
    ann: Person, messages: list[str]
) -> None:
    base = ann.begin()
    ann.commit("a")
    ann.git("commit", "-q", "--amend", "-m", "same")
    head = ann.head
    for message in messages:
        ann.now -= 1  # within one second, so that equal commits have equal hashes
        ann.git("commit", "-q", "--amend", "-m", message)
    assert ann.head == head
    assert ann.record().range == f"{base}..{head}"


def test_an_amended_commit_of_the_session_is_taken_as_it_is_now(ann: Person) -> None:
    base = ann.begin()
    ann.commit("a")
    (ann.root / "more").write_text("more\n")
    ann.git("add", "more")
    ann.git("commit", "-q", "--amend", "--no-edit")
    session = ann.record()
    assert (session.range, session.metrics.commits) == (f"{base}..{ann.head}", 1)
    assert names_of(session, ann.workspace) == ["a", "more"]


def test_picked_and_reverted_commits_are_the_sessions(ann: Person, bob: Person) -> None:
    ann.begin()
    picked = bob.commit("picked")
    ann.git("fetch", "-q", "bob")
    ann.git("cherry-pick", picked)
    ann.git("revert", "--no-edit", "HEAD~1")
    assert ann.record().metrics.commits == 2


def test_a_branch_that_the_session_made_and_merged_is_its_own(ann: Person) -> None:
    base = ann.begin()
    ann.git("checkout", "-qb", "topic")
    ann.commit("a")
    ann.commit("b")
    ann.git("checkout", "-q", "main")
    ann.git("merge", "-q", "topic")
    assert ann.record().range == f"{base}..{ann.head}"


def test_without_a_reflog_all_commits_are_taken(ann: Person) -> None:
    base = ann.begin()
    ann.commit("a")
    ann.commit("b")
    (ann.root / ".git" / "logs" / "HEAD").unlink()
    assert ann.record().range == f"{base}..{ann.head}"


def test_a_linked_worktree_has_sessions_of_its_own(ann: Person) -> None:
    ann.record()
    ann.keep()
    root = ann.root.parent / "linked"
    ann.git("worktree", "add", "-qb", "linked", str(root))
    linked = Person(root, ann.cli, ann.now)
    ann.commit("main")
    linked.commit("a")
    linked.commit("b")
    assert names_of(linked.record(), linked.workspace) == ["a", "b"]


def test_a_session_can_still_name_its_commits(ann: Person) -> None:
    ann.record()
    base, head = ann.commit("a"), ann.commit("b")
    assert ann.record("--git", "HEAD").range == f"{base}..{head}"
    (ann.root / "a").write_text("edited\n")
    assert names_of(ann.record("--worktree"), ann.workspace) == ["a"]


# Several ranges


@pytest.fixture
def split(ann: Person, bob: Person) -> Session:
    """Make a session of two ranges with a pull of other people's commits between them."""
    ann.begin()
    ann.commit("a", "shared")
    bob.commit("theirs")
    ann.git("pull", "-q", "--no-edit", "--no-rebase", "bob", "main")
    ann.commit("b", "shared")
    return ann.record()


def test_several_ranges_are_kept_by_name_and_printed(ann: Person, split: Session) -> None:
    first, second = split.commits_of
    assert split.range == ""
    assert git(ann.root, "log", "--format=%s", first).splitlines() == ["Add a"]
    assert git(ann.root, "log", "--format=%s", second).splitlines() == ["Add b"]
    assert names_of(split, ann.workspace) == ["a", "shared", "b", "shared"]
    assert recorded_ranges(ann.workspace)[0].ends[-1] == ann.head


def test_a_lost_diff_of_several_ranges_is_remade(ann: Person, split: Session, cli: Cli) -> None:
    shown = cli("show", "latest", ann.root, "--diff").out
    (ann.root / ".diffs" / f"{split.key}.diff").unlink()
    pending.rewrite(ann.workspace, lambda _: None)
    assert cli("show", "latest", ann.root, "--diff").out == shown
    integrity = check_integrity(
        ann.workspace, read_tracked(ann.workspace), read_manifest(ann.workspace), lambda _: None
    )
    assert (integrity.in_git, integrity.absent) == (1, ())


# Commits that vanish


def test_a_shallow_clone_names_the_missing_parent(ann: Person, cli: Cli, tmp_path: Path) -> None:
    parent, head = ann.head, ann.commit("a")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{ann.root}", "shallow")
    for options in ((), ("--git", "HEAD")):
        said = cli("record", tmp_path / "shallow", *ASKED, *options)
        assert said.code == 30
        assert f"the parent {parent} of {head} is missing" in said.err
        assert "git fetch --deepen=1" in said.err
    git(tmp_path / "shallow", "fetch", "-q", "--deepen=1")
    assert cli("record", tmp_path / "shallow", *ASKED).code == 0


def test_a_shallow_clone_records_its_own_commits(ann: Person, cli: Cli, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{ann.root}", "shallow")
    shallow = Person(tmp_path / "shallow", cli)
    base, head = shallow.head, shallow.commit("a")
    assert shallow.record().range == f"{base}..{head}"


def test_a_diff_stays_where_a_squash_merge_loses_its_commits(ann: Person, cli: Cli) -> None:
    ann.git("checkout", "-qb", "topic")
    ann.commit("a")
    session = ann.record()
    ann.git("checkout", "-q", "main")
    ann.git("merge", "-q", "--squash", "topic")
    ann.git("commit", "-qam", "squashed")
    ann.git("branch", "-qD", "topic")
    ann.git("reflog", "expire", "--expire=now", "--all")
    ann.git("gc", "-q", "--prune=now")
    assert (ann.root / ".diffs" / f"{session.key}.diff").exists()
    for verb in ("verify", "doctor"):
        assert cli(verb, ann.root).code == 0
    assert cli("archive", ann.root, "--before", "2999-01").code == 0
    assert "+++ b/a" in cli("show", session.key, ann.root, "--diff").out
