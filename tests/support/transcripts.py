"""Make transcripts as Claude Code and Codex write them, from edits of a real working tree."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.pipelines.conftest import git

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class ClaudeSession:
    """A session of Claude Code: what it does is done in a folder, and written down.

    Attributes:
        home: the user's home, which has `.claude`.
        folder: where it works.
        session_id: its name.
        now: the time of the next line.
        lines: written so far.
        answers: the number of answers that the model gave.
    """

    home: Path
    folder: Path
    session_id: str
    now: datetime = START
    lines: list[dict[str, Any]] = field(default_factory=list)
    answers: int = 0

    @property
    def path(self) -> Path:
        name = str(self.folder).replace("/", "-").replace(".", "-")
        return self.home / ".claude" / "projects" / name / f"{self.session_id}.jsonl"

    def wait(self, **times: float) -> None:
        self.now += timedelta(**times)

    def line(self, kind: str, **fields: Any) -> dict[str, Any]:
        time = self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {
            "type": kind, "uuid": f"{self.session_id}-{len(self.lines)}", "timestamp": time,
            "sessionId": self.session_id, "cwd": str(self.folder), "gitBranch": "main",
            "version": "2.1.40", "isSidechain": False, **fields,
        }  # fmt: skip
        self.lines.append(entry)
        self.wait(seconds=10)
        return entry

    def ask(self, text: str) -> None:
        self.line("user", message={"role": "user", "content": text})

    def answer(self, *pieces: dict[str, Any]) -> None:
        self.answers += 1
        number = f"{self.session_id}-{self.answers}"
        usage = {
            "input_tokens": 100, "output_tokens": 10,
            "cache_creation_input_tokens": 20, "cache_read_input_tokens": 1000,
        }  # fmt: skip
        message = {"id": f"msg-{number}", "model": "claude-opus-4-5", "usage": usage}
        for piece in pieces or ({"type": "text", "text": "Done"},):  # one answer, several lines
            self.line("assistant", requestId=f"r-{number}", message={**message, "content": [piece]})

    def call(self, tool: str, result: dict[str, Any], said: str = "", **given: Any) -> None:
        name = f"t-{len(self.lines)}"
        self.answer({"type": "tool_use", "id": name, "name": tool, "input": given})
        piece = {"type": "tool_result", "tool_use_id": name, "content": said}
        self.line("user", message={"content": [piece]}, toolUseResult=result)

    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        before = path.read_text() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        kind = "create" if before is None else "update"
        result = {
            "type": kind, "filePath": str(path), "content": content, "originalFile": before,
            "structuredPatch": displayed(before or "", content) if before is not None else [],
        }  # fmt: skip
        self.call("Write", result, "ok", file_path=str(path), content=content)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        before = path.read_text()
        after = before.replace(old, new, 1)
        path.write_text(after)
        result = {
            "filePath": str(path), "oldString": old, "newString": new, "originalFile": before,
            "structuredPatch": displayed(before, after), "replaceAll": False,
        }  # fmt: skip
        self.call("Edit", result, "ok", file_path=str(path), old_string=old, new_string=new)

    def run(self, command: str, output: str = "", code: int = 0) -> None:
        name = f"t-{len(self.lines)}"
        self.answer({"type": "tool_use", "id": name, "name": "Bash", "input": {"command": command}})
        said = f"Exit code {code}\n{output}" if code else output
        piece = {"type": "tool_result", "tool_use_id": name, "content": said, "is_error": code > 0}
        result: Any = f"Error: {said}" if code else {"stdout": output, "stderr": ""}
        self.line("user", message={"content": [piece]}, toolUseResult=result)

    def commit(self, subject: str) -> str:
        git(self.folder, "add", "-A")
        output = git(self.folder, "commit", "-m", subject)
        self.run(f"git add -A && git commit -m '{subject}'", output)
        return git(self.folder, "rev-parse", "HEAD").strip()

    def save(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        return self.path


@dataclass(slots=True)
class CodexSession:
    """A session of Codex, in the form of version 0.171."""

    home: Path
    folder: Path
    session_id: str
    now: datetime = START
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        day = self.home / ".codex" / "sessions" / "2026" / "01" / "05"
        return day / f"rollout-2026-01-05T09-00-00-{self.session_id}.jsonl"

    def begin(self, **more: Any) -> None:
        meta = {"id": self.session_id, "cwd": str(self.folder), **more}
        self.line("session_meta", **meta)
        self.line("turn_context", cwd=str(self.folder), model="gpt-5-codex")

    def wait(self, **times: float) -> None:
        self.now += timedelta(**times)

    def line(self, kind: str, **payload: Any) -> None:
        time = self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.lines.append({"timestamp": time, "type": kind, "payload": payload})
        self.wait(seconds=10)

    def item(self, kind: str, **fields: Any) -> None:
        item = {"type": kind, "id": f"i-{len(self.lines)}", **fields}
        self.line("event_msg", type="item_completed", thread_id=self.session_id, item=item)

    def ask(self, text: str) -> None:
        self.item("UserMessage", content=[{"type": "text", "text": text}])

    def spend(self) -> None:
        usage = {"input_tokens": 1000, "cached_input_tokens": 800, "output_tokens": 50}
        name = f"resp-{self.session_id}-{len(self.lines)}"
        self.line("token_usage_record", thread_id=self.session_id, response_id=name, usage=usage)

    def change(self, name: str, content: str) -> None:
        path = self.folder / name
        before = path.read_text() if path.exists() else None
        path.write_text(content)
        change: dict[str, Any] = {"type": "add", "content": content}
        if before is not None:
            diff = difflib.unified_diff(before.splitlines(True), content.splitlines(True))
            change = {"type": "update", "unified_diff": "".join([*diff][2:]), "move_path": None}
        self.spend()
        self.item("FileChange", status="completed", changes={str(path): change})

    def commit(self, subject: str) -> str:
        git(self.folder, "add", "-A")
        output = git(self.folder, "commit", "-m", subject)
        self.spend()
        words = ["/bin/bash", "-lc", f"git add -A && git commit -m '{subject}'"]
        self.item("CommandExecution", command=words, aggregated_output=output, exit_code=0)
        return git(self.folder, "rev-parse", "HEAD").strip()

    def save(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        return self.path


def displayed(before: str, after: str) -> list[dict[str, Any]]:
    """Return a patch as Claude Code displays it: a tab becomes two spaces."""
    hunks: list[dict[str, Any]] = []
    for line in difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=3):
        if line.startswith("@@"):
            hunks.append({"oldStart": int(line.split()[1][1:].partition(",")[0]), "lines": []})
        elif hunks:
            hunks[-1]["lines"].append(line.replace("\t", "  "))
    return hunks
