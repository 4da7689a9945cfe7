"""`doctor` finds and names each fault; a repair lasts and loses nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codec.kinds import Key
from codec.manifest.jsonl import encode_fact
from codec.merge.tracked_formats import DELTAS as DELTA_LINES
from codec.records import Session
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import Conflict
from pipelines.outcomes.progress import Silent
from pipelines.system.fs.files import replace_file
from pipelines.verbs.doctor import Result, apply, plan, remaining
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, Workspace
from pipelines.workspace.merge_driver_setup import configure_merge, unconfigure_merge
from pipelines.workspace.tracked_files import IGNORED
from pipelines.workspace.transaction import Append, Transaction
from tests.pipelines.conftest import PATCH, Bench, Cli, day, entry, git, log_of, tree
from tests.support.clones import MANY, TIMES, Clone, assert_whole, clone_of, pull

FILES = (MANIFEST, DELTAS, METRICS, PROGRESS)


def repair(workspace: Workspace) -> Result:
    """Repaired once; a second time finds nothing to do."""
    result = apply(plan(workspace))
    assert plan(workspace).is_empty
    assert plan(workspace).repairs == ()
    return result


def assert_clean(bench: Bench) -> None:
    assert remaining(plan(bench.workspace), Silent(), repaired=True) == ()


@pytest.fixture
def bench(bench: Bench, this_tree: None) -> Bench:
    """Make a repository in which the merge driver is configured."""
    configure_merge(bench.workspace)
    return bench


def codes(result: Result) -> set[str]:
    return {f.code for f in result.plan.repairs}


def test_a_workspace_that_is_right_has_nothing_to_repair(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    before = tree(bench.root, times=True)
    said = cli("doctor", bench.root, "--repair")
    assert (said.code, said.out) == (0, "repaired: 0; left: 0\n")
    assert tree(bench.root, times=True) == before


def test_a_workspace_that_was_just_installed_has_nothing_to_repair(
    tmp_path: Path, this_tree: None, cli: Cli
) -> None:
    git(tmp_path, "init", "-q")
    cli("install", tmp_path)
    said = cli("doctor", tmp_path, "--json")
    assert (said.code, said.json["repairs"], said.json["left"]) == (0, [], [])


def test_after_a_plain_union_merge_all_sessions_are_back_whole(ann: Clone, bob: Clone) -> None:
    git(ann.root, "branch", "before")
    unconfigure_merge(ann.workspace)
    pull(ann, bob)
    assert "key-clash" in {f.code for f in ann.check().findings}
    repair(ann.workspace)
    assert_whole(ann, ["ann", "bob"])
    pull(bob, ann, branch="before")  # the driver gives the same keys
    assert bob.manifest.sessions == ann.manifest.sessions


def test_entries_that_plain_union_took_apart_are_whole_again(origin: Clone) -> None:
    one, two = (clone_of(origin, name, driver=False) for name in ("one", "two"))
    one.record("one", TIMES[::2], bare=True)  # git refines on the lines that all of them share
    two.record("two", TIMES[1::2], bare=True)
    pull(one, two)
    found = [f for f in one.check().findings if f.file == PROGRESS and f.level == "finding"]
    assert found  # or this would prove nothing
    repair(one.workspace)
    assert_whole(one, ["one", "two"], MANY // 2)


def test_two_worktrees_merged_by_plain_union_are_whole_again(origin: Clone) -> None:
    one, two = (clone_of(origin, name, driver=False) for name in ("one", "two"))
    one.record("one", TIMES)
    two.record("two", TIMES)
    pull(one, two)
    repair(one.workspace)
    assert_whole(one, ["one", "two"])
    # later merges of either kind add nothing twice
    one.commit("repaired")
    two.record("two", ["2026-03-02T00:00:00Z"], notes="more")
    pull(one, two)
    repair(one.workspace)
    assert_whole(one, ["one"])
    assert_whole(one, ["two"], MANY + 1)


def test_a_conflict_that_somebody_committed_is_undone_and_both_sides_stay(
    origin: Clone, bob: Clone
) -> None:
    cid = clone_of(origin, "cid", driver=False)
    attributes = cid.root / ".gitattributes"
    attributes.write_text(attributes.read_text().replace("merge=union", "merge"))
    cid.record("cid", TIMES)
    with pytest.raises(subprocess.CalledProcessError):
        pull(cid, bob)
    assert b"<<<<<<<" in (cid.root / DELTAS).read_bytes()
    cid.commit("not looked at")
    result = repair(cid.workspace)
    assert "conflict-mark" in codes(result)
    assert_whole(cid, ["bob", "cid"])


def test_a_backup_beside_each_file_undoes_the_repair(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    bench.commit()
    for name in FILES:
        path = bench.root / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    damaged = {name: (bench.root / name).read_bytes() for name in FILES}
    said = cli("doctor", bench.root, "--repair")
    assert said.code == 0
    for name in FILES:
        backup = bench.root / f"{name}.repair-1.bak"
        assert backup.read_bytes() == damaged[name]
        assert f"backup: {name}.repair-1.bak\n" in said.out
        assert f"repaired: {name}:1: has lines that end in CR LF\n" in said.out
    assert git(bench.root, "status", "--porcelain") == ""  # git ignores the backups
    (bench.root / DELTAS).write_bytes(damaged[DELTAS])
    cli("doctor", bench.root, "--repair")
    assert (bench.root / f"{DELTAS}.repair-2.bak").exists()


@pytest.mark.parametrize("name", [DELTAS, METRICS, PROGRESS])
def test_a_file_that_was_lost_is_rebuilt(bench: Bench, name: str) -> None:
    bench.migrate()
    before = (bench.root / name).read_bytes()
    (bench.root / name).unlink()
    result = repair(bench.workspace)
    assert (bench.root / name).read_bytes() == before
    assert result.backups == ()
    assert_clean(bench)


def test_a_note_is_nothing_that_cannot_be_repaired(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    with (bench.root / DELTAS).open("a") as f:
        f.write("2030-01-01 | a | b | PASS | -\n")
    assert cli("doctor", bench.root).out.endswith("can be repaired: 0; cannot: 0; notes: 1\n")
    assert cli("doctor", bench.root, "--repair").out.endswith("left: 0; notes: 1\n")


def test_without_repair_it_reports_and_writes_nothing(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    path = bench.root / DELTAS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[1:], lines[1], "by hand\n"]))
    before = tree(bench.root, times=True)
    for arguments in ([], ["--repair", "--dry-run"]):
        said = cli("doctor", bench.root, *arguments)
        assert said.code == 3
        assert f"{DELTAS}: has nothing about {day(1)}" in said.err
        assert f"{DELTAS}:3: is a repeated line" in said.err
        assert f"{DELTAS}:4: cannot be read: 1 fields instead of 5" in said.err
        assert said.out.endswith("can be repaired: 3; cannot: 0\n")
    assert f"would write {DELTAS}" in said.out
    assert tree(bench.root, times=True) == before
    assert cli("doctor", bench.root, "--dry-run").code == 2


def test_a_fault_that_cannot_be_repaired_stays_and_is_reported(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    unknown = "2030-01-01 | a | b | PASS | -\n"
    with (bench.root / DELTAS).open("a") as f:
        f.write(unknown)
    (bench.root / ".diffs" / f"{day(2)}.diff").write_bytes(b"damaged")
    said = cli("doctor", bench.root, "--repair", "--json")
    assert said.code == said.json["exit"] == 3
    assert [f["code"] for f in said.json["left"]] == ["damaged", "unknown-row"]
    assert said.json["repairs"] == said.json["written"] == said.json["backups"] == []
    assert (bench.root / DELTAS).read_text().endswith(unknown)
    assert (bench.root / ".diffs" / f"{day(2)}.diff").read_bytes() == b"damaged"


def test_a_line_by_hand_is_set_aside_and_the_backup_restores_it(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    path = bench.root / DELTAS
    before = path.read_text()
    path.write_text(before + "by hand\n")
    said = cli("doctor", bench.root, "--repair")
    assert said.code == 0
    assert f"repaired: {DELTAS}:4: cannot be read: 1 fields instead of 5" in said.out
    assert path.read_text() == before
    assert cli("verify", bench.root).code == 0
    (bench.root / f"{DELTAS}.repair-1.bak").rename(path)
    assert path.read_text() == before + "by hand\n"


def test_json_lists_each_repair(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    path = bench.root / METRICS
    path.write_text(path.read_text().replace("\tPASS\t", "\tFAIL\t", 1))
    said = cli("doctor", bench.root, "--repair", "--json")
    assert said.code == 0
    assert said.json["schema"] == "session-codec/doctor/1"
    (found,) = said.json["repairs"]
    assert (found["code"], found["file"], found["line"], found["key"]) == (
        "row-differs", METRICS, 2, day(1),
    )  # fmt: skip
    assert said.json["repaired"] is True
    assert said.json["written"] == [METRICS]
    assert said.json["backups"] == [f"{METRICS}.repair-1.bak"]
    assert said.json["left"] == []


def test_a_note_alone_is_not_a_finding(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    path = bench.root / DELTAS
    path.write_bytes(path.read_bytes()[:-1])
    assert cli("doctor", bench.root).code == 0
    assert "torn-line" in codes(repair(bench.workspace))
    assert_clean(bench)


def stopped(bench: Bench) -> Session:
    """Stop a verb after its commit: the fact of a session is written, its rows are not."""
    session = Session(key=Key(day(9)), time=day(9), agent="a", task="t", status="PASS")
    transaction = Transaction(bench.workspace, "record")
    transaction.begin()
    transaction.prepare([Append(path=MANIFEST, chunks=[f"{encode_fact(session)}\n".encode()])])
    (unfinished,) = (bench.root / ".session-codec").glob("journal-*.tmp")
    unfinished.rename(unfinished.with_suffix(""))
    return session


def test_a_verb_that_was_stopped_is_completed_first(bench: Bench) -> None:
    bench.migrate()
    session = stopped(bench)
    made = plan(bench.workspace)
    assert [f.code for f in made.repairs] == ["unfinished"]
    result = apply(made)
    assert result.recovered == "record"
    assert codes(result) == {"missing-row"}  # planned again once it was completed
    assert DELTA_LINES.encode(session) in (bench.root / DELTAS).read_bytes()
    assert not list((bench.root / ".session-codec").glob("journal*"))
    assert_clean(bench)


def test_unfinished_files_of_an_interrupted_run_are_removed_and_others_stay(bench: Bench) -> None:
    bench.migrate()
    half, other = bench.root / f".{DELTAS}.4711.tmp", bench.root / ".mine.4711.tmp"
    inner = bench.root / ".session-codec" / f"journal-{'0' * 16}.tmp.payload"
    for path in (half, other, inner):
        path.write_bytes(b"half")
    assert codes(repair(bench.workspace)) == {"leftover"}
    assert [p.exists() for p in (half, other, inner)] == [False, True, False]
    for path in (half, inner):  # what was in them can be had again
        assert path.with_name(f"{path.name}.repair-1.bak").read_bytes() == b"half"


def test_a_diff_gets_the_name_of_the_key_that_a_merge_gave_its_session(
    ann: Clone, bob: Clone
) -> None:
    pull(ann, bob)
    pull(bob, ann)
    for clone in (ann, bob):
        result = repair(clone.workspace)
        assert codes(result) <= {"misnamed-diff", "out-of-order"}
        loose = Store(clone.workspace).loose_names()
        mine = {s.key for s in clone.manifest.sessions.values() if s.agent == clone.root.name}
        assert loose == {f"{key}.diff" for key in mine}
        assert clone.check().diffs == (MANY, MANY + 3, 0)
        # a branch from before the merge still finds its own
        git(clone.root, "checkout", "-q", "--detach", f":/{clone.root.name}")
        assert clone.check().diffs[0] == MANY
        assert not clone.check().damaged


def test_rows_that_two_clones_shared_are_separated(origin: Clone) -> None:
    ann, bob = clone_of(origin, "ann"), clone_of(origin, "bob")
    for clone in (ann, bob):
        clone.record("human", TIMES[:2], notes="the same")
    pull(ann, bob)
    assert codes(repair(ann.workspace)) <= {"shared-row", "misnamed-diff"}
    assert ann.check().findings == ()
    assert len(ann.keys(DELTAS)) == 3 + 2 * 2


def test_git_gets_only_the_lines_that_it_does_not_have(bench: Bench) -> None:
    bench.migrate()
    (bench.root / ".gitignore").write_text("mine\n")
    assert codes(repair(bench.workspace)) == {"git-lines"}
    text = (bench.root / ".gitignore").read_text()
    assert text.startswith("mine\n")
    assert set(IGNORED) <= set(text.splitlines())


def test_a_file_that_changed_after_the_plan_is_planned_again(bench: Bench) -> None:
    bench.migrate()
    path = bench.root / DELTAS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    made = plan(bench.workspace)
    path.write_bytes(b"".join(lines[2:]))
    result = apply(made)
    assert [f.key for f in result.plan.repairs] == [day(1), day(2)]
    assert_clean(bench)


def test_that_the_merge_driver_is_not_set_up_is_a_note(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    unconfigure_merge(bench.workspace)
    said = cli("doctor", bench.root, "--json")
    assert said.code == 0
    assert [f["code"] for f in said.json["left"]] == ["merge-driver"]


@pytest.mark.parametrize("number", range(6))
def test_a_repair_that_is_stopped_is_completed_by_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    bench.migrate()
    for name in (DELTAS, METRICS, PROGRESS):
        path = bench.root / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    written: list[str] = []

    def stops(path: str, chunks: list[bytes]) -> None:
        if len(written) == number:
            raise KeyboardInterrupt
        written.append(path)
        replace_file(path, chunks)

    made = plan(bench.workspace)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.verbs.doctor.replace_file", stops)
        with pytest.raises(KeyboardInterrupt):
            apply(made)
    repair(bench.workspace)
    assert_clean(bench)
    backups = [p for p in bench.root.iterdir() if p.name.endswith(".bak")]
    assert {b"\r\n" in p.read_bytes() for p in backups} == {True}
    assert {p.name.split(".repair")[0] for p in backups} == {DELTAS, METRICS, PROGRESS}


def test_a_link_in_place_of_a_file_is_refused_and_not_followed(
    bench: Bench, tmp_path: Path
) -> None:
    bench.migrate()
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    (bench.root / DELTAS).unlink()
    (bench.root / DELTAS).symlink_to(secret)
    with pytest.raises(Conflict, match="symbolic link"):
        plan(bench.workspace)
    assert secret.read_text() == "secret\n"


def test_one_file_of_two_sessions_of_a_time_with_equal_diffs_is_renamed_once(
    bench: Bench, cli: Cli
) -> None:
    bench.log.write_bytes(log_of(entry(day(1), task="one"), entry(day(1), task="two")))
    bench.migrate()
    diffs = bench.root / ".diffs"
    for path in diffs.glob("*.diff"):
        path.unlink()
    (diffs / f"{day(1)}.0123456789ab.diff").write_bytes(PATCH)
    assert cli("doctor", bench.root, "--repair").code == 0
    assert len(list(diffs.glob("*.diff"))) == 1
    for key in bench.manifest.sessions:
        assert cli("show", key, bench.root, "--diff").out.encode() == PATCH
