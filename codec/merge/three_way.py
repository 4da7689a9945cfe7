"""Merge three versions of a tracked file record by record, not line by line.

1. A record of either version is in the result, once: first the records of ours, in their order,
   then those that theirs adds; rows of sessions are sorted by both manifests. So a merge has no
   conflicts and loses no record.
2. A record that only one version removed stays, because only `purge` removes records. A row that
   one version changed replaces the unchanged one.
3. A line that cannot be read is kept, unless one version removed it: removing it loses no record.
4. Sessions to which two clones gave the same key get different keys, and a session that two clones
   read or revised differently has one row (`merge.key_conflicts`), the same in every file. Rows do
   not identify their session, so both manifests are needed. Without them, both rows stay.
5. Rows that belong to the user (fact `kept`) stay in place, repetitions included.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from codec.kinds import Key
from codec.manifest.erased import erased_in, without_erased
from codec.manifest.fact_lines import format_first, split_lines
from codec.merge.key_conflicts import Settled, rekeyed_facts, settle_merge
from codec.merge.rows import rebuild_rows, sort_rows
from codec.merge.tracked_formats import FACTS, Format, kept_pieces

_BLANK = b"\n"


def merge_manifests(ancestor: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Merge two versions of the manifest."""
    versions = (split_lines(version) for version in (ancestor, ours, theirs))
    pieces = _united(FACTS, *versions, may_replace=False)
    pieces = without_erased(pieces, erased_in(ours, theirs))
    return b"".join(format_first(rekeyed_facts(pieces, settle_merge(ours, theirs))))


def merge_rows(
    form: Format,
    ancestor: bytes,
    ours: bytes,
    theirs: bytes,
    settle: Callable[[], Sequence[Settled]] = tuple,
    kept: Callable[[], frozenset[str]] = frozenset,
    order: Callable[[], Sequence[Key]] = tuple,
) -> bytes:
    """Merge two versions of a v2 file.

    Args:
        form: the format of the file.
        ancestor, ours, theirs: the three versions.
        settle: returns the sessions of both manifests with their facts; called only if both
            versions changed the file.
        kept: returns the digests of the rows that belong to the user; called in the same case.
        order: returns the keys of the sessions of both manifests, in the order of their rows;
            called in the same case.
    """
    before, mine, yours = (form.split(version) for version in (ancestor, ours, theirs))
    both = ancestor not in (ours, theirs)
    settled = settle() if both else ()
    kept_rows = kept() if both else frozenset()
    fixed = kept_pieces((*mine, *yours), kept_rows)
    pieces = _united(form, before, mine, yours, may_replace=True, fixed=fixed)
    if settled:
        pieces, _ = rebuild_rows(form, pieces, settled, fixed=fixed)
    return b"".join(sort_rows(form, pieces, order() if both else (), kept_rows))


def _united(
    form: Format,
    before: Sequence[bytes],
    mine: Sequence[bytes],
    yours: Sequence[bytes],
    *,
    may_replace: bool,
    fixed: Container[bytes] = frozenset(),
) -> list[bytes]:
    """Return the pieces of both versions, with the pieces of our version first.

    Args:
        form: the format of the file.
        before, mine, yours: the pieces of the versions.
        may_replace: drop a record if the other version has a changed one with its key.
        fixed: the pieces that belong to the user.
    """
    old, in_ours, in_theirs = set(before), set(mine), set(yours)
    head = form.split(form.head)
    gone = _gone(form, (old & in_ours) - in_theirs, in_theirs, may_replace=may_replace)
    gone |= _gone(form, (old & in_theirs) - in_ours, in_ours, may_replace=may_replace)
    gone -= {_BLANK, *head}
    united = [piece for piece in mine if piece not in gone]
    united += [p for p in yours if p not in in_ours and p not in gone and p != _BLANK]
    if head and head[0] in in_theirs and head[0] not in in_ours:
        united = [*head, *(piece for piece in united if piece != head[0])]
    return list(_once(form, united, fixed))


def _gone(
    form: Format, removed: set[bytes], others: set[bytes], *, may_replace: bool
) -> set[bytes]:
    """Return the removed pieces that the result drops as well, by the rules above."""
    records = {piece: form.read(piece) for piece in removed}
    unread = {piece for piece, record in records.items() if record is None}
    if len(unread) == len(removed) or not may_replace:
        return unread
    keys = _keys(form, others)
    return unread | {p for p in removed - unread if getattr(records[p], "key", None) in keys}


def _keys(form: Format, pieces: set[bytes]) -> set[Key]:
    return {key for piece in pieces if (key := form.key_of(piece))}


def _once(form: Format, pieces: Iterable[bytes], fixed: Container[bytes]) -> Iterator[bytes]:
    """Yield each record once; text and user-owned rows may repeat."""
    seen: set[bytes] = set()
    for piece in pieces:
        if piece not in seen or piece in fixed or form.read(piece) is None:
            seen.add(piece)
            yield piece
