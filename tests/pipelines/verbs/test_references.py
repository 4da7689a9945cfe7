"""The references follow the repository, keep what a person wrote, and name what is stale."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codec.manifest.facts import ReferencesBuilt
from codec.references.document import decode_references
from pipelines.references.beside import build_references
from pipelines.references.plan import Plan, Request, plan
from pipelines.system.worker.client import Worker
from pipelines.system.worker.process import count_text
from pipelines.verbs.references import Result, references
from pipelines.workspace.location import MANIFEST, REFERENCES
from tests.pipelines.conftest import THREE, Bench, Cli, command, git, tree
from tests.support.read_only import read_only

PACKAGE = {
    "packageManager": "npm@10.9.0",
    "engines": {"node": ">=20"},
    "dependencies": {"next": "^14.0.0"},
    "devDependencies": {"jest": "^29.0.0"},
}
CRASHING = Path(__file__).parents[2] / "faults" / "crashing.py"
RULES = "# Rules\n\n- No emojis\n- Be kind to the reader\n"


def package(bench: Bench, **changes: Any) -> None:
    (bench.root / "package.json").write_text(json.dumps({**PACKAGE, **changes}, indent=2))


@pytest.fixture
def repo(bench: Bench) -> Bench:
    """Make a migrated repository whose files state some values."""
    package(bench)
    (bench.root / "CLAUDE.md").write_text(RULES)
    bench.migrate()
    return bench


def file(bench: Bench) -> Path:
    return bench.root / REFERENCES


def stack(bench: Bench) -> dict[str, str]:
    return dict(decode_references(file(bench).read_bytes()).stack)


def request(bench: Bench, budget: int = 250) -> Request:
    return Request(
        workspace=bench.workspace,
        tokenizer="o200k_base",
        count=bench.worker.count_text,
        budget=budget,
    )


def refresh(bench: Bench, budget: int = 250) -> Result:
    return references(request(bench, budget))


def planned(bench: Bench, budget: int = 250) -> Plan:
    return plan(request(bench, budget))


def edit(bench: Bench, old: str, new: str) -> None:
    text = file(bench).read_text()
    assert old in text
    file(bench).write_text(text.replace(old, new))


def codes(made: Plan, level: str = "finding") -> list[str]:
    return [f.code for f in made.findings if f.level == level]


def standing(made: Plan, name: str) -> str:
    return made.refresh.changes[name].standing.value


# What migrate built


def test_references_built_by_migrate_are_current(repo: Bench, cli: Cli) -> None:
    before = tree(repo.root, times=True)
    assert cli("references", repo.root, "--check").code == 0
    assert refresh(repo).written == []
    assert tree(repo.root, times=True) == before
    assert len(repo.manifest.builds) == 1


def test_the_first_refresh_after_migrate_keeps_the_users_edits(repo: Bench) -> None:
    edit(repo, " node: '>=20'\n", "")
    edit(repo, "testing: Jest 29", "testing: Jest, by hand")
    edit(repo, "No emojis", "No emojis at all")
    package(repo, dependencies={"next": "^15.0.0"}, devDependencies={"jest": "^30.0.0"})
    refresh(repo)
    assert stack(repo) == {
        "framework": "Next.js 15", "testing": "Jest, by hand", "package_manager": "npm 10.9.0"
    }  # fmt: skip
    assert decode_references(file(repo).read_bytes()).mandates == (
        "No emojis at all", "Be kind to the reader"
    )  # fmt: skip


def test_a_file_that_is_gone_is_built_by_migrate_and_known_by_references(repo: Bench) -> None:
    file(repo).unlink()
    repo.migrate()
    assert len(repo.manifest.builds) == 2
    assert len(repo.manifest.last_builds()) == 1
    assert refresh(repo).written == []


# Edits


def test_edits_additions_and_removals_survive_many_refreshes(repo: Bench) -> None:
    edit(repo, " package_manager: npm 10.9.0\n", " package_manager: npm, always\n owner: Ada\n")
    edit(repo, " node: '>=20'\n", "")
    file(repo).write_bytes(file(repo).read_bytes() + b"team: {lead: Ada}\n")
    for major in (15, 16, 17):
        package(
            repo,
            dependencies={"next": f"^{major}.0.0"},
            engines={"node": f">={major}"},
            packageManager=f"npm@{major}.0.0",
        )
        made = refresh(repo)
        assert made.written == [REFERENCES, MANIFEST]
        assert stack(repo) == {
            "framework": f"Next.js {major}", "testing": "Jest 29",
            "package_manager": "npm, always", "owner": "Ada",
        }  # fmt: skip
        assert standing(made.plan, "stack.node") == "declined"
        assert standing(made.plan, "stack.owner") == "yours"
        assert refresh(repo).written == []
    assert decode_references(file(repo).read_bytes()).extra == {"team": {"lead": "Ada"}}


def test_a_value_that_no_source_states_any_more_is_deleted(repo: Bench) -> None:
    (repo.root / "CLAUDE.md").unlink()
    package(repo, engines={})
    made = refresh(repo)
    assert [n for n, c in made.plan.refresh.changes.items() if c.standing.value == "removed"] == [
        "stack.node", "mandates.noemojis", "mandates.bekindtothereader"
    ]  # fmt: skip
    assert stack(repo).keys() == {"framework", "testing", "package_manager"}


def test_comments_and_layout_survive_and_a_comment_that_cannot_is_a_finding(repo: Bench) -> None:
    edit(repo, "stack:\n", "# for every agent\nstack: # ours\n")
    package(repo, dependencies={"next": "^15.0.0"})
    refresh(repo)
    text = file(repo).read_text()
    assert text.startswith("# for every agent\nstack: # ours\n framework: Next.js 15\n")
    edit(repo, "mandates: [", "mandates: [ # ours\n ")
    (repo.root / "CLAUDE.md").write_text(f"{RULES}- Test it twice\n")
    before = tree(repo.root, times=True)
    made = refresh(repo)
    assert made.written == []
    assert tree(repo.root, times=True) == {**before, **_lock(repo)}
    assert codes(made.plan) == ["not-editable"]
    assert made.plan.findings[0].line == text[: text.index("mandates:")].count("\n") + 1


def _lock(bench: Bench) -> dict[str, tuple[bytes, int]]:
    return {n: v for n, v in tree(bench.root, times=True).items() if n.endswith("/lock")}


def test_a_users_file_is_adopted_and_nothing_is_added(bench: Bench, cli: Cli) -> None:
    written = "stack: {framework: our own, lint_command: x}\n"
    file(bench).write_text(written)
    package(bench)
    bench.migrate()
    assert bench.manifest.builds == ()
    said = cli("references", bench.root)
    assert said.code == 0
    assert "stack.testing" in said.err
    assert file(bench).read_text() == written
    assert cli("references", bench.root, "--check").code == 0
    file(bench).write_text("stack: {framework: our own, lint_command: x, testing: Jest 28}\n")
    refresh(bench)
    assert stack(bench)["testing"] == "Jest 28"


def test_a_hand_written_file_with_nested_mandates_stays_as_it_is(bench: Bench, cli: Cli) -> None:
    written = (
        "# Static context\nstack:\n  framework: Next.js 22.x\n\n"
        "mandates:\n  coverage_threshold: 80   # per cent\n  pre_commit_checks:\n    - lint\n"
        "    - test\n\ncurrent_state:\n  open_prs: 1\n"
    )
    file(bench).write_text(written)
    package(bench)
    bench.migrate()
    for arguments in (("--check",), (), ("--check",)):
        assert cli("references", bench.root, *arguments).code == 0
        assert file(bench).read_text() == written
    shown = cli("context", bench.root).out
    assert "mandates:\n coverage_threshold: 80\n pre_commit_checks: [lint, test]\n" in shown
    assert "#" not in shown


# Branches


def test_two_branches_that_both_refreshed_agree_after_a_merge(repo: Bench) -> None:
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "base")
    git(repo.root, "checkout", "-qb", "other")
    package(repo, dependencies={"next": "^15.0.0"})
    refresh(repo)
    git(repo.root, "commit", "-qam", "next 15")
    git(repo.root, "checkout", "-q", "main")
    edit(repo, " node: '>=20'\n", "")
    (repo.root / "CLAUDE.md").write_text(f"{RULES}- Test it twice\n")
    refresh(repo)
    git(repo.root, "commit", "-qam", "rules")
    (repo.root / ".git" / "info" / "attributes").write_text("manifest.jsonl merge=union\n")
    git(repo.root, "merge", "-q", "other", "-m", "merge")
    assert len(repo.manifest.last_builds()) == 2
    assert planned(repo).is_stale is False
    package(repo, dependencies={"next": "^16.0.0"})
    refresh(repo)
    assert len(repo.manifest.last_builds()) == 1
    assert stack(repo)["framework"] == "Next.js 16"
    assert "node" not in stack(repo)


def test_two_clones_that_refresh_the_same_write_the_same_fact(repo: Bench, tmp_path: Path) -> None:
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "base")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo.root), str(clone))
    other = Bench(clone, repo.worker)
    for each in (repo, other):
        package(each, dependencies={"next": "^15.0.0"})
        refresh(each)
    assert file(other).read_bytes() == file(repo).read_bytes()
    assert (clone / MANIFEST).read_bytes() == (repo.root / MANIFEST).read_bytes()


# The v1 log

LOG_RULES = THREE + b"## Agent rules\n\n- Agents MUST stop after a task\n"


def test_the_rules_of_a_log_are_stated_with_their_line(bench: Bench) -> None:
    bench.log.write_bytes(LOG_RULES)
    bench.migrate()
    made = planned(bench)
    origins = made.origins["mandates.agentsmuststopafteratask"]
    line = LOG_RULES[: LOG_RULES.index(b"- Agents MUST")].count(b"\n") + 1
    assert [(o.file, o.line) for o in origins] == [("AGENT_PROGRESS_LOG.md", line)]
    assert not made.is_stale


def test_the_rules_of_a_retired_log_stay_here_and_in_a_clone(
    bench: Bench, cli: Cli, tmp_path: Path
) -> None:
    bench.log.write_bytes(LOG_RULES)
    bench.migrate()
    bench.commit()
    assert cli("retire-v1", bench.root).code == 0
    assert refresh(bench).written == []
    bench.commit()
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(bench.root), str(clone))
    other = Bench(clone, bench.worker)
    made = planned(other)
    assert codes(made) == []
    assert codes(made, "note") == ["log-absent"]
    assert standing(made, "mandates.agentsmuststopafteratask") == "unread"
    package(other)
    refresh(other)
    assert "Agents MUST stop after a task" in file(other).read_text()
    assert cli("references", other.root, "--check").code == 0


def test_a_rule_that_the_log_no_longer_has_is_removed(bench: Bench) -> None:
    bench.log.write_bytes(LOG_RULES)
    bench.migrate()
    bench.log.write_bytes(THREE)
    refresh(bench)
    assert "Agents MUST" not in file(bench).read_text()


# Bad input


def test_a_broken_manifest_is_a_finding_with_its_line_and_takes_nothing_away(
    repo: Bench, cli: Cli
) -> None:
    before = file(repo).read_bytes()
    (repo.root / "package.json").write_text('{\n  "dependencies": {,}\n}\n')
    (repo.root / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.11\n')
    workflows = repo.root / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "ci.yml").write_text("jobs:\n  a: [\n")
    (repo.root / "CLAUDE.md").write_text(f"{RULES}- Test it twice\n")
    said = cli("references", repo.root, "--json")
    assert said.code == 3
    assert [(f["code"], f["file"], f["line"]) for f in said.json["findings"]] == [
        ("unreadable", "package.json", 2),
        ("unreadable", "pyproject.toml", 2),
        ("unreadable", ".github/workflows/ci.yml", 3),
    ]
    assert file(repo).read_bytes() == before.replace(
        b"Be kind to the reader]", b"Be kind to the reader, Test it twice]"
    )
    (repo.root / "package.json").write_text("{}")
    refresh(repo)
    assert stack(repo) == {}


def test_a_references_file_that_is_broken_stops_with_its_line(repo: Bench, cli: Cli) -> None:
    file(repo).write_text("stack:\n  a: []\n")
    said = cli("references", repo.root)
    assert said.code == 10
    assert f"{REFERENCES}:2: stack.a" in said.err
    file(repo).write_bytes(b"#" * (1 << 20) + b"\n")
    assert "larger than 1024 KiB" in cli("references", repo.root).err


def test_no_file_outside_of_the_repository_is_read_or_written(
    repo: Bench, cli: Cli, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("# Rules\n- the password is tide\n")
    (repo.root / "AGENTS.md").symlink_to(secret)
    made = planned(repo)
    assert codes(made) == ["unreadable"]
    assert "password" not in str(made.findings) + str(made.after)
    (repo.root / "AGENTS.md").unlink()
    (repo.root / "AGENTS.md").symlink_to("CLAUDE.md")
    assert codes(planned(repo)) == []
    target = tmp_path / "target.yaml"
    file(repo).replace(target)
    file(repo).symlink_to(target)
    before = target.read_bytes()
    package(repo, engines={"node": "22"})
    assert cli("references", repo.root).code == 22
    assert target.read_bytes() == before


def test_a_folder_and_a_pipe_by_the_name_of_a_manifest_are_skipped(repo: Bench) -> None:
    (repo.root / "Cargo.toml").mkdir()
    os.mkfifo(repo.root / "go.mod")
    assert planned(repo).is_stale is False


def test_outside_of_a_workspace_it_says_the_way_out(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "package.json").write_text(json.dumps(PACKAGE))
    said = cli("references", tmp_path)
    assert said.code == 20
    assert "session-codec" in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["package.json"]


def test_a_directory_that_may_not_be_written_is_exit_31_and_stays(repo: Bench, cli: Cli) -> None:
    package(repo, engines={"node": "22"})
    before = tree(repo.root, times=True)
    with read_only(repo.root):
        assert cli("references", repo.root, "--check").code == 3
        said = cli("references", repo.root)
    assert said.code == 31
    assert "Check the permissions of the path" in said.err
    assert tree(repo.root, times=True) == before


# Check, explain, dry run


def test_check_names_stale_values_and_writes_nothing(repo: Bench, cli: Cli) -> None:
    package(repo, dependencies={"next": "^15.0.0"}, engines={})
    before = tree(repo.root, times=True)
    said = cli("references", repo.root, "--check")
    assert said.code == 3
    assert "differs from the repository's files: 1 changed, 1 removed" in said.err
    assert "~ stack.framework: Next.js 14 -> Next.js 15" in said.out
    assert cli("references", repo.root, "--dry-run").code == 0
    as_json = cli("references", repo.root, "--check", "--json")
    assert (as_json.code, as_json.json["stale"], as_json.json["written"]) == (3, True, [])
    assert [f["code"] for f in as_json.json["findings"]] == ["stale"]
    assert tree(repo.root, times=True) == before
    assert cli("references", repo.root).code == 0
    assert cli("references", repo.root, "--check").code == 0


def test_a_file_that_is_not_there_is_stale_and_is_built(repo: Bench, cli: Cli) -> None:
    built = file(repo).read_bytes()
    file(repo).unlink()
    assert cli("references", repo.root, "--check").code == 3
    said = cli("references", repo.root)
    assert said.code == 0
    assert "built" in said.out
    assert file(repo).read_bytes() == built


def test_explain_names_file_and_line_of_every_value_and_marks_the_users(
    repo: Bench, cli: Cli
) -> None:
    edit(repo, "testing: Jest 29", "testing: by hand")
    edit(repo, " node: '>=20'\n", "")
    before = tree(repo.root, times=True)
    said = cli("references", repo.root, "--explain").out
    assert tree(repo.root, times=True) == before
    lines = said.splitlines()
    at = (repo.root / "package.json").read_text().split("\n")
    next_line = next(i for i, line in enumerate(at, 1) if '"next"' in line)
    framework = lines.index("stack.framework: Next.js 14")
    assert lines[framework + 1] == f"    package.json:{next_line}: dependencies.next"
    testing = lines.index("stack.testing: by hand")
    assert lines[testing + 1] == "    yours"
    assert lines[testing + 2].endswith("devDependencies.jest states Jest 29")
    assert lines[lines.index("mandates 'No emojis'") + 1] == "    CLAUDE.md:3"
    assert lines[lines.index("stack.node: >=20") + 1] == "    removed by you"
    values = {v["name"]: v for v in cli("references", repo.root, "--json").json["values"]}
    assert values["stack.framework"]["from"] == [
        {"file": "package.json", "line": next_line, "place": "dependencies.next"}
    ]


def test_every_value_that_is_not_a_users_has_an_origin(repo: Bench) -> None:
    made = planned(repo)
    assert set(made.refresh.values()) == set(made.origins)


# Budget


def test_a_small_budget_leaves_out_the_least_important_and_says_so(repo: Bench, cli: Cli) -> None:
    said = cli("references", repo.root, "--budget", 40)
    assert said.code == 0
    assert "left out to stay within 40 tokens" in said.err
    left = decode_references(file(repo).read_bytes())
    assert repo.worker.count_text(file(repo).read_text()) <= 40
    assert "framework" in left.stack
    assert cli("references", repo.root, "--check", "--budget", 40).code == 0
    assert cli("references", repo.root, "--check").code == 3
    refresh(repo)
    assert cli("references", repo.root, "--check").code == 0
    assert set(stack(repo)) == {"framework", "testing", "package_manager", "node"}


def test_a_users_values_are_never_left_out_and_too_many_of_them_are_a_finding(
    repo: Bench, cli: Cli
) -> None:
    own = "".join(f" own_{i}: a value of somebody's own, number {i}\n" for i in range(30))
    edit(repo, "stack:\n", f"stack:\n{own}")
    before = stack(repo)
    package(repo, dependencies={"next": "^15.0.0"})
    said = cli("references", repo.root)
    assert said.code == 3
    tokens = repo.worker.count_text(file(repo).read_text())
    assert f"costs {tokens} tokens by o200k_base, {tokens - 250} more than the budget" in said.err
    assert "own_" in said.err
    assert stack(repo) == {**before, "framework": "Next.js 15"}
    assert cli("references", repo.root, "--budget", tokens).code == 0
    assert cli("references", repo.root, "--check", "--budget", tokens - 1).code == 3


def test_migrate_keeps_to_the_default_budget(bench: Bench, cli: Cli) -> None:
    package(bench)
    rules = "".join(f"- Rule number {i} is about the thing that is number {i}\n" for i in range(8))
    targets = "".join(f"- target of the number {i}: {i} %\n" for i in range(8))
    routes = "".join(f"- `src/part_{i}/**/*.tsx` -> worker-{i}, reviewer-{i}\n" for i in range(9))
    text = f"# Rules\n{rules}\n# Targets\n{targets}\n# Routing\n{routes}"
    (bench.root / "CLAUDE.md").write_text(text)
    bench.migrate()
    cost = bench.worker.count_text(file(bench).read_text())
    assert 200 < cost <= 250
    said = cli("references", bench.root, "--check")
    assert said.code == 0
    assert "left out" in said.err


# Concurrency and crashes


def test_two_refreshes_at_once_write_one_fact(repo: Bench) -> None:
    package(repo, dependencies={"next": "^15.0.0"})
    both = [
        subprocess.Popen(command("references", repo.root), stdout=subprocess.PIPE) for _ in "ab"
    ]
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert len(repo.manifest.builds) == 2
    assert len(repo.manifest.last_builds()) == 1


@pytest.mark.parametrize("how", [pytest.param("kill", marks=pytest.mark.slow), "full"])
def test_a_refresh_that_is_stopped_at_any_change_is_completed_by_the_next(
    repo: Bench, how: str
) -> None:
    package(repo, dependencies={"next": "^15.0.0"}, engines={})
    start = repo.root.parent / "start"
    shutil.copytree(repo.root, start)
    refresh(repo)
    done = {name: content for name, (content, _) in tree(repo.root).items()}
    for at in range(1, 100):
        shutil.rmtree(repo.root)
        shutil.copytree(start, repo.root)
        found = subprocess.run(
            [sys.executable, str(CRASHING), str(at), how, "references", str(repo.root)],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0:
            break
        assert found.returncode == (137 if how == "kill" else 32), found.stderr
        refresh(repo)
        left = {name: content for name, (content, _) in tree(repo.root).items()}
        assert {name: left[name] for name in left if not name.endswith(".tmp")} == done
    assert at > 5


def test_a_build_of_a_manifest_is_read_as_one(repo: Bench) -> None:
    (built,) = repo.manifest.builds
    assert isinstance(built, ReferencesBuilt)
    assert built.values["stack.framework"] == ("Next.js 14",)
    assert built.sources["stack.framework"] == ("package.json",)
    assert repo.manifest.unknown == ()


def test_a_worker_answers_with_the_file_and_its_fact(repo: Bench, worker: Worker) -> None:
    where = repo.workspace.root, repo.workspace.repository
    made, built = worker.call(build_references, *where, {}, [], count_text, 250).result()
    assert made == file(repo).read_bytes()
    assert isinstance(built, ReferencesBuilt)
