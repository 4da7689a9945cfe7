"""Which of the sessions found in v1 logs are new, and what they are called here.

1. An entry whose hash the workspace has is known. The same entry twice is one session.
2. The same time, agent and task with another hash is an edited session, where the known one is
   no longer in its log: a finding, neither doubled nor replaced. A day and an agent alone do not
   name a session.
3. Keys are given in order of time and content, so that two clones give the same ones.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from dataclasses import replace as dc_replace

from codec.errors import FormatError
from codec.names import UNNAMED, session_key
from codec.records import PatchRef, Session
from codec.v1.clues import find_clues, needs_clues
from codec.v1.dates import Clues
from codec.v1.layout import StoredPatch
from codec.v1.mapping import Mapped, Options, session_of
from codec.v1.split import LineNumbers
from pipelines.diffs.store import Store
from pipelines.findings import Finding
from pipelines.recording.text_scan import clean_session
from pipelines.v1.reader import Found, ReadLog
from pipelines.v1.source import Source
from pipelines.workspace.diff_names import names_of
from pipelines.workspace.location import Manifest, Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """A session whose diff is to be written, and where it was found."""

    session: Session
    found: Found
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionPlan:
    """What is to be done about the sessions found.

    Attributes:
        added: new sessions, oldest first.
        restored: known sessions whose diffs are not stored here.
        stored: by entry hash, the patch that is, or will be, stored under a key.
        findings: what was noticed.
    """

    added: list[Added] = field(default_factory=list)
    restored: list[Added] = field(default_factory=list)
    stored: dict[str, StoredPatch] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def plan_sessions(
    workspace: Workspace,
    manifest: Manifest,
    logs: list[ReadLog],
    *,
    options: Options,
    tokenizer: str,
) -> SessionPlan:
    """Decide about every session found in the logs.

    Args:
        workspace, manifest: what there is.
        logs: what was found.
        options: how times are read, and aliases.
        tokenizer: the name of what counted the tokens.
    """
    return _Planner(workspace, manifest, options, tokenizer).plan(logs)


class _Times:
    """What is to be said about the times of one log."""

    def __init__(self, name: str, clues: Clues) -> None:
        self._name = name
        self._clues = clues
        self._assumed = 0
        self._unread: dict[str, list[int]] = {}  # by zone: where the sessions begin
        self.ambiguous: list[int] = []

    def add(self, mapped: Mapped, start: int) -> None:
        """Take in a session and where it begins."""
        self._assumed += mapped.assumed_zone
        if mapped.unread_zone:
            self._unread.setdefault(mapped.unread_zone, []).append(start)

    def findings(self, lines: LineNumbers) -> Iterator[Finding]:
        """Yield one finding for each thing that was assumed or could not be read."""
        if self._assumed:
            yield Finding(
                code="assumed-zone",
                message=f"{self._assumed} times name no zone and were read as {self._clues.zone}",
                level="note",
                file=self._name,
                hint="Name another with --timezone",
            )
        told = [(starts[0], zone, len(starts)) for zone, starts in self._unread.items()]
        told += [(self.ambiguous[0], "", len(self.ambiguous))] if self.ambiguous else []
        for start, zone, number in sorted(told):
            line = lines.at(start)
            if zone:
                yield Finding(
                    code="unread-zone",
                    message=f"{number} times name the zone {zone}, which is not known to be one "
                    f"zone; they were read as {self._clues.zone}",
                    file=self._name,
                    line=line,
                    hint=f"Pass --zone {zone}=+HH:MM, or --timezone Region/City",
                )
            else:
                yield Finding(
                    code="ambiguous-date",
                    message=f"{number} sessions have dates that may begin with the day or the "
                    "month; they are kept as text only",
                    file=self._name,
                    line=line,
                    hint="Pass --dates dmy or --dates mdy",
                )


class _Planner:
    def __init__(
        self, workspace: Workspace, manifest: Manifest, options: Options, tokenizer: str
    ) -> None:
        self._manifest = manifest
        self._workspace = workspace
        self._options = options
        self._tokenizer = tokenizer
        self._diffs = Store(workspace)
        self._loose = self._diffs.loose_names()
        self._archived = self._diffs.archived_keys()
        diffs = {(s.time, s.patch) for s in manifest.every_session() if s.patch}
        self._times = Counter(time for time, _ in diffs)
        self._known = manifest.entries()
        self._restored: set[str] = set()
        self._plan = SessionPlan()
        self._lines: LineNumbers

    def plan(self, logs: list[ReadLog]) -> SessionPlan:
        new: dict[str, tuple[Mapped, Found, Source]] = {}
        for log in logs:
            self._add_log(log, new)
        taken = set(self._manifest.sessions)
        mine = {name for key in taken for name in names_of(key)}
        foreign = self._loose - mine
        ordered = sorted(new.values(), key=lambda n: (n[0].session.time, n[1].sha256))
        for mapped, found, source in ordered:
            session = self._with_key(mapped.session, found, taken, foreign)
            taken.add(session.key)
            self._plan.added.append(Added(session=session, found=found, source=source))
            self._store(found.sha256, session)
        self._plan.added.sort(key=lambda a: (a.session.time, a.session.key))
        return self._plan

    def _add_log(
        self,
        log: ReadLog,
        new: dict[str, tuple[Mapped, Found, Source]],
    ) -> None:
        self._lines = LineNumbers(log.source.data, log.source.release)
        present = {found.sha256 for found in log.found}
        gone = {
            _name(s): s
            for s in self._known.values()
            if s.v1 and s.v1.source == log.source.name and s.v1.sha256 not in present
        }
        options = self._options_for(log)
        seen: set[str] = set()
        told = _Times(log.source.name, options.clues)
        for found in log.found:
            if found.sha256 in seen:
                self._note(log, found, "repeated-entry", "the same entry again: one session")
                continue
            seen.add(found.sha256)
            if found.sha256 in new:
                continue
            if found.sha256 in self._known:
                self._recognise(self._known[found.sha256], found, log.source)
                continue
            mapped = self._map(log, found, options, told)
            if mapped is None:
                continue
            before = self._with_gap(mapped.session, found)
            if before is not None:
                self._recognise(before, found, log.source)
                continue
            name = _name(mapped.session)
            if name in gone and _is_telling(gone[name]):
                # An entry that is gone has one heir: a second one of its name is new.
                self._edited(log, found, gone.pop(name))
                continue
            told.add(mapped, found.start)
            new[found.sha256] = (mapped, found, log.source)
        self._plan.findings.extend(told.findings(LineNumbers(log.source.data, log.source.release)))

    def _with_gap(self, session: Session, found: Found) -> Session | None:
        """Return the known session whose restored entry this is, a purged diff missing in it."""
        if not found.gaps:
            return None
        known = [s for s in self._known.values() if s.time == session.time]
        of_gap = [s for s in known if s.patch in found.gaps]
        named = [s for s in known if _name(s) == _name(session)]
        both = [s for s in of_gap if s in named]
        return next(iter((*both, *named, *of_gap)), None)

    def _options_for(self, log: ReadLog) -> Options:
        """Return the options of a log: what it says itself about ambiguous times is added."""
        entries = (entry for entry, _ in log.entries.values())
        times = (text for e in entries for text in (e.time, e.time_end, e.started, e.finished))
        if not needs_clues(times):
            return self._options
        return dc_replace(self._options, clues=find_clues(log.source.data, self._options.clues))

    def _map(self, log: ReadLog, found: Found, options: Options, told: _Times) -> Mapped | None:
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
        line = self._lines.at(found.start) if replaced else None
        self._plan.findings.extend(
            f._replace(file=log.source.name, line=line, key=session.key) for f in replaced
        )
        mapped = dc_replace(mapped, session=session)
        for metric, said, seen in mapped.contradictions:
            message = f"declares {metric} {said}, its diff has {seen}; kept as declared"
            self._note(log, found, "contradicted", message, mapped.session.key)
        return mapped

    def _recognise(self, session: Session, found: Found, source: Source) -> None:
        """A known session: its patch can be referred to, and is stored again where it is absent."""
        self._store(found.sha256, session)
        if session.patch is None or session.patch != found.patch:
            return
        if session.patch.sha256 in self._manifest.purged or session.key in self._restored:
            return
        if not self._is_stored(session, session.patch):
            self._plan.restored.append(Added(session=session, found=found, source=source))
            self._restored.add(session.key)  # once, though several logs may hold it

    def _is_stored(self, session: Session, patch: PatchRef) -> bool:
        """Return whether a diff is stored here.

        A name and a size say so, unless several sessions have the time: then only the hash does,
        for a merge may have given one of them the key of another.
        """
        if self._times[session.time] > 1:
            return self._diffs.has(session.key, patch)
        if session.key in self._archived:
            return True
        named = self._loose.intersection(names_of(session.key))
        paths = (os.path.join(self._workspace.diffs, name) for name in named)
        if any(os.path.getsize(path) == patch.size for path in paths):
            return True
        return bool(self._diffs.names_near(session.key)) and self._diffs.has(session.key, patch)

    def _edited(self, log: ReadLog, found: Found, known: Session) -> None:
        self._recognise(known, found, log.source)
        self._plan.findings.append(
            Finding(
                code="edited",
                message=f"the session {known.key} ({known.task}) was edited since it was migrated",
                file=log.source.name,
                line=self._lines.at(found.start),
                key=known.key,
                hint="What was migrated stays as it was; both versions of the log can be restored",
            )
        )

    def _with_key(
        self, session: Session, found: Found, taken: set[str], foreign: set[str]
    ) -> Session:
        """Give a new session its key, out of the way of diffs that others put into `.diffs`."""
        key = session_key(session.time, found.sha256, taken)
        if foreign.intersection(names_of(key)) and not self._holds(key, found):
            self._plan.findings.append(
                Finding(
                    code="foreign-diff",
                    message=f"holds another diff than the session of {key}, and stays as it is",
                    level="note",
                    file=f".diffs/{names_of(key)[0]}",
                )
            )
            key = session_key(session.time, found.sha256, taken | {key})
        return session if key == session.key else session._replace(key=key)

    def _holds(self, key: str, found: Found) -> bool:
        for name in names_of(key):
            path = os.path.join(self._workspace.diffs, name)
            if name in self._loose and found.patch is not None:
                with open(path, "rb") as f:
                    return hashlib.sha256(f.read()).hexdigest() == found.patch.sha256
        return False

    def _store(self, sha256: str, session: Session) -> None:
        if session.patch is not None:
            self._plan.stored[sha256] = StoredPatch(key=session.key, patch=session.patch)

    def _note(
        self, log: ReadLog, found: Found, code: str, message: str, key: str | None = None
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


def _is_telling(session: Session) -> bool:
    """Whether time, agent and task name one session: a day without a task does not."""
    return session.task != UNNAMED or "T" in session.time


def _name(session: Session) -> tuple[str, str, str]:
    return session.time, session.agent, session.task
