"""Deltas are read as lines: each once, and a finding for each line that is not a delta."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from codec.errors import FormatError
from codec.kinds import Key
from codec.records import Metrics, Status
from codec.v2.deltas import Delta, decode_delta, encode_delta
from codec.v2.newest_deltas import PLAIN_LINES
from pipelines.workspace.delta_lines import read_deltas
from pipelines.workspace.location import DELTAS, Workspace
from tests.pipelines.conftest import Bench, Cli

_MANY: Final = 2_000
_BROKEN: Final = b"2026-02-01 | a | b | PASS | nonsense\n"


def _line(number: int) -> bytes:
    minutes, seconds = divmod(number, 60)
    hours, minutes = divmod(minutes, 60)
    return b"2026-01-01T%02d:%02d:%02dZ | human | task-%d | PASS | L+%d,C:1\n" % (
        hours, minutes, seconds, number, number,
    )  # fmt: skip


@pytest.fixture
def many(tmp_path: Path) -> Workspace:
    (tmp_path / DELTAS).write_bytes(b"".join(_line(n) for n in range(_MANY)))
    return Workspace(root=str(tmp_path), diffs=str(tmp_path / ".diffs"), repository=None)


@pytest.mark.parametrize("tail", [_BROKEN, _line(_MANY) + _BROKEN, _BROKEN + _line(_MANY)])
def test_a_broken_line_at_the_end_is_a_finding(many: Workspace, tail: bytes) -> None:
    with open(many.path(DELTAS), "ab") as f:
        f.write(tail)
    found = read_deltas(many)
    assert [f.line for f in found.findings] == [_MANY + 1 + tail.startswith(b"2026-01")]
    assert _BROKEN not in found.lines


def test_a_line_that_occurs_twice_is_one_session(
    many: Workspace,
) -> None:
    with open(many.path(DELTAS), "ab") as f:
        f.write(_line(7))
    found = read_deltas(many)
    assert (sum(1 for _ in found.lines), found.is_exact) == (_MANY, False)


@pytest.mark.parametrize("status", ["PASS", "FAIL", "PARTIAL", "UNKNOWN"])
@pytest.mark.parametrize("lines", [None, (0, 0), (5, 0), (0, 7)])
@pytest.mark.parametrize("commits", [None, 0, 3])
@pytest.mark.parametrize("minutes", [None, 0, 90])
@pytest.mark.parametrize("key", ["2026-01-01", "2026-01-01T10:00:00Z.0123ab"])
def test_every_common_delta_is_recognised_at_once(
    status: Status,
    lines: tuple[int, int] | None,
    commits: int | None,
    minutes: int | None,
    key: str,
) -> None:
    added, removed = lines or (None, None)
    metrics = Metrics(
        lines_added=added, lines_removed=removed, commits=commits, duration_min=minutes
    )
    line = encode_delta(
        Delta(key=Key(key), agent="sonnet-4.5", task="a_b+c", status=status, metrics=metrics)
    )
    assert PLAIN_LINES.fullmatch(f"{line}\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        "2026-1-01 | a | b | PASS | -",
        "2026-01-01 |  | b | PASS | -",
        "2026-01-01 | a | b | MAYBE | -",
        "2026-01-01 | a | b | PASS | ",
        "2026-01-01 | a | b | PASS | L+1,-0",
        "2026-01-01 | a | b | PASS | L+1,-05",
        "2026-01-01 | a | b | PASS | C:1,L+1",
        "2026-01-01 | a | b | PASS | ,C:1",
        "2026-01-01 | a | b | PASS | L+1,C:1234567890123456",
        "2026-01-01 | a | b | PASS | -\r",
        "2026-01-01.abc | a | b | PASS | -",
        "2026-01-01 | a | b | PASS | - ",
    ],
)
def test_no_line_that_is_not_a_delta_is_recognised_for_one(line: str) -> None:
    assert not PLAIN_LINES.fullmatch(f"{line}\n".encode())
    with pytest.raises(FormatError):
        decode_delta(line)


@pytest.mark.parametrize(
    "line",
    ["2026-03-01 | человек | задача | PASS | -", "2026-03-01 | a | b c | PASS | L+1,D:dpl_1"],
)
def test_an_unusual_delta_is_read_as_a_delta(bench: Bench, cli: Cli, line: str) -> None:
    bench.migrate()
    with (bench.root / DELTAS).open("a", encoding="utf-8") as f:
        f.write(f"{line}\n")
    said = cli("query", bench.root, "--count", "--json")
    assert (said.code, said.json["rows"]) == (0, [{"sessions": 4}])


def test_sql_sees_the_deltas_that_every_question_sees(bench: Bench, cli: Cli) -> None:
    pytest.importorskip("duckdb")
    bench.migrate()
    path = bench.root / DELTAS
    path.write_bytes(
        path.read_bytes() * 2
        + "2026-03-01 | человек | задача | PASS | -\n".encode()
        + b"2026-03-02 | a\xff | b | MAYBE | -\n"
        + b"2026-03-03 | torn | b | PASS | -"
    )
    by_verb = cli("query", bench.root, "--by", "agent", "--json")
    by_sql = cli(
        "query", bench.root, "--json", "--sql",
        "SELECT agent, count(*) AS sessions FROM sessions GROUP BY 1 ORDER BY 1",
    )  # fmt: skip
    assert by_sql.json["rows"] == by_verb.json["rows"]
    assert by_sql.code == by_verb.code == 3
    assert by_sql.json["findings"] == by_verb.json["findings"]
