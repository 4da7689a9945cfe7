"""Repair a tracked file: each problem is reported with its line; unknown content stays.

1. The manifest is authoritative: each session has one row in each v2 file, which agrees with the
   manifest. A file that was lost is rebuilt.
2. Only these are removed: repeated lines, conflict markers, fragments of rows and entries that are
   complete elsewhere (git's union merge leaves them), and content that no reader can read, which
   the caller keeps beside the file. Rows of sessions that are not in the manifest and text between
   entries stay.
3. A fact of the manifest is removed only if it is repeated; possible remains of a fact stay. Facts
   that were joined into one line are split again.
4. A second repair changes nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from codec.errors import CodecError
from codec.kinds import Key
from codec.manifest.fact_lines import erased_digests, format_first, read_fact, split_lines
from codec.manifest.facts import Fact, Revision
from codec.manifest.jsonl import fact_digest
from codec.merge.key_conflicts import (
    Settled,
    moved_keys,
    name_in,
    other_versions,
    rekeyed_facts,
    settle,
)
from codec.merge.rows import rebuild_rows, sort_rows
from codec.merge.tracked_formats import FACTS, REFERENCES, Format, Numbered, kept_pieces, row_digest
from codec.records import Session

#: Kinds of problems: of the whole file, of a line, and of a row (`rebuild`).
Code = Literal[
    "byte-order-mark", "line-ends", "missing-header",
    "conflict-mark", "torn-line", "run-together", "fragment", "repeated-line",
    "key-clash", "row-differs", "second-row", "missing-row",
    "broken-fact", "broken-line", "erased-text", "out-of-order",
]  # fmt: skip


class Repair(NamedTuple):
    """One repair.

    Attributes:
        code: the kind of the problem.
        line: counted from 1; 0 if unknown.
        key: the key of the session that it is about.
        problem: why a line cannot be read.
    """

    code: Code
    line: int = 0
    key: Key | None = None
    problem: str = ""


class Repaired(NamedTuple):
    """The new content of a file and the problems found; content is None for a valid file."""

    data: bytes
    repairs: list[Repair]


_BOM: Final = re.compile(rb"(?:\xef\xbb\xbf)+")
_BLANK: Final = b"\n"
_BEGIN: Final = re.compile(rb"<<<<<<<(?: .*)?\n")
_BETWEEN: Final = re.compile(rb"(?:\|\|\|\|\|\|\|(?: .*)?|=======)\n")
_END: Final = re.compile(rb">>>>>>>(?: .*)?\n")
_PART: Final = re.compile(rb"### \[REF:|(?:Status|Metrics|Diff|Notes): ")
_FACT: Final = re.compile(rb'\{"fact":')


def repair_manifest(data: bytes) -> tuple[Repaired, list[Settled]]:
    """Return the repaired manifest, and the current session of each fact that differs from it."""
    repairs: list[Repair] = []
    lines = list(_apart(_cleaned(data, repairs), FACTS, _FACT, repairs))
    facts = {line: fact for _, line in lines if (fact := read_fact(line)) is not None}
    erased = erased_digests(facts.values())
    gone = {line for line, fact in facts.items() if fact_digest(fact) in erased} if erased else ()
    stay = [fact for line, fact in facts.items() if line not in gone]
    sessions = [fact for fact in stay if isinstance(fact, Session)]
    settled = settle(sessions, [fact for fact in stay if isinstance(fact, Revision)])
    moved = moved_keys(settled)
    moving = [s for s in sessions if name_in(s) in moved] if moved else []
    # A fragment of a repaired line is removed as well, or the next repair would find it.
    fragments = _Fragments(
        lambda: (*facts, *(FACTS.encode(s._replace(key=moved[name_in(s)])) for s in moving))
    )
    seen: set[bytes] = set()
    kept: list[Numbered] = []
    for number, line in lines:
        if line in gone:
            repairs.append(Repair("erased-text", number))
        elif line in seen:
            repairs.append(Repair("repeated-line", number))
        elif line not in facts and fragments.has(line):
            repairs.append(Repair("fragment", number))
        elif line not in facts and line != _BLANK and not _FACT.match(line):
            repairs.append(_unreadable("broken-fact", FACTS, number, line))
        else:
            kept.append((number, line))
            seen.update([line] if line in facts else [])
    repairs += _key_repairs(kept, facts, moved)
    pieces = format_first(rekeyed_facts([line for _, line in kept], settled))
    concerned = {session.key for session, _ in settled}
    settled += [Settled(session, session) for session in sessions if session.key not in concerned]
    settled += list(other_versions(facts.values(), [facts[line] for line in gone], settled))
    settled.sort(key=lambda s: (s.becomes.time, s.becomes.key))
    return _repaired(data, pieces, repairs), settled


def _key_repairs(
    kept: Iterable[Numbered], facts: Mapping[bytes, Fact], moved: Mapping[tuple[str, str], Key]
) -> Iterator[Repair]:
    """Yield a repair for each line whose session gets another key."""
    for number, line in kept if moved else ():
        fact = facts.get(line)
        key = moved.get(name_in(fact)) if isinstance(fact, Session) else None
        if key:
            yield Repair("key-clash", number, key)


def repair_rows(
    form: Format,
    data: bytes,
    settled: Sequence[Settled],
    kept_rows: frozenset[str] = frozenset(),
    keys_in_order: Sequence[Key] = (),
) -> Repaired:
    """Return a repaired v2 file.

    Args:
        form: the format of the file.
        data: its content.
        settled: all sessions of the manifest, as `repair_manifest` returns them.
        kept_rows: digests of the rows that belong to the user (`merge.tracked_formats.row_digest`).
        keys_in_order: the keys of all sessions, in the order of their rows.
    """
    if not data and not settled:
        return Repaired(data, [])
    repairs: list[Repair] = []
    keys = {becomes.key for _, becomes in settled}  # conflicting sessions have different keys here
    lines = _cleaned(data, repairs, _kept_lines(form, data, kept_rows))
    pieces: Iterable[Numbered] = list(form.gather(lines))
    fixed = kept_pieces((piece for _, piece in pieces), kept_rows)
    if form is REFERENCES:
        pieces = _without_text(pieces, keys, fixed)
    else:
        pieces = _apart(pieces, form, form.names, repairs, fixed)
    fragments = _Fragments(
        lambda: (x for pair in settled for s in pair for x in split_lines(form.encode(s))),
        _PART if form is REFERENCES else None,
    )
    kept: list[Numbered] = []
    once: set[bytes] = set(form.split(form.head)) - {_BLANK}
    seen: set[bytes] = set()
    for number, piece in pieces:
        key = form.named_key(piece)
        if piece in fixed:
            kept.append((number, piece))
        elif piece in seen and (piece in once or (key and key not in keys)):
            repairs.append(Repair("repeated-line", number))
        elif key is None and piece not in once and fragments.has(piece):
            repairs.append(Repair("fragment", number))
        elif key not in keys and piece not in once and _is_broken(form, piece):
            repairs.append(_unreadable("broken-line", form, number, piece))
        else:
            kept.append((number, piece))
            seen.add(piece)
    kept = _headed(form, kept, repairs, fixed)
    stay = [piece for _, piece in kept]
    rebuilt, changes = rebuild_rows(form, stay, settled, broken=True, fixed=fixed)
    numbers = [*(number for number, _ in kept), 0]
    repairs += [Repair(kind, numbers[place], key) for kind, key, place in changes]
    ordered = sort_rows(form, rebuilt, keys_in_order, kept_rows)
    if ordered != rebuilt and not repairs:
        repairs.append(Repair("out-of-order"))
    return _repaired(data, ordered, repairs)


def _is_broken(form: Format, piece: bytes) -> bool:
    """Return True if a piece should be a record but cannot be decoded as one."""
    return piece != _BLANK and not form.is_text(piece) and form.read(piece) is None


def _unreadable(code: Code, form: Format, number: int, piece: bytes) -> Repair:
    """Return a repair that names a piece that cannot be read: its line and the reason."""
    try:
        form.decode(piece)
    except CodecError as e:
        reason = f"{e.field}: {e.problem}" if e.field else e.problem
        return Repair(code, number + (e.line or 1) - 1, problem=reason)
    raise AssertionError("the piece can be read")


def _repaired(data: bytes, pieces: Iterable[bytes], repairs: list[Repair]) -> Repaired:
    if data and not data.endswith(b"\n"):
        repairs.append(Repair("torn-line", data.count(b"\n") + 1))
    repairs.sort(key=lambda r: (not r.line, r.line))
    return Repaired(b"".join(pieces) if repairs else data, repairs)


def _kept_lines(form: Format, data: bytes, kept_rows: frozenset[str]) -> frozenset[int]:
    """Return the numbers of the lines whose rows belong to the user."""
    if not kept_rows:
        return frozenset()
    return frozenset(
        number
        for first, piece in form.gather([*enumerate(split_lines(data), 1)])
        if row_digest(piece) in kept_rows
        for number in range(first, first + piece.rstrip(b"\n").count(b"\n") + 1)
    )


def _cleaned(
    data: bytes, repairs: list[Repair], fixed: Container[int] = frozenset()
) -> list[Numbered]:
    """Return the lines of a file without conflict markers, byte order marks and the like.

    Args:
        data: the file.
        repairs: the list to which removals are added.
        fixed: the numbers of lines that stay as they are.
    """
    marks = _BOM.match(data)
    if marks and 1 not in fixed:
        repairs.append(Repair("byte-order-mark", 1))
        data = data[marks.end() :]
    lines: list[Numbered] = []
    in_conflict = has_other_ends = False
    for number, raw in enumerate(split_lines(data), 1):
        if number in fixed:
            lines.append((number, raw))
            continue
        line = raw
        if raw.endswith(b"\r\n"):
            if not has_other_ends:
                repairs.append(Repair("line-ends", number))
            has_other_ends = True
            line = raw.rstrip(b"\r\n") + b"\n"
        over = in_conflict and _END.fullmatch(line)
        if over or _BEGIN.fullmatch(line) or (in_conflict and _BETWEEN.fullmatch(line)):
            in_conflict = not over
            repairs.append(Repair("conflict-mark", number))
        else:
            lines.append((number, line))
    return lines


def _apart(
    lines: Iterable[Numbered],
    form: Format,
    begins: re.Pattern[bytes],
    repairs: list[Repair],
    fixed: Container[bytes] = frozenset(),
) -> Iterator[Numbered]:
    """Yield the lines; a broken line that consists of several joined lines is split."""
    for number, line in lines:
        if line in fixed:
            yield number, line
            continue
        cuts = [0, *(m.start() for m in begins.finditer(line) if m.start()), len(line)]
        parts = [line[a:b].rstrip(b"\n") + b"\n" for a, b in pairwise(cuts)]
        if len(parts) > 1 and form.read(line) is None and any(map(form.read, parts)):
            repairs.append(Repair("run-together", number))
            yield from ((number, part) for part in parts)
        else:
            yield number, line


def _without_text(
    pieces: Iterable[Numbered], keys: Container[str | None], fixed: Container[bytes]
) -> Iterator[Numbered]:
    """Yield the pieces; lines that do not belong to a broken entry follow it as pieces.

    Args:
        pieces: the pieces of the file.
        keys: the keys of sessions whose entries can be rebuilt.
        fixed: the pieces that belong to the user.
    """
    for number, piece in pieces:
        if piece in fixed:
            yield number, piece
        elif REFERENCES.named_key(piece) in keys and REFERENCES.read(piece) is None:
            lines = split_lines(piece)[:-1]
            parts = [line for line in lines if _PART.match(line)]
            yield number, b"".join((*parts, _BLANK))
            yield from ((number, line) for line in lines if not _PART.match(line))
        else:
            yield number, piece


def _headed(
    form: Format, kept: list[Numbered], repairs: list[Repair], fixed: Container[bytes]
) -> list[Numbered]:
    """Return the pieces after the file's head; a title or header that the user wrote is kept."""
    head = form.split(form.head)
    first = kept[0][1] if kept else None
    if not head or (first and (form is REFERENCES or first == head[0] or first in fixed)):
        return kept
    repairs.append(Repair("missing-header"))
    return [*((0, piece) for piece in head), *(p for p in kept if p[1] != head[0])]


class _Fragments:
    """Recognize fragments of lines that are complete elsewhere.

    Args:
        whole: returns the complete lines; called only if needed.
        part: the beginning that a fragment must have; empty for any line.
    """

    def __init__(
        self, whole: Callable[[], Iterable[bytes]], part: re.Pattern[bytes] | None = None
    ) -> None:
        self._whole = whole
        self._part = part

    @cached_property
    def _sorted(self) -> list[bytes]:
        return sorted({line.rstrip(b"\n") for line in self._whole()})

    def has(self, piece: bytes) -> bool:
        """Return True if each line of a piece is the beginning of a complete line."""
        # After a crash, file systems can leave zeros in a block that was never written.
        if not piece.strip(b"\0\n"):
            return b"\0" in piece
        if self._part and not self._part.match(piece):
            return False
        return all(self._begins(line.rstrip(b"\0\n")) for line in split_lines(piece))

    def _begins(self, text: bytes) -> bool:
        at = bisect_left(self._sorted, text)
        return at < len(self._sorted) and self._sorted[at].startswith(text)
