"""What scenarios share: a scratch repository with session-codec in it, and what to look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.agents.agents import Agent, Ran, prompt
from tests.agents.fake_model import FakeModel, Request

HOME = Path(os.environ["HOME"])
#: A line of `context` in every repository that `repository` makes.
CONTEXT_MARK = "framework: React 19"
#: A piece of the block in AGENTS.md.
BLOCK_MARK = "session-codec context` first"


def sh(command: str, folder: Path, **environment: str) -> Ran:
    """Run a shell command."""
    began = time.monotonic()
    ran = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr, time.monotonic() - began)


def must(command: str, folder: Path) -> str:
    """Run a shell command that has to succeed; gives what it prints."""
    ran = sh(command, folder)
    if ran.code:
        raise RuntimeError(f"{command}: exit {ran.code}: {ran.err}")
    return ran.out


def commit(subject: str, *, files: str = "-A") -> str:
    """Return a step that commits silently."""
    return f"run git add {files} && git commit -qm '{subject}'"


def repository(name: str, install: str = "--hooks claude,codex") -> Path:
    """Make a repository with session-codec's files, all committed.

    Args:
        name: the name of its folder.
        install: options of `session-codec install`.
    """
    folder = HOME / "src" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("# A scratch project\n")
    (folder / "package.json").write_text('{"dependencies": {"react": "^19.0.0"}}\n')
    must("git init -q -b main && git config user.email ada@example.com"
         " && git config user.name Ada && git add -A && git commit -qm 'First commit'"
         f" && session-codec install {install}"
         " && git add -A && git commit -qm 'Install session-codec'", folder)  # fmt: skip
    return folder


def worktree(repo: Path, branch: str) -> Path:
    """Make a worktree beside a repository."""
    folder = repo.parent / f"{repo.name}-{branch}"
    must(f"rm -rf '{folder}'; git worktree prune; git worktree add -q -b {branch} '{folder}'", repo)
    return folder


def events(repo: Path) -> list[str]:
    """Return the kinds of the spooled events in order of time: `start`, `stop`, `end`."""
    spool = repo / ".session-codec" / "spool"
    names = sorted(p.name for p in spool.iterdir()) if spool.is_dir() else []
    return [name.rpartition(".")[2] for name in names if "." in name]


def recorded(repo: Path) -> list[dict[str, Any]]:
    """Return the sessions that a workspace knows, pending ones included, oldest first."""
    must("session-codec context", repo)
    keys = [row["key"] for row in json.loads(must("session-codec query --json", repo))["rows"]]
    return [json.loads(must(f"session-codec show '{k}' --json", repo))["session"] for k in keys]


def titles(repo: Path) -> list[str]:
    """Return the tasks of a workspace's sessions."""
    return [s.get("title", s["task"]) for s in recorded(repo)]


class Stage:
    """An agent and the fake model, and what they did.

    Attributes:
        agent: that is tried.
        model: its model.
    """

    def __init__(self, agent: Agent, model: FakeModel) -> None:
        self.agent = agent
        self.model = model

    def run(self, task: str, folder: Path, *steps: str, **more: Any) -> Ran:
        """Run a session: a task, and what the model does."""
        return self.agent.run(prompt(task, *steps), folder, **more)

    def killed(self, task: str, folder: Path, *steps: str, signal: int) -> None:
        """Run a session that gets a signal once all of its steps are done."""
        process = self.agent.start(prompt(task, *steps, "wait 60", "say never"), folder)
        wanted = len(steps) + 1
        for _ in range(300):
            time.sleep(0.1)
            asked = self.model.asked(task)
            if len(asked) >= wanted:
                break
        time.sleep(0.3)
        os.killpg(process.pid, signal)
        process.wait(20)

    def asked(self, task: str) -> Request:
        """Return the first request of a session."""
        return self.model.asked(task)[0]

    def results(self, task: str) -> list[str]:
        """Return the results of the agent's tools, as the model saw them."""
        return [r.last_result() for r in self.model.asked(task) if r.last_result()]


def session_id(ran: Ran) -> str:
    """Return the session's id, as the agent printed it."""
    for line in (*ran.out.splitlines(), ran.out):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        for key in ("session_id", "thread_id", "sessionID"):
            if isinstance(document, dict) and document.get(key):
                return str(document[key])
    return ""


def told(ran: Ran, ignored: Sequence[str] = ("additional input from stdin",)) -> list[str]:
    """Return what an agent printed to stderr."""
    lines = [line.strip() for line in ran.err.splitlines() if line.strip()]
    return [line for line in lines if not any(word in line for word in ignored)]
