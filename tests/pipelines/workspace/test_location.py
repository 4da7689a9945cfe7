"""Where a workspace is found, and where its diffs are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from codec.errors import FormatError
from codec.kinds import Key, Sha256
from codec.manifest.facts import Disowned, Purged, PurgedText, Revision
from codec.manifest.jsonl import encode_fact, fact_digest
from codec.manifest.session_fields import changes_between
from codec.records import PatchRef, Session
from pipelines.outcomes.errors import Conflict, WorkspaceMissing
from pipelines.workspace.location import (
    CONFIG,
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    find,
    locate,
    read_config,
)
from pipelines.workspace.manifest_view import manifest_of
from pipelines.workspace.reading import newest_delta_lines, read_manifest
from tests.pipelines.conftest import Bench, Cli, day, entry, git, log_of, tree


def test_a_workspace_is_found_from_a_folder_inside_it(bench: Bench) -> None:
    inside = bench.root / "src" / "deep"
    inside.mkdir(parents=True)
    found = locate(str(inside))
    assert found.root == found.repository == str(bench.root)
    assert found.diffs == str(bench.root / ".diffs")


def test_a_manifest_above_is_preferred_to_a_log_here(bench: Bench) -> None:
    bench.migrate()
    inside = bench.root / "sub"
    inside.mkdir()
    (inside / "AGENT_PROGRESS_LOG.md").write_bytes(b"x")
    assert find(str(inside)).root == str(bench.root)


def test_the_search_ends_at_the_top_of_the_repository(bench: Bench) -> None:
    inner = bench.root / "vendor" / "lib"
    inner.mkdir(parents=True)
    git(inner, "init", "-q")
    assert locate(str(inner)).root == str(inner)


def test_a_folder_without_anything_is_not_a_workspace_yet(tmp_path: Path) -> None:
    found = locate(str(tmp_path))
    assert (found.root, found.repository, found.exists) == (str(tmp_path), None, False)
    with pytest.raises(WorkspaceMissing, match="no session-codec workspace"):
        find(str(tmp_path))


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_path_that_is_not_a_folder_is_not_a_workspace(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "file":
        path.write_bytes(b"")
    with pytest.raises(WorkspaceMissing, match=r"is a file|no such folder"):
        locate(str(path))


def test_the_diffs_of_a_linked_worktree_are_the_main_ones(bench: Bench) -> None:
    bench.migrate()
    bench.commit()
    linked = bench.root.parent / "linked"
    git(bench.root, "worktree", "add", "-q", str(linked))
    found = locate(str(linked))
    assert (found.root, found.diffs) == (str(linked), str(bench.root / ".diffs"))
    assert found.staging_prefix != bench.workspace.staging_prefix
    elsewhere = Bench(linked, bench.worker)
    assert elsewhere.restore() == bench.log.read_bytes()
    elsewhere.log.write_bytes(elsewhere.log.read_bytes() + b"\nmore\n")
    elsewhere.migrate()
    assert not (linked / ".diffs").exists()
    assert elsewhere.restore().endswith(b"\nmore\n")


@pytest.mark.parametrize("content", [b"gitdir: ../.git/modules/sub\n", b"gitdir: \xff\x00", b""])
def test_a_git_file_that_names_no_worktree_keeps_the_diffs_here(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / ".git").write_bytes(content)
    found = locate(str(tmp_path))
    assert found.diffs == str(tmp_path / ".diffs")
    assert found.repository == str(tmp_path)


def test_a_real_submodule_keeps_its_own_diffs(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-q", "--allow-empty", "-m", "x")
    git(bench.root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    assert (bench.root / "sub" / ".git").is_file()
    assert locate(str(bench.root / "sub")).diffs == str(bench.root / "sub" / ".diffs")


def test_broken_lines_of_a_manifest_do_not_hide_the_others(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / MANIFEST
    whole = path.read_bytes()
    path.write_bytes(whole + whole + b'{"fact":"new-kind","x":1}\n[1]\n' + b'{"fact":"ses')
    read = bench.manifest
    assert len(read.sessions) == 3
    assert len(read.unknown) == 1
    assert [e.line for e in read.errors] == [2 * whole.count(b"\n") + 2]
    assert read.torn
    assert not read.key_conflicts


def test_two_sessions_under_one_key_are_a_conflict_and_neither_is_lost(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / MANIFEST
    (line,) = [x for x in path.read_text().splitlines() if '"task":"task-1"' in x]
    other = line.partition(',"v1"')[0].replace("task-1", "other") + ',"id":"x"}\n'
    path.write_text(path.read_text() + other)
    assert len(bench.manifest.key_conflicts) == 1
    key = bench.manifest.key_conflicts[0].key
    tasks = {s.task for k, s in bench.manifest.sessions.items() if k.startswith(key)}
    assert tasks == {"task-1", "other"}


def test_two_facts_of_one_entry_are_one_session_with_the_patches_of_both(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / MANIFEST
    before = bench.manifest
    key, old = next(iter(before.sessions.items()))
    assert old.patch is not None
    patch = PatchRef(sha256=Sha256("ab" * 32), size=7)
    new = old._replace(task="other", patch=patch, reader=old.reader + 1)
    path.write_text(path.read_text() + encode_fact(new) + "\n")
    manifest = bench.manifest
    assert manifest.sessions == {**before.sessions, key: new}
    assert manifest.key_conflicts == ()
    assert manifest.patches_of(key) == [patch, old.patch]
    assert manifest.patches().keys() == {*before.patches(), patch.sha256}
    assert manifest.identity(key) == before.identity(key)


def test_a_revised_session_is_known_by_the_old_entry_and_the_new_one(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / MANIFEST
    key, old = next(iter(bench.manifest.sessions.items()))
    assert old.v1 is not None
    entry = old.v1._replace(sha256=Sha256("cd" * 32))
    new = old._replace(title="A better one", v1=entry, patch=None)
    of = bench.manifest.identity(key)
    changes = changes_between(old, new)
    path.write_text(
        path.read_text() + encode_fact(Revision(of=of, after=(), by="log", changes=changes)) + "\n"
    )
    manifest = bench.manifest
    assert manifest.sessions[key] == new
    assert manifest.identity(key) == of == old.v1.sha256
    assert manifest.entries()[of] == manifest.entries()["cd" * 32] == new
    assert manifest.patches_of(key) == [old.patch]


def test_a_disowned_tombstone_hides_nothing_and_a_later_one_does(tmp_path: Path) -> None:
    first = Purged(
        key=Key("2026-03-01"), sha256=Sha256("ab" * 32), time="2026-03-01T00:00:00.000000Z"
    )
    disowned = Disowned(tombstones=(fact_digest(first),), time="2026-03-02T00:00:00.000000Z")
    assert manifest_of([first]).purged == {first.sha256: first.time}
    assert manifest_of([first, disowned]).purged == {}
    assert manifest_of([first, disowned]).tombstones == (first,)
    again = first._replace(time="2026-03-03T00:00:00.000000Z")
    assert manifest_of([again, first, disowned]).purged == {again.sha256: again.time}


def test_a_fact_whose_text_was_erased_is_not_read_under_any_key() -> None:
    session = Session(
        key=Key("2026-03-01"),
        time="2026-03-01",
        agent="a",
        task="t",
        status="PASS",
        notes="n",
        id="x",
    )
    erased = PurgedText(lines=(fact_digest(session),), time="2026-03-02")
    moved = session._replace(key=Key("2026-03-01.abcdef"))
    private = session._replace(notes="", private=True)
    manifest = manifest_of([moved, private, erased])
    assert manifest.sessions == {"2026-03-01": private}
    assert manifest.histories == {}


def test_settings_are_read_and_wrong_ones_named(tmp_path: Path) -> None:
    workspace = locate(str(tmp_path))
    assert read_config(workspace).agents == {}
    path = tmp_path / CONFIG
    path.parent.mkdir()
    path.write_text('[agents]\n"Diego" = "human"\n')
    assert read_config(workspace).agents == {"Diego": "human"}
    deep = "x = " + "[" * 100_000
    for wrong in ("[agents]\nx = 1\n", "agents = 3\n", "= nothing", "\x00", deep):
        path.write_text(wrong)
        with pytest.raises(FormatError, match=r"config\.toml"):
            read_config(workspace)


def test_the_newest_deltas_are_enough_though_a_merge_repeated_lines(tmp_path: Path) -> None:
    lines = [f"line {n}" for n in range(20)]
    text = "".join(f"{line}\n{line}\n" for line in lines)
    (tmp_path / DELTAS).write_text(text)
    assert newest_delta_lines(locate(str(tmp_path)), 5) == lines[-5:]


def test_a_folder_without_a_manifest_has_no_facts(tmp_path: Path) -> None:
    assert read_manifest(locate(str(tmp_path))).sessions == {}


OWN: Final = (MANIFEST, CONFIG, DELTAS, METRICS, PROGRESS, REFERENCES)


@pytest.mark.parametrize("name", [*OWN, ".session-codec/cache"])
def test_links_of_a_clone_to_other_places_are_neither_read_nor_written(
    bench: Bench, cli: Cli, tmp_path: Path, name: str
) -> None:
    bench.migrate()
    outside = tmp_path / "outside"
    (outside / "cache").mkdir(parents=True)
    (outside / "secret").write_text("token: hunter2\n")
    path = bench.root / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(outside / ("cache" if name.endswith("cache") else "secret"))
    before = tree(outside, times=True)
    said = cli("context", bench.root)
    assert said.code == 22
    assert f"error: {name} is a symbolic link that leads out of the workspace" in said.err
    assert "hunter2" not in said.out + said.err
    assert tree(outside, times=True) == before


@pytest.mark.parametrize("name", [".diffs", ".diffs/v1", ".diffs/archive"])
def test_diffs_go_where_a_user_links_and_nowhere_that_git_does(
    bench: Bench, cli: Cli, tmp_path: Path, name: str
) -> None:
    bench.migrate()
    outside, path = tmp_path / "outside", bench.root / name
    outside.mkdir()
    if path.exists():
        shutil.rmtree(path)
    path.symlink_to(outside)
    asked = ("record", bench.root, "--agent", "a", "--task", "t", "--status", "PASS", "--no-diff")
    assert cli(*asked).code == 0
    git(bench.root, "add", "--force", name)
    said = cli(*asked)
    assert said.code == 22
    assert f"{name}: a link that is committed to the repository" in said.err
    linked = tmp_path / "linked"
    git(bench.root, "commit", "-qm", "link")
    git(bench.root, "worktree", "add", "-q", str(linked))
    assert cli("migrate", linked).code == 22
    assert tree(outside) == {}


def test_a_link_that_stays_inside_is_followed(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / REFERENCES
    path.rename(bench.root / "kept.yaml")
    path.symlink_to("kept.yaml")
    assert find(str(bench.root)).exists


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in the file system")
@pytest.mark.parametrize("name", OWN)
def test_a_pipe_in_place_of_a_file_does_not_block(bench: Bench, name: str) -> None:
    bench.migrate()
    (bench.root / name).unlink(missing_ok=True)
    os.mkfifo(bench.root / name)
    with pytest.raises(Conflict, match="is not a file"):
        find(str(bench.root))


NEWER: Final = b'{"fact":"format","version":99,"needs":"9.8.7"}\n'


@pytest.mark.parametrize(
    "verb",
    [
        ("record", "{}", "--agent", "a", "--task", "t", "--no-diff"),
        ("migrate", "{}", "--from", "{}/more.md"),
        ("purge", day(1), "{}", "--yes"),
        ("archive", "{}"),
        ("references", "{}"),
        ("doctor", "{}", "--repair"),
        ("retire-v1", "{}"),
        ("install", "{}"),
    ],
    ids=lambda verb: verb[0],
)
def test_a_verb_that_writes_refuses_a_newer_format(
    bench: Bench, cli: Cli, verb: tuple[str, ...]
) -> None:
    bench.migrate()
    bench.commit()
    path = bench.root / MANIFEST
    path.write_bytes(NEWER + path.read_bytes())
    with open(bench.root / DELTAS, "ab") as f:
        f.write(b"<<<<<<< HEAD\n")  # so that doctor has something to repair
    (bench.root / "more.md").write_bytes(log_of(entry(day(9))))
    (bench.root / "package.json").write_text('{"dependencies":{"next":"15.1.0"}}')
    before = tree(bench.root)
    said = cli(*(a.format(bench.root) for a in verb))
    after = tree(bench.root)
    assert (said.code, "format 99" in said.err, "9.8.7" in said.err) == (22, True, True), said
    assert {p: x for p, x in after.items() if not p.endswith("lock")} == {
        p: x for p, x in before.items() if not p.endswith("lock")
    }


def test_a_newer_format_can_be_read(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    path = bench.root / MANIFEST
    path.write_bytes(NEWER + path.read_bytes())
    for verb in (("context",), ("show", "latest"), ("query",), ("verify",)):
        assert cli(*verb, bench.root).code == 0
