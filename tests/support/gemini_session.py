"""Make transcripts as Gemini CLI 0.61 writes them, from edits of a real working tree."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.pipelines.conftest import git

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TOKENS = {"input": 1000, "output": 50, "cached": 800, "thoughts": 10, "tool": 0, "total": 1060}
#: What an answer with `TOKENS` spends: 1,000 - 800 read, 50 + 10 written.
SPENT = 260


@dataclass(slots=True)
class GeminiSession:
    """A session of Gemini CLI: what it does is done in a folder, and written down.

    Attributes:
        home: the user's home, which has `.gemini`.
        folder: where it works.
        session_id: its name.
        now: the time of the next line.
        lines: written so far.
    """

    home: Path
    folder: Path
    session_id: str
    now: datetime = START
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def project(self) -> Path:
        return self.home / ".gemini" / "tmp" / self.folder.name

    @property
    def path(self) -> Path:
        name = f"session-2026-01-05T09-00-{self.session_id[:8]}.jsonl"
        return self.project / "chats" / name

    def stamp(self) -> str:
        self.now += timedelta(seconds=10)
        return self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def begin(self, kind: str = "main") -> None:
        self.lines.append({
            "sessionId": self.session_id,
            "projectHash": hashlib.sha256(str(self.folder).encode()).hexdigest(),
            "startTime": self.stamp(), "lastUpdated": self.stamp(), "kind": kind,
        })  # fmt: skip
        text = "<session_context>\nThis is the Gemini CLI.\n</session_context>"
        context = {"id": "d049", "type": "user", "content": [{"text": text}]}
        self.checkpoint({**context, "timestamp": self.stamp()})

    def checkpoint(self, *messages: dict[str, Any]) -> None:
        self.lines.append({"$set": {"messages": [*messages], "lastUpdated": self.stamp()}})

    def message(self, kind: str, **fields: Any) -> dict[str, Any]:
        name = f"{self.session_id}-{len(self.lines)}"
        entry = {"id": name, "timestamp": self.stamp(), "type": kind, **fields}
        self.lines.append(entry)
        self.lines.append({"$set": {"lastUpdated": self.stamp()}})
        return entry

    def ask(self, text: str) -> None:
        self.message("user", content=[{"text": text}])

    def answer(self, text: str = "Done") -> dict[str, Any]:
        return self.message(
            "gemini", content=text, thoughts=[], tokens=TOKENS, model="gemini-2.5-pro"
        )

    def call(self, tool: str, said: str, shown: Any, status: str = "success", **args: Any) -> None:
        """Call a tool: the message is written, and written again with the call."""
        entry = self.answer("")
        name = f"{tool}-{len(self.lines)}"
        response = {"functionResponse": {"id": name, "response": {"output": said}}}
        call = {
            "id": name, "name": tool, "args": args, "result": [response], "status": status,
            "timestamp": self.stamp(), "resultDisplay": shown,
        }  # fmt: skip
        self.lines.append({**entry, "toolCalls": [call]})
        self.message("user", content=[response])

    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        before = path.read_text() if path.exists() else None
        path.write_text(content)
        shown = {
            "fileDiff": "for display", "fileName": path.name, "filePath": str(path),
            "originalContent": before or "", "newContent": content, "isNewFile": before is None,
        }  # fmt: skip
        self.call("write_file", "Successfully wrote", shown, file_path=name, content=content)

    def run(self, command: str, output: str, code: int = 0) -> None:
        ended = f"\nExit Code: {code}" if code else ""
        said = f"<untrusted_context>\nOutput: {output}{ended}\nProcess Group PGID: 7\n</untrusted>"
        self.call("run_shell_command", said, output, command=command)

    def commit(self, subject: str) -> str:
        git(self.folder, "add", "-A")
        output = git(self.folder, "commit", "-m", subject)
        self.run(f"git add -A && git commit -m '{subject}'", output)
        return git(self.folder, "rev-parse", "HEAD").strip()

    def save(self, *, path: Path | None = None) -> Path:
        path = path or self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.project / ".project_root").write_text(str(self.folder))
        path.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        return path
