"""The folder of a run: damaged files cost a repetition at most, and never a traceback."""

from __future__ import annotations

import json
import resource
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.errors import FormatError
from pipelines.fleet.run_folder import (
    Member,
    Plan,
    Result,
    append,
    read_plan,
    read_shard,
    shard_path,
    write_plan,
)

MEMBER = Member("app-1", "app", "/srv/app", is_clone=False)
PLAN = Plan(
    steps=("verify",), arguments=(), members=(MEMBER,), shard_size=1, seconds=60, memory=512
)
RESULT = Result("app-1", "verify", "findings", 3, 1, ("damaged",), 0.5, 1000, 20, "")
VALUES: list[Any] = [None, 1, -1, 0, True, "x", [], {}, [1], {"a": 1}, 10**30, float("inf"), [None]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_plan(str(tmp_path), PLAN)
    append(str(tmp_path), 0, RESULT._asdict())
    return tmp_path


def test_a_result_survives_a_round_trip(run: Path) -> None:
    assert read_plan(str(run)) == PLAN
    assert read_shard(str(run), 0).results == {("app-1", "verify"): RESULT}


@pytest.mark.parametrize("field", Result._fields)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_result_with_a_wrong_value_is_ignored_or_has_the_right_types(
    run: Path, field: str, value: object
) -> None:
    line = {**RESULT._asdict(), field: value}
    Path(shard_path(str(run), 0)).write_text(f"{json.dumps(line)}\n")
    for result in read_shard(str(run), 0).results.values():
        for name, right in RESULT._asdict().items():
            found = getattr(result, name)
            is_number = isinstance(right, float) and isinstance(found, int | float)
            assert (
                is_number or isinstance(found, type(right)) or (name, found) == ("exit_code", None)
            )


@pytest.mark.parametrize(
    "field", ["schema", "steps", "members", "shard_size", "seconds", "memory", "remote", "redact"]
)
@pytest.mark.parametrize("value", [5.5, [[]], 0, -1, [{"id": 1}]], ids=repr)
def test_a_damaged_plan_is_refused(run: Path, field: str, value: object) -> None:
    path = run / "fleet.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(FormatError):
        read_plan(str(run))


@given(st.binary(max_size=200))
def test_any_bytes_before_a_result_lose_at_most_one_line(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_plan(folder, PLAN)
        Path(shard_path(folder, 0)).write_bytes(data)
        append(folder, 0, RESULT._asdict())
        assert read_shard(folder, 0).results == {("app-1", "verify"): RESULT}


def test_a_stopped_verb_does_not_count_as_killed(run: Path) -> None:
    line = {"began": True, "repository": "app-1", "verb": "verify"}
    for began in (True, False, True):
        append(str(run), 0, {**line, "began": began})
    assert read_shard(str(run), 0).began == {("app-1", "verify"): 1}


def test_a_full_disk_is_an_error_and_the_next_line_is_whole(run: Path) -> None:
    other = RESULT._replace(repository="app-2")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = Path(shard_path(str(run), 0)).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            append(str(run), 0, other._asdict())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    append(str(run), 0, other._asdict())
    assert set(read_shard(str(run), 0).results) == {("app-1", "verify"), ("app-2", "verify")}
