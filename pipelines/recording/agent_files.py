"""Read the files in which an agent keeps a session: its transcript, and those of its sub-agents.

1. A hook names the transcript. Only files in the agents' own folders are read, because the name may
   come from a repository that somebody else wrote.
2. Claude Code keeps sub-agents in `SESSION/subagents/agent-*.jsonl`, Codex in further rollouts that
   name their parent in the first line, Gemini CLI in a folder with the name of the session.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from codec.agents.transcript_events import PartFacts, Transcript, facts_between
from codec.agents.transcripts import entries_of, read_transcript
from pipelines.recording.spooled_events import Part, read_file

#: The size in bytes from which a transcript is not read as a whole, so that tokens are unknown.
TRANSCRIPT_LIMIT: Final = 1 << 25
#: Folders in which agents keep transcripts, and variables that name other folders.
_AGENT_FOLDERS: Final = {
    "claude": ("~/.claude", "CLAUDE_CONFIG_DIR", ""),
    "codex": ("~/.codex", "CODEX_HOME", ""),
    "gemini": ("~/.gemini", "GEMINI_CLI_HOME", ".gemini"),
}
#: Where an agent keeps the transcript of a session in its folder.
_NAMES: Final = {
    "claude": ("projects/*/{id}.jsonl",),
    "codex": (
        "sessions/*/*/*/rollout-*-{id}.jsonl*", "archived_sessions/rollout-*-{id}.jsonl*",
    ),
    "gemini": ("tmp/*/chats/session-*-{id:.8}*.jsonl",),
}  # fmt: skip
#: Ids by which files are searched; others cannot be a part of a file's name.
_FILE_ID: Final = r"[\w-]{8,64}"
_HELPERS: Final = 64
_FIRST_LINE: Final = 1 << 18


class Files(NamedTuple):
    """The files in which an agent keeps a session.

    Attributes:
        main: the transcript; None if it cannot be read.
        helpers: the transcripts of its sub-agents.
        whole: no file was cut because of its size.
    """

    main: Transcript | None = None
    helpers: tuple[Transcript, ...] = ()
    whole: bool = True

    def facts(self, since: int, until: int) -> PartFacts:
        """Return the facts about a part of the session; times are milliseconds since 1970."""
        if self.main is None:
            return PartFacts()
        stated = facts_between(self.main, self.helpers, since, until)
        return stated if self.whole else stated._replace(usage=None)


def files_of(part: Part) -> Files:
    """Read the transcripts of a session; a file that cannot be read counts as missing."""
    path = os.path.normpath(part.transcript)
    main = _read(part.agent, path, part.session_id)
    if main is None:
        return Files()
    helpers = [_read(part.agent, p, name) for p, name in _helpers(part, path)]
    return Files(
        main=main[0],
        helpers=tuple(h[0] for h in helpers if h),
        whole=main[1] and all(h[1] for h in helpers if h),
    )


def transcript_of(session_id: str) -> tuple[str, str] | None:
    """Return the agent of a session and the path of its transcript; None if no file has its id.

    Args:
        session_id: the agent's id of the session.
    """
    import glob

    if not re.fullmatch(_FILE_ID, session_id):
        return None
    for agent, folder in _folders():
        for name in _NAMES[agent]:
            pattern = os.path.join(glob.escape(folder), name.format(id=session_id))
            if found := max(glob.iglob(pattern), default=""):
                return agent, found
    return None


def is_agents_file(path: str) -> bool:
    """Return True if a path is in a folder in which agents keep transcripts."""
    return any(_is_below(path, folder) for _, folder in _folders())


def _read(agent: str, path: str, session_id: str) -> tuple[Transcript, bool] | None:
    try:
        if not is_agents_file(path):
            return None
        data = read_file(path, TRANSCRIPT_LIMIT + 1, follow=True)
    except (OSError, ValueError):
        return None
    lines = data[:TRANSCRIPT_LIMIT].split(b"\n")
    return read_transcript(agent, lines, session_id), len(data) <= TRANSCRIPT_LIMIT


def _helpers(part: Part, path: str) -> Iterator[tuple[str, str]]:
    """Yield the transcripts of sub-agents, each with the session that its lines name."""
    import glob  # the start hook loads this module, and most starts read no transcript

    if part.agent == "claude":
        folder = os.path.join(path.removesuffix(".jsonl"), "subagents")
        for found in sorted(glob.glob(os.path.join(glob.escape(folder), "agent-*.jsonl"))):
            yield found, part.session_id
    elif part.agent == "gemini":
        folder = glob.escape(os.path.join(os.path.dirname(path), part.session_id))
        for found in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
            yield found, part.session_id
    elif part.agent == "codex":
        folder = glob.escape(os.path.dirname(path))
        names = sorted(glob.glob(os.path.join(folder, "rollout-*.jsonl")))
        later = [n for n in names if os.path.basename(n) > os.path.basename(path)]
        for found in later[:_HELPERS]:
            if name := _child_of(found, part.session_id):
                yield found, name


def _child_of(path: str, session_id: str) -> str:
    """Return the id of a rollout if it is a sub-agent of a session; else empty."""
    from codec.agents.codex_transcript import parent_of_rollout

    try:
        line = read_file(path, _FIRST_LINE, follow=False).partition(b"\n")[0]
    except OSError:
        return ""
    for entry in entries_of([line]):
        if parent_of_rollout(entry) == session_id:
            return str(entry["payload"].get("id", ""))
    return ""


def _folders() -> Iterator[tuple[str, str]]:
    """Yield the agents, each with a folder in which its transcripts may be read."""
    for agent, (default, variable, inner) in _AGENT_FOLDERS.items():
        yield agent, os.path.expanduser(default)
        if os.path.isabs(folder := os.environ.get(variable, "")):
            yield agent, os.path.join(folder, inner)


def _is_below(path: str, folder: str) -> bool:
    """Return True if a path is inside a folder, by its name or after resolving links."""
    real = os.path.realpath
    return os.path.isabs(path) and any(
        os.path.commonpath([top, inner]) == top
        for top, inner in ((os.path.normpath(folder), path), (real(folder), real(path)))
    )
