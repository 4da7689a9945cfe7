"""The quick decoder of sessions never differs from the one that checks field by field."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bench.sessions import made_up
from codec.errors import FormatError
from codec.kinds import Key, Sha256
from codec.manifest.jsonl import decode_fact, encode_fact
from codec.manifest.plain_sessions import decode_plain
from codec.records import Metrics, PatchRef, Session, V1Entry
from tests.property.strategies import sessions

FULL = Session(
    key=Key("2025-11-30T23:59:59Z.0a1b2c"),
    time="2025-11-30T23:59:59Z",
    agent="gpt-5",
    task="fix",
    status="PASS",
    remark="deployed",
    title="Größe prüfen",
    notes="One, two.",
    metrics=Metrics(1, 0, 2, 30, 9),
    patch=PatchRef(Sha256("a" * 64), 7),
    id="x-1",
    range=f"{'b' * 40}..{'c' * 40}",
    v1=V1Entry(
        "LOG.md", Sha256("d" * 64), {"o200k_base": 3, "other": 4}, ("lines_added", "commits")
    ),
    reader=1,
)


@given(sessions())
@example(FULL)
def test_a_line_means_the_same_to_both(session: Session) -> None:
    line = encode_fact(session)
    assert decode_plain(line) in (None, decode_fact(line))


@given(
    st.sampled_from([FULL, FULL._replace(v1=None, notes=""), FULL._replace(patch=None, id="")]),
    st.data(),
)
def test_it_accepts_no_changed_line_that_the_other_refuses(
    session: Session, data: st.DataObject
) -> None:
    line = encode_fact(session)
    at = data.draw(st.integers(0, len(line) - 1))
    end = at + data.draw(st.integers(0, 3))
    piece = data.draw(st.text('0123456789 "\\,:{}[]TZ-.|é\u00a0\u2028\t', max_size=3))
    changed = line[:at] + piece + line[end:]
    found = decode_plain(changed)
    try:
        assert found in (None, decode_fact(changed))
    except FormatError:
        assert found is None


def test_usual_lines_are_decoded_by_it() -> None:
    for session in (FULL, *made_up(50)):
        assert decode_plain(encode_fact(session)) == session


def test_a_day_that_does_not_exist_is_left_to_the_other() -> None:
    line = encode_fact(FULL).replace("2025-11-30", "2025-11-31")
    assert decode_plain(line) is None
    assert decode_plain(encode_fact(FULL).replace("2025-11-30", "0000-11-30")) is None
