"""git runs in the repository that we found, trusts whom git trusts, and runs nothing of a clone."""

from __future__ import annotations

import ast
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.outcomes.errors import Denied, NotFound, Unavailable
from pipelines.system.git.process import git_output, is_tracked, run_git
from pipelines.system.git.repository import calling_repository, repository_at
from tests.pipelines.conftest import THREE, Cli, git

CODE = Path(__file__).parents[4]
#: Modules that run git: in a repository, and to make one.
RUNNERS = {"pipelines/system/git/process.py", "pipelines/system/git/clone.py"}
#: Programs other than git: our own worker and verbs, models, and what schedules a job.
OTHERS = {
    "pipelines/fleet/child.py",
    "pipelines/system/models/programs.py",
    "pipelines/system/worker/duckdb_process.py",
    "pipelines/system/schedulers.py",
    "pipelines/v1/pattern.py",
    "pipelines/system/worker/client.py",
}
STARTERS = {"system", "popen", "posix_spawn", "posix_spawnp", "startfile"}
ARGUMENTS = ("--agent", "a", "--task", "t")
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "a.txt").write_text("a\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


def cloned(root: Path) -> Path:
    """Commit everything, ignored files included, and clone it."""
    git(root, "add", "-Af")
    git(root, "commit", "-qm", "all")
    clone = root.parent / "clone"
    git(root.parent, "clone", "-q", str(root), str(clone))
    return clone


def bare_inside(folder: Path, config: str) -> None:
    """Make a folder that git takes for a bare repository, of files that git commits."""
    git(folder.parent, "init", "-q", "--bare", "-b", "main", str(folder))
    shutil.rmtree(folder / "hooks")
    (folder / "objects" / "keep").touch()
    (folder / "refs" / "heads").mkdir(exist_ok=True)
    (folder / "refs" / "heads" / ".keep").touch()
    (folder / "config").write_text(config)


# The one function


def started(path: Path) -> Iterator[str]:
    """Return how a module can start programs."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name in {"subprocess", "pty", "_winapi"})
        elif isinstance(node, ast.ImportFrom):
            if node.module in {"subprocess", "asyncio.subprocess", "pty"}:
                yield node.module
        elif isinstance(node, ast.Attribute):
            by_os = isinstance(node.value, ast.Name) and node.value.id == "os"
            is_start = node.attr in STARTERS or node.attr.startswith(("exec", "spawn"))
            if (by_os and is_start) or node.attr.startswith("create_subprocess"):
                yield node.attr


def test_no_other_module_starts_programs() -> None:
    paths = [p for part in ("codec", "pipelines") for p in (CODE / part).rglob("*.py")]
    found = {p.relative_to(CODE).as_posix() for p in paths if any(started(p))}
    assert found == RUNNERS | OTHERS


def test_no_other_module_names_git_as_a_program() -> None:
    for name in OTHERS:
        tree = ast.parse((CODE / name).read_bytes())
        strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        assert "git" not in strings


# Settings inside a clone


def test_a_bare_repository_in_a_folder_runs_no_program(
    repo: Path, cli: Cli, tmp_path: Path
) -> None:
    """git would take the folder for the repository, and run what its configuration names."""
    witness = tmp_path / "ran"
    config = (
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
        f'\tfsmonitor = "touch {witness}; false"\n'
    )
    folder = repo / "sub"
    bare_inside(folder, config)
    (folder / ".session-codec").mkdir()
    (folder / ".session-codec" / "manifest.jsonl").touch()
    (folder / "SESSION_DELTAS.log").touch()
    (folder / ".diffs").symlink_to("objects")
    clone = cloned(repo)
    for verb in ("context", "verify", "doctor"):
        said = cli(verb, clone / "sub")
        assert (said.code, witness.exists()) == (22, False)
        assert "a link that is committed to the repository" in said.err


def test_a_missing_object_is_not_fetched_by_a_program(repo: Path, cli: Cli, tmp_path: Path) -> None:
    """The configuration of an embedded partial clone names a program as its remote."""
    witness = tmp_path / "ran"
    config = (
        "[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tworktree = .\n"
        "[extensions]\n\tpartialClone = origin\n"
        f'[remote "origin"]\n\turl = "ext::sh -c touch% {witness}"\n\tpromisor = true\n'
        '[protocol "ext"]\n\tallow = always\n'
    )
    folder = repo / "sub"
    bare_inside(folder, config)
    (folder / "refs" / "heads" / "main").write_text(git(repo, "rev-parse", "HEAD"))
    (folder / "AGENT_PROGRESS_LOG.md").write_bytes(THREE)
    clone = cloned(repo)
    assert cli("migrate", clone / "sub").code == 0
    cli("retire-v1", clone / "sub")
    assert not witness.exists()


def test_the_repository_itself_cannot_fetch_by_a_program(repo: Path, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    blob = git(repo, "rev-parse", "HEAD:a.txt").strip()
    for name, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", f"ext::sh -c touch% {witness}"),
        ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"),
    ):
        git(repo, "config", name, value)
    (repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(Unavailable):
        run_git(repository_at(str(repo)), "cat-file", "blob", blob)
    assert not witness.exists()


def test_a_link_from_a_clone_is_detected_through_another_link(
    repo: Path, cli: Cli, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    assert cli("install", repo / "real").code in {0, 20}
    (repo / "real" / ".session-codec").mkdir(parents=True, exist_ok=True)
    (repo / "real" / ".session-codec" / "manifest.jsonl").touch()
    (repo / "real" / ".diffs").symlink_to(outside)
    (repo / "app").symlink_to("real")
    clone = cloned(repo)
    (tmp_path / "patch").write_text("diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n")
    said = cli("record", clone / "app", *ARGUMENTS, "--diff", tmp_path / "patch")
    assert (said.code, list(outside.iterdir())) == (22, [])


@pytest.mark.parametrize("name", ["a.txt", "A.TXT"])
def test_a_tracked_file_is_known_whatever_its_case(repo: Path, name: str) -> None:
    assert is_tracked(str(repo / name))
    assert not is_tracked(str(repo / f"{name}.other"))


@pytest.mark.parametrize("name", ["*", ":(top)a.txt", "[a].txt"])
def test_a_name_is_not_a_pattern(repo: Path, name: str) -> None:
    assert not is_tracked(str(repo / name))


def test_a_repository_that_cannot_be_read_is_not_an_answer(repo: Path) -> None:
    (repo / ".git" / "index").write_bytes(b"damaged")
    with pytest.raises(Unavailable):
        is_tracked(str(repo / "a.txt"))
    (repo / ".git" / "HEAD").unlink()
    with pytest.raises(Unavailable):
        is_tracked(str(repo / "a.txt"))


def test_outside_of_git_nothing_is_tracked(tmp_path: Path) -> None:
    assert not is_tracked(str(tmp_path / "a.txt"))


# The owner


@pytest.fixture
def foreign(repo: Path) -> Path:
    """Make a repository of another user."""
    if not IS_ROOT:
        pytest.skip("only root can give files away")
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 4711, 4711)
    return repo


def test_the_repository_of_another_user_is_refused_with_gits_advice(
    foreign: Path, cli: Cli
) -> None:
    with pytest.raises(Denied) as caught:
        run_git(repository_at(str(foreign)), "rev-parse", "HEAD")
    assert "dubious ownership" in caught.value.problem
    assert f"git config --global --add safe.directory {foreign}" in (caught.value.hint or "")
    (foreign / ".session-codec").mkdir()
    (foreign / ".session-codec" / "manifest.jsonl").touch()
    for verb in ("verify", "doctor", "install"):
        assert cli(verb, foreign).code == 31
    said = cli("record", foreign, *ARGUMENTS)
    assert (said.code, "safe.directory" in said.err) == (31, True)


@pytest.mark.parametrize("how", ["file", "star", "environment"])
def test_a_repository_that_the_user_trusts_is_read(
    foreign: Path, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "environment":
        monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(foreign))
    else:
        named = "*" if how == "star" else str(foreign)
        (tmp_path / "config").write_text(f"[safe]\n\tdirectory = {named}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert run_git(repository_at(str(foreign)), "rev-parse", "HEAD").stdout


def test_root_may_act_for_the_user_that_called_sudo(
    foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", "4711")
    assert run_git(repository_at(str(foreign)), "rev-parse", "HEAD").stdout
    monkeypatch.setenv("SUDO_UID", "4712")
    with pytest.raises(Denied):
        run_git(repository_at(str(foreign)), "rev-parse", "HEAD")


def test_a_repository_cannot_declare_itself_safe(foreign: Path) -> None:
    with open(foreign / ".git" / "config", "a") as f:
        f.write("[safe]\n\tdirectory = *\n")
    with pytest.raises(Denied):
        run_git(repository_at(str(foreign)), "rev-parse", "HEAD")


# The environment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_DIR", "/nowhere"),
        ("GIT_WORK_TREE", "/nowhere"),
        ("GIT_INDEX_FILE", "/nowhere/index"),
        ("GIT_OBJECT_DIRECTORY", "/nowhere"),
        ("GIT_COMMON_DIR", "/nowhere"),
        ("GIT_NAMESPACE", "other"),
        ("GIT_LITERAL_PATHSPECS", "1"),
        ("GIT_ICASE_PATHSPECS", "1"),
        ("GIT_CONFIG_COUNT", "x"),
        ("GIT_CONFIG_PARAMETERS", "'core.bare=true'"),
        ("GIT_EXTERNAL_DIFF", "/nowhere"),
        ("GIT_TRACE", "1"),
    ],
)
def test_the_environment_does_not_say_which_repository_or_how(
    repo: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    wanted = git(repo, "rev-parse", "HEAD")
    monkeypatch.setenv(name, value)
    done = run_git(repository_at(str(repo)), "log", "-1", "--format=%H", "--", ":(top)a.txt")
    assert (done.stdout.decode(), done.stderr) == (wanted, b"")


def test_the_users_configuration_still_applies(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[user]\n\tname = somebody\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert run_git(repository_at(str(repo)), "config", "user.name").stdout == b"somebody\n"


def test_hooks_and_monitors_of_the_repository_do_not_run(repo: Path, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    hook = repo / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {witness}\n")
    hook.chmod(0o755)
    git(repo, "config", "core.fsmonitor", f"touch {witness}; false")
    (repo / "a.txt").write_text("changed\n")
    run_git(repository_at(str(repo)), "add", "--all", index=str(tmp_path / "index"))
    assert not witness.exists()


def test_the_merge_driver_works_in_the_repository_that_called_it(
    repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(repo)
    assert calling_repository().top == str(repo)
    git(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "apart"), str(repo))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "apart"))
    assert run_git(calling_repository(), "rev-parse", "HEAD").stdout
    monkeypatch.delenv("GIT_DIR")
    assert calling_repository().git == str(tmp_path / "apart")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound):
        calling_repository()


# What git answers


def test_only_documented_exit_codes_are_answers(repo: Path) -> None:
    found = repository_at(str(repo))
    assert run_git(found, "config", "--get", "no.such", answers=(0, 1)).returncode == 1
    with pytest.raises(Unavailable, match="git config"):
        run_git(found, "config", "--get", "no.such")


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("nonsense\0")
    with pytest.raises(NotFound):
        repository_at(str(tmp_path))


def test_a_git_that_does_not_end_is_stopped(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("pipelines.system.git.process._TIMEOUT", 0.01)
    with pytest.raises(Unavailable, match="did not end"):
        run_git(repository_at(str(repo)), "rev-parse", "HEAD")


def test_a_git_that_stops_before_it_reads_is_an_error(repo: Path) -> None:
    found = repository_at(str(repo))
    with (
        pytest.raises(Unavailable, match="git no-such-command"),
        git_output(found, "no-such-command", data=b"x" * 30_000, plain=True) as output,
    ):
        assert output.read() == b""


def test_the_empty_repositories_are_part_of_the_package() -> None:
    folder = CODE / "pipelines" / "system" / "plain_git"
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    names = ("HEAD", "config", "refs/.keep")
    assert files == {f"{kind}/{name}" for kind in ("sha1", "sha256") for name in names}
    patterns = tomllib.loads((CODE / "pyproject.toml").read_text())
    packed = patterns["tool"]["setuptools"]["package-data"]["pipelines"]
    assert {p for n in packed for p in (CODE / "pipelines").glob(n)} >= {folder / f for f in files}
