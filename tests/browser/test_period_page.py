"""The page of a period in a browser: light and dark, on a desk and on a phone, read aloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Chromium
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.support.model_server import ModelServer, claims

VIEWS: Final[list[dict[str, Any]]] = [
    {"color_scheme": "light", "width": 1280},
    {"color_scheme": "dark", "width": 1280},
    {"color_scheme": "light", "width": 390},
    {"color_scheme": "dark", "width": 390},
]
LONG: Final = "configuration-of-the-deployment-pipeline-for-every-environment"


@pytest.fixture
def made(bench: Bench, cli: Cli, tmp_path: Path) -> Path:
    """Make the page of a range of days, whose name is long, with claims of a model."""
    bench.log.write_bytes(
        log_of(
            entry(day(1), task=LONG, notes="Decisions: keep <b>one</b> writer. " * 5),
            *(entry(day(n), task="repeat", status="FAIL (no)") for n in range(2, 8)),
            entry(day(20), agent="human", task="revert-it", patch=None),
        )
    )
    bench.migrate()
    path = tmp_path / "period.html"
    with ModelServer(claims(("One writer was kept.", [day(1)]))) as server:
        asked = ("--period", "2025-11-01..2025-11-30", "--format", "html", "-o", path)
        model = ("--model", "m", "--endpoint", server.url, "--yes")
        said = cli("summarize", bench.root, *asked, *model)
    assert said.code == 0, said.err
    return path


def opened(chromium: Chromium, path: Path, view: dict[str, Any]) -> tuple[Page, list[str]]:
    page = chromium.browser.new_page(
        viewport={"width": view["width"], "height": 900}, color_scheme=view["color_scheme"]
    )
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda r: complaints.append(r.url) if r.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page, complaints


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_page_makes_no_requests_and_fits_its_window(
    chromium: Chromium, made: Path, view: dict[str, Any]
) -> None:
    page, complaints = opened(chromium, made, view)
    assert complaints == []
    widths = page.evaluate(
        "[document.documentElement, ...document.querySelectorAll('.scroll')]"
        ".map((e) => [e.scrollWidth, e.clientWidth])"
    )
    assert all(content <= box for content, box in widths), widths
    assert page.locator("section").count() > 5
    assert "One writer was kept." in page.locator("main").inner_text()


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_it_has_no_serious_fault_for_assistive_technology(
    chromium: Chromium, made: Path, view: dict[str, Any]
) -> None:
    page, _ = opened(chromium, made, view)
    found = Axe().run(page)
    serious = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
    assert serious == [], found.generate_report()
