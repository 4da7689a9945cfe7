"""The short pattern of a form gives the same groups as its whole pattern."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codec.v1.forms import FORMS

_PARTS = st.sampled_from((
    "2025-11-06T14:30:00Z", "2025-99-99T99:99:99Z", "2025-11-06T14:30:00z", "2025-11-06", "Z",
    "14:30:00Z", "2025-11-06T14:30:00Z - 15:00Z", "2025-11-06T14:30:00ZZ", " | ", "|", " ", "  ",
    "\t", "-", "to", "codex", "Claude Code (Sonnet 4.5)", "oil-the-hinge", "[done]", "(", ")", "`",
    "中文", "\u0662", "\n", "\x0b", ".", ":",
))  # fmt: skip
_LINES = st.lists(_PARTS | st.text(max_size=3), max_size=12).map("".join) | st.tuples(
    st.sampled_from(("2025-11-06T14:30:00Z", "0000-00-00T00:00:00Z")),
    st.text(max_size=8) | _PARTS,
    st.text(max_size=8) | _PARTS,
).map(" | ".join)


@given(_LINES)
def test_a_usual_line_of_a_form_has_the_groups_of_its_whole_pattern(text: str) -> None:
    for form in FORMS:
        found = form.usual.fullmatch(text) if form.usual else None
        if found:
            whole = form.pattern.fullmatch(text)
            assert whole is not None
            assert whole.groupdict() == found.groupdict()


def test_the_first_form_has_usual_lines() -> None:
    line = "2025-11-06T14:30:00Z | Claude Code | Oil the hinge"
    assert FORMS[0].usual is not None
    assert FORMS[0].usual.fullmatch(line) is not None
    assert not any(form.usual for form in FORMS[1:])
