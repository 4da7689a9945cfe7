"""The MCP server goes into a user's settings and out of them, and changes nothing else."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.server_settings import (
    json_command,
    toml_command,
    with_json_server,
    with_toml_server,
    without_json_server,
    without_toml_server,
)
from codec.errors import FormatError

COMMAND = "session-codec"
OTHER = '"other": {"command": "npx", "args": ["-y", "x"]}'
JSON = (
    "{}",
    "{}\n",
    "{ }",
    "{\n}\n",
    '{"a": 1}',
    '{\n\t"a": 1,\n\t"b": [1, 2]\n}',
    '{"mcpServers": {}}',
    '{\n  "mcpServers": {\n  }\n}\n',
    f'{{"mcpServers": {{{OTHER}}}}}',
    f'{{\n    "mcpServers": {{\n        {OTHER}\n    }},\n    "x": {{"mcpServers": {{}}}}\n}}\n',
    f'{{\r\n  "mcpServers": {{\r\n    {OTHER}\r\n  }}\r\n}}\r\n',
    '\ufeff{"a": "\u00e9\\u00e9"}',
)
TOML = (
    "",
    "\n",
    "\n\n",
    "# mine",
    "# mine\n",
    'model = "o3"\n',
    'model = "o3"',
    '[mcp_servers.other]\ncommand = "npx"\nargs = ["-y"]\n\n\n',
    '[mcp_servers.other]\r\ncommand = "npx"\r\n[mcp_servers.other.env]\r\nA = "1"\r\n',
    "[features]\nhooks = true # \u00e9\n",
    "# [mcp_servers.session-codec]\na = 1\n",
    'text = """\n[mcp_servers.session-codec]\n"""\n',
)


@pytest.mark.parametrize("before", JSON)
def test_taking_it_out_of_json_restores_every_character(before: str) -> None:
    after = with_json_server(before, COMMAND)
    assert json_command(after) == COMMAND
    assert with_json_server(after, COMMAND) == after
    assert without_json_server(after) == before


@pytest.mark.parametrize("before", TOML)
def test_taking_it_out_of_toml_restores_every_character(before: str) -> None:
    after = with_toml_server(before, COMMAND)
    assert toml_command(after) == COMMAND
    assert with_toml_server(after, COMMAND) == after
    assert without_toml_server(after) == before


@pytest.mark.parametrize("before", TOML)
def test_other_tables_keep_their_meaning(before: str) -> None:
    was = tomllib.loads(before)
    now = tomllib.loads(with_toml_server(before, COMMAND))
    now["mcp_servers"].pop("session-codec")
    assert now == {**was, "mcp_servers": was.get("mcp_servers", {})}


def test_a_file_that_was_made_for_it_is_deleted_with_it() -> None:
    assert without_json_server(with_json_server(None, COMMAND)) is None
    assert without_toml_server(with_toml_server(None, COMMAND)) is None


@pytest.mark.parametrize(
    "command", ["/opt/a b/session-codec", "C:\\bin\\session-codec", "/é/session-codec"]
)
def test_a_program_that_has_moved_is_renewed(command: str) -> None:
    for before in JSON:
        moved = with_json_server(with_json_server(before, command), COMMAND)
        assert json_command(moved) == COMMAND
    for before in TOML:
        moved = with_toml_server(with_toml_server(before, command), COMMAND)
        assert moved == with_toml_server(before, COMMAND)


JSON_OF_A_USER = (
    {"command": "session-codec", "args": ["mcp"], "env": {"A": "1"}},
    {"command": "session-codec", "args": ["mcp", "/srv/app"]},
    {"command": "mine", "args": ["mcp"]},
    {"url": "http://localhost:1"},
    "odd",
)


@pytest.mark.parametrize("server", JSON_OF_A_USER)
def test_a_server_of_our_name_that_a_user_wrote_stays(server: object) -> None:
    text = json.dumps({"mcpServers": {"session-codec": server}})
    assert with_json_server(text, COMMAND) == text
    assert without_json_server(text) == text


def test_a_table_of_our_name_that_a_user_wrote_stays() -> None:
    text = (
        '[mcp_servers.session-codec]\ncommand = "session-codec"\nargs = ["mcp"]\nenv = {A = "1"}\n'
    )
    assert with_toml_server(text, COMMAND) == text
    assert without_toml_server(text) == text


@pytest.mark.parametrize("indent", [None, 1, "\t"])
def test_it_is_found_in_json_that_was_written_again(indent: int | str | None) -> None:
    settings = json.loads(with_json_server(f'{{"a": 1, "mcpServers": {{{OTHER}}}}}', COMMAND))
    after = without_json_server(json.dumps(settings, indent=indent))
    assert after is not None
    assert json.loads(after) == json.loads(f'{{"a": 1, "mcpServers": {{{OTHER}}}}}')


def test_it_is_found_in_toml_between_other_tables() -> None:
    text = with_toml_server("a = 1\n", COMMAND) + "\n# theirs\n[other]\nb = 2\n"
    after = without_toml_server(text)
    assert after is not None
    assert tomllib.loads(after) == {"a": 1, "other": {"b": 2}}
    assert "# theirs" in after


BROKEN = (
    ("{", "not JSON"),
    ("[]", "not an object"),
    ('{"mcpServers": []}', "not a table of servers"),
    ('{"a": ' * 100_000, "nested too deep"),
)


@pytest.mark.parametrize(("text", "why"), BROKEN, ids=[why for _, why in BROKEN])
def test_json_of_another_form_is_refused(text: str, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        with_json_server(text, COMMAND)
    with pytest.raises(FormatError, match=why):
        without_json_server(text)


@pytest.mark.parametrize("text", ["a = ", "mcp_servers = 1\n", "\ufeffa = 1\n"])
def test_toml_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        with_toml_server(text, COMMAND)


@pytest.mark.parametrize(
    "text", ["mcp_servers = {}\n", 'mcp_servers = {other = {command = "x"}}\n']
)
def test_an_inline_table_cannot_be_added_to(text: str) -> None:
    with pytest.raises(FormatError, match="without affecting other settings"):
        with_toml_server(text, COMMAND)


def test_ours_in_an_inline_table_is_left_for_the_user() -> None:
    text = 'mcp_servers = {session-codec = {command = "session-codec", args = ["mcp"]}}\n'
    with pytest.raises(FormatError, match="by hand"):
        without_toml_server(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.text(), VALUES, max_size=3),
    st.none() | st.dictionaries(st.text(), VALUES, max_size=2),
    st.sampled_from([None, 1, 2, 4, "\t"]),
)
def test_taking_it_out_of_anything_restores_every_character(
    rest: dict[str, Any], servers: dict[str, Any] | None, indent: int | str | None
) -> None:
    settings = {k: v for k, v in rest.items() if k != "mcpServers"}
    if servers is not None:
        settings["mcpServers"] = servers
    before = json.dumps(settings, indent=indent)
    assert without_json_server(with_json_server(before, COMMAND)) == before
