"""Join the rows of sessions with their texts: figures come from the rows, texts from the manifest.

Usual rows are read with one pattern and converted by column, as `codec.manifest.plain_sessions`
does. `session_of_row` reads any row; a test compares both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, cast

from codec.kinds import Key
from codec.manifest.plain_sessions import Columns
from codec.names import key_time
from codec.records import Metrics, Session, Status
from codec.v2.deltas import SEPARATOR, decode_metrics
from pipelines.workspace.location import METRICS, Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_file

_WORD: Final = r"([A-Za-z0-9_.+-]++)"
#: A row is a usual one, with its end in the last group, or any other.
_ROWS: Final = re.compile(
    rf"([0-9TZ:a-f.-]++) \| {_WORD} \| {_WORD} \| (PASS|FAIL|PARTIAL|UNKNOWN) \| "
    r"(?:-|(?:L\+([0-9]++)(?:,-([0-9]++))?+)?+(?:,?C:([0-9]++))?+(?:,?T:([0-9]++)min)?+)(\n)|.*\n"
)
_TOKENS: Final = re.compile(r"^([^\t\n]*+)(?:\t[^\t\n]*+){7}\t([0-9]++)$", re.M)


def sessions_of_rows(
    rows: Sequence[bytes],
    manifest: Manifest,
    tokens: Mapping[Key, int | None],
    columns: Columns | None = None,
) -> list[Session]:
    """Return the sessions of rows, in their order.

    Args:
        rows: lines of the deltas, with their line ends.
        manifest: has the texts of the sessions.
        tokens: the used tokens by key.
        columns: the same sessions as columns, if they were not decoded.
    """
    text = b"".join(rows).decode(errors="replace")
    found = _ROWS.findall(text)
    if not found:
        return []
    keys, agents, tasks, statuses, added, removed, commits, minutes, ends = zip(*found, strict=True)
    metrics = zip(
        [int(a) if a else None for a in added],
        [int(r or 0) if a else None for a, r in zip(added, removed, strict=True)],
        [int(c) if c else None for c in commits],
        [int(m) if m else None for m in minutes],
        map(tokens.get, keys),
        repeat(None),
    )
    fields: dict[str, Iterable[Any]] = {
        name: repeat(default) for name, default in Session._field_defaults.items()
    }
    if columns is not None and tuple(columns.key) == keys:
        fields |= columns._asdict()
    else:
        sessions = manifest.sessions
        bases = [sessions.get(key) or _unknown(key) for key in keys]
        fields |= dict(zip(Session._fields, zip(*bases, strict=True), strict=True))
    fields |= {"agent": agents, "task": tasks, "status": statuses}
    fields |= {"metrics": map(Metrics._make, metrics)}
    made = list(map(Session._make, zip(*map(fields.__getitem__, Session._fields))))
    if all(ends):
        return made
    every = zip(made, ends, text.split("\n"), strict=False)
    return [s if end else session_of_row(row, manifest, tokens) for s, end, row in every]


def session_of_row(row: str, manifest: Manifest, tokens: Mapping[Key, int | None]) -> Session:
    """Return the session of one row, which is given without its line end."""
    name, agent, task, status, metrics = row.split(SEPARATOR)
    key = Key(name)
    m = decode_metrics(metrics)._replace(tokens_used=tokens.get(key))
    base = manifest.sessions.get(key) or _unknown(key)
    return base._replace(agent=agent, task=task, status=cast(Status, status), metrics=m)


def tokens_by_key(workspace: Workspace) -> dict[Key, int | None]:
    """Return the used tokens of sessions by key, from the metrics table; None for 0 tokens."""
    text = read_file(workspace, METRICS).decode(errors="replace")
    return {Key(key): int(tokens) or None for key, tokens in _TOKENS.findall(text)}


def _unknown(key: Key) -> Session:
    """Return a session that the manifest does not have."""
    return Session(key, key_time(key), "", "", "UNKNOWN")
