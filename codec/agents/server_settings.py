"""The MCP server in the settings of agents: added and removed as text, between the user's own.

Claude Code reads JSON (`.mcp.json`), Codex reads TOML (`.codex/config.toml`):

    {"mcpServers": {"session-codec": {"command": "session-codec", "args": ["mcp"]}}}

    [mcp_servers.session-codec]
    command = "session-codec"
    args = ["mcp"]

1. The text around our server keeps its order, indentation and line ends: it is not re-serialized.
2. Removing our server restores the former bytes. A file that held nothing else is deleted.
3. A server of our name is ours if its command ends in `session-codec`, its arguments are `mcp`,
   and it has no other settings. Any other server is the user's, and stays.
4. After each change, the rest of the document is checked to have the same meaning.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from codec.agents.json_text import NEW, Layout, cut, inside, layout_of, members, start_of
from codec.errors import FormatError

#: The name of the server, and the last part of its command.
NAME: Final = "session-codec"
_ARGUMENTS: Final = ["mcp"]
_JSON: Final = "mcpServers"
_TOML: Final = "mcp_servers"
_EOL: Final = r"\r?\n"
_TABLE: Final = re.compile(
    rf"(?P<before>(?:{_EOL})*)"
    rf"""^[ \t]*\[[ \t]*{_TOML}[ \t]*\.[ \t]*(?:{NAME}|"{NAME}"|'{NAME}')[ \t]*\][^\n]*\n"""
    r"(?:[ \t]*(?:command|args)[ \t]*=[^\n]*(?:\n|\Z))*",
    re.M,
)
_REPAIR: Final = "Repair it, and run the same command again"
_BY_HAND: Final = "Add or remove the server by hand"


def json_command(text: str) -> str | None:
    """Return the command of our server in JSON settings; None if they do not have it.

    Raises:
        FormatError: the settings are not a JSON object of servers.
    """
    return _command(_document(text).get(_JSON, {}))


def toml_command(text: str) -> str | None:
    """Return the command of our server in TOML settings; None if they do not have it.

    Raises:
        FormatError: the settings are not TOML with a table of servers.
    """
    return _command(_tables(text).get(_TOML, {}))


def with_json_server(text: str | None, command: str) -> str:
    """Return JSON settings with our server.

    Args:
        text: the settings; None for a file that does not exist.
        command: the command that starts our program.

    Raises:
        FormatError: the settings are not a JSON object of servers.
    """
    wanted = _server(command)
    if text is None:
        return _new_json(wanted)
    if NAME in _document(text).get(_JSON, {}):
        if json_command(text) in {None, command}:
            return text
        text = without_json_server(text) or "{}\n"
    layout = layout_of(text)
    found = [m for m in members(text, start_of(text)) if m.key == _JSON]
    depth, at = (2, found[-1].value_start) if found else (1, start_of(text))
    place, is_empty = inside(text, at)
    behind, alone = _forms(layout, depth, wanted)
    after = text[:place] + (alone if is_empty else behind) + text[place:]
    _check(_document(text), after, _JSON, _document)
    return after


def without_json_server(text: str) -> str | None:
    """Return JSON settings without our server; None if nothing else was ever in the file.

    Raises:
        FormatError: the settings are not a JSON object of servers.
    """
    command = json_command(text)
    if command is None:
        return text
    if text == _new_json(_server(command)):
        return None
    after = _without_added(text, _server(command))
    _check(_document(text), after, _JSON, _document)
    return after


def with_toml_server(text: str | None, command: str) -> str:
    """Return TOML settings with our server; see `with_json_server`.

    Raises:
        FormatError: the settings are not TOML with a table of servers.
    """
    before = _tables(text or "")
    if NAME in before.get(_TOML, {}):
        if text is None or toml_command(text) in {None, command}:
            return text or ""
        return with_toml_server(without_toml_server(text), command)
    eol = "\r\n" if text and "\r\n" in text else "\n"
    rows = (
        f"[{_TOML}.{NAME}]",
        f"command = {json.dumps(command, ensure_ascii=False)}",
        f"args = {json.dumps(_ARGUMENTS)}",
    )
    table = eol.join(rows)
    if text is None:
        return table + eol
    # A file without a final line end keeps none, so that its bytes can be restored.
    is_ended = not text or text.endswith("\n")
    after = text + eol + table + eol if is_ended else text + eol + eol + table
    _check(before, after, _TOML, _tables)
    return after


def without_toml_server(text: str) -> str | None:
    """Return TOML settings without our server; None if nothing else was ever in the file.

    Raises:
        FormatError: the settings are not TOML with a table of servers, or ours is not a table.
    """
    command = toml_command(text)
    if command is None:
        return text
    if text == with_toml_server(None, command):
        return None
    for m in _TABLE.finditer(text):
        after = _without_table(text, m)
        if _means(_tables(text), after, _TOML, _tables) and toml_command(after) is None:
            return after
    raise FormatError("the session-codec server is not in its own table", hint=_BY_HAND)


def _without_table(text: str, m: re.Match[str]) -> str:
    """Return a document without a table and the empty line that was added with it."""
    ends = re.findall(_EOL, m["before"])
    if m.end() == len(text):
        ends = ends[: -1 if text.endswith("\n") else -2]
    return text[: m.start()] + "".join(ends) + text[m.end() :]


def _server(command: str) -> dict[str, Any]:
    return {"command": command, "args": _ARGUMENTS}


def _command(servers: Mapping[str, Any]) -> str | None:
    """Return the command of our server; None if it is missing or is the user's own."""
    server = servers.get(NAME)
    command = server.get("command") if isinstance(server, dict) else None
    if not isinstance(command, str) or server != _server(command):
        return None
    return command if re.split(r"[/\\]", command)[-1] == NAME else None


def _new_json(server: Mapping[str, Any]) -> str:
    return f"{{{NEW.line(1)}{_member(NEW, 1, server)}{NEW.eol}}}\n"


def _member(layout: Layout, depth: int, server: Mapping[str, Any]) -> str:
    """Return our server as a member of the root (depth 1) or of the servers (depth 2)."""
    if depth == 1:
        return f'"{_JSON}": {layout.dumped({NAME: server}, 1)}'
    return f'"{NAME}": {layout.dumped(server, 2)}'


def _forms(layout: Layout, depth: int, server: Mapping[str, Any]) -> tuple[str, str]:
    """Return the texts to add after other members, and into an empty object."""
    member = _member(layout, depth, server)
    return f",{layout.line(depth)}{member}", f" {member} "


def _without_added(text: str, server: Mapping[str, Any]) -> str:
    """Return a document without the text that `with_json_server` added, or without our server."""
    for layout in (layout_of(text), Layout(eol=layout_of(text).eol, unit=NEW.unit)):
        for piece in _pieces(layout, server):
            less = text.replace(piece, "", 1)
            if text.count(piece) == 1 and _is_without(less):
                return less
    root = list(members(text, start_of(text)))
    at = next(n for n, m in enumerate(root) if m.key == _JSON)
    servers = list(members(text, root[at].value_start))
    if len(servers) == 1:
        return cut(text, root, at)
    return cut(text, servers, next(n for n, m in enumerate(servers) if m.key == NAME))


def _pieces(layout: Layout, server: Mapping[str, Any]) -> Iterator[str]:
    for depth in (1, 2):
        yield from _forms(layout, depth, server)


def _is_without(text: str) -> bool:
    try:
        return NAME not in _document(text).get(_JSON, {})
    except FormatError:
        return False


def _document(text: str) -> dict[str, Any]:
    try:
        root = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as e:
        raise FormatError(f"not JSON: {e.msg}", line=e.lineno, hint=_REPAIR) from None
    except RecursionError:
        raise FormatError("nested too deep") from None
    if not isinstance(root, dict):
        raise FormatError("not an object")
    return _with_servers(root, _JSON)


def _tables(text: str) -> dict[str, Any]:
    try:
        root = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise FormatError(f"not TOML: {e}", hint=_REPAIR) from None
    except RecursionError:
        raise FormatError("nested too deep") from None
    return _with_servers(root, _TOML)


def _with_servers(root: dict[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(root.get(name, {}), dict):
        raise FormatError("is not a table of servers", field=name)
    return root


def _check(
    before: Mapping[str, Any], text: str, name: str, read: Callable[[str], dict[str, Any]]
) -> None:
    """Raise FormatError if a change did more than add or remove our server."""
    if not _means(before, text, name, read):
        raise FormatError("cannot be edited without affecting other settings", hint=_BY_HAND)


def _means(
    before: Mapping[str, Any], text: str, name: str, read: Callable[[str], dict[str, Any]]
) -> bool:
    """Return True if a text and a document mean the same, apart from our server."""
    try:
        return _others(before, name) == _others(read(text), name)
    except FormatError:
        return False


def _others(root: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a document without our server, and without a table of servers that becomes empty."""
    servers = {key: value for key, value in root.get(name, {}).items() if key != NAME}
    rest = {key: value for key, value in root.items() if key != name}
    return {**rest, name: servers} if servers else rest
