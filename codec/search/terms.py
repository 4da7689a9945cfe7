"""Split text into terms, by which it is found.

1. A term is a run of letters and digits in lower case, without accents.
2. An identifier is found as a whole and by its parts: `readManifest`, `read_manifest` and
   `pipelines/read-manifest.py` all have the terms `read` and `manifest`.
3. Chinese, Japanese and Korean text has no spaces: its terms are pairs of neighbouring characters.
4. Questions and texts are split by the same rules. Common words are left out of a question if it
   has other words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_CJK: Final = "\u2e80-\u2fff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
#: Compiled where it is used: most texts are ASCII, and compiling large sets takes milliseconds.
_WORD: Final = rf"(?P<cjk>[{_CJK}]+)|(?P<word>[^\W{_CJK}]+)"
_ASCII_WORD: Final = re.compile(r"(?P<cjk>(?!))|(?P<word>\w+)", re.ASCII)
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
#: The characters between the words of an identifier or a path.
_JOINED: Final = re.compile(r"[\w]+(?:[./:-]+[\w]+)+|\w*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*")
#: Longer runs of characters are data, not words.
LONGEST: Final = 64
_ENGLISH: Final = (
    "a about all an and are as at be been but by can could did do does for from had has have how i"
    " in is it its me my not of on or our that the their then there these they this those to us was"
    " we were what when where which who why will with would you"
)
_GERMAN: Final = (
    "aber als am auch auf aus bei bin bis da damit das dass dem den der des die dies diese doch"
    " durch ein eine einem einen einer es fur hat hatte haben ich ihr im in ist ja kann man mit"
    " nach nicht noch nur ob oder sein sich sie sind so uber um und uns vom von vor war waren warum"
    " was wegen wenn wer werden wie wieder wir wird wo wurde wurden zu zum zur"
)
_COMMON: Final = frozenset(f"{_ENGLISH} {_GERMAN}".split())


def terms_of(text: str) -> Iterator[str]:
    """Yield the terms of a text, in order; a word may have several."""
    found = _ASCII_WORD.finditer(text) if text.isascii() else re.finditer(_WORD, _plain(text))
    for m in found:
        run = m["cjk"]
        if run is not None:
            yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
            continue
        word = m["word"]
        if len(word) > LONGEST:
            continue
        whole = word.lower().strip("_")
        if whole.isalpha() and (word.islower() or word.isupper() or word.istitle()):
            yield whole
            continue
        parts = [part.lower() for part in _PART.findall(word)]
        if whole:
            yield whole.replace("_", "")
        if len(parts) > 1:
            yield from parts


def question_terms(text: str) -> list[str]:
    """Return the terms of a question, each once, without common words if it has others."""
    terms = list(dict.fromkeys(terms_of(text)))
    return [t for t in terms if t not in _COMMON and len(t) > 1] or terms


def is_code(text: str) -> bool:
    """Return True if a text has identifiers or paths."""
    return _JOINED.search(text) is not None


def _plain(text: str) -> str:
    """Return a text without accents, and with one form for each character."""
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFKC", "".join(c for c in decomposed if not _is_accent(c)))


def _is_accent(c: str) -> bool:
    return "\u0300" <= c <= "\u036f"
