"""A summary reads back as it was written, and nothing else is read as one."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import FormatError
from codec.kinds import Key
from codec.names import one_line
from codec.summaries.paths import is_path, path_of
from codec.summaries.summary_file import (
    Cited,
    Statement,
    Summary,
    decode_summary,
    encode_summary,
    without_sessions,
)

ONE: Final = Summary(
    period="2025-Q4",
    input="0" * 64,
    model="m",
    answered="",
    made="2025-12-31T00:00:00Z",
    sessions=3,
    cut=1,
    sent=90,
    input_tokens=None,
    output_tokens=7,
    cost_usd=0.01,
    dropped={"name": 2},
    claims=(
        Statement(
            "It “works”.", (Cited(Key("2025-11-06"), "a" * 16), Cited(Key("2025-11-07"), "b" * 16))
        ),
        Statement("More.", (Cited(Key("2025-11-07"), "b" * 16),)),
    ),
)


def test_a_summary_reads_back() -> None:
    assert decode_summary(encode_summary(ONE)) == ONE
    empty = ONE._replace(claims=(), dropped={}, cost_usd=None)
    assert decode_summary(encode_summary(empty)) == empty


def test_each_claim_is_on_a_line() -> None:
    lines = encode_summary(ONE).decode().splitlines()
    assert sum('"text"' in line for line in lines) == 2


def test_claims_go_with_the_session_that_they_cite() -> None:
    left = without_sessions(ONE, {"a" * 16})
    assert [c.text for c in left.claims] == ["More."]


@given(st.text().map(one_line).filter(bool))
def test_any_line_of_text_reads_back(text: str) -> None:
    claim = Statement(text.encode(errors="replace").decode(), ONE.claims[0].cited)
    summary = ONE._replace(claims=(claim,))
    assert decode_summary(encode_summary(summary)) == summary


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2), ("period", "soon"), ("sessions", -1), ("cost_usd", "much"), ("claims", {}),
        ("claims", [{"text": "x"}]), ("claims", [{"text": "x", "sessions": []}]),
        ("claims", [{"text": "x\ny", "sessions": [["2025-11-06", "a" * 16]]}]),
        ("claims", [{"text": "x", "sessions": [["../x", "a" * 16]]}]),
    ],
)  # fmt: skip
def test_another_document_is_an_error(field: str, value: Any) -> None:
    fields = json.loads(encode_summary(ONE))
    with pytest.raises(FormatError):
        decode_summary(json.dumps({**fields, field: value}).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_summary_or_an_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode_summary(data)


def test_a_path_is_that_of_a_period() -> None:
    for period in ("2025", "2025-Q4", "2025-11", "2025-W45", "2025-11-03..2025-11-20"):
        assert is_path(path_of(period))
    for path in ("../x.json", ".session-codec/summaries/../x.json", ".session-codec/summaries/a"):
        assert not is_path(path)
