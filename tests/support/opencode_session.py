"""Make a database as OpenCode 1.18 writes it, from edits of a real working tree."""

from __future__ import annotations

import difflib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.pipelines.conftest import git

START = int(datetime(2026, 1, 5, 9, 0, tzinfo=UTC).timestamp() * 1000)
TOKENS = {"total": 3350, "input": 100, "output": 40, "reasoning": 10,
          "cache": {"read": 3000, "write": 200}}  # fmt: skip
#: What an answer with `TOKENS` spends.
SPENT = 350
_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY, project_id text NOT NULL, parent_id text,
    directory text NOT NULL, title text NOT NULL, version text NOT NULL, revert text,
    time_created integer NOT NULL, time_updated integer NOT NULL);
CREATE TABLE IF NOT EXISTS message (id text PRIMARY KEY, session_id text NOT NULL,
    time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL);
CREATE TABLE IF NOT EXISTS part (id text PRIMARY KEY, message_id text NOT NULL,
    session_id text NOT NULL, time_created integer NOT NULL, time_updated integer NOT NULL,
    data text NOT NULL);
CREATE TABLE IF NOT EXISTS session_message (id text PRIMARY KEY, session_id text NOT NULL,
    type text NOT NULL, data text NOT NULL);
"""


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for writing; without a log beside it afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


@dataclass(slots=True)
class OpenCodeSession:
    """A session of OpenCode: what it does is done in a folder, and written down.

    Attributes:
        home: the user's home, which has the database.
        folder: where it works.
        session_id: its name.
        parent: the session whose sub-agent it is.
        now: time of the next message.
        messages: each with its parts.
        summaries: OpenCode notes what a turn changed.
        revert: what a person took back.
    """

    home: Path
    folder: Path
    session_id: str
    parent: str | None = None
    now: int = START
    messages: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=list)
    summaries: bool = True
    revert: dict[str, str] | None = None
    began: int = START
    before: dict[str, str | None] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.home / ".local" / "share" / "opencode" / "opencode.db"

    def tick(self) -> int:
        self.now += 10_000
        return self.now

    def message(self, role: str, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        name = f"msg_{self.session_id}_{len(self.messages):03}"
        info = {"id": name, "role": role, "time": {"created": self.tick()}, **more}
        self.messages.append((info, parts))
        return info

    def ask(self, text: str) -> None:
        self.end_turn()
        note = {"type": "text", "text": "<system-reminder>x</system-reminder>", "synthetic": True}
        self.message("user", [note, {"type": "text", "text": text}])

    def answer(self, *parts: dict[str, Any]) -> None:
        info = self.message(
            "assistant",
            [{"type": "step-start"}, *parts, {"type": "step-finish", "tokens": TOKENS}],
            modelID="claude-sonnet-4-5", tokens=TOKENS,
            path={"cwd": str(self.folder), "root": str(self.folder)},
        )  # fmt: skip
        info["time"]["completed"] = self.tick()

    def call(self, tool: str, given: dict[str, Any], noted: dict[str, Any], output: str) -> None:
        state = {"status": "completed", "input": given, "metadata": noted, "output": output,
                 "time": {"start": self.tick(), "end": self.tick()}}  # fmt: skip
        self.answer({"type": "tool", "tool": tool, "state": state})

    def touch(self, name: str) -> tuple[Path, str | None]:
        path = self.folder / name
        content = path.read_bytes().decode() if path.exists() else None
        self.before.setdefault(name, content)
        return path, content

    def write(self, name: str, content: str) -> None:
        path, before = self.touch(name)
        path.write_bytes(content.encode())
        noted = {"filepath": str(path), "exists": before is not None}
        self.call("write", {"filePath": name, "content": content}, noted, "Wrote file.")

    def edit(self, name: str, old: str, new: str, *, formatted: str | None = None) -> None:
        """Edit a file; a formatter may change it afterwards."""
        path, before = self.touch(name)
        assert before is not None
        after = before.replace(old, new, 1) if formatted is None else formatted
        path.write_bytes(after.encode())
        noted = {"diff": dedented(patch(name, before, after, 4))}
        given = {"filePath": name, "oldString": old, "newString": new}
        self.call("edit", given, noted, "Edit applied successfully.")

    def run(self, command: str, output: str = "", code: int = 0) -> None:
        self.call("bash", {"command": command}, {"output": output, "exit": code}, output)

    def commit(self, subject: str) -> str:
        git(self.folder, "add", "-A")
        output = git(self.folder, "commit", "-m", subject)
        self.run(f"git add -A && git commit -m '{subject}'", output)
        return git(self.folder, "rev-parse", "HEAD").strip()

    def end_turn(self) -> None:
        """Note what the turn changed, in its prompt."""
        asked = next((i for i, _ in reversed(self.messages) if i["role"] == "user"), None)
        if asked is not None and self.summaries:
            asked["summary"] = {"diffs": [*self._diffs()]}
        self.before = {}

    def _diffs(self) -> Iterator[dict[str, Any]]:
        for name, before in self.before.items():
            path = self.folder / name
            after = path.read_bytes().decode() if path.exists() else None
            if before != after:
                kind = "added" if before is None else "deleted" if after is None else "modified"
                whole = patch(name, before or "", after or "", 1 << 20)
                yield {"file": name, "patch": whole, "status": kind}

    def save(self) -> Path:
        """Write the session to the database, beside those that are in it."""
        self.end_turn()
        with writing(self.path) as connection:
            connection.executescript(_SCHEMA)
            first = git(self.folder, "rev-list", "--max-parents=0", "HEAD").strip()
            row = (self.session_id, first, self.parent, str(self.folder), "A title", "1.18.33",
                   json.dumps(self.revert) if self.revert else None,
                   self.began, self.now)  # fmt: skip
            connection.execute(
                "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row
            )
            for number, (info, parts) in enumerate(self.messages):
                time = self.began + number
                data = json.dumps({k: v for k, v in info.items() if k != "id"})
                connection.execute(
                    "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?)",
                    (info["id"], self.session_id, time, time, data),
                )
                for n, part in enumerate(parts):
                    name = f"prt_{info['id']}_{n:03}"
                    values = (name, info["id"], self.session_id, time, time, json.dumps(part))
                    connection.execute(
                        "INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?, ?)", values
                    )
        return self.path


def patch(name: str, before: str, after: str, context: int) -> str:
    """Return a patch in the form of jsdiff."""
    lines = [*difflib.unified_diff(_lines(before), _lines(after), n=context)][2:]
    whole = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
             for line in lines)  # fmt: skip
    return f"Index: {name}\n{'=' * 67}\n--- {name}\t\n+++ {name}\t\n{''.join(whole)}"


def _lines(text: str) -> list[str]:
    return [line for line in re.split(r"(?<=\n)", text) if line]


def dedented(diff: str) -> str:
    """Return a patch without the indentation that all of its lines have."""
    lines = diff.split("\n")
    shown = [n for n, line in enumerate(lines) if n > 4 and line[:1] in {" ", "+", "-"}]
    texts = [lines[n][1:] for n in shown if lines[n][1:].strip()]
    shared = min((len(text) - len(text.lstrip()) for text in texts), default=0)
    for n in shown:
        lines[n] = lines[n][0] + lines[n][1 + shared :]
    return "\n".join(lines)
