"""Read the beginning of a transcript: its agent, its session, and where the session began.

File names are not trusted, because users copy files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from typing import Any, Final, NamedTuple

from codec.agents.claude_history import is_history
from codec.agents.codex_transcript import parent_of_rollout
from codec.agents.json_values import object_of, text_of, time_of
from codec.agents.transcripts import entry_of
from pipelines.importing.lines import DOCUMENT, document, opened

_HEAD: Final = 1 << 18
_SESSION: Final = re.compile(rb'"sessionId"\s*:\s*"(?P<value>[^"\\]{1,200})"')
_FOLDER: Final = re.compile(rb'"cwd"\s*:\s*(?P<value>"(?:[^"\\]|\\.){1,4096}")')
#: The file, next to the folder of its transcripts, in which Gemini CLI names a project's folder.
_PROJECT: Final = ".project_root"
_PATH_LIMIT: Final = 4096


class Head(NamedTuple):
    """The facts at the beginning of a file; empty if it does not have them.

    Attributes:
        agent: the agent that wrote it.
        session_id: the id of its session.
        parent: the session whose sub-agent wrote it.
        folder, folder_hash: where the session began; the SHA-256 of the path if only that is known.
        commit: HEAD at that time.
        remote: URL of the repository.
        time: when it began, in milliseconds since 1970.
        forked_from: the session that it continues.
        is_history: it has the prompts of many sessions.
    """

    agent: str
    session_id: str = ""
    parent: str = ""
    folder: str = ""
    folder_hash: str = ""
    commit: str = ""
    remote: str = ""
    time: int = 0
    forked_from: str = ""
    is_history: bool = False


def head_of(path: str) -> Head | None:
    """Return the facts at the beginning of a file; None if the agent is unknown.

    Raises:
        OSError: it cannot be read.
    """
    if path.endswith(DOCUMENT):
        whole = document(path)
        return _gemini_head(path, whole) if "projectHash" in whole else None
    with opened(path) as f:
        data = f.read(_HEAD)
    found: list[dict[str, Any]] = []
    for line in data.split(b"\n"):
        entry = entry_of(line)
        if entry is not None:
            found.append(entry)
            if entry.get("cwd") or "payload" in entry:  # nothing more is needed
                break
    first = found[0] if found else {}
    if is_history(first):
        return Head("claude", is_history=True)
    if named := next((e for e in found if "projectHash" in e), None):
        return _gemini_head(path, named)
    payload = object_of(first.get("payload"))
    if first.get("type") == "session_meta" or ("record_type" in first or "instructions" in first):
        return _codex_head(first, payload or first)
    names = [text_of(e.get("sessionId")) for e in found if e.get("sessionId")]
    if not names and (m := _SESSION.search(data)):
        names = [m["value"].decode(errors="replace")]
    return _claude_head(path, names, found, data) if names else None


def _codex_head(first: dict[str, Any], payload: dict[str, Any]) -> Head:
    git = object_of(payload.get("git"))
    return Head(
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
    """Return the session that started a sub-agent, as newer versions record it."""
    source = object_of(object_of(payload.get("source")).get("subagent"))
    return text_of(object_of(source.get("thread_spawn")).get("parent_thread_id"))


def _claude_head(path: str, names: list[str], found: list[dict[str, Any]], data: bytes) -> Head:
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
    return Head(
        agent="claude",
        session_id=name,
        parent=name if is_helper else "",
        folder=folder,
        time=next(times, 0),
        forked_from=next((text_of(f) for f in forked if f), ""),
    )


def _gemini_head(path: str, named: dict[str, Any]) -> Head:
    above = os.path.dirname(path)
    is_helper = named.get("kind") == "subagent"
    folder_hash = text_of(named.get("projectHash"))
    return Head(
        agent="gemini",
        session_id=text_of(named.get("sessionId")),
        parent=os.path.basename(above) if is_helper else "",
        folder=_project_above(above, folder_hash),
        folder_hash=folder_hash,
        time=time_of(named.get("startTime")),
    )


def _project_above(folder: str, folder_hash: str) -> str:
    """Return the project of a folder of Gemini CLI; empty if it is not known."""
    for _ in range(3):  # the folder of a sub-agent, of all chats, of the project
        try:
            with opened(os.path.join(folder, _PROJECT)) as f:
                path = f.read(_PATH_LIMIT).decode(errors="surrogateescape").strip()
        except OSError:
            folder = os.path.dirname(folder)
            continue
        return path if hash_of(path) == folder_hash else ""
    return ""


def hash_of(folder: str) -> str:
    """Return the hash by which Gemini CLI names a project's folder."""
    return hashlib.sha256(folder.encode(errors="surrogateescape")).hexdigest()
