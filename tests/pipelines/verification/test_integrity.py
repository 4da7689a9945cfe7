"""Intact, missing and damaged diffs are distinguished; every disagreement of the files is found."""

from __future__ import annotations

import shutil

import pytest

from pipelines.diffs import store
from pipelines.system.fs.files import read_file
from pipelines.verification.integrity import Integrity, check_integrity
from pipelines.workspace.location import DELTAS, METRICS, PROGRESS
from pipelines.workspace.tracked_files import read_tracked
from tests.pipelines.conftest import Bench, day


def check(bench: Bench) -> Integrity:
    return check_integrity(
        bench.workspace, read_tracked(bench.workspace), bench.manifest, lambda _: None
    )


def test_a_migrated_workspace_is_intact(bench: Bench) -> None:
    bench.migrate()
    found = check(bench)
    assert (found.diffs, found.layouts, found.findings) == ((3, 0, 0), (1, 0, 0), ())


def test_each_diff_is_read_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.migrate()
    found: list[str] = []

    def read(path: str, size: int) -> bytes:
        found.append(path)
        return read_file(path, size)

    monkeypatch.setattr(store, "read_file", read)
    assert check(bench).diffs == (3, 0, 0)
    assert len(found) == len(set(found)) == 3


def test_a_missing_diff_is_absent_and_not_damaged(bench: Bench) -> None:
    bench.migrate()
    shutil.rmtree(bench.root / ".diffs")
    found = check(bench)
    assert (found.diffs, found.layouts, found.findings) == ((0, 3, 0), (0, 1, 0), ())
    assert sorted(found.absent) == [day(1), day(2), day(3)]
    assert not found.damaged


@pytest.mark.parametrize("name", [f"{day(2)}.diff", "layout.jsonl", "literal.zst"])
def test_a_flipped_byte_is_damage_and_its_file_is_named(bench: Bench, name: str) -> None:
    bench.migrate()
    path = next((bench.root / ".diffs").rglob(name))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = check(bench)
    assert found.damaged
    (finding,) = found.findings
    assert finding.code == "damaged"
    assert finding.file is not None
    assert finding.file.startswith(".diffs/")
    assert finding.hint
    # the way out that it names is one
    shutil.rmtree(path.parent) if path.suffix != ".diff" else path.unlink()
    bench.migrate()
    assert check(bench).findings == ()


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        (DELTAS, "L+2,-1", "L+3,-1", "row-differs"),
        (DELTAS, "PASS", "MAYBE", "row-differs"),
        (DELTAS, "sonnet-4.5 | task-2", "sonnet-4.5", "row-differs"),
        (METRICS, "\t2\t1\t", "\t2\t7\t", "row-differs"),
        (METRICS, "\t2\t1\t", "\ttwo\t1\t", "row-differs"),
        (PROGRESS, "Diff: .diffs", "Diff: else", "row-differs"),
        (PROGRESS, "Status: PASS", "State: PASS", "row-differs"),
    ],
)
def test_a_row_that_differs_from_the_manifest_is_found(
    bench: Bench, name: str, old: str, new: str, code: str
) -> None:
    bench.migrate()
    path = bench.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    found = check(bench).findings
    assert code in [f.code for f in found]
    assert {f.file for f in found} == {name}


@pytest.mark.parametrize("name", [DELTAS, METRICS, PROGRESS])
def test_a_missing_row_is_found_and_migrate_repairs_it(bench: Bench, name: str) -> None:
    bench.migrate()
    path = bench.root / name
    path.unlink()
    found = check(bench).findings
    assert [f.code for f in found if f.code != "missing-header"] == ["missing-row"] * 3
    bench.migrate()
    assert check(bench).findings == ()


def test_a_row_of_no_session_is_a_note(bench: Bench) -> None:
    bench.migrate()
    with (bench.root / DELTAS).open("a") as f:
        f.write("2030-01-01 | a | b | PASS | -\n")
    (found,) = check(bench).findings
    assert (found.code, found.level, found.line) == ("unknown-row", "note", 4)


def test_equal_lines_that_a_merge_made_are_a_note(bench: Bench) -> None:
    bench.migrate()
    for name in (DELTAS, METRICS, PROGRESS, ".session-codec/manifest.jsonl"):
        path = bench.root / name
        path.write_bytes(path.read_bytes() * 2)
    assert {(f.code, f.level) for f in check(bench).findings} == {("repeated-line", "note")}


def test_a_layout_that_needs_an_unrecorded_diff_is_damage(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / ".session-codec" / "manifest.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if f'"key":"{day(2)}"' not in line))
    found = check(bench)
    assert found.layouts == (0, 0, 1)
    assert "was not recorded" in next(f.message for f in found.findings if f.code == "damaged")


def test_a_second_different_row_of_a_session_is_found(bench: Bench) -> None:
    bench.migrate()
    deltas = bench.root / "SESSION_DELTAS.log"
    first = deltas.read_text().splitlines()[0]
    with deltas.open("a") as f:
        f.write(first.replace("| PASS |", "| FAIL |") + "\n")
    assert [(f.code, f.line) for f in check(bench).findings] == [("second-row", 4)]
