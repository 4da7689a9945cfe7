"""Parse the line that begins a session: its time, agent, task and status.

A form (`v1.dialects`) finds the time and splits the line around it; `refine` classifies the parts.
Only explicit values count: a status alone or in brackets, a known agent alone, in brackets or
before a colon. Session numbers, zones and branches are ignored.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from codec.lazy_pattern import LazyPattern
from codec.v1.agents import is_agent, is_branch, is_role
from codec.v1.beside_date import SESSION_WORD, is_beside_date, remark_end, says_nothing
from codec.v1.date_patterns import CLOCK_PATTERN
from codec.v1.labels import place_of
from codec.vocabulary import is_status


class Heading(NamedTuple):
    """The values of a line that begins a session, as written; empty if not stated.

    Attributes:
        time, time_end: its time, and the end of a range.
        agent, task, status: the values that it states.
        name: its agent or its task; the fields of the entry decide which.
        title: the task in a sentence, if the line has a slug and a title.
        notes: the rest of a line that is a whole entry.
        fields: labelled fields in the line itself.
    """

    time: str
    time_end: str = ""
    agent: str = ""
    task: str = ""
    status: str = ""
    name: str = ""
    title: str = ""
    notes: str = ""
    fields: str = ""


SEPARATOR: Final = r"\s*(?:\||-{1,2}|–|—|:|：|·|•|/|,|;|；|~|→)\s*"

_COUNTED_FIRST: Final = LazyPattern(
    rf"(?:{SESSION_WORD})(?<=[\d次回轮輪话話ン])(?:{SEPARATOR}|\s*(?=[(\[]))|(?:Session|Sitzung|Sesi[óo]n|Sess[ãa]o"
    rf"|Séance|Sessione|Сессия|会话|セッション|세션)\s*[:：|–—-]\s*",
    re.I,
)
_AGENT_NOTE: Final = LazyPattern(
    r"(?P<before>.*?)[(\[（]\s*(?:agente?|ai|ki|ia|model|owner|author|by|via|von|par|por|da|door|агент"
    r"|担当|担当者|代理)(?:\s*(?P<colon>[:：])\s*|\s+)(?P<agent>[^()\[\]（）]+?)\s*[)\]）][\s:–—-]*"
    r"(?P<after>.*)",
    re.I,
)
_BRANCH = re.compile(
    r"(?:branch:? )?`?(?:claude|codex|copilot|cursor|jules|feature|feat|fix|bugfix|hotfix|chore"
    r"|release|refactor|wip)/[\w./-]+`?",
    re.I,
)
_SESSION_ID = re.compile(r"session:?\s", re.I)
_LAST_BRACKETS = re.compile(r"(?P<before>.*?)\s*[(\[（【](?P<inner>[^()\[\]（）【】]*)[)\]）】]\s*")
_FIRST_BRACKETS = re.compile(
    r"[(\[（【]\s*(?P<inner>[^()\[\]（）【】]*?)\s*[)\]）】]\s*[:：–—-]?\s*(?P<after>.+)"
)
_NESTED_BRACKETS = re.compile(r"(?P<before>.*?)\s*\((?P<inner>[^()]*\([^()]*\)\s*)\)\s*")
_LAST_PIECE = re.compile(r"(?P<before>.+?)\s*(?:\||\s[-–—·•:]+|—|–|:|·)\s*(?P<piece>[^|·—–]+)")
_FIRST_PIECE = re.compile(
    r"(?P<piece>[^|:：·—–]{1,60}?)\s*(?:\||：|:(?=\s)|\s[-–—·•/]+\s|—)\s*(?P<after>.+)"
)
_BY = re.compile(r"(?P<before>.+?)\s+(?:by|via|von|par|por|door)\s+(?P<agent>[^()]+)", re.I)
_CLOCK: Final = LazyPattern(CLOCK_PATTERN)
_EDGES: Final = " \t|-–—:：·•,;/~→>"
_LABELLED = re.compile(r"(?:^|\s[|·]\s*|;\s+)(?P<label>[^\W\d_][\w ()/-]{0,30}?)\s*[:：]\s*\S")
_PAIRS = re.compile(r"(?<!\S)(?P<label>[a-z_][\w.-]{0,30})=(?P<value>\"[^\"]*\"|\S+)", re.I)
_AT_AGENT = re.compile(r"@(?P<agent>[\w.-]+)[:,]?\s+(?P<after>.+)")
_CLOCK_FIRST: Final = LazyPattern(
    rf"(?P<clock>(?>{CLOCK_PATTERN}))(?:(?:{SEPARATOR}|\s+)(?P<after>.+))?"
)
_STATUS_FIRST = re.compile(
    r"[\[(]?(?P<status>[A-Z_]{2,12}|[✅✔✓❌✗✘🔴🟢🟡🚧⚠]\ufe0f?)[\])]?(?:\s*[:|–—-]\s*|\s+)(?P<after>.+)"
)


def refine(heading: Heading) -> Heading:
    """Return a heading with the parts of its line classified."""
    agent, task = heading.agent, heading.task
    if agent and task and " " not in task and not _is_odd(agent):
        return heading
    text = f"{agent} | {task}" if agent else task
    if ":" in text or "：" in text or "=" in text:
        fields = _fields_of(text)
        if fields:
            return heading._replace(agent="", task="", fields=fields)
    if agent:
        heading = _with_agent(heading)
    for _ in range(5):
        shorter = _shorten(heading)
        if shorter == heading:
            break
        heading = shorter
    return heading


@lru_cache(maxsize=4096)
def _is_odd(agent: str) -> bool:
    """Return True if the text where the agent is expected is not an agent."""
    return not is_agent(agent) and (
        is_status(agent)
        or is_branch(agent)
        or says_nothing(agent)
        or _CLOCK.fullmatch(agent) is not None
    )


def _fields_of(text: str) -> str:
    """Return the labelled fields of a line as lines; empty if fewer than two labels are known."""
    if "=" in text:
        pairs = [m for m in _PAIRS.finditer(text) if place_of(m["label"].replace("_", " ")).field]
        if len(pairs) > 1:
            rest = _PAIRS.sub("", text).strip()
            lines = [f"{m['label'].replace('_', ' ')}: {m['value'].strip(chr(34))}" for m in pairs]
            return "\n".join([*([f"Task: {rest}"] if rest else []), *lines])
    labels = [m["label"] for m in _LABELLED.finditer(text)]
    known = sum(bool(place_of(label).field) for label in labels)
    if known > 1 or (known and known == len(labels) and "|" not in text and _starts_labelled(text)):
        parts = re.split(r"\s[|·]\s*|;\s+(?=[^\W\d_][\w ()/-]{0,30}[:：]\s)", text)
        return "\n".join(part.strip() for part in parts)
    return ""


def _starts_labelled(text: str) -> bool:
    m = _LABELLED.match(text)
    return m is not None and place_of(m["label"]).field in ("agent", "task", "status")


def _with_agent(heading: Heading) -> Heading:
    """Return a heading with a checked agent: its text may be a status, branch, number or task."""
    agent, task = heading.agent, heading.task
    if is_agent(agent):
        return heading
    if is_status(agent):
        return heading._replace(agent="", status=heading.status or agent)
    if _CLOCK.fullmatch(agent) and ":" not in heading.time:
        return heading._replace(agent="", time=f"{heading.time} {agent}")
    if is_agent(task):
        return heading._replace(agent=task, task=agent)
    if says_nothing(agent) or is_branch(agent):
        return heading._replace(agent="")
    return heading


def _shorten(heading: Heading) -> Heading:
    """Return a heading with one part removed from its task; unchanged if all parts belong to it."""
    task = heading.task.strip(_EDGES)
    if not task:
        return heading._replace(task="")
    if task[0] in "(（" and task[-1] in ")）" and task.count(task[0]) == 1:
        task = task[1:-1].strip()
    if says_nothing(task):
        return heading._replace(task="")
    clock = _CLOCK_FIRST.fullmatch(task) if heading.time and ":" not in heading.time else None
    if clock:
        time = f"{heading.time} {clock['clock']}"
        return heading._replace(task=clock["after"] or "", time=time)
    opened = _without_first_brackets(heading, task)
    if opened:
        return opened
    if not heading.status and is_status(task):
        return heading._replace(task="", status=task)
    if not heading.agent and is_agent(task):
        return heading._replace(task="", agent=task)
    heading = heading._replace(task=task)
    return _without_brackets(heading) or _without_pieces(heading) or heading


def _without_first_brackets(heading: Heading, task: str) -> Heading | None:
    """Return a heading whose task has no brackets at its beginning, if they state no title."""
    first = _FIRST_BRACKETS.fullmatch(task)
    if first:
        inner, after = first["inner"], first["after"]
        if not heading.agent and is_agent(inner):
            return heading._replace(agent=inner, task=after)
        if not heading.status and is_status(inner):
            return heading._replace(status=inner, task=after)
        return heading._replace(task=after) if is_beside_date(inner) else None
    end = remark_end(task)  # `(2026-03-01 evening) Title`
    return heading._replace(task=task[end:]) if end else None


def _without_brackets(heading: Heading) -> Heading | None:
    """Return a heading without task brackets that have an agent, a status or nothing useful."""
    task = heading.task
    if not any(mark in task for mark in "([（【") or is_role(task):
        return None
    noted = None if heading.agent else _noted_agent(heading)
    if noted:
        return noted
    m = _NESTED_BRACKETS.fullmatch(task) or _LAST_BRACKETS.fullmatch(task)
    if m is None:
        opened = task.rfind("(")
        cut = opened > 0 and ")" not in task[opened:]
        return heading._replace(task=task[:opened].strip(_EDGES)) if cut else None
    before, inner = m["before"].strip(_EDGES), m["inner"].strip()
    if not heading.status and is_status(inner):
        return heading._replace(task=before, status=inner)
    if not heading.agent and is_agent(inner) and not is_agent(task):
        return heading._replace(task=before, agent=inner)
    if says_nothing(inner) or _SESSION_ID.match(inner) or _BRANCH.fullmatch(inner):
        return heading._replace(task=before)
    if not heading.status and is_status(before):
        return heading._replace(task="", status=task)
    return None


def _noted_agent(heading: Heading) -> Heading | None:
    """Return a heading with the agent of a note such as `(agent: codex)` or `(by Codex)`."""
    m = _AGENT_NOTE.fullmatch(heading.task)
    if m is None:
        return None
    name, labelled = m["agent"].strip(), m["colon"] is not None
    if not (labelled or is_agent(name) or is_role(name)):
        return None
    return heading._replace(agent=name, task=f"{m['before']}{m['after']}".strip())


def _without_pieces(heading: Heading) -> Heading | None:
    """Return a heading without a first or last part that is an agent, a status or a number."""
    m = _COUNTED_FIRST.match(heading.task)
    if m and m.end() < len(heading.task):
        return heading._replace(task=heading.task[m.end() :])
    return _without_first(heading) or _without_last(heading) or _without_signs(heading)


def _without_first(heading: Heading) -> Heading | None:
    m = _FIRST_PIECE.fullmatch(heading.task)
    if m is None:
        return None
    piece, after = m["piece"].strip("[]() "), m["after"]
    if not heading.agent and is_agent(piece):
        return heading._replace(agent=piece, task=after)
    if not heading.status and piece == piece.upper() and is_status(piece):
        return heading._replace(status=piece, task=after)
    if is_beside_date(piece) or (piece.isdigit() and says_nothing(piece)):
        return heading._replace(task=after)
    return None


def _without_last(heading: Heading) -> Heading | None:
    m = _LAST_PIECE.fullmatch(heading.task)
    if m is None:
        return None
    before, piece = m["before"], m["piece"].strip()
    if not heading.status and is_status(piece):
        return heading._replace(status=piece, task=before)
    if not heading.agent and is_agent(piece):
        return heading._replace(agent=piece, task=before)
    if is_branch(piece) and "/" in piece and " " not in piece:
        return heading._replace(task=before)
    return None


def _without_signs(heading: Heading) -> Heading | None:
    """Return a heading without "by Codex", a leading status in capitals, or a trailing sign."""
    task = heading.task
    by = _BY.fullmatch(task) if not heading.agent else None
    if by and is_agent(by["agent"]):
        return heading._replace(agent=by["agent"], task=by["before"])
    at = _AT_AGENT.fullmatch(task) if not heading.agent else None
    if at and is_agent(at["agent"]):
        return heading._replace(agent=at["agent"], task=at["after"])
    if heading.status:
        return None
    m = _STATUS_FIRST.fullmatch(task) or _DONE_FIRST.fullmatch(task)
    if m and is_status(m["status"]) and not (m["status"].istitle() and m.re is _DONE_FIRST):
        return heading._replace(status=m["status"], task=m["after"])
    bare = task.rstrip("\ufe0f")
    if bare[-1:] in tuple("✅✔✓❌✗✘🔴🟢🟡🚧⚠"):
        return heading._replace(status=bare[-1], task=bare[:-1].rstrip())
    return None


_DONE_FIRST = re.compile(r"(?P<status>[^\W\d_][^,]{1,30}), (?P<after>.+)")
_COLUMNS = re.compile(r"\s{2,}|\t+|\s*\|\s*")


def _listed(text: str, sign: str) -> list[str]:
    """Split a heading such as `done, title` or `agent; title; done`; a title may hold commas."""
    parts = [part.strip() for part in text.split(sign)]
    if sign == ",":
        first = next((n for n, p in enumerate(parts) if not (is_status(p) or is_agent(p))), 0)
        parts[first:] = [", ".join(parts[first:])]
    return parts


def columns(heading: Heading, text: str) -> Heading:
    """Return a heading with the columns after the time, for a line that is a whole entry.

    Args:
        heading: a heading with only the time of the line.
        text: the text after the time.
    """
    sign = text.lstrip()[:1]
    text = text.strip(_EDGES)
    fields = _fields_of(text)
    if fields:
        return heading._replace(fields=fields)
    parts = [p for p in _COLUMNS.split(text) if p]
    if len(parts) < 2 and sign in (",", ";"):
        parts = _listed(text, sign)
    if len(parts) < 2:
        return refine(heading._replace(task=text))
    rest: list[str] = []
    for part in parts:
        if not heading.status and is_status(part):
            heading = heading._replace(status=part)
        elif not heading.agent and (is_agent(part) or (is_role(part) and len(parts) > 2)):
            heading = heading._replace(agent=part)
        elif not (says_nothing(part) or (is_branch(part) and " " not in part)):
            rest.append(part)
    task = rest[0] if rest else ""
    return refine(heading._replace(task=task, notes="; ".join(rest[1:])))
