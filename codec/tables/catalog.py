"""The catalog of a folder of tables: which parts hold the rows.

A version of the catalog is one JSON object, written under the next free number; the greatest number
counts. An exporter that finds its number taken starts again from that version, so two exporters
lose nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

from codec.errors import FormatError
from codec.kinds import ObjectName
from codec.tables.schema import BY_NAME, SCHEMA_NAME

Format = Literal["parquet", "csv", "jsonl"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
#: The folder of versions and of the plans of exporters.
FOLDER: Final = "_catalog"
#: A part's name becomes a path, and others may write to the remote: it must stay in its folder.
_PART = re.compile(
    r"(?P<table>[a-z]+)/(?:month=[0-9-]{1,10}/)?part-[0-9a-z-]+\.(?:parquet|csv|jsonl)"
)
#: The number of deleted parts that a version remembers.
_RETIRED: Final = 10_000


class PartFile(NamedTuple):
    """A file with rows of one table and month, sorted by repository.

    Attributes:
        name: the name relative to the folder of the tables.
        first, last: the first and the last repository in it.
        rows: the number of rows.
        size: in bytes.
    """

    name: ObjectName
    first: str
    last: str
    rows: int
    size: int


class Catalog(NamedTuple):
    """One version of a catalog.

    Attributes:
        number: the number of the version; 0 before the first export.
        format: the format of the parts.
        redacted: texts are left out of all parts.
        parts: the parts, sorted by table, month and first repository.
        retired: names of deleted parts, the newest last; they are not used again.
    """

    number: int
    format: Format
    redacted: bool
    parts: tuple[PartFile, ...] = ()
    retired: tuple[ObjectName, ...] = ()

    def folders(self) -> Mapping[str, list[PartFile]]:
        """Return the parts by their folder, in order."""
        found: dict[str, list[PartFile]] = {}
        for part in self.parts:
            found.setdefault(part.name.rpartition("/")[0], []).append(part)
        return MappingProxyType(found)

    def of(self, table: str) -> list[PartFile]:
        """Return the parts of a table."""
        return [part for part in self.parts if part.name.startswith(f"{table}/")]

    def following(self, folders: Mapping[str, Iterable[PartFile]]) -> Catalog:
        """Return the next version of the catalog, with the parts of some folders replaced."""
        found = {**self.folders(), **{name: list(parts) for name, parts in folders.items()}}
        parts = tuple(part for name in sorted(found) for part in found[name])
        names = {part.name for part in parts}
        gone = [part.name for part in self.parts if part.name not in names]
        retired = (*self.retired, *gone)[-_RETIRED:]
        return self._replace(number=self.number + 1, parts=parts, retired=retired)


def folder_of(table: str, month: str) -> str:
    """Return the folder of the parts of a table and month."""
    return f"{table}/month={month}" if BY_NAME[table].by_month else table


def version_name(number: int) -> ObjectName:
    """Return the name of a version of the catalog."""
    return ObjectName(f"{FOLDER}/{number:08d}.json")


def encode_catalog(catalog: Catalog) -> bytes:
    """Return a catalog as JSON."""
    document = {
        "schema": SCHEMA_NAME,
        "number": catalog.number,
        "format": catalog.format,
        "redacted": catalog.redacted,
        "parts": [part._asdict() for part in catalog.parts],
        "retired": catalog.retired,
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def decode_catalog(data: bytes, name: str) -> Catalog:
    """Decode a catalog.

    Args:
        data: its bytes.
        name: the name of the file for errors.

    Raises:
        FormatError: it is not a catalog of this schema.
    """
    try:
        found = json.loads(data)
        schema = found["schema"]
        if schema == SCHEMA_NAME:
            return Catalog(
                number=int(found["number"]),
                format=FORMATS[FORMATS.index(found["format"])],
                redacted=bool(found["redacted"]),
                parts=tuple(map(_part_of, found["parts"])),
                retired=tuple(map(_part_name, found["retired"])),
            )
        problem = f"has the schema {schema!r}, expected {SCHEMA_NAME!r}"
    except (ValueError, KeyError, TypeError):
        problem = "is not the catalog of exported tables"
    raise FormatError(problem, file=name, hint="Export to an empty folder or prefix")


def _part_of(fields: Mapping[str, object]) -> PartFile:
    """Return a part; raise ValueError or TypeError if a field is unknown or invalid."""
    part = PartFile(**fields)  # type: ignore[arg-type]
    if not all(isinstance(v, str) for v in part[:3]) or not all(type(v) is int for v in part[3:]):
        raise TypeError
    _part_name(part.name)
    return part


def _part_name(name: object) -> ObjectName:
    """Return the name of a part; raise ValueError for any other name."""
    if isinstance(name, str) and (m := _PART.fullmatch(name)) and m["table"] in BY_NAME:
        return ObjectName(name)
    raise ValueError(name)
