"""The plugin for OpenCode calls the hook program as sessions begin, pause and end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codec.agents.opencode_plugin import check_plugin, is_plugin, plugin_source
from codec.errors import FormatError

SECONDS = {"start": 30, "stop": 5, "end": 5}
#: Writes down how it was called, and answers a start as our hook program does.
HOOK = """\
#!{python}
import json, sys
with open({calls!r}, "a") as f:
    f.write(json.dumps([*sys.argv[1:], json.load(sys.stdin)]) + "\\n")
if sys.argv[2] == "start":
    print(json.dumps({{"hookSpecificOutput": {{"additionalContext": "The history"}}}}))
"""
#: Does with the plugin what OpenCode does, and prints what it added to the system prompt.
RUN = """\
import {{ SessionCodec }} from {plugin}
const hooks = await SessionCodec({{ directory: process.cwd() }})
for (const [name, ...given] of {steps}) await hooks[name](...given)
const output = {{ system: [], env: {{}} }}
await hooks["experimental.chat.system.transform"]({{ sessionID: "s-1" }}, output)
await hooks["shell.env"]({{ sessionID: "s-1" }}, output)
await hooks.dispose()
console.log(JSON.stringify(output))
"""
CREATED = ["event", {"event": {"type": "session.created", "properties": {"info": {"id": "s-1"}}}}]
CHILD = {"info": {"id": "s-2", "parentID": "s-1"}}
CHILD_CREATED = ["event", {"event": {"type": "session.created", "properties": CHILD}}]
MESSAGE = ["chat.message", {"sessionID": "s-1"}]
CHILD_MESSAGE = ["chat.message", {"sessionID": "s-2"}]
IDLE = ["event", {"event": {"type": "session.idle", "properties": {"sessionID": "s-1"}}}]
CHILD_IDLE = ["event", {"event": {"type": "session.idle", "properties": {"sessionID": "s-2"}}}]


def run(folder: Path, program: str, *steps: list[Any]) -> tuple[dict[str, Any], list[list[Any]]]:
    """Return what the plugin added, and how it called the program."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    (folder / "plugin.mjs").write_text(plugin_source(program, SECONDS))
    text = RUN.format(plugin='"./plugin.mjs"', steps=json.dumps(steps))
    (folder / "run.mjs").write_text(text)
    ran = subprocess.run([node, "run.mjs"], cwd=folder, capture_output=True, text=True, check=True)
    calls = folder / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    return json.loads(ran.stdout), [json.loads(line) for line in lines]


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "hook"
    path.write_text(HOOK.format(python=sys.executable, calls=str(tmp_path / "calls")))
    path.chmod(0o755)
    return str(path)


def test_a_session_starts_pauses_and_ends_and_its_context_is_injected(
    tmp_path: Path, program: str
) -> None:
    output, calls = run(tmp_path, program, CREATED, MESSAGE, IDLE)
    assert output == {"system": ["The history"], "env": {"OPENCODE_SESSION_ID": "s-1"}}
    assert [call[:2] for call in calls] == [["opencode", e] for e in ("start", "stop", "end")]
    assert {call[2]["session_id"] for call in calls} == {"s-1"}
    assert calls[0][2]["source"] == "startup"


def test_a_session_that_is_resumed_starts_with_its_first_message(
    tmp_path: Path, program: str
) -> None:
    _, calls = run(tmp_path, program, MESSAGE, MESSAGE, IDLE)
    assert [call[1] for call in calls] == ["start", "stop", "end"]
    assert calls[0][2]["source"] == "resume"


def test_a_sub_agent_is_not_a_session(tmp_path: Path, program: str) -> None:
    _, calls = run(tmp_path, program, CREATED, CHILD_CREATED, CHILD_MESSAGE, CHILD_IDLE, IDLE)
    assert [(call[1], call[2]["session_id"]) for call in calls] == [
        ("start", "s-1"), ("stop", "s-1"), ("end", "s-1"),
    ]  # fmt: skip


def test_a_missing_program_has_no_effect(tmp_path: Path) -> None:
    output, calls = run(tmp_path, "/nowhere/session-codec-hook", CREATED, MESSAGE, IDLE)
    assert output["system"] == []
    assert calls == []


def test_a_plugin_of_somebody_else_is_not_ours() -> None:
    assert is_plugin(plugin_source("session-codec-hook", SECONDS))
    with pytest.raises(FormatError, match="not a plugin of session-codec"):
        check_plugin("export const Mine = async () => ({})\n")
