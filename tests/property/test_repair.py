"""Any bytes as a tracked file: one repair suffices and keeps every fact."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.kinds import Key
from codec.manifest.jsonl import content_line, identity_of
from codec.merge.key_conflicts import Settled
from codec.merge.repair import repair_manifest, repair_rows
from codec.merge.tracked_formats import DELTAS, FACTS, METRICS, REFERENCES, Format
from codec.records import Session

DAYS = [f"2026-03-0{n}" for n in range(1, 6)]
SESSIONS = [
    Session(key=Key(d), time=d, agent="a", task=f"t{d[-1]}", status="PASS", notes=f"learned {d}")
    for d in DAYS
]
SETTLED = [Settled(s, s) for s in SESSIONS]
FORMATS = (FACTS, DELTAS, METRICS, REFERENCES)

PARTS = st.one_of(
    st.binary(max_size=10),
    st.sampled_from([b"", b"<<<<<<< a", b"=======", b">>>>>>> b", b"### x", b"\r", b"\0"]),
    st.builds(
        lambda s, f, n: f.encode(s)[: n or None].rstrip(b"\n"),
        st.sampled_from(
            [
                *SESSIONS,
                SESSIONS[0]._replace(agent="b"),
                SESSIONS[0]._replace(key=Key("2020-01-01")),
            ]
        ),
        st.sampled_from([FACTS, DELTAS, METRICS, REFERENCES]),
        st.integers(0, 60),
    ),
)
#: Facts of one second, some of them torn and under a key of their own, in one line.
TOGETHER = st.lists(
    st.builds(
        lambda agent, key, n: FACTS.encode(
            SESSIONS[0]._replace(agent=agent, key=Key(key or DAYS[0]), id=agent)
        )[: n or None].rstrip(b"\n"),
        st.sampled_from("abcde"),
        st.sampled_from(
            ["", *(f"{DAYS[0]}.{sha256(f'id:{x}'.encode()).hexdigest()[:6]}" for x in "abcde")]
        ),
        st.sampled_from([0, 0, 0, 39, 40, 42, 45, 47, 60, 100]),
    ),
    max_size=4,
).map(b"".join)


@given(st.lists(PARTS | TOGETHER, max_size=12), st.sampled_from([b"\n", b"\r\n", b""]))
def test_any_bytes_are_repaired_once_and_no_fact_is_lost(parts: list[bytes], end: bytes) -> None:
    data = b"\n".join(parts) + end
    repaired, settled = repair_manifest(data)
    read = [FACTS.read(line) for line in FACTS.split(data)]
    before = {content_line(fact) for fact in read if isinstance(fact, Session)}
    assert before <= {content_line(s.becomes) for s in settled}
    again, same = repair_manifest(repaired.data)
    assert again.repairs == []
    assert {s.becomes.key: s.becomes for s in same} == {s.becomes.key: s.becomes for s in settled}
    for form in (DELTAS, METRICS, REFERENCES):
        rebuilt = repair_rows(form, data, SETTLED)
        assert repair_rows(form, rebuilt.data, SETTLED).repairs == []
        keys = [key for p in form.split(rebuilt.data) if (key := form.key_of(p))]
        assert sorted(k for k in keys if k in DAYS) == DAYS
    assert len({s.becomes.key for s in settled}) == len({identity_of(s.becomes) for s in settled})


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.lists(st.sampled_from([b"\n", b"### a\n", b"b\n", b"c", b"\r\n"])).map(b"".join))
def test_joined_pieces_are_the_file_with_missing_line_ends_added(form: Format, data: bytes) -> None:
    pieces = form.split(data)
    joined = b"".join(pieces)
    assert form.split(joined) == pieces
    assert [x for x in joined.split(b"\n") if x] == [x for x in data.split(b"\n") if x]
