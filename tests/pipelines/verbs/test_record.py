"""Recording: whole, once, exact, whatever git and the folder are like."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codec.errors import IntegrityError
from codec.records import Session
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import NotFound
from pipelines.recording.session import Recording, record_session
from pipelines.verification.integrity import check_integrity
from pipelines.workspace import pending
from pipelines.workspace.location import Workspace, find
from pipelines.workspace.tracked_files import read_tracked
from tests.pipelines.conftest import PATCH, Bench, Cli, command, git, tree
from tests.support.read_only import read_only


@pytest.fixture
def made(bench: Bench) -> Bench:
    """Make a migrated, committed workspace with a commit after it."""
    bench.migrate()
    (bench.root / "a.py").write_text("one\n")
    bench.commit()
    (bench.root / "a.py").write_text("one\ntwo\n")
    (bench.root / "b.bin").write_bytes(bytes(range(256)))
    bench.commit()
    return bench


ASKED = ("--agent", "claude-sonnet-4-5", "--task", "Fix the login")


def lose_diff(bench: Bench, key: str) -> None:
    """Remove a diff from `.diffs` and from the pending store."""
    (bench.root / ".diffs" / f"{key}.diff").unlink()
    for paths in pending.patch_files(bench.workspace).values():
        for path in paths:
            os.unlink(path)


def newest(bench: Bench) -> Session:
    """Return the session that was recorded last."""
    return list(bench.manifest.sessions.values())[-1]


def test_the_last_commit_is_recorded_and_its_key_printed(made: Bench, cli: Cli) -> None:
    said = cli("record", made.root, *ASKED, "--status", "PASS (deployed)", "--notes", "a\nb")
    assert said.code == 0
    session = newest(made)
    assert said.out == f"{session.key}\n"
    assert (session.agent, session.task, session.title) == (
        "sonnet-4.5",
        "Fix-the-login",
        "Fix the login",
    )
    assert (session.status, session.remark, session.notes) == ("PASS", "deployed", "a b")
    assert (session.metrics.lines_added, session.metrics.commits) == (1, 1)
    assert made.deltas()[-1] == f"{session.key} | sonnet-4.5 | Fix-the-login | PASS | L+1,C:1"
    assert cli("verify", made.root).code == 0


def test_the_patch_applies_to_the_parent_of_the_commit(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    cli("record", made.root, *ASKED)
    patch = cli("show", "latest", made.root, "--diff").out.encode()
    git(made.root, "worktree", "add", "-q", "--detach", str(tmp_path / "before"), "HEAD^")
    subprocess.run(["git", "apply"], input=patch, cwd=tmp_path / "before", check=True)
    assert (tmp_path / "before" / "a.py").read_text() == "one\ntwo\n"
    assert (tmp_path / "before" / "b.bin").read_bytes() == bytes(range(256))


@pytest.mark.parametrize(
    ("named", "commits", "added"),
    [("HEAD~1..HEAD", 1, 1), ("HEAD~2..", 2, 0), ("HEAD~1", 1, 0), ("HEAD~2...HEAD", 2, 0)],
)
def test_a_range_gives_its_patch_and_counts_its_commits(
    made: Bench, cli: Cli, named: str, commits: int, added: int
) -> None:
    (made.root / "c.py").write_text("three\n")
    git(made.root, "add", "c.py")
    git(made.root, "commit", "-qm", "three")
    assert cli("record", made.root, *ASKED, "--git", named).code == 0
    session = newest(made)
    ends = git(made.root, "rev-parse", *session.range.split("..")).split()
    assert ends == session.range.split("..")
    assert session.metrics.commits == commits
    lines = git(made.root, "diff", "--numstat", session.range).splitlines()
    counted = [line.split("\t")[0] for line in lines]
    assert session.metrics.lines_added == sum(int(n) for n in counted if n != "-") >= added


def test_the_files_of_the_workspace_are_not_part_of_a_patch(made: Bench, cli: Cli) -> None:
    cli("record", made.root, *ASKED)
    made.commit()
    assert "SESSION_DELTAS.log" in git(made.root, "show", "--stat", "HEAD")
    cli("record", made.root, *ASKED)
    session = newest(made)
    assert session.patch is None
    assert (session.metrics.lines_added, session.metrics.lines_removed) == (0, 0)


def test_the_first_commit_and_a_merge_have_patches(tmp_path: Path, made: Bench, cli: Cli) -> None:
    first = git(made.root, "rev-list", "--max-parents=0", "HEAD").strip()
    assert cli("record", made.root, *ASKED, "--git", first).code == 0
    assert newest(made).patch is not None
    git(made.root, "checkout", "-qb", "side", "HEAD~1")
    (made.root / "side.py").write_text("side\n")
    git(made.root, "add", "side.py")
    git(made.root, "commit", "-qm", "side")
    git(made.root, "checkout", "-qf", "main")
    git(made.root, "merge", "-q", "--no-ff", "-m", "merge", "side")
    assert cli("record", made.root, *ASKED, "--git", "HEAD").code == 0
    assert cli("show", "latest", made.root, "--diff").out.count("diff --git") == 1


def test_the_working_tree_is_recorded_with_new_files_and_its_index_stays(
    made: Bench, cli: Cli
) -> None:
    (made.root / "a.py").write_text("one\nchanged\n")
    (made.root / "new.txt").write_text("new\n")
    (made.root / ".diffs" / "ignored.txt").write_text("ignored\n")
    before = git(made.root, "status", "--porcelain", "--", "a.py", "new.txt")
    assert cli("record", made.root, *ASKED, "--worktree").code == 0
    patch = cli("show", "latest", made.root, "--diff").out
    assert "+changed" in patch
    assert "+new" in patch
    assert "ignored" not in patch
    assert git(made.root, "status", "--porcelain", "--", "a.py", "new.txt") == before
    assert not [p for p in (made.root / ".git").iterdir() if p.name.startswith("index.")]
    assert (newest(made).range, newest(made).metrics.commits) == ("", 0)


def test_a_repository_without_a_commit_records_its_working_tree(tmp_path: Path, cli: Cli) -> None:
    root = tmp_path / "new"
    (root / ".session-codec").mkdir(parents=True)
    git(root, "init", "-q")
    (root / ".session-codec" / "manifest.jsonl").touch()
    (root / "a.py").write_text("one\n")
    said = cli("record", root, *ASKED)
    assert said.code == 30
    assert "--worktree" in said.err
    assert cli("record", root, *ASKED, "--worktree").code == 0
    assert "+one" in cli("show", "latest", root, "--diff").out
    assert (root / "PROJECT_METRICS.tsv").read_text().startswith("timestamp\tagent")
    assert (root / "AGENT_PROGRESS_LOG_v2.md").read_text().count("### [REF:") == 1


def test_a_patch_from_a_file_or_stdin_is_kept_byte_for_byte(
    plain: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.migrate()
    patch = PATCH.replace(b"\n", b"\r\n") + b"\xff no end of line"
    (plain.root / "x.patch").write_bytes(patch)
    assert cli("record", plain.root, *ASKED, "--diff", plain.root / "x.patch").code == 0
    session = newest(plain)
    assert session.patch is not None
    assert Store(plain.workspace).read(session.key, session.patch) == patch
    with open(plain.root / "x.patch", encoding="latin-1") as f:
        monkeypatch.setattr("sys.stdin", f)
        assert cli("record", plain.root, *ASKED, "--diff", "-").code == 0
    assert newest(plain).patch == session.patch


def test_outside_of_git_a_session_has_no_diff_and_says_so(plain: Bench, cli: Cli) -> None:
    plain.migrate()
    said = cli("record", plain.root, *ASKED)
    assert (said.code, newest(plain).patch) == (0, None)
    assert "not in a git repository" in said.err
    assert newest(plain).metrics.lines_added is None
    assert cli("record", plain.root, *ASKED, "--git", "HEAD").code == 30


def test_an_id_is_recorded_once(made: Bench, cli: Cli) -> None:
    first = cli("record", made.root, *ASKED, "--id", 'run "7"')
    before = tree(made.root)
    again = cli("record", made.root, "--agent", "x", "--task", "y", "--id", 'run "7"')
    assert (again.code, again.out) == (0, first.out)
    assert "recorded before" in again.err
    assert tree(made.root) == before
    assert cli("record", made.root, *ASKED, "--id", "run").out != first.out


def test_the_same_commits_twice_are_recorded_and_reported(made: Bench, cli: Cli) -> None:
    first = cli("record", made.root, *ASKED)
    again = cli("record", made.root, *ASKED, "--json")
    assert [f["code"] for f in again.json["findings"]] == ["same-commits"]
    assert first.out.strip() in again.err
    assert again.json["session"]["key"].startswith(first.out.strip()[:10])


def test_a_lost_diff_is_rebuilt_from_its_commits(made: Bench, cli: Cli) -> None:
    key = cli("record", made.root, *ASKED).out.strip()
    patch = cli("show", key, made.root, "--diff").out
    lose_diff(made, key)
    git(made.root, "config", "diff.noprefix", "true")
    git(made.root, "config", "diff.algorithm", "patience")
    git(made.root, "config", "diff.context", "9")
    git(made.root, "config", "diff.renames", "false")
    assert cli("show", key, made.root, "--diff").out == patch
    git(made.root, "worktree", "add", "-q", str(made.root.parent / "linked"))
    assert cli("show", key, made.root.parent / "linked", "--diff").code == 0


def test_verify_counts_the_diffs_that_git_can_recompute(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    cli("record", made.root, *ASKED)
    made.commit()
    git(tmp_path, "clone", "-q", str(made.root), "clone")
    clone = tmp_path / "clone"
    (clone / ".diffs").mkdir()
    for path in (made.root / ".diffs").glob("2025*.diff"):
        (clone / ".diffs" / path.name).write_bytes(path.read_bytes())
    found = cli("verify", clone, "--json", "--require", "local").json
    assert (found["diffs"]["absent"], found["in_git"], found["absent"]) == (1, 1, [])
    assert found["exit"] == 0
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{made.root}", "shallow")
    found = cli("verify", tmp_path / "shallow", "--json").json
    assert (found["in_git"], len(found["absent"])) == (0, 4)


def test_verify_does_not_count_a_diff_that_git_makes_differently(made: Bench, cli: Cli) -> None:
    recording = Recording(agent="a", task="t", patch=PATCH, ranges=(_last(made),))
    session = record_session(made.workspace, recording).session
    lose_diff(made, session.key)
    found = cli("verify", made.root, "--json", "--require", "local").json
    assert (found["in_git"], found["absent"], found["exit"]) == (0, [session.key], 3)


def test_a_diff_that_git_makes_differently_is_not_passed_off(made: Bench) -> None:
    recorded = record_session(
        made.workspace, Recording(agent="a", task="t", patch=PATCH, ranges=(_last(made),))
    )
    lose_diff(made, recorded.session.key)
    with pytest.raises(NotFound):
        _read(made.workspace, recorded.session)


def test_a_changed_loose_diff_is_damage_even_if_git_could_help(made: Bench, cli: Cli) -> None:
    key = cli("record", made.root, *ASKED).out.strip()
    (made.root / ".diffs" / f"{key}.diff").write_bytes(b"changed")
    with pytest.raises(IntegrityError):
        _read(made.workspace, newest(made))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"# Read me\n\n- one\n+ two\n", "given:1: is not a patch"),
        (
            b"\x1b[1mdiff --git a/a b/a\x1b[m\n\x1b[32m+one\x1b[m\n",
            "given:1: contains terminal colours",
        ),
    ],
)
def test_a_file_that_is_not_a_patch_is_refused(
    made: Bench, cli: Cli, tmp_path: Path, content: bytes, told: str
) -> None:
    before = tree(made.root)
    given = tmp_path / "given"
    given.write_bytes(content)
    said = cli("record", made.root, *ASKED, "--diff", given)
    assert said.code == 10
    assert told in said.err
    assert tree(made.root) == before


def test_a_coloured_patch_is_refused_and_a_plain_one_is_recorded(
    made: Bench, cli: Cli, tmp_path: Path
) -> None:
    (made.root / "code.py").write_text("print('\\x1b[31mred')\n")
    git(made.root, "add", "-N", ".")
    for when, code in (("always", 10), ("never", 0)):
        given = tmp_path / when
        given.write_bytes(git(made.root, "diff", f"--color={when}").encode())
        assert cli("record", made.root, *ASKED, "--diff", given).code == code


def test_a_dry_run_shows_the_entry_and_writes_nothing(made: Bench, cli: Cli) -> None:
    before = tree(made.root)
    said = cli("record", made.root, *ASKED, "--status", "FAIL", "--dry-run")
    assert said.code == 0
    assert "Status: FAIL" in said.out
    assert tree(made.root) == before


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--status", "succes"), 2, "PARTIAL"),
        (("--duration-min", "-1"), 2, "--duration-min"),
        (("--tokens", "many"), 2, "--tokens"),
        (("--tokens", str(10**15)), 11, "too large"),
        (("--git", "HEAD", "--worktree"), 2, "exclude each other"),
        (("--git", "no-such"), 30, "no-such"),
        (("--git=--output=/tmp/x",), 30, "no such commit"),
        (("--git", "HEAD..no-such"), 30, "no-such"),
        (("--diff", "no-such.patch"), 30, "no-such.patch"),
        (("--agent", ""), 2, "--agent is empty"),
        (("--task", " "), 2, "--task is empty"),
        (("--task", "x" * 2_001), 2, "--task has 2,001 characters; the limit is 2,000"),
        (("--notes", "x" * 20_001), 2, "--notes has 20,001 characters"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(
    made: Bench, cli: Cli, arguments: tuple[str, ...], code: int, told: str
) -> None:
    before = tree(made.root)
    said = cli("record", made.root, *ASKED, *arguments)
    assert said.code == code
    assert told in said.err
    assert tree(made.root) == before


def test_there_must_be_a_workspace(tmp_path: Path, cli: Cli) -> None:
    said = cli("record", tmp_path, *ASKED)
    assert said.code == 20
    assert "session-codec" in said.err


def test_a_torn_line_is_ended_first_and_reported(made: Bench, cli: Cli) -> None:
    for name in ("SESSION_DELTAS.log", ".session-codec/manifest.jsonl"):
        with open(made.root / name, "ab") as f:
            f.write(b'{"torn')
    said = cli("record", made.root, *ASKED)
    assert said.code == 0
    assert said.err.count("its last line is incomplete") == 2
    assert made.deltas()[-1].startswith(said.out.strip())
    assert newest(made).key == said.out.strip()


def test_a_workspace_in_a_folder_leaves_out_its_own_files_there(
    tmp_path: Path, bench: Bench, cli: Cli
) -> None:
    folder = bench.root / "sub"
    (folder / ".session-codec").mkdir(parents=True)
    (folder / ".session-codec" / "manifest.jsonl").touch()
    (folder / "SESSION_DELTAS.log").touch()
    (bench.root / "top.py").write_text("top\n")
    (folder / "low.py").write_text("low\n")
    bench.commit()
    assert cli("record", folder, *ASKED).code == 0
    patch = cli("show", "latest", folder, "--diff").out
    assert "b/top.py" in patch
    assert "b/sub/low.py" in patch
    assert "sub/SESSION_DELTAS.log" not in patch
    assert "b/AGENT_PROGRESS_LOG.md" in patch  # of no workspace there


def test_a_hook_of_git_may_record(made: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert cli("record", made.root, *ASKED).code == 0
    assert newest(made).metrics.lines_added == 1


def write_at_once(root: Path, writers: int, each: int) -> list[str]:
    """Record indistinguishable sessions in several threads; return their keys."""

    def write(_number: int) -> list[str]:
        workspace = find(str(root))
        recording = Recording(agent="same", task="same", patch=PATCH)
        return [record_session(workspace, recording).session.key for _ in range(each)]

    with ThreadPoolExecutor(writers) as pool:
        return [key for keys in pool.map(write, range(writers)) for key in keys]


def test_writers_at_once_lose_nothing(bench: Bench) -> None:
    bench.migrate()
    keys = write_at_once(bench.root, 16, 6)
    assert len(set(keys)) == 16 * 6
    assert_whole(bench, keys)


@pytest.mark.slow
def test_sixteen_writers_of_200_sessions_are_never_seen_half_done(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_at_once, bench.root, 16, 200)
        reads = 0
        while not writing.done() or reads == 0:
            context = cli("context", bench.root, "--last", "3", "--json")
            assert (context.code, context.json["broken"]) == (0, 0)
            verified = cli("verify", bench.root, "--json", "--context-budget", "5000")
            found = [f["code"] for f in verified.json["findings"]]
            assert (verified.code, set(found) - {"pending"}) == (0, set())
            reads += 1
    keys = writing.result()
    assert len(set(keys)) == 3_200
    assert_whole(bench, keys)
    assert reads > 1


@pytest.mark.slow
def test_whole_processes_at_once_lose_nothing(bench: Bench) -> None:
    bench.migrate()
    bench.commit()

    def write(number: int) -> list[str]:
        arguments = ("record", bench.root, "--agent", "a", "--task", f"t-{number}", "--no-diff")
        ran = [subprocess.run(command(*arguments), capture_output=True, text=True, check=True)
               for _ in range(5)]  # fmt: skip
        return [r.stdout.strip() for r in ran]

    with ThreadPoolExecutor(16) as pool:
        keys = [key for keys in pool.map(write, range(16)) for key in keys]
    assert len(set(keys)) == 16 * 5
    assert_whole(bench, keys)


def assert_whole(bench: Bench, keys: list[str]) -> None:
    """Each session once in each file, and nothing that does not agree."""
    tracked = read_tracked(bench.workspace)
    integrity = check_integrity(bench.workspace, tracked, bench.manifest, lambda _: None)
    assert (integrity.findings, integrity.diffs[1:]) == ((), (0, 0))
    assert set(keys) < bench.manifest.sessions.keys()
    lines = bench.deltas()
    assert len(lines) == len(set(lines)) == len(bench.manifest.sessions)


def _last(bench: Bench) -> str:
    return "..".join(git(bench.root, "rev-parse", "HEAD^", "HEAD").split())


def _read(workspace: Workspace, session: Session) -> bytes:
    assert session.patch is not None
    return Store(workspace).read(session.key, session.patch, session.range)


def test_a_record_in_a_read_only_sandbox_says_how_to_go_on(made: Bench, cli: Cli) -> None:
    before = tree(made.root)
    with read_only(made.root):
        said = cli("record", made.root, *ASKED)
    assert said.code == 31
    assert "the session is not recorded. Run the same command where" in said.err
    assert "outside of the agent's sandbox" in said.err
    assert tree(made.root) == before


def test_a_clock_that_goes_back_gives_no_key_twice(
    made: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for second in (30, 10, 20, 30, 10, 20):
        now = f"2030-01-05T10:00:{second}.000000Z"
        monkeypatch.setattr("pipelines.recording.session.moment", lambda now=now: now)
        keys.append(record_session(made.workspace, Recording(agent="a", task="t")).session.key)
    assert len(set(keys)) == len(keys)
    assert [key for key in made.manifest.sessions if key.startswith("2030")] == keys
    assert len({line.split()[0] for line in made.deltas()}) == len(made.manifest.sessions)


def test_a_private_session_has_figures_and_no_texts(made: Bench, cli: Cli) -> None:
    said = cli("record", made.root, "--agent", "a", "--task", "Sell the vault", "--status",
               "FAIL (vault)", "--notes", "vault", "--private", "--json")  # fmt: skip
    assert said.code == 0, said.err
    session = made.manifest.sessions[said.json["session"]["key"]]
    assert (session.private, session.task, session.title, session.notes) == (True, "-", "", "")
    assert (session.status, session.metrics.lines_added) == ("FAIL", 1)
    written = (d for name, (d, _) in tree(made.root).items() if not name.startswith(".diffs"))
    assert not any(b"vault" in data for data in written)
