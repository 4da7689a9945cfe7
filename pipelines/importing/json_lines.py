"""Find and read the transcripts of agents that write JSON lines: Claude Code and Codex.

1. The beginning of each file says whose it is, which session it belongs to, and where that began.
   Files are not trusted to have the names that agents give them: users copy them.
2. A file of a sub-agent belongs to the session that started it. Without that session's file it is
   a session of its own.
3. `history.jsonl` of Claude Code has the prompts of sessions whose transcripts it has deleted.
4. Links inside of a folder are not followed: they are named. A file or folder that a user names is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from codec.agents.claude_history import is_history
from codec.agents.codex_transcript import parent_of_rollout
from codec.agents.json_values import object_of, text_of, time_of
from codec.agents.transcript_events import Event, Line
from codec.agents.transcripts import entry_of, events_of
from pipelines.importing.agents import Agent, Reading, Search, Source, user_folder
from pipelines.importing.lines import entries, opened, read_errors, unreadable
from pipelines.importing.prompt_history import prompts_without_transcripts
from pipelines.outcomes.findings import Finding

_HEAD: Final = 1 << 18
_SUFFIXES: Final = (".jsonl", ".jsonl.zst")
_SESSION: Final = re.compile(rb'"sessionId"\s*:\s*"(?P<value>[^"\\]{1,200})"')
_FOLDER: Final = re.compile(rb'"cwd"\s*:\s*(?P<value>"(?:[^"\\]|\\.){1,4096}")')
#: Days after which Claude Code deletes a transcript, unless its settings have another number.
_CLAUDE_DAYS: Final = 30


class _Head(NamedTuple):
    """What the beginning of a file says; a history of prompts is of no single session."""

    agent: str
    session_id: str = ""
    parent: str = ""
    folder: str = ""
    commit: str = ""
    remote: str = ""
    time: int = 0
    forked_from: str = ""
    is_history: bool = False


def claude_agent() -> Agent:
    """Return how Claude Code keeps its transcripts."""
    folder = partial(user_folder, "CLAUDE_CONFIG_DIR", ".claude")
    return Agent(
        name="claude",
        program="claude-code",
        folders=lambda: [folder("projects"), folder("history.jsonl")],
        find=partial(_find, "claude"),
        events=_events,
        keeps_days=lambda: _kept_days(folder("settings.json")),
    )


def codex_agent() -> Agent:
    """Return how Codex keeps its transcripts."""
    folder = partial(user_folder, "CODEX_HOME", ".codex")
    return Agent(
        name="codex",
        program="codex",
        folders=lambda: [folder("sessions"), folder("archived_sessions")],
        find=partial(_find, "codex"),
        events=_events,
    )


def _find(agent: str, places: list[str]) -> Search:
    """Return the sessions of an agent in files and folders."""
    findings: list[Finding] = []
    heads: list[tuple[str, _Head]] = []
    for path in dict.fromkeys(p for place in places for p in _files(place, findings)):
        try:
            head = _head_of(path)
        except read_errors() as e:
            findings.append(unreadable(path, e))
            continue
        if head is None and os.path.getsize(path):
            findings.append(unreadable(path, OSError("no record names a session")))
        elif head is not None and head.agent == agent:
            heads.append((path, head))
    histories = [path for path, head in heads if head.is_history]
    sources = list(_sources([(path, head) for path, head in heads if not head.is_history]))
    search = prompts_without_transcripts(histories, {source.session_id for source in sources})
    return Search([*sources, *search.sources], [*findings, *search.findings])


def _files(place: str, findings: list[Finding]) -> Iterator[str]:
    """Yield the files of transcripts in a folder, or the file itself."""
    if os.path.isfile(place):
        yield place
        return
    if not os.path.isdir(place):
        if os.path.lexists(place):
            findings.append(_linked(place))
        return

    def failed(error: OSError) -> None:
        findings.append(unreadable(error.filename or place, error))

    for folder, folders, names in os.walk(place, onerror=failed):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = os.path.join(folder, name)
            if os.path.islink(path) and (name in folders or name.endswith(_SUFFIXES)):
                findings.append(_linked(path))
            elif name.endswith(_SUFFIXES) and name in names:
                yield path


def _linked(path: str) -> Finding:
    return Finding(
        code="transcript-link",
        message="is a link, and links in a folder of transcripts are not followed",
        file=path,
        hint=f"If it has transcripts of yours: session-codec import --from {path}",
    )


def _head_of(path: str) -> _Head | None:
    """Return what the beginning of a file says; None if it is not of a known agent.

    Raises:
        OSError: it cannot be read.
    """
    with opened(path) as f:
        data = f.read(_HEAD)
    found: list[dict[str, Any]] = []
    for line in data.split(b"\n"):
        entry = entry_of(line)
        if entry is not None:
            found.append(entry)
            if entry.get("cwd") or "payload" in entry:  # it has all that is looked for
                break
    first = found[0] if found else {}
    if is_history(first):
        return _Head("claude", is_history=True)
    payload = object_of(first.get("payload"))
    if first.get("type") == "session_meta" or ("record_type" in first or "instructions" in first):
        return _codex_head(first, payload or first)
    names = [text_of(e.get("sessionId")) for e in found if e.get("sessionId")]
    if not names and (m := _SESSION.search(data)):
        names = [m["value"].decode(errors="replace")]
    return _claude_head(path, names, found, data) if names else None


def _codex_head(first: dict[str, Any], payload: dict[str, Any]) -> _Head:
    git = object_of(payload.get("git"))
    return _Head(
        agent="codex",
        session_id=text_of(payload.get("id")),
        parent=parent_of_rollout(first) or _spawned_by(payload),
        folder=text_of(payload.get("cwd")),
        commit=text_of(git.get("commit_hash")),
        remote=text_of(git.get("repository_url")),
        time=time_of(first.get("timestamp")) or time_of(payload.get("timestamp")),
        forked_from=text_of(payload.get("forked_from_id")),
    )


def _spawned_by(payload: dict[str, Any]) -> str:
    """Return the session that started a sub-agent, as newer versions say it."""
    source = object_of(object_of(payload.get("source")).get("subagent"))
    return text_of(object_of(source.get("thread_spawn")).get("parent_thread_id"))


def _claude_head(path: str, names: list[str], found: list[dict[str, Any]], data: bytes) -> _Head:
    stem = os.path.basename(path).partition(".")[0]
    name = stem if stem in names else names[-1]
    own = [e for e in found if e.get("sessionId", name) == name]
    folder = next((text_of(e["cwd"]) for e in own if e.get("cwd")), "")
    if not folder and (m := _FOLDER.search(data)):
        with suppress(ValueError):
            folder = text_of(json.loads(m["value"].decode(errors="replace")))
    forked = (object_of(e.get("forkedFrom")).get("sessionId") for e in own)
    times = (t for e in own if (t := time_of(e.get("timestamp"))))
    is_helper = stem.startswith("agent-") and any(e.get("isSidechain") for e in own)
    return _Head(
        agent="claude",
        session_id=name,
        parent=name if is_helper else "",
        folder=folder,
        time=next(times, 0),
        forked_from=next((text_of(f) for f in forked if f), ""),
    )


def _sources(heads: list[tuple[str, _Head]]) -> Iterator[Source]:
    """Yield the sessions of files, each with the files of its sub-agents."""
    by_id = {head.session_id: head for _, head in heads if head.session_id and not head.parent}
    parents = {head.session_id: head.parent for _, head in heads if head.agent == "codex"}
    mains: dict[str, list[tuple[str, _Head]]] = {}
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
            commit=first.commit,
            remote=first.remote,
            time=first.time,
            forked_from=first.forked_from,
        )


def _events(source: Source, reading: Reading) -> list[Iterator[Event]]:
    """Return the events of a session, and those of each sub-agent."""
    if source.prompts:
        return [(e for p in source.prompts for e in (Line(p.time), p))]
    main = _together(source, reading)
    return [
        events_of(source.agent, main, source.session_id, reading.seen),
        *(
            events_of(source.agent, entries(path, reading.findings), name, reading.seen)
            for path, name in source.helpers
        ),
    ]


def _together(source: Source, reading: Reading) -> Iterator[dict[str, Any]]:
    """Yield the lines of all files of a session; those that several files have once."""
    seen: set[int] = set()
    for path in source.paths:
        for entry in entries(path, reading.findings):
            if len(source.paths) > 1 and "uuid" not in entry:
                name = hash(json.dumps(entry, sort_keys=True))
                if name in seen:
                    continue
                seen.add(name)
            yield entry


def _kept_days(settings: str) -> int | None:
    """Return after how many days Claude Code deletes a transcript."""
    try:
        with open(settings, "rb") as f:
            value = object_of(json.loads(f.read(1 << 20))).get("cleanupPeriodDays")
    except (OSError, ValueError, RecursionError):
        value = None
    return value if isinstance(value, int) and not isinstance(value, bool) else _CLAUDE_DAYS
