"""Summaries are tracked files: what erases texts erases claims, and no copy brings them back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

import pytest

from codec.kinds import Key
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.support.model_server import ModelServer, claims

MONTH: Final = ".session-codec/summaries/2025-11.json"
WORD: Final = "vault"


@pytest.fixture
def told(bench: Bench, cli: Cli) -> Bench:
    """Make a workspace with a summary: one claim about each of two sessions."""
    bench.log.write_bytes(
        log_of(
            entry(day(1), task="alpha", notes=f"Opened the {WORD}."),
            entry(day(2), task="beta", notes="Closed the door."),
        )
    )
    bench.migrate()
    bench.log.unlink()
    answer = claims((f"opened the {WORD}.", [day(1)]), ("closed the door.", [day(2)]))
    with ModelServer(answer) as server:
        said = cli("summarize", bench.root, "--period", "2025-11", "--model", "m", "--endpoint",
                   server.url, "--yes")  # fmt: skip
    assert said.code == 0, said.err
    assert texts(bench.root) == [f"opened the {WORD}.", "closed the door."]
    return bench


def texts(root: Path) -> list[str]:
    return [claim["text"] for claim in json.loads((root / MONTH).read_bytes())["claims"]]


def codes(cli: Cli, verb: str, root: Path) -> set[str]:
    return {f["code"] for f in cli(verb, root, "--json").json["findings"]}


def test_removing_the_texts_of_a_session_removes_the_claims_about_it(told: Bench, cli: Cli) -> None:
    cli("amend", day(1), told.root, "--private")
    assert texts(told.root) == ["closed the door."]
    assert "private-summary" not in codes(cli, "verify", told.root)


def test_claims_that_a_merge_brings_back_are_found_and_removed(told: Bench, cli: Cli) -> None:
    before = (told.root / MONTH).read_bytes()
    cli("amend", day(1), told.root, "--private")
    (told.root / MONTH).write_bytes(before)
    assert "private-summary" in codes(cli, "verify", told.root)
    cli("doctor", told.root, "--repair")
    assert texts(told.root) == ["closed the door."]
    left = [p for p in told.root.rglob("*") if p.is_file() and b"vault" in p.read_bytes()]
    assert [p for p in left if ".diffs" not in p.parts] == [], "no backup keeps the text"


def test_a_restored_summary_has_no_claims_about_private_sessions(
    told: Bench, cli: Cli, tmp_path: Path
) -> None:
    remote, other, empty = (tmp_path / name for name in ("remote", "other", "empty"))
    shutil.copytree(told.root, other)
    empty.mkdir()
    cli("amend", day(1), told.root, "--private")
    assert cli("sync", told.root, "--remote", remote).code == 0
    assert cli("sync", other, "--remote", remote).code == 0, "its summary is the newest"
    assert cli("restore", empty, "--remote", remote).code in (0, 3)
    assert texts(empty) == ["closed the door."]


def test_a_summary_that_is_here_is_not_replaced_by_a_copy(
    told: Bench, cli: Cli, tmp_path: Path
) -> None:
    remote = tmp_path / "remote"
    cli("sync", told.root, "--remote", remote)
    fields = json.loads((told.root / MONTH).read_bytes())
    fields["claims"].pop()
    (told.root / MONTH).write_text(json.dumps(fields))
    assert cli("restore", told.root, "--remote", remote).code == 0
    assert len(texts(told.root)) == 1


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"format": 2}', b'{"format": 1}', b"[" * 100_000, b"x" * (1 << 21)]
)
def test_a_file_that_is_not_a_summary_is_a_finding(told: Bench, cli: Cli, data: bytes) -> None:
    (told.root / MONTH).write_bytes(data)
    assert "broken-summary" in codes(cli, "verify", told.root)
    assert cli("context", told.root).code == 0
    assert cli("summarize", told.root, "--period", "2025-11").code == 0


def test_a_claim_about_a_session_that_is_gone_is_noted(told: Bench, cli: Cli) -> None:
    text = (told.root / MONTH).read_text()
    digest = told.manifest.identity(Key(day(1)))[:16]
    (told.root / MONTH).write_text(text.replace(digest, "0" * 16))
    assert "stale-summary" in codes(cli, "verify", told.root)


def test_a_context_carries_the_newest_summary_in_two_lines(told: Bench, cli: Cli) -> None:
    plain = cli("context", told.root).out
    said = cli("context", told.root, "--with-summary", "--json").json
    added = said["text"].removeprefix(plain).splitlines()
    assert said["text"].startswith(plain)
    assert len(added) == 2
    assert added[0].startswith("summary of 2025-11 by m, ")
    assert added[1] == f"opened the {WORD}. closed the door."
    assert cli("context", told.root).out == plain, "another rendering is kept beside it"
    for budget in (10, 60, 100, 120, 200):
        small = cli("context", told.root, "--with-summary", "--budget", budget, "--json").json
        assert small["tokens"] <= budget


def test_a_context_without_a_summary_is_as_before(bench: Bench, cli: Cli) -> None:
    bench.migrate()
    assert cli("context", bench.root, "--with-summary").out == cli("context", bench.root).out
