"""A person's references file is edited where a value changes, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.errors import EncodeError
from codec.references.document import References, decode_references, encode_references
from codec.references.edit import edit_references
from codec.references.values import Value, by_name, from_names

OURS = """\ufeff# What every agent should know. 🚢
stack:
    framework: Next.js 14   # the app router
    # pinned until the tide table moves
    node: "20"
    language: >-
      TypeScript
      5

mandates:
  - No emojis   # really
  # the next two are from the review
  - Be kind
  - 'lint, then test'
routing_rules:
  app/*.tsx: [test-worker]
  'lib/**':
    - core-worker
    - review-worker
# figures
performance_targets: {coverage: 80%, lcp: "< 2.5 s"}
team: # not ours to touch
  lead: Ada
"""


def values_of(text: str) -> dict[str, Value]:
    return by_name(decode_references(text.encode()))


def edit(text: str, **changes: Value | None) -> str:
    """Change, add and remove values; `__` in a keyword means a dot."""
    values = values_of(text)
    for name, value in changes.items():
        dotted = name.replace("__", ".")
        if value is None:
            del values[dotted]
        else:
            values[dotted] = value
    edited = edit_references(text.encode(), values)
    assert by_name(decode_references(edited)) == values
    assert decode_references(edited).extra == decode_references(text.encode()).extra
    return edited.decode()


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that only one of two texts has."""
    old, new = before.splitlines(), after.splitlines()
    return [x for x in old if x not in new], [x for x in new if x not in old]


def test_without_a_change_every_byte_stays() -> None:
    data = OURS.replace("\n", "\r\n").encode()
    assert edit_references(data, by_name(decode_references(data))) == data


def test_a_value_is_changed_in_place_and_its_comment_stays() -> None:
    after = edit(OURS, stack__framework=("Next.js 15",))
    assert changed_lines(OURS, after) == (
        ["    framework: Next.js 14   # the app router"],
        ["    framework: Next.js 15 # the app router"],
    )


def test_a_value_over_several_lines_becomes_one_line() -> None:
    after = edit(OURS, stack__language=("Rust 2021",))
    assert changed_lines(OURS, after) == (
        ["    language: >-", "      TypeScript", "      5"],
        ["    language: Rust 2021"],
    )


def test_a_new_value_has_the_layout_of_its_section() -> None:
    after = edit(OURS, stack__ci=("GitHub Actions",), mandates__new=("new",))
    assert changed_lines(OURS, after) == ([], ["    ci: GitHub Actions", "  - new"])


def test_of_a_removed_value_its_comment_stays() -> None:
    after = edit(OURS, stack__framework=None, mandates__noemojis=None, mandates__bekind=None)
    gone, new = changed_lines(OURS, after)
    assert gone == ["    framework: Next.js 14   # the app router", "  - No emojis   # really",
                    "  - Be kind"]  # fmt: skip
    assert new == ["    # the app router", "  # really"]


def test_a_list_of_agents_is_changed_as_a_whole() -> None:
    after = edit(OURS, **{"routing_rules__lib/**": ("core-worker", "a11y-worker")})
    assert changed_lines(OURS, after) == (
        ["  'lib/**':", "    - core-worker", "    - review-worker"],
        ["  lib/**: [core-worker, a11y-worker]"],
    )


def test_a_section_in_one_line_is_written_as_a_block() -> None:
    after = edit(OURS, performance_targets__coverage=("90%",))
    assert "performance_targets:\n  coverage: 90%\n  lcp: < 2.5 s\nteam:" in after


def test_a_new_section_is_added_at_the_end_also_without_a_line_end() -> None:
    text = "# ours\nstack: {a: b} # yes\nx: 1"
    after = edit(text, mandates__m=("m",), **{"routing_rules__a/*": ("b",)})
    assert after == f"{text}\nmandates: [m]\nrouting_rules:\n  a/*: [b]\n"


def test_a_section_without_values_is_removed() -> None:
    text = "# ours\nmandates: [a] # of old\nstack:\n  b: c # why\n"
    assert edit(text, mandates__a=None) == "# ours\n# of old\nstack:\n  b: c # why\n"


def test_a_file_of_comments_alone_keeps_them() -> None:
    assert edit("# ours\n", stack__a=("b",)) == "# ours\nstack:\n  a: b\n"


def test_line_ends_stay_those_of_the_file() -> None:
    text = "# ours\r\nstack:\r\n  a: b\r\n"
    assert edit(text, stack__c=("d",)) == "# ours\r\nstack:\r\n  a: b\r\n  c: d\r\n"


def test_an_edit_that_would_lose_a_comment_is_refused() -> None:
    text = "stack: {a: b}\nmandates: [\n  one, # first\n  two]\n"
    with pytest.raises(EncodeError, match="losing a comment") as raised:
        edit(text, mandates__two=None)
    assert raised.value.line == 2
    assert raised.value.hint
    with pytest.raises(EncodeError):
        edit("{stack: {a: b}, # ours\n x: 1}\n", stack__a=("c",))


def test_a_file_as_it_is_built_is_written_again() -> None:
    record = References(stack={"a": "1", "b": "2"}, mandates=("m",), extra={"x": [1]})
    values = {**by_name(record), "performance_targets.p": ("3",)}
    edited = edit_references(encode_references(record), values)
    assert edited == encode_references(from_names(values, record.extra))


# Any layout

WORDS = st.sampled_from(["a", "b: c", "no", "8", "it's", "# x", "🚫 ü", "a, b", "-", "l" * 130])
KEYS = st.sampled_from(["k", "app/*.tsx", "x y", "7", "é"])
SECTION = st.dictionaries(KEYS, WORDS, max_size=3)
RECORDS = st.builds(
    References,
    stack=SECTION,
    mandates=st.lists(WORDS, max_size=3, unique=True).map(tuple),
    routing_rules=st.dictionaries(KEYS, st.lists(WORDS, min_size=1, max_size=2).map(tuple)),
    performance_targets=SECTION,
    extra=st.just({"team": {"lead": "Ada"}}),
)


@given(RECORDS, RECORDS, st.booleans(), st.integers(0, 200))
@settings(max_examples=300, deadline=None)
def test_an_edit_applies_the_values_and_keeps_comments_or_is_refused(
    before: References, after: References, blank: bool, seed: int
) -> None:
    lines = encode_references(before).decode().splitlines()
    comments = [f"# c{i}" for i in range(len(lines) + 1)]
    if seed % 3:
        text = "".join(f"{c}\n{line}\n" for c, line in zip(comments, lines, strict=False))
    else:
        text = "".join(f"{line} {c}\n" for c, line in zip(comments, lines, strict=False))
    text += "\n" * blank
    try:
        kept = [c for c in comments if c in text]
        if decode_references(text.encode()) != before:
            return  # a comment sign inside a text does not begin a comment
        edited = edit_references(text.encode(), by_name(after)).decode()
    except EncodeError:
        return
    found = decode_references(edited.encode())
    assert by_name(found) == by_name(after)
    assert found.extra == before.extra
    assert [c for c in kept if f"{c}\n" not in edited] == []
