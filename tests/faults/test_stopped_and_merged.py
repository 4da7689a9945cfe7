"""A migration that was stopped after its commit, and a merge before anything completes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codec.kinds import sha256_of
from pipelines.workspace.location import find
from pipelines.workspace.reading import read_manifest
from tests.faults.test_crash import JOURNAL, crash, grow
from tests.pipelines.conftest import PATCH, THREE, Bench, Cli, day, entry, git, tree


def grown_clone(bench: Bench, folder: Path, cli: Cli) -> Path:
    """Return a clone that migrated other entries of the days that the log of the bench gets."""
    git(bench.root.parent, "clone", "-q", str(bench.root), str(folder))
    log = folder / "AGENT_PROGRESS_LOG.md"
    patch = PATCH.replace(b"+new", b"+other")
    entries = (entry(day(n), task=f"other-{n}", patch=patch) for n in (8, 9))
    log.write_bytes(THREE + b"".join(entries))
    assert cli("migrate", folder).code == 0
    git(folder, "checkout", "-q", log.name)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "other entries")
    return folder


def diffs(root: Path) -> set[str]:
    """Return the hashes of the loose diffs."""
    return {sha256_of(path.read_bytes()) for path in root.glob(".diffs/*.diff")}


@pytest.mark.parametrize("changes", ["are committed", "are taken back"])
def test_each_diff_has_its_fact_and_each_fact_its_diff(
    bench: Bench, tmp_path: Path, cli: Cli, changes: str
) -> None:
    bench.migrate()
    bench.commit()
    other = grown_clone(bench, tmp_path / "other", cli)
    grow(bench.root)
    start = tmp_path / "start"
    shutil.copytree(bench.root, start, symlinks=True)
    count = int(crash(0, "kill", bench.root).stderr.split()[-1])
    for before_end in (2, 9):
        shutil.rmtree(bench.root)
        shutil.copytree(start, bench.root, symlinks=True)
        assert crash(count - before_end, "kill", bench.root).returncode == 137
        assert any(JOURNAL.fullmatch(name) for name in tree(bench.root))
        if changes == "are taken back":
            git(bench.root, "checkout", "-q", "--", ".", ":!AGENT_PROGRESS_LOG.md")
        bench.commit()
        git(bench.root, "pull", "-q", "--no-edit", "--no-rebase", str(other), "HEAD")
        for verb, *options in (("migrate",), ("doctor", "--repair"), ("migrate",)):
            assert cli(verb, bench.root, *options).code in (0, 3)
        assert cli("verify", bench.root).code == 0
        manifest = read_manifest(find(str(bench.root)))
        assert {"task-8", "task-9"} < {s.task for s in manifest.sessions.values()}
        ours = [s for s in manifest.sessions.values() if not s.task.startswith("other-")]
        assert {s.patch.sha256 for s in ours if s.patch} <= diffs(bench.root)
        assert diffs(bench.root) <= manifest.patches().keys()
