"""Make sessions from prompts in Claude Code's history whose transcripts are gone."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from functools import partial
from typing import Final

from codec.agents.claude_history import Typed, is_history, typed_of
from codec.agents.transcript_events import Prompt
from codec.shown_text import counted
from pipelines.importing.agents import Search, Source
from pipelines.importing.lines import entries, opened
from pipelines.outcomes.findings import Finding

#: The most prompts of a session that are kept: its task is one of the first.
_KEPT: Final = 1000
#: The bytes of a pasted text that are read: a task is one line.
_PASTE_LIMIT: Final = 1 << 14


def prompts_without_transcripts(paths: Iterable[str], known: Collection[str]) -> Search:
    """Return a session for each group of prompts without a transcript.

    Args:
        paths: the files of the history.
        known: the ids of the sessions that have a transcript.
    """
    findings: list[Finding] = []
    found: dict[str, Source] = {}
    for path in paths:
        unnamed = others = 0
        for entry in entries(path, findings):
            if not is_history(entry):
                others += 1
                continue
            typed = typed_of(entry, partial(_stored, os.path.dirname(path)))
            if not (typed.session_id and typed.prompt.time):
                unnamed += 1
            elif typed.session_id not in known and typed.prompt.text:
                source = found.get(typed.session_id) or _begun(path, typed)
                found[typed.session_id] = _with(source, typed.prompt)
        if unnamed:
            findings.append(
                _left_out(path, f"{counted(unnamed, 'prompt')} without a session or a time")
            )
        if others:
            findings.append(_left_out(path, f"{counted(others, 'line')} without a prompt"))
    return Search(list(found.values()), findings)


def _stored(folder: str, name: str) -> str:
    """Return the beginning of a long pasted text; empty if Claude Code has deleted it."""
    try:
        with opened(os.path.join(folder, "paste-cache", f"{name}.txt")) as f:
            return f.read(_PASTE_LIMIT).decode(errors="replace")
    except OSError:
        return ""


def _begun(path: str, typed: Typed) -> Source:
    return Source(
        agent="claude",
        session_id=typed.session_id,
        paths=(path,),
        folder=typed.folder,
        time=typed.prompt.time,
        is_shared=True,
    )


def _with(source: Source, prompt: Prompt) -> Source:
    if prompt in source.prompts or len(source.prompts) == _KEPT:
        return source
    return source._replace(prompts=(*source.prompts, prompt), time=min(source.time, prompt.time))


def _left_out(path: str, what: str) -> Finding:
    return Finding(
        code="history-unnamed",
        message=f"left out: {what}",
        level="note",
        file=path,
    )
