"""Repositories that were cloned from somebody who means harm.

Of each kind one is built, committed and cloned, and verbs run in the clone. No program of the
repository runs, nothing outside is read or written, and every verb ends soon, within little memory,
and by an exit code with a name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from codec.agents.spool_entry import Entry, encode_entry
from pipelines.workspace.location import (
    CONFIG,
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    V1_LOG,
)
from tests.pipelines.conftest import PATCH, command, git, tree
from tests.support.measuring import measured

#: In every file outside of the repository.
MARKER: Final = "text-of-a-file-outside"
PROGRAM: Final = Path(__file__).parents[2] / "pipelines" / "cli" / "main.py"
SECONDS: Final = 10
MEBIBYTES: Final = 500
KEY: Final = "2025-01-05T10:00:00Z"
SHA: Final = "ab" * 32
JOURNAL: Final = '{"format":"session-codec-journal","version":1,"verb":"record","appends":[]}\n'
LOG: Final = f"# L\n\n### {KEY} | human | x\nStatus: PASS\n```diff\n{PATCH.decode()}```\n"
RECORD: Final = ("record", "--agent", "a", "--task", "t", "--no-diff")
VERBS: Final = (
    ("context",), ("show", "latest"), ("verify", "--full"), ("doctor", "--repair"), RECORD,
    ("sync", "--remote", "REMOTE"),
)  # fmt: skip


class World(NamedTuple):
    """Where a kind is built.

    Attributes:
        repo: what is committed and cloned.
        clone: where it will be cloned to.
        outside: a folder of the user's, which nothing may read or change.
        canary: a program that must not run; it creates a file in `ran`.
        ran: a folder that stays empty.
    """

    repo: Path
    clone: Path
    outside: Path
    canary: Path
    ran: Path

    def write(self, name: str, data: str | bytes) -> object:
        path = self.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_bytes(data.encode() if isinstance(data, str) else data)

    def append(self, name: str, data: str) -> object:
        return self.write(name, (self.repo / name).read_text() + data)

    def link(self, name: str, target: str | Path) -> object:
        path = self.repo / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.symlink(target, path)  # type: ignore[func-returns-value]

    def program(self, name: str) -> object:
        """Write a program that runs the canary."""
        self.write(name, f"#!/bin/sh\n{self.canary}\n")
        return os.chmod(self.repo / name, 0o700)  # type: ignore[func-returns-value]


class Kind(NamedTuple):
    """A kind of hostile repository.

    Attributes:
        plant: makes a harmless repository hostile.
        verbs: that are run, one after the other.
        codes: exit codes that they may have.
        folder: the folder of the clone, in which they run.
    """

    plant: Callable[[World], object]
    verbs: tuple[tuple[str, ...], ...] = VERBS
    codes: frozenset[int] = frozenset((0, 3, 10, 12, 20, 22, 30, 31, 32))
    folder: str = "."


REFUSED: Final = frozenset((22,))
FINE: Final = frozenset((0, 3))


def staging(world: World) -> str:
    return f".session-codec/staging-{hashlib.sha256(os.fsencode(world.clone)).hexdigest()[:12]}"


def outside_link(name: str, inner: str = "", codes: frozenset[int] = REFUSED) -> Kind:
    """Link to a place outside the repository."""
    return Kind(lambda w: w.link(name, w.outside / inner if inner else w.outside), codes=codes)


def fact(world: World, **fields: object) -> object:
    return world.append(MANIFEST, json.dumps(fields) + "\n")


def v1_fact(world: World, source: str, **more: object) -> object:
    return fact(
        world, fact="v1", source=source, sha256=SHA, bytes=1, words=1, tokens={},
        seen="2099-01-01T00:00:00.000000Z", **more,
    )  # fmt: skip


def session_fact(world: World, key: str, **more: object) -> None:
    fields = {"time": KEY, "agent": "a", "task": "t", "status": "PASS", "id": "planted"}
    fact(world, fact="session", key=key, **fields | more)


def same_time(world: World, suffix: str) -> object:
    """Many sessions of one second, with diffs that nobody has."""
    return world.append(MANIFEST, "".join(
        f'{{"fact":"session","key":"{KEY}{suffix.format(n=n)}","time":"{KEY}","agent":"a",'
        f'"task":"t{n}","status":"PASS","id":"i{n}","patch":{{"sha256":"{n:064x}","bytes":9}}}}\n'
        for n in range(20_000)
    ))  # fmt: skip


def event(world: World, **more: object) -> bytes:
    said = {"session_id": "sx", "transcript_path": str(world.outside / "t.jsonl"), **more}
    return encode_entry(
        Entry(agent="claude", event="end", time=1736000000 * 10**9, head="", branch="",
              root=b"/nowhere", size=0, data=json.dumps(said).encode())
    )  # fmt: skip


def bare(world: World, config: str) -> object:
    """Make a folder that git can take for a bare repository."""
    folder = world.repo / "sub"
    git(world.repo, "init", "-q", "--bare", str(folder))
    shutil.rmtree(folder / "hooks")
    (folder / "config").write_text(config.format(canary=world.canary))
    for name in ("objects/k", "refs/k"):
        (folder / name).write_text("")
    world.write(f"sub/{MANIFEST}", (world.repo / MANIFEST).read_bytes())
    world.write(f"sub/{DELTAS}", (world.repo / DELTAS).read_bytes())
    return world.write(f"sub/{V1_LOG}", LOG)


FSMONITOR: Final = (
    "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
    '\tfsmonitor = "{canary}; false"\n'
)
PROMISOR: Final = (
    "[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tworktree = .\n"
    "[extensions]\n\tpartialClone = origin\n"
    '[remote "origin"]\n\turl = "ext::{canary}"\n\tpromisor = true\n'
    '[protocol "ext"]\n\tallow = always\n'
)
MIGRATE: Final = (("migrate",), ("verify", "--full"))
MANY_FACTS: Final = (
    ("context",), ("show", "latest"), ("verify", "--full"), ("report", "-o", "r.html"), RECORD,
    ("sync", "--remote", "REMOTE"), ("doctor",), ("doctor", "--repair"),
)  # fmt: skip
REFERENCED: Final = (("context",), ("references",), ("verify", "--full"))

KINDS: Final[dict[str, Kind]] = {
    # links of local state
    ".diffs": outside_link(".diffs"),
    ".diffs/archive": outside_link(".diffs/archive"),
    ".diffs/v1": outside_link(".diffs/v1"),
    ".session-codec/cache": outside_link(".session-codec/cache"),
    ".session-codec/spool": outside_link(".session-codec/spool"),
    "spool/broken": outside_link(".session-codec/spool/broken"),
    "lock": outside_link(".session-codec/lock", "lock", frozenset((0, 3, 22, 32))),
    "journal": outside_link(".session-codec/journal", "journal", frozenset((0, 3, 22))),
    "journal.tmp": outside_link(".session-codec/journal.tmp", "file", frozenset((0, 3, 22))),
    "a diff": outside_link(f".diffs/{KEY}.diff", "a.diff", frozenset((0, 3, 22))),
    "a link inside of .diffs": Kind(lambda w: w.link(".diffs", "src"), codes=REFUSED),
    "a link inside to the cache": Kind(
        lambda w: w.link(".session-codec/cache", "../src"), codes=REFUSED
    ),
    "an archive": outside_link(
        ".diffs/archive/2025-01-0123456789ab.tar.zst", "a.diff", frozenset((0, 3, 22))
    ),
    "a layout": Kind(
        lambda w: (
            w.write(V1_LOG, LOG),
            w.link(f".diffs/v1/{hashlib.sha256(LOG.encode()).hexdigest()}", w.outside),
        ),
        MIGRATE,
    ),
    "staging and journal": Kind(
        lambda w: (w.write(".session-codec/journal", JOURNAL), w.link(staging(w), w.outside)),
        (RECORD, ("migrate",), ("doctor", "--repair")), frozenset((3, 20, 22)),
    ),
    "staging alone": Kind(
        lambda w: w.link(staging(w), w.outside),
        (RECORD, ("doctor", "--repair")),
        frozenset((0, 22)),
    ),
    "a dangling diff": Kind(lambda w: w.link(".diffs/x.diff", "nowhere")),
    "a looping diff": Kind(lambda w: w.link(".diffs/loop.diff", "loop.diff")),
    "a looping manifest": Kind(lambda w: w.link(MANIFEST, "manifest.jsonl")),
    "a looping folder": Kind(lambda w: w.link(".session-codec", ".session-codec")),
    # links of tracked files
    ".session-codec": outside_link(".session-codec"),
    "manifest": outside_link(MANIFEST, "file"),
    "config": outside_link(CONFIG, "file"),
    "deltas": outside_link(DELTAS, "file"),
    "metrics": outside_link(METRICS, "file"),
    "progress": outside_link(PROGRESS, "file"),
    "references": outside_link(REFERENCES, "file"),
    ".gitattributes": outside_link(".gitattributes", "file", frozenset((0, 3, 22))),
    ".gitignore": outside_link(".gitignore", "file", frozenset((0, 3, 22))),
    "the log": Kind(lambda w: w.link(V1_LOG, w.outside / "file"), (*MIGRATE, *VERBS)),
    "CLAUDE.md": outside_link("CLAUDE.md", "file", FINE),
    "AGENTS.md": outside_link("AGENTS.md", "file", FINE),
    "pyproject.toml": outside_link("pyproject.toml", "file", FINE),
    "workflows": outside_link(".github/workflows", "", FINE),
    ".claude": outside_link(".claude", "", FINE),
    "a link into .git": Kind(lambda w: w.link(".gitattributes", ".git/config")),
    "references in .git": Kind(lambda w: w.link(REFERENCES, ".git/config"), codes=REFUSED),
    "settings for hooks": Kind(
        lambda w: w.link(".claude/settings.json", w.outside / "file"),
        (("install", "--hooks", "claude"),),
    ),
    # files of local state
    "a journal": Kind(lambda w: w.write(".session-codec/journal", JOURNAL), (RECORD,), REFUSED),
    "a journal with a token": Kind(
        lambda w: w.write(f".session-codec/journal-{'0' * 16}", JOURNAL), (RECORD,), REFUSED
    ),
    "a junk journal": Kind(lambda w: w.write(".session-codec/journal", "x"), (RECORD,), REFUSED),
    "a staged diff": Kind(
        lambda w: (
            w.write(".session-codec/journal", JOURNAL), w.write(f"{staging(w)}/{KEY}.diff", "x"),
        ),
        (RECORD, ("verify", "--full")), frozenset((3, 22, 0)),
    ),
    "an event": Kind(
        lambda w: w.write(".session-codec/spool/00000000000000000001-1.end", event(w)),
        (("context",), ("show", "latest"), ("record", "--agent", "a", "--task", "t")),
        frozenset((0, 22)),
    ),
    "a junk event": Kind(lambda w: w.write(".session-codec/spool/x.end", "echo owned\n"),
                         (("context",),), REFUSED),
    "a program in the spool": Kind(
        lambda w: (
            w.write(".session-codec/spool/x.end", "echo owned\n"),
            w.link(".session-codec/spool/broken", w.outside),
        ),
        (("context",),), REFUSED,
    ),
    "a diff file": Kind(
        lambda w: w.write(f".diffs/{KEY}.diff", PATCH), (("verify", "--full"),), REFUSED
    ),
    "a README": Kind(lambda w: w.write(".diffs/README.md", "x"), codes=FINE),
    "a cache of a sync": Kind(
        lambda w: w.write(
            f".session-codec/cache/sync-{hashlib.sha256(b'REMOTE').hexdigest()[:12]}", "{}\n{}"
        ),
        codes=FINE,
    ),
    "caches": Kind(
        lambda w: [
            w.write(f".session-codec/cache/{name}", b"[" * 99_999)
            for name in ("context.json", "newest.json", "verified.json", "deltas.json",
                         "rules.json")
        ],
        codes=FINE,
    ),
    # facts
    "a slow pattern": Kind(
        lambda w: (v1_fact(w, "LOG.md", pattern="(?P<time>(a+)+b)"), w.write("LOG.md", "a" * 40)),
        (("verify", "--full"), ("references",), ("context",)), FINE,
    ),
    "many slow patterns": Kind(
        lambda w: [
            (v1_fact(w, f"L{n}.md", pattern="(?P<time>(a+)+b)"), w.write(f"L{n}.md", "a" * 40))
            for n in range(8)
        ],
        (("verify", "--full"),), FINE,
    ),
    "a log outside": Kind(lambda w: v1_fact(w, str(w.outside / "file")), (*VERBS, *MIGRATE)),
    "a log above": Kind(lambda w: v1_fact(w, "../outside/file"), (*VERBS, *MIGRATE)),
    "a log in .git": Kind(lambda w: v1_fact(w, ".git/config"), (*VERBS, *MIGRATE)),
    "a key with a path": Kind(
        lambda w: session_fact(w, "../../outside/file", patch={"sha256": SHA, "bytes": 1}),
        (*VERBS, ("show", "../../outside/file"), ("purge", "../../outside/file", "--yes")),
    ),
    "an archive with a path": Kind(
        lambda w: fact(w, fact="archive", name="../../../outside/2025-01-0123456789ab.tar.zst",
                       sha256=SHA, bytes=1, keys=[KEY], zstd="1"),
        (*VERBS, ("archive", "verify")),
    ),
    "a diff of 20 GiB": Kind(
        lambda w: session_fact(w, KEY, patch={"sha256": SHA, "bytes": 20 << 30}),
        (*VERBS, ("show", KEY, "--diff"), ("archive", "--before", "2099-01")),
    ),
    "ranges that are options": Kind(
        lambda w: session_fact(w, KEY, patch={"sha256": SHA, "bytes": 1},
                               range=f"--output={w.outside}/new..HEAD"),
        (*VERBS, ("show", KEY, "--diff")),
    ),
    "20,000 unknown facts": Kind(
        lambda w: w.append(MANIFEST, "".join(f'{{"fact":"x{n}"}}\n' for n in range(20_000))),
        (("verify", "--full"), ("doctor",)), FINE,
    ),
    "20,000 logs": Kind(
        lambda w: w.append(MANIFEST, "".join(
            f'{{"fact":"v1","source":"L{n}.md","sha256":"{n:064x}","bytes":1,"words":1,'
            f'"tokens":{{}},"seen":"2025-01-01T00:00:00.000000Z"}}\n' for n in range(20_000))),
        (("references",), *MANY_FACTS), frozenset((0, 3, 30, 32)),
    ),
    "20,000 sessions of one key": Kind(
        lambda w: same_time(w, ""), MANY_FACTS, FINE,
    ),
    "20,000 sessions of one second": Kind(
        lambda w: same_time(w, ".{n:06x}"), MANY_FACTS, FINE,
    ),
    "20,000 rows of no fact": Kind(
        lambda w: (
            w.append(DELTAS, "".join(
                f"{KEY}.{n:06x} | a | t | PASS | L+1,-1,C:1,T:1min\n" for n in range(20_000))),
            w.append(METRICS, "".join(
                f"{KEY}.{n:06x}\ta\tt\t1\t1\t1\t1\t1\tPASS\n" for n in range(20_000))),
            w.append(PROGRESS, "".join(
                f"### {KEY}.{n:06x} | a\nTask: t\n\n" for n in range(20_000))),
        ),
        MANY_FACTS, FINE,
    ),
    "deep JSON": Kind(lambda w: w.append(MANIFEST, "[" * 100_000 + "\n")),
    "large numbers": Kind(lambda w: w.append(MANIFEST, '{"fact":' + "9" * 100_000 + "}\n")),
    "bytes that are not text": Kind(lambda w: w.write(MANIFEST, os.urandom(4096))),
    "a line of 8 MiB": Kind(lambda w: w.append(DELTAS, "x" * (8 << 20) + "\n")),
    # settings and other files that are read
    "settings that name a remote": Kind(
        lambda w: w.write(CONFIG, f'[remote]\nurl = "{w.outside}"\n'), (("sync",), *VERBS),
        frozenset((0, 2, 3)),
    ),
    "deep settings": Kind(lambda w: w.write(CONFIG, "x = " + "[" * 50_000)),
    "a YAML bomb": Kind(
        lambda w: w.write(REFERENCES, "a: &a [x, x]\n" + "".join(
            f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
            for a, b in zip("abcdefgh", "bcdefghi", strict=True))),
        REFERENCED,
    ),
    "a YAML tag": Kind(
        lambda w: w.write(REFERENCES, f"a: !!python/object/apply:os.system ['{w.canary}']\n"),
        REFERENCED,
    ),
    "deep YAML": Kind(lambda w: w.write(REFERENCES, "[" * 50_000), REFERENCED),
    "a lock file of 40 MB": Kind(lambda w: w.write("package.json", "[" * 40_000_000), REFERENCED),
    "an agent's file that backtracks": Kind(
        lambda w: w.write("CLAUDE.md", "# " + "a " * 200_000 + "\n- MUST " + "!" * 200_000 + "\n"),
        REFERENCED,
    ),
    "a log of fences": Kind(lambda w: w.write(V1_LOG, LOG + "```diff\n~~~\n" * 20_000), MIGRATE),
    "a log with escapes": Kind(
        lambda w: w.write(V1_LOG, LOG.replace("human", "\x1b]0;x\x07")), MIGRATE
    ),
    # git, and programs
    "a monitor in a bare folder": Kind(
        lambda w: (bare(w, FSMONITOR), w.link("sub/.diffs", "objects")), (*VERBS, *MIGRATE),
        folder="sub",
    ),
    "a promisor in a bare folder": Kind(
        lambda w: bare(w, PROMISOR), (*MIGRATE, ("retire-v1",), ("show", "latest", "--diff")),
        folder="sub",
    ),
    "a link to the folder": Kind(
        lambda w: (
            shutil.copytree(w.repo / ".session-codec", w.repo / "real" / ".session-codec"),
            shutil.copy(w.repo / DELTAS, w.repo / "real" / DELTAS),
            w.link("real/.diffs", w.outside), w.link("app", "real"),
        ),
        codes=REFUSED, folder="app",
    ),
    "filters and drivers": Kind(
        lambda w: (
            w.write(".gitattributes", "* filter=x diff=x merge=x\n"),
            w.write(".gitconfig", f"[filter x]\n\tclean = {w.canary}\n[diff x]\n\ttextconv = x\n"),
        ),
        (*VERBS, ("record", "--agent", "a", "--task", "t"),
         ("record", "--agent", "a", "--task", "t", "--worktree")),
    ),
    "modules": Kind(
        lambda w: [
            w.write(name, f"import subprocess\nsubprocess.run([{str(w.canary)!r}])\n")
            for name in ("sitecustomize.py", "usercustomize.py", "json.py", "yaml.py", "click.py",
                         "venv.py", "pip.py", "pipelines/__init__.py", "codec/__init__.py")
        ],
        codes=FINE,
    ),
    "hooks": Kind(
        lambda w: [
            w.program(f"{folder}/{name}")
            for folder in (".githooks", "hooks") for name in ("pre-commit", "post-checkout")
        ],
        codes=FINE,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with a workspace of one session with a diff."""
    repo = tmp_path_factory.mktemp("template") / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "src").mkdir()
    (repo / "src" / "a.py").write_text("x\n")
    (repo / "p.diff").write_bytes(PATCH)
    for arguments in (("install",), (*RECORD[:-1], "--diff", str(repo / "p.diff"))):
        subprocess.run(command(arguments[0], repo, *arguments[1:]), check=True, capture_output=True)
    return repo


def ended(arguments: list[str], folder: Path) -> tuple[int, float, str]:
    """Run a program: its exit code, its memory in MiB, and what it printed."""
    ran = measured(arguments, folder, SECONDS * 3)  # a busy machine is not a failure
    assert ran.seconds < SECONDS, ("too much time", arguments)
    return ran.code, ran.mebibytes, ran.said


def check(template: Path, tmp_path: Path, kind: Kind) -> None:
    """Build a kind, clone it and run its verbs."""
    world = World(
        tmp_path / "repo", tmp_path / "clone", tmp_path / "outside", tmp_path / "canary",
        tmp_path / "ran",
    )  # fmt: skip
    shutil.copytree(template, world.repo, symlinks=True)
    shutil.rmtree(world.repo / ".diffs")
    shutil.rmtree(world.repo / ".session-codec" / "cache", ignore_errors=True)
    for folder in (world.outside, world.ran):
        folder.mkdir()
    prompt = {"type": "user", "sessionId": "sx", "message": {"content": MARKER}}
    (world.outside / "t.jsonl").write_text(json.dumps(prompt))
    for name in ("file", "a.diff", "2025-01-0123456789ab.tar.zst"):
        (world.outside / name).write_text(f"{MARKER}\n")
    (world.outside / "journal").write_text(JOURNAL)
    world.canary.write_text(f"#!/bin/sh\ntouch {world.ran}/canary\n")
    world.canary.chmod(0o755)
    kind.plant(world)
    git(world.repo, "add", "--all", "--force")
    git(world.repo, "commit", "-qm", "hostile")
    git(tmp_path, "clone", "-q", str(world.repo), str(world.clone))
    before = tree(world.outside)
    for verb in kind.verbs:
        words = [str(tmp_path / "remote") if word == "REMOTE" else word for word in verb[1:]]
        asked = [sys.executable, "-P", str(PROGRAM), verb[0], *words]
        code, memory, said = ended(asked, world.clone / kind.folder)
        assert code in kind.codes, (verb, code, said)
        assert memory < MEBIBYTES, (verb, memory)
        assert MARKER not in said, verb
        assert tree(world.outside) == before, verb
        assert os.listdir(world.ran) == [], verb
        if code in {22, 31, 32}:
            assert said.count("error: ") == 1, (verb, said)
    for folder in (world.clone, tmp_path / "remote"):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
                assert MARKER.encode() not in path.read_bytes(), path


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_repository_does_no_harm(template: Path, tmp_path: Path, name: str) -> None:
    check(template, tmp_path, KINDS[name])


QUICK: Final = ("staging and journal", "an event", "a monitor in a bare folder")


@pytest.mark.parametrize("name", QUICK)
def test_some_hostile_repositories_do_no_harm(template: Path, tmp_path: Path, name: str) -> None:
    check(template, tmp_path, KINDS[name])


def test_there_are_sixty_kinds() -> None:
    assert len(KINDS) >= 60
