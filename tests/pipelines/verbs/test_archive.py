"""Archives: nothing is deleted before it is proved elsewhere, and everything stays reachable."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codec.errors import IntegrityError
from pipelines.diffs.local_archives import archive_folder
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.progress import Silent
from pipelines.verbs.archive import Request, archive, plan
from pipelines.workspace.location import MANIFEST, Workspace, locate
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import PATCH, Bench, Cli, command, day, entry, git, log_of, tree


def patch_of(name: str) -> bytes:
    return PATCH.replace(b"a.py", f"{name}.py".encode())


def log_of_months() -> bytes:
    """Sessions of two past months, one without a diff."""
    entries = [entry(day(n), task=f"t-{n}", patch=patch_of(f"f{n}")) for n in range(1, 8)]
    entries.append(entry("2025-12-01T10:00:00Z", task="late", patch=patch_of("late")))
    entries.append(entry("2025-12-02T10:00:00Z", task="none", patch=None))
    return log_of(*entries)


@pytest.fixture
def made(bench: Bench) -> Bench:
    """Make a migrated workspace with sessions of two past months."""
    bench.log.write_bytes(log_of_months())
    bench.migrate()
    return bench


def diffs(workspace: Workspace) -> dict[str, bytes]:
    """Return the store's diffs of all sessions."""
    store = Store(workspace)
    sessions = read_manifest(workspace).sessions.values()
    return {s.key: store.read(s.key, s.patch, s.range) for s in sessions if s.patch}


def loose(bench: Bench) -> list[str]:
    return sorted(p.name for p in (bench.root / ".diffs").glob("*.diff"))


def archives(bench: Bench) -> list[Path]:
    return sorted((bench.root / ".diffs" / "archive").glob("*.tar.zst"))


def test_every_complete_month_is_packed_and_everything_reads_as_before(
    made: Bench, cli: Cli
) -> None:
    before, log = diffs(made.workspace), made.restore()
    said = cli("archive", made.root)
    assert said.code == 0
    assert loose(made) == []
    assert [p.name[:7] for p in archives(made)] == ["2025-11", "2025-12"]
    assert set(made.manifest.archives) == {p.name for p in archives(made)}
    assert diffs(made.workspace) == before
    assert made.restore() == log
    verified = cli("verify", made.root, "--json", "--require", "local")
    assert (verified.code, verified.json["diffs"]["intact"]) == (0, 8)
    assert cli("show", day(3), made.root, "--diff").out.encode() == before[day(3)]


def test_a_second_run_writes_nothing(made: Bench, cli: Cli) -> None:
    cli("archive", made.root)
    before = tree(made.root, times=True)
    said = cli("archive", made.root)
    assert (said.code, said.out) == (0, "nothing to pack\n")
    assert tree(made.root, times=True) == before


def test_a_copy_under_another_name_of_the_same_time_goes_with_its_diff(
    made: Bench, cli: Cli
) -> None:
    folder = made.root / ".diffs"
    (name, *_) = loose(made)
    shutil.copy(folder / name, folder / name.replace(".diff", ".af4afc.diff"))
    unknown = folder / name.replace(".diff", ".bf4afc.diff")
    unknown.write_bytes(b"of an unknown session\n")
    assert cli("archive", made.root).code == 0
    assert loose(made) == [unknown.name]
    before = tree(made.root)
    assert cli("archive", made.root).code == 0
    assert tree(made.root) == before


def test_the_running_month_stays_loose(made: Bench, cli: Cli) -> None:
    cli("record", made.root, "--agent", "a", "--task", "now", "--diff", _file(made, PATCH))
    key = list(made.manifest.sessions)[-1]
    cli("archive", made.root)
    assert loose(made) == [f"{key}.diff"]
    assert cli("archive", made.root, "--month", key[:7]).code == 0
    assert loose(made) == []


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--month", "2025-12"), 7),
        (("--before", "2025-11-04"), 5),
        (("--before", "2025-12"), 1),
        (("--older-than", "1d"), 0),
        (("--older-than", "90000d"), 8),
        (("--keep-loose",), 8),
        (("--dry-run",), 8),
    ],
)
def test_only_selected_diffs_are_packed(
    made: Bench, cli: Cli, options: tuple[str, ...], left: int
) -> None:
    before = diffs(made.workspace)
    assert cli("archive", made.root, *options).code == 0
    assert len(loose(made)) == left
    assert diffs(made.workspace) == before
    if "--keep-loose" in options:
        assert cli("archive", made.root).code == 0
        assert loose(made) == []


def test_a_late_session_goes_into_a_further_archive_of_its_month(made: Bench, cli: Cli) -> None:
    cli("archive", made.root)
    first = {p.name: p.read_bytes() for p in archives(made)}
    late = entry("2025-11-20T10:00:00Z", task="late", patch=patch_of("later"))
    made.log.write_bytes(log_of_months() + late)
    made.migrate()
    assert loose(made) == ["2025-11-20T10:00:00Z.diff"]
    assert cli("archive", made.root).code == 0
    now = {p.name: p.read_bytes() for p in archives(made)}
    assert len(now) == len(first) + 1
    assert now.items() > first.items()
    assert len(diffs(made.workspace)) == 9


def test_the_same_diffs_give_the_same_bytes_elsewhere(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(made.root, other)
    cli("archive", made.root)
    umask = os.umask(0o077)
    try:
        cli("archive", other)
    finally:
        os.umask(umask)
    packed = {p.name: p.read_bytes() for p in (other / ".diffs" / "archive").iterdir()}
    assert packed == {p.name: p.read_bytes() for p in archives(made)}


def test_tar_and_zstd_read_an_archive(made: Bench, cli: Cli) -> None:
    before = diffs(made.workspace)
    cli("archive", made.root)
    (path,) = (p for p in archives(made) if p.name.startswith("2025-11"))
    listed = _run("tar", "--zstd", "-tf", str(path)).decode().splitlines()
    assert sorted(listed) == sorted(f"{key}.diff" for key in before if key < "2025-12")
    for name in listed:
        member = _run("tar", "--zstd", "-xOf", str(path), "--", name)
        assert member == before[name.removesuffix(".diff")]
    assert _run("zstd", "-q", "-t", str(path)) == b""


def test_a_clone_with_nothing_loose_says_so(made: Bench, cli: Cli, tmp_path: Path) -> None:
    made.commit()
    git(tmp_path, "clone", "-q", str(made.root), "clone")
    said = cli("archive", tmp_path / "clone", "--json")
    assert (said.code, [f["code"] for f in said.json["findings"]]) == (3, ["absent"])
    assert not (tmp_path / "clone" / ".diffs").exists()


def test_two_clones_pack_different_sessions_of_a_month_and_both_are_found(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    made.commit()
    before = diffs(made.workspace)
    git(tmp_path, "clone", "-q", str(made.root), "clone")
    other = Bench(tmp_path / "clone", made.worker)
    store = other.root / ".diffs"
    store.mkdir()
    for n in (1, 2):  # what only the other clone has
        shutil.move(made.root / ".diffs" / f"{day(n)}.diff", store / f"{day(n)}.diff")
    assert cli("archive", other.root).code == 0
    assert cli("archive", made.root).code == 0
    manifest = (other.root / ".session-codec" / "manifest.jsonl").read_text()
    with open(made.root / ".session-codec" / "manifest.jsonl", "a") as f:
        f.writelines(line + "\n" for line in manifest.splitlines() if '"archive"' in line)
    for path in archives(other):
        shutil.copy(path, made.root / ".diffs" / "archive")
    assert diffs(made.workspace) == before
    assert len([a for a in made.manifest.archives if a.startswith("2025-11")]) == 2
    assert cli("archive", "verify", made.root).code == 0


def test_diffs_that_were_archived_elsewhere_stay_loose_here(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    shutil.copytree(made.root, tmp_path / "other")
    cli("archive", made.root)
    manifest = ".session-codec/manifest.jsonl"
    shutil.copy(made.root / manifest, tmp_path / "other" / manifest)
    said = cli("archive", tmp_path / "other")
    assert (said.code, said.out) == (0, "nothing to pack\n")
    assert len(list((tmp_path / "other" / ".diffs").glob("*.diff"))) == 8


def test_migrate_does_not_write_archived_diffs_as_loose_files(made: Bench, cli: Cli) -> None:
    cli("archive", made.root)
    made.log.write_bytes(log_of_months() + entry("2026-01-01T00:00:00Z", task="new"))
    made.migrate()
    assert loose(made) == ["2026-01-01T00:00:00Z.diff"]
    shutil.rmtree(made.root / ".diffs" / "archive")
    made.migrate()
    assert len(loose(made)) == 9


def test_an_archive_that_the_manifest_does_not_name_does_not_replace_a_loose_diff(
    bench: Bench, cli: Cli
) -> None:
    texts = [entry(day(1), task=t, patch=patch_of(t)) for t in ("one", "two")]
    bench.log.write_bytes(log_of(*texts))
    bench.migrate()
    manifest = bench.root / MANIFEST
    before = manifest.read_bytes()
    assert cli("archive", bench.root, "--before", "2026-01", "--keep-loose").code == 0
    manifest.write_bytes(before)  # as a run leaves it that is killed before it records the archive
    assert cli("archive", bench.root, "--before", "2026-01").code == 0
    assert manifest.read_bytes().count(b'"fact":"archive"') == 1


def test_a_damaged_diff_stops_before_anything_is_deleted(made: Bench, cli: Cli) -> None:
    path = made.root / ".diffs" / f"{day(3)}.diff"
    path.write_bytes(path.read_bytes().replace(b"new", b"now"))
    before = tree(made.root)
    said = cli("archive", made.root)
    assert said.code == 12
    assert day(3) in said.err
    assert tree(made.root).items() >= before.items()
    assert made.manifest.archives == {}


def test_a_diff_that_changes_while_it_is_packed_is_not_deleted(
    made: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pipelines.verbs.archive

    real = pipelines.verbs.archive._loader

    def changed(sources: list[pipelines.verbs.archive.Source]) -> object:
        path = Path(sources[0].path)
        path.write_bytes(path.read_bytes().replace(b"more", b"mere"))
        return real(sources)

    monkeypatch.setattr("pipelines.verbs.archive._loader", changed)
    with pytest.raises(IntegrityError):
        archive(Request(workspace=made.workspace, before="9999"), Silent())
    assert len(loose(made)) == 8
    assert os.listdir(archive_folder(made.workspace)) == []


def test_two_runs_at_once_double_and_lose_nothing(made: Bench) -> None:
    before = diffs(made.workspace)
    runs = [
        subprocess.Popen(
            command("archive", made.root), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    ends = [run.communicate() and run.returncode for run in runs]
    assert set(ends) <= {0, 21}
    assert 0 in ends
    assert diffs(made.workspace) == before
    assert len(made.manifest.archives) == len(archives(made)) == 2


def test_readers_find_every_diff_while_it_is_packed(made: Bench) -> None:
    before = diffs(made.workspace)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(archive, Request(workspace=made.workspace, before="9999"), Silent())
        while not run.done():
            assert diffs(made.workspace) == before
    assert run.result().deleted == 8


@pytest.mark.parametrize("name", ["ls", "verify"])
def test_a_clone_without_archives_lists_them_as_missing(
    made: Bench, cli: Cli, tmp_path: Path, name: str
) -> None:
    cli("archive", made.root)
    made.commit()
    git(tmp_path, "clone", "-q", str(made.root), "clone")
    said = cli("archive", name, tmp_path / "clone")
    assert said.code == 0
    assert "not here" in said.out or "2 missing locally" in said.out
    with pytest.raises(NotFound):
        diffs(locate(str(tmp_path / "clone")))


@pytest.mark.parametrize("at", [0, 5, 300, -1, -30])
def test_damage_exits_12_and_intact_members_are_extracted(
    made: Bench, cli: Cli, tmp_path: Path, at: int
) -> None:
    before = diffs(made.workspace)
    cli("archive", made.root)
    (path,) = (p for p in archives(made) if p.name.startswith("2025-11"))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    said = cli("archive", "verify", made.root)
    assert said.code == 12
    assert path.name in said.err
    assert cli("verify", made.root).code in (0, 12)
    out = cli("archive", "extract", path, "--to", tmp_path / "out", "--json")
    assert out.code == 12 or len(out.json["paths"]) == 7
    for name in out.json["paths"]:
        assert Path(name).read_bytes() == before[Path(name).name.removesuffix(".diff")]
    assert cli("show", "2025-12", made.root, "--diff").code in (0, 22)


def test_a_lost_index_is_rebuilt_with_the_recorded_hash(made: Bench, cli: Cli) -> None:
    before = diffs(made.workspace)
    cli("archive", made.root)
    for path in archives(made):
        whole = path.read_bytes()
        path.write_bytes(whole[:-40])
        assert cli("archive", "verify", made.root).code == 12
        assert cli("archive", "repair", path.name, made.root).code == 0
        assert path.read_bytes() == whole
    assert diffs(made.workspace) == before
    said = cli("archive", "repair", archives(made)[0].name, made.root)
    assert "intact" in said.out


def test_more_than_a_lost_index_is_not_repaired(made: Bench, cli: Cli) -> None:
    cli("archive", made.root)
    path = archives(made)[0]
    path.write_bytes(path.read_bytes()[:100])
    before = tree(made.root)
    said = cli("archive", "repair", path.name, made.root)
    assert said.code == 12
    assert "extract" in said.err
    assert tree(made.root) == before


def test_extract_writes_only_requested_members_and_overwrites_nothing(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    before = diffs(made.workspace)
    cli("archive", made.root)
    name = archives(made)[0].name
    asked = (
        "archive",
        "extract",
        name,
        day(1),
        day(2),
        "--to",
        tmp_path / "out",
        "--repo",
        made.root,
    )
    assert cli(*asked).code == 0
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {
        f"{key}.diff": before[key] for key in (day(1), day(2))
    }
    assert cli(*asked).code == 0
    (tmp_path / "out" / f"{day(2)}.diff").write_bytes(b"mine")
    assert cli(*asked).code == 22
    assert (tmp_path / "out" / f"{day(2)}.diff").read_bytes() == b"mine"
    assert len(list((tmp_path / "out").iterdir())) == 2
    missing = cli(
        "archive", "extract", name, "2030-01-01", "--to", tmp_path / "x", "--repo", made.root
    )
    assert missing.code == 30


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--month", "2025-13"), 2, "2025-13"),
        (("--before", "soon"), 2, "soon"),
        (("--older-than", "30"), 2, "30d"),
        (("--before", "2025-11", "--older-than", "3d"), 2, "exclude each other"),
        (("--profile", "best"), 2, "best"),
    ],
)
def test_bad_input_is_refused(
    made: Bench, cli: Cli, arguments: tuple[str, ...], code: int, told: str
) -> None:
    said = cli("archive", made.root, *arguments)
    assert said.code == code
    assert told in said.err


def test_an_archive_that_is_not_there_is_named_with_those_that_are(made: Bench, cli: Cli) -> None:
    cli("archive", made.root)
    for arguments in (("repair", "x.tar.zst", made.root), ("verify", made.root, "--name", "x")):
        said = cli("archive", *arguments)
        assert said.code == 30
        assert archives(made)[0].name in said.err


def test_the_plan_only_reads(made: Bench) -> None:
    before = tree(made.root, times=True)
    found = plan(Request(workspace=made.workspace, before="9999"), Silent())
    assert {month: len(sources) for month, sources in found.months.items()} == {
        "2025-11": 7,
        "2025-12": 1,
    }
    assert tree(made.root, times=True) == before


def _file(bench: Bench, data: bytes) -> Path:
    path = bench.root.parent / "x.patch"
    path.write_bytes(data)
    return path


def _run(*arguments: str) -> bytes:
    if shutil.which(arguments[0]) is None or shutil.which("zstd") is None:
        pytest.skip(f"{arguments[0]} or zstd is not installed")
    return subprocess.run(arguments, check=True, capture_output=True).stdout
