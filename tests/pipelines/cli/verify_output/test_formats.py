"""Each output of verify is what its readers take, by schemas that were not written here."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import mistune
import pytest
import xmlschema

from pipelines.cli.verify_output.github import annotations_of
from pipelines.cli.verify_output.json import json_of
from pipelines.cli.verify_output.junit import junit_of
from pipelines.cli.verify_output.markdown import markdown_of
from pipelines.cli.verify_output.sarif import sarif_of
from pipelines.outcomes.findings import Finding
from pipelines.verification.report import RULES, Verdict
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.pipelines.report.test_token_savings import BIG

TOP = Path(__file__).parents[4]
VENDORED = TOP / "fixtures" / "verify"
OURS = json.loads((TOP / "pipelines" / "verify.schema.json").read_text())
BEGAN = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
#: What formats, runners and terminals would make something of.
HOSTILE = (
    "a\x00\x1b[31m\ud800\r\n::error::b ]]> <script>alert(1)</script> & \"'|`@ada` [x](y) "
    "https://x.org ~~b~~ _c_ #1 $d$ 💥"
)


def finding(code: str = "row-differs", **more: Any) -> Finding:
    return Finding(code=code, message="says another thing", file=DELTAS, line=3)._replace(**more)


def verdict(*findings: Finding, **more: Any) -> Verdict:
    counts = (3, 1, 0)
    given = {
        "root": ".", "sessions": 4, "versions": 1, "diffs": counts, "layouts": (1, 0, 0),
        "absent": (day(4),), "in_git": 0, "tokens": None, "findings": findings, **more,
    }  # fmt: skip
    return Verdict(**given)


ALL = verdict(*(finding(code) for code in RULES), finding(message=HOSTILE, hint=HOSTILE))


@pytest.fixture
def faulty(bench: Bench) -> Bench:
    """Make a workspace with findings of several kinds, in files with and without lines."""
    bench.log.write_bytes(log_of(*(entry(day(n), patch=BIG) for n in range(1, 6))))
    bench.migrate()
    (bench.root / METRICS).unlink()
    path = bench.root / DELTAS
    path.write_text(path.read_text().replace("PASS", "FAIL", 1) + "by hand\n")
    (bench.root / ".diffs" / f"{day(2)}.diff").write_bytes(b"damaged")
    (bench.root / "package.json").write_text('{"name": "x", "engines": {"node": "22"}}')
    return bench


def assert_junit(text: str) -> None:
    for name in ("ant-junit.xsd", "jenkins-junit-10.xsd"):
        xmlschema.XMLSchema(str(VENDORED / name)).validate(text)


def assert_sarif(text: str) -> dict[str, Any]:
    schema = json.loads((VENDORED / "sarif-2.1.0.schema.json").read_text())
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    return document


def assert_json(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(OURS).validate(document)
    return document


def test_our_schema_is_valid_and_refuses_unknown_fields() -> None:
    jsonschema.Draft202012Validator.check_schema(OURS)
    document = assert_json(json_of(ALL))
    changes: list[dict[str, Any]] = [
        {"exit": 10}, {"schema": "session-codec/verify/2"}, {"findings": [{"code": "x"}]},
        {"diffs": {"intact": -1, "absent": 0, "damaged": 0}}, {"tokens": {}},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(OURS).validate({**document, **change})


@pytest.mark.parametrize("made", [verdict(), ALL], ids=["nothing", "everything"])
def test_every_format_is_valid_whatever_was_found(made: Verdict) -> None:
    junit = junit_of(made, host="", began=BEGAN, seconds=1234.5)
    assert_junit(junit)
    assert 'time="1234.500"' in junit
    assert_json(json_of(made))
    assert len(assert_sarif(sarif_of(made, version="0.1.0"))["runs"][0]["results"]) == len(
        made.findings
    )


@pytest.mark.parametrize("arguments", [(), ("--require", "local"), ("--threshold", "99.99")])
def test_findings_are_valid_in_every_format(
    faulty: Bench, cli: Cli, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    files = {form: tmp_path / form for form in ("junit", "json", "sarif", "markdown", "text")}
    for form, path in files.items():
        said = cli("verify", faulty.root, "--format", form, "-o", path, *arguments)
        assert said.code == 12
        assert said.out.endswith(f"{form}: {path}\n")
    assert_junit(files["junit"].read_text())
    document = assert_json(files["json"].read_text())
    results = assert_sarif(files["sarif"].read_text())["runs"][0]["results"]
    assert [r["ruleId"] for r in results] == [f["code"] for f in document["findings"]]
    assert {"damaged", "missing-row", "row-differs", "broken-line", "stale"} <= {
        r["ruleId"] for r in results
    }
    failed = {c["name"] for c in document["checks"] if c["result"] == "failed"}
    assert {"deltas", "metrics", "diffs", "references"} <= failed
    for name in failed:
        assert f"| `{name}` | **" in files["markdown"].read_text()


def test_json_is_the_same_by_both_ways_and_stdout_has_nothing_else(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    said = cli("verify", bench.root, "--json")
    assert said.code == assert_json(said.out)["exit"] == 0
    assert cli("verify", bench.root, "--format", "json").out == said.out


def test_a_result_has_its_line_in_the_repository_and_keeps_its_fingerprint() -> None:
    def one(made: Verdict) -> dict[str, Any]:
        (result,) = assert_sarif(sarif_of(made, version="1"))["runs"][0]["results"]
        return dict(result)

    first = one(verdict(finding(file=f"a b/{DELTAS}", key=day(1)), root="pkg/ü"))
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"pkg/%C3%BC/a%20b/{DELTAS}"
    assert place["region"] == {"startLine": 3}
    assert first["level"] == "error"
    moved = one(verdict(finding(file=f"a b/{DELTAS}", key=day(1), line=9), root="pkg/ü"))
    other = one(verdict(finding(file=f"a b/{DELTAS}", key=day(2)), root="pkg/ü"))
    assert moved["partialFingerprints"] == first["partialFingerprints"]
    assert other["partialFingerprints"] != first["partialFingerprints"]
    nowhere = one(verdict(finding(file=None, line=None, level="note")))
    location = nowhere["locations"][0]["physicalLocation"]["artifactLocation"]
    assert (location["uri"], nowhere["level"]) == (MANIFEST, "note")


def test_equal_findings_have_fingerprints_of_their_own() -> None:
    results = assert_sarif(sarif_of(verdict(finding(), finding()), version="1"))["runs"][0][
        "results"
    ]
    assert len({r["partialFingerprints"]["sessionCodec/v1"] for r in results}) == 2


def test_junit_has_a_case_for_each_check_and_one_failure_with_all_that_it_found() -> None:
    made = verdict(finding(), finding(line=5), finding("gap", level="note", file="LOG.md"))
    text = junit_of(made, host="ci", began=BEGAN, seconds=2)
    assert_junit(text)
    tree = xmlschema.XMLResource(text).root
    suite = tree[0]
    cases = {c.get("name", "").partition(":")[0]: c for c in suite.iter("testcase")}
    assert list(cases) == [check.name for check in made.checks()]
    assert (suite.get("tests"), suite.get("failures")) == (str(len(cases)), "1")
    (failure,) = suite.iter("failure")
    assert failure.get("type") == "row-differs"
    assert failure.get("message") == f"{DELTAS}:3: says another thing (and 1 more)"
    assert (failure.text or "").splitlines()[1] == f"{DELTAS}:5: says another thing"
    assert [c.tag for c in cases["logs"]] == []  # a note fails nothing
    assert [c.tag for c in cases["gate"]] == ["skipped"]


def test_markdown_of_thousands_of_findings_is_cut_below_a_megabyte() -> None:
    many = [finding(message=f"{n} {HOSTILE} {'x' * 5000}") for n in range(5000)]
    notes = [finding("gap", level="note")] * 10
    text = markdown_of(verdict(*notes, *many))
    assert len(text.encode()) < 1_000_000
    shown = text.count("\n| finding |")
    assert shown > 100
    assert f"{5010 - shown:,} more are not shown" in text
    assert "\n| note |" not in text  # findings first
    few = markdown_of(verdict(*notes, *many[:50]))
    assert few.count("\n| finding |") == 50
    assert few.count("\n| note |") == 10
    assert "not shown" not in few


def test_markdown_escapes_untrusted_text() -> None:
    text = markdown_of(verdict(finding(message=HOSTILE)))
    extended = mistune.create_markdown(plugins=["table", "url", "strikethrough"], escape=False)
    html = str(extended(text))
    assert "<script" not in html
    assert "<a " not in html
    row = re.search(r"<td>finding</td>.*?</tr>", html, re.S)
    assert row is not None
    assert row[0].count("<td") == 4  # no cell more
    for made in ("<code>", "<em>", "<del>"):
        assert made not in row[0]


def test_an_annotation_is_one_line_that_says_nothing_else_to_the_runner() -> None:
    lines = list(annotations_of([finding(message=HOSTILE, file=f"a,b:c/{DELTAS}")], "pkg"))
    (line,) = lines
    assert re.fullmatch(r"[^\x00-\x1f]*", line)
    assert line.startswith(
        f"::error title=session-codec%3A row-differs,file=pkg/a%2Cb%3Ac/{DELTAS},line=3::"
    )
    assert "%0D%0A" in line


def test_under_github_the_summary_is_appended_and_lines_are_annotated(
    faulty: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    assert "::error" not in cli("verify", faulty.root).err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = cli("verify", faulty.root, "--json")
    assert said.code == assert_json(said.out)["exit"] == 12
    assert summary.read_text().startswith("before\n## session-codec verify: found damage\n")
    number = len((faulty.root / DELTAS).read_text().splitlines())
    assert re.search(rf"^::error title=[^,]*,file={DELTAS},line={number}::", said.err, re.M)
    assert said.err.count("\n::error") <= 10


@pytest.mark.parametrize("form", [("--json",), ("--format", "json"), ("--format=json",)])
def test_an_error_of_verify_is_reported_in_json_and_in_the_job_summary(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = cli("verify", tmp_path / "empty", *form)
    assert said.code == said.json["exit"] == 20
    assert re.search(r"^::error title=session-codec%3A WorkspaceMissing::", said.err, re.M)
    assert summary.read_text().startswith("## session-codec verify: could not run\n")
    said = cli("verify", tmp_path / "empty", *form, "--no-such-option")
    assert said.code == said.json["exit"] == 2


def test_the_progress_file_is_named_for_a_missing_required_diff() -> None:
    made = verdict(finding("absent", file=PROGRESS, line=None, key=day(4)))
    assert [c.name for c in made.checks() if not c.passed] == ["progress"]
