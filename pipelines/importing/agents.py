"""The agents whose transcripts can be imported: where they are, and how they are read.

An agent that writes one JSON line for each record needs only an entry in `known_agents` and a
reader in `codec.agents`. Other agents have their own functions `find` and `events`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from codec.agents.transcript_events import Event, Prompt
from pipelines.outcomes.findings import Finding


class Source(NamedTuple):
    """The files in which an agent keeps one session.

    Attributes:
        agent: one of `known_agents.NAMES`.
        session_id: the agent's id of the session.
        paths: the paths of its files, the oldest first.
        helpers: the files of its sub-agents, each with the session that its lines name.
        folder: where the session began; empty if unknown.
        folder_hash: the SHA-256 of the folder's path, if the agent recorded only that; else empty.
        commit: HEAD at that time; empty if unknown.
        remote: the URL of the repository's remote; empty if unknown.
        time: when it began, in milliseconds since 1970; 0 if unknown.
        forked_from: the session that it continues; empty for none.
        prompts: the user's prompts, if the transcript is gone; then nothing else is known.
        is_shared: its file has other sessions as well.
        start: how many bytes and lines of such a file are before the session.
        is_text: a text for people to read, made from the session; its transcript has more.
        has_times: its lines have times, so that its duration is known.
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
    is_shared: bool = False
    start: tuple[int, int] = (0, 0)
    is_text: bool = False
    has_times: bool = True

    @property
    def newest(self) -> float:
        """Return the time of the last write to one of its files, in seconds since 1970."""
        return max(map(_modified, self.paths), default=0.0)


class Search(NamedTuple):
    """The transcripts that were found in some folders.

    Attributes:
        sources: the sessions.
        findings: findings on files that could not be read.
    """

    sources: list[Source]
    findings: list[Finding]


class Reading(NamedTuple):
    """The state that readers of transcripts share.

    Attributes:
        seen: ids of records that were read before: a fork repeats those of its parent.
        findings: the list to which findings are added.
    """

    seen: set[str]
    findings: list[Finding]


class Agent(NamedTuple):
    """An agent whose transcripts can be imported.

    Attributes:
        name: the name, as `--agent` takes it.
        program: the name of the agent in a session whose model is unknown.
        folders: returns its folders of transcripts, which may be missing, for the worktrees of a
            repository.
        find: finds the sessions in files and folders.
        events: reads a session: one stream for the session, and one for each sub-agent.
        keeps_days: the days after which it deletes transcripts; None if it keeps them.
    """

    name: str
    program: str
    folders: Callable[[Sequence[str]], list[str]]
    find: Callable[[list[str]], Search]
    events: Callable[[Source, Reading], list[Iterator[Event]]]
    keeps_days: Callable[[], int | None] = lambda: None


def user_folder(variable: str, default: str, *parts: str) -> str:
    """Return a folder of an agent: in the folder that a variable names, or in the home folder."""
    given = os.environ.get(variable, "")
    top = given if os.path.isabs(given) else os.path.join(os.path.expanduser("~"), default)
    return os.path.join(top, *parts)


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
