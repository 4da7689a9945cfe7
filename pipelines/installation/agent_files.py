"""Change the files of agents: a marked block in their guides, and hooks in their settings.

A change maps the content of a file to its new content, None for no file. The bytes of a person stay
as they are, and removing a block or hook restores the bytes of before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from codec.agents.guide_block import (
    GUIDE,
    IMPORT,
    block_state,
    imports_agents,
    with_block,
    without_block,
)
from codec.agents.hook_settings import PROGRAM, our_commands, with_hooks, without_hooks
from codec.errors import FormatError
from pipelines.fs.user_files import Change
from pipelines.workspace.location import Workspace

AGENTS: Final = "AGENTS.md"
CLAUDE: Final = "CLAUDE.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hooks:
    """The file of an agent's hooks, and the events that get one.

    Attributes:
        path: relative to the workspace.
        events: by the agent's name of it, what we call it, and its seconds at the most.
    """

    path: str
    events: tuple[tuple[str, str, int], ...]


#: Claude Code gives all hooks at a session's end the longest of their timeouts; Codex no more than
#: three seconds. Versions of Codex before 0.146 have no `SessionEnd`: `Stop` ends each turn.
HOOKS: Final = {
    "claude": Hooks(
        path=".claude/settings.json",
        events=(("SessionStart", "start", 30), ("SessionEnd", "end", 5)),
    ),
    "codex": Hooks(
        path=".codex/hooks.json",
        events=(("SessionStart", "start", 30), ("Stop", "stop", 5), ("SessionEnd", "end", 3)),
    ),
}


def wanted_changes(
    workspace: Workspace, hooks: Sequence[str], program: str
) -> Iterator[tuple[str, Change]]:
    """Yield the files of agents and how each changes; a file behind a link only once."""
    yield AGENTS, blocked(GUIDE)
    same = os.path.realpath(workspace.path(CLAUDE)) == os.path.realpath(workspace.path(AGENTS))
    if not same:
        yield CLAUDE, claude
    for agent in hooks:
        yield HOOKS[agent].path, hooked(agent, program)


def _text(data: bytes | None) -> bytes | None:
    """Return the content of a file that can hold a block."""
    if data is not None and b"\0" in data:
        raise FormatError("not UTF-8 text; no block is put in", hint="Convert it to UTF-8")
    return data


def blocked(text: str) -> Change:
    """Return the change that adds a block with a text."""
    return lambda data: with_block(_text(data), text)


def claude(data: bytes | None) -> bytes | None:
    """Return a `CLAUDE.md` that imports `AGENTS.md`, which Claude Code does not read by itself."""
    if data is None:
        return with_block(None, IMPORT)
    has_import = block_state(_text(data) or b"", IMPORT) == "current"
    return data if has_import or imports_agents(data) else with_block(data, GUIDE)


def unblocked(data: bytes | None) -> bytes | None:
    """Return a file without its block.

    Raises:
        FormatError: a person edited the block.
    """
    if data is None:
        return None
    if is_edited(data):
        raise FormatError(
            "the text between the marks was edited; it is left as it is", hint="Remove it by hand"
        )
    return without_block(data)


def is_edited(data: bytes) -> bool:
    """Return whether a person edited the block of a file."""
    with suppress(FormatError):  # reported when the block is changed
        return block_state(data, GUIDE) == "edited"
    return False


def hooked(agent: str, program: str) -> Change:
    """Return the change that adds the hooks of an agent."""
    wanted = {
        event: {
            "hooks": [
                {"type": "command", "command": f"{program} {agent} {name}", "timeout": seconds}
            ]
        }
        for event, name, seconds in HOOKS[agent].events
    }
    commands = {f"{program} {agent} {name}" for _, name, _ in HOOKS[agent].events}

    def change(data: bytes | None) -> bytes | None:
        text = _decoded(data) if data is not None else None
        if text is not None and not commands.issuperset(our_commands(text)):
            text = without_hooks(text)  # the program has moved since
        return with_hooks(text, wanted).encode()

    return change


def unhooked(data: bytes | None) -> bytes | None:
    """Return a file without our hooks; None if it held nothing else."""
    if data is None or PROGRAM.encode() not in data:
        return data
    text = without_hooks(_decoded(data))
    return text.encode() if text is not None else None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FormatError("not UTF-8", hint="Convert it to UTF-8") from None
