"""Split the sorted rows of a table and month into parts that depend only on the rows.

1. A part ends after a repository: after the least size, at the first whose name's hash is a
   multiple of `_ONE_IN`; after the greatest size, at the first one. So equal rows give equal parts,
   in whatever order they were exported, and a change leaves other parts as they are.
2. A repository that is larger than a part is split after a group of rows.
3. Parts are written to a folder of their own, and named by their content.
4. Groups grow with their part. A reader skips small groups of small parts, where one group would be
   most of the part; it parses the list of all groups, which small ones would make long.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from codec.kinds import ObjectName, Sha256
from codec.tables.catalog import Format, PartFile, folder_of
from pipelines.tables.formats import GROUP, Writer, writer

#: The sizes of a part, in bytes.
LEAST: Final = 128 << 20
GREATEST: Final = 512 << 20
_ONE_IN: Final = 16
#: A group has at most this share of the rows before it, and at most so many times the least rows.
_SHARE: Final = 8
_LARGEST: Final = 4
#: The hex digits of a part's hash in its name.
DIGITS: Final = 32


class Limits(NamedTuple):
    """The minimum and maximum size of a part in bytes, and the number of rows in a group."""

    least: int = LEAST
    greatest: int = GREATEST
    group: int = GROUP


LIMITS: Final = Limits()


class Written(NamedTuple):
    """A part on this machine, and its entry in the catalog."""

    path: str
    part: PartFile
    sha256: Sha256


class Splitter:
    """Writes rows of one table and month to parts.

    `open` is True while a part is begun but not complete.
    """

    def __init__(
        self, form: Format, table: str, month: str, folder: str, limits: Limits = LIMITS
    ) -> None:
        self._form, self._table, self._month = form, table, month
        self._folder, self._limits = folder, limits
        self._sink: IO[bytes] | None = None
        self._writer: Writer | None = None
        self._waiting: list[pa.Table] = []
        self._count = self._rows = 0
        self._first = self._last = ""

    @property
    def open(self) -> bool:
        """Return True if a part is begun but not complete."""
        return self._rows > 0 or self._count > 0

    def add(self, rows: pa.Table) -> Iterator[Written]:
        """Add rows, which follow all earlier rows; yield the parts that become complete."""
        while rows.num_rows:
            name = rows.column("repository")[0].as_py()
            if self.open and self._ends_before(name):
                yield self.close()
            self._first = self._first if self.open else name
            group = self._group()
            count = min(group - self._count, rows.num_rows)
            if self._size() >= self._limits.least:  # it may end after this repository
                count = min(count, _run_length(rows, name))
            piece, rows = rows.slice(0, count), rows.slice(count)
            self._last = piece.column("repository")[-1].as_py()
            self._waiting.append(piece)
            self._count += count
            if self._count == group:
                self._flush()

    def close(self) -> Written:
        """Complete the begun part and return it."""
        self._flush()
        assert self._writer is not None
        assert self._sink is not None
        self._writer.close()
        self._sink.flush()
        path, size = self._sink.name, self._sink.tell()
        self._sink.close()
        with open(path, "rb") as f:
            digest = Sha256(hashlib.file_digest(f, "sha256").hexdigest())
        folder = folder_of(self._table, self._month)
        part = PartFile(
            name=ObjectName(f"{folder}/part-{digest[:DIGITS]}.{self._form}"),
            first=self._first,
            last=self._last,
            rows=self._rows,
            size=size,
        )
        self._sink = self._writer = None
        self._rows = 0
        return Written(path, part, digest)

    def discard(self) -> None:
        """Delete a begun part after an error."""
        if self._sink is not None:
            self._sink.close()
            with suppress(OSError):
                os.unlink(self._sink.name)

    def _ends_before(self, name: str) -> bool:
        """Return True if the part ends before the rows of a repository."""
        size = self._size()
        if size < self._limits.least:
            return False
        if name == self._last:
            return size >= self._limits.greatest and self._count == 0
        return size >= self._limits.greatest or _hash(self._last) % _ONE_IN == 0

    def _group(self) -> int:
        """Return the rows of the next group."""
        least = self._limits.group
        return min(max(least, self._rows // _SHARE), _LARGEST * least)

    def _size(self) -> int:
        return self._sink.tell() if self._sink is not None else 0

    def _flush(self) -> None:
        """Write the pending group of rows."""
        if not self._count:
            return
        if self._writer is None:
            path = os.path.join(self._folder, f"part-{os.urandom(8).hex()}")
            self._sink = open(path, "xb")  # noqa: SIM115 - closed with the part
            self._writer = writer(self._form, self._table, self._sink)
        self._writer.write(pa.concat_tables(self._waiting).combine_chunks())
        self._rows += self._count
        self._waiting, self._count = [], 0


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


def _run_length(rows: pa.Table, name: str) -> int:
    """Return the number of rows at the beginning that belong to a repository."""
    step = 1
    names = rows.column("repository")
    while step < rows.num_rows and names[step].as_py() == name:
        step *= 2
    start = names.slice(0, step)
    return int(pc.sum(pc.equal(start, name)).as_py())


def in_order(parts: Iterable[Iterable[pa.Table]]) -> Iterator[pa.Table]:
    """Yield two streams, sorted by repository and without common ones, as one sorted stream.

    The rows of a repository keep their order.
    """
    left, right = map(iter, parts)
    a, b = next(left, None), next(right, None)
    while a is not None and b is not None:
        a, b = _filled(a, left), _filled(b, right)
        if a is None or b is None:
            break
        limit = min(_last(a), _last(b))
        cut_a, cut_b = _upto(a, limit), _upto(b, limit)
        both = pa.concat_tables([a.slice(0, cut_a), b.slice(0, cut_b)])
        yield both.take(pc.sort_indices(both, sort_keys=[("repository", "ascending")]))
        a, b = a.slice(cut_a), b.slice(cut_b)
    for rest, stream in ((a, left), (b, right)):
        if rest is not None and rest.num_rows:
            yield rest
        yield from stream


def _filled(rows: pa.Table | None, stream: Iterator[pa.Table]) -> pa.Table | None:
    while rows is not None and not rows.num_rows:
        rows = next(stream, None)
    return rows


def _last(rows: pa.Table) -> str:
    return str(rows.column("repository")[-1].as_py())


def _upto(rows: pa.Table, limit: str) -> int:
    """Return the number of rows whose repositories are not after a name."""
    return int(pc.sum(pc.less_equal(rows.column("repository"), limit)).as_py() or 0)
