"""Read the history of a file at HEAD from git.

git reads only objects, without settings, attributes and references of the repository, so the result
depends only on the commits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from codec.patches.changes import FileChange, changes_of
from codec.shown_text import valid_text
from pipelines.outcomes.errors import NotFound, Unavailable
from pipelines.recording.commit_graph import known_commits
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.git_queries import empty_tree

_COMMIT: Final = re.compile(rb"^\0(?P<commit>[0-9a-f]{40,64}) (?P<time>\d{1,12})\n", re.M)
_FORMAT: Final = "--format=%x00%H %at"
_RENAMES: Final = "--find-renames=50%"
_OPTIONS: Final = (
    "--full-index", _RENAMES, "--unified=0", "--diff-algorithm=myers", "--no-color",
    "--src-prefix=a/", "--dst-prefix=b/", _FORMAT,
)  # fmt: skip
#: The number of files whose lines one run of git reads.
_BATCH: Final = 256
_HEADER: Final = re.compile(
    rb"(?P<commit>[0-9a-f]{40,64}) (?P<old>\d{1,9}) (?P<new>\d{1,9})(?: \d+)?"
)

Graph = Mapping[str, Sequence[str]]


class Step(NamedTuple):
    """The change of one commit to a file, with the author's time in seconds since 1970."""

    commit: str
    time: int
    change: FileChange


class Blamed(NamedTuple):
    """The origin of a line.

    Attributes:
        commit: the commit that added it.
        number: the number that it had in that commit.
        text: the text of the line.
    """

    commit: str
    number: int
    text: bytes


def file_history(repository: Repository, head: str, path: str) -> list[Step]:
    """Return the changes of commits to a file, newest first; renames are followed.

    Args:
        repository: the repository that has the file.
        head: the first commit, by its full hash.
        path: the path relative to the top of the repository.

    Raises:
        NotFound: the clone does not have all commits of the file's history.
    """
    arguments = ("log", "--follow", "-p", *_OPTIONS, head, "--", f":(literal){path}")
    name = valid_text(path)
    return _traced(_patch_steps(run_git(repository, *arguments, plain=True).stdout), [name])[name]


def blame(repository: Repository, head: str, path: str, number: int) -> Blamed:
    """Return the commit that added a line of a file, by git's own rules.

    Args:
        repository: the repository that has the file.
        head: the commit whose version of the file is read.
        path: the path relative to the top of the repository.
        number: the number of the line, from 1.

    Raises:
        NotFound: the file or the line does not exist at that commit, or the clone lacks commits.
    """
    arguments = ("blame", "--porcelain", "-L", f"{number},{number}", head, "--", path)
    try:
        output = run_git(repository, *arguments, plain=True).stdout
    except Unavailable as e:
        raise NotFound(
            f"{path}:{number}: {e.problem}", hint="Use the number of a line of the file at HEAD"
        ) from e
    first, *rest = output.split(b"\n")
    m = _HEADER.fullmatch(first)
    text = next((line[1:] for line in rest if line.startswith(b"\t")), None)
    if m is None or text is None:
        raise NotFound(f"{path}:{number}: git finds no commit for this line")
    return Blamed(m["commit"].decode(), int(m["old"]), text)


def graph_with(repository: Repository, head: str, ends: Iterable[str]) -> Graph:
    """Return the parents of all commits that are reachable from HEAD or from other commits.

    Children precede their parents. The empty tree, with which the range of a first commit begins,
    is last.

    Args:
        repository: the repository of the commits.
        head: the commit of HEAD.
        ends: names of commits, some of which the repository may not have.
    """
    known = known_commits(repository, sorted(set(ends)))
    tips = "".join(f"{commit}\n" for commit in sorted({head, *known})).encode()
    arguments = ("rev-list", "--topo-order", "--parents", "--stdin")
    lines = run_git(repository, *arguments, data=tips).stdout.decode().splitlines()
    graph = {commit: parents for commit, *parents in map(str.split, lines)}
    return {**graph, empty_tree(repository): []}


def tracked_files(repository: Repository, head: str) -> list[str]:
    """Return the paths of the files and links of a commit."""
    output = run_git(repository, "ls-tree", "-r", "-z", head, plain=True).stdout
    entries = (entry.partition(b"\t") for entry in output.split(b"\0")[:-1])
    return [_text(path) for kind, _, path in entries if b" blob " in kind]


def all_histories(repository: Repository, head: str, files: Iterable[str]) -> dict[str, list[Step]]:
    """Return the histories of files, newest changes first and without lines, in one run of git.

    Args:
        repository: the repository that has the files.
        head: the first commit, by its full hash.
        files: the paths relative to the top of the repository.

    Raises:
        NotFound: the clone does not have all commits of the files' history.
    """
    arguments = ("log", "--raw", "-z", "--no-abbrev", _RENAMES, _FORMAT, head)
    return _traced(_raw_steps(run_git(repository, *arguments, plain=True).stdout), files)


def histories_with_lines(
    repository: Repository, head: str, histories: Mapping[str, Sequence[Step]]
) -> Iterator[dict[str, list[Step]]]:
    """Yield the histories of files with the lines of each change, some files at a time.

    Args:
        repository: the repository that has the files.
        head: the first commit.
        histories: the histories of the files, without lines.
    """
    files = sorted(histories)
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        names = sorted({name for file in batch for name in names_of(file, histories[file])})
        paths = [f":(literal){name}" for name in names]
        arguments = ("log", "--full-history", "-p", *_OPTIONS, head, "--", *paths)
        yield _traced(_patch_steps(run_git(repository, *arguments, plain=True).stdout), batch)


def names_of(file: str, history: Iterable[Step]) -> set[str]:
    """Return all names that a file has or had."""
    return {file, *(name for step in history for name in (step.change.old, step.change.new))}


def _traced(steps: Iterable[Step], files: Iterable[str]) -> dict[str, list[Step]]:
    """Return the changes of each file, given all changes, newest first; renames are followed."""
    found: dict[str, list[Step]] = {file: [] for file in files}
    named: dict[str, Collection[str]] = {file: [file] for file in found}
    for step in steps:
        change = step.change
        following = named.get(change.new)
        if following is None:
            continue
        for file in following:
            found[file].append(step)
        if change.old != change.new:
            named[change.old] = [*named.get(change.old, ()), *named.pop(change.new)]
    return found


def _raw_steps(output: bytes) -> Iterator[Step]:
    """Yield the changes in the output of `git log --raw -z`."""
    commit, time = "", 0
    fields = iter(output.split(b"\0"))
    for field in fields:
        raw = field.removeprefix(b"\n")
        if raw.startswith(b":"):
            _, _, old_blob, new_blob, kind = raw.decode().split()
            old = new = _text(next(fields))
            if kind.startswith("R"):
                new = _text(next(fields))
            yield Step(commit, time, FileChange(old, new, old_blob, new_blob, (), range(0)))
        elif raw:
            commit, _, at = raw.decode().partition(" ")
            time = int(at)


def _patch_steps(output: bytes) -> Iterator[Step]:
    """Yield the changes in the output of `git log -p`."""
    marks = list(_COMMIT.finditer(output))
    ends = [m.start() for m in marks[1:]] + [len(output)]
    for m, end in zip(marks, ends):
        for change in changes_of(output[m.end() : end].lstrip(b"\n")):
            yield Step(m["commit"].decode(), int(m["time"]), change)


def _text(path: bytes) -> str:
    """Return a path as `changes_of` writes it."""
    return path.decode(errors="replace")
