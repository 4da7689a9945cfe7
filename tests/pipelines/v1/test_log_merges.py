"""Two clones migrate one log, one of them edited: after the merge both have the newest text."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.worker.client import Worker
from tests.pipelines.conftest import Bench, git
from tests.support.clones import Clone, clone_of, pull

ENTRY = st.tuples(st.sampled_from(["2026-03-01", "2026-03-02 09:00"]), st.sampled_from("abc"))


@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ENTRY, min_size=1, max_size=4), st.data())
def test_after_a_merge_both_clones_have_the_newest_text(
    worker: Worker, entries: list[tuple[str, str]], data: st.DataObject
) -> None:
    texts = [f"the text number {n}" for n in range(len(entries))]
    edited = data.draw(st.integers(0, len(entries) - 1))
    with TemporaryDirectory() as folder:
        root = Path(folder, "origin")
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        origin = Bench(root, worker)
        origin.log.write_text(_log(entries, texts))
        origin.migrate()
        Clone(root).commit("all")
        ann, bob = (clone_of(Clone(root), name) for name in ("ann", "bob"))
        texts[edited] += ", mended"
        Bench(ann.root, worker).log.write_text(_log(entries, texts))
        for clone in (ann, bob):
            Bench(clone.root, worker).migrate()
        ann.commit("ann")
        bob.record("bob", ["2026-03-03T10:00:00Z"])
        pull(ann, bob)
        pull(bob, ann)
        for clone in (ann, bob):
            notes = {s.notes for s in clone.manifest.sessions.values() if s.v1 is not None}
            assert notes == set(texts)
            assert clone.check().findings == ()
            assert Bench(clone.root, worker).migrate().plan.updated == []
        assert ann.manifest.in_order() == bob.manifest.in_order()


def _log(entries: list[tuple[str, str]], texts: list[str]) -> str:
    parts = zip(entries, texts, strict=True)
    return "".join(f"## {time} | bot | {task}\n{text}\n\n" for (time, task), text in parts)
