"""Find the new sessions in v1 logs and choose their keys.

1. An entry whose hash is in the workspace is known. The same entry twice is one session.
2. An entry that replaces one that vanished from its log is a new version of that session, which is
   revised (`codec.v1.heirs`). So is an entry whose older text is back.
3. A revision by a log follows only revisions by the log, so that changes by a user stay.
4. Known sessions that are versions of one entry are joined first (`joining`).
5. Keys are assigned in order of time and content, so that two clones assign the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as dc_replace

from codec.errors import FormatError
from codec.kinds import Key, Sha256
from codec.manifest.facts import Follows, Revision
from codec.manifest.order import Dated, follows_of
from codec.merge.key_conflicts import Settled
from codec.names import session_key
from codec.records import READER, Session
from codec.v1.clues import find_clues, needs_clues
from codec.v1.heirs import entry_of, heirs_of
from codec.v1.layout import StoredPatch
from codec.v1.mapping import Mapped, Options, session_of
from codec.v1.text import LineNumbers
from pipelines.diffs.text_scan import clean_session
from pipelines.outcomes.findings import Finding
from pipelines.recording.revising import as_logged, revised_by_log
from pipelines.v1.joining import join_versions
from pipelines.v1.known_diffs import KnownDiffs
from pipelines.v1.reader import Found, ReadLog
from pipelines.v1.source import Source
from pipelines.v1.times import Times
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """A session whose diff will be written, and its place in the log."""

    session: Session
    found: Found
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionPlan:
    """The changes of the sessions that were found.

    Attributes:
        added: the new sessions, by time and key.
        restored: the known sessions whose diffs are not stored here.
        updated: the known sessions that change, before and after.
        changed: those of them that get another diff.
        facts: the facts that change known sessions.
        manifest: the manifest, in which known sessions are joined that are versions of one entry.
        joins: the facts that join them, which `facts` has, too.
        follows: the order of entries whose times do not decide it.
        entries: the session of each entry in the logs, by entry hash.
        stored: the patch of each entry that is or will be stored, by entry hash.
        findings: the findings.
    """

    manifest: Manifest
    joins: list[Revision] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    restored: list[Added] = field(default_factory=list)
    updated: list[Settled] = field(default_factory=list)
    changed: list[Added] = field(default_factory=list)
    facts: list[Session | Revision] = field(default_factory=list)
    follows: list[Follows] = field(default_factory=list)
    entries: dict[str, Session] = field(default_factory=dict)
    stored: dict[str, StoredPatch] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def plan_sessions(
    workspace: Workspace,
    manifest: Manifest,
    logs: list[ReadLog],
    *,
    options: Options,
    tokenizer: str,
    reread: bool = False,
) -> SessionPlan:
    """Return the changes for every session in the logs.

    Args:
        workspace, manifest: the workspace and its manifest.
        logs: the sessions that were found.
        options: how times are read, and aliases.
        tokenizer: the name of the tokenizer.
        reread: revise the sessions that an older reader read.
    """
    joined, joins = join_versions(manifest, logs)
    plan = SessionPlan(manifest=joined, joins=joins, facts=[*joins])
    planner = _Planner(workspace, joined, options, tokenizer, plan, reread=reread)
    planner.plan(logs)
    if joins:
        now = {pair.becomes.key: pair.becomes for pair in plan.updated}
        by_entry = joined.entries()
        for before in manifest.sessions.values():
            after = by_entry.get(entry_of(before), before)
            if after != before:
                plan.updated.append(Settled(before, now.get(after.key, after)))
    return plan


class _Planner:
    def __init__(
        self,
        workspace: Workspace,
        manifest: Manifest,
        options: Options,
        tokenizer: str,
        plan: SessionPlan,
        *,
        reread: bool,
    ) -> None:
        self._manifest = manifest
        self._workspace = workspace
        self._options = options
        self._tokenizer = tokenizer
        self._reread = reread
        self._diffs = KnownDiffs(workspace, manifest)
        self._known = manifest.entries()
        self._logged = {key: as_logged(history) for key, history in manifest.histories.items()}
        self._present: frozenset[str] = frozenset()
        self._restored: set[str] = set()
        self._plan = plan
        self._lines: LineNumbers

    def plan(self, logs: list[ReadLog]) -> None:
        """Fill in the plan."""
        new: dict[str, tuple[Mapped, Found, Source]] = {}
        self._present = frozenset(found.sha256 for log in logs for found in log.found)
        for log in logs:
            self._add_log(log, new)
        taken = set(self._manifest.sessions)
        foreign = self._diffs.foreign()
        ordered = sorted(new.values(), key=lambda n: (n[0].session.time, n[1].sha256))
        for mapped, found, source in ordered:
            session = self._with_key(mapped.session, found, taken, foreign)
            taken.add(session.key)
            self._plan.added.append(Added(session=session, found=found, source=source))
            self._store(found.sha256, session)
            self._plan.entries[found.sha256] = session
        self._plan.added.sort(key=lambda a: (a.session.time, a.session.key))
        for log in logs:
            sessions = ((f.sha256, self._plan.entries.get(f.sha256)) for f in log.found)
            dated = [Dated(sha256, s.time) for sha256, s in sessions if s is not None]
            self._plan.follows.extend(follows_of(dated))

    def _add_log(
        self,
        log: ReadLog,
        new: dict[str, tuple[Mapped, Found, Source]],
    ) -> None:
        self._lines = LineNumbers(log.source.data, log.source.release)
        options = self._options_for(log)
        told = Times(log.source.name, options.clues)
        restored: set[str] = set()
        fresh: dict[str, tuple[Mapped, Found]] = {}
        seen: set[str] = set()
        for found in log.found:
            if found.sha256 in seen:
                self._note(log, found, "repeated-entry", "the same entry again: one session")
                continue
            seen.add(found.sha256)
            if found.sha256 in new:
                continue
            known = self._known.get(found.sha256)
            if known is not None:
                self._add_known(log, found, known, options, told)
                continue
            mapped = self._map(log, found, options, told)
            if mapped is None:
                continue
            before = self._with_gap(mapped.session, found)
            if before is not None:
                restored.add(before.key)
                self._recognise(before, found, log.source)
                continue
            fresh[found.sha256] = mapped, found
        heirs = heirs_of(self._vanished(log, restored), (m.session for m, _ in fresh.values()))
        for sha256, (mapped, found) in fresh.items():
            if sha256 in heirs:
                self._revise(heirs[sha256].key, mapped.session, found, log.source)
                continue
            told.add(mapped, found.start)
            new[sha256] = mapped, found, log.source
        self._plan.findings.extend(told.findings(self._lines))

    def _add_known(
        self, log: ReadLog, found: Found, known: Session, options: Options, told: Times
    ) -> None:
        """Add a known entry; revise its session if the log has an older text of it again."""
        logged = self._logged.get(known.key, known)
        is_ours = logged.v1 is not None and logged.v1.source == log.source.name
        if found.sha256 in (entry_of(logged), entry_of(known)):
            changes = self._reread and logged.reader < READER and not known.private
        else:
            changes = entry_of(logged) not in self._present
        if not (is_ours and changes):
            self._recognise(known, found, log.source)
            return
        mapped = self._map(log, found, options, told)
        if mapped is None:
            self._recognise(known, found, log.source)
        else:
            self._revise(known.key, mapped.session, found, log.source)

    def _vanished(self, log: ReadLog, restored: set[str]) -> list[Session]:
        """Return the sessions whose entries a log no longer has, as the log last stated them."""
        changed = {pair.becomes.key for pair in self._plan.updated} | restored
        logged = (self._logged.get(key, s) for key, s in self._manifest.sessions.items())
        return [
            s
            for s in logged
            if s.v1 is not None
            and s.v1.source == log.source.name
            and s.v1.sha256 not in self._present
            and s.key not in changed
        ]

    def _revise(self, key: Key, session: Session, found: Found, source: Source) -> None:
        """Revise a known session to the current text and diff of its entry."""
        history = self._manifest.history(key)
        fact, now = revised_by_log(history, session._replace(key=key, time=history.base.time))
        self._known[found.sha256] = now
        if fact is not None:
            self._plan.facts.append(fact)
            self._plan.updated.append(Settled(history.session, now))
        self._plan.entries[found.sha256] = now
        if found.patch is None:
            return
        self._plan.stored[found.sha256] = StoredPatch(key=key, patch=found.patch)
        if not self._diffs.has(key, found.patch):
            self._plan.changed.append(Added(session=now, found=found, source=source))

    def _with_gap(self, session: Session, found: Found) -> Session | None:
        """Return the known session of a restored entry, in which a purged diff is missing."""
        if not found.gaps:
            return None
        known = [s for s in self._known.values() if s.time == session.time]
        of_gap = [s for s in known if s.patch in found.gaps]
        named = [s for s in known if _name(s) == _name(session)]
        both = [s for s in of_gap if s in named]
        return next(iter((*both, *named, *of_gap)), None)

    def _options_for(self, log: ReadLog) -> Options:
        """Return the options for a log, completed by its own evidence on ambiguous times."""
        entries = (entry for entry, _ in log.entries.values())
        times = (text for e in entries for text in (e.time, e.time_end, e.started, e.finished))
        if not needs_clues(times):
            return self._options
        return dc_replace(self._options, clues=find_clues(log.source.data, self._options.clues))

    def _map(self, log: ReadLog, found: Found, options: Options, told: Times) -> Mapped | None:
        entry, stat = log.entries.pop(found.sha256)
        try:
            mapped = session_of(
                entry,
                source=log.source.name,
                patch=found.patch,
                stat=stat,
                tokens={self._tokenizer: log.counts[found.order].tokens},
                options=options,
            )
        except FormatError as e:
            if e.problem.startswith("ambiguous date"):
                told.ambiguous.append(found.start)
                return None
            self._plan.findings.append(
                Finding(
                    code="quarantined",
                    message=f"the session is kept as text only: {e.problem}",
                    file=log.source.name,
                    line=self._lines.at(found.start),
                    hint="Correct the time in the heading and run migrate again",
                )
            )
            return None
        session, replaced = clean_session(self._workspace, mapped.session)
        if replaced:
            file, line, key = log.source.name, self._lines.at(found.start), session.key
            self._plan.findings.extend(f._replace(file=file, line=line, key=key) for f in replaced)
            mapped = dc_replace(mapped, session=session)
        for metric, said, seen in mapped.contradictions:
            message = f"declares {metric} {said}, its diff has {seen}; kept as declared"
            self._note(log, found, "contradicted", message, mapped.session.key)
        return mapped

    def _recognise(self, session: Session, found: Found, source: Source) -> None:
        """Add the patch of a known session, and store it again if it is missing."""
        self._store(found.sha256, session)
        self._plan.entries[found.sha256] = session
        if session.patch is None or session.patch != found.patch:
            return
        if session.patch.sha256 in self._manifest.purged or session.key in self._restored:
            return
        if not self._diffs.is_here(session, session.patch):
            self._plan.restored.append(Added(session=session, found=found, source=source))
            self._restored.add(session.key)  # once, although several logs may have it

    def _with_key(
        self, session: Session, found: Found, taken: set[Key], foreign: set[str]
    ) -> Session:
        """Return a new session with a key that no file in `.diffs` uses."""
        key = session_key(session.time, found.sha256, taken)
        if foreign.intersection(names_of(key)) and not self._diffs.has_named(key, found.patch):
            self._plan.findings.append(
                Finding(
                    code="foreign-diff",
                    message=f"does not hold the diff of the session {key}; it is left unchanged",
                    level="note",
                    file=f".diffs/{names_of(key)[0]}",
                )
            )
            key = session_key(session.time, found.sha256, taken | {key})
        return session if key == session.key else session._replace(key=key)

    def _store(self, sha256: Sha256, session: Session) -> None:
        if session.patch is not None:
            self._plan.stored[sha256] = StoredPatch(key=session.key, patch=session.patch)

    def _note(
        self, log: ReadLog, found: Found, code: str, message: str, key: Key | None = None
    ) -> None:
        self._plan.findings.append(
            Finding(
                code=code,
                message=message,
                level="note",
                file=log.source.name,
                line=self._lines.at(found.start),
                key=key,
            )
        )


def _name(session: Session) -> tuple[str, str, str]:
    return session.time, session.agent, session.task
