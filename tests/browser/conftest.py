"""A real browser, headless, with a profile of its own that is empty: Debian's `chromium`.

Where it is not installed these tests are skipped, and say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.pipelines.conftest import bench, cli, plain, worker

__all__ = ["bench", "cli", "plain", "worker"]

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """A page that is open, and all that it complained of or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all matching elements."""
        return self.page.locator(selector).all_inner_texts()


@dataclass(frozen=True, slots=True)
class Chromium:
    """Opens files as a person does."""

    browser: Browser

    def open(self, path: Path, *, width: int = 1280, **more: Any) -> Seen:
        """Open a file and wait until the page says that it is drawn."""
        page = self.browser.new_page(viewport={"width": width, "height": 900}, **more)
        page.set_default_timeout(30_000)
        seen = Seen(page)
        page.on("console", lambda message: seen.complaints.append(message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda request: _note(seen, request))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        return seen


def _note(seen: Seen, request: Request) -> None:
    seen.requests.append(request.url)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One browser for all tests; each opens pages of its own."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        yield Chromium(browser)
        browser.close()
