"""The hooks of agents: their files, their events, and the edits of these files.

1. A hook does nothing and prints nothing if the program is not installed, because people who do not
   use session-codec clone repositories with hooks.
2. A user's hooks run in every repository, clone, worktree and subfolder; those of a repository come
   with a clone. If an agent has both, a session is recorded once, and the context is printed
   once.
3. Claude Code started in a subfolder reads only the user's settings and the root's
   `settings.local.json`; in an untrusted folder it ignores permission rules of a tracked file, with
   a warning. So the hooks go into that local file as well, with the rule.
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
    """The place of an agent's hooks, and the events that are used.

    Attributes:
        path: the file relative to the workspace.
        home: the file relative to the user's home.
        events: the agent's name of each event, our name, and its time limit in seconds.
        form: the form of the file: `groups` and `list` of commands in JSON, or a `plugin`.
        local: the file for one user of the workspace, which git ignores; empty if the agent does
            not have one.
        variable: the variable that names the folder of `home`, if it is set.
        unit: how many units of time in the file make a second.
        guide: a file that imports AGENTS.md, for an agent that does not read AGENTS.md.
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
        """Return the absolute path of the user's own file."""
        folder = os.environ.get(self.variable, "")
        names = self.home.split("/")
        if os.path.isabs(folder):
            return os.path.join(folder, *names[1:])
        return os.path.join(os.path.expanduser("~"), *names)

    def is_used(self) -> bool:
        """Return True if the user has a folder of the agent."""
        above = os.path.dirname(self.user_path())
        return os.path.isdir(above if self.form != "plugin" else os.path.dirname(above))


#: Agents for which a user's hooks are installed even if they were never started.
_ALWAYS: Final = ("claude", "codex")
#: Claude Code gives all hooks at the end of a session the longest of their time limits; Codex at
#: most three seconds. `Stop` ends each turn: some versions of both do not report the end of a
#: session. The entry for Cursor follows its documentation (cursor.com/docs/agent/hooks) and was not
#: tried.
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
    """Return the agents whose hooks a user gets by default."""
    return tuple(name for name, hooks in HOOKS.items() if name in _ALWAYS or hooks.is_used())


def command_of(program: str, agent: str, event: str) -> str:
    """Return the command of a hook, which does nothing if the program is missing."""
    return f"command -v {program} >/dev/null 2>&1 && {program} {agent} {event} || :"


def hooked(agent: str, program: str, *, shared: bool) -> Change:
    """Return the edit that adds the hooks of an agent to its settings.

    Args:
        agent: one of `HOOKS`.
        program: the command by which a hook calls our hook program.
        shared: others use the settings, too; if not, the user's rule that lets Claude Code run
            `session-codec` without asking is added as well.
    """
    hooks = HOOKS[agent]
    if hooks.form == "plugin":
        return _plugged(hooks, program)
    commands = {event: command_of(program, agent, name) for event, name, _ in hooks.events}
    wanted = {event: _entry(hooks, commands[event], limit) for event, _, limit in hooks.events}

    def change(data: bytes | None) -> bytes | None:
        text = _decoded(data) if data is not None else None
        if text is not None and not {*commands.values()}.issuperset(our_commands(text)):
            text = without_hooks(text)  # the path of the program may have changed
        text = with_hooks(text, wanted)
        return (with_rule(text) if hooks.local and not shared else text).encode()

    return change


def _entry(hooks: Hooks, command: str, seconds: int) -> dict[str, Any]:
    """Return the entry in the list of an event."""
    if hooks.form == "list":
        return {"command": command}
    handler = {"type": "command", "command": command, "timeout": seconds * hooks.unit}
    return {"hooks": [handler]}


def _plugged(hooks: Hooks, program: str) -> Change:
    """Return the edit that writes an agent's plugin, a file that only session-codec writes."""
    source = plugin_source(program, {name: seconds for _, name, seconds in hooks.events})

    def change(data: bytes | None) -> bytes | None:
        if data is not None:
            check_plugin(_decoded(data))
        return source.encode()

    return change


def unhooked(data: bytes | None) -> bytes | None:
    """Return settings without our hooks; None if the file had nothing else."""
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
