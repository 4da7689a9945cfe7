"""What was searched once is not searched again, and never let through for that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.diffs import secret_scan as secrets
from pipelines.diffs import secret_scan_cache as scanned
from pipelines.diffs.secret_scan_cache import Scanned, mark_of
from pipelines.outcomes.errors import Unavailable
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.pipelines.diffs.test_secret_scan import ONE, broken, look
from tests.pipelines.verbs.test_archive import patch_of
from tests.support.made_secrets import patch_with

CLEAN = patch_with("nothing to hide")
LEAKY = patch_with(ONE.text)


def files(cache: Path) -> list[Path]:
    return sorted((cache / "session-codec").glob("scanned-*"))


def test_a_text_without_a_secret_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = look(CLEAN)
    monkeypatch.setattr(secrets, "_scanner", broken)
    assert look(CLEAN) == first
    with pytest.raises(Unavailable):
        look(CLEAN + b" ")


def test_a_secret_is_reported_again_once_it_is_no_longer_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (finding,) = look(LEAKY).findings
    assert finding.fingerprint is not None
    allowed = frozenset([finding.fingerprint])
    first = look(LEAKY, allowed=allowed)
    assert (first.findings, first.allowed) == ([], 1)
    assert look(LEAKY).findings == look(LEAKY, allowed=frozenset(["0" * 16])).findings == [finding]
    monkeypatch.setattr(secrets, "_scanner", broken)
    assert look(LEAKY, allowed=allowed) == first


def other_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kingfisher_sdk.__version__", "0.0.0")


def other_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.secrets.patterns.__file__", __file__)


def no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.secrets.patterns.__file__", "/nonexistent.py")


@pytest.mark.parametrize("changed", [other_scanner, other_rules, no_source])
def test_by_other_rules_all_is_searched_again(
    monkeypatch: pytest.MonkeyPatch,
    own_cache: Path,
    changed: Callable[[pytest.MonkeyPatch], None],
) -> None:
    look(CLEAN)
    before = files(own_cache)
    changed(monkeypatch)
    look(CLEAN)
    assert files(own_cache) != before
    assert len(files(own_cache)) == 1  # what the others had found is of no use
    monkeypatch.setattr(secrets, "_scanner", broken)
    if changed is no_source:
        with pytest.raises(Unavailable):
            look(CLEAN)
    else:
        assert look(CLEAN).findings == []


def test_sync_does_not_search_packed_diffs_again(
    bench: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench.log.write_bytes(log_of(*(entry(day(n), patch=patch_of(f"f{n}")) for n in (1, 2, 3))))
    bench.migrate()
    assert cli("archive", bench.root).code == 0
    searched: list[str] = []
    real = secrets._look

    def look_at(text: secrets.Text, data: bytes, *options: Any) -> object:
        searched.append(text.name)
        return real(text, data, *options)

    monkeypatch.setattr(secrets, "_look", look_at)
    assert cli("sync", bench.root, "--remote", tmp_path / "remote").code == 0
    assert len(searched) > 5
    assert [name for name in searched if "archive" in name] == []


def test_a_cache_in_the_repository_cannot_hide_secrets(
    bench: Bench, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(CLEAN)
    (known,) = files(own_cache)
    theirs = bench.root / "session-codec" / known.name
    theirs.parent.mkdir()
    theirs.write_bytes(mark_of(LEAKY) + b"\n")
    monkeypatch.chdir(bench.root)
    for folder in ("", ".", str(own_cache)):
        monkeypatch.setenv("XDG_CACHE_HOME", folder)
        monkeypatch.setenv("HOME", str(own_cache))
        assert len(look(LEAKY).findings) == 1


def test_a_cache_that_cannot_be_used_costs_time_and_nothing_else(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_cache / "file").write_text("")
    (own_cache / "taken" / "session-codec").mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_cache / "file"))
    assert (look(CLEAN).texts, len(look(LEAKY).findings)) == (1, 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_cache / "taken"))
    for name in ("scanned-0", "scanned-1"):
        (own_cache / "taken" / "session-codec" / name).mkdir()  # in the way of what removes them
    assert (look(CLEAN).texts, len(look(LEAKY).findings)) == (1, 1)


def test_a_line_that_was_torn_spoils_no_other(own_cache: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(own_cache)}
    one, two, three = (mark_of(text) for text in (b"one", b"two", b"three"))
    for mark, found in ((one, ["0" * 16, "1" * 16]), (two, [])):
        known = Scanned([b"rules"], environment)
        known.add(mark, found)
        known.save()
        (path,) = files(own_cache)
        with path.open("ab") as f:
            f.write(three + b" " + b"2" * 9)
    known = Scanned([b"rules"], environment)
    assert known.found(one) == frozenset(["0" * 16, "1" * 16])
    assert known.found(two) == frozenset([])
    assert known.found(three) is None


def test_it_does_not_grow_without_end(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanned, "_LIMIT", 100)
    for n in range(100):
        known = Scanned([b"rules"], {"XDG_CACHE_HOME": str(own_cache)})
        known.add(mark_of(str(n).encode()), [])
        known.save()
    (path,) = files(own_cache)
    assert os.path.getsize(path) < 200
