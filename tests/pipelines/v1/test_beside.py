"""The worker counts the runs of a log and writes them as files; its errors are raised here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codec.tokens.tokenizers import count_words, counter
from pipelines.outcomes.errors import Conflict
from pipelines.v1.beside import count_runs, open_log, stage_runs
from pipelines.v1.source import open_source
from tests.pipelines.conftest import THREE, Bench


def opened(bench: Bench) -> None:
    source = open_source(bench.workspace, str(bench.log))
    bench.worker.call(open_log, source.path, source.name, source.identity).result()


def test_runs_are_counted_as_the_tokenizer_and_wc_count_them(plain: Bench) -> None:
    opened(plain)
    half = len(THREE) // 2
    runs = [(0, half), (half, len(THREE))]
    found = plain.worker.call(count_runs, runs).result()
    texts = [THREE[:half].decode(), THREE[half:].decode()]
    assert [c.tokens for c in found] == counter("o200k_base").count(texts)
    assert [c.words for c in found] == [count_words(t.encode()) for t in texts]
    wc = subprocess.run(
        ["wc", "-w"], input=THREE, capture_output=True, check=True, env={"LC_ALL": "C"}
    )
    assert count_words(THREE) == int(wc.stdout)


def test_a_log_that_was_swapped_before_the_worker_read_it_is_a_conflict(plain: Bench) -> None:
    source = open_source(plain.workspace, str(plain.log))
    plain.log.unlink()
    plain.log.write_bytes(THREE)
    with pytest.raises(Conflict):
        plain.worker.call(open_log, source.path, source.name, source.identity).result()


def test_an_error_of_the_system_in_the_worker_is_one_here(plain: Bench, tmp_path: Path) -> None:
    opened(plain)
    with pytest.raises(FileNotFoundError):
        plain.worker.call(stage_runs, str(tmp_path / "none"), [("a", 0, 1)]).result()
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        plain.worker.call(stage_runs, str(tmp_path), [("a", 0, 1)]).result()
    assert (tmp_path / "a").read_bytes() == b"mine"
    assert plain.worker.count_text("still here") == 2
