"""What exports do on every remote: the same tables, and a counted number of requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.outcomes.progress import Silent
from pipelines.remotes.base import Remote
from tests.conformance.conftest import HOSTILE

pytest.importorskip("pyarrow")

from pipelines.tables.catalogs import newest_catalog
from pipelines.tables.fold import Folded, Given, Target, fold
from pipelines.tables.formats import read_part
from tests.pipelines.tables.test_fold import MONTHS, SMALL, TABLES, repository, same, wanted

FLEET = [repository(f"r{n:03d}", rows=5 + n % 30) for n in range(30)]


def export(remote: Remote, *given: Given) -> Folded:
    remote.requests.clear()
    return fold(Target(remote, "parquet", False, TABLES, SMALL), given, Silent())


def rows_on(remote: Remote, tmp_path: Path) -> list[tuple[Any, ...]]:
    found = []
    for number, part in enumerate(newest_catalog(remote).of("usage")):
        path = tmp_path / f"{number}.parquet"
        with path.open("wb") as f:
            assert remote.copy(part.name, f.write) == part.size
        for rows in read_part("parquet", "usage", str(path)):
            found += [tuple(row.values()) for row in rows.to_pylist()]
    return found


def test_an_export_puts_each_part_once_and_an_unchanged_one_puts_nothing(
    remote: Remote, tmp_path: Path, kind: str
) -> None:
    done = export(remote, *FLEET)
    assert len(done.written) > 4
    assert remote.requests["PUT"] == len(done.written) + 2, "its plan and the catalog"
    assert remote.requests["LIST"] == 2
    assert remote.requests["GET"] <= (2 if kind not in HOSTILE else 4)
    assert same(rows_on(remote, tmp_path), wanted(*FLEET))
    before = remote.list_all()
    again = export(remote, *FLEET)
    assert (again.written, again.deleted) == ((), ())
    assert remote.requests["PUT"] == remote.requests["DELETE"] == 0
    assert remote.list_all() == before


def test_a_changed_repository_costs_the_parts_that_may_hold_it(
    remote: Remote, tmp_path: Path
) -> None:
    export(remote, *FLEET)
    parts = {part.name for part in newest_catalog(remote).parts}
    new = repository("r010", 1)
    done = export(remote, new)
    touched = len(done.deleted)
    assert remote.requests["PUT"] == len(done.written) + 2
    repos = sum(name.startswith("repos/") for name in parts)
    more = len(MONTHS)  # in each, one part is read to find where the next begins
    assert remote.requests["GET"] <= touched + repos + more + 4, "catalogs, plan, these parts"
    assert touched < len(parts)
    rest = [given for given in FLEET if given.repository != "r010"]
    assert same(rows_on(remote, tmp_path), wanted(*rest, new))
    live = {part.name for part in newest_catalog(remote).parts}
    stored = {item.name for item in remote.list_all() if not item.name.startswith("_catalog/")}
    assert stored == live, "replaced parts are deleted"
