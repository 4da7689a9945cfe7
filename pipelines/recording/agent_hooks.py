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
from typing import Any, Final, Literal

from codec.agents.hook_settings import PROGRAM, our_commands, with_hooks, without_hooks
from codec.agents.opencode_plugin import check_plugin, is_plugin, plugin_source
from codec.agents.permission_settings import with_rule, without_rule
from codec.errors import FormatError
from pipelines.system.fs.user_files import Change


@dataclass(frozen=True, kw_only=True, slots=True)
class Hooks:
    """Where an agent has its hooks, and which of its events are wanted.

    Attributes:
        path: relative to the workspace.
        home: relative to the user's home.
        events: the agent's name of each, ours, and the seconds that it may take.
        form: of the file: `groups` and `list` of commands in JSON, or a `plugin`.
        local: the same for one user of the workspace, which git ignores; empty if the agent has
            no such file.
        variable: names the folder of `home`, if it is set.
        unit: of a second in the file.
        guide: a file that imports AGENTS.md, for an agent that does not read that.
    """

    path: str
    home: str
    events: tuple[tuple[str, str, int], ...]
    form: Literal["groups", "list", "plugin"] = "groups"
    local: str = ""
    variable: str = ""
    unit: int = 1
    guide: str = ""

    def user_path(self) -> str:
        """Return the absolute path of the file of a user."""
        folder = os.environ.get(self.variable, "")
        names = self.home.split("/")
        if os.path.isabs(folder):
            return os.path.join(folder, *names[1:])
        return os.path.join(os.path.expanduser("~"), *names)

    def is_used(self) -> bool:
        """Return whether the user has a folder of the agent."""
        above = os.path.dirname(self.user_path())
        return os.path.isdir(above if self.form != "plugin" else os.path.dirname(above))


#: Agents that get a user's hooks even if they have not been started yet.
_ALWAYS: Final = ("claude", "codex")
#: Claude Code gives all hooks at a session's end the longest of their timeouts; Codex no more than
#: three seconds. `Stop` ends each turn: some versions of both report no end of a session. Cursor's
#: entry is from its documentation (cursor.com/docs/agent/hooks) and was not tried.
HOOKS: Final = {
    "claude": Hooks(
        path=".claude/settings.json",
        home=".claude/settings.json",
        variable="CLAUDE_CONFIG_DIR",
        events=(("SessionStart", "start", 30), ("Stop", "stop", 5), ("SessionEnd", "end", 5)),
        local=".claude/settings.local.json",
    ),
    "codex": Hooks(
        path=".codex/hooks.json",
        home=".codex/hooks.json",
        variable="CODEX_HOME",
        events=(("SessionStart", "start", 30), ("Stop", "stop", 5), ("SessionEnd", "end", 3)),
    ),
    "gemini": Hooks(
        path=".gemini/settings.json",
        home=".gemini/settings.json",
        events=(("SessionStart", "start", 30), ("AfterAgent", "stop", 5), ("SessionEnd", "end", 5)),
        unit=1000,
        guide="GEMINI.md",
    ),
    "opencode": Hooks(
        path=".opencode/plugins/session-codec.js",
        home=".config/opencode/plugins/session-codec.js",
        variable="OPENCODE_CONFIG_DIR",
        events=(
            ("session.created", "start", 30),
            ("session.idle", "stop", 5),
            ("dispose", "end", 5),
        ),
        form="plugin",
    ),
    "cursor": Hooks(
        path=".cursor/hooks.json",
        home=".cursor/hooks.json",
        events=(("sessionStart", "start", 30), ("stop", "stop", 5), ("sessionEnd", "end", 5)),
        form="list",
    ),
}


def agents_of_user() -> tuple[str, ...]:
    """Return the agents whose hooks a user gets without naming any."""
    return tuple(name for name, hooks in HOOKS.items() if name in _ALWAYS or hooks.is_used())


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
    if hooks.form == "plugin":
        return _plugged(hooks, program)
    commands = {event: command_of(program, agent, name) for event, name, _ in hooks.events}
    wanted = {event: _entry(hooks, commands[event], limit) for event, _, limit in hooks.events}

    def change(data: bytes | None) -> bytes | None:
        text = _decoded(data) if data is not None else None
        if text is not None and not {*commands.values()}.issuperset(our_commands(text)):
            text = without_hooks(text)  # the program has moved since
        text = with_hooks(text, wanted)
        return (with_rule(text) if hooks.local and not shared else text).encode()

    return change


def _entry(hooks: Hooks, command: str, seconds: int) -> dict[str, Any]:
    """Return what the list of an event gets."""
    if hooks.form == "list":
        return {"command": command}
    handler = {"type": "command", "command": command, "timeout": seconds * hooks.unit}
    return {"hooks": [handler]}


def _plugged(hooks: Hooks, program: str) -> Change:
    """Return what writes the plugin of an agent, whose file is ours as a whole."""
    source = plugin_source(program, {name: seconds for _, name, seconds in hooks.events})

    def change(data: bytes | None) -> bytes | None:
        if data is not None:
            check_plugin(_decoded(data))
        return source.encode()

    return change


def unhooked(data: bytes | None) -> bytes | None:
    """Return settings without our hooks, None where nothing else was in the file."""
    if data is None or PROGRAM.encode() not in data:
        return data
    text = _decoded(data)
    if is_plugin(text):
        return None
    left = without_hooks(without_rule(text))
    return left.encode() if left is not None else None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FormatError("not UTF-8", hint="Convert it to UTF-8") from None
