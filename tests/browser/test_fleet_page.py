"""The page of a fleet as people meet it: 10,000 repositories, light and dark, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe

from codec.tables.rows import Row
from codec.tables.schema import BY_NAME
from pipelines.outcomes.progress import Silent
from pipelines.remotes.directory import DirectoryRemote
from tests.browser.conftest import Chromium, Seen
from tests.pipelines.conftest import Cli

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from pipelines.tables.fold import Given, Target, fold

COUNT: Final = 10_000
#: The repository with a task that is markup, which failed twice.
HOSTILE: Final = 101
ALERT: Final = "<script>alert(1)</script>"
VIEWS: Final[list[dict[str, Any]]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "width": 390},
    {"color_scheme": "dark", "width": 390},
]
_OUTCOMES: Final = {7: "findings", 501: "timeout", 903: "failed"}


def values(table: str, **given: object) -> tuple[Any, ...]:
    return tuple(given.get(name) for name in BY_NAME[table].names)


def rows_of(number: int) -> Iterator[Row]:
    name = f"example.com/team{number % 40}/app{number:05d}"
    for n in range(number % 3):
        key = f"2025-{10 + n}-0{9 if number == HOSTILE else 1 + number % 9}"
        status = "FAIL" if number % 50 == 1 else "PASS"
        yield Row("sessions", key[:7], values(
            "sessions", repository=name, key=key, date=key, agent=("human", "sonnet-4.5")[n],
            task=ALERT if number == HOSTILE else f"task-{number % 9}", status=status,
            tokens_used=1000,
        ))  # fmt: skip
    yield Row("repos", "", values(
        "repos", repository=name, sessions=number % 3, private_sessions=0, last_date="2025-11-01",
        window_before=5000, window_after=400, file_bytes=9000, archive_bytes=0, digest=str(number),
    ))  # fmt: skip
    outcome = _OUTCOMES.get(number % 1000, "done")
    yield Row("runs", "", values(
        "runs", repository=name, verb="verify", outcome=outcome, exit_code=0,
        findings=number if outcome == "findings" else 0, bytes=1,
        codes="damaged" if outcome == "findings" else None,
    ))  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet") / "tables"
    target = Target(DirectoryRemote(str(folder)), "parquet", False, ("sessions", "repos", "runs"))
    given = [Given(f"example.com/team{n % 40}/app{n:05d}", "", lambda n=n: rows_of(n))  # type: ignore[misc]
             for n in range(COUNT)]  # fmt: skip
    fold(target, given, Silent())
    return folder


@pytest.fixture
def page(tables: Path, cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "fleet.html"
    said = cli("fleet", "report", "--tables", tables, "-o", path, "--usd-per-million", 3)
    assert said.code == 0, said.err
    return path


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_it_opens_without_a_complaint_and_a_screen_reader_finds_its_way(
    chromium: Chromium, page: Path, view: dict[str, Any]
) -> None:
    seen = chromium.open(page, **view)
    assert seen.complaints == []
    assert [u for u in seen.requests if not u.startswith("data:")] == [page.as_uri()]
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    violations = Axe().run(seen.page).response["violations"]
    serious = [v for v in violations if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in serious] == []


def names(seen: Seen) -> list[str]:
    return seen.texts("#rows th")


def test_ten_thousand_repositories_are_searched_sorted_and_the_worst_come_first(
    chromium: Chromium, page: Path
) -> None:
    assert page.stat().st_size < 4_000_000
    seen = chromium.open(page)
    states = seen.texts("#rows td:nth-child(2)")
    assert all("timeout" in s or "failed" in s for s in states[:20])
    assert all("findings: damaged" in s for s in states[20:30])
    assert len(names(seen)) == 50
    assert seen.texts("#count") == ["10,000 repositories"]
    seen.page.fill("#search", "app00501")
    assert names(seen) == ["example.com/team21/app00501"]
    seen.page.fill("#search", "")
    seen.page.select_option("#state", "person")
    assert seen.texts("#count") == ["30 of 10,000 repositories"]
    seen.page.select_option("#state", "")
    seen.page.get_by_role("button", name="Repository").click()
    assert names(seen)[0].endswith("app00000")
    seen.page.get_by_role("button", name="Last", exact=True).last.click()
    assert "Page 200 of 200" in seen.texts("#pager")[0]


def test_figures_are_sums_of_the_tables_and_text_is_never_markup(
    chromium: Chromium, page: Path
) -> None:
    seen = chromium.open(page)
    (tiles,) = seen.texts("#tiles")
    assert "66.6" in tiles
    assert "6,666 of 10,000 have sessions" in tiles
    assert "USD 30" in tiles
    assert "92.0" in seen.texts("#hero")[0]
    assert ALERT in seen.texts("#work")[0]
    assert seen.page.locator("#work script").count() == 0


def test_another_file_is_not_overwritten(tables: Path, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.html"
    path.write_text("mine")
    assert cli("fleet", "report", "--tables", tables, "-o", path).code == 22
    assert path.read_text() == "mine"
    assert cli("fleet", "report", tmp_path).code == 30
    assert cli("fleet", "report", "--tables", tmp_path, "-o", tmp_path / "x.html").code == 10
