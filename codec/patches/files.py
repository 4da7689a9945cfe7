"""The files that a patch changes, and how many lines of each.

1. Counts come from the lines themselves, as in `codec.diffs`: hunk headers in logs are often wrong.
2. A path is the new one, or the old one of a deleted file. git quotes paths with bytes outside of
   ASCII (`"a/caf\\303\\251"`); they are read back. A path that is not UTF-8 has U+FFFD.
"""

from __future__ import annotations

import re
from typing import Final

from codec.diffs import diff_stat

_START = re.compile(rb"^(?:diff --(?:git|cc|combined) |--- [^\n]*\n\+\+\+ )", re.M)
_NEW = re.compile(rb'^\+\+\+ (?P<path>"(?:[^"\\\n]|\\.)*"|[^\t\n]*)', re.M)
_OLD = re.compile(rb'^--- (?P<path>"(?:[^"\\\n]|\\.)*"|[^\t\n]*)', re.M)
_RENAMED = re.compile(rb'^(?:rename|copy) to (?P<path>"(?:[^"\\\n]|\\.)*"|[^\n]*)', re.M)
_GIT = re.compile(
    rb'diff --git (?:"a/(?:[^"\\\n]|\\.)*"|a/[^\n]*?) (?P<path>"b/(?:[^"\\\n]|\\.)*"|b/[^\n]*)'
)
_COMBINED = re.compile(rb"diff --(?:cc|combined) (?P<path>[^\n]*)")
_ESCAPE = re.compile(rb"\\(?:(?P<octal>[0-7]{3})|(?P<sign>.))", re.S)
_SIGNS: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f"}
_NOWHERE: Final = b"/dev/null"


def changed_files(patch: bytes) -> dict[str, int]:
    """Return the files of a patch and the number of lines added to and removed from each."""
    starts: list[int] = []
    in_git = False
    for m in _START.finditer(patch):
        is_git = m[0].startswith(b"diff ")
        if is_git or not in_git:
            starts.append(m.start())
        in_git = in_git or is_git
    found: dict[str, int] = {}
    for start, end in zip(starts, [*starts[1:], len(patch)], strict=True):
        section = patch[start:end]
        path = _path_of(section)
        if path:
            stat = diff_stat(section)
            name = path.decode(errors="replace")
            found[name] = found.get(name, 0) + stat.added + stat.removed
    return found


def _path_of(section: bytes) -> bytes:
    """Return the path that a section is about; empty if it names none."""
    head = section.partition(b"\n@@")[0]
    for form, prefix in ((_RENAMED, b""), (_NEW, b"b/"), (_OLD, b"a/")):
        m = form.search(head)
        if m is not None and (path := _unquoted(m["path"].rstrip(b"\r"))) != _NOWHERE:
            return path.removeprefix(prefix)
    m = _GIT.match(head)
    if m is not None:
        return _unquoted(m["path"].rstrip(b"\r")).removeprefix(b"b/")
    m = _COMBINED.match(head)
    return _unquoted(m["path"].rstrip(b"\r")) if m is not None else b""


def _unquoted(path: bytes) -> bytes:
    """Return a path as git would print it without quotes."""
    if not (path.startswith(b'"') and path.endswith(b'"') and len(path) > 1):
        return path
    return _ESCAPE.sub(
        lambda m: (
            bytes([int(m["octal"], 8) & 255]) if m["octal"] else _SIGNS.get(m["sign"], m["sign"])
        ),
        path[1:-1],
    )
