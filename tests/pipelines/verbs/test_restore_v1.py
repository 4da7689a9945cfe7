"""A v1 log comes back whole, or an error says why not and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.errors import IntegrityError
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.verbs.restore_v1 import apply, plan
from tests.pipelines.conftest import THREE, Bench, Cli, day, entry


def test_the_log_is_written_where_it_is_asked_for(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    out = bench.root.parent / "back.md"
    said = cli("restore-v1", bench.root, "-o", out, "--json")
    assert said.code == 0
    assert out.read_bytes() == THREE
    assert said.json["bytes"] == len(THREE)


def test_a_version_is_named_by_the_beginning_of_its_hash(bench: Bench) -> None:
    bench.migrate()
    first = bench.manifest.versions[0].sha256
    bench.log.write_bytes(THREE + entry(day(9)))
    bench.migrate()
    assert bench.restore(first[:6].upper()) == THREE
    with pytest.raises(NotFound, match="no versions"):
        bench.restore("ffffffffffff")
    with pytest.raises(Conflict, match="2 versions"):
        bench.restore("")


def test_which_of_several_logs_is_meant_must_be_said(bench: Bench) -> None:
    paths = [bench.root / name for name in ("a.md", "b.md")]
    for n, path in enumerate(paths, 1):
        path.write_bytes(THREE + b"x" * n)
    bench.migrate(*paths)
    with pytest.raises(Conflict, match="--source"):
        bench.restore()
    assert bench.restore(source="./b.md") == paths[1].read_bytes()
    version = next(v.sha256 for v in bench.manifest.versions if v.source == "a.md")
    assert bench.restore(version) == paths[0].read_bytes()
    with pytest.raises(NotFound, match=r"a\.md, b\.md"):
        bench.restore(source="c.md")


def test_a_workspace_that_migrated_nothing_has_nothing_to_restore(bench: Bench) -> None:
    (bench.root / ".session-codec").mkdir()
    (bench.root / ".session-codec" / "manifest.jsonl").touch()
    with pytest.raises(NotFound, match="no v1 log"):
        bench.restore()


@pytest.mark.parametrize("gone", [f"{day(2)}.diff", "layout.jsonl", "literal.zst"])
def test_a_missing_part_is_not_found_and_nothing_is_written(bench: Bench, gone: str) -> None:
    bench.migrate()
    next((bench.root / ".diffs").rglob(gone)).unlink()
    out = bench.root / "out.md"
    with pytest.raises(NotFound, match="not stored on this machine"):
        list(apply(plan(bench.workspace, output=str(out))))
    assert not out.exists()
    bench.migrate()
    assert bench.restore() == THREE


@pytest.mark.parametrize("broken", [f"{day(2)}.diff", "layout.jsonl", "literal.zst"])
def test_a_damaged_part_is_named_and_no_wrong_log_is_written(bench: Bench, broken: str) -> None:
    bench.migrate()
    path = next((bench.root / ".diffs").rglob(broken))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    out = bench.root / "out.md"
    out.write_bytes(THREE)
    with pytest.raises(IntegrityError) as caught:
        list(apply(plan(bench.workspace, output=str(out))))
    assert caught.value.file is not None
    assert caught.value.file.startswith(".diffs/")
    assert out.read_bytes() == THREE


def test_content_that_was_not_migrated_is_never_overwritten(bench: Bench) -> None:
    bench.migrate()
    bench.log.write_bytes(THREE + entry(day(9)))
    with pytest.raises(Conflict, match="refusing to overwrite"):
        plan(bench.workspace, output=str(bench.log))
    assert bench.log.read_bytes() == THREE + entry(day(9))


@pytest.mark.parametrize("name", ["layout.jsonl", "literal.zst"])
def test_no_flipped_or_missing_byte_gives_a_wrong_log(bench: Bench, name: str) -> None:
    bench.migrate()
    path = next((bench.root / ".diffs").rglob(name))
    whole = path.read_bytes()
    noticed = 0
    for at in range(len(whole)):
        for broken in (
            whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :],
            whole[:at],
        ):
            path.write_bytes(broken)
            try:
                assert bench.restore() == THREE
            except IntegrityError:
                noticed += 1
    # what is not noticed changes nothing: unused flags of the frame, and its last four bytes cut,
    # which are a checksum beside the hash of the whole
    assert noticed >= 2 * len(whole) - 8


@pytest.mark.parametrize(("output", "code"), [("none/out.md", 30), ("", 32)])
def test_a_place_that_cannot_be_written_is_an_error_and_leaves_nothing(
    bench: Bench, cli: Cli, output: str, code: int
) -> None:
    bench.migrate()
    place = bench.root.parent / "place"
    place.mkdir()
    said = cli("restore-v1", bench.root, "-o", Path(place, output))
    assert said.code == code
    assert list(place.iterdir()) == []
    assert sorted(p.name for p in place.parent.iterdir()) == ["place", "repo"]
