"""The process beside a verb: right counts, its errors told, and gone when the verb is."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from codec.tokens.tokenizers import count_words, counter
from pipelines.errors import Conflict, Unavailable
from pipelines.v1.source import open_source
from pipelines.worker.client import Worker
from tests.pipelines.conftest import THREE, Bench


def test_runs_are_counted_as_the_tokenizer_and_wc_count_them(plain: Bench) -> None:
    source = open_source(plain.workspace, str(plain.log))
    plain.worker.open(source).result()
    half = len(THREE) // 2
    runs = [(0, half), (half, len(THREE))]
    found = plain.worker.count(runs).result()
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
        plain.worker.open(source).result()


def test_an_error_of_the_system_in_the_worker_is_one_here(plain: Bench, tmp_path: Path) -> None:
    plain.worker.open(open_source(plain.workspace, str(plain.log))).result()
    with pytest.raises(FileNotFoundError):
        plain.worker.stage(str(tmp_path / "none"), [("a", 0, 1)]).result()
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        plain.worker.stage(str(tmp_path), [("a", 0, 1)]).result()
    assert (tmp_path / "a").read_bytes() == b"mine"
    assert plain.worker.count_text("still here") == 2


def test_a_worker_that_was_killed_is_unavailable_and_not_a_success() -> None:
    # A pipe that broke on the way out once turned the error into exit code 0.
    def ask_the_dead() -> None:
        with Worker("o200k_base") as worker:
            worker._process.kill()
            worker._process.wait()
            worker.count_text("little enough to wait in the buffer")

    with pytest.raises(Unavailable, match="worker process ended"):
        ask_the_dead()


def test_a_worker_ends_when_its_verb_is_killed() -> None:
    code = (
        "import sys\nfrom pipelines.worker.client import Worker\n"
        "w = Worker('o200k_base')\nw.count_text('warm')\n"
        "print(w._process.pid, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as verb:
        assert verb.stdout is not None
        pid = int(verb.stdout.readline())
        ended = os.pidfd_open(pid)
        verb.kill()
        verb.wait()
        # the descriptor of a process becomes readable when it ends
        assert select.select([ended], [], [], 20)[0]
        os.close(ended)
