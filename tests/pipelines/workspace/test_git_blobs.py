"""Blobs are read whole or refused by their size, before git or this process holds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.outcomes.errors import Unavailable
from pipelines.system.git.repository import Repository, repository_at
from pipelines.workspace.git_blobs import read_blob
from pipelines.workspace.git_queries import content_at
from pipelines.workspace.location import MANIFEST
from tests.pipelines.conftest import Bench, git

LIMIT = 8 << 20


@pytest.fixture
def repository(bench: Bench) -> Repository:
    """Make a repository whose HEAD has a manifest and a large file of one repeated byte."""
    bench.migrate()
    bench.commit()
    (bench.root / "large").write_bytes(b"x" * (LIMIT + 1))
    bench.commit()
    return repository_at(str(bench.root))


def test_a_blob_is_read_whole(repository: Repository, bench: Bench) -> None:
    manifest = (bench.root / MANIFEST).read_bytes()
    for plain in (True, False):
        assert read_blob(repository, f"HEAD:{MANIFEST}", plain=False) == manifest
        oid = git(Path(repository.top), "rev-parse", f"HEAD:{MANIFEST}").strip()
        assert read_blob(repository, oid, plain=plain) == manifest


@pytest.mark.parametrize("name", ["HEAD:absent", "0" * 40, "HEAD:a\nHEAD:b", "HEAD:.session-codec"])
def test_an_object_that_is_not_a_blob_gives_none(repository: Repository, name: str) -> None:
    assert read_blob(repository, name) is None


def test_a_blob_over_the_limit_is_refused_by_its_size(
    repository: Repository, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.workspace.git_blobs.SIZE_LIMIT", LIMIT)
    for packed in (False, True):
        if packed:
            git(Path(repository.top), "repack", "-adq")
        with pytest.raises(Unavailable, match=f"{LIMIT + 1:,} bytes"):
            content_at(bench.workspace, "HEAD", "large")
        assert content_at(bench.workspace, "HEAD", MANIFEST)
