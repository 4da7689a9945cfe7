"""The hook of a session's start, which prints the context, after sessions that others left.

Each run is paired with the next one, which finds nothing new.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.process import Cost, run
from bench.table import Row, compared
from bench.verbs import Setting, verb

_NEW: Final = 10
_RUNS: Final = 21
_RECORD: Final = ("record", "--agent", "human", "--task", "measured", "--status", "PASS")


def hook_start(setting: Setting) -> Iterator[Row]:
    """Ten new sessions: recorded by `record`, and ended by hooks that no verb has run after."""
    folder = _repository(setting)
    yield compared(
        "hook-start",
        f"start hook, {_NEW} recorded sessions",
        "start hook, nothing new",
        [_pair(folder, _recorded(folder, turn)) for turn in setting.turns(_RUNS)],
        most=2,
    )
    yield compared(
        "hook-start",
        f"start hook, {_NEW} ended sessions",
        "start hook, nothing new",
        [_pair(folder, _ended(folder, turn)) for turn in setting.turns(_RUNS)],
        most=2,
    )


def _repository(setting: Setting) -> Path:
    folder = setting.fresh()
    _git(folder, "init", "-q")
    _git(folder, "config", "user.name", "bench")
    _git(folder, "config", "user.email", "bench@example.org")
    verb("install", cwd=folder)
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "begin")
    return folder


def _pair(folder: Path, session: str) -> tuple[Cost, Cost]:
    first = _hook(folder, "start", f"{session}-first")
    return first, _hook(folder, "start", f"{session}-second")


def _recorded(folder: Path, turn: int) -> str:
    for _ in range(_NEW):
        verb(*_RECORD, "--no-diff", cwd=folder)
    return f"recorded-{turn}"  # a start that is like one before gets no answer


def _ended(folder: Path, turn: int) -> str:
    sessions = [f"{turn}-{number}" for number in range(_NEW)]
    for session in sessions:
        _hook(folder, "start", session)
        (folder / session).write_text(session)
        _git(folder, "add", session)
        _git(folder, "commit", "-q", "-m", session)
    for session in sessions:
        _hook(folder, "end", session)
    return f"ended-{turn}"


def _hook(folder: Path, event: str, session: str) -> Cost:
    name = {"start": "SessionStart", "end": "SessionEnd"}[event]
    source = folder / ".git" / "event.json"
    source.write_text(json.dumps({"session_id": session, "hook_event_name": name}))
    program = os.path.join(os.path.dirname(sys.executable), "session-codec-hook")
    return run([program, "claude", event], cwd=folder, source=source)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)
