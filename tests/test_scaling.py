"""The scaling tables of docs/tokens.md were measured, and say with what and when."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from bench.corpus import SHARED, beginning, large, make_up
from bench.scaling import (
    PAGE,
    SIZES,
    SPECIFIED,
    SPECIFIED_WINDOW,
    Measured,
    page,
    percent,
    prices,
    scaling,
    write,
)
from bench.verbs import Setting

ROOT = Path(__file__).parents[1]
SPECIFICATION = ROOT.parent / "shared" / "SCALE_CODEC.md"


def quoted() -> str:
    """Return the measured part of the page."""
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    found = re.search(r"<!-- measured: scaling -->\n(.*?)<!-- end of the measured", text, re.S)
    assert found is not None
    return found[1]


def rows(text: str, tokenizer: str = "o200k_base") -> dict[str, list[str]]:
    """Return the rows of the scaling table by sessions."""
    cells = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| "))
    return {row[0]: row for row in cells if len(row) == 10 and row[1] == tokenizer}


def measured(sessions: int, v1: int, v2: int, window: float = 95.0) -> Measured:
    saved = {"window": window, "log": 100 * (v1 - v2) / v1}
    return Measured(f"first {sessions}", sessions, "o200k_base", v1, v2, 235, saved)


def test_the_page_quotes_every_size_with_tokenizer_and_day() -> None:
    text = quoted()
    assert list(rows(text)) == [f"{size:,}" for size in SIZES]
    day = re.search(r"Measured on (\d{4}-\d\d-\d\d) by `make bench-scaling`; tokens by o200k", text)
    assert day is not None
    assert date.fromisoformat(day[1]) >= date(2025, 11, 6)
    assert "the real origin.md" in text
    assert "made up" not in text


def test_the_limits_of_the_readme_are_the_measured_ones() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    _, table = quoted().split("By baseline")
    windows = [float(n) for n in re.findall(r"^\| (?!log).*? \| [\d,]+ \| ([\d.]+) %", table, re.M)]
    words = ("none", "one", "two", "three", "four", "five")
    missed = words[sum(w < SPECIFIED_WINDOW for w in windows)]
    assert f"{missed} of the {words[len(windows)]} measured logs" in readme


def test_the_figures_of_the_specification_are_its_own() -> None:
    if not SPECIFICATION.exists():
        pytest.skip(f"{SPECIFICATION} is not there: it is not part of the repository")
    text = SPECIFICATION.read_text(encoding="utf-8")
    for size, (v1, v2, saved, cost) in SPECIFIED.items():
        assert re.search(
            rf"\| {size:,} +\| {v1:,} +\| {v2:,} +\| {saved:g}% +\| \${cost:,.2f}", text
        )


def test_a_price_says_where_and_when_it_was_read() -> None:
    for price in prices():
        assert price.usd > 0
        assert price.source.startswith("https://")
        assert re.fullmatch(r"\d{4}-\d\d(-\d\d)?", price.read)


def test_a_share_below_the_whole_is_never_shown_as_100_percent() -> None:
    assert percent(99.996) == "99.99 %"
    assert percent(100.0) == "100.00 %"
    assert percent(94.3) == "94.30 %"
    assert percent(-3.217) == "-3.22 %"


def test_missed_targets_of_the_specification_are_named() -> None:
    text = page([measured(10, 5_000, 400, window=80.5)], prices()[0], "2026-01-01")
    (missed,) = [line for line in text.splitlines() if line.startswith("- first 10")]
    assert "`window` saves 80.50 % instead of 90 %" in missed
    assert "v2 costs 400 tokens instead of 250" in missed
    assert "92.00 % saved instead of 95 %" in missed
    assert "- cost: $0.01 to $0.01 instead of $0.71 to $0.71." in text


def test_a_reached_target_is_not_called_missed() -> None:
    text = page([measured(10, 5_000_000, 200)], prices()[0], "2026-01-01")
    assert text.endswith("- nothing.")


def test_the_beginning_of_a_log_has_its_first_sessions(tmp_path: Path) -> None:
    log = tmp_path / "log.md"
    make_up(log, 5)
    for sessions in (1, 3, 5):
        part = tmp_path / f"{sessions}.md"
        beginning(log, part, sessions)
        text = part.read_bytes()
        assert text.count(b"\n### 20") == sessions
        assert text.endswith(b"Move old sessions to the archive.\n")
        assert log.read_bytes().startswith(text[: text.index(b"\n## Archival")])


@pytest.mark.slow
def test_the_figures_of_the_page_can_be_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is not there: the corpus is not part of the repository")
    monkeypatch.setattr("bench.scaling.SIZES", (10, 100))
    monkeypatch.setattr("bench.scaling.is_installed", lambda: False)
    log = tmp_path / "log.md"
    large(log)
    (tmp_path / "work").mkdir()
    said = "\n".join(t.text for t in scaling(Setting(folder=tmp_path / "work", log=log, wanted=1)))
    again = rows(said)
    assert list(again) == ["10", "100"]
    for size, row in again.items():
        assert row == rows(quoted())[size]


def test_the_page_keeps_all_that_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.scaling.ROOT", tmp_path)
    before = (ROOT / PAGE).read_text(encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text(before, encoding="utf-8")
    write("new figures")
    after = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert after == before.replace(quoted(), "\nnew figures\n\n")
