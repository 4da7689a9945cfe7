"""Read the list items and lines of a Markdown text, each with the headings above it.

1. The text is read line by line, in linear time; any text is accepted.
2. Fences are recognized as in a log: in a patch, only a fence at column 0 closes; in quoted
   Markdown, fences nest. A fence that is not closed hides the rest of the text.
3. A label line (`Rules:`, `**Rules**`) applies to what follows like a heading of the lowest level,
   up to the next line of prose.
4. HTML comments on lines of their own are removed, and so are Markdown marks, except globs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from codec.references.sources.statement import plain

LINE_LIMIT: Final = 1000
WRAP_LIMIT: Final = 20

_LABEL_LEVEL: Final = 7
_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)")
_PATCH = re.compile(r"diff --(?:git|cc|combined) |Index: ")
_HEADING = re.compile(r" {0,3}(?P<marks>#{1,6})[ \t]+(?P<title>\S.*)")
_LABEL = re.compile(r"(?:\*\*[^*]{2,60}\*\*:?|[^\s|>`].{1,60}:)\s*")
_BULLET = re.compile(r"(?P<indent>[ \t]*)(?:[-*+]|\d{1,3}[.)])[ \t]+(?P<text>\S.*)")
_ROW = re.compile(r"\s*\|(?P<name>[^|]+)\|(?P<value>[^|]+)\|.*")
_BOX = re.compile(r"\[[ xX]\]\s+")
_LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\([^()]*\)")
_CODE = re.compile(r"(?P<marks>`{1,2})(?P<code>[^`]+)(?P=marks)")
_BOLD = re.compile(r"(?<![/`])\*\*(?![/`])")
_SESSION = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
    r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d{1,2}\b"
    r"|\b(?:session|entry|run|iteration) #?\d",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A list item, a table row (`name: value`) or another line of prose.

    Attributes:
        line: 1-based number of its first line.
        text: the text on one line, without Markdown marks.
        headings: the headings above it, outermost first; the title of the document is left out,
            unless it is the only heading or one of several titles.
        bullet: it is a list item; `nested`: a list item below another one.
        fenced: it is inside a fenced block.
        dated: it is under a heading with a date, or with the number of a session.
    """

    line: int
    text: str
    headings: tuple[str, ...] = ()
    bullet: bool = False
    nested: bool = False
    fenced: bool = False
    dated: bool = False


def read_items(text: str) -> Iterator[Item]:
    """Yield the items of a Markdown text, in order."""
    lines = list(_lines(text))
    titles = sum(not fenced and line.startswith("# ") for _, line, fenced in lines)
    top = 0 if titles > 1 else 1  # several titles are headings of sections
    path: list[tuple[int, str]] = []
    wrapped: list[str] = []  # the lines of the current list item
    first, nested = 0, False
    for number, line, fenced in lines:
        bullet = _BULLET.fullmatch(line)
        if wrapped:
            if not fenced and not bullet and _continues(wrapped, line):
                wrapped.append(line)
                continue
            yield _item(first, " ".join(wrapped), path, top, bullet=True, nested=nested)
            wrapped = []
        if fenced:
            yield _item(number, bullet["text"] if bullet else line, path, top, fenced=True)
        elif bullet:
            first, wrapped = number, [bullet["text"]]
            nested = len(bullet["indent"].expandtabs(4)) > 1
        elif prose := _enter_or_read(path, line):
            yield _item(number, prose, path, top)
    if wrapped:
        yield _item(first, " ".join(wrapped), path, top, bullet=True, nested=nested)


def _enter_or_read(path: list[tuple[int, str]], line: str) -> str:
    """Return the text of a line of prose or a table row; add a heading or label to the path."""
    if heading := _HEADING.fullmatch(line):
        _enter(path, len(heading["marks"]), heading["title"].rstrip("# \t"))
        return ""
    if _LABEL.fullmatch(line):
        _enter(path, _LABEL_LEVEL, line)
        return ""
    if row := _ROW.fullmatch(line):
        return f"{row['name']}: {row['value']}"
    if line.strip() and not line[0].isspace():
        _leave(path, _LABEL_LEVEL)
    return line.strip()


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line except fences and comments: number, text, whether it is in a fence."""
    fences: list[tuple[str, str]] = []
    in_comment = False
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for i, whole in enumerate(lines):
        line = whole[:LINE_LIMIT]
        if fences:
            if not _fence_step(fences, line):
                yield i + 1, line, True
        elif in_comment or line.lstrip().startswith("<!--"):
            in_comment = "-->" not in whole
        elif fence := _FENCE.fullmatch(line):
            patch = i + 1 < len(lines) and _PATCH.match(lines[i + 1])
            fences.append((fence["marks"], "diff" if patch else fence["info"].strip().lower()))
        else:
            yield i + 1, line, False


def _fence_step(fences: list[tuple[str, str]], line: str) -> bool:
    """Return True if a line is a fence; it closes or nests the open fences."""
    marks, info = fences[-1]
    fence = _FENCE.fullmatch(line)
    if fence is None or (info in ("diff", "patch") and line[0] not in "`~"):
        return False
    if fence["info"].strip():
        if info in ("markdown", "md", "mdx"):
            fences.append((fence["marks"], fence["info"].strip().lower()))
            return True
        return False
    if fence["marks"][0] != marks[0] or len(fence["marks"]) < len(marks):
        return False
    fences.pop()
    return True


def _continues(wrapped: list[str], line: str) -> bool:
    """Return True if a line that is not a list item continues the one before it."""
    own = _HEADING.fullmatch(line) or _LABEL.fullmatch(line) or line.lstrip().startswith("|")
    return bool(line.strip()) and not own and len(wrapped) < WRAP_LIMIT


def _item(
    line: int,
    text: str,
    path: list[tuple[int, str]],
    top: int,
    *,
    bullet: bool = False,
    nested: bool = False,
    fenced: bool = False,
) -> Item:
    # One of several titles is a heading for everything below it outside its sections.
    sections = any(1 < level < _LABEL_LEVEL for level, _ in path)
    top = 1 if sections else top
    return Item(
        line=line,
        text=_unmarked(text),
        headings=tuple(t for level, t in path if level > top) or tuple(t for _, t in path),
        bullet=bullet,
        nested=nested,
        fenced=fenced,
        dated=any(_SESSION.search(title) for _, title in path),
    )


def _enter(path: list[tuple[int, str]], level: int, title: str) -> None:
    _leave(path, level)
    path.append((level, _unmarked(title).rstrip(":")))


def _leave(path: list[tuple[int, str]], level: int) -> None:
    while path and path[-1][0] >= level:
        path.pop()


def _unmarked(text: str) -> str:
    """Return a line of Markdown without links, code marks, bold marks and check boxes."""
    text = _LINK.sub(r"\g<text>", _BOX.sub("", text.strip(), count=1))
    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [_BOLD.sub("", text[end : code.start()]), code["code"]]
        end = code.end()
    return plain("".join(parts) + _BOLD.sub("", text[end:]))
