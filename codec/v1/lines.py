"""Parse one line of prose: its label, the text after it, and its form.

A line is parsed without regard to the lines around it; `v1.fields` decides what it belongs to.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from codec.v1.labels import Place, place_of


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
        line: its text without the marks of a quote.
        indent: its indentation; -1 if `place` is None.
        place: the field of its label; None if there is no label before a colon.
        value: the text after the colon; None if the line has no colon that can follow a label.
        other: the same text in the form that is kept below an unknown label.
    """

    line: str
    indent: int
    place: Place | None
    value: str | None
    other: Line


#: The field of text below an unknown label.
OTHER: Final = "?"
#: Longer text before a colon is not a label.
_LONGEST_LABEL: Final = 44
_UNKNOWN: Final = Place()
_NO_LINE: Final = Line("", "")
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
    """Return a parsed line; cached, because the entries of a log repeat most of their lines."""
    if line[0] == ">":
        line = line.lstrip("> ")
    head, colon, value = line.partition(":")
    if not line.isascii() and "：" in head:
        head, _, value = line.partition("：")
        colon, value = "：", f" {value}"
    if not colon or (value and value[0] not in " \t*_`"):
        return Parsed(line, -1, None, None, _NO_LINE)
    m = _LABEL.fullmatch(head)
    place = place_of(m["head"]) if m else _UNKNOWN
    if m is None or not (place.field or _is_label(m["head"])):
        return Parsed(line, -1, None, value, _NO_LINE)
    other = Line(OTHER, value.strip(), is_item=m["item"] is not None, label=head)
    if head.count("**") == 1 and place.field:  # `**Label:** value`
        value = value.replace("**", "", 1)
    return Parsed(line, len(m["indent"].expandtabs(4)), place, value.strip(), other)


def _is_label(text: str) -> bool:
    return len(text) <= _LONGEST_LABEL and _LABEL_TEXT.fullmatch(text) is not None
