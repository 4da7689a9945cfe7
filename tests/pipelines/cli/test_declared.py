"""A plain command line means the same whether click reads it or not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli.commands import context, migrate, record
from pipelines.cli.declared import Option, called, command_of
from tests.pipelines.conftest import Bench, Cli, command

VERBS: dict[str, tuple[Callable[..., int], tuple[Option, ...]]] = {
    "context": (context.run, context.OPTIONS),
    "record": (record.run, record.OPTIONS),
    "migrate": (migrate.run, migrate.OPTIONS),
}
TEXTS = (
    "",
    "-",
    "-x",
    "--",
    "--help",
    "-h",
    "a b",
    "5",
    "-5",
    "٣",
    "0x1",
    "1_0",
    "compact",
    "repo",
)


def by_click(verb: str, arguments: list[str]) -> dict[str, object] | None:
    """The parameters as click reads them; None where it ends with help or an error."""
    run, options = VERBS[verb]
    try:
        made = command_of(run, options).make_context(verb, list(arguments))
    except (click.ClickException, click.exceptions.Exit):
        return None
    return made.params


def words(options: tuple[Option, ...]) -> st.SearchStrategy[list[str]]:
    names = st.sampled_from([option.name for option in options])
    values = st.sampled_from(TEXTS) | st.text(max_size=3)
    word = names | values | st.builds("{}={}".format, names, values)
    pairs = st.tuples(names, values).map(list)
    return st.lists(word.map(lambda w: [w]) | pairs, max_size=6).map(
        lambda lists: [word for words in lists for word in words]
    )


@pytest.mark.parametrize("verb", VERBS)
@given(st.data())
def test_what_is_read_without_click_is_what_click_reads(verb: str, data: st.DataObject) -> None:
    arguments = data.draw(words(VERBS[verb][1]))
    if verb == "record":
        arguments = ["--agent", "a", "--task=t", *arguments]
    read = called(VERBS[verb][1], arguments)
    assert read is None or read == by_click(verb, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--agent", "a", "--task", "t"],
        ["repo", "--agent=a", "--task=fix it", "--status", "PASS", "--json", "--duration-min", "3"],
        ["--agent", "a", "--task", "t", "--diff", "-", "repo", "--notes", "x"],
    ],
)
def test_a_plain_command_line_is_read_without_click(arguments: list[str]) -> None:
    read = called(record.OPTIONS, arguments)
    assert read is not None
    assert read == by_click("record", arguments)


def test_the_quick_verbs_import_neither_click_nor_dataclasses(bench: Bench) -> None:
    bench.migrate()
    bench.commit()
    asked = ("--agent", "a", "--task", "t")
    for arguments in (("context", bench.root), ("record", bench.root, *asked)):
        subprocess.run(command(*arguments), check=True, capture_output=True)
        program = (
            "import sys\nfrom pipelines.cli.main import run\n"
            f"assert run({[str(a) for a in arguments]!r}) == 0\n"
            "print([m for m in ('click', 'dataclasses', 'inspect') if m in sys.modules])"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        )
        assert ran.stdout.splitlines()[-1] == "[]"


def test_options_that_do_not_go_together_are_exit_2_with_the_way_to_help(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    asked = ("record", bench.root, "--agent", "a", "--task", "t", "--no-diff", "--worktree")
    for arguments in (asked, (*asked, "--notes", "-x")):
        said = cli(*arguments, "--json")
        assert said.code == said.json["exit"] == 2
        assert "name one" in said.err
        assert "--help" in said.err
