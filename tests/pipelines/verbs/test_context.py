"""What an agent reads at its start."""

from __future__ import annotations

import os
import subprocess

import pytest

from codec.kinds import Key
from codec.records import Session
from codec.shown_text import FRAME
from codec.tokens.tokenizers import counter
from codec.v2.compact_view import decode_view
from codec.v2.deltas import decode_delta
from pipelines.verbs.context import KEPT, Request, render
from pipelines.workspace.location import REFERENCES, V1_LOG
from pipelines.workspace.pending import put
from tests.pipelines.conftest import REAL, Bench, Cli, command, corpus, day, entry, git, log_of


def _never(_tokenizer: str) -> object:
    raise AssertionError("a tokenizer was loaded")


def test_it_prints_the_references_and_then_the_view(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    (bench.root / REFERENCES).write_text("stack:\n framework: Flask 3\n")
    said = cli("context", bench.root)
    references, _, view = said.out.partition("\n\n")
    assert said.code == 0
    assert references == f"{FRAME}\nstack:\n framework: Flask 3"
    deltas = [decode_delta(line) for line in bench.deltas()]
    assert decode_view(view, deltas) == deltas


@pytest.mark.parametrize("budget", [0, 20, 250, 500, 1000])
@pytest.mark.parametrize("name", [*REAL, "medium"])
def test_it_never_costs_more_than_its_budget(
    bench: Bench, cli: Cli, name: str, budget: int
) -> None:
    bench.log.write_bytes(corpus(f"{name}.md"))
    bench.migrate()
    said = cli("context", bench.root, "--budget", budget, "--json")
    text = said.json["text"]
    assert counter().count([text]) == [said.json["tokens"]]
    assert said.json["tokens"] <= budget
    if budget == 1000:
        assert said.json["shown"] == min(30, len(bench.deltas()))


def test_the_sessions_that_do_not_fit_are_summed_up(bench: Bench, cli: Cli) -> None:
    entries = [entry(day(n), task=f"a-long-enough-name-of-a-task-{n}") for n in range(1, 29)]
    bench.log.write_bytes(log_of(*entries))
    bench.migrate()
    said = cli("context", bench.root, "--budget", 150)
    shown = sum("a long enough name" in line for line in said.out.splitlines())
    last = said.out.splitlines()[-1]
    assert 0 < shown < 28
    assert last.startswith(f"earlier: {28 - shown} sessions 2025-11-01 to ")
    assert "a-long-enough-name-of-a-task-28".replace("-", " ") in said.out


def test_sessions_beyond_the_default_number_are_summed_up(bench: Bench, cli: Cli) -> None:
    entries = [f"## 2025-10-{n % 28 + 1:02} {n % 24:02}:00Z - job {n}\n" for n in range(45)]
    bench.log.write_text("\n".join(entries))
    bench.migrate()
    last = cli("context", bench.root, "--budget", 5000).out.splitlines()[-1]
    assert last == "earlier: 15 sessions 2025-10-01 to 2025-10-08: 15 UNKNOWN"


def test_last_shows_all_of_them_in_full(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    said = cli("context", bench.root, "--last", 2, "--style", "lines")
    assert said.out.splitlines()[-2:] == bench.deltas()[-2:]
    assert "earlier" not in said.out


def test_a_digest_has_no_session_in_full(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    said = cli("context", bench.root, "--style", "digest", "--json")
    assert (said.json["shown"], said.json["summed"]) == (0, 3)
    assert "3 PASS" in said.json["text"]


def test_a_second_run_loads_no_tokenizer(bench: Bench) -> None:
    bench.migrate()
    request = Request(workspace=bench.workspace, tokenizer="o200k_base")
    first = render(request, lambda name: lambda text: counter(name).count([text])[0])
    assert render(request, _never) == first  # type: ignore[arg-type]


def test_a_context_after_a_new_session_loads_no_tokenizer_and_no_yaml(
    bench: Bench, cli: Cli
) -> None:
    bench.migrate()
    (bench.root / REFERENCES).write_text("stack:\n  framework: Django 5\n")
    assert "stack:" in cli("context", bench.root).out
    new = ("--agent", "human", "--task", "naïve ✅ 日本語", "--status", "PASS", "--no-diff")
    assert cli("record", bench.root, *new).code == 0
    done = subprocess.run(
        command("context", bench.root),
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "日本語" in done.stdout
    assert "stack:\n framework: Django 5\n" in done.stdout
    assert "codec.tokens.bpe_counts" in done.stderr
    assert "toktok" not in done.stderr
    assert "yaml" not in done.stderr


def test_a_cached_text_is_not_used_for_other_content(bench: Bench) -> None:
    bench.migrate()
    request = Request(workspace=bench.workspace, tokenizer="o200k_base")
    render(request, lambda _: len)
    (bench.root / REFERENCES).write_text("stack:\n framework: Django 5\n")
    assert "Django 5" in render(request, lambda _: len).context.text
    bench.log.write_bytes(log_of(*(entry(day(n), task=f"task-{n}") for n in (4, 3, 2, 1))))
    bench.migrate()
    assert "task 4" in render(request, lambda _: len).context.text


def test_notes_are_shown_as_they_are_now(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    new = ("--agent", "human", "--task", "Feed the birds", "--status", "PASS", "--no-diff")
    assert cli("record", bench.root, *new, "--notes", "The parrots eat at noon.").code == 0
    line = cli("context", bench.root).out.splitlines()[-1]
    assert line.startswith("note ")
    assert line.endswith(' "The parrots eat at noon."')
    assert cli("amend", "latest", bench.root, "--notes", "They eat at one.").code == 0
    assert cli("context", bench.root).out.splitlines()[-1].endswith(' "They eat at one."')
    assert "note " not in cli("context", bench.root, "--last", 30).out


def test_a_pending_session_has_its_notes_and_a_private_one_has_none(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    time = "2025-12-01T10:00:00Z"
    notes = "The parrots eat at noon."
    put(
        bench.workspace, [Session(Key(time), time, "human", "birds", "PASS", notes=notes, id="one")]
    )
    assert f'note 100000 "{notes}"\n' in cli("context", bench.root).out
    assert cli("amend", time, bench.root, "--private").code == 0
    assert "parrots" not in cli("context", bench.root).out


def test_only_a_few_renderings_are_kept_and_a_broken_cache_is_an_empty_one(bench: Bench) -> None:
    bench.migrate()
    for budget in range(100, 100 + 3 * KEPT):
        request = Request(workspace=bench.workspace, tokenizer="o200k_base", budget=budget)
        render(request, lambda _: len)
    cache = bench.root / ".session-codec" / "cache" / "context.json"
    assert cache.read_text().count('"text"') == KEPT
    for broken in ("{]", "[" * 100_000):
        cache.write_text(broken)
        assert render(request, lambda _: len).context.summed == 3


def test_a_broken_line_is_reported_and_the_rest_is_shown(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    with (bench.root / "SESSION_DELTAS.log").open("a") as f:
        f.write("no delta\n")
    said = cli("context", bench.root)
    assert "lines that cannot be read: 1" in said.err
    assert "task 3" in said.out


def test_a_workspace_that_cannot_be_written_can_be_read(bench: Bench) -> None:
    bench.migrate()
    (bench.root / ".session-codec" / "cache").write_text("a file where the folder would be")
    request = Request(workspace=bench.workspace, tokenizer="o200k_base")
    assert render(request, lambda _: len).context.shown == 3


def test_it_is_found_from_a_folder_below_and_refused_outside(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    below = bench.root / "src" / "deep"
    below.mkdir(parents=True)
    assert cli("context", below).out == cli("context", bench.root).out
    outside = bench.root.parent / "elsewhere"
    outside.mkdir()
    assert cli("context", outside).code == 20


def test_a_linked_worktree_has_its_own_context(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    bench.commit()
    git(bench.root, "worktree", "add", "-q", "../linked")
    assert cli("context", bench.root.parent / "linked").out == cli("context", bench.root).out


def test_a_reader_that_has_enough_gets_no_message(bench: Bench) -> None:
    bench.migrate()
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        done = subprocess.run(
            command("context", bench.root), stdout=out, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_log_without_a_workspace_is_not_a_workspace(bench: Bench, cli: Cli) -> None:
    said = cli("context", bench.root)
    assert (said.code, said.out) == (20, "")
    assert "session-codec migrate" in said.err
    assert (bench.root / V1_LOG).exists()
