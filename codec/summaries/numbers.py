"""Numbers in a text, in digits and in English words, compared with those that sessions state.

1. A number is supported if a cited session states its value, in a text or as a metric. A figure of
   the deterministic part supports it only next to a word of that figure: the 2 of "2 failed" does
   not support "2 outages".
2. A percentage is supported only by a percentage. A word with digits and letters (`v2`, `#12`,
   `11/06`) is supported only as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from codec.summaries.evidence import NUMBER, Evidence, tokens_of, value_of

_UNITS: Final = {"k": 10**3, "m": 10**6, "bn": 10**9, "b": 10**9}
_PLAIN_UNITS: Final = (
    "x|min|mins|minutes|s|sec|ms|h|hr|hrs|d|st|nd|rd|th|-lines?|-commits?|-minutes?"
)
_NUMBER = re.compile(
    rf"[~≈<>=+]*(?P<number>{NUMBER.pattern})(?P<unit>%|k|m|bn|b|{_PLAIN_UNITS})?\+?", re.I
)
_PAIR = re.compile(rf"(?P<first>{NUMBER.pattern})(?:-|/|\.\.)(?P<second>{NUMBER.pattern})")
_ONES: Final = re.findall(
    r"\w+",
    """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
""",
)
_TENS: Final = re.findall(
    r"\w+",
    """
twenty thirty forty fifty sixty seventy eighty ninety
""",
)
_VALUES: Final = (
    {word: n for n, word in enumerate(_ONES)}
    | {word: 10 * n for n, word in enumerate(_TENS, 2)}
    | {"third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9}
    | {"tenth": 10, "eleventh": 11, "twelfth": 12}
)
_SCALES: Final = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
#: Words that state an amount without a number: only a text with the same word supports them.
_VAGUE: Final = frozenset(
    re.findall(
        r"\w+",
        """
dozen dozens hundreds thousands millions billions half halved halves doubled double tripled
triple quadrupled twice thrice twofold threefold tenfold couple pair thirds
""",
    )
)
_NUMERAL: Final = "|".join((*_VALUES, *_SCALES))
_WORDS = re.compile(rf"\b(?:{_NUMERAL})(?:(?:[- ]| and )(?:{_NUMERAL}))*\b", re.I)
_PER_CENT = re.compile(r"\bper cent\b", re.I)
_PERCENT: Final = frozenset(("%", "percent"))
#: The largest distance between a number and its noun, in words.
_NEAR: Final = 3


def is_numeral(word: str) -> bool:
    """Return True if a word, in any case, states a number or an amount."""
    return all(part in _VALUES or part in _SCALES for part in word.lower().split("-")) or (
        word.lower() in _VAGUE
    )


def unsupported_number(text: str, evidence: Evidence) -> str | None:
    """Return the first unsupported number in a text; None if the sessions support all numbers.

    Args:
        text: the text in its plain form, without quotations and dates.
        evidence: the evidence of the cited sessions.
    """
    tokens = tokens_of(_PER_CENT.sub("percent", text))
    for place, token in enumerate(tokens):
        if any(c.isnumeric() for c in token) and not _is_supported(place, tokens, evidence):
            return token
        if token.lower() in _VAGUE and token.lower() not in evidence.words:
            return token
    return next(_unsupported_words(text, evidence), None)


def _is_supported(place: int, tokens: list[str], evidence: Evidence) -> bool:
    token = tokens[place]
    near = _near(place, tokens)
    is_percent = bool(_PERCENT.intersection(w.lower() for w in tokens[place + 1 : place + 2]))
    if token.casefold() in evidence.tokens and not is_percent and not token.isdigit():
        return True
    if pair := _PAIR.fullmatch(token):
        values = (value_of(pair["first"]), value_of(pair["second"]))
        return all(_has(value, near, evidence) for value in values)
    m = _NUMBER.fullmatch(token)
    if m is None:
        return False
    unit = (m["unit"] or "").lower()
    value = value_of(m["number"])
    if unit == "%" or is_percent:
        return value in evidence.percentages or "%" in evidence.figures.get(value, ())
    if unit in _UNITS:
        return _has((value * _UNITS[unit]).normalize(), near, evidence)
    return _has(value, near | {unit.strip("-")}, evidence)


def _has(value: Decimal, near: frozenset[str], evidence: Evidence) -> bool:
    if value in evidence.numbers:
        return True
    words = next((w for number, w in evidence.figures.items() if number == value), frozenset())
    return not words.isdisjoint(near)


def _near(place: int, tokens: list[str]) -> frozenset[str]:
    around = (*tokens[max(0, place - _NEAR) : place], *tokens[place + 1 : place + 1 + _NEAR])
    return frozenset(part for word in around for part in word.lower().split("-"))


def _unsupported_words(text: str, evidence: Evidence) -> Iterator[str]:
    for m in _WORDS.finditer(text):
        words = re.split(r"[- ]+", m[0].lower())
        after = text[m.end() :].split()[:_NEAR]
        before = text[: m.start()].split()[-_NEAR:]
        if words == ["one"] and (after[:1] in (["of"], ["another"]) or before[-1:] == ["no"]):
            continue
        near = frozenset(w.strip(".,;:()").lower() for w in (*before, *after))
        if not _has(_value(words), near, evidence) and not evidence.says(m[0]):
            yield m[0]


def _value(words: list[str]) -> Decimal:
    total = current = 0
    for word in words:
        if word in _SCALES:
            current = max(1, current) * _SCALES[word]
            if _SCALES[word] > 100:
                total, current = total + current, 0
        else:
            current += _VALUES.get(word, 0)
    return Decimal(total + current).normalize()
