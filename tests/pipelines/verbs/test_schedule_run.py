"""Run each job as its scheduler does.

The program is installed, git pushes to a bare repository, and the remote is real.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.remotes.directory import DirectoryRemote
from pipelines.workspace.location import V1_LOG, locate
from pipelines.workspace.reading import read_manifest
from tests.conformance.conftest import Started, sdk_environment, started
from tests.pipelines.conftest import entry, git, log_of
from tests.pipelines.verbs.test_schedule import (
    CRONJOB,
    TOP,
    WORKFLOW,
    Home,
    document,
    home,
    needs,
    write_program,
)
from tests.support.servers import ENVIRONMENT, Server

__all__ = ["home", "sdk_environment", "started"]
pytestmark = pytest.mark.slow

OLD = "2025-03-05T10:00:00Z"
MANIFEST = ".session-codec/manifest.jsonl"


def with_a_session(home: Home) -> None:
    """Make a committed workspace with a diff of a past month."""
    home.install()
    (home.repo / V1_LOG).write_bytes(log_of(entry(OLD)))
    said = home.cli("migrate", home.repo)
    assert said.code == 0, said.err
    git(home.repo, "add", "-A")
    git(home.repo, "commit", "-qm", "one")


def archives(repo: Path) -> list[str]:
    """Return the archives that a manifest names."""
    return sorted(read_manifest(locate(str(repo))).archives)


def command_of(home: Home, kind: str) -> str:
    """Return the command that the machine's scheduler gives to a shell."""
    if kind == "cron":
        line = home.crontab.read_text().splitlines()[1]
        return line.split(" ", 5)[5].replace("\\%", "%")
    (line,) = (
        line for line in Path(f"{home.units}.service").read_text().splitlines()
        if line.startswith("ExecStart=")
    )  # fmt: skip
    return shlex.split(line)[2].replace("%%", "%").replace("$$", "$")


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a user's home, in which all jobs share the scanner's compiled rules."""
    path = tmp_path_factory.getbasetemp() / "person"
    path.mkdir(exist_ok=True)
    return path


def run_here(outside: Path, run: str) -> subprocess.CompletedProcess[str]:
    """Run it with as little of an environment as cron gives."""
    return subprocess.run(
        ["/bin/sh", "-c", run],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "HOME": str(outside), "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_the_very_command_packs_the_month_and_commits_nothing(
    home: Home, kind: str, outside: Path
) -> None:
    with_a_session(home)
    home.install("--schedule", kind)
    head = git(home.repo, "rev-parse", "HEAD")
    done = run_here(outside, command_of(home, kind))
    assert done.returncode == 0, done.stderr
    assert len(archives(home.repo)) == 1
    assert not (home.repo / f".diffs/{OLD}.diff").exists()
    assert git(home.repo, "rev-parse", "HEAD") == head
    assert git(home.repo, "status", "--porcelain", "--untracked-files=no") == f" M {MANIFEST}\n"


@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_with_a_remote_the_very_command_copies_as_well_and_the_next_has_nothing_to_do(
    home: Home, kind: str, tmp_path: Path, outside: Path
) -> None:
    with_a_session(home)
    copies = tmp_path / "copies 50%"
    home.install("--schedule", kind, "--remote", copies)
    run = command_of(home, kind)
    done = run_here(outside, run)
    assert done.returncode == 0, done.stderr
    remote = DirectoryRemote(str(copies))
    there = remote.list_all()
    assert f"archive/{archives(home.repo)[0]}" in {o.name for o in there}
    again = run_here(outside, run)
    assert (again.returncode, "nothing to pack" in again.stdout) == (0, True), again.stderr
    assert remote.list_all() == there


@dataclass(frozen=True, slots=True)
class Cluster:
    """A home whose repository was pushed and copied, and what a job finds where it runs."""

    home: Home
    origin: Path
    server: Server
    url: str
    programs: Path
    outside: Path

    def run(
        self, script: str, folder: Path, more: dict[str, str], *, programs: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a job's script as its scheduler does."""
        path = [programs, self.programs, os.environ["PATH"]]
        environment = {
            **ENVIRONMENT,
            "PATH": os.pathsep.join(str(p) for p in path if p),
            "HOME": str(self.outside),
            "XDG_CACHE_HOME": str(self.outside / ".cache"),
            "PYTHONPATH": str(TOP),
            "GIT_CONFIG_NOSYSTEM": "1",
            "SESSION_CODEC_ENDPOINT_URL": self.server.endpoint,
            **more,
        }
        return subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )

    def sync(self) -> None:
        """Copy what is at home, as a person does."""
        there = ("--remote", self.url, "--endpoint-url", self.server.endpoint)
        said = self.home.cli("sync", self.home.repo, *there)
        assert said.code == 0, said.err

    def copied(self) -> list[str]:
        """List the objects of the remote with an independent SDK."""
        bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        listed = self.server.client().list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [o["Key"].removeprefix(f"{prefix}/") for o in listed.get("Contents", ())]

    def clone(self, target: Path) -> Path:
        """Make a fresh clone of what was pushed."""
        git(target.parent, "clone", "-q", str(self.origin), str(target))
        return target


@pytest.fixture
def cluster(
    home: Home,
    tmp_path: Path,
    outside: Path,
    started: Started,
    sdk_environment: None,
) -> Cluster:
    with_a_session(home)
    programs = Path(needs("session-codec")).parent
    server = started("moto")
    here = Cluster(home, tmp_path / "origin.git", server, server.url(), programs, outside)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", here.origin], check=True)
    git(home.repo, "push", "-q", str(here.origin), "main")
    here.sync()
    return here


def workflow_step(cluster: Cluster) -> tuple[str, dict[str, str]]:
    """Return the workflow's last step: its shell, and the variables that it sets itself."""
    home = cluster.home
    assert home.install("--schedule", "github", "--remote", cluster.url).code == 0
    step = document(home.repo / WORKFLOW)["jobs"]["archive"]["steps"][-1]
    return step["run"], {k: v for k, v in step["env"].items() if "${{" not in v}


def test_the_workflow_packs_copies_commits_and_pushes(cluster: Cluster, tmp_path: Path) -> None:
    script, environment = workflow_step(cluster)
    done = cluster.run(script, cluster.clone(tmp_path / "checkout"), environment)
    assert done.returncode == 0, done.stderr
    seen = cluster.clone(tmp_path / "seen")
    assert git(seen, "show", "--format=", "--name-only").split() == [MANIFEST]
    (name,) = archives(seen)
    assert f"archive/{name}" in cluster.copied()
    assert cluster.home.cli("show", OLD, seen, "--diff").code != 0
    there = ("--remote", cluster.url, "--endpoint-url", cluster.server.endpoint)
    diff = cluster.home.cli("show", OLD, seen, "--diff", *there)
    assert diff.out == cluster.home.cli("show", OLD, cluster.home.repo, "--diff").out != ""


def test_a_second_job_has_nothing_to_do(cluster: Cluster, tmp_path: Path) -> None:
    script, environment = workflow_step(cluster)
    cluster.run(script, cluster.clone(tmp_path / "first"), environment)
    head, copied = git(cluster.origin, "rev-parse", "main"), cluster.copied()
    checkout = cluster.clone(tmp_path / "second")
    done = cluster.run(script, checkout, environment)
    assert (done.returncode, "nothing to pack" in done.stdout) == (0, True), done.stderr
    assert (git(cluster.origin, "rev-parse", "main"), cluster.copied()) == (head, copied)
    assert git(checkout, "status", "--porcelain") == ""
    assert not (checkout / ".diffs/archive").exists()  # what is packed need not travel


def test_a_users_later_push_is_not_a_conflict_for_a_job(cluster: Cluster, tmp_path: Path) -> None:
    script, environment = workflow_step(cluster)
    other = cluster.clone(tmp_path / "other")
    (other / "PROJECT_REFERENCES.yaml").write_text("mandates: [be brief]\n")
    git(other, "commit", "-qam", "edited")
    git(other, "push", "-q")
    done = cluster.run(script, cluster.clone(tmp_path / "checkout"), environment)
    assert done.returncode == 0, done.stderr
    assert len(archives(cluster.clone(tmp_path / "seen"))) == 1


def test_a_session_missing_on_the_remote_is_reported_and_the_others_are_packed(
    cluster: Cluster, tmp_path: Path
) -> None:
    script, environment = workflow_step(cluster)
    home = cluster.home
    late = log_of(entry(OLD), entry("2025-04-01T10:00:00Z", task="never-copied"))
    (home.repo / V1_LOG).write_bytes(late)
    assert home.cli("migrate", home.repo).code == 0
    git(home.repo, "commit", "-qam", "late")
    git(home.repo, "push", "-q", str(cluster.origin), "main")
    done = cluster.run(script, cluster.clone(tmp_path / "checkout"), environment)
    assert (done.returncode, "1 diff not stored on this machine" in done.stderr) == (0, True)
    head = git(cluster.origin, "rev-parse", "main")
    assert [name[:7] for name in archives(cluster.clone(tmp_path / "seen"))] == ["2025-03"]
    alone = cluster.run(script, cluster.clone(tmp_path / "again"), environment)
    assert (alone.returncode, "cannot be packed" in alone.stderr) == (3, True)
    assert git(cluster.origin, "rev-parse", "main") == head
    cluster.sync()
    last = cluster.run(script, cluster.clone(tmp_path / "last"), environment)
    assert last.returncode == 0, last.stderr
    assert len(archives(cluster.clone(tmp_path / "packed"))) == 2


def test_a_job_with_an_empty_remote_prints_a_hint_and_changes_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    script, environment = workflow_step(cluster)
    head = git(cluster.origin, "rev-parse", "main")
    environment["SESSION_CODEC_REMOTE"] = cluster.server.url()
    done = cluster.run(script, cluster.clone(tmp_path / "checkout"), environment)
    assert (done.returncode, "'session-codec sync' uploads one" in done.stderr) == (30, True)
    assert git(cluster.origin, "rev-parse", "main") == head


def test_a_push_that_comes_between_is_not_lost(cluster: Cluster, tmp_path: Path) -> None:
    script, environment = workflow_step(cluster)
    other = cluster.clone(tmp_path / "other")
    said = cluster.home.cli("record", other, "--agent", "human", "--task", "meanwhile", "--no-diff")
    assert said.code == 0, said.err
    git(other, "commit", "-qam", "meanwhile")
    pushing = tmp_path / "pushing"
    pushing.mkdir()
    real = shlex.quote(str(cluster.programs / "session-codec"))
    push = f'case "$1" in sync) git -C {shlex.quote(str(other))} push -q;; esac'
    write_program(pushing / "session-codec", f'#!/bin/sh\nset -e\n{real} "$@"\n{push}\n')
    checkout = cluster.clone(tmp_path / "checkout")
    done = cluster.run(script, checkout, environment, programs=pushing)
    assert done.returncode == 0, done.stderr
    seen = cluster.clone(tmp_path / "seen")
    assert len(archives(seen)) == 1
    assert "meanwhile" in (seen / "SESSION_DELTAS.log").read_text()


def test_git_gets_the_password_of_the_job(cluster: Cluster, tmp_path: Path) -> None:
    _, environment = workflow_step(cluster)
    environment |= {"GIT_PASSWORD": "token"}
    done = subprocess.run(
        ["git", "credential", "fill"],
        input="protocol=https\nhost=host.example\n\n",
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment},
    )
    assert "username=x-access-token\npassword=token\n" in done.stdout


def pod(cluster: Cluster) -> tuple[str, dict[str, str]]:
    """Return the pod's shell command and its variables."""
    home = cluster.home
    assert home.install("--schedule", "kubernetes", "--remote", cluster.url).code == 0
    job: dict[str, Any] = document(home.repo / CRONJOB)["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"] == ["/bin/sh", "-c"]
    return container["args"][0], {e["name"]: e["value"] for e in container["env"]}


def test_the_pod_clones_packs_commits_and_pushes(cluster: Cluster, tmp_path: Path) -> None:
    script, environment = pod(cluster)
    assert environment["REPOSITORY"] == "https://host.example/acme/app.git"
    environment |= {"REPOSITORY": str(cluster.origin), "HOME": str(tmp_path / "work")}
    (tmp_path / "work").mkdir()
    # `python -I -m venv FOLDER`, whose python notes what it installs: there is no network.
    installed, fake = tmp_path / "installed", tmp_path / "fake"
    fake.mkdir()
    real = shlex.quote(str(cluster.programs / "session-codec"))
    write_program(
        fake / "python",
        f"""#!/bin/sh
set -e
mkdir -p "$4/bin"
printf '#!/bin/sh\\n(echo "$@"; env) > {shlex.quote(str(installed))}\\n' > "$4/bin/python"
ln -s {real} "$4/bin/session-codec"
chmod +x "$4/bin/python"
""",
    )
    environment["AWS_SECRET_ACCESS_KEY"] = environment["GIT_PASSWORD"] = "hunter2"  # noqa: S105
    done = cluster.run(script, tmp_path / "work", environment, programs=fake)
    assert done.returncode == 0, done.stderr
    command, *variables = installed.read_text().splitlines()
    assert command == "-I -m pip install --quiet ./session-codec"
    assert not any("hunter2" in variable for variable in variables)
    (name,) = archives(cluster.clone(tmp_path / "seen"))
    assert f"archive/{name}" in cluster.copied()
