"""Purge: the bytes are gone, the rest is whole, and the gap is named."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import zstandard

from codec.records import PatchRef
from codec.v1.purged_text import gap_line
from pipelines.outcomes.errors import Erased
from tests.pipelines.conftest import Bench, Cli, day, entry, git, log_of, tree
from tests.pipelines.verbs.test_archive import archives, diffs, log_of_months, loose, patch_of

SECRET = patch_of("f3")


@pytest.fixture
def made(bench: Bench) -> Bench:
    """Make a migrated workspace without its log, so that no log holds the diffs."""
    bench.log.write_bytes(log_of_months())
    bench.commit()
    bench.migrate()
    bench.log.unlink()
    return bench


def holding(root: Path, data: bytes) -> list[str]:
    """Return the files of a workspace that hold these bytes, compressed or not."""
    found = []
    for name, (content, _) in tree(root).items():
        whole = content
        if name.endswith(".zst"):
            whole = b""
            reader = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
            while block := reader.read(1 << 20):
                whole += block
        if data in whole:
            found.append(name)
    return found


@pytest.mark.parametrize("archived", [False, True])
def test_the_bytes_are_in_no_file_any_more_and_the_rest_is_whole(
    made: Bench, cli: Cli, archived: bool
) -> None:
    before = diffs(made.workspace)
    if archived:
        cli("archive", made.root)
    assert holding(made.root, SECRET)
    said = cli("purge", day(3), made.root, "--yes")
    assert said.code == 0
    assert holding(made.root, SECRET) == []
    del before[day(3)]
    for key, data in before.items():
        assert cli("show", key, made.root, "--diff").out.encode() == data
    verified = cli("verify", made.root, "--json", "--require", "local")
    assert (verified.code, verified.json["diffs"]["intact"]) == (0, 7)
    assert any(day(3) in f["message"] for f in verified.json["findings"] if f["code"] == "gap")
    if archived:
        assert cli("archive", "verify", made.root).code == 0
        assert len(archives(made)) == 2


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_purge_that_is_declined_changes_nothing_and_says_so(
    made: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    before = tree(made.root)
    said = cli("purge", day(3), made.root, *options)
    assert said.code == 0
    assert "would erase it from" in said.err
    assert said.err.endswith("nothing was purged\n")
    assert (said.json["erased"] == []) if options else (said.out == "")
    assert tree(made.root) == before


def test_a_purge_without_an_answer_is_interrupted(
    made: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    before = tree(made.root)
    assert cli("purge", day(3), made.root).code == 130
    assert tree(made.root) == before


def test_the_gap_is_named(made: Bench, cli: Cli) -> None:
    cli("purge", day(3), made.root, "--yes")
    shown = cli("show", day(3), made.root, "--diff")
    assert shown.code == 33
    assert "purged" in shown.err
    assert cli("show", day(3), made.root).code == 0
    restored = cli("restore-v1", made.root, "-o", made.root / "log.md")
    assert restored.code == 3
    assert day(3) in restored.err
    gap = gap_line(PatchRef.of(SECRET))
    assert (made.root / "log.md").read_bytes() == log_of_months().replace(SECRET, gap)
    with pytest.raises(Erased):
        diffs(made.workspace)


def test_migrate_does_not_bring_it_back(made: Bench, cli: Cli) -> None:
    cli("purge", day(3), made.root, "--yes")
    made.log.write_bytes(log_of_months() + entry("2026-01-01T00:00:00Z", task="new"))
    made.migrate()
    assert f"{day(3)}.diff" not in loose(made)
    assert "2026-01-01T00:00:00Z.diff" in loose(made)
    assert holding(made.root, SECRET) == ["AGENT_PROGRESS_LOG.md"]


def test_a_log_that_holds_the_bytes_still_is_a_finding(bench: Bench, cli: Cli) -> None:
    bench.log.write_bytes(log_of_months())
    bench.migrate()
    said = cli("purge", day(3), bench.root, "--yes", "--json")
    assert said.code == 3
    (finding,) = (f for f in said.json["findings"] if f["level"] == "finding")
    assert finding["file"] == "AGENT_PROGRESS_LOG.md"
    assert holding(bench.root, SECRET) == ["AGENT_PROGRESS_LOG.md"]


def test_text_of_a_layout_that_holds_the_bytes_is_a_finding(bench: Bench, cli: Cli) -> None:
    twice = entry(day(3), task="t-3", patch=SECRET)
    bench.log.write_bytes(log_of(twice, twice))  # the same entry again stays as text
    bench.migrate()
    bench.log.unlink()
    said = cli("purge", day(3), bench.root, "--yes", "--json")
    named = [f["file"] for f in said.json["findings"] if f["code"] == "still-there"]
    assert named == holding(bench.root, SECRET)
    assert said.code == (3 if named else 0)


def test_the_same_diff_of_another_session_is_deleted_with_it(bench: Bench, cli: Cli) -> None:
    twins = [
        entry(f"2025-{month}-01T10:00:00Z", task=month, patch=SECRET) for month in ("10", "11")
    ]
    bench.log.write_bytes(log_of(*twins, entry(day(9), patch=patch_of("other"))))
    bench.migrate()
    bench.log.unlink()
    cli("archive", bench.root)
    assert cli("purge", "2025-10", bench.root, "--yes").code == 0
    assert holding(bench.root, SECRET) == []
    assert cli("show", "2025-11-01", bench.root, "--diff").code == 33
    assert cli("verify", bench.root, "--require", "local").code == 0


def test_a_purge_does_not_follow_a_key_to_another_session(made: Bench, cli: Cli) -> None:
    path = made.root / ".session-codec" / "manifest.jsonl"
    cli("archive", made.root)
    other = "ab" * 32
    with open(path, "a") as f:
        f.write(f'{{"fact":"purged","key":"{day(3)}","sha256":"{other}","time":"2026"}}\n')
    assert cli("show", day(3), made.root, "--diff").out.encode() == SECRET
    assert cli("archive", "ls", made.root).out.count(" here") == 2
    assert cli("verify", made.root).code == 0


def test_the_last_diff_of_an_archive_takes_the_archive_with_it(made: Bench, cli: Cli) -> None:
    cli("archive", made.root)
    assert cli("purge", "2025-12-01", made.root, "--yes").code == 0
    assert [p.name[:7] for p in archives(made)] == ["2025-11"]
    assert cli("verify", made.root).code == 0


def test_two_purges_leave_one_archive_of_the_rest(made: Bench, cli: Cli) -> None:
    cli("archive", made.root)
    for n in (3, 5):
        assert cli("purge", day(n), made.root, "--yes").code == 0
    assert len(archives(made)) == 2
    (name,) = (n for n in made.manifest.archives if n.startswith("2025-11"))
    assert (made.root / ".diffs" / "archive" / name).exists()
    assert cli("archive", "verify", made.root, "--json").json["absent"] == []


def test_another_clone_reports_and_purges_its_copy(made: Bench, cli: Cli, tmp_path: Path) -> None:
    cli("archive", made.root)
    shutil.copytree(made.root, tmp_path / "other")
    cli("purge", day(3), made.root, "--yes")
    manifest = ".session-codec/manifest.jsonl"
    shutil.copy(made.root / manifest, tmp_path / "other" / manifest)
    said = cli("verify", tmp_path / "other", "--json")
    assert said.code == 3
    assert "purged-archive" in [f["code"] for f in said.json["findings"]]
    assert cli("show", day(3), tmp_path / "other", "--diff").code == 33
    assert cli("purge", day(3), tmp_path / "other", "--yes").code == 0
    assert holding(tmp_path / "other", SECRET) == []
    assert cli("verify", tmp_path / "other").code == 0
    assert tree(tmp_path / "other" / ".diffs" / "archive") == tree(made.root / ".diffs" / "archive")


def test_a_purge_that_stopped_half_way_is_completed(
    made: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("archive", made.root)

    def stop(_path: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.verbs.purge.remove", stop)
        assert cli("purge", day(3), made.root, "--yes").code == 130
    assert holding(made.root, SECRET)
    assert cli("show", day(3), made.root, "--diff").code == 33
    assert cli("purge", day(3), made.root, "--yes").code == 0
    assert holding(made.root, SECRET) == []
    assert cli("verify", made.root).code == 0


def test_nothing_is_erased_unless_it_is_meant(made: Bench, cli: Cli) -> None:
    before = tree(made.root)
    dry = cli("purge", day(3), made.root, "--dry-run")
    assert (dry.code, dry.out) == (0, f"would erase it from .diffs/{day(3)}.diff\n")
    asked = cli("purge", day(3), made.root)
    assert asked.code == 2
    assert "--yes" in asked.err
    assert cli("purge", "2025-12-02", made.root, "--yes").code == 30
    assert cli("purge", "2030", made.root, "--yes").code == 30
    assert tree(made.root) == before


def test_history_is_named_where_it_holds_the_diff(made: Bench, cli: Cli) -> None:
    (made.root / "a.py").write_text("secret\n")
    made.commit()
    key = cli("record", made.root, "--agent", "a", "--task", "t").out.strip()
    said = cli("purge", key, made.root, "--yes", "--json")
    assert "in-git" in [f["code"] for f in said.json["findings"]]
    assert cli("show", key, made.root, "--diff").code == 33
    assert git(made.root, "log", "--oneline").count("\n") == 2
