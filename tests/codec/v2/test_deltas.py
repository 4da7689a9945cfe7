"""A session's delta line: the fields that it has, and the values that it refuses."""

from __future__ import annotations

import pytest

from codec.errors import EncodeError, FormatError
from codec.kinds import Key, Sha256
from codec.records import Metrics, Session, V1Entry
from codec.v2.deltas import (
    Delta,
    decode_delta,
    decode_deltas,
    decode_metrics,
    delta_of,
    encode_delta,
    encode_metrics,
)

LINES = [
    (
        "2025-11-06T14:00:00Z | sonnet-4.5 | coverage-validation | PASS | L+1247,-89,C:11,T:30min",
        Delta(
            key=Key("2025-11-06T14:00:00Z"),
            agent="sonnet-4.5",
            task="coverage-validation",
            status="PASS",
            metrics=Metrics(lines_added=1247, lines_removed=89, commits=11, duration_min=30),
        ),
    ),
    (
        "2025-11-06T14:19:00Z | human | warp-ui-baseline | FAIL | L+324,-45,C:1",
        Delta(
            key=Key("2025-11-06T14:19:00Z"),
            agent="human",
            task="warp-ui-baseline",
            status="FAIL",
            metrics=Metrics(lines_added=324, lines_removed=45, commits=1),
        ),
    ),
    (
        "2025-11-06.0123ab | - | - | UNKNOWN | -",
        Delta(key=Key("2025-11-06.0123ab"), agent="-", task="-", status="UNKNOWN"),
    ),
]
METRICS = [
    ("-", Metrics()),
    ("L+847", Metrics(lines_added=847, lines_removed=0)),
    ("L+0", Metrics(lines_added=0, lines_removed=0)),
    ("L+0,-45", Metrics(lines_added=0, lines_removed=45)),
    ("C:0", Metrics(commits=0)),
    ("T:0min", Metrics(duration_min=0)),
    ("C:1,T:45min", Metrics(commits=1, duration_min=45)),
    ("D:vercel", Metrics(deployment="vercel")),
    (
        "L+1,-2,C:3,T:4min,D:dpl_5",
        Metrics(lines_added=1, lines_removed=2, commits=3, duration_min=4, deployment="dpl_5"),
    ),
]
SESSION = Session(key=Key("2025-11-06"), time="2025-11-06", agent="human", task="a", status="PASS")


@pytest.mark.parametrize(("line", "delta"), LINES)
def test_the_line_is_as_it_is_specified(line: str, delta: Delta) -> None:
    assert encode_delta(delta) == line
    assert decode_delta(line) == delta


@pytest.mark.parametrize(("text", "metrics"), METRICS)
def test_known_zeros_are_written_and_unknown_numbers_left_out(text: str, metrics: Metrics) -> None:
    assert encode_metrics(metrics) == text
    assert decode_metrics(text) == metrics


@pytest.mark.parametrize(
    "text",
    [
        "",
        "--",
        "L+",
        "L+1,",
        ",C:1",
        "L1",
        "L+1,-0",
        "L+01",
        "L+-1",
        "C:1,L+1",
        "C:1T:2min",
        "T:4",
        "T:4min,C:1",
        "D:",
        "D:a b",
        "D:a,b",
        "D:\x01",
        "D:a\u3000b",
        "L+٣",
        "L+1 ",
        "C:" + "9" * 16,
        "C:" + "9" * 5000,
    ],
)
def test_a_line_that_the_encoder_would_not_write_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        decode_metrics(text)
    assert caught.value.field == "metrics"


@pytest.mark.parametrize(
    "metrics",
    [
        Metrics(deployment="a b"),
        Metrics(deployment="a,b"),
        Metrics(deployment="a|b"),
        Metrics(deployment="a\u3000b"),
        Metrics(deployment="\x01"),
        Metrics(deployment=""),
        Metrics(lines_added=-1, lines_removed=0),
        Metrics(commits=10**15),
    ],
)
def test_metrics_that_would_not_decode_are_not_written(metrics: Metrics) -> None:
    with pytest.raises(EncodeError):
        encode_metrics(metrics)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"key": "yesterday"}, "key"),
        ({"key": "2025-11-06\n"}, "key"),
        ({"agent": ""}, "agent"),
        ({"agent": "a | b"}, "agent"),
        ({"task": "a\tb"}, "task"),
        ({"task": "a\nb"}, "task"),
        ({"task": " a"}, "task"),
    ],
)
def test_a_field_that_would_break_the_line_is_refused_by_name(
    changed: dict[str, str], field: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        encode_delta(LINES[0][1]._replace(**changed))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_an_error_names_every_field_at_fault() -> None:
    with pytest.raises(FormatError) as caught:
        decode_delta("then |  a | b\t | GOOD | L")
    for name in ("key", "agent", "task", "status", "metrics"):
        assert f"{name}: " in str(caught.value)


@pytest.mark.parametrize("line", ["", "a", "2025-11-06 | a | b | PASS", " | ".join("abcdef")])
def test_a_line_of_other_fields_is_not_a_delta(line: str) -> None:
    with pytest.raises(FormatError, match="instead of 5"):
        decode_delta(line)


def test_a_broken_line_is_reported_with_its_number_and_the_rest_is_read() -> None:
    good = [line for line, _ in LINES]
    lines = [(3, good[0]), (4, "torn"), (5, ""), (6, good[0]), (7, good[1])]
    deltas, errors = decode_deltas(lines)
    assert deltas == [LINES[0][1], LINES[1][1]]
    assert [e.line for e in errors] == [4]


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        (Metrics(), "-"),
        (Metrics(lines_added=847), "L+847"),
        (Metrics(lines_removed=45), "L+0,-45"),
        (Metrics(tokens_used=9), "-"),
    ],
)
def test_a_delta_with_one_known_line_count_has_zero_for_the_other(
    metrics: Metrics, text: str
) -> None:
    assert encode_metrics(delta_of(SESSION._replace(metrics=metrics)).metrics) == text


def test_a_deployment_that_a_log_names_stays_in_the_manifest() -> None:
    recorded = SESSION._replace(metrics=Metrics(deployment="vercel"))
    migrated = recorded._replace(v1=V1Entry(source="log.md", sha256=Sha256("00" * 32)))
    assert delta_of(recorded).metrics.deployment == "vercel"
    assert delta_of(migrated).metrics.deployment is None
