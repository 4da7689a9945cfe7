"""Plan an import: find the transcripts of a repository, read them, compile sessions.

1. Sessions are read one after the other, the oldest first, a fork after its parent. Only one
   session's files are in memory; their states are stored by git (`patches`).
2. Recorded sessions are completed; others are new. A second import of the same transcripts changes
   nothing.
3. Nothing is written to the workspace. Unreadable parts are findings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from codec.manifest.facts import Follows, Revision
from codec.manifest.jsonl import identity_of
from codec.merge.key_conflicts import Settled
from codec.names import session_key
from codec.records import Session
from pipelines.diffs.text_scan import clean_session
from pipelines.importing.agents import Agent, Reading, Source
from pipelines.importing.belonging import choose, worktrees_of
from pipelines.importing.compiling import Compiled, Read, compile_session, finder
from pipelines.importing.drafts import (
    Draft,
    completed,
    range_of,
    recording_of,
    stored_pairs,
    transcript_of_draft,
)
from pipelines.importing.known_agents import agents
from pipelines.importing.noticed import findings_of, unrecognised
from pipelines.importing.objects import Objects, opened
from pipelines.importing.parts import Known, Part
from pipelines.importing.patches import PatchMaker
from pipelines.importing.tops import Tops
from pipelines.outcomes.errors import NotFound
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.recording.revising import revision_to
from pipelines.recording.session import session_of
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.git_patches import LEFT_OUT, patch_of
from pipelines.workspace.git_queries import empty_tree, repository_of
from pipelines.workspace.location import Config, Workspace, read_config
from pipelines.workspace.manifest_view import Manifest


class Request(NamedTuple):
    """The request for an import.

    Attributes:
        workspace: the workspace to import into.
        agents: names of the agents; empty for all.
        places: files and folders to search; empty for the agents' own folders.
        since: the earliest beginning of a session, in milliseconds since 1970.
        infer: infer a status from the last test command.
    """

    workspace: Workspace
    agents: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    since: int = 0
    infer: bool = False


class Added(NamedTuple):
    """A new session, its patch, and its draft."""

    session: Session
    patch: bytes | None
    draft: Draft


class Changed(NamedTuple):
    """A session to complete: before and after, its revision and its new patch."""

    pair: Settled
    revision: Revision
    patch: bytes | None
    draft: Draft


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """The sessions of the transcripts.

    Attributes:
        added: new sessions, the oldest first.
        changed: the sessions to complete.
        same: the number of sessions that are recorded completely already.
        unknown: records of unknown types, counted by agent and name.
        searched: the files and folders that were searched.
        findings: the findings.
        follows, entries: always empty; the rows of a migration need them.
    """

    added: list[Added] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    same: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    searched: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    follows: tuple[Follows, ...] = ()
    entries: dict[str, Session] = field(default_factory=dict)

    @property
    def updated(self) -> list[Settled]:
        """Return the sessions that change."""
        return [change.pair for change in self.changed]

    @property
    def facts(self) -> list[Revision]:
        """Return the facts that change sessions."""
        return [change.revision for change in self.changed]


def plan_import(request: Request, manifest: Manifest, progress: Progress) -> Imported:
    """Return the plan of an import, without changing anything.

    Raises:
        Unavailable: git failed, or a text may hold a secret and the scanner is missing.
    """
    workspace = request.workspace
    repository = repository_of(workspace) if workspace.repository is not None else None
    with ExitStack() as stack:
        objects = stack.enter_context(opened(repository)) if repository else None
        maker = stack.enter_context(PatchMaker(repository, objects))
        planner = _Planner(request, manifest, repository, objects, maker)
        with progress.stage("find"):
            sources = planner.sources()
        with progress.stage("read", len(sources)) as advance:
            for number, source in enumerate(sources, 1):
                planner.read(source)
                advance(number)
        with progress.stage("diff"):
            return planner.finish()


class _Planner:
    def __init__(
        self,
        request: Request,
        manifest: Manifest,
        repository: Repository | None,
        objects: Objects | None,
        maker: PatchMaker,
    ) -> None:
        self._request = request
        self._manifest = manifest
        self._repository = repository
        self._objects = objects
        self._maker = maker
        self._config: Config = read_config(request.workspace)
        self._agents = agents()
        self._reading = Reading(set(), [])
        self._known = Known(manifest)
        self._drafts: list[Draft] = []
        self._result = Imported()
        root = request.workspace.root
        self._listed = worktrees_of(repository) if repository else [root]
        self._modes = _modes_of(repository) if repository else {}

    def sources(self) -> list[Source]:
        """Return the transcripts of the repository, the oldest first and parents before forks."""
        request = self._request
        chosen: list[Agent] = [self._agents[name] for name in request.agents or self._agents]
        found: list[Source] = []
        for agent in chosen:
            places = list(request.places) or agent.folders(self._listed)
            self._result.searched.extend(p for p in places if p not in self._result.searched)
            search = agent.find(places)
            found += search.sources
            self._result.findings.extend(search.findings)
        self._result.findings.extend(unrecognised(request.places, found, self._result.findings))
        belonging = choose(
            self._repository,
            request.workspace.root,
            self._objects,
            found,
            named=bool(request.places),
        )
        self._result.findings.extend(belonging.findings)
        whole = {source.session_id for source in belonging.sources if not source.is_text}
        return sorted(
            (s for s in belonging.sources if not s.is_text or s.session_id not in whole),
            key=lambda s: (bool(s.forked_from), s.time, s.newest, s.session_id),
        )

    def read(self, source: Source) -> None:
        """Read a transcript and store the states of its files."""
        parts = self._known.parts(source.session_id)
        if any(_has_more(part, source) for part in parts):
            return
        seen = set(self._reading.seen) if self._known.has_unnamed else None
        read = self._compile(source, parts)
        if seen is not None:
            adopted = self._known.recorded_by(c for p in read.parts for c in p.commands)
            if adopted:
                parts = self._known.parts(source.session_id, adopted)
                self._reading.seen.clear()
                self._reading.seen.update(seen)
                read = self._compile(source, parts)
        for name, count in read.unknown.items():
            self._result.unknown[f"{source.agent}: {name}"] += count
        for compiled in read.parts:
            stated = compiled.figures
            if stated.first and stated.last >= self._request.since and not compiled.is_empty:
                self._drafts.append(self._draft(source, compiled))

    def _compile(self, source: Source, parts: Sequence[Part]) -> Read:
        tops = Tops(self._listed, [source.folder] if source.folder else [], (), self._modes)
        streams = self._agents[source.agent].events(source, self._reading)
        return compile_session(streams, parts, finder(self._objects, tops.relative))

    def _draft(self, source: Source, compiled: Compiled) -> Draft:
        from codec.agents.commits import commits_made

        folders = [place.folder for place in compiled.places] or [source.folder]
        tops = Tops(self._listed, [f for f in folders if f], compiled.files, self._modes)
        inside = {
            name: states
            for path, states in compiled.files.items()
            if (name := tops.relative(path)) is not None and name not in LEFT_OUT
        }
        pairs = stored_pairs(inside, self._maker, self._objects)
        commits = commits_made(compiled.commands)
        range_ = ""
        if commits and self._objects is not None and self._repository is not None:
            none = empty_tree(self._repository)
            range_ = range_of(self._objects, commits, pairs, none)
        return Draft(
            source=source,
            compiled=compiled._replace(files={}),
            commits=commits,
            range=range_,
            patch=self._maker.add(pairs) if pairs and not range_ else None,
            files=tuple(inside),
            unknown=sum(not states.is_whole for states in inside.values()),
            outside=len(compiled.files) - len(inside),
            proved=sum(any(n and n[0] != ":" for n in pair) for pair in pairs.values()),
            edits=(
                sum(f.edits for f in inside.values()),
                sum(f.known for f in inside.values()),
                sum(f.exact for f in inside.values()),
            ),
        )

    def finish(self) -> Imported:
        """Return the sessions and their patches."""
        names = {name for draft in self._drafts for name in draft.files}
        patches = self._maker.patches(self._modes, _ignored(self._repository, names))
        taken = set(self._manifest.sessions)
        for draft in sorted(
            self._drafts, key=lambda d: (d.compiled.figures.first, d.source.session_id)
        ):
            patch = self._patch_of(draft, patches)
            session = self._session(draft, patch)
            history = draft.compiled.part.history
            if history is None:
                session = session._replace(
                    key=session_key(session.time, identity_of(session), taken)
                )
                taken.add(session.key)
                self._result.added.append(Added(session, patch, draft))
                continue
            becomes = completed(history, session)
            if becomes == history.session:
                self._count_same()
                continue
            changed = becomes.patch != history.session.patch
            revision = revision_to(history, becomes, "hook")
            pair = Settled(history.session, becomes)
            self._result.changed.append(Changed(pair, revision, patch if changed else None, draft))
        self._result.findings.extend(self._reading.findings)
        self._result.findings.extend(findings_of(self._result.unknown, self._drafts))
        once = list(dict.fromkeys(self._result.findings))  # several agents read the same files
        self._result.findings[:] = once
        return self._result

    def _count_same(self) -> None:
        object.__setattr__(self._result, "same", self._result.same + 1)

    def _patch_of(self, draft: Draft, patches: Sequence[bytes]) -> bytes | None:
        if draft.range:
            try:
                return patch_of(self._request.workspace, [draft.range])
            except NotFound:
                return None
        return patches[draft.patch] if draft.patch is not None else None

    def _session(self, draft: Draft, patch: bytes | None) -> Session:
        agent = self._agents[draft.source.agent]
        recording = recording_of(
            draft, agent.program, patch, infer=self._request.infer, prompts=self._config.prompts
        )
        session = session_of(recording, self._config.agents)
        session = session._replace(transcript=transcript_of_draft(draft))
        cleaned, findings = clean_session(self._request.workspace, session)
        self._result.findings.extend(findings)
        return cleaned


def _has_more(part: Part, source: Source) -> bool:
    """Return True if a session was recorded from a source with more facts than this one."""
    if part.history is None or not (source.prompts or source.is_text):
        return False
    recorded = part.history.session.transcript
    return bool(source.prompts) or recorded is None or recorded.agent != source.agent


def _modes_of(repository: Repository) -> dict[str, str]:
    """Return the modes of the files in HEAD, by path."""
    done = run_git(repository, "ls-tree", "-r", "-z", "HEAD", answers=(0, 128))
    entries = done.stdout.decode(errors="surrogateescape").split("\0")
    parts = (entry.partition("\t") for entry in entries if entry)
    return {path: facts[:6] for facts, _, path in parts}


def _ignored(repository: Repository | None, names: Collection[str]) -> frozenset[str]:
    """Return the paths that git ignores, which are not part of the project."""
    if repository is None or not names:
        return frozenset()
    asked = "\0".join(sorted(names)).encode(errors="surrogateescape")
    done = run_git(repository, "check-ignore", "-z", "--stdin", data=asked, answers=(0, 1, 128))
    return frozenset(done.stdout.decode(errors="surrogateescape").split("\0"))
