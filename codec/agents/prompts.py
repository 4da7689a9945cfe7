"""Find the words of a user in a prompt, without the text that agents and editors add.

1. Agents, hooks and editors put one of a few known blocks before the words of a user. Any other
   text that begins with `<` is the user's.
2. A slash command with arguments is a task. The name of one without arguments is the last resort.
3. A summary that an agent wrote when it compacted a conversation is not a prompt.
"""

from __future__ import annotations

import re
from typing import Final

#: The characters of a task.
PROMPT_LIMIT: Final = 200
#: The characters of a prompt that are kept.
WORDS_LIMIT: Final = 2000
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


def words_of(text: str) -> tuple[str, str]:
    """Return the words of a user, and the name of a slash command without arguments.

    Both are empty if the user wrote none of the text.
    """
    named = _NAME.search(text)
    if named is not None:
        name = named["name"].strip()
        found = _ARGUMENTS.search(text)
        arguments = found["arguments"].strip() if found else ""
        return (f"{name} {arguments}"[:WORDS_LIMIT], "") if arguments else ("", name)
    text = _BLOCK.sub("\n", text)
    if text.lstrip().startswith(_WRAPPED) and (request := _REQUEST.search(text)):
        text = text[request.end() :]
    words = _PASTED.sub("\n", text).strip()
    return ("", "") if words.startswith(_NOT_ASKED) else (words[:WORDS_LIMIT], "")


def task_in(words: str) -> str:
    """Return the task in a prompt: its first line."""
    return next(iter(words.lstrip().splitlines()), "").rstrip()[:PROMPT_LIMIT]


def is_local_output(text: str) -> bool:
    """Return True for the output of a command that the agent ran without a model."""
    return text.lstrip().startswith(_LOCAL_OUTPUT)
