"""The quick decoder of sessions never differs from the one that checks field by field."""

from __future__ import annotations

import sys
import unicodedata

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
    assert decode_plain([line])[0] in (None, decode_fact(line))


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
    before, found, after = decode_plain([line, changed, line])
    assert before == after == session
    try:
        assert found in (None, decode_fact(changed))
    except FormatError:
        assert found is None


def test_usual_lines_are_decoded_by_it() -> None:
    usual = [FULL, *made_up(50)]
    assert decode_plain([encode_fact(session) for session in usual]) == usual


def test_each_line_has_its_own_result() -> None:
    line = encode_fact(FULL)
    assert decode_plain([]) == []
    assert decode_plain(["", line, "{}", f"{line} ", line]) == [None, FULL, None, None, FULL]


def test_a_line_end_inside_a_line_leaves_all_to_the_other() -> None:
    line = encode_fact(FULL)
    assert decode_plain([line, f"{line}\n{line}"]) == [None, None]


def test_every_space_and_control_character_is_left_to_the_other() -> None:
    line = encode_fact(FULL._replace(notes="a b"))
    for number in range(sys.maxunicode + 1):
        if chr(number).isspace() or unicodedata.category(chr(number)) == "Cc":
            text = line.replace("a b", f"a{chr(number)}b")
            assert (number == ord(" ")) == (decode_plain([text]) == [decode_fact(line)])


def test_a_day_that_does_not_exist_is_left_to_the_other() -> None:
    line = encode_fact(FULL).replace("2025-11-30", "2025-11-31")
    assert decode_plain([line]) == [None]
    assert decode_plain([encode_fact(FULL).replace("2025-11-30", "0000-11-30")]) == [None]
