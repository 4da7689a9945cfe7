"""Read amounts in a text: a value and its unit, in digits or in words.

1. Number words become digits first (`in_digits`), so "twelve tests" and "12 tests" are the same.
2. Amounts of one kind are compared in one unit: 2 hours are 120 minutes, but not 2 minutes.
   A number without a known unit has the unit "".
3. Digits inside a name (`v2.1`, `#12`, `GH-12`) are not amounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from codec.summaries.number_words import in_digits
from codec.summaries.word_lists import words_of

#: A run of connected characters: a word, an identifier, a path, a number.
TOKEN: Final = re.compile(r"[^\s()\[\]{}<>;:!?\"`,]+(?:[:,][^\s()\[\]{}<>;:!?\"`,]+)*")
EDGES: Final = ".,'-/…*|"
NUMBER: Final = r"\d+(?:[,_']\d{3})*(?:\.\d+)?"

_UNITS: Final[dict[str, tuple[str, Decimal]]] = {
    word: (kind, Decimal(factor))
    for kind, factor, words in (
        ("time", "0.001", "ms msec millisecond milliseconds"),
        ("time", "1", "s sec secs second seconds"),
        ("time", "60", "min mins minute minutes"),
        ("time", "3600", "h hr hrs hour hours"),
        ("time", "86400", "d day days"),
        ("time", "604800", "week weeks"),
        ("month", "1", "month months"),
        ("year", "1", "year years"),
        ("size", "1", "byte bytes"),
        ("size", "1e3", "kb kilobyte kilobytes"),
        ("size", "1e6", "mb megabyte megabytes"),
        ("size", "1e9", "gb gigabyte gigabytes"),
        ("size", "1e12", "tb terabyte terabytes"),
        ("size", "1024", "kib"),
        ("size", "1048576", "mib"),
        ("size", "1073741824", "gib"),
        ("%", "1", "% percent pct"),
        ("points", "1", "percentage points pp"),
        ("x", "1", "x fold"),
        ("times", "1", "times"),
        ("$", "1", "$ usd dollar dollars"),
        ("€", "1", "€ eur euro euros"),
        ("£", "1", "£ gbp"),
        ("line", "1", "line lines loc"),
        ("commit", "1", "commit commits"),
        ("token", "1", "token tokens"),
        ("session", "1", "session sessions"),
    )
    for word in words_of(words)
}
_SCALES: Final = {
    "": 1, "k": 10**3, "m": 10**6, "bn": 10**9,
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9,
}  # fmt: skip
_SUFFIX: Final = "|".join(sorted(filter(str.isalpha, _UNITS), key=len, reverse=True))
_ALONE = re.compile(
    rf"[~≈<>=+]*(?P<currency>[$€£])?(?P<number>{NUMBER})(?:(?P<scale>k|m|bn)|(?P<ordinal>st|nd|rd|th)"
    rf"|-?(?P<unit>%|€|{_SUFFIX}))?\+?",
    re.I,
)
_PAIR = re.compile(
    rf"\+?(?P<first>{NUMBER})(?P<one>%?)(?:/-|-|/|\.\.)(?P<second>{NUMBER})(?P<unit>%|{_SUFFIX})?",
    re.I,
)
_PARTS = re.compile(r"[:=,|]")
_PER_CENT = re.compile(r"\bper cent\b", re.I)
#: `3 times` is a number of events; `3 times faster` is a factor.
_TIMES = re.compile(
    r"(?<=\d) times(?= (?:as|better|faster|fewer|greater|higher|larger|less|lower|more|slower"
    r"|smaller)\b)",
    re.I,
)
#: Words that end the part of a sentence to which a number belongs.
_LINKS: Final = frozenset(
    words_of("a after an and as at before by for from in of on or per the to with")
)


class Amount(NamedTuple):
    """A number in a text.

    Attributes:
        value: its value in the base unit of its kind.
        kind: the kind of its unit; empty without a known unit.
        word: the unit as the text has it.
        plain: the value as the text has it.
        place: the number of its token.
    """

    value: Decimal
    kind: str
    word: str
    plain: Decimal
    place: int


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a text, without punctuation at their edges."""
    return [token for m in TOKEN.finditer(text) if (token := m[0].strip(EDGES))]


def amount_tokens(text: str) -> list[str]:
    """Return the tokens of a text in which number words are digits."""
    return tokens_of(_TIMES.sub(" x", _PER_CENT.sub("percent", in_digits(text))))


def amounts_at(tokens: Sequence[str], place: int) -> list[Amount]:
    """Return the amounts that a token states: one, the two of a range, or none for a name."""
    token = tokens[place]
    if pair := _PAIR.fullmatch(token):
        unit = (pair["unit"] or pair["one"] or _following(tokens, place)).lower()
        return [_amount(pair[name], 1, unit, place) for name in ("first", "second")]
    m = _ALONE.fullmatch(token)
    if m is None:
        return []
    scale = (m["scale"] or "").lower()
    after = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
    if not scale and after in _SCALES:
        scale, place = after, place + 1
    unit = m["currency"] or m["unit"] or ("" if m["ordinal"] else _following(tokens, place))
    return [_amount(m["number"], _SCALES[scale], unit.lower(), place)]


def amounts_in(text: str) -> Iterator[Amount]:
    """Yield the amounts that a text states, including those after a name: `tests=12`."""
    tokens = amount_tokens(text)
    for place, token in enumerate(tokens):
        found = amounts_at(tokens, place)
        yield from found
        # The noun may be between the number and its unit, or the unit may be another noun's.
        yield from (a._replace(value=a.plain, kind="") for a in found if a.word not in ("", "%")
                    and a.word in tokens[place + 2 : place + 3])  # fmt: skip
        if not found and any(map(str.isdigit, token)):
            parts = [part for part in _PARTS.split(token) if part]
            for number in range(len(parts)):
                yield from amounts_at(parts[: number + 1], number)


def value_of(number: str) -> Decimal:
    """Return the value of a number in a text."""
    return Decimal(re.sub(r"[,_']", "", number)).normalize()


def _amount(number: str, scale: int, word: str, place: int) -> Amount:
    kind, factor = _UNITS.get(word, ("", Decimal(1)))
    value = (value_of(number) * scale).normalize()
    return Amount((value * factor).normalize(), kind, word, value, place)


def _following(tokens: Sequence[str], place: int) -> str:
    """Return the unit after a number: the next word, or the one after an adjective."""
    for token in tokens[place + 1 : place + 3]:
        word = token.lower()
        if word in _UNITS:
            return word
        if word in _LINKS or any(map(str.isdigit, word)):
            break
    return ""
