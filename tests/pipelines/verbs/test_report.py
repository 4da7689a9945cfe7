"""The report says what the other verbs say, in a page that carries nothing but its own scripts."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import pipelines
from codec.kinds import Key
from codec.records import Metrics, Session
from codec.tokens.tokenizers import counter
from pipelines.diffs.local_archives import list_archives
from pipelines.report.figures import MOST_AGENTS, OTHERS, course, failing, periods, slowest
from pipelines.report.page import MARK, data_block
from pipelines.verbs import report
from tests.pipelines.conftest import PATCH, Bench, Cli, day, entry, git, log_of
from tests.support.made_secrets import Maker

HOSTILE = "<script>alert(1)</script>"
ASSETS = Path(pipelines.__file__).parent / "report" / "assets"


class Blocks(HTMLParser):
    """What a browser takes for scripts, styles and data in a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.policy = ""
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.data: dict[str, str] = {}
        self._into: list[str] | None = None
        self._name: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag == "style":
            self._into = self.styles
        elif tag == "script":
            self._name = given.get("id") if given.get("type") == "application/json" else None
            self._into = self.scripts

    def handle_data(self, data: str) -> None:
        if self._name is not None:
            self.data[self._name] = data
        elif self._into is not None:
            self._into.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._into = self._name = None


def blocks(path: Path) -> Blocks:
    return Blocks(path.read_text(encoding="utf-8"))


def shown(path: Path) -> dict[str, Any]:
    """Return the data embedded in a report."""
    data: dict[str, Any] = json.loads(blocks(path).data["data"])
    return data


def rows(path: Path) -> list[dict[str, Any]]:
    data = shown(path)
    return [dict(zip(data["fields"], row, strict=True)) for row in data["sessions"]]


def session(key: str, **more: Any) -> Session:
    given = {"agent": "human", "task": "t", "status": "PASS", **more}
    return Session(key=Key(key), time=key, **given)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def test_it_prints_the_very_figures_of_verify(bench: Bench, cli: Cli, page: Path) -> None:
    bench.migrate()
    said = cli("report", bench.root, "-o", page, "--json")
    verified = cli("verify", bench.root, "--json").json["tokens"]
    assert said.code == 0
    assert said.json["tokens"] == verified
    drawn = [(b["name"], b["before"], b["after"]) for b in shown(page)["saved"]["baselines"]]
    assert drawn == [(b["name"], b["before"], b["after"]) for b in verified["baselines"]]


def test_the_sessions_are_those_that_query_gives(bench: Bench, cli: Cli, page: Path) -> None:
    bench.migrate()
    assert (
        cli("report", bench.root, "-o", page, "--since", day(2), "--until", "2025-11-02").code == 0
    )
    asked = cli("query", bench.root, "--since", day(2), "--until", "2025-11-02", "--json").json
    keys = [row["key"] for row in rows(page)]
    assert keys == [row["key"] for row in asked["rows"]] == [day(2)]
    assert shown(page)["every"] == 3


def test_text_of_a_log_cannot_end_its_data_block(bench: Bench, cli: Cli, page: Path) -> None:
    task = f"{HOSTILE} & \u2028 <!-- ]]>"
    bench.log.write_bytes(log_of(entry(day(1), task=task, notes=HOSTILE, patch=None)))
    bench.migrate()
    assert cli("report", bench.root, "-o", page, "--with-diffs").code == 0
    text = page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert rows(page)[0]["notes"] == HOSTILE
    block = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert block is not None
    assert block[1].isascii()
    assert not set("<>&") & set(block[1])


def test_a_block_restores_any_text() -> None:
    text = "</script><script>\u2028\u2029&lt;\ud800\x00\U0001f600"
    (found,) = Blocks(data_block("x", text)).data.values()
    assert json.loads(found) == text


def test_the_policy_names_the_scripts_of_the_page_and_nothing_else(
    bench: Bench, cli: Cli, page: Path
) -> None:
    bench.migrate()
    cli("report", bench.root, "-o", page)
    found = blocks(page)

    def hashes(texts: list[str]) -> str:
        digests = (hashlib.sha256(text.encode()).digest() for text in texts)
        return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)

    rules = dict(rule.strip().split(" ", 1) for rule in found.policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hashes(found.scripts)
    assert rules["style-src"] == hashes(found.styles)
    assert "connect-src" not in rules
    assert "unsafe" not in found.policy


def test_the_page_never_makes_markup_of_a_text() -> None:
    ours = "".join(path.read_text() for path in ASSETS.glob("*.js") if "chart.umd" not in path.name)
    assert "textContent" in ours
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
        assert forbidden not in ours


def test_the_charting_library_is_the_one_that_was_published() -> None:
    digest = hashlib.sha256((ASSETS / "chart.umd.min.js").read_bytes()).hexdigest()
    assert digest == "87364cc2b2a76a6684929e7d6b80b18a897794db38400caff1fcf1791c6925d2"
    assert "MIT" in (ASSETS / "chart.LICENSE.md").read_text()
    assert "Chart.js v4.6.1" in (ASSETS / "chart.umd.min.js").read_text(encoding="utf-8")[:200]


def test_all_of_the_page_is_part_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["pipelines"]
    shipped = {p for pattern in patterns for p in ASSETS.parents[1].glob(pattern)}
    assert set(ASSETS.iterdir()) <= shipped


def test_a_workspace_without_a_v1_log_has_a_report(plain: Bench, cli: Cli, page: Path) -> None:
    plain.log.unlink()
    cli("install", plain.root)
    cli("record", plain.root, "--agent", "human", "--task", "one", "--status", "PASS", "--no-diff")
    said = cli("report", plain.root, "-o", page, "--json")
    assert said.code == 0
    assert said.json["tokens"] == cli("verify", plain.root, "--json").json["tokens"]
    assert [row["task"] for row in rows(page)] == ["one"]
    assert shown(page)["recorded"] == 1
    assert shown(page)["course"][-1]["window"] == said.json["tokens"]["baselines"][0]["before"]


def test_a_workspace_without_sessions_has_a_report(plain: Bench, cli: Cli, page: Path) -> None:
    plain.log.unlink()
    cli("install", plain.root)
    assert cli("report", plain.root, "-o", page).code == 0
    assert rows(page) == []


def test_a_fresh_clone_has_a_report_that_names_the_diffs_it_lacks(
    bench: Bench, cli: Cli, page: Path, tmp_path: Path
) -> None:
    bench.migrate()
    bench.commit()
    git(tmp_path, "clone", "-q", str(bench.root), "clone")
    said = cli("report", tmp_path / "clone", "-o", page, "--with-diffs", "--json")
    assert said.code == 0
    assert said.json["diffs"]["absent"] == [day(1), day(2), day(3)]
    assert said.json["tokens"]["baselines"]


def test_diffs_are_in_it_only_where_they_were_asked_for(bench: Bench, cli: Cli, page: Path) -> None:
    bench.migrate()
    cli("report", bench.root, "-o", page)
    assert not any(name.startswith("diff-") for name in blocks(page).data)
    said = cli("report", bench.root, "-o", page, "--with-diffs")
    assert "holds diffs" in said.err
    found = blocks(page).data
    assert json.loads(found["diff-0"]) == PATCH.decode()
    assert sum(name.startswith("diff-") for name in found) == 3


def test_a_diff_with_a_secret_stays_out_until_it_is_allowed(
    bench: Bench, cli: Cli, page: Path
) -> None:
    secret = "AK" + "IA" + Maker(7).of(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    patch = PATCH.replace(b"+new\n", f"+key = '{secret}'\n".encode())
    bench.log.write_bytes(log_of(entry(day(1), patch=patch), entry(day(2))))
    bench.migrate()
    said = cli("report", bench.root, "-o", page, "--with-diffs", "--json")
    assert said.code == 3
    assert said.json["diffs"]["held"] == [day(1)]
    assert secret not in page.read_text() + said.out + said.err
    prints = [f["fingerprint"] for f in said.json["findings"] if f["code"] == "secret"]
    allowed = [word for print_ in prints for word in ("--allow-secret", print_)]
    said = cli("report", bench.root, "-o", page, "--with-diffs", *allowed)
    assert said.code == 0
    assert secret in page.read_text()


def test_a_damaged_diff_is_named_and_the_rest_is_reported(
    bench: Bench, cli: Cli, page: Path
) -> None:
    bench.migrate()
    (bench.root / ".diffs" / f"{day(2)}.diff").write_bytes(b"something else\n")
    said = cli("report", bench.root, "-o", page, "--with-diffs", "--json")
    assert said.code == 12
    assert said.json["diffs"]["damaged"] == [day(2)]
    assert sum(name.startswith("diff-") for name in blocks(page).data) == 2
    assert cli("report", bench.root, "-o", page).code == 0


def test_another_file_is_not_overwritten(bench: Bench, cli: Cli, page: Path) -> None:
    bench.migrate()
    page.write_text("<html>mine</html>")
    said = cli("report", bench.root, "-o", page)
    assert said.code == 22
    assert "--force" in said.err
    assert page.read_text() == "<html>mine</html>"
    assert cli("report", bench.root, "-o", page, "--force").code == 0
    assert MARK in page.read_text(encoding="utf-8")[:512]
    assert cli("report", bench.root, "-o", page).code == 0


def test_a_link_is_not_written_through(bench: Bench, cli: Cli, page: Path, tmp_path: Path) -> None:
    bench.migrate()
    page.symlink_to(tmp_path / "elsewhere")
    assert cli("report", bench.root, "-o", page).code == 22
    assert not (tmp_path / "elsewhere").exists()


def test_a_pipe_is_not_a_report_and_does_not_block(bench: Bench, cli: Cli, page: Path) -> None:
    bench.migrate()
    os.mkfifo(page)
    assert cli("report", bench.root, "-o", page).code == 22


def test_a_folder_is_not_a_report(bench: Bench, cli: Cli, tmp_path: Path) -> None:
    bench.migrate()
    assert cli("report", bench.root, "-o", tmp_path, "--force").code == 22


def test_a_missing_folder_is_named_with_the_file_that_was_asked_for(
    bench: Bench, cli: Cli, tmp_path: Path
) -> None:
    bench.migrate()
    said = cli("report", bench.root, "-o", tmp_path / "none" / "report.html")
    assert said.code == 30
    assert f"error: {tmp_path / 'none' / 'report.html'}: no such file or directory" in said.err


def test_a_report_that_cannot_be_finished_leaves_the_last_one(
    bench: Bench, cli: Cli, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.migrate()
    cli("report", bench.root, "-o", page)
    before = page.read_bytes()

    def broken(_page: object) -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "html", broken)
    assert cli("report", bench.root, "-o", page).code == 32
    assert page.read_bytes() == before
    assert list(page.parent.glob("*.tmp")) == []


def test_archives_are_listed_with_their_diffs(bench: Bench, cli: Cli, page: Path) -> None:
    bench.migrate()
    cli("archive", bench.root)
    cli("report", bench.root, "-o", page)
    (listed,) = list_archives(bench.workspace, bench.manifest)
    (drawn,) = shown(page)["archives"]
    assert drawn == {
        "name": listed.fact.name,
        "month": "2025-11",
        "diffs": 3,
        "loose": 3 * len(PATCH),
        "size": listed.fact.size,
        "here": True,
    }
    cli("report", bench.root, "-o", page, "--since", "2025-12")
    assert shown(page)["archives"] == []


def test_the_last_point_of_the_course_equals_the_figures_of_verify(
    bench: Bench, cli: Cli, page: Path
) -> None:
    bench.migrate()
    cli("report", bench.root, "-o", page)
    window, *_ = shown(page)["saved"]["baselines"]
    last = shown(page)["course"][-1]
    assert (last["window"], last["context"]) == (window["before"], window["after"])


def test_the_course_grows_by_the_cost_of_each_session() -> None:
    count = counter()
    sessions = [session(day(n)) for n in (1, 2, 10)]
    drawn = course(
        sessions, [100, 20, 3], "a: b\n", window=2, drawn=periods(sessions), count=count.count
    )
    lines = [f"{day(n)} | human | t | PASS | -\n" for n in (1, 2, 10)]
    base, *costs = count.count(["a: b\n", *lines])
    assert [c.files for c in drawn] == [base + sum(costs[:2]), base + sum(costs)]
    assert [(c.log, c.window) for c in drawn] == [(120, 120), (123, 23)]


def test_the_course_of_a_range_counts_earlier_sessions() -> None:
    count = counter()
    sessions = [session(day(n)) for n in (1, 10, 20)]
    (drawn,) = course(
        sessions, [9, 5, 2], "", window=5, drawn=periods(sessions[1:2]), count=count.count
    )
    assert (drawn.start, drawn.log) == ("2025-11-10", 14)


def test_weeks_begin_on_monday_and_empty_ones_count() -> None:
    drawn = periods([session("2025-11-09"), session("2025-11-10"), session("2025-11-24")])
    assert [(p.start, p.sessions) for p in drawn.rows] == [
        ("2025-11-03", 1),
        ("2025-11-10", 1),
        ("2025-11-17", 0),
        ("2025-11-24", 1),
    ]


@pytest.mark.parametrize(
    ("last", "unit", "bars"),
    [("2027-06-30", "week", 129), ("2030-01-15", "month", 61), ("9999-12-31", "year", 7975)],
)
def test_a_long_time_is_drawn_in_longer_steps(last: str, unit: str, bars: int) -> None:
    drawn = periods([session("2025-01-15"), session(last)])
    assert (drawn.unit, len(drawn.rows)) == (unit, bars)
    assert sum(p.sessions for p in drawn.rows) == 2


def test_rare_agents_are_drawn_as_one() -> None:
    agents = [f"a{n}" for n in range(MOST_AGENTS + 3) for _ in range(20 - n)]
    drawn = periods([session("2025-11-06", agent=agent) for agent in reversed(agents)])
    assert drawn.agents == (*(f"a{n}" for n in range(MOST_AGENTS)), OTHERS)
    assert drawn.rows[0].agents == (20, 19, 18, 17, 16, 15, 14 + 13 + 12)


def test_unknown_numbers_are_left_out_of_sums_and_tasks() -> None:
    sessions = [
        session(day(1), task="a", metrics=Metrics(duration_min=30)),
        session(day(2), task="a", status="FAIL"),
        session(day(3), task="b", metrics=Metrics(lines_added=4)),
    ]
    (row,) = periods(sessions[:2]).rows[:1]
    assert (row.minutes, row.added) == (30, 0)
    (slow,) = slowest(sessions)
    assert (slow.name, slow.longest, slow.sessions, slow.key) == ("a", 30, 2, day(1))
    (failed,) = failing(sessions)
    assert (failed.name, failed.fail, failed.key) == ("a", 1, day(2))
