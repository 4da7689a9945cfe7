"""Choose the notes of an entry, and the line that serves as its title if it has none.

1. Notes are the text under the labels of `NOTE_FIELDS`; items of a list are joined by `; `.
2. Without a label for the work, the first sentences are notes: at most `LIMIT` characters.
3. The first line is needed only if neither the heading nor a field names the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from codec.names import one_line
from codec.v1.fields import Body
from codec.v1.labels import NOTE_FIELDS
from codec.v1.lines import OTHER, Line

#: The approximate number of characters of unlabelled text that become notes.
LIMIT: Final = 300
#: The number of characters of a field about the work that become notes; lists are not cut.
FIELD_LIMIT: Final = 600

_LONG: Final = frozenset({"notes", "lessons", "blockers", "escalation"})  # kept as they are
_TELLING: Final = frozenset({"summary", "done", "outcome"})
_OPEN: Final = frozenset({"blockers", "escalation", "next"})
_MARKS = re.compile(
    r"\*\*|__(?=\S)|(?<=\S)__|!\[[^\]\n]*\]\([^)\n]*\)"
    r"|</?(?:br|p|div|details|summary|sub|sup|kbd|b|i|u|em|strong|ul|ol|li)(?: [^<>\n]*)?/?>"
)
_SAYS_NOTHING = re.compile(
    r"(?:none|n/?a|nil|nothing|no|keine?|nichts|aucune?|rien|ningun[oa]s?|nada|nenhum[a]?|nessun[oa]?"
    r"|niente|geen|нет|ничего|немає|brak|无|無|沒有|没有|なし|特になし|없음)"
    r"(?: (?:so far|yet|known|needed|required))?(?: ?[(（].*[)）])?[.!。]?|[-–—]*|tbd|todo|\.{3}|…",
    re.I,
)
#: A line of prose in a code block, not of a program or a patch.
_PROSE = re.compile(
    r"(?!diff |index |new file|deleted |rename |similarity )[#>* -]{0,4}[\w`][^{}<>=\[\]\\$|]+"
)
_SENTENCE = re.compile(r".+?(?:[.!?…](?=\s|$)|[。！？])[\"'»”)]?", re.S)
_MACHINE = re.compile(r"[\w./\\:@#-]+|`[^`]*`|[0-9a-f]{7,40}\b.*|https?://\S+", re.I)
_LABEL_EDGES: Final = " \t-*_+•"
#: Text in several words, or in a script without blanks.
_PHRASE = re.compile(r"\S\s+\S|[\u3040-\u9fff]{4}")
_LABEL_NUMBER = re.compile(r"\d{1,3}[.)]\s+")
_UNREAD: Final = ("agent", "tool", "commits", "duration", "lines", "diff")
_ENDS: Final = ".!?…。！？;；:"


def notes_of(body: Body) -> Iterator[tuple[str, str]]:
    """Yield the (field, text) pairs of an entry's notes, in the order of `NOTE_FIELDS`."""
    groups: dict[str, list[Line]] = {}
    for line in body.lines:
        if line[0] and line[0] != OTHER:
            groups.setdefault(line[0], []).append(line)
    texts: dict[str, str] = {}
    for field in NOTE_FIELDS if groups else ():
        if field in groups:
            text = _joined(groups[field])
            if text and not _SAYS_NOTHING.fullmatch(text):
                texts[field] = text if field in _LONG else _cut(text, FIELD_LIMIT)
    if not _TELLING & texts.keys():
        text = _first_sentences(body, alone=not texts, is_open=texts.keys() <= _OPEN)
        if text:
            yield "summary", text
    yield from texts.items()


def first_line(body: Body) -> str:
    """Return the line that serves as a title: the first item, sentence or value."""
    for fields in (("", "summary", "done", "outcome", OTHER), ("notes", "lessons")):
        for line in body.lines:
            if line.field not in fields:
                continue
            text = _clean(line.text)
            if line.is_item and "**" in line.label and " " in text:
                label = _clean(line.label).strip(_LABEL_EDGES)
                text = f"{label}: {text}" if _PHRASE.search(label) else text
            if line.label and (_is_machine(line) or line.label in _UNREAD or " " not in text):
                continue
            if text and not _MACHINE.fullmatch(text) and not _SAYS_NOTHING.fullmatch(text):
                m = _SENTENCE.match(text)
                return m[0] if m else text
            if text.rstrip(_ENDS).isalpha():
                return text
    return ""


def _first_sentences(body: Body, *, alone: bool, is_open: bool) -> str:
    """Return the first sentences of the text that has no label.

    If the notes name only open work (`is_open`), the text after unknown labels is used. If
    an entry has no notes at all (`alone`), text below any label is used, and then the prose in its
    code blocks.
    """
    lines = [line for line in body.lines if not line.field]
    if not lines and is_open:
        lines = [line for line in body.lines if line.label and not line.is_item]
        lines = [line for line in lines if " " in line.text and _is_telling(line)]
    if not lines and alone:
        lines = [line for line in body.lines if line.field == OTHER and _is_telling(line)]
        if not any(" " in line.text for line in lines):  # values of settings at most
            lines = [line for block in body.code for line in _prose_of(block)] or lines
    return _cut(_joined(lines[:40]), LIMIT) if lines else ""


def _prose_of(code: str) -> Iterator[Line]:
    """Yield the lines of prose in a code block: after its patch, if it begins with one."""
    lines = code.splitlines()
    hunks = [n for n, line in enumerate(lines) if line.startswith(("@@ ", "diff --git "))]
    if hunks:  # no line of a hunk is empty
        end = next((n for n in range(hunks[-1], len(lines)) if not lines[n]), len(lines))
        lines = lines[end:]
    for line in lines:
        if " " in line and _PROSE.fullmatch(line):
            yield Line("", line.lstrip("-* "), is_item=line[:2] in ("- ", "* "))


def _joined(lines: Iterable[Line]) -> str:
    """Return lines as one line: list items are joined by `; `, lines of a paragraph by a space."""
    text = ""
    for line in lines:
        piece = _piece(line.text)
        if line.label and piece:
            label = _LABEL_NUMBER.sub("", line.label.strip(_LABEL_EDGES)).strip(_LABEL_EDGES)
            piece = f"{label.capitalize() if label in _UNREAD else label}: {piece}"
        if not piece:
            continue
        if not text:
            text = piece
        elif line.is_item:
            text = f"{text.rstrip(';；')}; {piece}"
        else:
            text = f"{text} {piece}"
    return text


@lru_cache(maxsize=4096)
def _piece(text: str) -> str:
    """Return a line of text without Markdown marks; empty if it has no content."""
    piece = one_line(_clean(text))
    return "" if _SAYS_NOTHING.fullmatch(piece) else piece


def _is_machine(line: Line) -> bool:
    """Return True for a value that a program wrote: `run_id: 0aecf6f1`."""
    return "_" in line.label.strip(_LABEL_EDGES)


def _is_telling(line: Line) -> bool:
    """Return True for text that was not written by a program."""
    return not line.label or line.label in _UNREAD or not _is_machine(line)


def _clean(text: str) -> str:
    """Return text without bold marks and the bars of table cells."""
    if "**" in text or "__" in text or "<" in text or "![" in text:
        text = _MARKS.sub("", text)
    if text[:1] == "|":
        text = ", ".join(cell.strip() for cell in text.strip("| ").split("|"))
    return text.strip()


def _cut(text: str, limit: int) -> str:
    """Return whole sentences or items of a text up to a limit, at least one word."""
    if len(text) <= limit:
        return text
    end = 0
    for m in _SENTENCE.finditer(text[: limit + 1]):
        end = m.end()
    item = text.rfind("; ", 0, limit)
    end = max(end, item)
    if end >= limit // 3:
        return text[:end].rstrip(" ;")
    space = text.rfind(" ", 0, limit)
    return f"{text[: space if space > 0 else limit].rstrip(' ,;')}…"


def rendered(notes: Iterable[tuple[str, str]]) -> str:
    """Return the notes on one line; the text of some fields begins with the field's name."""
    text = ""
    for field, said in notes:
        name = _NAMES.get(field)
        part = f"{name}: {said}" if name else said
        if text:
            text += " " if text[-1] in _ENDS else "; " if part[:1].islower() else ". "
        text += part
    return text


_NAMES: Final = {
    "decisions": "Decisions", "blockers": "Blockers", "escalation": "Escalation", "next": "Next",
}  # fmt: skip
