"""The hooks of agents: their files, their events, and the new content of these files.

1. A hook runs nothing and prints nothing where the program is not installed: a repository with
   hooks in it is cloned by people who do not use session-codec.
2. Hooks of a user work in every repository, clone, worktree and subfolder; those of a repository
   come with a clone. Where an agent has both, a session is recorded once, and the context comes
   once.
3. Claude Code started below the root reads only the settings of the user and `settings.local.json`
   of the root; in a folder that is not trusted it ignores rules of a tracked file, with a warning.
   So the hooks go into that local file as well, with the rule.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

from codec.agents.hook_settings import PROGRAM, our_commands, with_hooks, without_hooks
from codec.agents.permission_settings import with_rule, without_rule
from codec.errors import FormatError
from pipelines.fs.user_files import Change


@dataclass(frozen=True, kw_only=True, slots=True)
class Hooks:
    """An agent's hook settings: the file, and the events to hook.

    Attributes:
        path: relative to the workspace, or to the user's home.
        local: the same for one user of the workspace, which git ignores; empty if the agent has
            no such file.
        variable: names the agent's folder of a user, if it is set.
        events: by the agent's name of it, what we call it, and its seconds at the most.
    """

    path: str
    variable: str
    events: tuple[tuple[str, str, int], ...]
    local: str = ""

    def user_path(self) -> str:
        """Return the absolute path of the file of a user."""
        folder = os.environ.get(self.variable, "")
        if os.path.isabs(folder):
            return os.path.join(folder, os.path.basename(self.path))
        return os.path.join(os.path.expanduser("~"), *self.path.split("/"))


#: Claude Code gives all hooks at a session's end the longest of their timeouts; Codex no more than
#: three seconds. `Stop` ends each turn: some versions of both report no end of a session.
HOOKS: Final = {
    "claude": Hooks(
        path=".claude/settings.json",
        variable="CLAUDE_CONFIG_DIR",
        events=(("SessionStart", "start", 30), ("Stop", "stop", 5), ("SessionEnd", "end", 5)),
        local=".claude/settings.local.json",
    ),
    "codex": Hooks(
        path=".codex/hooks.json",
        variable="CODEX_HOME",
        events=(("SessionStart", "start", 30), ("Stop", "stop", 5), ("SessionEnd", "end", 3)),
    ),
}


def command_of(program: str, agent: str, event: str) -> str:
    """Return the command of a hook, which is silent where the program is missing."""
    return f"command -v {program} >/dev/null 2>&1 && {program} {agent} {event} || :"


def hooked(agent: str, program: str, *, shared: bool) -> Change:
    """Return the edit that adds the hooks of an agent to its settings.

    Args:
        agent: one of `HOOKS`.
        program: how a hook calls our hook program.
        shared: others use the settings, too; else a user's rule joins the hooks, by which Claude
            Code runs `session-codec` without asking.
    """
    hooks = HOOKS[agent]
    commands = {event: command_of(program, agent, name) for event, name, _ in hooks.events}
    wanted: dict[str, dict[str, Any]] = {
        event: {"hooks": [{"type": "command", "command": commands[event], "timeout": seconds}]}
        for event, _, seconds in hooks.events
    }

    def change(data: bytes | None) -> bytes | None:
        text = _decoded(data) if data is not None else None
        if text is not None and not {*commands.values()}.issuperset(our_commands(text)):
            text = without_hooks(text)  # the program has moved since
        text = with_hooks(text, wanted)
        return (with_rule(text) if hooks.local and not shared else text).encode()

    return change


def unhooked(data: bytes | None) -> bytes | None:
    """Return settings without our hooks, None where nothing else was in the file."""
    if data is None or PROGRAM.encode() not in data:
        return data
    text = without_hooks(without_rule(_decoded(data)))
    return text.encode() if text is not None else None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FormatError("not UTF-8", hint="Convert it to UTF-8") from None
