"""The logs that are measured: the large one of the shared corpus, or one of its shape.

1. A made-up log is the same on every machine.
2. The log of many copies is never in memory as a whole.
"""

from __future__ import annotations

import mmap
import random
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

_CORPUS: Final = Path(__file__).parents[2] / "shared/corpus"
SHARED: Final = _CORPUS / "generated/large.md.zst"
#: The log that the v1 format comes from.
ORIGIN: Final = _CORPUS / "origin.md"
SESSIONS: Final = 10_000

_HEADING: Final = re.compile(rb"^### (\d{4}-\d\d-\d\d)(?=T)", re.M)
#: More days than a log spans, so that no two copies of it share a time.
_SHIFT: Final = 400
_BLOCK: Final = 1 << 20

_TOP: Final = "# AGENT_PROGRESS_LOG.md\nVersion: 1.0 | Format: Canonical\n\n## Active Sessions\n\n"
_END: Final = "## Archival Instructions\n\nMove old sessions to the archive.\n"
AGENTS: Final = ("claude-sonnet-4-5", "claude-haiku-4-5", "gpt-5-codex", "human")
NAMES: Final = ("request", "response", "headers", "session", "url", "data", "name", "key", "path")
_MARKS: Final = ("self", "=", "(", ")", "{", "}", ":", "return", "if", "not", "0", '"utf-8"')
_SESSION: Final = """\
### {time} | {agent} | {slug}
Agent: {agent}
Task: {task}
Status: PASS

Diff Summary:
```
 {path}
 Lines: +{added} -{removed}
 Files: 1 changed
```

Full Diff:
```diff
diff --git a/{path} b/{path}
index 0762ace..6e4d423 100644
--- a/{path}
+++ b/{path}
@@ -{at},{before} +{at},{after} @@
{body}
```

Metrics:
- Commits: 1
- Lines added: {added}
- Lines removed: {removed}

Blockers: None
Escalation: None
Lessons: Keep the {task} together.

---

"""


def large(path: Path) -> str:
    """Write the large log; gives the name of where it is from."""
    if not SHARED.exists():
        make_up(path, SESSIONS)
        return "made up, for the shared corpus is not here"
    import zstandard

    with open(SHARED, "rb") as packed, open(path, "xb") as out:
        zstandard.ZstdDecompressor().copy_stream(packed, out)
    return "shared/corpus/generated/large.md.zst"


def beginning(log: Path, path: Path, sessions: int) -> None:
    """Write a log with the first so many sessions of another, which has as many at the least."""
    _, end = _sessions(log)
    with open(log, "rb") as f, open(path, "xb") as out:
        for line in f:
            sessions -= _HEADING.match(line) is not None
            if sessions < 0:
                break
            out.write(line)
        f.seek(max(end, f.tell()))
        out.write(f.read())


def repeated(log: Path, path: Path, copies: int) -> None:
    """Write a log with the sessions of another that many times, each time at later dates."""
    start, end = _sessions(log)
    with open(log, "rb") as f, open(path, "xb") as out:
        out.write(f.read(start))
        for copy in range(copies):
            f.seek(start)
            while (left := end - f.tell()) > 0:
                out.write(_later(b"".join(f.readlines(_BLOCK))[:left], copy * _SHIFT))
        f.seek(end)
        out.write(f.read())


def make_up(path: Path, sessions: int) -> None:
    """Write a log of made-up sessions, with about as many bytes each as the shared one has."""
    pick = random.Random(1)  # noqa: S311 - the same log for everybody, not a secret
    time = datetime(2025, 11, 6, 14, 30, tzinfo=UTC)
    with open(path, "x", encoding="utf-8", newline="\n") as out:
        out.write(_TOP)
        for _ in range(sessions):
            out.write(_session(pick, time))
            time += timedelta(seconds=pick.randint(600, 5700))
        out.write(_END)


def _sessions(log: Path) -> tuple[int, int]:
    """Where the first session begins and the last one ends."""
    with open(log, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
        last = data.rfind(b"\n### 20")
        return data.find(b"\n### 20") + 1, data.find(b"\n## ", last) + 1


def _later(lines: bytes, days: int) -> bytes:
    by = timedelta(days=days)
    return _HEADING.sub(
        lambda m: b"### %s" % str(date.fromisoformat(m[1].decode()) + by).encode(), lines
    )


def _session(pick: random.Random, time: datetime) -> str:
    signs = pick.choices(" +-", (6, 3, 1), k=8 + min(2500, int(pick.lognormvariate(3.95, 1.2))))
    words = pick.choices(NAMES, k=6)
    lines = (pick.choices(NAMES + _MARKS, k=pick.randint(1, 9)) for _ in signs)
    body = (f"{sign}{' ' * pick.choice((0, 4, 8))}{' '.join(ws)}" for sign, ws in zip(signs, lines))
    return _SESSION.format(
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        agent=pick.choice(AGENTS),
        slug="-".join(words),
        task=" ".join(words),
        path=f"src/{words[0]}/{words[1]}.py",
        added=signs.count("+"),
        removed=signs.count("-"),
        at=pick.randint(1, 900),
        before=len(signs) - signs.count("+"),
        after=len(signs) - signs.count("-"),
        body="\n".join(body),
    )
