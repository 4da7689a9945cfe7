"""Collect decisions, lessons, blockers and next steps from notes, each once.

1. Notes are one line; other texts than plain notes follow their name, `Decisions: ...`, as the
   reader of v1 logs and agents write them. Plain notes are lessons.
2. Texts that differ only in case, punctuation and small words count as one. It has the newest
   wording, and the keys of all sessions with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import filterfalse
from typing import Final, Literal, NamedTuple, cast

from codec.kinds import Key
from codec.records import Session

Kind = Literal["decisions", "lessons", "blockers", "next"]
_NAMES: Final = {
    "decision": "decisions", "decisions": "decisions", "decided": "decisions",
    "blocker": "blockers", "blockers": "blockers", "blocked": "blockers",
    "escalation": "blockers", "next": "next", "next steps": "next",
    "lesson": "lessons", "lessons": "lessons", "learned": "lessons",
    "lessons learned": "lessons",
}  # fmt: skip
_LABEL = re.compile(
    rf"(?:^|(?<=[.;!?…])\s+)(?P<name>{'|'.join(sorted(_NAMES, key=len, reverse=True))}):\s+", re.I
)
_WORD = re.compile(r"\w+")
#: For ASCII: spaces replace all characters that are not part of words, except line ends.
_SPACES: Final = {
    n: " " for n in range(128) if not (chr(n).isalnum() or chr(n) == "_" or chr(n) == "\n")
}
_SMALL: Final = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by for from in is it of on or that the this to was we were with",
    )
)


class Said(NamedTuple):
    """A text, and the keys of its sessions, oldest first."""

    text: str
    keys: tuple[Key, ...]


def said_in(sessions: Iterable[Session]) -> dict[Kind, list[Said]]:
    """Return the statements in notes by kind, the most frequent first, then the newest.

    Args:
        sessions: the sessions, oldest first.
    """
    found: dict[Kind, dict[tuple[str, ...], Said]] = {
        "decisions": {}, "lessons": {}, "blockers": {}, "next": {},
    }  # fmt: skip
    parts = [(s.key, kind, text) for s in sessions for kind, text in parts_of(s.notes)]
    for (key, kind, text), words in zip(parts, _words([p[2] for p in parts]), strict=True):
        if not words:
            continue
        keys: tuple[Key, ...] = (key,)
        if before := found[kind].pop(words, None):
            keys = tuple(dict.fromkeys((*before.keys, key)))
        found[kind][words] = Said(text, keys)
    ordered: dict[Kind, list[Said]] = {}
    for kind, texts in found.items():
        newest_first = list(reversed(texts.values()))
        ordered[kind] = sorted(newest_first, key=lambda s: -len(s.keys))
    return ordered


def _words(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the words that distinguish each text from others, in order.

    Many short texts are converted as one: each call costs more than the text.
    """
    together = "\n".join(texts).casefold()
    if together.isascii() and together.count("\n") == len(texts) - 1:
        words: Iterable[list[str]] = map(str.split, together.translate(_SPACES).split("\n"))
    else:
        words = (_WORD.findall(text.casefold()) for text in texts)
    for each in words:
        yield tuple(filterfalse(_SMALL.__contains__, each))


def parts_of(notes: str) -> list[tuple[Kind, str]]:
    """Return the parts of notes, each with its kind."""
    if ":" not in notes:
        text = notes.strip(" ;")
        return [("lessons", text)] if text else []
    parts: list[tuple[Kind, str]] = []
    kind, at = "lessons", 0
    for m in _LABEL.finditer(notes):
        parts.append((cast(Kind, kind), notes[at : m.start()]))
        kind, at = _NAMES[m["name"].lower()], m.end()
    parts.append((cast(Kind, kind), notes[at:]))
    return [(k, text.strip(" ;")) for k, text in parts if text.strip(" ;")]
