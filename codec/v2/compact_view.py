"""Encode and decode the compact view of sessions.

    sonnet-4.5=s !FAIL +added-removed tN min cN commits else c1
    2025-11-06
    140000 s coverage validation +1247-89c11t30
    141900 human! warp ui baseline +324-45

1. It is a codec: `decode_view(encode_view(deltas), deltas) == deltas`, in the same order. A session
   that it cannot express is written as its delta line. Suffixes of keys are left out, because they
   mean nothing to a reader; the decoder finds them in the known deltas.
2. Nothing is repeated: an agent that is used at least twice has a letter, a day header shows only
   the part of the date that changed, the usual number of commits is left out, and the legend
   explains only the signs that are used.
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from typing import Final, cast

from codec.kinds import Key
from codec.names import UNNAMED, is_key, key_time
from codec.records import Metrics, Status
from codec.shown_text import FRAME
from codec.v2.deltas import Delta, decode_delta, encode_delta

_MARKS: Final[dict[str, str]] = {"FAIL": "!", "PARTIAL": "?", "UNKNOWN": "~"}
_STATUS_OF: Final = {mark: status for status, mark in _MARKS.items()}
_USUAL_COMMITS: Final = "else c1"
#: Begins a line with the notes of a session.
NOTE: Final = "note "
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

_LEGEND_AGENT = re.compile(r"(?P<name>[^\s=]+)=(?P<letter>[A-Za-z])")
_DAY = re.compile(r"(?:(?:(?P<year>\d{4})-)?(?P<month>\d{2}))?-(?P<day>\d{2})", re.ASCII)
_ENTRY = re.compile(
    r"(?P<clock>\d{6}|-) (?P<agent>[^\s!?~]+)(?P<mark>[!?~])?"
    r" (?P<task>\S.*?)(?: (?P<metrics>(?=[+ct])"
    r"(?:\+(?P<added>\d{1,15})(?:-(?P<removed>\d{1,15}))?)?(?:c(?P<commits>\d{1,15}|-))?(?:t(?P<minutes>\d{1,15}))?))?",
    re.ASCII,
)


def encode_view(deltas: Sequence[Delta]) -> str:
    """Return deltas as a compact view, in the given order; empty without deltas."""
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
    """Return the deltas of a compact view, in order.

    The line that frames a context may precede it, and lines with notes may follow.

    Args:
        text: the view.
        known: deltas in which suffixes of keys are looked up.

    Raises:
        FormatError: a line is not a day, an entry or a delta line.
    """
    text = text.removeprefix(f"{FRAME}\n")
    if not text:
        return []
    legend, *lines = text.splitlines()
    names = {m["letter"]: m["name"] for m in map(_LEGEND_AGENT.fullmatch, legend.split()) if m}
    usual = 1 if _USUAL_COMMITS in legend else None
    deltas: list[Delta] = []
    keys: dict[Delta, list[Key]] = {}
    for delta in known:
        keys.setdefault(delta._replace(key=Key(key_time(delta.key))), []).append(delta.key)
    day = ""
    for line in lines:
        if line.startswith(NOTE):
            continue
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


def _letters(deltas: Sequence[Delta]) -> dict[str, str]:
    """Return a letter for each agent that is used at least twice, from its own name if possible."""
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
    """Return True if the legend can contain a name."""
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
        key=Key(time),
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
