"""Find the task in a prompt, without the text that agents and editors add.

1. Agents, hooks and editors put one of a few known blocks before the words of a user. Any other
   text that begins with `<` is the user's.
2. A slash command with arguments is a task. The name of one without arguments is the last resort.
3. A summary that an agent wrote when it compacted a conversation is not a prompt.
"""

from __future__ import annotations

import re
from typing import Final

PROMPT_LIMIT: Final = 200
_BLOCKS: Final = (
    "bash-input", "bash-stdout", "bash-stderr", "command-contents", "command-message",
    "environment_context", "hook_context", "ide_diagnostics", "ide_opened_file", "ide_selection",
    "INSTRUCTIONS", "local-command-caveat", "local-command-stderr", "local-command-stdout",
    "permissions", "session_context", "skill", "subagent_notification", "system-reminder",
    "task-notification", "turn_aborted", "user-prompt-submit-hook", "user_instructions",
    "user_shell_command",
)  # fmt: skip
_BLOCK = re.compile(rf"<(?P<tag>{'|'.join(_BLOCKS)})\b[^>]*>.*?</(?P=tag)\b[^>]*>", re.S)
_PASTED = re.compile(r"</?pasted_content\b[^>]*>")
_NAME = re.compile(r"<command-name>(?P<name>[^<]*)</command-name>")
_ARGUMENTS = re.compile(r"<command-args>(?P<arguments>.*?)</command-args>", re.S)
#: The heading that editors put before a user's prompt, and the heading of the prompt itself.
_WRAPPED: Final = "# Context from my IDE setup:"
_REQUEST = re.compile(r"^##+ My request for [^\n]*:[ \t]*$", re.M)
#: Beginnings of texts that agents write in the user's name.
_NOT_ASKED: Final = (
    "Caveat: ", "[Request interrupted", "This session is being continued from a previous",
    "# AGENTS.md instructions", "Another language model started to solve this problem",
)  # fmt: skip
_LOCAL_OUTPUT: Final = ("<local-command-stdout>", "<local-command-stderr>")


def task_of(text: str) -> tuple[str, str]:
    """Return the first line of the task, and the name of a slash command without arguments.

    Both are empty if the user wrote none of the text.
    """
    named = _NAME.search(text)
    if named is not None:
        name = named["name"].strip()
        found = _ARGUMENTS.search(text)
        arguments = _first_line(found["arguments"]) if found else ""
        return (f"{name} {arguments}"[:PROMPT_LIMIT], "") if arguments else ("", name)
    text = _BLOCK.sub("\n", text)
    if text.lstrip().startswith(_WRAPPED) and (request := _REQUEST.search(text)):
        text = text[request.end() :]
    line = _first_line(_PASTED.sub("\n", text))
    return ("", "") if line.startswith(_NOT_ASKED) else (line[:PROMPT_LIMIT], "")


def is_local_output(text: str) -> bool:
    """Return True for the output of a command that the agent ran without a model."""
    return text.lstrip().startswith(_LOCAL_OUTPUT)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
