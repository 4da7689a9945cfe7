r"""Read which files and lines a patch changes.

1. Any bytes are accepted: a model may have written the patch in a log.
2. A line that begins with `diff --git` begins a file. So does `--- a` followed by `+++ b` and a
   hunk, unless the counts of the hunk before it say that both lines belong to that hunk.
3. Names are as git writes them: without `a/` and `b/`, quoted ones decoded. A file that is created
   or deleted has one name for both sides.
4. Line numbers follow the hunk headers. Headers of hand-written patches are often wrong, so the
   marks of the lines, not the counts, decide what is added and removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_GIT: Final = b"diff --git "
_HUNK: Final = re.compile(
    rb"@@ -(?P<old>\d{1,9})(?:,(?P<olds>\d{1,9}))? \+(?P<new>\d{1,9})(?:,(?P<news>\d{1,9}))? @@"
)
_INDEX: Final = re.compile(rb"index (?P<old>[0-9a-f]{7,64})\.\.(?P<new>[0-9a-f]{7,64})")
_NAMED: Final = (b"rename from ", b"copy from ", b"rename to ", b"copy to ")
_PAIR: Final = re.compile(rb"(?P<name>a/(?P<path>.+) b/(?P=path))\r?")
_QUOTED_PAIR: Final = re.compile(rb'("?)a/.*\1 (?P<new>"b/(?:[^"\\]|\\.)*"|b/\S.*)\r?')
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)", re.S)
_ESCAPES: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f",
                   b"v": b"\v"}  # fmt: skip
_NULL: Final = b"/dev/null"
_MARKS: Final = frozenset(b"+- \\")


class Line(NamedTuple):
    """A changed line.

    Attributes:
        mark: `+` or `-`.
        number: the line number, from 1: in the new file if added, in the old file if removed.
        text: the line without its mark and line end.
    """

    mark: str
    number: int
    text: bytes


class FileChange(NamedTuple):
    """The change that a patch makes to one file.

    Attributes:
        old, new: the names of the file before and after.
        old_blob, new_blob: object ids that the patch states, possibly shortened; else empty.
        lines: the added and removed lines, in order.
        span: the numbers of the patch's own lines about this file, from 0.
    """

    old: str
    new: str
    old_blob: str
    new_blob: str
    lines: tuple[Line, ...]
    span: range


class _Section:
    """The file that is being read, and the line of the patch at which it begins."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.old = self.new = b""
        self.blobs = (b"", b"")
        self.lines: list[Line] = []
        self.is_in_hunk = False
        self.number = {b"+": 0, b"-": 0}
        self.left = {b"+": 0, b"-": 0}

    def change(self, end: int) -> FileChange | None:
        """Return the change that ends at a line of the patch; None if it does not name a file."""
        old, new = self.old or self.new, self.new or self.old
        if not old:
            return None
        old_blob, new_blob = (blob.decode() for blob in self.blobs)
        was, now = (name.decode(errors="replace") for name in (old, new))
        span = range(self.start, end)
        return FileChange(was, now, old_blob, new_blob, tuple(self.lines), span)

    def begin_hunk(self, m: re.Match[bytes]) -> None:
        self.is_in_hunk = True
        self.number = {b"-": int(m["old"]), b"+": int(m["new"])}
        self.left = {b"-": int(m["olds"] or 1), b"+": int(m["news"] or 1)}

    def add(self, line: bytes) -> None:
        """Read a line of a hunk; a line without a mark ends the hunk, unless it is empty."""
        mark = line[:1] or b" "
        if mark[0] not in _MARKS and line != b"\r":
            self.is_in_hunk = False
        elif mark in self.number:
            self.lines.append(Line(mark.decode(), self.number[mark], line[1:]))
        if mark != b"\\":
            for side in self.number if mark not in self.number else (mark,):
                self.number[side] += 1
                self.left[side] -= 1


def changes_of(patch: bytes) -> Iterator[FileChange]:
    """Yield the files that a patch changes, in order."""
    section = _Section(0)
    lines = patch.split(b"\n")
    for at, line in enumerate(lines):
        if line.startswith(_GIT):
            yield from filter(None, [section.change(at)])
            section = _Section(at)
            section.old, section.new = _pair(line.removeprefix(_GIT))
            continue
        m = _HUNK.match(line)
        if m is not None and (section.old or section.new):
            section.begin_hunk(m)
        elif _is_header(lines, at, section):
            if section.is_in_hunk or section.lines:
                yield from filter(None, [section.change(at)])
                section = _Section(at)
            elif not (section.old or section.new):
                section.start = at
            section.old = _name(line[4:]) or section.old
            section.new = _name(lines[at + 1][4:]) or section.new
        elif section.is_in_hunk:
            section.add(line)
        else:
            _read_header(section, line)
    end = len(lines) - (not lines[-1])
    yield from filter(None, [section.change(end)])


def _is_header(lines: list[bytes], at: int, section: _Section) -> bool:
    """Return True if `---` and `+++` name a file and are not changed lines."""
    if not lines[at].startswith(b"--- ") or not lines[at + 1 : at + 2]:
        return False
    if not lines[at + 1].startswith(b"+++ "):
        return False
    return not section.is_in_hunk or (
        max(section.left.values()) <= 0
        and _HUNK.match(b"".join(lines[at + 2 : at + 3])) is not None
    )


def _read_header(section: _Section, line: bytes) -> None:
    """Read a line between `diff --git` and the first hunk."""
    m = _INDEX.match(line)
    if m is not None:
        section.blobs = m["old"], m["new"]
    for start in _NAMED:
        if line.startswith(start):
            name = _unquoted(line[len(start) :].removesuffix(b"\r"))
            if b"from" in start:
                section.old = name
            else:
                section.new = name


def _pair(text: bytes) -> tuple[bytes, bytes]:
    """Return the names on a `diff --git` line; empty for a rename (see other lines)."""
    m = _PAIR.fullmatch(text)
    if m is not None:
        return m["path"], m["path"]
    m = _QUOTED_PAIR.fullmatch(text)
    name = _name(m["new"]) if m is not None else b""
    return name, name


def _name(text: bytes) -> bytes:
    """Return the name on a `---` or `+++` line; empty for a side without a file."""
    text = text.removesuffix(b"\r")
    name = _unquoted(text) if text.startswith(b'"') else text.partition(b"\t")[0]
    if name == _NULL:
        return b""
    return name[2:] if name[:2] in (b"a/", b"b/") else name


def _unquoted(name: bytes) -> bytes:
    """Return a name without git's quotes and escapes."""
    if len(name) < 2 or not (name.startswith(b'"') and name.endswith(b'"')):
        return name
    return _ESCAPE.sub(_escaped, name[1:-1])


def _escaped(m: re.Match[bytes]) -> bytes:
    code: bytes = m[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPES.get(code, code)
