"""Update the rows of a v2 file to match the manifest, each in its place.

1. A session has one row, at the place of its first one. A row that differs from the manifest is
   replaced; a session without a row gets one at the end.
2. A row of a session that is not in the manifest stays, and so does text that is not a row.
3. A row that belongs to the user stays, whatever its key. It counts as the row of a session only
   if it agrees with the manifest exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from typing import Literal, NamedTuple

from codec.kinds import Key
from codec.merge.key_conflicts import Settled
from codec.merge.tracked_formats import Format, row_digest

#: Problems of a row, in order: it has the key of another session, it differs from the manifest, it
#: is repeated, its session has another row, it is missing.
Kind = Literal["key-clash", "row-differs", "repeated-line", "second-row", "missing-row"]


class Change(NamedTuple):
    """A repair: its kind, the key, and the number of the piece, counted from 0."""

    kind: Kind
    key: Key
    place: int


def rebuild_rows(
    form: Format,
    pieces: Sequence[bytes],
    settled: Sequence[Settled],
    *,
    broken: bool = False,
    fixed: Container[bytes] = (),
) -> tuple[list[bytes], list[Change]]:
    """Return the pieces of a v2 file with the rows of sessions repaired, and the repairs.

    Args:
        form: the format of the file.
        pieces: the pieces of the file.
        settled: the sessions, each as a fact states it and as it is now, in the order in which
            missing rows are added.
        broken: also replace rows that cannot be read but name a session.
        fixed: the pieces that belong to the user, which stay.
    """
    wanted, claims, heirs = _index(form, settled)
    placed = _place(pieces, claims, wanted, fixed)
    owners = {index: key for key, index in placed.items()}
    rebuilt: list[bytes] = []
    changes: list[Change] = []
    for index, piece in enumerate(pieces):
        if piece in fixed:
            rebuilt.append(piece)
            continue
        known = piece in claims
        subject = claims[piece][0] if known else form.named_key(piece)
        if subject is None or subject not in heirs or not (known or broken or form.read(piece)):
            rebuilt.append(piece)
            continue
        owner = owners.get(index)
        if not known:
            owner = next((heir for heir in heirs[subject] if heir not in placed), None)
        if owner is None:
            again = known and piece == wanted.get(subject)
            changes.append(Change("repeated-line" if again else "second-row", subject, index))
            continue
        placed[owner] = index
        rebuilt.append(wanted[owner])
        if wanted[owner] != piece:
            other = known and form.named_key(piece) != owner
            changes.append(Change("key-clash" if other else "row-differs", owner, index))
    missing = [key for key in wanted if key not in placed]
    changes += [Change("missing-row", key, len(pieces)) for key in missing]
    return [*rebuilt, *(wanted[key] for key in missing)], changes


def sort_rows(
    form: Format, pieces: Sequence[bytes], keys: Sequence[Key], kept: Collection[str] = ()
) -> list[bytes]:
    """Return the pieces of a v2 file with its rows sorted; all other pieces stay in place.

    Args:
        form: the format of the file.
        pieces: the pieces of the file.
        keys: the keys of all sessions, in order.
        kept: digests of the rows that belong to the user (`row_digest`).
    """
    ranks: dict[Key | None, int] = {key: rank for rank, key in enumerate(keys)}
    places: list[tuple[int, int]] = []
    for place, piece in enumerate(pieces):
        rank = ranks.get(form.named_key(piece))
        if rank is not None and not (kept and row_digest(piece) in kept):
            places.append((rank, place))
    result = list(pieces)
    for (_, place), (_, source) in zip(places, sorted(places), strict=True):
        result[place] = pieces[source]
    return result


def _index(
    form: Format, settled: Sequence[Settled]
) -> tuple[dict[Key, bytes], Mapping[bytes, list[Key]], Mapping[Key, list[Key]]]:
    """Return the row of each key, the keys of each row (former rows included), and the new keys."""
    wanted: dict[Key, bytes] = {}
    claims: defaultdict[bytes, list[Key]] = defaultdict(list)
    heirs: defaultdict[Key, list[Key]] = defaultdict(list)
    for session, becomes in settled:
        key = becomes.key
        if key not in wanted:
            wanted[key] = form.encode(becomes)
            claims[wanted[key]].append(key)
            heirs[key].append(key)
        if session == becomes:
            continue
        for row in {form.encode(session), form.encode(becomes._replace(key=session.key))}:
            if row != wanted[key]:
                claims[row].append(key)
        if session.key != key:
            heirs[session.key].append(key)
    return wanted, claims, heirs


def _place(
    pieces: Sequence[bytes],
    claims: Mapping[bytes, Sequence[Key]],
    wanted: Mapping[Key, bytes],
    fixed: Container[bytes],
) -> dict[Key, int]:
    """Return the first row of each session, under its old or new key, by key."""
    placed: dict[Key, int] = {}
    for index, piece in enumerate(pieces):
        for key in claims.get(piece, ()):
            if key not in placed and (piece == wanted[key] or piece not in fixed):
                placed[key] = index
                break
    return placed
