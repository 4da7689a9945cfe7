"""The rows of a v2 file made to say what the manifest says, each in its place.

1. A session has one row: its own, where it first stood. A row that says something else of it gives
   way to its own; a session without a row gets one at the end.
2. A row of a session that the manifest does not have stays, and so does what is no row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from codec.clashes import Settled
from codec.pieces import Format

#: What was done: the row of a clash got its new key, one that said something else gave way to the
#: session's own, one that was there twice went, one that was missing was added.
Kind = Literal["rekeyed", "corrected", "repeated", "missing"]


class Change(NamedTuple):
    """One thing that was done: what, about which session, and which piece counted from 0."""

    kind: Kind
    key: str
    place: int


def rebuild_rows(
    form: Format, pieces: Sequence[bytes], settled: Sequence[Settled]
) -> tuple[list[bytes], list[Change]]:
    """The pieces of a v2 file with the rows of these sessions put right, and what was done.

    Args:
        form: of the file.
        pieces: of the file.
        settled: the sessions, as they stand and as they are to stand, in the order in which
            missing rows are added.
    """
    wanted: dict[str, bytes] = {}
    claims: defaultdict[bytes, list[str]] = defaultdict(list)
    heirs: defaultdict[str, list[str]] = defaultdict(list)
    for session, becomes in settled:
        key = becomes.key
        if key not in wanted:
            wanted[key] = form.encode(becomes)
            claims[wanted[key]].append(key)
            heirs[key].append(key)
        if session.key != key:
            claims[form.encode(session)].append(key)
            heirs[session.key].append(key)
    placed = _place(pieces, claims)
    owners = {index: key for key, index in placed.items()}
    rebuilt: list[bytes] = []
    changes: list[Change] = []
    for index, piece in enumerate(pieces):
        owner = owners.get(index)
        about = owner or (claims[piece][0] if piece in claims else form.key_of(piece))
        if owner is None and about is not None and piece not in claims and about in heirs:
            owner = next((key for key in heirs[about] if key not in placed), None)
            if owner is not None:
                placed[owner] = index
        if owner is not None:
            rebuilt.append(wanted[owner])
            if wanted[owner] != piece:
                kind: Kind = "rekeyed" if piece in claims else "corrected"
                changes.append(Change(kind, owner, index))
        elif about is not None and about in heirs:
            changes.append(Change("repeated", about, index))
        else:
            rebuilt.append(piece)
    missing = [key for key in wanted if key not in placed]
    changes += [Change("missing", key, len(pieces)) for key in missing]
    return [*rebuilt, *(wanted[key] for key in missing)], changes


def _place(pieces: Sequence[bytes], claims: Mapping[bytes, Sequence[str]]) -> dict[str, int]:
    """By key, the first piece that is its session's row under its old key or its new one."""
    placed: dict[str, int] = {}
    for index, piece in enumerate(pieces):
        for key in claims.get(piece, ()):
            if key not in placed:
                placed[key] = index
                break
    return placed
