"""What agents run at every turn, and questions to a million sessions.

The workspace of a million sessions is made once, and read by all that need it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.process import Cost, apart, run
from bench.sessions import make_workspace
from bench.table import Row, compared
from bench.verbs import Setting, tool, verb, without

_MANY: Final = 1_000_000
_FEW: Final = 100
#: The sessions of a period report; all of them are in one year.
_PERIOD: Final = 10_000
#: The specification's own one-liner for sessions per agent.
_PER_AGENT: Final = r"NR>1 {count[$2]++} END {for (a in count) print a, count[a]}"
_PER_AGENT_SQL: Final = "SELECT agent, count(*) FROM sessions GROUP BY 1"
_PATCH: Final = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-old\n+new\n"


def query(setting: Setting) -> Iterator[Row]:
    """Sessions per agent of a million, as a verb and as SQL, beside the one-liner."""
    many = _workspace(setting, _MANY)
    awk = [tool("awk"), "-F\t", _PER_AGENT, "PROJECT_METRICS.tsv"]
    pairs = [
        (verb("query", "--by", "agent", cwd=many), run(awk, cwd=many)) for _ in setting.turns()
    ]
    yield compared("query", "query --by agent", "awk", pairs, most=5)

    pairs = []
    for _ in setting.turns():
        start = verb("query", "--sql", "SELECT 1", cwd=many)
        asked = verb("query", "--sql", _PER_AGENT_SQL, cwd=many)
        pairs.append((without(asked, start), run(awk, cwd=many)))
    yield compared("sql", "query --sql, less 'SELECT 1'", "awk", pairs, most=1)


def summarize(setting: Setting) -> Iterator[Row]:
    """Measure a report on a year of ten thousand sessions beside a question about them."""
    year = _workspace(setting, _PERIOD)
    asked = ("summarize", "--period", "2016")
    pairs = [
        (verb(*asked, cwd=year), verb("query", "--by", "agent", cwd=year))
        for _ in setting.turns(15)
    ]
    yield compared("summarize", "summarize --period YEAR", "query --by agent", pairs, most=3)


def context(setting: Setting) -> Iterator[Row]:
    """Measure the text for an agent: unchanged, after a new session, of a million sessions."""
    few, many = _workspace(setting, _FEW), _workspace(setting, _MANY)
    for folder in (few, many):
        verb("context", cwd=folder)
    pairs = [(verb("context", cwd=few), _nothing(setting)) for _ in setting.turns()]
    yield compared("context", "context, kept", "python -c pass", pairs, most=6)
    pairs = [(verb("context", cwd=many), verb("context", cwd=few)) for _ in setting.turns()]
    yield compared("context", "context of a million", "of a hundred", pairs, most=1.3)
    # A new session changes the content, so that nothing that was kept is used.
    pairs = []
    for _ in setting.turns():
        _recorded(few, _patch(setting))
        pairs.append((verb("context", cwd=few), _nothing(setting)))
    yield compared("context", "context, after record", "python -c pass", pairs, most=8)


def record(setting: Setting) -> Iterator[Row]:
    """One session more, with a patch: among few, and among a million."""
    few, many = _workspace(setting, _FEW), _workspace(setting, _MANY)
    patch = _patch(setting)
    pairs = [(_recorded(few, patch), _nothing(setting)) for _ in setting.turns()]
    yield compared("record", "record", "python -c pass", pairs, most=6)
    pairs = [(_recorded(many, patch), _recorded(few, patch)) for _ in setting.turns()]
    yield compared("record", "record into a million", "into a hundred", pairs, most=1.3)


def _workspace(setting: Setting, sessions: int) -> Path:
    folder = setting.folder / f"{sessions}-sessions"
    if not folder.exists():
        apart(make_workspace, folder, sessions)
    return folder


def _patch(setting: Setting) -> Path:
    patch = setting.folder / "patch.diff"
    patch.write_text(_PATCH)
    return patch


def _recorded(folder: Path, patch: Path) -> Cost:
    named = ("--agent", "human", "--task", "measured", "--status", "PASS")
    return verb("record", *named, "--diff", str(patch), cwd=folder)


def _nothing(setting: Setting) -> Cost:
    return run([sys.executable, "-c", "pass"], cwd=setting.folder)
