"""Refresh the references: merge the last build, the current file and the current sources.

1. A user's edit wins. A value that differs from the last build was written by a user, and is
   never changed or removed. A built value that is missing was removed by a user, and stays out
   until a user adds it again.
2. A built value that is still in the file follows the repository: it is changed, and removed
   when no file states it any more.
3. A source that cannot be read now (a broken manifest, a log that is not stored here) still counts:
   values from it stay as they are.
4. Several builds come from a merge of branches: a value counts as built if any of them built it.
5. A file without any build was written by a user, and nothing is added to it: its values that the
   repository also states count as built, its other values are the user's, and stated values that it
   does not have count as declined.
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
    #: Written or changed by a user.
    YOURS = "yours"
    #: Stated, but removed by a user.
    DECLINED = "declined"
    #: From a source that cannot be read now.
    UNREAD = "unread"
    #: Stated, but left out because of the token budget.
    DROPPED = "dropped"


#: The outcomes after which the value is in the file.
KEPT: Final = frozenset(
    {Standing.SAME, Standing.ADDED, Standing.CHANGED, Standing.YOURS, Standing.UNREAD}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One value in the last build, in the sources and in the file; None where it is missing."""

    standing: Standing
    was: Value | None
    stated: Value | None
    value: Value | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refresh:
    """The outcome of a refresh.

    Attributes:
        changes: the changes by name, in the order of the file, then those that are not in it.
        built: the build that the next merge starts from.
    """

    changes: Mapping[str, Change]
    built: ReferencesBuilt

    def values(self) -> dict[str, Value]:
        """Return the values of the file after the refresh."""
        return {
            name: change.value
            for name, change in self.changes.items()
            if change.standing in KEPT and change.value is not None
        }

    def changed(self) -> dict[str, Change]:
        """Return the changes that add, change or remove a value."""
        return {name: c for name, c in self.changes.items() if c.was != c.value}

    def droppable(self, builds: Sequence[ReferencesBuilt]) -> list[str]:
        """Return the names of values that may be left out: those that no user wrote or edited."""
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
    """Return the outcome of merging the values that the sources state now into a file.

    Args:
        builds: the last builds; several after branches were merged, none if they are unknown.
        mine: the values of the file; None if it does not exist: all values are then built.
        stated: the values that are stated now.
        sources: the files that state each value, by name.
        unread: files that cannot be read now.
        dropped: names of stated values that the budget leaves out.
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
    # One branch removed these because nothing states them there any more; no user did.
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
    """Return the outcome for a value that the file has."""
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
    """Return the changes in file order; a new value follows the value stated before it."""
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
