"""Read the transcripts of agents into events.

Agents write JSON lines in forms that are only partly documented. So everything is read as a hint: a
line of another form is skipped, and missing values are unknown.

The start hook loads this module: the reader of an agent is imported when one of its transcripts is
read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from codec.agents.transcript_events import Event, Transcript, transcript_of

_Reader = Callable[[Iterable[dict[str, Any]], str, set[str] | None], Iterator[Event]]
_SCAN: Final = json.JSONDecoder().raw_decode


def read_transcript(agent: str, lines: Iterable[bytes], session_id: str) -> Transcript:
    """Return the events of a transcript.

    Args:
        agent: the agent that wrote it; the transcript of an unknown agent is empty.
        lines: the lines of an untrusted file.
        session_id: lines that name another session are skipped.
    """
    return transcript_of(events_of(agent, entries_of(lines), session_id))


def events_of(
    agent: str,
    entries: Iterable[dict[str, Any]],
    session_id: str,
    seen: set[str] | None = None,
) -> Iterator[Event]:
    """Yield the events of a transcript.

    Args:
        agent: the agent that wrote it; an unknown agent has no events.
        entries: the lines as JSON objects.
        session_id: lines that name another session are skipped.
        seen: ids of lines that were read before and are skipped; ids that are read are added.
    """
    reader = _reader_of(agent)
    return reader(entries, session_id, seen) if reader else iter(())


def _reader_of(agent: str) -> _Reader | None:
    """Return the reader of an agent that writes JSON lines; None for another agent."""
    match agent:
        case "claude":
            from codec.agents.claude_transcript import read_claude

            return read_claude
        case "codex":
            from codec.agents.codex_transcript import read_codex

            return read_codex
        case "gemini":
            from codec.agents.gemini_transcript import read_gemini

            return read_gemini
    return None


def entries_of(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the lines that are JSON objects."""
    for line in lines:
        entry = entry_of(line)
        if entry is not None:
            yield entry


def entry_of(line: bytes) -> dict[str, Any] | None:
    """Return the object on a line; None if it is not one.

    Bytes that are not UTF-8 become lone surrogates (`surrogateescape`), from which they can be
    restored.
    """
    return object_in(line.decode(errors="surrogateescape"))


def object_in(text: str) -> dict[str, Any] | None:
    """Parse a text as one JSON object; None if it is something else."""
    if text[:1] != "{":  # a copy of each line would cost
        text = text.lstrip()
    try:
        value, end = _SCAN(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not text[end:].strip() else None
