"""Find the transcripts of a workspace that their agent will soon delete."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from codec.shown_text import counted
from pipelines.importing.agents import Agent, Source
from pipelines.importing.belonging import choose
from pipelines.importing.known_agents import agents
from pipelines.importing.objects import opened
from pipelines.importing.parts import Known, milliseconds
from pipelines.outcomes.findings import Finding
from pipelines.workspace.git_queries import repository_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.reading import read_manifest

#: The number of days before its deletion in which a transcript is reported.
_WARNED_DAYS: Final = 7
_DAY: Final = 86400
#: A session that was recorded shortly before its last line needs no import.
_SLACK: Final = 60


def expiring_findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield a note for each agent that will soon delete transcripts that are not imported."""
    known = Known(read_manifest(workspace))
    for agent in agents().values():
        days = agent.keeps_days()
        if not days:
            continue
        limit = time.time() - max(days - _WARNED_DAYS, 0) * _DAY
        found = agent.find(agent.folders(())).sources
        old = [s for s in found if s.newest < limit and not s.prompts]  # prompts are kept
        left = [s for s in old if not _is_recorded(known, s)]
        if left and (own := _own(workspace, left)):
            yield _finding(agent, own, days)


def _is_recorded(known: Known, source: Source) -> bool:
    """Return True if the record of a session's last part covers the transcript's last line."""
    history = known.parts(source.session_id)[-1].history
    if history is None:
        return False
    session = history.session
    until = session.transcript.until if session.transcript is not None else session.time
    return milliseconds(until) / 1000 >= source.newest - _SLACK


def _own(workspace: Workspace, sources: list[Source]) -> list[Source]:
    """Return the transcripts that belong to the workspace."""
    if workspace.repository is None:
        return choose(None, workspace.root, None, sources, named=False).sources
    repository = repository_of(workspace)
    with opened(repository) as objects:
        return choose(repository, workspace.root, objects, sources, named=False).sources


def _finding(agent: Agent, sources: list[Source], days: int) -> Finding:
    first = min(sources, key=lambda source: source.newest)
    left = max(int(days - (time.time() - first.newest) / _DAY), 0)
    count = len(sources)
    return Finding(
        code="transcripts-expire",
        message=f"{agent.program} deletes transcripts after {counted(days, 'day')}: {count}"
        f" {'is' if count == 1 else 'are'} not imported yet, the oldest has"
        f" {counted(left, 'day')} left",
        level="note",
        file=first.paths[0],
        hint=f"Import them: session-codec import --agent {agent.name}",
    )
