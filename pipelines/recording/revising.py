"""Revise a session: add a fact, and rewrite its rows in the three v2 files, in one transaction.

1. Facts do not change. A revision names the revisions that it replaces, so that two clones that
   revise one session agree on the result.
2. The rows are rewritten in place; all other bytes of the files stay, and so do the rows that
   belong to the user.
3. Lines of the manifest are removed only if texts are erased; a fact names each removed line, so
   that no merge, repair or restore brings it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from codec.manifest.erased import without_erased
from codec.manifest.fact_lines import format_first, split_lines
from codec.manifest.facts import FORMAT, Author, Fact, Format, PurgedText, Revision
from codec.manifest.identity import History, histories_of
from codec.manifest.jsonl import encode_fact, fact_digest, identity_of
from codec.manifest.revisions import apply_revisions, heads_of
from codec.manifest.session_fields import changes_between
from codec.merge.key_conflicts import Settled
from codec.merge.rows import rebuild_rows
from codec.merge.tracked_formats import DELTAS as DELTA_LINES
from codec.merge.tracked_formats import METRICS as METRICS_ROWS
from codec.merge.tracked_formats import REFERENCES as ENTRIES
from codec.merge.tracked_formats import kept_pieces
from codec.names import UNNAMED
from codec.records import Session
from pipelines.outcomes.errors import Conflict
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.tracked_files import Tracked
from pipelines.workspace.transaction import Replace

_TEXTS: Final = ("task", "remark", "title", "notes")
#: The fields of a revision that removes the texts of a session.
_REMOVED: Final = {"task": UNNAMED, "remark": None, "title": None, "notes": None, "private": True}


def without_texts(session: Session) -> Session:
    """Return a session without its texts."""
    return session._replace(task=UNNAMED, remark="", title="", notes="", private=True)


def revision_to(history: History, session: Session, by: Author) -> Revision:
    """Return the revision from a session to its new version.

    Args:
        history: the session as it is now.
        session: the revised session.
        by: who revises the session.
    """
    return Revision(
        of=identity_of(history.base),
        after=heads_of(history.revisions),
        by=by,
        changes=changes_between(history.base, session),
    )


def as_logged(history: History) -> Session:
    """Return a session as the v1 log last stated it, without later changes by users and hooks."""
    return apply_revisions(history.base, _by_log(history))


def _log_revision(history: History, session: Session) -> Revision:
    """Return the revision of a session whose entry in the v1 log changed.

    It follows only revisions by the log. So it is one more head beside those of users and hooks,
    and the rules for several heads keep their changes.

    Args:
        history: the session as it is now.
        session: the session, as the entry has it, with the key and the time of the session.
    """
    if history.session.private:
        session = without_texts(session)
    return Revision(
        of=identity_of(history.base),
        after=heads_of(_by_log(history)),
        by="log",
        changes=changes_between(history.base, session),
    )


def revised_by_log(history: History, session: Session) -> tuple[Session | Revision | None, Session]:
    """Return the fact for the current text of a v1 entry, and the revised session.

    The fact is None if nothing changed. If only the reader is newer, it is a session fact; for any
    other change, a revision.

    Args:
        history: the session as it is now.
        session: the session, as the entry has it, with the key and the time of the session.
    """
    base, logged = history.base, as_logged(history)
    same_entry = identity_of(session) == identity_of(logged)
    if same_entry and session._replace(reader=logged.reader, v1=logged.v1) == logged:
        return None, history.session
    if same_entry and logged == base:
        facts = [*history.facts, session]
        (after,) = histories_of(facts, history.revisions)
        return session, after.session._replace(key=session.key)
    revision = _log_revision(history, session)
    return revision, apply_revisions(base, [*history.revisions, revision])


def joined_by_log(old: History, new: History) -> Revision:
    """Return the revision that joins two sessions as versions of one entry of the v1 log.

    It states each field in which any fact of the two differs from the newer version, because
    either can be the base of the session that they make.

    Args:
        old: the session whose entry the log no longer has.
        new: the one whose entry it has.
    """
    session = as_logged(new)
    if old.session.private or new.session.private:
        session = without_texts(session)
    changes: dict[str, Any] = {}
    for fact in (*old.facts, *new.facts):
        changes |= changes_between(fact, session)
    return Revision(
        of=identity_of(old.base),
        after=heads_of([*_by_log(old), *_by_log(new)]),
        by="log",
        changes=dict(sorted(changes.items())),
    )


def _by_log(history: History) -> list[Revision]:
    return [r for r in history.revisions if r.by == "log"]


def private_facts(history: History, session: Session, time: str) -> tuple[list[Fact], PurgedText]:
    """Return facts without texts that replace a session's facts, and the fact that erases those.

    Args:
        history: the session as it is now.
        session: the revised session, without texts.
        time: the current time, as facts state it.

    Raises:
        Conflict: the session has neither an entry nor an id, so its texts identify it.
    """
    base = without_texts(history.base)
    if identity_of(base) != identity_of(history.base):
        raise Conflict(
            f"{session.key}: is identified by its texts, which therefore cannot be removed",
            hint="Remove its line from the manifest and its rows by hand",
        )
    nothing = (None, "", UNNAMED)
    told = [r for r in history.revisions if any(r.changes.get(n) not in nothing for n in _TEXTS)]
    # The diff of an older version must stay known, so that `purge` finds it.
    diffs = [r._replace(changes={**r.changes, **_REMOVED}) for r in told if "diff" in r.changes]
    revision = Revision(
        of=identity_of(base),
        after=tuple(sorted({fact_digest(r) for r in (*history.revisions, *diffs)})),
        by="person",
        changes={**changes_between(base, session), **_REMOVED},
    )
    facts = [without_texts(fact)._replace(key=session.key) for fact in history.facts]
    new: list[Fact] = [*facts, *diffs, revision]
    gone = {*map(fact_digest, history.facts), *map(fact_digest, told)} - {*map(fact_digest, new)}
    return new, PurgedText(lines=tuple(sorted(gone)), time=time)


def edits_of(
    before: Tracked,
    manifest: Manifest,
    pair: Settled,
    facts: Iterable[Fact],
    erased: frozenset[str] = frozenset(),
) -> tuple[Replace, ...]:
    """Return the new content of the tracked files, in writing order.

    Args:
        before: the current files.
        manifest: the manifest of the files.
        pair: the session before and after.
        facts: the facts to add.
        erased: the digests of the facts to remove.
    """
    lines = without_erased(split_lines(before.manifest), erased)
    known = set(lines)
    new = [f"{encode_fact(fact)}\n".encode() for fact in facts]
    if manifest.format < FORMAT:
        new.append(f"{encode_fact(Format())}\n".encode())
    after = b"".join(format_first([*lines, *(line for line in new if line not in known)]))
    rows = (
        (METRICS, METRICS_ROWS, before.metrics),
        (PROGRESS, ENTRIES, before.progress),
        (DELTAS, DELTA_LINES, before.deltas),
    )
    edits = [Replace(MANIFEST, before.manifest, after)]
    for name, form, data in rows:
        pieces = form.split(data) or form.split(form.head)
        fixed = kept_pieces(pieces, manifest.kept.get(name))
        rebuilt = b"".join(rebuild_rows(form, pieces, [pair], fixed=fixed)[0])
        edits.append(Replace(name, data, rebuilt))
    return tuple(edit for edit in edits if edit.before != edit.after)


def texts_of(sessions: Sequence[Session]) -> set[str]:
    """Return all texts of sessions."""
    return {text for s in sessions for text in (s.remark, s.title, s.notes, s.task)} - {"", UNNAMED}
