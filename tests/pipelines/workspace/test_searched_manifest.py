"""What was found in a large manifest is used while nothing else changes the file."""

from __future__ import annotations

import shutil

import pytest

from codec.kinds import Key, sha256_of
from codec.manifest.facts import Purged
from codec.manifest.jsonl import encode_fact
from codec.records import Session
from pipelines.recording.session import Recorded, Recording, record_session
from pipelines.workspace import searched_manifest
from pipelines.workspace.cache import CACHE, is_sealed
from pipelines.workspace.location import MANIFEST
from tests.pipelines.conftest import PATCH, Bench

NOW = "2030-01-05T10:00:30Z"


@pytest.fixture
def searches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Treat every manifest as large, and return the sizes of the searched parts."""
    bench.migrate()
    sizes: list[int] = []
    search = searched_manifest._keys_of

    def counted(manifest: bytes, day: str) -> set[Key]:
        sizes.append(len(manifest))
        return search(manifest, day)

    monkeypatch.setattr(searched_manifest, "_LARGE", 1)
    monkeypatch.setattr(searched_manifest, "_keys_of", counted)
    monkeypatch.setattr("pipelines.recording.session.moment", lambda: NOW)
    return sizes


def recorded(bench: Bench, patch: bytes = b"") -> Recorded:
    return record_session(bench.workspace, Recording(agent="a", task="t", patch=patch))


def append(bench: Bench, fact: Session | Purged) -> None:
    with open(bench.root / MANIFEST, "a") as f:
        f.write(f"{encode_fact(fact)}\n")


def test_the_second_session_of_a_day_searches_only_added_lines(
    bench: Bench, searches: list[int]
) -> None:
    size = (bench.root / MANIFEST).stat().st_size
    keys = [recorded(bench).session.key for _ in range(4)]
    assert len(set(keys)) == 4
    assert searches[0] == size
    assert len(searches) == 5
    assert sum(searches[1:]) == (bench.root / MANIFEST).stat().st_size - size
    assert is_sealed(bench.workspace.path(CACHE, "searched-manifest.json"))


def test_lines_that_another_program_appends_are_found(bench: Bench, searches: list[int]) -> None:
    first = recorded(bench).session
    append(bench, first._replace(key=Key(f"{NOW}.abcdef"), id="other"))
    append(bench, Purged(key=Key(NOW), sha256=sha256_of(PATCH), time=NOW))
    again = recorded(bench, PATCH)
    assert [finding.code for finding in again.findings] == ["purged-again"]
    assert len({*bench.manifest.sessions}) == len(bench.manifest.sessions)
    assert again.session.key not in (NOW, f"{NOW}.abcdef")
    assert max(searches[2:]) > searches[0]


def test_a_manifest_that_was_replaced_is_searched_again(bench: Bench, searches: list[int]) -> None:
    path = bench.root / MANIFEST
    recorded(bench)
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    copy.replace(path)
    recorded(bench)
    assert searches[2] > searches[0]


def test_a_small_manifest_leaves_no_file(
    bench: Bench, searches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searched_manifest, "_LARGE", 1 << 20)
    recorded(bench)
    recorded(bench)
    assert not (bench.root / CACHE / "searched-manifest.json").exists()
    assert len(searches) == 2
