"""The logs of the corpus, real and generated, read as their truth says they are."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter as Tally
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard

from bench.tiktoken_counter import TiktokenCounter
from codec.names import key_time
from codec.patches.diff_stat import DiffStat, diff_stat
from codec.records import PatchRef
from codec.tokens.bpe_counts import LONGEST, ShortCounts
from codec.tokens.bpe_table import decode_table
from codec.tokens.tokenizers import ToktokCounter
from codec.v1.detect import detect
from codec.v1.entry import Entry, entry_hash, read_entry
from codec.v1.mapping import Mapped, Options, session_of
from codec.v1.split import Span, join, split
from codec.v1.text import LineNumbers, decode_text
from codec.v2.compact_view import decode_view, encode_view
from codec.v2.deltas import Delta, delta_of, encode_delta
from pipelines.system.worker.tokenizer import table_path

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus"
REAL = ("origin", "rss-feed", "forge-ledger", "codex-log")

#: How many sessions of traps.md carry each trap.
TRAPS = {
    "bad_hunk_counts": 9,
    "cr_in_diff": 8,
    "crlf": 8,
    "cut_diff": 9,
    "declared_mismatch": 8,
    "dup_timestamp": 8,
    "fail_status": 9,
    "fence_in_diff": 9,
    "four_backticks": 9,
    "huge_diff": 9,
    "lone_heading": 9,
    "minimal": 9,
    "missing_diff": 9,
    "non_ascii": 9,
    "none": 216,
    "partial_status": 9,
    "range_heading": 9,
    "tabs_pipes": 9,
    "template_block": 9,
    "tilde_fence": 9,
    "tilde_in_diff": 8,
    "win1252": 9,
}

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"the corpus is not part of the repository: no {CORPUS}"
)


class Read(NamedTuple):
    """A session of a log, as it was read."""

    line: int
    span: Span
    entry: Entry
    patch: bytes | None
    stat: DiffStat | None
    mapped: Mapped


class Log(NamedTuple):
    """A log with its spans, its sessions and its truth."""

    data: bytes
    spans: list[Span]
    sessions: list[Read]
    truth: list[dict[str, Any]]


def read(data: bytes) -> tuple[list[Span], list[Read]]:
    spans = list(split(data, detect(data)))
    lines = LineNumbers(data)
    return spans, [_read(data, span, lines) for span in spans if span.heading]


def _read(data: bytes, span: Span, lines: LineNumbers) -> Read:
    whole = data[span.start : span.end]
    entry = read_entry(whole, span, entry_hash(whole))
    patch = ref = stat = None
    if span.patch:
        patch = data[slice(*span.patch)]
        ref = PatchRef.of(patch)
        stat = diff_stat(patch)
    mapped = session_of(entry, source="log.md", patch=ref, stat=stat, tokens={}, options=Options())
    return Read(lines.at(span.start), span, entry, patch, stat, mapped)


@lru_cache
def real(name: str) -> Log:
    data = (CORPUS / f"{name}.md").read_bytes()
    truth = json.loads((CORPUS / f"{name}.expected.json").read_text())["sessions"]
    return Log(data, *read(data), truth)


def unpacked(name: str) -> bytes:
    packed = (CORPUS / "generated" / f"{name}.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        return reader.read()


def generated(name: str) -> Log:
    data = unpacked(f"{name}.md")
    truth = [json.loads(line) for line in unpacked(f"{name}.truth.jsonl").splitlines()]
    return Log(data, *read(data), truth)


@pytest.fixture(scope="session")
def traps() -> Log:
    return generated("traps")


@pytest.fixture(scope="session")
def medium() -> Log:
    return generated("medium")


@pytest.fixture(scope="session")
def deltas(medium: Log) -> list[Delta]:
    """Return the deltas of medium.md, oldest first."""
    found = [delta_of(s.mapped.session) for s in medium.sessions]
    return sorted(found, key=lambda d: key_time(d.key))


# The real logs


@pytest.mark.parametrize("name", REAL)
def test_every_session_of_a_real_log_is_found_and_nothing_else_is(name: str) -> None:
    log = real(name)
    assert [s.line for s in log.sessions] == [t["line"] for t in log.truth]


@pytest.mark.parametrize("name", REAL)
def test_a_real_log_is_the_spans_of_its_split(name: str) -> None:
    log = real(name)
    assert join(log.data, log.spans) == log.data


@pytest.mark.parametrize("name", REAL)
def test_figures_of_a_real_session_equal_a_manual_count(name: str) -> None:
    for s, t in zip(*_pairs(real(name)), strict=True):
        assert s.entry.time == t["timestamp"]
        assert s.entry.time_end == (t.get("timestamp_end") or "")
        assert s.entry.agent == t["agent"]
        task = s.entry.title if name == "origin" else s.entry.task
        assert task == (t["task"] or "")
        status = s.entry.status.strip("*✅ ").split(" ")[0]
        assert status == (t["status"] or "")
        assert (s.patch is not None) == t["has_diff"]
        assert (s.mapped.session.status == "UNKNOWN") == (t["status"] is None)


@pytest.mark.parametrize("name", REAL)
def test_a_real_session_declares_the_figures_it_declares_and_no_other(name: str) -> None:
    for s, t in zip(*_pairs(real(name)), strict=True):
        d = s.entry.declared
        said = (d.lines_added, d.lines_removed, d.commits, d.duration_min)
        names = ("lines_added", "lines_removed", "commits", "duration_min")
        assert said == tuple(t.get(n) for n in names)


def test_the_origin_keeps_its_slugs_short_names_status_lines_and_patches() -> None:
    for s, t in zip(*_pairs(real("origin")), strict=True):
        session = s.mapped.session
        assert (session.agent, session.task) == (t["agent_short"], t["slug"])
        assert s.entry.status == t["status_line"]
        if t["has_diff"]:
            assert session.patch == PatchRef(sha256=t["diff_sha256"], size=t["diff_bytes"])
            assert s.stat == DiffStat(added=t["diff_plus_lines"], removed=t["diff_minus_lines"])
        else:
            assert session.patch is None


def test_text_around_the_sessions_of_the_origin_is_in_spans_of_its_own() -> None:
    spans = real("origin").spans
    order = [span.heading is not None for span in spans]
    first = order.index(True)
    assert order == [False] * 3 + [True] * 3 + [False] * 8
    assert first == 3
    assert sum(len(span.templates) for span in spans) == 2


def test_the_times_of_a_run_that_a_ledger_names_give_its_minutes() -> None:
    minutes = [s.mapped.session.metrics.duration_min for s in real("forge-ledger").sessions]
    assert minutes == [42, 35, 16]


def test_a_date_without_a_time_stays_a_date() -> None:
    keys = [s.mapped.session.key for s in real("codex-log").sessions]
    assert keys == ["2026-02-20", "2026-02-19", "2026-02-16"]


# The generated logs


def test_no_session_of_the_traps_is_lost_or_invented(traps: Log) -> None:
    starts = [s.span.start for s in traps.sessions]
    assert starts == [t["byte_start"] for t in traps.truth]
    assert [s.line for s in traps.sessions] == [t["heading_line"] for t in traps.truth]
    assert len(starts) == 400


def test_the_table_of_traps_is_that_of_the_log(traps: Log) -> None:
    assert Tally(t["trap"] or "none" for t in traps.truth) == TRAPS


@pytest.mark.parametrize(("trap", "count"), TRAPS.items())
def test_a_trap_catches_no_session(trap: str, count: int, traps: Log) -> None:
    passed = 0
    for s, t in zip(*_pairs(traps), strict=True):
        if (t["trap"] or "none") == trap:
            _agrees(s, t)
            passed += 1
    assert passed == count


def test_every_session_of_an_everyday_log_agrees_with_its_truth(medium: Log) -> None:
    for s, t in zip(*_pairs(medium), strict=True):
        _agrees(s, t)
    assert len(medium.sessions) == 1000


def test_a_declared_figure_that_its_patch_contradicts_is_kept_and_reported(traps: Log) -> None:
    for s, t in zip(*_pairs(traps), strict=True):
        if t["trap"] == "declared_mismatch":
            assert s.mapped.contradictions
        elif t["trap"] is None and t["patch_added"] == t["declared_added"]:
            assert not s.mapped.contradictions


def test_undeclared_figures_are_counted_from_the_patch_and_marked(traps: Log) -> None:
    for s, t in zip(*_pairs(traps), strict=True):
        session = s.mapped.session
        assert session.v1 is not None
        undeclared = t["declared_added"] is None and t["has_diff"]
        assert ("lines_added" in session.v1.counted) == undeclared
        if undeclared:
            assert session.metrics.lines_added == t["patch_added"]


def _agrees(s: Read, t: dict[str, Any]) -> None:
    """Hold a session that was read against its truth."""
    session = s.mapped.session
    assert s.entry.time == t["timestamp"] == session.time
    assert s.entry.time_end == (t["timestamp_end"] or "")
    assert s.entry.agent == t["agent_raw"]
    assert t["agent_norm"] in (None, session.agent)
    assert s.entry.task == t["slug"]
    assert s.entry.title == (t["task"] or "")
    assert s.entry.status == (t["status_raw"] or "")
    assert session.status == (t["status_word"] or "UNKNOWN")
    declared = s.entry.declared
    assert declared.lines_added == t["declared_added"]
    assert declared.lines_removed == t["declared_removed"]
    assert declared.commits == t["commits_declared"]
    assert declared.duration_min == t["duration_min"]
    assert (s.patch is not None) == t["has_diff"]
    if s.patch is not None:
        assert s.span.patch is not None
        assert s.span.patch[0] == t["diff_start"]
        assert len(s.patch) == t["diff_bytes"]
        assert hashlib.sha256(s.patch).hexdigest() == t["diff_sha256"]
        if t["trap"] != "cut_diff":
            assert s.stat == DiffStat(added=t["patch_added"], removed=t["patch_removed"])


def _pairs(log: Log) -> tuple[list[Read], list[dict[str, Any]]]:
    return log.sessions, log.truth


# The traps, damaged


def _sprinkled(data: bytes) -> bytes:
    """NUL bytes in prose: in the middle of lines that are neither headings nor of a patch."""
    return data.replace(b"Notes: ", b"No\x00tes: \x00").replace(b"\nTask: ", b"\nTask: \x00")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda d: d.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(lambda d: b"\xef\xbb\xbf" + d, id="bom"),
        pytest.param(_sprinkled, id="nul"),
        pytest.param(lambda d: d + b"\n```diff\n+never closed", id="unterminated patch"),
        pytest.param(lambda d: d + b"\n```\nnever closed", id="unterminated fence"),
    ],
)
def test_damage_of_the_whole_log_loses_neither_bytes_nor_sessions(
    damage: Callable[[bytes], bytes], traps: Log
) -> None:
    data = damage(traps.data)
    spans = list(split(data, detect(data)))
    assert data != traps.data
    assert join(data, spans) == data
    assert sum(span.heading is not None for span in spans) == 400


def test_a_log_cut_anywhere_loses_no_byte_and_no_session_before_the_cut(traps: Log) -> None:
    dialects = detect(traps.data)
    chance = random.Random(0)  # noqa: S311 - a test's choice of offsets, not a secret
    for at in (chance.randrange(1, len(traps.data)) for _ in range(50)):
        data = traps.data[:at]
        spans = list(split(data, dialects))
        assert join(data, spans) == data
        found = [span.start for span in spans if span.heading]
        whole = [s.span.start for s in traps.sessions if s.span.end <= at]
        assert found[: len(whole)] == whole


def test_line_ends_and_following_text_do_not_change_an_entrys_identity(traps: Log) -> None:
    data = traps.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    _, sessions = read(data)
    assert [s.entry.sha256 for s in sessions] == [s.entry.sha256 for s in traps.sessions]


# The view


def _cost(text: str) -> int:
    return ToktokCounter("o200k_base").count([text])[0]


def test_every_window_of_thirty_sessions_decodes_back(deltas: list[Delta]) -> None:
    for at in range(len(deltas) - 29):
        window = deltas[at : at + 30]
        assert decode_view(encode_view(window), window) == window


def test_the_view_of_thirty_sessions_stays_within_its_token_limit(deltas: list[Delta]) -> None:
    windows = [deltas[at : at + 30] for at in range(len(deltas) - 29)]
    count = ToktokCounter("o200k_base").count
    views = count([encode_view(w) for w in windows])
    lines = count(["".join(f"{encode_delta(d)}\n" for d in w) for w in windows])
    assert sum(views) / len(views) / 30 <= 19
    assert max(views) / 30 <= 21.5
    assert max(v / n for v, n in zip(views, lines, strict=True)) <= 0.55


# Tokens


@pytest.mark.parametrize("tokenizer", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("name", REAL)
def test_the_fast_counter_counts_a_real_log_as_tiktoken_does(name: str, tokenizer: str) -> None:
    text = decode_text(real(name).data)
    texts = [text, *text.splitlines(keepends=True)]
    assert ToktokCounter(tokenizer).count(texts) == TiktokenCounter(tokenizer).count(texts)


@pytest.mark.slow
def test_the_fast_counter_counts_every_trap_as_tiktoken_does(traps: Log) -> None:
    texts = [decode_text(traps.data[s.start : s.end]) for s in traps.spans]
    assert ToktokCounter("o200k_base").count(texts) == TiktokenCounter("o200k_base").count(texts)


@pytest.mark.slow
def test_the_fast_counter_counts_an_everyday_log_as_tiktoken_does(medium: Log) -> None:
    text = decode_text(medium.data)
    assert ToktokCounter("o200k_base").count([text]) == TiktokenCounter("o200k_base").count([text])


@pytest.mark.parametrize("name", REAL)
def test_the_table_counts_every_part_of_a_real_log_as_tiktoken_does(name: str) -> None:
    text = decode_text(real(name).data)
    _equal([text, *text.splitlines(keepends=True), *text.split()])


@pytest.mark.slow
def test_the_table_counts_every_trap_as_tiktoken_does(traps: Log) -> None:
    texts = [decode_text(traps.data[s.start : s.end]) for s in traps.spans]
    _equal([text for text in texts if len(text) <= LONGEST])


@pytest.mark.slow
def test_the_table_counts_every_line_of_an_everyday_log_as_tiktoken_does(medium: Log) -> None:
    _equal(list(dict.fromkeys(decode_text(medium.data).splitlines(keepends=True))))


def test_the_table_counts_every_view_as_tiktoken_does(deltas: list[Delta]) -> None:
    _equal([encode_view(deltas[at : at + 30]) for at in range(len(deltas) - 29)])


def _equal(texts: list[str]) -> None:
    """Compare the counts of texts; fewer than one of a hundred may be left to the tokenizer."""
    short = ShortCounts(decode_table(Path(table_path()).read_bytes()))
    counts = [short.count(text) for text in texts]
    left = sum(count is None for count in counts)
    expected = TiktokenCounter("o200k_base").count(texts)
    assert all(c in (None, e) for c, e in zip(counts, expected, strict=True))
    assert left * 100 <= len(texts), f"{left} of {len(texts)}"
