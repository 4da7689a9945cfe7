"""Read the transcripts of agents into events.

Agents write JSON lines, in forms that are not documented to the last field. So all of it is read as
a hint: a line of another form is skipped, and what is missing is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from codec.agents.claude_transcript import read_claude
from codec.agents.codex_transcript import read_codex
from codec.agents.transcript_events import Transcript

_READERS: Final[Mapping[str, Callable[[Iterable[dict[str, Any]], str], Transcript]]] = {
    "claude": read_claude,
    "codex": read_codex,
}


def read_transcript(agent: str, lines: Iterable[bytes], session_id: str) -> Transcript:
    """Return the events of a transcript.

    Args:
        agent: that wrote it; an agent whose form is not known has an empty transcript.
        lines: of a file that anybody may have written.
        session_id: lines that name another session are skipped.
    """
    reader = _READERS.get(agent)
    return reader(entries_of(lines), session_id) if reader else Transcript()


def entries_of(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the lines that are JSON objects."""
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry
