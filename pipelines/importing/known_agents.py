"""List the agents whose transcripts can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pipelines.importing.agents import Agent

#: Names of all agents.
NAMES: Final = ("claude", "codex", "gemini", "opencode", "specstory", "aider")


def agents() -> Mapping[str, Agent]:
    """Return the agents by name."""
    from pipelines.importing.json_lines import claude_agent, codex_agent, gemini_agent
    from pipelines.importing.markdown import aider_agent, specstory_agent
    from pipelines.importing.opencode import opencode_agent

    known = (
        claude_agent(), codex_agent(), gemini_agent(), opencode_agent(), specstory_agent(),
        aider_agent(),
    )  # fmt: skip
    return {agent.name: agent for agent in known}
