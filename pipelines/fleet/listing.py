"""List the repositories of a fleet: from a list, a folder, or the JSON of a hosting service."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from codec.tables.repository_name import repository_name
from pipelines.fleet.run_folder import Member
from pipelines.fleet.steps import safe_name
from pipelines.workspace.location import DELTAS, MANIFEST, V1_LOG

_ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|[^/\s]+@[^/\s:]+:|[^/\s:]{2,}:(?!/{2})\S")
_CREDENTIALS: Final = re.compile(r"(://)[^/@]*:[^/@]*@")
#: The fields with an address in hosting services' lists; the first existing one counts.
_FIELDS: Final = ("clone_url", "ssh_url", "http_url_to_repo", "ssh_url_to_repo", "url", "path")
_FOUND: Final = (".git", MANIFEST, DELTAS, V1_LOG)
_DIGITS: Final = 8


class Sources(NamedTuple):
    """The places that list repositories.

    Attributes:
        lists: the paths of files with a path or an address on each line.
        folders: folders to search for repositories.
        organizations: the paths of JSON files with a hosting service's list of repositories.
    """

    lists: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()


def members_of(sources: Sources) -> tuple[Member, ...]:
    """Return the repositories, each once, sorted by name.

    Raises:
        FormatError: a file does not have the expected form, or an address contains a password.
    """
    names = [
        *(entry for path in sources.lists for entry in _listed(path)),
        *(entry for path in sources.organizations for entry in _of_organization(path)),
        *(entry for folder in sources.folders for entry in _found(folder)),
    ]
    found = {member.source: member for member in map(_member, names)}
    return tuple(sorted(found.values(), key=lambda m: (m.name, m.source)))


def _member(entry: str) -> Member:
    is_clone = _ADDRESS.match(entry) is not None and not os.path.exists(entry)
    if is_clone and _CREDENTIALS.search(entry):
        raise FormatError(
            "an address holds a password, which would be stored",
            field=repository_name(entry) or "",
            hint="Let git's credential helper or an SSH key provide it",
        )
    source = entry if is_clone else os.path.realpath(os.path.expanduser(entry))
    name = (repository_name(entry) if is_clone else None) or source
    name = os.fsencode(name).decode(errors="replace")
    digest = hashlib.sha256(os.fsencode(source)).hexdigest()[:_DIGITS]
    return Member(f"{safe_name(name)}-{digest}", name, source, is_clone)


def _listed(path: str) -> Iterator[str]:
    """Yield the lines of a list, except empty lines and those that begin with `#`.

    Relative paths are relative to the folder of the list.
    """
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        lines: Sequence[str] = f.read().splitlines()
    yield from _below(os.path.dirname(os.path.abspath(path)), lines)


def _below(folder: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        is_path = _ADDRESS.match(entry) is None
        yield os.path.join(folder, os.path.expanduser(entry)) if is_path else entry


def _of_organization(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as f:
            document: Any = json.load(f)
        items = document if isinstance(document, list) else document["repositories"]
        entries = [_address_of(item) for item in items]
    except (ValueError, KeyError, TypeError, StopIteration):
        raise FormatError(
            "is not a JSON list of repositories",
            file=path,
            hint=f"Each needs one of the fields {', '.join(_FIELDS)}",
        ) from None
    yield from _below(os.path.dirname(os.path.abspath(path)), entries)


def _address_of(item: Any) -> str:
    if isinstance(item, str):
        return item
    return next(str(item[field]) for field in _FIELDS if item.get(field))


def _found(folder: str) -> Iterator[str]:
    """Yield the repositories below a folder, except those inside of another repository."""
    if not os.path.isdir(folder):
        raise FormatError("is not a folder", file=folder)
    for path, folders, _ in os.walk(folder):
        if any(os.path.exists(os.path.join(path, name)) for name in _FOUND):
            folders.clear()
            yield path
        folders.sort()
