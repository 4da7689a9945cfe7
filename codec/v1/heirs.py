"""Find the entries of a v1 log that are edited versions of known sessions.

1. Only a session whose entry vanished from the log can have an heir, and at most one.
2. An heir has the time of the session. Of several candidates the best match counts: agent and
   task; agent and title or content; agent and time of day; agent, or time of day, and most words.
3. The result depends only on the sessions and the entries, so two clones find the same heirs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from codec.names import UNNAMED
from codec.records import Session

_WORD: Final = re.compile(r"\w+")
#: The share of the words of the shorter text that two similar texts have in common.
_SIMILAR: Final = 0.5


def heirs_of(
    vanished: Iterable[Session],
    appeared: Iterable[Session],
    may_be: Callable[[str, str], bool] = lambda _old, _new: True,
) -> dict[str, Session]:
    """Match changed entries to vanished sessions; return the sessions by the hash of the entry.

    Args:
        vanished: the sessions whose entries the log no longer has.
        appeared: the sessions of entries that may be new versions of them.
        may_be: returns True if two entries, an older and a newer one, given by hash, can be one
            session.
    """
    by_time: defaultdict[str, list[Session]] = defaultdict(list)
    for session in vanished:
        by_time[session.time].append(session)
    fits: list[tuple[int, float, str, str]] = []
    known: dict[str, Session] = {}
    for new in appeared if by_time else ():
        for old in by_time.get(new.time, ()):
            name = entry_of(old)
            known[name] = old
            grade, share = _fit(old, new)
            if grade and may_be(name, entry_of(new)):
                fits.append((-grade, -share, name, entry_of(new)))
    heirs: dict[str, Session] = {}
    taken: set[str] = set()
    for _, _, name, entry in sorted(fits):
        if name not in taken and entry not in heirs:
            taken.add(name)
            heirs[entry] = known[name]
    return heirs


def entry_of(session: Session) -> str:
    """Return the hash of a migrated session's entry; empty for another session."""
    return session.v1.sha256 if session.v1 is not None else ""


def _fit(old: Session, new: Session) -> tuple[int, float]:
    """Return the rank of an entry as a session's new version (0: no match), and the similarity."""
    share = _likeness(old, new)
    same_agent, is_exact = old.agent == new.agent, "T" in old.time
    if same_agent and old.task == new.task and (is_exact or old.task != UNNAMED):
        return 4, share
    if same_agent and (_same_title(old, new) or _same_content(old, new)):
        return 3, share
    if same_agent and is_exact:
        return 2, share
    if (same_agent or is_exact) and share >= _SIMILAR:
        return 1, share
    return 0, share


def _same_title(old: Session, new: Session) -> bool:
    return bool(old.title) and old.title == new.title


def _same_content(old: Session, new: Session) -> bool:
    """Return True if two sessions have the same texts and diff, and these are not empty."""
    texts = (old.notes, old.remark, old.patch)
    return any(texts) and texts == (new.notes, new.remark, new.patch)


def _likeness(old: Session, new: Session) -> float:
    """Return the share of the shorter text's words that both have; 1.0 for the same diff."""
    if old.patch is not None and old.patch == new.patch:
        return 1.0
    first, second = (set(_WORD.findall(f"{s.title} {s.notes}".lower())) for s in (old, new))
    least = min(len(first), len(second))
    return len(first & second) / least if least else 0.0
