"""Rules of a large log are read once, and again once it is another file or says something else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from codec.manifest.facts import V1Version
from codec.references.sources.collect import LineMap
from codec.references.sources.log_rules import LogRules
from codec.v1.text import Log
from pipelines.v1 import rules as v1_rules
from pipelines.v1.rules import read_rules
from pipelines.workspace.cache import read_json_cache, write_json_cache
from pipelines.workspace.location import V1_LOG, locate
from pipelines.workspace.reading import read_manifest
from tests.pipelines.conftest import THREE, Bench

_RULES = b"\n## Rules\n\n- Tests MUST pass\n"
_KEPT = Path(".session-codec", "cache", "rules.json")


def rules_of(root: Path) -> LogRules:
    workspace = locate(str(root))
    return read_rules(workspace, read_manifest(workspace))


@pytest.fixture
def read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Keep a small log's rules too; return how often a log was parsed."""
    monkeypatch.setattr(v1_rules, "_KEPT_FROM", 1)
    bench.log.write_bytes(THREE + _RULES)
    bench.migrate()
    calls: list[int] = []
    sections = v1_rules._sections

    def counted(log: Log, version: V1Version | None) -> tuple[bytes, LineMap]:
        calls.append(1)
        return sections(log, version)

    monkeypatch.setattr(v1_rules, "_sections", counted)
    assert b"MUST pass" in rules_of(bench.root).texts[V1_LOG]
    return lambda: len(calls)


def test_cached_rules_are_not_read_from_the_log_again(
    bench: Bench, read: Callable[[], int]
) -> None:
    was = rules_of(bench.root)
    assert read() == 1
    (bench.root / _KEPT).unlink()
    now = rules_of(bench.root)
    assert read() == 2
    assert (now.texts, [*now.lines[V1_LOG]]) == (was.texts, [*was.lines[V1_LOG]])


def test_a_log_that_was_edited_is_read_again_whatever_its_times_say(
    bench: Bench, read: Callable[[], int]
) -> None:
    was = bench.log.stat()
    bench.log.write_bytes(bench.log.read_bytes().replace(b"pass", b"fail"))
    os.utime(bench.log, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert b"MUST fail" in rules_of(bench.root).texts[V1_LOG]
    assert read() == 2


def test_a_cache_that_came_with_a_clone_is_ignored(
    bench: Bench, read: Callable[[], int], tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(bench.root, clone)
    rules_of(clone)
    assert read() == 2


@pytest.mark.parametrize("broken", ["", "[]", "{}", "null", '{"of": 1}'])
def test_unreadable_files_count_as_empty(
    bench: Bench, read: Callable[[], int], broken: str
) -> None:
    (bench.root / _KEPT).write_text(broken)
    assert b"MUST pass" in rules_of(bench.root).texts[V1_LOG]
    assert read() == 2


@pytest.mark.parametrize(("at", "value"), [(1, 1), (1, "AAA"), (2, [1]), (2, 1)])
def test_a_cache_of_another_form_is_ignored(
    bench: Bench, read: Callable[[], int], at: int, value: object
) -> None:
    kept = read_json_cache(str(bench.root / _KEPT), list)
    assert kept
    write_json_cache(str(bench.root / _KEPT), [*kept[:at], value, *kept[at + 1 :]])
    rules_of(bench.root)
    assert read() == 2


def test_where_nothing_can_be_kept_it_is_read_every_time(
    bench: Bench, read: Callable[[], int]
) -> None:
    cache = bench.root / ".session-codec" / "cache"
    shutil.rmtree(cache)
    cache.write_text("a file where the folder would be")
    assert b"MUST pass" in rules_of(bench.root).texts[V1_LOG]
    assert read() == 2
