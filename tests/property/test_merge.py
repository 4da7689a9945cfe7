"""Clones that record and merge as they like: no session lost, and all end with the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from codec.kinds import Key
from codec.manifest.facts import Fact
from codec.manifest.jsonl import content_line, encode_fact, identity_of
from codec.merge.key_conflicts import settle_merge
from codec.merge.three_way import merge_manifests, merge_rows
from codec.merge.tracked_formats import DELTAS, FACTS, METRICS, REFERENCES
from codec.names import session_key
from codec.records import Session
from tests.property.strategies import facts, sessions

ROWS: Final = {"deltas": DELTAS, "metrics": METRICS, "progress": REFERENCES}
Files = dict[str, bytes]

#: Few times, so that clocks agree; no two with one content, as `record` sees to with its ids.
POOL: Final = st.lists(
    st.builds(
        lambda session, time: session._replace(key=time, time=time),
        sessions(),
        st.sampled_from(["2026-03-01T10:00:00Z", "2026-03-01T10:00:01Z", "2026-03-01"]),
    ),
    max_size=12,
    unique_by=identity_of,
)


def recorded(files: Files, added: Iterable[Session]) -> Files:
    """Return the files of a clone that recorded these sessions."""
    pieces = FACTS.split(files["manifest"])
    taken = {key for piece in pieces if (key := FACTS.key_of(piece))}
    files = dict(files)
    for session in added:
        key = session_key(session.time, identity_of(session), taken)
        taken.add(key)
        named = session._replace(key=key)
        files["manifest"] += FACTS.encode(named)
        for name, form in ROWS.items():
            files[name] = (files[name] or form.head) + form.encode(named)
    return files


def merge(base: Files, ours: Files, theirs: Files) -> Files:
    """Merge two clones with git and the merge driver."""
    settled = settle_merge(ours["manifest"], theirs["manifest"])
    merged = {
        name: merge_rows(form, base[name], ours[name], theirs[name], lambda: settled)
        for name, form in ROWS.items()
    }
    manifests = base["manifest"], ours["manifest"], theirs["manifest"]
    return {"manifest": merge_manifests(*manifests), **merged}


def contents(manifest: bytes) -> dict[Key, str]:
    """By key, the content of each session; no key may stand twice."""
    found = [fact for p in FACTS.split(manifest) if isinstance(fact := FACTS.read(p), Session)]
    by_key = {s.key: content_line(s) for s in found}
    assert len(by_key) == len(found)
    return by_key


def assert_agree(files: Files) -> None:
    """Every session of the manifest has its own row in each file, and there is no other."""
    for name, form in ROWS.items():
        records = [fact for p in FACTS.split(files["manifest"]) if (fact := FACTS.read(p))]
        wanted = sorted(form.encode(s) for s in records if isinstance(s, Session))
        head = form.split(form.head)
        assert sorted(p for p in form.split(files[name]) if p not in head) == wanted


EMPTY: Final[Files] = {"manifest": b"", "deltas": b"", "metrics": b"", "progress": b""}


@given(pool=POOL, cuts=st.tuples(st.integers(0, 12), st.integers(0, 12)))
def test_a_merge_loses_no_session_and_is_the_same_from_both_sides(
    pool: list[Session], cuts: tuple[int, int]
) -> None:
    first, second = sorted(cuts)
    base = recorded(EMPTY, pool[:first])
    ours, theirs = recorded(base, pool[first:second]), recorded(base, pool[second:])
    merged, other = merge(base, ours, theirs), merge(base, theirs, ours)
    assert sorted(contents(merged["manifest"]).values()) == sorted(map(content_line, pool))
    assert contents(merged["manifest"]) == contents(other["manifest"])
    assert_agree(merged)
    assert_agree(other)
    # again, with either side, as a history that crosses does: nothing more
    for again in (
        merge(base, merged, theirs),
        merge(ours, merged, other),
        merge(base, ours, other),
    ):
        assert contents(again["manifest"]) == contents(merged["manifest"])
        assert_agree(again)


@given(pool=POOL, order=st.permutations(range(3)))
def test_three_clones_end_with_the_same_keys_in_whatever_order_they_merge(
    pool: list[Session], order: list[int]
) -> None:
    clones = [recorded(EMPTY, pool[n::3]) for n in range(3)]
    ends = []
    for a, b, c in ((0, 1, 2), order):
        end = merge(EMPTY, merge(EMPTY, clones[a], clones[b]), clones[c])
        assert_agree(end)
        ends.append(contents(end["manifest"]))
    assert ends[0] == ends[1]
    assert sorted(ends[0].values()) == sorted(map(content_line, pool))


@given(ours=st.lists(facts()), theirs=st.lists(facts()))
def test_every_fact_of_either_manifest_is_in_the_result_once(
    ours: list[Fact], theirs: list[Fact]
) -> None:
    lines = [[f"{encode_fact(fact)}\n".encode() for fact in side] for side in (ours, theirs)]
    merged = FACTS.split(merge_manifests(b"", b"".join(lines[0]), b"".join(lines[1])))
    assert len(merged) == len(set(merged))
    wanted = {line for side in lines for line in side}
    others = {line for line in wanted if not isinstance(FACTS.read(line), Session)}
    assert others <= set(merged)
    assert len(merged) <= len(wanted)


LINES: Final = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"", b"### [REF:x]", b"<<<<<<< HEAD", b"=======", b'{"fact":"x"}', b"{"]),
    st.builds(
        lambda s, f: f.encode(s).rstrip(b"\n"), sessions(), st.sampled_from([*ROWS.values()])
    ),
)
ANY: Final = st.lists(LINES, max_size=8).map(b"\n".join)


@given(ancestor=ANY, ours=ANY, theirs=ANY)
def test_a_merge_of_any_bytes_loses_only_removed_lines(
    ancestor: bytes, ours: bytes, theirs: bytes
) -> None:
    def lines(data: bytes) -> set[bytes]:
        return {line for line in data.split(b"\n") if line}

    for form in (FACTS, *ROWS.values()):
        merged = (
            merge_manifests(ancestor, ours, theirs)
            if form is FACTS
            else merge_rows(form, ancestor, ours, theirs)
        )
        old = set(form.split(ancestor))
        stay = {p for p in (*form.split(ours), *form.split(theirs)) if p not in old}
        rekeyed = {s.key for s, _ in settle_merge(ours, theirs)} if form is FACTS else set()
        stay = {p for p in stay if form.key_of(p) not in rekeyed}
        assert lines(b"".join(stay)) <= lines(merged)
        assert lines(merged) <= lines(ours) | lines(theirs) or rekeyed
