"""Join known sessions that are versions of one entry, by a revision from the log.

The result depends only on the manifest and the current logs, so clones with the same manifest and
logs write the same facts.
"""

from __future__ import annotations

from collections.abc import Set
from contextlib import suppress

from codec.errors import FormatError
from codec.manifest.facts import Revision
from codec.manifest.identity import History
from codec.manifest.session_fields import revised
from codec.records import Session
from codec.v1.dates import parse_timestamp
from codec.v1.heirs import entry_of
from codec.v1.twins import Logged, twins_among, twins_of
from pipelines.recording.revising import as_logged, joined_by_log
from pipelines.v1.reader import ReadLog
from pipelines.workspace.manifest_view import Manifest


def join_versions(manifest: Manifest, logs: list[ReadLog]) -> tuple[Manifest, list[Revision]]:
    """Return the manifest with versions of one entry joined, and the facts that join them.

    Args:
        manifest: the manifest as it is.
        logs: the current logs.
    """
    joins: list[Revision] = []
    present = {found.sha256 for log in logs for found in log.found}
    for log in logs:
        twins = _twins(manifest, log, present)
        for old, new in twins:
            # Two may join the same session: the second one joins the result of the first.
            entries = manifest.entries()
            first, second = (manifest.history(entries[entry_of(s)].key) for s in (old, new))
            join = joined_by_log(first, second)
            joins.append(join)
            manifest = manifest.with_revisions([join])
    return manifest, joins


def _twins(manifest: Manifest, log: ReadLog, present: Set[str]) -> list[tuple[Session, Session]]:
    """Return the sessions of a log that are versions of others, each with the one that it joins."""
    histories = [
        manifest.history(key)
        for key, s in manifest.sessions.items()
        if s.v1 is not None and s.v1.source == log.source.name
    ]
    logged = [(as_logged(history), history) for history in histories]
    here = {found.sha256 for found in log.found}
    vanished = [pair for pair in logged if entry_of(pair[0]) not in present]
    if not vanished:
        return []
    times = {session.time for session, _ in vanished}
    others = [pair for pair in logged if entry_of(pair[0]) in here and pair[0].time in times]
    gone = [Logged(session, _entries(history)) for session, history in vanished]
    held = [Logged(session, _entries(history)) for session, history in others]
    order = [(fact.entry, fact.after) for fact in manifest.follows]
    twins = twins_of(gone, held, order)
    joined = {entry_of(old) for old, _ in twins}
    days = _new_days(manifest, log)
    left = (one for one in gone if entry_of(one.session) not in joined)
    return [*twins, *twins_among((one for one in left if one.session.time[:10] in days), order)]


def _new_days(manifest: Manifest, log: ReadLog) -> set[str]:
    """Return the days of those entries of a log that belong to no session yet."""
    known = manifest.entries()
    days = set()
    for sha256, (entry, _) in log.entries.items():
        if sha256 not in known:
            with suppress(FormatError):
                days.add(parse_timestamp(entry.time).text[:10])
    return days


def _entries(history: History) -> frozenset[str]:
    """Return the hashes of all entries that a session has or had."""
    versions = (*history.facts, *(revised(history.base, r.changes) for r in history.revisions))
    return frozenset(map(entry_of, versions))
