"""A sparse file of 20 GiB in place of a small one fills neither the memory nor the disk."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, REFERENCES, V1_LOG
from tests.pipelines.conftest import Bench
from tests.support.measuring import measured

SIZE: Final = 20 << 30
MEBIBYTES: Final = 500
PROGRAM: Final = Path(__file__).parents[2] / "pipelines" / "cli" / "main.py"
READING: Final = (
    ("verify", "--full"), ("show", "latest", "--diff"), ("doctor",), ("archive", "verify"),
    ("archive", "--before", "2100-01"), ("sync", "--remote", "REMOTE"),
)  # fmt: skip
WRITING: Final = (("doctor", "--repair"), ("purge", "latest", "--yes"))
FILES: Final = {
    "diff": ".diffs/*.diff", "archive": ".diffs/archive/*.zst", "layout": ".diffs/v1/*/*",
}  # fmt: skip


def run(root: Path, *arguments: str) -> tuple[int, str]:
    """Run a verb: its exit code and what it printed. Its memory is checked."""
    words = [str(root.parent / "remote") if word == "REMOTE" else word for word in arguments]
    ran = measured([sys.executable, "-P", str(PROGRAM), *words], root)
    assert ran.mebibytes < MEBIBYTES, arguments
    assert "bug in session-codec" not in ran.said
    return ran.code, ran.said


def used(root: Path) -> int:
    """Return the bytes that a folder occupies on disk."""
    return sum(p.lstat().st_blocks * 512 for p in root.rglob("*"))


def enlarge(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as f:
        f.truncate(SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["diff", "archive", "layout"])
def test_a_diff_or_an_archive_of_20_gib_is_damaged_by_its_size_alone(
    bench: Bench, what: str
) -> None:
    bench.migrate()
    bench.log.unlink()
    if what == "archive":
        assert run(bench.root, "archive", "--before", "2100-01")[0] == 0
    (path, *_) = sorted(bench.root.glob(FILES[what]))
    enlarge(path)
    for verb in (*READING, *WRITING):
        code, said = run(bench.root, *verb)
        assert code in {0, 3, 12, 22}, (verb, said)
    assert used(bench.root) < 1 << 24


@pytest.mark.parametrize("name", [MANIFEST, DELTAS, METRICS, PROGRESS, REFERENCES])
def test_a_tracked_file_of_20_gib_is_refused_by_its_name(bench: Bench, name: str) -> None:
    bench.migrate()
    enlarge(bench.root / name)
    code, said = run(bench.root, "verify", "--full")
    assert (code, said.count("error: "), f"{name}: larger than" in said) == (32, 1, True), said
    for verb in (("context",), ("record", "--agent", "a", "--task", "t", "--no-diff"), ("doctor",)):
        code, said = run(bench.root, *verb)
        assert code in {0, 3, 32}, (verb, said)


def test_a_log_of_20_gib_is_refused_by_its_name(bench: Bench) -> None:
    enlarge(bench.root / V1_LOG)
    code, said = run(bench.root, "migrate")
    assert (code, f"{V1_LOG}: not a session log: larger than" in said) == (10, True), said


def test_purge_erases_a_loose_diff_that_was_enlarged_to_20_gib(bench: Bench) -> None:
    bench.migrate()
    key = max(k for k, s in bench.manifest.sessions.items() if s.patch is not None)
    path = bench.root / ".diffs" / f"{key}.diff"
    enlarge(path)
    bench.log.unlink()
    shutil.rmtree(bench.root / ".diffs" / "v1")
    code, said = run(bench.root, "purge", key, "--yes")
    assert (code, path.exists()) == (0, False), said
    assert run(bench.root, "verify", "--full")[0] == 0


def test_a_log_and_a_cache_of_20_gib_are_named_beside_a_purged_diff(bench: Bench) -> None:
    bench.migrate()
    key = max(k for k, s in bench.manifest.sessions.items() if s.patch is not None)
    assert run(bench.root, "purge", key, "--yes")[0] == 3
    enlarge(bench.root / ".session-codec" / "cache" / "2025-01-0123456789ab.tar.zst.end")
    enlarge(bench.log)
    code, said = run(bench.root, "purge", "--merged", "--yes")
    assert (code, f"{V1_LOG}: may hold the diff" in said) == (12, True), said
