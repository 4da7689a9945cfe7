"""Two clones migrate one log, one of them edited: after the merge both have the newest text."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.system.worker.client import Worker
from pipelines.verbs import doctor
from pipelines.workspace.merge_driver_setup import configure_merge
from tests.pipelines.conftest import Bench, git
from tests.support.clones import Clone, clone_of, pull

TIMES = ["2026-03-01", "2026-03-01 09:00", "2026-03-02"]
Entry = tuple[str, str, str]
ENTRIES = st.lists(
    st.tuples(st.sampled_from(TIMES), st.sampled_from("abc"), st.sampled_from(["x y", "p q"])),
    min_size=1,
    max_size=4,
)


@st.composite
def edits(draw: st.DrawFn, *, ordered: bool = False) -> tuple[list[Entry], list[Entry]]:
    """Return a log, each entry with a text of its own, and the same log after edits.

    With `ordered` both are oldest first. Otherwise an edit can reverse the order of the sessions.
    """
    entries = sorted(draw(ENTRIES)) if ordered else draw(ENTRIES)
    before = [(time, task, f"{text} {n}") for n, (time, task, text) in enumerate(entries)]
    after = list(before)
    for place in draw(st.sets(st.integers(0, len(after) - 1), min_size=1)):
        time, task, text = after[place]
        after[place] = time, task, f"{text}, revised"
    if draw(st.booleans()):
        after.append(("2026-03-02", "d", "the last one"))
    return before, after


@pytest.mark.parametrize("driver", [True, False], ids=["driver", "union"])
@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits())
def test_after_a_merge_both_clones_have_the_newest_text(
    worker: Worker, driver: bool, logs: tuple[list[Entry], list[Entry]]
) -> None:
    before, after = logs
    with TemporaryDirectory() as folder:
        root = Path(folder, "origin")
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        origin = Bench(root, worker)
        origin.log.write_text(_log(before))
        origin.migrate()
        Clone(root).commit("all")
        ann, bob = (clone_of(Clone(root), name, driver=False) for name in ("ann", "bob"))
        Bench(ann.root, worker).log.write_text(_log(after))
        for clone in (ann, bob):
            Bench(clone.root, worker).migrate()
            assert not driver or configure_merge(clone.workspace)
        ann.commit("ann")
        bob.record("bob", ["2026-03-03T10:00:00Z"])
        pull(ann, bob)
        if not driver:
            doctor.apply(doctor.plan(ann.workspace))
            git(ann.root, "commit", "-qam", "repaired", "--allow-empty")
        pull(bob, ann)
        for clone in (ann, bob):
            notes = {s.notes for s in clone.manifest.sessions.values() if s.v1 is not None}
            assert notes == {text for _, _, text in after}
            assert [f for f in clone.check().findings if f.level == "finding"] == []
            assert Bench(clone.root, worker).migrate().plan.updated == []
        assert ann.manifest.in_order() == bob.manifest.in_order()


@pytest.mark.parametrize("repaired_first", [True, False], ids=["repaired", "at-once"])
def test_two_first_migrations_of_an_edited_entry_become_one_session(
    worker: Worker, tmp_path: Path, repaired_first: bool
) -> None:
    before = [("2026-03-01", "sweep", "first text"), ("2026-03-02", "mop", "wet floor")]
    after = [("2026-03-01", "sweep", "first text, longer"), before[1]]
    ann, bob = _migrated_apart(worker, tmp_path, before, after)
    pull(ann, bob)
    assert len(ann.manifest.sessions) == 3
    if repaired_first:
        doctor.apply(doctor.plan(ann.workspace))
    _migrate_to_the_end(worker, ann)
    assert [(s.key, s.notes) for s in ann.manifest.in_order()] == [
        ("2026-03-01", "first text, longer"),
        ("2026-03-02", "wet floor"),
    ]


def test_an_entry_that_is_edited_again_before_the_clones_meet_becomes_one_session(
    worker: Worker, tmp_path: Path
) -> None:
    neighbor = ("2026-03-01", "mop", "wet floor")
    before = [("2026-03-01", "sweep", "first text"), neighbor]
    after = [("2026-03-01", "sweep", "first text, longer"), neighbor]
    ann, bob = _migrated_apart(worker, tmp_path, before, after)
    pull(ann, bob)
    Bench(ann.root, worker).log.write_text(
        _log([("2026-03-01", "sweep", "first text, the longest"), neighbor])
    )
    _migrate_to_the_end(worker, ann)
    assert [s.notes for s in ann.manifest.in_order()] == ["first text, the longest", "wet floor"]


@pytest.mark.parametrize("driver", [True, False], ids=["driver", "union"])
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits(ordered=True))
def test_two_first_migrations_leave_one_session_an_entry(
    worker: Worker, driver: bool, logs: tuple[list[Entry], list[Entry]]
) -> None:
    before, after = logs
    with TemporaryDirectory() as folder:
        ann, bob = _migrated_apart(worker, Path(folder), before, after)
        for clone in (ann, bob):
            assert not driver or configure_merge(clone.workspace)
        pull(ann, bob)
        git(bob.root, "fetch", "-q", str(ann.root), "HEAD")
        git(bob.root, "reset", "-q", "--hard", "FETCH_HEAD")
        manifests = []
        for clone in (ann, bob):
            if not driver:
                doctor.apply(doctor.plan(clone.workspace))
            _migrate_to_the_end(worker, clone)
            manifests.append(clone.manifest)
            assert sorted(s.notes for s in clone.manifest.sessions.values()) == sorted(
                text for _, _, text in after
            )
        assert manifests[0].sessions == manifests[1].sessions
        assert manifests[0].histories == manifests[1].histories


def test_an_entry_that_was_deleted_is_not_joined_to_its_neighbour(
    worker: Worker, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    bench = Bench(tmp_path, worker)
    entries = [("2026-03-01", "sweep", f"swept the floor {n}") for n in range(3)]
    bench.log.write_text(_log(entries))
    bench.migrate()
    bench.log.write_text(_log(entries[1:]))
    bench.migrate()
    assert len(Clone(tmp_path).manifest.sessions) == 3


def _migrated_apart(
    worker: Worker, folder: Path, before: list[Entry], after: list[Entry]
) -> tuple[Clone, Clone]:
    """Return two clones that migrated a log for the first time, the first one after edits."""
    root = folder / "origin"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    Bench(root, worker).log.write_text(_log(before))
    Clone(root).commit("all")
    ann, bob = (clone_of(Clone(root), name, driver=False) for name in ("ann", "bob"))
    Bench(ann.root, worker).log.write_text(_log(after))
    for clone in (ann, bob):
        Bench(clone.root, worker).migrate()
        clone.commit(clone.root.name)
    return ann, bob


def _migrate_to_the_end(worker: Worker, clone: Clone) -> None:
    """Migrate; nothing is left to find, and a second run has nothing to write."""
    Bench(clone.root, worker).migrate()
    assert [f for f in clone.check().findings if f.level == "finding"] == []
    assert Bench(clone.root, worker).migrate().plan.is_empty


def _log(entries: list[Entry]) -> str:
    return "".join(f"## {time} | bot | {task}\n{text}\n\n" for time, task, text in entries)
