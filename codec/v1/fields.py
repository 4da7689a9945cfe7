"""Read the body of an entry as labelled fields and the text between them.

1. A label is a heading, a bold line, or the text before a colon; it applies until the next label.
   A field with a single value takes it from the first line that states one.
2. A labelled item below an item of text belongs to that item; it is not a field of the entry.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from codec.v1.agents import stated_agent
from codec.v1.blocks import parse_blocks
from codec.v1.labels import Place, place_of
from codec.v1.lines import (
    COLON,
    NOTE,
    OPEN,
    OTHER,
    PLAIN,
    SENTENCE,
    STATED,
    UNKNOWN,
    Line,
    is_stated,
    is_stated_status,
    parsed,
    place_is_note,
    place_of_value,
)
from codec.vocabulary import is_status

#: The values of an entry by field, each with the rank of its label.
Fields = dict[str, tuple[int, str]]


class Body(NamedTuple):
    """The body of an entry, below its heading.

    Attributes:
        fields: the values of the fields that are stated.
        lines: all other text, in the order of the entry.
        code: the text of code blocks.
        repeated: fields that one label states more than once.
    """

    fields: Fields
    lines: list[Line]
    code: list[str]
    repeated: set[str]


_UNKNOWN: Final = Place()
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_BOLD_LABEL = re.compile(
    r"[ \t]*(?P<item>(?:[-*+•]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?)?(?P<mark>\*\*|__)"
    r"(?P<label>[^*_:：\n][^*:：\n]{0,60}?)[:：]?(?P=mark)[ \t]*(?P<dash>[:：=–—-]?)"
    r"[ \t]*(?P<value>.*)"
)
_CELLS = re.compile(
    r"\|[ \t]*(?P<label>[^|\n]{1,60}?)[ \t]*\|[ \t]*(?P<value>[^|\n]*?)[ \t]*\|[ \t]*"
)
_TABLE_HEAD = re.compile(r"\n\|[^\n]*\n\|[ :|-]*-[ :|-]*(?=\n|\Z)")
_UNDERLINED = re.compile(r"^(?P<text>[^\s>|*+-][^\n]{0,60})\n(?:---+|===+)[ \t]*$", re.M)
_PARTS = re.compile(r"\s+[|·]\s+")
#: The shortest line that goes on below.
_LONG_LINE: Final = 40
#: The end of a line that goes on below: a long line without a full stop. The text below is not an
#: item, a label or a table row; a word in lower case below a longer line is not a label either.
_WRAP = re.compile(
    r"\n(?:(?<=[^\n]{39}[^\n.!?:;。：]\n)(?=[ \t]{0,6}(?:\*\*|`)?[a-zß-öø-ÿа-яё](?!_NO_LABEL))"
    r"|(?P<any>)(?<=[^\n]{59}[\w,–—-]\n)(?=[ \t]{0,6}(?:[a-zß-öø-ÿа-яё]|[^\W\d_`](?!_NO_LABEL)"
    r"|[`(\"«“„](?!_NO_LABEL))))(?![ \t]*(?:END|STOP|FINISH|START))[ \t]*".replace(
        "_NO_LABEL", r"[^\n:：]{0,43}[:：](?:[ \t*_`]|$)"
    ),
    re.M,
)
_END_LINE = re.compile(
    r"\[?(?:END(?:ED)?|STOP(?:PED)?|FINISH(?:ED)?)[:\s]\s*(?P<time>[^\]\s]+)\]?\s*(?P<rest>.*)"
)


def read_body(prose: str) -> Body:
    """Return the body of an entry, given its prose without the heading and the patch."""
    reader = _Reader()
    for token in parse_blocks(prose):
        kind = token["type"]
        if kind == "paragraph":
            reader.paragraph(token["text"])
        elif kind == "heading":
            reader.heading(token["text"], token["attrs"]["level"])
        elif kind == "block_code":
            reader.body.code.append(token["raw"])
    return reader.body


class _Reader:
    """Reads the blocks of an entry one by one."""

    def __init__(self) -> None:
        self.body = Body({}, [], [], set())
        self._section: Place | None = None  # the current label; None before the first one
        self._level = 0  # the level of its heading, 7 for a line
        self._parent = -1  # indentation of the text item below which labelled items may be

    def heading(self, text: str, level: int) -> None:
        """Read a heading: a label, a labelled value, or a subheading of a section."""
        head, colon, value = text.partition(":")
        if colon and value.strip() and self._field(place_of(head), value):
            self._section, self._level = _UNKNOWN, level
            return
        place = place_of(text)
        if place.field or level <= self._level or self._level == 0 or self._section is _UNKNOWN:
            self._section, self._level = place, level
        if not place.field and is_status(text) and "status" not in self.body.fields:
            self.body.fields["status"] = (99, text)
        self._parent = -1

    def paragraph(self, text: str) -> None:
        """Read the lines of a paragraph."""
        if "\n|" in text:
            text = _TABLE_HEAD.sub("", f"\n{text}")
        if "\n" in text and max(map(len, text.split("\n"))) >= _LONG_LINE:
            text = _WRAP.sub(_joint, text)
        if _is_underlined(text, "\n---") or _is_underlined(text, "\n==="):
            text = _UNDERLINED.sub(self._underlined, text)
        for line in text.split("\n"):
            if line:
                self._line(line)
            elif self._level == 7 and self._section is not None and self._section.rank < 0:
                self._section = None
        if self._level == 7 and self._section and self._section.rank < 0:
            self._section = None

    def _underlined(self, m: re.Match[str]) -> str:
        """Return an underlined label as a line with a colon; other text stays."""
        return f"{m['text']}:\n" if place_of(m["text"]).field else m[0]

    def _line(self, line: str) -> None:
        kind, line, indent, columns, place, stated, text, _ = parsed(line)
        if kind <= COLON or indent > self._parent >= 0:
            self._unlabelled(line, has_colon=kind != PLAIN)
            return
        if columns and self._several(line):
            return
        if kind <= UNKNOWN:
            section = self._section
            if kind == SENTENCE or (
                section is not None and section[0] and (text[2] or self._level < 7)
            ):  # a list item, or a sentence below a heading, with a colon
                self._unlabelled(line, has_colon=True)
            else:
                self._unknown(text, indent)
            return
        self._parent = -1
        if kind == OPEN:
            self._open(place)
        elif kind == STATED:
            self._state(place[0], stated)
        else:
            self.body.lines.append(text)
            if kind == NOTE:  # its section ends with the paragraph
                self._section, self._level = place, 7

    def _unlabelled(self, line: str, *, has_colon: bool) -> None:
        """Read a line without a label before a colon: a bold label, a table row, or text."""
        if line[:1] != "|" and ("**" in line or "__" in line):
            m = None if has_colon else _BOLD_LABEL.fullmatch(line)
            if m and self._bold(m):
                return
        elif line[:1] == "|" and (m := _CELLS.fullmatch(line)):
            if self._field(place_of(m["label"]), m["value"]):
                return
            is_text = not (m["label"][0].isdigit() or (self._section and self._section.field))
            if m["value"] and is_text:
                self.body.lines.append(Line(OTHER, m["value"], is_item=True, label=m["label"]))
                return
        elif line[:1] in ("[", "E") and (m := _END_LINE.fullmatch(line)):
            self._field(Place("finished"), m["time"])
            line = m["rest"]
            once = set(self.body.repeated)  # the line of the end may repeat that of the start
            if (is_status(line) and self._field(Place("status"), line)) or self._several(line):
                self.body.repeated.intersection_update(once)
                return
        if line:
            self._text(line)

    def _unknown(self, line: Line, indent: int) -> None:
        """Read an unknown label; it ends a section that a line began.

        Args:
            line: the text after its colon.
            indent: the indentation of the whole line.
        """
        if line[1]:
            if line[2]:
                self._parent = indent
            elif self._level == 7:
                self._section = None
            self.body.lines.append(line)
        else:
            self._parent = -1
            if self._level in (0, 7) or self._section is None:
                self._section, self._level = _UNKNOWN, 7

    def _several(self, line: str) -> bool:
        """Read a line with several labelled fields; return False if it is not one."""
        parts = [p.replace("：", ":").partition(":") for p in _PARTS.split(line.strip(" |"))]
        places = [place_of(head) for head, _, _ in parts]
        if not all(colon for _, colon, _ in parts) or sum(bool(p.field) for p in places) < 2:
            return False
        for place, (head, _, text) in zip(places, parts, strict=True):
            value = text.replace("**", "").strip()
            if value and not self._field(place, value):
                if place_is_note(place):
                    self.body.lines.append(Line(place.field, value, is_item=True))
                else:
                    self.body.lines.append(Line(OTHER, value, is_item=True, label=head))
        return True

    def _bold(self, m: re.Match[str]) -> bool:
        """Read a line that begins with bold text: a label, alone or with its value."""
        place, value = place_of(m["label"]), m["value"].strip()
        if place.field:
            if not value:
                self._open(place)
                return True
            if m["dash"] or place.field in ("status", "agent"):
                if not self._field(place, value):
                    self._note(place, value)
                return True
            return False
        if not value and not m["item"]:
            if is_status(m["label"]) and "status" not in self.body.fields:
                self.body.fields["status"] = (99, m["label"])
                return True
            self._section, self._level = _UNKNOWN, 7
            self._parent = -1
            return True
        return False

    def _note(self, place: Place, value: str) -> None:
        """Read notes on the line of their label; they go on up to the end of the paragraph."""
        if place_is_note(place):
            self.body.lines.append(Line(place.field, value, is_item=True))
            self._section, self._level = Place(place.field, -1), 7

    def _open(self, place: Place) -> None:
        """Apply a label to the lines below it."""
        if not place_is_note(place) and self.body.fields.get(place.field, (0, ""))[1]:
            place = _UNKNOWN
        self._section, self._level, self._parent = place, 7, -1

    def _field(self, place: Place, value: str) -> bool:
        """Store the value of a field with a single value; return False if the text is not one."""
        value = value.strip()
        at = place_of_value(place, value)
        if at is None:
            return False
        if at.field == "status" and not is_stated(value):
            self.body.lines.append(Line("outcome", value))
        else:
            self._state(at.field, (at.rank, value))
        return True

    def _state(self, field: str, stated: tuple[int, str]) -> None:
        """Store a value with its rank; the first one of the best rank counts."""
        known = self.body.fields.get(field)
        if (
            known is None
            or not _is_usable(field, known[1])
            or (known[0] > stated[0] and _is_usable(field, stated[1]))
        ):
            self.body.fields[field] = stated
        elif known[0] == stated[0] and stated[1]:
            self.body.repeated.add(field)

    def _text(self, line: str) -> None:
        """Read a line without a label."""
        section = self._section
        m = _ITEM.match(line)
        text = line[m.end() :] if m else line.strip()
        if m:
            indent = len(line) - len(line.lstrip())
            if self._parent < 0 or indent < self._parent:
                self._parent = indent
        elif not line[0].isspace():
            self._parent = -1
        if not text.strip("-*_=~|: \t") or text.startswith("<!--"):
            return
        if text[0] in _SIGNS and "status" not in self.body.fields and is_status(text):
            self.body.fields["status"] = (99, text)
            return
        field = "" if section is None else section.field or OTHER
        if section is not None and field not in ("", OTHER) and not place_is_note(section):
            is_other = field == "status" and ":" in text and not is_stated_status(text)
            if not is_other and self._field(Place(field, section.rank), _unmarked(text)):
                # A heading such as "Status" labels only the line below it.
                self._section = _UNKNOWN
                return
            field = OTHER
        self.body.lines.append(Line(field, text, is_item=m is not None))


_SIGNS: Final = frozenset("✅✔✓❌✗✘🔴🟢🟡🚧")


def _is_underlined(text: str, rule: str) -> bool:
    """Return True if a rule may follow a line that is not empty; a rule alone divides entries."""
    return text.count(rule) > text.count(f"\n{rule}")


def _joint(m: re.Match[str]) -> str:
    """Return the separator of two lines: a space, unless the first one may be a field."""
    line = m.string[m.string.rfind("\n", 0, m.start()) + 1 : m.start()]
    return m[0] if m["any"] is not None and ("**" in line or ":" in line) else " "


def _is_usable(field: str, value: str) -> bool:
    """Return True if a field may have this value; a branch or a path cannot be an agent."""
    if field == "agent":
        return bool(stated_agent(value))
    return bool(stated_agent(value, known_only=True)) if field == "tool" else bool(value)


def _unmarked(text: str) -> str:
    return text.strip().strip("*").strip()
