"""The plugin and the skill are what Claude Code loads, and what they tell an agent to run runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import pipelines
from codec.agents.permission_settings import RULE
from pipelines.recording.agent_hooks import HOOKS, command_of
from tests.pipelines.conftest import Bench, git

ROOT = Path(__file__).parents[2]
PLUGIN = Path(pipelines.__file__).parent / "plugin"
SKILL = PLUGIN / "skills" / "session-codec" / "SKILL.md"


def front_matter() -> dict[str, str]:
    text = SKILL.read_text(encoding="utf-8")
    found = re.match(r"---\n(?P<yaml>.*?)\n---\n", text, re.S)
    assert found is not None
    fields: dict[str, str] = yaml.safe_load(found["yaml"])
    return fields


def told() -> list[list[str]]:
    """Return the commands that the skill names."""
    blocks = re.findall(r"```sh\n(.*?)```", SKILL.read_text(encoding="utf-8"), re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_front_matter_has_the_required_fields_of_a_skill() -> None:
    fields = front_matter()
    assert set(fields) == {"name", "description", "allowed-tools"}
    assert fields["allowed-tools"] == RULE
    assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", fields["name"])
    assert fields["name"] == SKILL.parent.name
    assert 0 < len(fields["description"]) <= 1024
    assert not set("<>") & set(fields["description"])


def test_the_skill_names_the_verbs_that_save_an_agent_from_reading_files() -> None:
    verbs = {"brief", "context", "find", "query", "record", "show", "why"}
    assert {words[1] for words in told()} == verbs
    assert {words[0] for words in told()} == {"session-codec"}


@pytest.mark.parametrize("words", told(), ids=" ".join)
def test_the_commands_in_the_skill_run(bench: Bench, words: list[str]) -> None:
    bench.migrate()
    (bench.root / "src").mkdir()
    (bench.root / "src" / "app.py").write_text("pass\n" * 20)
    bench.commit()
    ran = subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *words[1:]],
        cwd=bench.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout or "FAIL" in words or words[1] in {"find", "why"}  # these may find nothing


def test_the_plugin_has_the_hooks_that_install_puts_in() -> None:
    hooks = json.loads((PLUGIN / "hooks" / "hooks.json").read_text())["hooks"]
    assert hooks == {
        event: [
            {
                "hooks": [
                    {
                        "type": "command",
                        "command": command_of("session-codec-hook", "claude", name),
                        "timeout": seconds,
                    }
                ]
            }
        ]
        for event, name, seconds in HOOKS["claude"].events
    }


def test_the_plugin_has_a_name_and_a_description() -> None:
    manifest = json.loads((PLUGIN / ".claude-plugin" / "plugin.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert manifest["name"] == project["name"] == front_matter()["name"]
    assert manifest["version"] == project["version"]
    assert manifest["license"] == project["license"]


def test_every_file_of_the_plugin_is_shipped() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    shipped = {p for g in settings["package-data"]["pipelines"] for p in PLUGIN.parent.glob(g)}
    tracked = git(ROOT, "ls-files", "pipelines/plugin").split() if (ROOT / ".git").exists() else []
    assert {ROOT / name for name in tracked} <= shipped
    assert {p for p in PLUGIN.rglob("*") if p.is_file()} <= shipped
    assert SKILL in shipped
