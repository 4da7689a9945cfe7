"""One span of a v1 log, read as an entry: what it says, as it says it.

1. The patch is cut out before anything is parsed; mistune sees only the prose of one entry, and
   of Markdown only fences and headings. Simple `- Key: value` items then arrive as text, which
   is all that entries need, at a tenth of the cost of its list rule.
2. Figures are taken where the entry declares them; nothing is counted or guessed here.
3. The first line that gives a field wins: later ones belong to reports inside the entry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from mistune import BlockParser
from mistune.core import BlockState

from codec.records import Metrics, one_line
from codec.v1_dialects import LABELS, label_of
from codec.v1_split import Span
from codec.v1_text import decode_text


class Entry(NamedTuple):
    """What one entry of a v1 log says, as written; empty where it says nothing.

    Attributes:
        time, time_end: the heading's time, and its end where the heading gives a range.
        started, finished: the times of fields such as `started_at`.
        agent: the heading's agent, else the field's.
        task: the heading's task; `title` is the task line's.
        status: the status line, or `exit_code: N`.
        declared: the figures that the entry states.
        notes: (field, text) of Notes, Lessons, Blockers and Escalation that say anything.
        sha256: the hash by which the entry is recognised again; see `entry_hash`.
    """

    time: str
    time_end: str
    started: str
    finished: str
    agent: str
    task: str
    title: str
    status: str
    declared: Metrics
    notes: tuple[tuple[str, str], ...]
    sha256: str


#: The values of an entry by field, each with the rank of the label that gave it.
_Fields = dict[str, tuple[int, str]]

_LABEL = re.compile(
    r"[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?[*_]{0,2}(?P<label>[^\W\d_][\w /().&'-]{0,40})[*_]{0,2}"
)
_RULE_OR_MARK = re.compile(
    r"^[ \t]*(?:(?:-{3,}|\*{3,}|_{3,})[ \t]*$|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|\d+[.)][ \t]+)", re.M
)
_ABOUT = r"(?:approx\.?|approximately|about|around|circa|ca\.|[~≈+\-−\s*`])*"
_INTEGER = re.compile(
    rf"{_ABOUT}(?P<n>\d{{1,3}}(?:[,_]\d{{3}}){{1,4}}|\d{{1,15}})"
    r"(?![\d.,]*[kKmM%]|[\d.,]*\d|\s?[-–]\s?\d)",  # no 2.5k, no 3.5, no 1-3
    re.I,
)
_PLUS_MINUS = re.compile(
    r"\+[ ]?(?P<added>\d[\d,]{0,14})\b[^-+−\d\n]{0,4}[-−][ ]?(?P<removed>\d[\d,]{0,14})\b"
)
_LINES_SUMMARY = re.compile(r"^[ \t]*(?:Lines|Total)(?: changed)?:(?P<value>[^\n]*)", re.M | re.I)
_DURATION = re.compile(
    rf"{_ABOUT}(?:(?P<h>\d{{1,6}}(?:\.\d+)?)[ ]?h(?:(?:ou)?rs?)?(?![A-Za-z])[ ,]*(?:and )?)?"
    r"(?:(?P<m>\d{1,6}(?:\.\d+)?)[ ]?m(?:in(?:ute)?s?)?(?![A-Za-z])[ ,]*(?:and )?)?"
    r"(?:(?P<s>\d{1,6}(?:\.\d+)?)[ ]?s(?:ec(?:ond)?s?)?(?![A-Za-z]))?(?!\d)",
    re.I,
)
_SAYS_NOTHING = re.compile(
    r"(?:none|n/?a|nil|nothing)(?: (?:so far|yet|known|needed|required))?(?: ?\(.*\))?[.!]?|[-–—]*",
    re.I,
)
_DEPLOYMENT = re.compile(r"`?(?P<name>(?=\S*\d)[A-Za-z0-9][\w.-]{3,})")
_NOTE_FIELDS: Final = ("notes", "lessons", "blockers", "escalation")
#: Every label, with its field and how it ranks among the labels of that field.
_FIELD_OF: Final = {
    label: (field, rank) for field, labels in LABELS.items() for rank, label in enumerate(labels)
}
_NO_FIELD: Final = ("", 0)
_RULES: Final = (b"---", b"***", b"___")


class _Rules:
    """The pattern of mistune's rules, searched for only where a rule of ours can begin a line.

    mistune looks for `^` at every character; a line end and the first sign of a rule are found
    several times faster.
    """

    _START = re.compile(r"\n(?= {0,3}(?:#|```|~~~))")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.match = pattern.match

    def search(self, text: str, start: int) -> re.Match[str] | None:
        """The next rule at or after `start`, where none begins at `start` itself."""
        for m in self._START.finditer(text, start):
            found = self.match(text, m.end())
            if found:
                return found
        return None


class _Blocks(BlockParser):
    def __init__(self) -> None:
        super().__init__()
        self.rules = ["fenced_code", "atx_heading"]
        self._own = _Rules(super().compile_sc())

    def compile_sc(self, rules: list[str] | None = None) -> Any:
        """The pattern of `rules`, all of them where none are named."""
        return self._own if rules is None or rules == self.rules else super().compile_sc(rules)

    def _parse_plain_paragraph(self, state: BlockState, sc: Any) -> bool:
        # mistune's short cut for text tries its rules at every line; our search is shorter.
        return False


_BLOCKS = _Blocks()


def entry_hash(entry: bytes) -> str:
    """The hash by which an entry is recognised in another version of its log.

    SHA-256 of its bytes with CRLF as LF and without trailing blank lines and rules, so that
    neither another checkout nor what follows the entry changes it.
    """
    if b"\r" in entry:
        entry = entry.replace(b"\r\n", b"\n")
    end = _trimmed(entry, len(entry))
    while entry[end - 3 : end] in _RULES:
        start = entry.rfind(b"\n", 0, end) + 1
        line = entry[start:end].strip()
        if start == 0 or line.strip(line[:1]):
            break
        end = _trimmed(entry, start)
    return hashlib.sha256(memoryview(entry)[:end]).hexdigest()


def _trimmed(entry: bytes, end: int) -> int:
    """Where the entry ends without the white space before `end`."""
    while end and entry[end - 1] in b" \t\n\r\f\v":
        end -= 1
    return end


def read_entry(whole: bytes, span: Span, sha256: str) -> Entry:
    """Read one entry.

    Args:
        whole: its bytes.
        span: where they stand in the log, with the heading that begins them.
        sha256: their `entry_hash`.
    """
    heading = span.heading
    if heading is None:
        raise ValueError("the span is no session")
    fields, code = _fields(_prose(whole, span))
    agent, title = _first(fields, "agent").strip("`*"), _first(fields, "task")
    names_agent = bool(heading.name and title and not agent)
    return Entry(
        time=heading.time,
        time_end=heading.time_end,
        started=_first(fields, "started"),
        finished=_first(fields, "finished"),
        agent=heading.name if names_agent else heading.agent or agent,
        task=heading.task if names_agent else heading.task or heading.name,
        title=title,
        status=heading.status or _status(fields),
        declared=_declared(fields, code),
        notes=tuple(_notes(fields)),
        sha256=sha256,
    )


def _prose(whole: bytes, span: Span) -> str:
    """The entry without its heading line and without its patch, fence lines included."""
    begin = whole.find(b"\n") + 1 or len(whole)
    if span.patch is not None:
        start = whole.rfind(b"\n", 0, span.patch[0] - span.start - 1) + 1
        end = span.patch[1] - span.start
        if not span.unclosed:
            end = whole.find(b"\n", end) + 1 or len(whole)
        prose = whole[begin:start] + whole[end:]
    else:
        prose = whole[begin:]
    text = decode_text(prose)
    return text.replace("\r\n", "\n") if "\r" in text else text


def _fields(prose: str) -> tuple[_Fields, list[str]]:
    """The labelled values of an entry, and the text of its code blocks.

    A sub-heading labels the paragraphs below it.
    """
    state = BlockState()
    state.process(prose)
    _BLOCKS.parse(state)
    fields: _Fields = {}
    code: list[str] = []
    section = _NO_FIELD
    for token in state.tokens:
        kind = token["type"]
        if kind == "heading":
            section = _FIELD_OF.get(label_of(token["text"]), _NO_FIELD)
        elif kind == "block_code":
            code.append(token["raw"])
        elif kind == "paragraph":
            if section[0]:
                _put(fields, section, token["text"])
            _labelled(token["text"], fields)
    return fields, code


def _labelled(text: str, fields: _Fields) -> None:
    """Add the `Label: value` lines of a paragraph; to notes, the unlabelled lines below too."""
    below = ""
    for line in text.split("\n"):
        head, colon, value = line.partition(":")
        if "：" in head:
            head, colon, value = line.partition("：")
        elif value and value[0] not in " \t*_":
            colon = ""
        if colon:
            place = _place(head)
            if place is not None:
                below = ""
                if place[0]:
                    if value and head.count("**") == 1:  # `**Label:** value`
                        value = value.replace("**", "", 1)
                    if _put(fields, place, value.strip()) and place[0] in _NOTE_FIELDS:
                        below = place[0]
                continue
        if below and line:
            rank, value = fields[below]
            fields[below] = rank, f"{value}\n{line}"


@lru_cache(maxsize=4096)
def _place(head: str) -> tuple[str, int] | None:
    """The field and rank of what stands before a colon; None where that is no label."""
    m = _LABEL.fullmatch(head)
    return _FIELD_OF.get(label_of(m["label"]), _NO_FIELD) if m else None


def _put(fields: _Fields, place: tuple[str, int], value: str) -> bool:
    """Keep a value, unless a label of the same or a better rank gave one."""
    field, rank = place
    known = fields.get(field)
    if known is not None and known[0] <= rank and known[1]:
        return False
    fields[field] = rank, value
    return True


def _first(fields: _Fields, field: str) -> str:
    """The first line of a field's value, empty where the entry does not have it."""
    if field not in fields:
        return ""
    value = fields[field][1].strip()
    return value.partition("\n")[0].rstrip() if "\n" in value else value


def _status(fields: _Fields) -> str:
    status = _first(fields, "status")
    if status:
        return status
    code = _first(fields, "exit_code")
    return f"exit_code: {code}" if code else ""


def _declared(fields: _Fields, code: list[str]) -> Metrics:
    added = _integer(_first(fields, "lines_added"))
    removed = _integer(_first(fields, "lines_removed"))
    if added is None and removed is None:
        added, removed = _added_and_removed(fields, code)
    deployment = _DEPLOYMENT.match(_first(fields, "deployment"))
    return Metrics(
        lines_added=added,
        lines_removed=removed,
        commits=_integer(_first(fields, "commits")),
        duration_min=_minutes(fields),
        tokens_used=_integer(_first(fields, "tokens")),
        deployment=deployment["name"] if deployment else None,
    )


def _added_and_removed(fields: _Fields, code: list[str]) -> tuple[int | None, int | None]:
    """`+12 -3` where it stands after Lines, in a summary of the diff, or in a one-line Diff."""
    places = [_first(fields, "lines")]
    places += [m["value"] for block in code for m in _LINES_SUMMARY.finditer(block)]
    places.append(_first(fields, "diff"))
    for text in places:
        m = _PLUS_MINUS.search(text)
        if m:
            return int(m["added"].replace(",", "")), int(m["removed"].replace(",", ""))
    return None, None


def _integer(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    m = _INTEGER.match(text)
    return int(re.sub(r"[,_]", "", m["n"])) if m else None


def _minutes(fields: _Fields) -> int | None:
    """A declared duration in whole minutes, half a minute rounded up."""
    text = _first(fields, "duration")
    if not text:
        return _integer(_first(fields, "duration_min"))
    m = _DURATION.match(text)
    if m and (m["h"] or m["m"] or m["s"]):
        minutes = float(m["h"] or 0) * 60 + float(m["m"] or 0) + float(m["s"] or 0) / 60
        return int(minutes + 0.5)
    return None


def _notes(fields: _Fields) -> Iterator[tuple[str, str]]:
    for field in _NOTE_FIELDS:
        if field in fields:
            text = fields[field][1]
            if "\n" in text:
                text = _RULE_OR_MARK.sub("", text)
            text = one_line(text)
            if text and not _SAYS_NOTHING.fullmatch(text):
                yield field, text
