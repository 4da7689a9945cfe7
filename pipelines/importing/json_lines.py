"""Find and read the transcripts of agents that write JSON: Claude Code, Codex and Gemini CLI.

1. The beginning of each file states its agent, its session, and where the session began
   (`heads`).
2. A file of a sub-agent belongs to the session that started it. Without the file of that session,
   it is a session of its own.
3. `history.jsonl` of Claude Code has the prompts of sessions whose transcripts it has deleted.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from codec.agents.json_values import object_of, text_of
from codec.agents.transcript_events import Event, Line
from codec.agents.transcripts import events_of
from pipelines.importing.agents import Agent, Reading, Search, Source, user_folder
from pipelines.importing.heads import Head, head_of
from pipelines.importing.lines import entries, files_below, read_errors, unreadable
from pipelines.importing.prompt_history import prompts_without_transcripts
from pipelines.outcomes.findings import Finding

#: The suffixes of transcripts; the documents of older versions of Gemini CLI have a prefix.
_NAME: Final = re.compile(r".*\.jsonl(?:\.zst)?|session-.*\.json", re.S)
#: The days after which Claude Code and Gemini CLI delete transcripts, by default.
_DAYS: Final = 30
_AGE: Final = re.compile(r"(?P<count>\d{1,4})(?P<unit>[hdwm])")
_UNIT_DAYS: Final = {"h": 1 / 24, "d": 1, "w": 7, "m": 30}


def claude_agent() -> Agent:
    """Return the description of Claude Code."""
    folder = partial(user_folder, "CLAUDE_CONFIG_DIR", ".claude")
    return Agent(
        name="claude",
        program="claude-code",
        folders=lambda _worktrees: [folder("projects"), folder("history.jsonl")],
        find=partial(_find, "claude"),
        events=_events,
        keeps_days=lambda: _claude_days(folder("settings.json")),
    )


def codex_agent() -> Agent:
    """Return the description of Codex."""
    folder = partial(user_folder, "CODEX_HOME", ".codex")
    return Agent(
        name="codex",
        program="codex",
        folders=lambda _worktrees: [folder("sessions"), folder("archived_sessions")],
        find=partial(_find, "codex"),
        events=_events,
    )


def gemini_agent() -> Agent:
    """Return the description of Gemini CLI."""
    folder = partial(user_folder, "GEMINI_CLI_HOME", "", ".gemini")
    return Agent(
        name="gemini",
        program="gemini-cli",
        folders=lambda _worktrees: [folder("tmp")],
        find=partial(_find, "gemini"),
        events=_events,
        keeps_days=lambda: _gemini_days(folder("settings.json")),
    )


def _find(agent: str, places: list[str]) -> Search:
    """Return the sessions of an agent in files and folders."""
    findings: list[Finding] = []
    heads: list[tuple[str, Head]] = []
    for path in dict.fromkeys(p for place in places for p in files_below(place, _NAME, findings)):
        try:
            head = head_of(path)
        except read_errors() as e:
            findings.append(unreadable(path, e))
            continue
        if head is None and _NAME.fullmatch(os.path.basename(path)) and os.path.getsize(path):
            findings.append(unreadable(path, OSError("none of its lines names a session")))
        elif head is not None and head.agent == agent:
            heads.append((path, head))
    histories = [path for path, head in heads if head.is_history]
    sources = list(_sources([(path, head) for path, head in heads if not head.is_history]))
    search = prompts_without_transcripts(histories, {source.session_id for source in sources})
    return Search([*sources, *search.sources], [*findings, *search.findings])


def _sources(heads: list[tuple[str, Head]]) -> Iterator[Source]:
    """Yield the sessions in files, each with the files of its sub-agents."""
    by_id = {head.session_id: head for _, head in heads if head.session_id and not head.parent}
    parents = {head.session_id: head.parent for _, head in heads if head.agent != "claude"}
    mains: dict[str, list[tuple[str, Head]]] = {}
    helpers: dict[str, list[tuple[str, str]]] = {}
    for path, head in heads:
        root = head.parent
        passed = {root}
        while (above := parents.get(root, "")) and above not in passed:
            root = above  # a sub-agent may start others
            passed.add(root)
        if root and root in by_id:
            helpers.setdefault(root, []).append((path, head.session_id))
        elif head.session_id:
            mains.setdefault(head.session_id, []).append((path, head))
    for name, files in mains.items():
        files.sort(key=lambda file: (file[1].time, file[0]))
        first = files[0][1]
        yield Source(
            agent=first.agent,
            session_id=name,
            paths=tuple(path for path, _ in files),
            helpers=tuple(sorted(helpers.get(name, ()))),
            folder=next((h.folder for _, h in files if h.folder), ""),
            folder_hash=first.folder_hash,
            commit=first.commit,
            remote=first.remote,
            time=first.time,
            forked_from=first.forked_from,
        )


def _events(source: Source, reading: Reading) -> list[Iterator[Event]]:
    """Return the events of a session, and those of each sub-agent."""
    if source.prompts:
        return [(e for p in source.prompts for e in (Line(p.time), p))]
    first, *more = source.paths
    main = _together(source, reading) if more else entries(first, reading.findings)
    return [
        events_of(source.agent, main, source.session_id, reading.seen),
        *(
            events_of(source.agent, entries(path, reading.findings), name, reading.seen)
            for path, name in source.helpers
        ),
    ]


def _together(source: Source, reading: Reading) -> Iterator[dict[str, Any]]:
    """Yield the lines of several files of a session; repeated lines only once."""
    seen: set[int] = set()
    for path in source.paths:
        for entry in entries(path, reading.findings):
            if "uuid" not in entry:
                name = hash(json.dumps(entry, sort_keys=True))
                if name in seen:
                    continue
                seen.add(name)
            yield entry


def _claude_days(settings: str) -> int | None:
    """Return the days after which Claude Code deletes a transcript; None if it keeps them."""
    value = _settings(settings).get("cleanupPeriodDays")
    return value if isinstance(value, int) and not isinstance(value, bool) else _DAYS


def _gemini_days(settings: str) -> int | None:
    """Return the days after which Gemini CLI deletes a transcript; None if it keeps them."""
    kept = object_of(object_of(_settings(settings).get("general")).get("sessionRetention"))
    if kept.get("enabled") is False:
        return None
    age = _AGE.fullmatch(text_of(kept.get("maxAge")))
    return max(int(int(age["count"]) * _UNIT_DAYS[age["unit"]]), 1) if age else _DAYS


def _settings(path: str) -> dict[str, Any]:
    """Return the settings of an agent; empty if they cannot be read."""
    try:
        with open(path, "rb") as f:
            return object_of(json.loads(f.read(1 << 20)))
    except (OSError, ValueError, RecursionError):
        return {}
