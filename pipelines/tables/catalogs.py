"""Manage the catalog of tables on a remote: read it, claim parts, commit, delete unused parts.

1. An exporter first writes a plan that names its parts, then the parts, then the next version of
   the catalog. The remote never overwrites an object, so one exporter gets each number.
2. A part is in use if the newest version names it. After a commit, the parts that the version
   retires are deleted, and so are those of plans for a number that is taken: their exporters lost
   the race or were killed.
3. The name of a deleted part is never used again, so a new part cannot be deleted by mistake.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from codec.errors import FormatError
from codec.kinds import ObjectName
from codec.tables.catalog import (
    FOLDER,
    Catalog,
    Format,
    decode_catalog,
    encode_catalog,
    version_name,
)
from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.remotes.base import Remote, Stored, content_of, read_whole

_VERSION: Final = re.compile(rf"{FOLDER}/(?P<number>\d{{8}})\.json")
_PLAN: Final = re.compile(rf"{FOLDER}/(?P<number>\d{{8}})-[0-9a-f]{{16}}\.plan")
#: Seconds after which the plan of an exporter that ended is deleted.
_FORGOTTEN: Final = 86_400


class Seen(NamedTuple):
    """The state of a folder of tables.

    Attributes:
        catalog: its newest version.
        dead: the names of parts that no exporter may use again.
        garbage: the names of objects to delete: dead parts, and old plans.
    """

    catalog: Catalog
    dead: frozenset[ObjectName]
    garbage: tuple[ObjectName, ...]


def see(remote: Remote, form: Format, *, redacted: bool) -> Seen:
    """Return the state of a folder of tables; an empty folder has version 0.

    Args:
        remote: the folder.
        form: the form of the parts that will be written.
        redacted: True if texts will be left out.

    Raises:
        Conflict: the folder has tables of another format, or redacted and other tables would mix.
        FormatError: the catalog cannot be read.
    """
    stored = remote.list_all()
    catalog = _newest(remote, stored) or Catalog(0, form, redacted)
    _check(catalog, remote, form, redacted=redacted)
    before = time.time() - _FORGOTTEN
    planned: set[ObjectName] = set()
    forgotten = []
    for item in stored:
        m = _PLAN.fullmatch(item.name)
        if m is not None and int(m["number"]) <= catalog.number:
            planned.update(_planned(remote, item.name))
            if item.modified < before:
                forgotten.append(item.name)
    dead = frozenset({*catalog.retired, *planned} - {part.name for part in catalog.parts})
    return Seen(catalog, dead, (*(s.name for s in stored if s.name in dead), *forgotten))


def newest_catalog(remote: Remote) -> Catalog:
    """Return the newest version of the catalog.

    Raises:
        FormatError: the folder has no catalog, or it cannot be read.
    """
    catalog = _newest(remote, remote.list_all())
    if catalog is None:
        raise FormatError(
            "does not contain tables",
            file=remote.url,
            hint="Write them with 'session-codec export --to parquet'",
        )
    return catalog


def put_plan(remote: Remote, number: int, token: str, names: Sequence[ObjectName]) -> ObjectName:
    """Write the plan of an exporter, which lists the parts of a version; return its name."""
    plan = ObjectName(f"{FOLDER}/{number:08d}-{token}.plan")
    remote.put(plan, content_of(json.dumps(names).encode()))
    return plan


def commit(remote: Remote, catalog: Catalog) -> bool:
    """Write a version of the catalog; return False if another exporter took its number."""
    return remote.put(
        version_name(catalog.number), content_of(encode_catalog(catalog), exact=False)
    )


def drop(remote: Remote, names: Iterable[ObjectName], catalog: Catalog) -> None:
    """Delete parts, except those that a version of the catalog names."""
    live = {part.name for part in catalog.parts}
    for name in names:
        if name not in live:
            remote.delete(name)


def _newest(remote: Remote, stored: Sequence[Stored]) -> Catalog | None:
    numbers = [int(m["number"]) for s in stored if (m := _VERSION.fullmatch(s.name))]
    if not numbers:
        return None
    name = version_name(max(numbers))
    return decode_catalog(read_whole(remote, name), f"{remote.url}/{name}")


def _planned(remote: Remote, plan: ObjectName) -> list[ObjectName]:
    """Return the parts that a plan names; empty if it was deleted meanwhile."""
    try:
        return [ObjectName(name) for name in json.loads(read_whole(remote, plan))]
    except (NotFound, ValueError):
        return []


def _check(catalog: Catalog, remote: Remote, form: Format, *, redacted: bool) -> None:
    if catalog.format != form:
        raise Conflict(
            f"{remote.url} holds tables as {catalog.format}",
            hint=f"Use --to {catalog.format}, or use another folder",
        )
    if catalog.redacted != redacted:
        kind = "redacted tables" if catalog.redacted else "tables that are not redacted"
        option = "Add" if catalog.redacted else "Drop"
        raise Conflict(f"{remote.url} holds {kind}",
                       hint=f"{option} --redact, or use another folder")  # fmt: skip
