"""Number words of English and of its neighbours, as digits."""

from __future__ import annotations

import re
from typing import Final

from codec.summaries.word_lists import words_of

_ONES: Final = words_of(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS: Final = words_of("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS: Final = words_of(
    "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
    " fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_SCALES: Final = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9,
    "hundredth": 100, "thousandth": 10**3,
}  # fmt: skip
#: Words from 2 on, without those that are English words as well.
_FOREIGN: Final = (
    "zwei drei vier fünf sechs sieben acht neun zehn - zwölf dreizehn vierzehn fünfzehn sechzehn"
    " siebzehn achtzehn neunzehn",
    "deux trois quatre cinq six - huit neuf dix onze douze treize quatorze quinze - dix-sept"
    " dix-huit dix-neuf",
    "- tres cuatro cinco seis siete ocho nueve diez - doce trece catorce quince dieciséis"
    " diecisiete dieciocho diecinueve",
    "- tre quattro cinque - sette - nove dieci undici dodici tredici quattordici quindici"
    " sedici diciassette diciotto diciannove",
    "dois três quatro - - - oito - dez - - treze - - dezesseis dezessete dezoito dezenove",
    "twee drie - vijf zes zeven - negen tien - twaalf dertien veertien vijftien zestien zeventien"
    " achttien negentien",
)
_FOREIGN_TENS: Final = (
    "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "vingt trente quarante cinquante soixante",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "vinte trinta quarenta - - - oitenta",
    "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
)
_GERMAN_ONES: Final = words_of("ein zwei drei vier fünf sechs sieben acht neun")
_VALUES: Final = (
    {word: n for n, word in enumerate(_ONES)}
    | {word: 10 * n for n, word in enumerate(_TENS, 2)}
    | {word: n for n, word in enumerate(_ORDINALS, 3)}
    | {f"{word[:-1]}ieth": 10 * n for n, word in enumerate(_TENS, 2)}
)
_OTHER_VALUES: Final = (
    {w: n for words in _FOREIGN for n, w in enumerate(words.split(), 2) if w != "-"}
    | {w: 10 * n for words in _FOREIGN_TENS for n, w in enumerate(words.split(), 2) if w != "-"}
    | {
        f"{one}und{ten}": 10 * n + place
        for n, ten in enumerate(_FOREIGN_TENS[0].split(), 2)
        for place, one in enumerate(_GERMAN_ONES, 1)
    }
    | {"hundert": 100, "tausend": 1000, "mille": 1000}
)
_TIMES: Final = {"twice": 2, "thrice": 3}
#: Words that state an amount without a number: only a text with the same word supports them.
_VAGUE: Final = frozenset(
    words_of(
        "dozen dozens hundreds thousands millions billions half halved halves doubled double"
        " tripled triple quadruple quadrupled couple pair thirds quarters handful"
        " umpteen dutzend douzaine docena tenfold hundredfold thousandfold manifold"
    )
) | {f"{word}fold" for word in (*_ONES[1:], *_TENS)}
_ALL: Final = "|".join(sorted((*_VALUES, *_SCALES), key=len, reverse=True))
_OTHERS: Final = "|".join(sorted(_OTHER_VALUES, key=len, reverse=True))
_NUMERAL = re.compile(
    rf"\b(?<![-'])(?<!\d )(?:(?:{_ALL})(?:(?:[- ]| and )(?:{_ALL}))*|{_OTHERS}|twice|thrice)"
    r"(?![-'](?!\w))\b",
    re.I,
)
#: A factor, and not a number of events.
_FACTOR = re.compile(r"\b(?P<word>twice|thrice)(?= (?:as|the)\b)", re.I)
#: Not the unit of time: the second attempt, a second writer.
_SECOND = re.compile(
    r"\b(?P<before>a|an|her|his|its|our|that|the|their|this) second"
    r"(?= (?!(?:after|and|at|before|for|in|is|later|of|on|or|per|to|was|when)\b)[^\W\d_])",
    re.I,
)
_FRACTION = re.compile(
    r"\b(?:an?|one|two|three|four|\d)[- ](?:third|quarter|fifth|sixth|eighth|tenth|hundredth)s?"
    r"(?= of\b)",
    re.I,
)
#: "one" is often not a number: one of the tests, one another, no one.
_PRONOUN = re.compile(r"\b(?:no one|one (?:of|another))\b", re.I)


def is_numeral(word: str) -> bool:
    """Return True if a word, in any case, states a number or an amount."""
    folded = word.lower()
    parts = folded.split("-")
    return any(folded in words for words in (_VAGUE, _OTHER_VALUES, _TIMES)) or all(
        part in _VALUES or part in _SCALES for part in parts
    )


def vague_amounts(text: str) -> list[str]:
    """Return the words of a text that state an amount without a number, and its fractions."""
    words = re.findall(r"[^\W\d_]+", text)
    return [w for w in words if w.lower() in _VAGUE] + _FRACTION.findall(text)


def in_digits(text: str) -> str:
    """Return a text with its number words as digits; ordinals lose their ending."""
    text = _FACTOR.sub(lambda m: f"{_TIMES[m['word'].lower()]} x", text)
    return _NUMERAL.sub(_digits, _SECOND.sub(r"\g<before> 2nd", _PRONOUN.sub(" ", text)))


def _digits(m: re.Match[str]) -> str:
    whole = m[0].lower()
    if whole in _TIMES:
        return f"{_TIMES[whole]} times"
    if whole in _OTHER_VALUES:
        return str(_OTHER_VALUES[whole])
    total = current = 0
    for word in re.split(r"[- ]+", whole):
        if word in _SCALES:
            current = max(1, current) * _SCALES[word]
            if _SCALES[word] > 100:
                total, current = total + current, 0
        else:
            current += _VALUES.get(word, 0)
    return str(total + current)
