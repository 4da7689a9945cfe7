"""Read the newest deltas of a file, and sum up all older ones.

A context shows a few dozen sessions and sums up the rest. Decoding a million lines for one line of
sums takes many seconds, so older lines are counted as bytes:

1. `scan(data, n)` returns what decoding every line would give: equal lines count once, lines that
   are not deltas are left out, and the order is that of `deltas.in_order`, whatever the file's.
2. `extend(scanned, data)` is `scan` of the file with lines appended. It is None if the new lines
   alone do not decide, because one of them is not newer than all lines in the summary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import lt
from typing import Final

from codec.errors import FormatError
from codec.v2.delta_summary import STATUSES, Scanned, Summary, summary_of, united
from codec.v2.deltas import Delta, decode_delta, decode_deltas, in_order

_NUMBER: Final = rb"(?:0|[1-9][0-9]{0,14}+)"
_METRICS: Final = (
    rb"(?:L\+%(n)b(?:,-[1-9][0-9]{0,14}+)?+(?:,C:%(n)b)?+(?:,T:%(n)bmin)?+"
    rb"|C:%(n)b(?:,T:%(n)bmin)?+|T:%(n)bmin|-)"
) % {b"n": _NUMBER}
_WORD: Final = rb"[A-Za-z0-9_.+-]++"  # not \w, which takes 50 % longer
#: A run of lines that are certainly deltas; a line that does not match is decoded.
PLAIN_LINES: Final = re.compile(
    rb"(?:\d\d\d\d-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?+(?:\.[0-9a-f]{6,64}+)?+"
    rb" \| %b \| %b \| (?:PASS|FAIL|PARTIAL|UNKNOWN) \| %b\n)*+" % (_WORD, _WORD, _METRICS)
)
#: The status at the end of a line: an agent or a task may contain the same word.
_STATUS_ENDS: Final = tuple(
    re.compile(rb" \| %b \| [^|\n]*\n" % status.encode()) for status in STATUSES
)
_ADDED: Final = re.compile(rb" \| L\+([0-9]+)[,\n]")
_REMOVED: Final = re.compile(rb" \| L\+[0-9]+,-([0-9]+)[,\n]")


def scan(data: bytes, count: int) -> Scanned:
    """Return the newest deltas of complete lines, at most `count`, and the sums of the rest.

    Args:
        data: the lines; bytes that are not UTF-8 are read as U+FFFD.
        count: the number of deltas to decode, at least one.
    """
    others: dict[bytes, Delta] = {}
    m = PLAIN_LINES.match(data)
    if m is None or m.end() < len(data):
        data, others = _readable(data)
    lines = data.split(b"\n")[:-1]
    is_moved = not all(map(lt, lines, lines[1:]))
    if is_moved:
        # Keys as bytes have the same order as (time, key).
        lines = in_order(dict.fromkeys(lines), _key)
        data = b"".join(line + b"\n" for line in lines)
    tail, number = lines[-count:], max(0, len(lines) - count)
    old = lines[:number] if others else []
    ends = lines[0:1] + lines[number - 1 : number]
    # Sorted as bytes, the last line has the greatest key.
    summed = lines[:number] if is_moved else lines[max(0, number - 1) : number]
    summed_to = max(map(_key, summed), default="")
    lines.clear()  # frees memory, which finding the numbers needs as well
    newest = [others.get(line) or decode_delta(line.decode()) for line in tail]
    if old:
        return Scanned(newest, _mixed_summary(old, others), summed_to)
    before = _plain_summary(data[: len(data) - sum(map(len, tail)) - len(tail)], number, ends)
    return Scanned(newest, before, summed_to)


def extend(scanned: Scanned, data: bytes) -> Scanned | None:
    """Return the scan of a file after lines were appended; None if all of it must be scanned."""
    text = data.decode(errors="replace")
    deltas, _ = decode_deltas(enumerate(text.split("\n"), 1))
    known = set(scanned.newest)
    added = [d for d in deltas if d not in known]
    if any(d.key <= scanned.summed_to for d in added):
        return None
    return scanned._replace(newest=in_order((*scanned.newest, *added), lambda delta: delta.key))


def trimmed(scanned: Scanned, count: int) -> Scanned:
    """Return a scan with at most `count` of the newest deltas; all others are summed up."""
    return _folded(scanned, count) if len(scanned.newest) > count else scanned


def _folded(scanned: Scanned, count: int) -> Scanned:
    old, newest = scanned.newest[:-count], scanned.newest[-count:]
    keys = [scanned.summed_to, *(d.key for d in old)]
    return Scanned(newest, united(scanned.before, summary_of(old)), max(keys))


def _readable(data: bytes) -> tuple[bytes, dict[bytes, Delta]]:
    """Return the lines that are deltas, and the decoded deltas of unusual lines.

    Of lines with the same meaning, the first one is kept.
    """
    parts: list[bytes] = []
    others: dict[bytes, Delta] = {}
    seen: set[str] = set()
    at = 0
    while at < len(data) and (m := PLAIN_LINES.match(data, at)):
        parts.append(m[0])
        at = data.find(b"\n", m.end()) + 1 or len(data)
        line = data[m.end() : at].rstrip(b"\n")
        text = line.decode(errors="replace")
        try:
            if text and text not in seen:
                others[line] = decode_delta(text)
                seen.add(text)
                parts.append(line + b"\n")
        except FormatError:
            continue
    return b"".join(parts), others


def _mixed_summary(lines: Sequence[bytes], others: Mapping[bytes, Delta]) -> Summary | None:
    """Return a summary of sorted lines; only unusual lines are decoded."""
    plain = [line for line in lines if line not in others]
    data = b"".join(line + b"\n" for line in plain)
    rest = summary_of([others[line] for line in lines if line in others])
    return united(_plain_summary(data, len(plain), plain[:1] + plain[-1:]), rest)


def _plain_summary(data: bytes, number: int, ends: Sequence[bytes]) -> Summary | None:
    """Return a summary of usual lines by search; `ends` are the first and the last line."""
    if not number:
        return None
    added = _ADDED.findall(data)
    return Summary(
        sessions=number,
        first=ends[0][:10].decode(),
        last=ends[-1][:10].decode(),
        statuses=tuple(sum(1 for _ in end.finditer(data)) for end in _STATUS_ENDS),
        added=sum(map(int, added)) if added else None,
        removed=sum(map(int, _REMOVED.findall(data))) if added else None,
    )


def _key(line: bytes) -> str:
    return line.partition(b" ")[0].decode()
