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
from codec.summaries.amounts import amounts_in, tokens_of
from codec.summaries.word_lists import words_of

#: Numbers of the deterministic part, each with the words that may be next to it.
Figures = Mapping[Decimal, frozenset[str]]

_QUOTES: Final = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»‹›「」『』｢｣″〝〞＂❝❞《》〈〉❮❯", '"'),
        **dict.fromkeys("‘’‚‛′ʼ＇❛❜´", "'"),
        **dict.fromkeys("‐‑−", "-"),
        **dict.fromkeys("–—―", " - "),
    }
)
#: White space, control characters, and halves of characters, which no file can contain.
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
#: Keys, dates and times of day, whose digits are not numbers.
MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?Z?)?(?:\.[0-9a-f]{6,64})?|\b\d{1,2}:\d\d(?::\d\d)?\b"
)
_WORD = re.compile(r"[^\W_]+")

SESSION_WORDS: Final = frozenset(
    ["session", "sessions", "task", "tasks", "time", "times", "attempt", "attempts", "run", "runs"]
)
_LINES: Final = "line lines loc"
#: The words that may be next to a sum, in the order of the fields of `Metrics`.
ADDED: Final = frozenset(words_of("add added adding adds addition additions insertions new wrote"))
REMOVED: Final = frozenset(
    words_of(
        "remove removed removes removing removal removals delete deleted deletes deleting deletions"
        " dropped"
    )
)
METRIC_WORDS: Final = (
    frozenset(_LINES.split()) | ADDED,
    frozenset(_LINES.split()) | REMOVED,
    frozenset(["commit", "commits"]),
    frozenset(["minute", "minutes", "min", "mins"]),
    frozenset(["token", "tokens"]),
)
_HOURS: Final = frozenset(["hour", "hours", "h", "hr", "hrs"])


class Evidence(NamedTuple):
    """The content of the sessions that a claim cites.

    Attributes:
        keys: the cited keys.
        lines: their texts, each in its plain form.
        tokens, words: the tokens and words of the texts, in lower case.
        amounts: the numbers in the texts, each with the kind of its unit.
        agents: the names of the agents as people write them.
        figures: the metrics of the sessions, their sums, and the figures of the deterministic part.
    """

    keys: tuple[Key, ...]
    lines: tuple[str, ...]
    tokens: frozenset[str]
    words: frozenset[str]
    amounts: frozenset[tuple[Decimal, str]]
    agents: tuple[str, ...]
    figures: Figures

    @property
    def days(self) -> frozenset[str]:
        """Return the days of the cited sessions."""
        return frozenset(key[:10] for key in self.keys)

    def says(self, text: str) -> bool:
        """Return True if a text of the cited sessions contains the words, in any case."""
        wanted = text.casefold()
        return any(wanted in line.casefold() for line in self.lines)

    def quotes(self, text: str) -> bool:
        """Return True if a cited key or text contains these whole words, in any case."""
        return _has_words(text, (*self.keys, *self.lines))

    def names_agent(self, text: str) -> bool:
        """Return True if the name of an agent contains these whole words, as people write it."""
        return _has_words(text, self.agents)


def evidence_of(sessions: Iterable[Session], figures: Figures) -> Evidence:
    """Return the evidence from sessions and from the figures of the deterministic part."""
    cited = list(sessions)
    told = [plain(text) for session in cited for text in _texts(session)]
    stated = [MOMENT.sub(" ", line) for line in told]
    agents = tuple({_spoken(session.agent): None for session in cited})
    lines = [*told, *agents]
    folded = [line.casefold() for line in lines]
    return Evidence(
        keys=tuple(dict.fromkeys(s.key for s in cited)),
        lines=tuple(lines),
        tokens=frozenset(token for line in folded for token in tokens_of(line)),
        words=frozenset(word for line in folded for word in _WORD.findall(line)),
        amounts=frozenset((a.value, a.kind) for text in stated for a in amounts_in(text)),
        agents=agents,
        figures=_with_metrics(figures, cited),
    )


def plain(text: str) -> str:
    """Return a text in the form in which texts are compared."""
    composed = unicodedata.normalize("NFKC", shown(text.translate(_QUOTES)))
    return _SPACE.sub(" ", composed.translate(_QUOTES)).strip()


def metric_figures(place: int, value: int) -> list[tuple[Decimal, frozenset[str]]]:
    """Return a metric as figures: the number, and the words that may be next to it.

    Args:
        place: the place of the field in `Metrics`.
        value: the value of the field, or a sum.
    """
    words = METRIC_WORDS[place]
    found = [(Decimal(value).normalize(), words)]
    if "minutes" in words and value % 6 == 0:  # 90 minutes are 1.5 hours
        found.append(((Decimal(value) / 60).normalize(), _HOURS))
    return found


def _has_words(text: str, lines: Iterable[str]) -> bool:
    pattern = re.compile(rf"(?<!\w){re.escape(text.casefold())}(?!\w|[.,-]\d)")
    return any(pattern.search(line.casefold()) for line in lines)


def _spoken(agent: str) -> str:
    """Return an agent's name as people write it: claude-sonnet-4-5 is Claude Sonnet 4.5."""
    return re.sub(r"(?<=\d)-(?=\d)", ".", agent).replace("-", " ")


def _texts(session: Session) -> list[str]:
    texts = (session.agent, session.task, session.status, session.remark, session.title)
    return [text for text in (*texts, session.notes) if text and text != UNNAMED]


def _with_metrics(figures: Figures, sessions: list[Session]) -> Figures:
    """Return figures with the metrics of sessions, their sums, and the number of sessions."""
    found = dict(figures)
    more = [(Decimal(len(sessions)), SESSION_WORDS)]
    for place in range(len(METRIC_WORDS)):
        known = [v for s in sessions if isinstance(v := s.metrics[place], int)]
        for value in {*known, sum(known)} if known else ():
            more += metric_figures(place, value)
    for number, words in more:
        found[number] = found.get(number, frozenset()) | words
    return found
