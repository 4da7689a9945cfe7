"""Real coding agents as clients: each scenario of `drive`, in a sandbox without a network.

`make agents` installs the agents. The sandbox needs root, for its namespaces. Scenarios wait for
agents, which other tests may not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents.drive import SCENARIOS

pytestmark = pytest.mark.agents

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODULES = ROOT / "build" / "agents" / "node_modules"
PROGRAMS = {
    "claude": "@anthropic-ai/claude-code-linux-x64/claude",
    "codex": "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
    "gemini": "@google/gemini-cli/bundle/gemini.js",
    "opencode": "opencode-linux-x64/bin/opencode",
}
CASES = [(name, agent) for name, (agents, _) in SCENARIOS.items() for agent in agents]
LIMIT = 600


def missing(agent: str) -> str:
    """Return why an agent cannot be driven here, empty if it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or not shutil.which("unshare"):
        return "the sandbox needs Linux and root"
    if not (MODULES / PROGRAMS[agent]).exists():
        return f"{agent} is not installed: make agents"
    return ""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make the home of a user whose PATH has the agents and session-codec."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for agent, path in PROGRAMS.items():
        (programs / agent).symlink_to(MODULES / path)
    for name in ("session-codec", "session-codec-hook"):
        script = (ROOT / "pipelines" / "cli" / name).read_text()
        (programs / name).write_text(script.replace("#!python", f"#!{sys.executable}", 1))
        (programs / name).chmod(0o755)
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".profile").write_text(f"export PATH={programs}:$PATH\n")
    return folder


@pytest.mark.parametrize(("scenario", "agent"), CASES)
def test_a_scenario(scenario: str, agent: str, home: Path) -> None:
    if why := missing(agent):
        pytest.skip(why)
    if scenario == "nested" and (why := missing("codex")):
        pytest.skip(why)
    if scenario == "terminal" and not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    environment = {
        **os.environ,
        "AGENT_FOLDER": str(home),
        "AGENT_PATH": f"{home.parent / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "READ_ONLY": str(ROOT),
    }
    drive = [sys.executable, str(HERE / "drive.py"), "--agent", agent, scenario]
    ran = subprocess.run(
        ["bash", str(HERE / "sandbox.sh"), *drive],
        env=environment, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
