"""Take the pictures of a report that README.md and docs/report.md show: `make screenshots`.

The bundled sample is migrated and archived, and its report is opened in Debian's `chromium`: in
light, in dark with a session and its diff open, and on a phone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "report"
_SAMPLE: Final = ROOT / "fixtures" / "sample"
_SESSION: Final = "offline-shell"


def report(folder: Path) -> Path:
    """Write the report of the sample into a folder; return its path."""
    copy, path = folder / "tides", folder / "report.html"
    shutil.copytree(_SAMPLE, copy)
    verbs = (
        ["migrate"], ["archive"], ["report", "-o", str(path), "--with-diffs"],
    )  # fmt: skip
    for verb, *more in verbs:
        command = [sys.executable, "-m", "pipelines.cli.main", verb, str(copy), *more]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return path


def opened(browser: Browser, path: Path, width: int, height: int, **more: Any) -> Page:
    """Open the report in a new window."""
    page = browser.new_page(viewport={"width": width, "height": height}, **more)
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def take(browser: Browser, path: Path) -> None:
    """Take the pictures of a report."""
    opened(browser, path, 1280, 1660).screenshot(path=FOLDER / "light.png")
    opened(browser, path, 390, 844).screenshot(path=FOLDER / "phone.png")
    page = opened(browser, path, 1280, 1500, color_scheme="dark")
    page.get_by_role("button", name=_SESSION, exact=True).last.click()
    page.locator(".detail .button").click()
    page.locator("#archives-title").evaluate("(title) => title.scrollIntoView()")
    page.mouse.move(0, 0)
    page.screenshot(path=FOLDER / "dark.png")


def main() -> None:
    """Take the pictures again, and write them into docs/report."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(browser, report(Path(folder)))
        browser.close()


if __name__ == "__main__":
    main()
