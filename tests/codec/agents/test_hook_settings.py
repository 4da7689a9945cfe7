"""Hooks go into a person's settings and out of them, and change nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.hook_settings import our_commands, with_hooks, without_hooks
from codec.errors import FormatError


def group(name: str) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": f"session-codec-hook claude {name}"}]}


WANTED = {"SessionStart": group("start"), "SessionEnd": group("end")}
OTHER = '{"matcher": "x", "hooks": [{"type": "command", "command": "mine.sh"}]}'
PERSONAL = (
    "{}",
    "{}\n",
    "{ }",
    "{\n}\n",
    '{"a": 1}',
    '{\n  "a": 1\n}\n',
    '{\n\t"a": 1,\n\t"b": [1, 2]\n}',
    '{"hooks": {}}',
    '{\n  "hooks": {}\n}\n',
    '{\n    "hooks": {\n    },\n    "b": {"hooks": {"SessionEnd": []}}\n}\n',
    '{"hooks": {"SessionStart": []}}',
    '{"hooks": {"SessionStart": [], "SessionEnd": []}}\n',
    f'{{"hooks": {{"SessionStart": [{OTHER}]}}}}',
    f'{{\n  "hooks": {{\n    "SessionEnd": [\n      {OTHER},\n      {OTHER}\n    ]\n  }}\n}}\n',
    f'{{\r\n    "hooks": {{\r\n        "PreToolUse": [{OTHER}]\r\n    }}\r\n}}\r\n',
    f'{{"hooks": {{"PreToolUse": [{OTHER}], "SessionStart": [ ]}}, "x": "}}]"}}',
    '\ufeff{"a": "\u00e9\\u00e9"}',
)


@pytest.mark.parametrize("before", PERSONAL)
def test_taking_the_hooks_out_restores_every_character(before: str) -> None:
    after = with_hooks(before, WANTED)
    assert len(our_commands(after)) == 2
    assert with_hooks(after, WANTED) == after
    assert without_hooks(after) == before


@pytest.mark.parametrize("before", PERSONAL)
def test_other_settings_keep_their_meaning(before: str) -> None:
    was = json.loads(before.removeprefix("\ufeff"))
    now = json.loads(with_hooks(before, WANTED).removeprefix("\ufeff"))
    for event, groups in was.pop("hooks", {}).items():
        assert now["hooks"][event][: len(groups)] == groups
    for event, wanted in WANTED.items():
        assert now["hooks"][event][-1] == wanted
    del now["hooks"]
    assert now == was


@pytest.mark.parametrize("before", PERSONAL)
@pytest.mark.parametrize("indent", [None, 1, "\t"])
def test_ours_are_found_in_settings_that_were_written_again(
    before: str, indent: int | str | None
) -> None:
    settings = json.loads(with_hooks(before, WANTED).removeprefix("\ufeff"))
    after = without_hooks(json.dumps(settings, indent=indent))
    assert after is not None
    assert "session-codec-hook" not in after
    was, now = json.loads(before.removeprefix("\ufeff")), json.loads(after)
    assert {e: g for e, g in was.pop("hooks", {}).items() if g} == now.pop("hooks", {})
    assert now == was


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
GROUPS = st.lists(st.dictionaries(st.text(), VALUES, max_size=2), max_size=2)
EVENTS = st.dictionaries(st.sampled_from(["SessionStart", "SessionEnd", "Stop"]), GROUPS)


@given(
    st.dictionaries(st.text(), VALUES, max_size=3),
    st.none() | EVENTS,
    st.sampled_from([None, 1, 2, 4, "\t"]),
)
def test_taking_the_hooks_out_of_anything_restores_every_character(
    rest: dict[str, Any], hooks: dict[str, Any] | None, indent: int | str | None
) -> None:
    settings = {k: v for k, v in rest.items() if k != "hooks"}
    if hooks is not None:
        settings["hooks"] = hooks
    before = json.dumps(settings, indent=indent)
    assert without_hooks(with_hooks(before, WANTED)) == before


def test_a_file_that_was_made_for_the_hooks_is_deleted_with_them() -> None:
    made = with_hooks(None, WANTED)
    assert json.loads(made) == {"hooks": {e: [g] for e, g in WANTED.items()}}
    assert without_hooks(made) is None
    assert without_hooks(made.replace("{\n", '{\n  "mine": 1,\n', 1)) == '{\n  "mine": 1\n}\n'


def test_a_hook_that_a_user_put_beside_ours_stays() -> None:
    settings = {"hooks": {"SessionEnd": [{"hooks": [*group("end")["hooks"], {"command": "x"}]}]}}
    after = without_hooks(json.dumps(settings))
    assert after is not None
    assert json.loads(after) == {"hooks": {"SessionEnd": [{"hooks": [{"command": "x"}]}]}}


def test_a_hook_of_ours_that_a_user_changed_is_left_as_it_is() -> None:
    settings = with_hooks(None, WANTED).replace("claude end", "claude end --quiet")
    assert with_hooks(settings, WANTED) == settings


def test_settings_without_ours_come_back_as_they_are() -> None:
    for before in PERSONAL:
        assert without_hooks(before) == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ('{\n  // a comment\n  "a": 1\n}', "not JSON"),
        ("[]", "not an object"),
        ('{"hooks": []}', "not an object of lists"),
        ('{"hooks": {"SessionEnd": {}}}', "not an object of lists"),
        ('{"a":' * 100_000, "nested too deep"),
    ],
)
def test_invalid_settings_are_refused(text: str, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        with_hooks(text, WANTED)
    with pytest.raises(FormatError, match=why):
        without_hooks(text)


def test_the_line_of_broken_settings_is_reported() -> None:
    with pytest.raises(FormatError) as e:
        with_hooks('{\n  "a": 1,\n  b\n}', WANTED)
    assert e.value.line == 3


# A list of commands without groups


def plain(name: str) -> dict[str, Any]:
    return {"command": f"session-codec-hook cursor {name}"}


PLAIN = {"sessionStart": plain("start"), "sessionEnd": plain("end")}


@pytest.mark.parametrize(
    "before",
    [
        '{"version": 1}',
        '{\n  "version": 1,\n  "hooks": {"stop": [{"command": "mine.sh"}]}\n}\n',
        '{"version": 1, "hooks": {"sessionStart": [{"command": "mine.sh"}], "sessionEnd": []}}',
    ],
)
def test_commands_without_groups_go_in_and_out(before: str) -> None:
    after = with_hooks(before, PLAIN)
    assert our_commands(after) == [c["command"] for c in PLAIN.values()]
    assert with_hooks(after, PLAIN) == after
    assert without_hooks(after) == before


def test_a_new_file_of_commands_without_groups_has_a_version() -> None:
    made = with_hooks(None, PLAIN)
    assert json.loads(made) == {"version": 1, "hooks": {e: [c] for e, c in PLAIN.items()}}
    assert without_hooks(made) is None
