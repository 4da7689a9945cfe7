"""Recognize words beside the date of a heading that are not a title.

Session numbers, zones, weekdays, parts of the day, and words such as "continued".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from codec.lazy_pattern import LazyPattern
from codec.v1.date_patterns import any_of
from codec.v1.date_words import (
    AMBIGUOUS_ZONES,
    CONTINUED,
    DAY_PARTS,
    OTHER_ZONES,
    WEEKDAYS,
    WORD_ZONES,
    ZONES,
)

_SESSION_WORDS: Final = (
    "Session|Sitzung|Sesi[óo]n|Sessione|Sess[ãa]o|S[ée]ance|Sessie|Сессия|Сеанс|Сесія|Sesja|会话|會話|"
    "セッション|세션|Entry|Eintrag|Entrée|Entrada|Voce|Запись|Запис|Log|Run|Lauf|Iteration|Itération|"
    "Iteraci[óo]n|Itera[çc][ãa]o|Iterazione|Iteratie|Итерация|Ітерація|迭代|イテレーション|반복|Loop|Update|"
    "Checkpoint|Day|Date|Tag|Jour|D[ií]a|Giorno|День|Datum|Fecha|Data|日期|日付|날짜|Дата|Turn|Round|"
    "Runde|Cycle"
)
_NUMBER: Final = r"(?:#|No\.?|Nr\.?|N[°º]\.?|№|number)?\s*\d+[a-z]?(?:[./]\d+)?"
#: The words with which a log numbers its sessions; they are not a task.
SESSION_WORD: Final = (
    r"(?:(?:(?:Agent|Work|Coding|Daily|Dev|Development|Claude|Codex|Ralph)\s+|Arbeits|Dev-)?"
    rf"(?:{_SESSION_WORDS})(?:\s+Log)?(?:\s*{_NUMBER}|\s+[A-Z](?=\s*(?:[|:–—(\[（]|-\s|$)))?"
    rf"|Session\s+(?:Update|Notes?|Summary|Report|Recap|Handoff|Start|End)(?:\s*{_NUMBER})?"
    r"|第\s*[\d一二三四五六七八九十]+\s*(?:次|回|轮|輪)?\s*(?:会话|會話|对话|迭代|セッション|작업|天|日)?"
    r"|(?:제\s*)?\d+\s*(?:번째\s*세션|회차|차\s*세션)|#\s*\d+|S\d{1,3})"
)

_COUNTED: Final = LazyPattern(SESSION_WORD, re.I)
_ZONE: Final = LazyPattern(
    rf"(?:{'|'.join([*ZONES, *WORD_ZONES, *AMBIGUOUS_ZONES, *OTHER_ZONES.split()])}"
    r"|(?:UTC|GMT)\s?[+\-−]\d{1,2}(?::?\d{2})?|[A-Z][a-z]+/[A-Z][A-Za-z_]+|local|local time)"
)
_DAY: Final = LazyPattern(any_of(WEEKDAYS.split()), re.I)
_DIGITS = re.compile(r"\d{1,4}")
_CONTINUED: Final = LazyPattern(
    rf"(?:session\s+)?(?:{any_of(CONTINUED.split())})\.?(?:\s+\d{{1,2}})?"
    r"|(?:part|pt\.?|teil|partie|parte|deel|часть)\s*\d{1,2}",
    re.I,
)
#: Remarks beside a date that are not a title: a part of the day, or that a session went on.
_BESIDE_DATE: Final = LazyPattern(
    r"(?:(?:early|late|later|früher|später|tôt|tard|поздний|ранний)\s+)?"
    rf"(?:{any_of(DAY_PARTS.split())})(?:\s?\d{{1,2}})?(?:\s+session)?"
    rf"|{_CONTINUED.source}",
    re.I,
)
#: Text up to a bracket that does not close an item such as `a)` or a smiley.
_UNOPENED: Final = LazyPattern(
    rf"(?:(?:{SESSION_WORD})|"
    r"[^()\[\]（）【】]{0,80}(?<!\s[\w:;])(?<!\A\w)(?<!\A\d\d)(?<!\s\d\d))[)\]）】][\s:：–—·|-]*",
    re.I,
)


@lru_cache(maxsize=4096)
def says_nothing(text: str) -> bool:
    """Return True for a session number, a zone, a weekday, or "continued"."""
    return any(p.fullmatch(text) for p in (_COUNTED, _ZONE, _DAY, _DIGITS, _CONTINUED))


@lru_cache(maxsize=4096)
def is_beside_date(text: str) -> bool:
    """Return True for a part of the day, "continued", or a word with the number of a session."""
    is_number = not text.isdigit() and any(map(str.isdigit, text))
    return _BESIDE_DATE.fullmatch(text) is not None or (is_number and says_nothing(text))


def remark_end(text: str) -> int:
    """Return the end of a remark whose bracket opens before the text, else 0."""
    m = _UNOPENED.match(text) if ")" in text or "]" in text or "）" in text else None
    return m.end() if m else 0
