"""The MCP server in the settings of agents: which files name it, and their edits.

The settings of a repository are shared: they name the program without a path, so that they work on
every machine on which session-codec is installed. Each user approves them once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from codec.agents.server_settings import (
    NAME,
    json_command,
    toml_command,
    with_json_server,
    with_toml_server,
    without_json_server,
    without_toml_server,
)
from codec.errors import FormatError
from pipelines.system.fs.user_files import Change


@dataclass(frozen=True, kw_only=True, slots=True)
class Servers:
    """The file in which an agent names its MCP servers, and how it is changed.

    Attributes:
        path: the file relative to the workspace.
        add: returns the text with our server, started by a command.
        remove: returns the text without it; None for a file that had nothing else.
        command: returns the command of our server in a text; None without it.
    """

    path: str
    add: Callable[[str | None, str], str]
    remove: Callable[[str], str | None]
    command: Callable[[str], str | None]


SERVERS: Final = {
    "claude": Servers(
        path=".mcp.json",
        add=with_json_server,
        remove=without_json_server,
        command=json_command,
    ),
    "codex": Servers(
        path=".codex/config.toml",
        add=with_toml_server,
        remove=without_toml_server,
        command=toml_command,
    ),
}


def served(agent: str, command: str) -> Change:
    """Return the edit that adds our server to the settings of an agent.

    Args:
        agent: one of `SERVERS`.
        command: the command that starts our program.
    """
    add = SERVERS[agent].add
    return lambda data: add(_decoded(data) if data is not None else None, command).encode()


def unserved(agent: str) -> Change:
    """Return the edit that removes our server from the settings of an agent."""

    def change(data: bytes | None) -> bytes | None:
        if data is None or NAME.encode() not in data:
            return data
        text = SERVERS[agent].remove(_decoded(data))
        return text.encode() if text is not None else None

    return change


def server_command(agent: str, data: bytes) -> str | None:
    """Return the command of our server in the settings of an agent; None if it is missing.

    Raises:
        FormatError: the settings cannot be read.
    """
    return SERVERS[agent].command(_decoded(data)) if NAME.encode() in data else None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FormatError("not UTF-8", hint="Convert it to UTF-8") from None
