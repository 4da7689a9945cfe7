"""Fold the rows of repositories into a folder of tables: replace theirs, keep all others.

1. A repository whose rows have not changed is skipped, by the digest in its row of `repos`.
2. Rows are spooled by table and month, then merged with the parts that have rows of these
   repositories. Other parts are not read. Only a few groups of rows are in memory at a time.
3. If two exporters run at once (see `catalogs`), the loser folds again on top of the new version.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import IO, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from codec.errors import IntegrityError
from codec.kinds import ObjectName
from codec.tables.catalog import Catalog, Format, PartFile, folder_of
from codec.tables.rows import Row
from codec.tables.schema import BY_NAME
from pipelines.outcomes.errors import Conflict
from pipelines.outcomes.progress import Progress
from pipelines.remotes.base import Content, Remote
from pipelines.tables.catalogs import Seen, commit, drop, put_plan, see
from pipelines.tables.formats import arrow_rows, read_part, schema_of
from pipelines.tables.splitting import DIGITS, LIMITS, Limits, Splitter, Written, in_order

#: The number of attempts of an exporter before it gives up.
_TRIES: Final = 20
#: The rows that are in memory before they are spooled.
_SPOOLED: Final = 200_000


class Given(NamedTuple):
    """The rows of one repository.

    Attributes:
        repository: the name of the repository.
        digest: the digest of its rows; empty to compare them always.
        rows: returns its rows, sorted by table; may be called again.
    """

    repository: str
    digest: str
    rows: Callable[[], Iterable[Row]]


class Folded(NamedTuple):
    """The result of a fold.

    Attributes:
        changed: the repositories whose rows were new or different.
        written, deleted: the names of parts.
        size: the size of the written parts in bytes.
        rows: the rows of the tables afterwards, by name of the table.
    """

    changed: tuple[str, ...]
    written: tuple[str, ...]
    deleted: tuple[str, ...]
    size: int
    rows: Mapping[str, int]


class Target(NamedTuple):
    """The folder of the tables, and how to write them.

    Attributes:
        remote: the folder.
        format: the format of the parts.
        redacted: True if texts are left out.
        tables: the names of the tables of the rows; rows of other tables stay.
        limits: the limits of parts.
    """

    remote: Remote
    format: Format
    redacted: bool
    tables: Sequence[str]
    limits: Limits = LIMITS


def fold(target: Target, given: Sequence[Given], progress: Progress) -> Folded:
    """Replace the rows of repositories in a folder of tables.

    Args:
        target: the folder.
        given: the repositories, each once.
        progress: receives the stages.

    Raises:
        Conflict: the folder has tables of another format, or other exporters won every time.
        IntegrityError: a part is damaged.
        StorageError: the folder cannot be read or written.
    """
    given = sorted(given, key=lambda g: g.repository)
    for _ in range(_TRIES):
        seen = see(target.remote, target.format, redacted=target.redacted)
        with tempfile.TemporaryDirectory(prefix="session-codec-") as folder:
            done = _attempt(target, seen, given, folder, progress)
        if done is not None:
            return done
    raise Conflict(
        f"{target.remote.url}: other exporters wrote at the same time, {_TRIES} times in a row",
        hint="Run the same command again when they have ended",
    )


def _attempt(
    target: Target, seen: Seen, given: Sequence[Given], folder: str, progress: Progress
) -> Folded | None:
    """Return the result of one attempt; None if another exporter was faster."""
    remote, catalog = target.remote, seen.catalog
    changed = _changed(target, catalog, given, folder)
    names = frozenset(g.repository for g in changed)
    with progress.stage("merge", len(changed)) as advance:
        spooled = _spooled(changed, folder, advance)
        merged = {
            name: _merged_folder(target, catalog, name, spooled.get(name), names, folder)
            for name in (_folders(target, catalog, spooled) if changed else ())
        }
    following, sends = _following(seen, merged)
    if following.parts == catalog.parts:
        drop(remote, seen.garbage, catalog)
        return Folded((), (), (), 0, _rows(catalog))
    sent = [part.name for part, _ in sends]
    size = sum(part.size for part, _ in sends)
    with progress.stage("write", size, in_bytes=True) as advance:
        plan = put_plan(remote, following.number, os.urandom(8).hex(), sent)
        done = 0
        for part, written in sends:
            content = Content(part.size, written.sha256, partial(_opened, written.path))
            remote.put(part.name, content)
            done += part.size
            advance(done)
    is_ours = commit(remote, following)
    after = see(remote, target.format, redacted=target.redacted)
    if not is_ours and after.catalog != following:  # equal: the reply was lost
        drop(remote, (*sent, plan), after.catalog)
        return None
    drop(remote, (*after.garbage, plan), after.catalog)
    live = {part.name for part in following.parts}
    gone = tuple(part.name for part in catalog.parts if part.name not in live)
    return Folded(tuple(sorted(names)), tuple(sent), gone, size, _rows(following))


def _opened(path: str) -> IO[bytes]:
    return open(path, "rb")


def _changed(target: Target, catalog: Catalog, given: Sequence[Given], folder: str) -> list[Given]:
    """Return the repositories whose digest differs from that of their row."""
    known: dict[str, str] = {}
    if any(g.digest for g in given):
        for part in catalog.of("repos"):
            if any(part.first <= g.repository <= part.last for g in given):
                for rows in _read(target, "repos", part, folder):
                    columns = (rows.column(n).to_pylist() for n in ("repository", "digest"))
                    known.update(zip(*columns, strict=True))
    return [g for g in given if not g.digest or known.get(g.repository) != g.digest]


def _spooled(given: Sequence[Given], folder: str, advance: Callable[[int], None]) -> dict[str, str]:
    """Write the rows of repositories to a file for each table and month; return their paths."""
    waiting: dict[str, list[Row]] = {}
    paths: dict[str, str] = {}
    count = 0
    with ExitStack() as stack:
        sinks: dict[str, Any] = {}

        def flush() -> None:
            for name, rows in waiting.items():
                table = rows[0].table
                if name not in sinks:
                    paths[name] = os.path.join(folder, f"spool-{len(paths)}")
                    sink = stack.enter_context(pa.OSFile(paths[name], "wb"))
                    sinks[name] = stack.enter_context(pa.ipc.new_file(sink, schema_of(table)))
                sinks[name].write_table(arrow_rows(table, [row.values for row in rows]))
            waiting.clear()

        for number, repository in enumerate(given, 1):
            for row in repository.rows():
                waiting.setdefault(folder_of(row.table, row.month), []).append(row)
                count += 1
                if count % _SPOOLED == 0:
                    flush()
            advance(number)
        flush()
    return paths


def _folders(target: Target, catalog: Catalog, spooled: Mapping[str, str]) -> list[str]:
    """Return the folders whose parts may change."""
    known = [name for name in catalog.folders() if _table_of(name) in target.tables]
    return sorted({*spooled, *known})


def _table_of(folder: str) -> str:
    return folder.partition("/")[0]


def _merged_folder(
    target: Target,
    catalog: Catalog,
    name: str,
    spooled: str | None,
    repositories: frozenset[str],
    folder: str,
) -> list[PartFile | Written]:
    """Return the parts of a table and month: unchanged ones and new ones."""
    table, month = _table_of(name), name.partition("month=")[2]
    splitter = Splitter(target.format, table, month, folder, target.limits)
    parts = catalog.folders().get(name, [])
    new = _Cursor(_read_spooled(spooled) if spooled else iter(()))
    found: list[PartFile | Written] = []
    try:
        for place, part in enumerate(parts):
            end = parts[place + 1].first if place + 1 < len(parts) else None
            is_touched = any(_reaches(r, part, place, end) for r in repositories)
            if not is_touched and not splitter.open:
                found.append(part)
                continue
            kept = (_without(rows, repositories) for rows in _read(target, table, part, folder))
            for rows in in_order((kept, new.before(end))):
                found += splitter.add(rows)
        for rows in new.before(None):
            found += splitter.add(rows)
        if splitter.open:
            found.append(splitter.close())
    finally:
        splitter.discard()
    return found


def _reaches(repository: str, part: PartFile, place: int, end: str | None) -> bool:
    """Return True if a repository's rows are in a part, or belong between it and the next."""
    if repository <= part.last:
        return place == 0 or repository >= part.first
    return end is None or repository < end


class _Cursor:
    """Returns rows sorted by repository, in pieces."""

    def __init__(self, rows: Iterator[pa.Table]) -> None:
        self._rows = rows
        self._rest: pa.Table | None = None

    def before(self, end: str | None) -> Iterator[pa.Table]:
        """Yield the rows whose repository is before a name; all for None."""
        while (
            rows := self._rest if self._rest is not None else next(self._rows, None)
        ) is not None:
            self._rest = None
            if end is not None:
                count = pc.sum(pc.less(rows.column("repository"), end)).as_py() or 0
                if count < rows.num_rows:
                    self._rest = rows.slice(count)
                    if count:
                        yield rows.slice(0, count)
                    return
            yield rows


def _without(rows: pa.Table, repositories: frozenset[str]) -> pa.Table:
    """Return the rows of all other repositories."""
    names = pa.array(sorted(repositories), type=pa.string())
    return rows.filter(pc.invert(pc.is_in(rows.column("repository"), value_set=names)))


def _read_spooled(path: str) -> Iterator[pa.Table]:
    with pa.memory_map(path) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])


def _read(target: Target, table: str, part: PartFile, folder: str) -> Iterator[pa.Table]:
    """Yield the rows of a part in the folder of tables.

    Raises:
        IntegrityError: its bytes are not those that its name states.
    """
    path = os.path.join(folder, f"read-{part.name.rpartition('/')[2]}")
    digest = hashlib.sha256()
    with open(path, "wb") as f:

        def keep(data: bytes) -> None:
            f.write(data)
            digest.update(data)

        target.remote.copy(part.name, keep)
    if f"/part-{digest.hexdigest()[:DIGITS]}" not in part.name:
        raise IntegrityError(
            "its bytes are not those that were exported",
            file=f"{target.remote.url}/{part.name}",
            hint="Restore it from a backup, or export all repositories to an empty folder",
        )
    yield from read_part(target.format, table, path)
    os.unlink(path)


def _following(
    seen: Seen, merged: Mapping[str, Sequence[PartFile | Written]]
) -> tuple[Catalog, list[tuple[PartFile, Written]]]:
    """Return the next version of the catalog, and the parts to upload."""
    live = {part.name: part for part in seen.catalog.parts}
    number = seen.catalog.number + 1
    folders: dict[str, list[PartFile]] = {}
    sends: list[tuple[PartFile, Written]] = []
    for folder, parts in merged.items():
        folders[folder] = []
        for item in parts:
            part = item.part if isinstance(item, Written) else item
            if part.name in live:
                part = live[part.name]
            elif isinstance(item, Written):
                if part.name in seen.dead:
                    stem, _, form = part.name.rpartition(".")
                    part = part._replace(name=ObjectName(f"{stem}-{number}.{form}"))
                sends.append((part, item))
            folders[folder].append(part)
    return seen.catalog.following(folders), sends


def _rows(catalog: Catalog) -> dict[str, int]:
    return {name: sum(part.rows for part in catalog.of(name)) for name in BY_NAME}
