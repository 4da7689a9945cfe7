"""Entries read by an older version get better facts: the same sessions, none of them twice."""

from __future__ import annotations

import pytest

from codec.manifest.jsonl import decode_facts, encode_fact
from codec.records import READER, Session
from pipelines.system.fs.lines import lines_of
from pipelines.verbs import doctor
from pipelines.verification.integrity import check_integrity
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS
from pipelines.workspace.tracked_files import read_tracked
from tests.pipelines.conftest import REAL, Bench, codes, corpus


def make_older(bench: Bench) -> None:
    """Write the workspace as a reader that did not read notes and titles would have."""
    path = bench.root / MANIFEST
    facts, _ = decode_facts(lines_of(path.read_bytes()).lines)
    older = (
        f._replace(reader=0, notes="", title="", remark="") if isinstance(f, Session) else f
        for f in facts
    )
    path.write_text("".join(f"{encode_fact(fact)}\n" for fact in older), encoding="utf-8")
    for name in (DELTAS, METRICS, PROGRESS):
        (bench.root / name).unlink()
    doctor.apply(doctor.plan(bench.workspace))


@pytest.mark.parametrize("name", [*REAL, "medium"])
def test_a_newer_reader_gives_the_sessions_that_it_would_have_given_first(
    bench: Bench, name: str
) -> None:
    bench.log.write_bytes(corpus(f"{name}.md"))
    bench.migrate()
    expected, rows = bench.manifest.sessions, bench.deltas()
    make_older(bench)
    assert bench.manifest.sessions != expected
    assert bench.migrate().plan.is_empty
    result = bench.migrate(reread=True)
    assert codes(result) == []
    assert {p.session.reader for p in result.plan.updated} == {0}
    assert {p.becomes.reader for p in result.plan.updated} == {READER}
    texts = {k: (s.task, s.title, s.notes, s.remark) for k, s in expected.items()}
    now = bench.manifest.sessions
    assert {k: (s.task, s.title, s.notes, s.remark) for k, s in now.items()} == texts
    assert bench.deltas() == rows
    assert bench.restore() == bench.log.read_bytes()
    tracked = read_tracked(bench.workspace)
    found = check_integrity(bench.workspace, tracked, bench.manifest, lambda _: None).findings
    assert [f for f in found if f.level == "finding"] == []
    assert bench.migrate(reread=True).plan.is_empty
