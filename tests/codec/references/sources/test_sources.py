"""What each kind of file states, and what it does not; each value with its line."""

from __future__ import annotations

import pytest

from codec.references.sources.collect import SIZE_LIMIT, Stated, stated_references
from codec.references.sources.positions import json_places, toml_places
from tests.support.cpu_limit import not_quadratic


def stated(**files: str) -> Stated:
    """Return what files state; `__` in a keyword means a dot, `_I_` a slash."""
    return stated_references(
        {n.replace("_I_", "/").replace("__", "."): t.encode() for n, t in files.items()}
    )


def lines_of(found: Stated, name: str) -> list[tuple[str, int | None]]:
    return [(origin.file, origin.line) for origin in found.origins[name]]


# Manifests


def test_a_cargo_toml_states_its_edition_its_oldest_rust_and_its_crates() -> None:
    found = stated(
        Cargo__toml=(
            "[package]\nname = 'x'\nedition = \"2024\"\nrust-version = '1.85'\n\n"
            "[dependencies]\nserde = '1'\naxum = { version = '0.7', features = [] }\n"
            "[dependencies.tokio]\nversion = '1.0'\n[dev-dependencies]\nproptest = '1'\n"
        )
    )
    assert found.references.stack == {
        "framework": "axum 0.7, Tokio 1", "language": "Rust 2024", "testing": "proptest 1",
        "rust": "1.85",
    }  # fmt: skip
    assert lines_of(found, "stack.framework") == [("Cargo.toml", 8), ("Cargo.toml", 9)]
    assert lines_of(found, "stack.rust") == [("Cargo.toml", 4)]


def test_a_go_mod_states_its_go_and_direct_requirements() -> None:
    found = stated(
        go__mod=(
            "module example.org/tide\n\ngo 1.22.1\n\nrequire (\n"
            "\tgithub.com/labstack/echo/v4 v4.12.0\n\tgithub.com/gin-gonic/gin v1.9.1 // indirect\n"
            ")\n\nrequire github.com/stretchr/testify v1.9.0\n"
            "replace github.com/go-chi/chi => ../chi\n"
        )
    )
    assert found.references.stack == {"framework": "Echo 4", "testing": "testify 1", "go": "1.22.1"}
    assert lines_of(found, "stack.testing") == [("go.mod", 10)]


def test_a_gemfile_states_its_gems_except_commented_ones() -> None:
    found = stated(
        Gemfile=(
            "source 'https://rubygems.org'\nruby \"3.3.0\"\ngem 'rails', '~> 7.1.0'\n"
            "# gem 'sinatra'\ngroup :test do\n  gem \"rspec-rails\", require: false\nend\n"
        )
    )
    assert found.references.stack == {
        "framework": "Rails 7", "testing": "RSpec for Rails", "ruby": "3.3.0"
    }  # fmt: skip
    assert lines_of(found, "stack.testing") == [("Gemfile", 6)]


def test_a_requirements_txt_states_its_distributions() -> None:
    found = stated(
        requirements__txt="# django==3\n-r base.txt\nFlask[async]==3.0.3 # web\npytest >= 8\n"
    )
    assert found.references.stack == {"framework": "Flask 3", "testing": "pytest"}
    assert lines_of(found, "stack.framework") == [("requirements.txt", 3)]


def test_a_composer_json_states_its_packages_and_scripts() -> None:
    found = stated(
        composer__json='{"require": {"php": ">=8.2"}, "require-dev": {"pestphp/pest": "^3.0"},\n'
        '"scripts": {"test": "pest", "lint": "pint", "post-install-cmd": "x"}}'
    )
    assert found.references.stack == {
        "testing": "Pest 3", "php": ">=8.2", "lint_command": "composer lint",
        "test_command": "composer test",
    }  # fmt: skip


def test_scripts_and_targets_give_a_command_only_where_no_workflow_has_one() -> None:
    package = '{"scripts": {"test": "jest", "build": "tsc", "lint": "eslint ."}}'
    workflow = "jobs: {a: {steps: [{run: npm run build:production -- --profile}]}}"
    makefile = "test:\n\tnpm test\ntypecheck: src\n\ttsc\nbuild := 3\nFOO = a:b\n"
    found = stated(package__json=package, Makefile=makefile, __github_I_workflows_I_a__yml=workflow)
    commands = {n: v for n, v in found.references.stack.items() if n.endswith("_command")}
    assert commands == {
        "lint_command": "npm run lint", "typecheck_command": "make typecheck",
        "test_command": "npm test", "build_command": "npm run build:production -- --profile",
    }  # fmt: skip
    assert lines_of(found, "stack.typecheck_command") == [("Makefile", 3)]


def test_the_placeholder_test_script_of_npm_is_not_a_test_command() -> None:
    script = 'echo \\"Error: no test specified\\" && exit 1'
    assert stated(package__json=f'{{"scripts": {{"test": "{script}"}}}}').references.stack == {}


@pytest.mark.parametrize(
    ("manager", "commands"),
    [
        ("pnpm@9.1.0", ("pnpm test", "pnpm run build")),
        ("bun@1.1.0", ("bun run test", "bun run build")),
    ],
)
def test_scripts_are_run_by_the_package_manager_that_is_named(
    manager: str, commands: tuple[str, str]
) -> None:
    text = f'{{"packageManager": "{manager}", "scripts": {{"test": "x", "build": "y"}}}}'
    stack = stated(package__json=text).references.stack
    assert (stack["test_command"], stack["build_command"]) == commands


# Versions and images


@pytest.mark.parametrize(
    ("name", "text", "key", "version"),
    [
        (".nvmrc", "v22.11.0\n", "node", "22.11.0"), (".nvmrc", "lts/iron", "node", "lts/iron"),
        (".node-version", "20\n", "node", "20"), (".python-version", "3.12\n", "python", "3.12"),
        (".ruby-version", "ruby-3.3.0\n", "ruby", "3.3.0"),
        ("rust-toolchain", "stable\n", "rust", "stable"),
        ("rust-toolchain.toml", "[toolchain]\nchannel = '1.83'\n", "rust", "1.83"),
        (".tool-versions", "# x\ngolang 1.22.1\nterraform 1.9\n", "go", "1.22.1"),
        ("Dockerfile", "FROM --platform=$X docker.io/library/node:22-alpine AS a\n", "node", "22"),
        ("Dockerfile", "FROM ghcr.io/x/y:1\nfrom python:3.12.1\n", "python", "3.12.1"),
    ],
)  # fmt: skip
def test_a_version_is_stated_as_its_file_has_it(
    name: str, text: str, key: str, version: str
) -> None:
    stack = dict(stated_references({name: text.encode()}).references.stack)
    stack.pop("deployment", None)
    assert stack == {key: version}


@pytest.mark.parametrize("text", ["", "node\n", "see README", "22 or newer", "3.12 # x\n" * 3])
def test_a_text_that_is_not_a_version_is_ignored(text: str) -> None:
    assert stated_references({".nvmrc": text.encode()}).references.stack == {}


# Pipelines


def test_a_gitlab_pipeline_states_its_commands() -> None:
    found = stated_references(
        {
            ".gitlab-ci.yml": b"test:\n  script:\n    - !reference [.base, script]\n"
            b"    - npm test\n    - npx eslint . && npx tsc --noEmit\nlint: {script: ruff check}\n"
        }
    )
    assert found.references.stack == {
        "ci": "GitLab CI", "lint_command": "ruff check", "typecheck_command": "npx tsc --noEmit",
        "test_command": "npm test",
    }  # fmt: skip
    assert lines_of(found, "stack.test_command") == [(".gitlab-ci.yml", 4)]


def test_other_pipelines_are_recognized_by_their_files() -> None:
    found = stated_references({"Jenkinsfile": b"node {}", ".circleci/config.yml": b"x: 1"})
    assert found.references.stack == {"ci": "CircleCI, Jenkins"}


@pytest.mark.parametrize(
    "command",
    ["uv sync --group lint", "npm ci --ignore-scripts test", "cargo fetch --target build",
     "cargo publish --dry-run"],
)  # fmt: skip
def test_a_command_that_only_fetches_is_ignored(command: str) -> None:
    text = f"jobs: {{a: {{steps: [{{run: {command}}}]}}}}"
    assert stated(__github_I_workflows_I_a__yml=text).references.stack == {"ci": "GitHub Actions"}


@pytest.mark.parametrize(
    "script",
    [
        "gh api x | jq '\n(.filename | startswith(\"tests/\")) and\n.test'",
        'echo "run\nnpm test\nagain"', "cat > a <<'EOF'\nnpm test\nEOF", "(npm test)",
        '"$RUNNER" test', "- test", "if: test",
    ],
)  # fmt: skip
def test_lines_of_a_quoted_text_in_a_script_are_not_commands(script: str) -> None:
    block = "".join(f"          {line}\n" for line in script.split("\n"))
    text = f"jobs:\n  a:\n    steps:\n      - run: |\n{block}          pytest -q\n"
    found = stated(__github_I_workflows_I_a__yml=text)
    assert found.references.stack["test_command"] == "pytest -q"


def test_a_command_after_a_continued_line_has_its_own_line_number() -> None:
    text = (
        "jobs:\n  a:\n    steps:\n      - run: |\n          echo a \\\n            b\n"
        "          npm run lint\n      - run: >-\n          npm\n          test\n"
    )
    found = stated(__github_I_workflows_I_a__yml=text)
    assert lines_of(found, "stack.lint_command") == [(".github/workflows/a.yml", 7)]
    assert lines_of(found, "stack.test_command") == [(".github/workflows/a.yml", 9)]


# Agents


def agent(front: str, stem: str = "worker") -> dict[str, tuple[str, ...]]:
    text = f"---\n{front}---\n\n- app/* -> nobody\n"
    found = stated_references({f".claude/agents/{stem}.md": text.encode()})
    assert found.references.mandates == ()
    assert found.problems == ()
    return dict(found.references.routing_rules)


@pytest.mark.parametrize(
    ("front", "globs"),
    [
        ("name: a\npaths: [src/**, 'lib/*.ts']\n", ["src/**", "lib/*.ts"]),
        ('name: a\nglobs: "src/**/*.{ts,tsx}, lib/db"\n', ["src/**/*.{ts,tsx}", "lib/db"]),
        ("name: a\npaths:\n  - src/**\n  - docs/\n", ["src/**", "docs/"]),
        ("name: a\ndescription: Use for `app/**/*.tsx` and *.css files.\n",
         ["app/**/*.tsx", "*.css"]),
        ("name: a\ndescription: Use for app/*. Never for lib/*; not for src/**.\n", ["app/*"]),
        ("name: a\ndescription: Reads, writes and/or reviews **important** code\n", []),
        ("name: a\ndescription: Use it. <example>user: review src/*.ts</example>\n", []),
        ("name: a\ndescription: broken: yaml: 'here\n", []),
    ],
)  # fmt: skip
def test_an_agent_is_routed_only_where_it_names_a_glob(front: str, globs: list[str]) -> None:
    assert agent(front) == dict.fromkeys(globs, ("a",))


def test_an_agent_without_a_name_is_named_by_its_file() -> None:
    assert agent("paths: src/**\n", stem="reviewer") == {"src/**": ("reviewer",)}
    text = b"---\nname: a\npaths: src/**\n\nNo end.\n"
    assert stated_references({".claude/agents/a.md": text}).references.routing_rules == {}


def test_a_rule_file_for_some_paths_is_not_a_mandate_and_one_for_all_is() -> None:
    files = {
        ".claude/rules/api.md": b"---\npaths:\n  - app/**\n---\n- Routes MUST check the session\n",
        ".claude/rules/all.md": b"- Secrets MUST stay out\n",
        ".claude/CLAUDE.md": b"# Rules\n- no emojis\n",
    }
    found = stated_references(files)
    assert found.references.mandates == ("no emojis", "Secrets MUST stay out")
    assert lines_of(found, "mandates.noemojis") == [(".claude/CLAUDE.md", 2)]


def test_each_of_several_titles_heads_only_its_own_part() -> None:
    text = (
        "# Requirements\n\nAll changes need to:\n\n- update the docs\n\n## When to verify\n\n"
        "- run a single test: `x`\n\n# Other\n- use it well\n"
    )
    assert stated(AGENTS__md=text).references.mandates == ("update the docs",)


def test_items_that_begin_with_never_or_always_are_rules_that_come_last() -> None:
    text = "# Notes\n- Never add a co-author\n- Neverland is far\n## Rules\n- be brief always\n"
    assert stated(AGENTS__md=text).references.mandates == (
        "be brief always",
        "Never add a co-author",
    )


# Project memory


def test_a_project_memory_is_read_in_the_sections_of_the_references() -> None:
    found = stated(
        PROJECT_MEMORY__yaml=(
            "tech_stack:\n  Framework: {name: Next.js, version: 14}\n  data base: Postgres\n"
            "  nested: {a: {b: c}}\nrules:\n  - No emojis.\n  - {rule: Be kind, since: 2025}\n"
            "  - [x]\nrouting:\n  - {pattern: app/*, agents: [a, b]}\n  - {path: lib/, agent: c}\n"
            "  - {agent: d}\ntargets: {LCP: < 2.5 s}\nnotes: {stack: {node: 1}}\n"
            "project: {constraints: {coverage: 80% at least}}\n"
        )
    )
    references = found.references
    assert references.stack == {"framework": "Next.js 14", "data_base": "Postgres"}
    assert references.mandates == ("No emojis", "Be kind", "x", "coverage: 80% at least")
    assert references.routing_rules == {"app/*": ("a", "b"), "lib/": ("c",)}
    assert references.performance_targets == {"lcp": "< 2.5 s"}
    assert lines_of(found, "stack.data_base") == [("PROJECT_MEMORY.yaml", 3)]
    assert lines_of(found, "mandates.bekind") == [("PROJECT_MEMORY.yaml", 7)]


def test_manifests_come_before_memory_and_memory_before_prose() -> None:
    found = stated(
        package__json='{"engines": {"node": ">=22"}}',
        PROJECT_MEMORY__yaml="stack: {node: 18, db: x}\nmandates: [b]\n",
        CLAUDE__md="# Rules\n- a rule\n- B\n",
    )
    assert found.references.stack == {"node": ">=22", "db": "x"}
    assert found.references.mandates == ("b", "a rule")


def test_a_memory_that_is_invalid_is_a_problem_with_its_line() -> None:
    broken = stated(PROJECT_MEMORY__yaml="a: b\nstack: [\n")
    assert [(p.file, p.line) for p in broken.problems] == [("PROJECT_MEMORY.yaml", 3)]
    assert "not a mapping" in str(stated(PROJECT_MEMORY__yaml="- a\n").problems[0])


def test_a_memory_that_holds_itself_or_a_thousand_aliases_ends() -> None:
    text = "stack: &a {x: *a, y: z}\nmandates: &m [*m, *m]\nrouting: {a/*: *m}\n"
    assert "recursive" in str(stated(PROJECT_MEMORY__yaml=text).problems[0])
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
    )
    assert stated(PROJECT_MEMORY__yaml=f"{bomb}stack: {{x: *a29}}\n").references.stack == {}


# The parts of a log


def test_the_lines_of_a_file_that_is_given_in_parts_are_those_of_the_file() -> None:
    text = b"# Log\n\n## Rules\n- Agents MUST rest\n## More rules\n- Agents MUST eat\n"
    found = stated_references({"LOG.md": text}, {"LOG.md": [(1, 1), (5, 905)]})
    assert lines_of(found, "mandates.agentsmustrest") == [("LOG.md", 4)]
    assert lines_of(found, "mandates.agentsmusteat") == [("LOG.md", 906)]
    unknown = stated_references({"LOG.md": text}, {"LOG.md": ()})
    assert lines_of(unknown, "mandates.agentsmustrest") == [("LOG.md", None)]


# Places


def test_the_line_of_a_key_is_that_of_its_own_table() -> None:
    json_text = '{"a": {"b": "\\"c\\": {",\n"c": [{"b": 1}]},\n"d\\u0041": 0, "c": 2,\n"b":\n{}}'
    places = json_places(json_text)
    assert [places.line(*p) for p in (("a", "b"), ("a", "c"), ("c",), ("b",), ("x",))] == [
        1, 2, 3, 4, None,
    ]  # fmt: skip
    toml = "a = 1\n[x]\n'b.c' = '''\na = 2\n[y]\n'''\nd.e = [\n  'f',\n  'g'\n]\n[[y]]\na = 3\n"
    tables = toml_places(toml)
    paths = (("a",), ("x", "b.c"), ("x", "d", "e"), ("y",), ("y", "a"), ("x", "a"))
    assert [tables.line(*p) for p in paths] == [1, 3, 7, 11, 12, None]
    assert tables.line_of("'g'", "x", "d", "e") == 9


# Any size


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "a." * (SIZE_LIMIT // 2 - 8) + "a = 1"),
        ("pyproject.toml", "[project]\ndependencies = [\n" + "'ruff',\n" * (SIZE_LIMIT // 9) + "]"),
        ("Cargo.toml", "[" + "a." * (SIZE_LIMIT // 2 - 8) + "a]"),
        ("Cargo.toml", "[dependencies]\n" + "".join(f"a{i} = '1'\n" for i in range(18_000))),
        ("package.json", '{"dependencies": {' + '"a":{' * 40_000),
        ("package.json", '{"scripts": {' + '"test": "x",' * 20_000 + '"a": "b"}}'),
        (".claude/agents/a.md", "---\nname: a\npaths: " + "{,a" * 80_000 + "\n---\n"),
        (".claude/agents/a.md", "---\nname: a\n" + "description: a/* b/*\n" * 12_000 + "---\n"),
        ("PROJECT_MEMORY.yaml", "routing: {'" + "{,a" * 80_000 + "': b}"),
        ("PROJECT_MEMORY.yaml", "rules:\n" + "- a\n" * 60_000),
        ("Makefile", "test " * 50_000 + ":\n"),
        ("go.mod", "require " + "a/" * 120_000 + " v1\n"),
    ],
    ids=range(12),
)
def test_a_hostile_file_takes_no_longer_than_its_size(name: str, text: str) -> None:
    with not_quadratic():
        stated_references({name: text[:SIZE_LIMIT].encode()})
