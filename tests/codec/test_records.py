"""Names, keys and fields of records."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import EncodeError
from codec.kinds import Key
from codec.names import (
    NAME_LIMIT,
    UNNAMED,
    check_field,
    is_key,
    key_time,
    name_of,
    one_line,
    session_key,
)

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("warp-ui-baseline", "warp-ui-baseline"),
        ("sonnet-4.5", "sonnet-4.5"),
        ("c++_v1.2", "c++_v1.2"),
        ("remove | context\tstep", "remove-context-step"),
        ("  Fix: a bug!  ", "Fix-a-bug"),
        ("починить тест", "починить-тест"),
        ("cafe\u0301", "café"),
        ("a -- b", "a----b"),
        ("", UNNAMED),
        ("!!!", UNNAMED),
        ("...", UNNAMED),
        ("-", UNNAMED),
        ("x" * 70, "x" * 60),
        ("word-" * 20, ("word-" * 12)[:-1]),
        ("a" + " b" * 40, ("a" + "-b" * 40)[:59]),
    ],
)
def test_a_name_has_only_characters_that_the_files_can_hold(text: str, name: str) -> None:
    assert name_of(text) == name


@given(st.text(max_size=200))
def test_any_text_gives_a_name_that_every_file_can_hold(text: str) -> None:
    name = name_of(text)
    assert check_field(name, "name") == name
    assert len(name) <= NAME_LIMIT
    assert unicodedata.is_normalized("NFC", name)
    assert not set(name) & set(" |:]\t\n")


@given(st.text(max_size=200))
def test_a_name_is_its_own_name(text: str) -> None:
    assert name_of(name_of(text)) == name_of(text)


@given(st.text(max_size=200))
def test_one_line_has_no_line_end_no_control_character_and_no_run_of_spaces(text: str) -> None:
    line = one_line(text)
    assert line == one_line(line)
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(c) == "Cc" for c in line)
    assert "  " not in line


def test_one_line_keeps_the_words() -> None:
    assert one_line(" a\tb\r\n\x00c\u2028 d ") == "a b c d"


def test_a_free_time_is_the_key() -> None:
    assert session_key("2025-11-06", DIGEST, {Key("2025-11-07")}) == "2025-11-06"


def test_a_taken_time_gets_a_suffix_from_the_content_alone() -> None:
    taken = {Key("2025-11-06")}
    assert session_key("2025-11-06", DIGEST, taken) == "2025-11-06.012345"
    taken.add(Key("2025-11-06.012345"))
    assert session_key("2025-11-06", DIGEST, taken) == "2025-11-06.0123456789ab"
    taken.add(Key("2025-11-06.0123456789ab"))
    assert session_key("2025-11-06", DIGEST, taken) == f"2025-11-06.{DIGEST}"
    taken.add(Key(f"2025-11-06.{DIGEST}"))
    with pytest.raises(EncodeError, match="already has a session"):
        session_key("2025-11-06", DIGEST, taken)


@pytest.mark.parametrize(
    "key",
    ["2025-11-06", "2025-11-06T14:30:00Z", "2025-11-06.012345", f"2025-11-06T14:30:00Z.{DIGEST}"],
)
def test_a_key_begins_with_its_time(key: str) -> None:
    assert is_key(key)
    assert key_time(key) == key[:20].partition(".")[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "../2025-11-06",
        "2025-11-06/..",
        "2025-11-06.01234",
        "2025-11-06.0123456789ABCDEF",
        f"2025-11-06.{DIGEST}0",
        "2025-11-06 ",
        "2025-11-06\n",
        "2025-11-06T14:30Z",
        "٢٠٢٥-11-06",
    ],
)
def test_an_invalid_key_never_becomes_a_file_name(text: str) -> None:
    assert not is_key(text)


@pytest.mark.parametrize(
    "value",
    ["", " a", "a ", "a|b", "a\tb", "a\nb", "a\rb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b"],
)
def test_a_value_that_would_break_a_line_or_a_column_is_refused(value: str) -> None:
    with pytest.raises(EncodeError) as caught:
        check_field(value, "task")
    assert caught.value.field == "task"
