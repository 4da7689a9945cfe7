"""The evidence for a claim of a model: the texts and figures of the sessions that it cites.

1. Texts are compared in one form (`plain`): composed characters, straight quotation marks, no
   format characters. So no zero-width character makes a new text equal to an old one.
2. Keys, dates and times in texts are removed before numbers are searched: the digits of a key are
   not a number that a session states.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.names import UNNAMED
from codec.records import Session
from codec.shown_text import shown

#: Numbers of the deterministic part, each with the words that may be next to it.
Figures = Mapping[Decimal, frozenset[str]]

_QUOTES: Final = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»‹›「」『』″〝〞＂", '"'),
        **dict.fromkeys("‘’‚‛′ʼ＇", "'"),
        **dict.fromkeys("‐‑−", "-"),
        **dict.fromkeys("–—―", " - "),
    }
)
_SPACE = re.compile(r"\s+")
#: Keys, dates and times of day, whose digits are not numbers.
MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?Z?)?(?:\.[0-9a-f]{6,64})?|\b\d{1,2}:\d\d(?::\d\d)?\b"
)
#: A run of connected characters: a word, an identifier, a path, a number.
TOKEN: Final = re.compile(r"[^\s()\[\]{}<>;:!?\"`,]+(?:[:,][^\s()\[\]{}<>;:!?\"`,]+)*")
EDGES: Final = ".,'-/…*|"
_WORD = re.compile(r"[^\W_]+")
NUMBER: Final = re.compile(r"\d+(?:[,_']\d{3})*(?:\.\d+)?")
_PERCENT = re.compile(rf"({NUMBER.pattern})\s*(?:%|per ?cent\b)")

SESSION_WORDS: Final = frozenset(
    ["session", "sessions", "task", "tasks", "time", "times", "attempt", "attempts", "run", "runs"]
)
_LINES: Final = "line lines loc"
#: The words that may be next to a sum, in the order of the fields of `Metrics`.
METRIC_WORDS: Final = (
    frozenset(f"{_LINES} added new".split()),
    frozenset(f"{_LINES} removed deleted".split()),
    frozenset(["commit", "commits"]),
    frozenset(["minute", "minutes", "min", "mins"]),
    frozenset(["token", "tokens"]),
)


class Evidence(NamedTuple):
    """The content of the sessions that a claim cites.

    Attributes:
        keys: the cited keys.
        lines: their texts, each in its plain form.
        tokens, words: the tokens and words of the texts, in lower case.
        numbers, percentages: the numbers and percentages in the texts and the metrics.
        figures: the figures of the deterministic part.
    """

    keys: tuple[Key, ...]
    lines: tuple[str, ...]
    tokens: frozenset[str]
    words: frozenset[str]
    numbers: frozenset[Decimal]
    percentages: frozenset[Decimal]
    figures: Figures

    @property
    def days(self) -> frozenset[str]:
        """Return the days of the cited sessions."""
        return frozenset(key[:10] for key in self.keys)

    def says(self, text: str) -> bool:
        """Return True if a text of the cited sessions contains the words, in any case."""
        wanted = text.casefold()
        return any(wanted in line.casefold() for line in self.lines)


def evidence_of(sessions: Iterable[Session], figures: Figures) -> Evidence:
    """Return the evidence from sessions and from the figures of the deterministic part."""
    cited = list(sessions)
    lines = [plain(text) for session in cited for text in _texts(session)]
    stated = [MOMENT.sub(" ", line) for line in lines]
    metrics = {Decimal(value) for s in cited for value in s.metrics[:5] if isinstance(value, int)}
    folded = [line.casefold() for line in lines]
    return Evidence(
        keys=tuple(dict.fromkeys(s.key for s in cited)),
        lines=tuple(lines),
        tokens=frozenset(token for line in folded for token in tokens_of(line)),
        words=frozenset(word for line in folded for word in _WORD.findall(line)),
        numbers=frozenset(value_of(n) for text in stated for n in NUMBER.findall(text)) | metrics,
        percentages=frozenset(value_of(n) for text in stated for n in _PERCENT.findall(text)),
        figures={**figures, **_sums(cited, figures)},
    )


def plain(text: str) -> str:
    """Return a text in the form in which texts are compared."""
    composed = unicodedata.normalize("NFKC", shown(text.translate(_QUOTES)))
    return _SPACE.sub(" ", composed.translate(_QUOTES)).strip()


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a text, without punctuation at their edges."""
    return [token for m in TOKEN.finditer(text) if (token := m[0].strip(EDGES))]


def value_of(number: str) -> Decimal:
    """Return the value of a number in a text."""
    return Decimal(re.sub(r"[,_']", "", number)).normalize()


def _texts(session: Session) -> list[str]:
    texts = (session.agent, session.task, session.status, session.remark, session.title)
    return [text for text in (*texts, session.notes) if text and text != UNNAMED]


def _sums(sessions: list[Session], figures: Figures) -> dict[Decimal, frozenset[str]]:
    """Return the words allowed beside the session count and the metric sums, by number."""
    found: dict[Decimal, frozenset[str]] = {}
    sums = [(len(sessions), SESSION_WORDS)]
    for place, words in enumerate(METRIC_WORDS):
        known = [s.metrics[place] for s in sessions]
        sums.append((sum(v for v in known if isinstance(v, int)), words))
    for value, words in sums:
        number = Decimal(value)
        found[number] = found.get(number, figures.get(number, frozenset())) | words
    return found
