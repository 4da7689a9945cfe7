"""Match sessions with rewritten commits by the lines that they add to a file.

1. Only distinctive lines are evidence: they have a word that is neither short nor a keyword, the
   diffs of only one session add them, and only one commit of the history adds them. So braces,
   blank lines, `return None`, lines of two sessions and repeated lines are not evidence.
2. A session is matched with the commits whose distinctive lines are all its own, and with the
   commits that have most of its lines, at least half. Together they must have at least half of its
   lines, so work that was dropped and partly written again by somebody else is not matched.
3. A line of such a commit is the session's if it is distinctive. A diff may show another brace as
   the added one, and a squash has the braces of several sessions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from codec.patches.changes import FileChange
from codec.records import Session
from pipelines.search.evidence.file_history import Step

#: The share of a session's distinctive lines that must be among those of its commits.
_ENOUGH: Final = 0.5
#: A word of at least three letters or digits; in other scripts than ASCII, one letter is enough.
_WORD: Final = re.compile(rb"(?=[0-9_]*[A-Za-z])[0-9A-Za-z_]{3,}|[\x80-\xff]+")
#: Words that are common in the lines of many files.
_KEYWORDS: Final = frozenset(
    b"begin body break case catch continue default div done elif else elsif end endif ensure esac"
    b" except export false finally for head html link meta nil none null pass private public return"
    b" span static table tbody then this true try ul undefined while yield".split()
)


class Candidate(NamedTuple):
    """A session, and the change of the file in its diff."""

    session: Session
    change: FileChange


class Hunks:
    """The distinctive lines of a file, and the sessions and commits that add them."""

    def __init__(self, candidates: Iterable[Candidate], history: Iterable[Step]) -> None:
        """Compare the diffs of all sessions that change a file with its history."""
        self._mine: dict[str, set[bytes]] = {}
        for session, change in candidates:
            self._mine.setdefault(session.key, set()).update(_added(change))
        theirs = [(step.commit, Counter(_added(step.change))) for step in history]
        self._sessions = Counter(text for texts in self._mine.values() for text in texts)
        self._times = Counter(text for _, texts in theirs for text in texts.elements())
        self._once = {
            commit: {text for text in texts if self._times[text] == 1 and has_words(text)}
            for commit, texts in theirs
        }

    def adds(self, session: str, text: bytes) -> bool:
        """Return True if the diff of a session adds a line with this text."""
        return _plain(text) in self._mine[session]

    def commits(self, session: str) -> list[str]:
        """Return the commits that a session is matched with, in the order of the history."""
        mine = {text for text in self._mine[session] if self._is_own(text)}
        shared = {commit: len(mine & once) for commit, once in self._once.items()}
        best = max(shared.values(), default=0)
        found = [
            commit
            for commit, count in shared.items()
            if count and (self._once[commit] <= mine or count == best >= _ENOUGH * len(mine))
        ]
        return found if sum(shared[c] for c in found) >= _ENOUGH * len(mine) else []

    def is_line_of(self, session: str, commit: str, text: bytes) -> bool:
        """Return True if a line of a commit is distinctive, and a session adds it."""
        text = _plain(text)
        return text in self._once[commit] and self.adds(session, text) and self._is_own(text)

    def is_new(self, text: bytes) -> bool:
        """Return True if an uncommitted line is distinctive: no commit adds it."""
        plain = _plain(text)
        return has_words(plain) and not self._times[plain] and self._sessions[plain] == 1

    def _is_own(self, text: bytes) -> bool:
        return has_words(text) and self._sessions[text] == 1 and self._times[text] <= 1


def has_words(text: bytes) -> bool:
    """Return True if a line has a distinctive word: not only braces and keywords."""
    return any(word.lower() not in _KEYWORDS for word in _WORD.findall(text))


def _added(change: FileChange) -> list[bytes]:
    return [_plain(line.text) for line in change.lines if line.mark == "+"]


def _plain(text: bytes) -> bytes:
    """Return a line without white space at its end, which git and editors change."""
    return text.rstrip()
