"""Check that agents can start the MCP server in their settings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec

from codec.errors import FormatError
from pipelines.outcomes.findings import Finding
from pipelines.recording.agent_servers import SERVERS, Servers, server_command
from pipelines.system.fs.files import read_bytes
from pipelines.workspace.git_queries import content_at
from pipelines.workspace.location import Workspace


def server_findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield a note for each agent whose settings lost the server, or name one that cannot start."""
    for agent, servers in SERVERS.items():
        data = read_bytes(workspace.path(*servers.path.split("/")))
        try:
            command = server_command(agent, data)
            is_lost = command is None and _was_committed(workspace, agent, servers)
        except FormatError as e:
            yield _note(e.problem, e.hint or "Repair it", servers, e.line)
            continue
        if is_lost:
            hint = f"'session-codec install --mcp {agent}' adds it; without it, commit the file"
            yield _note("lost the committed MCP server", hint, servers)
        elif command is not None and shutil.which(command) is None:
            hint = f"Put it on the PATH, and run 'session-codec install --mcp {agent}'"
            yield _note(f"the MCP server's program {command!r} is not found", hint, servers)
        elif command is not None and find_spec("mcp") is None:
            hint = "Install it: pip install 'mcp>=2.3'"
            yield _note("the MCP server needs the package 'mcp'", hint, servers)


def _was_committed(workspace: Workspace, agent: str, servers: Servers) -> bool:
    committed = content_at(workspace, "HEAD", servers.path)
    try:
        return server_command(agent, committed) is not None
    except FormatError:
        return False


def _note(message: str, hint: str, servers: Servers, line: int | None = None) -> Finding:
    return Finding(
        code="mcp-server", message=message, level="note", file=servers.path, line=line, hint=hint
    )
