"""The lines that a migration adds to the tracked files: facts, and rows in session order.

1. Facts are appended to the manifest. It is rewritten only if its first line must state a new
   format.
2. Rows are appended if they follow all rows of a file. If a session changed, or if a new one
   precedes another, the file is rewritten in order.
3. Rows that were in a file before the first migration belong to the user: the first facts record
   them, and they stay unchanged and in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import Protocol

from codec.kinds import Key, RelPath
from codec.manifest.fact_lines import format_first, kept_rows, read_fact, split_lines
from codec.manifest.facts import FORMAT, Fact, Follows, Kept, ReferencesBuilt, Revision, V1Version
from codec.manifest.facts import Format as FormatFact
from codec.manifest.jsonl import encode_fact
from codec.manifest.order import in_order
from codec.merge.key_conflicts import Settled, other_versions, rekeyed_facts, settle
from codec.merge.rows import rebuild_rows, sort_rows
from codec.merge.tracked_formats import Format, kept_pieces
from codec.records import Session
from pipelines.system.fs.files import read_bytes
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.tracked_files import (
    at_last_line_end,
    kept_facts,
    row_formats,
    session_appends,
    sessions_without_row,
)
from pipelines.workspace.transaction import Append, Replace


class _New(Protocol):
    @property
    def session(self) -> Session: ...


class PlannedSessions(Protocol):
    """The changes of sessions; `SessionPlan` describes the parts."""

    @property
    def added(self) -> Sequence[_New]: ...
    @property
    def updated(self) -> Sequence[Settled]: ...
    @property
    def facts(self) -> Sequence[Session | Revision]: ...
    @property
    def follows(self) -> Sequence[Follows]: ...
    @property
    def entries(self) -> Mapping[str, Session]: ...


class MigratedRows:
    """The facts and rows of a migration, or of an import.

    Args:
        workspace: the workspace of the files.
        manifest: the manifest of the files.
        sessions: the changes of the sessions that were found.
        versions: the new facts about the logs.
        joins: known sessions become one, so that facts and rows of both get its key.
    """

    def __init__(
        self,
        workspace: Workspace,
        manifest: Manifest,
        sessions: PlannedSessions,
        versions: Sequence[V1Version],
        *,
        joins: bool = False,
    ) -> None:
        self._workspace = workspace
        self._manifest = manifest
        self._plan = sessions
        self._joins = joins
        new = [a.session for a in sessions.added]
        self._follows: list[Follows] = []
        if new or sessions.facts or versions:
            known = frozenset(manifest.follows)
            self._follows = [f for f in dict.fromkeys(sessions.follows) if f not in known]
        kept: Sequence[Kept] = kept_facts(workspace)
        self._kept: Mapping[str, frozenset[str]] = manifest.kept or kept_rows(kept)
        self._facts: list[Fact] = [*kept, *new, *sessions.facts, *self._follows, *versions]

    def writes(
        self, built: Future[tuple[bytes, ReferencesBuilt]] | None
    ) -> tuple[list[Replace], list[Append]]:
        """Return the files to rewrite, and the lines to append, in writing order.

        Args:
            built: the references and the fact of their build, if they are built.
        """
        rows = self._replaces()
        written = {edit.path for edit in rows}
        appends = session_appends(self._workspace, self.sessions, self._kept)
        kept = [append for append in appends if append.path not in written]
        if not self._facts and built is None:
            return rows, kept
        lines = self._lines(built)
        if self._joins:
            before = read_bytes(self._workspace.path(MANIFEST))
            pieces = rekeyed_facts([*self._whole(before), *lines], self._settled)
            return [Replace(MANIFEST, before, b"".join(format_first(pieces))), *rows], kept
        if self._manifest.format < FORMAT and any(isinstance(f, Revision) for f in self._facts):
            return [self._with_format(lines), *rows], kept
        return rows, [Append(path=MANIFEST, chunks=lines, torn=self._manifest.torn), *kept]

    def _lines(self, built: Future[tuple[bytes, ReferencesBuilt]] | None) -> Iterator[bytes]:
        """Yield the lines of the new facts; the build of the references is the last."""
        yield from (f"{encode_fact(fact)}\n".encode() for fact in self._facts)
        if built is not None:
            yield f"{encode_fact(built.result()[1])}\n".encode()

    def _with_format(self, lines: Iterable[bytes]) -> Replace:
        """Return the manifest with its format first and the new lines last."""
        before = read_bytes(self._workspace.path(MANIFEST))
        head = f"{encode_fact(FormatFact())}\n".encode()
        pieces = format_first([head, *split_lines(before), *lines])
        return Replace(MANIFEST, before, b"".join(pieces))

    def _whole(self, before: bytes) -> list[bytes]:
        """Return the manifest's lines, those of its format first, each with a line end."""
        whole, torn = at_last_line_end(before)
        format_line = f"{encode_fact(FormatFact())}\n".encode()
        return [
            *([format_line] if self._manifest.format < FORMAT else []),
            *split_lines(whole),
            *([torn + b"\n"] if torn else []),
        ]

    @cached_property
    def _settled(self) -> Sequence[Settled]:
        """Return the sessions whose rows change, including those that become one session."""
        if not self._joins:
            return self._plan.updated
        lines = self._whole(read_bytes(self._workspace.path(MANIFEST)))
        facts = [f for f in (*map(read_fact, lines), *self._facts) if f is not None]
        settled = settle(
            [f for f in facts if isinstance(f, Session)],
            [f for f in facts if isinstance(f, Revision)],
        )
        return [*settled, *other_versions(facts, (), settled), *self._plan.updated]

    def _replaces(self) -> list[Replace]:
        """Return the v2 files to rewrite."""
        if not (self._plan.added or self._plan.updated):
            return []
        edits = (self._replace(name, form) for name, form in row_formats().items())
        return [edit for edit in edits if edit is not None]

    @cached_property
    def sessions(self) -> list[Session]:
        """Return all sessions of the migrated workspace, in order."""
        known = {
            **self._manifest.sessions,
            **{p.becomes.key: p.becomes for p in self._plan.updated},
        }
        sessions = [*known.values(), *(a.session for a in self._plan.added)]
        follows = (*self._manifest.follows, *self._follows)
        entries = {**self._manifest.entries(), **self._plan.entries} if follows else {}
        return in_order(sessions, follows, entries)

    @cached_property
    def _keys(self) -> list[Key]:
        return [s.key for s in self.sessions]

    def _replace(self, name: RelPath, form: Format) -> Replace | None:
        """Return a file with its rows changed and in order; None if appending is sufficient."""
        before = read_bytes(self._workspace.path(name))
        if not before or (not self._plan.updated and self._only_grows(form, before)):
            return None
        whole, torn = at_last_line_end(before)
        pieces = form.split(whole)
        kept = self._kept.get(name, frozenset())
        fixed = kept_pieces(pieces, kept)
        rows, _ = rebuild_rows(form, pieces, self._settled, broken=self._joins, fixed=fixed)
        rows += map(form.encode, sessions_without_row(self.sessions, form, rows, kept))
        after = b"".join((*sort_rows(form, rows, self._keys, kept), torn and torn + b"\n"))
        return Replace(name, before, after) if after != before else None

    def _only_grows(self, form: Format, before: bytes) -> bool:
        """Return True if each new session follows the last row of a file."""
        new = {a.session.key for a in self._plan.added}
        first = next((n for n, key in enumerate(self._keys) if key in new), len(self._keys))
        after = set(self._keys[first:]) - new
        return not after or after.isdisjoint(map(form.named_key, form.split(before)))
