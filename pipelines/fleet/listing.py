"""List the repositories of a fleet: from a list, a folder, or the JSON of a hosting service."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from codec.tables.repository_name import repository_name
from pipelines.fleet.run_folder import PLAN, Member
from pipelines.fleet.steps import safe_name
from pipelines.workspace.location import DELTAS, MANIFEST, V1_LOG

_ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|[^/\s]+@[^/\s:]+:|[^/\s:]{2,}:(?!/{2})\S")
#: A password, as in `https://user:password@host` and `user:password@host:path`; the slashes of one
#: that was not escaped do not end it.
_PASSWORD: Final = re.compile(r"://[^/@]*:(?!\d*/)[^@]*@|^[^/@\s]+:[^/@\s]*@")
_HTTP: Final = re.compile(r"(?P<scheme>https?://)(?:[^/]*@)?(?P<rest>.*)", re.I | re.S)
#: The fields with an address in hosting services' lists; the first existing one counts.
_FIELDS: Final = ("clone_url", "ssh_url", "http_url_to_repo", "ssh_url_to_repo", "url", "path")
_FOUND: Final = (".git", MANIFEST, DELTAS, V1_LOG)
#: The contents of a bare repository, which has no workspace.
_BARE: Final = frozenset(("HEAD", "objects", "refs"))
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
    entries = [
        *(entry for path in sources.lists for entry in _listed(path)),
        *(entry for path in sources.organizations for entry in _of_organization(path)),
        *(_Entry(path, folder, is_path=True) for folder in sources.folders
          for path in _found(folder)),
    ]  # fmt: skip
    found = {member.source: member for member in map(_member, entries)}
    return tuple(sorted(found.values(), key=lambda m: (m.name, m.source)))


class _Entry(NamedTuple):
    """A path or an address, and the file, line or folder that states it."""

    text: str
    origin: str
    line: int | None = None
    is_path: bool = False


def _member(entry: _Entry) -> Member:
    _check(entry)
    text = entry.text
    if not entry.is_path:
        path = os.path.join(os.path.dirname(entry.origin), os.path.expanduser(text))
        if _ADDRESS.match(text) is None or os.path.exists(path):
            text = path
        else:
            return _clone(entry)
    source = os.path.realpath(text)
    return _named(os.fsencode(source).decode(errors="replace"), source, is_clone=False)


def _check(entry: _Entry) -> None:
    """Raise FormatError for a text that cannot be a path or an address."""
    try:
        if b"\0" not in os.fsencode(entry.text):
            return
    except UnicodeEncodeError:
        pass
    raise FormatError("a path or an address has characters that no file name can have",
                      file=entry.origin, line=entry.line)  # fmt: skip


def _clone(entry: _Entry) -> Member:
    """Return the member of an address; a user name of HTTP, which may be a token, is left out."""
    address = entry.text
    m = _HTTP.fullmatch(address)
    if _PASSWORD.search(address) or (m and "?" in address):
        raise FormatError(
            "an address holds a password or a query, which would be stored",
            file=entry.origin,
            line=entry.line,
            field=repository_name(address),
            hint="Let git's credential helper or an SSH key provide it",
        )
    source = m["scheme"] + m["rest"] if m else address
    name = os.fsencode(repository_name(source) or source).decode(errors="replace")
    return _named(name, source, is_clone=True)


def _named(name: str, source: str, *, is_clone: bool) -> Member:
    digest = hashlib.sha256(os.fsencode(source)).hexdigest()[:_DIGITS]
    return Member(f"{safe_name(name)}-{digest}", name, source, is_clone)


def _listed(path: str) -> Iterator[_Entry]:
    """Yield the lines of a list, except empty lines and those that begin with `#`.

    Relative paths are relative to the folder of the list.
    """
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as f:
        for number, line in enumerate(f, 1):
            entry = line.strip()
            if entry and not entry.startswith("#"):
                yield _Entry(entry, path, number)


def _of_organization(path: str) -> Iterator[_Entry]:
    try:
        with open(path, encoding="utf-8") as f:
            document: Any = json.load(f)
        items = document if isinstance(document, list) else document["repositories"]
        if not isinstance(items, list):
            raise TypeError
        entries = [_address_of(item) for item in items]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FormatError(
            "is not a JSON list of repositories",
            file=path,
            hint=f"Each needs one of the fields {', '.join(_FIELDS)}",
        ) from None
    yield from (_Entry(entry, path) for entry in entries)


def _address_of(item: Any) -> str:
    """Return the address in an item of a hosting service; raise TypeError without one."""
    fields = item if isinstance(item, dict) else {"path": item}
    found = next((fields[field] for field in _FIELDS if fields.get(field)), None)
    if not isinstance(found, str):
        raise TypeError
    return found


def _found(folder: str) -> Iterator[str]:
    """Yield the repositories below a folder, and the folders that cannot be read.

    Folders inside of a repository or of a fleet run are left out.
    """
    if not os.path.isdir(folder):
        raise FormatError("is not a folder", file=folder)
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            with os.scandir(path) as entries:
                folders = {e.name: e.is_dir(follow_symlinks=False) for e in entries}
        except FileNotFoundError:  # it was deleted meanwhile
            continue
        except OSError:
            yield path
            continue
        if any(os.path.exists(os.path.join(path, name)) for name in _FOUND):
            yield path
        elif PLAN not in folders and not folders.keys() >= _BARE:
            names = sorted((name for name, is_folder in folders.items() if is_folder), reverse=True)
            waiting += [os.path.join(path, name) for name in names]
