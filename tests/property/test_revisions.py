"""Two clones read, amend, erase and purge as they like; merged, they have the same sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.kinds import Key, Sha256
from codec.manifest.facts import Fact, Purged
from codec.manifest.jsonl import identity_of
from codec.merge.key_conflicts import Settled, settle_merge
from codec.merge.repair import repair_manifest, repair_rows
from codec.merge.three_way import merge_manifests, merge_rows
from codec.merge.tracked_formats import DELTAS, FACTS, METRICS, REFERENCES
from codec.names import session_key
from codec.records import PatchRef, Session, Status, V1Entry
from pipelines.recording.revising import edits_of, private_facts, revision_to, without_texts
from pipelines.verification.line_repairs import is_sound
from pipelines.workspace.location import DELTAS as DELTAS_FILE
from pipelines.workspace.location import MANIFEST, PROGRESS
from pipelines.workspace.location import METRICS as METRICS_FILE
from pipelines.workspace.manifest_view import Manifest, decode_manifest
from pipelines.workspace.tracked_files import Tracked

FORMS: Final = {"deltas": DELTAS, "metrics": METRICS, "progress": REFERENCES}
FIELDS: Final = {
    MANIFEST: "manifest",
    DELTAS_FILE: "deltas",
    METRICS_FILE: "metrics",
    PROGRESS: "progress",
}
EMPTY: Final = Tracked(b"", b"", b"", b"")
TIMES: Final = ("2026-03-01T10:00:00Z", "2026-03-01")
STATUSES: Final[tuple[Status, ...]] = ("PASS", "FAIL", "PARTIAL")

#: One step of a clone.
Step = Callable[[Tracked], Tracked]


def manifest_of(files: Tracked) -> Manifest:
    return decode_manifest(files.manifest)


def added(files: Tracked, session: Session) -> Tracked:
    """Return the files of a clone after it recorded or migrated a new session."""
    known = manifest_of(files)
    if identity_of(session) in {known.identity(key) for key in known.sessions}:
        return files
    key = session_key(session.time, identity_of(session), known.sessions)
    named = session._replace(key=key)
    rows = {
        name: (getattr(files, name) or form.head) + form.encode(named)
        for name, form in FORMS.items()
    }
    return Tracked(manifest=files.manifest + FACTS.encode(named), **rows)


def written(files: Tracked, pair: Settled, facts: list[Fact], erased: frozenset[str]) -> Tracked:
    edits = edits_of(files, manifest_of(files), pair, facts, erased)
    return files._replace(**{FIELDS[edit.path]: edit.after for edit in edits})


def chosen(files: Tracked, number: int) -> str | None:
    keys = sorted(manifest_of(files).sessions)
    return keys[number % len(keys)] if keys else None


def amended(number: int, changes: dict[str, Any]) -> Step:
    def step(files: Tracked) -> Tracked:
        key = chosen(files, number)
        if key is None:
            return files
        history = manifest_of(files).history(Key(key))
        session = history.session._replace(**changes)
        if session == history.session:
            return files
        revision = revision_to(history, session, "person")
        return written(files, Settled(history.session, session), [revision], frozenset())

    return step


def made_private(number: int) -> Step:
    def step(files: Tracked) -> Tracked:
        key = chosen(files, number)
        if key is None:
            return files
        history = manifest_of(files).history(Key(key))
        session = without_texts(history.session)
        facts, purged = private_facts(history, session, "2026-04-01T00:00:00.000000Z")
        pair = Settled(history.session, session)
        return written(files, pair, [*facts, purged], frozenset(purged.lines))

    return step


def purged(number: int) -> Step:
    def step(files: Tracked) -> Tracked:
        key = chosen(files, number)
        patch = manifest_of(files).sessions[Key(key)].patch if key else None
        if key is None or patch is None:
            return files
        fact = Purged(key=Key(key), sha256=patch.sha256, time="2026-04-01T00:00:00.000000Z")
        return written(
            files, Settled(*[manifest_of(files).sessions[Key(key)]] * 2), [fact], frozenset()
        )

    return step


def session_of(kind: str, which: int, reader: int, task: str, time: str) -> Session:
    """Return a session with one of few entries and ids, as one of two readers reads it."""
    session = Session(
        key=Key(time),
        time=time,
        agent="a",
        task=task,
        status="PASS",
        notes=f"{task} noted",
        patch=PatchRef(sha256=Sha256(f"{which}{reader}" * 32), size=3),
    )
    if kind == "entry":
        entry = V1Entry(source="LOG.md", sha256=Sha256(f"{which}f" * 32), tokens={"o200k_base": 9})
        return session._replace(v1=entry, reader=reader)
    return session._replace(id=f"run-{which}")


SESSIONS: Final = st.builds(
    session_of,
    kind=st.sampled_from(["entry", "entry", "run"]),
    which=st.integers(0, 2),
    reader=st.integers(0, 2),
    task=st.sampled_from(["one", "two"]),
    time=st.sampled_from(TIMES),
)
CHANGES: Final = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["b", "c"]),
        "status": st.sampled_from(STATUSES),
        "notes": st.sampled_from(["", "m"]),
        "patch": st.sampled_from([None, PatchRef(sha256=Sha256("ab" * 32), size=1)]),
    },
)
STEPS: Final = st.lists(
    st.one_of(
        SESSIONS.map(lambda session: lambda files: added(files, session)),
        st.builds(amended, st.integers(0, 5), CHANGES),
        st.builds(amended, st.integers(0, 5), CHANGES),
        st.builds(purged, st.integers(0, 5)),
        st.builds(made_private, st.integers(0, 5)),
    ),
    max_size=5,
)


def run(files: Tracked, steps: list[Step]) -> Tracked:
    for step in steps:
        files = step(files)
    return files


def merged_by_record(base: Tracked, ours: Tracked, theirs: Tracked) -> Tracked:
    """Merge two clones as git does with the driver, which it calls only where both changed.

    It does not ask where both have the same file, either; `shared-row` reports the result.
    """

    def one(name: str) -> bytes:
        old, mine, yours = (getattr(files, name) for files in (base, ours, theirs))
        if old in (mine, yours):
            return bytes(yours if mine == old else mine)
        if name == "manifest":
            return merge_manifests(old, mine, yours)
        manifests = ours.manifest, theirs.manifest
        return merge_rows(FORMS[name], old, mine, yours, lambda: settle_merge(*manifests))

    return Tracked(**{name: one(name) for name in Tracked._fields})


def merged_by_lines(_base: Tracked, ours: Tracked, theirs: Tracked) -> Tracked:
    """Merge two clones by a union of lines, then repair the result."""

    def one(name: str) -> bytes:
        mine, yours = getattr(ours, name), getattr(theirs, name)
        return bytes(mine + b"".join(x for x in yours.splitlines(True) if x not in mine))

    return repaired(Tracked(**{name: one(name) for name in Tracked._fields}))


def repaired(files: Tracked) -> Tracked:
    manifest, settled = repair_manifest(files.manifest)
    rows = {n: repair_rows(f, getattr(files, n), settled).data for n, f in FORMS.items()}
    return Tracked(manifest=manifest.data, **rows)


def facts_in(manifest: Manifest) -> Any:
    """All that two clones must agree on."""
    patches = {key: {p.sha256 for p in manifest.patches_of(key)} for key in manifest.sessions}
    return manifest.sessions, manifest.purged, manifest.erased, patches


@pytest.mark.parametrize("merge", [merged_by_record, merged_by_lines])
@given(start=st.lists(SESSIONS, max_size=3), ann=STEPS, bob=STEPS)
def test_two_clones_come_to_the_same_sessions_whoever_merges(
    merge: Callable[[Tracked, Tracked, Tracked], Tracked],
    start: list[Session],
    ann: list[Step],
    bob: list[Step],
) -> None:
    base = EMPTY
    for session in start:
        base = added(base, session)
    ours, theirs = run(base, ann), run(base, bob)
    for side in (ours, theirs):
        assert is_sound(side, manifest_of(side))
    merged, other = merge(base, ours, theirs), merge(base, theirs, ours)
    found = manifest_of(merged)
    assert facts_in(found) == facts_in(manifest_of(other))
    identities = [found.identity(key) for key in found.sessions]
    assert len(identities) == len(set(identities))
    assert is_sound(merged, found)
    assert is_sound(repaired(merged), found)
    assert is_sound(repaired(other), found)
    assert facts_in(manifest_of(repaired(merged))) == facts_in(found)
    # a merge by lines of what was merged by record, and one with a side that knows it all
    again = merge(ours, merged, other)
    assert facts_in(manifest_of(again)) == facts_in(found)


def test_a_repair_after_a_merge_by_lines_leaves_no_row_of_an_erased_fact() -> None:
    secret = session_of("entry", 0, 0, "secret", TIMES[0])
    other = session_of("entry", 1, 0, "other", TIMES[0])
    ours = made_private(0)(added(EMPTY, secret))
    theirs = added(added(EMPTY, other), secret)  # there, the other session has the plain key
    for sides in ((ours, theirs), (theirs, ours)):
        merged = merged_by_lines(EMPTY, *sides)
        assert not any(b"secret" in data for data in merged)
        assert is_sound(merged, manifest_of(merged))
