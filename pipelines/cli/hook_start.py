"""Answer an agent's start hook with the output of `context`, in the form that the agent reads.

After a compaction, and when a session is resumed, `brief` of that session follows.

Claude Code, Codex, Gemini CLI and our plugin for OpenCode read this form:

    {"hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "..."}}

Cursor reads this form, by its documentation:

    {"additional_context": "..."}

Claude Code writes more than 10,000 characters to a file, which the agent does not read by itself.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Final

from codec.agents.hook_input import HookInput, decode_input
from codec.agents.spool_entry import Entry
from codec.errors import FormatError
from codec.tokens.tokenizers import DEFAULT
from pipelines.cli.commands.spooled import drain_spool
from pipelines.outcomes.errors import NotFound
from pipelines.recording.spool import is_first
from pipelines.system.worker.tokenizer import load
from pipelines.verbs.context import Request, render
from pipelines.workspace.location import Workspace, find

#: The most characters of the whole document, as the agent counts them: in UTF-16.
LIMIT: Final = 9_899
#: Sources of a start at which the agent has lost its context.
_AGAIN: Final = ("compact", "resume")
_CUT: Final = "\n(cut; all of it: session-codec context)\n"


def say_context(root: str, entry: Entry, spool: str) -> bool:
    """Print the context for an agent, after recording the sessions in the spool.

    Return True if anything was printed: if several hooks run at one start (of the user, the
    repository, a plugin), only the first one prints.

    Args:
        root: the workspace's folder.
        entry: the event; its session goes on.
        spool: the folder of events.
    """
    workspace = find(root)
    found = None
    with suppress(FormatError):  # reported when the event is used
        found = decode_input(entry.data)
        if not is_first(spool, f"{found.session_id}\0{found.source}\0{entry.process}"):
            return False
    drain_spool(workspace, within=found.session_id if found else "")
    text = render(Request(workspace=workspace, tokenizer=DEFAULT), load).context.text
    if found and found.source in _AGAIN:
        text += _brief(workspace, entry.agent, found)
    if not text.strip():
        return False
    sys.stdout.buffer.write(document_of(text, entry.agent).encode())
    return True


def _brief(workspace: Workspace, agent: str, found: HookInput) -> str:
    """Return the output of `brief` for the running session; empty without any session."""
    from pipelines.verbs.brief import Running, brief

    running = Running(found.session_id, agent, found.transcript_path)
    with suppress(NotFound):
        return brief(workspace, "", load(DEFAULT), running)[1]
    return ""


def document_of(text: str, agent: str = "claude") -> str:
    """Return the document that gives a text to an agent, cut at a line end if it is too long."""
    whole = _document(text, agent)
    lines = text.splitlines(keepends=True)
    while _length(whole) > LIMIT:
        lines.pop()
        whole = _document("".join(lines) + _CUT, agent)
    return whole


def _document(text: str, agent: str) -> str:
    fields: dict[str, object] = {"additional_context": text}
    if agent != "cursor":
        said = {"hookEventName": "SessionStart", "additionalContext": text}
        fields = {"hookSpecificOutput": said}
    # A lone surrogate cannot be encoded.
    text = json.dumps(fields, ensure_ascii=False)
    return text.encode(errors="replace").decode() + "\n"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
