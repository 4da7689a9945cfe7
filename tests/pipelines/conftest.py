"""What the tests of verbs share: small v1 logs, a workspace to migrate them in, and one worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import zstandard

from pipelines.cli.main import run
from pipelines.outcomes.progress import Progress, Silent
from pipelines.system.worker.client import Worker
from pipelines.v1.logs import Request
from pipelines.verbs import restore_v1
from pipelines.verbs.migrate import Result, migrate
from pipelines.workspace.location import V1_LOG, Workspace, locate
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest

if TYPE_CHECKING:
    from tests.support.clones import Clone

CORPUS: Final = Path(__file__).parents[2].parent / "shared" / "corpus"
REAL: Final = ("origin", "rss-feed", "forge-ledger", "codex-log")
PATCH: Final = (
    b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n-old\n+new\n+more\n"
)
HEAD: Final = b"# Progress\n\nAppend only.\n\n## Sessions\n\n"
TAIL: Final = b"## Rules\n\nBe brief.\n"


@lru_cache(maxsize=8)
def corpus(name: str) -> bytes:
    """Return a log or a truth file of the shared corpus; skip the test if it is missing."""
    path = CORPUS / name
    if path.exists():
        return path.read_bytes()
    packed = CORPUS / "generated" / f"{name}.zst"
    if packed.exists():
        return zstandard.ZstdDecompressor().stream_reader(packed.read_bytes()).read()
    pytest.skip(f"{path} is not there: the corpus is not part of the repository")


def entry(
    time: str,
    *,
    agent: str = "claude-sonnet-4-5",
    task: str = "some-task",
    status: str = "PASS",
    patch: bytes | None = PATCH,
    notes: str = "None",
) -> bytes:
    """Return a session as a v1 log has it."""
    diff = b"" if patch is None else b"Full Diff:\n```diff\n" + patch + b"```\n\n"
    head = f"### {time} | {agent} | {task}\nAgent: {agent}\nTask: {task}\nStatus: {status}\n\n"
    return (
        head.encode()
        + diff
        + f"Metrics:\n- Commits: 1\n- Duration: 5 min\n\nLessons: {notes}\n\n---\n\n".encode()
    )


def day(n: int) -> str:
    """Return the time of the nth session."""
    return f"2025-11-{n:02d}T10:00:00Z"


def log_of(*entries: bytes) -> bytes:
    """Return a v1 log with these sessions."""
    return HEAD + b"".join(entries) + TAIL


THREE: Final = log_of(*(entry(day(n), task=f"task-{n}") for n in (3, 2, 1)))


def tree(root: Path, *, times: bool = False) -> dict[str, tuple[bytes, int]]:
    """All files below a folder, git's own apart: by path, content and, if asked for, mtime."""
    found: dict[str, tuple[bytes, int]] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f != ".git"]
        for name in names:
            path = Path(folder, name)
            content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
            at = path.lstat().st_mtime_ns if times else 0
            found[path.relative_to(root).as_posix()] = content, at
    return found


def git(root: Path, *arguments: str) -> str:
    """Run git, with a name to commit under and nothing of the user's."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**environment, "GIT_CONFIG_GLOBAL": os.devnull},
    ).stdout


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with a v1 log, and the verbs called in this process."""

    root: Path
    worker: Worker

    @property
    def log(self) -> Path:
        return self.root / V1_LOG

    @property
    def workspace(self) -> Workspace:
        return locate(str(self.root))

    @property
    def manifest(self) -> Manifest:
        return read_manifest(self.workspace)

    def migrate(
        self, *sources: Path, strict: bool = False, progress: Progress | None = None, **more: Any
    ) -> Result:
        request = Request(
            workspace=self.workspace, sources=tuple(map(str, sources)), strict=strict, **more
        )
        return migrate(request, self.worker, progress or Silent())

    def restore(self, version: str | None = None, source: str | None = None) -> bytes:
        made = restore_v1.plan(self.workspace, version=version, source=source)
        return b"".join(restore_v1.apply(made))

    def deltas(self) -> list[str]:
        return (self.root / "SESSION_DELTAS.log").read_text().splitlines()

    def commit(self) -> None:
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", "all")


def codes(result: Result, level: str = "finding") -> list[str]:
    """Return the codes of findings."""
    return [f.code for f in result.plan.findings if f.level == level]


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """One worker process for all tests: starting one costs most of a second."""
    with Worker("o200k_base") as shared:
        yield shared


@pytest.fixture
def bench(tmp_path: Path, worker: Worker) -> Bench:
    """Make a git repository with an unmigrated log of three sessions."""
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / V1_LOG).write_bytes(THREE)
    return Bench(root, worker)


@pytest.fixture
def plain(tmp_path: Path, worker: Worker) -> Bench:
    """Make an unmigrated log of three sessions outside of git."""
    root = tmp_path / "plain"
    root.mkdir()
    (root / V1_LOG).write_bytes(THREE)
    return Bench(root, worker)


@pytest.fixture
def words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search as without the extra `search`: by words alone."""
    monkeypatch.setattr("pipelines.search.answers.is_available", lambda: False)


@pytest.fixture
def this_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make git run the code of this checkout, whatever else is installed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.fixture
def origin(bench: Bench, this_tree: None) -> Clone:
    """Make a repository with a migrated workspace, to clone."""
    from tests.support.clones import Clone

    bench.migrate()
    bench.commit()
    return Clone(bench.root)


@pytest.fixture
def ann(origin: Clone) -> Clone:
    """Make a clone with the merge driver and one recorded session."""
    from tests.support.clones import TIMES, clone_of

    clone = clone_of(origin, "ann")
    clone.record("ann", TIMES)
    return clone


@pytest.fixture
def bob(origin: Clone) -> Clone:
    """Another, which recorded in the same seconds."""
    from tests.support.clones import TIMES, clone_of

    clone = clone_of(origin, "bob")
    clone.record("bob", TIMES)
    return clone


@dataclass(frozen=True, slots=True)
class Said:
    """What a verb printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


Cli = Callable[..., Said]


@pytest.fixture
def cli(worker: Worker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in this process, with the shared worker."""

    def shared(_tokenizer: str) -> AbstractContextManager[Worker]:
        return nullcontext(worker)

    monkeypatch.setattr("pipelines.cli.commands.migrate.Worker", shared)
    monkeypatch.setattr("pipelines.system.worker.client.Worker", shared)
    monkeypatch.setattr("gc.disable", lambda: None)

    def call(*arguments: object) -> Said:
        capfd.readouterr()
        code = run([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return call


def command(*arguments: object) -> list[str]:
    """Run the command line as a process."""
    return [sys.executable, "-m", "pipelines.cli.main", *map(str, arguments)]
