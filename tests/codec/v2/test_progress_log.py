"""A session's reference entry, and the file that holds them."""

from __future__ import annotations

import pytest

from codec.errors import EncodeError, FormatError
from codec.kinds import Key, Sha256
from codec.names import diff_name
from codec.records import Metrics, PatchRef, Session, V1Entry
from codec.v2.progress_log import (
    TITLE,
    Reference,
    decode_reference,
    decode_references,
    diff_path,
    encode_reference,
    reference_of,
)

KEY = Key("2025-11-06T14:30:00Z")
ENTRY = Reference(
    key=KEY,
    agent="sonnet-4.5",
    task="agentic-orchestration",
    status="PASS",
    remark="deployed",
    metrics=Metrics(lines_added=847, lines_removed=0, commits=1, duration_min=45),
    diff=f".diffs/{KEY}.diff",
    notes="Agents need MCP layer for shared state. ...",
)
TEXT = """\
### [REF:2025-11-06T14:30:00Z:sonnet-4.5:agentic-orchestration]
Status: PASS (deployed)
Metrics: L+847,C:1,T:45min
Diff: .diffs/2025-11-06T14:30:00Z.diff
Notes: Agents need MCP layer for shared state. ...

"""
BARE = Reference(key=Key("2025-11-06.0123ab"), agent="-", task="-", status="UNKNOWN")
BARE_TEXT = """\
### [REF:2025-11-06.0123ab:-:-]
Status: UNKNOWN
Metrics: -
Diff: none

"""


@pytest.mark.parametrize(("entry", "text"), [(ENTRY, TEXT), (BARE, BARE_TEXT)])
def test_the_entry_is_as_it_is_specified(entry: Reference, text: str) -> None:
    assert encode_reference(entry) == text
    assert decode_reference(text.rstrip("\n").split("\n")) == entry


def test_a_file_gives_its_entries_once_and_in_order() -> None:
    text = f"{TITLE}\n\n{TEXT}{BARE_TEXT}{TEXT}"
    assert decode_references(text) == ([ENTRY, BARE], [])


def test_an_unterminated_last_line_is_not_read() -> None:
    assert decode_references(TEXT + BARE_TEXT.rstrip("\n"))[0] == [ENTRY]


def test_a_broken_entry_is_reported_with_its_line_and_the_rest_is_read() -> None:
    broken = TEXT.replace("Status: PASS", "Status: GOOD")
    entries, errors = decode_references(f"{TITLE}\n\n{broken}{BARE_TEXT}")
    assert entries == [BARE]
    assert [e.line for e in errors] == [4]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("### [REF:", "### [REV:", 1),
        ("Z:sonnet", "Z:son:net", 1),
        ("2025-11-06T14:30:00Z:", "2025-11-06T14:30Z:", 1),
        ("Status: PASS (deployed)", "Status: PASS deployed", 2),
        ("Metrics: L+847,C:1,T:45min\n", "", 1),
        ("Diff: ", "Diff:", 4),
        ("Notes: Agents", "Diff: again\nNotes: Agents", 5),
        ("Notes: Agents", "Note: Agents", 5),
    ],
)
def test_an_error_counts_its_line_from_the_heading(old: str, new: str, line: int) -> None:
    with pytest.raises(FormatError) as caught:
        decode_reference(TEXT.replace(old, new, 1).rstrip("\n").split("\n"))
    assert caught.value.line == line


def test_a_heading_alone_is_not_an_entry() -> None:
    with pytest.raises(FormatError, match="Status"):
        decode_reference(TEXT.split("\n")[:1])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"key": "yesterday"}, "key"),
        ({"agent": "a:b"}, "agent"),
        ({"agent": "a]"}, "agent"),
        ({"task": "a\nb"}, "task"),
        ({"task": ""}, "task"),
        ({"remark": "a\nb"}, "remark"),
        ({"notes": "a\n\n### [REF:x]"}, "notes"),
        ({"notes": " a"}, "notes"),
    ],
)
def test_a_field_that_would_break_the_entry_is_refused_by_name(
    changed: dict[str, str], field: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        encode_reference(ENTRY._replace(**changed))  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize("remark", ["a) (b", "(a)", ")", "x (y) z"])
def test_brackets_in_a_remark_come_back(remark: str) -> None:
    entry = ENTRY._replace(remark=remark)
    assert decode_reference(encode_reference(entry).rstrip("\n").split("\n")) == entry


def test_an_entry_names_its_diff_only_where_there_is_a_patch() -> None:
    session = Session(key=KEY, time=KEY, agent="a", task="b", status="PASS", notes="n", remark="r")
    assert reference_of(session).diff is None
    with_patch = session._replace(patch=PatchRef(sha256=Sha256("00" * 32), size=1))
    assert reference_of(with_patch) == Reference(
        key=KEY, agent="a", task="b", status="PASS", remark="r", notes="n", diff=diff_path(KEY)
    )


def test_the_metrics_of_an_entry_are_those_of_its_delta() -> None:
    session = Session(
        key=KEY,
        time=KEY,
        agent="a",
        task="b",
        status="PASS",
        metrics=Metrics(lines_added=1, deployment="vercel"),
        v1=V1Entry(source="log.md", sha256=Sha256("00" * 32)),
    )
    assert reference_of(session).metrics == Metrics(lines_added=1, lines_removed=0)


def test_the_file_name_of_a_diff_is_a_pure_function_of_its_key() -> None:
    assert diff_path(KEY) == f".diffs/{diff_name(KEY)}" == ".diffs/2025-11-06T14:30:00Z.diff"
    assert diff_name(KEY, colons=False) == "2025-11-06T14-30-00Z.diff"
