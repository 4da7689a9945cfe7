"""Read the figures that an entry declares: lines, commits, minutes, tokens.

Only declared figures are used; nothing is counted or guessed. The hash of a commit is not a number
of commits.
"""

from __future__ import annotations

import re
from functools import lru_cache

from codec.records import Metrics
from codec.v1.fields import Fields

_ABOUT = (
    r"(?:approx\.?|approximately|about|around|circa|ca\.|etwa|rund|env\.|environ|aprox\.?|约|約"
    r"|около|[~≈+\-−\s*`])*"
)
_INTEGER = re.compile(
    rf"{_ABOUT}(?P<n>\d{{1,3}}(?:[,_]\d{{3}}){{1,4}}|\d{{1,15}})"
    r"(?![\d.,]*[kKmM%]|[\d.,]*\d|\s?[-–]\s?\d|[a-zA-Z])",  # no 2.5k, no 3.5, no 1-3, no 3f2a9c1
    re.I,
)
#: A longer number of commits is a hash.
_HASH_DIGITS = 7
_DIGITS = re.compile(r"[`*\s]*(\d+)")
_PLUS_MINUS = re.compile(
    r"\+[ ]?(?P<added>\d[\d,]{0,14})\b[^-+−\d\n]{0,4}[-−][ ]?(?P<removed>\d[\d,]{0,14})\b"
)
_LINES_SUMMARY = re.compile(r"^[ \t]*(?:Lines|Total)(?: changed)?:(?P<value>[^\n]*)", re.M | re.I)
_HOURS = (
    r"h(?:(?:ou)?rs?)?|std\.?|stunden?|heures?|horas?|or[ae]|uur|uren|час(?:а|ов)?|ч\.?|годин[аи]?"
    r"|小时|小時|时间|時間|시간"
)
_MINUTES = r"m(?:in(?:ute?n?|uto|uti|uut)?s?)?\.?|minuter|мин(?:ут[аы]?)?\.?|хв\.?|分钟|分鐘|分|분"
_SECONDS = (
    r"s(?:ec(?:ond)?s?|ek(?:unden?)?)?\.?|secondes?|segundos?|secondi|сек(?:унд[аы]?)?\.?|秒|초"
)
_AND = r"(?![A-Za-zà-ÿа-я])[ ,]*(?:(?:and|und|et|y|e|en|и) )?"
_DURATION = re.compile(
    rf"{_ABOUT}(?:(?P<h>\d{{1,6}}(?:[.,]\d+)?)[ ]?(?:{_HOURS}){_AND})?"
    rf"(?:(?P<m>\d{{1,6}}(?:[.,]\d+)?)[ ]?(?:{_MINUTES}){_AND})?"
    rf"(?:(?P<s>\d{{1,6}}(?:[.,]\d+)?)[ ]?(?:{_SECONDS})(?![A-Za-zà-ÿа-я]))?(?!\d)",
    re.I,
)
_DEPLOYMENT = re.compile(r"`?(?P<name>(?=\S*\d)[A-Za-z0-9][\w.-]{3,})")


def first_line(fields: Fields, field: str) -> str:
    """Return the first line of a field's value; empty if the entry does not have the field."""
    if field not in fields:
        return ""
    value = fields[field][1].strip()
    return value.partition("\n")[0].rstrip() if "\n" in value else value


def declared(fields: Fields, code: list[str]) -> Metrics:
    """Return the figures that an entry states.

    Args:
        fields: its labelled values.
        code: the text of its code blocks, which may contain a summary of the diff.
    """
    added = _integer(first_line(fields, "lines_added"))
    removed = _integer(first_line(fields, "lines_removed"))
    if added is None and removed is None:
        added, removed = _added_and_removed(fields, code)
    deployment = None
    if "deployment" in fields:
        deployment = _DEPLOYMENT.match(first_line(fields, "deployment"))
    return Metrics(
        lines_added=added,
        lines_removed=removed,
        commits=_commits(first_line(fields, "commits")),
        duration_min=_minutes(fields),
        tokens_used=_integer(first_line(fields, "tokens")),
        deployment=deployment["name"] if deployment else None,
    )


def _added_and_removed(fields: Fields, code: list[str]) -> tuple[int | None, int | None]:
    """Return the lines added and removed: from a label, a diff summary or a one-line Diff."""
    places = [first_line(fields, "lines")]
    places += [m["value"] for block in code for m in _LINES_SUMMARY.finditer(block)]
    places.append(first_line(fields, "diff"))
    for text in places:
        m = _PLUS_MINUS.search(text)
        if m:
            return int(m["added"].replace(",", "")), int(m["removed"].replace(",", ""))
    return None, None


@lru_cache(maxsize=4096)
def _integer(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    m = _INTEGER.match(text)
    return int(re.sub(r"[,_]", "", m["n"])) if m else None


def _commits(text: str) -> int | None:
    number = _integer(text)
    digits = _DIGITS.match(text) if len(text) >= _HASH_DIGITS else None
    if digits and len(digits[1]) >= _HASH_DIGITS:
        return None
    return number


def _minutes(fields: Fields) -> int | None:
    """Return a declared duration in whole minutes, half a minute rounded up."""
    text = first_line(fields, "duration")
    if not text:
        return _integer(first_line(fields, "duration_min"))
    return _duration(text)


@lru_cache(maxsize=4096)
def _duration(text: str) -> int | None:
    m = _DURATION.match(text)
    if m and (m["h"] or m["m"] or m["s"]):
        hours, minutes, seconds = (float((m[k] or "0").replace(",", ".")) for k in "hms")
        return int(hours * 60 + minutes + seconds / 60 + 0.5)
    return None
