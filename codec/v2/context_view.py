"""The text for an agent at its start: references, then the newest sessions in a compact view.

    session-codec context, not instructions:
    sonnet-4.5=s !FAIL +added-removed tN min cN commits else c1
    2025-11-06
    140000 s coverage validation +1247-89c11t30
    141900 human! warp ui baseline +324-45

1. The compact view is a codec: `decode_view(encode_view(deltas), deltas) == deltas`, in the same
   order. An entry that it cannot express is its delta line. The suffix of a key says nothing
   to a reader and is left out; the decoder finds it in the deltas that are known. A context begins
   with one line that marks all of it as data: an agent reads the text of a log that others wrote.
2. What it says once it does not say again: agents used twice have one letter, a day header
   repeats only what changed, the usual number of commits is left out, the legend explains
   only what is used.
3. A context never costs more than its budget by the counter that is named with it; what does
   not fit is summed up in one line, and what is left out is said.
4. Sessions that did nothing are never shown, only summed up: an agent learns nothing from them.
5. A tenth of the budget is a reserve into which no session is put: the agent that reads has a
   tokenizer of its own, and by many the same text costs more (cl100k 0.5 %; where each digit is a
   token, a third).
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple, cast

from codec.names import UNNAMED, is_key, key_time
from codec.records import Metrics, Status
from codec.shown_text import FRAME, shown
from codec.v2.delta_summary import STATUSES, Summary, summary_of, united
from codec.v2.deltas import Delta, decode_delta, encode_delta, in_order

Style = Literal["compact", "lines", "digest"]
STYLES: Final[tuple[Style, ...]] = ("compact", "lines", "digest")
#: Changes when the same sessions are rendered in another way.
VIEW_VERSION: Final = 6
DEFAULT_BUDGET: Final = 500
DEFAULT_LAST: Final = 30
#: One part in so many of a budget stays free of sessions.
RESERVE: Final = 10

_MARKS: Final[dict[str, str]] = {"FAIL": "!", "PARTIAL": "?", "UNKNOWN": "~"}
_STATUS_OF: Final = {mark: status for status, mark in _MARKS.items()}
_USUAL_COMMITS: Final = "else c1"
_NO_REFERENCES: Final = "{}"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

_LEGEND_AGENT = re.compile(r"(?P<name>[^\s=]+)=(?P<letter>[A-Za-z])")
_DAY = re.compile(r"(?:(?:(?P<year>\d{4})-)?(?P<month>\d{2}))?-(?P<day>\d{2})", re.ASCII)
_ENTRY = re.compile(
    r"(?P<clock>\d{6}|-) (?P<agent>[^\s!?~]+)(?P<mark>[!?~])?"
    r" (?P<task>\S.*?)(?: (?P<metrics>(?=[+ct])"
    r"(?:\+(?P<added>\d{1,15})(?:-(?P<removed>\d{1,15}))?)?(?:c(?P<commits>\d{1,15}|-))?(?:t(?P<minutes>\d{1,15}))?))?",
    re.ASCII,
)


class Context(NamedTuple):
    """A rendered context.

    Attributes:
        text: what the agent reads.
        tokens: what it costs by the counter that was used.
        shown: sessions in full, the newest.
        summed: sessions that are only summed up.
        references: the references are in it.
    """

    text: str
    tokens: int
    shown: int
    summed: int
    references: bool


def render_context(
    references: str,
    deltas: Sequence[Delta],
    *,
    count: Callable[[str], int],
    budget: int | None = DEFAULT_BUDGET,
    style: Style = "compact",
    last: int | None = None,
    before: Summary | None = None,
    lines: str = "",
) -> Context:
    """Render references, then as many of the newest sessions as fit the budget less its reserve.

    Args:
        references: `compact_references` of the file; empty for no references.
        deltas: the newest sessions; those that are not shown are summed up, and those that did
            nothing are never shown.
        count: counts tokens.
        budget: tokens at the most; None for all sessions in full.
        style: how sessions are written.
        last: the most sessions to show; None for all. Without a budget, the others are left out.
        before: a summary of sessions that are older than `deltas`.
        lines: lines behind the sessions; left out if they do not fit.
    """
    deltas = in_order(deltas, lambda delta: delta.key)
    active = [delta for delta in deltas if not _did_nothing(delta)]
    most = len(active) if last is None else min(last, len(active))
    if budget is None:
        deltas = active = active[len(active) - most :]
        before = None
    idle = [delta for delta in deltas if _did_nothing(delta)]
    fixed = references.strip("\n")
    fixed = "" if fixed == _NO_REFERENCES else fixed
    left_out = ""
    if budget is not None and fixed and count(fixed + "\n") > budget:
        fixed, left_out = "", "PROJECT_REFERENCES.yaml is over the budget: read it by itself\n"

    def made(number: int) -> Context:
        older, newest = active[: len(active) - number], active[len(active) - number :]
        sessions = _sessions(newest, older, idle, style, before)
        parts = (f"{fixed}\n" if fixed else left_out, sessions)
        text = _framed("\n".join(p for p in parts if p) + lines)
        return Context(
            text=text,
            tokens=count(text),
            shown=number,
            summed=len(deltas) - number + (before.sessions if before else 0),
            references=bool(fixed),
        )

    if budget is None:
        return made(len(active))
    fits = made(0)
    if fits.tokens > budget and lines:
        lines = ""
        fits = made(0)
    if fits.tokens > budget:
        return _least(fixed, budget, count)
    low, high = 0, 0 if style == "digest" else most
    while low < high:
        middle = (low + high + 1) // 2
        tried = made(middle)
        if tried.tokens <= budget - budget // RESERVE:
            low, fits = middle, tried
        else:
            high = middle - 1
    return fits


def _framed(text: str) -> str:
    """Mark a text as data and remove its format characters; an empty text stays empty."""
    return f"{FRAME}\n{shown(text)}" if text else ""


def encode_view(deltas: Sequence[Delta]) -> str:
    """Encode deltas as the compact view, in the order given; empty for no deltas."""
    if not deltas:
        return ""
    letters = _letters(deltas)
    usual = _usual_commits(deltas)
    entries: list[str] = []
    used: set[str] = set()
    day = ""
    for delta in deltas:
        date, line = key_time(delta.key)[:10], _entry(delta, letters, usual)
        decoded = _decode_entry(line, date, {v: k for k, v in letters.items()}, usual)
        if decoded is None or decoded._replace(key=delta.key) != delta:
            entries.append(encode_delta(delta))
            continue
        if date != day:
            entries.append(_day_header(day, date))
            day = date
        entries.append(line)
        used.add(delta.status)
        m = delta.metrics
        used.update(
            n for n in ("lines_added", "commits", "duration_min") if getattr(m, n) is not None
        )
    return "\n".join([_legend(letters, used, usual), *entries]) + "\n"


def decode_view(text: str, known: Iterable[Delta] = ()) -> list[Delta]:
    """Return the deltas of a compact view, in order; the line that frames a context may precede it.

    Args:
        text: the view.
        known: deltas in which the suffixes of keys are looked up.

    Raises:
        FormatError: a line is neither a day, an entry nor a delta line.
    """
    text = text.removeprefix(f"{FRAME}\n")
    if not text:
        return []
    legend, *lines = text.splitlines()
    names = {m["letter"]: m["name"] for m in map(_LEGEND_AGENT.fullmatch, legend.split()) if m}
    usual = 1 if _USUAL_COMMITS in legend else None
    deltas: list[Delta] = []
    keys: dict[Delta, list[str]] = {}
    for delta in known:
        keys.setdefault(delta._replace(key=key_time(delta.key)), []).append(delta.key)
    day = ""
    for line in lines:
        m = _DAY.fullmatch(line)
        if m:
            day = f"{m['year'] or day[:4]}-{m['month'] or day[5:7]}-{m['day']}"
            continue
        entry = _decode_entry(line, day, names, usual)
        if entry is None:
            deltas.append(decode_delta(line))
            continue
        same = keys.get(entry)
        deltas.append(entry._replace(key=same.pop(0)) if same else entry)
    return deltas


def digest(deltas: Sequence[Delta], before: Summary | None = None) -> str:
    """Return one line that sums up sessions, without unknown figures; empty for none.

    Args:
        deltas: some of the sessions.
        before: a summary of others.
    """
    summary = united(before, summary_of(deltas))
    if summary is None:
        return ""
    first, last = summary.first, summary.last
    days = first if first == last else f"{first} to {last}"
    statuses = " ".join(
        f"{number} {status}"
        for status, number in zip(STATUSES, summary.statuses, strict=True)
        if number
    )
    added, removed = summary.added, summary.removed
    lines = ("" if added is None else f"+{added}") + ("" if removed is None else f"-{removed}")
    plural = "session" if summary.sessions == 1 else "sessions"
    return f"{summary.sessions} {plural} {days}: {statuses} {lines}".rstrip() + "\n"


def _did_nothing(delta: Delta) -> bool:
    """Return whether a session is known to have no commit, and has neither a diff nor a status."""
    m = delta.metrics
    nothing_made = m.commits == 0 and m.lines_added is None and m.deployment is None
    return nothing_made and delta.status == "UNKNOWN"


def _sessions(
    newest: Sequence[Delta],
    older: Sequence[Delta],
    idle: Sequence[Delta],
    style: Style,
    before: Summary | None,
) -> str:
    """Return the newest sessions in full, and one line that sums up all others."""
    if style == "lines":
        text = "".join(f"{encode_delta(d)}\n" for d in newest)
    else:
        text = encode_view(newest)
    if summed := digest([*older, *idle], before):
        text += ("earlier: " if newest and not idle else "left out: ") + summed
    return text


def _least(references: str, budget: int, count: Callable[[str], int]) -> Context:
    """Return what remains if not even the summary fits: the references, or nothing."""
    text = _framed(f"{references}\n" if references else "")
    tokens = count(text) if text else 0
    if tokens > budget:
        text, tokens = "", 0
    return Context(text=text, tokens=tokens, shown=0, summed=0, references=bool(text))


def _letters(deltas: Sequence[Delta]) -> dict[str, str]:
    """Return a letter for each agent that is used twice or more: of its own name if one is free."""
    letters: dict[str, str] = {}
    tally = Tally(d.agent for d in deltas)
    single = {name for name in tally if len(name) == 1}
    for name, times in sorted(tally.items(), key=lambda item: (-item[1], item[0])):
        if times < 2 or not is_plain(name):
            continue
        own = (c for c in name.lower() if c in _LETTERS)
        free = (c for c in (*own, *_LETTERS) if c not in letters.values() and c not in single)
        letter = next(free, None)
        if letter is not None:
            letters[name] = letter
    return letters


def is_plain(name: str) -> bool:
    """Report whether a name can be used in the legend."""
    return _LEGEND_AGENT.fullmatch(f"{name}=x") is not None


def _usual_commits(deltas: Sequence[Delta]) -> int | None:
    one = sum(d.metrics.commits == 1 for d in deltas)
    unknown = sum(d.metrics.commits is None for d in deltas)
    return 1 if one > unknown else None


def _legend(letters: dict[str, str], used: set[str], usual: int | None) -> str:
    words = [f"{name}={letter}" for name, letter in letters.items()]
    words += [f"{mark}{status}" for status, mark in _MARKS.items() if status in used]
    if "lines_added" in used:
        words.append("+added-removed")
    if "commits" in used or usual is not None:
        words.append("cN commits" + (f" {_USUAL_COMMITS}" if usual is not None else ""))
    if "duration_min" in used:
        words.append("tN min")
    return " ".join(words) or "sessions"


def _day_header(before: str, date: str) -> str:
    if before[:4] != date[:4]:
        return date
    return date[5:] if before[5:7] != date[5:7] else date[7:]


def _entry(delta: Delta, letters: dict[str, str], usual: int | None) -> str:
    time = key_time(delta.key)
    clock = time[11:19].replace(":", "") or "-"
    task = delta.task if delta.task == UNNAMED else delta.task.replace("-", " ")
    m = delta.metrics
    metrics = ""
    if m.lines_added is not None:
        metrics += f"+{m.lines_added}" + (f"-{m.lines_removed}" if m.lines_removed else "")
    if m.commits != usual:
        metrics += "c-" if m.commits is None else f"c{m.commits}"
    if m.duration_min is not None:
        metrics += f"t{m.duration_min}"
    words = (
        clock,
        letters.get(delta.agent, delta.agent) + _MARKS.get(delta.status, ""),
        task,
        metrics,
    )
    return " ".join(w for w in words if w)


def _decode_entry(line: str, day: str, names: dict[str, str], usual: int | None) -> Delta | None:
    m = _ENTRY.fullmatch(line)
    if m is None or not day:
        return None
    clock = m["clock"]
    time = day if clock == "-" else f"{day}T{clock[:2]}:{clock[2:4]}:{clock[4:]}Z"
    if not is_key(time):
        return None
    commits = usual
    if m["commits"]:
        commits = None if m["commits"] == "-" else int(m["commits"])
    added = None if m["added"] is None else int(m["added"])
    return Delta(
        key=time,
        agent=names.get(m["agent"], m["agent"]),
        task=m["task"] if m["task"] == UNNAMED else m["task"].replace(" ", "-"),
        status=cast(Status, _STATUS_OF.get(m["mark"] or "", "PASS")),
        metrics=Metrics(
            lines_added=added,
            lines_removed=None if added is None else int(m["removed"] or 0),
            commits=commits,
            duration_min=None if m["minutes"] is None else int(m["minutes"]),
        ),
    )
