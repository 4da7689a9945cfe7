"""The command line: exit codes, one JSON document, data on stdout alone, tamed on a terminal."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
from pathlib import Path

import pytest

from pipelines.cli.main import run
from pipelines.cli.verbs import VERBS
from tests.pipelines.conftest import THREE, Bench, Cli, command, day, entry, log_of, tree

EVIL = "a\x1b[2J\x9bx\u202e"


def on_terminal(*arguments: object, cwd: Path) -> tuple[int, bytes]:
    """Run the command line with all its output on a terminal."""
    here, there = pty.openpty()
    with subprocess.Popen(
        command(*arguments), stdin=there, stdout=there, stderr=there, cwd=cwd
    ) as process:
        os.close(there)
        said = b""
        while True:
            try:
                block = os.read(here, 1 << 16)
            except OSError:  # the terminal hangs up when its last process ends
                break
            if not block:
                break
            said += block
        code = process.wait()
    os.close(here)
    return code, said


def test_help_names_every_verb_and_every_exit_code(cli: Cli) -> None:
    said = cli("--help")
    assert said.code == 0
    for word in (*VERBS, "130", "143", "32", "22", "10"):
        assert word in said.out
    for verb in VERBS:
        assert cli(verb, "--help").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["migrate", "--nonsense"],
        ["migrate", "a", "b"],
        ["migrate", "--timezone", "Mars/Olympus"],
        ["migrate", "--timezone", "../../etc/passwd"],
        ["verify", "--threshold", "much"],
        ["restore-v1"],
    ],
)
def test_an_error_with_json_is_one_document_with_a_schema_and_the_exit_code(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = cli(*arguments, "--json")
    assert said.code == said.json["exit"] == 2
    assert said.json["schema"] == "session-codec/error/1"
    assert said.json["error"]["message"]
    assert said.err


#: Verbs that need no workspace, create it, or find it when they are called by an agent.
ANYWHERE = {"restore", "completion", "fleet", "import", "mcp"}


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ANYWHERE])
def test_a_folder_without_a_workspace_is_exit_20_in_words_and_in_json(
    tmp_path: Path, cli: Cli, verb: str
) -> None:
    first: dict[str, list[object]] = {"show": [day(1)], "export": [tmp_path / "tables"]}
    needed: dict[str, list[object]] = {
        "install": ["--uninstall"],
        "restore-v1": ["-o", tmp_path / "x"],
        "record": ["--agent", "a", "--task", "t"],
        "summarize": ["--period", "2025"],
        "export": ["--to", "csv"],
    }
    said = cli(verb, *first.get(verb, []), tmp_path, *needed.get(verb, []), "--json")
    assert said.code == said.json["exit"] == 20
    assert tree(tmp_path) == {}


def test_a_dry_run_writes_nothing_at_all(plain: Bench, cli: Cli) -> None:
    before = tree(plain.root, times=True)
    said = cli("migrate", plain.root, "--dry-run", "--json")
    assert said.code == 0
    assert (said.json["dry_run"], said.json["written"]) == (True, [])
    assert len(said.json["added"]) == 3
    assert "nothing written" in cli("migrate", plain.root, "--dry-run").out
    assert tree(plain.root, times=True) == before
    assert sorted(p.name for p in plain.root.iterdir()) == ["AGENT_PROGRESS_LOG.md"]


def test_strict_with_findings_is_exit_3_and_writes_nothing(plain: Bench, cli: Cli) -> None:
    plain.log.write_bytes(THREE + entry("2025-13-41T99:00:00Z"))
    before = tree(plain.root, times=True)
    said = cli("migrate", plain.root, "--strict")
    assert said.code == 3
    assert "strict: nothing was written" in said.out
    assert tree(plain.root, times=True) == before
    assert cli("migrate", plain.root).code == 3
    assert len(plain.deltas()) == 3


def test_stdout_is_data_and_stderr_is_talk(bench: Bench, cli: Cli) -> None:
    said = cli("migrate", bench.root, "--json")
    assert json.loads(said.out)["schema"] == "session-codec/migrate/1"
    assert "prove" in said.err
    assert cli("verify", bench.root, "--json").json["schema"] == "session-codec/verify/1"


def test_json_is_ascii_and_holds_no_control_character_whatever_the_log_says(
    bench: Bench, cli: Cli
) -> None:
    bench.log.write_bytes(log_of(entry(day(1))) + f"## Rules {EVIL} é\n".encode())
    said = cli("migrate", bench.root, "--json")
    assert said.out.isascii()
    assert "\x1b" not in said.out
    assert EVIL in said.json["logs"][0]["sections"][-1]["text"]


def test_a_terminal_is_not_obeyed_to_and_a_pipe_gets_the_bytes(bench: Bench) -> None:
    bench.log.write_bytes(log_of(entry(day(1), notes=EVIL)))
    bench.migrate()
    piped = subprocess.run(
        command("restore-v1", bench.root), check=True, capture_output=True
    ).stdout
    assert piped == bench.log.read_bytes()
    code, shown = on_terminal("restore-v1", bench.root, cwd=bench.root)
    assert code == 0
    assert b"\\x1b[2J\\x9bx\\u202e" in shown
    assert b"\x1b" not in shown
    assert b"\xc2\x9b" not in shown


def test_an_error_on_a_terminal_is_not_obeyed_to(tmp_path: Path) -> None:
    code, shown = on_terminal("verify", f"no\x1b[2Jsuch{EVIL}", cwd=tmp_path)
    assert code == 20
    assert b"\x1b[2J" not in shown
    assert b"no\\x1b[2Jsuch" in shown


def test_a_terminal_without_utf_8_gets_readable_text(bench: Bench) -> None:
    bench.log.write_bytes(log_of(entry(day(1))) + "## Règles ✅\n".encode())
    bench.migrate()
    name = bench.root / "é✅.md"
    name.write_bytes(THREE)
    found = subprocess.run(
        command("migrate", bench.root, "--from", name),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert found.returncode == 0, found.stderr
    assert b"\\u2705" in found.stdout


def test_a_reader_that_has_enough_is_not_a_bug(bench: Bench) -> None:
    bench.migrate()
    here, there = os.pipe()
    os.close(here)
    found = subprocess.run(
        command("verify", bench.root), stdout=there, stderr=subprocess.PIPE, check=False
    )
    os.close(there)
    assert found.returncode == 141
    assert b"Traceback" not in found.stderr


def test_an_argument_that_is_not_utf8_is_recorded_and_found(bench: Bench) -> None:
    bench.migrate()
    plain = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for task, environment in ((b"caf\xff", dict(os.environ)), ("café".encode(), plain)):
        told = [b"--agent", b"h", b"--task", task, b"--notes", task, b"--no-diff", b"--id", task]
        for verb, arguments in (("record", told), ("query", [b"--task", task, b"--agent", b"h"])):
            done = subprocess.run(
                [*map(os.fsencode, command(verb)), *arguments],
                cwd=bench.root, env=environment, capture_output=True, check=False,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, b"")
    notes = {s.notes for s in bench.manifest.sessions.values()}
    assert notes >= {"caf\ufffd", "café"}


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2)])
def test_output_that_was_closed_before_is_not_a_bug(bench: Bench, closed: tuple[int, ...]) -> None:
    bench.migrate()
    shut = " ".join(f"{fd}>&-" for fd in closed)
    program = shlex.join(map(str, command()))
    for verb, code in (("context", 0), ("query --json", 0), ("show nothing --json", 30)):
        shell = ["sh", "-c", f"{program} {verb} {shut}"]
        done = subprocess.run(shell, cwd=bench.root, capture_output=True, check=False)
        assert done.returncode == code
        assert b"Traceback" not in done.stderr


def test_a_bug_is_exit_1_with_a_traceback_and_a_document(
    bench: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_start: str) -> None:
        raise RuntimeError("unforeseen")

    bench.migrate()
    monkeypatch.setattr("pipelines.workspace.location.locate", broken)
    said = cli("migrate", bench.root, "--json")
    assert said.code == said.json["exit"] == 1
    assert "Traceback" in said.err


def test_a_folder_that_was_removed_is_an_error_and_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["verify"]) in (20, 30)
    assert "Traceback" not in capsys.readouterr().err
