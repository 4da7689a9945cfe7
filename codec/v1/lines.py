"""Parse one line of prose: its label, the text after it, and its form.

A line is parsed without regard to the lines around it; `v1.fields` decides what it belongs to. So
everything here is cached: the entries of a log repeat most of their lines.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from codec.v1.labels import NOTE_FIELDS, Place, place_of
from codec.vocabulary import is_status, status_of

#: Kinds of lines: without a colon that can follow a label, with such a colon, a sentence with a
#: colon, with an unknown label, with a known label and no text after it, with a label and its
#: value, with a sentence as a status, and with a label of notes and their text.
PLAIN, COLON, SENTENCE, UNKNOWN, OPEN, STATED, REMARK, NOTE = range(8)


class Line(NamedTuple):
    """A line of text: its field, its text and its form.

    `field` is empty outside of all sections, and `OTHER` below an unknown label. `label` is an
    unknown label on the line itself, as written.
    """

    field: str
    text: str
    is_item: bool = False
    label: str = ""


class Parsed(NamedTuple):
    """A line of prose, parsed without regard to the lines around it.

    Attributes:
        kind: one of the kinds above.
        line: its text without the marks of a quote.
        indent: its indentation, if it has a label.
        columns: the text after its label may have further labels.
        place: the field of its label; for `NOTE`, the section that the label opens.
        stated: the rank and the value of a field, for `STATED`.
        text: the text after the label, in the form in which it is kept.
        label: the field that its label names.
    """

    kind: int
    line: str
    indent: int = -1
    columns: bool = False
    place: Place = Place()
    stated: tuple[int, str] = (0, "")
    text: Line = Line("", "")
    label: str = ""


#: The field of text below an unknown label.
OTHER: Final = "?"
#: Longer text before a colon is not a label.
_LONGEST_LABEL: Final = 44
#: A status line with so many words is a sentence.
_SENTENCE_WORDS: Final = 6
#: A value of so many characters behind an unknown label is a sentence with a colon.
_SENTENCE_LENGTH: Final = 60
_NOTES: Final = frozenset(NOTE_FIELDS)
_UNKNOWN: Final = Place()
_DATE_START = re.compile(
    r"[\[(`*]{0,2}(?:\d{4}[-/.年]\d|\d{1,2}[./-]\d{1,2}[./-]\d{4}|\d{1,2}:\d{2})"
)
_LABEL = re.compile(
    r"(?P<indent>[ \t]*)(?P<item>(?:[-*+•]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?)?"
    r"(?P<head>[^\s:：][^:：\n]{0,70}?)\s*$"
)
_WORDS: Final = r"[^\W\d_][\w ()'&/?.#,+-]*"
_LABEL_TEXT = re.compile(
    rf"[^\w\s]{{0,3}}\s?(?:\*\*|__|`)?(?:\d{{1,2}}[.)] )?{_WORDS}(?:\*\*|__|`)?"
)


@lru_cache(maxsize=8192)
def parsed(line: str) -> Parsed:
    """Return a parsed line, which is not empty."""
    if line[0] == ">":
        line = line.lstrip("> ")
    head, colon, value = line.partition(":")
    if not line.isascii() and "：" in head:
        head, _, value = line.partition("：")
        colon, value = "：", f" {value}"
    if not colon or (value and value[0] not in " \t*_`"):
        return Parsed(PLAIN, line)
    m = _LABEL.fullmatch(head)
    place = place_of(m["head"]) if m else _UNKNOWN
    if m is None or not (place.field or _is_label(m["head"])):
        return Parsed(COLON, line)
    indent = len(m["indent"].expandtabs(4))
    if not place.field:
        other = Line(OTHER, value.strip(), is_item=m["item"] is not None, label=head)
        is_prose = not other.is_item and _is_sentence(head, other.text)
        kind = SENTENCE if is_prose else UNKNOWN
        return Parsed(kind, line, indent, "|" in value or "·" in value, text=other)
    if head.count("**") == 1:  # `**Label:** value`
        value = value.replace("**", "", 1)
    value = value.strip()
    columns = "|" in value or "·" in value
    if not value:
        return Parsed(OPEN, line, indent, columns, place)
    at, text, label = place_of_value(place, value), Line("", ""), place.field
    kind, stated = STATED, (0, "")
    if at is None:
        kind, at, text = NOTE, Place(label, -1), Line(label, value, is_item=True)
    elif at.field == "status" and not is_stated(value):
        kind, text = REMARK, Line("outcome", value)
    else:
        stated = at.rank, value
    return Parsed(kind, line, indent, columns, at, stated, text, label)


def place_is_note(place: Place) -> bool:
    """Return True if the text of a field belongs to the notes."""
    return place.field in _NOTES


def place_of_value(place: Place, value: str) -> Place | None:
    """Return the field of a value behind a label; None if the text belongs to the notes.

    Args:
        place: the field of the label.
        value: the text after the label, without white space around it.
    """
    field = place.field
    if not place_is_note(place):
        return place if field else None
    if field in ("outcome", "done") and is_status(value):
        return Place("status", 90 + place.rank)
    if field == "done" and _DATE_START.match(value):
        return Place("finished", 90)
    return None


def _is_sentence(label: str, value: str) -> bool:
    """Return True if a line with a colon is prose, not an unknown label and its value."""
    return len(value) >= _SENTENCE_LENGTH and "_" not in label and value.count(" ") > 7


def is_stated(value: str) -> bool:
    """Return True if a status line begins with a status and is not a sentence."""
    if not value or is_stated_status(value):
        return True
    return len(value.split()) < _SENTENCE_WORDS and value[-1] != "。"


def is_stated_status(value: str) -> bool:
    """Return True if a text begins with a status."""
    return status_of(value)[0] != "UNKNOWN"


def _is_label(text: str) -> bool:
    return len(text) <= _LONGEST_LABEL and _LABEL_TEXT.fullmatch(text) is not None
