"""Refresh the references: merge the last build, the current file and the current sources.

1. A user's edit wins. A value that differs from the last build was written by a user, and is
   never changed or removed; one that was built and is gone was removed by a user, and stays out
   until a user adds it again.
2. What was built and is still in the file follows the repository: it is changed, and removed
   when nothing states it any more.
3. What cannot be read now (a broken manifest, a log that is not stored here) is not unstated: what
   came from it stays as it is.
4. Several builds at once are a merge of branches: a value is a built one if any of them built it.
5. A file without any build was written by a person, and nothing is added to it: what it says of
   what is stated is taken as built, the rest is the person's, and what is stated and not in it
   counts as declined.
6. The order is the file's; a new value follows the value that precedes it in a fresh build.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from codec.manifest.facts import ReferencesBuilt
from codec.manifest.jsonl import fact_id
from codec.references.values import Value


class Standing(Enum):
    """The outcome for a value."""

    SAME = "same"
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    #: A person's own, or changed by a person.
    YOURS = "yours"
    #: Stated, and removed by a person.
    DECLINED = "declined"
    #: Its source cannot be read now.
    UNREAD = "unread"
    #: Stated, and left out for want of tokens.
    DROPPED = "dropped"


#: Changes after which the value is in the file.
KEPT: Final = frozenset(
    {Standing.SAME, Standing.ADDED, Standing.CHANGED, Standing.YOURS, Standing.UNREAD}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One value in the last build, in the sources and in the file; None if it is missing."""

    standing: Standing
    was: Value | None
    stated: Value | None
    value: Value | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refresh:
    """The outcome of a refresh.

    Attributes:
        changes: by name, in the order of the file, then those that are not in it.
        built: what the next merge goes by.
    """

    changes: Mapping[str, Change]
    built: ReferencesBuilt

    def values(self) -> dict[str, Value]:
        """Return the values that are in the file afterwards."""
        return {
            name: change.value
            for name, change in self.changes.items()
            if change.standing in KEPT and change.value is not None
        }

    def changed(self) -> dict[str, Change]:
        """Return the values that the merge changes, adds or removes."""
        return {name: c for name, c in self.changes.items() if c.was != c.value}

    def droppable(self, builds: Sequence[ReferencesBuilt]) -> list[str]:
        """Return the names of values that no user wrote or edited, and that may be left out."""
        return [
            name
            for name, c in self.changes.items()
            if c.standing is Standing.ADDED
            or (
                c.standing in (Standing.SAME, Standing.CHANGED)
                and any(b.values.get(name) == c.was for b in builds)
            )
        ]


def refresh(
    builds: Sequence[ReferencesBuilt],
    mine: Mapping[str, Value] | None,
    stated: Mapping[str, Value],
    sources: Mapping[str, tuple[str, ...]],
    *,
    unread: Collection[str] = (),
    dropped: Collection[str] = (),
) -> Refresh:
    """Merge the values that the sources state now into a file.

    Args:
        builds: the last builds; several after branches were merged, none if they are unknown.
        mine: the values of the file; None for a file that does not exist: all values are built.
        stated: the values that are stated now.
        sources: by name, the files that state each.
        unread: files that cannot be read now.
        dropped: names of stated values that there is no room for.
    """
    known, heads = mine or {}, builds
    is_a_persons = mine is not None and not builds
    if mine is None:
        builds = ()
    changes: dict[str, Change] = {}
    for name, value in known.items():
        changes[name] = _standing(name, value, stated.get(name), builds, unread, dropped)
    declined: dict[str, Change] = {}
    for name, value in stated.items():
        if name in known:
            continue
        if is_a_persons or any(name in b.values or name in b.declined for b in builds):
            declined[name] = _change(Standing.DECLINED, None, value, None)
        elif name in dropped:
            declined[name] = _change(Standing.DROPPED, None, value, None)
        else:
            changes[name] = _change(Standing.ADDED, None, value, value)
    refused = {name for name, c in declined.items() if c.standing is Standing.DECLINED}
    refused.update(name for b in builds for name in b.declined if name not in known)
    # What one branch removed because nothing states it there any more, no person removed.
    refused.update(n for n in _in_all(builds) if n not in known and n not in stated)
    built = _built(changes, heads, sources, frozenset(refused))
    return Refresh(changes={**_ordered(changes, known, stated), **declined}, built=built)


def _standing(
    name: str,
    value: Value,
    now: Value | None,
    builds: Sequence[ReferencesBuilt],
    unread: Collection[str],
    dropped: Collection[str],
) -> Change:
    """Return the change of a value that the file has."""
    makers = [b for b in builds if b.values.get(name) == value]
    if not makers and now != value:
        return _change(Standing.YOURS, value, now, value)
    if any(source in unread for b in makers for source in b.sources.get(name, ())):
        return _change(Standing.UNREAD, value, now, value)
    if now is None:
        return _change(Standing.REMOVED, value, None, None)
    if name in dropped:
        return _change(Standing.DROPPED, value, now, None)
    standing = Standing.SAME if now == value else Standing.CHANGED
    return _change(standing, value, now, now)


def _in_all(builds: Sequence[ReferencesBuilt]) -> set[str]:
    return set.intersection(*(set(b.values) for b in builds)) if builds else set()


def _built(
    changes: Mapping[str, Change],
    builds: Sequence[ReferencesBuilt],
    sources: Mapping[str, tuple[str, ...]],
    declined: frozenset[str],
) -> ReferencesBuilt:
    values: dict[str, Value] = {}
    origins: dict[str, tuple[str, ...]] = {}
    for name, change in changes.items():
        if change.standing is Standing.UNREAD and change.value is not None:
            values[name] = change.value
            origins[name] = next(
                b.sources[name] for b in builds if b.values.get(name) == change.was
            )
        elif change.stated is not None and change.standing is not Standing.DROPPED:
            values[name] = change.stated
            origins[name] = sources.get(name, ())
    after = tuple(sorted(fact_id(build) for build in builds))
    return ReferencesBuilt(after=after, values=values, sources=origins, declined=declined)


def _ordered(
    changes: Mapping[str, Change], known: Iterable[str], stated: Iterable[str]
) -> dict[str, Change]:
    """Return the file's order, each new value after its stated predecessor in its section."""
    order = [name for name in known if name in changes]
    previous: dict[str, str] = {}
    for name in stated:
        section = _section(name)
        if name not in order:
            before = previous.get(section)
            first = next((i for i, n in enumerate(order) if _section(n) == section), len(order))
            order.insert(order.index(before) + 1 if before else first, name)
        previous[section] = name
    return {name: changes[name] for name in order if name in changes}


def _section(name: str) -> str:
    return name.partition(".")[0]


def _change(
    standing: Standing, was: Value | None, stated: Value | None, value: Value | None
) -> Change:
    return Change(standing=standing, was=was, stated=stated, value=value)
