"""Random schedules of agents' sessions that run at the same time, without the agents.

    python -m tests.agents.schedules [--seeds N] [--first SEED]

Four sessions of Claude Code and Codex run in a repository and two worktrees. Each is a process of
its own, which runs hooks and git as an agent does, and whose transcript is written as the agent
writes it. Sessions are killed, resumed and recorded, and branches are rebased in between. A user
edits, flushes, commits, stashes, restores files and removes worktrees. Then

1. each part of a session is recorded once, and once more for each further `record`;
2. each commit is in one session at the most, and never in another's;
3. the promises of `promises` held after each step.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.agents.promises import State, broken_by, state_of

ROOT = Path(__file__).parents[2]
#: Runs each line of its input in a shell, and prints what that printed as a line of JSON.
_AGENT = """
import json, subprocess, sys
for line in sys.stdin:
    command, text = json.loads(line)
    ran = subprocess.run(["sh", "-c", command], input=text, capture_output=True, text=True)
    print(json.dumps([ran.returncode, ran.stdout, ran.stderr]), flush=True)
"""
STEPS = 40
#: The chance of a user's step after each step of an agent.
USER_STEPS = 0.3


@dataclass
class Agent:
    """One session of an agent, and its process while it runs."""

    kind: str
    folder: Path
    home: Path
    environment: dict[str, str]
    name: str = field(default_factory=lambda: str(uuid.uuid4()))
    process: subprocess.Popen[str] | None = None
    parts: int = 0
    records: list[int] = field(default_factory=list)
    commits: int = 0

    @property
    def transcript(self) -> Path:
        folder = {"claude": "claude/projects/p", "codex": "codex/sessions/2026/01/01"}[self.kind]
        prefix = "" if self.kind == "claude" else "rollout-"
        return self.home / folder / f"{prefix}{self.name}.jsonl"

    def run(self, command: str, text: str = "") -> str:
        """Run a command in the agent's process; return its output."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([command, text]) + "\n")
        self.process.stdin.flush()
        _, out, err = json.loads(self.process.stdout.readline())
        return f"{out}{err}"

    def hook(self, event: str, **more: str) -> None:
        """Run a hook."""
        fields = {"session_id": self.name, "transcript_path": str(self.transcript), **more}
        self.run(f"session-codec-hook {self.kind} {event}", json.dumps(fields))

    def begin(self) -> None:
        """Start or resume the session."""
        variable = {"claude": "CLAUDE_CODE_SESSION_ID", "codex": "CODEX_THREAD_ID"}[self.kind]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _AGENT], cwd=self.folder, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**self.environment, variable: self.name},
        )  # fmt: skip
        self.transcript.parent.mkdir(parents=True, exist_ok=True)
        self.hook("start", source="resume" if self.parts else "startup")
        self.parts += 1
        self.records.append(0)
        self._write(prompt=f"Task {self.parts} of {self.name}")

    def tool(self, command: str) -> None:
        """Run a command as a tool, and write it into the transcript."""
        began = _now()
        output = self.run(command)
        self._write(command=command, began=began, output=output)

    def end(self) -> None:
        """End the session well."""
        self.hook("end", reason="other")
        self.kill()

    def kill(self) -> None:
        """Kill the process."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process = None

    def _write(self, **what: str) -> None:
        lines = (_claude_lines if self.kind == "claude" else _codex_lines)(self.name, what)
        with self.transcript.open("a") as f:
            f.writelines(json.dumps(line) + "\n" for line in lines)


def _claude_lines(name: str, what: dict[str, str]) -> list[dict[str, Any]]:
    common = {"sessionId": name, "timestamp": _now()}
    if "prompt" in what:
        return [{**common, "type": "user", "message": {"content": what["prompt"]}}]
    use, usage = str(uuid.uuid4()), {"input_tokens": 1, "output_tokens": 1}
    call = {"type": "tool_use", "id": use, "input": {"command": what["command"]}}
    answer = {"id": use, "model": "claude-opus-5", "usage": usage, "content": [call]}
    result = [{"type": "tool_result", "tool_use_id": use, "content": what["output"]}]
    return [
        {**common, "timestamp": what["began"], "type": "assistant", "message": answer},
        {**common, "type": "user", "message": {"content": result}},
    ]


def _codex_lines(name: str, what: dict[str, str]) -> list[dict[str, Any]]:
    if "prompt" in what:
        item = {"type": "UserMessage", "content": [{"type": "text", "text": what["prompt"]}]}
        payload = {"type": "item_completed", "thread_id": name, "item": item}
        return [{"timestamp": _now(), "type": "event_msg", "payload": payload}]
    call = {"type": "function_call", "call_id": (number := str(uuid.uuid4()))}
    arguments = json.dumps({"cmd": what["command"]})
    output = {"type": "function_call_output", "call_id": number, "output": what["output"]}
    begun = {"timestamp": what["began"], "type": "response_item"}
    return [
        {**begun, "payload": {**call, "arguments": arguments}},
        {"timestamp": _now(), "type": "response_item", "payload": output},
    ]


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class Schedule:
    """A repository with two worktrees, and what was broken in it.

    Attributes:
        places: the worktrees, the main one first.
        environment: the variables of all processes.
        broken: the promises that a step broke.
        state: the state after the last step.
    """

    places: list[Path]
    environment: dict[str, str]
    broken: list[str] = field(default_factory=list)
    state: State | None = None

    def check(self, step: str, **writes: Path) -> None:
        """Compare the state with that before a step.

        Args:
            step: its name.
            writes: the worktree that it may change: `own` for the files of session-codec, or `all`.
        """
        after = state_of(self.places, self.environment)
        if self.state is not None:
            may = {place: how for how, place in writes.items()}
            self.broken += broken_by(step, self.state, after, may)
        self.state = after

    def run(self, command: str, place: Path) -> str:
        """Run a command that must succeed."""
        return _must(command, place, self.environment)


def run_schedule(seed: int, base: Path) -> list[str]:
    """Run a schedule; return what was broken."""
    chance, user = random.Random(seed), random.Random(f"user {seed}")  # noqa: S311 - repeatable
    environment = _environment(base)
    repo = base / "repo"
    repo.mkdir()
    places = [repo, base / "one", base / "two"]
    schedule = Schedule(places, environment)
    schedule.run("git init -q -b main && echo 1 > notes && git add . && git commit -qm First", repo)
    schedule.run("session-codec install && git add -A && git commit -qm Install", repo)
    for place in places[1:]:
        schedule.run(f"git worktree add -qb {place.name} {place}", repo)
    kinds = ["claude", "codex", "claude", "codex"]
    agents = [Agent(kind, chance.choice(places), base, environment) for kind in kinds]
    schedule.check("install")
    for _ in range(STEPS):
        agent = chance.choice(agents)
        step = _step(chance, agent)
        schedule.check(step, **({"own": agent.folder} if step == "record" else {}))
        if chance.random() < 0.1:
            schedule.run("session-codec context", chance.choice(places))
            schedule.check("context")
        if user.random() < USER_STEPS:
            _user_step(user, schedule, [a.folder for a in agents if a.process])
    for agent in agents:
        if agent.process:
            chance.choice([agent.end, agent.kill])()
    schedule.run("session-codec context", repo)
    schedule.check("context")
    return [*schedule.broken, *_broken(agents, schedule)]


def _step(chance: random.Random, agent: Agent) -> str:
    """Let an agent do one thing, and return its name."""
    if agent.process is None:
        agent.begin()
        return "begin"
    step = chance.choices(["commit", "stop", "record", "rebase", "amend", "end", "kill"],
                          [50, 10, 8, 6, 6, 10, 10])[0]  # fmt: skip
    match step:
        case "commit":
            agent.commits += 1
            subject = f"Commit {agent.commits} by {agent.name}"
            file = f"{agent.name}-{agent.commits}"
            quiet = chance.choice(["-q", ""])
            agent.tool(f"echo 1 > {file} && git add {file} && git commit {quiet} -m '{subject}'")
        case "amend" if f"by {agent.name}" in agent.run("git log -1 --format=%s"):
            agent.tool("git commit -q --amend --no-edit --date=now")
        case "rebase":
            agent.tool("git rebase -q main || git rebase --abort")
        case "record":
            words = "--agent m --task t --status PASS --notes n"
            agent.tool(f"session-codec record {words} || session-codec record {words} --no-diff")
            agent.records[-1] += 1
        case "stop":
            agent.hook("stop")
        case "end":
            agent.end()
        case "kill":
            agent.kill()
    return step


def _user_step(user: random.Random, schedule: Schedule, busy: list[Path]) -> None:
    """Let the user do one thing in a worktree.

    Args:
        user: what happens.
        schedule: the worktrees.
        busy: the worktrees in which agents run, which nobody removes.
    """
    place = user.choice(schedule.places)
    step = user.choice(
        ["edit", "flush", "flush --commit", "commit", "checkout", "stash", "merge", "remove"]
    )
    match step:
        case "edit":
            schedule.run(f"echo {user.random()} >> notes", place)
            schedule.check(step, all=place)
        case "flush" | "flush --commit":
            schedule.run(f"session-codec {step}", place)
            schedule.check(step, own=place)
        case "commit":
            schedule.run("git add -A && git commit -q --allow-empty -m User", place)
            schedule.check(step, all=place)
        case "checkout":
            schedule.run("git checkout -q .", place)
            schedule.check(step, all=place)
        case "stash":
            schedule.run("git stash -q", place)
            schedule.check(step, all=place)
        case "merge":
            schedule.run("git merge -q --no-edit main || git merge --abort || :", place)
            schedule.check(step)
        case "remove" if place not in [schedule.places[0], *busy]:
            schedule.run(f"git worktree remove --force {place}", schedule.places[0])
            schedule.check(step, all=place)
            schedule.run("session-codec context", schedule.places[0])
            schedule.check("context without a worktree")
            schedule.run(f"git worktree add -q {place} {place.name}", schedule.places[0])
            schedule.check("worktree add", all=place)


def _broken(agents: list[Agent], schedule: Schedule) -> list[str]:
    """Return the promises that do not hold at the end."""
    found = []
    repo, environment = schedule.places[0], schedule.environment
    by_id: dict[str, dict[str, Any]] = {}
    for place in schedule.places:  # a session that was committed on a branch is in its worktree
        by_id |= _sessions(place, environment)
    sessions = [*by_id.values()]
    for agent in agents:
        wanted = sum(max(1, count) for count in agent.records)
        own = [s for s in sessions if s.get("id", "").startswith(agent.name)]
        if len(own) != wanted:
            ids = [s["id"] for s in own]
            found.append(f"{agent.kind} {agent.name}: {wanted} sessions are recorded as {ids}")
    holders: dict[str, list[str]] = {}
    for session in sessions:
        ranges = session.get("commits_of") or [session["range"]] if "range" in session else []
        for commits in session.get("commits_of") or ranges:
            lines = _must(f"git log --format='%H %s' {commits}", repo, environment)
            for line in lines.splitlines():
                commit, _, subject = line.partition(" ")
                if " by " in subject:
                    holders.setdefault(commit, []).append(session["id"])
                    if not session["id"].startswith(subject.rpartition(" by ")[2]):
                        found.append(f"{session['id']} has {subject!r}")
    found += [f"{c}: in {names}" for c, names in holders.items() if len(names) > 1]
    return found


def _sessions(place: Path, environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the sessions that verbs show in a worktree, by id, and read their diffs."""
    rows = json.loads(_must("session-codec query --json", place, environment))["rows"]
    shown = [_must(f"session-codec show {row['key']} --json", place, environment) for row in rows]
    sessions = [json.loads(text)["session"] for text in shown]
    for session in sessions:
        if session.get("patch"):
            _must(f"session-codec show {session['key']} --diff", place, environment)
    by_id = {session["id"]: session for session in sessions}
    assert len(by_id) == len(sessions), "a session is shown twice"
    return by_id


def _environment(base: Path) -> dict[str, str]:
    programs = base / "bin"
    programs.mkdir()
    for name in ("session-codec", "session-codec-hook"):
        script = (ROOT / "pipelines" / "cli" / name).read_text()
        (programs / name).write_text(script.replace("#!python", f"#!{sys.executable}", 1))
        (programs / name).chmod(0o755)
    home = base / "home"
    home.mkdir()
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(base / "claude"), "CODEX_HOME": str(base / "codex"),
        "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(home / ".cache")),
    }  # fmt: skip


def _must(command: str, folder: Path, environment: dict[str, str]) -> str:
    ran = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if ran.returncode:
        raise RuntimeError(f"{command}: exit {ran.returncode}: {ran.stderr}")
    return ran.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    total: Counter[str] = Counter()
    for seed in range(given.first, given.first + given.seeds):
        with tempfile.TemporaryDirectory(prefix="schedule-") as folder:
            broken = run_schedule(seed, Path(folder).resolve())
        total["broken" if broken else "kept"] += 1
        print(f"seed {seed}: {'; '.join(broken) or 'ok'}", flush=True)
    print(dict(total))
    return int(total["broken"] > 0)


if __name__ == "__main__":
    sys.exit(main())
