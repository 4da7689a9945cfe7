"""Folding rows into tables: the files depend on the rows alone, and no exporter loses a row."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from codec.errors import IntegrityError
from codec.kinds import ObjectName
from codec.tables.catalog import FOLDER, Format
from codec.tables.rows import Row, digest_of
from codec.tables.schema import BY_NAME
from pipelines.outcomes.errors import Conflict
from pipelines.outcomes.progress import Silent
from pipelines.remotes.base import Content
from pipelines.remotes.directory import DirectoryRemote
from tests.pipelines.conftest import tree

pytest.importorskip("pyarrow")

from pipelines.tables.catalogs import newest_catalog
from pipelines.tables.fold import Folded, Given, Target, fold
from pipelines.tables.formats import read_part
from pipelines.tables.splitting import Limits

TABLES = ("usage", "repos")
MONTHS = ("2025-10", "2025-11")
#: Small, so that a few hundred rows are many parts.
SMALL = Limits(least=6_000, greatest=12_000, group=16)


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: what survives a loss of power is tested with the remotes."""
    monkeypatch.setattr("os.fsync", lambda _fd: None)


def repository(name: str, version: int = 0, rows: int = 40) -> Given:
    pick = random.Random(f"{name} {version}")  # noqa: S311 - the same rows in every run
    usage = [
        Row(
            "usage",
            month,
            (
                name,
                f"{month}-01.{n}",
                f"{month}-01",
                "human",
                pick.randint(1, 10**9),
                n,
                *(None,) * 5,
            ),
        )
        for month in MONTHS
        for n in range(rows)
    ]
    unknown = (None,) * (len(BY_NAME["repos"].columns) - 3)
    digest = digest_of(usage)
    made = [*usage, Row("repos", "", (name, rows, *unknown, digest))]
    return Given(name, digest, partial(iter, made))


def target(folder: Path, form: Format = "parquet", **more: Any) -> Target:
    remote = more.pop("remote", None) or DirectoryRemote(str(folder))
    return Target(remote, form, False, TABLES, more.pop("limits", SMALL))


def export(folder: Path, *given: Given, **more: Any) -> Folded:
    return fold(target(folder, **more), given, Silent())


def parts(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {k: v for k, v in tree(folder).items() if not k.startswith(FOLDER)}


def rows_in(folder: Path, form: Format = "parquet") -> list[tuple[Any, ...]]:
    catalog = newest_catalog(DirectoryRemote(str(folder)))
    assert {p.name for p in catalog.parts} == set(parts(folder))
    found = []
    for part in catalog.of("usage"):
        table = [
            r for t in read_part(form, "usage", str(folder / part.name)) for r in t.to_pylist()
        ]
        assert len(table) == part.rows
        names = [r["repository"] for r in table]
        assert names == sorted(names)
        assert (names[0], names[-1]) == (part.first, part.last)
        found += [tuple(r.values()) for r in table]
    return found


def wanted(*given: Given) -> list[tuple[Any, ...]]:
    return [r.values for g in given for r in g.rows() if r.table == "usage"]


def same(found: Iterable[tuple[Any, ...]], expected: Iterable[tuple[Any, ...]]) -> bool:
    def plain(rows: Iterable[tuple[Any, ...]]) -> list[tuple[str, ...]]:
        return sorted(tuple(map(str, row)) for row in rows)

    return plain(found) == plain(expected)


FLEET = [repository(f"r{n:03d}", rows=5 + n % 50) for n in range(80)]


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_the_files_do_not_depend_on_the_order_of_exports(tmp_path: Path, form: Format) -> None:
    export(tmp_path / "at-once", *FLEET, form=form)
    assert len(parts(tmp_path / "at-once")) > 8
    assert same(rows_in(tmp_path / "at-once", form), wanted(*FLEET))
    mixed = FLEET[:]
    random.Random(1).shuffle(mixed)  # noqa: S311
    for start in range(0, 80, 27):
        export(tmp_path / "steps", *mixed[start : start + 27], form=form)
    assert parts(tmp_path / "steps") == parts(tmp_path / "at-once")


def test_a_changed_repository_leaves_most_files_as_they_are_and_loses_its_old_rows(
    tmp_path: Path,
) -> None:
    export(tmp_path / "t", *FLEET)
    before = parts(tmp_path / "t")
    new = repository("r040", 1)
    done = export(tmp_path / "t", new)
    assert done.changed == ("r040",)
    assert len(set(before) & set(parts(tmp_path / "t"))) > len(before) / 3
    rest = [g for g in FLEET if g.repository != "r040"]
    assert same(rows_in(tmp_path / "t"), wanted(*rest, new))
    export(tmp_path / "fresh", *rest, new)
    assert parts(tmp_path / "t") == parts(tmp_path / "fresh")


def test_rows_that_come_back_get_files_of_another_name(tmp_path: Path) -> None:
    first, second = repository("r"), repository("r", 1)
    export(tmp_path / "t", first)
    names = set(parts(tmp_path / "t"))
    export(tmp_path / "t", second)
    export(tmp_path / "t", first)
    assert not names & set(parts(tmp_path / "t"))
    assert same(rows_in(tmp_path / "t"), wanted(first))


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("damage", [b"", b"\xff" * 5000, None], ids=["empty", "garbage", "flipped"])
def test_a_damaged_part_is_named_and_no_row_is_lost(
    tmp_path: Path, form: Format, damage: bytes | None
) -> None:
    export(tmp_path / "t", repository("a"), form=form)
    name = newest_catalog(DirectoryRemote(str(tmp_path / "t"))).of("usage")[0].name
    path = tmp_path / "t" / name
    whole = path.read_bytes()
    path.write_bytes(bytes([*whole[:-1], whole[-1] ^ 1]) if damage is None else damage)
    before = tree(tmp_path / "t")
    with pytest.raises(IntegrityError, match=name):
        export(tmp_path / "t", repository("b"), form=form)
    assert tree(tmp_path / "t") == before
    path.write_bytes(whole)
    export(tmp_path / "t", repository("b"), form=form)
    assert same(rows_in(tmp_path / "t", form), wanted(repository("a"), repository("b")))


def test_an_unchanged_export_reads_little_and_writes_nothing(tmp_path: Path) -> None:
    export(tmp_path / "t", *FLEET)
    before = tree(tmp_path / "t", times=True)
    remote = DirectoryRemote(str(tmp_path / "t"))
    done = export(tmp_path / "t", *FLEET, remote=remote)
    assert (done.written, done.deleted, done.changed) == ((), (), ())
    assert tree(tmp_path / "t", times=True) == before
    repos = len(newest_catalog(DirectoryRemote(str(tmp_path / "t"))).of("repos"))
    assert remote.requests == {"LIST": 1, "GET": 1 + repos}


def test_one_large_repository_is_cut_into_parts(tmp_path: Path) -> None:
    large = repository("large", rows=4000)
    export(tmp_path / "t", repository("a"), large, repository("z"))
    catalog = newest_catalog(DirectoryRemote(str(tmp_path / "t")))
    sizes = [p.size for p in catalog.parts if p.name.startswith("usage/month=2025-11")]
    assert len(sizes) > 2
    assert max(sizes) < 3 * SMALL.greatest
    new = repository("large", 1, rows=3000)
    export(tmp_path / "t", new)
    assert same(rows_in(tmp_path / "t"), wanted(repository("a"), new, repository("z")))


class Interleaved(DirectoryRemote):
    """A folder in which another exporter does all its work before one request of this one."""

    def __init__(self, path: str, before: int, other: Iterator[None]) -> None:
        super().__init__(path)
        self._before, self._other = before, other

    def put(self, name: ObjectName, content: Content) -> bool:
        self._turn()
        return super().put(name, content)

    def delete(self, name: ObjectName) -> None:
        self._turn()
        super().delete(name)

    def _turn(self) -> None:
        if self._before == 0:
            next(self._other, None)
        self._before -= 1


@pytest.mark.parametrize("before", range(10))
@pytest.mark.parametrize("theirs", ["other", "same", "newer"])
def test_two_exporters_at_once_lose_no_row_and_double_none(
    tmp_path: Path, before: int, theirs: str
) -> None:
    folder = tmp_path / "t"
    base = [repository(name) for name in ("a", "m", "z")]
    export(folder, *base)
    mine = repository("m", 1)
    given = {"other": repository("n", 1), "same": mine, "newer": repository("m", 2)}[theirs]

    def other() -> Iterator[None]:
        export(folder, given)
        yield

    export(folder, mine, remote=Interleaved(str(folder), before, other()))
    found = rows_in(folder)
    rest = [base[0], base[2]]
    if theirs == "newer":
        assert same(found, wanted(*rest, mine)) or same(found, wanted(*rest, given))
    elif theirs == "other" and same(found, wanted(*rest, mine)):
        assert before == 9  # it had not begun when this one had ended
    else:
        assert same(found, wanted(*rest, mine, *([given] if theirs == "other" else [])))


class Killed(BaseException):
    """The exporter was killed."""


@contextmanager
def killed_at(remote: DirectoryRemote, request: int) -> Iterator[None]:
    left = request
    put, delete = remote.put, remote.delete

    def count() -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1

    def put_one(name: ObjectName, content: Content) -> bool:
        count()
        return put(name, content)

    def delete_one(name: ObjectName) -> None:
        count()
        delete(name)

    remote.put, remote.delete = put_one, delete_one  # type: ignore[method-assign]
    yield


@pytest.mark.parametrize("request_", range(10))
@pytest.mark.parametrize("after", [1, 2])
def test_an_exporter_that_was_killed_leaves_nothing_that_counts_twice(
    tmp_path: Path, request_: int, after: int
) -> None:
    folder = tmp_path / "t"
    base = [repository(name) for name in ("a", "m", "z")]
    export(folder, *base)
    remote = DirectoryRemote(str(folder))
    with killed_at(remote, request_), suppress(Killed):
        export(folder, repository("m", 1), remote=remote)
    export(folder, repository("m", after))
    assert same(rows_in(folder), wanted(base[0], base[2], repository("m", after)))


def test_tables_of_another_format_or_redaction_are_refused(tmp_path: Path) -> None:
    export(tmp_path / "t", repository("a"))
    with pytest.raises(Conflict, match="as parquet"):
        export(tmp_path / "t", repository("a"), form="csv")
    redacted = target(tmp_path / "t")._replace(redacted=True)
    with pytest.raises(Conflict, match="not redacted"):
        fold(redacted, [repository("a")], Silent())
