"""The v2 files decode to what was encoded, and any bytes give records or an error."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.errors import CodecError
from codec.kinds import Sha256
from codec.manifest.facts import Fact, UnknownFact
from codec.manifest.jsonl import decode_fact, decode_facts, encode_fact
from codec.references.document import References
from codec.references.document import decode_references as decode_static
from codec.references.document import encode_references as encode_static
from codec.v1.dates import parse_timestamp
from codec.v1.detect import detect
from codec.v1.layout import decode_layout
from codec.v1.stub import encode_stub, is_bare_stub, stubbed_log
from codec.v2.compact_view import decode_view, encode_view
from codec.v2.deltas import Delta, decode_delta, decode_deltas, decode_metrics, encode_delta
from codec.v2.metrics import MetricsRow, decode_row, encode_row
from codec.v2.progress_log import (
    Reference,
    decode_reference,
    decode_references,
    encode_reference,
)
from tests.property import strategies as of


@given(of.deltas())
def test_a_delta_decodes_to_itself(delta: Delta) -> None:
    line = encode_delta(delta)
    assert decode_delta(line) == delta
    assert line.splitlines() == [line]
    assert line.count(" | ") == 4


@given(st.lists(of.deltas()))
def test_equal_delta_lines_are_one_and_the_order_is_kept(deltas: list[Delta]) -> None:
    lines = [encode_delta(d) for d in deltas] * 2
    assert decode_deltas(enumerate(lines, 1)) == (list(dict.fromkeys(deltas)), [])


@given(of.rows())
def test_a_metrics_row_decodes_to_itself(row: MetricsRow) -> None:
    line = encode_row(row)
    assert decode_row(line) == row
    assert line.splitlines() == [line]
    assert line.count("\t") == 8


@given(st.lists(of.progress_entries()))
def test_reference_entries_decode_to_themselves(entries: list[Reference]) -> None:
    text = "".join(map(encode_reference, entries))
    assert decode_references(text) == (list(dict.fromkeys(entries)), [])


@given(of.facts())
def test_a_fact_decodes_to_itself_on_one_line(fact: Fact) -> None:
    line = encode_fact(fact)
    assert decode_fact(line) == fact
    assert "\n" not in line
    assert line.encode().decode() == line


@given(of.static_references())
def test_static_references_decode_to_themselves(references: References) -> None:
    assert decode_static(encode_static(references)) == references


@given(st.lists(of.deltas(), max_size=12))
@settings(max_examples=300)
def test_the_view_decodes_to_the_same_deltas_in_the_same_order(deltas: list[Delta]) -> None:
    assert decode_view(encode_view(deltas), deltas) == deltas


@given(of.hashes())
def test_a_stub_names_the_log_that_it_replaces(sha256: str) -> None:
    stub = encode_stub(Sha256(sha256))
    assert stubbed_log(stub) == sha256
    assert is_bare_stub(stub)


# Any input

PIECES = (
    "2025-11-06T14:00:00Z", "2025-11-06", " | ", "|", "PASS", "FAIL", "L+1,-2", "L+0,C:1", "T:9min",
    "D:x", "D:\x01", "-", "\t", "\n", "### [REF:", ":", "]", "Status: ", "Metrics: ", "Diff: none",
    "Notes: ", '{"fact":"session"', '"key":"2025-11-06"', "{", "}", "[", ",", '"', "9" * 5000, "٣",
    "1e999", "NaN", "\\ud800", "\u2028", "\x85", "\x00", "a=s", "140000 s x", "-06", "+1-2c1t3",
    '{"format":"session-codec-layout","version":1', "true", "null", "[" * 3000, '{"a":' * 3000,
)  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES)).map("".join))


def decoded_lines(text: str) -> object:
    return decode_reference(text.split("\n"))


@pytest.mark.parametrize(
    "decode",
    [
        decode_delta,
        decode_metrics,
        decode_row,
        decode_fact,
        decoded_lines,
        decode_view,
        parse_timestamp,
    ],
)
@given(text=texts)
@settings(max_examples=300)
def test_any_text_gives_records_or_an_error(decode: Callable[[str], object], text: str) -> None:
    try:
        decode(text)
    except CodecError as e:
        assert str(e)  # noqa: PT017 - an error is one of two right answers


@given(texts)
def test_any_line_of_a_file_is_read_or_reported_with_its_number(text: str) -> None:
    lines = list(enumerate(text.split("\n"), 1))
    for errors in (decode_deltas(lines)[1], decode_facts(lines)[1]):
        assert all(e.line in range(1, len(lines) + 1) for e in errors)
    broken = decode_references(text)[1]
    assert all(e.line in range(1, len(lines) + 1) for e in broken)


@pytest.mark.parametrize("decode", [decode_static, decode_layout, detect])
@given(data=st.one_of(st.binary(max_size=200), texts.map(lambda t: t.encode(errors="replace"))))
@settings(max_examples=300)
def test_any_bytes_give_records_or_an_error(decode: Callable[[bytes], object], data: bytes) -> None:
    try:
        decode(data)
    except CodecError as e:
        assert str(e)  # noqa: PT017 - an error is one of two right answers


@given(st.one_of(texts, of.facts().map(encode_fact)), st.data())
def test_a_decoded_fact_can_be_encoded_again(line: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(line)))
    mutated = (
        line[:at] + data.draw(st.sampled_from(["", "0", "\\ud800", '"', "9" * 20])) + line[at:]
    )
    try:
        fact = decode_fact(mutated)
    except CodecError:
        return
    if not isinstance(fact, UnknownFact):
        again = encode_fact(fact)
        assert encode_fact(decode_fact(again)) == again
        again.encode()
