"""The report as people meet it: in a browser, in light and dark, on a phone, read aloud."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from pipelines.report.percentages import rounded_down
from pipelines.workspace.location import MANIFEST
from tests.browser.conftest import Chromium, Seen
from tests.pipelines.conftest import PATCH, Bench, Cli, day, entry, log_of

ROOT = Path(__file__).parents[2]
ALERT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
#: A diff full of markup, which must be shown as the text it is.
MARKUP = (
    b"diff --git a/a.html b/a.html\n--- a/a.html\n+++ b/a.html\n@@ -1 +1,4 @@\n-<p>old</p>\n"
    b"+<h1>new</h1></pre></script>\n+<script>alert(3)</script>\n+&lt;b&gt; \xe2\x80\xa8 \xc3\xa9\n"
    b"+<img src=http://127.0.0.1:9/x onerror=alert(4)>\n"
)
VIEWS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "width": 390},
    {"color_scheme": "dark", "width": 390},
]
KEY = "td .open"


@pytest.fixture
def made(bench: Bench, cli: Cli, tmp_path: Path) -> Path:
    """Make the report of a few sessions, some of them hostile, with their diffs."""
    bench.log.write_bytes(
        log_of(
            entry(day(1), task="first-task", notes=f"Beware of {IMAGE}"),
            entry(day(2), task=ALERT, patch=MARKUP, status="FAIL (no)"),
            entry(day(3), agent="human", task="third-task", patch=None, status="PARTIAL"),
            entry(day(20), agent="human", task="second-task"),
        )
    )
    bench.migrate()
    path = tmp_path / "report.html"
    assert cli("report", bench.root, "-o", path, "--with-diffs").code == 0
    return path


@pytest.fixture
def seen(chromium: Chromium, made: Path) -> Seen:
    return chromium.open(made)


def column(seen: Seen, number: int) -> list[str]:
    return seen.texts(f"tr.session td:nth-child({number})")


def tasks(seen: Seen) -> list[str]:
    return seen.texts(KEY)


def blank(seen: Seen) -> list[bool]:
    """Of each chart: whether nothing is drawn."""
    found: list[bool] = seen.page.evaluate(
        """[...document.querySelectorAll("canvas")].map((c) => !c.width || !c.getContext("2d")
           .getImageData(0, 0, c.width, c.height).data.some((value) => value))"""
    )
    return found


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_page_opens_without_errors_and_makes_no_requests(
    chromium: Chromium, made: Path, view: dict[str, Any]
) -> None:
    seen = chromium.open(made, **view)
    assert seen.complaints == []
    assert [u for u in seen.requests if not u.startswith("data:")] == [made.as_uri()]
    assert blank(seen) == [False] * 6
    wide = seen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_screen_reader_finds_its_way(
    chromium: Chromium, made: Path, view: dict[str, Any]
) -> None:
    seen = chromium.open(made, **view)
    for button in seen.page.locator(KEY).all():
        button.click()
    for button in seen.page.locator(".detail .button").all():
        button.click()
    for summary in seen.page.locator("details.data summary").all():
        summary.click()
    seen.page.wait_for_function(
        "() => [...document.querySelectorAll('details.data')].every(d => d.querySelector('table'))"
    )
    violations = Axe().run(seen.page).response["violations"]
    serious = [v for v in violations if v["impact"] in ("serious", "critical")]
    told = [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in serious]
    assert told == []


def test_a_change_of_the_colour_scheme_redraws_the_charts(seen: Seen) -> None:
    picture = "document.querySelector('canvas').toDataURL()"
    light = seen.page.evaluate(picture)
    seen.page.emulate_media(color_scheme="dark")
    seen.page.wait_for_function(f"(before) => {picture} !== before", arg=light)
    assert blank(seen) == [False] * 6


def test_each_chart_has_its_figures_as_a_table(seen: Seen) -> None:
    figure = seen.page.locator("figure", has_text="By agent")
    assert figure.locator("table").count() == 0
    figure.locator("summary").click()
    figure.locator("table").wait_for()  # made when it is first looked at
    rows = [row.inner_text().split("\t") for row in figure.locator("tr").all()]
    assert rows == [
        ["Week of", "human", "sonnet-4.5"],
        ["27 Oct 2025", "0", "2"],
        ["3 Nov 2025", "1", "0"],
        ["10 Nov 2025", "0", "0"],
        ["17 Nov 2025", "1", "0"],
    ]


def test_words_of_a_log_are_text_and_never_markup(seen: Seen) -> None:
    seen.page.get_by_label("Search").fill("beware")
    seen.page.locator(KEY).click()
    assert f"Notes: Beware of {IMAGE}" in seen.texts("pre.entry")[0]
    seen.page.get_by_label("Search").fill("alert(1)")
    seen.page.locator(KEY).click()
    assert seen.texts(".detail .title") == [ALERT]
    seen.page.get_by_role("button", name="Show the diff").click()
    shown = seen.page.locator(".diff pre").text_content()
    assert shown == MARKUP.decode()
    assert seen.page.locator("main img, main script, .diff h1").count() == 0
    assert seen.complaints == []


def test_names_of_a_hostile_repository_are_text(
    bench: Bench, cli: Cli, chromium: Chromium, tmp_path: Path
) -> None:
    bench.migrate()
    manifest = bench.root / MANIFEST
    text = manifest.read_text()
    manifest.write_text(text.replace('"task":"task-2"', f'"task":"{IMAGE}"'))
    path = tmp_path / "report.html"
    assert cli("report", bench.root, "-o", path).code == 0
    seen = chromium.open(path)
    assert IMAGE in tasks(seen)
    assert seen.complaints == []


def test_the_browser_refuses_foreign_scripts_and_requests(seen: Seen) -> None:
    refused = seen.page.evaluate(
        """async () => {
          const said = [];
          addEventListener("securitypolicyviolation", (e) => said.push(e.effectiveDirective));
          try { document.body.innerHTML = "<b>x</b>"; } catch (e) { said.push(e.name); }
          await fetch("http://127.0.0.1:9/").catch(() => said.push("no fetch"));
          const script = document.createElement("script");
          try { script.textContent = "window.ran = 1"; } catch (e) { said.push(e.name); }
          const style = document.createElement("style");
          style.textContent = "body { display: none }";
          document.head.append(style);
          await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
          return [said, window.ran, getComputedStyle(document.body).display];
        }"""
    )
    said, ran, display = refused
    assert {"TypeError", "no fetch", "connect-src", "style-src-elem"} <= set(said)
    assert (ran, display) == (None, "block")


def test_search_finds_words_in_any_order_and_counts(seen: Seen) -> None:
    seen.page.get_by_label("Search").fill("task HUMAN")
    assert tasks(seen) == ["second-task", "third-task"]
    assert seen.texts("#count") == ["2 of 4 sessions"]
    seen.page.locator("#status").select_option("PARTIAL")
    assert tasks(seen) == ["third-task"]
    seen.page.get_by_label("Search").fill("nothing like this")
    assert tasks(seen) == []
    assert seen.texts("#count") == ["0 of 4 sessions"]


def test_a_heading_sorts_and_says_how(seen: Seen) -> None:
    assert [t[:10] for t in column(seen, 1)] == [day(n)[:10] for n in (20, 3, 2, 1)]
    head = seen.page.locator("#columns th", has_text="Task")
    head.locator("button").click()
    assert (
        seen.page.locator("#columns th", has_text="Task").get_attribute("aria-sort") == "ascending"
    )
    ascending = tasks(seen)
    assert ascending == sorted(ascending)
    seen.page.locator("#columns th", has_text="Task").locator("button").click()
    assert tasks(seen) == ascending[::-1]
    focused = seen.page.evaluate("document.activeElement.textContent")
    assert focused == "Task"


def test_a_row_opens_the_entry_that_show_prints(seen: Seen, bench: Bench, cli: Cli) -> None:
    for number, button in enumerate(seen.page.locator(KEY).all()):
        button.click()
        assert button.get_attribute("aria-expanded") == "true"
        key = button.get_attribute("data-key")
        said = cli("show", key, bench.root).out.rstrip("\n")
        assert seen.page.locator("pre.entry").nth(number).text_content() == said
    seen.page.locator(KEY).first.click()
    assert seen.page.locator("pre.entry").count() == 3


def test_a_diff_opens_and_closes_on_demand(seen: Seen, bench: Bench, cli: Cli) -> None:
    seen.page.get_by_label("Search").fill("first-task")
    seen.page.locator(KEY).press("Enter")
    button = seen.page.locator(".detail .button")
    assert button.inner_text() == f"Show the diff ({len(PATCH)} bytes)"
    button.press("Enter")
    assert seen.page.locator(".diff pre").text_content() == PATCH.decode()
    assert seen.page.locator(".diff .add").all_text_contents() == ["+new\n", "+more\n"]
    button.press("Enter")
    assert seen.page.locator(".diff").count() == 0


def test_a_report_without_diffs_explains_how_to_see_one(
    bench: Bench, cli: Cli, chromium: Chromium, tmp_path: Path
) -> None:
    bench.migrate()
    path = tmp_path / "report.html"
    cli("report", bench.root, "-o", path)
    seen = chromium.open(path)
    seen.page.locator(KEY).first.click()
    assert seen.texts(".detail code") == [f"session-codec show {day(3)} --diff"]


def test_a_failing_task_leads_to_its_session(seen: Seen) -> None:
    seen.page.get_by_label("Search").fill("second")
    seen.page.locator("#tasks .link").last.click()
    assert seen.page.locator("[aria-expanded=true].open").count() == 1
    focused = seen.page.evaluate("document.activeElement.dataset.key")
    assert focused == seen.page.locator("[aria-expanded=true].open").get_attribute("data-key")


def test_the_figures_on_the_page_are_those_of_verify(seen: Seen, bench: Bench, cli: Cli) -> None:
    text = cli("verify", bench.root).out
    said = re.findall(r"^  \w+ +([\d,]+) +([\d,]+) +(-?[\d.]+ %) ", text, re.M)
    shown = [row.inner_text() for row in seen.page.locator("#baselines tbody tr").all()]
    assert len(said) == 5
    for (before, after, saved), row in zip(said, shown, strict=True):
        for figure in (before, after, saved.replace("-", "\u2212")):
            assert figure in row.split("\t"), row


def test_a_higher_cost_is_not_shown_as_a_saving(
    plain: Bench, cli: Cli, chromium: Chromium, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "fixtures" / "sample" / "CLAUDE.md", plain.root)
    shutil.copy(ROOT / "fixtures" / "sample" / "package.json", plain.root)
    plain.log.unlink()
    cli("install", plain.root)
    cli("record", plain.root, "--agent", "human", "--task", "one", "--no-diff")
    cli("references", plain.root)
    path = tmp_path / "report.html"
    said = cli("report", plain.root, "-o", path, "--json").json["tokens"]["baselines"][0]
    assert said["before"] < said["after"]
    seen = chromium.open(path)
    assert seen.complaints == []
    more = f"{-rounded_down(said['reduction_percent'], 1):.1f}"
    assert " ".join(seen.texts("#hero")).startswith(more)
    assert "more tokens when a session starts" in seen.texts("#hero")[0]
    assert f"\u2212{more} %" in seen.texts("#baselines")[0]
    assert "No duration is known." in seen.texts("#lines")[0]


@pytest.mark.parametrize("view", VIEWS[:3], ids=str)
def test_an_empty_workspace_has_a_page_that_says_so(
    plain: Bench, cli: Cli, chromium: Chromium, tmp_path: Path, view: dict[str, Any]
) -> None:
    plain.log.unlink()
    cli("install", plain.root)
    path = tmp_path / "report.html"
    cli("report", plain.root, "-o", path)
    seen = chromium.open(path, **view)
    assert seen.complaints == []
    assert "There are no sessions to draw." in seen.texts("#work")[0]
    assert "nothing to compare" in seen.texts("#baselines")[0]
    assert seen.texts("#count") == ["0 sessions"]
    violations = Axe().run(seen.page).response["violations"]
    assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []


def test_ten_thousand_sessions_are_shown_a_page_at_a_time(
    bench: Bench, cli: Cli, chromium: Chromium, tmp_path: Path
) -> None:
    bench.migrate()
    path = tmp_path / "report.html"
    cli("report", bench.root, "-o", path)
    before, block = path.read_text(encoding="utf-8").split('id="data">', 1)
    text, after = block.split("</script>", 1)
    data = json.loads(text)
    row = data["sessions"][0]
    data["sessions"] = [
        [f"2025-01-01T{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z", *row[1:]]
        for n in range(10_000)
    ]
    path.write_text(f'{before}id="data">{json.dumps(data)}</script>{after}', encoding="utf-8")
    seen = chromium.open(path)
    assert seen.texts("#count") == ["10,000 sessions"]
    assert len(tasks(seen)) == 50
    assert seen.page.evaluate("document.querySelectorAll('*').length") < 3000
    seen.page.get_by_role("button", name="Last").click()
    assert column(seen, 1)[-1].startswith("2025-01-01 00:00")
    assert "Page 200 of 200" in seen.texts("#pager")[0]


def test_a_quarter_shows_the_output_of_summarize(
    chromium: Chromium, made: Path, bench: Bench, cli: Cli
) -> None:
    for view in VIEWS:
        seen = chromium.open(made, **view)
        assert seen.texts("#quarter option") == ["Choose one", "2025-Q4"]
        seen.page.select_option("#quarter", "2025-Q4")
        page = seen.page.locator("#quarter-page")
        written = cli("summarize", bench.root, "--period", "2025-Q4", "--json").json
        titles = page.locator("h3").all_inner_texts()
        assert titles[0] == "Figures"
        assert "Failing and partial" in titles
        assert f"{written['figures']['pass_rate']:.1f} %" in page.inner_text()
        assert page.locator("img, script, b").count() == 0, "texts of sessions are shown as text"
        assert ALERT in page.inner_text()
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= view.get("width", 1280)
        violations = Axe().run(seen.page).response["violations"]
        assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
        assert seen.complaints == []
