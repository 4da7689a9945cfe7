"""A workspace: where its files are, and what its manifest says.

1. It is found from any folder inside it, as git finds a repository.
2. `.diffs` of a linked git worktree is the main worktree's, for removing a worktree deletes what
   git ignores.
3. A session exists once its manifest line and its delta line stand.
4. Its files are files, and inside of it: one that a cloned repository links to elsewhere, or to a
   device, is neither read nor written.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from codec.facts import Archive, Fact, Purged, ReferencesBuilt, UnknownFact, V1Retired, V1Version
from codec.manifest import decode_facts, fact_id
from codec.records import Session
from pipelines.errors import Conflict, WorkspaceMissing
from pipelines.files import lines_of, read_bytes, read_tail
from pipelines.worktree import ancestors, home_of, repository_of

V1_LOG: Final = "AGENT_PROGRESS_LOG.md"
DELTAS: Final = "SESSION_DELTAS.log"
METRICS: Final = "PROJECT_METRICS.tsv"
PROGRESS: Final = "AGENT_PROGRESS_LOG_v2.md"
REFERENCES: Final = "PROJECT_REFERENCES.yaml"
MANIFEST: Final = ".session-codec/manifest.jsonl"
CONFIG: Final = ".session-codec/config.toml"

#: What every verb takes to be its own, and reads without looking twice.
_FOLDERS: Final = (".session-codec", ".session-codec/cache")
_OWN: Final = (*_FOLDERS, MANIFEST, CONFIG, DELTAS, METRICS, PROGRESS, REFERENCES)
_STORED: Final = (".diffs", ".diffs/archive", ".diffs/v1")
#: A merge can repeat lines: to have enough of them, this many times as many are read.
_SPARE: Final = 2


class Workspace(NamedTuple):
    """Where a workspace's files are.

    Attributes:
        root: absolute path of its folder.
        diffs: absolute path of its `.diffs`.
        repository: absolute path of the git worktree that it is in, None outside of git.
    """

    root: str
    diffs: str
    repository: str | None

    def path(self, *parts: str) -> str:
        """The absolute path of one of its files."""
        return os.path.join(self.root, *parts)

    @property
    def exists(self) -> bool:
        """Whether it has a manifest."""
        return os.path.exists(self.path(MANIFEST))

    @property
    def home(self) -> str:
        """Where it keeps what worktrees share: the folder of `.diffs`."""
        return os.path.dirname(self.diffs)

    @property
    def lock(self) -> str:
        """The path of its lock, which worktrees share as they share `.diffs`."""
        return os.path.join(self.home, ".session-codec", "lock")

    def holds(self, name: str) -> bool:
        """Whether a path, relative to the workspace, stays inside of it, links followed.

        What a manifest names must: a cloned repository is not to read other files.
        """
        root = os.path.realpath(self.root)
        return os.path.commonpath([root, os.path.realpath(self.path(name))]) == root

    @property
    def staging(self) -> str:
        """Where new diffs wait to be published: beside `.diffs`, so that a rename is enough.

        Worktrees share `.diffs`, so each has a folder of its own there.
        """
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return os.path.join(self.home, ".session-codec", f"staging-{name}")


class Manifest(NamedTuple):
    """What the manifest of a workspace says.

    Attributes:
        sessions: by key, the first where two have one key.
        clashes: further sessions with the key of another.
        versions, retired: of the v1 logs, in no order.
        archives: by name, those that hold what was erased apart.
        void: names of archives that hold what was erased; others stand for them.
        purged: when diffs were erased on purpose, by SHA-256.
        builds: of the references, in no order.
        unknown: facts of a kind that this version does not know.
        errors: lines that are no fact.
        torn: the file ends in a piece of a line.
    """

    sessions: Mapping[str, Session]
    clashes: tuple[Session, ...] = ()
    versions: tuple[V1Version, ...] = ()
    retired: tuple[V1Retired, ...] = ()
    archives: Mapping[str, Archive] = MappingProxyType({})
    void: frozenset[str] = frozenset()
    purged: Mapping[str, str] = MappingProxyType({})
    builds: tuple[ReferencesBuilt, ...] = ()
    unknown: tuple[UnknownFact, ...] = ()
    errors: tuple[FormatError, ...] = ()
    torn: bool = False

    def sources(self) -> list[str]:
        """The v1 logs that were seen, by path."""
        return sorted({v.source for v in self.versions})

    def newest(self, source: str) -> V1Version | None:
        """The version of a log that was seen last."""
        seen = [v for v in self.versions if v.source == source]
        return max(seen, key=lambda v: (v.seen, v.sha256), default=None)

    def last_builds(self) -> list[ReferencesBuilt]:
        """The builds of the references that no later one knew of: one, but after a merge."""
        taken = {name for build in self.builds for name in build.after}
        return [build for build in self.builds if fact_id(build) not in taken]

    def retired_version(self, source: str) -> V1Version | None:
        """The version of a log that was retired last, None where it was not."""
        facts = [r for r in self.retired if r.source == source]
        last = max(facts, key=lambda r: (r.time, r.sha256), default=None)
        versions = [v for v in self.versions if last and v.sha256 == last.sha256]
        return max(versions, key=lambda v: v.seen, default=None)


class Config(NamedTuple):
    """Settings of a workspace, all optional: `.session-codec/config.toml`.

    Attributes:
        agents: aliases of agents, from a name as written to the name to use.
        prompts: whether the first prompt of a session may become its task.
    """

    agents: Mapping[str, str] = MappingProxyType({})
    prompts: bool = True


def moment(when: datetime | None = None) -> str:
    """A moment as facts have it, UTC with microseconds: now, unless another is given."""
    return (when or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def locate(start: str) -> Workspace:
    """The workspace at or above a folder; else the one that the folder itself could become.

    A folder with a manifest is preferred, then one whose manifest is lost, then one with a v1 log,
    then the folder itself. The search ends at the top of the git worktree.

    Raises:
        WorkspaceMissing: there is no such folder.
        Conflict: one of its files is none, or is elsewhere.
    """
    start = os.path.abspath(start)
    if not os.path.isdir(start):
        raise WorkspaceMissing(
            f"{start}: no such folder",
            hint="Give the folder of a repository; a log is named with --from",
        )
    above = ancestors(start)
    repository = repository_of(above)
    inside = above[: above.index(repository) + 1] if repository else above
    for name in (MANIFEST, DELTAS, V1_LOG):
        for folder in inside:
            if os.path.exists(os.path.join(folder, name)):
                return _workspace(folder, repository)
    return _workspace(start, repository)


def find(start: str) -> Workspace:
    """The workspace at or above a folder.

    Raises:
        WorkspaceMissing: there is none.
        Conflict: one of its files is none, or is elsewhere.
    """
    workspace = locate(start)
    if not workspace.exists and os.path.exists(workspace.path(DELTAS)):
        raise WorkspaceMissing(
            f"{workspace.path(MANIFEST)}: the manifest is lost",
            hint="'session-codec doctor --repair' brings it back from the last commit, "
            "'session-codec restore' from a copy",
        )
    if not workspace.exists:
        raise WorkspaceMissing(
            f"{workspace.root}: no session-codec workspace here or above",
            hint="Run 'session-codec migrate', or 'session-codec install' where there is no log",
        )
    return workspace


def at(folder: str) -> Workspace:
    """The workspace that a folder itself is or becomes; the folder need not be there.

    Raises:
        Conflict: one of its files is none, or is elsewhere.
    """
    folder = os.path.abspath(folder)
    return _workspace(folder, repository_of(ancestors(folder)))


def read_manifest(workspace: Workspace) -> Manifest:
    """What the manifest says, nothing where there is none."""
    return decode_manifest(read_bytes(workspace.path(MANIFEST)))


def decode_manifest(data: bytes) -> Manifest:
    """What the bytes of a manifest say."""
    lines = lines_of(data)
    facts, errors = decode_facts(lines.lines)
    return manifest_of(facts, errors=tuple(e.at(file=MANIFEST) for e in errors), torn=lines.torn)


def manifest_of(
    facts: list[Fact], *, errors: tuple[FormatError, ...] = (), torn: bool = False
) -> Manifest:
    """Facts, by what they are about."""
    sessions: dict[str, Session] = {}
    every = [f for f in facts if isinstance(f, Session)]
    clashes = [s for s in every if sessions.setdefault(s.key, s) is not s]
    purged = {f.sha256: f.time for f in facts if isinstance(f, Purged)}
    archives = {f.name: f for f in facts if isinstance(f, Archive)}
    gone = {key for key, s in sessions.items() if s.patch and s.patch.sha256 in purged}
    void = frozenset(name for name, a in archives.items() if not gone.isdisjoint(a.keys))
    return Manifest(
        sessions=sessions,
        clashes=tuple(clashes),
        versions=tuple(f for f in facts if isinstance(f, V1Version)),
        retired=tuple(f for f in facts if isinstance(f, V1Retired)),
        archives={name: a for name, a in archives.items() if name not in void},
        void=void,
        purged=purged,
        builds=tuple(f for f in facts if isinstance(f, ReferencesBuilt)),
        unknown=tuple(f for f in facts if isinstance(f, UnknownFact)),
        errors=errors,
        torn=torn,
    )


def read_config(workspace: Workspace) -> Config:
    """The settings of a workspace.

    Raises:
        FormatError: the file is not TOML, or a setting is not of its kind.
    """
    tables = read_tables(workspace.path(CONFIG), CONFIG)
    agents = tables.get("agents", {})
    if not isinstance(agents, dict) or not all(isinstance(v, str) for v in agents.values()):
        raise FormatError("is not a table of names", file=CONFIG, field="agents")
    record = tables.get("record", {})
    prompts = record.get("prompts", "on") if isinstance(record, dict) else None
    if prompts not in ("on", "off"):
        raise FormatError("is neither 'on' nor 'off'", file=CONFIG, field="record.prompts")
    return Config(agents=agents, prompts=prompts == "on")


def read_tables(path: str, name: str) -> dict[str, Any]:
    """Return the tables of a file of settings, which errors call `name`; none where it is missing.

    Raises:
        FormatError: it is not TOML.
    """
    return decode_tables(read_bytes(path), name)


def decode_tables(data: bytes, name: str) -> dict[str, Any]:
    """What the bytes of a file of settings say: see `read_tables`."""
    if not data:
        return {}
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as e:
        raise FormatError(f"not TOML: {e}", file=name) from None


def newest_delta_lines(workspace: Workspace, count: int) -> list[str]:
    """The last lines of the deltas, read from the end of the file, equal lines once."""
    lines = read_tail(workspace.path(DELTAS), count * _SPARE)
    return list(dict.fromkeys(lines))[-count:] if count else []


def _workspace(root: str, repository: str | None) -> Workspace:
    home = home_of(root, repository)
    workspace = Workspace(root=root, diffs=os.path.join(home, ".diffs"), repository=repository)
    for name in _OWN:
        _check_own(workspace, name)
    if repository is not None:
        for name in _STORED:
            _check_stored(home, name)
    return workspace


def _check_stored(home: str, name: str) -> None:
    """Refuse a folder of diffs that a clone leads elsewhere; a person may have it on another disk.

    Args:
        home: the folder of `.diffs`, in a git worktree.
        name: of the folder.
    """
    path = os.path.join(home, *name.split("/"))
    if not os.path.islink(path):
        return
    from pipelines.git_process import is_tracked

    if is_tracked(home, path):
        raise Conflict(
            f"{name} is a link that the repository brought; nothing is read or written through it",
            hint=f"Remove it: git rm --cached {name} && rm {name}",
        )


def _check_own(workspace: Workspace, name: str) -> None:
    path = workspace.path(name)
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            if not workspace.holds(name):
                raise Conflict(
                    f"{name} is a symbolic link that leads out of the workspace; "
                    "nothing is read or written through it",
                    hint="Put the file itself in its place",
                )
            mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if name not in _FOLDERS and not stat.S_ISREG(mode):
        raise Conflict(
            f"{name} is not a file",
            hint="Move it away; 'git status' tells whether git has what was there",
        )
