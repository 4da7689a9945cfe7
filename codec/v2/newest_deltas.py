"""The newest deltas of a file, and a summary of all that are older.

A context shows a few dozen sessions and sums up the rest. To decode a million lines for one line of
sums takes many seconds, so older lines are counted as bytes:

1. `scan(data, n)` gives what decoding every line gives: equal lines count once, lines that are not
   deltas are left out, the newest are newest by key, whatever the order of the file.
2. `extend(scanned, data)` is `scan` of the file with more lines at its end. It is None if the new
   lines alone do not decide: one of them is not newer than all lines in the summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from operator import lt
from typing import Final

from codec.errors import FormatError
from codec.names import key_time
from codec.v2.delta_summary import STATUSES, Scanned, Summary, summary_of, united
from codec.v2.deltas import Delta, decode_delta, decode_deltas

_NUMBER: Final = rb"(?:0|[1-9][0-9]{0,14}+)"
_METRICS: Final = (
    rb"(?:L\+%(n)b(?:,-[1-9][0-9]{0,14}+)?+(?:,C:%(n)b)?+(?:,T:%(n)bmin)?+"
    rb"|C:%(n)b(?:,T:%(n)bmin)?+|T:%(n)bmin|-)"
) % {b"n": _NUMBER}
_WORD: Final = rb"[A-Za-z0-9_.+-]++"  # not \w, which takes half as long again
#: Lines that are deltas beyond doubt, as many as there are; one that does not fit is decoded.
PLAIN_LINES: Final = re.compile(
    rb"(?:\d\d\d\d-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?+(?:\.[0-9a-f]{6,64}+)?+"
    rb" \| %b \| %b \| (?:PASS|FAIL|PARTIAL|UNKNOWN) \| %b\n)*+" % (_WORD, _WORD, _METRICS)
)
#: The end of a line by its status: an agent or a task may be called by the same word.
_STATUS_ENDS: Final = tuple(
    re.compile(rb" \| %b \| [^|\n]*\n" % status.encode()) for status in STATUSES
)
_ADDED: Final = re.compile(rb" \| L\+([0-9]+)[,\n]")
_REMOVED: Final = re.compile(rb" \| L\+[0-9]+,-([0-9]+)[,\n]")


def scan(data: bytes, count: int) -> Scanned:
    """Return the newest deltas of complete lines, `count` at the most, and the sums of the rest.

    Args:
        data: the lines; a line that is not UTF-8 is read with U+FFFD.
        count: deltas to decode, at least one.
    """
    m = PLAIN_LINES.match(data)
    others: list[Delta] = []
    if m is None or m.end() < len(data):
        data, others = _without_others(data)
    lines = data.splitlines(keepends=True)
    if not all(map(lt, lines, lines[1:])):
        # Keys as bytes have the order of (time, key).
        lines = sorted(dict.fromkeys(lines), key=lambda line: line.partition(b" ")[0])
        data = b"".join(lines)
    tail, number = lines[-count:], max(0, len(lines) - count)
    ends = lines[0:1] + lines[number - 1 : number]
    lines.clear()  # many, and to find numbers takes memory as well
    before = _plain_summary(data[: len(data) - sum(map(len, tail))], number, ends)
    newest = _in_order((*others, *(decode_delta(line[:-1].decode()) for line in tail)))
    scanned = Scanned(newest, before, _key(ends[-1]) if before else "")
    # Plain or not, only the newest are shown.
    return _folded(scanned, count) if others else scanned


def extend(scanned: Scanned, data: bytes) -> Scanned | None:
    """Return what a file has with more complete lines at its end; None if it must be scanned."""
    text = data.decode(errors="replace")
    deltas, _ = decode_deltas(enumerate(text.split("\n"), 1))
    known = set(scanned.newest)
    added = [d for d in deltas if d not in known]
    if any(d.key <= scanned.summed_to for d in added):
        return None
    return scanned._replace(newest=_in_order((*scanned.newest, *added)))


def trimmed(scanned: Scanned, count: int) -> Scanned:
    """Return the same with `count` of the newest at the most; the others are summed up."""
    return _folded(scanned, count) if len(scanned.newest) > count else scanned


def _folded(scanned: Scanned, count: int) -> Scanned:
    old, newest = scanned.newest[:-count], scanned.newest[-count:]
    keys = [scanned.summed_to, *(d.key for d in old)]
    return Scanned(newest, united(scanned.before, summary_of(old)), max(keys))


def _in_order(deltas: Iterable[Delta]) -> list[Delta]:
    return sorted(deltas, key=lambda d: (key_time(d.key), d.key))


def _without_others(data: bytes) -> tuple[bytes, list[Delta]]:
    """Split lines into those that are plain, and the deltas of the others."""
    plain: list[bytes] = []
    others: dict[str, Delta] = {}
    at = 0
    while at < len(data) and (m := PLAIN_LINES.match(data, at)):
        plain.append(m[0])
        at = data.find(b"\n", m.end()) + 1 or len(data)
        line = data[m.end() : at].rstrip(b"\n").decode(errors="replace")
        try:
            if line and line not in others:
                others[line] = decode_delta(line)
        except FormatError:
            continue
    return b"".join(plain), list(others.values())


def _plain_summary(data: bytes, number: int, ends: Sequence[bytes]) -> Summary | None:
    """Sum up plain lines without decoding them: their number, and the first and last are known."""
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
