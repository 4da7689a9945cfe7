"""Tasks are what a person asked for, whatever the agent or the editor put around it."""

from __future__ import annotations

import pytest

from codec.agents.prompts import task_in, words_of

CASES = {
    "Fix the login\nIt is broken.": ("Fix the login", ""),
    "\n<pasted_content id='f'>\nA pasted task\n</pasted_content id='f'>\n": ("A pasted task", ""),
    "<command-name>/review</command-name>\n<command-message>review</command-message>\n"
    "<command-args>the login page</command-args>": ("/review the login page", ""),
    "<command-message>init</command-message>\n<command-name>/init</command-name>": ("", "/init"),
    "<command-name>/clear</command-name><command-args></command-args>": ("", "/clear"),
    "<ide_opened_file>The user opened a.py</ide_opened_file>\nRename it": ("Rename it", ""),
    "<ide_selection>x = 1</ide_selection>": ("", ""),
    "<system-reminder>\nToday is Friday.\n</system-reminder>\nTidy up": ("Tidy up", ""),
    "# Context from my IDE setup:\n\n## Active file: a.py\n\n## My request for Codex:\nAdd it": (
        "Add it", "",
    ),
    "<div> is not closed": ("<div> is not closed", ""),
    "<task-notification>\n<task-id>a</task-id>\n</task-notification>": ("", ""),
    "<local-command-caveat>The command below</local-command-caveat>": ("", ""),
    "<bash-input>git log</bash-input>": ("", ""),
    "This session is being continued from a previous conversation that ran out": ("", ""),
    "[Request interrupted by user]": ("", ""),
    "# AGENTS.md instructions for /src\n\n<INSTRUCTIONS>\nx\n</INSTRUCTIONS>": ("", ""),
    "": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), CASES.items())
def test_a_task_is_the_first_line_of_the_users_text(text: str, wanted: tuple[str, str]) -> None:
    words, fallback = words_of(text)
    assert (task_in(words), fallback) == wanted


def test_all_the_words_of_a_user_are_kept() -> None:
    assert words_of("\nFix the login\nIt is broken.\n") == ("Fix the login\nIt is broken.", "")
