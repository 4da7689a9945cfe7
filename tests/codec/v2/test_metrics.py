"""A session's metrics row: a column for everything, and nothing that breaks a column."""

from __future__ import annotations

import pytest

from codec.errors import EncodeError, FormatError
from codec.kinds import Key
from codec.records import Metrics, Session
from codec.v2.metrics import COLUMNS, HEADER, MetricsRow, decode_row, encode_row, row_of

ROW = MetricsRow(
    key=Key("2025-11-06T14:00:00Z"),
    agent="sonnet-4.5",
    task="coverage-validation",
    status="PASS",
    lines_added=1247,
    lines_removed=89,
    commits=11,
    duration_min=30,
    tokens_used=7,
)
LINE = "2025-11-06T14:00:00Z\tsonnet-4.5\tcoverage-validation\tPASS\t1247\t89\t11\t30\t7"


def test_the_row_is_as_it_is_specified() -> None:
    assert encode_row(ROW) == LINE
    assert decode_row(LINE) == ROW
    assert HEADER == (
        "timestamp\tagent\ttask\tstatus\tlines_added\tlines_removed\tcommits\tduration_min\ttokens_used"
    )


def test_the_header_is_not_a_row() -> None:
    with pytest.raises(FormatError):
        decode_row(HEADER)


def test_unknown_numbers_are_zero() -> None:
    session = Session(
        key=Key("2025-11-06"), time="2025-11-06", agent="a", task="b", status="UNKNOWN"
    )
    assert encode_row(row_of(session)) == "2025-11-06\ta\tb\tUNKNOWN\t0\t0\t0\t0\t0"
    known = Metrics(
        lines_added=1, lines_removed=2, commits=3, duration_min=4, tokens_used=5, deployment="d"
    )
    assert encode_row(row_of(session._replace(metrics=known))).endswith("\t1\t2\t3\t4\t5")


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "yesterday"},
        {"agent": "a\tb"},
        {"task": "a\nb"},
        {"task": ""},
        {"agent": "a|b"},
        {"commits": -1},
        {"tokens_used": 10**15},
    ],
)
def test_a_row_that_would_not_decode_is_not_written(changed: dict[str, object]) -> None:
    with pytest.raises(EncodeError):
        encode_row(ROW._replace(**changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["", "-1", "+1", "1.5", "٣", " 1", "²", "9" * 16, "9" * 5000])
@pytest.mark.parametrize("column", range(4, 9))
def test_a_number_that_is_invalid_is_refused_by_its_column(column: int, number: str) -> None:
    fields = LINE.split("\t")
    fields[column] = number
    with pytest.raises(FormatError, match=f"{COLUMNS[column]}: not a number"):
        decode_row("\t".join(fields))


def test_an_error_names_every_column_at_fault() -> None:
    with pytest.raises(FormatError) as caught:
        decode_row("then\t\tb \tGOOD\tx\t1\t1\t1\ty")
    for name in ("timestamp", "agent", "task", "status", "lines_added", "tokens_used"):
        assert f"{name}: " in str(caught.value)
    assert "commits" not in str(caught.value)


@pytest.mark.parametrize("line", ["", "a\tb", LINE + "\t", LINE.replace("\t", " ")])
def test_a_line_of_other_columns_is_not_a_row(line: str) -> None:
    with pytest.raises(FormatError, match="instead of 9"):
        decode_row(line)
