"""What is appended to the tracked files of a workspace for its sessions.

The manifest is the truth: a session that it has and that a v2 file lacks gets its row there. So
the same code writes new sessions, and completes files that lost rows in a merge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final, NamedTuple

from codec.errors import FormatError, IntegrityError
from codec.facts import Fact
from codec.manifest import encode_fact
from codec.records import Session
from codec.v2_deltas import Delta, decode_delta, delta_of, encode_delta
from codec.v2_metrics import HEADER, MetricsRow, decode_row, encode_row, row_of
from codec.v2_progress import TITLE, decode_references, encode_reference, reference_of
from pipelines.files import make_folder, read_bytes, unchanging, write_new
from pipelines.git_ignored import COMMITTED, exceptions, ignored_files
from pipelines.journal import Append, Transaction
from pipelines.lines import last_byte, read_lines
from pipelines.workspace import DELTAS, MANIFEST, METRICS, PROGRESS, REFERENCES, Workspace

IGNORED: Final = (
    "/.diffs/",
    "/.session-codec/cache/",
    "/.session-codec/lock",
    "/.session-codec/journal*",
    "/.session-codec/spool/",
    "/.session-codec/staging-*/",
    "*.repair-*.bak",
)
#: What lines are appended to: merged by record (`merging`), or by union where that is not set up.
MERGED: Final = (MANIFEST, PROGRESS, METRICS, DELTAS)
ATTRIBUTES: Final = (
    *(f"/{name} text eol=lf" for name in (*MERGED, REFERENCES)),
    *(f"/{name} merge=union" for name in MERGED),
)
#: Every line that `git_appends` adds, but those of v1 logs.
_OURS: Final = frozenset((*IGNORED, *ATTRIBUTES, *exceptions(COMMITTED)))
_COMMENT: Final = "# session-codec"
#: The same where the file had no line end at its end, so that it can get back what it was.
_COMMENT_TORN: Final = "# session-codec (no line end before)"


class Tracked(NamedTuple):
    """The tracked files of one moment, as bytes: no verb was writing them."""

    manifest: bytes
    deltas: bytes
    metrics: bytes
    progress: bytes


def read_tracked(workspace: Workspace) -> Tracked:
    """The tracked files, between two writes.

    Raises:
        WorkspaceLocked: another process was writing for too long.
    """
    with unchanging(workspace.lock):
        return tracked_under_lock(workspace)


def tracked_under_lock(workspace: Workspace) -> Tracked:
    """The tracked files, for whoever holds the lock."""
    return Tracked(
        manifest=read_bytes(workspace.path(MANIFEST)),
        deltas=read_bytes(workspace.path(DELTAS)),
        metrics=read_bytes(workspace.path(METRICS)),
        progress=read_bytes(workspace.path(PROGRESS)),
    )


def session_appends(workspace: Workspace, sessions: Iterable[Session]) -> Iterator[Append]:
    """The rows that the v2 files lack, in the order in which they must be written.

    Args:
        workspace: whose files.
        sessions: all sessions of the workspace, new ones among them.
    """
    ordered = sorted(sessions, key=lambda s: (s.time, s.key))
    metrics = read_lines(workspace.path(METRICS))
    missing = _missing(ordered, metrics.lines, lambda s: encode_row(row_of(s)), decode_row)
    if missing or not metrics.size:
        head = b"" if metrics.size else f"{HEADER}\n".encode()
        rows = (f"{encode_row(row_of(s))}\n".encode() for s in missing)
        yield Append(path=METRICS, chunks=_chunks(head, rows), torn=metrics.torn)

    progress = read_bytes(workspace.path(PROGRESS))
    present = {r.key for r in decode_references(progress.decode(errors="replace"))[0]}
    missing = [s for s in ordered if s.key not in present]
    if missing or not progress:
        head = b"" if progress else f"{TITLE}\n\n".encode()
        entries = (encode_reference(reference_of(s)).encode() for s in missing)
        torn = bool(progress) and not progress.endswith(b"\n")
        yield Append(path=PROGRESS, chunks=_chunks(head, entries), torn=torn)

    deltas = read_lines(workspace.path(DELTAS))
    missing = _missing(ordered, deltas.lines, lambda s: encode_delta(delta_of(s)), decode_delta)
    if missing or not deltas.size:
        rows = (f"{encode_delta(delta_of(s))}\n".encode() for s in missing)
        yield Append(path=DELTAS, chunks=_chunks(b"", rows), torn=deltas.torn)


def new_session_appends(workspace: Workspace, session: Session) -> list[Append]:
    """The lines of a session that no file has yet; only the ends of the files are looked at."""
    reference = encode_reference(reference_of(session))
    return [
        _at_end(workspace, MANIFEST, "", f"{encode_fact(session)}\n"),
        _at_end(workspace, PROGRESS, f"{TITLE}\n\n", reference),
        _at_end(workspace, METRICS, f"{HEADER}\n", f"{encode_row(row_of(session))}\n"),
        _at_end(workspace, DELTAS, "", f"{encode_delta(delta_of(session))}\n"),
    ]


def record_facts(
    workspace: Workspace,
    verb: str,
    facts: Iterable[Fact],
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Append facts that are no sessions to the manifest. Use it under the lock.

    Args:
        workspace: whose facts.
        verb: that records them.
        facts: what to append.
        files: files of `.diffs` that are written in the same transaction, by path.

    Raises:
        IntegrityError: a file does not read back as it was written.
    """
    lines = "".join(f"{encode_fact(fact)}\n" for fact in facts)
    transaction = Transaction(workspace, verb)
    transaction.begin()
    for name, data in files.items():
        path = os.path.join(transaction.staging, *name.split("/"))
        make_folder(os.path.dirname(path))
        if not write_new(path, data):
            raise IntegrityError("does not read back as it was written", file=path)
    transaction.prepare([_at_end(workspace, MANIFEST, "", lines)] if lines else [])
    transaction.commit()


def _at_end(workspace: Workspace, name: str, head: str, text: str) -> Append:
    """An append that begins the file where there is none."""
    last = last_byte(workspace.path(name))
    chunk = text if last else head + text
    return Append(path=name, chunks=[chunk.encode()], torn=last not in (b"", b"\n"))


def _missing(
    sessions: list[Session],
    lines: list[tuple[int, str]],
    encode: Callable[[Session], str],
    decode: Callable[[str], Delta] | Callable[[str], MetricsRow],
) -> list[Session]:
    """The sessions that no line is about: neither their own line, nor one that can be read."""
    unclaimed = {line for _, line in lines}
    if not unclaimed:
        return sessions
    missing = [s for s in sessions if encode(s) not in unclaimed]
    if not missing:
        return []
    others: set[str] = set()
    for line in unclaimed:
        with suppress(FormatError):  # what readers pass over is nothing
            others.add(decode(line).key)
    return [s for s in missing if s.key not in others]


def git_appends(workspace: Workspace, logs: Iterable[str]) -> Iterator[Append]:
    """Yield the lines that `.gitignore` and `.gitattributes` lack; none outside of git.

    If git ignores a file that clones need, `.gitignore` gets an exception for it.

    Args:
        workspace: whose files.
        logs: names of its v1 logs: git must not change a byte of them.
    """
    if workspace.repository is None:
        return
    inside = (log for log in logs if not log.startswith("../") and not os.path.isabs(log))
    attributes = dict.fromkeys((*ATTRIBUTES, *(f"{pattern(log)} -text" for log in inside)))
    ignore = (*exceptions(file.name for file in ignored_files(workspace)), *IGNORED)
    yield from _lacking(workspace, ".gitignore", ignore)
    yield from _lacking(workspace, ".gitattributes", attributes)


def exception_appends(workspace: Workspace) -> list[Append]:
    """Return the exceptions that `.gitignore` needs so that git takes the tracked files."""
    names = [file.name for file in ignored_files(workspace)]
    return list(_lacking(workspace, ".gitignore", exceptions(names))) if names else []


def _lacking(workspace: Workspace, name: str, wanted: Iterable[str]) -> Iterator[Append]:
    """Yield an append of the lines that a file for git lacks."""
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
    """A `.gitignore` or `.gitattributes` without what `git_appends` added; None if nothing is left.

    What was added begins with our comment, and goes as far as lines that are ours.
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
    """A path as a pattern of `.gitattributes` that matches it alone."""
    literal = re.sub(r"[\\*?\[\]]", r"\\\g<0>", path)
    if not any(c.isspace() or c == '"' for c in path):
        return f"/{literal}"
    quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
    return f'"/{quoted}"'


def _chunks(head: bytes, rows: Iterable[bytes]) -> Iterator[bytes]:
    """Rows joined to larger writes."""
    block = [head]
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size > 1 << 18:
            yield b"".join(block)
            block, size = [], 0
    yield b"".join(block)
