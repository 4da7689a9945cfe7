"""Choose the transcripts that belong to a repository.

1. The folder in which a session began decides, if it exists: its repository must be this one, or
   have the same first commit and the same remote. Worktrees belong to their repository.
2. A folder that is gone (a removed worktree, a renamed folder) belongs to the repository if git
   still lists it, or if the agent recorded the same remote or a commit of the repository. One such
   transcript decides for all of its folder. Names of folders decide nothing.
3. Some transcripts have only a hash of the folder. It is compared with those of the worktrees.
4. Transcripts that a user names with `--from` belong, unless their folder is in another repository.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from codec.shown_text import counted
from pipelines.importing.agents import Source
from pipelines.importing.heads import hash_of
from pipelines.importing.lines import opened, read_errors
from pipelines.importing.objects import Objects
from pipelines.outcomes.errors import PipelineError
from pipelines.outcomes.findings import Finding
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository, repository_at
from pipelines.system.git.worktree import ancestors, git_folders, repository_of

#: A commit as git prints it, in the JSON of a transcript.
_PRINTED: Final = re.compile(rb"\[[^\]\n\\\"]{1,200} (?P<commit>[0-9a-f]{7,40})\] ")
_SEARCHED: Final = 1 << 26
_CHUNK: Final = 1 << 20
_ASKED: Final = 64
_URL: Final = re.compile(r"(?:\w+://)?(?:[^@/]+@)?(?P<host>[^/:]+)(?::\d+(?=/)|:|/)/*(?P<path>.+)")


class Chosen(NamedTuple):
    """Transcripts of a repository.

    Attributes:
        sources: the sessions, each with a folder that exists, or existed.
        findings: notes on transcripts that may belong.
    """

    sources: list[Source]
    findings: list[Finding]


def choose(
    repository: Repository | None,
    root: str,
    objects: Objects | None,
    sources: Sequence[Source],
    *,
    named: bool,
) -> Chosen:
    """Return the transcripts that belong to a repository.

    Args:
        repository: the repository of the workspace; None outside of git.
        root: the folder of the workspace.
        objects: the objects of the repository.
        sources: the sources that were found.
        named: the user named the place in which they were found.
    """
    tops = worktrees_of(repository) if repository else [os.path.realpath(root)]
    hashed = {hash_of(folder): folder for folder in (root, *tops)}
    groups: defaultdict[tuple[str, str], list[Source]] = defaultdict(list)
    for source in sources:
        folder = source.folder or hashed.get(source.folder_hash, "")
        groups[folder, "" if folder else source.folder_hash].append(source._replace(folder=folder))
    chosen: list[Source] = []
    unclear: dict[str, int] = {}
    for (folder, hashed_folder), group in groups.items():
        belongs = _belongs(repository, tops, folder)
        if belongs is None:
            belongs = named or _is_tied(repository, objects, group) or None
        if belongs:
            chosen += group
        elif belongs is None:
            unclear[folder or hashed_folder] = len(group)
    return Chosen(chosen, [_unclear(unclear)] if unclear else [])


def worktrees_of(repository: Repository) -> list[str]:
    """Return the folders of all worktrees that git lists, removed ones included."""
    found = [repository.top]
    main, name = os.path.split(os.path.realpath(repository.common))
    if name == ".git":
        found.append(main)
    links = os.path.join(repository.common, "worktrees")
    try:
        names = sorted(os.listdir(links))
    except OSError:
        names = []
    for name in names:
        try:
            with open(os.path.join(links, name, "gitdir"), "rb") as f:
                found.append(os.path.dirname(os.fsdecode(f.read(1 << 16)).strip()))
        except OSError:
            continue
    return list(dict.fromkeys(path for p in found for path in (p, os.path.realpath(p))))


def _belongs(repository: Repository | None, tops: Iterable[str], folder: str) -> bool | None:
    """Return True if a folder belongs to a repository; None if the folder does not decide."""
    if not folder or not os.path.isabs(folder):
        return None
    if os.path.isdir(folder):
        top = repository_of(ancestors(os.path.realpath(folder)))
        if repository is None or top is None:
            return any(is_below(os.path.realpath(folder), t) for t in tops)
        return _same(repository, top)
    return True if any(is_below(folder, top) for top in tops) else None


def is_below(path: str, folder: str) -> bool:
    """Return True if a path is a folder, or inside of it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _same(repository: Repository, top: str) -> bool:
    """Return True if a worktree belongs to the repository, or to another clone of it."""
    folders = git_folders(top)
    if folders is not None and os.path.realpath(folders[1]) == os.path.realpath(repository.common):
        return True
    try:
        other = repository_at(top)
        ours, theirs = remotes_of(repository), remotes_of(other)
        if ours.isdisjoint(theirs) and (ours or theirs):
            return False
        first = _first_commits(repository)
        return bool(first) and first == _first_commits(other)
    except PipelineError:
        return False


def remotes_of(repository: Repository) -> set[str]:
    """Return the remotes of a repository, in the same form for all protocols."""
    done = run_git(repository, "config", "--get-regexp", r"^remote\..*\.url$", answers=(0, 1))
    lines = done.stdout.decode(errors="replace").splitlines()
    return {address(line.partition(" ")[2]) for line in lines}


def address(url: str) -> str:
    """Return host and path of a URL, without protocol, user and `.git`."""
    url = url.strip()
    m = _URL.fullmatch(url)
    if m is None or url.startswith("/"):
        return url.rstrip("/").removesuffix(".git")
    path = m["path"].rstrip("/").removesuffix(".git")
    return f"{m['host'].lower()}/{path.strip('/')}"


def _first_commits(repository: Repository) -> set[str]:
    done = run_git(repository, "rev-list", "--max-parents=0", "HEAD", "--", answers=(0, 128))
    return set(done.stdout.decode().split())


def _is_tied(
    repository: Repository | None, objects: Objects | None, group: Sequence[Source]
) -> bool:
    """Return True if the records of an agent connect a folder with the repository."""
    if repository is None or objects is None:
        return False
    remotes = {address(s.remote) for s in group if s.remote}
    if remotes and not remotes.isdisjoint(remotes_of(repository)):
        return True
    commits = {s.commit for s in group if s.commit}
    if any(objects.resolve([f"{commit}^{{commit}}" for commit in commits])):
        return True
    for source in (s for s in group if not s.is_shared):
        printed = list(_printed(source))
        if any(objects.resolve([f"{commit}^{{commit}}" for commit in printed])):
            return True
    return False


def _printed(source: Source) -> Iterator[str]:
    """Yield the commits that a transcript prints; the file is read as bytes."""
    found: dict[str, None] = {}
    for path in source.paths:
        try:
            with opened(path) as f:
                rest = b""
                for _ in range(_SEARCHED // _CHUNK):
                    data = f.read(_CHUNK)
                    if not data:
                        break
                    rest = rest[-256:] + data
                    for m in _PRINTED.finditer(rest):
                        found[m["commit"].decode()] = None
                    if len(found) >= _ASKED:
                        break
        except read_errors():  # it is reported when its events are read
            continue
    yield from list(found)[:_ASKED]


def _unclear(folders: Mapping[str, int]) -> Finding:
    shown = ", ".join(sorted(folders)[:3]) + (", ..." if len(folders) > 3 else "")
    return Finding(
        code="transcripts-elsewhere",
        message=f"nothing connects {counted(sum(folders.values()), 'transcript')} of"
        f" {counted(len(folders), 'missing folder')} with this repository: {shown}",
        level="note",
        hint="If they belong to it, import them: session-codec import --from FILE_OR_FOLDER",
    )
