"""A key's bytes: the right ones, or an error that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.errors import IntegrityError
from pipelines.errors import NotFound
from pipelines.store import Store, names_of
from tests.pipelines.conftest import PATCH, Bench, day


def test_a_stored_diff_is_the_patch_byte_for_byte(bench: Bench) -> None:
    bench.migrate()
    session = bench.manifest.sessions[day(1)]
    assert session.patch is not None
    assert Store(bench.workspace).read(day(1), session.patch) == PATCH
    assert (bench.root / ".diffs" / f"{day(1)}.diff").read_bytes() == PATCH


def test_a_diff_is_found_under_the_name_that_other_systems_give_it(bench: Bench) -> None:
    bench.migrate()
    plain, safe = names_of(day(1))
    diffs = bench.root / ".diffs"
    (diffs / plain).rename(diffs / safe)
    session = bench.manifest.sessions[day(1)]
    assert session.patch is not None
    assert Store(bench.workspace).read(day(1), session.patch) == PATCH
    assert bench.migrate().written == []


@pytest.mark.parametrize(
    "content", [PATCH[:-1], PATCH + b"x", PATCH.replace(b"more", b"m0re"), b""]
)
def test_a_diff_that_is_not_the_recorded_one_is_never_given(bench: Bench, content: bytes) -> None:
    bench.migrate()
    (bench.root / ".diffs" / f"{day(1)}.diff").write_bytes(content)
    session = bench.manifest.sessions[day(1)]
    assert session.patch is not None
    with pytest.raises(IntegrityError, match="SHA-256 or size differ"):
        Store(bench.workspace).read(day(1), session.patch)


def test_a_diff_that_is_not_here_is_not_found(bench: Bench) -> None:
    bench.migrate()
    (bench.root / ".diffs" / f"{day(1)}.diff").unlink()
    session = bench.manifest.sessions[day(1)]
    assert session.patch is not None
    with pytest.raises(NotFound, match="not stored on this machine"):
        Store(bench.workspace).read(day(1), session.patch)


def test_only_diffs_are_listed_and_a_workspace_without_any_has_none(plain: Bench) -> None:
    assert Store(plain.workspace).loose_names() == set()
    plain.migrate()
    Path(plain.root, ".diffs", "README").write_bytes(b"")
    assert Store(plain.workspace).loose_names() == {f"{day(n)}.diff" for n in (1, 2, 3)}
