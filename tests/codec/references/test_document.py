"""PROJECT_REFERENCES.yaml: what is written is what is read, in few tokens, from any input."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.errors import CodecError, EncodeError, FormatError
from codec.references.document import (
    References,
    compact_references,
    decode_references,
    encode_references,
)
from codec.references.yaml_nodes import DEPTH_LIMIT
from codec.tokens.tokenizers import counter

SPECIFICATION = Path(__file__).parents[3] / "fixtures" / "references" / "specification"

#: Texts that YAML 1.1 reads as something else, or that need quotes.
TRICKY = st.sampled_from(
    [
        *"-?:#&*!|>%@`[]{},=~\\\"'", "--", "---", "...", "<<", "null", "yes", "No", "on", "true",
        "80", "3.10", "0x1F", "1_000", "1:30", "1e3", ".inf", "2025-11-06", "2025-11-06 10:00:00",
        "", " ", "a: b", "a #b", " a", "a ", "\t", "a\nb", "\n", "\r", "\x85", "\u2028", "\ufeff",
        "\x00", "\x7f", "\ufffe", "🚫 never", "a, b", "[x]", "!!int 3", "x" * 300, "a:", ":a",
    ]
)  # fmt: skip
TEXTS = st.one_of(TRICKY, st.text(max_size=20))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.dates(min_value=datetime.date(1000, 1, 1)),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SECTIONS = {"stack", "mandates", "routing_rules", "performance_targets"}
RECORDS = st.builds(
    References,
    stack=st.dictionaries(TEXTS, TEXTS, max_size=4),
    mandates=st.lists(TEXTS, max_size=4).map(tuple),
    routing_rules=st.dictionaries(TEXTS, st.lists(TEXTS, max_size=3).map(tuple), max_size=4),
    performance_targets=st.dictionaries(TEXTS, TEXTS, max_size=4),
    extra=st.dictionaries(TEXTS.filter(lambda key: key not in SECTIONS), VALUES, max_size=3),
)


@given(RECORDS)
def test_a_record_survives_the_file(record: References) -> None:
    assert decode_references(encode_references(record)) == record


@given(RECORDS)
def test_any_yaml_reader_gets_the_same_texts(record: References) -> None:
    content = yaml.safe_load(encode_references(record))
    assert content.get("stack", {}) == record.stack
    assert content.get("mandates", []) == list(record.mandates)


@given(RECORDS)
def test_every_entry_stays_on_its_line(record: References) -> None:
    data = encode_references(record)
    assert b"\r" not in data
    assert data.endswith(b"\n")
    entries = sum(
        1 + len(section)
        for section in (record.stack, record.routing_rules, record.performance_targets)
        if section
    ) + bool(record.mandates)
    if not record.extra and entries:
        # A key that is too long for YAML's simple form is on a line of its own.
        own_lines = data.count(b"\n ? ")
        assert data.count(b"\n") == entries + own_lines


@given(st.one_of(st.binary(), st.text("[]{}:-,?&*!|>'\"%#ab \n", max_size=40).map(str.encode)))
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_a_record_or_a_codec_error(data: bytes) -> None:
    try:
        record = decode_references(data)
    except CodecError:
        return
    assert decode_references(encode_references(record)) == record


def test_the_bytes_are_those_that_formats_promises() -> None:
    record = References(
        extra={"team": {"lead": "Ada", "on_call": [1, 2]}},
        performance_targets={"coverage": "80%"},
        routing_rules={"app/*.tsx": ("test-worker", "a11y-worker")},
        mandates=("no emojis", "lint, then test"),
        stack={"framework": "Next.js 22", "node": "22"},
    )
    assert encode_references(record).decode() == (
        "stack:\n framework: Next.js 22\n node: '22'\n"
        "mandates: [no emojis, 'lint, then test']\n"
        "routing_rules:\n app/*.tsx: [test-worker, a11y-worker]\n"
        "performance_targets:\n coverage: 80%\n"
        "team:\n  lead: Ada\n  on_call: [1, 2]\n"
    )


def test_nothing_to_say_is_valid_yaml() -> None:
    assert encode_references(References()) == b"{}\n"
    for empty in (b"", b"{}\n", b"# all gone\n", b"stack:\nmandates: []\nrouting_rules: {}\n"):
        assert decode_references(empty) == References()


def test_the_specifications_data_costs_a_quarter_less_than_with_comments() -> None:
    commented = (SPECIFICATION / "commented.yaml").read_bytes()
    compact = encode_references(decode_references(commented))
    assert compact == (SPECIFICATION / "expected.yaml").read_bytes()
    before, after = counter("o200k_base").count([commented.decode(), compact.decode()])
    assert after <= 235
    assert after <= before * 235 / 312


def test_an_unquoted_value_of_a_user_is_read_as_written() -> None:
    text = "stack: {a: 3.10, b: true, c: 2025-01-01, d: 0x1F, e: 1_000, f: No, 7: 08}\n"
    assert decode_references(text.encode()).stack == {
        "a": "3.10", "b": "true", "c": "2025-01-01", "d": "0x1F", "e": "1_000", "f": "No", "7": "08"
    }  # fmt: skip


def test_a_users_layout_is_read() -> None:
    text = (
        "\ufeff# ours\r\nmandates:\r\n  - no emojis   # really\r\n  - >-\r\n    two\r\n"
        "    lines\r\n"
        'stack: {framework: "Next.js"}\r\nsince: 2025-01-01\r\n'
    )
    assert decode_references(text.encode()) == References(
        stack={"framework": "Next.js"},
        mandates=("no emojis", "two lines"),
        extra={"since": datetime.date(2025, 1, 1)},
    )


def test_nested_values_of_a_user_are_read_as_texts() -> None:
    text = (
        "stack:\n  testing: [Jest, Playwright]\n  node: {version: 22, manager: npm}\n"
        "mandates:\n  coverage: 80\n  checks:\n    - lint\n    - test\n"
        "routing_rules:\n  app/*.tsx: test-worker\n"
    )
    assert decode_references(text.encode()) == References(
        stack={"testing": "Jest, Playwright", "node": "version: 22, manager: npm"},
        mandates=("coverage: 80", "checks: lint, test"),
        routing_rules={"app/*.tsx": ("test-worker",)},
    )


def test_compact_text_has_the_same_content_without_comments_and_layout() -> None:
    text = (
        "# Project\n\nstack:\n    framework: 'Next.js'   # ours\n    node: \"22\"\n\n"
        "mandates:\n  - no emojis\n  - >-\n    two\n    lines\n"
        "notes: |\n  first\n  second\nrules:\n  - {a: 1, b: [2, 3]}\n"
    )
    compact = compact_references(text.encode())
    assert compact == (
        'stack:\n framework: Next.js\n node: "22"\nmandates: [no emojis, two lines]\n'
        'notes: "first\\nsecond\\n"\nrules: [{a: 1, b: [2, 3]}]\n'
    )
    assert yaml.safe_load(compact) == yaml.safe_load(text)


@given(RECORDS)
def test_compact_text_keeps_the_content_and_is_stable(record: References) -> None:
    data = encode_references(record)
    compact = compact_references(data)
    assert decode_references(compact.encode()) == record
    assert compact_references(compact.encode()) == compact


@pytest.mark.parametrize("data", [b"", b"{}\n", b"# only a comment\n"])
def test_compact_text_of_nothing_is_empty(data: bytes) -> None:
    assert compact_references(data) == ""


@pytest.mark.parametrize("data", [b"a: 'open\n", b"just text\n", b"- a\n"])
def test_a_broken_file_is_its_own_compact_text(data: bytes) -> None:
    assert compact_references(data) == data.decode()


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"- a\n", 1, "a list instead of a mapping"),
        (b"just text", 1, "one value instead of a mapping"),
        (b"\nstack: [a]\n", 2, "stack: a list instead of a mapping"),
        (b"stack:\n  a: []\n", 2, "stack.a: a list instead of a text"),
        (b"stack:\n  a: [b, {c: }]\n", 2, "stack.a[1].c: nothing instead of a text"),
        (b"stack:\n  a:\n", 2, "stack.a: nothing instead of a text"),
        (b"mandates: be kind\n", 1, "mandates: one value instead of a list"),
        (b"mandates:\n- a\n- {}\n", 3, "mandates[1]: a mapping instead of a text"),
        (b"stack:\n  a: 1\n  a: 2\n", 3, "duplicate key 'a'"),
        (b"x:\n- {a: 1, 'a': 2}\n", 2, "duplicate key 'a'"),
        (b"stack: {}\nmandates: []\nstack: {}\n", 3, "duplicate key 'stack'"),
        (b"? [a]\n: b\n", 1, "a list instead of a text"),
        (b"a: &x 1\nb: *x\n", 2, "an alias, *x"),
        (b"a: !!python/name:os.system x\n", 1, "YAML tags"),
        (b"a: 1\n---\nb: 2\n", 2, "another document"),
        (b"a: 'open\n", 1, "not YAML"),
        (b"a: b: c\n", 1, "not YAML"),
        (b"\na: 2025-13-45\n", 2, "not a valid date or number"),
        (b"a: ok\nb: \x00\n", 2, "cannot hold"),
        (b"a: ok\nb: \xff\n", 2, "not UTF-8"),
    ],
)  # fmt: skip
def test_an_error_names_the_line_and_the_problem(data: bytes, line: int, words: str) -> None:
    with pytest.raises(FormatError) as raised:
        decode_references(data)
    assert words in str(raised.value)
    # A parser may notice what is open only at the end of it.
    assert raised.value.line in (line, line + 1)


@pytest.mark.parametrize("data", [b"mandates: x\n", b"stack: {a: []}\n", b"a: 1\na: 2\n"])
def test_an_error_that_a_user_can_make_says_the_way_out(data: bytes) -> None:
    with pytest.raises(FormatError) as raised:
        decode_references(data)
    assert raised.value.hint


def test_an_alias_bomb_is_refused_at_its_first_alias() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
    )
    with pytest.raises(FormatError, match="alias") as raised:
        decode_references(bomb.encode())
    assert raised.value.line == 2


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[[],"])
def test_deep_nesting_is_an_error_and_no_crash_of_the_process(opening: str) -> None:
    with pytest.raises(FormatError):
        decode_references(opening.encode() * 100_000)
    with pytest.raises(FormatError, match="levels of nesting"):
        decode_references(b"a: " + b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT)


@pytest.mark.parametrize("value", [{1, 2}, b"raw", object(), [complex(1)]])
def test_a_value_without_a_plain_form_is_refused(value: Any) -> None:
    with pytest.raises(EncodeError):
        encode_references(References(extra={"a": value}))


def test_half_a_character_is_refused() -> None:
    with pytest.raises(EncodeError, match="a lone surrogate"):
        encode_references(References(stack={"a": "\ud800"}))


def test_an_unknown_key_cannot_pass_for_a_section() -> None:
    with pytest.raises(EncodeError, match="stack"):
        encode_references(References(extra={"stack": {}}))


def test_a_repeated_value_is_written_twice() -> None:
    shared = ["a"]
    data = encode_references(References(extra={"x": shared, "y": shared}))
    assert decode_references(data).extra == {"x": ["a"], "y": ["a"]}


def test_reading_does_not_need_libyaml() -> None:
    program = (
        "import yaml\n"
        "del yaml.CSafeLoader, yaml.CBaseLoader\n"
        "from codec.references.document import decode_references\n"
        "from codec.references.yaml_nodes import load_texts\n"
        "assert decode_references(b'stack: {a: 3.10}').stack == {'a': '3.10'}\n"
        "assert load_texts('on: 1.0') == {'on': '1.0'}\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=root)
    assert done.returncode == 0
