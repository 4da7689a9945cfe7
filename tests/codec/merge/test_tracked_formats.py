"""Files as pieces: each record one, nothing left out, and the same pieces again when joined."""

from __future__ import annotations

import pytest

from codec.kinds import Key, Sha256
from codec.merge.tracked_formats import DELTAS, FACTS, METRICS, REFERENCES, Format
from codec.records import PatchRef, Session

SESSION = Session(
    key=Key("2026-03-01.abcdef"), time="2026-03-01", agent="a", task="t", status="FAIL", notes="n",
    remark="r", patch=PatchRef(sha256=Sha256("12" * 32), size=7),
)  # fmt: skip
FORMATS = (FACTS, DELTAS, METRICS, REFERENCES)


@pytest.mark.parametrize("form", FORMATS)
def test_a_session_is_one_piece_of_each_file_and_names_its_key(form: Format) -> None:
    piece = form.encode(SESSION)
    assert form.split(form.head + piece + piece)[-2:] == [piece, piece]
    assert form.key_of(piece) == SESSION.key


@pytest.mark.parametrize("form", FORMATS)
def test_a_line_that_is_not_a_record_has_no_key(form: Format) -> None:
    for piece in (b"\n", b"<<<<<<< HEAD\n", b"### \n\n", b"\xff\xfe\n", form.head or b"{}\n"):
        assert form.key_of(piece) is None


def test_a_broken_entry_is_one_piece_up_to_the_next_heading_or_blank_line() -> None:
    text = b"# T\n\n### [REF:x]\nStatus: PASS\n### [REF:y]\nNotes: z\n\nfree\nlines"
    assert REFERENCES.split(text) == [
        b"# T\n", b"\n", b"### [REF:x]\nStatus: PASS\n\n", b"### [REF:y]\nNotes: z\n\n",
        b"free\n", b"lines\n",
    ]  # fmt: skip
