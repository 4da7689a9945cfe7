"""A fleet: every repository gets a result, whatever happens to another or to the run itself."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.fleet import run_folder, shard
from pipelines.outcomes.progress import Silent
from pipelines.verbs.fleet import Sources, apply, plan, run_shard, status
from tests.pipelines.conftest import Cli, day, entry, git, log_of, tree

pytest.importorskip("pyarrow")

SCHEMA = Path(__file__).parents[3] / "fixtures" / "schedule" / "cronjob.schema.json"
STEPS = "migrate,verify,export"


def repository(folder: Path, number: int) -> Path:
    root = folder / f"app{number}"
    root.mkdir(parents=True)
    entries = (entry(day(n), task=f"task-{number}-{n}") for n in (1, 2))
    (root / "AGENT_PROGRESS_LOG.md").write_bytes(log_of(*entries))
    return root


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Return a folder with three repositories that have a log."""
    for number in range(3):
        repository(tmp_path / "fleet", number)
    return tmp_path / "fleet"


def outcomes(said: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {Path(b["source"]).name: (b["verb"], b["outcome"]) for b in said["bad"]}


def ask(cli: Cli, tables: Path, sql: str) -> list[dict[str, Any]]:
    said = cli("query", "--tables", tables, "--sql", sql, "--json")
    assert said.code == 0, said.err
    rows: list[dict[str, Any]] = said.json["rows"]
    return rows


def test_each_repository_is_migrated_verified_and_in_the_tables(
    fleet: Path, cli: Cli, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = ("fleet", "run", STEPS, "--find", fleet, "--run", run, "--json")
    said = cli(*command)
    assert said.code == 0, said.err
    assert said.json["outcomes"] == {verb: {"done": 3} for verb in STEPS.split(",")}
    assert all((fleet / f"app{n}" / "SESSION_DELTAS.log").exists() for n in range(3))
    assert ask(cli, run / "tables", "SELECT count(*) AS n FROM sessions") == [{"n": 6}]
    sql = "SELECT verb, count(*) AS n, sum(findings)::INT AS f FROM runs GROUP BY 1 ORDER BY 1"
    assert [tuple(r.values()) for r in ask(cli, run / "tables", sql)] == [
        ("export", 3, 0), ("migrate", 3, 0), ("verify", 3, 0)
    ]  # fmt: skip
    before = tree(run, times=True)
    again = cli(*command)
    assert (again.code, again.json["tables"]["written"]) == (0, [])
    assert tree(run, times=True) == before, "a finished run does nothing again"
    other = cli("fleet", "run", "verify", "--find", fleet, "--run", run)
    assert other.code == 22


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """Yield a repository whose lock another process holds: a verb waits longer than it may."""
    root = repository(tmp_path / "fleet", 7)
    (root / ".session-codec").mkdir()
    with (root / ".session-codec" / "lock").open("wb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield root


def denied(root: Path) -> None:
    """Make a repository that git does not let this user read."""
    git(root, "init", "-q")
    if os.getuid() == 0:
        for path in (root, root / ".git"):
            os.chown(path, 12_345, 12_345)
    else:
        root.chmod(0)


@pytest.mark.slow
def test_a_repository_that_hangs_is_ended_and_named(cli: Cli, held: Path, tmp_path: Path) -> None:
    said = cli("fleet", "run", "migrate,export", "--find", held.parent, "--run", tmp_path / "run",
               "--time-limit", 1, "--json")  # fmt: skip
    assert said.code == 3
    assert outcomes(said.json) == {"app7": ("migrate", "timeout")}
    assert said.json["findings"][0]["message"].endswith("did not end within 1 second")


@pytest.mark.slow
def test_a_repository_in_trouble_is_named_and_others_go_on(
    fleet: Path, cli: Cli, tmp_path: Path
) -> None:
    damaged = repository(fleet, 4)
    (damaged / ".session-codec").mkdir()
    (damaged / ".session-codec" / "manifest.jsonl").write_bytes(b'{"fact":"session"\n\xff\n' * 3)
    private = repository(fleet, 5)
    denied(private)
    large = repository(fleet, 6)
    with (large / "AGENT_PROGRESS_LOG.md").open("ab") as f:
        f.truncate(1 << 29)
    empty = fleet / "empty"
    empty.mkdir()
    names = tmp_path / "list.txt"
    paths = [*sorted(fleet.iterdir()), fleet / "missing"]
    names.write_text("# ours\n\n" + "".join(f"{path}\n" for path in paths))
    limits = ("--memory-limit", 400, "--workers", 2)
    command = (
        "fleet",
        "run",
        "migrate,export",
        "--repos",
        names,
        "--run",
        tmp_path / "run",
        "--json",
    )
    said = cli(*command, *limits)
    assert said.code == 3
    bad = outcomes(said.json)
    assert bad["app6"] == ("migrate", "memory")
    assert bad["app5"] == ("migrate", "denied")
    assert bad["app4"][1] in ("failed", "findings")
    assert bad["missing"] == ("migrate", "failed")
    assert set(bad) == {"app4", "app5", "app6", "missing"}
    assert said.json["outcomes"]["migrate"]["absent"] == 1
    assert {"repository-failed"} <= {f["code"] for f in said.json["findings"]}
    rows = ask(cli, tmp_path / "run" / "tables", "SELECT repository FROM repos ORDER BY 1")
    assert {str(fleet / f"app{n}") for n in range(3)} <= {r["repository"] for r in rows}
    shutil.rmtree(large)
    repository(fleet, 6)
    repaired = cli(*command, *limits, "--again").json
    assert "app6" not in outcomes(repaired)


class Killed(BaseException):
    """The process was killed."""


def run_all(folder: str, shards: int) -> None:
    for index in range(shards):
        run_shard(folder, index)


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 3, 8, 12, 17])
def test_a_run_that_was_killed_and_repeated_gives_the_same_tables(
    fleet: Path, tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.remotes.directory import DirectoryRemote

    shutil.copytree(fleet, tmp_path / "kept")
    made = plan(
        Sources(folders=(str(fleet),)), tuple(STEPS.split(",")), None,
        arguments=(), seconds=300, memory=2048,
    )  # fmt: skip
    whole = apply(
        str(tmp_path / "whole"), made, Silent(), tables=DirectoryRemote(str(tmp_path / "t1"))
    )
    assert whole.status.finished == 3
    shutil.rmtree(fleet)
    shutil.copytree(tmp_path / "kept", fleet)
    left, append = at, run_folder.append
    done: list[tuple[str, str]] = []

    def stopping(folder: str, index: int, line: dict[str, Any]) -> None:
        nonlocal left
        if left == 0:
            left = -1
            raise Killed
        left -= 1
        append(folder, index, line)
        if "outcome" in line:
            done.append((line["repository"], line["verb"]))

    monkeypatch.setattr(shard, "append", stopping)
    tables = DirectoryRemote(str(tmp_path / "t2"))
    run_folder.write_plan(str(tmp_path / "stopped"), made)
    with pytest.raises(Killed):
        run_all(str(tmp_path / "stopped"), made.shards)
    assert status(str(tmp_path / "stopped")).finished < 3
    result = apply(str(tmp_path / "stopped"), made, Silent(), tables=tables)
    assert result.status.finished == 3
    assert len(done) == len(set(done)) == 9, "nothing that had ended was done again"
    assert tree(tmp_path / "t2") == tree(tmp_path / "t1")


def test_a_torn_result_counts_for_nothing(fleet: Path, cli: Cli, tmp_path: Path) -> None:
    command = ("fleet", "run", "verify", "--find", fleet, "--run", tmp_path / "run", "--json")
    assert cli(*command).code == 0
    (path, *_) = sorted((tmp_path / "run" / "results").iterdir())
    path.write_bytes(path.read_bytes()[:-20])
    assert cli("fleet", "status", tmp_path / "run", "--json").json["finished"] == 2
    assert cli(*command).json["finished"] == 3


#: A `git` that kills the worker in one repository: the parent of the server that forked the verb.
POISON = """#!/bin/sh
case "$*" in *poison*)
  server=$(ps -o ppid= -p $PPID | tr -d ' ')
  kill -9 $(ps -o ppid= -p "$server") ;;
esac
exec {git} "$@"
"""


@pytest.mark.slow
def test_dask_isolates_the_repository_that_kills_its_worker(
    fleet: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    real = shutil.which("git")
    assert real is not None
    poison = repository(fleet / "poison", 9)
    git(poison, "init", "-q")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(POISON.format(git=real))
    (tmp_path / "bin" / "git").chmod(0o755)
    run = tmp_path / "run"
    command = [
        sys.executable, "-m", "pipelines.cli.main", "fleet", "run", STEPS, "--find", fleet,
        "--run", run, "--runner", "dask", "--workers", "2", "--json",
    ]  # fmt: skip
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert outcomes(document) == {"app9": ("migrate", "lost")}
    assert document["finished"] == 4
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    local = tmp_path / "local"
    shutil.rmtree(poison)
    names = ("fleet", "run", STEPS, "--find", fleet, "--run", local, "--json")
    assert cli(*names).code == 0
    sql = "SELECT * FROM sessions ORDER BY ALL"
    assert ask(cli, run / "tables", sql) == ask(cli, local / "tables", sql)


@pytest.mark.slow
def test_kubernetes_accepts_the_manifests_and_the_container_runs_its_index(
    fleet: Path, cli: Cli, tmp_path: Path
) -> None:
    import jsonschema

    run = tmp_path / "night"
    command = ("fleet", "run", "migrate,verify", "--find", fleet, "--run", run, "--shard-size", 2)
    assert cli(*command, "--runner", "kubernetes").code == 0
    job, cron = (yaml.safe_load((run / "kubernetes" / f"{n}.yaml").read_text())
                 for n in ("job", "cronjob"))  # fmt: skip
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator(schema).validate(cron)
    spec = schema["properties"]["spec"]["properties"]["jobTemplate"]["properties"]["spec"]
    jsonschema.Draft7Validator(spec).validate(job["spec"])
    assert cron["spec"]["jobTemplate"]["spec"] == job["spec"]
    assert (job["spec"]["completionMode"], job["spec"]["completions"]) == ("Indexed", 2)
    assert job["spec"]["backoffLimitPerIndex"] == 2
    rules = job["spec"]["podFailurePolicy"]["rules"]
    assert [r["action"] for r in rules] == ["Ignore", "FailJob", "FailIndex"]
    for rule in rules[1:]:
        codes = rule["onExitCodes"]["values"]
        assert codes == sorted(set(codes))
        assert 0 not in codes
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "2304Mi"
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    program = bin_ / "session-codec"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pipelines.cli.main "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "RUN": str(run)}
    for index in range(2):
        environment["JOB_COMPLETION_INDEX"] = str(index)
        subprocess.run([*container["command"], *container["args"]], env=environment, check=True)
        assert cli("fleet", "status", run, "--json").json["finished"] == (2, 3)[index]
    assert cli("fleet", "shard", run, "--index", 2).code == 2
    assert cli(*command).code == 0, "the same command collects what the cluster did"


def test_repositories_are_listed_once_from_lists_folders_and_hosting_services(
    fleet: Path, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_text("fleet/app0\nhttps://example.com/acme/app.git\n")
    services = [{"clone_url": "https://example.com/acme/app.git"}, {"path": str(fleet / "app1")}]
    (tmp_path / "org.json").write_text(json.dumps(services))
    said = cli(
        "fleet", "plan", "migrate", "--repos", tmp_path / "list.txt", "--find", fleet,
        "--org-file", tmp_path / "org.json", "--json",
    ).json  # fmt: skip
    names = [member["name"] for member in said["members"]]
    assert names == [*(str(fleet / f"app{n}") for n in range(3)), "example.com/acme/app"]
    assert said["members"][0]["log_bytes"] > 100
    assert said["estimated_verb_seconds"] > 0
    assert tree(tmp_path).keys() >= {"list.txt"}
    assert not (tmp_path / "fleet-run").exists()


@pytest.mark.parametrize(
    ("text", "code"), [("https://ann:pw@example.com/a.git\n", 10), ("fleet/app0\n", 0)]
)
def test_an_address_with_a_password_is_refused(
    fleet: Path, cli: Cli, tmp_path: Path, text: str, code: int
) -> None:
    (tmp_path / "list.txt").write_text(text)
    assert cli("fleet", "plan", "verify", "--repos", tmp_path / "list.txt").code == code


def test_a_clone_runs_nothing_of_the_repository(fleet: Path, cli: Cli, tmp_path: Path) -> None:
    root = fleet / "app0"
    git(root, "init", "-q")
    (root / ".gitattributes").write_text("* filter=evil\n")
    (root / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ext::touch evil\n')
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    (tmp_path / "list.txt").write_text(f"file://{root}\next::sh -c touch% {tmp_path}/evil\n")
    run = tmp_path / "run"
    said = cli("fleet", "run", "migrate", "--repos", tmp_path / "list.txt", "--run", run, "--json")
    assert said.code == 3
    assert said.json["outcomes"]["migrate"] == {"done": 1, "failed": 1}
    assert not (tmp_path / "evil").exists()
    (clone,) = (run / "clones").iterdir()
    assert (clone / "SESSION_DELTAS.log").exists()
    assert not (root / "SESSION_DELTAS.log").exists()


def test_misuse_names_the_way_out(cli: Cli, tmp_path: Path, fleet: Path) -> None:
    assert cli("fleet").code == 2
    assert cli("fleet", "run", "migrate").code == 2
    wrong = cli("fleet", "run", "migrat", "--find", fleet)
    assert (wrong.code, "Did you mean 'migrate'" in wrong.err) == (2, True)
    assert cli("fleet", "run", "sync", "--find", fleet, "--remote", "/x").code == 2
    assert cli("fleet", "status", tmp_path).code == 30


def test_a_folder_has_one_run_at_a_time(fleet: Path, cli: Cli, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("fleet", "run", "verify", "--find", fleet, "--run", run, "--json")
    assert cli(*command).code == 0
    before = tree(run)
    with run_folder.lock_run(str(run)):
        second = cli(*command)
    assert (second.code, "another 'fleet run'" in second.err) == (21, True)
    assert tree(run) == before


def test_rows_that_are_damaged_or_lost_are_named_and_exported_again(
    fleet: Path, cli: Cli, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = ("fleet", "run", "migrate,export", "--find", fleet, "--run", run, "--json")
    assert cli(*command).code == 0
    whole = tree(run / "tables")
    lost, torn, _ = sorted((run / "rows").iterdir())
    lost.unlink()
    torn.write_bytes(torn.read_bytes()[:-20])
    said = cli(*command)
    assert said.code == 3
    named = [f["message"].partition(":")[0] for f in said.json["findings"]]
    assert sorted(named) == [str(fleet / "app0"), str(fleet / "app1")]
    assert tree(run / "tables") == whole
    assert cli(*command, "--again").code == 0
    assert tree(run / "tables") == whole


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let programs be interrupted, also where a shell runs the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_ends_its_verbs_and_counts_none_as_killed(
    fleet: Path, tmp_path: Path, number: int
) -> None:
    run = tmp_path / "run"
    root = fleet / "app0"
    (root / ".session-codec").mkdir()
    command = [
        sys.executable, "-m", "pipelines.cli.main", "fleet", "run", "migrate", "--find", str(fleet),
        "--run", str(run), "--workers", "1", "--json",
    ]  # fmt: skip
    results = run / "results" / "000000.jsonl"
    for _ in range(3):
        lines = results.read_bytes() if results.exists() else b""
        with (root / ".session-codec" / "lock").open("wb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:
                while not results.exists() or results.read_bytes() == lines:
                    assert done.poll() is None
                done.send_signal(number)
                done.communicate()
            assert done.returncode == 128 + number
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout)["outcomes"] == {"migrate": {"done": 3}}
