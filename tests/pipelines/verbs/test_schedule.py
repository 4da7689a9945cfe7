"""A scheduler accepts each job, the job runs its commands, and removing it leaves no trace."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from codec.schedules.local import job_name
from pipelines.outcomes.errors import Conflict
from pipelines.verbs.schedule import KINDS, Request, apply, plan
from pipelines.workspace.location import locate
from tests.pipelines.conftest import Cli, Said, git, tree

TOP = Path(__file__).parents[3]
SCHEMA = TOP / "fixtures" / "schedule" / "cronjob.schema.json"
TOOLS = Path(sys.executable).parent
REMOTE = "s3://bucket/app"
WORKFLOW = ".github/workflows/session-codec.yml"
CRONJOB = ".session-codec/cronjob.yaml"
OLD = "2025-03-05T10:00:00Z"

#: Keeps a crontab in a file, so that a person's own is not touched.
CRONTAB = """\
#!/bin/sh
case "$1" in
  -l) cat {file} 2>/dev/null || {{ echo "no crontab for me" >&2; exit 1; }} ;;
  -r) rm {file} ;;
  -) cat > {file} ;;
esac
"""
SYSTEMCTL = """\
#!/bin/sh
echo "$@" >> {file}
case "$*" in *is-enabled*) test -e {file}.enabled;; *enable*) touch {file}.enabled;; esac
"""


@dataclass(frozen=True, slots=True)
class Home:
    """A repository, and a person's schedulers."""

    repo: Path
    config: Path
    crontab: Path
    told: Path
    cli: Cli

    def install(self, *arguments: object) -> Said:
        return self.cli("install", self.repo, *arguments)

    @property
    def units(self) -> Path:
        return self.config / "systemd" / "user" / job_name(str(self.repo))

    def all(self) -> dict[str, bytes]:
        """Everything but git's own and the lock."""
        return {
            name: data
            for name, (data, _) in tree(self.repo.parent).items()
            if not name.endswith("/lock")
        }


@pytest.fixture
def home(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Home:
    here = Home(tmp_path / "my app 100%", tmp_path / "config", tmp_path / "crontab",
                tmp_path / "told", cli)  # fmt: skip
    here.repo.mkdir()
    git(here.repo, "init", "-q", "-b", "main")
    git(here.repo, "remote", "add", "origin", "git@host.example:acme/app.git")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text, file in (
        ("crontab", CRONTAB, here.crontab),
        ("systemctl", SYSTEMCTL, here.told),
    ):
        write_program(programs / name, text.format(file=shlex.quote(str(file))))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here.config))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("SESSION_CODEC_REMOTE", raising=False)
    return here


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def checked(*arguments: object, environment: dict[str, str] | None = None) -> None:
    """Run a program that is to find nothing."""
    done = subprocess.run(
        list(map(str, arguments)),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def needs(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path=str(TOOLS))
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def document(path: Path) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for a truth value; GitHub does not.
    loaded: dict[str, Any] = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 - texts only
    return loaded


def test_systemd_finds_nothing_wrong_with_the_units(home: Home, tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")
    assert home.install("--schedule", "systemd", "--remote", REMOTE).code == 0
    units = [f"{home.units}.service", f"{home.units}.timer"]
    said = subprocess.run(
        [analyze, "--user", "verify", *units],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (said.returncode, said.stderr) == (0, "")
    timer = Path(units[1]).read_text()
    assert "Persistent=true" in timer
    (when,) = (line for line in timer.splitlines() if line.startswith("OnCalendar="))
    checked(analyze, "calendar", when.removeprefix("OnCalendar="))


def test_systemd_is_asked_once_to_start_the_timer(home: Home) -> None:
    assert home.install("--schedule", "systemd").code == 0
    timer = f"{home.units.name}.timer"
    orders = ["--user daemon-reload", f"--user enable --now {timer}"]
    assert home.told.read_text().splitlines() == orders
    said = home.install("--schedule", "systemd")
    assert said.out == "nothing to do\n"
    assert home.told.read_text().splitlines()[2:] == [f"--user --quiet is-enabled {timer}"]


def test_if_systemd_cannot_be_notified_the_command_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = Path(os.environ["PATH"].split(os.pathsep)[0])
    write_program(programs / "systemctl", "#!/bin/sh\necho 'no bus' >&2\nexit 1\n")
    said = home.install("--schedule", "systemd")
    assert said.code == 0
    assert "systemd was not notified: no bus" in said.err
    assert f"systemctl --user enable --now {home.units.name}.timer" in said.err


def test_cron_accepts_the_line(home: Home) -> None:
    crontab = shutil.which("crontab", path="/usr/bin:/bin")
    if crontab is None:
        pytest.skip("crontab is not installed")
    assert home.install("--schedule", "cron", "--remote", REMOTE).code == 0
    usage = subprocess.run([crontab, "-h"], capture_output=True, text=True, check=False)
    test = "-T" if "-T" in usage.stderr + usage.stdout else "-n"
    checked(crontab, test, home.crontab)
    home.crontab.write_bytes(home.crontab.read_bytes().replace(b"17 4 2", b"77 4 2"))
    assert subprocess.run([crontab, test, home.crontab], check=False, stderr=-3).returncode == 1


def test_without_cron_nothing_is_written_and_an_error_is_reported(home: Home) -> None:
    write_program(
        Path(os.environ["PATH"].split(os.pathsep)[0]) / "crontab",
        "#!/bin/sh\necho 'you are not allowed to use this program' >&2\nexit 1\n",
    )
    said = home.install("--schedule", "cron")
    assert said.code == 32
    assert "you are not allowed" in said.err
    assert "AGENTS.md" not in os.listdir(home.repo)
    home.install()
    assert home.install("--uninstall").code == 0


def test_a_crontab_that_changes_meanwhile_is_not_written_over(home: Home) -> None:
    home.install()
    made = plan(Request(workspace=locate(str(home.repo)), kind="cron"))
    home.crontab.write_text("0 3 * * * /bin/backup\n")
    with pytest.raises(Conflict, match="crontab was changed"):
        apply(made)
    assert home.crontab.read_text() == "0 3 * * * /bin/backup\n"


def test_github_accepts_the_workflow_and_an_auditor_finds_nothing(home: Home) -> None:
    assert home.install("--schedule", "github", "--remote", REMOTE).code == 0
    path = home.repo / WORKFLOW
    checked(needs("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", path)
    checked(needs("zizmor"), "--offline", "--no-config", "--persona", "pedantic", path)
    workflow = document(path)
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["archive"]["permissions"] == {"contents": "write"}
    checkout = workflow["jobs"]["archive"]["steps"][0]
    assert checkout["with"]["persist-credentials"] == "false"


def test_kubernetes_accepts_the_job(home: Home, tmp_path: Path) -> None:
    assert home.install("--schedule", "kubernetes", "--remote", REMOTE).code == 0
    check = [needs("check-jsonschema"), "--schemafile", str(SCHEMA)]
    checked(*check, home.repo / CRONJOB)
    assert document(home.repo / CRONJOB)["spec"]["concurrencyPolicy"] == "Forbid"
    text = (home.repo / CRONJOB).read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("backoffLimit", "backOffLimit"))
    wrong = subprocess.run([*check, tmp_path / "wrong.yaml"], check=False, stdout=-3)
    assert wrong.returncode == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_says_who_commits_the_manifest(home: Home, kind: str) -> None:
    said = home.install("--schedule", kind, "--remote", REMOTE)
    written = home.all()
    where = {
        "systemd": f"config/systemd/user/{home.units.name}.service",
        "cron": "crontab",
        "github": f"{home.repo.name}/{WORKFLOW}",
        "kubernetes": f"{home.repo.name}/{CRONJOB}",
    }
    who = {"systemd": "you commit", "cron": "you commit"}.get(kind, "job commits")
    assert f"{who} the manifest" in written[where[kind]].decode().splitlines()[0]
    assert "commit" in said.err
    again = home.install("--schedule", kind, "--remote", REMOTE, "--json").json
    assert (again["commits"], again["changes"]) == (who.split()[0], [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_writes_nothing_and_notifies_nobody(home: Home, kind: str) -> None:
    before = tree(home.repo.parent, times=True)
    said = home.install("--schedule", kind, "--remote", REMOTE, "--dry-run", "--json")
    assert said.json["schedule"] == kind
    assert len(said.json["changes"]) > len(home.install("--dry-run", "--json").json["changes"])
    assert tree(home.repo.parent, times=True) == before


def test_uninstall_takes_every_job_out_and_nothing_else(home: Home) -> None:
    home.crontab.write_text("0 3 * * * /bin/backup\n")
    (home.repo / ".github").mkdir()
    (home.repo / ".github/CODEOWNERS").write_text("* @ada\n")
    before = home.all()
    for kind in KINDS:
        assert home.install("--schedule", kind, "--remote", REMOTE).code == 0
    (home.units.parent / "timers.target.wants").mkdir()
    link = home.units.parent / "timers.target.wants" / f"{home.units.name}.timer"
    link.symlink_to(f"{home.units}.timer")
    home.told.unlink()
    said = home.install("--uninstall")
    assert said.code == 0, said.err
    assert home.told.read_text().splitlines() == [
        f"--user stop {home.units.name}.timer",
        "--user daemon-reload",
    ]
    for left in (home.told, home.told.with_name("told.enabled")):
        left.unlink()
    assert home.all() == before
    assert not link.is_symlink()
    assert sorted(os.listdir(home.repo)) == [".git", ".github"]


def test_a_crontab_that_was_created_is_deleted_again(home: Home) -> None:
    home.install("--schedule", "cron")
    home.install("--uninstall")
    assert not home.crontab.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_a_user_edited_is_not_changed(home: Home, kind: str) -> None:
    home.install("--schedule", kind, "--remote", REMOTE)
    service = Path(f"{home.units}.service")
    path = {"systemd": service, "cron": home.crontab}.get(kind, home.repo / CRONJOB)
    path = home.repo / WORKFLOW if kind == "github" else path
    edited = path.read_bytes().replace(b"Nice=10", b"Nice=5").replace(b"17 4 2", b"0 12 3")
    path.write_bytes(edited)
    for arguments in (["--schedule", kind, "--remote", "s3://other/x"], ["--uninstall"]):
        said = home.install(*arguments)
        assert said.code == 3
        assert "left as it is" in said.err
        assert path.read_bytes() == edited


def test_a_workflow_of_that_name_that_a_user_wrote_stays(home: Home) -> None:
    path = home.repo / WORKFLOW
    path.parent.mkdir(parents=True)
    path.write_text("on: push\n")
    assert home.install("--schedule", "github", "--remote", REMOTE).code == 3
    assert home.install("--uninstall").code == 0
    assert path.read_text() == "on: push\n"


def test_another_remote_renews_the_job(home: Home) -> None:
    home.install("--schedule", "systemd", "--remote", REMOTE)
    home.install("--schedule", "systemd", "--remote", "s3://other/x")
    assert "--remote s3://other/x" in Path(f"{home.units}.service").read_text()


def test_the_remote_of_the_operator_is_the_jobs(home: Home) -> None:
    settings = home.config / "session-codec" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('[remote]\nurl = "s3://mine/x"\n')
    assert home.install("--schedule", "github").code == 0
    assert "s3://mine/x" in (home.repo / WORKFLOW).read_text()


def test_the_remote_of_a_repository_is_never_the_jobs(home: Home) -> None:
    home.install()
    (home.repo / ".session-codec/config.toml").write_text('[remote]\nurl = "s3://theirs/x"\n')
    assert home.install("--schedule", "github").code == 2
    home.install("--schedule", "cron")
    assert b"theirs" not in home.crontab.read_bytes()


def test_a_folder_is_copied_to_by_its_whole_path(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.repo)
    home.install("--schedule", "cron", "--remote", "../copies")
    assert f"--remote {home.repo.parent}/copies" in home.crontab.read_text()


def test_a_job_in_a_clone_is_written_only_if_it_can_run(home: Home) -> None:
    before = home.all()
    assert home.install("--schedule", "github").code == 2
    assert home.install("--schedule", "kubernetes", "--remote", "/mnt/copies").code == 10
    git(home.repo, "remote", "remove", "origin")
    assert home.install("--schedule", "kubernetes", "--remote", REMOTE).code == 30
    assert home.install("--remote", REMOTE).code == 2
    assert home.install("--uninstall", "--schedule", "cron").code == 2
    shutil.rmtree(home.repo / ".git")
    assert home.install("--schedule", "github", "--remote", REMOTE).code == 30
    assert home.all() == before


def test_no_job_is_written_through_a_link_that_leaves_the_repository(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (home.repo / ".github").symlink_to(tmp_path / "elsewhere")
    said = home.install("--schedule", "github", "--remote", REMOTE)
    assert said.code == 3
    assert "leaves the repository" in said.err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_workspaces_of_one_repository_have_workflows_of_their_own(home: Home, cli: Cli) -> None:
    for name in ("a", "b"):
        (home.repo / "apps" / name / ".session-codec").mkdir(parents=True)
        (home.repo / "apps" / name / ".session-codec/manifest.jsonl").touch()
        cli("install", home.repo / "apps" / name, "--schedule", "github", "--remote", REMOTE)
    paths = sorted((home.repo / ".github/workflows").iterdir())
    assert [p.name for p in paths] == ["session-codec-apps-a.yml", "session-codec-apps-b.yml"]
    folders = [document(p)["jobs"]["archive"]["steps"][-1]["working-directory"] for p in paths]
    assert folders == ["apps/a", "apps/b"]
