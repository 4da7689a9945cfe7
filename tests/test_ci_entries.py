"""What others run us by, `action.yml` and `.pre-commit-hooks.yaml`: the very commands, on a clone.

Nothing is downloaded: what is installed beside these tests is what pip finds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.workspace.location import DELTAS, METRICS
from tests.pipelines.conftest import THREE, git
from tests.pipelines.verbs.test_schedule import checked, needs

TOP = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((TOP / "action.yml").read_text())
SOURCE = ("pyproject.toml", "LICENSE", "docs", "action.yml", ".pre-commit-hooks.yaml", ".ci")
HERE = {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "PIP_NO_INDEX": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # as pip reads it: no isolation
    "VIRTUALENV_NO_PERIODIC_UPDATE": "1",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of the packages installed for these tests, session-codec left out."""
    root = tmp_path_factory.mktemp("installed")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "session_codec" not in path.name:
            (root / path.name).symlink_to(path)
    return str(root)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """session-codec as a runner or pre-commit gets it: a repository of its files."""
    root = tmp_path_factory.mktemp("source")
    for name in SOURCE:
        copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
        copy(TOP / name, root / name)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("codec", "pipelines"):
        shutil.copytree(TOP / name, root / name, ignore=ignored)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    return root


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with a workspace, to clone."""
    root = tmp_path_factory.mktemp("migrated")
    git(root, "init", "-q", "-b", "main")
    (root / "AGENT_PROGRESS_LOG.md").write_bytes(THREE)
    done = [sys.executable, "-m", "pipelines.cli.main", "migrate", str(root)]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    subprocess.run(done, check=True, capture_output=True, env=environment)
    git(root, "rm", "-q", "--cached", "--ignore-unmatch", "AGENT_PROGRESS_LOG.md")
    (root / "AGENT_PROGRESS_LOG.md").unlink()
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    return root


@pytest.fixture
def clone(migrated: Path, tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    git(migrated, "clone", "-q", str(migrated), str(root))
    return root


#: A `python3` that gives the environments it makes what is installed beside these tests. It
#: replaces the index that pip would ask: with -I, no variable can name another place.
PYTHON = """#!/bin/sh
"{python}" "$@" || exit
if [ "$2" = -m ] && [ "$3" = venv ]; then
    for packages in "$4"/lib/python3.*/site-packages; do
        rm -rf "$packages"/setuptools* "$packages"/distutils-precedence.pth
        echo "{installed}" > "$packages/installed.pth"
    done
fi
"""


@dataclass(frozen=True, slots=True)
class Runner:
    """What runs an action's steps as GitHub's runner does."""

    source: Path
    temp: Path
    installed: str

    def run(self, step: dict[str, Any], folder: Path, **inputs: str) -> tuple[int, str]:
        """Run a step with these inputs; the exit code and all that was said."""
        values = {name: str(given["default"]) for name, given in ACTION["inputs"].items()}
        values |= {name.replace("_", "-"): value for name, value in inputs.items()}
        environment = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], value)
            for name, value in step.get("env", {}).items()
        }
        outer = {k: v for k, v in os.environ.items() if not k.startswith(("GIT", "PYTEST"))}
        script = self.temp / "script.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=folder,
            env={
                **outer,
                **HERE,
                **environment,
                "PATH": os.pathsep.join([str(self.temp / "bin"), HERE["PATH"]]),
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(self.source),
                "GITHUB_OUTPUT": str(self.temp / "output"),
                "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
                "RUNNER_TEMP": str(self.temp),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    @property
    def output(self) -> str:
        return (self.temp / "output").read_text()


@pytest.fixture(scope="module")
def runner(source: Path, installed: str, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Make a runner on which the action's first step installed session-codec."""
    made = Runner(source, tmp_path_factory.mktemp("runner"), installed)
    python = made.temp / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(PYTHON.format(python=sys.executable, installed=installed))
    python.chmod(0o755)
    code, said = made.run(ACTION["runs"]["steps"][0], source)
    assert code == 0, said
    return made


VERIFY: dict[str, Any] = ACTION["runs"]["steps"][-1]


def test_github_accepts_the_action_and_no_input_is_code() -> None:
    path = TOP / "action.yml"
    checked(needs("check-jsonschema"), "--builtin-schema", "vendor.github-actions", path)
    checked(needs("zizmor"), "--offline", "--no-config", "--persona", "pedantic", path)
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
    handed = re.findall(r"inputs\.([\w-]+)", " ".join(VERIFY["env"].values()))
    assert sorted(handed) == sorted(ACTION["inputs"])


@pytest.mark.slow
def test_the_action_installs_locked_packages_and_verifies_a_clone(
    runner: Runner, clone: Path
) -> None:
    code, said = runner.run(VERIFY, clone)
    assert code == 0, said
    assert re.search(r"all \d+ checks passed", said)
    assert runner.output.endswith("exit-code=0\n")
    assert "session-codec verify: passed" in (runner.temp / "summary.md").read_text()


@pytest.mark.slow
def test_the_action_reports_its_failure_in_annotations_and_the_summary(
    runner: Runner, clone: Path
) -> None:
    (clone / DELTAS).write_text((clone / DELTAS).read_text() + "by hand\n")
    (runner.temp / "summary.md").unlink(missing_ok=True)
    code, said = runner.run(VERIFY, clone, format="sarif", output="out.sarif")
    assert code == 3
    assert f"::error title=session-codec%3A broken-line,file={DELTAS},line=4::" in said
    assert runner.output.endswith("exit-code=3\n")
    assert '"ruleId": "broken-line"' in (clone / "out.sarif").read_text()
    assert "found something to look at" in (runner.temp / "summary.md").read_text()
    code, said = runner.run(VERIFY, clone, since="HEAD~0")
    assert code == 3  # not committed, but added
    git(clone, "commit", "-qam", "by hand")
    assert runner.run(VERIFY, clone, since="HEAD")[0] == 0
    assert runner.run(VERIFY, clone, since="HEAD~1")[0] == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("repo", 20), ("since", 30), ("threshold", 2), ("context_budget", 2),
        ("references_budget", 2), ("require", 2),
    ],
)  # fmt: skip
def test_the_value_of_an_input_never_runs(
    runner: Runner, clone: Path, name: str, code: int
) -> None:
    value = f"--json $(touch {clone}/ran) `touch {clone}/ran`; touch {clone}/ran\n'\""
    assert runner.run(VERIFY, clone, **{name: value})[0] == code
    assert not (clone / "ran").exists()
    assert runner.output.endswith(f"exit-code={code}\n")


@pytest.mark.slow
def test_pre_commit_takes_the_hook_and_runs_it_where_the_files_change(
    source: Path, installed: str, clone: Path, tmp_path: Path
) -> None:
    tool = needs("pre-commit")
    checked(tool, "validate-manifest", TOP / ".pre-commit-hooks.yaml")
    config = f"repos:\n- repo: {source}\n  rev: main\n  hooks:\n  - id: session-codec-verify\n"
    (clone / ".pre-commit-config.yaml").write_text(config)
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "hook")
    outer = {k: v for k, v in os.environ.items() if not k.startswith("GIT")}
    environment = {
        **outer,
        **HERE,
        "PYTHONPATH": installed,
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tool, "run", *arguments], cwd=clone, env=environment, text=True,
            capture_output=True, check=False,
        )  # fmt: skip

    done = run("--all-files")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^session-codec verify\.+Passed$", done.stdout, re.M)
    (clone / "other.txt").write_text("x\n")
    git(clone, "add", "other.txt")
    assert "no files to check" in run().stdout
    rows = (clone / METRICS).read_text()
    (clone / METRICS).write_text(rows.replace("\tPASS\t", "\tFAIL\t", 1))
    git(clone, "add", METRICS)
    done = run()
    assert done.returncode == 1
    assert f"{METRICS}:2: contradicts the " in done.stdout
    assert "- exit code: 3" in done.stdout
