"""Every vector of arguments runs or is exit code 2 with one sentence; none is a bug."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.cli.declared import Argument, Misuse, Option, Verb, number
from pipelines.cli.help import top_help, verb_help
from pipelines.cli.output import coloured, fitted
from pipelines.cli.parser import load_verb, parse
from pipelines.cli.times import read_moment, read_time
from pipelines.cli.verbs import HIDDEN, VERBS
from pipelines.outcomes.errors import EXIT_CODES
from tests.fuzz.command_lines import failures
from tests.pipelines.conftest import Bench, Cli, command


def takes(*arguments: str) -> dict[str, object]:
    verb = Verb(
        run=lambda **_: 0,
        arguments=(Argument("key", "KEY"), Argument("repo", "REPO", ".", required=False)),
        options=(
            Option("--output", "", short="-o"),
            Option("--last", "", read=number),
            Option("--sum", "", to="sums", repeat=True, choices=("lines", "tokens")),
            Option("--json", "", to="as_json", flag=True),
            Option("--diff", "", to="what", flag=True, const="diff"),
            Option("--agent", "", required=True),
        ),
    )
    return parse(verb, ["--agent", "a", *arguments])


def test_options_and_arguments_come_in_any_order() -> None:
    expected = {
        "key": "k", "repo": "r", "output": "f", "last": 3, "sums": ("lines", "tokens"),
        "as_json": True, "what": "diff", "agent": "a",
    }  # fmt: skip
    words = ["--sum", "lines", "--sum=tokens", "--json", "--last", "3", "--diff"]
    assert takes("k", "r", "-o", "f", *words) == expected
    assert takes("k", *words, "r", "-of") == expected
    assert takes(*words, "--output=f", "--", "k", "r") == expected


def test_missing_options_have_their_defaults() -> None:
    assert takes("k") == {
        "key": "k", "repo": ".", "output": None, "last": None, "sums": (),
        "as_json": False, "what": None, "agent": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["k", "--lst", "3"], "unknown option '--lst'. Did you mean '--last'?"),
        (["k", "--jso"], "unknown option '--jso'. Did you mean '--json'?"),
        (["k", "-x"], "unknown option '-x'"),
        (["k", "r", "more"], "unexpected argument 'more'"),
        ([], "missing KEY"),
        (["k", "--last", "x"], "--last: 'x' is not a whole number"),
        (["k", "--last", "-5"], "--last: '-5' is not a whole number"),
        (["k", "--last", "9" * 5000], "--last: the number has more than 18 digits"),
        (["k", "--last", "٣"], "--last: '٣' is not a whole number"),
        (["k", "--last"], "--last: missing value; write --last=VALUE if it begins with a dash"),
        (["k", "--output=--"], "--output: missing value; write --output=VALUE"),
        (["k", "--sum=lines", "--sum=--"], "--sum: missing value"),
        (["k", "--json=1"], "--json: takes no value"),
        (["k", "--sum", "line"],
         "--sum: unknown value 'line' (choose from lines, tokens). Did you mean 'lines'?"),
        (["k", "--output", "--json"],
         "-o, --output: missing value; write --output=VALUE if it begins with a dash"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(words: list[str], problem: str) -> None:
    with pytest.raises(Misuse) as raised:
        takes(*words)
    assert str(raised.value).startswith(problem)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recrod"], "unknown verb 'recrod'. Did you mean 'record'? See 'session-codec --help'"),
        (["--versoin"], "unknown option '--versoin'. Did you mean '--version'?"),
        (["archive", "lss"], "unknown verb 'archive lss'. Did you mean 'ls'?"),
        (["record"], "missing --agent and --task. See 'session-codec record --help'"),
        (["help", "nothing"], "unknown verb 'nothing'"),
    ],
)
def test_a_mistyped_verb_has_a_suggestion_and_exit_2(cli: Cli, words: list[str], said: str) -> None:
    ran = cli(*words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_help_and_version_are_data_on_stdout(cli: Cli) -> None:
    assert cli("help").out == cli("--help").out == top_help()
    assert cli("help", "record").out == cli("record", "-h").out
    assert cli("help", "archive", "ls").out == cli("archive", "ls", "--help").out
    assert cli("-V").out == cli("--version").out
    assert re.fullmatch(r"session-codec \d+\.\d+\.\d+\n", cli("-V").out)


@pytest.mark.parametrize("name", [*VERBS, *HIDDEN])
def test_the_help_of_a_verb_fits_and_names_its_exit_codes(name: str) -> None:
    verb = load_verb(name)
    for below in (verb, *verb.verbs.values()):
        for width in (40, 72, 100):
            text = verb_help(name, below, width)
            head = text.partition("Examples:\n")[0]
            assert max(map(len, head.splitlines()[1:])) <= width
            assert "Exit codes:" in text
        assert set(below.exits) <= set(EXIT_CODES)


def test_output_goes_to_a_file_that_an_error_leaves_as_it_was(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    printed = cli("show", "latest", bench.root, "--diff").out
    target = bench.root / "x.patch"
    assert cli("show", "latest", bench.root, "--diff", "-o", target).out == ""
    assert target.read_text() == printed
    failed = cli("show", "1999", bench.root, "-o", target, "--json")
    assert failed.code == failed.json["exit"] == 30
    assert target.read_text() == printed
    assert cli("show", "latest", bench.root, "-o", "/dev/null").code == 0
    assert not os.path.isfile("/dev/null")
    assert cli("query", bench.root, "--csv", f"--output={target}").out == ""
    assert target.read_text().startswith("key,")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_every_verb_and_option(cli: Cli, shell: str) -> None:
    said = cli("completion", shell)
    assert said.code == 0
    for name in VERBS:
        assert name in said.out
        for option in load_verb(name).options:
            assert (f"-l {option.name[2:]}" if shell == "fish" else option.name) in said.out


def test_bash_completes_verbs_and_options(tmp_path: Path) -> None:
    script = subprocess.run(
        command("completion", "bash"), check=True, capture_output=True, text=True
    ).stdout
    program = (
        f"{script}\nCOMP_WORDS=(session-codec rec) COMP_CWORD=1; _session_codec\n"
        'echo "${COMPREPLY[@]}"\n'
        "COMP_WORDS=(session-codec record --no) COMP_CWORD=2; _session_codec\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    ran = subprocess.run(["bash", "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines() == ["record", "--no-diff --notes"]


def test_times_are_read_as_people_write_them() -> None:
    now = datetime.now(UTC)
    assert read_time("2025-11") == "2025-11"
    assert read_time("2025-11-06T14:30") == "2025-11-06T14:30"
    day = datetime.strptime(read_time("yesterday"), "%Y-%m-%d").replace(tzinfo=UTC)
    assert timedelta(days=1) <= now - day < timedelta(days=2, minutes=1)
    week = datetime.fromisoformat(read_time("7d"))
    assert abs(now - week - timedelta(days=7)) < timedelta(minutes=1)
    assert read_time("999999w") < "0002"
    assert read_moment("2030-01") == datetime(2030, 1, 1, tzinfo=UTC)
    for wrong in ("", "7", "d", "7y", "2025-13", "2025-1", "tomorow", "0000", "2025-02-30"):
        with pytest.raises(ValueError, match="is not a time"):
            read_time(wrong)


def test_a_moment_that_no_calendar_has_is_not_a_bug() -> None:
    with pytest.raises(ValueError, match="is not a time"):
        read_moment("999999w")


class _Terminal:
    def __init__(self, is_terminal: bool) -> None:
        self._is = is_terminal

    def isatty(self) -> bool:
        return self._is


def test_status_words_have_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = _Terminal(True), _Terminal(False)
    line = "finding: Status: PASS, BYPASS"
    assert coloured(line, pipe) == line  # type: ignore[arg-type]
    seen = coloured(line, terminal)  # type: ignore[arg-type]
    assert seen.count("\x1b[0m") == 2
    assert "\x1b[32mPASS\x1b[0m, BYPASS" in seen
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured(line, terminal) == line  # type: ignore[arg-type]


def test_a_line_is_cut_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    assert fitted("x" * 20) == "x" * 20
    monkeypatch.setattr(sys, "stdout", _Terminal(True))
    assert fitted("x" * 20) == "x" * 9 + "…"


def test_random_command_lines_end_with_a_documented_code(tmp_path: Path) -> None:
    assert list(failures(1, 300, tmp_path)) == []
