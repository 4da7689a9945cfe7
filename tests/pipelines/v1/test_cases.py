"""Every case of `fixtures/v1-cases`: what people write, migrated, against what a reader expects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codec.kinds import Key
from codec.names import key_time
from codec.records import Session
from tests.pipelines.conftest import Bench, Cli

CASES = Path(__file__).parents[3] / "fixtures" / "v1-cases"


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_a_log_gives_the_sessions_that_a_reader_expects(bench: Bench, cli: Cli, name: str) -> None:
    expected: dict[str, Any] = json.loads((CASES / name / "expected.json").read_bytes())
    versions = sorted((CASES / name).glob("*.md"))
    for version in versions:
        bench.log.write_bytes(version.read_bytes())
        said = cli("migrate", bench.root, *expected.get("args", ()))
        assert said.code in ([0] if version != versions[-1] else codes(expected)), said.err
    assert expected.get("says", "") in said.err
    if said.code in (0, 3):
        assert bench.restore() == bench.log.read_bytes()
    if "sessions" in expected:
        found = [bench.manifest.sessions[Key(line.split(" | ")[0])] for line in bench.deltas()]
        compared = zip(expected["sessions"], found, strict=False)
        assert [differences(want, has) for want, has in compared if differences(want, has)] == []
        assert len(found) == len(expected["sessions"])
    if "context" in expected or "not_context" in expected:
        view = cli("context", bench.root).out
        assert [text for text in expected.get("context", ()) if text not in view] == []
        assert [text for text in expected.get("not_context", ()) if text in view] == []


def codes(expected: dict[str, Any]) -> list[int]:
    """Return the exit codes that a case allows."""
    code = expected["exit"]
    return code if isinstance(code, list) else [code]


def differences(want: dict[str, Any], session: Session) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ, as they should be and as they are."""
    metrics = session.metrics
    has = {
        "time": key_time(session.key),
        "agent": session.agent,
        "task": session.task,
        "status": session.status,
        "added": metrics.lines_added,
        "removed": metrics.lines_removed,
        "commits": metrics.commits,
        "minutes": metrics.duration_min,
        "title": session.title,
        "notes": session.notes,
        "remark": session.remark,
    }
    return {f: (value, has[f]) for f, value in want.items() if not agrees(f, value, has[f])}


def agrees(field: str, want: Any, has: Any) -> bool:
    """Return whether a value is as expected.

    A list: any of its values will do; `{"all": [...]}`: each must hold. A title, notes and a remark
    must contain the text; null means an empty one.
    """
    if isinstance(want, dict):
        return all(agrees(field, one, has) for one in want["all"])
    if isinstance(want, list):
        return any(agrees(field, one, has) for one in want)
    if field in ("title", "notes", "remark"):
        return not has if want is None else want in has
    return bool(want == has)
