"""The verbs as a user runs them, beside plain tools that touch as many bytes.

Every run has a directory of its own, and none is removed before all is done: the first new files
after many were removed take several times as long.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.corpus import repeated
from bench.process import Cost, Failed, Skipped, run
from bench.table import Pair, Row, compared

_TIMES = 10
_FINDINGS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What all benchmarks share.

    Attributes:
        folder: where everything is written; removed at the very end.
        log: the large log in it.
        wanted: runs of each benchmark; None for each benchmark's own number.
        write: write what docs/ quotes.
        clones: a folder of clones of public repositories.
    """

    folder: Path
    log: Path
    wanted: int | None
    write: bool = False
    clones: Path | None = None

    def turns(self, usual: int = 5) -> range:
        """One item a run."""
        return range(self.wanted or usual)

    def fresh(self) -> Path:
        """Return a new directory."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def repository(self, log: Path) -> Path:
        """Make a new repository with a log, written in full rather than linked or copied lazily."""
        folder = self.fresh()
        subprocess.run(["git", "init", "-q", folder], check=True)
        os.link(log, folder / "AGENT_PROGRESS_LOG.md")
        return folder


def migrate(setting: Setting) -> Iterator[Row]:
    """Measure the first migrate beside csplit, which cuts the same log into as many files."""
    csplit = tool("csplit")
    cut = [csplit, "-s", "-z", "-n", "6", str(setting.log), "/^### 20/", "{*}"]
    pairs = [
        (_migrated(setting, setting.log), run(cut, cwd=setting.fresh())) for _ in setting.turns()
    ]
    yield compared("migrate", "migrate", "csplit", pairs, most=5, peak=250)


def migrate_10x(setting: Setting) -> Iterator[Row]:
    """Measure the first migrate of ten times the sessions; time must grow as the log does."""
    log = setting.folder / "large-10x.md"
    repeated(setting.log, log, _TIMES)
    pairs = [(_migrated(setting, log), _migrated(setting, setting.log)) for _ in setting.turns(1)]
    yield compared("migrate-10x", "migrate 10x", "migrate", pairs, most=11, peak=600)


def again(setting: Setting) -> Iterator[Row]:
    """Measure the second migrate of an unchanged log beside the first."""
    pairs: list[Pair] = []
    for _ in setting.turns():
        folder = setting.repository(setting.log)
        first = verb("migrate", cwd=folder)
        pairs.append((verb("migrate", cwd=folder), first))
    yield compared("again", "migrate again", "first migrate", pairs)


def help_(setting: Setting) -> Iterator[Row]:
    """Start-up, beside that of the interpreter."""
    nothing = [sys.executable, "-c", "pass"]
    pairs = [
        (verb("--help", cwd=setting.folder), run(nothing, cwd=setting.folder))
        for _ in setting.turns()
    ]
    yield compared("help", "--help", "python -c pass", pairs, most=6)


def hook(setting: Setting) -> Iterator[Row]:
    """Measure the hook of a session's end, which writes to disk, beside the interpreter's start."""
    folder = setting.fresh()
    subprocess.run(["git", "init", "-q", folder], check=True)
    verb("install", cwd=folder)
    ended = setting.folder / "ended.json"
    ended.write_text('{"session_id": "s", "hook_event_name": "SessionEnd", "reason": "other"}')
    program = os.path.join(os.path.dirname(sys.executable), "session-codec-hook")
    nothing = [sys.executable, "-c", "pass"]
    pairs = [
        (run([program, "claude", "end"], cwd=folder, source=ended), run(nothing, cwd=folder))
        for _ in setting.turns(21)
    ]
    if len(list((folder / ".session-codec" / "spool").glob("*.end"))) != len(pairs):
        raise Failed("a session is not in the spool")
    yield compared("hook", "session-codec-hook", "python -c pass", pairs, most=1.35)


def restore(setting: Setting) -> Iterator[Row]:
    """Measure a restored log beside a copy of it."""
    folder = setting.repository(setting.log)
    verb("migrate", cwd=folder)
    pairs: list[Pair] = []
    for _ in setting.turns():
        given = setting.fresh()
        restored = verb("restore-v1", "-o", str(given / "log"), cwd=folder)
        cat = ["cat", str(setting.log)]
        pairs.append((restored, run(cat, cwd=given, output=given / "copy")))
        if not filecmp.cmp(given / "log", given / "copy", shallow=False):
            raise Failed("restore-v1 gave another log than was migrated")
    yield compared("restore", "restore-v1", "cat", pairs)


def verify(setting: Setting) -> Iterator[Row]:
    """All checked, beside all diffs hashed and a tokenizer loaded."""
    folder = setting.repository(setting.log)
    verb("migrate", cwd=folder)
    diffs = folder / ".diffs"
    hashed = [tool("sha256sum"), *sorted(p.name for p in diffs.glob("*.diff"))]
    counted = [
        sys.executable,
        "-c",
        "from codec.tokens.tokenizers import counter; counter().count([''])",
    ]
    pairs: list[Pair] = []
    alone: list[Pair] = []
    for _ in setting.turns():
        full = verb("verify", cwd=folder, good=(0, _FINDINGS))
        hashing, counting = run(hashed, cwd=diffs), run(counted, cwd=folder)
        pairs.append((full, together(hashing, counting)))
        alone.append((without(full, counting), hashing))
    yield compared("verify", "verify", "sha256sum and tokenizer", pairs, most=2)
    yield compared("verify", "verify, less the tokenizer", "sha256sum", alone)


def secrets(setting: Setting) -> Iterator[Row]:
    """Measure the secret scan before diffs are packed beside a search for a few words in them."""
    grep = [tool("grep"), "-rciE", "password|secret|token|api_?key", ".diffs"]
    folder = setting.repository(setting.log)
    verb("migrate", cwd=folder)
    packed = ("archive", "--dry-run", "--before", "2099-01")
    verb(*packed, cwd=folder, good=(0, _FINDINGS))  # its rules are compiled once a machine
    pairs: list[Pair] = []
    for _ in setting.turns():
        scanned = verb(*packed, cwd=folder, good=(0, _FINDINGS))
        plain = verb(*packed, "--no-scan", cwd=folder)
        pairs.append((without(scanned, plain), run(grep, cwd=folder)))
    megabytes = sum(p.stat().st_size for p in (folder / ".diffs").glob("*.diff")) / 1e6
    name = f"scan of {megabytes:.0f} MB"
    yield compared("secrets", name, "grep -rciE", pairs, seconds=megabytes * 3 / 20)


def _migrated(setting: Setting, log: Path) -> Cost:
    return verb("migrate", cwd=setting.repository(log))


def verb(
    *arguments: str, cwd: Path, output: Path | None = None, good: tuple[int, ...] = (0,)
) -> Cost:
    """Run a verb as its users do; see `process.run`."""
    # The script that is installed beside this interpreter, as users start it.
    program = os.path.join(os.path.dirname(sys.executable), "session-codec")
    return run([program, *arguments], cwd=cwd, output=output, good=good)


def together(one: Cost, other: Cost) -> Cost:
    """Add what two runs took one after the other."""
    return replace(one, wall=one.wall + other.wall, cpu=one.cpu + other.cpu)


def without(whole: Cost, part: Cost) -> Cost:
    """Subtract from a run what a part of it took."""
    return replace(whole, wall=whole.wall - part.wall, cpu=whole.cpu - part.cpu)


def tool(name: str) -> str:
    """Return the path of another program.

    Raises:
        Skipped: it is not on this machine.
    """
    found = shutil.which(name)
    if found is None:
        raise Skipped(f"skipped, for there is no {name} here")
    return found
