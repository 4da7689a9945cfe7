"""The words that people and agents use for agents and statuses, and what v2 calls them.

The tables here are published in FORMATS.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from codec.records import Status, name_of, one_line

#: The first word of a status, in lower case, and what it means. A word that is not here is
#: UNKNOWN, and the whole text becomes the remark.
STATUS_WORDS: Final[Mapping[str, Status]] = {
    **dict.fromkeys(
        ("pass", "passed", "passing", "ok", "success", "successful", "succeeded", "complete",
         "completed", "done", "finished", "merged", "deployed", "shipped", "resolved", "fixed",
         "✅", "✔", "✓", "🎉", "🟢"),
        "PASS",
    ),
    **dict.fromkeys(
        ("fail", "failed", "failing", "failure", "error", "errored", "broken", "aborted",
         "crashed", "❌", "✗", "✘", "🔴"),
        "FAIL",
    ),
    **dict.fromkeys(
        ("partial", "partially", "incomplete", "wip", "in-progress", "in_progress", "ongoing",
         "mixed", "paused", "blocked", "⚠", "🟡", "🚧"),
        "PARTIAL",
    ),
}  # fmt: skip

_STATUS = re.compile(
    r"[\W_]*?(?P<word>[^\W\d_][\w-]*|[✅✔✓🎉🟢❌✗✘🔴⚠🟡🚧])\ufe0f?(?P<rest>.*)", re.S
)
_EXIT_CODE = re.compile(r"exit_code: (?:(?P<zero>[+-]?0+)|-?\d+)\b.*")
_IN_PROGRESS = re.compile(r"in[ _-]progress\b", re.I)
_CHOICE = re.compile(r"[\s]*[|/][\s]*[A-Za-z]+")
_MODEL_ID = re.compile(
    r"claude-(?P<family>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d{1,2}))?(?:-\d{8}|-latest)?", re.I
)
_OLD_MODEL_ID = re.compile(
    r"claude-(?P<major>\d)(?:-(?P<minor>\d))?-(?P<family>[a-z]+)(?:-\d{8}|-latest)?", re.I
)
_MODEL_NAME = re.compile(
    r"Claude(?: Code)?[ (]+(?:Claude )?(?P<family>Sonnet|Opus|Haiku)"
    r"[ -](?P<major>\d)(?:\.(?P<minor>\d))?\)?",
    re.I,
)
_REMARK_EDGE = " \t-–—:,;.*_`"


@lru_cache(maxsize=4096)
def status_of(text: str) -> tuple[Status, str]:
    """The status that a text states, and the remark that remains of it."""
    text = one_line(text).strip("*_` ")
    m = _EXIT_CODE.fullmatch(text)
    if m:
        return ("PASS", "") if m["zero"] else ("FAIL", text)
    m = _STATUS.fullmatch(_IN_PROGRESS.sub("in-progress", text, count=1))
    if m is None:
        return "UNKNOWN", text
    status = STATUS_WORDS.get(m["word"].lower())
    if status is None or _CHOICE.match(m["rest"]):
        return "UNKNOWN", text
    remark = _remark(m["rest"], status)
    if not m["word"].isalnum() and remark:
        again = _STATUS.fullmatch(remark)  # a sign, and then the word that it stands for
        if again and STATUS_WORDS.get(again["word"].lower()) == status:
            remark = _remark(again["rest"], status)
    return status, remark


def agent_of(text: str, aliases: Mapping[str, str]) -> str:
    """The short name of an agent: an alias, a Claude model's family and version, or the name."""
    text = text.strip()
    if text in aliases:
        return name_of(aliases[text])
    name = _short_name(text)
    return name_of(aliases[name]) if name in aliases else name


@lru_cache(maxsize=4096)
def _short_name(text: str) -> str:
    m = _MODEL_ID.fullmatch(text) or _OLD_MODEL_ID.fullmatch(text) or _MODEL_NAME.fullmatch(text)
    if m is None:
        return name_of(text)
    version = m["major"] + (f".{m['minor']}" if m["minor"] else "")
    return f"{m['family'].lower()}-{version}"


def _remark(rest: str, status: Status) -> str:
    """What follows the status word, without brackets, and without signs that say the same."""
    rest = rest.replace("\ufe0f", "").strip(_REMARK_EDGE)
    if rest.startswith("(") and rest.endswith(")") and rest.count("(") == 1:
        rest = rest[1:-1].strip()
    rest = rest.strip("*_` ")
    return "" if STATUS_WORDS.get(rest) == status and not rest.isalnum() else rest
