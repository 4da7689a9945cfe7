"""The agents whose transcripts are imported: where they are kept, and how they are read.

An agent that writes one JSON line per record needs no more than an entry in `AGENTS` and a reader
in `codec.agents`. Another one brings its own functions `find` and `events`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from codec.agents.transcript_events import Event, Prompt
from pipelines.outcomes.findings import Finding


class Source(NamedTuple):
    """What an agent keeps of one session.

    Attributes:
        agent: one of `AGENTS`.
        session_id: the agent's name of the session.
        paths: of its files, the oldest first.
        helpers: files of its sub-agents, each with the session that its lines name.
        folder: where the session began; empty if unknown.
        folder_hash: SHA-256 of its path, if the agent noted only that; else empty.
        commit: HEAD then; empty if unknown.
        remote: URL of the repository; empty if unknown.
        time: when it began, in milliseconds since 1970; 0 if unknown.
        forked_from: the session that it continues; empty for none.
        prompts: what a person typed, where the transcript is gone; then nothing else is known.
    """

    agent: str
    session_id: str
    paths: tuple[str, ...]
    helpers: tuple[tuple[str, str], ...] = ()
    folder: str = ""
    folder_hash: str = ""
    commit: str = ""
    remote: str = ""
    time: int = 0
    forked_from: str = ""
    prompts: tuple[Prompt, ...] = ()

    @property
    def newest(self) -> float:
        """When a file of it was last written to, in seconds since 1970."""
        return max(map(_modified, self.paths), default=0.0)


class Search(NamedTuple):
    """Transcripts that were found in some folders.

    Attributes:
        sources: the sessions.
        findings: what could not be read.
    """

    sources: list[Source]
    findings: list[Finding]


class Reading(NamedTuple):
    """What is shared while transcripts are read.

    Attributes:
        seen: names of records that were read before: a fork repeats those of its parent.
        findings: what is noticed is added here.
    """

    seen: set[str]
    findings: list[Finding]


class Agent(NamedTuple):
    """An agent.

    Attributes:
        name: as `--agent` takes it.
        program: what a session is said to be by if no model is known.
        folders: its folders of transcripts, which need not exist.
        find: finds the sessions in files and folders.
        events: reads a session; one stream for the session and one for each sub-agent.
        keeps_days: after how many days it deletes transcripts; None if it keeps them.
    """

    name: str
    program: str
    folders: Callable[[], list[str]]
    find: Callable[[list[str]], Search]
    events: Callable[[Source, Reading], list[Iterator[Event]]]
    keeps_days: Callable[[], int | None] = lambda: None


def user_folder(variable: str, default: str, *parts: str) -> str:
    """Return a folder of an agent: below that of an environment variable, or of the home."""
    given = os.environ.get(variable, "")
    top = given if os.path.isabs(given) else os.path.join(os.path.expanduser("~"), default)
    return os.path.join(top, *parts)


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
