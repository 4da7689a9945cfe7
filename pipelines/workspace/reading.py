"""Read the tracked files of a workspace together with its pending sessions.

Every verb reads the tracked files through this module, and sees both together, each session once.
The result is what `flush` would write:

1. A pending fact that the manifest does not have follows its lines. A session of the manifest with
   the same id is the same session, whatever its key is now.
2. A pending session without a row gets one after the other rows. A revised session has its new row
   in place of the old one. So has a session whose key changes because a pending session has the
   same key.
3. If nothing is pending, only two folders are checked. Sessions that are only added are found
   without decoding the manifest; for revisions, erased texts and shared keys all of it is decoded.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from codec.kinds import Key
from pipelines.system.fs.files import identity, mapped, read_bytes
from pipelines.system.fs.lines import read_tail
from pipelines.workspace import pending
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, Workspace

if TYPE_CHECKING:
    from codec.manifest.facts import Fact
    from codec.merge.key_conflicts import Settled
    from codec.merge.tracked_formats import Format
    from codec.records import Session
    from pipelines.workspace.manifest_view import Manifest

#: A merge can repeat lines, so this many times as many lines are read.
_SPARE: Final = 2
#: The text in a line of a fact that erases texts.
ERASED: Final = b'"purged-text"'
_REVISION: Final = b'{"fact":"revision"'


class Overlay(NamedTuple):
    """The lines that pending facts add to the tracked files.

    Attributes:
        lines: the pending lines that the manifest does not have, with their line ends.
        sessions: the sessions that the lines add, with their keys in the union.
        settled: sessions whose rows change, before and after; empty if sessions are only added.
    """

    lines: tuple[bytes, ...] = ()
    sessions: tuple[Session, ...] = ()
    settled: tuple[Settled, ...] = ()

    @property
    def has_revisions(self) -> bool:
        """Return True if a line revises a session."""
        return any(line.startswith(_REVISION) for line in self.lines)


NOTHING: Final = Overlay()
#: The overlay that was read last, by the state of its files: a verb asks repeatedly.
_last: dict[tuple[object, ...], Overlay] = {}


def read_overlay(workspace: Workspace, new: Sequence[Session] = ()) -> Overlay:
    """Return the lines that pending facts add to the tracked files.

    Args:
        workspace: the workspace of the files.
        new: further sessions to add, with unique ids and keys.

    Raises:
        Conflict: the pending store is tracked by git, or belongs to another user.
    """
    state = (workspace.root, pending.version(workspace), _state_of(workspace.path(MANIFEST)))
    overlay = _last.get(state)
    if overlay is None:
        overlay = NOTHING
        if lines := pending.read_lines(workspace):
            with mapped(workspace.path(MANIFEST)) as manifest:
                overlay = _overlay(manifest, lines)
        _last.clear()
        _last[state] = overlay
    if not new:
        return overlay
    from codec.manifest.jsonl import encode_fact

    added = (f"{encode_fact(session)}\n".encode() for session in new)
    return overlay._replace(lines=(*overlay.lines, *added), sessions=(*overlay.sessions, *new))


def read_file(workspace: Workspace, name: str) -> bytes:
    """Return the bytes of the manifest or of a v2 file, with pending sessions.

    An incomplete last line stays the last one.
    """
    overlay = read_overlay(workspace)
    data = read_bytes(workspace.path(name))
    return with_overlay(workspace, name, data, overlay) if overlay.lines else data


@contextmanager
def mapped_file(workspace: Workspace, name: str) -> Iterator[mmap.mmap | bytes]:
    """Yield the bytes that `read_file` returns; map the file into memory if nothing is pending."""
    overlay = read_overlay(workspace)
    with mapped(workspace.path(name)) as data:
        yield with_overlay(workspace, name, data[:], overlay) if overlay.lines else data


def read_manifest(workspace: Workspace) -> Manifest:
    """Return the content of the manifest and the pending facts; empty if there are no facts."""
    from pipelines.workspace.manifest_view import decode_manifest

    return decode_manifest(read_file(workspace, MANIFEST))


def newest_delta_lines(workspace: Workspace, count: int) -> list[str]:
    """Return the last lines of the deltas, read from the end of the file, equal lines once.

    If the file is missing or empty, the lines come from the manifest's sessions.
    """
    overlay = read_overlay(workspace)
    if overlay.lines:
        data = with_overlay(workspace, DELTAS, read_bytes(workspace.path(DELTAS)), overlay)
        lines = data[: data.rfind(b"\n") + 1].decode(errors="replace").split("\n")[:-1]
        lines = lines[-count * _SPARE :]
    else:
        lines = read_tail(workspace.path(DELTAS), count * _SPARE)
    if not lines and count and workspace.exists:
        lines = delta_lines_of(read_manifest(workspace))
    return list(dict.fromkeys(lines))[-count:] if count else []


def delta_lines_of(manifest: Manifest) -> list[str]:
    """Return the deltas that the sessions of a manifest should have, oldest first."""
    from codec.v2.deltas import delta_of, encode_delta

    return [encode_delta(delta_of(session)) for session in manifest.in_order()]


def with_overlay(workspace: Workspace, name: str, data: bytes, overlay: Overlay) -> bytes:
    """Return the bytes of a tracked file with the lines of pending facts.

    Args:
        workspace: the workspace of the file.
        name: the name of the file.
        data: its content.
        overlay: the lines to add.
    """
    end = data.rfind(b"\n") + 1
    whole, torn = data[:end], data[end:]
    if name == MANIFEST:
        lines = _with_format(_with_keys(whole, overlay.settled), overlay)
        return lines + b"".join(overlay.lines) + torn
    added = rows_of(name, overlay.sessions)
    if not overlay.settled and not any(s.key.encode() in data for s in overlay.sessions):
        return (whole or head_of(name).encode()) + b"".join(added) + torn
    return _rebuilt(workspace, name, whole, overlay) + torn


def rows_of(name: str, sessions: Sequence[Session]) -> list[bytes]:
    """Return the rows of sessions in the form of a v2 file."""
    if name == DELTAS:
        from codec.v2.deltas import delta_of, encode_delta

        return [f"{encode_delta(delta_of(s))}\n".encode() for s in sessions]
    if name == METRICS:
        from codec.v2.metrics import encode_row, row_of

        return [f"{encode_row(row_of(s))}\n".encode() for s in sessions]
    from codec.v2.progress_log import encode_reference, reference_of

    return [encode_reference(reference_of(s)).encode() for s in sessions]


def is_held(manifest: mmap.mmap | bytes, line: bytes, fact: Fact | None) -> bool:
    """Return True if a manifest has a pending fact.

    Args:
        manifest: the bytes of the manifest.
        line: the line of the fact, with its line end.
        fact: the decoded fact; None for a line that is not a fact.
    """
    from codec.records import Session

    at = manifest.rfind(line)
    if at == 0 or (at > 0 and manifest[at - 1 : at] == b"\n"):
        return True
    return isinstance(fact, Session) and any(_facts_with(manifest, "id", fact.id))


def _state_of(path: str) -> tuple[int, ...]:
    try:
        return identity(os.stat(path))
    except OSError:
        return ()


def _overlay(manifest: mmap.mmap | bytes, lines: Sequence[bytes]) -> Overlay:
    from codec.manifest.fact_lines import read_fact
    from codec.manifest.facts import Revision
    from codec.records import Session

    end = set(manifest[-2 * sum(map(len, lines)) :].splitlines(keepends=True))
    facts = [(line, read_fact(line)) for line in lines if line not in end]
    lacking = [(line, f) for line, f in facts if f is not None and not is_held(manifest, line, f)]
    if not lacking:
        return NOTHING
    sessions = [f for _, f in lacking if isinstance(f, Session)]
    revisions = [f for _, f in lacking if isinstance(f, Revision)]
    if (
        revisions
        or manifest.find(ERASED) >= 0
        or any(any(_facts_with(manifest, "key", s.key)) for s in sessions)
    ):
        return _settled_overlay(manifest[:], lacking)
    ordered = sorted(sessions, key=lambda s: (s.time, s.key))
    return Overlay(tuple(line for line, _ in lacking), tuple(ordered))


def _settled_overlay(data: bytes, lacking: Sequence[tuple[bytes, Fact | None]]) -> Overlay:
    """Return the overlay of facts that change, or may change, sessions of the manifest."""
    from codec.manifest.facts import Revision
    from codec.manifest.jsonl import fact_digest
    from codec.merge.key_conflicts import Settled
    from pipelines.workspace.manifest_view import decode_manifest

    before = decode_manifest(data)
    left = [(x, f) for x, f in lacking if f is not None and fact_digest(f) not in before.erased]
    lines = tuple(line for line, _ in left)
    after = decode_manifest(data[: data.rfind(b"\n") + 1] + b"".join(lines))
    keys = {after.identity(key): key for key in after.sessions}
    lines = tuple(_with_key(line, fact, keys) for line, fact in left)
    was = {before.identity(key): session for key, session in before.sessions.items()}
    added = []
    settled = []
    for key, session in after.sessions.items():
        old = was.get(after.identity(key))
        if old is None:
            added.append(session)
        elif old != session:
            settled.append(Settled(old, session))
    if not added and not settled and not any(isinstance(f, Revision) for _, f in left):
        return NOTHING
    ordered = sorted(added, key=lambda s: (s.time, s.key))
    return Overlay(lines, tuple(ordered), tuple(settled))


def _facts_with(manifest: mmap.mmap | bytes, field: str, value: str) -> Iterator[Session]:
    """Yield the sessions of a manifest with a value of a field, beginning at its end."""
    import json

    from codec.manifest.fact_lines import read_fact
    from codec.records import Session

    if not value:
        return
    needle = f'"{field}":{json.dumps(value, ensure_ascii=False)}'.encode()
    at = len(manifest)
    while (at := manifest.rfind(needle, 0, at)) >= 0:
        end = manifest.find(b"\n", at)
        fact = read_fact(manifest[manifest.rfind(b"\n", 0, at) + 1 : end]) if end >= 0 else None
        if isinstance(fact, Session) and getattr(fact, field) == value:
            yield fact


def _with_key(line: bytes, fact: Fact | None, keys: Mapping[str, Key]) -> bytes:
    """Return the line of a session with its key in the union, by the session's identity."""
    from codec.manifest.jsonl import encode_fact, identity_of
    from codec.records import Session

    if not isinstance(fact, Session) or keys.get(identity_of(fact), fact.key) == fact.key:
        return line
    return f"{encode_fact(fact._replace(key=keys[identity_of(fact)]))}\n".encode()


def _with_keys(whole: bytes, settled: Sequence[Settled]) -> bytes:
    """Return a manifest's lines, with the keys that its sessions have in the union."""
    from codec.manifest.fact_lines import read_fact, split_lines
    from codec.manifest.jsonl import identity_of

    moved = [pair for pair in settled if pair.session.key != pair.becomes.key]
    keys = {identity_of(pair.session): pair.becomes.key for pair in moved}
    named = [f'"key":"{pair.session.key}"'.encode() for pair in moved]
    if not moved:
        return whole
    return b"".join(
        _with_key(line, read_fact(line), keys) if any(name in line for name in named) else line
        for line in split_lines(whole)
    )


def _with_format(whole: bytes, overlay: Overlay) -> bytes:
    """Return the lines of a manifest, which states its format first if revisions are added."""
    from codec.manifest.fact_lines import FORMAT_LINE

    if whole.startswith(FORMAT_LINE) or not overlay.has_revisions:
        return whole
    from codec.manifest.facts import Format
    from codec.manifest.jsonl import encode_fact

    return f"{encode_fact(Format())}\n".encode() + whole


def head_of(name: str) -> str:
    """Return the head of a v2 file."""
    if name == METRICS:
        from codec.v2.metrics import HEADER

        return f"{HEADER}\n"
    if name == PROGRESS:
        from codec.v2.progress_log import TITLE

        return f"{TITLE}\n\n"
    return ""


def _rebuilt(workspace: Workspace, name: str, whole: bytes, overlay: Overlay) -> bytes:
    """Return a v2 file in which the rows of changed sessions are replaced in place."""
    from codec.manifest.fact_lines import kept_in
    from codec.merge.key_conflicts import Settled
    from codec.merge.rows import rebuild_rows
    from codec.merge.tracked_formats import kept_pieces

    form = _form_of(name)
    pieces = form.split(whole) or form.split(form.head)
    fixed = kept_pieces(pieces, kept_in(read_bytes(workspace.path(MANIFEST))).get(name))
    pairs = [*overlay.settled, *(Settled(s, s) for s in overlay.sessions)]
    return b"".join(rebuild_rows(form, pieces, pairs, fixed=fixed)[0])


def _form_of(name: str) -> Format:
    from codec.merge import tracked_formats

    if name == DELTAS:
        return tracked_formats.DELTAS
    return tracked_formats.METRICS if name == METRICS else tracked_formats.REFERENCES
