"""A workspace: the places of its files, and how it is found.

1. It is found from any folder inside it, as git finds a repository.
2. The `.diffs` of a linked git worktree is the main worktree's, because removing a worktree deletes
   files that git ignores.
3. A session exists once it has its manifest line and its delta line.
4. Its files are regular files inside of it: a file that a clone links elsewhere, or to a device, is
   neither read nor written.
5. A workspace in a repository whose owner git does not trust is never returned, so no verb can read
   it, write caches into it, or print its content as the user's own.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple, TypeGuard

from codec.kinds import RelPath
from pipelines.outcomes.errors import Conflict, NewerFormat, WorkspaceMissing
from pipelines.system.fs.locks import locked
from pipelines.system.git.local_state import checked
from pipelines.system.git.worktree import ancestors, home_of, is_own_repository, repository_of
from pipelines.workspace.setting_tables import ANY, SWITCH, TEXT, checked_values, read_tables

V1_LOG: Final = RelPath("AGENT_PROGRESS_LOG.md")
DELTAS: Final = RelPath("SESSION_DELTAS.log")
METRICS: Final = RelPath("PROJECT_METRICS.tsv")
PROGRESS: Final = RelPath("AGENT_PROGRESS_LOG_v2.md")
REFERENCES: Final = RelPath("PROJECT_REFERENCES.yaml")
MANIFEST: Final = RelPath(".session-codec/manifest.jsonl")
CONFIG: Final = RelPath(".session-codec/config.toml")
GITIGNORE: Final = RelPath(".gitignore")
GITATTRIBUTES: Final = RelPath(".gitattributes")
#: The folder of archives in `.diffs`.
ARCHIVES: Final = "archive"

#: The files that verbs read without checking them again.
_FOLDERS: Final = (RelPath(".session-codec"), RelPath(".session-codec/cache"))
_OWN: Final = (*_FOLDERS, MANIFEST, CONFIG, DELTAS, METRICS, PROGRESS, REFERENCES)
#: The folders of local state, which worktrees share.
_STORED: Final = (
    (".diffs", ARCHIVES), (".diffs", "v1"), (".session-codec", "cache"),
    (".session-codec", "spool", "broken"),
)  # fmt: skip
#: The beginning of a line with the fact `format`, and its largest size in bytes.
_FORMAT: Final = b'{"fact":"format",'
_FORMAT_LIMIT: Final = 1 << 10


class Workspace(NamedTuple):
    """The places of a workspace's files.

    Attributes:
        root: the absolute path of its folder.
        diffs: the absolute path of its `.diffs`.
        repository: the absolute path of its git worktree; None outside of git.
    """

    root: str
    diffs: str
    repository: str | None

    def path(self, *parts: str) -> str:
        """Return the absolute path of one of its files."""
        return os.path.join(self.root, *parts)

    @property
    def exists(self) -> bool:
        """Return True if it has a manifest."""
        return os.path.exists(self.path(MANIFEST))

    @property
    def home(self) -> str:
        """Return the folder of `.diffs`, which worktrees share."""
        return os.path.dirname(self.diffs)

    @property
    def lock(self) -> str:
        """Return the path of its lock, which worktrees share."""
        return os.path.join(self.home, ".session-codec", "lock")

    def holds(self, name: str) -> TypeGuard[RelPath]:
        """Return True if a path, relative to the workspace, is inside of it with links resolved.

        A clone must not make other files readable. git's own folder is not inside, because it
        contains credentials.
        """
        root = os.path.realpath(self.root)
        target = os.path.realpath(self.path(name))
        if os.path.commonpath([root, target]) != root:
            return False
        return ".git" not in os.path.relpath(target, root).lower().split(os.sep)

    def is_linked(self, name: RelPath) -> bool:
        """Return True if a path, relative to the workspace, is a link or is below one."""
        return os.path.realpath(self.path(name)) != os.path.join(os.path.realpath(self.root), name)

    @property
    def staging_prefix(self) -> str:
        """Return the beginning of the paths of its staging folders.

        New diffs are staged there, on the file system of `.diffs`, so that a rename publishes them.
        Worktrees share `.diffs`, so each has its own names.
        """
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return os.path.join(self.home, ".session-codec", f"staging-{name}")


_SETTINGS: Final = {"agents": {ANY: TEXT}, "record": {"prompts": SWITCH}}


class Config(NamedTuple):
    """The optional settings of a workspace: `.session-codec/config.toml`.

    Attributes:
        agents: aliases of agents: from a name as written to the name to use.
        prompts: True if the first prompt of a session may become its task.
    """

    agents: Mapping[str, str] = MappingProxyType({})
    prompts: bool = True


def moment(when: datetime | None = None) -> str:
    """Return a time as facts state it, UTC with microseconds; by default the current time."""
    return (when or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def locate(start: str) -> Workspace:
    """Return the workspace at or above a folder, else a new one at the folder itself.

    A folder with a manifest is preferred, then one whose manifest is lost, then one with a v1 log,
    then the folder itself. The search ends at the top of the git worktree.

    Raises:
        WorkspaceMissing: the folder does not exist.
        Conflict: one of its files is not a regular file, or is elsewhere.
        Denied: git does not trust the owner of the repository.
    """
    start = os.path.abspath(start)
    if not os.path.isdir(start):
        raise WorkspaceMissing(
            f"{start}: {'is a file' if os.path.exists(start) else 'no such folder'}",
            hint="Pass the folder of a repository; only options take files, logs and remotes",
        )
    above = ancestors(start)
    repository = repository_of(above)
    if repository is None and _is_bare(start):
        raise Conflict(
            f"{start}: is a bare git repository, which has no files to keep a history beside",
            hint="Use a clone of it that has a working tree",
        )
    inside = above[: above.index(repository) + 1] if repository else above
    for name in (MANIFEST, DELTAS, V1_LOG):
        for folder in inside:
            if os.path.exists(os.path.join(folder, name)):
                return _workspace(folder, repository)
    return _workspace(start, repository)


def find(start: str) -> Workspace:
    """Return the workspace at or above a folder.

    Raises:
        WorkspaceMissing: no folder has one.
        Conflict: one of its files is not a regular file, or is elsewhere.
        Denied: git does not trust the owner of the repository.
    """
    workspace = locate(start)
    if not workspace.exists and os.path.exists(workspace.path(DELTAS)):
        raise WorkspaceMissing(
            f"{workspace.path(MANIFEST)}: the manifest is lost",
            hint="'session-codec doctor --repair' restores it from the last commit, "
            "'session-codec restore' from a copy; if there was never a manifest, "
            "'session-codec install' creates it and keeps the existing lines",
        )
    if not workspace.exists:
        raise WorkspaceMissing(
            f"{workspace.root}: no session-codec workspace here or above",
            hint="Run 'session-codec migrate' to migrate a log, or 'session-codec install "
            "--hooks claude,codex' to record sessions from now on",
        )
    return workspace


def at(folder: str) -> Workspace:
    """Return the existing or new workspace at a folder, which need not exist.

    Raises:
        Conflict: one of its files is not a regular file, or is elsewhere.
        Denied: git does not trust the owner of the repository.
    """
    folder = os.path.abspath(folder)
    return _workspace(folder, repository_of(ancestors(folder)))


def read_config(workspace: Workspace) -> Config:
    """Return the settings of a workspace.

    Raises:
        FormatError: the file is not TOML, or a setting is invalid.
    """
    tables = read_tables(workspace.path(CONFIG), CONFIG)
    found = checked_values({t: v for t, v in tables.items() if t in _SETTINGS}, _SETTINGS, CONFIG)
    return Config(
        agents={name: value for (table, name), value in found.items() if table == "agents"},
        prompts=found.get(("record", "prompts"), "on") == "on",
    )


@contextmanager
def writing(workspace: Workspace) -> Iterator[None]:
    """Hold the exclusive lock of a workspace for writing.

    Raises:
        WorkspaceLocked: another process was writing for too long.
        NewerFormat: a later version of session-codec has written to it.
    """
    with locked(workspace.lock):
        check_format(workspace)
        yield


def check_format(workspace: Workspace) -> None:
    """Raise NewerFormat if this version does not know the format of a workspace.

    Raises:
        NewerFormat: a later version of session-codec has written to it.
    """
    try:
        with open(workspace.path(MANIFEST), "rb") as f:
            line = f.readline(_FORMAT_LIMIT)
    except FileNotFoundError:
        return
    if not line.startswith(_FORMAT):
        return
    from codec.manifest.fact_lines import read_fact
    from codec.manifest.facts import FORMAT, Format

    fact = read_fact(line)
    if isinstance(fact, Format) and fact.version > FORMAT:
        raise NewerFormat(
            f"{MANIFEST} has format {fact.version}, and this version of session-codec writes "
            f"format {FORMAT}: it can be read, and nothing was written",
            hint=f"Update session-codec to {fact.needs} or later",
        )


def _is_bare(folder: str) -> bool:
    """Return True if a folder outside of a working tree has the parts of a git repository."""
    return all(os.path.exists(os.path.join(folder, part)) for part in ("HEAD", "objects", "refs"))


def _workspace(root: str, repository: str | None) -> Workspace:
    if repository is not None:
        _refuse_untrusted(repository)
    home = home_of(root, repository)
    workspace = Workspace(root=root, diffs=os.path.join(home, ".diffs"), repository=repository)
    for name in _OWN:
        _check_own(workspace, name)
    for names in _STORED:
        checked(os.path.join(home, *names))
    return workspace


def _refuse_untrusted(top: str) -> None:
    if is_own_repository(top):
        return  # the same as git's answer, without importing the module that runs git
    from pipelines.system.git.process import check_owner
    from pipelines.system.git.repository import repository_at

    check_owner(repository_at(top))


def _check_own(workspace: Workspace, name: RelPath) -> None:
    path = workspace.path(name)
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            if not workspace.holds(name):
                raise Conflict(
                    f"{name} is a symbolic link that leads out of the workspace; "
                    "nothing is read or written through it",
                    hint="Replace the link with the file itself",
                )
            mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if name not in _FOLDERS and not stat.S_ISREG(mode):
        raise Conflict(
            f"{name} is not a file",
            hint="Move it away; 'git status' shows whether git has its content",
        )
