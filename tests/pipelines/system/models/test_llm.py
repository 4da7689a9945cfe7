"""The program `llm` itself, configured for a model server on loopback."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.support.model_server import ModelServer, claims

_INSTALLED: Final = Path(__file__).parents[4] / "build" / "llm" / "bin"
FACT: Final = ("The login failed 3 times.", [day(2)])
#: `Bob` is not in the session.
LIE: Final = ("Bob repaired the login.", [day(2)])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """Run a model server that the installed `llm` knows as `local`."""
    path = f"{_INSTALLED}{os.pathsep}{os.environ['PATH']}"
    if shutil.which("llm", path=path) is None:
        pytest.skip(
            "llm is not installed (python -m venv build/llm; build/llm/bin/pip install llm)"
        )
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    (tmp_path / "llm").mkdir()
    with ModelServer(claims(FACT, LIE)) as running:
        known = f"- model_id: local\n  model_name: fake-1\n  api_base: {running.url}\n"
        (tmp_path / "llm" / "extra-openai-models.yaml").write_text(known)
        yield running


@pytest.fixture
def work(bench: Bench) -> Bench:
    bench.log.write_bytes(log_of(entry(day(2), notes="The login failed 3 times.")))
    bench.migrate()
    return bench


def test_llm_is_asked_once_and_checked_claims_are_stored(
    work: Bench, cli: Cli, server: ModelServer
) -> None:
    asked = ("summarize", work.root, "--period", "2025-11", "--model", "llm:local", "--yes")
    said = cli(*asked, "--json")
    assert said.code == 0, said.err
    summary = said.json["summary"]
    assert [claim["text"] for claim in summary["claims"]] == [FACT[0]]
    assert (summary["model"], summary["dropped"]) == ("llm:local", {"name": 1})
    (call,) = server.calls
    assert day(2) in call.question
    assert (work.root / ".session-codec" / "summaries" / "2025-11.json").exists()
    assert cli(*asked, "--json").json["summary"] == summary
    assert len(server.calls) == 1, "a period that has not changed is not sent again"


def test_an_error_of_llm_is_one_line_and_writes_nothing(
    work: Bench, cli: Cli, server: ModelServer
) -> None:
    server.answer = lambda call: call.send(401, b'{"error": {"message": "no such key"}}')
    asked = ("summarize", work.root, "--period", "2025-11", "--yes", "--model")
    for model, problem in (("llm:local", "no such key"), ("llm:unknown", "unknown")):
        said = cli(*asked, model)
        assert said.code == 32
        assert said.out == ""
        assert problem in next(line for line in said.err.splitlines() if "error:" in line).lower()
    assert not (work.root / ".session-codec" / "summaries").exists()
