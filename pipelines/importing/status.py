"""Infer the status of a session from its last test command, if the user asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from codec.agents.transcript_events import Command
from codec.names import one_line
from codec.records import Status

_TESTS: Final = re.compile(
    r"\b(?:pytest|tox|nox|py\.test|unittest|ctest|phpunit|rspec|jest|vitest|mocha|"
    r"(?:go|cargo|swift|dotnet|mix|deno|bun|zig) test|cargo nextest|gradlew? \S*test\S*|"
    r"mvn \S*(?:test|verify)\S*|(?:npm|pnpm|yarn)(?: run)? \S*test\S*|"
    r"(?:make|just|mise run) \S*(?:test|check)\S*)\b"
)
_SHOWN: Final = 60


def inferred(commands: Iterable[Command]) -> tuple[Status, str]:
    """Return a status and a remark with its origin; UNKNOWN if no command shows it."""
    tests = [c for c in commands if c.exit_code is not None and _TESTS.search(c.text)]
    last = max(tests, key=lambda c: c.ended or c.began, default=None)
    if last is None:
        return "UNKNOWN", ""
    text = one_line(last.text)
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    status: Status = "PASS" if last.exit_code == 0 else "FAIL"
    return status, f"inferred from `{shown}`, exit code {last.exit_code}"
