"""Lines that are counted as bytes give what decoding each of them gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import codec.v2.newest_deltas
from codec.v2.context_view import STYLES, digest, render_context
from codec.v2.delta_summary import Scanned, summary_of
from codec.v2.deltas import Delta, decode_delta, decode_deltas, in_order
from codec.v2.newest_deltas import extend, scan, trimmed

TIMES = ["2025-11-06", "2025-11-06T10:00:00Z", "2025-11-07T10:00:00Z", "2026-01-01"]
METRICS = ["-", "L+0", "L+12,-3", "L+5,C:1", "C:2,T:5min", "T:7min", "L+1,D:blue", "L+007", "junk"]
lines = st.builds(
    lambda time, agent, task, status, metrics: (
        f"{time} | {agent} | {task} | {status} | {metrics}\n".encode()
    ),
    st.builds(
        lambda time, suffix: time + (f".{suffix:06x}" if suffix else ""),
        st.sampled_from(TIMES),
        st.integers(0, 40),
    ),
    st.sampled_from(["a", "L+5", "mód", "human"]),
    st.sampled_from(["t", "PASS", "naïve", "L+3", "-"]),
    st.sampled_from(["PASS", "FAIL", "PARTIAL", "UNKNOWN", "DONE"]),
    st.sampled_from(METRICS),
)
files = st.lists(lines | st.sampled_from([b"\n", b"x\n", b"\xff | a\n", b"a\rb\n"]), max_size=60)


def plain_way(data: bytes) -> list[Delta]:
    text = data.decode(errors="replace")
    deltas, _ = decode_deltas(enumerate(text.split("\n"), 1))
    return in_order(deltas, lambda d: d.key)


def one_key_each(found: list[bytes]) -> bytes:
    """Lines of which no two differ that have the same key: their order is the file's."""
    seen: dict[bytes, bytes] = {}
    return b"".join(seen.setdefault(line.partition(b" ")[0], line) for line in found)


def check(scanned: Scanned, data: bytes) -> None:
    deltas = plain_way(data)
    older = deltas[: len(deltas) - len(scanned.newest)]
    assert scanned.newest == deltas[len(older) :]
    assert scanned.before == summary_of(older)
    assert scanned.summed_to == max((d.key for d in older), default="")


@given(files, st.integers(1, 50))
def test_a_scan_equals_decoding_every_line(found: list[bytes], count: int) -> None:
    data = one_key_each(found)
    scanned = scan(data, count)
    check(scanned, data)
    assert len(scanned.newest) == min(count, len(plain_way(data)))


@given(files, files, st.integers(1, 50))
def test_extending_a_scan_equals_scanning_the_grown_file(
    found: list[bytes], more: list[bytes], count: int
) -> None:
    whole = one_key_each([*found, *more])
    start = one_key_each(found)
    extended = extend(scan(start, count), whole[len(start) :])
    if extended is None:
        summed_to = scan(start, count).summed_to
        assert any(d.key <= summed_to for d in plain_way(whole[len(start) :]))
        return
    check(extended, whole)
    check(trimmed(extended, count), whole)


@given(files, st.integers(1, 50))
def test_a_context_of_the_newest_is_the_context_of_all(found: list[bytes], count: int) -> None:
    data = one_key_each(found)
    scanned = scan(data, count)
    for style in STYLES:
        for budget in (20, 60, 500, None):
            assert render_context(
                "", scanned.newest, before=scanned.before, count=len, budget=budget, style=style,
                last=count,
            ) == render_context(
                "", plain_way(data), count=len, budget=budget, style=style, last=count
            )  # fmt: skip


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the lines that are decoded from here on."""
    seen: list[str] = []

    def counting(real: Callable[[str], Delta]) -> Callable[[str], Delta]:
        return lambda line: seen.append(line) or real(line)  # type: ignore[func-returns-value]

    monkeypatch.setattr(codec.v2.newest_deltas, "decode_delta", counting(decode_delta))
    return seen


@pytest.mark.parametrize("shuffled", [False, True])
def test_of_many_lines_only_the_newest_are_decoded(decoded: list[str], shuffled: bool) -> None:
    many = [
        f"2025-01-01T10:00:00Z.{n:06x} | a | t | PASS | L+{n},C:1\n".encode() for n in range(5000)
    ]
    if shuffled:
        many = many[2500:] + many[:2500]
    scanned = scan(b"".join(many), 30)
    assert len(decoded) == 30
    assert digest([], scanned.before).startswith("4970 sessions 2025-01-01: 4970 PASS")


def test_names_that_are_status_words_are_not_counted_as_statuses() -> None:
    line = "2025-11-{:02d} | FAIL | PASS | UNKNOWN | L+1\n"
    data = "".join(line.format(day) for day in range(1, 6)).encode()
    check(scan(data, 1), data)


def test_sessions_of_one_date_stay_in_the_order_of_the_file() -> None:
    keys = [
        "2025-11-06T09:00:00Z",
        "2025-11-06.bbbbbb",
        "2025-11-06.aaaaaa",
        "2025-11-06T10:00:00Z",
    ]
    data = "".join(f"{key} | a | t | PASS | -\n" for key in keys).encode()
    assert [d.key for d in scan(data, 9).newest] == keys
    assert [d.key for d in scan(data, 2).newest] == keys[2:]
    later = b"2025-11-05 | a | t | PASS | -\n"
    assert [d.key for d in scan(data + later, 9).newest] == ["2025-11-05", *keys]
