"""Deltas as lines: each once, what is none told, and nothing believed that was not looked at."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from codec.errors import FormatError
from codec.records import Metrics, Status
from codec.v2.deltas import Delta, decode_delta, encode_delta
from codec.v2.newest_deltas import PLAIN_LINES
from pipelines.workspace import delta_lines as deltas
from pipelines.workspace.delta_lines import read_deltas
from pipelines.workspace.location import DELTAS, Workspace
from tests.pipelines.conftest import Bench, Cli

#: So many that what was found of them is kept.
_MANY: Final = 24_000
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


@pytest.fixture
def _looked_at(monkeypatch: pytest.MonkeyPatch, many: Workspace) -> None:
    """Deltas that were found plain, so that from here on no line of them is looked at."""
    assert read_deltas(many).as_they_stand

    def never(
        whole: bytes, start: int = 0, end: int | None = None
    ) -> Iterator[tuple[int, bytes, FormatError]]:
        lines = whole[start:].count(b"\n")
        assert lines <= 2, f"{lines} lines are looked at again"
        yield from faults(whole, start, end)

    faults = deltas._faults
    monkeypatch.setattr(deltas, "_faults", never)


@pytest.mark.usefixtures("_looked_at")
def test_what_was_found_plain_is_not_looked_at_again(many: Workspace) -> None:
    found = read_deltas(many)
    assert found.as_they_stand
    assert sum(1 for _ in found.lines) == _MANY


@pytest.mark.usefixtures("_looked_at")
def test_of_deltas_that_have_grown_only_the_rest_is_looked_at(many: Workspace) -> None:
    with open(many.path(DELTAS), "ab") as f:
        f.write(_line(_MANY))
    assert sum(1 for _ in read_deltas(many).lines) == _MANY + 1
    assert read_deltas(many).as_they_stand


@pytest.mark.parametrize("tail", [_BROKEN, _line(_MANY) + _BROKEN, _BROKEN + _line(_MANY)])
def test_a_broken_line_behind_what_was_found_plain_is_told(many: Workspace, tail: bytes) -> None:
    assert not read_deltas(many).findings
    with open(many.path(DELTAS), "ab") as f:
        f.write(tail)
    found = read_deltas(many)
    assert [f.line for f in found.findings] == [_MANY + 1 + tail.startswith(b"2026-01")]
    assert _BROKEN not in found.lines


def test_a_line_that_comes_again_behind_what_was_found_plain_is_one_session(
    many: Workspace,
) -> None:
    assert not read_deltas(many).findings
    with open(many.path(DELTAS), "ab") as f:
        f.write(_line(7))
    found = read_deltas(many)
    assert (sum(1 for _ in found.lines), found.as_they_stand) == (_MANY, False)


def test_a_line_that_was_edited_since_is_told(many: Workspace) -> None:
    assert not read_deltas(many).findings
    with open(many.path(DELTAS), "rb+") as f:
        f.seek(len(_line(0)) - 3)
        f.write(b"?")
    assert [f.line for f in read_deltas(many).findings] == [1]


def test_what_another_clone_has_found_is_not_believed(many: Workspace, tmp_path: Path) -> None:
    assert read_deltas(many).as_they_stand
    clone = tmp_path / "clone"
    shutil.copytree(tmp_path / ".session-codec", clone / ".session-codec")
    workspace = Workspace(root=str(clone), diffs=str(clone / ".diffs"), repository=None)
    kept = clone / ".session-codec" / "cache" / "deltas.json"
    data = _BROKEN * (_MANY * 2)
    (clone / DELTAS).write_bytes(data)
    made = deltas._description(workspace, data)
    assert kept.exists()
    kept.write_text(str({**made, "file": [0, 0]}).replace("'", '"'))
    assert len(read_deltas(workspace).findings) == _MANY * 2


@pytest.mark.parametrize(
    "text", ["", "{]", "[]", '{"size": "1"}', '{"size": -1}', '{"size": true}']
)
def test_what_was_kept_and_cannot_be_read_is_nothing(many: Workspace, text: str) -> None:
    kept = Path(many.path(".session-codec", "cache", "deltas.json"))
    kept.parent.mkdir(parents=True)
    kept.write_text(text)
    assert read_deltas(many).as_they_stand


def test_deltas_of_a_workspace_that_cannot_be_written_can_be_read(many: Workspace) -> None:
    Path(many.path(".session-codec")).write_text("a file where the folder would be")
    assert read_deltas(many).as_they_stand


#: As many deltas as two processes look at, one of them broken or there again, or none.
_SHARED: Final = """
import sys
from pipelines.workspace import delta_lines as deltas
forks = []
deltas.os.register_at_fork(after_in_parent=lambda: forks.append(1))
deltas._SHARED_FROM = 1
whole = b"".join(b"2026-01-01 | a | t-%03d | PASS | -\\n" % n for n in range(1000))
if broken := int(sys.argv[1]):
    whole = whole.replace(b"| t-%03d |" % broken, b"|")
if sys.argv[2:]:
    whole += b"2026-01-01 | a | t-0 | PASS | -\\n"
print(deltas._are_in_order(whole, 0), *forks)
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [("0", "True 1"), ("3", "False 1"), ("997", "False 1"), ("0 again", "False 1")],
)
def test_what_is_wrong_is_found_in_either_part_that_two_processes_look_at(
    arguments: str, said: str
) -> None:
    program = [sys.executable, "-c", _SHARED, *arguments.split()]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


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
        Delta(key=key, agent="sonnet-4.5", task="a_b+c", status=status, metrics=metrics)
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
def test_no_line_that_is_no_delta_is_recognised_for_one(line: str) -> None:
    assert not PLAIN_LINES.fullmatch(f"{line}\n".encode())
    with pytest.raises(FormatError):
        decode_delta(line)


@pytest.mark.parametrize(
    "line",
    ["2026-03-01 | человек | задача | PASS | -", "2026-03-01 | a | b c | PASS | L+1,D:dpl_1"],
)
def test_an_uncommon_delta_is_one_all_the_same(bench: Bench, cli: Cli, line: str) -> None:
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
