"""What a walk knows: the clones, the sessions that it made, and what must be true of them.

The model is kept by the walk alone. It never asks session-codec what should be there, only which
key a session has now; it reads the manifest's lines as JSON, the files as bytes, and `git` for
merges.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipelines.workspace.location import find
from pipelines.workspace.reading import read_file, read_manifest
from tests.walks.remotes import WalkRemote
from tests.walks.running import RAISED, Done, run_verb

MONTHS: Final = ("2025-01", "2025-02", "2025-03")
LOG: Final = "AGENT_PROGRESS_LOG.md"
MANIFEST: Final = ".session-codec/manifest.jsonl"


class Violation(Exception):
    """A promise was broken."""


class Chances(NamedTuple):
    """Probabilities that make a walk hard.

    Attributes:
        same_key: a session gets the time of the one before.
        repeat: a session gets the bytes of an earlier one.
        kill: a verb is killed.
        union: clone b merges by git's own union, without our merge driver.
    """

    same_key: float = 0.25
    repeat: float = 0.12
    kill: float = 0.2
    union: float = 0.3


class Stored(NamedTuple):
    """A session with a diff, as a manifest has it."""

    key: str
    sha256: str
    size: int
    range: str


@dataclass
class Clone:
    """A clone, and what it promised.

    Attributes:
        root: its folder.
        readable: ids of the sessions whose diff must be readable there.
        pruned: those of them that may need the remote.
        purged: hashes of the diffs whose purge there exited with 0.
        versions: v1 logs that were migrated there, by hash.
    """

    root: Path
    readable: set[str] = field(default_factory=set)
    pruned: set[str] = field(default_factory=set)
    purged: set[str] = field(default_factory=set)
    versions: dict[str, bytes] = field(default_factory=dict)

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, check=check
        )

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message, check=False)  # nothing to commit is fine

    def facts(self) -> list[dict[str, Any]]:
        """Return the facts of its manifest and the pending ones; odd lines are skipped."""
        facts = []
        for line in read_file(find(str(self.root)), MANIFEST).split(b"\n")[:-1]:
            try:
                facts.append(json.loads(line))
            except ValueError:
                continue
        return facts

    def tombstones(self) -> set[str]:
        """Return the hashes of the diffs that its manifest calls purged, disowned ones apart."""
        facts = self.facts()
        void = {d for f in facts if f.get("fact") == "disowned" for d in f["tombstones"]}
        return {
            fact["sha256"]
            for fact in facts
            if fact.get("fact") == "purged" and _digest(fact) not in void
        }


class Walk:
    """One walk: its seed decides every step, except when a SIGKILL strikes.

    Attributes:
        diffs: the diff of each session by its id; None where git made it.
        in_log: ids of the sessions that came from the v1 log.
        sent: ids of the sessions that a sync with exit 0 had here.
        purged_remotely: hashes of the diffs whose `purge --remote` exited with 0.
        trail: every verb so far and its exit code.
    """

    def __init__(self, seed: int, base: Path, remote: WalkRemote, chances: Chances) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.base = base
        self.remote = remote
        self.chances = chances
        self.diffs: dict[str, bytes | None] = {}
        self.in_log: dict[str, str] = {}
        self.log: list[str] = []
        self.sent: set[str] = set()
        self.purged_remotely: set[str] = set()
        self.trail: list[str] = []
        self.counts: Counter[str] = Counter()
        self.now = "2025-01-01T00:00:00.000000Z"
        self._ticks = 0
        (base / "scratch").mkdir()
        self.with_driver = self.random.random() >= chances.union
        self.a, self.b = self._clones()

    def _clones(self) -> tuple[Clone, Clone]:
        origin = self.base / "origin.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(origin)], check=True)
        a = self._clone(origin, "a")
        (a.root / "README").write_text("x\n")
        self._install(a)
        a.commit("start")
        a.git("push", "-q", "origin", "HEAD:main")
        b = self._clone(origin, "b")
        if self.with_driver:
            self._install(b)
        return a, b

    def _clone(self, origin: Path, name: str) -> Clone:
        folder = self.base / name
        subprocess.run(["git", "clone", "-q", str(origin), str(folder)], check=True,
                       capture_output=True)  # fmt: skip
        return Clone(folder)

    def _install(self, clone: Clone) -> None:
        done = self.run(clone, "install", may_kill=False)
        if done.code:
            raise Violation(f"install: {done}")

    def run(self, clone: Clone, *arguments: str, may_kill: bool = True) -> Done:
        """Run a verb in a clone, perhaps kill it, and note it in the trail."""
        kill_after = None
        if may_kill and self.random.random() < self.chances.kill:
            kill_after = self.random.random() * self.random.choice((0.01, 0.05, 0.3))
        done = run_verb(
            arguments,
            cwd=clone.root,
            now=self.now,
            scratch=self.base / "scratch",
            kill_after=kill_after,
        )
        killed = f" (killed after {kill_after:.3f} s)" if kill_after and done.code < 0 else ""
        self.note(clone.root.name, *arguments, f"-> {done.code}{killed}")
        self.counts[arguments[0]] += 1
        if done.code < 0:
            self.counts["killed"] += 1
        if done.code in (1, RAISED) or b"Traceback" in done.err:
            raise Violation(f"{arguments[0]} ended with a traceback: {done.said}")
        return done

    def expect(self, done: Done, verb: str, *codes: int) -> None:
        """Refuse an exit code that a verb should not end with here; a killed one is fine."""
        if done.code >= 0 and done.code not in codes:
            raise Violation(f"{verb} ended with {done.code}: {done.said}")

    def note(self, *words: object) -> None:
        text = " ".join(map(str, words))
        self.trail.append(text.replace(f"{self.base}/", ""))

    def tick(self) -> None:
        """Move the clock, or leave it, so that the next session gets the same time."""
        if self.random.random() < self.chances.same_key:
            return
        self._ticks += 1
        n = self._ticks
        month, second = self.random.choice(MONTHS), self.random.randrange(60)
        self.now = f"{month}-{1 + n % 27:02}T{n // 60 % 24:02}:{n % 60:02}:{second:02}.000000Z"

    def new_id(self, kind: str) -> str:
        return f"{kind}{len(self.diffs)}-{self.random.getrandbits(32):08x}"

    def patch(self, session: str, lines: int) -> bytes:
        """Return a patch that has the session's marker in every added line."""
        path = f"src/f{self.random.randrange(4)}.py"
        body = "".join(
            f"+line {self.random.getrandbits(64):x} {marker_of(session)}\n" for _ in range(lines)
        )
        return (
            f"diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}\n+++ b/{path}\n"
            f"@@ -1,0 +1,{lines} @@\n{body}"
        ).encode()

    def stored(self, clone: Clone) -> dict[str, Stored]:
        """Return the sessions of a clone's manifest that have a diff, by the walk's ids."""
        by_hash = {
            sha256(data).hexdigest(): session
            for session in self.in_log
            if (data := self.diffs[session]) is not None
        }
        found: dict[str, Stored] = {}
        for fact in clone.facts():
            diff = fact.get("diff")
            if fact.get("fact") != "session" or not diff:
                continue
            session = fact.get("id") or by_hash.get(diff["sha256"])
            if session:
                found[session] = Stored(
                    fact["key"], diff["sha256"], diff["bytes"], fact.get("range", "")
                )
        return found

    def tombstones(self) -> set[str]:
        """Return the hashes that any clone calls purged."""
        return self.a.tombstones() | self.b.tombstones()

    def key_of(self, clone: Clone, session: str) -> str:
        """Return the key by which a clone lists a session; a merge may have given it another."""
        sha256 = self.stored(clone)[session].sha256
        manifest = read_manifest(find(str(clone.root)))
        return next(
            s.key
            for s in manifest.sessions.values()
            if s.id == session or (session in self.in_log and s.patch and s.patch.sha256 == sha256)
        )

    def disown(self, sha256s: set[str]) -> None:
        """Forget what was promised of purged diffs: their tombstones no longer count anywhere."""
        for clone in (self.a, self.b):
            clone.purged -= sha256s
        self.purged_remotely -= sha256s

    def other(self, clone: Clone) -> Clone:
        return self.b if clone is self.a else self.a


def _digest(fact: dict[str, Any]) -> str:
    """Return the digest of a fact: the SHA-256 of its line."""
    line = json.dumps(fact, ensure_ascii=False, separators=(",", ":"))
    return sha256(line.encode()).hexdigest()


def marker_of(session: str) -> str:
    """Return the text that every diff of a session contains."""
    return f"MARK-{session}-"
