"""Sums of older sessions are kept, and never used for lines that they are not of."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import codec.v2.newest_deltas
from codec.v2.delta_summary import Scanned
from pipelines.workspace import newest
from pipelines.workspace.location import DELTAS, Workspace, locate
from pipelines.workspace.newest import newest_deltas

LAST = 30


def line(n: int, status: str = "PASS") -> str:
    return f"2025-01-{n // 1000 + 1:02}T10:00:00Z.{n:06x} | a | t | {status} | L+{n},C:1\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / ".session-codec").mkdir()
    (tmp_path / ".session-codec" / "manifest.jsonl").touch()
    (tmp_path / DELTAS).write_text("".join(map(line, range(5000))))
    return locate(str(tmp_path))


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the sizes of everything that is read as a whole."""
    sizes: list[int] = []
    real = codec.v2.newest_deltas.scan

    def scan(data: bytes, count: int) -> Scanned:
        sizes.append(len(data))
        return real(data, count)

    monkeypatch.setattr(codec.v2.newest_deltas, "scan", scan)
    return sizes


def append(workspace: Workspace, text: str) -> None:
    with open(workspace.path(DELTAS), "a") as f:
        f.write(text)


def check(workspace: Workspace) -> None:
    """Compare with a scan of all lines."""
    found = newest_deltas(workspace, LAST)
    data = Path(workspace.path(DELTAS)).read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    assert found == codec.v2.newest_deltas.scan(whole, len(found.newest))
    assert len(found.newest) >= LAST


def test_new_lines_do_not_make_the_old_ones_read_again(
    workspace: Workspace, scans: list[int]
) -> None:
    newest_deltas(workspace, LAST)
    for n in range(5000, 5300):
        append(workspace, line(n))
        newest_deltas(workspace, LAST)
    append(workspace, line(5300) + "torn")
    newest_deltas(workspace, LAST)
    assert len(scans) == 1
    check(workspace)
    kept = Path(workspace.path(".session-codec", "cache", "newest.json"))
    assert kept.stat().st_size < 4 * LAST * 100


@pytest.mark.parametrize(
    "change", ["in place", "replaced", "older", "shorter", "repeated", "copied"]
)
def test_kept_sums_are_not_used_for_other_lines(workspace: Workspace, change: str) -> None:
    check(workspace)
    path = Path(workspace.path(DELTAS))
    data = path.read_text()
    match change:
        case "in place":
            with open(path, "r+b") as f:
                f.write(line(0, "FAIL").encode())
            append(workspace, line(5000))
        case "replaced":
            other = path.with_suffix(".new")
            other.write_text(data.replace(line(7), line(7, "FAIL")))
            os.replace(other, path)
        case "older":
            append(workspace, line(3).replace(".000003", ""))
        case "shorter":
            path.write_text(data[: len(line(0)) * 4000])
        case "repeated":
            append(workspace, line(3) + line(4999) + line(5000))
        case "copied":
            kept = Path(workspace.path(".session-codec", "cache", "newest.json"))
            seal, document = kept.read_text().split("\n")
            values = json.loads(document)
            values[3][0] = 7
            kept.write_text(f"{seal}\n{json.dumps(values)}")
    check(workspace)


@pytest.mark.parametrize("text", ["", "[", "[" * 99_999, "{}", "[[1,2],3,4,[[1],2,3]]", "null"])
def test_a_broken_cache_is_read_as_an_empty_one(workspace: Workspace, text: str) -> None:
    check(workspace)
    Path(workspace.path(".session-codec", "cache", "newest.json")).write_text(text)
    check(workspace)


def test_a_few_lines_and_many_newest_are_decoded(workspace: Workspace, scans: list[int]) -> None:
    assert len(newest_deltas(workspace, newest._MOST + 1).newest) == 5000
    Path(workspace.path(DELTAS)).write_text(line(1) + line(0))
    assert [d.metrics.lines_added for d in newest_deltas(workspace, LAST).newest] == [1, 0]
    assert scans == []
