"""`session-codec brief`."""

from __future__ import annotations

import os
from typing import Final

from codec.manifest.session_fields import encode_session
from codec.tokens.tokenizers import DEFAULT as TOKENIZER
from codec.v2.brief import BUDGET
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Argument, Verb
from pipelines.cli.output import say, say_json
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.recording.running import asking_session
from pipelines.system.worker.tokenizer import load
from pipelines.verbs.brief import Running, brief

#: The first characters of an argument that names a repository, not a key.
_PLACES: Final = (".", "~", os.sep)


def run(name: str, repo: str, as_json: bool) -> int:
    """Print what the next agent has to know after a session, in at most 400 tokens.

    It states the session's goal, status and notes, earlier tasks that failed and have not passed
    since, the changed files with their state in the working tree, and notes of earlier sessions.
    If the agent still has the session's transcript (Claude Code, Codex, Gemini CLI), it also quotes
    how the user corrected the agent and what else the user asked for, and states the last command
    that ran tests, with its exit code.

    By default, KEY is the latest session, or the agent's own session after a compaction.
    The start hook prints the brief after a compaction and when a session is resumed.

    Examples:
      session-codec brief
      session-codec brief 2025-11-06T14:30
    """
    if name.startswith(_PLACES):
        name, repo = "", name
    workspace = workspace_of(repo)
    running = Running(asking_session(workspace))
    session, text = brief(workspace, name, load(TOKENIZER), running)
    if as_json:
        fields = {
            "session": encode_session(session) if session is not None else None,
            "text": text,
            "budget": BUDGET,
        }
        say_json("brief", fields)
    else:
        say(text.removesuffix("\n"))
    return 0


VERB: Final = Verb(
    run,
    (Argument("name", "KEY", "", required=False), REPO),
    (JSON,),
    exits={20: EXIT_CODES[20], 22: "several sessions begin with KEY", 30: "no such session"},
)
