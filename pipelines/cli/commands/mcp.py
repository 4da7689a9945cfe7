"""`session-codec mcp`."""

from __future__ import annotations

import signal
from typing import Final

from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import REPO, Verb
from pipelines.outcomes.errors import NotFound


def run(repo: str) -> int:
    """Serve the sessions of REPO to coding agents over MCP, on stdin and stdout.

    The tools only read: 'find' searches sessions, 'read' shows an entry, a diff, one file of it or
    a range of lines, 'context' prints what an agent reads at its start. It needs the package 'mcp'.
    After 'install --mcp' has added the server to their settings, agents start it themselves.

    Examples:
      session-codec mcp
      session-codec install --mcp claude,codex
    """
    try:
        from pipelines.cli.mcp.server import serve
    except ImportError as e:
        if (e.name or "").partition(".")[0] not in {"anyio", "mcp", "mcp_types"}:
            raise
        raise NotFound(
            "the MCP server needs the package 'mcp', version 2.3 or later",
            hint="Install it: pip install 'mcp>=2.3'",
        ) from None
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # clients end a server in this way; it only reads
    serve(lambda: workspace_of(repo))
    return 0


VERB: Final = Verb(run, (REPO,), (), exits={30: "the package 'mcp' is not installed"})
