"""A heading pattern that came with the manifest cannot keep a verb busy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pipelines.outcomes.errors import Conflict
from pipelines.v1.entries import dialects_of
from pipelines.v1.pattern import Trial, check_pattern
from pipelines.workspace.location import MANIFEST
from tests.pipelines.conftest import Bench, command

SLOW = "(?P<time>(a+)+b)"


def planted(bench: Bench, pattern: str) -> None:
    """Add the fact of a log whose pattern is `pattern`, and the log."""
    fact = {
        "fact": "v1", "source": "LOG.md", "sha256": "a" * 64, "bytes": 1, "words": 1, "tokens": {},
        "seen": "2099-01-01T00:00:00.000000Z", "pattern": pattern,
    }  # fmt: skip
    with (bench.root / MANIFEST).open("a") as f:
        f.write(json.dumps(fact) + "\n")
    (bench.root / "LOG.md").write_text("a" * 40 + "\n")


@pytest.mark.parametrize("verb", [("verify",), ("references",), ("migrate", "--from", "LOG.md")])
@pytest.mark.parametrize("pattern", [SLOW, "(" * 9999 + ")" * 9999])
def test_a_pattern_of_the_manifest_that_takes_too_long_is_one_problem(
    bench: Bench, verb: tuple[str, ...], pattern: str
) -> None:
    bench.migrate()
    planted(bench, pattern)
    name, *more = verb
    more = [str(bench.root / word) if word == "LOG.md" else word for word in more]
    ran = subprocess.run(
        command(name, bench.root, *more), capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == (22 if name == "migrate" else 3)
    assert ran.stderr.count("the heading pattern in the manifest") == 1, ran.stderr
    assert "bug" not in ran.stderr


def test_a_pattern_that_the_user_gave_is_used_and_kept(bench: Bench) -> None:
    log = bench.root / "LOG.md"
    log.write_text("@ 2025-01-01 first\ntext\n@ 2025-01-02 second\ntext\n")
    given = command("migrate", bench.root, "--from", log, "--heading-pattern",
                    r"@ (?P<time>\S+) (?P<task>.*)")  # fmt: skip
    assert subprocess.run(given, capture_output=True, check=False).returncode == 0
    log.write_text(log.read_text() + "@ 2025-01-03 third\ntext\n")
    again = command("migrate", bench.root, "--from", log)
    assert subprocess.run(again, capture_output=True, check=False).returncode == 0
    assert [s.title or s.task for s in bench.manifest.sessions.values()] == [
        "first", "second", "third",
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", ["(", "no group", "(?P<time>a{99999999999999999999})"])
def test_a_pattern_of_the_manifest_that_is_invalid_is_refused(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="cannot be used"):
        dialects_of(b"x\n", "LOG.md", dialect="", pattern=pattern)


def test_a_pattern_that_ends_is_accepted() -> None:
    check_pattern(b"## 2025-01-01\n", r"## (?P<time>\S+)")


def test_patterns_after_one_that_takes_too_long_are_not_tried() -> None:
    trial = Trial()
    try:
        trial.check(b"## 2025-01-01\n", r"## (?P<time>\S+)")
        with pytest.raises(Conflict, match="cannot be used"):
            trial.check(b"x\n", "(")
        with pytest.raises(Conflict, match="takes longer than 3 seconds"):
            trial.check(b"a" * 40 + b"\n", SLOW)
        with pytest.raises(Conflict, match="was not tried"):
            trial.check(b"## 2025-01-01\n", r"## (?P<time>\S+)")
    finally:
        trial.end()
