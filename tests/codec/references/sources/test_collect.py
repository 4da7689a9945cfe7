"""What a repository's files state: true to the text, with origins, and for any bytes."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.references.document import References, decode_references, encode_references
from codec.references.sources.collect import (
    AGENT_MANDATES,
    LOG_MANDATES,
    OTHER_LIMIT,
    SIZE_LIMIT,
    STACK_KEYS,
    WANTED,
    Stated,
    stated_references,
)
from codec.references.sources.lockfiles import FORMATS
from codec.references.sources.statement import Origin
from codec.references.values import by_name
from codec.tokens.tokenizers import counter
from pipelines.workspace.thresholds import REFERENCES_BUDGET
from tests.support.cpu_limit import not_quadratic

FIXTURES = Path(__file__).parents[4] / "fixtures" / "references"
CI = ".github/workflows/ci.yml"
#: Shaped as real repositories are.
SHAPES = ("next-app", "python-service", "rust-workspace")
CASES = ("nextjs", "python", *SHAPES)
LOG = "AGENT_PROGRESS_LOG.md"


def files_of(case: str) -> dict[str, bytes]:
    root = FIXTURES / case / "files"
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def shown(origins: tuple[Origin, ...]) -> str:
    return "; ".join(map(str, origins))


def stated(path: str, text: str) -> Stated:
    return stated_references({path: text.encode()})


def package(**content: object) -> Stated:
    return stated("package.json", json.dumps(content))


def workflow(steps: str, job: str = "") -> Stated:
    return stated(CI, f"on: push\njobs:\n  a:\n{job}    steps:\n{steps}")


# The whole


@pytest.mark.parametrize("case", CASES)
def test_a_repository_gives_its_file_byte_for_byte(case: str) -> None:
    found = stated_references(files_of(case))
    assert encode_references(found.references) == (FIXTURES / case / "expected.yaml").read_bytes()


def test_no_files_state_nothing() -> None:
    found = stated_references({})
    assert found == Stated(references=References(), origins={}, problems=())


def test_the_order_in_which_files_are_given_does_not_matter() -> None:
    files = files_of("nextjs") | {"AGENTS.md": b"# Rules\n- Be kind\n- No emojis\n"}
    backwards = dict(reversed(list(files.items())))
    assert stated_references(files) == stated_references(backwards)


@pytest.mark.parametrize("case", SHAPES)
def test_the_origins_of_a_repository_are_those_that_a_user_finds(case: str) -> None:
    found = stated_references(files_of(case))
    told = "".join(f"{name}\t{shown(origins)}\n" for name, origins in found.origins.items())
    assert told == (FIXTURES / case / "origins.txt").read_text()
    for origins in found.origins.values():
        for origin in origins:
            lines = (FIXTURES / case / "files" / origin.file).read_text().split("\n")
            assert origin.line is None or 0 < origin.line <= len(lines)


@pytest.mark.parametrize("case", SHAPES)
def test_a_repository_costs_no_more_than_the_default_budget(case: str) -> None:
    file = (FIXTURES / case / "expected.yaml").read_text()
    assert counter("o200k_base").count([file])[0] <= REFERENCES_BUDGET


@pytest.mark.parametrize("case", CASES)
def test_every_value_has_an_origin(case: str) -> None:
    found = stated_references(files_of(case))
    references = found.references
    assert list(found.origins) == list(by_name(references))
    assert all(found.origins.values())


def test_an_origin_leads_to_the_place() -> None:
    origins = stated_references(files_of("nextjs")).origins
    assert shown(origins["stack.framework"]) == (
        "package.json:8: dependencies.next; package.json:9: dependencies.react"
    )
    assert shown(origins["stack.build_command"]) == f"{CI}:27: jobs.validate.steps[6].run"
    assert shown(origins["stack.deployment"]) == "vercel.json"
    assert shown(origins["mandates.80coverageonapp"]) == "CLAUDE.md:7"
    assert shown(origins["routing_rules.app/*.tsx"]) == "CLAUDE.md:35"


def test_exactly_the_wanted_files_are_read() -> None:
    for path in [path for case in CASES for path in files_of(case)]:
        assert any(fnmatchcase(path, wanted) for wanted in WANTED), path


def test_a_broken_file_is_named_and_the_rest_goes_on() -> None:
    found = stated_references(
        {
            "package.json": b'{"name": \n',
            "pyproject.toml": b"[project\n",
            CI: b"jobs: [\n",
            ".github/workflows/empty.yml": b"",
            "CLAUDE.md": b"- NEVER push to main\n",
        }
    )
    assert found.references.mandates == ("NEVER push to main",)
    assert [(problem.file, problem.line) for problem in found.problems] == [
        ("package.json", 2),
        ("pyproject.toml", 1),
        (CI, 2),
        (".github/workflows/empty.yml", None),
    ]
    assert "not JSON" in str(found.problems[0])


# Any input

TRAPS = (
    b"[" * 3000, b"{" * 3000, b"- " * 3000, b'{"a":' * 3000, b"a = " + b"[" * 3000,
    b'{"dependencies": {"next": "\\ud800\\u0000"}, "engines": {"node": "\\ud800 1\\n2"}}',
    b'{"dependencies": [1], "jest": {"coverageThreshold": {"global": {"lines": 1e999}}}}',
    b'{"engines": {"node": 20}, "packageManager": ["pnpm"], "devDependencies": {"jest": null}}',
    b"{\"n\": " + b"9" * 5000 + b"}", b"n = " + b"9" * 5000,
    b"[project]\ndependencies = 'x'\n[tool]\npoetry = 1\n[build-system]\nbuild-backend = '.'\n",
    b"[project]\nrequires-python = '\\u0000'\ndependencies = ['', '@', 'django==\\u0661']\n",
    b"[tool.poetry.dependencies]\ndjango = {version = 5}\nflask = []\npython = 3\n",
    b"on: x\njobs: {a: {steps: [1, {run: [x]}, {run: 3, uses: {}}, {with: []}]}, b: 1}\n",
    b"jobs: &a {b: *a, c: {steps: &s [{run: npm test}, *s]}}\n",
    b"jobs: {a: {strategy: {matrix: 3}, steps: [{uses: actions/setup-node, "
    b"with: {node-version: '${{ matrix.x }}'}}]}}",
    b"? [a]\n: b\n", b"!x y", b"a: !!int x\njobs: {}", b"\xff\xfe#\x00", b"\xef\xbb\xbf{}",
    b"```diff\n\n```\n~~~\n", b"- \n# \n<!--\n", b"- [ ] **\n* `\n+ []()\n| a | 1 |\n",
    b"# Mandates\n- \x1b[2J MUST \x00 \xe2\x80\xa8 stop\n- a\tb\n\n# Targets\nx: 1\x07\n",
    b"# Rules\n- " + b"x" * 200 + b" y\n- " + b"ab " * 100 + b"\n",
)  # fmt: skip
PATHS = (
    "package.json", "pyproject.toml", CI, "CLAUDE.md", "AGENTS.md", LOG, "vercel.json", "x",
    "Cargo.toml", "go.mod", "Gemfile", "composer.json", "requirements.txt", ".tool-versions",
    ".nvmrc", "Dockerfile", "Makefile", "justfile", ".gitlab-ci.yml", "PROJECT_MEMORY.yaml",
    "rust-toolchain.toml", ".claude/agents/a.md", ".claude/rules/a.md", *FORMATS,
)  # fmt: skip
WORDS = st.lists(
    st.sampled_from(
        b"jobs: ;steps:;run: ;- ;  ;\n;# Mandates;# Targets;MUST ;NEVER;test;80%;: ;->;a/*;worker;"
        b"```;diff;<!--;-->;{;};[;];,;';\";[tool.;ruff];=;**;`;|; ;\x00;\xe2\x80\xa8;\xff;1. ;"
        b"MANDATORY X:\n;<".split(b";")
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


@given(st.dictionaries(st.sampled_from(PATHS), st.one_of(WORDS, st.binary()), max_size=4))
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_references_that_can_be_written(files: dict[str, bytes]) -> None:
    check_sound(stated_references(files))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("data", TRAPS, ids=range(len(TRAPS)))
def test_made_up_traps_give_references_that_can_be_written(path: str, data: bytes) -> None:
    check_sound(stated_references({path: data}))


@given(st.text(max_size=20))
def test_any_path_is_taken(path: str) -> None:
    for name in (path, f"{path}.md", f"{path}/package.json", f"{path}/vercel.json"):
        check_sound(stated_references({name: b"{"}))


def check_sound(found: Stated) -> None:
    references = found.references
    assert decode_references(encode_references(references)) == references
    assert len(set(references.stack) - set(STACK_KEYS)) <= OTHER_LIMIT
    routes = references.routing_rules
    texts = [
        *references.stack.values(), *references.mandates, *routes, *references.performance_targets,
        *references.performance_targets.values(),
        *(agent for agents in routes.values() for agent in agents),
    ]  # fmt: skip
    told = [str(origin) for origins in found.origins.values() for origin in origins]
    for text in (*texts, *found.origins, *told, *map(str, found.problems)):
        assert text
        assert text == " ".join(text.split())
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


@pytest.mark.parametrize(
    "path",
    [
        "package.json", "pyproject.toml", CI, "CLAUDE.md", LOG, "Cargo.toml", "go.mod", "Gemfile",
        "Makefile", "PROJECT_MEMORY.yaml", ".claude/agents/a.md",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "unit",
    [b"<!--", b"`", b"*", b"[a](", b"# x\n", b"- a -> ", b"- MUST ", b"a/", b"| a ", b" ", b"&a ",
     b"```\n", b"- if a required ", b"**a", b"coverage of ", b"\\\n"],
)  # fmt: skip
def test_time_is_linear_in_hostile_input(path: str, unit: bytes) -> None:
    one_line = b"# Mandates, targets\n- " + unit * (SIZE_LIMIT // len(unit))
    lines = b"# Mandates, targets\n" + (b"- " + unit * (900 // len(unit)) + b"\n\n") * 300
    for data in (one_line, lines):
        with not_quadratic():
            stated_references({path: data[:SIZE_LIMIT]})


def test_a_huge_log_is_read_in_part_and_a_huge_manifest_is_a_problem() -> None:
    text = b"- NEVER push to main\n\n" + b"filler\n" * SIZE_LIMIT
    found = stated_references({"CLAUDE.md": text, "package.json": b" " * (SIZE_LIMIT + 1)})
    assert found.references.mandates == ("NEVER push to main",)
    assert [str(p) for p in found.problems] == ["package.json: larger than 256 KiB; not read"]


def test_a_byte_order_mark_crlf_and_bytes_that_are_not_utf8_are_read() -> None:
    data = b"\xef\xbb\xbf# Rules\r\n- Caf\xe9s are banned\r\n"
    assert stated_references({"CLAUDE.md": data}).references.mandates == ("Caf\ufffds are banned",)
    manifest = b'\xef\xbb\xbf{"dependencies":\r\n{"next": "^14"}}'
    assert stated_references({"package.json": manifest}).references.stack == {
        "framework": "Next.js 14"
    }


# Manifests


@pytest.mark.parametrize(
    ("version", "label"),
    [
        ("^14.2.3", "Next.js 14"), ("~14", "Next.js 14"), ("14.x", "Next.js 14"),
        ("v14.0.0-rc.1", "Next.js 14"), ("=14.1", "Next.js 14"), ("^0.95.1", "Next.js 0.95"),
        ("npm:@fork/next@14.1", "Next.js 14"), (">=14", "Next.js"), ("^13 || ^14", "Next.js"),
        ("*", "Next.js"),
        ("latest", "Next.js"), ("workspace:^", "Next.js"), ("github:a/b#14", "Next.js"),
        ("13 - 14", "Next.js"),
    ],
)  # fmt: skip
def test_a_major_version_is_stated_only_where_one_is_asked_for(version: str, label: str) -> None:
    found = package(dependencies={"next": version})
    assert found.references.stack == {"framework": label}


def test_a_package_that_is_not_known_says_nothing() -> None:
    assert package(dependencies={"left-pad": "1.3.0", "nextish": "1"}).references == References()


def test_one_tool_under_two_package_names_is_named_once() -> None:
    found = package(devDependencies={"playwright": "^1.4", "@playwright/test": "^1.4"})
    assert found.references.stack == {"testing": "Playwright 1"}


def test_coverage_thresholds_that_differ_are_all_named() -> None:
    found = package(jest={"coverageThreshold": {"global": {"lines": 80, "branches": 70.5}}})
    assert found.references.performance_targets == {"coverage": "lines 80%, branches 70.5%"}
    allowed_misses = package(jest={"coverageThreshold": {"global": {"lines": -10}}})
    assert allowed_misses.references == References()


def test_poetry_and_pdm_and_uv_dependencies_are_found() -> None:
    found = stated(
        "pyproject.toml",
        """
        [tool.poetry.dependencies]
        python = "^3.11"
        Django = {version = "^5.0", extras = ["argon2"]}
        [tool.poetry.group.dev.dependencies]
        pytest = "*"
        [tool.pdm.dev-dependencies]
        lint = ["ruff~=0.5.1"]
        [tool.uv]
        dev-dependencies = ["mypy"]
        """,
    )
    assert found.references.stack == {
        "framework": "Django 5", "testing": "pytest", "linting": "ruff 0.5, mypy", "python": "^3.11"
    }  # fmt: skip
    assert shown(found.origins["stack.framework"]) == "pyproject.toml:4: tool.poetry.dependencies"


# Workflows


def test_on_stays_a_key_and_versions_keep_their_zeros() -> None:
    found = workflow(
        "    - uses: actions/setup-python@v5\n"
        "      with: {python-version: '${{ matrix.python }}'}\n",
        "    strategy: {matrix: {python: [3.9, 3.10], include: [{python: 3.11}, {os: mac}]}}\n",
    )
    assert found.references.stack == {"python": "3.9, 3.10, 3.11", "ci": "GitHub Actions"}


def test_an_expression_that_cannot_be_followed_states_no_version() -> None:
    found = workflow(
        "    - uses: actions/setup-node@v4\n      with: {node-version: '${{ env.NODE }}'}\n"
    )
    assert found.references.stack == {"ci": "GitHub Actions"}


def test_a_manifest_comes_before_a_workflow() -> None:
    step = "jobs: {a: {steps: [{uses: actions/setup-node@v4, with: {node-version: 22}}]}}"
    files = {"package.json": b'{"engines": {"node": ">=20"}}', CI: step.encode()}
    assert stated_references(files).references.stack["node"] == ">=20"


@pytest.mark.parametrize(
    "command",
    [
        "npx playwright install", "pip install pytest", "echo run the tests", "cd tests",
        "test -f lint.txt", "pytest ${{ matrix.args }}", "# npm test", "mkdir -p build",
        "npm run test -- " + "--very-long-option " * 5,
    ],
)  # fmt: skip
def test_an_incomplete_command_is_skipped(command: str) -> None:
    found = workflow(f"    - run: {json.dumps(command)}\n")
    assert found.references.stack == {"ci": "GitHub Actions"}


def test_of_several_commands_the_shortest_is_taken() -> None:
    found = workflow("    - run: npm run test:e2e && npm run lint\n    - run: npm test\n")
    assert found.references.stack["test_command"] == "npm test"
    assert found.references.stack["lint_command"] == "npm run lint"


def test_deployments_are_joined_from_steps_and_file_names() -> None:
    step = (
        b"jobs: {a: {steps: [{run: npx vercel deploy --prod}, "
        b"{uses: docker/build-push-action@v6}]}}"
    )
    found = stated_references({CI: step, "netlify.toml": b"", "Dockerfile": b"FROM x"})
    assert found.references.stack["deployment"] == "Vercel, Docker, Netlify"
    assert shown(found.origins["stack.deployment"]) == (
        f"{CI}:1: jobs.a.steps[0]; {CI}:1: jobs.a.steps[1]; netlify.toml"
    )


# Prose


def mandates(text: str, path: str = "CLAUDE.md") -> tuple[str, ...]:
    return stated(path, text).references.mandates


@pytest.mark.parametrize(
    "bullet",
    [
        "Secrets MUST stay out", "NEVER push to main", "ALWAYS run lint", "Reviews are mandatory",
        "A test is required for every fix", "Two approvals required", "At least 80% coverage",
        "CI blocks merging if lint fails",
    ],
)  # fmt: skip
def test_a_bullet_that_says_it_is_a_rule_is_one_anywhere(bullet: str) -> None:
    assert mandates(f"# Notes\n\n* {bullet}.\n") == (bullet,)


@pytest.mark.parametrize(
    "text",
    [
        "- Reviews are not required", "- Run it again as required",
        "- Report if signing is required", "- `name` (string, required): shown",
        "You must NEVER do it", "```\n- NEVER in a fence\n```",
        "<!--\n- NEVER in a comment\n-->", "# Rules\n- Future: NEVER merge", "# Rules\n- word",
        "# Rules\n- What MUST be asked?", "# Rules\n- These are the levels:",
        "# Conventions\n- The header is dark", "# Requirements\n- Python 3.12",
        "# Rules\n## Layers\nThey are:\n- server routes and services",
    ],
)  # fmt: skip
def test_a_text_that_only_resembles_a_rule_is_not_a_rule(text: str) -> None:
    assert mandates(text) == ()


REPORTS = (
    "the old runner, which MUST have skipped the nightly copy, is gone",
    "v2 cut the MANDATORY block of the global file from 21 lines to 8 lines",
    "The lamp driver NEVER started on the second board",
    "The cache has NEVER been warm after a restart",
    "The probe ALWAYS failed in the cold room",
    "We dropped the step that MUST pass before a release",
    "Removed the REQUIRED flag from the upload form",
    "Renamed MUST to SHOULD in the protocol page",
    "The queue MUST have been empty by then",
    "The word MUST in line 3 confused the parser",
    "They found that agents NEVER read the page",
    "A second pass was required",
    "No restart required",
    "The wheel that is required is in the cache",
    "In that sprint the tests were MANDATORY",
    "the watcher NEVER seeing the file explains the gap",
    "the linter flags REQUIRED fields twice",
)


@pytest.mark.parametrize("path", ["CLAUDE.md", LOG])
@pytest.mark.parametrize("text", REPORTS)
def test_a_report_that_contains_a_loud_word_is_not_a_mandate(path: str, text: str) -> None:
    assert mandates(f"# Log\n\n## Notes\n- {text}\n", path) == ()


@pytest.mark.parametrize("path", ["CLAUDE.md", LOG])
@pytest.mark.parametrize(
    "text",
    [
        "Every change MUST have a test", "Components MUST have typed props",
        "Keys are NEVER logged",
        "Tests are MANDATORY before a merge", "MANDATORY: lint first", "Agents NEVER push to main",
        "Before a merge, ALWAYS run the whole suite", "Run the MANDATORY checks first",
        "Workers MUST run in their own folder", "Failed steps MUST NOT be hidden",
        "REQUIRED: two approvals for a schema change", "NEVER merge what was not reviewed",
        "Code that touches money MUST have two reviewers", "Generated files MUST NOT be edited",
        "You MUST ask before a release", "The log MUST be appended, NEVER rewritten",
    ],
)  # fmt: skip
def test_an_order_is_a_mandate_wherever_its_capital_word_is(path: str, text: str) -> None:
    assert mandates(f"# Log\n\n## Notes\n- {text}\n", path) == (text,)


@pytest.mark.parametrize("path", ["CLAUDE.md", LOG])
def test_reports_below_a_rule_heading_are_left_out(path: str) -> None:
    text = "## Rules\n- one lamp a desk\n- Removed the rule about lamps\n- We kept the old ones\n"
    assert mandates(text, path) == ("one lamp a desk",)


@pytest.mark.parametrize("path", ["CLAUDE.md", LOG])
@pytest.mark.parametrize(
    "label",
    ["In March we changed the rules and", "v2 removed the MANDATORY block and", "The rules were"],
)
def test_a_sentence_that_ends_with_a_colon_is_not_a_rule_heading(path: str, label: str) -> None:
    assert mandates(f"## Notes\n{label}:\n- the lamp is blue\n", path) == ()


def test_under_a_rule_heading_every_bullet_counts_under_a_guideline_orders_do() -> None:
    text = "## Guidelines\n- Use tabs here\n- Tabs are nice\n## Mandates\n- one commit a feature\n"
    assert mandates(text) == ("one commit a feature", "Use tabs here")


def test_a_label_line_is_a_heading() -> None:
    assert mandates("**Rules:**\n\n- no emojis\n\nMore prose.\n- not a rule\n") == ("no emojis",)
    assert mandates("Mandates:\n1. no emojis\n2) no tabs\n") == ("no emojis", "no tabs")


def test_marks_go_and_globs_stay() -> None:
    text = "# Rules\n- **Keep** `src/**/*.ts` and [docs](https://x.y/z) *in sync* with src/** now\n"
    assert mandates(text) == ("Keep src/**/*.ts and docs *in sync* with src/** now",)


def test_a_wrapped_bullet_is_one_rule_cut_at_a_word() -> None:
    text = (
        "# Rules\n- Keep every change small so that a person can read it\n"
        "  in one go and undo it when it goes wrong\n"
    )
    (rule,) = mandates(text)
    assert (
        rule == "Keep every change small so that a person can read it in one go and undo it when…"
    )
    assert len(rule) <= 80


def test_a_long_rule_is_cut_to_the_sentence_that_makes_it_one() -> None:
    text = f"- Background {'that goes on ' * 8}here. Secrets MUST stay out. {'More of it. ' * 9}\n"
    assert mandates(text) == ("Secrets MUST stay out",)


def test_rules_are_few_and_said_once_across_files() -> None:
    rules = "# Rules\n" + "".join(f"- rule number {i}\n" for i in range(20))
    found = stated_references({"CLAUDE.md": rules.encode(), "AGENTS.md": rules.encode()})
    assert found.references.mandates == tuple(f"rule number {i}" for i in range(AGENT_MANDATES))
    log = stated_references({LOG: rules.encode()})
    assert len(log.references.mandates) == LOG_MANDATES
    same = {"CLAUDE.md": b"# Rules\n- No **emojis**.\n", LOG: b"# Rules\n- no emojis\n"}
    assert stated_references(same).references.mandates == ("No emojis",)


def test_routing_rules_need_a_glob_and_agents() -> None:
    text = (
        "- `app/*.tsx` -> test-worker + a11y-worker\n"
        "- Routing rules: tests/* => test-worker, lint-worker (both)\n"
        "- app/*.tsx → repo-auditor\n"
        "- src/a.ts -> dist/a.js\n- app/* -> somewhere else\n- a -> b\n- old/dir -> new\n"
        "- http://x/* -> y\n"
    )
    assert stated("AGENTS.md", text).references.routing_rules == {
        "app/*.tsx": ("test-worker", "a11y-worker", "repo-auditor"),
        "tests/*": ("test-worker", "lint-worker"),
    }
    under_heading = "## Routing\n- lib/core -> core-worker\n"
    assert stated("CLAUDE.md", under_heading).references.routing_rules == {
        "lib/core": ("core-worker",)
    }


def test_targets_count_only_in_their_sections() -> None:
    text = (
        "coverage: 1%\n\n## Performance targets\n"
        "- coverage: 80%\n- CI time < 2 min.\n- Lighthouse 90+\n- Keep bundle under 200 kB\n"
        "- We found 3 regressions last week\n- owner: Ada\n\n| Metric | Target |\n| --- | --- |\n"
        "| p95 latency | 200 ms |\n\n## Other\n- size: 3\n"
    )
    assert stated("CLAUDE.md", text).references.performance_targets == {
        "coverage": "80%", "ci_time": "< 2 min", "lighthouse": "90+", "bundle": "under 200 kB",
        "p95_latency": "200 ms",
    }  # fmt: skip


# The v1 log

SESSIONS = """# AGENT_PROGRESS_LOG.md

## Active Sessions

### 2025-11-06T14:30:00Z | claude-sonnet-4-5 | mandates
Status: PASS
Lessons: Pre-commit mandatory checks prevent broken commits.

Full Diff:
```diff
diff --git a/CLAUDE.md b/CLAUDE.md
@@ -1 +1,9 @@
+- MUST read CLAUDE.md mandates
 ```python
-- NEVER do it
 ```
+- ALWAYS do it
```

#### Rules
- Agents MUST rest
- Future: Enforce via CI (block PR if commits > 3)
- app/*.tsx -> somebody

#### Performance targets
- Coverage: 100% (app/)

---

"""


def test_an_event_in_a_session_is_not_a_rule() -> None:
    assert stated(LOG, SESSIONS) == Stated(references=References())


@pytest.mark.parametrize(
    "heading", ["2025/11/6", "Nov 6, 2025 - fix", "Session #12", "[2025-11-06]"]
)
def test_a_session_is_known_by_any_common_heading(heading: str) -> None:
    assert mandates(f"## {heading}\n### Rules\n- Agents MUST rest\n", LOG) == ()


def test_a_mandatory_protocol_is_stated_by_its_prohibitions() -> None:
    text = (
        SESSIONS + "## How Agents Update This File\n\nMANDATORY POST-TASK PROTOCOL:\n\n"
        "1. Agent completes task\n2. Agent appends:\n\n```markdown\n### [time]\n```diff\nx\n```\n"
        "- MUST NOT count\n```\n\n3. Agent STOP. Do not merge. Diego reviews before merge.\n\n"
        "Rest.\n"
        "- Enforced by CI: block PR if commits > 3\n- Coverage must stay up\n- Coverage: 100%\n"
    )
    assert mandates(text, LOG) == (
        "Post-task protocol: Agent STOP. Do not merge. Diego reviews before merge",
        "Enforced by CI: block PR if commits > 3",
        "Coverage must stay up",
    )


def test_a_mandatory_protocol_that_forbids_nothing_is_stated_by_its_steps() -> None:
    text = "## MANDATORY closing steps\n- run the tests\n- append to the log\n"
    assert mandates(text, LOG) == ("closing steps: run the tests; append to the log",)


def test_a_logs_targets_need_a_section_of_targets() -> None:
    text = "## Targets\n- coverage: 80%\n## Performance\n- build: 3 s\n"
    assert stated(LOG, text).references.performance_targets == {"coverage": "80%"}
