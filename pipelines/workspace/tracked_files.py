"""Build the lines of sessions for the tracked files of a workspace.

The manifest is authoritative: if a v2 file does not have a session of the manifest, it gets its
row. So the same code writes new sessions and completes files that lost rows in a merge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.errors import IntegrityError
from codec.kinds import RelPath
from codec.manifest.facts import Fact, Kept
from codec.manifest.jsonl import encode_fact
from codec.records import Session
from codec.summaries.paths import path_of
from pipelines.system.fs.files import make_folder, read_bytes, write_new
from pipelines.system.fs.lines import last_byte, read_lines
from pipelines.system.fs.locks import unchanging
from pipelines.workspace.git_ignored import COMMITTED, exceptions, ignored_files
from pipelines.workspace.location import (
    DELTAS,
    GITATTRIBUTES,
    GITIGNORE,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    Workspace,
)
from pipelines.workspace.reading import read_file
from pipelines.workspace.transaction import Append, Transaction

if TYPE_CHECKING:
    from codec.merge.tracked_formats import Format as RowFormat

#: The v2 files, in the order of writing: a session exists once it has its delta.
ROWS: Final = (METRICS, PROGRESS, DELTAS)
IGNORED: Final = (
    "/.diffs/",
    "/.session-codec/cache/",
    "/.session-codec/lock",
    "/.session-codec/journal*",
    "/.session-codec/spool/",
    "/.session-codec/staging-*/",
    "*.repair-*.bak",
    "/.claude/settings.local.json",
)
#: The files to which lines are appended, and which git merges record by record or by union.
MERGED: Final = (MANIFEST, PROGRESS, METRICS, DELTAS)
ATTRIBUTES: Final = (
    *(f"/{name} text eol=lf" for name in (*MERGED, REFERENCES)),
    *(f"/{name} merge=union" for name in MERGED),
)
#: All lines that are added, except those of v1 logs.
_OURS: Final = frozenset((*IGNORED, *ATTRIBUTES, *exceptions((*COMMITTED, path_of("2025")))))
_COMMENT: Final = "# session-codec"
#: The same for a file without a final line end, so that its bytes can be restored.
_COMMENT_TORN: Final = "# session-codec (no line end before)"


class Tracked(NamedTuple):
    """The tracked files between two writes, with pending sessions, as bytes."""

    manifest: bytes
    deltas: bytes
    metrics: bytes
    progress: bytes


def read_tracked(workspace: Workspace) -> Tracked:
    """Return the tracked files with pending sessions, read between two writes.

    Raises:
        WorkspaceLocked: another process was writing for too long.
    """
    with unchanging(workspace.lock):
        return tracked_under_lock(workspace)


def tracked_under_lock(workspace: Workspace) -> Tracked:
    """Return the tracked files with pending sessions. The caller must hold the lock."""
    return Tracked(
        manifest=read_file(workspace, MANIFEST),
        deltas=read_file(workspace, DELTAS),
        metrics=read_file(workspace, METRICS),
        progress=read_file(workspace, PROGRESS),
    )


def kept_facts(workspace: Workspace) -> list[Kept]:
    """Return facts about the rows that a user wrote before the workspace was created.

    The list is empty if the workspace has a manifest, or had one in HEAD: then session-codec wrote
    the rows.

    Raises:
        Denied, Unavailable: git cannot run.
    """
    if workspace.exists:
        return []
    held = {name: data for name in ROWS if (data := read_bytes(workspace.path(name)))}
    if not held:
        return []
    from codec.merge.tracked_formats import kept_of
    from pipelines.workspace.git_queries import content_at

    forms = row_formats()
    facts = [kept for name, data in held.items() if (kept := kept_of(name, forms[name], data))]
    return [] if facts and content_at(workspace, "HEAD", MANIFEST) else facts


def row_formats() -> Mapping[RelPath, RowFormat]:
    """Return the formats of the v2 files, in the order of writing."""
    from codec.merge.tracked_formats import (
        DELTAS as DELTA_LINES,  # imports dataclasses, which hooks must not
    )
    from codec.merge.tracked_formats import METRICS as METRICS_ROWS
    from codec.merge.tracked_formats import REFERENCES as ENTRIES

    return dict(zip(ROWS, (METRICS_ROWS, ENTRIES, DELTA_LINES), strict=True))


def session_appends(
    workspace: Workspace,
    sessions: Iterable[Session],
    kept: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> Iterator[Append]:
    """Yield the rows that are missing in the v2 files, in the order of writing.

    Args:
        workspace: the workspace of the files.
        sessions: all sessions of the workspace, including new ones, in order.
        kept: digests of the rows that belong to the user, by file.
    """
    ordered = list(sessions)
    for name, form in row_formats().items():
        whole, torn = at_last_line_end(read_bytes(workspace.path(name)))
        missing = sessions_without_row(ordered, form, form.split(whole), kept.get(name))
        if missing or not (whole or torn):
            chunks = _chunks(b"" if whole or torn else form.head, map(form.encode, missing))
            yield Append(path=name, chunks=chunks, torn=bool(torn))


def at_last_line_end(data: bytes) -> tuple[bytes, bytes]:
    """Return the lines of a file, and its incomplete last line, which is not a row."""
    end = data.rfind(b"\n") + 1
    return data[:end], data[end:]


def record_facts(
    workspace: Workspace,
    verb: str,
    facts: Iterable[Fact],
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Append facts that are not sessions to the manifest, under the lock.

    Args:
        workspace: the workspace of the facts.
        verb: the verb that records them.
        facts: the facts to append.
        files: files of `.diffs` to write in the same transaction, by path.

    Raises:
        IntegrityError: a file does not read back as written.
    """
    lines = "".join(f"{encode_fact(fact)}\n" for fact in facts)
    with Transaction(workspace, verb) as transaction:
        for name, data in files.items():
            path = os.path.join(transaction.staging, *name.split("/"))
            make_folder(os.path.dirname(path))
            if not write_new(path, data):
                raise IntegrityError("does not read back as it was written", file=path)
        transaction.prepare([at_end(workspace, MANIFEST, "", lines)] if lines else [])
        transaction.commit()


def at_end(workspace: Workspace, name: RelPath, head: str, text: str) -> Append:
    """Return an append of whole lines; a missing or empty file gets its head first."""
    last = last_byte(workspace.path(name))
    chunk = text if last else head + text
    return Append(path=name, chunks=[chunk.encode()], torn=last not in (b"", b"\n"))


def sessions_without_row(
    sessions: list[Session],
    form: RowFormat,
    pieces: list[bytes],
    kept: frozenset[str] | None,
) -> list[Session]:
    """Return the sessions that have neither their own row nor another readable one.

    A row that belongs to the user counts only if it is exactly the row of the session.
    """
    from codec.merge.tracked_formats import kept_pieces

    rows = set(pieces)
    missing = [s for s in sessions if form.encode(s) not in rows] if rows else sessions
    if not missing or not rows:
        return missing
    others = {form.key_of(row) for row in rows - kept_pieces(rows, kept)}
    return [s for s in missing if s.key not in others]


def git_appends(workspace: Workspace, logs: Iterable[str]) -> Iterator[Append]:
    """Yield the missing lines of `.gitignore` and `.gitattributes`; none outside of git.

    If git ignores a file that clones need, `.gitignore` gets an exception for it.

    Args:
        workspace: the workspace of the files.
        logs: the names of its v1 logs, whose bytes git must not change.
    """
    if workspace.repository is None:
        return
    inside = (log for log in logs if not log.startswith("../") and not os.path.isabs(log))
    attributes = dict.fromkeys((*ATTRIBUTES, *(f"{pattern(log)} -text" for log in inside)))
    ignore = (*exceptions(file.name for file in ignored_files(workspace)), *IGNORED)
    yield from _lacking(workspace, GITIGNORE, ignore)
    yield from _lacking(workspace, GITATTRIBUTES, attributes)


def exception_appends(workspace: Workspace, more: Iterable[str] = ()) -> list[Append]:
    """Return the exceptions that `.gitignore` needs so that git accepts the tracked files.

    Args:
        workspace: the workspace of the files.
        more: paths of files that will be written, relative to the workspace.
    """
    names = [file.name for file in ignored_files(workspace, more)]
    return list(_lacking(workspace, GITIGNORE, exceptions(names))) if names else []


def _lacking(workspace: Workspace, name: RelPath, wanted: Iterable[str]) -> Iterator[Append]:
    """Yield an append of the lines that a file for git does not have."""
    lines = read_lines(workspace.path(name))
    torn = os.path.exists(workspace.path(name)) and lines.torn
    present = {line.strip() for _, line in lines.lines}
    if torn:
        last = read_bytes(workspace.path(name)).rpartition(b"\n")[2]
        present.add(last.decode(errors="replace").strip())
    missing = [line for line in wanted if line not in present]
    if missing:
        comment = _COMMENT_TORN if torn else _COMMENT
        text = "".join(f"{line}\n" for line in (comment, *missing))
        yield Append(path=name, chunks=[text.encode()], torn=torn)


def without_git_lines(data: bytes) -> bytes | None:
    """Return a `.gitignore` or `.gitattributes` without the lines of `git_appends`; None if empty.

    The added lines begin with our comment, and end before the first line that is not ours.
    """
    kept: list[bytes] = []
    ours = torn = False
    for line in data.splitlines(keepends=True):
        text = line.decode(errors="replace").strip()
        if text in {_COMMENT, _COMMENT_TORN}:
            ours, torn = True, text == _COMMENT_TORN
        elif not (ours and (text in _OURS or text.endswith(" -text"))):
            ours = torn = False
            kept.append(line)
    if torn and kept:
        kept[-1] = kept[-1].removesuffix(b"\n")
    return b"".join(kept) or None


def pattern(path: str) -> str:
    """Return a path as a pattern of `.gitattributes` that matches only this path."""
    literal = re.sub(r"[\\*?\[\]]", r"\\\g<0>", path)
    if not any(c.isspace() or c == '"' for c in path):
        return f"/{literal}"
    quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
    return f'"/{quoted}"'


def _chunks(head: bytes, rows: Iterable[bytes]) -> Iterator[bytes]:
    """Yield rows, joined into larger pieces."""
    block = [head]
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size > 1 << 18:
            yield b"".join(block)
            block, size = [], 0
    yield b"".join(block)
