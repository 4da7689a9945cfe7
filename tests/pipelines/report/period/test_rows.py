"""Rows that are read by column give the sessions that reading one by one gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.sessions import make_workspace
from codec.kinds import Key
from codec.manifest.jsonl import encode_fact
from codec.records import Metrics, Session
from codec.v2.deltas import delta_of, encode_delta
from pipelines.report.period.rows import session_of_row, sessions_of_rows
from pipelines.workspace.days_of_manifest import read_days
from pipelines.workspace.location import MANIFEST, Workspace
from pipelines.workspace.manifest_view import decode_manifest
from pipelines.workspace.reading import read_manifest
from tests.property.strategies import sessions


@given(st.lists(sessions(), max_size=8, unique_by=lambda s: s.key), st.data())
def test_columns_and_single_rows_agree(every: list[Session], data: st.DataObject) -> None:
    changed = [
        s._replace(metrics=data.draw(st.sampled_from((s.metrics, Metrics(5, 0, 1, 2, None)))))
        for s in every
    ]
    rows = [f"{encode_delta(delta_of(s))}\n".encode() for s in changed]
    known = "".join(f"{encode_fact(s)}\n" for s in every[::2])
    manifest = decode_manifest(known.encode())
    tokens: dict[Key, int | None] = {s.key: n or None for n, s in enumerate(every)}
    expected = [session_of_row(r.decode()[:-1], manifest, tokens) for r in rows]
    assert sessions_of_rows(rows, manifest, tokens) == expected


def _usual(session: Session) -> Session:
    """Return a session whose line is a usual one, if its texts are."""
    return session._replace(
        key=Key(session.time), metrics=session.metrics._replace(deployment=None), commits_of=(),
        range="", private=False, transcript=None, extra={},
    )  # fmt: skip


@given(
    st.lists(sessions(), max_size=4) | st.lists(sessions().map(_usual), max_size=8),
    st.booleans(),
)
def test_days_are_those_of_the_whole_manifest(
    tmp_path_factory: pytest.TempPathFactory, every: list[Session], again: bool
) -> None:
    root = tmp_path_factory.mktemp("days")
    workspace = Workspace(str(root), str(root / ".diffs"), None)
    path = Path(workspace.path(MANIFEST))
    path.parent.mkdir(parents=True)
    lines = [f"{encode_fact(s)}\n" for s in every]
    data = "".join(lines + lines[:1] * again).encode()
    path.write_bytes(data + b'{"fact"')
    whole = decode_manifest(data)
    manifest, columns = read_days(workspace, "0001-01-01", "9999-12-31")
    assert dict(manifest.sessions) == dict(whole.sessions)
    assert manifest.torn
    if columns is not None:
        found = list(whole.sessions.values())
        assert columns.notes == [s.notes for s in found]
        assert columns.patch == [s.patch for s in found]
        assert columns.v1 == [s.v1 for s in found]


def test_usual_lines_are_read_as_columns(tmp_path: Path) -> None:
    make_workspace(tmp_path / "w", 300)
    workspace = Workspace(str(tmp_path / "w"), str(tmp_path / "w" / ".diffs"), None)
    manifest, columns = read_days(workspace, "2016-01-01", "2016-01-01")
    whole = read_manifest(workspace).sessions
    assert columns is not None
    assert 0 < len(columns.key) < len(whole)
    assert dict(manifest.sessions) == {k: s for k, s in whole.items() if k < "2016-01-02"}
