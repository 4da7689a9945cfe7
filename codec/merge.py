"""Three versions of a tracked file become one: by record, not by line.

1. What stands in either version stands in the result, once; ours first, in its order, then what
   theirs adds. So no merge has a conflict, and none loses a record.
2. A record that is gone from one version and stands in the other stays: nothing is lost without
   `purge`. Only a row that one version changed gives way to the changed one.
3. A line that cannot be read is kept, unless a version removed it on purpose: there was nothing in
   it that could be lost.
4. Sessions that two clones gave the same key get keys of their own (`clashes`), in every file the
   same. A row does not tell which session it is of: for that both manifests are needed. Without
   them both rows stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from codec.clashes import Settled, rekeyed_facts, settle_merge
from codec.pieces import FACTS, Format
from codec.rebuild import rebuild_rows

_BLANK = b"\n"


def merge_manifests(ancestor: bytes, ours: bytes, theirs: bytes) -> bytes:
    """The manifest that two versions become."""
    pieces = _united(FACTS, ancestor, ours, theirs, may_replace=False)
    return b"".join(rekeyed_facts(pieces, settle_merge(ours, theirs)))


def merge_rows(
    form: Format, ancestor: bytes, ours: bytes, theirs: bytes, settled: Sequence[Settled] = ()
) -> bytes:
    """The v2 file that two versions become.

    Args:
        form: of the file.
        ancestor, ours, theirs: its versions.
        settled: what becomes of the sessions with one key, by both manifests.
    """
    pieces = _united(form, ancestor, ours, theirs, may_replace=True)
    return b"".join(rebuild_rows(form, pieces, settled)[0] if settled else pieces)


def may_clash(form: Format, ancestor: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether both versions brought a row of one key, which may be of two sessions."""
    before, mine, yours = (set(form.split(v)) for v in (ancestor, ours, theirs))
    if any(form.key_of(piece) for piece in (mine & yours) - before):
        return True
    return not _keys(form, mine - yours).isdisjoint(_keys(form, yours - mine))


def _united(
    form: Format, ancestor: bytes, ours: bytes, theirs: bytes, *, may_replace: bool
) -> list[bytes]:
    """The pieces of both versions, ours first.

    Args:
        form: of the file.
        ancestor, ours, theirs: its versions.
        may_replace: a record goes where the other version has another of its key in its place.
    """
    before, mine, yours = (form.split(v) for v in (ancestor, ours, theirs))
    old, in_ours, in_theirs = set(before), set(mine), set(yours)
    head = form.split(form.head)
    gone = _gone(form, (old & in_ours) - in_theirs, in_theirs, may_replace=may_replace)
    gone |= _gone(form, (old & in_theirs) - in_ours, in_ours, may_replace=may_replace)
    gone -= {_BLANK, *head}
    united = [piece for piece in mine if piece not in gone]
    united += [p for p in yours if p not in in_ours and p not in gone and p != _BLANK]
    if head and head[0] in in_theirs and head[0] not in in_ours:
        united = [*head, *(piece for piece in united if piece != head[0])]
    return list(_once(form, united))


def _gone(
    form: Format, removed: set[bytes], others: set[bytes], *, may_replace: bool
) -> set[bytes]:
    """Of the pieces that one version removed those that are to go: see the rules above."""
    records = {piece: form.read(piece) for piece in removed}
    unread = {piece for piece, record in records.items() if record is None}
    if len(unread) == len(removed) or not may_replace:
        return unread
    keys = _keys(form, others)
    return unread | {p for p in removed - unread if getattr(records[p], "key", None) in keys}


def _keys(form: Format, pieces: set[bytes]) -> set[str]:
    return {key for piece in pieces if (key := form.key_of(piece))}


def _once(form: Format, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each record once; lines of text may be equal."""
    seen: set[bytes] = set()
    for piece in pieces:
        if piece not in seen or form.read(piece) is None:
            seen.add(piece)
            yield piece
