"""Merged by git itself, with the driver and without: no conflict, no session lost, all agree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipelines.diffs.store import Store
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS
from pipelines.workspace.merge_driver_setup import (
    configure_merge,
    merges_by_record,
    unconfigure_merge,
)
from pipelines.workspace.tracked_files import session_appends
from tests.pipelines.conftest import Bench, Cli, git
from tests.support.clones import (
    MANY,
    TIMES,
    Clone,
    assert_whole,
    clone_of,
    pull,
    second,
    worktree_of,
)


def test_two_clones_that_recorded_in_the_same_seconds_merge_without_a_conflict(
    ann: Clone, bob: Clone
) -> None:
    git(ann.root, "branch", "before")
    pull(ann, bob)
    assert_whole(ann, ["ann", "bob"])
    after = ann.manifest.sessions
    assert all(time in after for time in TIMES)
    rekeyed = [key for key in after if key.startswith("2026") and "." in key]
    assert len(rekeyed) == MANY
    # the other way round every session comes to the same key
    pull(bob, ann, branch="before")
    assert_whole(bob, ["ann", "bob"])
    assert bob.manifest.sessions == after


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_onto_sessions_of_the_same_seconds_has_no_conflict(
    ann: Clone, bob: Clone, backend: str
) -> None:
    ann.record("ann", [second(1000)], notes="a second commit that is picked after a re-keyed one")
    git(ann.root, "fetch", "-q", str(bob.root), "HEAD:refs/heads/theirs")
    git(ann.root, "rebase", "-q", backend, "theirs")
    assert_whole(ann, ["bob"])
    assert_whole(ann, ["ann"], MANY + 1)


def test_a_rebasing_pull_has_no_conflict(ann: Clone, bob: Clone) -> None:
    pull(ann, bob, "--rebase")
    assert_whole(ann, ["ann", "bob"])


def test_a_cherry_pick_has_no_conflict_and_again_nothing_to_add(ann: Clone, bob: Clone) -> None:
    git(ann.root, "fetch", "-q", str(bob.root), "HEAD:refs/heads/theirs")
    git(ann.root, "cherry-pick", "theirs")
    assert_whole(ann, ["ann", "bob"])
    # a merge of what was picked already finds all of it there, under the keys that it has now
    git(ann.root, "merge", "-q", "--no-edit", "theirs")
    assert_whole(ann, ["ann", "bob"])


def test_stashed_sessions_come_back_beside_those_that_were_pulled(ann: Clone, bob: Clone) -> None:
    git(ann.root, "reset", "-q", "--soft", "HEAD~1")
    git(ann.root, "stash")
    pull(ann, bob)
    git(ann.root, "stash", "pop")
    assert_whole(ann, ["ann", "bob"])


def test_two_worktrees_that_recorded_in_the_same_seconds_merge_without_a_conflict(
    origin: Clone,
) -> None:
    one, two = worktree_of(origin, "one"), worktree_of(origin, "two")
    assert configure_merge(two.workspace)
    assert not configure_merge(one.workspace)
    one.record("one", TIMES)
    two.record("two", TIMES)
    git(one.root, "merge", "-q", "--no-edit", "two")
    assert_whole(one, ["one", "two"])
    assert one.check().absent == ()


@pytest.mark.slow
def test_three_clones_come_to_the_same_keys_whoever_merges_first(
    origin: Clone, ann: Clone, bob: Clone
) -> None:
    cid, dan = clone_of(origin, "cid"), clone_of(origin, "dan")
    cid.record("cid", TIMES)
    pull(dan, cid)
    pull(dan, bob)
    pull(dan, ann)
    pull(ann, bob)
    pull(ann, cid)
    for clone in (ann, dan):
        assert_whole(clone, ["ann", "bob", "cid"])
    sessions = [c.manifest.sessions for c in (ann, dan)]
    assert sessions[0] == sessions[1]
    # and so do merges that cross
    pull(bob, ann)
    pull(cid, dan)
    pull(bob, cid)
    assert_whole(bob, ["ann", "bob", "cid"])
    assert bob.manifest.sessions == sessions[0]


def test_a_diff_is_found_in_both_clones_whatever_its_session_is_called_now(
    ann: Clone, bob: Clone
) -> None:
    pull(ann, bob)
    pull(bob, ann)
    for clone in (ann, bob):
        found = clone.check()
        assert found.diffs == (MANY, MANY + 3, 0)  # the other's and the origin's are not here
        store = Store(clone.workspace)
        for session in clone.manifest.sessions.values():
            if session.agent == clone.root.name and session.patch:
                assert session.agent.encode() in store.read(session.key, session.patch)


@pytest.mark.slow
def test_sessions_recorded_in_the_same_second_merge(origin: Clone) -> None:
    ann, bob = clone_of(origin, "ann"), clone_of(origin, "bob")
    ann.record("ann", TIMES, one_by_one=True)
    bob.record("bob", TIMES, one_by_one=True)
    pull(ann, bob)
    assert_whole(ann, ["ann", "bob"])


def test_rows_that_two_clones_share_are_reported_and_separated(origin: Clone) -> None:
    ann, bob = clone_of(origin, "ann"), clone_of(origin, "bob")
    for clone in (ann, bob):  # the same agent, task and figures: git sees the same v2 files
        clone.record("human", TIMES[:2], notes="the same")
    pull(ann, bob)
    found = ann.check()
    assert {(f.code, f.level) for f in found.findings} == {("shared-row", "note")}
    assert len(found.findings) == 2 * 3
    for append in session_appends(ann.workspace, ann.manifest.sessions.values()):
        with (ann.root / append.path).open("ab") as f:
            f.writelines(append.chunks)
    assert ann.check().findings == ()
    assert len(ann.keys(DELTAS)) == 3 + 2 * 2


def test_rows_alone_that_differ_in_one_file_are_settled_there(origin: Clone) -> None:
    ann, bob = clone_of(origin, "ann"), clone_of(origin, "bob")
    for clone in (ann, bob):  # only the notes differ: git sees the same deltas and metrics
        clone.record("human", TIMES[:2], notes=f"notes of {clone.root.name}")
    pull(ann, bob)
    assert {(f.code, f.file) for f in ann.check().findings} == {
        ("shared-row", DELTAS),
        ("shared-row", METRICS),
    }
    assert len(ann.keys(PROGRESS)) == 3 + 2 * 2


def test_a_session_of_both_sides_is_one(origin: Clone, ann: Clone) -> None:
    bob = clone_of(origin, "bob")
    git(bob.root, "fetch", "-q", str(ann.root), "HEAD")
    git(bob.root, "cherry-pick", "FETCH_HEAD")
    bob.record("bob", TIMES[:3])
    ann.record("ann", [second(700)], notes="one more")
    pull(ann, bob)
    assert_whole(ann, ["ann"], MANY + 1)
    assert_whole(ann, ["bob"], 3)


def test_where_the_program_is_gone_or_fails_union_takes_over(ann: Clone, bob: Clone) -> None:
    key = "merge.session-codec.driver"
    driver = git(ann.root, "config", key)
    git(ann.root, "config", key, driver.replace(sys.executable, "/nowhere/python"))
    pull(ann, bob)
    assert len(set(ann.keys(DELTAS))) == MANY + 3
    lines = (ann.root / MANIFEST).read_text().splitlines()
    assert sum('"agent":"bob"' in line for line in lines) == MANY
    assert sum('"agent":"ann"' in line for line in lines) == MANY
    assert "<<<<" not in "".join(lines)


def test_a_clone_without_the_driver_falls_back_to_union(origin: Clone, bob: Clone) -> None:
    cid = clone_of(origin, "cid", driver=False)
    cid.record("cid", TIMES)
    pull(cid, bob)
    manifest = cid.manifest
    assert len({*manifest.sessions}) == 2 * MANY + 3
    assert len(manifest.key_conflicts) == MANY


def test_nothing_in_a_repository_can_replace_the_driver_program(origin: Clone, bob: Clone) -> None:
    cid = clone_of(origin, "cid")
    mark = origin.root.parent / "ran"
    evil = f"open({str(mark)!r}, 'w')\n"
    for name in ("pipelines", "codec", "click"):
        (cid.root / name).mkdir()
        (cid.root / name / "__init__.py").write_text(evil)
    for name in ("sitecustomize", "json", "hashlib"):
        (cid.root / f"{name}.py").write_text(evil)
    cid.record("cid", TIMES)
    pull(cid, bob)
    assert_whole(cid, ["bob", "cid"])
    assert not mark.exists()


def test_a_workspace_in_a_folder_with_an_odd_name_is_merged_by_record(origin: Clone) -> None:
    folder = "a 'folder' [1] %P $HOME"
    git(origin.root, "rm", "-q", "-r", "--cached", ".")
    for path in list(origin.root.iterdir()):
        if path.name not in {".git", ".diffs"}:
            (origin.root / folder).mkdir(exist_ok=True)
            path.rename(origin.root / folder / path.name)
    origin.commit("moved")
    ann, bob = clone_of(origin, "ann", driver=False), clone_of(origin, "bob", driver=False)
    for clone in (ann, bob):
        inner = Clone(clone.root / folder)
        assert configure_merge(inner.workspace)
        assert merges_by_record(inner.workspace)
        inner.record(clone.root.name, TIMES[:3])
    pull(ann, bob)
    assert_whole(Clone(ann.root / folder), ["ann", "bob"], 3)


def test_other_lines_of_the_attributes_stay_in_effect(origin: Clone) -> None:
    path = origin.root / ".git" / "info" / "attributes"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"*.png binary\r\n/x merge=ours")
    assert configure_merge(origin.workspace)
    configured = path.read_bytes()
    assert configured.startswith(b"*.png binary\r\n/x merge=ours\n/.session-codec/manifest.jsonl ")
    assert merges_by_record(origin.workspace)
    assert not configure_merge(origin.workspace)
    assert path.read_bytes() == configured
    git(origin.root, "config", "merge.session-codec.driver", "of another environment")
    assert merges_by_record(origin.workspace)
    assert not merges_by_record(origin.workspace, as_now=True)
    assert configure_merge(origin.workspace)
    assert merges_by_record(origin.workspace, as_now=True)
    assert unconfigure_merge(origin.workspace)
    assert path.read_bytes() == b"*.png binary\r\n/x merge=ours\n"
    assert not merges_by_record(origin.workspace)
    assert not unconfigure_merge(origin.workspace)
    assert "session-codec" not in (origin.root / ".git" / "config").read_text()


def test_the_settings_stay_while_another_workspace_uses_them(origin: Clone) -> None:
    inner = Clone(origin.root / "inner")
    (inner.root / ".session-codec").mkdir(parents=True)
    (inner.root / MANIFEST).write_bytes(b"")
    configure_merge(origin.workspace)
    configure_merge(inner.workspace)
    assert unconfigure_merge(origin.workspace)
    assert merges_by_record(inner.workspace)
    assert not merges_by_record(origin.workspace)


def test_outside_of_git_there_is_nothing_to_set_up(plain: Bench) -> None:
    plain.migrate()
    assert not configure_merge(plain.workspace)
    assert not unconfigure_merge(plain.workspace)
    assert not merges_by_record(plain.workspace)


def test_the_local_driver_overrides_the_union_driver_of_the_repository(origin: Clone) -> None:
    asked = ("check-attr", "merge", "--", DELTAS, MANIFEST, METRICS, PROGRESS)
    assert git(origin.root, *asked).count(": union\n") == 4
    configure_merge(origin.workspace)
    assert git(origin.root, *asked).count(": session-codec\n") == 4


def test_a_file_that_is_not_merged_by_record_is_refused(tmp_path: Path, cli: Cli) -> None:
    for name in "oab":
        (tmp_path / name).write_bytes(name.encode())
    versions = [tmp_path / name for name in "oab"]
    said = cli("merge-driver", "--", *versions, "src/main.py")
    assert said.code == 22
    assert (tmp_path / "a").read_bytes() == b"a"
