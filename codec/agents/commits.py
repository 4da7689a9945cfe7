"""Find the commits that a session's commands made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from codec.agents.transcript_events import Command

#: What git prints for a commit: `[main 630ee73] Subject`, `[main (root-commit) 630ee73] Subject`.
_PRINTED: Final = re.compile(r"^\[[^\]\n]+ (?P<commit>[0-9a-f]{7,64})\] ", re.M)
_AMENDS: Final = re.compile(r"\bcommit\b[^\n;&|]*\s--amend\b")


def printed_commits(command: Command) -> tuple[str, ...]:
    """Return the commits of a command that the agent recorded, or that git printed."""
    return (*command.commits, *_PRINTED.findall(command.output))


def commits_made(commands: Iterable[Command]) -> tuple[str, ...]:
    """Return the commits that commands made, each once; a commit that was amended is left out."""
    made: list[str] = []
    for command in sorted(commands, key=lambda c: c.ended or c.began):
        printed = [c for c in printed_commits(command) if "git" in command.text]
        if printed and made and _AMENDS.search(command.text):
            made.pop()
        for commit in printed:
            known = next((n for n, m in enumerate(made) if _same(m, commit)), None)
            if known is None:
                made.append(commit)
            elif len(commit) > len(made[known]):
                made[known] = commit
    return tuple(made)


def _same(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
