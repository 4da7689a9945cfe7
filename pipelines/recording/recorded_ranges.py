"""Find the commits with which the newest sessions were recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from codec.errors import FormatError
from codec.manifest.facts import Fact, Revision
from codec.manifest.jsonl import decode_fact, identity_of
from codec.records import Session
from pipelines.workspace import pending
from pipelines.workspace.location import MANIFEST, Workspace

#: The bytes at the end of the manifest that are read, and the most facts that are used.
_END: Final = 1 << 18
_FACTS: Final = 64
_HAS_COMMITS: Final = re.compile(rb'"(?:range|commits_of)":')


class Recorded(NamedTuple):
    """A fact with commits.

    Attributes:
        identity: the identity of the session (`codec.manifest.jsonl.identity_of`).
        ranges: each is `BASE..HEAD`, or a commit.
        session: the fact; None for a revision.
    """

    identity: str
    ranges: tuple[str, ...]
    session: Session | None = None

    @property
    def ends(self) -> list[str]:
        """Return the last commit of each range."""
        return [commits.rpartition("..")[2] for commits in self.ranges]


def recorded_ranges(workspace: Workspace) -> list[Recorded]:
    """Return the newest facts with commits, the newest first."""
    found = []
    for line in reversed([*_newest_lines(workspace), *pending.read_lines(workspace)]):
        if _HAS_COMMITS.search(line) and (fact := _recorded(line)):
            found.append(fact)
            if len(found) == _FACTS:
                break
    return found


def _newest_lines(workspace: Workspace) -> list[bytes]:
    try:
        with open(workspace.path(MANIFEST), "rb") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(max(0, size - _END))
            return f.read().split(b"\n")
    except FileNotFoundError:
        return []


def _recorded(line: bytes) -> Recorded | None:
    try:
        return recorded_by(decode_fact(line.decode(errors="replace")))
    except FormatError:  # cut at the beginning, or reported by `verify`
        return None


def recorded_by(fact: Fact) -> Recorded | None:
    """Return the commits of a fact; None for a fact without commits."""
    if isinstance(fact, Session):
        ranges = fact.commits_of or ((fact.range,) if fact.range else ())
        return Recorded(identity_of(fact), ranges, fact) if ranges else None
    if isinstance(fact, Revision):
        ranges = tuple(_texts(fact))
        return Recorded(fact.of, ranges) if ranges else None
    return None


def _texts(revision: Revision) -> Iterator[str]:
    for name in ("range", "commits_of"):
        value = revision.changes.get(name)
        if value:
            yield from [value] if isinstance(value, str) else value
