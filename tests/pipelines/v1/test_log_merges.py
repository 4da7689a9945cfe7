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
def edits(draw: st.DrawFn) -> tuple[list[Entry], list[Entry]]:
    """Return a log, each entry with a text of its own, and the same log after edits."""
    before = [(time, task, f"{text} {n}") for n, (time, task, text) in enumerate(draw(ENTRIES))]
    after = list(before)
    for place in draw(st.sets(st.integers(0, len(after) - 1), min_size=1)):
        time, task, text = after[place]
        after[place] = time, task, f"{text}, revised"
    if draw(st.booleans()):
        after.append(("2026-03-02", "d", "the last one"))
    return before, after


@pytest.mark.parametrize(
    ("driver", "migrated"),
    [(True, True), (True, False), (False, True)],
    ids=["driver", "migrated-apart", "union"],
)
@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits())
def test_after_a_merge_both_clones_have_the_newest_text(
    worker: Worker, driver: bool, migrated: bool, logs: tuple[list[Entry], list[Entry]]
) -> None:
    before, after = logs
    with TemporaryDirectory() as folder:
        root = Path(folder, "origin")
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        origin = Bench(root, worker)
        origin.log.write_text(_log(before))
        if migrated:
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
            assert {text for _, _, text in after} <= notes
            assert not migrated or len(notes) == len(after)
            assert [f for f in clone.check().findings if f.level == "finding"] == []
            assert Bench(clone.root, worker).migrate().plan.updated == []
        assert ann.manifest.in_order() == bob.manifest.in_order()


def _log(entries: list[Entry]) -> str:
    return "".join(f"## {time} | bot | {task}\n{text}\n\n" for time, task, text in entries)
