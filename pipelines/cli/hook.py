"""`session-codec-hook AGENT EVENT`: called by agents when a session starts, pauses and ends.

1. It never makes an agent fail: every error is a line on stderr, and the exit code is 0.
2. When it returns, its input is on the disk, with facts that are known only at that moment: the
   time, the commit of HEAD and the agent's process. The next verb turns it into a session
   (`recording.drain`). Outside of a workspace it does nothing and prints nothing.
3. At the end of a session it may take no longer than the start of an interpreter, so writing to the
   spool needs no expensive imports. At the start of a session it prints what an agent should read,
   as `context` does.
"""

from __future__ import annotations

import os
import sys
import time

from codec.agents.spool_entry import HEAD_LIMIT, TAIL_LIMIT, Entry, encode_entry
from pipelines.recording.spool import EVENTS, leave, spool_of
from pipelines.system.git.worktree import ancestors, head_of, home_of, repository_of

AGENTS = ("claude", "codex", "gemini", "opencode", "cursor")
#: The variables in which agents name the project of a hook.
_PROJECTS = ("CLAUDE_PROJECT_DIR", "GEMINI_PROJECT_DIR", "CURSOR_PROJECT_DIR")
_IDS = (b'"session_id"', b'"conversation_id"')
_MANIFEST = os.path.join(".session-codec", "manifest.jsonl")
_BLOCK = 1 << 16
#: A longer input is not read to its end.
_ENDLESS = 1 << 28


def main() -> None:
    """Handle an event, and exit with 0 whatever happens."""
    answered = False
    if sys.stdout is None or sys.stderr is None:
        from pipelines.cli.streams import reopen_closed

        reopen_closed()
    try:
        answered = _run(sys.argv[1:])
    except BaseException as e:  # an agent's session must go on, whatever the error
        _tell(f"{type(e).__name__}: {e}")
    try:
        if not answered and sys.argv[1:2] == ["codex"]:
            sys.stdout.write("{}\n")  # it requires JSON at the end of a turn
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)  # nothing is left to do, and a regular exit takes as long as spooling


def _run(arguments: list[str]) -> bool:
    """Handle an event; return True if the agent got its answer."""
    if len(arguments) != 2 or arguments[0] not in AGENTS or arguments[1] not in EVENTS:
        _tell(f"usage: session-codec-hook {'|'.join(AGENTS)} {'|'.join(EVENTS)} < JSON")
        return False
    agent, event = arguments
    now = time.time_ns()
    data, size = _input()
    if not data.strip():
        _tell("the input is empty, so no session is known to record")
        return False
    found = _workspace()
    if found is None:
        return False  # a user's hooks run in every folder
    root, repository = found
    spool = spool_of(home_of(root, repository))
    head, branch = head_of(repository) if repository else ("", "")
    entry = Entry(
        agent=agent, event=event, time=now, head=head, branch=branch,
        root=os.fsencode(root), size=size, data=data,
        process="" if event == "end" else _agent_process(),
    )  # fmt: skip
    path = ""
    try:
        path = leave(spool, event, now, encode_entry(entry))
    except OSError as e:  # in a sandbox the agent still gets the context
        _tell(f"cannot note the event, so the session may not be recorded: {e}")
    if not _is_event(data):
        _tell(f"the input is not an event of a session{path and '; it is kept as '}{path}")
    elif event == "start":
        from pipelines.cli.hook_start import say_context

        return say_context(root, entry, spool)
    return False


def _agent_process() -> str:
    from pipelines.recording.agent_process import agent_process

    return agent_process()


def _input() -> tuple[bytes, int]:
    """Return the input to keep (the whole, or its first and last part), and its size."""
    blocks: list[bytes] = []
    kept = size = 0
    tail = b""
    while size < _ENDLESS and (block := os.read(0, _BLOCK)):
        size += len(block)
        if kept < HEAD_LIMIT:
            blocks.append(block[: HEAD_LIMIT - kept])
            kept += len(blocks[-1])
            block = block[len(blocks[-1]) :]
        if block:
            tail = (tail + block)[-TAIL_LIMIT:]
    return b"".join((*blocks, tail)), size


def _workspace() -> tuple[str, str | None] | None:
    """Return the session's workspace and its repository; cheaper than `location.find`."""
    for start in dict.fromkeys((*map(os.environ.get, _PROJECTS), os.curdir)):
        if not start:
            continue
        try:
            above = ancestors(os.path.abspath(start))
        except FileNotFoundError:  # the working directory was deleted
            continue
        repository = repository_of(above)
        for folder in above[: above.index(repository) + 1] if repository else above:
            if os.path.exists(os.path.join(folder, _MANIFEST)):
                return folder, repository
    return None


def _is_event(data: bytes) -> bool:
    """Return True if an input looks like an event; it is validated later, when it is read."""
    text = data.strip()
    return text[:1] == b"{" and text[-1:] == b"}" and any(name in text for name in _IDS)


def _tell(text: str) -> None:
    try:  # noqa: SIM105 - contextlib takes long to import
        sys.stderr.write(f"session-codec-hook: {' '.join(text.split())}\n")
    except OSError:
        pass  # a full disk: there is no other place for the message
